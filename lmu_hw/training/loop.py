"""The training loop: minibatches, validation, checkpoints; the best parameters on the validation set win."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmu_hw.errors import CheckFailed, DesignError, check_integer
from lmu_hw.io.archive import ArchiveReader, Form, write_archive
from lmu_hw.io.files import plain, write_text
from lmu_hw.training.backend import jax, jnp, optax
from lmu_hw.training.model import Model, ModelParameters
from lmu_hw.training.objectives import Dataset, Loss, Metric, check_dataset
from lmu_hw.training.recipe import Recipe

FORMAT, VERSION = "lmu_hw checkpoint", 1
MAX_BYTES = 1 << 32
Tree = Any


@dataclass
class Progress:
    """How far a training is.

    Attributes:
        epoch: complete epochs.
        step: complete steps of the epoch under way.
        losses: one per step of the epoch under way.
        best_epoch: complete epochs when the best parameters were validated; 0 before.
        best_value: their metric on the validation set.
        history: a row for each complete epoch.
    """

    epoch: int = 0
    step: int = 0
    losses: list[float] = field(default_factory=list)
    best_epoch: int = 0
    best_value: float | None = None
    history: list[dict[str, float]] = field(default_factory=list)


def save_checkpoint(path: Path, setup: Mapping[str, Any], progress: Progress, state: Tree) -> Path:
    """Replace `path` by this state, whole or not at all."""
    values: dict[str, NDArray[Any]] = {str(k): np.asarray(leaf) for k, leaf in enumerate(jax.tree.leaves(state))}
    header = {"format": FORMAT, "version": VERSION, "setup": setup, "progress": vars(progress)}
    return write_archive(path, header, values)


def load_checkpoint(path: Path, setup: Mapping[str, Any], like: Tree) -> tuple[Progress, Tree]:
    """The progress and state in `path`.

    Args:
        path: of a checkpoint.
        setup: what defines the training; it must be the one that the checkpoint was written by.
        like: a state of the same structure, shapes and types.

    Raises:
        DesignError: it is no checkpoint, is damaged, or belongs to another training.
    """
    leaves, structure = jax.tree.flatten(like)

    def check(leaf: Any, form: Form) -> str | None:
        wanted = (leaf.shape, np.dtype(leaf.dtype).newbyteorder("<").str)
        return None if form == wanted else f"of shape {wanted[0]} and type {wanted[1]}"

    with ArchiveReader(path, max_bytes=MAX_BYTES) as archive:
        header = archive.header
        if (header.get("format"), header.get("version")) != (FORMAT, VERSION):
            got = f"{header.get('format')} {header.get('version')}"
            raise DesignError(f"checkpoint {path.name}", f"a {FORMAT} of version {VERSION}", got)
        written = header.get("setup")
        if written != setup:
            raise DesignError(
                f"checkpoint {path.name}",
                "of this training (remove it to begin anew)",
                f"one with another {_difference(setup, written)}",
            )
        values = archive.read({str(k): partial(check, leaf) for k, leaf in enumerate(leaves)})
        written = header.get("progress")
        if not isinstance(written, dict) or set(written) != set(vars(Progress())):
            raise DesignError(f"progress in {path.name}", "an object with " + ", ".join(vars(Progress())), written)
    return Progress(**written), jax.tree.unflatten(structure, [jnp.asarray(values[str(k)]) for k in range(len(leaves))])


def _difference(wanted: Mapping[str, Any], got: Any) -> str:
    """The first key in which two set-ups differ."""
    if not isinstance(got, dict):
        return "setup"
    for key in [*wanted, *got]:
        here, there = wanted.get(key), got.get(key)
        if here != there:
            return f"{key}.{_difference(here, there)}" if isinstance(here, Mapping) else str(key)
    return "setup"


@contextmanager
def watched(steps: int, metric: str) -> Iterator[Callable[[int, Progress], None]]:
    """Give a function of the steps done and the progress that moves a bar; silent where there is no terminal.

    Args:
        steps: of the whole training.
        metric: name of the metric that is shown.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _progress: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("compile", total=steps)

        def show(done: int, progress: Progress) -> None:
            best = "" if progress.best_value is None else f", best {metric} {progress.best_value:.5g}"
            text = f"epoch {progress.epoch + 1}: loss {progress.losses[-1]:.4g}{best}"
            bar.update(task, completed=done, description=text)

        yield show


Tensor = jax.Array
#: (x of a batch as stored, key or None) → input of the model; traced by JAX. A key is given in training.
Prepare = Callable[[Tensor, Tensor | None], Tensor]

_CHECKPOINT_SECONDS = 60.0


