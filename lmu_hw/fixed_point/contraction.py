"""Dense matrices of few bits that are certain to be stable.

Rounding exp(hA) entry by entry can make it unstable: at order 256, θ/dt = 784, eight bits and one scale for all
entries it is. Here the increment D = exp(hA) − I is rounded instead, x⁺ = x + D̃(x − e₀u), each row with its
own binary point, and one of two things is guaranteed, by a Cholesky factorisation that allows for its own
rounding (`certifies`):

    energy     ‖I + D̃‖₂ ≤ 1 in orthonormal coordinates: the energy of the state never grows without input.
    lyapunov   xᵀWx never grows, for a weight W that comes with the result.

The first needs damping that outweighs the rounding errors in every direction at once, which costs accuracy;
the second is stable by the choice of the roundings, and several times more accurate than the nearest ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lmu_hw.core.legendre import Array
from lmu_hw.core.registry import member
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization, StepMatrices, step_matrices
from lmu_hw.core.system import energy_per_unit
from lmu_hw.errors import DesignError, check_integer
from lmu_hw.fixed_point.datapaths import DenseIncrement, dense_increment
from lmu_hw.fixed_point.datapaths.structured.zoh import transition_of
from lmu_hw.fixed_point.formats import IntArray, finest_fraction, lsb

MIN_BITS, MAX_BITS = 3, 24

_Single = NDArray[np.float32]
_Certified = tuple[Array, Array]  # D̃ in orthonormal coordinates, on the grid, and its weight

_EPS = float(np.finfo(np.float64).eps)
_MARGIN = 1e-9  # below 1 that squared gains are brought, so that rounding cannot spoil the certificate
_MOST_DAMPING = 0.5
_BISECTIONS = 5
_DECAYED, _GROWN = 1e-10, 1e6  # norms of powers at which stability is decided
_DOUBLINGS = 40

# Of the exchanges that bring down the gains:
_EXCHANGES = 60  # rounds at most
_FIRST_MOVE = 0.05  # share of the entries in the first round
_AIM = 0.1  # of the first excess, by which the limit is lowered

# Of the rounding for the least error of the states:
_NEGLIGIBLE = 1e-6  # norm of a power from which on the flow is left out
_SAMPLES = 256  # of the autocorrelation per window; the step sizes need no more
_FIRST_SHARE = 0.005  # of the entries that the first round moves
_ROUNDS = 100  # at most


class Guarantee(StrEnum):
    """What is certain about a rounded matrix; the module's text says what each means."""

    ENERGY = "energy"
    LYAPUNOV = "lyapunov"


@dataclass(frozen=True, eq=False)
class ContractingDense:
    """The increment D̃ as integers, with the certificate of its stability.

    Attributes:
        spec: The specification of the memory.
        bits: The width of a coefficient, its sign included.
        coefficients: The codes in the specification's basis, shape (order, order).
        fractions: The fractional bits of each row, shape (order,).
        weight: The matrix W in orthonormal coordinates, shape (order, order), W − (I + D̃)ᵀW(I + D̃) ≥ 0; the identity
            for the energy guarantee.
    """

    spec: LMUSpec
    bits: int
    coefficients: IntArray
    fractions: IntArray
    weight: Array

    @property
    def matrix(self) -> Array:
        """The increment D̃ as real numbers in the specification's basis, shape (order, order)."""
        return self.coefficients * lsb(self.fractions)[:, None]

    @property
    def certified(self) -> bool:
        """Whether the certificate holds, checked anew."""
        return certifies(self.weight, transition_of(self.spec, self.matrix))

    def increment(self) -> DenseIncrement:
        """The same integers as the increment of a plan."""
        return DenseIncrement(self.coefficients, self.bits, self.fractions)


