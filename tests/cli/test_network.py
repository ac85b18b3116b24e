"""The subcommands with a NETWORK: every backend on a user's arrays, checks, and errors."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.io.archive import write_archive
from lmu_hw.networks.file import save_network
from lmu_hw.networks.model import Network, Output
from lmu_hw.networks.pretrained import load
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.options import LayerOptions, NetworkOptions
from lmu_hw.networks.quantize.planner import plan_network
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.layers import DenseParameters, LSTMParameters
from tests.cli.conftest import Lmu
from tests.networks.networks import draw


def network(rng: np.random.Generator, output: Output = Output.LAST, inputs: int = 2) -> Network:
    cell = CellParameters(LMUSpec(3, 0.2, 0.02), **draw(rng, CellParameters.shapes(3, inputs, 1, 4)))
    return Network((cell, DenseParameters(**draw(rng, DenseParameters.shapes(4, 3)))), output)


@pytest.fixture
def files(rng: np.random.Generator, tmp_path: Path) -> Network:
    """net.npz, a batch of sequences x.npy, and classes y.npy that the float network gives, but for one."""
    made = network(rng)
    save_network(tmp_path / "net.npz", made)
    x = rng.uniform(-1, 1, (5, 6, 2))
    np.save(tmp_path / "x.npy", x)
    classes = FloatNetwork(made).classify(x)
    classes[0] = (classes[0] + 1) % 3
    np.save(tmp_path / "y.npy", classes)
    return made


def test_float(lmu: Lmu, files: Network, tmp_path: Path) -> None:
    called = lmu("run", "net.npz", "--input", "x.npy", "--out", "out", "--json")
    assert (called.status, called.err) == (0, "")
    expected = FloatNetwork(files).run(np.load(tmp_path / "x.npy"))
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "output.npy"), expected)
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "classes.npy"), expected.argmax(axis=1))
    answer = called.answer
    assert (answer["sequences"], answer["steps"], answer["shape"], answer["classes"]) == (5, 6, [5, 3], [5])
    assert answer["peak"] == pytest.approx(np.abs(expected).max(axis=0).tolist())
    assert "calibration" not in answer


@pytest.mark.parametrize("output", list(Output))
def test_a_single_sequence_has_no_axis_of_a_batch(output: Output, lmu: Lmu, rng, tmp_path: Path) -> None:
    made = network(rng, output, inputs=1)
    save_network(tmp_path / "net.npz", made)
    x = rng.uniform(-1, 1, 9)
    np.save(tmp_path / "x.npy", x)
    assert lmu("run", "net.npz", "--input", "x.npy", "--out", "out").status == 0
    expected = FloatNetwork(made).run(x[None, :, None])[0]
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "output.npy"), expected)
    assert np.load(tmp_path / "out" / "classes.npy").shape == expected.shape[:-1]


def test_fixed_is_the_integer_model(lmu: Lmu, files: Network, rng, tmp_path: Path) -> None:
    """Formats are chosen on the input, or on other sequences, which the answer says."""
    x = np.load(tmp_path / "x.npy")
    np.save(tmp_path / "c.npy", rng.uniform(-1.5, 1.5, (7, 6, 2)))
    options = NetworkOptions(LayerOptions(weight_bits=6, state_bits=12, granularity="tensor"), input_bits=10)
    words = ["--weight-bits", 6, "--state-bits", 12, "--granularity", "tensor", "--input-bits", 10]
    for calibration, given in (("the input itself", []), ("c.npy", ["--calibration", "c.npy"])):
        called = lmu(
            "run", "net.npz", "--input", "x.npy", "--backend", "fixed", *words, *given, "--out", "out", "--json"
        )
        assert (called.status, called.err) == (0, "")
        assert called.answer["calibration"] == calibration
        model = IntegerNetwork(plan_network(files, np.load(tmp_path / "c.npy") if given else x, options))
        np.testing.assert_array_equal(
            np.load(tmp_path / "out" / "output.npy"), model.decode(model.run(model.encode(x)))
        )


def test_rtl_gives_the_words_of_the_fixed_backend(lmu: Lmu, files: Network, tmp_path: Path) -> None:
    for backend in ("fixed", "rtl"):
        words = ["--backend", backend]
        if backend == "rtl":
            words += ["--simulator", "icarus", "--lanes", 3, "--parallel-sequences", 2]
        called = lmu("run", "net.npz", "--input", "x.npy", *words, "--out", backend, "--json")
        assert (called.status, called.err) == (0, "")
    fixed, rtl = (np.load(tmp_path / backend / "output.npy") for backend in ("fixed", "rtl"))
    np.testing.assert_array_equal(rtl, fixed)
    assert rtl.shape == (5, 3)


def test_cosim_tells_what_differs_and_how_good_it_is(lmu: Lmu, files: Network, tmp_path: Path) -> None:
    words = ["--simulator", "icarus", "--labels", "y.npy", "--parallel-sequences", 2, "--lanes", 4]
    called = lmu("cosim", "net.npz", "--input", "x.npy", *words, "--out", "out", "--json")
    assert (called.status, called.err) == (0, "")
    answer = called.answer
    assert answer == json.loads((tmp_path / "out" / "results.json").read_text())
    assert answer["passed"]
    assert answer["digital"]["mismatches"] == 0
    # Five sequences in three rounds of two: what fills the last one is compared too.
    assert (answer["digital"]["sequences"], answer["digital"]["samples"], answer["digital"]["words"]) == (5, 30, 18)
    assert answer["accuracy"]["float"] == 0.8
    assert answer["accuracy"]["rtl"] == answer["accuracy"]["fixed"]
    assert 0.0 < answer["fixed_vs_float"]["max_error"] < 0.05
    assert answer["multipliers"] == 8
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "0 mismatches in 18 words of 5 sequences" in page
    assert (tmp_path / "out" / answer["waveform"]).stat().st_size > 0


def test_cosim_fails_where_the_verilog_differs(
    lmu: Lmu, files: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verilog of other weights, under the same plan."""
    import lmu_hw.cli.cosim as subcommand

    generate = subcommand.generate_network_verilog

    def other(plan, **options):
        wrong = plan_network(files, np.load(tmp_path / "x.npy"), NetworkOptions(LayerOptions(weight_bits=5)))
        return generate(wrong, **options)

    monkeypatch.setattr(subcommand, "generate_network_verilog", other)
    called = lmu("cosim", "net.npz", "--input", "x.npy", "--simulator", "icarus", "--out", "out", "--json")
    assert called.status == 1
    assert called.err.startswith("lmu-hw: Verilog: streams_match_integer_models: design 0: beat ")
    assert not called.answer["passed"]
    assert called.answer["digital"]["mismatches"] > 0
    assert json.loads((tmp_path / "out" / "results.json").read_text())["passed"] is False