@dataclass(frozen=True, eq=False)
class FitResult:
    """What a training gives.

    Attributes:
        params: the parameters that were best on the validation set.
        value: their metric there.
        epoch: complete epochs when they were validated.
        history: for each epoch a row with `epoch`, `loss` (mean over its steps), the metric's name on the
            validation set, and `theta_ratio.K` for each layer K whose θ is learned.
        last: the parameters after the last step.
    """

    params: ModelParameters
    value: float
    epoch: int
    history: list[dict[str, float]]
    last: ModelParameters

    def write_curves(self, path: Path) -> Path:
        """Write the history as a table of comma-separated values, whole or not at all."""
        table = io.StringIO()
        writer = csv.DictWriter(table, fieldnames=list(self.history[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.history)
        return write_text(path, table.getvalue())


class _State(NamedTuple):
    """What changes from step to step, and the best so far."""

    params: ModelParameters
    moments: Any
    average: ModelParameters
    best: ModelParameters


def fit(
    model: Model,
    train: Dataset,
    validation: Dataset,
    *,
    loss: Loss,
    metric: Metric,
    recipe: Recipe,
    params: ModelParameters | None = None,
    prepare: Prepare | None = None,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = _CHECKPOINT_SECONDS,
    setup: Mapping[str, Any] | None = None,
) -> FitResult:
    """Train a model from `params`, or from `model.init(recipe.seed)`.

    The same call gives the same numbers on the same machine, interrupted and resumed or not. Progress is
    shown on a terminal, and nothing in a pipe.

    Args:
        model: the model.
        train: what the gradient sees.
        validation: what the parameters are chosen by, after each epoch.
        loss: (outputs, targets) → scalar, for one batch.
        metric: what makes parameters the best.
        recipe: everything else in numbers.
        params: initial parameters.
        prepare: makes the model's input of stored sequences, and may vary them in training.
        checkpoint: where to keep the state, at least after each epoch; a checkpoint that is there is resumed.
        checkpoint_seconds: the time after which the state is kept within an epoch too.
        setup: whatever else defines the training, such as the loss and `prepare`, as plain values: another
            one does not resume it.

    Raises:
        DesignError: the data are not finite or do not fit each other, there are fewer sequences than a batch
            has, or the checkpoint is of another training.
        CheckFailed: the loss, the gradient or the metric is not finite; the last good checkpoint stays, and
            the message says where.
    """
    train, validation = check_dataset("training", train), check_dataset("validation", validation)
    check_integer("batch", recipe.batch, 1, len(train.x))
    steps = len(train.x) // recipe.batch
    start = model.init(recipe.seed) if params is None else params
    start = jax.tree.map(lambda array: jnp.asarray(array, model.dtype), start)
    optimiser = recipe.optimiser(recipe.epochs * steps, model.trained(start))
    state = _State(start, optimiser.init(start), start, start)
    progress = Progress()
    setup = {"metric": metric.name} | dict(setup or {})
    identity = _identity(model, recipe, train, validation, start, setup) if checkpoint is not None else {}
    if checkpoint is not None and checkpoint.exists():
        progress, state = load_checkpoint(checkpoint, identity, state)
    advance = _compiled(model, loss, recipe, optimiser, prepare)
    data = Dataset(jax.device_put(train.x), jax.device_put(train.y))
    measure = _Measure(model, validation, metric, recipe.batch, prepare)
    kept = time.monotonic()
    with watched(recipe.epochs * steps, metric.name) as show:
        while progress.epoch < recipe.epochs:
            order = np.random.default_rng([recipe.seed, progress.epoch]).permutation(len(train.x))
            batches = order[: steps * recipe.batch].reshape(steps, recipe.batch)
            while progress.step < steps:
                part = batches[progress.step : progress.step + recipe.steps_per_call]
                first = progress.epoch * steps + progress.step
                (p, moments, average), losses, norms = advance(state[:3], data, part, first)
                _check_finite(np.asarray(losses), np.asarray(norms), progress, checkpoint)
                state = _State(p, moments, average, state.best)
                progress.losses += np.asarray(losses, np.float64).tolist()
                progress.step += len(part)
                show(first + len(part), progress)
                late = time.monotonic() - kept >= checkpoint_seconds
                if checkpoint is not None and late and progress.step < steps:
                    save_checkpoint(checkpoint, identity, progress, state)
                    kept = time.monotonic()
            value = measure(state.average)
            if not np.isfinite(value):
                what = f"{metric.name} on the validation set is not finite after epoch {progress.epoch} (from 0)"
                raise CheckFailed(f"the {what}{_kept(checkpoint)}")
            state = _finish_epoch(state, progress, value, metric)
            if checkpoint is not None:
                save_checkpoint(checkpoint, identity, progress, state)
                kept = time.monotonic()
    value = progress.history[progress.best_epoch - 1][metric.name]
    return FitResult(state.best, value, progress.best_epoch, progress.history, state.params)


def evaluate(
    model: Model,
    params: ModelParameters,
    data: Dataset,
    metric: Metric,
    *,
    batch: int = 100,
    prepare: Prepare | None = None,
) -> float:
    """The metric of a model on a dataset, computed in batches; NaN where an output is not finite.

    Raises:
        DesignError: the data are not finite or do not fit each other.
    """
    return _Measure(model, check_dataset("evaluation", data), metric, batch, prepare)(params)


class _Measure:
    """A metric on a dataset, compiled once."""

    def __init__(self, model: Model, data: Dataset, metric: Metric, batch: int, prepare: Prepare | None) -> None:
        self._data, self._metric, self._batch = data, metric, min(batch, len(data.x))
        self._apply = jax.jit(lambda params, x: model.apply(params, x if prepare is None else prepare(x, None)))

    def __call__(self, params: ModelParameters) -> float:
        x, size = self._data.x, self._batch
        parts = []
        for start in range(0, len(x), size):
            part = x[start : start + size]
            filled = np.concatenate([part, x[: size - len(part)]])  # one shape, so one compilation
            parts.append(np.asarray(self._apply(params, filled))[: len(part)])
        outputs = np.concatenate(parts)
        return self._metric.function(outputs, self._data.y) if np.all(np.isfinite(outputs)) else float("nan")


def _compiled(
    model: Model, loss: Loss, recipe: Recipe, optimiser: Any, prepare: Prepare | None
) -> Callable[..., tuple[Any, Tensor, Tensor]]:
    """A function that makes several steps: (state, data, indices, number of the first) → state, losses, norms."""

    def objective(params: ModelParameters, x: Tensor, y: Tensor, key: Tensor) -> Tensor:
        prepared, drawn = jax.random.split(key)
        return loss(model.apply(params, x if prepare is None else prepare(x, prepared), key=drawn), y)

    def advance(state: Any, data: Dataset, batches: Tensor, first: Tensor) -> tuple[Any, Tensor, Tensor]:
        base = jax.random.key(recipe.seed)

        def step(state: Any, turn: tuple[Tensor, Tensor]) -> tuple[Any, tuple[Tensor, Tensor]]:
            params, moments, average = state
            indices, number = turn
            key = jax.random.fold_in(base, number)
            value, gradient = jax.value_and_grad(objective)(params, data.x[indices], data.y[indices], key)
            updates, moments = optimiser.update(gradient, moments, params)
            params = model.project(optax.apply_updates(params, updates))
            average = recipe.averaged(average, params, number)
            return (params, moments, average), (value, optax.tree.norm(gradient))

        numbers = first + jnp.arange(batches.shape[0])
        state, (losses, norms) = jax.lax.scan(step, state, (batches, numbers))
        return state, losses, norms

    return jax.jit(advance)


def _finish_epoch(state: _State, progress: Progress, value: float, metric: Metric) -> _State:
    """Write the epoch down, and keep its parameters if they are the best."""
    progress.epoch, progress.step = progress.epoch + 1, 0
    row: dict[str, float] = {"epoch": progress.epoch, "loss": float(np.mean(progress.losses)), metric.name: value}
    for k, layer in enumerate(state.average):
        if "log_ratio" in layer:
            row[f"theta_ratio.{k}"] = float(np.exp(np.float64(layer["log_ratio"])))
    progress.losses = []
    progress.history.append(row)
    if metric.better(value, progress.best_value):
        progress.best_value, progress.best_epoch = value, progress.epoch
        return state._replace(best=state.average)
    return state


def _check_finite(losses: NDArray[Any], norms: NDArray[Any], progress: Progress, checkpoint: Path | None) -> None:
    good = np.isfinite(losses) & np.isfinite(norms)
    if good.all():
        return
    k = int(np.argmin(good))
    what = "gradient" if np.isfinite(losses[k]) else "loss"
    where = f"in step {progress.step + k} of epoch {progress.epoch} (from 0)"
    raise CheckFailed(f"the {what} is not finite {where}{_kept(checkpoint)}")


def _kept(checkpoint: Path | None) -> str:
    there = checkpoint is not None and checkpoint.exists()
    return f"; the last good state is kept in {checkpoint}" if there else ""


def _identity(
    model: Model,
    recipe: Recipe,
    train: Dataset,
    validation: Dataset,
    start: ModelParameters,
    setup: Mapping[str, Any],
) -> dict[str, Any]:
    """What defines a training, as plain values that JSON gives back unchanged."""

    def digest(arrays: list[Any]) -> str:
        total = hashlib.sha256()
        for array in map(np.asarray, arrays):
            total.update(f"{array.shape}{array.dtype}".encode())
            total.update(np.ascontiguousarray(array).tobytes())
        return total.hexdigest()

    identity = {
        "model": repr(model),
        "recipe": recipe.to_dict(),
        "training data": digest(list(train)),
        "validation data": digest(list(validation)),
        "initial parameters": digest(jax.tree.leaves(start)),
        **setup,
    }
    try:
        result: dict[str, Any] = json.loads(json.dumps(identity, default=plain))
    except TypeError:
        raise DesignError("setup", "plain values", dict(setup)) from None
    return result
