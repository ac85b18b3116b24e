"""The analog designer: order, window, supply and devices in, a checked circuit with its scaling out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lmu_hw.analog import rules
from lmu_hw.analog.analog_design import AnalogDesign as AnalogDesign
from lmu_hw.analog.analog_design import band_frequencies
from lmu_hw.analog.device_model import describe
from lmu_hw.analog.impedance import choose_level
from lmu_hw.analog.opamp import DifferentialOpAmpModel, IdealOpAmp, OpAmpModel
from lmu_hw.analog.ota import IdealOta
from lmu_hw.analog.parts import PartRange, choose_values
from lmu_hw.analog.realisation import Realisation, scale_amplitudes
from lmu_hw.analog.realisations.chain import chain_realisation
from lmu_hw.analog.realisations.dense import dense_realisation
from lmu_hw.analog.realisations.ladder import ladder_realisation
from lmu_hw.analog.realisations.readouts import Readouts
from lmu_hw.analog.rounding import round_values
from lmu_hw.analog.series import Series
from lmu_hw.analog.technologies.gm_c import Cell
from lmu_hw.analog.technologies.styles import STYLES as STYLES
from lmu_hw.analog.technologies.styles import technology_of
from lmu_hw.arguments import check_integer, check_positive
from lmu_hw.errors import DesignError

TOPOLOGIES: Mapping[str, Callable[[int, float, Readouts], Realisation]] = {
    "dense": dense_realisation,
    "chain": chain_realisation,
    "ladder": ladder_realisation,
}

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
    opamp: OpAmpModel | DifferentialOpAmpModel = IDEAL,
    ota: Cell = IDEAL_OTA,
    capacitor: float | None = None,
    impedance: float | None = None,
    resistors: PartRange = RESISTORS,
    capacitors: PartRange = CAPACITORS,
    resistor_series: Series | None = None,
    capacitor_series: Series | None = None,
) -> AnalogDesign:
    """Design the circuit of a Legendre memory.

    Amplitudes are scaled so that no amplifier leaves its swing for any input of |u| <= 1: the ranges of all signals
    are certified L1 norms.

    Args:
        order: number of states, 1 to 256.
        theta: window in seconds.
        topology: "dense", "chain" or "ladder", see `analog.realisations`.
        style: "opamp-rc", "opamp-rc-differential" or "gm-c", see `analog.technologies`.
        readout_delays: delays of the outputs y0, y1, ... as fractions of theta, each in [0, 1]; at most 64, or none.
        coefficient_outputs: give out the Legendre coefficients too, as m0, m1, ....
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
    if topology not in TOPOLOGIES:
        raise DesignError("topology", f"one of {', '.join(TOPOLOGIES)}", topology)
    if len(readout_delays) > MAX_OUTPUTS:
        raise DesignError("readout delays", f"at most {MAX_OUTPUTS}", len(readout_delays))
    if not 0 < swing <= 1:
        raise DesignError("swing", "a share of the supply, above 0 and at most 1", swing)
    check_positive("supply in volts", supply)
    window = check_positive("theta in seconds", theta)
    readouts = Readouts(tuple(float(delay) for delay in readout_delays), coefficient_outputs)
    realisation = TOPOLOGIES[topology](states, window, readouts)
    technology = technology_of(style, opamp, ota)
    limit = technology.largest_signal(supply, swing)
    volts = min(1.0, limit) if input_volts is None else check_positive("input_volts", input_volts)
    if volts > limit:
        raise DesignError("input_volts", f"at most {limit:g} V, the largest signal of this supply and style", volts)
    network = scale_amplitudes(realisation, realisation.certified_ranges(), swing=limit, input_volts=volts)

    level = choose_level(
        network,
        technology,
        theta=window,
        swing=limit,
        resistors=resistors,
        capacitors=capacitors,
        impedance=impedance,
    )
    exact = choose_values(
        network, impedance=level.impedance, resistors=resistors, capacitors=capacitors, capacitor=capacitor
    )
    if resistor_series is not None and not technology.discrete_resistors:
        raise DesignError(
            "series of the resistors", f"left out of a {style} circuit, which has none", resistor_series.name
        )
    rounding = None
    if resistor_series is not None or capacitor_series is not None:
        rounding = round_values(
            network,
            exact,
            frequencies=band_frequencies(network, window, 24),
            resistors=resistor_series,
            capacitors=capacitor_series,
            resistor_range=resistors,
            capacitor_range=capacitors,
            fixed_capacitor=capacitor is not None,
        )
    values = exact if rounding is None else rounding.values
    assembly = technology.assemble(name, network, values)
    rules.check(assembly.circuit)
    specification = {
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
    }
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
        specification=specification,
    )
    if states <= PREDICTION_ORDER:
        growth = float(np.linalg.eigvals(design.linear_model.a).real.max())
        if growth >= 0:
            found = f"{describe(technology.device)}, growing at {growth:.3g} 1/s"
            raise DesignError(f"the {technology.device.device}s", "fast enough for a stable circuit", found)
    return design
