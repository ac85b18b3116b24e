"""The analog designer: from order, window, supply and devices to a checked circuit with its scaling."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmu_hw.analog.circuit import rules
from lmu_hw.analog.circuit.bench import bench_for
from lmu_hw.analog.circuit.devices import AnyOpAmp, Cell, IdealOpAmp, IdealOta, describe
from lmu_hw.analog.circuit.elements import GROUND, Waveform
from lmu_hw.analog.circuit.equations import equations
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.analog.circuit.linear import StateSpace, reduce, state_space
from lmu_hw.analog.design.amplitudes import VoltageNetwork, band_edge, band_frequencies, scale_amplitudes
from lmu_hw.analog.design.compensation import LEAST_PHASE, Stability, stability
from lmu_hw.analog.design.correction import Corrected
from lmu_hw.analog.design.impedance import MOST_TEE, Level, choose_level
from lmu_hw.analog.design.parts import PartRange, PartValues, Series, choose_values, values_for
from lmu_hw.analog.design.rounding import Rounding
from lmu_hw.analog.design.technologies import STYLES as STYLES
from lmu_hw.analog.design.technologies import technology_of
from lmu_hw.analog.design.technologies.base import NO_ADDITIONS, Additions, Technology, nets_of
from lmu_hw.analog.design.workshop import Workshop
from lmu_hw.analog.realisation.network import Array, Readouts, Realisation
from lmu_hw.analog.realisation.topologies import TOPOLOGIES as TOPOLOGIES
from lmu_hw.core.display import Displayed, number
from lmu_hw.errors import DesignError, RequestError, check_integer, check_positive

if TYPE_CHECKING:
    from lmu_hw.core.figures import Plot


@dataclass(frozen=True, eq=False, repr=False)
class RealisedSystem(Displayed):
    """The system theta dm/dt = A m + B u, y = C m that the parts of a circuit realise, in Legendre coordinates.

    Attributes:
        state_matrix: A, shape (order, order).
        input_vector: B, shape (order,).
        readout: C, shape (outputs, order).
    """

    state_matrix: Array
    input_vector: Array
    readout: Array


@dataclass(frozen=True)
class Prediction:
    """The deviation of a circuit's response from that of the exact memory, by the linear model of its parts.

    Attributes:
        nrmse: The root mean square error of all states in volts, relative to their root mean square, for input that is
            white up to `band_hz`.
        output_nrmse: The same for each output.
        band_hz: The edge of the band, states/(4 theta), Hz.
    """

    nrmse: float
    output_nrmse: tuple[float, ...]
    band_hz: float

    @property
    def worst(self) -> float:
        """The largest error of an output, or that of the states of a circuit without outputs."""
        return max(self.output_nrmse, default=self.nrmse)


@dataclass(frozen=True, eq=False, repr=False)
class AnalogDesign(Displayed):
    """A circuit that realises the memory, with the scaling of its voltages.

    Attributes:
        circuit: The circuit, with one instance per stage, which keeps all electrical rules. Its ports are the input u,
            the states x0 ... and the outputs, each as one net or, if it is differential, as two with the endings _p
            and _n.
        technology: The devices of its stages.
        realisation: The signals and their couplings.
        network: The scaled system in volts, with exact values.
        values: The values of the parts.
        signs: +1 or -1 per signal of the network; -1 where the circuit carries the negative.
        inverters: The number of stages that only invert.
        level: The impedance level and its limits.
        rounding: The effect of standard values on the response; None if the values are exact.
        specification: The request, as plain data for headers and manifests.
        plain_values: The values of the parts before `correction`, with standard values if there are series.
        additions: The parts beside couplings and references: compensation capacitors, lead resistors, T networks.
        correction: The change of the couplings that makes up for the amplifiers; None where none was made.
        allowed: What would have been refused, had it not been allowed; a line each.
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
    plain_values: PartValues
    additions: Additions = NO_ADDITIONS
    correction: Corrected | None = None
    allowed: tuple[str, ...] = ()

    def _facts(self) -> Iterable[tuple[str, str]]:
        realisation = self.realisation
        yield "circuit", f"{realisation.topology}, {self.style}"
        yield "states", str(realisation.states)
        yield "window θ", f"{number(realisation.theta)} s"
        yield "couplings", str(realisation.internal_couplings)
        yield "outputs", ", ".join(self.network.outputs[:4]) + ("…" if len(self.network.outputs) > 4 else "") or "none"
        yield "largest signal", f"{number(self.largest_signal)} V"

    def to_dict(self) -> dict[str, Any]:
        """The design as plain values: the request, the scaling of its voltages, and its impedance level.

        `lmu_hw.analog.write_design` leaves a manifest that tells more.
        """
        return {
            "name": self.circuit.name,
            "topology": self.realisation.topology,
            "style": self.style,
            "specification": dict(self.specification),
            "couplings": self.realisation.internal_couplings,
            "inverters": self.inverters,
            "scaling": {
                "input_volts_per_unit": self.input_scaling,
                "state_volts_per_unit": self.state_scaling.tolist(),
                "output_volts_per_unit": self.output_scaling.tolist(),
            },
            "largest_signal_volts": self.largest_signal,
            "impedance": self.level.to_dict(),
            "rounding": None if self.rounding is None else self.rounding.to_dict(),
        }

    def plot(self) -> Plot:
        """Draw the error of the last signal, by default the delayed output, over frequency: parts against the memory.

        Raises:
            DesignError: The circuit has no unique solution.
        """
        from lmu_hw.core.figures import curves_figure

        theta, signal = self.realisation.theta, self.signals[-1]
        hertz = np.geomspace(0.01, max(1.0, self.realisation.states), 121) / theta
        wanted = self.exact_response(hertz, [signal])[:, 0]
        found = self.linear_model.response(hertz)[:, len(self.signals) - 1, 0]
        curves = {
            "exact memory": (hertz, np.abs(wanted)),
            "circuit": (hertz, np.abs(found)),
            "|difference|": (hertz, np.maximum(np.abs(found - wanted), 1e-12)),
        }
        title = f"Response of {signal}"
        return curves_figure(title, "frequency (Hz)", "V/V", curves, xscale="log", yscale="log")

    @property
    def style(self) -> str:
        """The name of the technology, for example "opamp-rc"."""
        return self.technology.style

    @property
    def state_scaling(self) -> Array:
        """The voltage that stands for one unit of each state, V, shape (n,); negative if it is stored inverted.

        The state is z_i = v(x<i>) / state_scaling[i].
        """
        n = self.realisation.states
        return self.network.volts[:n] * np.array(self.signs[:n], dtype=np.float64)

    @cached_property
    def largest_signal(self) -> float:
        """The bound on every signal for inputs of |u| <= 1 and ideal devices, V, with the parts as they are."""
        limit = self.technology.largest_signal(self.specification["supply"], self.specification["swing"])
        if self.values is self.exact_values:
            return limit
        return limit * self.values.realised(self.network).growth(self.network, self.realisation.theta)

    @property
    def largest_voltage(self) -> float:
        """The bound on the voltage of every net against ground, for the same inputs and devices, V."""
        return self.largest_signal * (0.5 if self.technology.differential else 1.0)

    @cached_property
    def exact_values(self) -> PartValues:
        """The values of the parts if they realise the network exactly; `values` itself where they do."""
        exact = self.rounding is None and self.correction is None
        return self.values if exact else values_for(self.network, self.values.references, self.values.inverter)

    @property
    def supplies(self) -> dict[str, float]:
        """The voltage at each supply port, V; empty where the amplifiers' models have no supply pins."""
        volts = self.specification["supply"]
        ports = [port.name for port in self.circuit.ports if port.direction == "supply"]
        return dict(zip(ports, (volts, -volts), strict=False))

    @property
    def input_scaling(self) -> float:
        """The voltage of the signal u that stands for the input 1, V."""
        return self.network.input_volts

    @property
    def output_scaling(self) -> Array:
        """The voltage that stands for one unit of each output, V, shape (outputs,); always positive.

        The output is y_k = v(y<k>) / output_scaling[k].
        """
        return self.network.volts[[self.network.index(name) for name in self.network.outputs]]

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals at the output ports: states, then outputs."""
        return (*self.network.signals[: self.realisation.states], *self.network.outputs)

    @property
    def input_ports(self) -> dict[str, float]:
        """The share of the input's voltage with which each input port is driven, by the port's name."""
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
        """Return how signals are made up of ports.

        Args:
            inputs: Input ports, in the order of the circuit's equations or model.
            outputs: Output ports, in that order.
            signals: Signals at the output ports.

        Returns:
            The share of the input at each of `inputs`, shape (inputs,), and each of `signals` as a combination of
            `outputs`, shape (signals, outputs).
        """
        rows = np.zeros((len(signals), len(outputs)))
        for k, signal in enumerate(signals):
            for net, sign in zip(self.signal_nets(signal), (1.0, -1.0), strict=False):
                rows[k, outputs.index(net)] = sign
        return np.array([self.input_ports[port] for port in inputs]), rows

    def bench(self, waveform: Waveform, *, ac: float = 0.0) -> Circuit:
        """Return a bench that drives the input with a waveform in V, see `circuit.bench.bench_for`.

        Args:
            waveform: The voltage of the signal u, V.
            ac: The magnitude of the input in a small-signal analysis, V.

        Raises:
            DesignError: An external waveform is to drive the two ports of a differential input.
        """
        return bench_for(self.circuit, waveform, ac=ac, shares=self.input_ports, supplies=self.supplies)

    def read(self, vectors: Mapping[str, ArrayLike]) -> Array:
        """Return the voltages of `signals` from those of the nets, V, shape (points, n + outputs).

        Args:
            vectors: The voltage of each net, V, shape (points,), under the name ``v(x0)`` or ``x0``.
        """
        columns = []
        for signal in self.signals:
            nets = self.signal_nets(signal)
            volts = [np.asarray(vectors[f"v({net})" if f"v({net})" in vectors else net]) for net in nets]
            columns.append(volts[0] if len(volts) == 1 else volts[0] - volts[1])
        return np.stack(columns, axis=-1)

    def legendre_states(self, volts: ArrayLike) -> Array:
        """Return the Legendre coefficients m, shape (..., order), for the voltages of the states, V, shape (..., n)."""
        states = np.asarray(volts, dtype=np.float64) / self.state_scaling
        return np.asarray(states @ self.realisation.legendre_map.T, dtype=np.float64)

    def recovered(self) -> RealisedSystem:
        """Return the system that resistors, capacitors and transconductances realise with ideal amplifiers.

        The linear model of a differential circuit has common modes beside it, which no signal depends on if its sides
        match.
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
    def stability(self) -> Stability:
        """The poles and the margins of the amplifiers' loops.

        Raises:
            DesignError: The circuit has no unique solution.
        """
        return stability(self.circuit)

    @cached_property
    def linear_model(self) -> StateSpace:
        """The linear model with the devices as modelled, from the signal u to `signals`, in volts."""
        return self._signal_model(ideal=False)

    def predict(self, points: int = 48) -> Prediction:
        """Predict the error of states and outputs over the band, from `points` frequencies.

        Raises:
            DesignError: The circuit has no unique solution.
        """
        (found,) = self._predictions(self.linear_model, points)
        return found

    def _predictions(self, models: StateSpace, points: int = 48) -> list[Prediction]:
        """Predict the errors of one model, or of many along the first axis."""
        n, theta = self.realisation.states, self.realisation.theta
        frequencies = band_frequencies(self.network, theta, points)
        wanted = self.exact_response(frequencies, self.signals)
        power = np.abs(wanted) ** 2
        found = []
        responses = models.response(frequencies)[..., 0]
        for response in responses.reshape(-1, *responses.shape[-2:]):
            error = np.abs(response - wanted) ** 2
            outputs = np.sqrt(error[:, n:].sum(axis=0) / power[:, n:].sum(axis=0))
            nrmse = float(np.sqrt(error[:, :n].sum() / power[:, :n].sum()))
            found.append(Prediction(nrmse, tuple(outputs.tolist()), band_edge(n, theta)))
        return found

    @cached_property
    def spread(self) -> dict[str, float]:
        """The error as in `Prediction.worst` where the gain-bandwidth product of all op-amps is 20 % less or more.

        The keys are the shares of the product, "0.8" and "1.2". Empty without a correction, which presumes the product.
        """
        if self.correction is None:
            return {}
        system = equations(self.circuit)
        places = [k for k, each in enumerate(system.parameters) if each.quantity == "gbw"]
        values = np.tile(system.nominal, (len(SPREAD), 1))
        values[:, places] *= np.array(SPREAD)[:, None]
        models = self._of_signals(reduce(system, values))
        return {f"{share:g}": each.worst for share, each in zip(SPREAD, self._predictions(models), strict=True)}

    @cached_property
    def prediction(self) -> Prediction:
        """The result of `predict`."""
        return self.predict()

    def exact_response(self, frequencies: ArrayLike, signals: Sequence[str]) -> NDArray[np.complex128]:
        """Return the response of the exact memory, with the scaling and the signs of the circuit.

        Args:
            frequencies: The frequencies, Hz.
            signals: Some of `signals`.

        Returns:
            The signals per volt of input, V/V, shape (frequencies, signals).
        """
        rows = [self.network.index(signal) for signal in signals]
        response = self.network.response(frequencies)[:, rows] * np.array(self.signs)[rows]
        return np.asarray(response, dtype=np.complex128)

    def _signal_model(self, *, ideal: bool) -> StateSpace:
        return self._of_signals(state_space(self.circuit, ideal_opamps=ideal))

    def _of_signals(self, model: StateSpace) -> StateSpace:
        shares, rows = self.at_ports(model.inputs, model.outputs, self.signals)
        return StateSpace(
            a=model.a,
            b=(model.b @ shares)[..., None],
            c=rows @ model.c,
            d=(rows @ model.d @ shares)[..., None],
            states=model.states,
            inputs=("u",),
            outputs=self.signals,
        )


