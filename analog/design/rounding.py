"""Standard values: the effect of rounding parts to a series on the response, and a joint rounding with less effect.

To first order the response's deviation is linear in the couplings' relative errors e, so its power over the band is
the quadratic form e^T G e with G from the network alone. Rounding each part to its nearest value minimises |e| part by
part; the joint search moves single resistors to a neighbour, and capacitors together with the resistors of their
stage, as long as the quadratic form falls, from several starts. The exact response then decides between both results.

A stage whose capacitor and resistors all move by a decade keeps its couplings, so choices that differ by decades are
equally good. Of these every stage takes the one whose reference is nearest to that of the exact design, which keeps the
circuit near its impedance level.

The memory stays stable with any capacitor of an integrator: it scales a row of A, and for any positive scaling
of rows the memory is passive (its energy is another weighted sum of squares). Only unequal errors within a row matter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmu_hw.analog.design.amplitudes import VoltageNetwork
from lmu_hw.analog.design.choice import MARGIN, best
from lmu_hw.analog.design.parts import PartRange, PartValues, Series, values_for
from lmu_hw.analog.realisation.network import Array
from lmu_hw.errors import DesignError

JOINT_COUPLINGS = 2500
"""Largest number of couplings for a joint search; with more, each part takes its nearest value."""

RESTARTS = 16
"""Largest number of starts of the joint search besides that from the nearest values."""

_RESTART_COUPLINGS = 2000  # starts times couplings, which bounds the time
_SWEEPS = 30
_LEAST_GAIN = 1e-9  # the relative decrease of the quadratic form from which on a move is made
_NO_ERROR = 1e-20  # a quadratic form below this, an NRMSE of 1e-10, is rounding noise of an exact realisation
_MOST_DECADES = 12  # by which a stage is moved at most: more than any range of parts spans


@dataclass(frozen=True, eq=False)
class Rounding:
    """Standard values and their effect on the response.

    Attributes:
        values: The chosen parts.
        nearest_nrmse: The deviation of the response with each part at its nearest value: root mean square over the band
            and over states and outputs, each relative to its own RMS.
        joint_nrmse: The same for the values of the joint search; None if there was none.
        moved: The number of chosen parts that differ from their nearest values.
    """

    values: PartValues
    nearest_nrmse: float
    joint_nrmse: float | None
    moved: int

    @property
    def nrmse(self) -> float:
        """The deviation of the response with the chosen parts."""
        return self.nearest_nrmse if self.joint_nrmse is None else min(self.nearest_nrmse, self.joint_nrmse)

    def to_dict(self) -> dict[str, Any]:
        """Return the effect as plain values."""
        return {"nearest_nrmse": self.nearest_nrmse, "joint_nrmse": self.joint_nrmse, "parts_moved": self.moved}


def response_error(network: VoltageNetwork, other: VoltageNetwork, frequencies: Array) -> float:
    """Return the deviation of `other` from `network`: the RMS over states and outputs, each relative to its RMS.

    Args:
        network: The network with the wanted response.
        other: A network with the same signals.
        frequencies: The frequencies, Hz, shape (frequencies,).
    """
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
    """Round parts to standard values, jointly if that is better.

    Args:
        network: The network that the parts are to realise.
        exact: The parts that realise it exactly.
        frequencies: The frequencies at which responses are compared, Hz, shape (frequencies,).
        resistors: The series of the resistors; exact values if None.
        capacitors: The series of the capacitors; exact values if None.
        resistor_range: The allowed resistances, ohm.
        capacitor_range: The allowed capacitances, farad.
        fixed_capacitor: Whether every integrator keeps its capacitance of `exact`.

    Raises:
        DesignError: A series has no value in its range.
    """
    search = _Search(
        network,
        Catalogue.of(resistors, resistor_range, "resistors"),
        None if fixed_capacitor else Catalogue.of(capacitors, capacitor_range, "capacitors"),
    )
    nearest = search.nearest(exact)
    nearest_error = response_error(network, nearest.realised(network), frequencies)
    if np.count_nonzero(network.couplings) > JOINT_COUPLINGS:
        return Rounding(nearest, nearest_error, None, 0)
    joint = search.improve(nearest, exact, sensitivities(network, frequencies))
    joint_error = response_error(network, joint.realised(network), frequencies)
    if joint_error >= nearest_error * (1.0 - MARGIN):
        return Rounding(nearest, nearest_error, joint_error, 0)
    moved = int(np.sum(joint.references != nearest.references) + np.sum(joint.resistances != nearest.resistances))
    return Rounding(joint, nearest_error, joint_error, moved)


def sensitivities(network: VoltageNetwork, frequencies: Array) -> Array:
    """Return the matrix G of the quadratic form e^T G e, shape (couplings, couplings), in row-major order.

    To first order, the form is the square of `response_error` for relative errors e of the couplings that are not zero.

    Args:
        network: The scaled system.
        frequencies: The frequencies, Hz, shape (frequencies,).
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


