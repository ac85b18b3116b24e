"""The clean-up of the generated text: it means the same before and after, as Yosys proves, and reads well."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lmu_hw.rtl.interface import emission
from lmu_hw.rtl.interface.tidy import tidied
from tests.rtl.golden import DESIGNS

pytest.importorskip("pyosys")

RUN = "import sys\nfrom pyosys import libyosys\nfor command in sys.argv[1:]: libyosys.run_pass(command)"


def keep(name: str) -> str:
    """An escaped name as it is: the blank ends it."""
    return f"{name} " if name.startswith("\\") else name


def equivalence(before: str, after: str, folder: Path, top: str) -> subprocess.CompletedProcess[str]:
    """Ask Yosys whether RTLIL and Verilog are the same machine, register by register, from any state."""
    (folder / "before.il").write_text(before, encoding="utf-8")
    (folder / "after.v").write_text(after, encoding="utf-8")
    flat = [f"hierarchy -top {top}", "proc", "flatten", "memory", "opt_clean", f"rename {top}"]
    commands = [
        f"read_rtlil {folder / 'before.il'}",
        *flat[:-1],
        f"rename {top} before",
        "design -stash before",
        f"read_verilog {folder / 'after.v'}",
        *flat[:-1],
        f"rename {top} after",
        "design -stash after",
        "design -copy-from before -as before before",
        "design -copy-from after -as after after",
        "equiv_make before after both",
        "hierarchy -top both",
        "opt_clean",
        "equiv_struct",
        "equiv_simple",
        "equiv_induct",
        "equiv_status -assert",
    ]
    return subprocess.run([sys.executable, "-c", RUN, *commands], capture_output=True, text=True, check=False)


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What goes into Yosys and, with the generator's names kept, what comes out of the clean-up."""
    texts: dict[str, str] = {}

    def verilog(rtlil: str) -> str:
        texts["before"] = rtlil
        return made(rtlil)

    def kept(*arguments: object) -> str:
        texts["after"] = tidied(*arguments[:3], keep)  # type: ignore[arg-type]
        return texts["after"]

    made = emission.yosys_verilog
    monkeypatch.setattr(emission, "yosys_verilog", verilog)
    monkeypatch.setattr(emission, "tidied", kept)
    return texts


@pytest.mark.parametrize("name", DESIGNS)
def test_the_text_is_the_same_machine_as_what_was_generated(
    name: str, captured: dict[str, str], tmp_path: Path
) -> None:
    design = DESIGNS[name]()
    done = equivalence(captured["before"], captured["after"], tmp_path, design.name)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "Equivalence successfully proven!" in done.stdout
