"""`lmu-hw regression`: what it lists and refuses, and that it runs what the packages offer."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import click
import pytest

from lmu_hw.cli.regression import REGRESSIONS
from lmu_hw.sim.regression import long_window, memory, network, pretrained, spiking
from tests.cli.conftest import Lmu

ROWS = {row.name: row for topic in REGRESSIONS.values() for row in topic}


def test_all_regressions_are_listed(lmu: Lmu) -> None:
    words = " ".join(lmu("regression").out.split())
    for row in ROWS.values():
        assert f"{row.name} {row.what} ({row.terms})" in words


@pytest.mark.parametrize("name", ROWS)
def test_every_regression_documents_its_options(lmu: Lmu, name: str) -> None:
    assert lmu("regression", name, "--help").status == 0
    assert all(option.help for option in ROWS[name].command().params if isinstance(option, click.Option))


def test_defaults_are_those_of_the_packages() -> None:
    def default(name: str, option: str) -> object:
        return next(each.default for each in ROWS[name].command().params if each.name == option)

    assert default("memory", "samples") == memory.Limits.samples
    assert default("memory", "order") == memory.Limits.order
    assert default("network", "steps") == network.NetworkLimits.steps
    assert default("long-window", "samples") == long_window.SAMPLES
    for name, function, options in (
        ("spiking", spiking.run_spiking_regression, ("samples", "cycles")),
        ("pretrained", pretrained.check_network, ("lanes", "sequences")),
    ):
        for option in options:
            assert default(name, option) == inspect.signature(function).parameters[option].default


def test_a_memory_is_checked_and_its_figures_are_kept(lmu: Lmu, tmp_path: Path) -> None:
    words = ["regression", "memory", "--designs", "1", "--samples", "40", "--order", "2", "--simulator", "icarus"]
    called = lmu(*words, "--json", "--out", "out", "--workdir", "builds")
    assert called.status == 0, called.err
    answer = called.answer
    assert answer["passed"] is True
    assert (answer["designs"], answer["mismatches"], answer["simulator"]) == (1, 0, "icarus")
    assert answer["samples"] >= 40
    assert "1/1 designs" in called.err
    assert any((tmp_path / "builds").iterdir())
    whole = json.loads((tmp_path / "out" / "memory.json").read_text(encoding="utf-8"))
    assert (whole["kind"], whole["result"]) == ("regression", answer)
    assert "icarus" in whole["versions"]


def test_a_word_that_differs_fails(lmu: Lmu, monkeypatch: pytest.MonkeyPatch) -> None:
    found = memory.RegressionResult(1, {"chain": 1}, 0, 0, 10, 10, 2, "icarus", ())
    monkeypatch.setattr(memory, "run_regression", lambda *_, **__: found)
    called = lmu("regression", "memory")
    assert called.status == 1
    assert called.err == "lmu-hw: 2 words differ from the integer model\n"
    assert "mismatches" in called.out


def test_networks_are_checked(lmu: Lmu) -> None:
    words = ["--networks", "1", "--steps", "12", "--simulator", "icarus", "--seed", "3"]
    answer = lmu("regression", "network", *words, "--json").answer
    assert answer["passed"] is True
    assert answer["words"] > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pretrained", "--network", "nothing"], "network must be one of"),
        (["formal", "--order", "0"], "order must be"),
        (["formal", "--cut", "nothing"], "cut must be one of accumulator, operand, product, state, got nothing"),
        (
            ["long-windw"],
            "there is no regression long-windw; did you mean long-window?",
        ),
    ],
)
def test_wrong_requests_are_refused(lmu: Lmu, words: list[str], said: str) -> None:
    called = lmu("regression", *words)
    assert called.status == 2
    assert said in called.err
