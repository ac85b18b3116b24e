"""`lmu-hw spice`: the memory as an analog circuit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lmu_hw.analog.analysis.monte_carlo import Tolerances
from lmu_hw.analog.circuit.devices import (
    AMPS_PER_HZ,
    Cell,
    IdealOpAmp,
    IdealOta,
    MacroOpAmp,
    MacroOta,
    OpAmpModel,
    SinglePoleOpAmp,
    describe,
)
from lmu_hw.analog.design.choice import descending
from lmu_hw.analog.design.memory import AnalogDesign, design_memory
from lmu_hw.analog.design.parts import Series
from lmu_hw.analog.export.files import write_design
from lmu_hw.analog.export.manifest import Questions
from lmu_hw.cli.output import answer, band_row, facts, format_number, percent, progress, staged, written
from lmu_hw.core.spec import Basis, LMUSpec
from lmu_hw.design.memory import Design
from lmu_hw.design.usage import effective_flags
from lmu_hw.errors import DesignError, check_positive

OLDEST = (1.0,)
"""The delays of the outputs where none are asked for: that of the whole window."""

RAILS = 0.96
"""Rails of the macro-model's op-amps, as a share of the supply."""

SLEW_PER_HZ = 1.0
"""Slew rate of the macro-model's op-amps per gain-bandwidth product, V/s per Hz."""

OPAMP_NOISE = 2e-8
"""Input noise of the macro-model's op-amps, V/√Hz."""

_SHOWN_PARTS = 4


def run(design: Design, out: Path | None, as_json: bool) -> None:
    """Generate, write and print; see `lmu_hw.cli.commands.spice`."""
    with staged(out) as folder, progress() as bar:
        task = bar.add_task("circuit", total=2)
        circuit = design_circuit(design)
        bar.update(task, advance=1, description="netlist")
        files = write_design(circuit, folder, f"lmu-hw spice {effective_flags('spice', design)}", questions(design))
        result = json.loads(files["manifest"].read_text(encoding="utf-8"))
    table = facts(f"Circuit {result['name']}", _rows(circuit, result))
    answer(result, [table, *written(out, [path.name for path in files.values()])], as_json=as_json)


def design_circuit(design: Design) -> AnalogDesign:
    """Return the circuit, with the design's delays as outputs, or the delay of θ where it has none.

    Raises:
        DesignError: The basis is not that of Legendre, the order or the window is missing, or no circuit has these
            options.
    """
    if design.basis != Basis.LEGENDRE:
        raise DesignError("basis", "legendre for a circuit", design.basis)
    order, theta = design.required("order"), design.required("theta")
    # The specification raises an error where no memory has this order, window and step.
    spec = design.spec() if design.dt is not None else LMUSpec(order, theta, theta)
    return design_memory(
        spec.order,
        spec.theta,
        topology=design.topology,
        style=design.style,
        delays=design.delays or OLDEST,
        coefficients=design.coefficients,
        name=design.name,
        supply=design.supply,
        opamp=_model("opamp", design, OPAMPS),
        ota=_model("ota", design, OTAS),
        resistors=None if design.resistors is None else Series(design.resistors),
        capacitors=None if design.capacitors is None else Series(design.capacitors),
    )


def questions(design: Design) -> Questions:
    """Return the questions that the manifest is to answer, besides the description of the circuit."""
    tolerances = Tolerances(
        resistor=design.resistor_tolerance, capacitor=design.capacitor_tolerance, gm=design.gm_tolerance
    )
    return Questions(design.circuit_error, None if tolerances == Tolerances() else tolerances, design.seed)


def _macro_opamp(design: Design) -> OpAmpModel:
    rail = RAILS * check_positive("supply in volts", design.supply)
    slew = SLEW_PER_HZ * check_positive("op-amp gbw", design.gbw)
    return MacroOpAmp(design.opamp_gain, design.gbw, slew, rail, -rail, noise=OPAMP_NOISE)


OPAMPS: Mapping[str, Callable[[Design], OpAmpModel]] = {
    IdealOpAmp.label: lambda design: IdealOpAmp(),
    SinglePoleOpAmp.label: lambda design: SinglePoleOpAmp(gbw=design.gbw, gain=design.opamp_gain),
    MacroOpAmp.label: _macro_opamp,
}
"""The models of op-amps by the words of the command line."""

OTAS: Mapping[str, Callable[[Design], Cell]] = {
    IdealOta.label: lambda design: IdealOta(gm=design.gm),
    MacroOta.label: lambda design: MacroOta().scaled(design.gm),
}
"""The models of transconductors by the words of the command line."""


def _model(what: str, design: Design, models: Mapping[str, Callable[[Design], Any]]) -> Any:
    label = getattr(design, what)
    if label not in models:
        raise DesignError(what, f"one of {', '.join(models)}", label)
    return models[label](design)