def contracting_dense(spec: LMUSpec, bits: int, guarantee: Guarantee | str = Guarantee.ENERGY) -> ContractingDense:
    """Round D = G − I to `bits` bits so that stability is certain.

    For the energy guarantee G is damped column by column, G(I − κ diag μ), with μ in proportion to what rounding can
    do to each column, and entries are exchanged with their other neighbour on the grid where that lowers the gains
    above 1; κ is the least that succeeds. For the Lyapunov guarantee entries are rounded for the least error of the
    states (`shaped_rounding`), and κ stays 0 unless the result is unstable.

    Args:
        spec: A memory whose step is an unconditional contraction.
        bits: The width of a coefficient, 3 … 24.
        guarantee: What to certify.

    Raises:
        DesignError: an argument is out of its range, or so few bits leave no contraction.
    """
    bits = check_integer("coefficient bits", bits, MIN_BITS, MAX_BITS)
    if not spec.discretization.unconditional:
        offered = Discretization.names(lambda method: method.unconditional)
        raise DesignError("discretization", f"{offered} for a contracting matrix", spec.discretization)
    wanted = member(Guarantee, guarantee, "guarantee")
    return _SEARCHES[wanted](_Rounder(spec, bits))


def rounded_increment(spec: LMUSpec, bits: int, *, guarantee: Guarantee | str | None = None) -> DenseIncrement:
    """The increment of the dense datapath: rounded to nearest, or with a guarantee so that stability is certain.

    Raises:
        DesignError: for the reasons of `dense_increment` or of `contracting_dense`.
    """
    return dense_increment(spec, bits) if guarantee is None else contracting_dense(spec, bits, guarantee).increment()


def certifies(weight: Array, transition: Array) -> bool:
    """Whether W and W − GᵀWG are certainly positive semidefinite, rounding errors of this check included.

    A Cholesky factorisation in floating point that succeeds proves M ≥ 0 if M was first lowered by a bound on the
    errors: (n + 2)·ε·tr M for the factorisation itself (Rump, Verification of positive definiteness, BIT Numerical
    Mathematics 46 (2006)), and (2n + 16)·ε·‖|W| + |G|ᵀ|W||G|‖ for forming M from entries that are right to a few ε.

    Args:
        weight: The symmetric matrix W, shape (n, n).
        transition: The step matrix G, shape (n, n).
    """
    n = weight.shape[0]
    size = np.abs(transition)
    decrease = weight - transition.T @ weight @ transition
    forming = (2 * n + 16) * _EPS * float(np.linalg.norm(np.abs(weight) + size.T @ np.abs(weight) @ size))
    return _positive(decrease, forming) and _positive(weight, 0.0)


def _positive(matrix: Array, error: float) -> bool:
    """Whether a matrix that is off by at most `error` in norm is certainly positive semidefinite."""
    n = matrix.shape[0]
    symmetric = 0.5 * (matrix + matrix.T)
    slack = 2.0 * (error + (n + 2) * _EPS * float(np.abs(np.diag(symmetric)).sum()))
    try:
        np.linalg.cholesky(symmetric - slack * np.eye(n))
    except np.linalg.LinAlgError:
        return False
    return True


