# amaranth: UnusedElaboratable=no
"""`Increment.evaluate` is the one statement of a datapath's arithmetic; every other encoding of it is checked here.

A row of the first table computes increments from state words and samples; a row of the second one takes whole
sequences of samples to output words. Each is held against Python's integers, which cannot wrap, for every method and
every datapath that it offers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization, least_theta_over_dt
from lmu_hw.fixed_point.datapaths import Datapath
from lmu_hw.fixed_point.datapaths.base import requantise
from lmu_hw.fixed_point.model import IntegerMemory, kernel_for
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.networks.quantize.registers import is_exact, registers_for
from lmu_hw.rtl.memory.build import build_memory
from lmu_hw.sim.formal.invariant import MemoryState, take_products, take_sample

PAIRS = [(str(method), datapath) for method in Discretization for datapath in method.datapaths]
Numbers = np.ndarray


def _plan(method: str, datapath: str, order: int, **options: Any) -> MemoryPlan:
    ratio = max(30.0, 2.0 * least_theta_over_dt(order, Discretization(method)))
    extra = {"structured_error": 1e-2} if datapath == "structured" else {}
    return plan_memory(LMUSpec(order, ratio, 1.0, method), datapath=datapath, **extra, **options)  # type: ignore[arg-type]


def _lifted(plan: MemoryPlan, word: int, sample: bool = False) -> int:
    grid = plan.input_format if sample else plan.state_format
    return word << (plan.operand_format.fraction - grid.fraction)


def stated_increments(plan: MemoryPlan, words: Numbers, codes: Numbers) -> Numbers:
    """The statement: increments on the products' grid, shape (order, batch), for words of that shape."""
    columns = [
        plan.increment.evaluate([_lifted(plan, w) for w in column], _lifted(plan, code, sample=True))
        for column, code in zip(words.T.tolist(), codes.tolist(), strict=True)
    ]
    return np.array(columns).T


def stated_words(plan: MemoryPlan, codes: list[int]) -> list[list[int]]:
    """The statement: the text of `lmu_hw.fixed_point.plan`, sample by sample, around `evaluate`."""
    d, drop = plan.spec.order, plan.product_format.fraction - plan.accumulator_format.fraction
    accumulators, residues, words, rows = [0] * d, [0] * d, [0] * d, []
    for code in codes:
        made = plan.increment.evaluate([_lifted(plan, w) for w in words], _lifted(plan, code, sample=True))
        steps = [requantise(each, drop) for each in made]
        accumulators = [a + step for a, step in zip(accumulators, steps, strict=True)]
        values = accumulators
        if plan.two_step:
            values = [2 * a + step for a, step in zip(accumulators, steps, strict=True)]
        sums = [v + r for v, r in zip(values, residues, strict=True)]
        words = [requantise(each, plan.requantisation) for each in sums]
        if plan.error_feedback:
            residues = [s - (w << plan.requantisation) for s, w in zip(sums, words, strict=True)]
        rows.append([requantise(v, plan.output_requantisation) for v in values] if plan.separate_output else words)
    return rows


def _computed(plan: MemoryPlan, words: Numbers, codes: Numbers) -> Numbers:
    shift = plan.operand_format.fraction - plan.state_format.fraction
    return plan.increment.compute(words << shift, codes << (plan.operand_format.fraction - plan.input_format.fraction))


def _by_kernel(plan: MemoryPlan, words: Numbers, codes: Numbers) -> Numbers:
    kernel, batch = kernel_for(plan), codes.size
    parts, out = kernel.split(words), np.empty((batch, plan.spec.order), dtype=np.int64)
    made = np.empty_like(parts)
    kernel.increments(parts, codes, made, kernel.scratch(batch))
    kernel.join(made, out)
    return out.T


def _by_formal_terms(plan: MemoryPlan, words: Numbers, codes: Numbers) -> Numbers:
    none = [0] * plan.spec.order
    states = [MemoryState(none, none, column, none, none) for column in words.T.tolist()]
    return np.array([take_products(plan, s, code) for s, code in zip(states, codes.tolist(), strict=True)]).T


