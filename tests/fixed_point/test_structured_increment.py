"""The structured increment: its integers, the map they realise, and what its roundings do."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.datapaths.structured.increment import quantise, structured_increment
from lmu_hw.fixed_point.datapaths.structured.stages import Block, StagedProduct
from lmu_hw.fixed_point.datapaths.structured.zoh import structured_zoh
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.reference.memory import FloatMemory

SPECS = [LMUSpec(1, 5.0, 1.0), LMUSpec(7, 60.0, 1.0), LMUSpec(24, 300.0, 1.0)]


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: f"d{s.order}")
def test_three_evaluations_agree(spec: LMUSpec) -> None:
    """Arrays at once, arrays one by one, and Python integers, which cannot overflow."""
    increment = structured_increment(spec, 12, 1e-3)
    rng = np.random.default_rng(spec.order)
    words = rng.integers(-(2**17), 2**17, (spec.order, 5))
    samples = rng.integers(-(2**17), 2**17, 5)
    found = increment.compute(words, samples)
    np.testing.assert_array_equal(found, np.stack(increment.evaluate(list(words), samples)))
    for k in range(5):
        exact = increment.evaluate([int(w) for w in words[:, k]], int(samples[k]))
        assert exact == found[:, k].tolist()


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: f"d{s.order}")
def test_roundings_stay_within_the_noise_gain_and_reach_for_it(spec: LMUSpec) -> None:
    increment = structured_increment(spec, 14, 1e-3)
    rng = np.random.default_rng(1)
    words, samples = rng.integers(-(2**20), 2**20, (spec.order, 400)), rng.integers(-(2**20), 2**20, 400)
    real = increment.state_gain @ words + increment.input_gain[:, None] * samples
    error = increment.compute(words, samples) * 2.0**-increment.product_fraction_bits - real
    bound = 0.5 * np.abs(increment.noise_gain).sum(axis=1)
    assert np.all(np.abs(error) <= bound[:, None] + 1e-6)
    if spec.order > 1:
        assert np.abs(error).max() > 0.1 * bound.max()
        predicted = np.sqrt(np.square(increment.noise_gain).sum(axis=1) / 12.0)
        np.testing.assert_allclose(np.sqrt((error**2).mean(axis=1))[-3:], predicted[-3:], rtol=0.25)


def test_intermediate_words_are_the_operands() -> None:
    spec = SPECS[2]
    increment = structured_increment(spec, 16, 1e-3)
    total = spec.order + increment.words
    assert increment.operand_input.shape == (total,)
    assert increment.operand_noise.shape == (total, increment.words)
    states = np.random.default_rng(0).standard_normal((spec.order, 3))
    operands = increment.operands(states)
    np.testing.assert_array_equal(operands[: spec.order], states)
    # The last stage alone, from the operands.
    last = increment.values @ operands
    last += np.where(increment.carry[:, None] < 0, 0.0, operands[increment.carry])
    np.testing.assert_allclose(last, increment.state_gain @ states, atol=1e-12)


def test_no_product_is_wider_than_told() -> None:
    spec = SPECS[2]
    increment = structured_increment(spec, 10, 1e-3)
    peak = np.full(spec.order + increment.words, 1000.0)
    widest = increment.widest_product(peak)
    sums = [float((np.abs(b.codes) @ peak[b.operands]).max()) for b in increment.inner]
    row = np.abs(increment.coefficients) @ peak * 2.0**increment.alignment_shifts
    row += (increment.carry >= 0) * 1000.0 * 2.0**increment.product_fraction_bits
    assert widest >= max(max(sums), row.max())
    assert widest <= max(max(sums), row.max()) + 2.0 ** max(b.fractions.max() for b in increment.inner)


def test_more_bits_come_nearer_and_cost_the_same() -> None:
    spec = SPECS[2]
    product = structured_zoh(spec, 1e-3)
    errors = []
    for bits in (8, 12, 16, 20):
        increment = quantise(product, bits)
        assert np.abs(increment.coefficients).max() < 2 ** (bits - 1)
        assert max(np.abs(b.codes).max() for b in increment.inner) < 2 ** (bits - 1)
        assert increment.multiplications <= product.multiplications
        errors.append(np.abs(increment.state_gain - product.matrix()).max())
    assert all(a > 8 * b for a, b in pairwise(errors))


def test_constants_are_held_exactly() -> None:
    """At x = e₀u every operand is zero, so every increment is, whatever the coefficients."""
    increment = structured_increment(SPECS[1], 6, 1e-2)
    words = np.zeros((7, 1), dtype=np.int64)
    words[0] = 12345
    np.testing.assert_array_equal(increment.compute(words, np.array([12345])), 0)


def test_plain_values_hold_every_coefficient() -> None:
    increment = structured_increment(SPECS[1], 12, 1e-3)
    record = increment.to_dict()
    count = len(record["coefficients"]) + sum(np.size(block["coefficients"]) for block in record["blocks"])
    assert count == increment.multiplications + sum(int((b.codes == 0).sum()) for b in increment.inner)


def test_a_row_without_coefficients_is_refused() -> None:
    empty = Block(np.arange(2), np.arange(2), np.array([[1.0, 2.0], [0.0, 0.0]]))
    with pytest.raises(DesignError, match="row of coefficients must be one that is not all zero"):
        quantise(StagedProduct(2, ((empty,),)), 8)


def test_words_that_hardly_count_need_no_long_shifts() -> None:
    first = Block(np.array([2]), np.arange(2), np.array([[1e-30, 0.0]]), np.array([1]))
    last = Block(np.arange(2), np.array([0, 2]), np.array([[0.5, 0.25], [0.0, -0.5]]))
    increment = quantise(StagedProduct(2, ((first,), (last,))), 10)
    assert increment.inner[0].fractions.max() < 32
    found = increment.compute(np.array([[8], [16]]), np.array([0])) * 2.0**-increment.product_fraction_bits
    np.testing.assert_allclose(found[:, 0], [8.0, -8.0], rtol=1e-2)


@pytest.mark.parametrize(("order", "ratio", "bits"), [(7, 60.0, 14), (16, 2000.0, 16)])
def test_planned_memory_stays_within_its_bound(order: int, ratio: float, bits: int) -> None:
    """Against the exact hold: coefficients, truncation and every rounding are in the bound."""
    spec = LMUSpec(order, ratio, 1.0)
    plan = plan_memory(spec, state_bits=bits, datapath="structured", structured_error=1e-3)
    assert plan.increment.multiplications < order**2
    inputs = np.random.default_rng(2).choice([-0.99, 0.99], int(1.5 * ratio))
    words = IntegerMemory(plan).run(plan.input_format.encode(inputs))
    error = np.abs(plan.output_format.decode(words) - FloatMemory(spec).run(inputs))
    assert np.all(error <= plan.error_bound)
    assert (error / plan.error_bound).max() > 0.05
