"""`lmu-hw spice`: the memory as an analog circuit."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from lmu_hw.analog.amplifiers.library import Part, opamps
from lmu_hw.analog.analysis.monte_carlo import Distribution, Tolerances
from lmu_hw.analog.analysis.selection import Needs, Selection, cheapest
from lmu_hw.analog.circuit.devices import (
    AMPS_PER_HZ,
    BOLTZMANN,
    TEMPERATURE,
    AnyOpAmp,
    Cell,
    DeviceModel,
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
from lmu_hw.analog.design.technologies import TECHNOLOGIES
from lmu_hw.analog.export.files import write_design
from lmu_hw.analog.export.manifest import Questions
from lmu_hw.cli.output import answer, band_row, facts, format_number, percent, progress, staged, written
from lmu_hw.core.spec import Basis, LMUSpec
from lmu_hw.design.choices import AUTO
from lmu_hw.design.memory import Design
from lmu_hw.design.usage import effective_flags
from lmu_hw.errors import DesignError, Notice, check_positive
from lmu_hw.io.quantities import HERTZ, RATIO, SIEMENS, VOLTS, QuantityError, read_quantity

Model = TypeVar("Model", bound=DeviceModel)

OLDEST = (1.0,)
"""The delays of the outputs where none are asked for: that of the whole window."""

HEADROOM = 0.04
"""Distance of the rails of the macro-model's op-amps from each supply, as a share of that supply."""

SLEW_PER_HZ = 1.0
"""Slew rate of the macro-model's op-amps per gain-bandwidth product, V/s per Hz."""

SECOND_POLE = 3.0
"""Second pole of the macro-model's op-amps, as a multiple of the gain-bandwidth product."""

OPAMP_FIGURES = {"offset": 1e-3, "bias": 1e-11, "noise": 8e-9, "corner": 100.0, "current_noise": 1e-15}
"""Figures of the macro-model's op-amps where none are given: those of a general-purpose CMOS op-amp, SI units."""

OTA_EXCESS = 2.0
"""Noise power of the macro-model's transconductors relative to that of a resistor of 1/gm."""

_SHOWN_PARTS = 4


def run(design: Design, out: Path | None, as_json: bool) -> None:
    """Generate, write and print; see `lmu_hw.cli.commands.spice`."""
    with staged(out) as folder, progress() as bar:
        task = bar.add_task("circuit", total=2)
        chosen = selected(design)
        circuit = design_circuit(design) if chosen is None else chosen.design
        bar.update(task, advance=1, description="netlist")
        asked = questions(design)
        if chosen is not None:
            asked = replace(asked, selection=chosen.to_dict(), part=chosen.part)
        files = write_design(circuit, folder, f"lmu-hw spice {effective_flags('spice', design)}", asked)
        result = json.loads(files["manifest"].read_text(encoding="utf-8"))
    for line in circuit.allowed:
        warnings.warn(Notice(f"allowed all the same: {line}"), stacklevel=1)
    table = facts(f"Circuit {result['name']}", _rows(circuit, result))
    answer(result, [table, *written(out, [path.name for path in files.values()])], as_json=as_json)


def selected(design: Design) -> Selection | None:
    """Return the cheapest op-amp of the library, with the circuit; None where another one is asked for.

    Raises:
        DesignError: None meets the design.
    """
    if design.opamp != AUTO or design.style not in TECHNOLOGIES or not TECHNOLOGIES[design.style].bandwidth:
        return None
    return cheapest(
        opamps().values(),
        lambda model: _circuit(design, model),
        supply=check_positive("supply in volts", design.supply),
        differential=TECHNOLOGIES[design.style].differential,
        needs=Needs(design.opamp_snr, design.opamp_offset),
    )


def design_circuit(design: Design) -> AnalogDesign:
    """Return the circuit, with the design's delays as outputs, or the delay of θ where it has none.

    Raises:
        DesignError: The basis is not that of Legendre, the order or the window is missing, or no circuit has these
            options.
    """
    if (chosen := selected(design)) is not None:
        return chosen.design
    parts = opamps()
    if design.opamp in parts:
        return _circuit(design, _bought(design, parts[design.opamp]))
    return _circuit(design, _model("opamp", design, OPAMPS, (AUTO, *parts)))


