"""The score of a network on labelled sequences: of the held-out part where they are those that it was trained on."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmu_hw.cli.output import format_number, grid, percent
from lmu_hw.core.legendre import Array
from lmu_hw.core.metrics import ClassScores, classes_of, nrmse
from lmu_hw.design.requests import Recording
from lmu_hw.errors import DesignError, RequestError
from lmu_hw.io.recordings import Sequences, read_classes, read_targets
from lmu_hw.io.splits import digest_of, read_split, split_path
from lmu_hw.networks.model import Network, Output

IntArray = NDArray[np.int64]
_ALL = "all"
_MOST_CLASSES = 16  # of a confusion matrix that is shown


@dataclass(frozen=True, eq=False)
class Labelled:
    """The sequences that are scored, and what the network should say of them.

    Attributes:
        origin: The file of the labels.
        part: The name of the part: train, validation, test, or all.
        indices: The indices of the sequences that are scored, shape (scored,).
        classes: The class of every sequence, shape (sequences,); None where there are targets.
        targets: The wanted outputs of every sequence, shape (sequences, [T,] outputs); None where there are classes.
    """

    origin: Path
    part: str
    indices: IntArray
    classes: IntArray | None = None
    targets: Array | None = None

    def first(self, count: int) -> Labelled:
        """The labels of the first sequences that are scored alone, of which all are scored."""
        some = self.indices[:count]
        return replace(
            self,
            indices=np.arange(some.size),
            classes=None if self.classes is None else self.classes[some],
            targets=None if self.targets is None else self.targets[some],
        )

    @property
    def metric(self) -> str:
        """The name of the score: accuracy, or nrmse."""
        return "nrmse" if self.classes is None else "accuracy"

    def value(self, outputs: Array) -> float:
        """The score of the outputs of the scored sequences, shape (scored, [T,] outputs)."""
        if self.classes is not None:
            return float(np.mean(classes_of(outputs) == self.classes[self.indices]))
        return nrmse(outputs, self._wanted)

    def score(self, outputs: Array) -> dict[str, Any]:
        """The score of the outputs of all sequences, shape (sequences, [T,] outputs), as plain values.

        Besides `metric` and `value` there are for classes `per_class` and the matrix `confusion` (rows: labels), and
        for targets `per_output`, the NRMSE of each output.
        """
        some = outputs[self.indices]
        told: dict[str, Any] = {
            "labels": str(self.origin),
            "part": self.part,
            "sequences": int(self.indices.size),
            "metric": self.metric,
            "value": self.value(some),
        }
        if self.classes is not None:
            found = ClassScores.of(classes_of(some), self.classes[self.indices], outputs.shape[-1])
            return told | {"per_class": found.per_class, "confusion": found.confusion.tolist()}
        wanted = self._wanted
        every = range(outputs.shape[-1])
        return told | {
            "per_output": [nrmse(some[..., k], wanted[..., k]) if np.any(wanted[..., k]) else None for k in every]
        }

    @property
    def _wanted(self) -> Array:
        if self.targets is None:
            raise DesignError("targets", "present", None)
        return self.targets[self.indices]


def labelled(network: Network, design: str, recording: Recording, sequences: Sequences) -> Labelled | None:
    """Read the labels of --labels and choose the sequences that are scored; None without labels.

    Integers (sequences,) are classes, where the network has several outputs. Other numbers are targets of the shape of
    the outputs, in their unit.

    Args:
        network: The network.
        design: Its file, or its name.
        recording: The request, with the labels and the part.
        sequences: The sequences of --input.

    Raises:
        DesignError: The labels do not fit the sequences, or there is no such part.
    """
    if recording.labels is None:
        return None
    values, path = sequences.values, recording.labels
    part, indices = _part(network, design, recording.part, values)
    if indices.size == 0:
        raise RequestError(f"the part {part} of {recording.path} has no sequences", hint="choose another --part")
    count, steps, outputs = len(values), values.shape[1], network.outputs
    shape = (count, steps, outputs) if network.output is Output.SEQUENCE else (count, outputs)
    if outputs > 1 and _is_list(path):
        return Labelled(path, part, indices, classes=read_classes(path, count, outputs))
    shapes: list[tuple[int, ...]] = [shape]
    if outputs == 1:
        shapes.append(shape[:-1])
    if count == 1:
        shapes.append(shape[1:])
    if outputs == 1 and count == 1:
        shapes.append(shape[1:-1])
    targets = read_targets(path, shapes, "the wanted outputs" if outputs == 1 else "or a list of classes")
    if not np.any(targets[indices]):
        raise DesignError(path.name, "different from zero somewhere, for an NRMSE", "only zeros")
    return Labelled(path, part, indices, targets=targets)


def _is_list(path: Path) -> bool:
    """Whether a file holds a list, as of classes; what cannot be read is an error where it is read as such."""
    if path.suffix.lower() != ".npy" or not path.is_file():
        return True
    try:
        return bool(np.load(path, mmap_mode="r", allow_pickle=False).ndim == 1)
    except (ValueError, OSError, EOFError):
        return True


def _part(network: Network, design: str, asked: str | None, values: Array) -> tuple[str, IntArray]:
    """The part that is scored: by default the test part of what the network was trained on, else all."""
    everything: IntArray = np.arange(len(values))
    if asked == _ALL:
        return _ALL, everything
    path, digest = split_path(design), digest_of(values)
    kept = path.is_file() and Path(design).is_file()
    if asked is None and network.notes.get("input_sha256") != digest:
        return _ALL, everything
    if not kept:
        if asked is not None:
            raise RequestError(
                f"--part {asked} needs {path}, which is not there",
                hint="training leaves it beside the network; --part all scores all sequences",
            )
        note = f"{design} was trained on these sequences, but {path} is missing; all are scored, as with --part all"
        print(f"lmu-hw: note: {note}", file=sys.stderr)
        return _ALL, everything
    split = read_split(path)
    if split.digest != digest:
        if asked is None:
            return _ALL, everything
        raise RequestError(
            f"--part {asked} has no effect on other sequences than those that {path} divides",
            hint="leave it out to score all of them",
        )
    name = asked or "test"
    return name, split.parts[name]


def score_rows(score: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The rows of a table on a score."""
    part = {"all": "sequences", "test": "sequences that were held out in training"}
    of = part.get(score["part"], f"sequences of the {score['part']} part")
    value = percent(score["value"]) if score["metric"] == "accuracy" else format_number(score["value"])
    name = "accuracy" if score["metric"] == "accuracy" else "NRMSE against targets"
    return [
        (name, f"{value} of {score['sequences']} {of}" if name == "accuracy" else f"{value}, {score['sequences']} {of}")
    ]


def score_tables(score: Mapping[str, Any]) -> Iterator[Any]:
    """The tables on a score: the classes with their confusions, or the outputs."""
    if score["metric"] == "nrmse":
        if len(score["per_output"]) > 1:
            rows = [(str(k), "–" if v is None else format_number(v)) for k, v in enumerate(score["per_output"])]
            yield grid("NRMSE against targets", ["output", "NRMSE"], rows)
        return
    confusion = np.asarray(score["confusion"])
    few = len(confusion) <= _MOST_CLASSES
    heads = ["class", "sequences", "found", *(map(str, range(len(confusion))) if few else ["most often taken for"])]
    rows = []
    for k, (row, share) in enumerate(zip(confusion, score["per_class"], strict=True)):
        wrong = np.where(np.arange(len(row)) == k, 0, row)
        others = map(str, row) if few else [f"{wrong.argmax()} ({wrong.max()})" if wrong.any() else "–"]
        rows.append((str(k), str(row.sum()), percent(share), *others))
    yield grid("Classes: what each is taken for" if few else "Classes", heads, rows)
