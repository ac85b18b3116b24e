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

_LOW = 1.0  # Hz, at which the capacitances do not show in the conductances
_HIGH = 1e4  # Hz, at which they show in the imaginary part, and the poles do not
_POINTS = 201  # of the transfer curve
_DROOP = 0.05


@dataclass(frozen=True, eq=False)
class OtaMeasurement:
    """What was measured with the output held at 0 V, and the macro-model that follows from it.

    Attributes:
        model: The macro-model. Its current saturates where the weaker side's does; its noise is that at 10 kHz.
        volts: The differential input of the transfer curve, V, shape (points,); the inverting input is at 0 V.
        amperes: The output current, A, shape (points,).
        linear_range: The largest input, V, up to which gm stays within 5 % of its value at rest, on both sides.
        bandwidth: The frequency at which the short-circuit transconductance has fallen by 3 dB, Hz; infinite if above
            10 GHz.
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
    """Measure `device` by .op, .ac, .dc and .noise.

    Args:
        device: Any transconductor with a gm, conductances and capacitances above zero.
        reach: The transfer curve runs from -reach to +reach, V: far enough that the current saturates.
        engine: The simulator.
        timeout_s: The time limit of each analysis, s.

    Raises:
        DesignError: Reach is not positive.
        CheckFailed: The simulator fails, or the device is no transconductor: it has no positive gm.
    """
    limit = check_positive("reach of the transfer curve", reach, "V")

    def run(analysis: str, *, drive: str = "", load: str = "") -> dict[str, Array]:
        return run_spice(_deck(device, drive, load) + analysis + "\n.end\n", engine=engine, timeout_s=timeout_s)

    rest = run(".op")
    small = run(f".ac dec 10 {_LOW:g} 1e10", drive="ac 1")
    loaded = run(f".ac dec 4 {_LOW:g} {_HIGH:g}", load="ac 1")
    swept = run(f".dc v_p {-limit!r} {limit!r} {2 * limit / (_POINTS - 1)!r}")
    # The input's noise at a frequency where the gain is that at rest.
    heard = run(f".noise v(sense) v_p dec 1 {_HIGH / 10:g} {_HIGH:g}", drive="ac 1")

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
        noise=float(heard["inoise_spectrum"][-1]),
    )
    fallen = np.abs(small["i(v_o)"]) < gm / np.sqrt(2.0)
    supplies = {name: values for name, values in rest.items() if name.startswith("i(v.x_device.")}
    return OtaMeasurement(
        model=model,
        volts=volts,
        amperes=amperes,
        linear_range=_within(gm, volts, amperes),
        bandwidth=float(small["frequency"][np.argmax(fallen)].real) if fallen.any() else float("inf"),
        power=sum(abs(float(current[0])) for current in supplies.values())
        * (device.supply if isinstance(device, CmosOta) else 0.0),
    )


def of_transistors(circuit: Circuit, unit: MacroOta, device: CmosOta) -> Circuit:
    """Return `circuit` with transistors in place of its macro-models, each cell in the size that gives the same gm.

    Args:
        circuit: A circuit of cells that are `unit`, scaled.
        unit: The macro-model that was measured on `device`.
        device: The cell.

    Raises:
        DesignError: a transconductor is ideal, so that nothing was measured for it.
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
    """The device between sources, its output current as v(sense), 1 V/A, without an analysis."""
    parameters = " ".join(f"{key}={number(value)}" for key, value in device.parameters.items())
    return (
        f"* a {device.label} transconductor on the bench\n{library(device)}"
        f"X_device inp inn out {device.subcircuit} {parameters}\n"
        f"V_p inp 0 dc 0 {drive}\nV_n inn 0 dc 0\nV_o out 0 dc 0 {load}\nH_sense sense 0 V_o 1\nR_sense sense 0 1\n"
    )


def _saturation(gm: float, volts: Array, amperes: Array) -> float:
    """The scale L with which gm L is the current that the weaker side reaches."""
    centred = amperes - np.interp(0.0, volts, amperes)
    return float(min(centred.max(), -centred.min())) / gm


def _within(gm: float, volts: Array, amperes: Array) -> float:
    """The reach of a slope within `_DROOP` of gm, on both sides of 0 V."""
    slope = np.gradient(amperes, volts)
    outside = np.abs(volts[np.abs(slope / gm - 1.0) > _DROOP])
    return float(outside.min(initial=float(np.abs(volts).max())))