class _Rounder:
    """Roundings of the increment of one memory on one grid, in orthonormal coordinates."""

    def __init__(self, spec: LMUSpec, bits: int) -> None:
        self.spec, self.bits = spec, bits
        self.step: StepMatrices = step_matrices(spec.order, spec.h, spec.discretization)
        self.scale = energy_per_unit(spec)
        self.most = 2 ** (bits - 1) - 1
        natural = self._natural(self.step.transition - np.eye(spec.order))
        self.fractions = finest_fraction(bits, np.abs(natural).max(axis=1))
        self.grid = lsb(self.fractions)[:, None] * self.scale[:, None] / self.scale[None, :]
        self.profile = self._noise_profile()

    def energy(self) -> ContractingDense:
        """The least damping with which exchanges reach a contraction."""
        first = 2.0**-self.bits * 1e-3
        try:
            high, best = self._least(self._nearest, first)
        except DesignError:  # where most of a column rounds to nothing its noise is not what the grid tells
            self.profile = np.ones(self.spec.order)
            high, best = self._least(self._nearest, first)
        low, damping = 0.0, 0.0
        for _ in range(_BISECTIONS):
            found = self._exchanged(damping)
            if found is None:
                low = damping
            else:
                high, best = damping, found
                if damping == 0.0:
                    break
            damping = 0.5 * (low + high)
        return self._result(best)

    def lyapunov(self) -> ContractingDense:
        """Shaped rounding, and the least damping of a doubling sequence where that alone is not stable."""
        power = ErrorPower(self.step)

        def shaped(damping: float) -> _Certified | None:
            matrix = self._held(shaped_rounding(self._target(damping), self.grid, power))
            weight = _lyapunov_weight(matrix)
            return None if weight is None else (matrix, weight)

        found = shaped(0.0)
        if found is not None:
            return self._result(found)
        return self._result(self._least(shaped, 2.0**-self.bits)[1])

    def _result(self, found: _Certified) -> ContractingDense:
        """The integers, with their certificate checked for the last time."""
        matrix, weight = found
        codes = np.rint(self._natural(matrix) / lsb(self.fractions)[:, None]).astype(np.int64)
        result = ContractingDense(self.spec, self.bits, codes, self.fractions, weight)
        if not result.certified:
            raise DesignError("coefficient bits", self._enough, self.bits)
        return result

    @property
    def _enough(self) -> str:
        return f"enough for a contraction at order {self.spec.order}, theta/dt {self.spec.ratio:.4g}"

    def _least(self, attempt: Callable[[float], _Certified | None], damping: float) -> tuple[float, _Certified]:
        """The first damping of a doubling sequence with which `attempt` succeeds, and what it gives.

        Raises:
            DesignError: none does.
        """
        while damping <= _MOST_DAMPING:
            found = attempt(damping)
            if found is not None:
                return damping, found
            damping *= 2.0
        raise DesignError("coefficient bits", self._enough, self.bits)

    def _natural(self, matrix: Array) -> Array:
        """From orthonormal coordinates to the specification's basis."""
        return matrix / self.scale[:, None] * self.scale[None, :]

    def _target(self, damping: float) -> Array:
        """The damped increment, G(I − damping·diag μ) − I."""
        return self.step.transition * (1.0 - damping * self.profile)[None, :] - np.eye(self.spec.order)

    def _held(self, matrix: Array) -> Array:
        """`matrix` on the grid, within the range of the codes."""
        return np.asarray(np.clip(np.rint(matrix / self.grid), -self.most, self.most) * self.grid)

    def _nearest(self, damping: float) -> _Certified | None:
        """Rounded to nearest, if that is a contraction."""
        matrix = self._held(self._target(damping))
        return (matrix, np.eye(self.spec.order)) if _Excess(matrix, 1.0).largest <= 1.0 - _MARGIN else None

    def _exchanged(self, damping: float) -> _Certified | None:
        """Rounded to nearest, then moved to other neighbours down the slope of the excess, until it contracts."""
        target = self._target(damping)
        error = self._held(target) - target
        start = _Excess(target + error, 1.0).largest
        limit = 1.0 - _AIM * max(0.0, start - 1.0)  # aims lower than it must, or the last ones creep
        excess, share = _Excess(target + error, limit), _FIRST_MOVE
        for _ in range(_EXCHANGES):
            if excess.largest <= 1.0 - _MARGIN:
                return target + error, np.eye(self.spec.order)
            move = np.where(error > 0.0, -self.grid, self.grid)
            gain = excess.slope * move + excess.curvature[None, :] * move**2
            chosen = np.argsort(gain, axis=None, kind="stable")[: max(1, int(share * gain.size))]
            chosen = chosen[gain.flat[chosen] < 0.0]
            if chosen.size == 0:
                break
            moved = error.copy()
            moved.flat[chosen] += move.flat[chosen]
            moved = self._held(target + moved) - target
            trial = _Excess(target + moved, limit)
            if trial.total < excess.total:
                error, excess, share = moved, trial, min(1.3 * share, 0.2)
            elif share * error.size < 1.0:
                break
            else:
                share *= 0.5
        return None

    def _noise_profile(self) -> Array:
        """How strongly to damp each column: μ > 0 with the largest entry 1, shape (order,).

        Rounding changes GᵀG by GᵀE + EᵀG, whose entry jk has a variance V_jk known from the grid. μ is chosen so that
        all rows of V_jk/(μ_j μ_k) have the same sum (a symmetric Sinkhorn scaling); then the damping outweighs the
        rounding equally in all columns.
        """
        one_sided = (self.step.transition**2).T @ self.grid**2
        variance = one_sided + one_sided.T
        profile = np.ones(self.spec.order)
        for _ in range(100):
            profile = np.sqrt(profile * (variance / profile[None, :]).sum(axis=1))
        return np.asarray(profile / profile.max())


