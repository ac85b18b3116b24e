"""What travels on the streams of a memory."""

from __future__ import annotations

from amaranth.hdl import signed
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.utils import ceil_log2

from lmu_hw.plan import MemoryPlan, ReadoutPlan


def input_layout(bits: int) -> StructLayout:
    """One sample: its code of so many bits, and whether it starts or ends a sequence."""
    return StructLayout({"data": signed(bits), "first": 1, "last": 1})


def output_layout(plan: MemoryPlan, words: int, channels: int) -> StructLayout:
    """One beat: the words of so many successive states, the index of the first of them, flags and channel."""
    return StructLayout(
        {
            "data": ArrayLayout(signed(plan.output_format.width), words),
            "index": ceil_log2(plan.spec.order) or 1,
            "channel": ceil_log2(channels) or 1,
            "first": 1,
            "last": 1,
        }
    )


def readout_layout(planned: ReadoutPlan, channels: int) -> StructLayout:
    """All readouts of one sample, the channel that it belongs to, and its flags."""
    return StructLayout(
        {
            "data": ArrayLayout(signed(planned.format.width), len(planned.delays)),
            "channel": ceil_log2(channels) or 1,
            "first": 1,
            "last": 1,
        }
    )
