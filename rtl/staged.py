"""Integers on their way through a pipeline: arithmetic on them places the operators and the registers.

Whatever `Increment.evaluate` writes with +, −, ·, << and >> becomes a pipeline in which every operator meets
operands of the same sample: a value knows the stage at which it is there, and is delayed to meet a later one.
Words are as wide as their certified range asks for, in affine arithmetic: the exact linear map from the
inputs, and a bound on what roundings and constants add to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from amaranth.hdl import Const, Signal, Value, ValueLike, signed

from lmu_hw.fixed_point.formats import signed_width
from lmu_hw.legendre import Array

ADDERS = 2
"""Adders in a row between two registers; a multiplier has a register on both sides."""

_SLACK = 1.0 + 1e-9  # of bounds that are computed in floating point


Registers = list[tuple[Signal, Value]]
"""What each register takes over at every clock edge."""


class Staged:
    """An integer that is there `stage` cycles after its sample was issued, as a signed value.

    Registers on the way are appended to `registers`.

    Attributes:
        value: the hardware value.
        stage: cycles from the issue of the sample.
        adders: adders between the last register and here.
    """

    def __init__(
        self, registers: Registers, value: Value, stage: int, adders: int, gains: Array, peaks: Array, error: float
    ) -> None:
        self._registers, self._gains, self._peaks, self._error = registers, gains, peaks, error
        width = signed_width(_SLACK * (float(np.abs(gains) @ peaks) + error) + 1.0)
        self.value = value[:width].as_signed() if len(value) > width else value
        self.stage, self.adders = stage, adders
        self._later: Staged | None = None
        self._origin: tuple[Staged, int] | None = None  # this is another one, shifted up

    def __add__(self, other: Staged | int) -> Staged:
        return self._sum(other, 1)

    def __sub__(self, other: Staged | int) -> Staged:
        return self._sum(other, -1)

    def __mul__(self, factor: int) -> Staged:
        if factor == 0:
            return self._made(Const(0, signed(1)), self.stage, 0, 0.0 * self._gains, 0.0)
        odd = factor // (factor & -factor)
        places = (factor // odd).bit_length() - 1
        if odd == 1:
            return self << places
        operand = self if self.adders == 0 else self.at(self.stage + 1)
        gains, error = odd * self._gains, abs(odd) * self._error
        return self._registered(operand.value * odd, operand.stage + 1, gains, error) << places

    def __lshift__(self, places: int) -> Staged:
        if places == 0:
            return self
        scale = 2.0**places
        made = self._made(self.value << places, self.stage, self.adders, scale * self._gains, scale * self._error)
        made._origin = (self, places)
        return made

    def __rshift__(self, places: int) -> Staged:
        """Towards −∞; what is dropped counts as an error of less than one."""
        scale = 2.0**-places
        gains, error = scale * self._gains, scale * self._error + (1.0 if places else 0.0)
        return self._made(self.value >> places, self.stage, self.adders, gains, error)

    def at(self, stage: int) -> Staged:
        """The same integer at `stage`, not earlier than its own, through as many registers as that takes."""
        if stage == self.stage:
            return self
        if self._origin is not None:
            origin, places = self._origin
            return origin.at(stage) << places
        if self._later is None:
            self._later = self._registered(self.value, self.stage + 1, self._gains, self._error)
        return self._later.at(stage)

    def _sum(self, other: Staged | int, sign: int) -> Staged:
        if isinstance(other, int):
            first = self if self.adders < ADDERS else self.at(self.stage + 1)
            value = first.value + sign * other
            return self._made(value, first.stage, first.adders + 1, self._gains, self._error + abs(other))
        stage = max(self.stage, other.stage)
        if max(each.at(stage).adders for each in (self, other)) >= ADDERS:
            stage += 1
        a, b = self.at(stage), other.at(stage)
        value = a.value + b.value if sign > 0 else a.value - b.value
        gains = self._gains + sign * other._gains
        return self._made(value, stage, max(a.adders, b.adders) + 1, gains, self._error + other._error)

    def _made(self, value: Value, stage: int, adders: int, gains: Array, error: float) -> Staged:
        return Staged(self._registers, value, stage, adders, gains, self._peaks, error)

    def _registered(self, value: Value, stage: int, gains: Array, error: float) -> Staged:
        unregistered = self._made(value, stage, 0, gains, error).value
        register = Signal(signed(len(unregistered)))
        self._registers.append((register, unregistered))
        return self._made(register, stage, 0, gains, error)


def staged_inputs(registers: Registers, values: Sequence[ValueLike], widths: Sequence[int]) -> list[Staged]:
    """Signed `values` of `widths` bits as integers at stage 0 that count as sums of one adder."""
    peaks = np.array([2.0 ** (width - 1) for width in widths])
    gains = np.eye(len(widths))
    return [Staged(registers, Value.cast(v), 0, 1, gain, peaks, 0.0) for v, gain in zip(values, gains, strict=True)]


def balanced(values: Sequence[Staged], least: int) -> tuple[list[Value], int]:
    """All values in registers at one stage of at least `least`, and that stage."""
    stage = max(least, *(each.stage + (each.adders > 0) for each in values))
    return [each.at(stage).value for each in values], stage
