"""The network bench on a design written by hand: it passes where all is right, and nothing wrong gets through."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import QFormat
from lmu_hw.networks.model import Output
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.plan import (
    ActivationPlan,
    AffinePlan,
    Kind,
    LayerPlan,
    NetworkPlan,
    Segment,
    Source,
)
from lmu_hw.reference.definition import Activation
from lmu_hw.rtl.memory.verilog import VerilogDesign
from lmu_hw.sim.targets.harness import harness_verilog
from lmu_hw.sim.targets.network import (
    HarnessedNetwork,
    NetworkStimulus,
    in_batch_order,
    running_argmax,
)
from lmu_hw.sim.targets.run import Run, run_targets

FORM = QFormat(6, 0)
COUNT = 3  # words of x and of y
WIDTHS = {
    "clk": 1,
    "rst": 1,
    "in_valid": 1,
    "in_ready": 1,
    "in_first": 1,
    "in_last": 1,
    "out_valid": 1,
    "out_ready": 1,
    "in_data": 6,
    "out_data": 6,
    "out_index": 2,
    "out_argmax": 2,
    "out_sequence": 1,
    "out_first": 1,
    "out_last": 1,
}

ECHO = f"""
module echo (
  input wire clk, input wire rst, input wire in_valid, output wire in_ready, input wire signed [5:0] in_data,
  input wire in_first, input wire in_last, output reg out_valid, input wire out_ready, output reg signed [5:0] out_data,
  output reg [1:0] out_index, output reg [1:0] out_argmax, output reg out_sequence,
  output reg out_first, output reg out_last);
  reg [1:0] index; reg place; reg signed [5:0] best;
  wire rises = index == 0 || in_data > best;  // here
  assign in_ready = !out_valid || out_ready;
  always @(posedge clk) begin
    if (out_ready) out_valid <= 0;
    if (in_valid && in_ready) begin
      out_valid <= ANSWERED; out_data <= in_data; out_index <= index; out_sequence <= place;
      out_first <= in_first; out_last <= in_last;
      if (rises) begin best <= in_data; out_argmax <= index; end
      index <= index == {COUNT - 1} ? 0 : index + 1;
      if (index == {COUNT - 1}) place <= !place;
    end
    if (rst) begin index <= 0; place <= 0; out_valid <= 0; end
  end