INCREMENTS: dict[str, Callable[[MemoryPlan, Numbers, Numbers], Numbers]] = {
    "arrays": _computed,
    "kernel of the integer model": _by_kernel,
    "formal terms": _by_formal_terms,
}


def _by_integer_model(plan: MemoryPlan, codes: list[int], _: Any) -> list[list[int]]:
    return IntegerMemory(plan).run(np.array(codes)).tolist()


def _by_network_registers(plan: MemoryPlan, codes: list[int], _: Any) -> list[list[int]]:
    registers, rows = registers_for(plan, 1), []
    for code in codes:
        registers.step(np.array([float(code)]))
        rows.append([int(word) for word in registers.words[:, 0]])
    return rows


def _by_formal_step(plan: MemoryPlan, codes: list[int], _: Any) -> list[list[int]]:
    state, rows = MemoryState.of(0, plan.spec.order), []
    for code in codes:
        state = take_sample(plan, state, code)
        rows.append(list(state.outputs))
    return rows


def _by_hardware(unrolled: bool) -> Callable[[MemoryPlan, list[int], Any], list[list[int]]]:
    def run(plan: MemoryPlan, codes: list[int], run_memory: Any) -> list[list[int]]:
        class Sample:
            """One input beat."""

            def __init__(self, code: int, first: int) -> None:
                self.code, self.first, self.last = code, first, 0

        record = run_memory(
            build_memory(plan, unrolled=unrolled), [Sample(code, int(k == 0)) for k, code in enumerate(codes)]
        )
        words = [word for beat in record.beats for word in beat.data]
        return np.array(words).reshape(len(codes), plan.spec.order).tolist()

    return run


SEQUENCES: dict[str, Callable[[MemoryPlan, list[int], Any], list[list[int]]]] = {
    "integer model": _by_integer_model,
    "registers of networks": _by_network_registers,
    "formal step": _by_formal_step,
    "hardware on a lane": _by_hardware(unrolled=False),
    "unrolled hardware": _by_hardware(unrolled=True),
}


def test_every_datapath_is_offered_by_some_method() -> None:
    assert {datapath for _, datapath in PAIRS} == set(Datapath)


@pytest.mark.parametrize("encoding", INCREMENTS)
@pytest.mark.parametrize("order", [1, 2, 3, 6, 13])
@pytest.mark.parametrize(("method", "datapath"), PAIRS)
def test_increments_are_those_of_evaluate(
    method: str, datapath: str, order: int, encoding: str, rng: np.random.Generator
) -> None:
    plan = _plan(method, datapath, order, state_bits=14)
    high = 1 << (plan.state_format.width - 2)
    words = rng.integers(-high // order, high // order + 1, (order, 20))
    codes = rng.integers(plan.input_format.low, plan.input_format.high + 1, 20)
    found = INCREMENTS[encoding](plan, words, codes)
    np.testing.assert_array_equal(found, stated_increments(plan, words, codes))


@pytest.mark.parametrize("encoding", SEQUENCES)
@pytest.mark.parametrize(
    "options",
    [{"error_feedback": True}, {"error_feedback": False}, {"output_bits": 17, "error_feedback": True}],
    ids=["feedback", "no feedback", "finer output"],
)
@pytest.mark.parametrize(("method", "datapath"), PAIRS)
def test_words_are_those_of_the_plan_around_evaluate(
    method: str, datapath: str, options: dict[str, Any], encoding: str, rng: np.random.Generator, run_memory: Any
) -> None:
    plan = _plan(method, datapath, 4, input_bits=8, state_bits=12, **options)
    codes = rng.integers(plan.input_format.low, plan.input_format.high + 1, 12).tolist()
    assert is_exact(plan)  # so that networks take the way through float64
    assert SEQUENCES[encoding](plan, codes, run_memory) == stated_words(plan, codes)
