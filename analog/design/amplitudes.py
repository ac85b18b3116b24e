"""Amplitude scaling: a realisation in volts, in which no signal leaves its swing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmu_hw.analog.realisation.network import INPUT, Array, Realisation
from lmu_hw.errors import DesignError

LEAST_WEIGHT = 1e-4
"""What moves an output by less than this share of its swing, 80 dB, gets no part."""


@dataclass(frozen=True, eq=False)
class VoltageNetwork:
    """A realisation in volts: (dv/dt; sums) = couplings (v; sums; v_u), in 1/s and V/V.

    Attributes:
        couplings: the couplings, shape (n + q, n + q + 1); the last column is the input's.
        states: the number of states n.
        signals: the names of the states and the sums.
        outputs: the names of the sums that are outputs.
        volts: volts per unit of each signal, shape (n + q,).
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
        """Return the row of a signal."""
        return self.signals.index(signal)

    def response(self, frequencies: ArrayLike) -> NDArray[np.complex128]:
        """Return every signal per volt of input at `frequencies` in Hz, shape (frequencies, n + q)."""
        drive = self.couplings[:, -1:].astype(np.complex128)
        return np.asarray(np.linalg.solve(self.pencil(frequencies), drive)[..., 0], dtype=np.complex128)

    def pencil(self, frequencies: ArrayLike) -> NDArray[np.complex128]:
        """Return s E - K at `frequencies`, where K acts on the signals; shape (frequencies, n + q, n + q).

        E is one for states. A sum's row reads sum = K (v; sums), so its s E is a constant one.
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
        realisation: the network to scale.
        ranges: bounds on the signals for |u| <= 1, shape (n + q,), see `Realisation.certified_ranges`.
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
