"""`lmu-hw cosim`: Verilog, integers, floats, and a circuit or spikes where wanted, on one recording."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.analog.export.files import write_design
from lmu_hw.cli.cosim_report import (
    checks_table,
    failures,
    figures,
    network_checks,
    network_failures,
    network_figures,
    spiking_checks,
    spiking_failures,
    spiking_figures,
)
from lmu_hw.cli.output import (
    FORMAT_ROW,
    answer,
    facts,
    format_number,
    grid,
    percent,
    progress,
    render_json,
    staged,
    write_array,
    written,
)
from lmu_hw.cli.recording import Samples, input_facts, network_rows, quantized, read, read_input
from lmu_hw.cli.report import FigureData, Report, Section, TableData, write_report
from lmu_hw.cli.spice import design_circuit
from lmu_hw.core.legendre import Array
from lmu_hw.design.memory import Design
from lmu_hw.design.network import NetworkDesign
from lmu_hw.design.requests import BenchRequest, Recording
from lmu_hw.design.spiking import SpikingChoice
from lmu_hw.design.usage import effective_flags
from lmu_hw.errors import CheckFailed, DesignError, RequestError
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.io.files import write_text
from lmu_hw.io.recordings import Sequences, read_classes
from lmu_hw.io.schema import schema_id
from lmu_hw.rtl.memory.verilog import generate_verilog
from lmu_hw.rtl.network import generate_network_verilog
from lmu_hw.rtl.spiking.verilog import generate_spiking_verilog
from lmu_hw.sim.cosim.memory import AnalogSetup, cosimulate
from lmu_hw.sim.cosim.network import cosimulate_network
from lmu_hw.sim.cosim.spiking import cosimulate_spiking
from lmu_hw.spiking.digital.plan import plan_spiking

_LEAST_PERIOD, _MOST_PERIOD = 1e-9, 1.0  # s, of what the circuit simulator exchanges
_CIRCUIT = "analog_memory"
_BENCH = "bench"
_INPUT = "input.npy"

_Rows = list[tuple[str, str]]
_Progress = Callable[[str], None]
"""A function that is told which part of the work begins."""


@dataclass(frozen=True)
class _Found:
    """The outcome of a co-simulation, for the answer and for the report.

    Attributes:
        title: The title of the report.
        subtitle: The line below the title.
        answered: The content of the result file; it names the waveform if there is one.
        passed: Whether every check held.
        failure: One line on the checks that failed.
        messages: The messages of the benches.
        rows: The rows of the table that says what was built and on what it ran.
        checks: The table of all checks with their outcomes.
        figures: A function that draws the figures of the report.
        waveform: The file with all signals; None if none was recorded.
        stimulus: What went in, as a file of --input has it.
        remarks: The lines that follow the checks on the terminal.
    """

    title: str
    subtitle: str
    answered: dict[str, Any]
    passed: bool
    failure: str
    messages: Sequence[str]
    rows: _Rows
    checks: TableData
    figures: Callable[[], list[FigureData]]
    waveform: Path | None
    stimulus: Array
    remarks: Sequence[str] = ()


def run_memory(
    design: Design, recording: Recording, analog: bool, bench: BenchRequest, out: Path | None, as_json: bool
) -> None:
    """Co-simulate a memory, write and print; see `lmu_hw.cli.commands.cosim`."""
    samples = read(recording, design, bench=bench)
    design = samples.design
    if analog and not _LEAST_PERIOD <= design.spec().dt < _MOST_PERIOD:
        allowed = f"from {_LEAST_PERIOD:g} s to less than {_MOST_PERIOD:g} s beside a circuit (or give --no-analog)"
        raise DesignError("dt", allowed, design.dt)
    command = f"lmu-hw cosim {effective_flags('cosim', design, analog=analog)}{recording.flags()}{bench.flags()}"
    command += "" if analog else " --no-analog"

    def simulate(step: _Progress, scratch: Path, folder: Path | None) -> _Found:
        circuit = circuit_beside(design) if analog else None
        plan = design.plan()
        step("Verilog")
        made = generate_verilog(plan, name=design.name, command=command, **design.hardware())
        step("build and simulate")
        traced = bench.traced(samples.values.size, int(made.manifest["cycles_per_sample"]))
        result = cosimulate(
            plan,
            samples.values,
            workdir=scratch,
            simulator=design.simulator,
            lanes=design.lanes,
            seed=design.seed,
            analog=None if circuit is None else AnalogSetup(circuit),
            waves=_waves(folder, traced, samples.values.size),
            bench_dir=_bench(folder),
            gap=bench.gap,
            stall=bench.stall,
            runs=bench.runs,
            design=made,
        )
        if folder is not None and circuit is not None:
            deck = write_design(circuit, scratch / "circuit", command)["netlist"]
            shutil.copy(deck, folder / _BENCH / deck.name)
        answered = {
            "schema": schema_id("memory-cosim"),
            "command": command,
            "design": design.to_dict(),
            "input": samples.origin,
            "traffic": _traffic(bench, design.seed),
            **result.to_dict(),
            "multiplications_per_sample": plan.multiplications_per_sample,
            "cycles_per_sample": made.manifest["cycles_per_sample"],
            "latency_cycles": made.manifest["latency_cycles"],
            **_waveform_entry(design.name, result.waveform, "waveform_samples", traced),
        }
        used = result.fixed_vs_float.utilisation
        return _Found(
            title="Co-simulation of a Legendre memory",
            subtitle=plan.spec.summary(),
            answered=answered,
            passed=result.passed,
            failure=failures(result),
            messages=[line for check in (result.digital, result.analog) if check for line in check.messages],
            rows=[
                *design_rows(plan, made.manifest),
                _input_row(samples),
                _traffic_row(bench),
                *_waveform_row(design.name, result.waveform, traced, samples.values.size, "samples"),
            ],
            checks=checks_table(result),
            figures=lambda: figures(plan, result, circuit),
            waveform=result.waveform,
            stimulus=samples.values,
            remarks=[f"bound / measured: {format_number(1.0 / used)}"] if used > 0.0 else [],
        )

    _run(simulate, command, out, as_json)


def run_network(
    design: NetworkDesign,
    source: Path | None,
    labels_path: Path | None,
    bench: BenchRequest,
    out: Path | None,
    as_json: bool,
) -> None:
    """Co-simulate a network, write and print; see `lmu_hw.cli.commands.cosim`."""
    network = design.load()
    whole = read_input(network, source)
    sequences = _first_sequences(whole, bench, source)
    batch, steps, _ = sequences.values.shape
    labels = None if labels_path is None else read_classes(labels_path, len(whole.values), network.outputs)[:batch]
    words = ["--input", str(source), *([] if labels_path is None else ["--labels", str(labels_path)])]
    command = f"lmu-hw cosim {effective_flags('cosim', design)} {shlex.join(words)}{bench.flags()}"

    def simulate(step: _Progress, scratch: Path, folder: Path | None) -> _Found:
        made = quantized(design, network, whole)
        step("Verilog")
        verilog = generate_network_verilog(
            made.plan,
            name=design.name,
            lanes=design.lanes,
            sequences=design.sequences,
            reset=design.reset,
            command=command,
        )
        step("build and simulate")
        turns = -(-batch // design.sequences)
        traced = bench.traced(turns * steps, int(verilog.manifest["cycles_per_last_step"]), "steps")
        result = cosimulate_network(
            network,
            made.plan,
            verilog,
            sequences.values,
            workdir=scratch / "digital",
            labels=labels,
            simulator=design.simulator,
            seed=design.seed,
            waves=_waves(folder, traced, turns * steps),
            bench_dir=_bench(folder),
            gap=bench.gap,
            stall=bench.stall,
            runs=bench.runs,
        )
        given = {**input_facts(source or Path(), sequences), "calibration": made.calibration}
        cost = {
            "multiplications_per_sequence": made.plan.multiplications_per_sequence(sequences.values.shape[1]),
            **{key: verilog.manifest[key] for key in ("multipliers", "cycles_per_step", "cycles_per_last_step")},
        }
        return _Found(
            title="Co-simulation of a network",
            subtitle="; ".join(network.name(k) for k in range(len(network.layers))),
            answered={
                "schema": schema_id("network-cosim"),
                "command": command,
                "design": design.to_dict(),
                "input": given,
                "traffic": _traffic(bench, design.seed),
                **result.to_dict(),
                **cost,
                **_waveform_entry(design.name, result.waveform, "waveform_steps", traced),
            },
            passed=result.passed,
            failure=network_failures(result),
            messages=result.digital.messages,
            rows=[
                *network_rows(network),
                ("input", f"{given['input']}, {given['sequences']} × {given['steps']} steps"),
                ("formats chosen on", given["calibration"]),
                *cost_rows(cost),
                _traffic_row(bench),
                *_waveform_row(design.name, result.waveform, traced, turns * steps, "steps"),
            ],
            checks=network_checks(result),
            figures=lambda: network_figures(result),
            waveform=result.waveform,
            stimulus=sequences.values if sequences.batched else sequences.values[0],
        )

    _run(simulate, command, out, as_json)


def run_spiking(
    design: Design,
    choice: SpikingChoice,
    lanes: int,
    recording: Recording,
    bench: BenchRequest,
    out: Path | None,
    as_json: bool,
) -> None:
    """Co-simulate a memory in fixed point and in spikes, write and print; see `lmu_hw.cli.commands.cosim`.

    `lanes` is the number of neurons in a clock cycle.
    """
    if design.delays:
        raise RequestError("--delays has no effect with --spiking", hint="leave one of them out")
    samples = read(recording, design, bench=bench)
    design = samples.design
    spec = design.spec()
    options = choice.for_memory(spec.order, (), design.seed)
    words = effective_flags("cosim", design, spiking=True)
    command = (
        f"lmu-hw cosim {words}{recording.flags()} --spiking{choice.flags()} --spiking-lanes {lanes}{bench.flags()}"
    )

    def simulate(step: _Progress, scratch: Path, folder: Path | None) -> _Found:
        plan = design.plan()
        spiking = plan_spiking(spec, options, lanes=lanes)
        step("Verilog")
        made = (
            generate_verilog(plan, name=design.name, command=command, **design.hardware()),
            generate_spiking_verilog(spiking, name=f"{design.name}_spiking", command=command),
        )
        step("build and simulate")
        pace = max(int(each.manifest["cycles_per_sample"]) for each in made)
        traced = bench.traced(samples.values.size, pace)
        result = cosimulate_spiking(
            plan,
            spiking,
            samples.values,
            workdir=scratch,
            simulator=design.simulator,
            seed=design.seed,
            waves=_waves(folder, traced, samples.values.size),
            bench_dir=_bench(folder),
            gap=bench.gap,
            stall=bench.stall,
            runs=bench.runs,
            designs=made,
        )
        answered = {
            "schema": schema_id("spiking-cosim"),
            "command": command,
            "design": design.to_dict(),
            "input": samples.origin,
            "traffic": _traffic(bench, design.seed),
            **result.to_dict(),
            **_waveform_entry(design.name, result.waveform, "waveform_samples", traced),
        }
        answered["spiking"] |= {key: made[1].manifest[key] for key in ("neurons", "kind", "lanes", "cycles_per_sample")}
        return _Found(
            title="Co-simulation of a Legendre memory in fixed point and in spikes",
            subtitle=spec.summary(),
            answered=answered,
            passed=result.passed,
            failure=spiking_failures(result),
            messages=result.messages,
            rows=[
                ("memory", spec.summary()),
                ("neurons", f"{spiking.neurons} {answered['spiking']['kind']}, {lanes} a cycle"),
                ("synapse", f"{format_number(spiking.design.options.synapse.coefficients[0])} s"),
                ("cycles per sample", str(answered["spiking"]["cycles_per_sample"])),
                _input_row(samples),
                _traffic_row(bench),
                *_waveform_row(design.name, result.waveform, traced, samples.values.size, "samples"),
            ],
            checks=spiking_checks(result),
            figures=lambda: spiking_figures(spiking, result),
            waveform=result.waveform,
            stimulus=samples.values,
        )

    _run(simulate, command, out, as_json)


def _run(
    simulate: Callable[[_Progress, Path, Path | None], _Found], command: str, out: Path | None, as_json: bool
) -> None:
    """Simulate, leave results, bench, waveform and report in `out`, and print the answer.

    Raises:
        CheckFailed: A check failed.
    """
    with staged(out) as folder, progress() as bar, tempfile.TemporaryDirectory(prefix="lmu_hw_") as scratch:
        task = bar.add_task("plan", total=None)

        def step(description: str) -> None:
            bar.update(task, description=description)

        found = simulate(step, Path(scratch), None if out is None else folder)
        names = ["results.json"]
        if out is not None:
            step("report")
            if found.waveform is not None:
                names.append(found.answered["waveform"])
                shutil.copy(found.waveform, folder / names[-1])
            write_array(folder / _BENCH / _INPUT, found.stimulus)
            write_text(folder / "results.json", render_json(found.answered))
            write_report(folder / "report.html", _report(found, command))
            names += ["report.html", f"{_BENCH}/"]
    shown: list[Any] = [
        facts("Co-simulation", found.rows),
        grid(found.checks.title, found.checks.heads, found.checks.rows, right=()),
        *found.remarks,
        *written(out, names),
    ]
    answer(found.answered, shown, as_json=as_json)
    if not found.passed:
        raise CheckFailed(found.failure)


def _report(found: _Found, command: str) -> Report:
    return Report(
        title=found.title,
        subtitle=found.subtitle,
        command=command,
        passed=found.passed,
        sections=[
            Section("Outcome", found.messages, [found.checks, TableData("Design", (), found.rows)]),
            Section("Evidence", (), (), found.figures()),
        ],
    )


def circuit_beside(design: Design) -> AnalogDesign:
    """The circuit that runs beside the design's Verilog: that of `lmu-hw spice`, with the delay of θ as its output."""
    return design_circuit(replace(design, name=_CIRCUIT, delays=(), coefficients=False))