def test_verilog_leaves_a_module_and_what_to_know_of_it(lmu: Lmu, files: Network, tmp_path: Path) -> None:
    words = ["--calibration", "x.npy", "--lanes", 2, "--parallel-sequences", 3, "--reset", "never", "--name", "net"]
    called = lmu("verilog", "net.npz", *words, "--out", "out", "--json")
    assert (called.status, called.err) == (0, "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "README.txt",
        "manifest.json",
        "net.core",
        "net.v",
        "net_slice_0_activations_table_0.hex",
    ]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest == called.answer
    assert (manifest["lanes"], manifest["sequences"], manifest["multipliers"], manifest["reset"]) == (2, 3, 6, "never")
    text = (tmp_path / "out" / "net.v").read_text()
    assert "module net (" in text
    assert (
        "lmu-hw verilog net.npz --name net --calibration x.npy --lanes 2 --parallel-sequences 3 --reset never" in text
    )


def test_a_network_of_the_package_goes_by_its_name(lmu: Lmu, rng, tmp_path: Path) -> None:
    x = rng.integers(-15, 16, (2, 64, 1)) / 16
    np.save(tmp_path / "x.npy", x)
    assert lmu("run", "digits_linear", "--input", "x.npy", "--out", "out").status == 0
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "output.npy"), FloatNetwork(load("digits_linear")).run(x))


