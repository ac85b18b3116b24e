"""Correction: couplings that differ from the exact ones so that the circuit with its real amplifiers responds exactly.

An op-amp of gain-bandwidth product f makes its stage lag by about (1 + sum of the inputs' gains)/(2 pi f), and lowers
the rate of an integrator. To first order in such errors, the response of the signals is mended by other couplings, and
by a resistor R in series with an integrator's capacitor C, with which it leads by R C (see R. Schaumann and M. E. Van
Valkenburg, Design of Analog Filters, 2001, chapter 14). The change is the least-squares solution for the response over
the band; the deviation comes from the linear model of the circuit, the derivatives from the network alone. A few steps
of this iteration are enough, as the errors are small.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import lsq_linear

from lmu_hw.analog.design.amplitudes import VoltageNetwork
from lmu_hw.analog.realisation.network import Array

ENOUGH = 1e-3
"""The error of every output, and of all states together, below which nothing is corrected, relative to the signals."""

_STEPS = 5
_RIDGE = 1e-4  # relative weight of the changes, so that couplings with hardly an effect stay
_BEYOND = 0.25  # weight of a frequency beyond the band, where the delayed output has as much power as inside
_LEAST_LEAD = 1e-3  # leads shorter than this share of the longest are left out

Response = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class Corrected:
    """A network that is to be built in place of the exact one.

    Attributes:
        network: The network with changed couplings.
        leads: The time by which each integrator is to lead, s, shape (states,), at least 0.
        before: The error with the exact couplings: the largest of an output or that of all states together, relative to
            the signals.
        after: The same with the changed ones.
    """

    network: VoltageNetwork
    leads: Array
    before: float
    after: float


def correct(
    network: VoltageNetwork,
    frequencies: Array,
    rows: list[int],
    response_of: Callable[[VoltageNetwork, Array], Response],
    *,
    inside: int,
    leads: Array | None,
) -> Corrected:
    """Change the couplings of a network so that the circuit built from them responds as the exact network.

    Args:
        network: The exact network.
        frequencies: The frequencies, Hz, shape (frequencies,): those of the band, then some beyond, which count less.
        rows: The signals whose response matters.
        response_of: The response of the circuit for other couplings and leads, V/V, shape (frequencies, rows).
        inside: The number of frequencies in the band.
        leads: The longest time by which each integrator may lead, s, shape (states,); None where none may.
    """
    n = network.states
    wanted = network.response(frequencies)[:, rows]
    power, states = np.mean(np.abs(wanted[:inside]) ** 2, axis=0), np.array(rows) < n
    weights = np.where(np.arange(len(frequencies)) < inside, 1.0, _BEYOND)[:, None]
    scale = 1.0 / np.sqrt(np.where(states, power[states].sum(), power))

    def size(deviation: Response) -> float:
        each = np.mean(np.abs(deviation[:inside]) ** 2, axis=0)
        return float(np.sqrt(max(each[states].sum(), each[~states].max(initial=0.0))))

    used = np.nonzero(network.couplings)
    jacobian = _jacobian(network, frequencies, rows, used, leads=leads is not None) * (weights * scale)[..., None]
    flat = jacobian.reshape(-1, jacobian.shape[-1])
    flat = np.vstack([flat.real, flat.imag])
    # Columns of leads are in units of their effect, so that the ridge weighs all changes alike.
    units = np.maximum(np.sqrt(np.mean(flat**2, axis=0)), 1e-30)
    units[: len(used[0])] = units[: len(used[0])].max()
    ridge = _RIDGE * np.sqrt(len(flat)) * np.eye(flat.shape[1])
    matrix = np.vstack([flat / units, ridge])

    best = Corrected(network, np.zeros(n), np.inf, np.inf)
    errors, delays, before = np.zeros(len(used[0])), np.zeros(n), None
    for _ in range(_STEPS):
        changed = _changed(network, used, errors)
        deviation = (response_of(changed, delays) - wanted) * scale
        error = size(deviation)
        before = error if before is None else before
        if error < best.after:
            best = Corrected(changed, delays, before, error)
        if error <= ENOUGH or error > 1.5 * best.after:
            break
        weighted = weights * deviation
        right = np.concatenate([weighted.real.ravel(), weighted.imag.ravel(), np.zeros(flat.shape[1])])
        if leads is not None:
            free = np.full(len(errors), np.inf)
            least = np.append(-free, -delays * units[len(errors) :]) - 1e-12
            most = np.append(free, (leads - delays) * units[len(errors) :]) + 1e-12
            step = lsq_linear(matrix, -right, (least, most)).x / units
            delays = np.clip(delays + step[len(errors) :], 0.0, leads)
        else:
            step = -np.linalg.lstsq(matrix, right, rcond=None)[0] / units
        errors = errors + step[: len(errors)]
    shortest = _LEAST_LEAD * float(best.leads.max(initial=0.0))
    return replace(best, leads=np.where(best.leads > shortest, best.leads, 0.0))


def _changed(network: VoltageNetwork, used: tuple[NDArray[np.intp], ...], errors: Array) -> VoltageNetwork:
    couplings = network.couplings.copy()
    couplings[used] *= 1.0 + errors
    return replace(network, couplings=couplings)


def _jacobian(
    network: VoltageNetwork,
    frequencies: Array,
    rows: list[int],
    used: tuple[NDArray[np.intp], ...],
    *,
    leads: bool,
) -> Response:
    """Return the derivatives of the response by the logarithm of each coupling, and by each lead.

    The shape is (frequencies, rows, couplings), with the leads of all states behind the couplings if they count.
    """
    sinks, sources = used
    strengths, n = network.couplings[used], network.states
    signals = network.response(frequencies)
    levels = np.column_stack([signals, np.ones(len(signals))])
    blocks = []
    for k, frequency in enumerate(frequencies):
        transfer = np.linalg.inv(network.pencil(frequency)[0])[rows]
        block = transfer[:, sinks] * (strengths * levels[k, sources])
        if leads:
            # A lead multiplies all that enters a state, s v, by 1 + s lead.
            s = 2j * np.pi * frequency
            block = np.hstack([block, transfer[:, :n] * (s * s * signals[k, :n])])
        blocks.append(block)
    return np.stack(blocks)
