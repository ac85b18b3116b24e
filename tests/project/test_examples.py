"""The notebooks of examples/: executed in order, true, and shown in the documents."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
PAGES = EXAMPLES.parent / "docs" / "notebooks"
NAMES = ("circuit_with_yield", "pytorch_to_integers", "recording_to_verilog")

#: Runs the code cells of a notebook as a kernel does; prints the text of each cell's outputs as JSON.
RUNNER = """
import ast, contextlib, io, json, sys
cells, told, names = json.loads(sys.argv[1]), [], {"__name__": "__main__"}
for source in cells:
    tree, said = ast.parse(source), io.StringIO()
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(said):
        exec(compile(tree, "cell", "exec"), names)
        value = None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    told.append(said.getvalue() + ("" if value is None else repr(value)))
print(json.dumps(told))
"""


def notebook(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((EXAMPLES / f"{name}.ipynb").read_text(encoding="utf-8"))
    return content


def code(name: str) -> list[dict[str, Any]]:
    return [cell for cell in notebook(name)["cells"] if cell["cell_type"] == "code"]


def said(cell: dict[str, Any]) -> str:
    """What a cell printed, and the text of its value."""
    parts = []
    for output in cell["outputs"]:
        text = output.get("text") or output["data"]["text/plain"]
        parts.append("".join(text))
    return "".join(parts)


def plain(text: str) -> str:
    """Without what differs between two machines: the last digits of numbers, line breaks of long values."""
    return re.sub(r"\s+", " ", re.sub(r"\d+\.\d+(e[+-]\d+)?", "#", text)).strip()


def renderer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("notebooks", EXAMPLES / "notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_three() -> None:
    assert tuple(sorted(path.stem for path in EXAMPLES.glob("*.ipynb"))) == NAMES
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert all(
        f"({path.name})" in listed
        for path in EXAMPLES.iterdir()
        if path.suffix in (".ipynb", ".py") and path.name != "notebooks.py"
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_was_executed_in_order_without_an_error(name: str) -> None:
    cells = code(name)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]
    assert any("image/svg+xml" in output.get("data", {}) for output in outputs)
    assert any("text/html" in output.get("data", {}) for output in outputs)


@pytest.mark.parametrize("name", NAMES)
def test_the_documents_show_the_notebook_as_it_is(name: str) -> None:
    rendered = renderer().render(notebook(name), name)
    assert {path.name for path in PAGES.glob(f"{name}*")} == set(rendered)
    for file, text in rendered.items():
        assert (PAGES / file).read_text(encoding="utf-8") == text


@pytest.mark.slow
@pytest.mark.parametrize("name", ["circuit_with_yield", "recording_to_verilog"])
def test_a_notebook_still_says_what_it_shows(name: str) -> None:
    """The third needs PyTorch: see tests/peers."""
    cells = code(name)
    words = [sys.executable, "-c", RUNNER, json.dumps(["".join(cell["source"]) for cell in cells])]
    done = subprocess.run(words, cwd=EXAMPLES, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    for cell, found in zip(cells, json.loads(done.stdout.splitlines()[-1]), strict=True):
        assert plain(found) == plain(said(cell)), "".join(cell["source"])
