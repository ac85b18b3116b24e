"""Realisation and amplitude scaling: the network of integrators and sums that a circuit has to carry out.

A realisation is a choice of state coordinates z for the memory, with the map back to Legendre coordinates, and
of sums on the way. Scaling turns it into voltages. Neither knows what the stages are made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmu_hw.core.bounds import continuous_ranges
from lmu_hw.core.legendre import readout
from lmu_hw.errors import DesignError

Array = NDArray[np.float64]

INPUT = "u"
"""Name of the input signal."""

NEGLIGIBLE = 1e-12
"""A coupling below this share of the largest of its row is rounding noise of a zero, and is made one."""


LEAST_WEIGHT = 1e-4
"""What moves an output by less than this share of its swing, 80 dB, gets no part."""


@dataclass(frozen=True, eq=False)
class Realisation:
    """theta dz/dt and the sums s, both from states, sums and input: (theta dz/dt; s) = couplings (z; s; u).

    The Legendre coefficients are m = legendre_map z. A sum uses earlier sums only.

    Attributes:
        topology: name of the coupling structure: "dense", "chain" or "ladder".
        theta: window in seconds.
        couplings: (n + q, n + q + 1) for n states and q sums, dimensionless; the last column is the input's.
        legendre_map: (order, n), from z to the Legendre coefficients m.
        signals: the names of the states and the sums, in order.
        outputs: the names of those sums that are outputs: "y<k>" for the delays, "m<i>" for coefficients.
        delays: the delays of "y0", "y1", ... as fractions of theta.
    """

    topology: str
    theta: float
    couplings: Array
    legendre_map: Array
    signals: tuple[str, ...]
    outputs: tuple[str, ...]
    delays: tuple[float, ...]

    @property
    def states(self) -> int:
        """Number of states n; they come first among the signals."""
        return int(self.legendre_map.shape[1])

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the columns of `couplings`."""
        return (*self.signals, INPUT)

    @property
    def internal_couplings(self) -> int:
        """Couplings within the memory: from states and sums to those that the states depend on."""
        return int(np.count_nonzero(self.couplings[self._feeding(), :-1]))

    @cached_property
    def direct(self) -> Array:
        """The signals as (z; u) gives them, sums eliminated: shape (n + q, n + 1)."""
        n, rows = self.states, self.couplings
        through = np.zeros((len(self.signals), n + 1))
        through[:n, :n] = np.eye(n)
        for k in range(n, len(self.signals)):
            through[k] = rows[k, :n] @ through[:n] + rows[k, n:-1] @ through[n:]
            through[k, n] += rows[k, -1]
        return through

    @property
    def system(self) -> tuple[Array, Array]:
        """(A, B) of theta dz/dt = A z + B u, sums eliminated: shapes (n, n) and (n,)."""
        n = self.states
        rates = self.couplings[:n, :-1] @ self.direct
        return rates[:, :n], rates[:, n] + self.couplings[:n, -1]

    def certified_ranges(self) -> Array:
        """Upper bounds on |z_i| and |s_k| for any |u(t)| <= 1, shape (n + q,): L1 norms of impulse responses."""
        order = len(self.legendre_map)
        from_legendre = np.linalg.inv(self.legendre_map)
        rows = self.direct[:, :-1] @ from_legendre
        return np.asarray(continuous_ranges(order, rows) + np.abs(self.direct[:, -1]), dtype=np.float64)

    def readout_rows(self) -> list[int]:
        """Rows of the outputs that nothing else uses."""
        rows = [self.signals.index(name) for name in self.outputs]
        return [row for row in rows if not self.couplings[:, row].any()]

    def _feeding(self) -> list[int]:
        """Rows of the states and of the sums that, by way of others, reach one."""
        used = np.zeros(len(self.signals), dtype=bool)
        used[: self.states] = True
        while True:
            more = used | np.any(self.couplings[used, :-1] != 0.0, axis=0)
            if np.array_equal(more, used):
                return np.flatnonzero(used).tolist()
            used = more


