"""`lmu-hw cosim NETWORK`: a network in Verilog, integers and floats on a user's sequences."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lmu_hw.cli.network_plots import network_figures
from lmu_hw.cli.output import answer, facts, format_number, grid, percent, progress, render_json, staged, written
from lmu_hw.cli.recording import input_facts, network_rows, quantized, read_input
from lmu_hw.cli.report import Report, Section, TableData, write_report
from lmu_hw.core.legendre import Array
from lmu_hw.design.network import NetworkDesign
from lmu_hw.errors import CheckFailed
from lmu_hw.io.files import write_text
from lmu_hw.io.recordings import Sequences, read_classes
from lmu_hw.networks.model import Network
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.plan import NetworkPlan
from lmu_hw.rtl.memory.verilog import VerilogDesign
from lmu_hw.rtl.network import generate_network_verilog
from lmu_hw.sim.cosim.network import NetworkCosim, cosimulate_network
from lmu_hw.sim.targets.network import HarnessedNetwork, NetworkStimulus, run_networks

_TRACED_CYCLES = 2_000  # a waveform takes kilobytes per cycle


def run(design: NetworkDesign, source: Path | None, labels_path: Path | None, out: Path | None, as_json: bool) -> None:
    """Check, write and print; see `lmu_hw.cli.commands.cosim`."""
    network = design.load()
    sequences = read_input(network, source)
    batch = len(sequences.values)
    labels = None if labels_path is None else read_classes(labels_path, batch, network.outputs)
    words = ["--input", str(source), *([] if labels_path is None else ["--labels", str(labels_path)])]
    command = f"lmu-hw cosim {design.flags()} {shlex.join(words)}"
    with staged(out) as folder, progress() as bar, tempfile.TemporaryDirectory(prefix="lmu_hw_") as scratch:
        task = bar.add_task("plan", total=None)
        made = quantized(design, network, sequences)
        bar.update(task, description="Verilog")
        verilog = generate_network_verilog(
            made.plan,
            name=design.name,
            lanes=design.lanes,
            sequences=design.sequences,
            reset=design.reset,
            command=command,
        )
        bar.update(task, description="build and simulate")
        result = cosimulate_network(
            network,
            made.plan,
            verilog,
            sequences.values,
            workdir=Path(scratch) / "digital",
            labels=labels,
            simulator=design.simulator,
            seed=design.seed,
        )
        answered = {
            "design": design.to_dict(),
            "input": {**input_facts(source or Path(), sequences), "calibration": made.calibration},
            **result.to_dict(),
            **_cost(made.plan, verilog, sequences),
            "waveform": None,
        }
        names = ["results.json"]
        if out is not None:
            waveform = None
            if result.passed:
                bar.update(task, description="waveform")
                waveform, steps = _excerpt(made.plan, sequences.values, verilog, design, Path(scratch))
            if waveform is not None:
                answered["waveform"] = f"{design.name}{waveform.suffix}"
                answered["waveform_steps"] = steps
                shutil.copy(waveform, folder / answered["waveform"])
                names.append(answered["waveform"])
            bar.update(task, description="report")
            write_text(folder / "results.json", render_json(answered))
            write_report(folder / "report.html", _report(command, network, answered, result))
            names.append("report.html")
    answer(answered, _shown(network, answered, result, out, names), as_json=as_json)
    if not result.passed:
        said = "; ".join(result.digital.messages)
        raise CheckFailed(f"Verilog: {said or f'{result.digital.mismatches} mismatches'}")


def _excerpt(
    plan: NetworkPlan, x: Array, verilog: VerilogDesign, design: NetworkDesign, scratch: Path
) -> tuple[Path | None, int]:
    """The waveform of the first steps, from a run of their own, and how many; none where one step is too long."""
    steps = min(x.shape[1], _TRACED_CYCLES // int(verilog.manifest["cycles_per_last_step"]))
    if steps == 0:
        return None, 0
    codes = IntegerNetwork(plan).encode(x[: design.sequences, :steps])
    stimulus = NetworkStimulus.of_batch(codes, design.sequences).with_traffic(0.1, 0.1, design.seed)
    network = HarnessedNetwork(plan, stimulus, verilog)
    run = run_networks([network], workdir=scratch / "waves", simulator=design.simulator, seed=design.seed, waves=True)
    return run.bench.waveform, steps


def _cost(plan: NetworkPlan, verilog: VerilogDesign, sequences: Sequences) -> dict[str, Any]:
    manifest, steps = verilog.manifest, sequences.values.shape[1]
    return {
        "multiplications_per_sequence": plan.multiplications_per_sequence(steps),
        "multipliers": manifest["multipliers"],
        "cycles_per_step": manifest["cycles_per_step"],
        "cycles_per_last_step": manifest["cycles_per_last_step"],
    }


def cost_rows(answered: dict[str, Any]) -> list[tuple[str, str]]:
    """What the hardware costs, for people."""
    return [
        ("multipliers", str(answered["multipliers"])),
        ("multiplications per sequence", str(answered["multiplications_per_sequence"])),
        ("cycles per step", f"{answered['cycles_per_step']}, the last one {answered['cycles_per_last_step']}"),
    ]


def checks_table(answered: dict[str, Any]) -> TableData:
    """Every check and every figure."""
    digital, deviation, accuracy = (answered[key] for key in ("digital", "fixed_vs_float", "accuracy"))
    rows = [
        (
            f"Verilog ({digital['simulator']}) = integer model",
            f"{digital['mismatches']} mismatches in {digital['words']} words of {digital['sequences']} sequences",
            "0 mismatches",
            "held" if digital["passed"] else "FAILED",
        ),
        (
            "integer model – float",
            f"{format_number(deviation['max_error'])} at most, NRMSE {percent(deviation['nrmse'])}",
            "–",
            "–",
        ),
    ]
    if deviation["different_classes"] is not None:
        different = f"{deviation['different_classes']} of {digital['sequences']} differ"
        rows.append(("classes, integer model – float", different, "–", "–"))
    if accuracy is not None:
        shares = ", ".join(f"{form} {percent(share)}" for form, share in accuracy.items())
        rows.append(("accuracy", shares, "–", "–"))
    return TableData("Checks", ("check", "found", "allowed", "outcome"), rows)


def _rows(network: Network, answered: dict[str, Any]) -> list[tuple[str, str]]:
    given = answered["input"]
    return [
        *network_rows(network),
        ("input", f"{given['input']}, {given['sequences']} × {given['steps']} steps"),
        ("formats chosen on", given["calibration"]),
        *cost_rows(answered),
    ]


def _report(command: str, network: Network, answered: dict[str, Any], result: NetworkCosim) -> Report:
    return Report(
        title="Co-simulation of a network",
        subtitle="; ".join(network.name(k) for k in range(len(network.layers))),
        command=command,
        passed=result.passed,
        sections=[
            Section(
                "Outcome",
                result.digital.messages,
                [checks_table(answered), TableData("Design", (), _rows(network, answered))],
            ),
            Section("Evidence", (), (), network_figures(result)),
        ],
    )


def _shown(
    network: Network, answered: dict[str, Any], result: NetworkCosim, out: Path | None, names: list[str]
) -> Iterator[Any]:
    table = checks_table(answered)
    yield facts("Co-simulation", _rows(network, answered))
    yield grid(table.title, table.heads, table.rows, right=())
    yield from written(out, names)
