"""Results in the documents: every figure is read from a file that says where it is from, and every picture is drawn."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import numpy as np
import pytest

from lmu_hw.cli.experiment import EXPERIMENTS
from lmu_hw.io.schema import load_schema

TOP = Path(__file__).parents[2]
RESULTS = TOP / "docs" / "results"
FILES = sorted((RESULTS / "files").glob("*.json"))
PAGES = sorted(path for path in RESULTS.glob("*.md") if path.stem != "index")
EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}")


@pytest.fixture(scope="module")
def tools() -> dict[str, ModuleType]:
    """The scripts of docs/tools."""
    folder = str(TOP / "docs" / "tools")
    sys.path.insert(0, folder)
    try:
        return {name: importlib.import_module(name) for name in ("figures", "pictures", "readme", "results")}
    finally:
        sys.path.remove(folder)


def typed_numbers(page: str) -> list[str]:
    """Numbers that stand in the cells of a table of results without an expression, headings and first column aside."""
    found, lines = [], page.splitlines()
    rule = re.compile(r"[|\-: ]+")
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("|") and not rule.fullmatch(line) and not (after and rule.fullmatch(after)):
            cells = EXPRESSION.sub("", line).strip("|").split("|")
            found += [cell.strip() for cell in cells[1:] if re.search(r"\d", cell)]
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_no_number_is_typed_into_a_table_of_results(path: Path) -> None:
    assert typed_numbers(path.read_text(encoding="utf-8")) == []


def test_a_typed_number_is_seen() -> None:
    good = '| what | value |\n|---|---|\n| d = 6 | {{ get("x", "y.0") | g(3) }} |\n'
    assert typed_numbers(good) == []
    assert typed_numbers(good + "| d = 6 | 0.5 |\n") == ["0.5"]
    assert typed_numbers("{% for row in rows -%}\n| {{ row.order }} | 7 |\n{% endfor %}") == ["7"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_result_file_says_where_it_is_from(path: Path, tools: dict[str, ModuleType]) -> None:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.validate(content, load_schema("program"))
    run = tools["results"].read_runs()[path.stem]
    assert content["command"] == run.command
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", content["date"])
    assert content["machine"]["processor"]
    assert content["versions"]["lmu-hw"]
    assert content["passed"] is not run.fails


def test_every_quick_result_is_on_file_and_every_run_is_shown(tools: dict[str, ModuleType]) -> None:
    runs = tools["results"].read_runs()
    assert [name for name, run in runs.items() if run.quick and not run.file.exists()] == []
    assert {path.stem for path in FILES} <= runs.keys()
    shown = "".join(path.read_text(encoding="utf-8") for path in PAGES)
    assert [name for name in runs if f'"{name}"' not in shown] == []


def test_every_experiment_has_a_run(tools: dict[str, ModuleType]) -> None:
    commands = [run.command for run in tools["results"].read_runs().values()]
    names = [each.name for topic in EXPERIMENTS.values() for each in topic if each.name != "spiking-picture"]
    assert [name for name in names if not any(f"experiment {name}" in command for command in commands)] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_of_results_is_filled(path: Path, tools: dict[str, ModuleType]) -> None:
    text = tools["figures"].fill(path.read_text(encoding="utf-8"), where=path.stem)
    assert "{{" not in text
    assert "`lmu-hw " in text


def test_an_expression_without_its_key_is_an_error(tools: dict[str, ModuleType]) -> None:
    for wrong in ('{{ get("delay-network", "absent") }}', '{{ get("absent", "x") }}', "{{ absent }}"):
        with pytest.raises(KeyError):
            tools["figures"].fill(wrong, where="page")


def test_what_is_not_on_file_says_so(tools: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    figures = tools["figures"]
    monkeypatch.setattr(figures, "_content", lambda name: None)
    text = figures.fill('{{ get("delay-network", "nrmse.zoh.16") | g }}; {{ source("delay-network") }}', where="page")
    assert text == "not yet on file; - `lmu-hw experiment delay-network`: not yet on file"


def test_the_readme_shows_the_files(tools: dict[str, ModuleType]) -> None:
    text = (TOP / "README.md").read_text(encoding="utf-8")
    assert tools["readme"].with_figures(text) == text
    assert tools["readme"].table().count("\n") == 2 + 8


def test_a_run_is_written_as_a_file(tools: dict[str, ModuleType], tmp_path: Path, monkeypatch: Any) -> None:
    results = tools["results"]
    monkeypatch.setattr(results, "FILES", tmp_path)
    run = results.Run("small", "lmu-hw derive --order 2 --theta 1 --dt 0.1")
    results.carry_out(run)
    content = json.loads((tmp_path / "small.json").read_text(encoding="utf-8"))
    jsonschema.validate(content, load_schema("program"))
    assert content["command"] == run.command
    assert content["result"]["schema"] == "lmu-hw/system/1"
    with pytest.raises(SystemExit, match="ended with status 2"):
        results.carry_out(results.Run("wrong", "lmu-hw derive --order 0 --theta 1 --dt 0.1"))
    assert [path.name for path in tmp_path.iterdir()] == ["small.json"]


# --- pictures

QUICK = ("flow", "window", "least_ratio", "dense_matrix", "low_rank", "ranges", "error_bound", "stability", "silence")
OTHERS = ("datapaths", "pivots", "noise", "energy", "ladder", "circuit_yield", "digits_over_bits", "spiking_window")


def numbers(svg: str) -> np.ndarray:
    """Every number of a drawing but those of its embedded images."""
    text = re.sub(r'xlink:href="data:[^"]*"', "", svg)
    return np.array([float(each) for each in re.findall(r"(?<![\w#.-])-?\d+(?:\.\d+)?(?![\w-])", text)])


def same(found: str, drawn: str) -> bool:
    """Whether two drawings show the same to a point: other processors differ in the last digits."""
    first, second = numbers(found), numbers(drawn)
    return first.shape == second.shape and bool(np.allclose(first, second, atol=1.0))


def check_picture(name: str, tools: dict[str, ModuleType]) -> None:
    drawn = tools["pictures"].draw(name)
    assert drawn is not None
    assert same((TOP / "docs" / "pictures" / f"{name}.svg").read_text(encoding="utf-8"), drawn)


@pytest.mark.parametrize("name", QUICK)
def test_a_picture_is_what_its_function_draws(name: str, tools: dict[str, ModuleType]) -> None:
    check_picture(name, tools)


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_a_longer_picture_is_what_its_function_draws(name: str, tools: dict[str, ModuleType]) -> None:
    check_picture(name, tools)


def test_every_picture_is_drawn_and_shown(tools: dict[str, ModuleType]) -> None:
    assert set(QUICK) | set(OTHERS) == set(tools["pictures"].ALL)
    present = {path.stem for path in (TOP / "docs" / "pictures").iterdir()}
    assert present == set(tools["pictures"].ALL)
    text = "".join(path.read_text(encoding="utf-8") for path in (TOP / "docs").rglob("*.md"))
    assert [name for name in present if f"pictures/{name}.svg" not in text] == []
    assert max(path.stat().st_size for path in (TOP / "docs" / "pictures").iterdir()) < 150_000


def test_a_changed_drawing_is_seen() -> None:
    assert same("<path d='M 1 2.0'/>", "<path d='M 1 2.3'/>")
    assert not same("<path d='M 1 2.0'/>", "<path d='M 1 9.0'/>")
    assert not same("<path d='M 1 2.0'/>", "<path d='M 1 2.0 3'/>")