def _bought(design: Design, part: Part) -> AnyOpAmp:
    """Return the model of a part that was asked for by name.

    Raises:
        DesignError: It is single-ended where the style needs fully differential op-amps or vice versa, or cannot take
            the supply.
    """
    technology = TECHNOLOGIES.get(design.style)
    if technology is not None and technology.bandwidth and technology.differential != part.differential:
        kind = "fully differential" if technology.differential else "single-ended"
        raise DesignError("opamp", f"{kind} for --style {design.style}", design.opamp)
    return part.opamp(check_positive("supply in volts", design.supply))


def _circuit(design: Design, opamp: AnyOpAmp) -> AnalogDesign:
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
        opamp=opamp,
        ota=_model("ota", design, OTAS),
        resistors=None if design.resistors is None else Series(design.resistors),
        capacitors=None if design.capacitors is None else Series(design.capacitors),
        correction=design.correction,
        error_limit=design.chosen("circuit_error"),
        allow=design.allow,
    )


def questions(design: Design) -> Questions:
    """Return the questions that the manifest is to answer, besides the description of the circuit."""
    return Questions(
        design.circuit_error,
        tolerances(design),
        design.seed,
        design.chosen("circuit_error"),
        part=opamps().get(design.opamp),
    )


def tolerances(design: Design) -> Tolerances | None:
    """Return the tolerances of the parts of drawn circuits; None where none are given."""
    given = design.resistor_tolerance, design.capacitor_tolerance, design.gm_tolerance
    if given == (0.0, 0.0, 0.0):
        return None
    return Tolerances(*given, distribution=Distribution.NORMAL if design.tolerance_sigma else Distribution.UNIFORM)


def _macro_opamp(design: Design) -> OpAmpModel:
    supply, gbw = check_positive("supply in volts", design.supply), check_positive("op-amp gbw", design.gbw)
    model = MacroOpAmp(
        gain=design.opamp_gain,
        gbw=gbw,
        second_pole=SECOND_POLE * gbw,
        slew=SLEW_PER_HZ * gbw,
        headroom_high=HEADROOM * supply,
        headroom_low=HEADROOM * supply,
        supply=2.0 * supply,
        quiescent=AMPS_PER_HZ * gbw,
        **OPAMP_FIGURES,
    )
    return with_figures(model, "opamp_set", design.opamp_set, without=("gain", "gbw"))


def _macro_ota(design: Design) -> MacroOta:
    gm = check_positive("transconductor gm", design.gm)
    noise = math.sqrt(OTA_EXCESS * 4.0 * BOLTZMANN * TEMPERATURE / gm)
    return with_figures(replace(MacroOta().scaled(gm), noise=noise), "ota_set", design.ota_set, without=("gm",))


def with_figures(model: Model, option: str, figures: Sequence[str], *, without: Sequence[str]) -> Model:
    """Return a model with some of its parameters replaced.

    Args:
        model: The model.
        option: The name of the option that gives the figures.
        figures: Texts NAME=VALUE; a value may have a unit, as in offset=1mV.
        without: The parameters that have options of their own.

    Raises:
        DesignError: A text has another form, there is no such parameter, or a value is out of its range.
    """
    allowed = [name for name in model.parameters if name not in without]
    changed: dict[str, Any] = {}
    for text in figures:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or name not in allowed:
            raise DesignError(option, f"NAME=VALUE,... with names of {', '.join(allowed)}", text)
        changed[name] = _figure(option, text, value)
    return replace(model, **changed)


def _figure(option: str, text: str, value: str) -> float:
    for unit in (RATIO, VOLTS, HERTZ, SIEMENS):
        try:
            return read_quantity(value, unit)
        except QuantityError:
            continue
    raise DesignError(option, "NAME=VALUE,... with numbers such as 5e-9, 1mV or 30MHz", text)


OPAMPS: Mapping[str, Callable[[Design], OpAmpModel]] = {
    MacroOpAmp.label: _macro_opamp,
    SinglePoleOpAmp.label: lambda design: SinglePoleOpAmp(gbw=design.gbw, gain=design.opamp_gain),
    IdealOpAmp.label: lambda design: IdealOpAmp(),
}
"""The models of op-amps by the words of the command line."""

OTAS: Mapping[str, Callable[[Design], Cell]] = {
    MacroOta.label: _macro_ota,
    IdealOta.label: lambda design: IdealOta(gm=design.gm),
}
"""The models of transconductors by the words of the command line."""


