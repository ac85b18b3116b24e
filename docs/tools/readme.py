"""The README's table of figures, written from result files by the rows of headlines.md beside this file."""

from __future__ import annotations

from pathlib import Path

import figures

from lmu_hw.io.files import write_text

README = Path(__file__).resolve().parents[2] / "README.md"
BEGIN, END = "<!-- figures: written by `make results` -->\n", "<!-- end of the figures -->\n"


def table() -> str:
    """The rows with their figures."""
    rows = Path(__file__).with_name("headlines.md").read_text(encoding="utf-8")
    return figures.fill(rows, where="headlines.md")


def with_figures(text: str) -> str:
    """The README with the table in place of the present one."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


def write_readme() -> None:
    """Write the table into the README."""
    write_text(README, with_figures(README.read_text(encoding="utf-8")))


if __name__ == "__main__":
    write_readme()
