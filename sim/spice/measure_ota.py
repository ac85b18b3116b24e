"""Measure a transconductor in SPICE: from its operating point to the macro-model that a design is made with."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lmu_hw.analog.circuit.devices import CmosOta, MacroOta, OtaModel, library
from lmu_hw.analog.circuit.elements import Element, Transconductor
from lmu_hw.analog.circuit.graph import Circuit, replaced, walk
from lmu_hw.analog.export.spice import number
from lmu_hw.analog.realisation.network import Array
from lmu_hw.errors import CheckFailed, DesignError, check_positive
from lmu_hw.sim.spice.engines import Engine, run_spice

_LOW = 1.0  # Hz, where the capacitances are negligible beside the conductances
_HIGH = 1e4  # Hz, where they dominate the imaginary part, and the poles are still far
_POINTS = 201  # of the transfer curve
_DROOP = 0.05  # the relative loss of gm that limits the linear range


@dataclass(frozen=True, eq=False)
class OtaMeasurement:
    """The measurements on a transconductor with its output held at 0 V, and the macro-model that follows from them.

    Attributes:
        model: The macro-model. It saturates at the smaller of the two largest currents, out of the device and into it;
            its noise is that at 10 kHz.
        volts: The differential input of the transfer curve, V, shape (points,); the inverting input is at 0 V.
        amperes: The output current at these inputs, A, shape (points,).
        linear_range: The largest input, V, up to which gm stays within 5 % of its value at rest, for either sign.
        bandwidth: The frequency at which the short-circuit transconductance has fallen by 3 dB, Hz; infinite if that
            is above 10 GHz.
        power: The power that is drawn from the supplies at rest, W; 0 for a model without supplies.
    """

    model: MacroOta
    volts: Array
    amperes: Array
    linear_range: float
    bandwidth: float
    power: float


def measure_ota(
    device: OtaModel, *, reach: float = 2.0, engine: Engine | str = Engine.NGSPICE, timeout_s: float = 60.0
) -> OtaMeasurement:
    """Measure `device` by .op, .ac, .dc and .noise analyses.

    Args:
        device: Any transconductor with a gm, conductances and capacitances above zero.
        reach: The largest input of the transfer curve, of either sign, V: large enough that the current saturates.
        engine: The simulator.
        timeout_s: The time limit of each analysis, s.

    Raises:
        DesignError: `reach` or the time limit is not positive.
        MissingToolError: The simulator is not installed.
        CheckFailed: The simulator fails, or gm is not positive.
    """
    limit = check_positive("reach of the transfer curve", reach, "V")

    def run(analysis: str, *, drive: str = "", load: str = "") -> dict[str, Array]:
        return run_spice(_deck(device, drive, load) + analysis + "\n.end\n", engine=engine, timeout_s=timeout_s)

    rest = run(".op")
    small = run(f".ac dec 10 {_LOW:g} 1e10", drive="ac 1")
    loaded = run(f".ac dec 4 {_LOW:g} {_HIGH:g}", load="ac 1")
    swept = run(f".dc v_p {-limit!r} {limit!r} {2 * limit / (_POINTS - 1)!r}")
    # The input's noise at a frequency where the gain is that at rest.
    noise = run(f".noise v(sense) v_p dec 1 {_HIGH / 10:g} {_HIGH:g}", drive="ac 1")

    gm = float(small["i(v_o)"][0].real)
    if not gm > 0.0:
        raise CheckFailed(f"{device.label} transconductor has a gm of {gm:.3g} S, so it is none")
    omega = 2.0 * np.pi * loaded["frequency"].real[-1]
    at = int(np.argmin(np.abs(small["frequency"].real - _HIGH)))
    volts, amperes = swept["sweep"], swept["i(v_o)"]
    model = MacroOta(
        gm=gm,
        linear=_saturation(gm, volts, amperes),
        gout=max(0.0, -float(loaded["i(v_o)"][0].real)),
        cin=max(0.0, -float(small["i(v_p)"][at].imag) / (2.0 * np.pi * float(small["frequency"][at].real))),
        cout=max(0.0, -float(loaded["i(v_o)"][-1].imag) / omega),
        offset=float(rest["i(v_o)"][0]) / gm,
        noise=float(noise["inoise_spectrum"][-1]),
    )
    fallen = np.abs(small["i(v_o)"]) < gm / np.sqrt(2.0)
    supplies = {name: values for name, values in rest.items() if name.startswith("i(v.x_device.")}
    return OtaMeasurement(
        model=model,
        volts=volts,
        amperes=amperes,
        linear_range=_within(gm, volts, amperes),
        bandwidth=float(small["frequency"][np.argmax(fallen)].real) if fallen.any() else float("inf"),
        power=device.rail * sum(abs(float(current[0])) for current in supplies.values()),
    )


def of_transistors(circuit: Circuit, unit: MacroOta, device: CmosOta) -> Circuit:
    """Return `circuit` with cells of transistors in place of its macro-models, each sized for the same gm.

    Args:
        circuit: A circuit whose transconductors are copies of `unit` in other sizes.
        unit: The macro-model that was measured on `device`.
        device: The cell of transistors.

    Raises:
        DesignError: A transconductor is ideal, so it was not measured.
    """
    cells: dict[str, Element] = {}
    for path, element, _ in walk(circuit):
        if isinstance(element, Transconductor):
            if not isinstance(element.model, MacroOta):
                raise DesignError(f"model of {path}", "a macro-model that was measured", element.model.label)
            size = device.scale * element.model.gm / unit.gm
            cells[path] = replace(element, model=replace(device, scale=size))
    return replaced(circuit, cells)


def _deck(device: OtaModel, drive: str, load: str) -> str:
    """Return a deck without an analysis: the device between sources, with its output current as v(sense), 1 V/A."""
    parameters = " ".join(f"{key}={number(value)}" for key, value in device.parameters.items())
    return (
        f"* a {device.label} transconductor on the bench\n{library(device)}"
        f"X_device inp inn out {device.subcircuit} {parameters}\n"
        f"V_p inp 0 dc 0 {drive}\nV_n inn 0 dc 0\nV_o out 0 dc 0 {load}\nH_sense sense 0 V_o 1\nR_sense sense 0 1\n"
    )


def _saturation(gm: float, volts: Array, amperes: Array) -> float:
    """Return the input L, V, at which gm L is the smaller of the two saturation currents."""
    centred = amperes - np.interp(0.0, volts, amperes)
    return float(min(centred.max(), -centred.min())) / gm


def _within(gm: float, volts: Array, amperes: Array) -> float:
    """Return the largest input, V, up to which the slope is within `_DROOP` of gm, for either sign."""
    slope = np.gradient(amperes, volts)
    outside = np.abs(volts[np.abs(slope / gm - 1.0) > _DROOP])
    return float(outside.min(initial=float(np.abs(volts).max())))