def test_a_design_file_may_hold_a_network(lmu: Lmu, files: Network, tmp_path: Path) -> None:
    (tmp_path / "d.toml").write_text('network = "net.npz"\nweight_bits = 7\nlanes = 2\n', encoding="utf-8")
    words = ["--lanes", 3, "--calibration", "x.npy", "--json", "--out", "out"]
    answer = lmu("verilog", "--design", "d.toml", *words).answer
    assert answer["lanes"] == 3
    assert "--weight-bits 7" in (tmp_path / "out" / "lmu_network.v").read_text(encoding="utf-8")
    answer = lmu("run", "--design", "d.toml", "--input", "x.npy", "--json").answer
    assert (answer["design"]["weight_bits"], answer["design"]["lanes"]) == (7, 2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["net.npz", "--order", 3], "--order has no effect with a NETWORK; it belongs to a memory"),
        (["net.npz", "--delays", "0,1"], "--delays has no effect with a NETWORK; it belongs to a memory"),
        (["net.npz", "--input-channel", "1"], "--input-channel has no effect with a NETWORK; it belongs to a memory"),
        (["net.npz", "--normalize"], "--normalize has no effect with a NETWORK; it belongs to a memory"),
        (["--weight-bits", 8], "--weight-bits has no effect without a NETWORK"),
        (["no.npz"], "no.npz is neither a file nor a network of the package; there are digits_linear, "),
        (["net.npz", "--weight-bits", 1, "--backend", "fixed"], "--weight-bits must be an integer from 2 to 24, got 1"),
        (
            ["net.npz", "--calibration", "no.npy", "--backend", "fixed"],
            "there is no file no.npy",
        ),
        (["net.npz", "--memory-bits", 100, "--backend", "fixed"], "--memory-bits must be at least "),
        (["net.npz", "--backend", "rtl", "--lanes", 0], "--lanes must be an integer from 1 to "),
        (["net.npz", "--backend", "rtl", "--parallel-sequences", 0], "--parallel-sequences must be an integer "),
    ],
)
def test_wrong_requests_are_refused(words: list[object], said: str, lmu: Lmu, files: Network, tmp_path: Path) -> None:
    called = lmu("run", *words, "--input", "x.npy", "--out", "out")
    assert (called.status, called.out) == (2, "")
    assert called.err.startswith(f"lmu-hw: {said}")
    assert called.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_what_each_subcommand_must_be_given(lmu: Lmu, files: Network) -> None:
    cases = {
        ("run",): "--input FILE is missing; it holds the samples",
        ("cosim",): "--input FILE is missing; it holds the samples",
        ("quantize",): "--calibration FILE is missing; it holds the sequences that the formats are chosen on",
        ("verilog",): "--calibration FILE is missing; it holds the sequences that the formats are chosen on",
        (
            "cosim",
            "--input",
            "x.npy",
            "--no-analog",
        ): "--no-analog has no effect with a NETWORK; it belongs to a memory",
        ("quantize", "--target-nrmse", 0.1): "--target-nrmse has no effect with a NETWORK; it belongs to a memory",
    }
    for (subcommand, *words), said in cases.items():
        called = lmu(subcommand, "net.npz", *words)
        assert (called.status, called.err) == (2, f"lmu-hw: {said}\n")
    called = lmu("cosim", "--order", 3, "--theta", 1, "--dt", 0.01, "--labels", "y.npy")
    assert (called.status, called.err) == (2, "lmu-hw: --labels has no effect without a NETWORK\n")


def test_data_beyond_the_formats_are_refused(lmu: Lmu, files: Network, tmp_path: Path) -> None:
    np.save(tmp_path / "c.npy", 0.01 * np.load(tmp_path / "x.npy"))
    words = ["--input", "x.npy", "--calibration", "c.npy", "--backend", "fixed", "--out", "out"]
    called = lmu("run", "net.npz", *words)
    assert called.status == 2
    assert called.err.startswith("lmu-hw: input of the network must be ")
    assert not (tmp_path / "out").exists()


def tampered(path: Path, edit) -> None:
    """The network file with its header and arrays changed by `edit`."""
    with np.load(path) as archive:
        values = {name: archive[name] for name in archive.files}
    header = json.loads(values.pop("header").tobytes())
    edit(header, values)
    write_archive(path, header, values)


def poison(header, values) -> None:
    values["1.bias"] = np.array([0.0, np.nan, 0.0])


