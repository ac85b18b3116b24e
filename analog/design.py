"""The analog designer: order, window, supply and op-amp in, a checked circuit with its scaling out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.analog import rules
from lmu_hw.analog.circuit import Circuit
from lmu_hw.analog.dense import dense_realisation
from lmu_hw.analog.linear import StateSpace, state_space
from lmu_hw.analog.opamp import IdealOpAmp, OpAmpModel, describe
from lmu_hw.analog.opamp_rc import PartChoice, build, choose_parts
from lmu_hw.analog.parts import PartRange
from lmu_hw.analog.polarity import Polarity, choose_polarity
from lmu_hw.analog.realisation import Array, Realisation, VoltageNetwork, scale_amplitudes
from lmu_hw.arguments import check_integer, check_positive
from lmu_hw.errors import DesignError

MAX_ORDER = 256
"""Largest order of a dense circuit (65,536 coupling resistors)."""

PREDICTION_ORDER = 64
"""Largest order for which stability and response are computed from the parts."""

MAX_OUTPUTS = 64

RESISTORS = PartRange(1e2, 1e8)
CAPACITORS = PartRange(1e-12, 1e-3)
IDEAL = IdealOpAmp()


@dataclass(frozen=True, eq=False)
class RealisedSystem:
    """theta dm/dt = A m + B u and y = C m in Legendre coordinates, as the parts of a circuit realise it."""

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
        band_hz: states / (4 theta), the band edge.
    """

    nrmse: float
    output_nrmse: tuple[float, ...]
    band_hz: float


@dataclass(frozen=True, eq=False)
class AnalogDesign:
    """A circuit that realises the memory, and how to read its voltages.

    Attributes:
        circuit: ports u, x0 ... x<n-1>, y0 ...; passes all electrical rules.
        style: the technology, for example "opamp-rc".
        realisation: the state coordinates.
        network: the scaled system in volts.
        polarity: stored signs and inverters.
        parts: shared part values.
        opamp: model of every op-amp.
        specification: what was asked for, as plain data for headers and manifests.
    """

    circuit: Circuit
    style: str
    realisation: Realisation
    network: VoltageNetwork
    polarity: Polarity
    parts: PartChoice
    opamp: OpAmpModel
    specification: dict[str, Any]

    @property
    def state_scaling(self) -> Array:
        """(n,) signed volts per unit: z_i = v(x<i>) / state_scaling[i]. Negative where stored inverted."""
        return self.network.state_volts * self.polarity.state_signs

    @property
    def input_scaling(self) -> float:
        """Volts at u that stand for the input 1."""
        return self.network.input_volts

    @property
    def output_scaling(self) -> Array:
        """(outputs,) volts per unit: y_k = v(y<k>) / output_scaling[k], always positive."""
        return self.network.output_volts

    def legendre_states(self, volts: ArrayLike) -> Array:
        """Map the voltages of x0 ..., shape (..., n), to Legendre coefficients m, shape (..., order)."""
        states = np.asarray(volts, dtype=np.float64) / self.state_scaling
        return np.asarray(states @ self.realisation.legendre_map.T, dtype=np.float64)

    def recovered(self) -> RealisedSystem:
        """The system that the circuit's resistors and capacitors realise with ideal op-amps."""
        model = state_space(self.circuit, ideal_opamps=True)
        n, theta = self.realisation.states, self.realisation.theta
        to_legendre = (self.realisation.legendre_map / self.state_scaling) @ model.c[:n]
        from_legendre = np.linalg.inv(to_legendre)
        return RealisedSystem(
            state_matrix=theta * to_legendre @ model.a @ from_legendre,
            input_vector=theta * to_legendre @ model.b[:, 0] * self.input_scaling,
            readout=model.c[n:] @ from_legendre / self.output_scaling[:, None],
        )

    @cached_property
    def linear_model(self) -> StateSpace:
        """The linear model with the op-amps as modelled, from v(u) to v(x0) ..., v(y0) ..., in volts."""
        return state_space(self.circuit)

    def predict(self, points: int = 48) -> Prediction:
        """Predict the error of states and outputs over the band, from `points` frequencies."""
        network, n = self.network, self.realisation.states
        band = n / (4.0 * self.realisation.theta)
        frequencies = band * (np.arange(points) + 0.5) / points
        wanted = StateSpace(
            a=network.rates,
            b=network.input_rates[:, None],
            c=np.vstack([np.diag(self.polarity.state_signs), network.weights]),
            d=np.zeros((n + len(network.output_volts), 1)),
        ).response(frequencies)[..., 0]
        error = np.abs(self.linear_model.response(frequencies)[..., 0] - wanted) ** 2
        power = np.abs(wanted) ** 2
        outputs = np.sqrt(error[:, n:].sum(axis=0) / power[:, n:].sum(axis=0))
        nrmse = float(np.sqrt(error[:, :n].sum() / power[:, :n].sum()))
        return Prediction(nrmse, tuple(outputs.tolist()), band)


