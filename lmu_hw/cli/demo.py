"""`lmu-hw demo`: real handwritten digits through the whole flow."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.analog.export.files import write_design
from lmu_hw.cli import derive, quantize
from lmu_hw.cli.cosim import circuit_beside, circuit_beside_memory, design_rows
from lmu_hw.cli.cosim_report import checks_table, failures, figures
from lmu_hw.cli.output import answer, format_number, grid, percent, progress, render_json, staged, written
from lmu_hw.cli.plots import digit_plot, scan_plot
from lmu_hw.cli.report import FigureData, Report, Section, TableData, write_report
from lmu_hw.cli.spice import design_circuit
from lmu_hw.core.legendre import Array, readout
from lmu_hw.design.memory import Design
from lmu_hw.design.usage import effective_flags
from lmu_hw.errors import CheckFailed, MissingToolError
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.io.files import write_text
from lmu_hw.io.schema import schema_id
from lmu_hw.reference.classifier import MemoryClassifier, accuracy
from lmu_hw.reference.digits import DIGITS_SPEC, STEPS, Digits, LabelledSequences, fit_digits, load_digits
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.rtl.memory.verilog import VerilogDesign, generate_verilog
from lmu_hw.sim.cosim.memory import BoundCheck, CosimResult, check_bound, cosimulate
from lmu_hw.sim.hdl.runner import Simulator, available
from lmu_hw.sim.targets.memory import HarnessedMemory, Stimulus, run_streams

WEIGHT_BITS = 12
SCANNED_DIGITS = 12
STEPS_PER_PIXEL = 16
#: The held-out digits that go through the Verilog; None for all. Icarus interprets what Verilator compiles, and was not
#: done with all of them in a quarter of an hour.
DIGITS_IN_VERILOG: Mapping[Simulator, int | None] = MappingProxyType({Simulator.VERILATOR: None, Simulator.ICARUS: 40})
_STEPS = 8  # that the progress display counts

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

_DIGITS_TEXT = (
    "scikit-learn's 1,797 scans of handwritten digits, 8 × 8 pixels each, become sequences of 64 samples: their pixels "
    "in one random order that is the same for all. A memory of 64 states takes a sequence in, and a linear readout of "
    "its last state names the digit. The readout was fitted in closed form on the digits that are not held out; its "
    "weights have 12 bits in the fixed-point forms. Every state word of every step of every held-out digit that the "
    "Verilog gave was compared with the integer model's."
)
_SMALL_TEXT = (
    "Six states twice, in one simulation: as gates, from the generated Verilog, and as a circuit of op-amps, resistors "
    "and capacitors that ngspice simulates in lock-step with them. Both get the first held-out digit's sequence, 64 "
    "samples spread over a window of 10 ms. The op-amps are single-pole macro-models with a gain-bandwidth product of "
    "10 MHz."
)
_SCANNER_TEXT = (
    "With only 64 steps to the window, explicit steps are stable up to about 20 states, so the digits took the dense "
    "product, d² multiplications a sample. The chain needs d, on a finer grid. Its recording is made from the real "
    "scans, not measured with an instrument: white paper and then the first twelve held-out digits as a scanner would "
    "read them, row after row, to and fro, with 16 interpolated steps from pixel to pixel. The window is 1,024 steps, "
    "one digit long."
)


@dataclass(frozen=True)
class DigitsResult:
    """How the digits were classified.

    Attributes:
        held_out: The number of digits that were classified.
        in_verilog: The number of them that went through the Verilog, the first ones.
        accuracy_float, accuracy_fixed: The shares of right answers in float64 and in integers.
        accuracy_rtl: The share of right answers among those that went through the Verilog.
        different_predictions: The number of digits that the integer model and the Verilog classify differently.
        samples: The number of samples that the Verilog was sent.
        beats: The number of beats that were compared with the integer model.
        mismatches: The number of beats that differed.
        messages: The messages of the bench.
        bound: The deviation of fixed from float against its bound, over all states of all digits.
    """

    held_out: int
    in_verilog: int
    accuracy_float: float
    accuracy_fixed: float
    accuracy_rtl: float | None
    different_predictions: int | None
    samples: int
    beats: int
    mismatches: int
    messages: tuple[str, ...]
    bound: BoundCheck

    @property
    def passed(self) -> bool:
        """Whether the Verilog gave every word and every answer of the integer model, within the bound."""
        return self.mismatches == 0 and self.different_predictions == 0 and self.bound.passed and not self.messages


@dataclass(frozen=True)
class Part:
    """One memory of the demonstration: its design, its plan and its Verilog."""

    design: Design
    plan: MemoryPlan
    verilog: VerilogDesign


@dataclass(frozen=True)
class Outcome:
    """What the demonstration made and measured, which the report shows."""

    data: Digits
    digits: Part
    classified: DigitsResult
    small: Part
    circuit: AnalogDesign
    small_result: CosimResult
    scanner: Part
    scanner_result: CosimResult
    command: str

    @property
    def passed(self) -> bool:
        """Whether every check held."""
        return self.classified.passed and self.small_result.passed and self.scanner_result.passed

    def to_dict(self) -> dict[str, Any]:
        """The measured figures as plain values."""
        classified = self.classified
        return {
            "schema": schema_id("demo"),
            "command": self.command,
            "held_out": classified.held_out,
            "in_verilog": classified.in_verilog,
            "accuracy": {
                "float": classified.accuracy_float,
                "fixed": classified.accuracy_fixed,
                "rtl": classified.accuracy_rtl,
            },
            "different_predictions": classified.different_predictions,
            "digital": {
                "samples": classified.samples,
                "beats": classified.beats,
                "mismatches": classified.mismatches,
                "messages": list(classified.messages),
            },
            "fixed_vs_float": vars(classified.bound),
            "multiplications_per_sample": self.digits.plan.multiplications_per_sample,
            "cycles_per_sample": self.digits.verilog.manifest["cycles_per_sample"],
            "small": _figures(self.small, self.small_result),
            "scanner": _figures(self.scanner, self.scanner_result),
            "passed": self.passed,
        }


def _figures(part: Part, result: CosimResult) -> dict[str, Any]:
    return {
        **result.to_dict(),
        "multiplications_per_sample": part.plan.multiplications_per_sample,
        "cycles_per_sample": part.verilog.manifest["cycles_per_sample"],
    }


def usable_simulator() -> str:
    """Verilator, or Icarus Verilog where Verilator lacks something and Icarus does not.

    Raises:
        MissingToolError: Neither works; the message is about Verilator.
    """
    try:
        available(Simulator.VERILATOR)
    except MissingToolError:
        try:
            available(Simulator.ICARUS)
        except MissingToolError:
            pass
        else:
            return str(Simulator.ICARUS)
        raise
    return str(Simulator.VERILATOR)


def run(simulator: str | None, seed: int, out: Path | None, as_json: bool) -> None:
    """Carry out the demonstration, write its files and print its figures; see `lmu_hw.cli.commands.demo`.

    Args:
        simulator: The HDL simulator; None for one that works.
        seed: The seed of everything that is random.
        out: The folder for the files; None for no files.
        as_json: Whether to print one JSON object.
    """
    simulator = simulator or usable_simulator()
    command = f"lmu-hw demo --simulator {simulator} --seed {seed}"
    with staged(out) as folder, progress() as bar, tempfile.TemporaryDirectory(prefix="lmu_hw_") as scratch:
        task = bar.add_task("digits", total=_STEPS)
        bench = _Bench(
            folder, Path(scratch), simulator, seed, lambda what: bar.update(task, advance=1, description=what)
        )
        data = load_digits(seed)
        digits, classified = _digits(bench, data)
        small, circuit, small_result = _small_memory(bench, data)
        scanner, scanner_result = _scanner(bench, data)
        bench.told("report")
        outcome = Outcome(data, digits, classified, small, circuit, small_result, scanner, scanner_result, command)
        result = outcome.to_dict()
        names = ["digits/", "small/", "circuit/", "scanner/", "results.json", "report.html"]
        if out is not None:
            derive.write_system(DIGITS, folder / "digits")
            write_text(folder / "results.json", render_json(result))
            write_report(folder / "report.html", _report(outcome))
    answer(result, _shown(outcome, out, names), as_json=as_json)
    if not outcome.passed:
        raise CheckFailed(_complaint(outcome))


@dataclass(frozen=True)
class _Bench:
    """The folder of the demonstration, its simulator, and its progress display."""

    folder: Path
    scratch: Path
    simulator: str
    seed: int
    told: Callable[[str], None]

    def cosimulate(self, part: Part, samples: Array, **more: Any) -> CosimResult:
        """Run a memory of the demonstration over samples in every form."""
        return cosimulate(
            part.plan,
            samples,
            workdir=self.scratch / part.design.name,
            simulator=self.simulator,
            seed=self.seed,
            design=part.verilog,
            **more,
        )


def _digits(bench: _Bench, data: Digits) -> tuple[Part, DigitsResult]:
    """Classify the held-out digits in float64, in integers and in Verilog."""
    bench.told("digits: fit")
    classifier, _ = fit_digits(data)
    bench.told("digits: plan and Verilog")
    part = _build(DIGITS, bench.folder / "digits")
    count = DIGITS_IN_VERILOG[Simulator(bench.simulator)] or data.test.labels.size
    bench.told(f"digits: {count} of them through the Verilog")
    return part, _classify(part, classifier, data.test, count, bench)


def _small_memory(bench: _Bench, data: Digits) -> tuple[Part, AnalogDesign, CosimResult]:
    """Run a small memory as gates and as a circuit in one simulation."""
    bench.told("small memory: plan, Verilog, circuit")
    part = _build(SMALL, bench.folder / "small")
    circuit = design_circuit(SMALL)
    write_design(circuit, bench.folder / "circuit", f"lmu-hw spice {effective_flags('spice', SMALL)}")
    bench.told("small memory: gates and circuit in one simulation")
    u = data.test.sequences[0]
    setup = circuit_beside_memory(circuit_beside(SMALL), SMALL.spec(), u, None)
    result = bench.cosimulate(part, u, analog=setup, waves=True)
    if result.waveform is not None:
        shutil.copy(result.waveform, bench.folder / "small" / f"{SMALL.name}{result.waveform.suffix}")
    return part, circuit, result


def _scanner(bench: _Bench, data: Digits) -> tuple[Part, CosimResult]:
    """Run the chain over a scan of twelve digits."""
    bench.told("chain: plan and Verilog")
    part = _build(SCANNER, bench.folder / "scanner")
    bench.told("chain: a scan of twelve digits")
    return part, bench.cosimulate(part, scan(data))


def scan(data: Digits) -> Array:
    """The recording of a scanner that reads white paper and then twelve held-out digits, row by row, to and fro.

    It takes 16 steps from pixel to pixel, between which the samples are interpolated; the shape is (13·64·16,).
    """
    inverse = np.argsort(data.permutation)
    rows = data.test.sequences[:SCANNED_DIGITS, inverse].reshape(-1, 8, 8).copy()
    rows[:, 1::2] = rows[:, 1::2, ::-1]
    pixels = np.concatenate([np.full(STEPS, rows.min()), rows.ravel()])
    position = np.arange(1, pixels.size * STEPS_PER_PIXEL + 1) / STEPS_PER_PIXEL
    return np.asarray(np.interp(position, np.arange(1, pixels.size + 1), pixels), dtype=np.float64)


def _build(design: Design, folder: Path) -> Part:
    """Plan a memory, generate its Verilog, and write both to a folder."""
    plan = design.plan()
    made = generate_verilog(
        plan, name=design.name, lanes=design.lanes, command=f"lmu-hw verilog {effective_flags('verilog', design)}"
    )
    made.write(folder)
    measured = quantize.measure(plan, design.seed)
    write_text(folder / "plan.json", render_json(quantize.describe(design, plan, measured)))
    return Part(design, plan, made)


def _classify(
    part: Part, classifier: MemoryClassifier, held_out: LabelledSequences, count: int, bench: _Bench
) -> DigitsResult:
    """Classify digits in float64 and in integers, and the first `count` of them in Verilog."""
    integers = classifier.quantize(part.plan, WEIGHT_BITS)
    codes = part.plan.input_format.encode(held_out.sequences)
    memory = HarnessedMemory(part.plan, Stimulus(codes[:count], seed=bench.seed), part.verilog)
    words = IntegerMemory(part.plan).run(codes)
    stream = run_streams(
        [memory],
        workdir=bench.scratch / part.design.name,
        simulator=bench.simulator,
        seed=bench.seed,
        expected=[words[:count]],
    )
    fixed = integers.readout.classify(words[:, -1])
    rtl = integers.readout.classify(stream.words[0][:, -1]) if stream.words else None
    score = stream.scores[0] if stream.scores else None
    return DigitsResult(
        held_out=held_out.labels.size,
        in_verilog=count,
        accuracy_float=accuracy(classifier.classify(held_out.sequences), held_out.labels),
        accuracy_fixed=accuracy(fixed, held_out.labels),
        accuracy_rtl=None if rtl is None else accuracy(rtl, held_out.labels[:count]),
        different_predictions=None if rtl is None else int(np.sum(fixed[:count] != rtl)),
        samples=score.sent if score else 0,
        beats=score.checked if score else 0,
        mismatches=score.mismatches if score else int(codes[:count].size),
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
        _result_rows(outcome),
        right=(),
    )
    yield "every check held" if outcome.passed else "A CHECK FAILED"
    yield from written(out, names)


def _result_rows(outcome: Outcome) -> list[Sequence[str]]:
    """The rows of the table of results, with a column for each memory: digits, small memory, scanner."""
    classified, small, scanner = outcome.classified, outcome.small_result, outcome.scanner_result
    parts = (outcome.digits, outcome.small, outcome.scanner)
    bounds = (classified.bound, small.fixed_vs_float, scanner.fixed_vs_float)
    rtl = "–" if classified.accuracy_rtl is None else percent(classified.accuracy_rtl)
    analog = "–" if small.analog is None else percent(small.analog.nrmse)
    return [
        ("states", *(str(part.plan.spec.order) for part in parts)),
        ("window", *(f"{part.plan.spec.ratio:,.6g} steps" for part in parts)),
        ("datapath", *(f"{part.plan.datapath}, {part.plan.spec.discretization}" for part in parts)),
        ("state word", *(f"{part.plan.state_format.width} bits" for part in parts)),
        ("accuracy, float64", percent(classified.accuracy_float), "", ""),
        ("accuracy, fixed point", percent(classified.accuracy_fixed), "", ""),
        (f"accuracy, Verilog ({classified.in_verilog:,} digits)", rtl, "", ""),
        ("answers that differ, Verilog – model", _count(classified.different_predictions), "", ""),
        (
            "state words checked",
            *(f"{n:,}" for n in _words(outcome)),
        ),
        (
            "words that differ, Verilog – model",
            str(classified.mismatches),
            str(small.digital.mismatches),
            str(scanner.digital.mismatches),
        ),
        ("largest error, fixed – float", *(format_number(bound.max_error) for bound in bounds)),
        ("its proved bound", *(format_number(bound.bound) for bound in bounds)),
        ("NRMSE, circuit – float", "", analog, ""),
        ("multiplications per sample", *(f"{part.plan.multiplications_per_sample:,}" for part in parts)),
        ("cycles per sample", *(f"{part.verilog.manifest['cycles_per_sample']:,}" for part in parts)),
        ("multipliers", *(str(part.design.lanes) for part in parts)),
    ]


def _report(outcome: Outcome) -> Report:
    """The report on all parts of the demonstration."""
    return Report(
        title="Handwritten digits through a Legendre memory in hardware",
        subtitle="One specification as numbers, as gates and as a circuit, compared with one another.",
        command=outcome.command,
        passed=outcome.passed,
        sections=[
            Section(
                "Result",
                (),
                [TableData("", ("", "digits", "small memory", "scanner"), _result_rows(outcome))],
            ),
            Section(
                "The digits",
                (_DIGITS_TEXT,),
                [TableData("", (), design_rows(outcome.digits.plan, outcome.digits.verilog.manifest))],
                [_digit_figure(outcome)],
            ),
            Section(
                "A small memory as gates and as a circuit",
                (_SMALL_TEXT,),
                [checks_table(outcome.small_result)],
                figures(outcome.small.plan, outcome.small_result, outcome.circuit),
            ),
            Section(
                "The chain on a longer recording",
                (_SCANNER_TEXT,),
                [checks_table(outcome.scanner_result)],
                [_scan_figure(outcome), *figures(outcome.scanner.plan, outcome.scanner_result, None)],
            ),
        ],
    )


def _words(outcome: Outcome) -> tuple[int, int, int]:
    digital = (outcome.classified.beats, outcome.small_result.digital.beats, outcome.scanner_result.digital.beats)
    lanes = (outcome.digits.design.lanes, outcome.small.design.lanes, outcome.scanner.design.lanes)
    a, b, c = (beats * words for beats, words in zip(digital, lanes, strict=True))
    return a, b, c


def _count(value: int | None) -> str:
    return "–" if value is None else str(value)


def _digit_figure(outcome: Outcome) -> FigureData:
    data = outcome.data
    sequence = data.test.sequences[0]
    image = sequence[np.argsort(data.permutation)].reshape(8, 8)
    caption = "The first held-out digit and what the memories get of it: its pixels in the permuted order, as samples."
    label = int(data.test.labels[0])
    return FigureData.drawn("A digit as a sequence", caption, digit_plot, image, sequence, label)


def _scan_figure(outcome: Outcome) -> FigureData:
    """The figure of the window decoded at the end of each digit, laid out as the image that was read."""
    spec, result = outcome.scanner.plan.spec, outcome.scanner_result
    steps = round(spec.ratio)
    side = 8
    pixels = side * side
    ends = np.arange(2 * steps, result.time.size + 1, steps) - 1  # the first window is white paper
    # Pixel k of the last window ended (pixels − 1 − k) pixels ago.
    decode = readout(spec.order, np.arange(pixels - 1, -1, -1) / pixels)
    originals = result.samples.reshape(-1, pixels, steps // pixels)[1:, :, -1]
    forms = {
        "input": originals,
        "float": result.states_float[ends] @ decode.T,
        "Verilog": (result.states_fixed if result.states_rtl is None else result.states_rtl)[ends] @ decode.T,
    }
    images = {}
    for form, values in forms.items():
        image = values.reshape(-1, side, side).copy()
        image[:, 1::2] = image[:, 1::2, ::-1]
        images[form] = image
    caption = (
        f"What the chain remembers when the last pixel of each digit has gone in: {spec.order} numbers decoded into "
        f"the {pixels} pixels of the window. They hold some {spec.order / np.pi:.0f} cycles; two strokes to a row, as "
        "in a 0, make 16 and blur."
    )
    return FigureData.drawn("Digits in the memory", caption, scan_plot, images)
