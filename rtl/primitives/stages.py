"""Named pipeline stages: a component lists its stages once, and every latency is a difference of two of them."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Self, TypeVar

from amaranth.hdl import Module, ShapeLike, Signal


class Stage(IntEnum):
    """The stages of a pipeline in order, one clock cycle each; a subclass lists them.

    A member is written as `NAME = "what happens in this cycle"`. Its value is its position, counted from 0, so
    `LATER - EARLIER` is the number of cycles, and of registers, between two stages.

    Attributes:
        text: A description of what happens in the stage.
    """

    text: str

    def __new__(cls, text: str) -> Stage:
        member = int.__new__(cls, len(cls.__members__))
        member._value_ = len(cls.__members__)
        member.text = text
        return member

    def earlier(self, cycles: int) -> Self:
        """The stage that lies `cycles` cycles before this one."""
        return list(type(self))[self - cycles]


S = TypeVar("S", bound=Stage)
"""The stages of one pipeline."""


def carried(m: Module, shape: ShapeLike, stages: type[S], name: str, since: S | None = None) -> dict[S, Any]:
    """Carry side information down a pipeline beside the data: a signal for each stage.

    Args:
        m: The module that the registers are added to, in domain sync.
        shape: The shape of the information.
        stages: The stages of the pipeline.
        name: The stem of the signals' names, which are `name`_STAGE.
        since: The stage in which the information enters, by default the first one.

    Returns:
        The signal of each stage from `since` on. The first signal is to be driven by the caller; each of the others
        is a register that holds what the stage before it had in the cycle before.
    """
    at: dict[S, Any] = {}
    before = None
    for stage in list(stages)[since or 0 :]:
        at[stage] = Signal(shape, name=f"{name}_{stage.name.lower()}")
        if before is not None:
            m.d.sync += at[stage].eq(before)
        before = at[stage]
    return at
