"""The training loop: what it learns, what it keeps, and that it stops and resumes as if nothing had happened."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import CheckFailed, DesignError
from lmu_hw.io.archive import ArchiveReader, write_archive
from lmu_hw.networks.model import Output
from lmu_hw.reference.definition import Activation
from lmu_hw.reference.layers import MemoryParameters
from lmu_hw.training.backend import jax, jnp
from lmu_hw.training.layers import DenseLayer, LinearMemoryLayer
from lmu_hw.training.loop import FitResult, evaluate, fit
from lmu_hw.training.model import Model
from lmu_hw.training.objectives import (
    ACCURACY,
    ERROR,
    NRMSE,
    Dataset,
    Metric,
    cross_entropy,
    epochs_without_gain,
    hold_out,
    squared_error,
)
from lmu_hw.training.recipe import Recipe, Schedule
from tests.training.killed import train

LINE = Model(2, (DenseLayer(1),), Output.LAST, dtype="float64")
RECIPE = Recipe(epochs=3, batch=8, learning_rate=0.05, steps_per_call=5)


def line_data(rng: np.random.Generator, count: int = 50) -> Dataset:
    x = rng.normal(size=(count, 1, 2))
    return Dataset(x, x[:, 0] @ np.array([[1.0], [-2.0]]) + 0.5)


def fit_line(data: Dataset, recipe: Recipe = RECIPE, model: Model = LINE, **options: Any) -> FitResult:
    train, validation = hold_out(data, 10)
    arguments: dict[str, Any] = {"loss": squared_error(), "metric": ERROR} | options
    return fit(model, train, validation, recipe=recipe, **arguments)


def same(one: Any, other: Any) -> None:
    mine, theirs = jax.tree.leaves(one), jax.tree.leaves(other)
    assert len(mine) == len(theirs) > 0
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_line_is_learned_and_written_down(rng: np.random.Generator) -> None:
    data = line_data(rng)
    result = fit_line(data, replace(RECIPE, epochs=60, learning_rate=0.1, schedule=Schedule.COSINE, steps_per_call=3))
    np.testing.assert_allclose(result.params[0]["kernel"], [[1.0, -2.0]], atol=1e-3)
    np.testing.assert_allclose(result.params[0]["bias"], [0.5], atol=1e-3)
    assert result.value == result.history[result.epoch - 1]["mse"] == min(row["mse"] for row in result.history)
    assert evaluate(LINE, result.params, hold_out(data, 10)[1], ERROR, batch=3) == pytest.approx(result.value)
    assert [list(row) for row in result.history] == [["epoch", "loss", "mse"]] * 60
    assert [row["epoch"] for row in result.history] == list(range(1, 61))


def test_the_same_call_gives_the_same_numbers(rng: np.random.Generator) -> None:
    data = line_data(rng)
    first = fit_line(data)
    again = fit_line(data)
    same(first.params, again.params)
    assert first.history == again.history
    assert fit_line(data, replace(RECIPE, seed=1)).history != first.history


def test_the_best_epoch_wins_not_the_last(rng: np.random.Generator) -> None:
    """A metric that likes small kernels best: the first epoch of a fit that lets them grow."""
    data = line_data(rng)
    size = Metric("size", lambda outputs, _: float(np.abs(outputs).mean()))
    start = [{"kernel": jnp.zeros((1, 2)), "bias": jnp.zeros(1)}]
    result = fit_line(data, metric=size, params=start)
    sizes = [row["size"] for row in result.history]
    assert result.epoch == 1
    assert sizes == sorted(sizes)
    assert np.abs(result.params[0]["kernel"]).sum() < np.abs(result.last[0]["kernel"]).sum()
    reverse = fit_line(data, metric=replace(size, higher_is_better=True), params=start)
    assert reverse.epoch == 3
    same(reverse.params, reverse.last)


def test_each_array_takes_the_step_that_its_name_and_flag_say() -> None:
    """One step of Adam from rest is the learning rate in every entry, whatever the gradient's size."""
    params = [{"kernel": jnp.ones(3), "bias": jnp.ones(3), "log_ratio": jnp.ones(()), "input_encoder": jnp.ones(3)}]
    trained = [{"kernel": True, "bias": True, "log_ratio": True, "input_encoder": False}]
    gradient = jax.tree.map(lambda a: 5.0 * a, params)
    recipe = replace(RECIPE, learning_rate=0.01, weight_decay=0.5, theta_rate=3.0, clip=1.0)
    optimiser = recipe.optimiser(10, trained)
    updates = optimiser.update(gradient, optimiser.init(params), params)[0][0]
    np.testing.assert_allclose(updates["bias"], -0.01, rtol=1e-6)
    np.testing.assert_allclose(updates["kernel"], -0.01 * (1.0 + 0.5), rtol=1e-6)
    np.testing.assert_allclose(updates["log_ratio"], -0.03, rtol=1e-6)
    np.testing.assert_array_equal(updates["input_encoder"], 0.0)


