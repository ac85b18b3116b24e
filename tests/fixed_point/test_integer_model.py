"""The integer model against a second one in exact fractions, against apytypes, and against itself."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import apytypes
import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization, least_theta_over_dt
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.datapaths import ChainIncrement, TridiagonalIncrement
from lmu_hw.fixed_point.formats import MAX_WIDTH, QFormat
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory

METHODS = list(Discretization)


def _nearest(value: Fraction, fraction_bits: int) -> Fraction:
    """`value` on the grid of `fraction_bits` fractional bits; halves go upwards."""
    scaled = value * Fraction(2) ** fraction_bits
    return Fraction(math.floor(scaled + Fraction(1, 2))) / Fraction(2) ** fraction_bits


class ExactMemory:
    """One memory as the plan's text describes it, in fractions: no words, no shifts, no vectors.

        v = accumulator + increment(state words, input); state word = round(v + residue);
        residue = v + residue − state word with error feedback, else 0; output word = state word, or round(v)

    For Adams–Bashforth half of the last increment is added on the way to the state word. It also demands
    that every value fits the format that the plan has for it.
    """

    def __init__(self, plan: MemoryPlan) -> None:
        self.plan = plan
        zero = [Fraction(0)] * plan.spec.order
        self.accumulators, self.residues, self.words, self.outputs = (list(zero) for _ in range(4))

    def _increments(self, u: Fraction) -> list[Fraction]:
        """Unrounded; the chain by its recurrence s_{i+1} = s_{i−1} − 2 m_i from T ± u."""
        increment = self.plan.increment
        fraction_bits = [Fraction(2) ** int(f) for f in increment.fractions]
        if isinstance(increment, TridiagonalIncrement):
            operands = self._solved(increment, u)
            sums = [-int(c) * s for c, s in zip(increment.coefficients, operands[-len(fraction_bits) :], strict=True)]
        elif isinstance(increment, ChainIncrement):
            total = sum(self.words, Fraction(0))
            operands, earlier, current = [], total + u, total - u
            for word in self.words:
                operands.append(current)
                earlier, current = current, earlier - 2 * word
            sums = [-int(c) * s for c, s in zip(increment.coefficients, operands, strict=True)]
        else:
            operands = [word - (u if j == 0 else 0) for j, word in enumerate(self.words)]
            rows = increment.coefficients.tolist()
            sums = [sum((c * s for c, s in zip(row, operands, strict=True)), Fraction(0)) for row in rows]
        self._demand(self.plan.operand_format, operands)
        products = [s / p for s, p in zip(sums, fraction_bits, strict=True)]
        self._demand(self.plan.product_format, products)
        return products

    def _solved(self, increment: TridiagonalIncrement, u: Fraction) -> list[Fraction]:
        """All t, then all s, by elimination from both ends; each r_i·operand is rounded to the operands' grid."""
        d, k, grid = len(self.words), len(self.words) // 2, self.plan.operand_format.fraction
        r = [
            Fraction(int(c)) / Fraction(2) ** int(f)
            for c, f in zip(increment.pivots, increment.pivot_fractions, strict=True)
        ]
        t, w, s = ([Fraction(0)] * d for _ in range(3))
        for i in range(k):
            t[i] = 2 * self.words[i] - (w[i - 1] if i else 2 * u)
            w[i] = t[i] - _nearest(r[i] * t[i], grid)
        for i in reversed(range(k + 1, d)):
            t[i] = 2 * self.words[i] + (w[i + 1] if i + 1 < d else 0)
            w[i] = t[i] - _nearest(r[i] * t[i], grid)
        t[k] = 2 * self.words[k] - (w[k - 1] if k else 2 * u) + (w[k + 1] if k + 1 < d else 0)
        s[k] = _nearest((t[k] - _nearest(2 * r[k] * t[k], grid)) / 2, grid)
        for i in reversed(range(k)):
            s[i] = w[i] + s[i + 1] - _nearest(r[i] * s[i + 1], grid)
        for i in range(k + 1, d):
            s[i] = w[i] - s[i - 1] + _nearest(r[i] * s[i - 1], grid)
        self._demand(self.plan.operand_format, w)
        return t + s

    def step(self, code: int) -> list[int]:
        plan = self.plan
        u = Fraction(code) / Fraction(2) ** plan.input_format.fraction
        for i, exact in enumerate(self._increments(u)):
            increment = _nearest(exact, plan.accumulator_format.fraction)
            self.accumulators[i] += increment
            value = self.accumulators[i] + self.residues[i]
            if plan.two_step:
                value += increment / 2
            self.words[i] = _nearest(value, plan.state_format.fraction)
            self.outputs[i] = self.words[i]
            if plan.separate_output:
                self.outputs[i] = _nearest(value - self.residues[i], plan.output_format.fraction)
            if plan.error_feedback:
                self.residues[i] = value - self.words[i]
        self._demand(plan.accumulator_format, self.accumulators)
        self._demand(plan.output_format, self.outputs)
        for width, word in zip(plan.state_widths, self.words, strict=True):
            self._demand(QFormat(width, plan.state_format.fraction), [word])
        return [int(word * Fraction(2) ** plan.output_format.fraction) for word in self.outputs]

    @staticmethod
    def _demand(form: QFormat, values: list[Fraction]) -> None:
        for value in values:
            code = value * Fraction(2) ** form.fraction
            assert code.denominator == 1, f"{value} is not on the grid of {form}"
            assert form.low <= code <= form.high, f"{value} is outside {form}"


