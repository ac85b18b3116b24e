"""The import contracts hold, and each of them is broken by what it forbids."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

# Module file, the import added to it, and the beginning of the contract that this breaks.
FORBIDDEN = [
    ("lmu_hw/errors.py", "import lmu_hw.rtl", "rtl is"),
    ("lmu_hw/__init__.py", "from lmu_hw import analog", "analog is"),
    ("lmu_hw/core/spec.py", "def late():\n    import lmu_hw.sim", "sim is"),
    ("rtl/__init__.py", "import lmu_hw.analog", "analog is"),
    ("rtl/__init__.py", "import lmu_hw.sim", "sim is"),
    ("analog/__init__.py", "import lmu_hw.rtl", "rtl is"),
    ("analog/__init__.py", "from lmu_hw import sim", "sim is"),
    ("sim/__init__.py", "import lmu_hw.cli", "the command line is"),
    ("lmu_hw/cli/__init__.py", "import lmu_hw.experiments", "experiments,"),
]


def check_contracts(folder: Path) -> tuple[int, str]:
    """Exit status and output of import-linter in `folder`."""
    program = Path(sysconfig.get_path("scripts")) / "lint-imports"
    done = subprocess.run([program, "--no-logo", "--no-cache"], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


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
    assert "5 kept, 0 broken" in output


@pytest.mark.parametrize(("module", "line", "contract"), FORBIDDEN)
def test_forbidden_import_breaks_its_contract(copy: Path, module: str, line: str, contract: str) -> None:
    with (copy / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    status, output = check_contracts(copy)
    assert status == 1
    assert [text for text in output.splitlines() if text.endswith("BROKEN")] == [
        text for text in output.splitlines() if text.startswith(contract) and text.endswith("BROKEN")
    ]
    assert "4 kept, 1 broken" in output
