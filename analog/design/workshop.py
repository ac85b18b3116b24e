"""The steps of a design that need its circuit: compensation, correction, standard values and T networks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lmu_hw.analog.circuit.devices import AnyOpAmp
from lmu_hw.analog.circuit.equations import Equations, equations
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.analog.design.amplitudes import VoltageNetwork, band_frequencies
from lmu_hw.analog.design.compensation import STRAY, Capacitors, Feedback, first_capacitors, stability
from lmu_hw.analog.design.correction import ENOUGH, Corrected, correct
from lmu_hw.analog.design.parts import PartRange, PartValues, Series
from lmu_hw.analog.design.rounding import Rounding, round_values
from lmu_hw.analog.design.technologies.base import SIDES, Additions, Assembly, Technology, Tee, nets_of
from lmu_hw.analog.realisation.network import Array

STABILITY_ORDER = 64
"""Largest order for which compensation is checked in the circuit; above, it is that of each stage by itself."""

_TEE_OHMS = 1e5  # of the two resistors of a T network in series, unless it has to act as a very large resistor
_RAISES, _LAST_RAISES = 12, 3
_POINTS = 24
_BEYOND = 3.0  # times the band, up to which responses are corrected
_LEAD_PHASE = 0.05  # rad, at the gain-bandwidth product
_NO_LEAD = 1e-6  # ohm; what stands for a lead resistor where there is none yet


@dataclass
class Workshop:
    """A design under construction.

    Attributes:
        name: The name of the circuit.
        network: The exact network in volts.
        technology: The devices of its stages.
        resistors: The allowed resistances, ohm.
        capacitors: The allowed capacitances, F.
        resistor_series: The standard values of the resistors; None for exact ones.
        capacitor_series: The same for the capacitors.
        theta: The window, s.
    """

    name: str
    network: VoltageNetwork
    technology: Technology
    resistors: PartRange
    capacitors: PartRange
    resistor_series: Series | None
    capacitor_series: Series | None
    theta: float
    _compensation: Capacitors = field(default_factory=Capacitors)
    _leads: dict[str, float] = field(default_factory=dict)

    @property
    def _opamp(self) -> AnyOpAmp | None:
        device = self.technology.device
        return device if isinstance(device, AnyOpAmp) and math.isfinite(device.small_signal().gbw) else None

    def compensate(self, values: PartValues) -> None:
        """Choose the compensation capacitors for these parts, first by stage, then in the circuit."""
        if self._opamp is None or self._opamp.small_signal().input_capacitance == 0.0:
            return
        self._compensation = Capacitors(dict(first_capacitors(self._opamp.small_signal(), self._feedbacks(values))))
        self._raise(values, local=True)

    def _raise(self, values: PartValues, *, local: bool) -> Assembly:
        """Raise the capacitors until the margins in the circuit suffice, or no more helps; return the circuit.

        The margins in the circuit fall again where stages lag too much, so only few steps are made for their sake.
        """
        assembly = self._assemble(values)
        if not self._compensation.farads or values.states > STABILITY_ORDER:
            return assembly
        found = stability(assembly.circuit)
        best, most, kept = assembly, found.phase_margin or 180.0, dict(self._compensation.farads)
        for _ in range(_RAISES if local else _LAST_RAISES):
            if not self._compensation.raise_for(found, local=local):
                break
            raised = self._assemble(values)
            found = stability(raised.circuit)
            margin = found.phase_margin or 180.0
            if local or margin > most:
                best, most, kept = raised, margin, dict(self._compensation.farads)
        self._compensation.farads = kept
        return best

    def _feedbacks(self, values: PartValues) -> list[Feedback]:
        found = []
        for row in range(values.states, len(values.references)):
            feedback = float(values.references[row])
            found.append(
                Feedback(self.network.signals[row], feedback, 1.0 / float(np.sum(1.0 / values.resistances[row])))
            )
        for j in self.technology.polarity(self.network).inverted:
            found.append(Feedback(f"{self.network.sources[j]}_neg", values.inverter, values.inverter))
        return found

    def correct(self, values: PartValues) -> Corrected | None:
        """Return the network that makes up for the op-amps; None where the error is small, or nothing helps."""
        if self._opamp is None:
            return None
        inside = band_frequencies(self.network, self.theta, _POINTS)
        edge = 2.0 * inside[-1] - inside[-2]
        frequencies = np.append(inside, edge * np.linspace(1.0, _BEYOND, _POINTS))
        rows = [*range(self.network.states), *(self.network.index(name) for name in self.network.outputs)]
        result = None
        for leads in (False, True):
            trial = _Trial(self, values, rows, frequencies, leads=leads)
            longest = self._longest_leads(values) if leads else None
            found = correct(self.network, frequencies, rows, trial.response, inside=len(inside), leads=longest)
            if result is None or found.after < 0.5 * result.after:
                result = found
            if result.after <= ENOUGH:
                break
        return result if result is not None and result.after < 0.9 * result.before else None

    def _longest_leads(self, values: PartValues) -> Array:
        """Return the leads whose resistors cost the loop little phase at the op-amps' input capacitance, s."""
        if self._opamp is None:
            return np.zeros(values.states)
        small = self._opamp.small_signal()
        pole = 2.0 * math.pi * small.gbw * (small.input_capacitance + STRAY)
        return np.asarray(_LEAD_PHASE / pole * values.references[: values.states])

    def rounded(self, target: VoltageNetwork, values: PartValues, fixed_capacitor: bool) -> Rounding:
        """Return standard values for a network.

        Args:
            target: The network.
            values: The parts that realise it exactly.
            fixed_capacitor: Whether every integrator keeps its capacitance.

        Raises:
            DesignError: A series has no value in its range.
        """
        largest = float(values.resistances[np.isfinite(values.resistances)].max())
        return round_values(
            target,
            values,
            frequencies=band_frequencies(self.network, self.theta, _POINTS),
            resistors=self.resistor_series,
            capacitors=self.capacitor_series,
            resistor_range=PartRange(self.resistors.low, max(self.resistors.high, 1.5 * largest)),
            capacitor_range=self.capacitors,
            fixed_capacitor=fixed_capacitor,
        )

    def lead(self, corrected: Corrected | None, values: PartValues) -> None:
        """Choose the lead resistors of a correction for these parts."""
        if corrected is None:
            return
        for k in np.flatnonzero(corrected.leads).tolist():
            ohms = float(corrected.leads[k] / values.references[k])
            self._leads[self.network.signals[k]] = self._standard(ohms)

    def finish(self, values: PartValues) -> tuple[Assembly, Additions]:
        """Return the circuit of these parts, with its compensation checked again, and the additions in it."""
        assembly = self._raise(values, local=False)
        return assembly, self._additions(values)

    def _additions(self, values: PartValues) -> Additions:
        capacitors = {signal: farads for signal, farads in self._compensation.farads.items() if farads > 0.0}
        return Additions(capacitors, dict(self._leads), self._tees(values))

    def _assemble(self, values: PartValues) -> Assembly:
        return self.technology.assemble(self.name, self.network, values, self._additions(values))

    def _tees(self, values: PartValues) -> dict[tuple[str, str], Tee]:
        """Return the T networks of the couplings whose resistance is beyond the range."""
        if not self.technology.has_tees:
            return {}
        beyond = np.isfinite(values.resistances) & (values.resistances > self.resistors.high * (1.0 + 1e-9))
        return {
            (self.network.signals[i], self.network.sources[j]): self._tee(float(values.resistances[i, j]))
            for i, j in np.argwhere(beyond).tolist()
        }

    def _tee(self, ohms: float) -> Tee:
        """Return the T network that acts as a resistance: exactly, or as nearly as standard values can."""
        arm = min(max(_TEE_OHMS, math.sqrt(ohms * self.resistors.low)), self.resistors.high, 0.25 * ohms)
        if self.resistor_series is None:
            return Tee((arm, arm), arm * arm / (ohms - 2.0 * arm))
        second = self._standard(arm)
        found = []
        for first in self.resistor_series.values(0.5 * second, min(2.0 * second, self.resistors.high)):
            shunt = self._standard(first * second / (ohms - first - second))
            found.append(Tee((first, second), shunt))
        return min(found, key=lambda tee: abs(math.log(tee.ohms / ohms)))

    def _standard(self, ohms: float) -> float:
        """Return the standard value nearest to a resistance, or the resistance itself where values are exact."""
        if self.resistor_series is None:
            return ohms
        return min(self.resistor_series.values(0.5 * ohms, 2.0 * ohms), key=lambda value: abs(math.log(value / ohms)))