_SEARCHES: Mapping[Guarantee, Callable[[_Rounder], ContractingDense]] = {
    Guarantee.ENERGY: _Rounder.energy,
    Guarantee.LYAPUNOV: _Rounder.lyapunov,
}


class _Excess:
    """By how much the squared gains of I + D̃ exceed a limit: the sum of squares over all, as a function of D̃.

    Attributes:
        largest: The largest squared gain.
        total: The sum of the squared excesses.
        slope: The gradient of the sum, shape (d, d).
        curvature: About what the square of an entry in each column adds to the sum, shape (d,).
    """

    def __init__(self, matrix: Array, limit: float) -> None:
        transition = matrix + np.eye(matrix.shape[0])
        values, vectors = np.linalg.eigh(transition.T @ transition)
        above = np.maximum(values - limit, 0.0)
        pressure = (vectors * above) @ vectors.T
        self.largest = float(values[-1])
        self.total = float((above**2).sum())
        self.slope: Array = 4.0 * transition @ pressure
        self.curvature: Array = 2.0 * np.diag(pressure)


def _lyapunov_weight(matrix: Array) -> Array | None:
    """W = Σ_k (Gᵀ)ᵏGᵏ with G = I + D̃, by doubling; None where the powers do not decay or no certificate is found."""
    transition = power = matrix + np.eye(matrix.shape[0])
    weight = np.eye(matrix.shape[0])
    for _ in range(_DOUBLINGS):
        size = float(np.linalg.norm(power))
        if size <= _DECAYED:
            return weight if certifies(weight, transition) else None
        if size >= _GROWN:
            break
        weight = weight + power.T @ weight @ power
        power = power @ power
    return None


