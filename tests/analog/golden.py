"""Netlists that are compared word by word: every realisation and technology at order 2, with standard values.

To renew them after a wanted change, run ``python -m tests.analog.golden`` and read the difference.
"""

from __future__ import annotations

import re
from pathlib import Path

from lmu_hw.analog.design.memory import STYLES, TOPOLOGIES, design_memory
from lmu_hw.analog.design.parts import Series
from lmu_hw.analog.export.files import bill_text, deck_text, kicad_text

GOLDEN = Path(__file__).parent / "golden"
COMMAND = "lmu-hw spice --order 2 --theta 0.01"


def golden_texts(topology: str, style: str) -> dict[str, str]:
    """The texts by file name."""
    resistors = None if style == "gm-c" else Series("E24")
    design = design_memory(2, 0.01, topology=topology, style=style, resistors=resistors, capacitors=Series("E12"))
    texts = {
        "lmu.cir": deck_text(design, COMMAND),
        "lmu.net": kicad_text(design, COMMAND),
        "bom.csv": bill_text(design),
    }
    return {name: _cut(text) for name, text in texts.items()}


def _cut(text: str) -> str:
    """Long numbers, which are no standard values, with ten digits: the last ones differ between machines."""
    return re.sub(r"\d+\.\d{6,}(e[-+]?\d+)?", lambda found: f"{float(found[0]):.10g}", text)


def main() -> None:
    """Write the golden files."""
    for topology in TOPOLOGIES:
        for style in STYLES:
            folder = GOLDEN / f"{topology}_{style}"
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in golden_texts(topology, style).items():
                (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
