"""The dense realisation: the Legendre coefficients themselves are the states, every pair is coupled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lmu_hw.analog.realisation import Realisation
from lmu_hw.legendre import input_vector, readout, state_matrix


def dense_realisation(order: int, theta: float, delays: Sequence[float] = (1.0,)) -> Realisation:
    """Return theta dm/dt = A m + B u with the readouts of `delays` (fractions of theta in [0, 1])."""
    return Realisation(
        topology="dense",
        theta=theta,
        state_matrix=state_matrix(order),
        input_vector=input_vector(order),
        legendre_map=np.eye(order),
        readout=readout(order, delays) if len(delays) else np.empty((0, order)),
        delays=tuple(float(delay) for delay in delays),
    )
