"""The network of integrators and sums that a circuit has to carry out.

A realisation is a choice of state coordinates z for the memory, with the map back to Legendre coordinates, and
of sums on the way. It has no units, which amplitude scaling gives it, and does not depend on the technology.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmu_hw.core.bounds import continuous_ranges
from lmu_hw.core.display import Displayed
from lmu_hw.core.legendre import readout

Array = NDArray[np.float64]

INPUT = "u"
"""The name of the input signal."""

NEGLIGIBLE = 1e-12
"""A coupling below this share of the largest in its row is the rounding noise of a zero, and is set to zero."""


@dataclass(frozen=True, eq=False, repr=False)
class Realisation(Displayed):
    """The network (theta dz/dt; s) = couplings (z; s; u) of n states z and q sums s.

    The Legendre coefficients are m = legendre_map z. A sum uses earlier sums only.

    Attributes:
        topology: The name of the coupling structure: "dense", "chain" or "ladder".
        theta: The window, s.
        couplings: The couplings, dimensionless, shape (n + q, n + q + 1); the last column is that of the input.
        legendre_map: The map from z to the Legendre coefficients m, shape (order, n).
        signals: The names of the states and the sums, in order.
        outputs: The names of those sums that are outputs: "y<k>" for delays, "m<i>" for coefficients.
        delays: The delays of "y0", "y1", ... as fractions of theta.
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
        """The number of states n, which come first among the signals."""
        return int(self.legendre_map.shape[1])

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the columns of `couplings`: the signals, then the input."""
        return (*self.signals, INPUT)

    @property
    def internal_couplings(self) -> int:
        """The number of couplings within the memory: into the states, and into the sums on which they depend."""
        return int(np.count_nonzero(self.couplings[self._feeding(), :-1]))

    @cached_property
    def direct(self) -> Array:
        """The signals as combinations of (z; u), with the sums eliminated, shape (n + q, n + 1)."""
        n, rows = self.states, self.couplings
        through = np.zeros((len(self.signals), n + 1))
        through[:n, :n] = np.eye(n)
        for k in range(n, len(self.signals)):
            through[k] = rows[k, :n] @ through[:n] + rows[k, n:-1] @ through[n:]
            through[k, n] += rows[k, -1]
        return through

    @property
    def system(self) -> tuple[Array, Array]:
        """A and B of theta dz/dt = A z + B u, with the sums eliminated, shapes (n, n) and (n,)."""
        n = self.states
        rates = self.couplings[:n, :-1] @ self.direct
        return rates[:, :n], rates[:, n] + self.couplings[:n, -1]

    def certified_ranges(self) -> Array:
        """Return bounds on |z_i| and |s_k| for any |u(t)| <= 1, the L1 norms of impulse responses, shape (n + q,)."""
        order = len(self.legendre_map)
        from_legendre = np.linalg.inv(self.legendre_map)
        rows = self.direct[:, :-1] @ from_legendre
        return np.asarray(continuous_ranges(order, rows) + np.abs(self.direct[:, -1]), dtype=np.float64)

    def readout_rows(self) -> list[int]:
        """Return the rows of those outputs that no other signal depends on."""
        rows = [self.signals.index(name) for name in self.outputs]
        return [row for row in rows if not self.couplings[:, row].any()]

    def _feeding(self) -> list[int]:
        """Return the rows of the states and of the sums on which, directly or through others, a state depends."""
        used = np.zeros(len(self.signals), dtype=bool)
        used[: self.states] = True
        while True:
            more = used | np.any(self.couplings[used, :-1] != 0.0, axis=0)
            if np.array_equal(more, used):
                return np.flatnonzero(used).tolist()
            used = more


def significant(rows: NDArray[Any]) -> Array:
    """Return `rows` with the rounding noise of zeros set to zero, see `NEGLIGIBLE`."""
    largest = np.max(np.abs(rows), axis=-1, keepdims=True, initial=0.0)
    return np.where(np.abs(rows) > NEGLIGIBLE * largest, rows, 0.0)


@dataclass(frozen=True)
class Readouts:
    """The outputs of a circuit besides its states.

    Attributes:
        delays: The delays of the outputs y0, y1, ... as fractions of theta, in [0, 1].
        coefficients: Whether the Legendre coefficients are outputs too, as m0, m1, ....
    """

    delays: tuple[float, ...] = (1.0,)
    coefficients: bool = False

    def names(self, order: int) -> tuple[str, ...]:
        """Return the outputs' names, in order."""
        coefficients = range(order) if self.coefficients else ()
        return (*(f"y{k}" for k in range(len(self.delays))), *(f"m{i}" for i in coefficients))

    def rows(self, order: int) -> Array:
        """Return the matrix from the Legendre coefficients to the outputs, shape (outputs, order).

        Raises:
            DesignError: A delay is not from 0 to 1.
        """
        delayed = readout(order, self.delays) if self.delays else np.empty((0, order))
        return np.vstack([delayed, np.eye(order)]) if self.coefficients else delayed


def from_states(
    topology: str, theta: float, matrix: Array, inputs: Array, legendre_map: Array, readouts: Readouts
) -> Realisation:
    """Return the realisation theta dz/dt = matrix z + inputs u, whose only sums are the outputs.

    Args:
        topology: The name of the topology.
        theta: The window, s.
        matrix: The state matrix, shape (n, n).
        inputs: The input vector, shape (n,).
        legendre_map: The map from z to the Legendre coefficients, shape (order, n).
        readouts: The outputs.

    Raises:
        DesignError: A delay is not from 0 to 1.
    """
    order, states = legendre_map.shape
    names = readouts.names(order)
    size = states + len(names)
    couplings = np.zeros((size, size + 1))
    couplings[:states, :states] = matrix
    couplings[:states, -1] = inputs
    couplings[states:, :states] = readouts.rows(order) @ legendre_map
    return Realisation(
        topology=topology,
        theta=theta,
        couplings=significant(couplings),
        legendre_map=legendre_map,
        signals=(*(f"x{i}" for i in range(states)), *names),
        outputs=names,
        delays=readouts.delays,
    )
