"""The dense realisation: the Legendre coefficients themselves are the states, every pair is coupled."""

from __future__ import annotations

import numpy as np

from lmu_hw.analog.realisation.network import Readouts, Realisation, from_states
from lmu_hw.core.legendre import input_vector, state_matrix


def dense_realisation(order: int, theta: float, readouts: Readouts) -> Realisation:
    """Return theta dm/dt = A m + B u: order² couplings.

    Args:
        order: the number of states.
        theta: the window in seconds.
        readouts: the outputs, each a sum of the states.
    """
    return from_states("dense", theta, state_matrix(order), input_vector(order), np.eye(order), readouts)
