"""Execute the notebooks of this folder anew, and show them in the documents: notebooks.py [NAME ...].

Executing needs nbclient, ipykernel and, for one of them, PyTorch: `make notebooks` installs them in an environment of
their own. Every notebook is rendered as docs/notebooks/NAME.md with its figures beside it, which takes the standard
library alone; a test holds these pages to the notebooks.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PAGES = HERE.parent / "docs" / "notebooks"


def execute(path: Path) -> None:
    """Run every cell in order, and keep its outputs in the notebook, without anything that changes from run to run."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=1200, coalesce_streams=True, resources={"metadata": {"path": str(HERE)}})
    client.execute()
    for cell in notebook.cells:
        cell.metadata = {}
        for output in cell.get("outputs", ()):
            if "metadata" in output:
                output["metadata"] = {}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    nbformat.write(notebook, path)


def render(notebook: dict[str, Any], name: str) -> dict[str, str]:
    """The page of a notebook and its figures, as text by file name.

    Args:
        notebook: The content of the `.ipynb` file.
        name: The name of the notebook, without its ending.
    """
    parts, figures = [f"<!-- Rendered from examples/{name}.ipynb by examples/notebooks.py -->"], {}
    for cell in notebook["cells"]:
        source = _text(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source.replace("](pytorch_", "](../../examples/pytorch_"))
            continue
        parts.append(f"```python\n{source}\n```")
        for output in cell["outputs"]:
            data = output.get("data", {})
            if "image/svg+xml" in data:
                figure = f"{name}_{len(figures)}.svg"
                figures[figure] = _text(data["image/svg+xml"]).rstrip() + "\n"
                parts.append(f"![The figure that this cell draws]({figure})")
            elif "text/html" in data:
                parts.append(_text(data["text/html"]))
            else:
                said = _text(output["text"] if output["output_type"] == "stream" else data["text/plain"])
                parts.append(f"```text\n{said.rstrip()}\n```")
    return {f"{name}.md": "\n\n".join(parts) + "\n", **figures}


def _text(value: str | list[str]) -> str:
    """A text that a notebook may hold as a list of lines."""
    return value if isinstance(value, str) else "".join(value)


def main(names: list[str]) -> None:
    """Execute and render the notebooks of these names, by default all."""
    for path in sorted(HERE.glob("*.ipynb")):
        if names and path.stem not in names:
            continue
        execute(path)
        PAGES.mkdir(exist_ok=True)
        for old in PAGES.glob(f"{path.stem}*"):
            old.unlink()
        for name, text in render(json.loads(path.read_text(encoding="utf-8")), path.stem).items():
            (PAGES / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
