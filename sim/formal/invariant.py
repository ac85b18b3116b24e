"""An inductive invariant of a planned memory, in exact integers: the proof that its ranges are never left.

With Z the accumulators a and the values v (the state words before they are requantised), one sample is

    Z⁺ = G Z + D δ + g,    |δ_j| ≤ ρ_j

exactly, where δ are the input and every rounding error of that sample. Rows c_k ≈ C Gᵏ, k = 0 … K, rounded to
integers, and the bounds

    β_K = |c_K|·z,    β_k = β_{k+1} + |c_k D|·ρ + |c_k g| + |c_k G − c_{k+1}|·z,    z ≥ β_0 of the unit rows

make the polytope {|c_k Z| ≤ β_k} inductive: from |c_{k+1} Z| ≤ β_{k+1} and |Z| ≤ z follows |c_k Z⁺| ≤ β_k. It is
the ℓ1 norm of the impulse responses written as a set of states. Every matrix here is computed by the plan's own
integer arithmetic, run on affine forms over the rationals; nothing is taken from the planner's floating point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmu_hw.errors import CheckFailed
from lmu_hw.fixed_point.datapaths.base import requantise
from lmu_hw.fixed_point.plan import MemoryPlan

_ROW_BITS = 24  # fractional bits of the rows
_MOST_ROWS = 4096  # steps after which the search for an invariant gives up


@dataclass(frozen=True)
class MemoryState:
    """The state of a memory between two samples, in words of any kind: integers, solver terms or affine forms.

    Attributes:
        accumulators, residues, words: The accumulator, the residue and the word of each state.
        values: The accumulators, with the half step of Adams–Bashforth 2, plus residues, before they are requantised.
        outputs: The words that leave the memory.
    """

    accumulators: list[Any]
    residues: list[Any]
    words: list[Any]
    values: list[Any]
    outputs: list[Any]

    @classmethod
    def of(cls, zero: Any, order: int) -> MemoryState:
        """Return the state at the start of a sequence, in which every register holds `zero`."""
        return cls(*([zero] * order for _ in range(5)))


def take_products(plan: MemoryPlan, state: MemoryState, sample: Any) -> list[Any]:
    """Return the increments for a sample, with the fractional bits of the products."""
    alignment_shift = plan.operand_format.fraction - plan.state_format.fraction
    input_shift = plan.operand_format.fraction - plan.input_format.fraction
    return plan.increment.evaluate([word << alignment_shift for word in state.words], sample << input_shift)


def take_sample(plan: MemoryPlan, state: MemoryState, sample: Any) -> MemoryState:
    """Return the state after a sample in the arithmetic of the plan, without any limit to word lengths."""
    increments = take_products(plan, state, sample)
    drop = plan.product_format.fraction - plan.accumulator_format.fraction
    steps = [requantise(increment, drop) for increment in increments]
    accumulators = [a + step for a, step in zip(state.accumulators, steps, strict=True)]
    bases, risen = state.accumulators, steps
    if plan.two_step:  # 2·(a + step) + step
        bases, risen = [a << 1 for a in bases], [(step << 1) + step for step in steps]
    outputs = None
    if plan.separate_output:
        outputs = [requantise(b + r, plan.output_requantisation) for b, r in zip(bases, risen, strict=True)]
    if plan.error_feedback:
        bases = [b + r for b, r in zip(bases, state.residues, strict=True)]
    values = [b + r for b, r in zip(bases, risen, strict=True)]
    # Rounded in the order in which hardware adds, so that a solver meets the same sums on both sides.
    half = (1 << plan.requantisation) >> 1
    words = [((b + half) + r) >> plan.requantisation for b, r in zip(bases, risen, strict=True)]
    residues = state.residues
    if plan.error_feedback:
        residues = [v - (word << plan.requantisation) for v, word in zip(values, words, strict=True)]
    return MemoryState(accumulators, residues, words, values, words if outputs is None else outputs)


@dataclass
class Trace:
    """A record of a computation with affine forms.

    Attributes:
        errors: The bounds ρ of the errors that roundings and inputs introduce.
        operands: Every operand of a multiplication, in the order of evaluation.
        met: Every form that was computed, for the range of all intermediate words.
    """

    errors: list[Fraction] = field(default_factory=list)
    operands: list[Affine] = field(default_factory=list)
    met: list[Affine] = field(default_factory=list)

    def error(self, least: Fraction, greatest: Fraction) -> Affine:
        """Return a new unknown between `least` and `greatest`."""
        self.errors.append((greatest - least) / 2)
        return Affine(self, {("error", len(self.errors) - 1): Fraction(1)}, (least + greatest) / 2)


@dataclass(frozen=True)
class Affine:
    """An affine form, constant + Σ coefficient·unknown, with the operators of the plan's arithmetic.

    Attributes:
        trace: The record of the computation.
        terms: The coefficient of each unknown, which is ("state", i) or ("error", j).
        constant: The constant.
    """

    trace: Trace
    terms: Mapping[tuple[str, int], Fraction]
    constant: Fraction = Fraction(0)

    def _keep(self, terms: Mapping[tuple[str, int], Fraction], constant: Fraction) -> Affine:
        form = Affine(self.trace, {key: value for key, value in terms.items() if value}, constant)
        self.trace.met.append(form)
        return form

    def __add__(self, other: Affine | int) -> Affine:
        if isinstance(other, int):
            return self._keep(self.terms, self.constant + other)
        keys = dict.fromkeys([*self.terms, *other.terms])
        terms = {key: self.terms.get(key, Fraction(0)) + other.terms.get(key, Fraction(0)) for key in keys}
        return self._keep(terms, self.constant + other.constant)

    def __sub__(self, other: Affine | int) -> Affine:
        return self + (-other if isinstance(other, int) else other._scaled(Fraction(-1)))

    def __mul__(self, factor: int) -> Affine:
        self.trace.operands.append(self)
        return self._scaled(Fraction(factor))

    def __lshift__(self, count: int) -> Affine:
        return self._scaled(Fraction(1 << count))

    def __rshift__(self, count: int) -> Affine:
        """Return the floor of the shifted form: what is cut off lies in [0, 1 − 2^−count] units of the result."""
        share = Fraction(1, 1 << count)
        return self._scaled(share) + self.trace.error(share - 1, Fraction(0))

    def _scaled(self, factor: Fraction) -> Affine:
        return self._keep({key: value * factor for key, value in self.terms.items()}, self.constant * factor)


@dataclass(frozen=True)
class Invariant:
    """The inequalities that hold between any two samples, whatever the input was.

    Attributes:
        rows: The integer rows c over (accumulators, values), scaled by 2^`fraction_bits`.
        bounds: The bound of |c·Z| for each row, on the rows' scale.
        fraction_bits: The fractional bits of the rows.
        accumulators, values: The largest modulus of each state's accumulator and value, as integers.
        words: The largest modulus of each state word.
        operands: The largest modulus of the operand of each multiplication, in the order of evaluation, for any input
            in range.
        largest: The largest modulus of any intermediate word.
        drive: The change of Z by one unit of the input, as rationals.
    """

    rows: tuple[tuple[int, ...], ...]
    bounds: tuple[int, ...]
    fraction_bits: int
    accumulators: tuple[int, ...]
    values: tuple[int, ...]
    words: tuple[int, ...]
    operands: tuple[int, ...]
    largest: int
    drive: tuple[Fraction, ...]

    def responses(self) -> list[list[Fraction]]:
        """Return the impulse response of each quantity, 1, 2, … samples later: accumulators, values, then operands."""
        answers = [
            sum((c * b for c, b in zip(row, self.drive, strict=True)), Fraction(0)) / (1 << self.fraction_bits)
            for row in self.rows
        ]
        count = len(self.drive) + len(self.operands)
        steps = len(answers) // count
        return [answers[i * steps : (i + 1) * steps] for i in range(count)]


@dataclass(frozen=True)
class _Polytope:
    """Rows and bounds, on the scale of the rows, and what follows from them for the given quantities.

    Attributes:
        rows, bounds: The rows c_k and their bounds β_k, all steps of the first quantity first.
        reached: The exact bound on each quantity's modulus.
        box: The largest modulus of each component of Z, as integers.
    """

    rows: tuple[tuple[int, ...], ...]
    bounds: tuple[int, ...]
    reached: list[Fraction]
    box: list[int]


def find_invariant(plan: MemoryPlan) -> Invariant:
    """Return the polytope of the plan's own arithmetic.

    Raises:
        CheckFailed: The impulse responses do not decay within 4,096 samples.
    """
    order, requantisation = plan.spec.order, plan.requantisation
    trace = Trace()
    unit = [Affine(trace, {("state", i): Fraction(1)}) for i in range(2 * order)]
    accumulators, values = unit[:order], unit[order:]
    residues = [Affine(trace, {})] * order
    if plan.error_feedback:
        half = Fraction(1 << (requantisation - 1))
        residues = [trace.error(-half, half - 1) for _ in range(order)]
    share = Fraction(1, 1 << requantisation)
    words = [(v - r)._scaled(share) for v, r in zip(values, residues, strict=True)]
    form = plan.input_format
    sample = trace.error(Fraction(form.low), Fraction(form.high))
    after = take_sample(plan, MemoryState(accumulators, residues, words, values, words), sample)
    # Without error feedback v is lost when it is requantised; the next sample depends on the word alone.
    ends = after.values if plan.error_feedback else [word << requantisation for word in after.words]
    forms = after.accumulators + ends
    width = 2 * order
    transition = [_row(form, "state", width) for form in forms]
    disturbance = [_row(form, "error", len(trace.errors)) for form in forms]
    # A column for each error at its bound, and one for the offset: all enter with their modulus.
    pushes = [[v * bound for v, bound in zip(row, trace.errors, strict=True)] for row in disturbance]
    pushes = [[*row, form.constant] for row, form in zip(pushes, forms, strict=True)]
    # Operands have the fractional bits of the values, or their rows would lose what requantisation drops.
    finer = [_scale(_row(form, "state", width), 1 << requantisation) for form in trace.operands]
    polytope = _polytope(transition, pushes, [_row(form, "state", width) for form in unit] + finer)
    reached, box = polytope.reached, polytope.box

    def extent(form: Affine, driven: Fraction) -> int:
        """The largest modulus of a form whose part in the state is at most `driven`."""
        noise = sum((abs(v) * trace.errors[k[1]] for k, v in form.terms.items() if k[0] == "error"), Fraction(0))
        return int(driven + noise + abs(form.constant))

    def anywhere(form: Affine) -> int:
        """The same from the box alone."""
        return extent(form, sum((abs(v) * box[k[1]] for k, v in form.terms.items() if k[0] == "state"), Fraction(0)))

    return Invariant(
        rows=polytope.rows,
        bounds=polytope.bounds,
        fraction_bits=_ROW_BITS,
        accumulators=tuple(box[:order]),
        values=tuple(box[order:]),
        words=tuple(extent(word, box[order + i] * share) for i, word in enumerate(words)),
        operands=tuple(extent(f, r * share) for f, r in zip(trace.operands, reached[width:], strict=True)),
        largest=max(anywhere(form) for form in trace.met),
        drive=tuple(form.terms.get(next(iter(sample.terms)), Fraction(0)) for form in forms),
    )


def _scale(row: list[Fraction], factor: int) -> list[Fraction]:
    return [value * factor for value in row]


def _row(form: Affine, kind: str, count: int) -> list[Fraction]:
    return [form.terms.get((kind, i), Fraction(0)) for i in range(count)]


def _polytope(
    transition: list[list[Fraction]], pushes: list[list[Fraction]], quantities: list[list[Fraction]]
) -> _Polytope:
    """Return the rows of all quantities through G, G², … and the least box in which their bounds close."""
    size = len(transition)
    fraction_bits = max(value.denominator.bit_length() for row in transition + pushes for value in row)
    gain, push = _integers(transition, fraction_bits), _integers(pushes, fraction_bits)
    row = _integers(quantities, _ROW_BITS)
    first_loss = [
        [abs(v * (1 << _ROW_BITS) - w) for v, w in zip(exact, rounded, strict=True)]
        for exact, rounded in zip(quantities, row.tolist(), strict=True)
    ]
    rows, pushed, losses = [row], [], []  # on the scales 2^_ROW_BITS·rows
    while not _faded(row[:size]):
        if len(rows) > _MOST_ROWS:
            raise CheckFailed(f"no invariant: the loop does not decay within {_MOST_ROWS} samples")
        exact = row @ gain
        following = (exact + (1 << (fraction_bits - 1))) >> fraction_bits
        pushed.append(np.abs(row @ push).sum(axis=1))
        losses.append(np.abs(exact - (following << fraction_bits)))
        row = following
        rows.append(row)
    last = np.abs(row) << fraction_bits
    drive, loss = sum(pushed), sum(losses) + last
    box = np.zeros(size, dtype=object)
    while True:  # upwards to the least fixed point, in integers as Z is
        wider = (drive[:size] + loss[:size] @ box) >> (fraction_bits + _ROW_BITS)
        if np.all(wider <= box):
            break
        box = np.maximum(wider, box)
    bounds = [last @ box]
    for by, lost in zip(reversed(pushed), reversed(losses), strict=True):
        bounds.append(bounds[-1] + by + lost @ box)
    bounds.reverse()
    scale = Fraction(1, 1 << (fraction_bits + _ROW_BITS))
    reached = [
        bounds[0][i] * scale + sum(v * z for v, z in zip(first_loss[i], box, strict=True)) / (1 << _ROW_BITS)
        for i in range(len(quantities))
    ]
    return _Polytope(
        tuple(tuple(step[i].tolist()) for i in range(len(quantities)) for step in rows),
        tuple(int(bound[i] >> fraction_bits) for i in range(len(quantities)) for bound in bounds),
        reached,
        [int(b) for b in box],
    )


def _faded(rows: NDArray[np.object_]) -> bool:
    """Return whether each row has decayed to a thousandth, by the sum of its moduli."""
    return all(int(total) << 10 <= 1 << _ROW_BITS for total in np.abs(rows).sum(axis=1))


def _integers(matrix: list[list[Fraction]], fraction_bits: int) -> NDArray[np.object_]:
    """Return the matrix times 2^`fraction_bits`, rounded; exact where no entry has more fractional bits."""
    rounded = [[round(value * (1 << fraction_bits)) for value in row] for row in matrix]
    return np.array(rounded, dtype=object).reshape(len(matrix), -1)