class _Trial:
    """The circuit of a design, whose response is computed for changed couplings without building it anew."""

    def __init__(
        self, workshop: Workshop, values: PartValues, rows: Sequence[int], frequencies: Array, *, leads: bool
    ) -> None:
        self._network, self._values = workshop.network, values
        additions = workshop._additions(values)
        if leads:
            names = workshop.network.signals[: values.states]
            additions = Additions(additions.capacitors, dict.fromkeys(names, _NO_LEAD), additions.tees)
        assembly = workshop.technology.assemble(workshop.name, workshop.network, values, additions)
        self._system = equations(assembly.circuit)
        self._places = _resistances(self._system, workshop.network)
        self._leads = _named(self._system, "R_lead_")
        differential, signs = workshop.technology.differential, np.array(assembly.signs, dtype=np.float64)
        self._rows = np.stack(
            [
                signs[row] * _probe(self._system, nets_of(workshop.network.signals[row], differential=differential))
                for row in rows
            ]
        )
        self._drive = _driven(self._system, assembly.circuit, differential=differential)
        self._s = 2j * np.pi * frequencies

    def response(self, network: VoltageNetwork, delays: Array) -> NDArray[np.complex128]:
        """Return the response of the circuit with the couplings of `network`, and integrators that lead by `delays`."""
        values = self._system.nominal.copy()
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = self._network.couplings / network.couplings
        for (row, column), places in self._places.items():
            values[places] *= ratios[row, column]
        for k, name in enumerate(self._network.signals[: self._values.states]):
            for place in self._leads.get(name, []):
                values[place] = max(float(delays[k] / self._values.references[k]), _NO_LEAD)
        matrices = self._system.conductance_matrix(values) + self._s[:, None, None] * self._system.storage_matrix(
            values
        )
        found = np.linalg.solve(matrices, np.broadcast_to(self._drive[:, None], (len(self._s), len(self._drive), 1)))
        return np.asarray(found[..., 0] @ self._rows.T, dtype=np.complex128)


