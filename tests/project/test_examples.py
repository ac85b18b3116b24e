"""The programs and notebooks of examples/: run, executed in order, true, and shown in the documents."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lmu_hw import LMUSpec
from lmu_hw.reference.cell import CellParameters

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


#: Programs to copy; docs/examples.md shows calls of all but the second, and tests/project/test_documents.py runs them.
PROGRAMS = ("own_recording.py", "model_to_verilog.py", "ladder_with_yield.py", "spiking_memory.py", "own_bench.py")


def test_the_programs_to_copy_are_short_and_shown() -> None:
    page = (EXAMPLES.parent / "docs" / "examples.md").read_text(encoding="utf-8")
    for name in PROGRAMS:
        assert len((EXAMPLES / name).read_text(encoding="utf-8").splitlines()) <= 90
        assert f"(../examples/{name})" in page


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_a_model_becomes_verilog(suffix: str, tmp_path: Path, rng: np.random.Generator) -> None:
    """As a network file, and as a state dict with the names of a module of one's own in PyTorch."""
    save_file = pytest.importorskip("safetensors.numpy").save_file
    from lmu_hw import import_state_dict, save_network

    shapes = CellParameters.shapes(4, 1, 1, 3)
    cell = CellParameters(
        LMUSpec(4, 20.0, 1.0), **{key: rng.uniform(-1.0, 1.0, shape) for key, shape in shapes.items()}
    )
    names = ("e_x", "e_h", "e_m", "W_x", "W_h", "W_m")
    arrays = {name: array.astype(np.float32) for name, array in zip(names, cell.weights[:-1], strict=True)}
    head = {"out.weight": rng.uniform(-1.0, 1.0, (2, 3)).astype(np.float32), "out.bias": np.zeros(2, np.float32)}
    model = tmp_path / "m.safetensors"
    save_file(arrays | head, model)
    if suffix == ".npz":
        save_network(tmp_path / "m.npz", import_state_dict(model, theta=20.0))
    np.save(tmp_path / "x.npy", rng.uniform(-1.0, 1.0, (6, 30, 1)))
    words = [f"m{suffix}", "x.npy", "out", *(["20"] if suffix == ".safetensors" else [])]
    call = [sys.executable, str(EXAMPLES / "model_to_verilog.py"), *words]
    environment = os.environ | {"PYTHONPATH": str(EXAMPLES.parent)}
    done = subprocess.run(call, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.match(r"answers that stay the same: \d of 6\ncycles per step: \d+\n", done.stdout)
    assert (tmp_path / "out" / "model.v").exists()


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
