"""Wheel and source distribution: complete without the checkout, and the command line runs from them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.linalg

# Folder in the checkout → where the same files are in the installed package.
FOLDERS = {"lmu_hw": "lmu_hw", "rtl": "lmu_hw/rtl", "analog": "lmu_hw/analog", "sim": "lmu_hw/sim"}


def sources(top: Path) -> dict[str, bytes]:
    """Every file of the four folders, by its path in the installed package."""
    found = {}
    for folder, package in FOLDERS.items():
        for path in sorted((top / folder).rglob("*")):
            inside = path.relative_to(top / folder)
            linked = folder == "lmu_hw" and inside.parts[0] in FOLDERS
            if path.is_file() and "__pycache__" not in inside.parts and not linked:
                found[f"{package}/{inside.as_posix()}"] = path.read_bytes()
    return found


@dataclass(frozen=True)
class Installation:
    """The built distributions, and an environment beside them that holds the wheel's own files."""

    sdist: Path
    wheel: Path
    environment: Path
    elsewhere: Path

    def run(self, program: str, *arguments: str) -> str:
        """Standard output of a program of the environment, started from a folder outside the checkout."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        done = subprocess.run(
            [self.environment / "bin" / program, *arguments],
            cwd=self.elsewhere,
            env=kept | {"PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installation(top: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Build the sdist, from it the wheel, and install the wheel into a new environment.

    Nothing is fetched: the environment sees the packages that this one depends on through a path file. Such a
    file adds a folder and runs nothing in it, so that an editable installation there has no effect.
    """
    base = tmp_path_factory.mktemp("distribution")
    source, built, environment, elsewhere = (base / name for name in ("source", "built", "environment", "elsewhere"))
    source.mkdir()
    elsewhere.mkdir()
    for folder in FOLDERS:
        shutil.copytree(top / folder, source / folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(top / name, source)
    (source / "docs").mkdir()
    shutil.copy(top / "docs" / "glossary.md", source / "docs")  # which the reports read, through a link
    command([sys.executable, "-m", "build", "--no-isolation", "--outdir", built, source])
    command([sys.executable, "-m", "venv", "--without-pip", environment])
    (sdist,), (wheel,) = built.glob("*.tar.gz"), built.glob("*.whl")
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python]
    command([*pip, "install", "--quiet", "--no-deps", "--no-index", wheel])
    (packages,) = environment.glob("lib/python*/site-packages")
    dependencies = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "dependencies.pth").write_text("".join(f"{path}\n" for path in sorted(dependencies)))
    return Installation(sdist, wheel, environment, elsewhere)


def command(words: list[str | Path]) -> None:
    """Run a program that must succeed."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_wheel_holds_every_file_of_the_four_packages(installation: Installation, top: Path) -> None:
    expected = sources(top)
    assert {f"{package}/__init__.py" for package in FOLDERS.values()} <= expected.keys()
    with zipfile.ZipFile(installation.wheel) as wheel:
        found = {name: wheel.read(name) for name in wheel.namelist() if ".dist-info/" not in name}
    assert found == expected


def test_source_distribution_holds_files_and_no_links(installation: Installation, top: Path) -> None:
    with tarfile.open(installation.sdist) as sdist:
        members = sdist.getmembers()
    assert not [member.name for member in members if member.issym() or member.islnk()]
    inside = {member.name.partition("/")[2] for member in members if member.isfile()}
    assert sources(top).keys() <= inside


def test_installation_needs_no_checkout(installation: Installation, top: Path) -> None:
    report = json.loads(
        installation.run(
            "python",
            "-I",
            "-c",
            "import importlib, json, sys\n"
            f"modules = {[package.replace('/', '.') for package in FOLDERS.values()]}\n"
            "files = [importlib.import_module(name).__file__ for name in modules]\n"
            "print(json.dumps({'files': files, 'path': sys.path}))",
        )
    )
    packages = installation.environment.resolve()
    for name in report["files"]:
        assert Path(name).resolve().is_relative_to(packages), name
        assert not any(part.is_symlink() for part in (Path(name), Path(name).parent))
    checkout = {top, *(top / folder for folder in FOLDERS)}
    assert not checkout & {Path(entry).resolve() for entry in report["path"]}


def test_command_prints_its_version(installation: Installation, pyproject: dict[str, Any]) -> None:
    assert installation.run("lmu-hw", "--version").split()[-1] == pyproject["project"]["version"]


def test_command_derives_a_system(installation: Installation) -> None:
    arguments = ["derive", "--order", "6", "--theta", "1", "--dt", "0.001", "--json"]
    report = json.loads(installation.run("lmu-hw", *arguments))
    i, j = np.indices((6, 6))
    expected = (2 * i + 1) * np.where(i < j, -1.0, (-1.0) ** (i - j + 1))
    np.testing.assert_allclose(report["A"], expected, rtol=1e-14)
    np.testing.assert_allclose(report["Ad"], scipy.linalg.expm(0.001 * expected), rtol=0, atol=1e-12)
    assert np.asarray(report["B"]).size == np.asarray(report["Bd"]).size == 6
    assert report["stable"] is True


def test_command_tells_from_the_wheel_what_is_installed(installation: Installation) -> None:
    report = json.loads(installation.run("lmu-hw", "doctor", "--json"))
    found = {tool["name"]: tool["version"] for tool in report["tools"]}
    assert report["ready"]
    assert found["scikit-learn"]
    assert found["iverilog"]


@pytest.mark.slow
def test_demonstration_runs_from_the_wheel(installation: Installation) -> None:
    assert json.loads(installation.run("lmu-hw", "demo", "--out", "demo", "--json"))["passed"]
    folder = installation.elsewhere / "demo"
    assert (folder / "report.html").is_file()
    assert "circuit/bom.csv" in (folder / "README.txt").read_text(encoding="utf-8")
