"""Amplitude scaling: a realisation in volts, in which no signal exceeds its swing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import expm

from lmu_hw.analog.realisation.network import INPUT, Array, Realisation
from lmu_hw.core.display import Displayed
from lmu_hw.errors import DesignError

LEAST_WEIGHT = 1e-5
"""A coupling that moves an output by less than this share of its swing, -100 dB, gets no part, and is reported."""

_SAMPLES = 6000  # of an impulse response, over six windows


@dataclass(frozen=True, eq=False, repr=False)
class VoltageNetwork(Displayed):
    """A realisation in volts: (dv/dt; sums) = couplings (v; sums; v_u).

    Attributes:
        couplings: The couplings of n states, 1/s, and q sums, V/V, shape (n + q, n + q + 1); the last column is that of
            the input.
        states: The number of states n.
        signals: The names of the states and the sums.
        outputs: The names of the sums that are outputs.
        volts: The voltage that stands for one unit of each signal, V, shape (n + q,).
        input_volts: The voltage that stands for u = 1, V.
        dropped: The couplings to outputs that were left out, as (sink, source, V/V).
    """

    couplings: Array
    states: int
    signals: tuple[str, ...]
    outputs: tuple[str, ...]
    volts: Array
    input_volts: float
    dropped: tuple[tuple[str, str, float], ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the columns of `couplings`: the signals, then the input."""
        return (*self.signals, INPUT)

    def index(self, signal: str) -> int:
        """Return the row of a signal."""
        return self.signals.index(signal)

    def response(self, frequencies: ArrayLike) -> NDArray[np.complex128]:
        """Return every signal per volt of input at `frequencies` in Hz, V/V, shape (frequencies, n + q)."""
        drive = self.couplings[:, -1:].astype(np.complex128)
        return np.asarray(np.linalg.solve(self.pencil(frequencies), drive)[..., 0], dtype=np.complex128)

    def pencil(self, frequencies: ArrayLike) -> NDArray[np.complex128]:
        """Return the matrix of the signals at `frequencies` in Hz, shape (frequencies, n + q, n + q).

        With K the couplings without the input, its rows are s v - K (v; sums) for states and sum - K (v; sums) for
        sums; both equal the coupling to the input, times the input.
        """
        s = 2j * np.pi * np.atleast_1d(np.asarray(frequencies, dtype=np.float64))
        size = len(self.signals)
        diagonal = np.ones((s.size, size), dtype=np.complex128)
        diagonal[:, : self.states] = s[:, None]
        return np.asarray(diagonal[:, :, None] * np.eye(size) - self.couplings[:, :-1], dtype=np.complex128)

    def growth(self, exact: VoltageNetwork, theta: float) -> float:
        """Return by how much the range of a signal exceeds that of the same signal in `exact`, at most, as a ratio.

        Ranges are the L1 norms of impulse responses. Those of both networks are computed alike, by sampling, so that
        the error of that does not count.

        Args:
            exact: The network with certified bounds, whose signals are the same.
            theta: The window, s.
        """
        ratios = self._norms(theta) / exact._norms(theta)
        return float(np.max(ratios))

    def _norms(self, theta: float) -> Array:
        """Return the L1 norm of each signal's impulse response by sampling, per volt, shape (n + q,)."""
        n, size = self.states, len(self.signals)
        # With the sums eliminated, all signals are rows of the states and the input.
        sums = np.linalg.solve(np.eye(size - n) - self.couplings[n:, n:-1], self.couplings[n:][:, [*range(n), -1]])
        direct = np.vstack([np.eye(n, n + 1), sums.reshape(size - n, n + 1)])
        joined = self.couplings[:n, :-1] @ direct
        joined[:, n] += self.couplings[:n, -1]
        step = 6.0 * theta / _SAMPLES
        flow = expm(step * joined[:, :n])
        state, total = joined[:, n], np.zeros(size)
        for _ in range(_SAMPLES):
            total += np.abs(direct[:, :n] @ state)
            state = flow @ state
        return np.asarray(step * total + np.abs(direct[:, n]), dtype=np.float64)


def band_edge(states: int, theta: float) -> float:
    """Return the edge of the band over which errors and noise of a memory are computed, states/(4 theta), Hz."""
    return states / (4.0 * theta)


def band_frequencies(network: VoltageNetwork, theta: float, points: int) -> Array:
    """Return frequencies that share the band of a memory evenly, Hz, shape (points,).

    Args:
        network: The scaled system.
        theta: The window, s.
        points: The number of frequencies.
    """
    return band_edge(network.states, theta) * (np.arange(points) + 0.5) / points


def scale_amplitudes(
    realisation: Realisation, ranges: ArrayLike, *, swing: float, input_volts: float
) -> VoltageNetwork:
    """Scale every state and sum so that its certified range fills the allowed swing.

    The weights of a readout of a ladder fall by many decades along its states; those below `LEAST_WEIGHT` become zero.

    Args:
        realisation: The network to scale.
        ranges: Bounds on the signals for |u| <= 1, shape (n + q,), see `Realisation.certified_ranges`.
        swing: The largest voltage that any signal may reach, V.
        input_volts: The voltage that stands for u = 1, V.

    Raises:
        DesignError: The ranges are not as many as the signals, or not positive and finite.
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
    dropped = []
    for row in realisation.readout_rows():
        for column in np.flatnonzero((np.abs(couplings[row]) < LEAST_WEIGHT) & (couplings[row] != 0.0)).tolist():
            dropped.append((realisation.signals[row], realisation.sources[column], float(couplings[row, column])))
            couplings[row, column] = 0.0
    return VoltageNetwork(
        couplings=couplings,
        states=realisation.states,
        signals=realisation.signals,
        outputs=realisation.outputs,
        volts=volts,
        input_volts=input_volts,
        dropped=tuple(dropped),
    )