@dataclass(frozen=True, eq=False)
class Catalogue:
    """The values of a series within a range.

    Attributes:
        values: The values, ascending.
        per_decade: The number of values in a decade: the value that follows as many later is ten times as large.
    """

    values: Array
    per_decade: int

    @classmethod
    def of(cls, series: Series | None, allowed: PartRange, what: str) -> Catalogue | None:
        """Return the catalogue of a series, or None if there is no series, so that values are exact.

        Args:
            series: The series.
            allowed: The range.
            what: The name of the parts in the error message.

        Raises:
            DesignError: The series has no value in the range.
        """
        if series is None:
            return None
        values = np.array(series.values(allowed.low, allowed.high))
        if not values.size:
            raise DesignError(what, f"values of {series.name} from {allowed.low:g} to {allowed.high:g}", "none")
        return cls(values, len(series.decade))

    def nearest(self, wanted: Array) -> Array:
        """Return the nearest value to each of `wanted`, of the same shape: that of least ratio, or the lower of two.

        Infinite values stay as they are.
        """
        logs = np.log(self.values)
        middles = 0.5 * (logs[1:] + logs[:-1])
        finite = np.isfinite(wanted)
        result = wanted.copy()
        result[finite] = self.values[np.searchsorted(middles, np.log(wanted[finite]) - MARGIN)]
        return result

    def spans(self, wanted: Array) -> bool:
        """Return whether all of `wanted` lie between the least and the largest value."""
        low, high = float(self.values[0]) * (1.0 - MARGIN), float(self.values[-1]) * (1.0 + MARGIN)
        return bool(low <= wanted.min() and wanted.max() <= high)

    def shifted(self, chosen: Array, decades: int) -> Array | None:
        """Return values of the catalogue times 10 ** decades, or None if one of them is then out of the range."""
        indices = np.searchsorted(self.values, chosen) + decades * self.per_decade
        return self.values[indices] if indices.min() >= 0 and indices.max() < len(self.values) else None

    def around(self, value: float) -> list[float]:
        """Return the two values below one of the catalogue and the two above, as far as there are any."""
        k = int(np.searchsorted(self.values, value))
        return [other for other in self.values[max(k - 2, 0) : k + 3].tolist() if other != value]


def _nearest(catalogue: Catalogue | None, wanted: Array) -> Array:
    return wanted if catalogue is None else catalogue.nearest(wanted)


_Stage = tuple[float, Array, Array]
"""A reference, the resistors of its stage (one per source), and the relative errors of its couplings."""


class _Descent:
    """Parts that are moved one by one, with the relative errors of their couplings and their quadratic form."""

    def __init__(self, start: PartValues, errors: Array, gram: Array) -> None:
        self.references, self.resistances = start.references.copy(), start.resistances.copy()
        self.form = 0.0
        self._errors, self._gram = errors, gram
        self._gradient = gram @ errors

    def begin_sweep(self) -> float:
        """Return the quadratic form, computed anew."""
        self.form = float(self._errors @ self._gradient)
        return self.form

    def move_resistor(self, row: int, column: int, number: int, catalogue: Catalogue) -> None:
        """Move the resistor of a coupling to each value nearby that lowers the form."""
        for other in catalogue.around(float(self.resistances[row, column])):
            change = (1.0 + self._errors[number]) * (self.resistances[row, column] / other - 1.0)
            gain = change * (2.0 * self._gradient[number] + change * self._gram[number, number])
            if self._helps(gain):
                self.resistances[row, column] = other
                self._errors[number] += change
                self._gradient += self._gram[:, number] * change
                self.form += gain

    def move_stage(self, row: int, ids: NDArray[np.intp], choices: list[_Stage]) -> None:
        """Move the reference of a stage, with its resistors, to each choice that lowers the form."""
        block = self._gram[np.ix_(ids, ids)]
        for reference, values, wrong in choices:
            changes = wrong - self._errors[ids]
            gain = float(2.0 * changes @ self._gradient[ids] + changes @ block @ changes)
            if self._helps(gain):
                self.references[row], self.resistances[row] = reference, values
                self._errors[ids] = wrong
                self._gradient += self._gram[:, ids] @ changes
                self.form += gain

    def _helps(self, gain: float) -> bool:
        return gain < -max(_LEAST_GAIN * self.form, _NO_ERROR)


