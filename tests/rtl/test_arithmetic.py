"""Rounding and saturation in hardware equal those of integers, exhaustively at small widths."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.hdl import Module, Shape, Signal, Value
from amaranth.sim import Simulator, SimulatorContext

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point import formats
from lmu_hw.fixed_point.formats import Overflow, QFormat, Rounding
from lmu_hw.rtl.primitives import arithmetic


def _evaluate(source: Signal, codes: list[int], results: list[Value]) -> list[list[int]]:
    """The value of every result for every code of `source`."""
    m = Module()
    outputs = [Signal(value.shape(), name=f"out_{k}") for k, value in enumerate(results)]
    m.d.comb += [output.eq(value) for output, value in zip(outputs, results, strict=True)]
    rows = []

    async def testbench(ctx: SimulatorContext) -> None:
        for code in codes:
            ctx.set(source, code)
            rows.append([ctx.get(output) for output in outputs])

    simulator = Simulator(m)
    simulator.add_testbench(testbench)
    simulator.run()
    return rows


def _all_codes(width: int, is_signed: bool) -> list[int]:
    return list(range(-(1 << (width - 1)), 1 << (width - 1)) if is_signed else range(1 << width))


@pytest.mark.parametrize("is_signed", [True, False], ids=["signed", "unsigned"])
@pytest.mark.parametrize("width", range(1, 7))
def test_round_shift_equals_the_integer_function(width: int, is_signed: bool) -> None:
    source = Signal(Shape(width, is_signed))
    cases = [(shift, rounding) for shift in range(-2, 9) for rounding in Rounding]
    codes = _all_codes(width, is_signed)
    rows = _evaluate(source, codes, [arithmetic.round_shift(source, s, r) for s, r in cases])
    for k, (shift, rounding) in enumerate(cases):
        expected = formats.round_shift(np.array(codes), shift, rounding).tolist()
        assert [row[k] for row in rows] == expected, (shift, rounding)


@pytest.mark.parametrize("is_signed", [True, False], ids=["signed", "unsigned"])
@pytest.mark.parametrize("width", range(1, 7))
def test_fit_equals_the_integer_function(width: int, is_signed: bool) -> None:
    source = Signal(Shape(width, is_signed))
    cases = [
        (QFormat(target, 0, target_signed), overflow)
        for target in range(1, 8)
        for target_signed in (True, False)
        for overflow in (Overflow.SATURATE, Overflow.WRAP)
    ]
    codes = _all_codes(width, is_signed)
    rows = _evaluate(source, codes, [arithmetic.fit(source, t, o) for t, o in cases])
    for k, (target, overflow) in enumerate(cases):
        expected = formats.fit(np.array(codes), target, overflow).tolist()
        assert [row[k] for row in rows] == expected, (target, overflow)


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("overflow", [Overflow.SATURATE, Overflow.WRAP])
def test_both_together_on_wide_words(rounding: Rounding, overflow: Overflow, rng: np.random.Generator) -> None:
    """60 bits to 17 with all bits in play: random codes, codes at ties and codes at the ends."""
    source, target, shift = Signal(Shape(60, True)), QFormat(17, 3), 40
    codes = rng.integers(-(1 << 59), 1 << 59, 60).tolist()
    ties = [(c << shift) + (1 << (shift - 1)) for c in rng.integers(-(1 << 18), 1 << 18, 30).tolist()]
    codes += [tie + beside for tie in ties for beside in (-1, 0, 1)]
    codes += [-(1 << 59), (1 << 59) - 1, -1, 0, 1, (1 << 56) - 1, 1 << 56, -(1 << 56), -(1 << 56) - 1]
    value = arithmetic.fit(arithmetic.round_shift(source, shift, rounding), target, overflow)
    rows = _evaluate(source, codes, [value])
    expected = formats.fit(formats.round_shift(np.array(codes), shift, rounding), target, overflow)
    assert [row[0] for row in rows] == expected.tolist()


def test_hardware_cannot_refuse_an_overflow() -> None:
    with pytest.raises(DesignError, match=r"^overflow must be saturate or wrap in hardware, got"):
        arithmetic.fit(Signal(8), QFormat(4, 0), Overflow.ERROR)


@pytest.mark.parametrize("is_signed", [True, False])
def test_extend_keeps_the_value(is_signed: bool) -> None:
    source = Signal(Shape(4, is_signed))
    codes = _all_codes(4, is_signed)
    wide = arithmetic.extend(source, 9)
    assert len(wide) == 9
    rows = _evaluate(source, codes, [wide.as_signed(), arithmetic.extend(source, 4)])
    assert [row[0] for row in rows] == codes
    assert [row[1] for row in rows] == [code % 16 for code in codes]


@pytest.mark.parametrize("is_signed", [True, False])
def test_times_is_a_product(is_signed: bool) -> None:
    source = Signal(Shape(4, is_signed))
    codes = _all_codes(4, is_signed)
    factors = [1, 2, 3, 5, 6, 7, 12, 13, 64, 100]
    rows = _evaluate(source, codes, [arithmetic.times(source, factor) for factor in factors])
    assert rows == [[code * factor for factor in factors] for code in codes]
