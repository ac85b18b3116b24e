"""`lmu-hw experiment`: what it lists, what it answers, and the file that it leaves."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType

import click
import pytest

from lmu_hw import experiments
from lmu_hw.cli.experiment import EXPERIMENTS
from lmu_hw.cli.programs import Outcome, Program, ProgramGroup, program, versions
from lmu_hw.cli.regression import REGRESSIONS
from lmu_hw.errors import CheckFailed
from tests.cli.conftest import Lmu

ROWS = [row for topic in EXPERIMENTS.values() for row in topic]


def test_all_experiments_are_listed_by_topic(lmu: Lmu) -> None:
    listed = lmu("experiment")
    assert listed.status == 0
    assert listed.out == lmu("experiment", "--help").out
    words = " ".join(listed.out.split())
    for topic, rows in EXPERIMENTS.items():
        assert f"{topic}:" in words
        for row in rows:
            assert f"{row.name} {row.what} ({row.terms})" in words.replace("- ", "-")


@pytest.mark.parametrize("name", [row.name for row in ROWS])
def test_every_experiment_is_there_and_documents_its_options(lmu: Lmu, name: str) -> None:
    told = lmu("experiment", name, "--help")
    assert told.status == 0
    assert f"Usage: lmu-hw experiment {name} [OPTIONS]" in told.out
    command = next(row for row in ROWS if row.name == name).command()
    assert all(option.help for option in command.params if isinstance(option, click.Option))


def test_names_are_plain_and_unique() -> None:
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in names)


def test_no_function_is_registered_without_a_row() -> None:
    """Every decorated function of the modules is one that the table leads to."""
    folder = Path(experiments.__file__).parent
    decorated = {
        name
        for path in folder.glob("*.py")
        for name in re.findall(r'^@experiment\("([\w-]+)"\)', path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert decorated == {row.name for row in ROWS}


def test_a_wrong_name_is_refused(lmu: Lmu) -> None:
    called = lmu("experiment", "capacty")
    assert called.status == 2
    assert called.err == ("lmu-hw: there is no experiment capacty; did you mean capacity?\n")


def test_a_result_file_says_what_made_it(lmu: Lmu, tmp_path: Path) -> None:
    words = ["experiment", "contraction", "--orders", "2", "--bits", "6,8", "--ratio", "30"]
    answer = lmu(*words, "--json", "--out", "out").answer
    whole = json.loads((tmp_path / "out" / "contraction.json").read_text(encoding="utf-8"))
    assert list(whole) == [
        "schema",
        "format",
        "version",
        "kind",
        "name",
        "command",
        "date",
        "seconds",
        "passed",
        "machine",
        "versions",
        "options",
        "result",
    ]
    assert (whole["format"], whole["version"]) == ("lmu-hw result", 1)
    assert (whole["kind"], whole["name"], whole["passed"]) == ("experiment", "contraction", True)
    assert whole["command"] == "lmu-hw " + " ".join(words)
    assert whole["options"] == {"orders": [2], "bits": [6, 8], "ratio": 30.0}
    assert whole["result"] == answer
    assert whole["seconds"] > 0.0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", whole["date"])
    assert whole["machine"]["cores"] >= 1
    assert whole["machine"]["processor"]
    for name in ("lmu-hw", "numpy", "scipy", "amaranth"):
        assert whole["versions"][name] == version(name)


def test_without_out_nothing_is_written(lmu: Lmu, tmp_path: Path) -> None:
    assert lmu("experiment", "contraction", "--orders", "2", "--bits", "6").status == 0
    assert list(tmp_path.iterdir()) == []


def test_out_must_be_a_folder(lmu: Lmu, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    called = lmu("experiment", "contraction", "--orders", "2", "--bits", "6", "--out", "taken")
    assert called.status == 2
    assert called.err.startswith("lmu-hw: cannot write into taken: taken is not a folder")


def _measured(checked: bool) -> click.Command:
    """An experiment that is not of the package, whose check holds or does not."""
    table: Mapping[str, Sequence[Program]] = MappingProxyType({"Here": (Program("toy", "a toy", __name__, 0.1),)})

    @program("experiment", table, "toy")
    @click.option("--count", default=3, help="A count.")
    @click.option("--engine", default="neospice", help="A simulator.")
    def toy(count: int, engine: str) -> Outcome:
        """Count."""
        if count < 0:
            raise CheckFailed("nothing is there")
        return Outcome({"count": count}, [], {"more.txt": lambda: "more\n"}, None if checked else "it does not hold")

    return toy


def test_a_check_that_fails_leaves_its_figures(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match="it does not hold"):
        _measured(False).main(["--out", str(tmp_path / "a")], standalone_mode=False)
    whole = json.loads((tmp_path / "a" / "toy.json").read_text(encoding="utf-8"))
    assert whole["passed"] is False
    assert whole["result"] == {"count": 3}


def test_a_run_that_ends_early_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match="nothing is there"):
        _measured(True).main(["--count", "-1", "--out", str(tmp_path / "a")], standalone_mode=False)
    assert not (tmp_path / "a").exists()


def test_the_command_of_a_result_file_is_quoted_and_leaves_no_other_folder(tmp_path: Path) -> None:
    command = ["--json", f"--out={tmp_path}", "--engine", "a b", "--count", "4"]
    _measured(True).main(command, standalone_mode=False)
    whole = json.loads((tmp_path / "toy.json").read_text(encoding="utf-8"))
    assert whole["command"] == "lmu-hw experiment toy --engine 'a b' --count 4"
    assert (tmp_path / "more.txt").read_text(encoding="utf-8") == "more\n"


def test_versions_are_those_of_the_simulators_that_ran() -> None:
    found = versions(("Verilator", "ngspice", "MNIST"), {"simulator": "icarus", "engine": None})
    assert "verilator" not in found
    assert "MNIST" not in found
    assert versions(("Verilator",), {}).get("verilator") == versions((), {"simulator": "verilator"}).get("verilator")


def test_the_document_lists_what_there_is() -> None:
    """The tables of docs/experiments.md are those of the command line."""
    text = (Path(__file__).parents[2] / "docs" / "experiments.md").read_text(encoding="utf-8")
    found = [line for line in text.splitlines() if line.startswith(("### ", "| "))]
    assert found == [
        line
        for group, table in (("experiment", EXPERIMENTS), ("regression", REGRESSIONS))
        for topic, rows in table.items()
        for line in (
            f"### {topic}",
            "| command | what | takes |",
            *(f"| `lmu-hw {group} {row.name}` | {row.what} | {row.terms} |" for row in rows),
        )
    ]


def test_a_group_imports_no_program_for_its_listing() -> None:
    table = {"Here": (Program("gone", "a program whose module is missing", "lmu_hw.nowhere", 0.1),)}
    group = ProgramGroup("toys", programs=table)
    context = click.Context(group)
    assert "a program whose module is missing (under a minute)" in group.get_help(context)
    with pytest.raises(ModuleNotFoundError):
        group.get_command(context, "gone")
