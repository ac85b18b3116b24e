"""Pipelines by their stages: a component names its stages once, and every latency is a difference of two of them."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Self, TypeVar

from amaranth.hdl import Module, ShapeLike, Signal


class Stage(IntEnum):
    """The stages of a pipeline in their order, one clock cycle each; a subclass lists them.

    A member is written as `NAME = "what happens in this cycle"`. Its value counts from 0, so that
    `LATER - EARLIER` is the number of cycles, and of registers, between two stages.

    Attributes:
        text: what happens in the stage.
    """

    text: str

    def __new__(cls, text: str) -> Stage:
        member = int.__new__(cls, len(cls.__members__))
        member._value_ = len(cls.__members__)
        member.text = text
        return member

    def earlier(self, cycles: int) -> Self:
        """The stage so many cycles before this one."""
        return list(type(self))[self - cycles]


S = TypeVar("S", bound=Stage)


def carried(m: Module, shape: ShapeLike, stages: type[S], name: str, since: S | None = None) -> dict[S, Any]:
    """What travels down a pipeline together with the data: a signal for each stage.

    Args:
        m: where the registers are, in domain sync.
        shape: of what travels.
        stages: the pipeline.
        name: of what travels; the signals are `name`_STAGE.
        since: the stage in which it sets out, the first one by default.

    Returns:
        The signal of each stage from `since` on. The first one is the caller's to drive, the others are registers
        that hold what the stage before had in the cycle before.
    """
    at: dict[S, Any] = {}
    before = None
    for stage in list(stages)[since or 0 :]:
        at[stage] = Signal(shape, name=f"{name}_{stage.name.lower()}")
        if before is not None:
            m.d.sync += at[stage].eq(before)
        before = at[stage]
    return at