@dataclass(frozen=True, eq=False)
class VoltageNetwork:
    """A realisation in volts: (dv/dt; sums) = couplings (v; sums; v_u), in 1/s and V/V.

    Attributes:
        couplings: (n + q, n + q + 1).
        states: n.
        signals: names of the states and the sums.
        outputs: names of the sums that are outputs.
        volts: (n + q,), volts per unit of each signal.
        input_volts: volts per unit of u.
    """

    couplings: Array
    states: int
    signals: tuple[str, ...]
    outputs: tuple[str, ...]
    volts: Array
    input_volts: float

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the columns of `couplings`."""
        return (*self.signals, INPUT)

    def index(self, signal: str) -> int:
        """Row of a signal."""
        return self.signals.index(signal)

    def response(self, frequencies: ArrayLike) -> NDArray[np.complex128]:
        """Every signal per volt of input at `frequencies` in Hz, shape (frequencies, n + q)."""
        drive = self.couplings[:, -1:].astype(np.complex128)
        return np.asarray(np.linalg.solve(self.pencil(frequencies), drive)[..., 0], dtype=np.complex128)

    def pencil(self, frequencies: ArrayLike) -> NDArray[np.complex128]:
        """s E - K at `frequencies`, E = 1 for states, shape (frequencies, n + q, n + q); K acts on the signals.

        A sum's row reads sum = K (v; sums), so its E is a constant one.
        """
        s = 2j * np.pi * np.atleast_1d(np.asarray(frequencies, dtype=np.float64))
        size = len(self.signals)
        diagonal = np.ones((s.size, size), dtype=np.complex128)
        diagonal[:, : self.states] = s[:, None]
        return np.asarray(diagonal[:, :, None] * np.eye(size) - self.couplings[:, :-1], dtype=np.complex128)


def scale_amplitudes(
    realisation: Realisation, ranges: ArrayLike, *, swing: float, input_volts: float
) -> VoltageNetwork:
    """Scale every state and sum so that its certified range fills the allowed swing.

    Far readouts of a ladder have weights that fall by many decades; those below `LEAST_WEIGHT` are left out.

    Args:
        realisation: the system to scale.
        ranges: (n + q,) bounds on the signals for |u| <= 1, see `Realisation.certified_ranges`.
        swing: largest voltage that any signal may reach, V.
        input_volts: input voltage that stands for u = 1, V.

    Raises:
        DesignError: the ranges are not as many as the signals, or not positive and finite.
    """
    bounds = np.asarray(ranges, dtype=np.float64)
    if bounds.shape != (len(realisation.signals),):
        raise DesignError("ranges of the signals", f"{len(realisation.signals)} numbers", f"shape {bounds.shape}")
    if not np.all(np.isfinite(bounds) & (bounds > 0)):
        raise DesignError("ranges of the signals", "positive and finite", bounds.tolist())
    volts = swing / bounds
    per_unit = np.append(volts, input_volts)
    couplings = realisation.couplings * volts[:, None] / per_unit[None, :]
    couplings[: realisation.states] /= realisation.theta
    for row in realisation.readout_rows():
        couplings[row, np.abs(couplings[row]) < LEAST_WEIGHT] = 0.0
    return VoltageNetwork(
        couplings=couplings,
        states=realisation.states,
        signals=realisation.signals,
        outputs=realisation.outputs,
        volts=volts,
        input_volts=input_volts,
    )


def significant(rows: NDArray[Any]) -> Array:
    """`rows` with what is rounding noise of a zero made zero; see `NEGLIGIBLE`."""
    largest = np.max(np.abs(rows), axis=-1, keepdims=True, initial=0.0)
    return np.where(np.abs(rows) > NEGLIGIBLE * largest, rows, 0.0)


@dataclass(frozen=True)
class Readouts:
    """What a circuit gives out beside its states.

    Attributes:
        delays: delays as fractions of theta in [0, 1]: the outputs y0, y1, ...
        coefficients: whether the Legendre coefficients are outputs too: m0, m1, ...
    """

    delays: tuple[float, ...] = (1.0,)
    coefficients: bool = False

    def names(self, order: int) -> tuple[str, ...]:
        """The outputs' names, in order."""
        coefficients = range(order) if self.coefficients else ()
        return (*(f"y{k}" for k in range(len(self.delays))), *(f"m{i}" for i in coefficients))

    def rows(self, order: int) -> Array:
        """The outputs from the Legendre coefficients, shape (outputs, order).

        Raises:
            DesignError: a delay is not a fraction from 0 to 1.
        """
        delayed = readout(order, self.delays) if self.delays else np.empty((0, order))
        return np.vstack([delayed, np.eye(order)]) if self.coefficients else delayed
