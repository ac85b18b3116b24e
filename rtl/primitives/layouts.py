"""The layouts of the payloads on the streams of a memory."""

from __future__ import annotations

from amaranth.hdl import signed
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.utils import ceil_log2

from lmu_hw.fixed_point.plan import MemoryPlan, ReadoutPlan


def index_width(count: int) -> int:
    """The width of a port that carries an index 0 … count − 1; at least 1, because a top module keeps all its ports."""
    return int(ceil_log2(count)) or 1


def sample_layout(bits: int) -> StructLayout:
    """The layout of a sample: `data`, its signed code, and the marks `first` and `last` of a sequence.

    Args:
        bits: The width of `data`.
    """
    return StructLayout({"data": signed(bits), "first": 1, "last": 1})


def beat_layout(plan: MemoryPlan, words: int, channels: int) -> StructLayout:
    """The layout of a beat of state words.

    `data` holds the words of successive states, the first in the lowest bits; `index` is the number of the first of
    these states, `channel` the channel of the sample that they answer, and `first` and `last` are the marks of that
    sample.

    Args:
        plan: The plan with the format of the words and the order.
        words: The number of words in `data`.
        channels: The number of channels.
    """
    return StructLayout(
        {
            "data": ArrayLayout(signed(plan.output_format.width), words),
            "index": index_width(plan.spec.order),
            "channel": index_width(channels),
            "first": 1,
            "last": 1,
        }
    )


def readout_layout(planned: ReadoutPlan, channels: int) -> StructLayout:
    """The layout of the readouts of a sample: `data`, one word for each delay, the sample's `channel` and its marks."""
    return StructLayout(
        {
            "data": ArrayLayout(signed(planned.format.width), len(planned.delays)),
            "channel": index_width(channels),
            "first": 1,
            "last": 1,
        }
    )
