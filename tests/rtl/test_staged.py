"""Arithmetic on staged integers is the arithmetic of integers, a fixed number of cycles later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module, Signal, signed
from amaranth.sim import Simulator, SimulatorContext

from lmu_hw.fixed_point.datapaths import balanced_sum, requantise
from lmu_hw.rtl.memory.unrolled import ADDERS, Registers, balanced, staged_inputs

WIDTH = 6
Function = Callable[[list[Any]], list[Any]]

FUNCTIONS: dict[str, Function] = {
    "sums and differences": lambda v: [v[0] + v[1], v[0] - v[1], v[0] + 5, v[1] - 7, v[0] - v[0]],
    "products": lambda v: [v[0] * c for c in (0, 1, -1, 2, -8, 3, -5, 12, 100, -77)],
    "shifts": lambda v: [v[0] << 3, v[0] >> 2, (v[0] >> 1) << 1, v[0] << 0, v[0] >> 0, v[2] >> 9],
    "values of different age": lambda v: [(v[0] * 3) * 5 + v[1] - (v[2] << 2), v[2] * 7 - ((v[1] << 1) + v[0]) * 9],
    "a long sum": lambda v: [balanced_sum([v[k % 3] * (2 * k + 1) for k in range(9)]), v[0] + v[1] + v[2] + 1 + v[0]],
    "roundings": lambda v: [requantise(v[0] * 21 - v[1] * 5, fraction_bits) for fraction_bits in (1, 3, 8)],
    "a recurrence": lambda v: [v[1] - requantise((v[0] + v[2] - requantise(v[0] * 13, 4)) * 11, 3)],
}


def _evaluate(function: Function, samples: np.ndarray) -> tuple[list[list[int]], int, Registers]:
    """Results for each sample, one a cycle; how many cycles later; and the registers on the way."""
    m = Module()
    sources = [Signal(signed(WIDTH), name=f"source_{k}") for k in range(3)]
    registers: Registers = []
    values, latency = balanced(function(staged_inputs(registers, sources, [WIDTH] * 3)), least=0)
    m.d.sync += [register.eq(value) for register, value in registers]
    outputs = [Signal(value.shape(), name=f"output_{k}") for k, value in enumerate(values)]
    m.d.comb += [output.eq(value) for output, value in zip(outputs, values, strict=True)]
    rows: list[list[int]] = []

    async def testbench(ctx: SimulatorContext) -> None:
        for now in range(len(samples) + latency):
            for source, code in zip(sources, samples[min(now, len(samples) - 1)].tolist(), strict=True):
                ctx.set(source, code)
            if now >= latency:
                rows.append([ctx.get(output) for output in outputs])
            await ctx.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return rows, latency, registers


@pytest.mark.parametrize("name", FUNCTIONS)
def test_results_are_those_of_integers(name: str, rng: np.random.Generator) -> None:
    """For a new sample in every cycle; all combinations of the ends of the range are among them."""
    low, high = -(1 << (WIDTH - 1)), (1 << (WIDTH - 1)) - 1
    corners = np.array([[a, b, c] for a in (low, high) for b in (low, high) for c in (low, high)])
    samples = np.vstack([corners, rng.integers(low, high + 1, (40, 3))])
    rows, *_ = _evaluate(FUNCTIONS[name], samples)
    assert rows == [FUNCTIONS[name](sample) for sample in samples.tolist()]


def test_words_are_as_wide_as_the_linear_map_asks_for() -> None:
    """t − r·t with r = 1/2 − 1/64 is little more than t/2, however it is written."""
    registers: Registers = []
    word, other = staged_inputs(registers, [Signal(signed(16)), Signal(signed(16))], [16, 16])
    assert len((word + other - other - word).value) <= 3
    reduced = word - requantise(word * 31, 6)
    assert len(reduced.value) == 16
    for _ in range(6):
        reduced = reduced - requantise(reduced * 31, 6)
    assert len(reduced.value) == 10


def test_few_adders_between_registers() -> None:
    registers: Registers = []
    inputs = staged_inputs(registers, [Signal(signed(8)) for _ in range(16)], [8] * 16)
    total = balanced_sum(inputs)
    chain = inputs[0]
    for value in inputs[1:]:
        chain = chain + value
        assert chain.adders <= ADDERS
    assert total.adders <= ADDERS
    assert (total.stage, chain.stage) == (2, 7)
    product = total * 3
    assert product.adders == 0
    assert product.stage == total.stage + 2


def test_a_delay_is_shared() -> None:
    """Asking twice for a later stage, shifted or not, takes the same registers."""
    registers: Registers = []
    (word,) = staged_inputs(registers, [Signal(signed(8))], [8])
    word.at(4)
    (word << 3).at(5)
    word.at(2)
    assert len(registers) == 5
