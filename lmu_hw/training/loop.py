"""The training loop: minibatches, validation after each epoch, and checkpoints.

The parameters with the best metric on the validation set are the result. The same call gives the same numbers on the
same machine, interrupted and resumed or not: whatever is random follows from the seed and the number of the epoch or
step, never from a generator's state.

A checkpoint holds all that a training needs in order to go on as if it had never stopped. It is an archive
(`lmu_hw.io.archive`). Its header holds the progress in plain numbers, and everything that defines the training, so that
it is not resumed as another one. Its arrays are the leaves of the state, in the order in which JAX flattens it.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmu_hw.core.display import Displayed, number
from lmu_hw.errors import CheckFailed, DesignError, check_integer
from lmu_hw.io.archive import ArchiveReader, Form, write_archive
from lmu_hw.io.files import plain
from lmu_hw.training.backend import jax, jnp, optax
from lmu_hw.training.model import Model, ModelParameters
from lmu_hw.training.objectives import Dataset, Loss, Metric, check_dataset, epochs_without_gain
from lmu_hw.training.recipe import Recipe

if TYPE_CHECKING:
    from lmu_hw.core.figures import Plot

FORMAT, VERSION = "lmu_hw checkpoint", 1
MAX_BYTES = 1 << 32
_CHECKPOINT_SECONDS = 60.0

Tensor = jax.Array
#: A function that makes the model's input from the x of a batch as it is stored. JAX traces it. In training it is given
#: a key, to vary the sequences at random, and otherwise None.
Prepare = Callable[[Tensor, Tensor | None], Tensor]


@dataclass(frozen=True, eq=False, repr=False)
class FitResult(Displayed):
    """The result of a training.

    Attributes:
        params: The parameters that were best on the validation set.
        value: The metric of these parameters there.
        epoch: The number of complete epochs when they were validated.
        history: A row for each epoch, fewer than those of the recipe where its patience ended, with `epoch`, `loss`
            (the mean over its steps), the metric on the validation set under its own name, and `theta_ratio.K` for each
            layer K whose θ is learned.
        last: The parameters after the last step.
    """

    params: ModelParameters
    value: float
    epoch: int
    history: list[dict[str, float]]
    last: ModelParameters

    @property
    def _metric(self) -> str:
        """The name of the metric: the column of the history after the epoch and the loss."""
        return next((name for name in self.history[-1] if name not in ("epoch", "loss")), "value")

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield self._metric if self.history else "value", number(self.value)
        yield "at epoch", f"{self.epoch} of {len(self.history)}"
        if self.history:
            yield "last loss", number(self.history[-1]["loss"])

    def to_dict(self) -> dict[str, Any]:
        """The score, its epoch and the learning curve as plain values, without the parameters."""
        return {"value": self.value, "epoch": self.epoch, "history": [dict(row) for row in self.history]}

    def plot(self) -> Plot:
        """Draw the loss on the training set and the metric on the validation set after each epoch."""
        from lmu_hw.core.figures import curves_figure

        epochs = np.array([row["epoch"] for row in self.history])
        curves = {name: (epochs, np.array([row[name] for row in self.history])) for name in ("loss", self._metric)}
        return curves_figure("Training", "epoch", "", curves, yscale="log")


@dataclass
class Progress:
    """The progress of a training.

    Attributes:
        epoch: The number of complete epochs.
        step: The number of complete steps of the current epoch.
        losses: The loss of each of those steps.
        best_epoch: The number of complete epochs when the best parameters were validated; 0 before the first time.
        best_value: The metric of the best parameters on the validation set.
        history: A row for each complete epoch.
    """

    epoch: int = 0
    step: int = 0
    losses: list[float] = field(default_factory=list)
    best_epoch: int = 0
    best_value: float | None = None
    history: list[dict[str, float]] = field(default_factory=list)


class _State(NamedTuple):
    """The arrays that a checkpoint keeps.

    Attributes:
        params: The current parameters.
        moments: The state of the optimiser.
        average: The average of the parameters, which is validated.
        best: The average that was best on the validation set so far.
    """

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
    checkpoint: str | Path | None = None,
    checkpoint_seconds: float = _CHECKPOINT_SECONDS,
    setup: Mapping[str, Any] | None = None,
) -> FitResult:
    """Train a model from `params`, or from `model.init(recipe.seed)`.

    The progress is shown on a terminal; nothing is written to a pipe.

    Args:
        model: The model.
        train: The dataset that the gradients are computed from.
        validation: The dataset by which the best parameters are chosen, after each epoch.
        loss: The function of outputs and targets of a batch that is minimised.
        metric: The metric that the best parameters are chosen by.
        recipe: The settings of the training.
        params: The initial parameters.
        prepare: A function that makes the model's input from stored sequences, and may vary them in training.
        checkpoint: The file that keeps the state, at least after each epoch. If it is there the training resumes.
        checkpoint_seconds: The time after which the state is kept within an epoch too.
        setup: Plain values for whatever else defines the training, such as the loss and `prepare`. A checkpoint with
            other ones is not resumed.

    Raises:
        DesignError: The data are not finite or do not fit each other, there are fewer sequences than a batch has, or
            the checkpoint is that of another training.
        CheckFailed: The loss, the gradient or the metric is not finite. The last good checkpoint stays, and the
            message says where it is.
    """
    checkpoint = None if checkpoint is None else Path(checkpoint)
    train, validation = check_dataset("training", train), check_dataset("validation", validation)
    check_integer("batch", recipe.batch, 1, len(train.x))
    steps = len(train.x) // recipe.batch
    start = model.init(recipe.seed) if params is None else params
    start = jax.tree.map(lambda array: jnp.asarray(array, model.dtype), start)
    optimiser = recipe.optimiser(recipe.epochs * steps, model.trained(start))
    progress, state = Progress(), _State(start, optimiser.init(start), start, start)
    kept = None
    if checkpoint is not None:
        setup = {"metric": metric.name} | dict(setup or {})
        kept = _Checkpoint(checkpoint, _identity(model, recipe, train, validation, start, setup), checkpoint_seconds)
        progress, state = kept.resumed(progress, state)
    advance = _compiled_steps(model, loss, recipe, optimiser, prepare)
    data = Dataset(jax.device_put(train.x), jax.device_put(train.y))
    measure = _Measure(model, validation, metric, recipe.batch, prepare)
    with _progress_bar(recipe.epochs * steps, metric.name) as show:
        while progress.epoch < recipe.epochs and not _is_over(progress, metric, recipe.patience):
            order = np.random.default_rng([recipe.seed, progress.epoch]).permutation(len(train.x))
            batches = order[: steps * recipe.batch].reshape(steps, recipe.batch)
            while progress.step < steps:
                part = batches[progress.step : progress.step + recipe.steps_per_call]
                first = progress.epoch * steps + progress.step
                (now, moments, average), losses, norms = advance(state[:3], data, part, first)
                _check_finite(np.asarray(losses), np.asarray(norms), progress, kept)
                state = _State(now, moments, average, state.best)
                progress.losses += np.asarray(losses, np.float64).tolist()
                progress.step += len(part)
                show(first + len(part), progress)
                if kept is not None and kept.is_late() and progress.step < steps:
                    kept.save(progress, state)
            value = measure(state.average)
            if not np.isfinite(value):
                what = f"{metric.name} on the validation set is not finite after epoch {progress.epoch} (from 0)"
                raise CheckFailed(f"the {what}{_where(kept)}")
            state = _end_epoch(state, progress, value, metric)
            if kept is not None:
                kept.save(progress, state)
    value = progress.history[progress.best_epoch - 1][metric.name]
    return FitResult(state.best, value, progress.best_epoch, progress.history, state.params)


def _is_over(progress: Progress, metric: Metric, patience: int | None) -> bool:
    """Whether the validation score has not become better for as many epochs as the patience lasts."""
    if patience is None:
        return False
    return epochs_without_gain([row[metric.name] for row in progress.history], metric) >= patience


def evaluate(
    model: Model,
    params: ModelParameters,
    data: Dataset,
    metric: Metric,
    *,
    batch: int = 100,
    prepare: Prepare | None = None,
) -> float:
    """Compute the metric of a model on a dataset, in batches; NaN where an output is not finite.

    Raises:
        DesignError: The data are not finite or do not fit each other.
    """
    return _Measure(model, check_dataset("evaluation", data), metric, batch, prepare)(params)


class _Measure:
    """A metric on a dataset as a function of the parameters, compiled once."""

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


def _compiled_steps(
    model: Model, loss: Loss, recipe: Recipe, optimiser: Any, prepare: Prepare | None
) -> Callable[..., tuple[Any, Tensor, Tensor]]:
    """Compile a function that makes several steps.

    It takes the state, the data, the indices of the batches and the number of the first step, and gives the new state,
    the losses and the norms of the gradients.
    """

    def objective(params: ModelParameters, x: Tensor, y: Tensor, key: Tensor) -> Tensor:
        # The second key is not used. It was once, and without the split the same seed would give other numbers.
        drawn, _ = jax.random.split(key)
        return loss(model.apply(params, x if prepare is None else prepare(x, drawn)), y)

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


def _end_epoch(state: _State, progress: Progress, value: float, metric: Metric) -> _State:
    """Add the epoch to the history, and keep its parameters if they are the best."""
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


def _check_finite(losses: NDArray[Any], norms: NDArray[Any], progress: Progress, kept: _Checkpoint | None) -> None:
    good = np.isfinite(losses) & np.isfinite(norms)
    if good.all():
        return
    k = int(np.argmin(good))
    what = "gradient" if np.isfinite(losses[k]) else "loss"
    where = f"in step {progress.step + k} of epoch {progress.epoch} (from 0)"
    raise CheckFailed(f"the {what} is not finite {where}{_where(kept)}")


class _Checkpoint:
    """The file that keeps the state of a training."""

    def __init__(self, path: Path, setup: Mapping[str, Any], seconds: float) -> None:
        """Name the file; nothing is read or written.

        Args:
            path: The file.
            setup: Everything that defines the training, as plain values.
            seconds: The time after which a checkpoint is late.
        """
        self.path, self._setup, self._seconds = path, setup, seconds
        self._written = time.monotonic()

    def is_late(self) -> bool:
        """Whether the last checkpoint is older than the time after which another one is due."""
        return time.monotonic() - self._written >= self._seconds

    def save(self, progress: Progress, state: _State) -> None:
        """Replace the file by this state, completely or not at all."""
        values: dict[str, NDArray[Any]] = {str(k): np.asarray(leaf) for k, leaf in enumerate(jax.tree.leaves(state))}
        header = {"format": FORMAT, "version": VERSION, "setup": self._setup, "progress": vars(progress)}
        write_archive(self.path, header, values)
        self._written = time.monotonic()

    def resumed(self, progress: Progress, state: _State) -> tuple[Progress, _State]:
        """The progress and the state in the file, or these if there is no file.

        Args:
            progress: The progress of a training that begins.
            state: The state of that training; the one in the file must have the same structure, shapes and types.

        Raises:
            DesignError: The file is no checkpoint, is damaged, or is that of another training.
        """
        if not self.path.exists():
            return progress, state
        leaves, structure = jax.tree.flatten(state)
        label = self.path.name

        def check(leaf: Any, form: Form) -> str | None:
            wanted = (leaf.shape, np.dtype(leaf.dtype).newbyteorder("<").str)
            return None if form == wanted else f"of shape {wanted[0]} and type {wanted[1]}"

        with ArchiveReader(self.path, max_bytes=MAX_BYTES) as archive:
            header = archive.header
            if (header.get("format"), header.get("version")) != (FORMAT, VERSION):
                got = f"{header.get('format')} {header.get('version')}"
                raise DesignError(f"checkpoint {label}", f"a {FORMAT} of version {VERSION}", got)
            if header.get("setup") != self._setup:
                other = f"one with another {_difference(self._setup, header.get('setup'))}"
                raise DesignError(f"checkpoint {label}", "of this training", other, hint="remove it to start afresh")
            values = archive.read({str(k): partial(check, leaf) for k, leaf in enumerate(leaves)})
            written = header.get("progress")
            if not isinstance(written, dict) or set(written) != set(vars(progress)):
                raise DesignError(f"progress in {label}", "an object with " + ", ".join(vars(progress)), written)
        arrays = [jnp.asarray(values[str(k)]) for k in range(len(leaves))]
        return Progress(**written), jax.tree.unflatten(structure, arrays)


def _where(kept: _Checkpoint | None) -> str:
    """The clause of an error that says where the last good state is."""
    if kept is None or not kept.path.exists():
        return ""
    return f"; the last good state is kept in {kept.path}"


def _identity(
    model: Model,
    recipe: Recipe,
    train: Dataset,
    validation: Dataset,
    start: ModelParameters,
    setup: Mapping[str, Any],
) -> dict[str, Any]:
    """Everything that defines a training, as plain values that JSON gives back unchanged."""

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


def _difference(wanted: Mapping[str, Any], got: Any) -> str:
    """The first key in which two identities differ."""
    if not isinstance(got, dict):
        return "setup"
    for key in [*wanted, *got]:
        here, there = wanted.get(key), got.get(key)
        if here != there:
            return f"{key}.{_difference(here, there)}" if isinstance(here, Mapping) else str(key)
    return "setup"


@contextmanager
def _progress_bar(steps: int, metric: str) -> Iterator[Callable[[int, Progress], None]]:
    """Show a bar on a terminal, and nothing elsewhere.

    Args:
        steps: The number of steps of the whole training.
        metric: The name of the metric that is shown.

    Yields:
        A function of the number of steps done and of the progress, which moves the bar.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    terminal = sys.stderr.isatty()
    with Bar(*columns, console=Console(stderr=True), transient=True, disable=not terminal) as bar:
        task = bar.add_task("compile", total=steps)

        def show(done: int, progress: Progress) -> None:
            best = "" if progress.best_value is None else f", best {metric} {progress.best_value:.5g}"
            text = f"epoch {progress.epoch + 1}: loss {progress.losses[-1]:.4g}{best}"
            bar.update(task, completed=done, description=text)

        yield show