endmodule
"""


def echo(output: Output, *edits: tuple[str, str], reset: str = "first") -> VerilogDesign:
    """y = x, for two sequences side by side."""
    text = ECHO.replace("ANSWERED", "1'b1" if output is Output.SEQUENCE else "in_last")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    ports = [{"name": name, "width": width} for name, width in WIDTHS.items()]
    return VerilogDesign("echo", text, {"ports": ports, "sequences": 2, "reset": reset, "cycles_per_last_step": 6})


def plan(output: Output) -> NetworkPlan:
    zeros = np.zeros(COUNT, dtype=np.int64)
    segment = Segment(Source(Kind.INPUT), FORM, np.eye(COUNT, dtype=np.int64), zeros, zeros)
    affine = AffinePlan((segment,), zeros, QFormat(8, 0), FORM)
    none = np.zeros(0, dtype=np.int64)
    activation = ActivationPlan(Activation.IDENTITY, FORM, FORM, none, none, 0, 0, 0.0)
    layer = LayerPlan("layer 0 (dense)", None, None, affine, activation, np.zeros(0))
    return NetworkPlan((layer,), COUNT, FORM, output)


def stimulus(rng: np.random.Generator, *lengths: list[int]) -> NetworkStimulus:
    rows = [[rng.integers(FORM.low, FORM.high + 1, (n, COUNT)) for n in row] for row in lengths]
    return NetworkStimulus.side_by_side(rows)


def bench(tmp_path, rng, design: VerilogDesign, output: Output = Output.LAST, **options) -> Run:
    sent = stimulus(rng, [4, 1, 5], [2, 2, 6]).with_traffic(0.3, 0.4, seed=5)
    return run_targets([HarnessedNetwork(plan(output), sent, design)], workdir=tmp_path, simulator="icarus", **options)


@pytest.mark.parametrize("output", list(Output))
def test_the_right_design_passes(output, rng, tmp_path):
    """Sequences of different lengths side by side, gaps and back-pressure."""
    run = bench(tmp_path, rng, echo(output), output)
    assert run.bench.messages == ()
    assert run.passed
    answered = 6 if output is Output.LAST else 20
    assert (run.scores[0].sent, run.scores[0].checked) == (20, COUNT * answered)
    answers = run.recorded[0]
    assert answers.words.shape == (answered, COUNT)
    np.testing.assert_array_equal(answers.classes, np.argmax(answers.words, axis=1))
    assert np.all(np.diff(answers.cycles[:, -1]) >= 1)


@pytest.mark.parametrize("output", list(Output))
def test_a_batch_comes_back_in_order(output, rng, tmp_path):
    """Three sequences in places for two: the last round is filled with zeros, which are checked and dropped."""
    codes = rng.integers(FORM.low, FORM.high + 1, (3, 4, COUNT))
    network = HarnessedNetwork(plan(output), NetworkStimulus.of_batch(codes, 2), echo(output))
    run = run_targets([network], workdir=tmp_path, simulator="icarus")
    assert run.scores[0].sent == 16
    words = in_batch_order(run.words[0], codes.shape, 2, output)
    np.testing.assert_array_equal(words, codes if output is Output.SEQUENCE else codes[:, -1])
    np.testing.assert_array_equal(words, IntegerNetwork(network.plan).run(codes))


def test_cycles_are_counted_from_the_first_word(rng, tmp_path):
    """Without gaps the echo takes a word a cycle and gives it back in the next one."""
    codes = rng.integers(FORM.low, FORM.high + 1, (6, 4, COUNT))
    network = HarnessedNetwork(plan(Output.LAST), NetworkStimulus.of_batch(codes, 2), echo(Output.LAST))
    run = run_targets([network], workdir=tmp_path, simulator="icarus")
    period = 4 * 2 * COUNT
    ends = [k * period + place * COUNT for k in (1, 2, 3) for place in (-1, 0)]
    assert run.recorded[0].cycles[:, -1].tolist() == ends


WRONG = {
    "dead": ("out_valid <= in_last", "out_valid <= 1'b0", "18 of 18 beats never came"),
    "losing": ("out_valid <= in_last", "out_valid <= in_last && index != 1", "index 1"),
    "talkative": ("out_valid <= in_last", "out_valid <= in_last || in_first", "last 0"),
    "wrong_bit": ("out_data <= in_data;", "out_data <= in_data ^ (place & (index == 2));", "index 2"),
    "wrong_class": ("in_data > best", "in_data >= best", "argmax 2"),
    "wrong_sequence": ("out_sequence <= place", "out_sequence <= 0", "sequence 1"),
    "wrong_first": ("out_first <= in_first", "out_first <= 0", "first 1"),
    "wrong_last": ("out_last <= in_last", "out_last <= 0", "last 1"),
    "impatient": ("if (out_ready) out_valid", "if (1) out_valid", ""),
    "undefined": ("out_index <= index", "out_index <= index == 0 ? 2'bx : index", "undefined"),
}


def test_wrong_designs_are_found(rng, tmp_path):
    sent = stimulus(rng, [4, 1, 5], [2, 2, 6]).with_traffic(0.3, 0.4, seed=5)
    sent.codes[sent.last] = np.array([3, 7, 7])  # equals: the first of them must win
    names = ["right", *WRONG]
    networks = [
        HarnessedNetwork(plan(Output.LAST), sent, echo(Output.LAST, *[WRONG[n][:2] for n in [name] if n in WRONG]))
        for name in names
    ]
    networks = [
        replace(network, design=replace(network.design, name=name, text=network.design.text.replace("echo", name)))
        for name, network in zip(names, networks, strict=True)
    ]
    run = run_targets(networks, workdir=tmp_path, simulator="icarus")
    assert not run.passed
    assert run.recorded == ()
    scores = dict(zip(names, run.scores, strict=True))
    assert [name for name, score in scores.items() if score.passed] == ["right"]
    for name, (_, _, words) in WRONG.items():
        assert words in scores[name].first_mismatch, name


def test_a_beat_that_changes_while_it_waits_is_found(rng, tmp_path):
    """Every beat that is taken is right."""
    edits = [
        ("output reg signed [5:0] out_data", "output wire signed [5:0] out_data"),
        ("reg [1:0] index;", "reg [1:0] index; reg signed [5:0] held; assign out_data = held ^ !out_ready;"),
        ("out_data <= in_data", "held <= in_data"),
    ]
    run = bench(tmp_path, rng, echo(Output.LAST, *edits))
    assert [score.passed for score in run.scores] == [True]
    assert not run.passed
    assert "changed, withdrawn or sent twice" in run.bench.messages[0]


def test_a_changed_expectation_is_found(tmp_path):
    """The comparison has no tolerance: one code in one word is enough."""
    sent = stimulus(np.random.default_rng(1), [4, 1, 5], [2, 2, 6])
    network = HarnessedNetwork(plan(Output.LAST), sent, echo(Output.LAST))
    words = network.model_words()
    assert run_targets([network], workdir=tmp_path, simulator="icarus", expected=[words]).passed
    words[2, 1] ^= 1
    run = run_targets([network], workdir=tmp_path, simulator="icarus", expected=[words])
    assert not run.passed
    assert run.scores[0].mismatches >= 1


def test_reset_in_mid_stream_starts_over(rng, tmp_path):
    assert bench(tmp_path, rng, echo(Output.LAST), resets=[7, 30]).passed


def test_the_running_class_is_the_first_of_the_largest(rng):
    words = rng.integers(0, 3, (200, 7))
    each = [[int(np.argmax(row[: k + 1])) for k in range(7)] for row in words]
    np.testing.assert_array_equal(running_argmax(words), each)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda rng: NetworkStimulus.side_by_side([[np.zeros((2, 3))], [np.zeros((3, 3))]]), "same number of steps"),
        (lambda rng: stimulus(rng, [2]).with_traffic(1.0, 0.0, 1), "gap must be a share from 0 to 0.9"),
        (
            lambda rng: HarnessedNetwork(plan(Output.LAST), stimulus(rng, [2]), echo(Output.LAST)),
            r"codes must be of shape \(steps, 2, 3\)",
        ),
        (
            lambda rng: HarnessedNetwork(
                plan(Output.LAST), NetworkStimulus.of_batch(np.full((2, 1, 3), 99), 2), echo(Output.LAST)
            ),
            "codes must be within the 6 bits of the input",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, words, rng):
    with pytest.raises(DesignError, match=words):
        make(rng)


def test_an_input_that_nothing_drives_is_refused(rng):
    design = echo(Output.LAST)
    ports = [*design.manifest["ports"], {"name": "in_parity", "direction": "input", "width": 1}]
    odd = replace(design, manifest=design.manifest | {"ports": ports})
    with pytest.raises(DesignError, match=r"inputs of echo must be among those that are driven, got \['in_parity'\]"):
        harness_verilog([HarnessedNetwork(plan(Output.LAST), stimulus(rng, [2], [2]), odd)])


def test_a_reference_needs_a_proved_bound(rng, tmp_path):
    network = HarnessedNetwork(plan(Output.LAST), stimulus(rng, [2], [2]), echo(Output.LAST))
    object.__setattr__(network, "reference", network.model_words().astype(np.float64))
    with pytest.raises(DesignError, match="float reference must be of a target with a proved bound, got echo"):
        run_targets([network], workdir=tmp_path, simulator="icarus")
