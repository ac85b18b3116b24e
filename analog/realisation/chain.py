"""The chain: the recurrence that gives A m + B u in order multiplications, as summing stages.

With T = sum of all m_j, the sums s_0 = T - u, s_1 = T + u - 2 m_0 and s_i = s_{i-2} - 2 m_{i-1} give
theta dm_i/dt = -(2i + 1) s_i. (The recurrence P'_{n+1} - P'_{n-1} = (2n + 1) P_n read backwards, where
s_{-1} = T + u has been put into s_1.) T is the readout at the delay theta too.
"""

from __future__ import annotations

import numpy as np

from lmu_hw.analog.realisation.network import Readouts, Realisation, significant
from lmu_hw.core.legendre import odd_weights


def chain_realisation(order: int, theta: float, readouts: Readouts) -> Realisation:
    """Return the chain of `order` integrators and `order` + 1 sums: 4 order - 1 couplings.

    Args:
        order: the number of states.
        theta: the window in seconds.
        readouts: the outputs; that of the first delay 1, where it is asked for, is the sum T itself.
    """
    d = order
    names = readouts.names(order)
    total = f"y{readouts.delays.index(1.0)}" if 1.0 in readouts.delays else "t"
    sums = [total, *(f"s{i}" for i in range(d))]
    others = [(name, row) for name, row in zip(names, readouts.rows(order), strict=True) if name != total]
    signals = (*(f"x{i}" for i in range(d)), *sums, *(name for name, _ in others))
    couplings = np.zeros((len(signals), len(signals) + 1))
    at = {name: k for k, name in enumerate(signals)}

    couplings[at[total], :d] = 1.0
    for i, weight in enumerate(odd_weights(d).tolist()):
        couplings[i, at[f"s{i}"]] = -weight
        row = couplings[at[f"s{i}"]]
        row[at[total] if i < 2 else at[f"s{i - 2}"]] = 1.0
        if i > 0:
            row[i - 1] = -2.0
        if i < 2:
            row[-1] = -1.0 if i == 0 else 1.0
    for name, weights in others:
        couplings[at[name], :d] = weights
    return Realisation(
        topology="chain",
        theta=theta,
        couplings=significant(couplings),
        legendre_map=np.eye(d),
        signals=signals,
        outputs=names,
        delays=readouts.delays,
    )