def _random_plan(rng: np.random.Generator, order: int = 6) -> MemoryPlan:
    while True:
        method = METHODS[rng.integers(len(METHODS))]
        d = int(rng.integers(1, order + 1))
        ratio = least_theta_over_dt(d, method) * (1.02 + 10 ** rng.uniform(-1.5, 2.0))
        dense = method in (Discretization.ZOH, Discretization.BILINEAR)
        state_bits = int(rng.integers(4, 33))
        try:
            return plan_memory(
                LMUSpec(d, ratio, 1.0, method, "orthonormal" if dense and rng.random() < 0.3 else "legendre"),
                input_bits=int(rng.integers(3, 25)),
                state_bits=state_bits,
                output_bits=state_bits + int(rng.integers(1, 9)) if rng.random() < 0.3 else None,
                coefficient_bits=int(rng.integers(3, 33)),
                error_feedback=bool(rng.integers(2)),
            )
        except DesignError:
            continue


def _codes(plan: MemoryPlan, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Noise, with stretches of full scale."""
    form = plan.input_format
    noise = rng.integers(form.low, form.high + 1, shape)
    full = np.where(rng.random(shape) < 0.5, form.low, form.high)
    return np.where(np.arange(shape[-1]) % 40 < 20, noise, full)


@pytest.mark.parametrize("seed", range(30))
def test_it_equals_exact_arithmetic_and_every_word_fits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    plan = _random_plan(rng)
    codes = _codes(plan, rng, (60,))
    exact = ExactMemory(plan)
    expected = [exact.step(int(code)) for code in codes]
    assert IntegerMemory(plan).run(codes).tolist() == expected


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1300))
def test_it_equals_exact_arithmetic_for_many_plans(seed: int) -> None:
    rng = np.random.default_rng(seed)
    plan = _random_plan(rng, order=20)
    codes = _codes(plan, rng, (120,))
    exact = ExactMemory(plan)
    assert IntegerMemory(plan).run(codes).tolist() == [exact.step(int(code)) for code in codes]


@pytest.mark.parametrize(
    ("method", "basis", "feedback"),
    [
        ("euler", "legendre", True),
        ("euler", "legendre", False),
        ("ab2", "legendre", True),
        ("ab2", "legendre", False),
        ("zoh", "legendre", True),
        ("bilinear", "legendre", True),
        ("bilinear", "legendre", False),
        ("bilinear", "orthonormal", False),
    ],
)
@pytest.mark.parametrize("bits", [(4, 8, 10), (12, 16, 18), (24, 30, 28)])
def test_every_kind_of_memory_equals_exact_arithmetic(
    method: str, basis: str, feedback: bool, bits: tuple[int, int, int], rng: np.random.Generator
) -> None:
    plan = plan_memory(
        LMUSpec(3, 37.0, 1.0, method, basis),
        input_bits=bits[0],
        state_bits=bits[1],
        coefficient_bits=bits[2],
        error_feedback=feedback,
    )
    codes = _codes(plan, rng, (120,))
    exact = ExactMemory(plan)
    assert IntegerMemory(plan).run(codes).tolist() == [exact.step(int(code)) for code in codes]


def _fixed(code: int, form: QFormat) -> apytypes.APyFixed:
    return apytypes.APyFixed(int(code) % (1 << form.width), bits=form.width, frac_bits=form.fraction)


def _code_of(value: apytypes.APyFixed) -> int:
    bits = value.to_bits()
    return bits - (1 << value.bits) if bits >> (value.bits - 1) else bits


def _cast(value: apytypes.APyFixed, form: QFormat) -> apytypes.APyFixed:
    return value.cast(
        bits=form.width,
        frac_bits=form.fraction,
        quantization=apytypes.QuantizationMode.RND,
        overflow=apytypes.OverflowMode.WRAP,
    )


@pytest.mark.parametrize("method", ["euler", "zoh"])
def test_it_equals_the_arithmetic_of_apytypes(method: str, rng: np.random.Generator) -> None:
    """The same memory out of apytypes' products, sums and casts. They wrap: an overflow would differ."""
    order = 3
    plan = plan_memory(LMUSpec(order, 30.0, 1.0, method), input_bits=8, state_bits=12, error_feedback=False)
    increment = plan.increment
    coefficient = [QFormat(increment.coefficient_bits, int(f)) for f in increment.fractions]
    codes = _codes(plan, rng, (150,))
    words = [_fixed(0, plan.state_format)] * order
    accumulators = [_fixed(0, plan.accumulator_format)] * order
    expected = []
    for code in codes:
        u = _fixed(code, plan.input_format)
        if isinstance(increment, ChainIncrement):
            total = words[0] + words[1] + words[2]
            operands = [total - u, total + u - words[0] - words[0], total - u - words[1] - words[1]]
            sums = [-(_fixed(increment.coefficients[i], coefficient[i]) * operands[i]) for i in range(order)]
        else:
            operands = [words[0] - u, words[1], words[2]]
            rows = [[_fixed(c, coefficient[i]) for c in increment.coefficients[i]] for i in range(order)]
            sums = [row[0] * operands[0] + row[1] * operands[1] + row[2] * operands[2] for row in rows]
        for i in range(order):
            assert float(_cast(operands[i], plan.operand_format)) == float(operands[i])
            accumulators[i] = _cast(accumulators[i] + _cast(sums[i], plan.accumulator_format), plan.accumulator_format)
            words[i] = _cast(accumulators[i], plan.state_format)
        expected.append([_code_of(word) for word in words])
    assert IntegerMemory(plan).run(codes).tolist() == expected


@pytest.mark.parametrize("delays", [(0.0, 1.0), (0.0, 0.3, 1.0)])
def test_readouts_are_rounded_sums_of_output_words(delays: tuple[float, ...], rng: np.random.Generator) -> None:
    plan = plan_memory(LMUSpec(5, 50.0, 1.0, "ab2"), state_bits=12, output_bits=18, delays=delays)
    model, planned = IntegerMemory(plan), plan.readouts
    assert planned is not None
    words = model.run(_codes(plan, rng, (60,)))
    sums = [
        [sum(int(c) * int(w) for c, w in zip(row, step, strict=True)) for row in planned.coefficients] for step in words
    ]
    fraction_bits, half = planned.fraction, (1 << planned.fraction) >> 1
    assert model.readouts(words).tolist() == [[(y + half) >> fraction_bits for y in step] for step in sums]
    assert (planned.multiplications_per_sample == 0) is (delays == (0.0, 1.0))
    with pytest.raises(DesignError, match=r"^delays must be given"):
        IntegerMemory(plan_memory(LMUSpec(5, 50.0, 1.0))).readouts(words)


@pytest.mark.parametrize("method", METHODS)
def test_batches_equal_single_sequences(method: Discretization, rng: np.random.Generator) -> None:
    plan = plan_memory(LMUSpec(5, 50.0, 1.0, method))
    codes = _codes(plan, rng, (7, 80))
    model = IntegerMemory(plan)
    batch = model.run(codes)
    assert batch.shape == (7, 80, 5)
    assert batch.dtype == np.int64
    for one, words in zip(codes, batch, strict=True):
        assert np.array_equal(model.run(one), words)


@pytest.mark.parametrize("method", METHODS)
def test_a_sequence_in_pieces_equals_one_run(method: Discretization, rng: np.random.Generator) -> None:
    plan = plan_memory(LMUSpec(4, 50.0, 1.0, method))
    codes = _codes(plan, rng, (3, 90))
    model = IntegerMemory(plan)
    whole = model.run(codes)
    state = model.zero_state(3)
    pieces = [model.run(codes[:, a:b], state) for a, b in ((0, 1), (1, 1), (1, 40), (40, 90))]
    assert np.array_equal(np.concatenate(pieces, axis=1), whole)
    assert np.array_equal(state.word.T, whole[:, -1])
    assert np.array_equal(model.run(codes), whole)  # nothing is kept from run to run
    single = model.zero_state()
    parts = [model.run(codes[0, :33], single), model.run(codes[0, 33:], single)]
    assert np.array_equal(np.concatenate(parts), whole[0])


@pytest.mark.parametrize("feedback", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_step_moves_the_registers_and_nothing_else(method: Discretization, feedback: bool) -> None:
    """Step by step is the same as a run; codes and words that were handed out do not change under one's hands."""
    model = IntegerMemory(plan_memory(LMUSpec(4, 50.0, 1.0, method), error_feedback=feedback))
    codes = np.array([[100, -2048, 7, 2047], [-5, 3, 2047, -2048]])
    kept, state = codes.copy(), model.zero_state(2)
    words = []
    for k in range(4):
        model.step(state, codes[:, k])
        words.append(state.word)
    assert np.array_equal(codes, kept)
    assert np.array_equal(np.stack(words, axis=-1).T.swapaxes(0, 1), model.run(codes))
    assert bool(state.residue.any()) is feedback


@pytest.mark.parametrize("method", METHODS)
def test_final_is_the_end_of_a_run(method: Discretization, rng: np.random.Generator) -> None:
    plan = plan_memory(LMUSpec(5, 50.0, 1.0, method))
    codes = _codes(plan, rng, (4, 70))
    model = IntegerMemory(plan)
    assert np.array_equal(model.final(codes), model.run(codes)[:, -1])
    with pytest.raises(DesignError, match=r"^input codes must be from"):
        model.final(codes + 5000)


def test_shapes_without_samples() -> None:
    model = IntegerMemory(plan_memory(LMUSpec(4, 50.0, 1.0)))
    assert model.run(np.zeros(0, dtype=int)).shape == (0, 4)
    assert model.run(np.zeros((3, 0), dtype=int)).shape == (3, 0, 4)
    assert model.run(np.zeros((0, 5), dtype=int)).shape == (0, 5, 4)


def test_decode_is_the_value_of_the_words() -> None:
    model = IntegerMemory(plan_memory(LMUSpec(4, 50.0, 1.0)))
    lsb = model.plan.state_format.lsb
    assert np.array_equal(model.decode([[1, -2, 0, 5]]), [[lsb, -2 * lsb, 0.0, 5 * lsb]])


@pytest.mark.parametrize(
    "codes",
    [[0.5, 1.0], [1.0], [True], [[[1]]], 3, ["1"], [2048], [-2049], [0, 5000], [2**63], [None]],
    ids=repr,
)
def test_codes_that_are_refused(codes: Any) -> None:
    model = IntegerMemory(plan_memory(LMUSpec(4, 50.0, 1.0), input_bits=12))
    with pytest.raises(DesignError, match=r"^input codes must be"):
        model.run(codes)


def test_unsigned_and_narrow_integer_types_are_accepted() -> None:
    model = IntegerMemory(plan_memory(LMUSpec(4, 50.0, 1.0), input_bits=8))
    codes = np.array([0, 3, 127, 5])
    for kind in (np.uint8, np.int8, np.uint64, np.int32):
        assert np.array_equal(model.run(codes.astype(kind)), model.run(codes))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("batch", "registers"), [(3, 1), (1, 3), (2, 3)])
def test_a_state_of_another_batch_is_refused(method: Discretization, batch: int, registers: int) -> None:
    """It must not be broadcast."""
    model = IntegerMemory(plan_memory(LMUSpec(4, 50.0, 1.0, method)))
    with pytest.raises(ValueError, match=r"shape|broadcast"):
        model.run(np.ones((batch, 5), dtype=int), model.zero_state(registers))


@pytest.mark.parametrize("method", METHODS)
def test_the_widest_words_accepted_stay_exact(method: Discretization, rng: np.random.Generator) -> None:
    """State words of 32 bits, inputs of 24: nothing may pass 62 bits, and the fractions say so."""
    plan = plan_memory(LMUSpec(6, 60.0, 1.0, method), input_bits=24, state_bits=32, coefficient_bits=24)
    assert max(plan.product_format.width, plan.accumulator_format.width) <= MAX_WIDTH
    assert plan.product_format.width >= 56
    codes = _codes(plan, rng, (80,))
    exact = ExactMemory(plan)
    assert IntegerMemory(plan).run(codes).tolist() == [exact.step(int(code)) for code in codes]