def _probe(system: Equations, nets: Sequence[str]) -> Array:
    return system.probe(nets[0] if len(nets) == 1 else (nets[0], nets[1]))


def _driven(system: Equations, circuit: Circuit, *, differential: bool) -> Array:
    """Return the right-hand side of the equations for a signal of 1 V at the input."""
    shares = (0.5, -0.5) if differential else (1.0,)
    inputs = [port.name for port in circuit.ports if port.direction == "in"]
    volts = np.zeros(len(system.inputs))
    volts[[system.inputs.index(name) for name in inputs]] = shares
    return np.asarray(system.drive_matrix() @ volts)


def _resistances(system: Equations, network: VoltageNetwork) -> dict[tuple[int, int], list[int]]:
    """Return the indices of the resistances of each coupling, by row and column; of a T network all three."""
    places = {
        each.path.rpartition(".")[2]: k for k, each in enumerate(system.parameters) if each.quantity == "resistance"
    }
    found: dict[tuple[int, int], list[int]] = {}
    for row, column in np.argwhere(network.couplings).tolist():
        name = f"R_{network.signals[row]}_{network.sources[column]}"
        names = [f"{name}{side}{arm}" for side in ("", *SIDES) for arm in ("", "_a", "_b", "_c")]
        found[row, column] = [places[each] for each in names if each in places]
    return found


def _named(system: Equations, prefix: str) -> dict[str, list[int]]:
    """Return the indices of the resistances whose names begin with a prefix, by the signal that follows it."""
    found: dict[str, list[int]] = {}
    for k, each in enumerate(system.parameters):
        name = each.path.rpartition(".")[2]
        if each.quantity == "resistance" and name.startswith(prefix):
            signal = name.removeprefix(prefix)
            found.setdefault(next((signal[:-2] for side in SIDES if signal.endswith(side)), signal), []).append(k)
    return found
