"""The page that the demonstration ends with, and the table that it shares with the terminal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lmu_hw.cli.cosim import design_rows
from lmu_hw.cli.cosim_report import checks_table, figures, percent
from lmu_hw.cli.demo_outcome import Outcome
from lmu_hw.cli.output import format_number
from lmu_hw.cli.plots import digit_plot, scan_plot
from lmu_hw.cli.report import FigureData, Report, Section, TableData
from lmu_hw.core.legendre import readout

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


def result_rows(outcome: Outcome) -> list[Sequence[str]]:
    """One column for each memory: digits, small memory, scanner."""
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
        ("accuracy, Verilog", rtl, "", ""),
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


def demo_report(outcome: Outcome) -> Report:
    """The page."""
    return Report(
        title="Handwritten digits through a Legendre memory in hardware",
        subtitle="One specification as numbers, as gates and as a circuit, compared with one another.",
        command=outcome.command,
        passed=outcome.passed,
        sections=[
            Section(
                "Result",
                (),
                [TableData("", ("", "digits", "small memory", "scanner"), result_rows(outcome))],
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
    return FigureData("A digit as a sequence", caption, digit_plot(image, sequence, int(data.test.labels[0])))


def _scan_figure(outcome: Outcome) -> FigureData:
    """The window decoded at the end of each digit, laid out as the image that was read."""
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
    return FigureData("Digits in the memory", caption, scan_plot(images))
