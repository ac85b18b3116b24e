"""Standard values: what rounding parts to a series does to the response, and a joint rounding that does less.

To first order the response's deviation is linear in the couplings' relative errors e, so its power over the band is
the quadratic form e^T G e with G from the network alone. Rounding each part to its nearest value minimises |e| part by
part; the joint search moves single resistors to a neighbour, and capacitors together with the resistors of their
stage, as long as the quadratic form falls, from several starts. Both results are then judged by the exact response.

Whichever capacitor an integrator gets, the memory stays stable: that scales a row of A, and for any positive scaling
of rows the memory is passive (its energy is another weighted sum of squares). Only unequal errors within a row count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lmu_hw.analog.design.parts import PartRange, PartValues, Series, values_for
from lmu_hw.analog.realisation.network import Array, VoltageNetwork
from lmu_hw.errors import DesignError

JOINT_COUPLINGS = 2500
"""Most couplings for which the joint search is made; above, each part takes its nearest value."""

RESTARTS = 16
"""Most further starts of the joint search."""

_RESTART_COUPLINGS = 2000  # starts times couplings, which bounds the time
_SWEEPS = 30
_LEAST_GAIN = 1e-9  # of the quadratic form, that a move must bring


@dataclass(frozen=True, eq=False)
class Rounding:
    """Standard values and their effect.

    Attributes:
        values: the chosen parts.
        nearest_nrmse: deviation of the response with each part at its nearest value: root mean square over states
            and outputs, each relative to its own RMS, over the band.
        joint_nrmse: the same for the values that the joint search found; None where it was not made.
        moved: how many parts differ from their nearest value (of the exact design).
    """

    values: PartValues
    nearest_nrmse: float
    joint_nrmse: float | None
    moved: int

    @property
    def nrmse(self) -> float:
        """Deviation of the response with the chosen parts."""
        return self.nearest_nrmse if self.joint_nrmse is None else min(self.nearest_nrmse, self.joint_nrmse)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"nearest_nrmse": self.nearest_nrmse, "joint_nrmse": self.joint_nrmse, "parts_moved": self.moved}


def response_error(network: VoltageNetwork, other: VoltageNetwork, frequencies: Array) -> float:
    """Root mean square over states and outputs of the deviation of `other`, each relative to its RMS in `network`."""
    rows = _observed(network)
    wanted = network.response(frequencies)[:, rows]
    error = np.abs(other.response(frequencies)[:, rows] - wanted) ** 2
    return float(np.sqrt(np.mean(error.sum(axis=0) / (np.abs(wanted) ** 2).sum(axis=0))))


def round_values(
    network: VoltageNetwork,
    exact: PartValues,
    *,
    frequencies: Array,
    resistors: Series | None,
    capacitors: Series | None,
    resistor_range: PartRange,
    capacitor_range: PartRange,
    fixed_capacitor: bool = False,
) -> Rounding:
    """Round parts to standard values, jointly where that is better.

    Args:
        network: what the parts are to realise.
        exact: the parts that do.
        frequencies: where the response is compared, Hz.
        resistors: series of the resistors, exact values if None.
        capacitors: series of the capacitors, exact values if None.
        resistor_range: allowed resistances, ohm.
        capacitor_range: allowed capacitances, farad.
        fixed_capacitor: keep the capacitance of `exact` for every integrator.

    Raises:
        DesignError: a series has no value in its range.
    """
    search = _Search(
        network,
        _catalogue(resistors, resistor_range, "resistors"),
        None if fixed_capacitor else _catalogue(capacitors, capacitor_range, "capacitors"),
    )
    nearest = search.nearest(exact)
    nearest_error = response_error(network, nearest.realised(network), frequencies)
    if np.count_nonzero(network.couplings) > JOINT_COUPLINGS:
        return Rounding(nearest, nearest_error, None, 0)
    joint = search.improve(nearest, sensitivities(network, frequencies))
    joint_error = response_error(network, joint.realised(network), frequencies)
    if joint_error >= nearest_error:
        return Rounding(nearest, nearest_error, joint_error, 0)
    moved = int(np.sum(joint.references != nearest.references) + np.sum(joint.resistances != nearest.resistances))
    return Rounding(joint, nearest_error, joint_error, moved)


def sensitivities(network: VoltageNetwork, frequencies: Array) -> Array:
    """G of the quadratic form, over the couplings in row-major order: shape (couplings, couplings).

    e^T G e is the square of `response_error` for relative errors e of the couplings, to first order.
    """
    rows, columns = np.nonzero(network.couplings)
    strengths = network.couplings[rows, columns]
    observed = _observed(network)
    signals = network.response(frequencies)
    sources = np.column_stack([signals, np.ones(len(signals))])
    scale = 1.0 / np.sqrt((np.abs(signals[:, observed]) ** 2).sum(axis=0) * len(observed))
    gram = np.zeros((len(rows), len(rows)))
    for frequency, levels in zip(frequencies, sources, strict=True):
        transfer = np.linalg.inv(network.pencil(frequency)[0])[observed] * scale[:, None]
        deviation = transfer[:, rows] * (strengths * levels[columns])
        gram += (deviation.conj().T @ deviation).real
    return gram


def _observed(network: VoltageNetwork) -> list[int]:
    return [*range(network.states), *(network.index(name) for name in network.outputs)]


def _catalogue(series: Series | None, allowed: PartRange, what: str) -> Array | None:
    if series is None:
        return None
    values = np.array(series.values(allowed.low, allowed.high))
    if not values.size:
        raise DesignError(what, f"values of {series.name} from {allowed.low:g} to {allowed.high:g}", "none")
    return values


def _nearest(catalogue: Array | None, values: Array) -> Array:
    """The catalogue's value of least ratio to each of `values`; infinite ones stay."""
    if catalogue is None:
        return values
    logs = np.log(catalogue)
    middles = 0.5 * (logs[1:] + logs[:-1])
    finite = np.isfinite(values)
    result = values.copy()
    result[finite] = catalogue[np.searchsorted(middles, np.log(values[finite]))]
    return result