class _Search:
    """The search for values of the catalogues that realise a network."""

    def __init__(self, network: VoltageNetwork, resistors: Catalogue | None, capacitors: Catalogue | None) -> None:
        self.network = network
        self.resistors, self.capacitors = resistors, capacitors
        self.wanted = np.abs(network.couplings)
        self.used = self.wanted > 0
        # Number of each coupling in row-major order.
        self.numbers = np.cumsum(self.used.ravel()).reshape(self.used.shape) - 1
        self.stages: dict[int, list[_Stage]] = {}

    def nearest(self, exact: PartValues) -> PartValues:
        """Return the parts with each reference at its nearest value, and each resistor at its nearest after that."""
        n = self.network.states
        references = np.concatenate(
            [_nearest(self.capacitors, exact.capacitors), _nearest(self.resistors, exact.feedbacks)]
        )
        inverter = float(_nearest(self.resistors, np.array([exact.inverter]))[0])
        asked = values_for(self.network, references, inverter)
        return PartValues(references, _nearest(self.resistors, asked.resistances), n, inverter)

    def improve(self, start: PartValues, exact: PartValues, gram: Array) -> PartValues:
        """Return the best result of descents from `start` and from copies of it with other references, drawn at random.

        Of equally good results, the one with references nearest to those of `exact` is taken, then the first.
        """
        rng = np.random.default_rng(0)
        found = []
        for attempt in range(1 + min(RESTARTS, _RESTART_COUPLINGS // len(gram))):
            values, form = self._descend(start if attempt == 0 else self._shuffled(start, rng), gram)
            found.append((self._near_level(values, exact), max(form, _NO_ERROR)))
        return best(found, lambda each: each[1], lambda each: _distance(each[0].references, exact.references))[0]

    def _near_level(self, values: PartValues, exact: PartValues) -> PartValues:
        """Move every stage by whole decades to where its reference is nearest to that of `exact`."""
        if self.resistors is None:
            return values
        references, resistances = values.references.copy(), values.resistances.copy()
        for row in range(len(references)):
            moves = self._decades(row, references[row : row + 1], resistances[row, self.used[row]])
            if moves:
                wanted = exact.references[row : row + 1]
                reference, inputs = best(moves, lambda move, wanted=wanted: _distance(move[0], wanted))  # type: ignore[misc]
                references[row], resistances[row, self.used[row]] = reference[0], inputs
        return replace(values, references=references, resistances=resistances)

    def _decades(self, row: int, reference: Array, inputs: Array) -> list[tuple[Array, Array]]:
        """Return the reference and the input resistors of a stage in each decade that the ranges allow, ascending."""
        integrates = row < self.network.states
        catalogue = self.capacitors if integrates else self.resistors
        if catalogue is None or self.resistors is None:
            return []
        moves = []
        for decades in range(-_MOST_DECADES, _MOST_DECADES + 1):
            moved = catalogue.shifted(reference, decades)
            # A coupling is 1 / (R C) or R_feedback / R.
            others = self.resistors.shifted(inputs, -decades if integrates else decades)
            if moved is not None and others is not None:
                moves.append((moved, others))
        return moves

    def _shuffled(self, start: PartValues, rng: np.random.Generator) -> PartValues:
        references, resistances = start.references.copy(), start.resistances.copy()
        for row in range(len(references)):
            near = self._near(row, float(references[row]))
            if near:
                references[row], resistances[row] = near[int(rng.integers(len(near)))][:2]
        return replace(start, references=references, resistances=resistances)

    def _descend(self, start: PartValues, gram: Array) -> tuple[PartValues, float]:
        """Move parts as long as the quadratic form falls; return the parts and the form at the end."""
        descent = _Descent(start, start.magnitudes()[self.used] / self.wanted[self.used] - 1.0, gram)
        for _ in range(_SWEEPS):
            before = descent.begin_sweep()
            for row in range(len(start.references)):
                ids, columns = self.numbers[row, self.used[row]], np.flatnonzero(self.used[row])
                if self.resistors is not None:
                    for number, column in zip(ids.tolist(), columns.tolist(), strict=True):
                        descent.move_resistor(row, column, number, self.resistors)
                descent.move_stage(row, ids, self._near(row, float(descent.references[row])))
            if descent.form >= (1.0 - 1e-6) * before:
                break
        return replace(start, references=descent.references, resistances=descent.resistances), descent.begin_sweep()

    def _near(self, row: int, reference: float) -> list[_Stage]:
        """Return the stages of other references within half a decade."""
        return [stage for stage in self._stages(row) if 1 / 3.2 < stage[0] / reference < 3.2 and stage[0] != reference]

    def _stages(self, row: int) -> list[_Stage]:
        """Return the stage of every reference whose resistors are in the catalogue."""
        if row not in self.stages:
            catalogue = self.capacitors if row < self.network.states else self.resistors
            self.stages[row] = []
            used = self.used[row]
            for reference in [] if catalogue is None else catalogue.values.tolist():
                numerator = 1.0 / reference if row < self.network.states else reference
                asked = np.full(used.shape, np.inf)
                np.divide(numerator, self.wanted[row], out=asked, where=used)
                if self.resistors is not None and not self.resistors.spans(asked[used]):
                    continue
                values = _nearest(self.resistors, asked)
                self.stages[row].append((reference, values, asked[used] / values[used] - 1.0))
        return self.stages[row]


def _distance(values: Array, others: Array) -> float:
    """Return the distance of values from others: the sum of the magnitudes of the logarithms of their ratios."""
    return float(np.abs(np.log(values / others)).sum())