def design_rows(plan: MemoryPlan, manifest: dict[str, Any]) -> _Rows:
    """The rows of the table that says what was built for a memory."""
    return [
        ("memory", plan.spec.summary()),
        ("datapath", f"{plan.datapath}, {manifest['lanes']} lane(s)"),
        ("formats", f"input {plan.input_format}, state {plan.state_format}, accumulator {plan.accumulator_format}"),
        FORMAT_ROW,
        ("multiplications per sample", str(plan.multiplications_per_sample)),
        ("cycles per sample", str(manifest["cycles_per_sample"])),
        ("latency", f"{manifest['latency_cycles']} cycles"),
    ]


def cost_rows(cost: dict[str, Any]) -> _Rows:
    """The rows of the table that says what the hardware of a network costs."""
    return [
        ("multipliers", str(cost["multipliers"])),
        ("multiplications per sequence", str(cost["multiplications_per_sequence"])),
        ("cycles per step", f"{cost['cycles_per_step']}, the last one {cost['cycles_per_last_step']}"),
    ]


def _first_sequences(whole: Sequences, bench: BenchRequest, source: Path | None) -> Sequences:
    """As many sequences of a batch as are asked for, or as many steps of a single one.

    Raises:
        DesignError: There are fewer.
    """
    batch, steps, _ = whole.values.shape
    if whole.batched:
        return replace(whole, values=whole.values[: bench.first(batch, f"sequences of {source}")])
    return replace(whole, values=whole.values[:, : bench.first(steps, f"steps of {source}")])