class _Search:
    """Values from the catalogues for one network."""

    def __init__(self, network: VoltageNetwork, resistors: Array | None, capacitors: Array | None) -> None:
        self.network = network
        self.resistors, self.capacitors = resistors, capacitors
        self.wanted = np.abs(network.couplings)
        self.used = self.wanted > 0
        # Number of each coupling in row-major order.
        self.numbers = np.cumsum(self.used.ravel()).reshape(self.used.shape) - 1
        self.stages: dict[int, list[_Stage]] = {}

    def nearest(self, exact: PartValues) -> PartValues:
        """Each reference at its nearest value, and each resistor at the nearest to what that asks for."""
        n = self.network.states
        references = np.concatenate(
            [_nearest(self.capacitors, exact.capacitors), _nearest(self.resistors, exact.feedbacks)]
        )
        inverter = float(_nearest(self.resistors, np.array([exact.inverter]))[0])
        asked = values_for(self.network, references, inverter)
        return PartValues(references, _nearest(self.resistors, asked.resistances), n, inverter)

    def improve(self, start: PartValues, gram: Array) -> PartValues:
        """The best of the descents from `start` and from the same with other references, drawn from their series."""
        rng = np.random.default_rng(0)
        best, least = start, np.inf
        for attempt in range(1 + min(RESTARTS, _RESTART_COUPLINGS // len(gram))):
            found, form = self._descend(start if attempt == 0 else self._shuffled(start, rng), gram)
            if form < least:
                best, least = found, form
        return best

    def _shuffled(self, start: PartValues, rng: np.random.Generator) -> PartValues:
        references, resistances = start.references.copy(), start.resistances.copy()
        for row in range(len(references)):
            near = self._near(row, float(references[row]))
            if near:
                references[row], resistances[row] = near[int(rng.integers(len(near)))][:2]
        return replace(start, references=references, resistances=resistances)

    def _descend(self, start: PartValues, gram: Array) -> tuple[PartValues, float]:
        """Move one part, or one stage's reference with its resistors, at a time; also returns the quadratic form."""
        references, resistances = start.references.copy(), start.resistances.copy()
        errors = start.magnitudes()[self.used] / self.wanted[self.used] - 1.0
        gradient = gram @ errors
        for _ in range(_SWEEPS):
            before = form = float(errors @ gradient)
            for row in range(len(references)):
                ids, columns = self.numbers[row, self.used[row]], np.flatnonzero(self.used[row])
                for number, column in zip(ids.tolist(), columns.tolist(), strict=True):
                    for other in self._steps(float(resistances[row, column])):
                        change = (1.0 + errors[number]) * (resistances[row, column] / other - 1.0)
                        gain = change * (2.0 * gradient[number] + change * gram[number, number])
                        if gain < -_LEAST_GAIN * form:
                            resistances[row, column] = other
                            errors[number] += change
                            gradient += gram[:, number] * change
                            form += gain
                block = gram[np.ix_(ids, ids)]
                for reference, values, wrong in self._near(row, float(references[row])):
                    changes = wrong - errors[ids]
                    gain = float(2.0 * changes @ gradient[ids] + changes @ block @ changes)
                    if gain < -_LEAST_GAIN * form:
                        references[row], resistances[row] = reference, values
                        errors[ids] = wrong
                        gradient += gram[:, ids] @ changes
                        form += gain
            if form >= (1.0 - 1e-6) * before:
                break
        return replace(start, references=references, resistances=resistances), float(errors @ gradient)

    def _steps(self, ohms: float) -> list[float]:
        """The values up to two steps away."""
        if self.resistors is None:
            return []
        k = int(np.searchsorted(self.resistors, ohms))
        return [other for other in self.resistors[max(k - 2, 0) : k + 3].tolist() if other != ohms]

    def _near(self, row: int, reference: float) -> list[_Stage]:
        """Stages of other references, within half a decade."""
        return [stage for stage in self._stages(row) if 1 / 3.2 < stage[0] / reference < 3.2 and stage[0] != reference]

    def _stages(self, row: int) -> list[_Stage]:
        """For each reference whose resistors are in the catalogue: itself, the nearest resistors, and their errors."""
        if row not in self.stages:
            catalogue = self.capacitors if row < self.network.states else self.resistors
            self.stages[row] = []
            used = self.used[row]
            for reference in [] if catalogue is None else catalogue.tolist():
                numerator = 1.0 / reference if row < self.network.states else reference
                asked = np.full(used.shape, np.inf)
                np.divide(numerator, self.wanted[row], out=asked, where=used)
                if self.resistors is not None and not (
                    self.resistors[0] <= asked[used].min() and asked[used].max() <= self.resistors[-1]
                ):
                    continue
                values = _nearest(self.resistors, asked)
                self.stages[row].append((reference, values, asked[used] / values[used] - 1.0))
        return self.stages[row]


_Stage = tuple[float, Array, Array]
"""A reference, the resistors of its stage (one per source), and the relative errors of its couplings."""
