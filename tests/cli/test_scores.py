"""Scores of networks on labelled sequences: classes, targets, the held-out part, word lengths."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from lmu_hw.core.metrics import nrmse
from lmu_hw.core.spec import LMUSpec
from lmu_hw.io.splits import Split, digest_of, read_split, write_split
from lmu_hw.networks.file import save_network
from lmu_hw.networks.model import DenseParameters, MemoryParameters, Network, Output
from lmu_hw.networks.reference import FloatNetwork
from tests.cli.conftest import Lmu

_SEQUENCES, _STEPS, _OUTPUTS = 12, 9, 3


def network(rng: np.random.Generator, output: Output = Output.LAST, outputs: int = _OUTPUTS) -> Network:
    memory = MemoryParameters(
        LMUSpec(4, float(_STEPS), 1.0),
        rng.standard_normal((1, 1)),
        np.zeros(1),
        rng.standard_normal((5, 4)),
        rng.standard_normal((5, 1)),
        np.zeros(5),
        "relu",
    )
    return Network((memory, DenseParameters(rng.standard_normal((outputs, 5)), rng.standard_normal(outputs))), output)


@pytest.fixture
def made(tmp_path: Path, rng: np.random.Generator) -> Network:
    """A network, sequences as (sequences, T), and the classes that it finds in them, but for three."""
    net = network(rng)
    save_network(tmp_path / "net.npz", net)
    x = rng.uniform(-1.0, 1.0, (_SEQUENCES, _STEPS))
    np.save(tmp_path / "x.npy", x)
    labels = FloatNetwork(net).run(x[..., None]).argmax(axis=1)
    labels[:3] = (labels[:3] + 1) % _OUTPUTS
    np.save(tmp_path / "labels.npy", labels)
    return net


def test_the_score_of_classes(lmu: Lmu, made: Network, tmp_path: Path) -> None:
    called = lmu("run", "net.npz", "--input", "x.npy", "--labels", "labels.npy", "--json")
    assert (called.status, called.err) == (0, "")
    score, labels = called.answer["score"], np.load(tmp_path / "labels.npy")
    assert (score["metric"], score["part"], score["sequences"], score["value"]) == ("accuracy", "all", 12, 0.75)
    confusion = np.array(score["confusion"])
    assert confusion.sum(axis=1).tolist() == np.bincount(labels, minlength=_OUTPUTS).tolist()
    assert np.trace(confusion) == 9
    for k, share in enumerate(score["per_class"]):
        count = int(np.sum(labels == k))
        assert share == (None if count == 0 else pytest.approx(confusion[k, k] / count))
    shown = lmu("run", "net.npz", "--input", "x.npy", "--labels", "labels.npy").out
    assert "75 % of 12 sequences" in shown
    assert "Classes: what each is taken for" in shown


@pytest.mark.parametrize("output", list(Output))
def test_the_score_against_targets(output: Output, lmu: Lmu, tmp_path: Path, rng: np.random.Generator) -> None:
    net = network(rng, output, outputs=2)
    save_network(tmp_path / "net.npz", net)
    x = rng.uniform(-1.0, 1.0, (_SEQUENCES, _STEPS, 1))
    exact = FloatNetwork(net).run(x)
    wanted = exact + 0.1 * rng.standard_normal(exact.shape)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", wanted)
    score = lmu("run", "net.npz", "--input", "x.npy", "--labels", "y.npy", "--json").answer["score"]
    assert score["value"] == pytest.approx(nrmse(exact, wanted))
    assert score["per_output"] == pytest.approx([nrmse(exact[..., k], wanted[..., k]) for k in range(2)])
    assert "confusion" not in score


def test_a_network_with_one_output_takes_a_list_of_targets(lmu: Lmu, tmp_path: Path, rng: np.random.Generator) -> None:
    net = network(rng, outputs=1)
    save_network(tmp_path / "net.npz", net)
    x = rng.uniform(-1.0, 1.0, (_SEQUENCES, _STEPS))
    np.save(tmp_path / "x.npy", x)
    wanted = np.round(2.0 * FloatNetwork(net).run(x[..., None])[:, 0])
    (tmp_path / "y.csv").write_text("".join(f"{value}\n" for value in wanted), encoding="utf-8")
    score = lmu("run", "net.npz", "--input", "x.npy", "--labels", "y.csv", "--json").answer["score"]
    assert score["value"] == pytest.approx(nrmse(FloatNetwork(net).run(x[..., None])[:, 0], wanted))


def trained_on(tmp_path: Path, net: Network, *, split: bool = True) -> Split:
    """Make the network one that was trained on x.npy, with the first sequences held out."""
    x = np.load(tmp_path / "x.npy")[..., None]
    parts = {"train": np.arange(5, 12), "validation": np.array([4]), "test": np.arange(4)}
    made = Split(len(x), digest_of(x), parts)
    save_network(tmp_path / "net.npz", Network(net.layers, net.output, notes={"input_sha256": made.digest}))
    if split:
        write_split(tmp_path / "net.split.npz", made)
    return made


def test_what_was_held_out_is_scored_unless_told(lmu: Lmu, made: Network, tmp_path: Path) -> None:
    """The first three labels are wrong, and the first four sequences are the test part."""
    trained_on(tmp_path, made)
    words = ["run", "net.npz", "--input", "x.npy", "--labels", "labels.npy"]
    wanted = {(): ("test", 4, 0.25), ("--part", "train"): ("train", 7, 1.0), ("--part", "all"): ("all", 12, 0.75)}
    for more, (part, sequences, value) in wanted.items():
        called = lmu(*words, *more, "--json")
        assert (called.status, called.err) == (0, "")
        score = called.answer["score"]
        assert (score["part"], score["sequences"], score["value"]) == (part, sequences, value)
    assert "25 % of 4 sequences that were held out in training" in lmu(*words).out


def test_other_sequences_are_scored_as_a_whole(lmu: Lmu, made: Network, tmp_path: Path) -> None:
    trained_on(tmp_path, made)
    np.save(tmp_path / "new.npy", np.load(tmp_path / "x.npy")[::-1])
    words = ["run", "net.npz", "--input", "new.npy", "--labels", "labels.npy"]
    assert lmu(*words, "--json").answer["score"]["part"] == "all"
    called = lmu(*words, "--part", "test")
    assert called.status == 2
    assert called.err.startswith("lmu-hw: --part test has no effect on other sequences than those that net.split.npz")


def test_a_missing_split_is_told(lmu: Lmu, made: Network, tmp_path: Path) -> None:
    trained_on(tmp_path, made, split=False)
    called = lmu("run", "net.npz", "--input", "x.npy", "--labels", "labels.npy", "--json")
    assert called.answer["score"]["part"] == "all"
    assert called.err.startswith("lmu-hw: note: net.npz was trained on these sequences, but net.split.npz is missing")


def test_a_split_is_read_as_it_was_written(tmp_path: Path, made: Network) -> None:
    written = trained_on(tmp_path, made)
    again = read_split(tmp_path / "net.split.npz")
    assert (again.sequences, again.digest) == (written.sequences, written.digest)
    for name, indices in written.parts.items():
        np.testing.assert_array_equal(again.parts[name], indices)


def test_the_score_over_word_lengths(lmu: Lmu, made: Network, tmp_path: Path) -> None:
    words = ["--input", "x.npy", "--labels", "labels.npy", "--backend", "fixed", "--word-lengths", "8,3"]
    called = lmu("run", "net.npz", *words, "--sweep", "weight-bits,state-bits", "--out", "out", "--json")
    assert (called.status, called.err) == (0, "")
    found = called.answer["word_lengths"]
    order = [(row["word"], row["bits"]) for row in found["rows"]]
    assert order == [("weight_bits", 3), ("weight_bits", 8), ("state_bits", 3), ("state_bits", 8)]
    assert found["float"] == 0.75
    few, many = found["rows"][:2]
    assert few["nrmse"] > 4.0 * many["nrmse"]
    assert few["storage_bits"] < many["storage_bits"]
    # A row is what a run with that word length gives.
    alone = lmu("run", "net.npz", *words[:6], "--weight-bits", 3, "--json").answer
    assert alone["score"]["value"] == few["value"]
    rows = list(csv.DictReader((tmp_path / "out" / "word_lengths.csv").open()))
    assert [(row["word"], int(row["bits"])) for row in rows] == order
    assert "<svg" in (tmp_path / "out" / "word_lengths.svg").read_text(encoding="utf-8")
    shown = lmu("run", "net.npz", *words).out
    assert "Over word lengths; in float64 accuracy 75 %" in shown


def test_a_word_length_without_a_plan_is_told(lmu: Lmu, made: Network) -> None:
    """The budget of bits is that of the shorter word."""
    words = ["--input", "x.npy", "--labels", "labels.npy", "--backend", "fixed", "--word-lengths", "4,16"]
    least = lmu("run", "net.npz", *words, "--json").answer["word_lengths"]["rows"][0]["storage_bits"]
    words += ["--weight-bits", "3", "--memory-bits", str(least)]
    rows = lmu("run", "net.npz", *words, "--json").answer["word_lengths"]["rows"]
    assert rows[0]["reason"] is None
    assert (rows[1]["value"], rows[1]["storage_bits"]) == (None, None)
    assert rows[1]["reason"].startswith("memory_bits must be at least ")
    assert "weight bits 16: no plan, memory_bits must be" in lmu("run", "net.npz", *words).out
