"""The import contracts hold, and each of them is broken by what it forbids."""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

PACKAGES, RTL, ANALOG, SIM, NETWORKS = (
    f"{name} in layers" for name in ("packages lie", "rtl lies", "analog lies", "sim lies", "networks lie")
)
CYCLES = "no cycles between modules of a package"
# Module file, the import added to it, and the contract that this breaks.
FORBIDDEN = [
    ("lmu_hw/errors.py", "import lmu_hw.rtl", PACKAGES),
    ("lmu_hw/core/spec.py", "def late():\n    import lmu_hw.sim", PACKAGES),
    ("lmu_hw/core/spec.py", "import lmu_hw.fixed_point.formats", PACKAGES),
    ("lmu_hw/io/files.py", "import lmu_hw.reference.cell", PACKAGES),
    ("lmu_hw/reference/cell.py", "import lmu_hw.networks.model", PACKAGES),
    ("rtl/__init__.py", "import lmu_hw.analog", PACKAGES),
    ("rtl/__init__.py", "import lmu_hw.sim", PACKAGES),
    ("analog/__init__.py", "import lmu_hw.rtl", PACKAGES),
    ("analog/__init__.py", "from lmu_hw import sim", PACKAGES),
    ("lmu_hw/design/__init__.py", "import lmu_hw.rtl", PACKAGES),
    ("sim/__init__.py", "import lmu_hw.cli", PACKAGES),
    ("lmu_hw/cli/__init__.py", "import lmu_hw.experiments", PACKAGES),
    ("rtl/primitives/arithmetic.py", "import lmu_hw.rtl.memory", RTL),
    ("rtl/memory/chain.py", "import lmu_hw.rtl.network", RTL),
    ("rtl/writer/names.py", "import lmu_hw.rtl.interface", RTL),
    ("lmu_hw/fixed_point/formats.py", "import lmu_hw.fixed_point.planner", CYCLES),
    ("lmu_hw/training/loop.py", "def late():\n    import lmu_hw.training.tasks.base", CYCLES),
    ("analog/circuit/elements.py", "import lmu_hw.analog.design", ANALOG),
    ("analog/analysis/tolerance.py", "import lmu_hw.analog.export", ANALOG),
    ("sim/hdl/runner.py", "import lmu_hw.sim.targets", SIM),
    ("sim/cosim/memory.py", "import lmu_hw.sim.regression", SIM),
    ("lmu_hw/networks/model.py", "import lmu_hw.networks.quantize", NETWORKS),
    ("lmu_hw/networks/quantize/plan.py", "import lmu_hw.networks.importers", NETWORKS),
    ("lmu_hw/fpga/devices.py", "import lmu_hw.fpga.report", "fpga lies in layers"),
]


def check_contracts(folder: Path) -> tuple[int, str]:
    """Exit status and output of import-linter in `folder`."""
    program = Path(sysconfig.get_path("scripts")) / "lint-imports"
    done = subprocess.run([program, "--no-logo", "--no-cache"], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def verdicts(output: str) -> list[tuple[str, str]]:
    """Each contract of a run with its verdict, KEPT or BROKEN."""
    return re.findall(r"^(.+) (KEPT|BROKEN)(?: \(.*\))?$", output, re.MULTILINE)


@pytest.fixture
def copy(top: Path, tmp_path: Path) -> Path:
    """The four packages and their configuration, to be spoilt."""
    for folder in ("lmu_hw", "rtl", "analog", "sim"):
        shutil.copytree(top / folder, tmp_path / folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(top / "pyproject.toml", tmp_path)
    return tmp_path


def test_contracts_hold(copy: Path) -> None:
    status, output = check_contracts(copy)
    assert status == 0, output
    assert "7 kept, 0 broken" in output
    assert {contract for *_, contract in FORBIDDEN} == {name for name, _ in verdicts(output)}


@pytest.mark.parametrize(("module", "line", "contract"), FORBIDDEN)
def test_forbidden_import_breaks_its_contract(copy: Path, module: str, line: str, contract: str) -> None:
    with (copy / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    status, output = check_contracts(copy)
    assert status == 1
    broken = {name for name, verdict in verdicts(output) if verdict == "BROKEN"}
    assert broken - {CYCLES} == {contract} - {CYCLES}  # an import against the layers closes a cycle, too, as a rule
    assert contract in broken
