"""What one unit of each kind of error comes to in a quantised loop, in the worst case and in the mean square.

The claims and their proofs stand in docs/ranges.md, docs/error-bound.md, docs/noise.md and docs/limit-set.md; each
function names the steps that it carries out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lmu_hw.core.bounds import Flow, l1_bound, noise_power, power_sum
from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import StepMatrices, step_matrices
from lmu_hw.core.system import energy_per_unit
from lmu_hw.fixed_point.datapaths import Increment
from lmu_hw.fixed_point.plan import realised_step

_PEAK_FACTOR = 8.0  # of a worst case over a root mean square, where it is only estimated


@dataclass(frozen=True, eq=False)
class Loop:
    """A quantised loop of integrators as a linear system z⁺ = G z + H u in orthonormal coordinates.

    Its outputs are the states, then the readouts.

    Attributes:
        spec: The specification.
        increment: The integers that compute the increments.
        error_feedback: Whether each requantisation of a state word carries its residue over to the next.
        readouts: The readouts as realised, per unit of the states, shape (readouts, order).
        exact_readouts: The readouts as they should be, of the same shape.
    """

    spec: LMUSpec
    increment: Increment
    error_feedback: bool
    readouts: Array
    exact_readouts: Array

    @cached_property
    def step(self) -> StepMatrices:
        """The step that the integers realise, roundings of words apart."""
        return realised_step(self.spec, self.increment)

    @cached_property
    def rows(self) -> Array:
        """The outputs per unit of each state, shape (outputs, order)."""
        return np.vstack([np.eye(self.spec.order), self.readouts])

    @cached_property
    def unit(self) -> Array:
        """Orthonormal coordinates per unit of each state, for all banks of states, shape (n,)."""
        return np.tile(energy_per_unit(self.spec), len(self.spec.discretization.bank_gains))

    @cached_property
    def word_errors(self) -> Array:
        """What one unit of error in each state word adds to z a sample later, shape (n, order)."""
        return self.spread(self.increment.state_gain)

    @cached_property
    def inner(self) -> Array:
        """What one unit of error in each rounding inside the increment adds to z later, shape (n, roundings)."""
        return self.spread(self.increment.noise_gain)

    @cached_property
    def accumulation(self) -> Array:
        """What one unit of error in each accumulated increment adds to z a sample later, shape (n, order)."""
        return self.spread(np.eye(self.spec.order))

    @cached_property
    def observed(self) -> Array:
        """The outputs per unit of each coordinate of z, shape (outputs, n)."""
        return self.outputs(np.eye(self.step.input.size))

    def spread(self, matrix: Array) -> Array:
        """What increments do to z, shape (n, …), for increments in units of the states, shape (order, …).

        Every bank of states takes them in with its own gain.
        """
        banks = np.concatenate([gain * matrix for gain in self.spec.discretization.bank_gains])
        return np.asarray(banks * self.unit[:, None])

    def states(self, z: Array) -> Array:
        """The states in their units, shape (order, …), from columns of z, shape (n, …): those of the last bank."""
        return np.asarray(z[-self.spec.order :] / self.unit[-self.spec.order :, None])

    def outputs(self, z: Array) -> Array:
        """The states and the readouts, shape (outputs, …), from columns of z, shape (n, …)."""
        x = self.states(z)
        return np.concatenate([x, self.readouts @ x]) if self.readouts.size else x  # no product with the identity


@dataclass(frozen=True, eq=False)
class Ranges:
    """Upper bounds for |u| ≤ 1, roundings of words apart.

    Attributes:
        outputs: The bounds on |output|, shape (outputs,).
        operands: The bounds on |operand| in units of the states, the present sample included, shape (operands,).
    """

    outputs: Array
    operands: Array


@dataclass(frozen=True, eq=False)
class WordErrors:
    """How the error of a requantised state word reaches the outputs (docs/error-bound.md, step 4).

    Attributes:
        later: What one unit of it adds to z, from where on the loop alone carries it, shape (n, order).
        words: What it adds before that where state words are read, a map for each sample, shape (order, order) each.
        wide: The same where accumulators are read.
    """

    later: Array
    words: tuple[Array, ...]
    wide: tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class ErrorGains:
    """What one unit of each kind of error comes to at the outputs, shape (outputs,) each.

    Attributes:
        feedback: The gain of errors of requantised state words through the loop.
        words: The gain of the same errors before that, where the state words are read.
        wide: The same where the accumulators are read.
        internal: The gain of errors of roundings inside the increment.
    """

    feedback: Array
    words: Array
    wide: Array
    internal: Array


@dataclass(frozen=True, eq=False)
class LoopAnalysis:
    """All gains of a loop: everything about its errors that does not depend on the grids of the words.

    Attributes:
        rows: The outputs per unit of each state, shape (outputs, order).
        ranges: Upper bounds for |u| ≤ 1.
        worst: The worst cases at the outputs, per unit of error.
        power: The mean squares at the outputs, per unit of variance.
        input_power: The mean squares per unit of variance of errors of the input, shape (outputs,).
        accumulation_power: The mean squares per unit of variance of errors of accumulated increments, shape (outputs,).
        accumulation_gain: The worst cases per unit of error of accumulated increments, shape (outputs,).
        coefficient_gain: The largest deviations that the coefficients cause for |u| ≤ 1, shape (outputs,).
    """

    rows: Array
    ranges: Ranges
    worst: ErrorGains
    power: ErrorGains
    input_power: Array
    accumulation_power: Array
    accumulation_gain: Array
    coefficient_gain: Array


def analyse(loop: Loop, *, certified: bool = True) -> LoopAnalysis:
    """Find all gains of a loop.

    Args:
        loop: The loop.
        certified: Whether to prove the worst cases. Otherwise they are estimates, eight times the root mean squares,
            and what coefficients cost is left at zero: much faster, and good enough to weigh designs, not to build one.

    Raises:
        DesignError: the loop is not provably stable.
    """
    ranges = find_ranges(loop)
    error = follow_word_errors(loop)
    power = mean_squares(loop, error)
    return LoopAnalysis(
        rows=loop.rows,
        ranges=ranges,
        worst=worst_cases(loop, error) if certified else _estimated(loop, error, power),
        power=power,
        input_power=noise_power(loop.step.transition, loop.step.input[:, None], loop.observed),
        accumulation_power=noise_power(loop.step.transition, loop.accumulation, loop.observed),
        accumulation_gain=accumulation_gain(loop),
        coefficient_gain=coefficient_gain(loop) if certified else np.zeros(loop.rows.shape[0]),
    )


def find_ranges(loop: Loop) -> Ranges:
    """The ranges of outputs and operands at once (docs/ranges.md, steps 1 to 3)."""
    increment, outputs = loop.increment, loop.rows.shape[0]
    bound = l1_bound(
        Flow.of(loop.step.transition),
        loop.step.input[:, None],
        lambda z: np.concatenate([loop.outputs(z), increment.operands(loop.states(z))]),
        tail=1e-4,
    )[:, 0]
    return Ranges(bound[:outputs], bound[outputs:] + np.abs(increment.operand_input))


def follow_word_errors(loop: Loop) -> WordErrors:
    """Where errors of state words go (docs/error-bound.md, step 4).

    With error feedback, summation by parts moves each residue to its neighbour in time.
    """
    eye = np.eye(loop.spec.order)
    if not loop.error_feedback:
        return WordErrors(loop.word_errors, words=(eye,), wide=())
    once = loop.states(loop.word_errors)
    later = (loop.step.transition - np.eye(loop.step.input.size)) @ loop.word_errors
    return WordErrors(later, words=(eye, once - eye), wide=(once,))


def mean_squares(loop: Loop, error: WordErrors) -> ErrorGains:
    """The mean squares at the outputs per unit of variance of each kind of error (docs/noise.md, steps 1 and 2)."""
    return ErrorGains(
        feedback=noise_power(loop.step.transition, error.later, loop.observed),
        words=_squares(loop, error.words),
        wide=_squares(loop, error.wide),
        internal=noise_power(loop.step.transition, loop.inner, loop.observed),
    )


def worst_cases(loop: Loop, error: WordErrors) -> ErrorGains:
    """The worst cases at the outputs per unit of each kind of error (docs/error-bound.md, steps 3 and 4)."""
    d = loop.spec.order
    sources = np.column_stack([error.later, loop.inner])
    bound = l1_bound(Flow.of(loop.step.transition), sources, loop.outputs, tail=1e-4)
    return ErrorGains(
        feedback=bound[:, :d].sum(axis=1),
        words=_moduli(loop, error.words),
        wide=_moduli(loop, error.wide),
        internal=bound[:, d:].sum(axis=1),
    )


def accumulation_gain(loop: Loop) -> Array:
    """The worst cases per unit of error of accumulated increments, shape (outputs,) (docs/error-bound.md, step 5)."""
    per_unit = float(np.linalg.norm(loop.accumulation)) * power_sum(loop.step.transition)
    return np.asarray(per_unit * np.linalg.norm(loop.rows / loop.unit[-loop.spec.order :][None, :], axis=1))


def coefficient_gain(loop: Loop) -> Array:
    """The largest deviations that rounded coefficients cause, shape (outputs,) (docs/error-bound.md, step 2).

    The realised and the exact system run side by side, and the range of their difference is bounded.
    """
    spec, n = loop.spec, loop.step.input.size
    exact = step_matrices(spec.order, spec.h, spec.discretization)
    exact_rows = np.vstack([np.eye(spec.order), loop.exact_readouts])
    return l1_bound(
        Flow.of(loop.step.transition, exact.transition),
        np.concatenate([loop.step.input, exact.input])[:, None],
        lambda z: loop.outputs(z[:n]) - exact_rows @ loop.states(z[n:]),
        work=math.inf,  # the two cancel to many digits, so nothing may be skipped
        tail=1e-10,
    )[:, 0]


def _estimated(loop: Loop, error: WordErrors, power: ErrorGains) -> ErrorGains:
    """Estimates in place of worst cases, from the mean squares."""
    feedback, internal = (_PEAK_FACTOR * np.sqrt(each) for each in (power.feedback, power.internal))
    return ErrorGains(feedback, _moduli(loop, error.words), _moduli(loop, error.wide), internal)


def _moduli(loop: Loop, maps: tuple[Array, ...]) -> Array:
    """The sum of the moduli of what the outputs see through each map, shape (outputs,)."""
    return np.asarray(sum((np.abs(loop.rows @ each).sum(axis=1) for each in maps), np.zeros(loop.rows.shape[0])))


def _squares(loop: Loop, maps: tuple[Array, ...]) -> Array:
    """The sum of the squares of what the outputs see through each map, shape (outputs,)."""
    return np.asarray(sum((np.square(loop.rows @ each).sum(axis=1) for each in maps), np.zeros(loop.rows.shape[0])))
