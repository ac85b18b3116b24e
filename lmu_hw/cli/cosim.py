"""`lmu-hw cosim`: Verilog, integers, floats and the circuit on one recording."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.cli.evidence import checks_table, failures, figures
from lmu_hw.cli.output import answer, facts, format_number, grid, progress, render_json, staged, written
from lmu_hw.cli.recording import Samples, read
from lmu_hw.cli.report import Report, Section, TableData, write_report
from lmu_hw.cli.spice import design_circuit
from lmu_hw.core.legendre import Array
from lmu_hw.design.memory import Design
from lmu_hw.design.requests import Recording
from lmu_hw.errors import CheckFailed, DesignError
from lmu_hw.fixed_point.formats import Overflow
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.io.files import write_text
from lmu_hw.rtl.memory.verilog import VerilogDesign, generate_verilog
from lmu_hw.sim.cosim.memory import AnalogSetup, CosimResult, cosimulate
from lmu_hw.sim.targets.memory import HarnessedMemory, Stimulus, run_streams

_LEAST_PERIOD, _MOST_PERIOD = 1e-9, 1.0  # s, of what the circuit simulator exchanges
_CIRCUIT = "analog_memory"
_TRACED_CYCLES = 2_000  # a waveform takes up to a few kilobytes per cycle


def run(design: Design, recording: Recording, analog: bool, out: Path | None, as_json: bool) -> None:
    """Check, write and print; see `lmu_hw.cli.commands.cosim`."""
    if design.channels != 1:
        raise DesignError("channels", "1 for one recording", design.channels)
    samples = read(recording, design)
    design = samples.design
    if analog and not _LEAST_PERIOD <= design.spec().dt < _MOST_PERIOD:
        allowed = f"from {_LEAST_PERIOD:g} s to less than {_MOST_PERIOD:g} s beside a circuit (or give --no-analog)"
        raise DesignError("dt", allowed, design.dt)
    command = f"lmu-hw cosim {design.flags()}{recording.flags()}" + ("" if analog else " --no-analog")
    with staged(out) as folder, progress() as bar, tempfile.TemporaryDirectory(prefix="lmu_hw_") as scratch:
        task = bar.add_task("plan", total=None)
        circuit = circuit_beside(design) if analog else None
        plan = design.plan()
        bar.update(task, description="Verilog")
        made = generate_verilog(plan, name=design.name, command=command, **design.hardware())
        bar.update(task, description="build and simulate")
        traced = min(samples.values.size, max(1, _TRACED_CYCLES // int(made.manifest["cycles_per_sample"])))
        result = cosimulate(
            plan,
            samples.values,
            workdir=Path(scratch),
            simulator=design.simulator,
            lanes=design.lanes,
            seed=design.seed,
            analog=None if circuit is None else AnalogSetup(circuit),
            waves=out is not None and traced == samples.values.size,
            design=made,
        )
        waveform = result.waveform
        if out is not None and waveform is None and result.digital.passed:
            bar.update(task, description="waveform")
            waveform = _excerpt(plan, samples.values[:traced], made, design, Path(scratch))
        bar.update(task, description="report")
        answered = _result(design, samples, plan, made, result)
        answered["waveform"] = None
        names = ["results.json"]
        if out is not None:
            if waveform is not None:
                answered["waveform"] = f"{design.name}{waveform.suffix}"
                answered["waveform_samples"] = traced
                shutil.copy(waveform, folder / answered["waveform"])
                names.append(answered["waveform"])
            write_text(folder / "results.json", render_json(answered))
            write_report(folder / "report.html", _report(command, plan, samples, answered, result, circuit))
            names.append("report.html")
    answer(answered, _shown(plan, samples, made, result, out, names), as_json=as_json)
    if not result.passed:
        raise CheckFailed(failures(result))


def circuit_beside(design: Design) -> AnalogDesign:
    """The circuit that runs beside the design's Verilog: that of `lmu-hw spice`, with the delay of θ as its output."""
    return design_circuit(replace(design, name=_CIRCUIT, delays=(), coefficients=False))


def _excerpt(plan: MemoryPlan, samples: Array, made: VerilogDesign, design: Design, scratch: Path) -> Path | None:
    """The waveform of the first samples, from a run of their own."""
    codes = plan.input_format.encode(samples, overflow=Overflow.SATURATE)[None, :]
    memory = HarnessedMemory(plan, Stimulus(codes, gap=0.1, stall=0.1, seed=design.seed), made)
    run = run_streams([memory], workdir=scratch / "waves", simulator=design.simulator, seed=design.seed, waves=True)
    return run.bench.waveform


def _result(
    design: Design, samples: Samples, plan: MemoryPlan, made: VerilogDesign, result: CosimResult
) -> dict[str, Any]:
    return {
        "design": design.to_dict(),
        "input": samples.origin,
        **result.to_dict(),
        "multiplications_per_sample": plan.multiplications_per_sample,
        "cycles_per_sample": made.manifest["cycles_per_sample"],
        "latency_cycles": made.manifest["latency_cycles"],
    }


def design_rows(plan: MemoryPlan, manifest: dict[str, Any]) -> list[tuple[str, str]]:
    """What was built, for people."""
    return [
        ("memory", plan.spec.summary()),
        ("datapath", f"{plan.datapath}, {manifest['lanes']} lane(s)"),
        ("formats", f"input {plan.input_format}, state {plan.state_format}, accumulator {plan.accumulator_format}"),
        ("multiplications per sample", str(plan.multiplications_per_sample)),
        ("cycles per sample", str(manifest["cycles_per_sample"])),
        ("latency", f"{manifest['latency_cycles']} cycles"),
    ]


def _input_row(samples: Samples) -> tuple[str, str]:
    return "input", f"{samples.origin['input']}, {samples.values.size} samples"


def _report(
    command: str,
    plan: MemoryPlan,
    samples: Samples,
    answered: dict[str, Any],
    result: CosimResult,
    circuit: AnalogDesign | None,
) -> Report:
    rows = [*design_rows(plan, {"lanes": answered["design"]["lanes"], **answered}), _input_row(samples)]
    messages = [line for check in (result.digital, result.analog) if check is not None for line in check.messages]
    return Report(
        title="Co-simulation of a Legendre memory",
        subtitle=plan.spec.summary(),
        command=command,
        passed=result.passed,
        sections=[
            Section("Outcome", messages, [checks_table(result), TableData("Design", (), rows)]),
            Section("Evidence", (), (), figures(plan, result, circuit)),
        ],
    )


def _shown(
    plan: MemoryPlan, samples: Samples, made: VerilogDesign, result: CosimResult, out: Path | None, names: list[str]
) -> Iterator[Any]:
    table = checks_table(result)
    yield facts("Co-simulation", [*design_rows(plan, made.manifest), _input_row(samples)])
    yield grid(table.title, table.heads, table.rows, right=())
    if result.fixed_vs_float.utilisation > 0.0:
        yield f"bound / measured: {format_number(1.0 / result.fixed_vs_float.utilisation)}"
    yield from written(out, names)
