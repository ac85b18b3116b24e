"""The delay readout's frequency response at any order, in O(order) per frequency.

A m + B u = −(2i+1)·s_i and s_{i+1} = s_{i−1} − 2m_i (see `lmu_hw.legendre.chain_operands`), so at the complex
frequency S = sθ, where S·m_i = −(2i+1)·s_i, the running values obey s_{i−1} = s_{i+1} − 2(2i+1)·s_i/S. The sum of
the chain's equations gives s_d = −s_{d−1}; from there the recurrence is run downwards, the direction in which it
is stable, and s_{−1} = T + u, s_0 = T − u give the readout T of the delay θ.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def full_delay_response(order: int, cycles_per_window: ArrayLike) -> NDArray[np.complex128]:
    """T/u at `cycles_per_window` = frequency·θ > 0, complex, of the same shape: the [d−1/d] Padé of a delay of θ."""
    s = 2j * np.pi * np.asarray(cycles_per_window, dtype=np.float64)
    after, here = -np.ones_like(s), np.ones_like(s)
    for i in range(order - 1, -1, -1):
        after, here = here, after - (2.0 * (2 * i + 1)) / s * here
        size = np.maximum(np.abs(here), np.abs(after))
        after, here = after / size, here / size
    return np.asarray((here + after) / (here - after), dtype=np.complex128)


def pade_error(order: int, cycles_per_window: ArrayLike) -> NDArray[np.float64]:
    """|T/u − e^{−sθ}|, of the shape of `cycles_per_window`: 0 is a perfect delay, 2 the worst phase."""
    s = 2j * np.pi * np.asarray(cycles_per_window, dtype=np.float64)
    return np.asarray(np.abs(full_delay_response(order, cycles_per_window) - np.exp(-s)), dtype=np.float64)