def _model(what: str, design: Design, models: Mapping[str, Callable[[Design], Any]], others: Sequence[str] = ()) -> Any:
    label = getattr(design, what)
    if label not in models:
        raise DesignError(what, f"one of {', '.join((*models, *others))}", label)
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


def _selection(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    found = result["selection"]
    yield "op-amp chosen", f"{found['part']}, the cheapest that meets the design"
    for name, reason in found["rejected"].items():
        yield f"not {name}", reason


def _part(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    found = result["part"]
    yield "op-amp", f"{found['maker']} {found['name']}, about {found['usd_each']:.2f} USD each ({found['source']})"
    yield "before ordering", found["caution"]


def _stability(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    found = result["stability"]
    if found["phase_margin_deg"] is not None:
        gain = found["gain_margin_db"]
        beside = "" if gain is None else f" and {format_number(gain)} dB"
        yield "least margin", f"{format_number(found['phase_margin_deg'])}°{beside}"


def _correction(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    found = result["correction"]
    before, after = format_number(found["before"]), format_number(found["after"])
    others = " to ".join(map(format_number, found["output_nrmse_at_gbw_share"].values()))
    yield "corrected for bandwidth", f"error {before} to {after}; {others} at 20 % less or more bandwidth"


def _offset(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    found = result["offset"]
    signal, worst = max(found.items(), key=lambda each: abs(each[1]["offset_volts_rms"]))
    rms, bias = format_number(worst["offset_volts_rms"]), format_number(worst["bias_volts"])
    yield "offset at rest", f"{rms} V rms at {signal}, {bias} V from bias currents"


def _predicted(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    found = result["predicted"]
    yield "predicted NRMSE", f"{format_number(found['nrmse'])} up to {format_number(found['band_hz'])} Hz"
    if found["output_nrmse"]:
        yield "of the worst output", format_number(max(found["output_nrmse"]))


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
    if result["requirement"] is None:
        yield "yield", f"{percent(found['yield'])} of them keep an NRMSE of {format_number(found['error'])}"
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
    if result["correction"] is not None:
        own += ", which is corrected for them"
    least = f"a gain of {format_number(found['gain'])}{bandwidth}"
    yield f"for NRMSE {error}", f"amplifiers with {least}, for parts at nominal values and no correction; {own}"
    if drawn is not None:
        missed = drawn["nrmse_of_95_percent"] > found["error"]
        kept = f"{percent(drawn['yield'])} of {drawn['draws']} drawn circuits keep it"
        yield "yield", f"{kept}{', fewer than 95 %: NOT MET' if missed else ''}"


def _power(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The power, with the supply current that it assumes."""
    found, amplifiers = result["power_watts"], result["opamps"] + result["transconductors"]
    rest = ""
    if found["amplifiers"] is not None:
        assumed = f"{format_number(1e3 * found['supply_amps'] / amplifiers)} mA each"
        rule = _current_rule(result)
        supply = format_number(result["specification"]["supply"])
        rest = f"{format_number(found['amplifiers'])} W for amplifiers at rest ({amplifiers} at an assumed {assumed}"
        rest += f"{rule}, from ±{supply} V), "
    elif amplifiers:
        rest = "amplifiers not counted, as ideal ones state no supply current; "
    yield "power", f"{rest}{format_number(found['resistors'])} W at most in resistors"


def _current_rule(result: Mapping[str, Any]) -> str:
    """Where the supply current of the amplifiers comes from, if it is not that of their own model."""
    if result["part"] is not None:
        return f", typical of {result['part']['name']}"
    each = result["power_watts"]["supply_amps"] / (result["opamps"] + result["transconductors"])
    if result["opamps"] and math.isclose(each, AMPS_PER_HZ * result["opamp"]["gbw"]):
        return f", {format_number(1e9 * AMPS_PER_HZ)} mA per MHz of gain-bandwidth product"
    return ""


_SECTIONS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[tuple[str, str]]]] = {
    "selection": _selection,
    "part": _part,
    "stability": _stability,
    "correction": _correction,
    "predicted": _predicted,
    "noise": _noise,
    "offset": _offset,
    "rounding": _rounding,
    "tolerance": _tolerance,
    "requirement": _requirement,
    "power_watts": _power,
}
"""What is said of each section of the manifest that is there, in order; each function gets the whole manifest."""
