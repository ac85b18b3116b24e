"""Every file that a subcommand leaves is described: in README.txt beside it, in the documents, and JSON by a schema."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from lmu_hw import LMUSpec, load_pretrained, save_network
from lmu_hw.cli import catalogue, main
from lmu_hw.errors import DesignError
from lmu_hw.io.schema import VERSIONS, load_schema, schema_id
from lmu_hw.reference.digits import load_digits
from lmu_hw.rtl.spiking.verilog import generate_spiking_verilog
from lmu_hw.spiking import SpikingOptions
from lmu_hw.spiking.digital.plan import plan_spiking

DOCUMENT = Path(__file__).parents[2] / "docs" / "files.md"
MEMORY = ("--order", "2", "--theta", "0.01", "--dt", "0.0002")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recording, four digits with their classes, and a network file."""
    folder = tmp_path_factory.mktemp("data")
    digits = load_digits(0).test
    np.save(folder / "u.npy", 0.8 * np.sin(0.05 * np.arange(300)))
    np.save(folder / "x.npy", digits.sequences[:4, :, None])
    np.save(folder / "y.npy", digits.labels[:4])
    save_network(folder / "digits.npz", load_pretrained("digits_linear"))
    return folder


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without tolerance for keys that it does not describe."""
    closed = copy.deepcopy(schema)

    def close(part: Any) -> None:
        if isinstance(part, dict):
            if "properties" in part:
                part.setdefault("additionalProperties", False)
            for each in part.values():
                close(each)

    close(closed)
    return closed


def check(name: str, value: dict[str, Any], *, closed: bool = True) -> None:
    schema = load_schema(value["schema"])
    assert value["schema"] == schema_id(name)
    jsonschema.validate(value, strict(schema) if closed else schema)


#: A schema, the command that prints such JSON, and the file that holds the same; {data} is the folder of recordings.
CASES: list[tuple[str, str, str | None]] = [
    ("system", "derive --order 3 --theta 1 --dt 0.01", "system.json"),
    ("system", "derive --order 40 --theta 1 --dt 0.0008 --discretization euler --basis orthonormal", "system.json"),
    ("memory-plan", "quantize --order 3 --theta 1 --dt 0.01 --delays 0.5,1 --output-bits 20", "plan.json"),
    ("memory-plan", "quantize --order 4 --theta 1 --dt 0.01 --discretization bilinear", "plan.json"),
    ("memory-plan", "quantize --order 8 --theta 1 --dt 0.005 --datapath structured", "plan.json"),
    ("memory-plan", "quantize --order 4 --theta 1 --dt 0.01 --guarantee energy", "plan.json"),
    ("memory-search", "quantize --order 3 --theta 1 --dt 0.01 --target-nrmse 0.01", "plan.json"),
    ("network-plan", "quantize digits_linear --calibration {data}/x.npy", "plan.json"),
    ("memory-verilog", "verilog --order 3 --theta 1 --dt 0.01 --channels 3 --delays 1", "manifest.json"),
    ("memory-verilog", "verilog --order 3 --theta 1 --dt 0.01 --discretization bilinear", "manifest.json"),
    ("network-verilog", "verilog {data}/digits.npz --calibration {data}/x.npy --sequences 2", "manifest.json"),
    ("circuit", "spice --order 2 --theta 0.01 --resistors E96 --capacitors E12", "manifest.json"),
    (
        "circuit",
        "spice --order 2 --theta 0.01 --resistor-tolerance 0.01 --circuit-error 0.05 --opamp macro",
        "manifest.json",
    ),
    ("circuit", "spice --order 2 --theta 0.01 --topology ladder --style gm-c --coefficients", "manifest.json"),
    ("memory-run", "run --order 3 --theta 0.1 --dt 0.002 --input {data}/u.npy --delays 0.5,1", None),
    ("memory-run", "run --order 3 --theta 0.1 --dt 0.002 --input {data}/u.npy --backend spiking --neurons 60", None),
    ("network-run", "run digits_linear --input {data}/x.npy --backend fixed", None),
    ("network-run", "run digits_linear --input {data}/x.npy --backend spiking --neurons 3", None),
    ("doctor", "doctor", None),
]
SIMULATED: list[tuple[str, str, str | None]] = [
    ("memory-cosim", f"cosim {' '.join(MEMORY)} --input {{data}}/u.npy", "results.json"),
    ("memory-cosim", f"cosim {' '.join(MEMORY)} --no-analog --simulator icarus", "results.json"),
    ("network-cosim", "cosim digits_linear --input {data}/x.npy --labels {data}/y.npy --lanes 8", "results.json"),
    (
        "spiking-cosim",
        "cosim --order 2 --theta 0.1 --dt 0.002 --spiking --neurons 40 --input {data}/u.npy",
        "results.json",
    ),
    ("program", "regression memory --designs 2 --samples 50 --order 3 --cycles 20000", "memory.json"),
]


def hold(name: str, command: str, file: str | None, data: Path, out: Path, printed: Callable[[], str]) -> None:
    """Run a command, and check what it prints and leaves against the schema, the catalogue and README.txt."""
    words = command.format(data=data).split()
    status = main([*words, "--json", *([] if words[0] == "doctor" else ["--out", str(out)])])
    assert status == 0 or words[0] == "doctor"  # which tells what is missing by its status
    answered = json.loads(printed())
    if name != "program":  # of which only the result is printed
        check(name, answered)
    left = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    if file is not None:
        written = json.loads((out / file).read_text(encoding="utf-8"))
        check(name, written)
        assert name == "program" or written.keys() == answered.keys()
    if words[0] == "doctor":
        return
    readme = (out / catalogue.README).read_text(encoding="utf-8").splitlines()
    rows = dict(line.split(None, 1) for line in readme[2:])
    assert rows.keys() == left - {catalogue.README}
    for path in rows:
        kind = catalogue.kind_of(words[0], path)
        assert kind is not None
        assert rows[path] == kind.what
        assert (name in kind.schemas) == path.endswith(".json")


@pytest.mark.parametrize(("name", "command", "file"), CASES)
def test_what_is_printed_and_left_is_as_described(
    name: str, command: str, file: str | None, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hold(name, command, file, data, tmp_path / "out", lambda: capsys.readouterr().out)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "command", "file"), SIMULATED)
def test_what_simulations_print_and_leave_is_as_described(
    name: str, command: str, file: str | None, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hold(name, command, file, data, tmp_path / "out", lambda: capsys.readouterr().out)


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    ["digits --epochs 1 --seeds 2 --spiking 2 --spiking-sequences 2", "delay --epochs 1", "arrays --epochs 1"],
)
def test_a_training_is_as_described(
    command: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = command.split()
    if words[0] == "arrays":
        np.save(tmp_path / "x.npy", np.linspace(-1.0, 1.0, 640).reshape(20, 32))
        np.save(tmp_path / "y.npy", np.arange(20) % 2)
        words += ["--input", str(tmp_path / "x.npy"), "--target", str(tmp_path / "y.npy")]
    assert main(["train", *words, "--out", str(tmp_path / "out"), "--json"]) == 0
    answered = json.loads(capsys.readouterr().out)
    check("training", answered, closed=False)
    assert json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8")).keys() == answered.keys()
    readme = (tmp_path / "out" / catalogue.README).read_text(encoding="utf-8")
    assert all(path.name in readme for path in (tmp_path / "out").iterdir() if path.suffix != ".txt")


@pytest.mark.slow
def test_the_demonstration_is_as_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--out", str(tmp_path), "--json"]) == 0
    check("demo", json.loads(capsys.readouterr().out))
    names = {
        "digits": ("system", "memory-plan", "memory-verilog"),
        "small": ("memory-plan", "memory-verilog"),
        "circuit": ("circuit",),
        "scanner": ("memory-plan", "memory-verilog"),
    }
    for folder, schemas in names.items():
        found = [json.loads(path.read_text(encoding="utf-8")) for path in (tmp_path / folder).glob("*.json")]
        assert {value["schema"] for value in found} == set(map(schema_id, schemas))
        for value in found:
            jsonschema.validate(value, strict(load_schema(value["schema"])))
    readme = (tmp_path / catalogue.README).read_text(encoding="utf-8")
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert {line.split()[0] for line in readme.splitlines()[2:]} == left - {catalogue.README}


def test_the_manifest_of_a_spiking_memory_is_as_described() -> None:
    for kind in ("poisson-lif", "lif"):
        plan = plan_spiking(LMUSpec(2, 0.1, 0.002), SpikingOptions(20, kind=kind))  # type: ignore[arg-type]
        check("spiking-verilog", generate_spiking_verilog(plan).manifest)


# --- schemas


@pytest.mark.parametrize("name", VERSIONS)
def test_schemas_are_valid_and_describe_every_key(name: str) -> None:
    schema = load_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"lmu-hw:{name}:{VERSIONS[name]}"
    assert schema["properties"]["schema"]["const"] == schema_id(name)
    assert schema["required"][0] == "schema"
    assert not [key for key, value in schema["properties"].items() if not value.get("description")]


def test_every_schema_has_its_file_and_is_that_of_a_file_or_an_answer() -> None:
    found = {path.name.removesuffix(".json") for path in (files("lmu_hw.io") / "schemas").iterdir()}
    assert found == set(VERSIONS)
    used = {name for kinds in catalogue.FILES.values() for kind in kinds for name in kind.schemas}
    assert set(VERSIONS) == used | {"memory-run", "network-run", "import", "doctor"}


def test_a_schema_is_strict_about_what_it_describes() -> None:
    value = {"schema": "lmu-hw/doctor/1", "version": None, "python": "3.11"}
    with pytest.raises(jsonschema.ValidationError, match="'machine' is a required property"):
        check("doctor", value)


@pytest.mark.parametrize("name", ["other", "lmu-hw/system/2", "lmu-hw/system"])
def test_an_unknown_schema_is_an_error(name: str) -> None:
    with pytest.raises(DesignError, match=r"^schema must be one of lmu-hw/system/1, "):
        load_schema(name)


# --- README.txt


def test_readme_tells_of_earlier_runs_too_and_forgets_what_is_gone(tmp_path: Path) -> None:
    for name in ("memory.v", "memory.core", "system.json"):
        (tmp_path / name).write_text("")
    catalogue.write_readme(tmp_path, "derive", ["system.json"])
    catalogue.write_readme(tmp_path, "verilog", ["memory.v", "memory.core"])
    (tmp_path / "memory.core").unlink()
    catalogue.write_readme(tmp_path, "derive", ["system.json"])
    lines = (tmp_path / catalogue.README).read_text(encoding="utf-8").splitlines()
    assert lines[2:] == [
        "memory.v     Verilog of the module and of all modules in it",
        "system.json  A, B, readout, sampled system, stability and Padé error",
    ]


def test_a_readme_of_somebody_else_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / catalogue.README).write_text("my notes\n")
    assert main(["derive", *MEMORY, "--out", str(tmp_path)]) == 0
    assert (tmp_path / catalogue.README).read_text() == "my notes\n"
    assert (tmp_path / "system.json").is_file()


# --- the document


def test_the_document_describes_every_kind_of_file() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for subcommand, kinds in catalogue.FILES.items():
        section = text.partition(f"\n## `lmu-hw {subcommand}`\n")[2].partition("\n## ")[0]
        assert section, subcommand
        for kind in kinds:
            assert f"| `{kind.pattern}` | {kind.what} |" in section, (subcommand, kind.pattern)
    assert all(f"`lmu-hw/{name}/{version}`" in text for name, version in VERSIONS.items())
