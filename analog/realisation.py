"""Realisation and amplitude scaling: the linear system that a network of integrators has to carry out.

A realisation is a choice of state coordinates z for the memory, with the map back to Legendre coordinates.
Scaling turns it into voltages. Neither knows what the integrators are made of.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmu_hw.errors import DesignError

Array = NDArray[np.float64]

NEGLIGIBLE = 1e-12
"""A coupling below this share of the largest of its row is rounding noise of a zero, and is made one."""


@dataclass(frozen=True, eq=False)
class Realisation:
    """theta dz/dt = A z + B u,  m = legendre_map z,  y = readout z.

    Attributes:
        topology: name of the coupling structure, for example "dense".
        theta: window in seconds.
        state_matrix: A, (n, n), dimensionless.
        input_vector: B, (n,), dimensionless.
        legendre_map: (order, n), from z to the Legendre coefficients m.
        readout: (outputs, n), from z to the delayed outputs.
        delays: the outputs' delays as fractions of theta, (outputs,).
    """

    topology: str
    theta: float
    state_matrix: Array
    input_vector: Array
    legendre_map: Array
    readout: Array
    delays: tuple[float, ...]

    @property
    def states(self) -> int:
        """Number of states n."""
        return len(self.input_vector)


@dataclass(frozen=True, eq=False)
class VoltageNetwork:
    """A realisation in volts: dv/dt = rates v + input_rates v_u,  v_y = weights v.

    Attributes:
        rates: (n, n), 1/s.
        input_rates: (n,), 1/s.
        weights: (outputs, n), V/V.
        state_volts: (n,), volts per unit of z.
        input_volts: volts per unit of u.
        output_volts: (outputs,), volts per unit of y.
    """

    rates: Array
    input_rates: Array
    weights: Array
    state_volts: Array
    input_volts: float
    output_volts: Array


def scale_amplitudes(
    realisation: Realisation,
    *,
    state_ranges: ArrayLike,
    output_ranges: ArrayLike | None,
    swing: float,
    input_volts: float,
) -> VoltageNetwork:
    """Scale every state and output so that its certified range fills the allowed swing.

    Args:
        realisation: the system to scale.
        state_ranges: (n,) bounds on |z_i| for |u| <= 1.
        output_ranges: (outputs,) bounds on |y_k| for |u| <= 1; if None, the sum of |readout| ranges is taken.
        swing: largest voltage that any amplifier output may reach, V.
        input_volts: input voltage that stands for u = 1, V.

    Raises:
        DesignError: a range has the wrong length, or is not positive and finite.
    """
    bounds = _ranges(state_ranges, realisation.states, "state ranges")
    reached = np.abs(realisation.readout) @ bounds if output_ranges is None else output_ranges
    state_volts = swing / bounds
    output_volts = swing / _ranges(reached, len(realisation.delays), "output ranges")
    rates = realisation.state_matrix * state_volts[:, None] / (state_volts[None, :] * realisation.theta)
    return VoltageNetwork(
        rates=_significant(rates),
        input_rates=realisation.input_vector * state_volts / (input_volts * realisation.theta),
        weights=_significant(realisation.readout * output_volts[:, None] / state_volts[None, :]),
        state_volts=state_volts,
        input_volts=input_volts,
        output_volts=output_volts,
    )


def _ranges(values: ArrayLike, count: int, what: str) -> Array:
    ranges = np.asarray(values, dtype=np.float64)
    if ranges.shape != (count,):
        raise DesignError(what, f"{count} numbers", f"shape {ranges.shape}")
    if not np.all(np.isfinite(ranges) & (ranges > 0)):
        raise DesignError(what, "positive and finite", ranges.tolist())
    return ranges


def _significant(rows: Array) -> Array:
    largest = np.max(np.abs(rows), axis=-1, keepdims=True, initial=0.0)
    return np.where(np.abs(rows) > NEGLIGIBLE * largest, rows, 0.0)
