"""`lmu-hw cosim --spiking`: fixed-point and spiking Verilog, integers, floats and spikes on one recording."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from lmu_hw.cli.output import answer, facts, format_number, grid, progress, render_json, staged, written
from lmu_hw.cli.plots import FIXED, FLOAT, SPICE, STYLE, new_figure, svg_of
from lmu_hw.cli.recording import read
from lmu_hw.cli.report import FigureData, Report, Section, TableData, write_report
from lmu_hw.cli.spiking_plots import raster_plot
from lmu_hw.design.memory import Design
from lmu_hw.design.requests import Recording
from lmu_hw.design.spiking import SpikingChoice
from lmu_hw.errors import CheckFailed, DesignError
from lmu_hw.io.files import write_text
from lmu_hw.rtl.memory.verilog import generate_verilog
from lmu_hw.rtl.spiking.verilog import generate_spiking_verilog
from lmu_hw.sim.cosim.spiking import SpikingCosim, cosimulate_spiking
from lmu_hw.spiking.digital.plan import DigitalSpikingPlan, plan_spiking

_SHOWN_WINDOWS, _MOST_STATES, _MOST_POINTS = 5.0, 6, 2000
_FORMS = (
    ("float", "states_float", {"color": FLOAT, "lw": 2.2, "alpha": 0.75}),
    ("fixed", "states_fixed", {"color": FIXED, "lw": 1.1}),
    ("spikes, Verilog", "states_spiking", {"color": SPICE, "lw": 0.9}),
    ("spikes, software", "states_software", {"color": "#009e73", "lw": 0.9, "ls": (0, (4, 2))}),
)


def run(
    design: Design, choice: SpikingChoice, lanes: int, recording: Recording, out: Path | None, as_json: bool
) -> None:
    """Check, write and print; `lanes` are neurons in a clock cycle. See `lmu_hw.cli.commands.cosim`."""
    if design.channels != 1:
        raise DesignError("channels", "1 for one recording", design.channels)
    if design.delays:
        raise DesignError("delays", "left out beside spikes", design.delays)
    samples = read(recording, design)
    design = samples.design
    spec = design.spec()
    options = choice.for_memory(spec.order, (), design.seed)
    command = f"lmu-hw cosim {design.flags()}{recording.flags()} --spiking{choice.flags()} --spiking-lanes {lanes}"
    with staged(out) as folder, progress() as bar, tempfile.TemporaryDirectory(prefix="lmu_hw_") as scratch:
        task = bar.add_task("plan", total=None)
        plan = design.plan()
        spiking = plan_spiking(spec, options, lanes=lanes)
        bar.update(task, description="Verilog")
        name = f"{design.name}_spiking"
        made = (
            generate_verilog(plan, name=design.name, command=command, **design.hardware()),
            generate_spiking_verilog(spiking, name=name, command=command),
        )
        bar.update(task, description="build and simulate")
        result = cosimulate_spiking(
            plan,
            spiking,
            samples.values,
            workdir=Path(scratch),
            simulator=design.simulator,
            seed=design.seed,
            designs=made,
        )
        bar.update(task, description="report")
        answered = {"design": design.to_dict(), "input": samples.origin, **result.to_dict()}
        answered["spiking"] |= {key: made[1].manifest[key] for key in ("neurons", "kind", "lanes", "cycles_per_sample")}
        names = ["results.json", "report.html"]
        if out is not None:
            write_text(folder / "results.json", render_json(answered))
            rows = _rows(spiking, answered)
            write_report(folder / "report.html", _report(command, spiking, rows, result))
    answer(answered, _shown(spiking, answered, result, out, names), as_json=as_json)
    if not result.passed:
        raise CheckFailed(failures(result))


def checks_table(result: SpikingCosim) -> TableData:
    """Every check with its figures and its outcome."""
    bound, decoded = result.fixed_vs_float, result.decoded
    rows = [
        (
            f"{what} Verilog ({check.simulator}) = integer model",
            f"{check.mismatches} mismatches in {check.beats} beats of {check.samples} samples",
            "0 mismatches",
            _outcome(check.passed),
        )
        for what, check in (("fixed-point", result.fixed), ("spiking", result.spiking))
    ]
    rows.append(
        (
            "fixed-point integer model – float",
            f"{format_number(bound.max_error)} at most, {format_number(100.0 * bound.utilisation)} % of the bound",
            f"≤ {format_number(bound.bound)}",
            _outcome(bound.passed),
        )
    )
    measured = {
        "spikes in Verilog": decoded.rtl,
        "spikes in software": decoded.software,
        "fixed point": decoded.fixed,
    }
    predicted = f"Poisson noise predicts {format_number(decoded.predicted)}"
    for what, error in measured.items():
        found = "–" if error is None else f"{format_number(error)} RMS ({100.0 * error / decoded.signal:.3g} %)"
        rows.append((f"decoded window, {what} – float", found, predicted if what.startswith("spikes") else "–", "–"))
    return TableData("Checks", ("check", "found", "allowed", "outcome"), rows)


def failures(result: SpikingCosim) -> str:
    """One line for the checks that failed; empty where all held."""
    parts = [
        f"{what} Verilog: {'; '.join(check.messages) or f'{check.mismatches} mismatches'}"
        for what, check in (("fixed-point", result.fixed), ("spiking", result.spiking))
        if not check.passed
    ]
    if not result.fixed_vs_float.passed:
        parts.append(f"fixed point: {100.0 * result.fixed_vs_float.utilisation:.4g} % of the bound")
    return "; ".join(parts or ([] if result.passed else list(result.messages)))


def states_figure(result: SpikingCosim, dt: float, theta: float) -> FigureData:
    """States of all forms over the last few windows."""
    count = min(result.time.size, math.ceil(_SHOWN_WINDOWS * theta / dt))
    keep = slice(result.time.size - count, None, max(1, count // _MOST_POINTS))
    states = min(result.states_float.shape[1], _MOST_STATES)
    rows = -(-states // 3)
    with matplotlib.rc_context(STYLE):
        page, grid_of = new_figure(rows, min(states, 3), width=10.0, height=0.6 + 1.75 * rows, sharex=True)
        panels = np.atleast_1d(np.asarray(grid_of, dtype=object)).ravel()
        for i, panel in enumerate(panels):
            panel.set_visible(i < states)
            for form, name, line in _FORMS if i < states else ():
                panel.plot(result.time[keep], getattr(result, name)[keep, i], label=form, **line)
            panel.set(title=f"state {i}", xlabel="time (s)")
        handles, labels = panels[0].get_legend_handles_labels()
        page.legend(handles, labels, loc="outside upper right", ncols=len(labels))
        svg = svg_of(page)
    caption = "The states over time in every form. Spikes in Verilog are the integer model's, where no word differs."
    return FigureData("States over time", caption, svg)


def spikes_figure(plan: DigitalSpikingPlan, result: SpikingCosim) -> FigureData:
    """Who fires during the last two windows."""
    spikes = result.spikes
    if spikes is None:
        raise DesignError("spikes", "recorded for a raster", "none")
    dt, end = plan.spec.dt, float(result.time[-1])
    span = max(0.0, end - 2.0 * plan.spec.theta), end
    mean = spikes.count / (plan.neurons * result.time.size * dt)
    caption = f"Spikes of the digital memory; {format_number(mean)} a second and neuron over the whole recording."
    time = np.asarray(dt * (spikes.step + 1), dtype=np.float64)
    svg = raster_plot(time, spikes.neuron, plan.neurons, plan.ensembles, span)
    return FigureData("Spikes", caption, svg)


def _rows(plan: DigitalSpikingPlan, answered: dict[str, Any]) -> list[tuple[str, str]]:
    spiking = answered["spiking"]
    return [
        ("memory", plan.spec.summary()),
        ("neurons", f"{plan.neurons} {spiking['kind']}, {plan.lanes} a cycle"),
        ("synapse", f"{format_number(plan.design.options.synapse.coefficients[0])} s"),
        ("cycles per sample", str(spiking["cycles_per_sample"])),
        ("input", f"{answered['input']['input']}, {answered['input']['samples']} samples"),
    ]


def _report(command: str, plan: DigitalSpikingPlan, rows: list[tuple[str, str]], result: SpikingCosim) -> Report:
    figures = [states_figure(result, plan.spec.dt, plan.spec.theta), spikes_figure(plan, result)]
    return Report(
        title="Co-simulation of a Legendre memory in fixed point and in spikes",
        subtitle=plan.spec.summary(),
        command=command,
        passed=result.passed,
        sections=[
            Section("Outcome", result.messages, [checks_table(result), TableData("Design", (), rows)]),
            Section("Evidence", (), (), figures),
        ],
    )


def _shown(
    plan: DigitalSpikingPlan, answered: dict[str, Any], result: SpikingCosim, out: Path | None, names: list[str]
) -> Iterator[Any]:
    table = checks_table(result)
    yield facts("Co-simulation", _rows(plan, answered))
    yield grid(table.title, table.heads, table.rows, right=())
    yield from written(out, names)


def _outcome(passed: bool) -> str:
    return "held" if passed else "FAILED"
