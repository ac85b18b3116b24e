"""The analog designer: order, window, supply and devices in, a checked circuit with its scaling out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.analog.circuit import rules
from lmu_hw.analog.circuit.bench import bench_for
from lmu_hw.analog.circuit.devices import AnyOpAmp, Cell, IdealOpAmp, IdealOta, describe
from lmu_hw.analog.circuit.elements import GROUND, Waveform
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.analog.circuit.linear import StateSpace, state_space
from lmu_hw.analog.design.amplitudes import VoltageNetwork, scale_amplitudes
from lmu_hw.analog.design.impedance import Level, choose_level
from lmu_hw.analog.design.parts import PartRange, PartValues, Series, choose_values
from lmu_hw.analog.design.rounding import Rounding, round_values
from lmu_hw.analog.design.technologies import STYLES as STYLES
from lmu_hw.analog.design.technologies import technology_of
from lmu_hw.analog.design.technologies.base import Technology, nets_of
from lmu_hw.analog.realisation.network import Array, Readouts, Realisation
from lmu_hw.analog.realisation.topologies import TOPOLOGIES as TOPOLOGIES
from lmu_hw.errors import DesignError, check_integer, check_positive


@dataclass(frozen=True, eq=False)
class RealisedSystem:
    """The system theta dm/dt = A m + B u, y = C m that the parts of a circuit realise, in Legendre coordinates."""

    state_matrix: Array
    input_vector: Array
    readout: Array


@dataclass(frozen=True)
class Prediction:
    """Deviation of the circuit's response from the exact memory, from the linear model of its parts.

    Attributes:
        nrmse: root mean square error of all states in volts, relative to their root mean square, for
            input that is white up to `band_hz`.
        output_nrmse: the same for each output.
        band_hz: the edge of the band, states / (4 theta), Hz.
    """

    nrmse: float
    output_nrmse: tuple[float, ...]
    band_hz: float


@dataclass(frozen=True, eq=False)
class AnalogDesign:
    """A circuit that realises the memory, and how to read its voltages.

    Attributes:
        circuit: one instance per stage; its ports are the input u, the states x0 ... and the outputs, each as one
            net or, where it is differential, as two with the endings _p and _n; passes all electrical rules.
        technology: what its stages are made of.
        realisation: the signals and their couplings.
        network: the scaled system in volts, with exact values.
        values: the parts' values.
        signs: +1 or -1 per signal of the network; -1 where the circuit carries the negative.
        inverters: how many stages only invert.
        level: how the impedance was chosen.
        rounding: what standard values do to the response; None where the values are exact.
        specification: what was asked for, as plain data for headers and manifests.
    """

    circuit: Circuit
    technology: Technology
    realisation: Realisation
    network: VoltageNetwork
    values: PartValues
    signs: tuple[int, ...]
    inverters: int
    level: Level
    rounding: Rounding | None
    specification: dict[str, Any]

    @property
    def style(self) -> str:
        """The technology, for example "opamp-rc"."""
        return self.technology.style

    @property
    def state_scaling(self) -> Array:
        """Signed volts per unit of each state: z_i = signal x<i> / state_scaling[i]; negative where stored inverted."""
        n = self.realisation.states
        return self.network.volts[:n] * np.array(self.signs[:n], dtype=np.float64)

    @property
    def largest_signal(self) -> float:
        """What every signal stays within for inputs of |u| <= 1 and ideal devices, V."""
        return self.technology.largest_signal(self.specification["supply"], self.specification["swing"])

    @property
    def largest_voltage(self) -> float:
        """The same for every net against ground, V."""
        return self.largest_signal * (0.5 if self.technology.differential else 1.0)

    @property
    def input_scaling(self) -> float:
        """Volts of the signal u that stand for the input 1."""
        return self.network.input_volts

    @property
    def output_scaling(self) -> Array:
        """Volts per unit of each output: y_k = signal / output_scaling[k]; always positive."""
        return self.network.volts[[self.network.index(name) for name in self.network.outputs]]

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals at the ports that the circuit drives: states, then outputs."""
        return (*self.network.signals[: self.realisation.states], *self.network.outputs)

    @property
    def input_ports(self) -> dict[str, float]:
        """The input ports, and the share of the input's voltage that each is to be driven with."""
        nets = nets_of("u", differential=self.technology.differential)
        return dict(zip(nets, (1.0,) if len(nets) == 1 else (0.5, -0.5), strict=True))

    def signal_nets(self, signal: str) -> tuple[str, ...]:
        """Return the net of a signal, or the two nets whose difference it is."""
        return nets_of(signal, differential=self.technology.differential)

    def signal_pair(self, signal: str) -> tuple[str, str]:
        """Return the two nets whose difference a signal is; the second one may be ground."""
        positive, *negative = self.signal_nets(signal)
        return positive, negative[0] if negative else GROUND

    def at_ports(self, inputs: Sequence[str], outputs: Sequence[str], signals: Sequence[str]) -> tuple[Array, Array]:
        """Return how signals are made of ports, of which a circuit's equations or model have an order of their own.

        Returns:
            The share of the input at each of the input ports `inputs`, shape (inputs,), and each of `signals` as a
            combination of the output ports `outputs`, shape (signals, outputs).
        """
        rows = np.zeros((len(signals), len(outputs)))
        for k, signal in enumerate(signals):
            for net, sign in zip(self.signal_nets(signal), (1.0, -1.0), strict=False):
                rows[k, outputs.index(net)] = sign
        return np.array([self.input_ports[port] for port in inputs]), rows

    def bench(self, waveform: Waveform, *, ac: float = 0.0) -> Circuit:
        """Return a bench that drives the input with a waveform in V, see `circuit.bench.bench_for`."""
        return bench_for(self.circuit, waveform, ac=ac, shares=self.input_ports)

    def read(self, vectors: Mapping[str, ArrayLike]) -> Array:
        """Return the voltages of `signals` from vectors by net, ``v(x0)`` or ``x0``: shape (points, n + outputs)."""
        columns = []
        for signal in self.signals:
            nets = self.signal_nets(signal)
            volts = [np.asarray(vectors[f"v({net})" if f"v({net})" in vectors else net]) for net in nets]
            columns.append(volts[0] if len(volts) == 1 else volts[0] - volts[1])
        return np.stack(columns, axis=-1)

    def legendre_states(self, volts: ArrayLike) -> Array:
        """Map the voltages of the signals x0 ..., shape (..., n), to Legendre coefficients m, shape (..., order)."""
        states = np.asarray(volts, dtype=np.float64) / self.state_scaling
        return np.asarray(states @ self.realisation.legendre_map.T, dtype=np.float64)

    def recovered(self) -> RealisedSystem:
        """Return the system that the circuit's resistors, capacitors and transconductances realise, all else ideal.

        A differential circuit whose sides match has common modes beside it, which no signal sees.
        """
        model = self._signal_model(ideal=True)
        n, theta = self.realisation.states, self.realisation.theta
        to_legendre = (self.realisation.legendre_map / self.state_scaling) @ model.c[:n]
        from_legendre = np.linalg.pinv(to_legendre)
        return RealisedSystem(
            state_matrix=theta * to_legendre @ model.a @ from_legendre,
            input_vector=theta * to_legendre @ model.b[:, 0] * self.input_scaling,
            readout=model.c[n:] @ from_legendre / self.output_scaling[:, None],
        )

    @cached_property
    def linear_model(self) -> StateSpace:
        """The linear model with the devices as modelled, from the signal u to `signals`, in volts."""
        return self._signal_model(ideal=False)

    def predict(self, points: int = 48) -> Prediction:
        """Predict the error of states and outputs over the band, from `points` frequencies."""
        network, n = self.network, self.realisation.states
        frequencies = band_frequencies(network, self.realisation.theta, points)
        rows = [network.index(signal) for signal in self.signals]
        wanted = network.response(frequencies)[:, rows] * np.array(self.signs)[rows]
        error = np.abs(self.linear_model.response(frequencies)[..., 0] - wanted) ** 2
        power = np.abs(wanted) ** 2
        outputs = np.sqrt(error[:, n:].sum(axis=0) / power[:, n:].sum(axis=0))
        nrmse = float(np.sqrt(error[:, :n].sum() / power[:, :n].sum()))
        return Prediction(nrmse, tuple(outputs.tolist()), n / (4.0 * self.realisation.theta))

    def _signal_model(self, *, ideal: bool) -> StateSpace:
        model = state_space(self.circuit, ideal_opamps=ideal)
        shares, rows = self.at_ports(model.inputs, model.outputs, self.signals)
        return StateSpace(
            a=model.a,
            b=(model.b @ shares)[:, None],
            c=rows @ model.c,
            d=(rows @ model.d @ shares)[:, None],
            states=model.states,
            inputs=("u",),
            outputs=self.signals,
        )