MAX_ORDER = 256
"""Largest order of a circuit (65,536 couplings where it is dense)."""

PREDICTION_ORDER = 64
"""Largest order for which stability and response are computed from the parts."""

MAX_OUTPUTS = 64
"""Largest number of delayed outputs."""

ERROR_LIMIT = 0.05
"""The predicted error of an output above which a circuit is refused by default."""

SPREAD = (0.8, 1.2)
"""The shares of the op-amps' gain-bandwidth product over which a corrected circuit has to keep its error."""

P = ParamSpec("P")

_PARTS = ("resistors", "capacitors")

IDEAL = IdealOpAmp()
IDEAL_OTA = IdealOta()


#: The names that keywords of `design_memory` once had, and those that they have now.
_OLDER_NAMES = {
    "readout_delays": "delays",
    "coefficient_outputs": "coefficients",
    "resistor_series": "resistors",
    "capacitor_series": "capacitors",
}


def _with_older_names(function: Callable[P, AnalogDesign]) -> Callable[P, AnalogDesign]:
    """Take keywords under the names that they had in 0.1 too, with a warning; `resistors` once was the range."""

    @functools.wraps(function)
    def accepting(*args: P.args, **kwargs: P.kwargs) -> AnalogDesign:
        older = {part: f"{part[:-1]}_range" for part in _PARTS if isinstance(kwargs.get(part), PartRange)}
        older |= {name: _OLDER_NAMES[name] for name in kwargs if name in _OLDER_NAMES}
        for old, new in older.items():
            value = kwargs.pop(old)
            if new in kwargs:
                raise TypeError(f"design_memory() got {new!r} and its old name {old!r}")
            what = f"a range as {old!r}" if isinstance(value, PartRange) else repr(old)
            warnings.warn(f"{what} of design_memory() is now {new!r}", FutureWarning, stacklevel=2)
            kwargs[new] = value
        return function(*args, **kwargs)

    return accepting