class ErrorPower:
    """What errors of coefficients cost: the power of the states' error, as a quadratic form in the errors.

    With x⁺ = G x + H u and coefficients of G that are off by E, the error e of the states obeys, to first order,

        e⁺ = G e + E (x − e₀u).

    The form is the sum over all states of the variance of e, per unit variance of a white input u. One Stein equation
    and its adjoint give it with its gradient. It is computed in single precision, since it only ranks candidates,
    which other means judge afterwards.

    Args:
        step: The exact step, a contraction, in the coordinates that E is given in.

    Attributes:
        curvature: About what the square of a single entry of E costs, shape (d, d).
    """

    def __init__(self, step: StepMatrices) -> None:
        g, drive = step.transition.astype(np.float32), step.input.astype(np.float32)
        d = drive.size
        self._powers = [g]
        while float(np.linalg.norm(self._powers[-1])) > _NEGLIGIBLE:
            self._powers.append(self._powers[-1] @ self._powers[-1])
        self._g = g
        states: _Single = self._forward(np.outer(drive, drive))
        self._weight: _Single = self._backward(np.eye(d, dtype=np.float32))
        self._operands = states.copy()  # covariance of z = x − e₀u
        self._operands[0, 0] += 1.0
        self._next = states @ g.T  # E[z x⁺ᵀ]
        self._next[0] -= drive
        self.curvature = self._own_terms(states)

    def gradient(self, e: Array) -> Array:
        """The gradient of the form at E, shape (d, d); the form itself is ½⟨E, gradient⟩."""
        e32 = e.astype(np.float32)
        cross = self._forward(e32 @ self._next)
        weighted = self._weight @ e32
        adjoint = self._backward(self._g.T @ weighted)
        total = weighted @ self._operands + self._weight @ (self._g @ cross) + adjoint @ self._next.T
        return 2.0 * total.astype(np.float64)

    def _forward(self, q: _Single) -> _Single:
        """X = G X Gᵀ + Q by doubling."""
        for power in self._powers:
            q = np.add(q, power @ q @ power.T, dtype=np.float32)
        return q

    def _backward(self, q: _Single) -> _Single:
        """X = Gᵀ X G + Q by doubling."""
        for power in self._powers:
            q = np.add(q, power.T @ q @ power, dtype=np.float32)
        return q

    def _own_terms(self, states: _Single) -> Array:
        """The curvature, from the autocorrelations of the states and of what becomes of an error over time."""
        least = np.outer(np.diag(self._weight), np.diag(self._operands))
        total = least.copy()
        window = 1 << max(0, len(self._powers) - 4)  # the powers have decayed after some 16 of these
        stride = 1 << max(0, (window // _SAMPLES).bit_length() - 1)
        leap = self._powers[stride.bit_length() - 1]
        power = self._g
        rows, columns = [], []
        for _ in range(4 * window // stride):
            rows.append((self._weight * power.T).sum(axis=1))
            columns.append((power * states.T).sum(axis=1))
            power = power @ leap
        total += 2.0 * stride * np.array(rows).T @ np.array(columns)
        return np.asarray(np.maximum(total, 0.1 * least), dtype=np.float64)


def shaped_rounding(target: Array, grid: Array, power: ErrorPower) -> Array:
    """`target` rounded to multiples of `grid` so that the errors of its entries cancel along the flow.

    Only the part of the errors that keeps in step with the flow adds up over the window. That part has far fewer
    dimensions than there are entries, so choosing for each entry between its two neighbours on the grid removes most
    of it, whereas rounding to nearest chooses blindly. The search starts from the nearest multiples and moves, round
    by round, the entries that promise most, as many at a time as still lower the error of the states.

    Args:
        target: The matrix to round, shape (d, d), in the coordinates of `power`.
        grid: The spacing of the multiples for each entry, positive, shape (d, d).
        power: The error power to minimise.

    Returns:
        The rounded matrix, shape (d, d).
    """
    error = np.rint(target / grid) * grid - target
    slope = power.gradient(error)
    value = 0.5 * float(np.vdot(slope, error))
    count = max(1, int(_FIRST_SHARE * error.size))
    for _ in range(_ROUNDS):
        move = np.where(error > 0.0, -grid, grid)  # to the other neighbour
        gain = slope * move + power.curvature * move**2
        order = np.argsort(gain, axis=None, kind="stable")
        while count:
            chosen = order[:count]
            chosen = chosen[gain.flat[chosen] < 0.0]
            if chosen.size == 0:
                return target + error
            change = np.zeros_like(error)
            change.flat[chosen] = move.flat[chosen]
            bend = power.gradient(change)
            moved = value + float(np.vdot(slope, change)) + 0.5 * float(np.vdot(bend, change))
            if moved < value:
                break
            count //= 2
        if count == 0:
            break
        error, slope, value = error + change, slope + bend, moved
        count = min(int(1.6 * count) + 1, error.size)
    return target + error
