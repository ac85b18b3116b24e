"""`lmu-hw demo`: real handwritten digits through the whole flow."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.analog.export.files import write_design
from lmu_hw.cli import derive, quantize
from lmu_hw.cli.cosim import circuit_beside
from lmu_hw.cli.cosim_report import failures
from lmu_hw.cli.demo_outcome import DigitsResult, Outcome, Part
from lmu_hw.cli.demo_report import demo_report, result_rows
from lmu_hw.cli.output import answer, grid, progress, render_json, staged, written
from lmu_hw.cli.report import write_report
from lmu_hw.cli.spice import design_circuit
from lmu_hw.core.legendre import Array
from lmu_hw.design.memory import Design
from lmu_hw.errors import CheckFailed
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.io.files import write_text
from lmu_hw.reference.classifier import MemoryClassifier, accuracy
from lmu_hw.reference.digits import DIGITS_SPEC, STEPS, Digits, LabelledSequences, fit_digits, load_digits
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.rtl.memory.verilog import generate_verilog
from lmu_hw.sim.cosim.memory import AnalogSetup, check_bound, cosimulate
from lmu_hw.sim.targets.memory import HarnessedMemory, Stimulus, run_streams

WEIGHT_BITS = 12
SCANNED_DIGITS = 12
STEPS_PER_PIXEL = 16

#: The three memories. The digits' pixels are multiples of 1/128, so 8 bits hold them exactly.
DIGITS = Design(
    order=DIGITS_SPEC.order,
    theta=DIGITS_SPEC.theta,
    dt=DIGITS_SPEC.dt,
    name="digits",
    input_bits=8,
    state_bits=12,
    lanes=32,
)
SMALL = Design(order=6, theta=0.01, dt=0.01 / STEPS, name="small_memory")
SCANNER = Design(order=48, theta=1e-4 * STEPS * STEPS_PER_PIXEL, dt=1e-4, discretization="ab2", name="scanner")


def run(simulator: str, seed: int, out: Path | None, as_json: bool) -> None:
    """Carry it all out, write and print; see `lmu_hw.cli.commands.demo`."""
    command = f"lmu-hw demo --simulator {simulator} --seed {seed}"
    with staged(out) as folder, progress() as bar, tempfile.TemporaryDirectory(prefix="lmu_hw_") as scratch:
        task = bar.add_task("digits: fit", total=10)

        def step(description: str) -> None:
            bar.update(task, advance=1, description=description)

        data = load_digits(seed)
        classifier, _ = fit_digits(data)
        step("digits: plan and Verilog")
        digits = _build(DIGITS, folder / "digits")
        step(f"digits: {data.test.labels.size} of them through the Verilog")
        classified = _classify(digits, classifier, data.test, Path(scratch) / "digits", simulator, seed)
        step("small memory: plan, Verilog, circuit")
        small = _build(SMALL, folder / "small")
        circuit = design_circuit(SMALL)
        write_design(circuit, folder / "circuit", f"lmu-hw spice {SMALL.flags()}")
        step("small memory: gates and circuit in one simulation")
        small_result = cosimulate(
            small.plan,
            data.test.sequences[0],
            workdir=Path(scratch) / "small",
            simulator=simulator,
            seed=seed,
            analog=AnalogSetup(circuit_beside(SMALL)),
            waves=True,
            design=small.verilog,
        )
        if small_result.waveform is not None:
            shutil.copy(small_result.waveform, folder / "small" / f"{SMALL.name}{small_result.waveform.suffix}")
        step("chain: plan and Verilog")
        scanner = _build(SCANNER, folder / "scanner")
        step("chain: a scan of twelve digits")
        scanner_result = cosimulate(
            scanner.plan,
            scan(data),
            workdir=Path(scratch) / "scanner",
            simulator=simulator,
            seed=seed,
            design=scanner.verilog,
        )
        step("report")
        outcome = Outcome(data, digits, classified, small, circuit, small_result, scanner, scanner_result, command)
        result = outcome.to_dict()
        names = ["digits/", "small/", "circuit/", "scanner/", "results.json", "report.html"]
        if out is not None:
            derive.write_system(DIGITS, folder / "digits")
            write_text(folder / "results.json", render_json(result))
            write_report(folder / "report.html", demo_report(outcome))
    answer(result, _shown(outcome, out, names), as_json=as_json)
    if not outcome.passed:
        raise CheckFailed(_complaint(outcome))


def scan(data: Digits) -> Array:
    """White paper, then twelve held-out digits as a scanner reads them, row after row, to and fro.

    From pixel to pixel it takes 16 steps, between which the samples are interpolated. Shape (13·64·16,).
    """
    inverse = np.argsort(data.permutation)
    rows = data.test.sequences[:SCANNED_DIGITS, inverse].reshape(-1, 8, 8).copy()
    rows[:, 1::2] = rows[:, 1::2, ::-1]
    pixels = np.concatenate([np.full(STEPS, rows.min()), rows.ravel()])
    position = np.arange(1, pixels.size * STEPS_PER_PIXEL + 1) / STEPS_PER_PIXEL
    return np.asarray(np.interp(position, np.arange(1, pixels.size + 1), pixels), dtype=np.float64)


def _build(design: Design, folder: Path) -> Part:
    """Plan a memory, generate its Verilog, and write both."""
    plan = design.plan()
    made = generate_verilog(plan, name=design.name, lanes=design.lanes, command=f"lmu-hw verilog {design.flags()}")
    made.write(folder)
    measured = quantize.measure(plan, design.seed)
    write_text(folder / "plan.json", render_json(quantize.describe(design, plan, measured)))
    return Part(design, plan, made)


def _classify(
    part: Part, classifier: MemoryClassifier, held_out: LabelledSequences, workdir: Path, simulator: str, seed: int
) -> DigitsResult:
    integers = classifier.quantize(part.plan, WEIGHT_BITS)
    codes = part.plan.input_format.encode(held_out.sequences)
    memory = HarnessedMemory(part.plan, Stimulus(codes, seed=seed), part.verilog)
    words = IntegerMemory(part.plan).run(codes)
    stream = run_streams([memory], workdir=workdir, simulator=simulator, seed=seed, expected=[words])
    fixed = integers.readout.classify(words[:, -1])
    rtl = integers.readout.classify(stream.words[0][:, -1]) if stream.words else None
    score = stream.scores[0] if stream.scores else None
    return DigitsResult(
        held_out=held_out.labels.size,
        accuracy_float=accuracy(classifier.classify(held_out.sequences), held_out.labels),
        accuracy_fixed=accuracy(fixed, held_out.labels),
        accuracy_rtl=None if rtl is None else accuracy(rtl, held_out.labels),
        different_predictions=None if rtl is None else int(np.sum(fixed != rtl)),
        samples=score.sent if score else 0,
        beats=score.checked if score else 0,
        mismatches=score.mismatches if score else int(codes.size),
        messages=stream.bench.messages,
        bound=check_bound(
            part.plan, part.plan.output_format.decode(words), FloatMemory(part.plan.spec).run(held_out.sequences)
        ),
    )


def _complaint(outcome: Outcome) -> str:
    classified = outcome.classified
    parts = []
    if not classified.passed:
        found = "; ".join(classified.messages) or f"{classified.mismatches} mismatches"
        parts.append(f"digits: {found}, {classified.different_predictions} answers differ")
    for name, result in (("small memory", outcome.small_result), ("scanner", outcome.scanner_result)):
        if not result.passed:
            parts.append(f"{name}: {failures(result)}")
    return "; ".join(parts)


def _shown(outcome: Outcome, out: Path | None, names: list[str]) -> Iterator[Any]:
    yield grid(
        f"{outcome.classified.held_out} held-out handwritten digits, and what else was checked",
        ["", "digits", "small memory", "scanner"],
        result_rows(outcome),
        right=(),
    )
    yield "every check held" if outcome.passed else "A CHECK FAILED"
    yield from written(out, names)
