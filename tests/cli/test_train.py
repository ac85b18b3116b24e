"""`lmu-hw train`: tasks, files, resumption, errors."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")  # compilation is most of these tests' time

import lmu_hw.cli.train as cli
from lmu_hw.networks.file import load_network
from lmu_hw.training.tasks import table
from lmu_hw.training.tasks.base import Outcome, Run
from lmu_hw.training.tasks.table import TASKS, Task
from lmu_hw.training.tasks.table import Delay as DelayTask
from tests.cli.conftest import ENTRY, Lmu, spawn


def test_the_tasks_are_listed(lmu: Lmu) -> None:
    called = lmu("train")
    assert called.status == 0
    for task in ("capacity", "mackey-glass", "psmnist", "digits", "delay", "arrays"):
        assert task in called.out


@pytest.mark.parametrize("task", TASKS.values(), ids=str)
def test_help_states_every_option_with_the_default_of_the_table(lmu: Lmu, task: type[Task]) -> None:
    told = " ".join(lmu("train", task.name, "--help").out.split())
    assert " ".join((task.__doc__ or "").split()) in told
    for option in fields(task):  # type: ignore[arg-type]
        assert f"--{option.metadata['flag'] or option.name.replace('_', '-')}" in told
        assert option.metadata["help"] in told
    defaults = [f.default for f in fields(task) if isinstance(f.default, int | float) and f.type != "bool"]  # type: ignore[arg-type]
    assert all(f"[default: {value}]" in told for value in [*defaults, 0, 1])  # and those of --seed and --seeds


def test_a_row_and_a_module_are_a_task(lmu: Lmu, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything but the training itself comes from the table."""

    @dataclass(frozen=True)
    class Toy(Task):
        """Learn nothing."""

        name = "toy-task"
        units: int = field(default=3, metadata=table.option("Number of units."))

    asked = []

    def prepare(task: Toy) -> Callable[[Run], Outcome]:
        asked.append(task)
        return lambda run: DelayTask(order=3).prepare()(replace(run, epochs=1))

    module = ModuleType("lmu_hw.training.tasks.toy_task")
    module.prepare = prepare  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(cli.train, "commands", dict(cli.train.commands))
    cli._add(Toy)
    called = lmu("train", "toy-task", "--units", 4, "--json")
    assert (called.status, called.err, asked) == (0, "", [Toy(4)])
    assert called.answer["command"] == "lmu-hw train toy-task --units 4 --seed 0"
    assert "Learn nothing." in lmu("train", "--help").out


def test_a_delay_is_found(lmu: Lmu, tmp_path: Path) -> None:
    called = lmu("train", "delay", "--delay", "0.05", "--seed", "3", "--out", "out", "--json")
    assert (called.status, called.err) == (0, "")
    answer = called.answer
    assert {key: answer[key] for key in ("task", "metric", "seed")} == {"task": "delay", "metric": "nrmse", "seed": 3}
    assert abs(answer["theta"] / 0.05 - 1.0) < 0.01
    assert answer["theta_initial"] == 0.1
    assert answer["value"] < 0.005
    assert answer["nrmse_at_half_dt"] < 0.01
    assert answer["nrmse_at_twice_dt"] < 0.01
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        "README.txt",
        "delay_delay.npz",
        "curve_delay.csv",
        "curves.svg",
        "result.json",
        "delay_seed3.checkpoint.npz",
    }
    network = load_network(tmp_path / "out" / "delay_delay.npz")
    assert network.parameters == answer["parameters"]
    assert dict(network.notes) == {"command": "lmu-hw train delay --delay 0.05 --seed 3", "seed": 3}
    assert answer["command"] == "lmu-hw train delay --delay 0.05 --seed 3"
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == answer
    rows = list(csv.DictReader((tmp_path / "out" / "curve_delay.csv").open()))
    assert [int(float(row["epoch"])) for row in rows] == list(range(1, 61))
    assert min(float(row["nrmse"]) for row in rows) == answer["validation"]


