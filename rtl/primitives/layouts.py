"""What travels on the streams of a memory."""

from __future__ import annotations

from amaranth.hdl import signed
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.utils import ceil_log2

from lmu_hw.fixed_point.plan import MemoryPlan, ReadoutPlan


def index_width(count: int) -> int:
    """Bits of a port that counts 0 … count − 1, at least 1: the ports of a top module are always there."""
    return int(ceil_log2(count)) or 1


def sample_layout(bits: int) -> StructLayout:
    """One sample: its code of so many bits, and whether it starts or ends a sequence."""
    return StructLayout({"data": signed(bits), "first": 1, "last": 1})


def beat_layout(plan: MemoryPlan, words: int, channels: int) -> StructLayout:
    """One beat: the words of so many successive states, the index of the first of them, channel and marks."""
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
    """All readouts of one sample, the channel that it belongs to, and its marks."""
    return StructLayout(
        {
            "data": ArrayLayout(signed(planned.format.width), len(planned.delays)),
            "channel": index_width(channels),
            "first": 1,
            "last": 1,
        }
    )
