"""`lmu-hw run NETWORK --labels FILE --word-lengths N,N,...`: the score of the integer model over word lengths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.cli.output import csv_text, format_number, grid, percent
from lmu_hw.cli.recording import calibration_of
from lmu_hw.cli.scores import Labelled
from lmu_hw.core.legendre import Array
from lmu_hw.design.network import NetworkDesign
from lmu_hw.design.options import options_of
from lmu_hw.design.requests import RunRequest
from lmu_hw.errors import DesignError
from lmu_hw.io.files import write_text
from lmu_hw.io.recordings import Sequences
from lmu_hw.networks.model import Network
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.planner import NetworkPlanner
from lmu_hw.networks.quantize.storage import layer_storage
from lmu_hw.networks.reference import FloatNetwork

#: The words whose lengths can be swept, by flag.
WORDS = ("weight-bits", "activation-bits", "drive-bits", "state-bits", "input-bits")


def words_of(request: RunRequest) -> list[str]:
    """The names of the options that are swept, checked with the word lengths.

    Raises:
        DesignError: There is no such word, a length is out of the range of one of the words, or one is listed twice.
    """
    names = []
    for word in request.swept or WORDS[:1]:
        if word not in WORDS:
            raise DesignError("swept", f"some of {', '.join(WORDS)}", word)
        names.append(word.replace("-", "_"))
        declared = options_of(NetworkDesign)[names[-1]].declared
        for bits in request.word_lengths:
            if not (declared.least or 1) <= bits <= (declared.most or bits):
                raise DesignError("word_lengths", f"from {declared.least} to {declared.most} for --{word}", bits)
    for what, listed in (("word_lengths", request.word_lengths), ("swept", names)):
        if len(set(listed)) < len(listed):
            raise DesignError(what, "different from each other", ",".join(map(str, listed)))
    return names


def sweep(
    design: NetworkDesign,
    network: Network,
    sequences: Sequences,
    labels: Labelled,
    request: RunRequest,
    told: Callable[[str], None],
) -> dict[str, Any]:
    """Plan and score the network at each word length; all other words have the lengths of the design.

    Args:
        design: The design of the network.
        network: The network.
        sequences: The sequences of --input.
        labels: What is scored.
        request: The word lengths and the words.
        told: A function that is told which plan is made.

    Returns:
        The metric, its value in float, and a row for each word and length: `word`, `bits`, `value`, `nrmse` (deviation
        from float over the outputs' RMS) and `storage_bits`; where there is no plan, these are None and `reason` says
        why.
    """
    words = words_of(request)
    scored = sequences.values[labels.indices]
    calibration = sequences if design.calibration is None else calibration_of(design, network)
    planner = NetworkPlanner(network, calibration.values)
    exact = FloatNetwork(network).run(scored)
    rows = []
    for word in words:
        for bits in sorted(request.word_lengths):
            told(f"{word.replace('_', ' ')} {bits}")
            length: dict[str, Any] = {word: bits}
            found = _scored(replace(design, **length), planner, labels, scored, exact)
            rows.append({"word": word, "bits": bits, **found})
    return {"metric": labels.metric, "float": labels.value(exact), "rows": rows}


def _scored(
    design: NetworkDesign, planner: NetworkPlanner, labels: Labelled, scored: Array, exact: Array
) -> dict[str, Any]:
    try:
        plan = planner.plan(design.options())
    except DesignError as problem:
        return {"value": None, "nrmse": None, "storage_bits": None, "reason": str(problem)}
    model = IntegerNetwork(plan)
    outputs = model.decode(model.run(model.encode(scored)))
    power = float(np.mean(exact**2))
    return {
        "value": labels.value(outputs),
        "nrmse": float(np.sqrt(np.mean((outputs - exact) ** 2) / power)) if power > 0.0 else None,
        "storage_bits": sum(layer_storage(layer).total for layer in plan.layers),
        "reason": None,
    }


def write_sweep(folder: Path, found: Mapping[str, Any]) -> list[str]:
    """Write the table and the plot to a folder, and return their names."""
    return [
        write_text(folder / "word_lengths.csv", csv_text([dict(row) for row in found["rows"]])).name,
        write_text(folder / "word_lengths.svg", _plot(found)).name,
    ]


def _plot(found: Mapping[str, Any]) -> str:
    from lmu_hw.core.figures import curves_figure

    curves: dict[str, tuple[Array, Array]] = {}
    for word in dict.fromkeys(row["word"] for row in found["rows"]):
        points = [
            (row["bits"], row["value"]) for row in found["rows"] if row["word"] == word and row["value"] is not None
        ]
        if points:
            bits, values = np.array(points, dtype=np.float64).T
            curves[word.replace("_", " ")] = bits, values
    lengths = np.array(sorted({row["bits"] for row in found["rows"]}), dtype=np.float64)
    curves["float64"] = lengths, np.full(lengths.size, found["float"])
    scale = {} if found["metric"] == "accuracy" else {"yscale": "log"}
    name = "accuracy" if found["metric"] == "accuracy" else "NRMSE against targets"
    return curves_figure("Score over word length", "bits", name, curves, **scale).svg()


def sweep_tables(found: Mapping[str, Any]) -> Iterator[Any]:
    """The table of the score over word lengths."""
    accuracy = found["metric"] == "accuracy"
    told: Callable[[float | None], str] = percent if accuracy else _number
    exact = found["float"]
    rows = []
    for row in found["rows"]:
        if row["value"] is None:
            rows.append((row["word"].replace("_", " "), str(row["bits"]), "–", "–", "–", "–"))
            continue
        change = row["value"] - exact
        less = f"{100.0 * change:+.2f} points" if accuracy else f"{change:+.3g}"
        stored = f"{row['storage_bits']:,}"
        rows.append(
            (row["word"].replace("_", " "), str(row["bits"]), told(row["value"]), less, percent(row["nrmse"]), stored)
        )
    head = "accuracy" if accuracy else "NRMSE"
    title = f"Over word lengths; in float64 {head} {told(exact)}"
    yield grid(title, ["word", "bits", head, "against float64", "deviation from float64", "bits stored"], rows)
    for row in found["rows"]:
        if row["reason"] is not None:
            yield f"{row['word'].replace('_', ' ')} {row['bits']}: no plan, {row['reason']}"


def _number(value: float | None) -> str:
    return "–" if value is None else format_number(value)