@_with_older_names
def design_memory(
    order: int,
    theta: float,
    *,
    topology: str = "dense",
    style: str = "opamp-rc",
    delays: Sequence[float] = (1.0,),
    coefficients: bool = False,
    name: str = "lmu",
    supply: float = 5.0,
    swing: float = 0.8,
    input_volts: float | None = None,
    opamp: AnyOpAmp = IDEAL,
    ota: Cell = IDEAL_OTA,
    capacitor: float | None = None,
    impedance: float | None = None,
    resistors: Series | str | None = None,
    capacitors: Series | str | None = None,
    resistor_range: PartRange | None = None,
    capacitor_range: PartRange | None = None,
    correction: bool = True,
    error_limit: float = ERROR_LIMIT,
    allow: bool = False,
) -> AnalogDesign:
    """Design the circuit of a Legendre memory, in these steps:

    1. realisation: state coordinates and their couplings, without units;
    2. technology: the devices of the stages, which limit the signals;
    3. amplitudes: every signal in volts, so that no amplifier leaves its swing for any input of |u| <= 1, as the
       ranges of all signals are certified L1 norms;
    4. impedance level, and with it the exact values of all parts;
    5. compensation: capacitors across feedback resistors, so that every loop has a phase margin;
    6. correction of the couplings for the amplifiers' bandwidth, and lead resistors, where the error is above 0.1 %;
    7. standard values, if series are given, and T networks in place of resistors beyond their range;
    8. assembly of the stages to a circuit, which must keep the electrical rules, have a phase margin of 45°, and keep
       the error.

    Args:
        order: Number of states, 1 to 256.
        theta: Window in seconds.
        topology: "dense", "chain" or "ladder", see `analog.realisation.topologies`.
        style: "opamp-rc", "opamp-rc-differential" or "gm-c", see `analog.design.technologies`.
        delays: Delays of the outputs y0, y1, ... as fractions of theta, each in [0, 1]; at most 64, or none.
        coefficients: Whether the Legendre coefficients are outputs too, as m0, m1, ....
        name: Identifier of the circuit.
        supply: The supplies of the amplifiers lie at plus and minus this voltage, V.
        swing: Largest share of the supply that an amplifier's output may reach with ideal parts, in (0, 1].
        input_volts: Voltage of the input for u = 1, V; 1 V or what the technology's swing allows if None.
        opamp: Model of every op-amp; in a differential circuit its differential counterpart.
        ota: Model of every transconductor of a gm-C circuit.
        capacitor: The integrators' capacitor in farad, chosen if None.
        impedance: Resistance around which parts are chosen, ohm; chosen from loading, noise and the parts' ranges if
            None.
        resistors: Standard values for the resistors, a series or its name such as "E96"; exact values if None.
        capacitors: Standard values for the capacitors, likewise.
        resistor_range: Allowed resistances (of a gm-C circuit: inverse transconductances), ohm; by default those of the
            technology, 100 Ω to 1 MΩ for resistors.
        capacitor_range: Allowed capacitances, farad; by default those of the technology, 10 pF to 10 µF beside op-amps.
        correction: Whether couplings make up for the amplifiers' bandwidth, where the error is above 0.1 %.
        error_limit: Largest predicted error of an output (of the states, where there is none), see `Prediction`.
        allow: Whether to return a circuit that is unstable, lacks margin or exceeds `error_limit` all the same; its
            `allowed` then says so.

    Raises:
        DesignError: A value is out of its range, no parts in their ranges suit, thermal noise is too large a share of
            the signals, or the amplifiers do not suit the circuit.
    """
    states = check_integer("order of an analog memory", order, 1, MAX_ORDER)
    window = check_positive("theta in seconds", theta)
    realisation = _realised(states, window, topology, delays, coefficients)
    technology = technology_of(style, opamp, ota)
    resistor_series = Series(resistors) if isinstance(resistors, str) else resistors
    capacitor_series = Series(capacitors) if isinstance(capacitors, str) else capacitors
    if resistor_series is not None and not technology.discrete_resistors:
        raise RequestError(
            f"a series of resistors has no effect on a {style} circuit",
            hint="its couplings are transconductors, which have no standard values",
        )
    limit, volts = _signal_limits(technology, supply, swing, input_volts)
    network = scale_amplitudes(realisation, realisation.certified_ranges(), swing=limit, input_volts=volts)
    ohms, farads = resistor_range or technology.resistor_range, capacitor_range or technology.capacitor_range
    level = choose_level(
        network,
        technology,
        theta=window,
        swing=limit,
        resistors=ohms,
        capacitors=farads,
        impedance=impedance,
    )
    exact = choose_values(
        network,
        impedance=level.impedance,
        resistors=ohms,
        capacitors=farads,
        capacitor=capacitor,
        sums=level.sums,
        tees=MOST_TEE if technology.has_tees else 1.0,
    )
    workshop = Workshop(name, network, technology, ohms, farads, resistor_series, capacitor_series, window)
    workshop.compensate(exact)
    corrected = workshop.correct(exact) if correction and states <= PREDICTION_ORDER else None
    target = network if corrected is None else corrected.network
    rounding = plain_rounding = None
    values, plain = values_for(target, exact.references, exact.inverter), exact
    if resistor_series is not None or capacitor_series is not None:
        rounding = workshop.rounded(target, values, fixed_capacitor=capacitor is not None)
        plain_rounding = rounding if corrected is None else workshop.rounded(network, exact, capacitor is not None)
        values, plain = rounding.values, plain_rounding.values
    elif corrected is None:
        values = exact
    workshop.lead(corrected, values)
    assembly, additions = workshop.finish(values)
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
            "coefficient_outputs": coefficients,
            "supply": float(supply),
            "swing": float(swing),
            "input_volts": volts,
            "impedance": level.impedance,
            "resistor_series": None if resistor_series is None else resistor_series.name,
            "capacitor_series": None if capacitor_series is None else capacitor_series.name,
            "error_limit": check_positive("error limit", error_limit),
        },
        plain_values=plain,
        additions=additions,
        correction=corrected,
    )
    found = tuple(_objections(design, error_limit))
    if found and not allow:
        raise found[0]
    return replace(design, allowed=tuple(str(each) for each in found))