def band_frequencies(network: VoltageNetwork, theta: float, points: int) -> Array:
    """Return `points` frequencies that share the band up to states/(4 theta) evenly, in Hz."""
    return network.states / (4.0 * theta) * (np.arange(points) + 0.5) / points


MAX_ORDER = 256
"""Largest order of a circuit (65,536 couplings where it is dense)."""

PREDICTION_ORDER = 64
"""Largest order for which stability and response are computed from the parts."""

MAX_OUTPUTS = 64

RESISTORS = PartRange(1e2, 1e8)
CAPACITORS = PartRange(1e-12, 1e-3)
IDEAL = IdealOpAmp()
IDEAL_OTA = IdealOta()


def design_memory(
    order: int,
    theta: float,
    *,
    topology: str = "dense",
    style: str = "opamp-rc",
    readout_delays: Sequence[float] = (1.0,),
    coefficient_outputs: bool = False,
    name: str = "lmu",
    supply: float = 5.0,
    swing: float = 0.8,
    input_volts: float | None = None,
    opamp: AnyOpAmp = IDEAL,
    ota: Cell = IDEAL_OTA,
    capacitor: float | None = None,
    impedance: float | None = None,
    resistors: PartRange = RESISTORS,
    capacitors: PartRange = CAPACITORS,
    resistor_series: Series | None = None,
    capacitor_series: Series | None = None,
) -> AnalogDesign:
    """Design the circuit of a Legendre memory, in these steps:

    1. realisation: state coordinates and their couplings, without units;
    2. technology: what the stages are made of, which limits the signals;
    3. amplitudes: every signal in volts, so that no amplifier leaves its swing for any input of |u| <= 1, as the
       ranges of all signals are certified L1 norms;
    4. impedance level, and with it the exact values of all parts;
    5. standard values, where series are asked for;
    6. assembly of the stages to a circuit, which must keep the electrical rules and be stable.

    Args:
        order: number of states, 1 to 256.
        theta: window in seconds.
        topology: "dense", "chain" or "ladder", see `analog.realisation`.
        style: "opamp-rc", "opamp-rc-differential" or "gm-c", see `analog.design.technologies`.
        readout_delays: delays of the outputs y0, y1, ... as fractions of theta, each in [0, 1]; at most 64, or none.
        coefficient_outputs: whether the Legendre coefficients are outputs too, as m0, m1, ....
        name: identifier of the circuit.
        supply: the amplifiers run from +supply and -supply, V.
        swing: largest share of the supply that an amplifier's output may reach with ideal parts, in (0, 1].
        input_volts: voltage of the input for u = 1, V; 1 V or what the technology's swing allows if None.
        opamp: model of every op-amp; in a differential circuit its differential counterpart.
        ota: model of every transconductor of a gm-C circuit.
        capacitor: the integrators' capacitor in farad, chosen if None.
        impedance: resistance around which parts are chosen, ohm; chosen from loading, noise and the parts' ranges if
            None.
        resistors: allowed resistances (of a gm-C circuit: inverse transconductances), ohm.
        capacitors: allowed capacitances, farad.
        resistor_series: standard values for the resistors; exact values if None.
        capacitor_series: standard values for the capacitors; exact values if None.

    Raises:
        DesignError: a value out of its range, no parts in range, or amplifiers too slow for a stable circuit.
    """
    states = check_integer("order of an analog memory", order, 1, MAX_ORDER)
    window = check_positive("theta in seconds", theta)
    realisation = _realised(states, window, topology, readout_delays, coefficient_outputs)
    technology = technology_of(style, opamp, ota)
    if resistor_series is not None and not technology.discrete_resistors:
        raise DesignError(
            "series of the resistors",
            f"left out of a {style} circuit",
            resistor_series.name,
            hint="its couplings are transconductors, which have no standard values",
        )
    limit, volts = _signal_limits(technology, supply, swing, input_volts)
    network = scale_amplitudes(realisation, realisation.certified_ranges(), swing=limit, input_volts=volts)
    level = choose_level(
        network, technology, theta=window, swing=limit, resistors=resistors, capacitors=capacitors, impedance=impedance
    )
    values = choose_values(
        network, impedance=level.impedance, resistors=resistors, capacitors=capacitors, capacitor=capacitor
    )
    rounding = None
    if resistor_series is not None or capacitor_series is not None:
        rounding = round_values(
            network,
            values,
            frequencies=band_frequencies(network, window, 24),
            resistors=resistor_series,
            capacitors=capacitor_series,
            resistor_range=resistors,
            capacitor_range=capacitors,
            fixed_capacitor=capacitor is not None,
        )
        values = rounding.values
    assembly = technology.assemble(name, network, values)
    rules.check(assembly.circuit)
    design = AnalogDesign(
        circuit=assembly.circuit,
        technology=technology,
        realisation=realisation,
        network=network,
        values=values,
        signs=assembly.signs,
        inverters=assembly.inverters,
        level=level,
        rounding=rounding,
        specification={
            "order": states,
            "theta": window,
            "topology": topology,
            "style": style,
            "readout_delays": list(realisation.delays),
            "coefficient_outputs": coefficient_outputs,
            "supply": float(supply),
            "swing": float(swing),
            "input_volts": volts,
            "impedance": level.impedance,
            "resistor_series": None if resistor_series is None else resistor_series.name,
            "capacitor_series": None if capacitor_series is None else capacitor_series.name,
        },
    )
    _check_stable(design)
    return design


