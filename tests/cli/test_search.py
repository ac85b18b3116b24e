"""`lmu-hw quantize --target-nrmse`: the cheapest design, its verification, the front and the errors."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.cli.conftest import Lmu

WORDS = ["quantize", "--order", 6, "--theta", 1, "--dt", 0.005]


@pytest.mark.parametrize("target", [3e-2, 1e-3])
def test_the_chosen_design_meets_the_target_against_the_ideal_memory(lmu: Lmu, target: float) -> None:
    answer = lmu(*WORDS, "--target-nrmse", target, "--json").answer
    fidelity = answer["fidelity"]
    assert answer["target_nrmse"] == target
    assert fidelity["reference"] == "ideal memory"
    assert fidelity["measured_nrmse"] <= target
    assert fidelity["predicted_nrmse"] <= target
    assert answer["nrmse"] <= target
    cheaper = [each for each in answer["front"] if each["work"] < fidelity["work"] and each["nrmse"] <= target]
    if cheaper:  # they were tried, and did not hold what was predicted
        for each in cheaper:
            words = ["--state-bits", each["state_bits"], "--coefficient-bits", each["coefficient_bits"]]
            words += ["--input-bits", each["input_bits"], "--discretization", each["discretization"]]
            assert lmu(*WORDS, *words, "--json").answer["nrmse"] > 0.7 * target


def test_the_front_is_written_and_the_command_builds_the_design(lmu: Lmu, tmp_path: Path) -> None:
    called = lmu(*WORDS, "--target-nrmse", 1e-2, "--out", "out", "--json")
    rows = list(csv.DictReader((tmp_path / "out" / "front.csv").open(encoding="utf-8")))
    assert [int(row["work"]) for row in rows] == [each["work"] for each in called.answer["front"]]
    assert [float(row["nrmse"]) for row in rows] == [each["nrmse"] for each in called.answer["front"]]
    assert (tmp_path / "out" / "front.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert (tmp_path / "out" / "plan.json").read_text(encoding="utf-8") == called.out
    shown = lmu(*WORDS, "--target-nrmse", 1e-2).out
    assert "Cheapest design that reaches the target" in shown
    design = called.answer["design"]
    again = lmu(
        *WORDS, "--discretization", design["discretization"], "--datapath", design["datapath"], "--json",
        "--input-bits", design["input_bits"], "--state-bits", design["state_bits"],
        "--coefficient-bits", design["coefficient_bits"],
    )  # fmt: skip
    assert again.answer["formats"] == called.answer["formats"]


def test_a_given_rule_is_held_against_its_own_exact_arithmetic(lmu: Lmu) -> None:
    answer = lmu(*WORDS, "--discretization", "euler", "--target-nrmse", 1e-4, "--json").answer
    assert answer["fidelity"]["reference"] == "euler in exact arithmetic"
    assert answer["fidelity"]["measured_nrmse"] <= 1e-4
    assert {each["discretization"] for each in answer["front"]} == {"euler"}
    refused = lmu(*WORDS, "--target-nrmse", 1e-6)
    assert (refused.status, refused.out) == (2, "")
    assert "the least that any method and width reaches in this band, got 1e-06" in refused.err


def test_a_narrower_band_needs_less(lmu: Lmu) -> None:
    wide, narrow = (lmu(*WORDS, "--target-nrmse", 1e-3, "--bandwidth", band, "--json").answer for band in (2.0, 0.5))
    assert narrow["fidelity"]["work"] < wide["fidelity"]["work"]
    assert narrow["fidelity"]["bandwidth_hz"] == 0.5


def test_the_clock_decides_the_lanes(lmu: Lmu) -> None:
    """Order 6, 200 samples a second: a slow clock takes more lanes than a fast one, and may be too slow."""
    chosen = [*WORDS, "--discretization", "euler", "--target-nrmse", 1e-2, "--json"]
    lanes = {clock: lmu(*chosen, "--clock", clock).answer["cost"] for clock in (1e4, 1200)}
    assert lanes[1e4]["lanes"] == 1 < lanes[1200]["lanes"]
    assert lanes[1200]["cycles_per_sample"] <= 1200 * 0.005
    refused = lmu(*chosen, "--clock", 100)
    assert refused.status == 2
    assert "clock must be at least" in refused.err


def test_search_keeps_a_given_input_width(lmu: Lmu) -> None:
    answer = lmu(*WORDS, "--target-nrmse", 1e-2, "--input-bits", 16, "--json").answer
    assert answer["formats"]["input"]["width"] == 16


def test_what_a_search_decides_gives_way_in_a_file_and_the_answer_says_so(lmu: Lmu, tmp_path: Path) -> None:
    text = "order = 6\ntheta = 1.0\ndt = 0.005\nstate_bits = 30\nerror_feedback = false\n"
    (tmp_path / "d.toml").write_text(text, encoding="utf-8")
    words = ["quantize", "--design", "d.toml", "--target-nrmse", 1e-2]
    answer, free = lmu(*words, "--json").answer, lmu(*WORDS, "--target-nrmse", 1e-2, "--json").answer
    assert answer["replaced"] == {"state_bits": 30, "error_feedback": False}
    assert answer["formats"] == free["formats"]
    assert answer["design"]["error_feedback"] is None
    assert free["replaced"] == {}
    shown = lmu(*words).out
    assert "in place of state_bits" in shown
    assert "30, of the design file" in shown
