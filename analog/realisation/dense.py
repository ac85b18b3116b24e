"""The dense realisation: the Legendre coefficients themselves are the states, every pair is coupled."""

from __future__ import annotations

import numpy as np

from lmu_hw.analog.realisation.network import Array, Readouts, Realisation, significant
from lmu_hw.core.legendre import input_vector, state_matrix


def dense_realisation(order: int, theta: float, readouts: Readouts) -> Realisation:
    """Return theta dm/dt = A m + B u: order² couplings.

    Args:
        order: number of states.
        theta: window in seconds.
        readouts: the outputs, each a sum of the states.
    """
    return from_states("dense", theta, state_matrix(order), input_vector(order), np.eye(order), readouts)


def from_states(
    topology: str, theta: float, matrix: Array, inputs: Array, legendre_map: Array, readouts: Readouts
) -> Realisation:
    """A realisation theta dz/dt = matrix z + inputs u whose only sums are the outputs."""
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