def _rows(circuit: AnalogDesign, result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the rows of the table from the manifest."""
    device, asked = circuit.technology.device, result["specification"]
    yield "memory", f"order {asked['order']}, theta {asked['theta']!r} s"
    yield band_row(result["usable_band"])
    yield "circuit", f"{result['topology']}, {result['style']}, {device.device}s {describe(device)}"
    for what in ("couplings", "elements", "nodes"):
        yield what, str(result[what])
    names = {"resistors": "resistors", "capacitors": "capacitors", "opamps": "op-amps"}
    names["transconductors"] = "transconductors"
    yield "parts", ", ".join(f"{result[key]} {name}" for key, name in names.items() if result[key])
    for what, key, unit in (
        ("resistors", "resistor_ohms", "Ω"),
        ("capacitors", "capacitor_farads", "F"),
        ("transconductors", "transconductance_siemens", "S"),
    ):
        if (span := result["component_ranges"][key]) is not None:
            # Parts of one value are told as that value.
            yield what, f"{' to '.join(map(format_number, dict.fromkeys(span)))} {unit}"
    for section, rows in _SECTIONS.items():
        if result[section] is not None:
            yield from rows(result)


def _predicted(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    found = result["predicted"]
    yield "predicted NRMSE", f"{format_number(found['nrmse'])} up to {format_number(found['band_hz'])} Hz"


def _noise(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    found = result["noise"]
    ratios = {signal: ratio for signal, ratio in found["snr_db"].items() if ratio is not None}
    if ratios:
        worst = list(ratios)[descending([10.0 ** (-ratio / 20.0) for ratio in ratios.values()])[0]]
        volts, ratio = format_number(found["volts_rms"][worst]), format_number(ratios[worst])
        yield "predicted noise", f"{volts} V at {worst}, {ratio} dB below a sine of full scale"


def _rounding(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    found = result["rounding"]
    joint = found["joint_nrmse"]
    better = "" if joint is None else f", chosen jointly {format_number(joint)}"
    yield "standard values", f"NRMSE {format_number(found['nearest_nrmse'])} each at its nearest{better}"


def _tolerance(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    found = result["tolerance"]
    median, most = format_number(found["median_nrmse"]), format_number(found["nrmse_of_95_percent"])
    yield "with tolerances", f"NRMSE {median} median, {most} in 95 % of {found['draws']} draws"
    if (cause := found["sensitivity"]) is not None:
        shares = list(cause["shares"].items())[:_SHOWN_PARTS]
        parts = ", ".join(f"{path.rpartition('.')[2]} {100 * share:.0f} %" for path, share in shares)
        yield "most of it from", f"{parts} of the mean square at {cause['signal']}"


def _requirement(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The least amplifiers, and whether the error is kept: by this design, and by circuits with drawn parts."""
    found, drawn = result["requirement"], result["tolerance"]
    gbw, error = found["gbw"], format_number(found["error"])
    bandwidth = "" if gbw is None else f" and a gain-bandwidth product of {format_number(gbw)} Hz"
    own = "kept by those of this design" if found["met"] else "NOT KEPT by those of this design"
    least = f"a gain of {format_number(found['gain'])}{bandwidth}"
    yield f"for NRMSE {error}", f"amplifiers with {least}, for parts at nominal values; {own}"
    if drawn is not None:
        missed = drawn["nrmse_of_95_percent"] > found["error"]
        kept = f"{percent(drawn['yield'])} of {drawn['draws']} drawn circuits keep it"
        yield "with tolerances", f"{kept}{', fewer than 95 %: NOT MET' if missed else ''}"


def _power(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The power, with the supply current that it assumes."""
    found, amplifiers = result["power_watts"], result["opamps"] + result["transconductors"]
    rest = ""
    if found["amplifiers"] is not None:
        assumed = f"{format_number(1e3 * found['supply_amps'] / amplifiers)} mA each"
        rule = f", {format_number(1e9 * AMPS_PER_HZ)} mA per MHz of gain-bandwidth product" if result["opamps"] else ""
        supply = format_number(result["specification"]["supply"])
        rest = f"{format_number(found['amplifiers'])} W for amplifiers at rest ({amplifiers} at an assumed {assumed}"
        rest += f"{rule}, from ±{supply} V), "
    elif amplifiers:
        rest = "amplifiers not counted, as ideal ones state no supply current; "
    yield "power", f"{rest}{format_number(found['resistors'])} W at most in resistors"


_SECTIONS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[tuple[str, str]]]] = {
    "predicted": _predicted,
    "noise": _noise,
    "rounding": _rounding,
    "tolerance": _tolerance,
    "requirement": _requirement,
    "power_watts": _power,
}
"""What is said of each section of the manifest that is there, in order; each function gets the whole manifest."""