def pickled(path: Path) -> None:
    np.savez(path, header=np.array([{"format": "lmu_hw network"}], dtype=object))


def nested(path: Path) -> None:
    inner = path.read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.npy", inner)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:700]), "net.npz must be "),
        (lambda path: path.write_bytes(b"not a zip"), "net.npz must be "),
        (pickled, "header in net.npz must be "),
        (nested, "header in net.npz must be "),
        (lambda path: tampered(path, poison), "bias of layer 1 (dense) must be "),
        (
            lambda path: tampered(path, lambda h, v: h["layers"][0].update(type="gru")),
            "type of layer 0 must be one of lmu",
        ),
        (
            lambda path: tampered(path, lambda h, v: v.update({"0.bias": np.zeros(7)})),
            "bias of layer 0 (lmu) in net.npz must be ",
        ),
        (
            lambda path: tampered(path, lambda h, v: h["layers"][0].update(order=10**9)),
            "order of layer 0 (lmu) must be an integer from 1 to ",
        ),
        (
            lambda path: tampered(path, lambda h, v: h["layers"][1].update(outputs=60000)),
            "kernel of layer 1 (dense) in net.npz must be ",
        ),
    ],
    ids=["truncated", "no archive", "pickle", "nested", "nan", "unknown layer", "shape", "huge", "large"],
)
@pytest.mark.parametrize("subcommand", ["run", "verilog"])
def test_bad_network_files_are_refused_by_layer(
    subcommand: str, spoil, said, lmu: Lmu, files: Network, tmp_path: Path
) -> None:
    spoil(tmp_path / "net.npz")
    given = "--input" if subcommand == "run" else "--calibration"
    called = lmu(subcommand, "net.npz", given, "x.npy", "--out", "out")
    assert (called.status, called.out) == (2, "")
    assert called.err.startswith(f"lmu-hw: {said}")
    assert called.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_layer_without_a_fixed_point_form_is_refused_by_name(lmu: Lmu, rng, tmp_path: Path) -> None:
    lstm = LSTMParameters(**draw(rng, LSTMParameters.shapes(2, 3)))
    save_network(tmp_path / "net.npz", Network((lstm, DenseParameters(**draw(rng, DenseParameters.shapes(3, 3))))))
    np.save(tmp_path / "x.npy", rng.uniform(-1, 1, (2, 4, 2)))
    assert lmu("run", "net.npz", "--input", "x.npy").status == 0
    called = lmu("run", "net.npz", "--input", "x.npy", "--backend", "fixed")
    assert called.status == 2
    assert "layer 0 (lstm)" in called.err


def test_quantize_reports_every_tensor(lmu: Lmu, files: Network, tmp_path: Path) -> None:
    called = lmu("quantize", "net.npz", "--calibration", "x.npy", "--weight-bits", 6, "--out", "out", "--json")
    assert (called.status, called.err) == (0, "")
    answer = called.answer
    assert answer == json.loads((tmp_path / "out" / "plan.json").read_text())
    plan = plan_network(files, np.load(tmp_path / "x.npy"), NetworkOptions(LayerOptions(weight_bits=6)))
    assert answer["formats"]["output"]["width"] == plan.output_format.width
    assert [layer["name"] for layer in answer["layers"]] == ["layer 0 (lmu)", "layer 1 (dense)"]
    assert answer["layers"][1]["affine"]["weight_bits"] <= 6
    assert answer["storage_bits"] == sum(layer["storage_bits"]["total"] for layer in answer["layers"])
    assert answer["multiplications_per_sample"] == plan.multiplications(last=False)
    tensors = answer["tensors"]
    assert {tensor["layer"] for tensor in tensors} == {"network", "layer 0 (lmu)", "layer 1 (dense)"}
    # Together they do more than each alone, but not more than all of them added up would, by far.
    alone = [tensor["output_error"] for tensor in tensors[:-1]]
    assert 0.0 < max(alone) < 3.0 * answer["nrmse"]
    assert answer["nrmse"] < 3.0 * sum(alone)
    table = lmu("quantize", "net.npz", "--calibration", "x.npy").out
    assert "clipped" in table
    assert "layer 1 (dense)" in table