def test_an_average_begins_short_and_grows_long() -> None:
    recipe = replace(RECIPE, averaging=0.5)
    old, new = [{"a": jnp.zeros(2)}], [{"a": jnp.ones(2)}]
    np.testing.assert_allclose(recipe.averaged(old, new, 0)[0]["a"], 0.9)
    np.testing.assert_allclose(recipe.averaged(old, new, 100)[0]["a"], 0.5)
    assert RECIPE.averaged(old, new, 0) is new


def test_what_is_validated_is_the_average(rng: np.random.Generator) -> None:
    data = line_data(rng)
    start = [{"kernel": jnp.zeros((1, 2)), "bias": jnp.zeros(1)}]
    averaged = fit_line(data, replace(RECIPE, averaging=0.99), params=start)
    assert averaged.epoch == 3
    assert np.all(np.abs(averaged.params[0]["kernel"]) < np.abs(averaged.last[0]["kernel"]))
    assert evaluate(LINE, averaged.params, hold_out(data, 10)[1], ERROR) == pytest.approx(averaged.value)


def test_what_is_frozen_stands_still(rng: np.random.Generator) -> None:
    layers = (LinearMemoryLayer(LMUSpec(3, 10.0, 1.0), frozen=("input_encoder",)), DenseLayer(1))
    model = Model(1, layers, Output.LAST, dtype="float64")
    data = Dataset(rng.normal(size=(40, 12, 1)), rng.normal(size=(40, 1)))
    start = model.init(0)
    last = fit_line(data, replace(RECIPE, weight_decay=0.5), model, params=start).last
    for before, after in zip(start, last, strict=True):
        for name in before:
            assert np.array_equal(before[name], after[name]) is (name == "input_encoder")


def test_a_planted_delay_is_recovered_within_one_percent(rng: np.random.Generator) -> None:
    """Σ m_i is the input θ ago, so a fixed readout of ones leaves θ as the only thing to learn."""
    delay, t = 60.0, np.arange(400.0)
    waves = rng.uniform(0.002, 0.012, (6, 5)), rng.uniform(0, 2 * np.pi, (6, 5))

    def signal_at(time: Any) -> Any:
        return np.sin(2 * np.pi * waves[0] * time[:, None, None] + waves[1]).mean(axis=2).T[..., None]

    x, y = signal_at(t), signal_at(t - delay)
    fixed = ("input_encoder", "memory_kernel")
    absent = ("input_bias", "input_kernel", "bias")
    layer = LinearMemoryLayer(
        LMUSpec(6, 42.0, 1.0), 1, activation=Activation.IDENTITY, without=absent, frozen=fixed, learn_theta=True
    )
    model = Model(1, (layer,), dtype="float64")
    params = model.init(0)
    params[0] |= {"input_encoder": jnp.ones((1, 1)), "memory_kernel": jnp.ones((1, 6))}
    assert model.count(params) == 1
    result = fit(
        model,
        Dataset(x[:4], y[:4]),
        Dataset(x[4:], y[4:]),
        loss=squared_error(skip=150),
        metric=Metric("tail", lambda a, b: float(np.mean((a - b)[:, 150:] ** 2))),
        recipe=Recipe(epochs=80, batch=4, learning_rate=0.02, schedule=Schedule.COSINE),
        params=params,
    )
    memory = model.network(result.params).layers[0]
    assert isinstance(memory, MemoryParameters)
    assert memory.spec.theta == pytest.approx(delay, rel=0.01)
    assert result.history[-1]["theta_ratio.0"] == pytest.approx(delay, rel=0.01)


