"""`lmu-hw spice`: the memory as an analog circuit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lmu_hw.analog.analysis.monte_carlo import Tolerances
from lmu_hw.analog.circuit.devices import (
    IdealOpAmp,
    IdealOta,
    MacroOpAmp,
    MacroOta,
    OpAmpModel,
    SinglePoleOpAmp,
    describe,
)
from lmu_hw.analog.design.choice import descending
from lmu_hw.analog.design.memory import STYLES, TOPOLOGIES, AnalogDesign, design_memory
from lmu_hw.analog.design.parts import Series
from lmu_hw.analog.design.technologies.gm_c import Cell
from lmu_hw.analog.export.files import write_design
from lmu_hw.analog.export.manifest import Questions, manifest
from lmu_hw.cli.output import answer, facts, format_number, progress, staged, written
from lmu_hw.core.spec import Basis, LMUSpec
from lmu_hw.design.memory import Design
from lmu_hw.errors import DesignError, check_positive

OLDEST = (1.0,)
"""Delays of the outputs where none are asked for: that of the whole window."""

_SHOWN_PARTS = 4


def run(design: Design, out: Path | None, as_json: bool) -> None:
    """Generate, write and print; see `lmu_hw.cli.commands.spice`."""
    with staged(out) as folder, progress() as bar:
        task = bar.add_task("circuit", total=2)
        circuit = design_circuit(design)
        bar.update(task, advance=1, description="netlist")
        command = f"lmu-hw spice {design.flags()}"
        asked = questions(design)
        result = {**manifest(circuit, asked), "command": command}
        files = write_design(circuit, folder, command, asked)
    answer(result, _shown(circuit, result, out, [path.name for path in files.values()]), as_json=as_json)


RAILS = 0.96
"""Rails of the macro-model's op-amps, as a share of the supply."""

SLEW_PER_HZ = 1.0
"""Slew rate of the macro-model's op-amps per gain-bandwidth product, V/s per Hz."""

OPAMP_NOISE = 2e-8
"""Input noise of the macro-model's op-amps, V/√Hz."""


def opamp_model(design: Design) -> OpAmpModel:
    """The model of the design's op-amps."""
    if design.opamp == IdealOpAmp.label:
        return IdealOpAmp()
    if design.opamp == SinglePoleOpAmp.label:
        return SinglePoleOpAmp(gbw=design.gbw, gain=design.opamp_gain)
    if design.opamp == MacroOpAmp.label:
        rail = RAILS * check_positive("supply in volts", design.supply)
        slew = SLEW_PER_HZ * check_positive("op-amp gbw", design.gbw)
        return MacroOpAmp(design.opamp_gain, design.gbw, slew, rail, -rail, noise=OPAMP_NOISE)
    labels = [model.label for model in (IdealOpAmp, SinglePoleOpAmp, MacroOpAmp)]
    raise DesignError("opamp", f"one of {', '.join(labels)}", design.opamp)


def ota_model(design: Design) -> Cell:
    """The model of the design's transconductors."""
    if design.ota == IdealOta.label:
        return IdealOta(gm=design.gm)
    if design.ota == MacroOta.label:
        return MacroOta().scaled(design.gm)
    raise DesignError("ota", f"one of {IdealOta.label}, {MacroOta.label}", design.ota)


def design_circuit(design: Design) -> AnalogDesign:
    """The circuit, with the design's delays as outputs, or the delay of θ where it has none."""
    for what, known in (("topology", tuple(TOPOLOGIES)), ("style", STYLES)):
        if getattr(design, what) not in known:
            raise DesignError(what, f"one of {', '.join(known)}", getattr(design, what))
    if design.basis != Basis.LEGENDRE:
        raise DesignError("basis", "legendre for a circuit", design.basis)
    order, theta = design.required("order"), design.required("theta")
    spec = design.spec() if design.dt is not None else LMUSpec(order, theta, theta)  # refuses what no memory is
    return design_memory(
        spec.order,
        spec.theta,
        topology=design.topology,
        style=design.style,
        readout_delays=design.delays or OLDEST,
        coefficient_outputs=design.coefficients,
        name=design.name,
        supply=design.supply,
        opamp=opamp_model(design),
        ota=ota_model(design),
        resistor_series=None if design.resistors is None else Series(design.resistors),
        capacitor_series=None if design.capacitors is None else Series(design.capacitors),
    )


