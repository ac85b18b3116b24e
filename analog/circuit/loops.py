"""The loops around the op-amps of a circuit: loop gains, margins, and the poles that are left when they are closed.

With the gains of all k op-amps opened, the matrix T(s) of loop gains leads from the input of each opened gain to the
input of each op-amp; closed, the circuit has the determinant det(I + T). Three kinds of margin follow from T:

- that of one op-amp by itself, from the diagonal: all other op-amps hold their outputs;
- that of one op-amp in the circuit, from its return ratio with all other loops closed (H. W. Bode, Network Analysis and
  Feedback Amplifier Design, 1945, chapter 4);
- that of all op-amps together, from the eigenvalues of T, the characteristic loci (A. G. J. MacFarlane and
  I. Postlethwaite, Int. J. Control 25 (1), 1977): what every op-amp may lag more at the same time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from lmu_hw.analog.circuit.equations import Array, Equations
from lmu_hw.errors import DesignError

ComplexArray = NDArray[np.complex128]

LOCI = 80
"""Largest number of op-amps for which the margin of all together is computed; above, those of each one are."""

_BELOW, _ABOVE = 1e-3, 30.0  # the frequencies at which loops are looked at, as multiples of the gain-bandwidth product
_PER_DECADE = 25


@dataclass(frozen=True)
class Margin:
    """The distance of a loop from oscillation.

    Attributes:
        phase_deg: The phase by which the loop may lag more, or lead, at the worst crossing of gain 1, degrees; 180
            where it does not cross.
        gain_db: The factor by which its gain may grow or fall at the worst crossing of the phase ±180°, dB; infinite
            where it does not cross.
        crossover_hz: The frequency of the worst crossing of gain 1, Hz; None where it does not cross.
    """

    phase_deg: float
    gain_db: float
    crossover_hz: float | None


def loop_frequencies(gbw: float) -> Array:
    """Return the frequencies at which the loops of op-amps of a gain-bandwidth product, Hz, are looked at, Hz."""
    count = round(_PER_DECADE * math.log10(_ABOVE / _BELOW)) + 1
    return np.geomspace(_BELOW * gbw, _ABOVE * gbw, count)


def loop_gains(system: Equations, hertz: Array, values: Array | None = None) -> ComplexArray:
    """Return the matrix T of the loop gains between all op-amps, shape (frequencies, op-amps, op-amps).

    Args:
        system: The equations of a circuit whose op-amps have poles.
        hertz: The frequencies, Hz, shape (frequencies,).
        values: The values of the parameters, SI units; nominal by default.

    Raises:
        DesignError: The circuit with open loops has no unique solution.
    """
    conductances, storages = system.conductance_matrix(values), system.storage_matrix(values)
    senses = np.zeros((len(system.gains), system.size))
    drives = np.zeros((system.size, len(system.gains)))
    for k, each in enumerate(system.gains):
        senses[k, list(each.senses)] = list(each.senses.values())
        drives[each.row, k] = 1.0
    opened = conductances - drives @ senses
    found = np.empty((len(hertz), len(senses), len(senses)), dtype=np.complex128)
    for k, frequency in enumerate(hertz):
        try:
            found[k] = senses @ np.linalg.solve(opened + 2j * np.pi * frequency * storages, drives)
        except np.linalg.LinAlgError:
            raise DesignError(f"circuit {system.name} with open loops", "uniquely solvable", "a singular one") from None
    return found


def local_margins(gains: ComplexArray, hertz: Array) -> list[Margin]:
    """Return the margin of each op-amp by itself, from the matrix of `loop_gains`."""
    return [margin(gains[:, k, k], hertz) for k in range(gains.shape[1])]


def return_margins(gains: ComplexArray, hertz: Array) -> list[Margin]:
    """Return the margin of each op-amp in the circuit, all other loops closed, from the matrix of `loop_gains`."""
    identity = np.eye(gains.shape[1])
    closed = np.linalg.inv(identity + gains)
    # With M = (I + T)^-1, the sensitivity M_kk = 1/(1 + return ratio of k).
    ratios = 1.0 / np.diagonal(closed, axis1=1, axis2=2) - 1.0
    return [margin(ratios[:, k], hertz) for k in range(ratios.shape[1])]


def common_margin(gains: ComplexArray, hertz: Array) -> Margin:
    """Return the margin of all op-amps together, from the eigenvalues of the matrix of `loop_gains`."""
    loci = np.linalg.eigvals(gains)
    for k in range(1, len(loci)):
        distance = np.abs(np.log(loci[k - 1][:, None] / loci[k][None, :]))
        loci[k] = loci[k][linear_sum_assignment(distance)[1]]
    every = [margin(loci[:, k], hertz) for k in range(loci.shape[1])]
    worst = min(every, key=lambda each: each.phase_deg)
    return Margin(worst.phase_deg, min(each.gain_db for each in every), worst.crossover_hz)


def margin(gain: NDArray[Any], hertz: Array) -> Margin:
    """Return the margin of one loop gain L, for a closed loop of 1 + L, by interpolation between the frequencies.

    Args:
        gain: L, complex, shape (frequencies,).
        hertz: The frequencies, Hz, increasing.
    """
    size, phase = np.log(np.abs(gain)), np.unwrap(np.angle(gain))
    least, crossover = 180.0, None
    for k in np.flatnonzero(size[:-1] * size[1:] < 0.0):
        share = size[k] / (size[k] - size[k + 1])
        angle = math.degrees(phase[k] + share * (phase[k + 1] - phase[k]))
        distance = abs((angle + 180.0 + 180.0) % 360.0 - 180.0)  # from -180 degrees
        if distance <= least:
            least, crossover = distance, float(hertz[k] * (hertz[k + 1] / hertz[k]) ** share)
    turns = np.floor(
        (phase + np.pi) / (2.0 * np.pi)
    )  # it changes where the phase passes an odd multiple of 180 degrees
    room = math.inf
    for k in np.flatnonzero(turns[:-1] != turns[1:]):
        edge = (2.0 * max(turns[k], turns[k + 1]) - 1.0) * np.pi
        share = (edge - phase[k]) / (phase[k + 1] - phase[k])
        room = min(room, abs(20.0 / math.log(10.0) * float(size[k] + share * (size[k + 1] - size[k]))))
    return Margin(least, room, crossover)