def _realised(
    order: int, theta: float, topology: str, readout_delays: Sequence[float], coefficient_outputs: bool
) -> Realisation:
    if topology not in TOPOLOGIES:
        raise DesignError("topology", f"one of {', '.join(TOPOLOGIES)}", topology)
    if len(readout_delays) > MAX_OUTPUTS:
        raise DesignError("readout delays", f"at most {MAX_OUTPUTS}", len(readout_delays))
    readouts = Readouts(tuple(float(delay) for delay in readout_delays), coefficient_outputs)
    return TOPOLOGIES[topology](order, theta, readouts)


def _signal_limits(
    technology: Technology, supply: float, swing: float, input_volts: float | None
) -> tuple[float, float]:
    """Return the largest signal and the voltage that stands for an input of 1."""
    if not 0 < swing <= 1:
        raise DesignError("swing", "a share of the supply, above 0 and at most 1", swing)
    limit = technology.largest_signal(check_positive("supply in volts", supply), swing)
    volts = min(1.0, limit) if input_volts is None else check_positive("input_volts", input_volts)
    if volts > limit:
        raise DesignError("input_volts", f"at most {limit:g} V, the largest signal of this supply and style", volts)
    return limit, volts


def _check_stable(design: AnalogDesign) -> None:
    if design.realisation.states > PREDICTION_ORDER:
        return
    growth = float(np.linalg.eigvals(design.linear_model.a).real.max())
    if growth >= 0:
        device = design.technology.device
        hint = f"with these the circuit grows at {growth:.3g} 1/s"
        raise DesignError(f"the {device.device}s", "fast enough for a stable circuit", describe(device), hint=hint)
