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
