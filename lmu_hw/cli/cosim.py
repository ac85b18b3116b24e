"""`lmu-hw cosim`: Verilog, integers, floats, and a circuit or spikes where wanted, on one recording."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.analog.amplifiers.library import CAUTION, opamps
from lmu_hw.analog.analysis.monte_carlo import draw
from lmu_hw.analog.analysis.outputs import volts_at_rest
from lmu_hw.analog.circuit.equations import equations
from lmu_hw.analog.circuit.graph import replaced
from lmu_hw.analog.design.memory import PREDICTION_ORDER, AnalogDesign
from lmu_hw.analog.export.files import deck_text
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
    band_row,
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
from lmu_hw.cli.scores import Labelled, labelled
from lmu_hw.cli.spice import design_circuit, tolerances
from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.design.choices import AUTO
from lmu_hw.design.memory import Design
from lmu_hw.design.network import NetworkDesign
from lmu_hw.design.requests import BenchRequest, Recording
from lmu_hw.design.spiking import SpikingChoice
from lmu_hw.design.usage import effective_flags
from lmu_hw.errors import CheckFailed, DesignError, RequestError, check_positive
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.io.files import write_text
from lmu_hw.io.recordings import Sequences
from lmu_hw.io.schema import schema_id
from lmu_hw.rtl.memory.verilog import generate_verilog
from lmu_hw.rtl.network import generate_network_verilog
from lmu_hw.rtl.spiking.verilog import generate_spiking_verilog
from lmu_hw.sim.cosim.memory import AnalogSetup, circuit_reference, cosimulate
from lmu_hw.sim.cosim.network import cosimulate_network
from lmu_hw.sim.cosim.spiking import cosimulate_spiking
from lmu_hw.sim.spice.monte_carlo import drawn_elements
from lmu_hw.spiking.digital.plan import plan_spiking

_LEAST_PERIOD, _MOST_PERIOD = 1e-9, 1.0  # s, of what the circuit simulator exchanges
_CIRCUIT = "analog_memory"
ALLOWANCE, PREDICTED = 0.01, 1.5
"""What the error of a circuit's outputs may be beside their offset: this, and so many times what is predicted for input
within the band."""

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
    design: Design,
    recording: Recording,
    analog: bool,
    bench: BenchRequest,
    out: Path | None,
    as_json: bool,
    tolerance: float | None = None,
) -> None:
    """Co-simulate a memory, write and print; see `lmu_hw.cli.commands.cosim`.

    `tolerance` is the largest NRMSE of the circuit's outputs; by default that of `circuit_beside_memory`.
    """
    samples = read(recording, design, bench=bench)
    design = samples.design
    if analog and not _LEAST_PERIOD <= design.spec().dt < _MOST_PERIOD:
        allowed = f"from {_LEAST_PERIOD:g} s to less than {_MOST_PERIOD:g} s beside a circuit (or give --no-analog)"
        raise DesignError("dt", allowed, design.dt)
    command = f"lmu-hw cosim {effective_flags('cosim', design, analog=analog)}{recording.flags()}{bench.flags()}"
    command += "" if analog else " --no-analog"
    command += "" if tolerance is None else f" --tolerance {tolerance!r}"

    def simulate(step: _Progress, scratch: Path, folder: Path | None) -> _Found:
        circuit = circuit_beside(design) if analog else None
        setup = None if circuit is None else circuit_beside_memory(circuit, design.spec(), samples.values, tolerance)
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
            analog=setup,
            waves=_waves(folder, traced, samples.values.size),
            bench_dir=_bench(folder),
            gap=bench.gap,
            stall=bench.stall,
            runs=bench.runs,
            design=made,
        )
        if folder is not None and circuit is not None:
            write_text(folder / _BENCH / f"{_CIRCUIT}.cir", deck_text(circuit, command))
        answered = {
            "schema": schema_id("memory-cosim"),
            "command": command,
            "design": design.to_dict(),
            "input": samples.origin,
            "traffic": _traffic(bench, design.seed),
            **result.to_dict(),
            "usable_band": made.manifest["usable_band"],
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
                *_part_row(design, analog),
            ],
            checks=checks_table(result),
            figures=lambda: figures(plan, result, circuit),
            waveform=result.waveform,
            stimulus=samples.values,
            remarks=[f"bound / measured: {format_number(1.0 / used)}"] if used > 0.0 else [],
        )

    _run(simulate, command, out, as_json)


def run_network(
    design: NetworkDesign, recording: Recording, bench: BenchRequest, out: Path | None, as_json: bool
) -> None:
    """Co-simulate a network, write and print; see `lmu_hw.cli.commands.cosim`."""
    network = design.load()
    source = recording.path
    whole = read_input(network, source)
    labels = labelled(network, design.network, recording, whole)
    if labels is not None and labels.classes is None:
        raise RequestError("--labels of a co-simulation are classes", hint="`lmu-hw run` scores against targets")
    sequences, labels = _first_sequences(whole, labels, bench, source)
    batch, steps, _ = sequences.values.shape
    command = f"lmu-hw cosim {effective_flags('cosim', design)}{recording.flags()}{bench.flags()}"

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
            labels=None if labels is None else labels.classes,
            scored=None if labels is None else labels.indices,
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
                "scored": None if labels is None else {"part": labels.part, "sequences": labels.indices.size},
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
            "usable_band": made[0].manifest["usable_band"],
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
                band_row(made[0].manifest["usable_band"]),
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
        if out is None:
            names.append("report.html")
        else:
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
    """The circuit that runs beside the design's Verilog: that of `lmu-hw spice`, with the delay of θ as its output.

    With tolerances, its parts are drawn.
    """
    circuit = design_circuit(replace(design, name=_CIRCUIT, delays=(), coefficients=False))
    spread = tolerances(design)
    if spread is None:
        return circuit
    system = equations(circuit.circuit)
    (parts,) = drawn_elements(circuit.circuit, system, draw(system, spread, 1, design.seed))
    return replace(circuit, circuit=replaced(circuit.circuit, parts))


def circuit_beside_memory(circuit: AnalogDesign, spec: LMUSpec, u: Array, tolerance: float | None) -> AnalogSetup:
    """A circuit to run beside a memory, with the largest NRMSE of its outputs that passes.

    Args:
        circuit: The circuit.
        spec: The memory.
        u: The samples, shape (T,).
        tolerance: The largest NRMSE; if None, the sum of `ALLOWANCE`, `PREDICTED` times the predicted error, and the
            outputs at rest, as the offsets of the amplifiers make them, over the root mean square of the outputs.

    Raises:
        DesignError: The tolerance is not positive.
    """
    if tolerance is not None:
        return AnalogSetup(circuit, check_positive("tolerance", tolerance))
    setup = AnalogSetup(circuit, ALLOWANCE)
    if circuit.realisation.states > PREDICTION_ORDER:
        return setup
    allowed = ALLOWANCE + PREDICTED * circuit.prediction.worst
    _, outputs = circuit_reference(circuit, spec, u[: setup.samples])
    rms = float(np.sqrt(np.mean(outputs**2)))
    if rms > 0.0:
        rest = np.array(list(volts_at_rest(circuit).values())) / circuit.output_scaling
        allowed += float(np.sqrt(np.mean(rest**2))) / rms
    return replace(setup, tolerance=allowed)


def design_rows(plan: MemoryPlan, manifest: dict[str, Any]) -> _Rows:
    """The rows of the table that says what was built for a memory."""
    return [
        ("memory", plan.spec.summary()),
        band_row(manifest["usable_band"]),
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


def _first_sequences(
    whole: Sequences, labels: Labelled | None, bench: BenchRequest, source: Path | None
) -> tuple[Sequences, Labelled | None]:
    """As many sequences of a batch as are asked for, or as many steps of a single one.

    With labels they are the first ones of the part that is scored, so that a few of them have a score, too.

    Raises:
        DesignError: There are fewer.
    """
    if not whole.batched:
        steps = whole.values.shape[1]
        return replace(whole, values=whole.values[:, : bench.first(steps, f"steps of {source}")]), labels
    if labels is None or bench.samples is None:
        return replace(whole, values=whole.values[: bench.first(len(whole.values), f"sequences of {source}")]), labels
    count = bench.first(labels.indices.size, f"sequences in the {labels.part} part of {source}")
    return replace(whole, values=whole.values[labels.indices[:count]]), labels.first(count)


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


def _part_row(design: Design, analog: bool) -> _Rows:
    """The row that says how far the figures of an op-amp of the library go; none without one."""
    return [("op-amp", f"{design.opamp}. {CAUTION}")] if analog and design.opamp in (AUTO, *opamps()) else []


def _input_row(samples: Samples) -> tuple[str, str]:
    return "input", f"{samples.origin['input']}, {samples.values.size} samples"


def _waveform_entry(name: str, waveform: Path | None, key: str, traced: int) -> dict[str, Any]:
    """The name of the waveform's file in the result, and under `key` how much of the input it covers."""
    return {"waveform": None} if waveform is None else {"waveform": f"{name}{waveform.suffix}", key: traced}