def questions(design: Design) -> Questions:
    """What the manifest is to answer beside what the circuit is."""
    tolerances = Tolerances(
        resistor=design.resistor_tolerance, capacitor=design.capacitor_tolerance, gm=design.gm_tolerance
    )
    return Questions(design.circuit_error, None if tolerances == Tolerances() else tolerances, design.seed)


def _shown(circuit: AnalogDesign, result: dict[str, Any], out: Path | None, names: list[str]) -> Iterator[Any]:
    device = circuit.technology.device
    counts = [
        f"{result[kind]} {kind if kind != 'opamps' else 'op-amps'}"
        for kind in ("resistors", "capacitors", "opamps", "transconductors")
        if result[kind]
    ]
    rows = [
        ("memory", f"order {result['specification']['order']}, theta {result['specification']['theta']!r} s"),
        ("circuit", f"{result['topology']}, {result['style']}, {device.device}s {describe(device)}"),
        ("couplings", str(result["couplings"])),
        ("elements", str(result["elements"])),
        ("nodes", str(result["nodes"])),
        ("parts", ", ".join(counts)),
    ]
    spans = {"resistors": ("resistor_ohms", "Ω"), "capacitors": ("capacitor_farads", "F")}
    spans["transconductors"] = ("transconductance_siemens", "S")
    for what, (key, unit) in spans.items():
        if result["component_ranges"][key] is not None:
            low, high = result["component_ranges"][key]
            rows.append(
                (
                    what,
                    f"{format_number(low)} {unit}"
                    if low == high
                    else f"{format_number(low)} to {format_number(high)} {unit}",
                )
            )
    rows += [(what, text) for what, text in _judged(result) if text is not None]
    yield facts(f"Circuit {result['name']}", rows)
    yield from written(out, names)


def _judged(result: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    if (predicted := result["predicted"]) is not None:
        yield "predicted NRMSE", f"{format_number(predicted['nrmse'])} up to {format_number(predicted['band_hz'])} Hz"
    if (noise := result["noise"]) is not None:
        ratios = {signal: ratio for signal, ratio in noise["snr_db"].items() if ratio is not None}
        if ratios:
            worst = list(ratios)[descending([10.0 ** (-ratio / 20.0) for ratio in ratios.values()])[0]]
            volts = format_number(noise["volts_rms"][worst])
            yield (
                "predicted noise",
                f"{volts} V at {worst}, {format_number(ratios[worst])} dB below a sine of full scale",
            )
    if (rounding := result["rounding"]) is not None:
        joint = rounding["joint_nrmse"]
        better = "" if joint is None else f", chosen jointly {format_number(joint)}"
        yield "standard values", f"NRMSE {format_number(rounding['nearest_nrmse'])} each at its nearest{better}"
    if (tolerance := result["tolerance"]) is not None:
        median, most = format_number(tolerance["median_nrmse"]), format_number(tolerance["nrmse_of_95_percent"])
        yield "with tolerances", f"NRMSE {median} median, {most} in 95 % of {tolerance['draws']} draws"
        if (found := tolerance["sensitivity"]) is not None:
            shares = list(found["shares"].items())[:_SHOWN_PARTS]
            parts = ", ".join(f"{path.rpartition('.')[2]} {100 * share:.0f} %" for path, share in shares)
            yield "most of it from", f"{parts} of the mean square at {found['signal']}"
    if (needed := result["requirement"]) is not None:
        bandwidth = (
            "" if needed["gbw"] is None else f" and a gain-bandwidth product of {format_number(needed['gbw'])} Hz"
        )
        yield f"for NRMSE {format_number(needed['error'])}", f"a gain of {format_number(needed['gain'])}{bandwidth}"
    power = result["power_watts"]
    rest = "" if power["amplifiers"] is None else f"{format_number(power['amplifiers'])} W amplifiers at rest, "
    yield "power", f"{rest}{format_number(power['resistors'])} W at most in resistors"