def design_opamp_rc(
    order: int,
    theta: float,
    *,
    ranges: ArrayLike,
    readout_delays: Sequence[float] = (1.0,),
    output_ranges: ArrayLike | None = None,
    name: str = "lmu",
    supply: float = 5.0,
    swing: float = 0.8,
    input_volts: float = 1.0,
    opamp: OpAmpModel = IDEAL,
    capacitor: float | None = None,
    impedance: float = 1e5,
    resistors: PartRange = RESISTORS,
    capacitors: PartRange = CAPACITORS,
) -> AnalogDesign:
    """Design the dense op-amp RC circuit of a Legendre memory.

    Args:
        order: number of states, 1 to 256.
        theta: window in seconds.
        ranges: (order,) certified bounds on |m_i| for |u| <= 1.
        readout_delays: delays of the outputs as fractions of theta, each in [0, 1]; at most 64, or none.
        output_ranges: bounds on each output for |u| <= 1; by default the sum of |c_i| ranges_i, which is
            safe but several times too large, and so costs signal level.
        name: identifier of the circuit.
        supply: the op-amps run from +supply and -supply, V.
        swing: largest share of the supply that an op-amp's output may reach with ideal parts, in (0, 1].
        input_volts: voltage at the input for u = 1, V.
        opamp: model of every op-amp.
        capacitor: the integrators' capacitor in farad, chosen if None.
        impedance: resistance around which parts are chosen, ohm.
        resistors: allowed resistances, ohm.
        capacitors: allowed capacitances, farad.

    Raises:
        DesignError: a value out of its range, no parts in range, or op-amps too slow for a stable circuit.
    """
    states = check_integer("order of an analog memory", order, 1, MAX_ORDER)
    if len(readout_delays) > MAX_OUTPUTS:
        raise DesignError("readout delays", f"at most {MAX_OUTPUTS}", len(readout_delays))
    if not 0 < swing <= 1:
        raise DesignError("swing", "a share of the supply, above 0 and at most 1", swing)
    limit = swing * check_positive("supply in volts", supply)
    if check_positive("input_volts", input_volts) > limit:
        raise DesignError("input_volts", f"at most {limit:g} V, the swing times the supply", input_volts)

    realisation = dense_realisation(states, check_positive("theta in seconds", theta), readout_delays)
    network = scale_amplitudes(
        realisation,
        state_ranges=ranges,
        output_ranges=output_ranges,
        swing=limit,
        input_volts=float(input_volts),
    )
    polarity = choose_polarity(network)
    level = check_positive("impedance in ohm", impedance)
    parts = choose_parts(network, impedance=level, resistors=resistors, capacitors=capacitors, capacitor=capacitor)
    circuit = build(name, network, polarity, parts, opamp, impedance=level, resistors=resistors)
    rules.check(circuit)
    specification = {
        "order": states,
        "theta": float(theta),
        "readout_delays": list(realisation.delays),
        "supply": float(supply),
        "swing": float(swing),
        "input_volts": float(input_volts),
        "capacitor": parts.capacitor,
        "impedance": level,
    }
    design = AnalogDesign(circuit, "opamp-rc", realisation, network, polarity, parts, opamp, specification)
    if states <= PREDICTION_ORDER:
        growth = float(np.linalg.eigvals(design.linear_model.a).real.max())
        if growth >= 0:
            found = f"{describe(opamp)}, growing at {growth:.3g} 1/s"
            raise DesignError("the op-amps", "fast enough for a stable circuit", found)
    return design