def test_own_arrays_and_several_seeds(lmu: Lmu, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 60)
    np.save(tmp_path / "x.npy", np.where(label, 1.0, -1.0)[:, None] + rng.standard_normal((60, 12)))
    np.save(tmp_path / "y.npy", label)
    words = ["--input", "x.npy", "--target", "y.npy", "--order", 3, "--hidden", 8, "--epochs", 60, "--seeds", 2]
    called = lmu("train", "arrays", *words, "--out", "out", "--json")
    assert (called.status, called.err) == (0, "")
    spread = called.answer["seeds"]["linear"]
    assert spread["seed"] == [0, 1]
    assert spread["mean"] == pytest.approx(np.mean(spread["value"]))
    assert spread["deviation"] == pytest.approx(np.std(spread["value"], ddof=1))
    best = int(np.argmax(spread["validation"]))
    assert (called.answer["seed"], called.answer["value"]) == (best, spread["value"][best])
    assert called.answer["value"] > 0.8
    network = load_network(tmp_path / "out" / "arrays_linear.npz")
    assert network.notes["seed"] == best
    assert network.dt == 1.0
    memory = network.layers[0]
    assert (memory.spec.order, memory.spec.theta) == (3, 12.0)  # type: ignore[union-attr]
    shown = lmu("train", "arrays", *words[:4], "--epochs", 1)
    assert shown.out.splitlines()[0] == "Train"


def test_capacity_prints_a_table(lmu: Lmu) -> None:
    called = lmu("train", "capacity", "--steps", "100", "--order", 40, "--lstm-steps", 0)
    assert (called.status, called.err) == (0, "")
    assert "0.25 θ ago" in called.out
    assert "Mean square error" in called.out


ERRORS = [
    ("train swim", "there is no task swim; there are capacity, mackey-glass, psmnist, digits, delay, arrays"),
    ("train delay --seed -1", "seed must be an integer from 0"),
    ("train delay --seeds 0", "seeds must be an integer of at least 1, got 0"),
    ("train delay --epochs 0", "epochs must be an integer of at least 1, got 0"),
    ("train delay --delay 0", "delay must be a positive number of seconds, got 0"),
    ("train delay --order 0", "order must be an integer from 1"),
    ("train digits --memory deep", "memory must be one of linear, recurrent, got deep"),
    ("train capacity --steps 100,x", "steps must be integers with commas between them, got 100,x"),
    ("train capacity --steps 90", "steps must be a multiple of 4"),
    ("train mackey-glass --models gru", "model must be one of lmu, lstm, hybrid, got gru"),
    ("train psmnist --data nowhere", "data must be a folder with the MNIST files, got nowhere"),
    ("train psmnist --data .", "x_train must be in the folder as train-images-idx3-ubyte"),
    ("train arrays --input x.npy", "--target is missing"),
    ("train arrays --input no.npy --target y.npy", "there is no file no.npy for --input"),
    ("train arrays --input nan.npy --target y.npy", "input must be finite in every entry, got NaN or infinity at"),
    ("train arrays --input x.npy --target short.npy", "target must be one for each of the 12 sequences"),
    ("train arrays --input x.npy --target y.npy --theta -1", "theta must be a positive number of seconds"),
    ("train delay --oder 3", "`lmu-hw train delay` has no option --oder; did you mean --order?"),
]


@pytest.mark.parametrize(("words", "said"), ERRORS)
def test_errors(lmu: Lmu, tmp_path: Path, words: str, said: str) -> None:
    x = np.zeros((12, 5))
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", np.zeros(12, int))
    np.save(tmp_path / "short.npy", np.zeros(11, int))
    x[1, 1] = np.nan
    np.save(tmp_path / "nan.npy", x)
    called = lmu(*words.split(), "--out", "out")
    assert (called.status, called.out) == (2, "")
    assert said in called.err
    assert called.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_killed_training_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    words = ["train", "delay", "--epochs", "40"]
    whole = spawn(*words, "--out", "whole", cwd=tmp_path)
    assert whole.status == 0
    checkpoint = tmp_path / "killed" / "delay_seed0.checkpoint.npz"
    process = subprocess.Popen([*ENTRY, *words, "--out", "killed"], cwd=tmp_path, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 100.0
    while not checkpoint.exists():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed" / "result.json").exists()
    assert spawn(*words, "--out", "killed", cwd=tmp_path).status == 0
    for name in ("delay_delay.npz", "curve_delay.csv", "result.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_the_step_may_be_given_as_a_rate(lmu: Lmu, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, Any]] = []
    monkeypatch.setattr(cli, "_carry_out", lambda request, task: asked.append((request.command, task)))
    words = ["train", "arrays", "--input", "x.npy", "--target", "y.npy"]
    for more in ([], ["--dt", "1/8000"], ["--rate", "8kHz", "--theta", "20ms"]):
        assert lmu(*words, *more).status == 0
    assert [(task.dt, task.theta) for _, task in asked] == [(1.0, None), (1 / 8000, None), (1 / 8000, 0.02)]
    assert asked[-1][0] == "lmu-hw train arrays --input x.npy --target y.npy --theta 0.02 --rate 8000.0"
    called = lmu(*words, "--rate", "8kHz", "--dt", "0.1")
    assert (called.status, called.err) == (2, "lmu-hw: --dt and --rate say the same; give one of them\n")