def test_killed_and_resumed_is_the_same_as_never_stopped(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    child = subprocess.Popen([sys.executable, "-m", "tests.training.killed", str(path)])
    try:
        limit = time.monotonic() + 120
        while child.poll() is None and time.monotonic() < limit:
            if path.exists():
                with ArchiveReader(path) as archive:
                    progress = archive.header["progress"]
                if progress["epoch"] >= 2 and progress["step"] > 0:
                    break
            time.sleep(0.02)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == -signal.SIGKILL, "it ended before it was killed"
    with ArchiveReader(path) as archive:
        assert 2 <= archive.header["progress"]["epoch"] < 60
    resumed, whole = train(path, 1e9), train(None)
    same(resumed.params, whole.params)
    same(resumed.last, whole.last)
    assert resumed.history == whole.history
    assert (resumed.value, resumed.epoch) == (whole.value, whole.epoch)
    finished = train(path, 1e9)
    same(finished.params, whole.params)


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_state(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    data = line_data(rng)
    recipe = replace(RECIPE, batch=40, epochs=4, steps_per_call=1)  # one step per epoch
    path = tmp_path / "run.npz"

    def poisoned(outputs: Any, targets: Any) -> Any:
        error = squared_error()(outputs, targets)
        return error + jnp.where(error < first, np.nan, 0.0)

    first = 0.0
    first = fit_line(data, recipe).history[1]["loss"]  # below it in the third epoch
    with pytest.raises(CheckFailed, match=r"the loss is not finite in step 0 of epoch 2 \(from 0\); .*run.npz"):
        fit_line(data, recipe, loss=poisoned, checkpoint=path)
    with ArchiveReader(path) as archive:
        assert archive.header["progress"]["epoch"] == 2
    resumed, whole = fit_line(data, recipe, checkpoint=path), fit_line(data, recipe)
    same(resumed.last, whole.last)

    def steep(outputs: Any, targets: Any) -> Any:
        return jnp.sum(jnp.sqrt(jnp.abs(outputs) * 0.0)) + 1.0

    with pytest.raises(CheckFailed, match=r"the gradient is not finite in step 0 of epoch 0 \(from 0\)$"):
        fit_line(data, recipe, loss=steep)


def test_a_metric_that_is_not_finite_stops_too(rng: np.random.Generator, tmp_path: Path) -> None:
    values = iter([1.0, 0.5, float("nan")])
    metric = Metric("odd", lambda *_: next(values))
    path = tmp_path / "run.npz"
    message = r"the odd on the validation set is not finite after epoch 2 \(from 0\); the last good state is kept in"
    with pytest.raises(CheckFailed, match=message):
        fit_line(line_data(rng), metric=metric, checkpoint=path)
    with ArchiveReader(path) as archive:
        assert archive.header["progress"]["epoch"] == 2
    huge = [{"kernel": jnp.full((1, 2), 1e308), "bias": jnp.zeros(1)}]
    assert np.isnan(evaluate(LINE, huge, Dataset(np.full((2, 1, 2), 1e308), np.zeros((2, 1))), ERROR))


def test_a_checkpoint_of_another_training_is_refused(rng: np.random.Generator, tmp_path: Path) -> None:
    data = line_data(rng)
    path = tmp_path / "run.npz"
    result = fit_line(data, checkpoint=path, setup={"task": "line"})
    same(fit_line(data, checkpoint=path, setup={"task": "line"}).params, result.params)
    other = Dataset(data.x + 1.0, data.y)
    for change, options in (
        ("recipe.epochs", {"recipe": replace(RECIPE, epochs=4)}),
        ("training data", {"data": other}),
        ("model", {"model": replace(LINE, input_scale=2.0)}),
        ("task", {"setup": {"task": "curve"}}),
    ):
        arguments: dict[str, Any] = {"data": data, "checkpoint": path, "setup": {"task": "line"}} | options
        message = rf"checkpoint run.npz must be of this training, got one with another {change}; remove it"
        with pytest.raises(DesignError, match=message):
            fit_line(**arguments)
    with np.load(path) as file:
        values = {name: file[name] for name in file.files}
    header = json.loads(values.pop("header").tobytes())
    del header["progress"]["step"]
    with pytest.raises(DesignError, match=r"progress in odd.npz must be an object with epoch, step, .*, got"):
        fit_line(data, checkpoint=write_archive(tmp_path / "odd.npz", header, values), setup={"task": "line"})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DesignError, match=r"run.npz must be an archive of arrays"):
        fit_line(data, checkpoint=path, setup={"task": "line"})


def test_bad_data_are_refused_by_place(rng: np.random.Generator) -> None:
    data = line_data(rng)
    x = data.x.copy()
    x[17, 0, 1] = np.nan
    with pytest.raises(DesignError, match=r"input of the training set must be finite, got NaN or infinity at index"):
        fit_line(Dataset(x, data.y))
    x = data.x.copy()
    x[-1, 0, 1] = np.inf
    with pytest.raises(DesignError, match=r"input of the validation set must be finite, .* at index \[9, 0, 1\]"):
        fit_line(Dataset(x, data.y))
    with pytest.raises(DesignError, match=r"batch must be an integer from 1 to 40, got 41"):
        fit_line(data, replace(RECIPE, batch=41))
    with pytest.raises(DesignError, match=r"targets of the evaluation set must be one for each of \(50,\) sequences"):
        evaluate(LINE, LINE.init(0), Dataset(data.x, data.y[:-1]), ERROR)
    with pytest.raises(DesignError, match="input of the evaluation set must be real numbers, got complex128"):
        evaluate(LINE, LINE.init(0), Dataset(data.x + 0j, data.y), ERROR)
    with pytest.raises(DesignError, match="held-out sequences must be an integer from 1 to 49, got 50"):
        hold_out(data, 50)


def test_patience_ends_a_training_that_does_not_get_better(rng: np.random.Generator, tmp_path: Path) -> None:
    """And so does the same call with the checkpoint that it left."""
    data, still = line_data(rng), replace(RECIPE, epochs=40, learning_rate=1e-9, patience=4)
    first = fit_line(data, still, checkpoint=tmp_path / "run.npz")
    assert len(first.history) == 5
    again = fit_line(data, still, checkpoint=tmp_path / "run.npz")
    assert again.history == first.history
    same(again.params, first.params)
    assert len(fit_line(data, replace(still, patience=None)).history) == 40
    assert len(fit_line(data, replace(still, learning_rate=0.01)).history) > 20


def test_what_counts_as_a_gain() -> None:
    assert epochs_without_gain([], ERROR) == 0
    assert epochs_without_gain([1.0, 0.9, 0.899, 0.898, 0.897], ERROR) == 3  # less than half a percent below 0.9
    assert epochs_without_gain([1.0, 0.9, 0.898, 0.895], ERROR) == 0
    assert epochs_without_gain([0.5, 0.75, 0.75, 0.5], ACCURACY) == 2
    later = replace(ACCURACY, later_of_equals=True)
    assert later.better(0.75, 0.75)
    assert not ACCURACY.better(0.75, 0.75)


def test_hold_out_splits_without_loss(rng: np.random.Generator) -> None:
    data = Dataset(np.arange(20), np.arange(20) % 2)
    kept, held = hold_out(data, 5)
    np.testing.assert_array_equal(held.x, np.arange(15, 20))
    kept, held = hold_out(data, 5, seed=3)
    assert len(held.x) == 5
    assert sorted([*kept.x, *held.x]) == list(range(20))
    np.testing.assert_array_equal(held.y, held.x % 2)


def test_raw_data_are_prepared_on_the_way(rng: np.random.Generator) -> None:
    """Bytes stay bytes until a batch is taken; variations are drawn in training only."""
    pixels = rng.integers(0, 256, (50, 1, 2)).astype(np.uint8)
    targets = (pixels[:, 0] / 255.0) @ np.array([[1.0], [-2.0]])
    drawn = []

    def prepare(x: Any, key: Any) -> Any:
        drawn.append(key is not None)
        return x.astype("float64") / 255.0

    result = fit_line(Dataset(pixels, targets), replace(RECIPE, epochs=80, learning_rate=0.1), prepare=prepare)
    assert result.value < 1e-4
    assert set(drawn) == {True, False}


def test_losses_and_metrics_by_hand() -> None:
    outputs = jnp.asarray([[2.0, 0.0], [0.0, 1.0]])
    expected = (np.log1p(np.exp(-2.0)) + np.log1p(np.exp(1.0))) / 2
    assert float(cross_entropy()(outputs, np.array([0, 0]))) == pytest.approx(expected)
    smooth = 0.5 * (np.log1p(np.exp(-2.0)) + 0.1 * 2.0 + np.log1p(np.exp(1.0)) - 0.1 * 1.0)
    assert float(cross_entropy(0.2)(outputs, np.array([0, 0]))) == pytest.approx(smooth)
    sequence = jnp.asarray([[[9.0], [1.0], [2.0]]])
    assert float(squared_error(skip=1)(sequence, np.zeros((1, 3, 1)))) == 2.5
    assert ACCURACY.function(np.asarray(outputs), np.array([0, 0])) == 0.5
    assert NRMSE.function(np.array([2.0, 0.0]), np.array([1.0, 0.0])) == 1.0
    with pytest.raises(DesignError, match=r"smoothing must be from 0 to below 1, got 1.0"):
        cross_entropy(1.0)


def test_learning_rates_follow_their_schedule() -> None:
    recipe = Recipe(epochs=1, batch=1, learning_rate=0.1, schedule=Schedule.LINEAR, warmup=0.2)
    rates = [float(recipe.rate(100)(k)) for k in (0, 10, 20, 60, 100)]
    np.testing.assert_allclose(rates, [0.0, 0.05, 0.1, 0.05, 0.0], atol=1e-8)
    cosine = replace(recipe, schedule=Schedule.COSINE, warmup=0.0).rate(100)
    np.testing.assert_allclose([float(cosine(k)) for k in (0, 50, 100)], [0.1, 0.05, 0.0], atol=1e-8)
    assert float(replace(recipe, schedule=Schedule.CONSTANT, warmup=0.0).rate(100)(70)) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs must be an integer of at least 1, got 0"),
        ({"learning_rate": -1.0}, "learning_rate must be a positive finite number, got -1.0"),
        ({"schedule": "step"}, "schedule must be one of constant, cosine, linear, got step"),
        ({"warmup": 1.0}, "warmup must be from 0 to below 1, got 1.0"),
        ({"clip": 0.0}, "clip must be a positive finite number, got 0.0"),
        ({"weight_decay": -0.1}, "weight_decay must be a number of at least 0, got -0.1"),
        ({"betas": (0.9, 1.0)}, r"betas must be two numbers from 0 to below 1, got \(0.9, 1.0\)"),
        ({"seed": -1}, "seed must be an integer from 0 to 4294967295, got -1"),
    ],
)
def test_recipes_refuse(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DesignError, match=message):
        replace(RECIPE, **change)


def test_progress_is_silent_in_a_pipe(rng: np.random.Generator, capfd: pytest.CaptureFixture[str]) -> None:
    fit_line(line_data(rng))
    assert capfd.readouterr() == ("", "")


def test_progress_is_shown_on_a_terminal(rng: np.random.Generator) -> None:
    pty = pytest.importorskip("pty", reason="terminals as files, not on Windows")
    ours, theirs = pty.openpty()
    parts: list[bytes] = []

    def listen() -> None:
        with contextlib.suppress(OSError):  # how Linux says that the other side is closed
            while data := os.read(ours, 1 << 12):
                parts.append(data)

    listener = threading.Thread(target=listen)
    listener.start()
    with os.fdopen(theirs, "w") as terminal, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "xterm")
        patch.setattr(sys, "stderr", terminal)
        fit_line(line_data(rng))
    listener.join(timeout=60)
    os.close(ours)
    shown = b"".join(parts).decode()
    assert "epoch 3: loss" in shown
    assert "best mse" in shown