def _bench(folder: Path | None) -> Path | None:
    """The folder for the files of a bench; None where no files are written."""
    return None if folder is None else folder / _BENCH


def _waves(folder: Path | None, traced: int, available: int) -> bool | int:
    """Whether a simulation records all signals, or of how many samples it does so in a run of its own."""
    if folder is None:
        return False
    return True if traced == available else traced


def _traffic(bench: BenchRequest, seed: int) -> dict[str, Any]:
    return {"gap": bench.gap, "stall": bench.stall, "runs": bench.runs, "seed": seed}


def _traffic_row(bench: BenchRequest) -> tuple[str, str]:
    runs = "1 run" if bench.runs == 1 else f"{bench.runs} runs"
    return "traffic", f"{percent(bench.gap)} gaps, {percent(bench.stall)} stalls, {runs}"


def _waveform_row(name: str, waveform: Path | None, traced: int, available: int, unit: str) -> _Rows:
    """The row that says how much of the input the waveform covers; none without a waveform."""
    if waveform is None:
        return []
    more = "" if traced == available else "; --wave-samples for more"
    return [("waveform", f"{name}{waveform.suffix}, the first {traced:,} of {available:,} {unit}{more}")]


def _input_row(samples: Samples) -> tuple[str, str]:
    return "input", f"{samples.origin['input']}, {samples.values.size} samples"


def _waveform_entry(name: str, waveform: Path | None, key: str, traced: int) -> dict[str, Any]:
    """The name of the waveform's file in the result, and under `key` how much of the input it covers."""
    return {"waveform": None} if waveform is None else {"waveform": f"{name}{waveform.suffix}", key: traced}