def _realised(order: int, theta: float, topology: str, delays: Sequence[float], coefficients: bool) -> Realisation:
    if topology not in TOPOLOGIES:
        raise DesignError("topology", f"one of {', '.join(TOPOLOGIES)}", topology)
    if len(delays) > MAX_OUTPUTS:
        raise DesignError("readout delays", f"at most {MAX_OUTPUTS}", len(delays))
    readouts = Readouts(tuple(float(delay) for delay in delays), coefficients)
    return TOPOLOGIES[topology](order, theta, readouts)


def _signal_limits(
    technology: Technology, supply: float, swing: float, input_volts: float | None
) -> tuple[float, float]:
    """Return the largest signal and the voltage that stands for u = 1, both in V."""
    if not 0 < swing <= 1:
        raise DesignError("swing", "a share of the supply, above 0 and at most 1", swing)
    limit = technology.largest_signal(check_positive("supply in volts", supply), swing)
    volts = min(1.0, limit) if input_volts is None else check_positive("input_volts", input_volts)
    if volts > limit:
        raise DesignError("input_volts", f"at most {limit:g} V, the largest signal of this supply and style", volts)
    return limit, volts


def _objections(design: AnalogDesign, error_limit: float) -> Iterator[DesignError]:
    """Yield why a circuit should not be built: it is unstable, has too small a margin, or too large an error."""
    if design.realisation.states > PREDICTION_ORDER:
        return
    device, found = design.technology.device, design.stability
    what = f"the {device.device}s"
    if not found.stable:
        hint = f"with these the circuit grows at {found.poles.real.max():.3g} 1/s"
        yield DesignError(what, "fast enough for a stable circuit", describe(device), hint=hint)
        return
    if found.phase_margin is not None and found.phase_margin < LEAST_PHASE:
        got = f"{found.phase_margin:.3g}° at {found.weakest().amplifier}"
        hint = "a second pole farther above the gain-bandwidth product or less input capacitance helps"
        yield DesignError("the phase margin", f"at least {LEAST_PHASE:g}°", got, hint=hint)
    error = max(design.prediction.worst, *design.spread.values(), 0.0)
    if error > error_limit:
        gbw = device.small_signal().gbw if isinstance(device, AnyOpAmp) else math.inf
        hint = "a longer theta or a larger gain"
        if math.isfinite(gbw):
            hint = "a larger gain-bandwidth product, a longer theta or a lower order"
        elif design.rounding is not None:
            hint = "finer series"
        limit = f"at most {error_limit:g}, the limit"
        got = f"{error:.3g}" + (" over 20 % more or less bandwidth" if error > design.prediction.worst else "")
        yield DesignError("the predicted error of the outputs", limit, got, hint=f"{hint} helps")
