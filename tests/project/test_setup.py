"""The set-up script, run among stand-ins for the system's programs, and the make targets that call it."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

NEEDED = ("g++", "make", "perl", "iverilog", "ngspice", "ccache", "python3")


@dataclass(frozen=True)
class Machine:
    """A folder of programs that is the whole PATH, an environment, and the log of what was called."""

    top: Path
    folder: Path

    @property
    def programs(self) -> Path:
        return self.folder / "programs"

    def add(self, name: str, body: str = "exit 0") -> None:
        """A program that logs its name and words, and then does what `body` says."""
        path = self.programs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "{path.name} $*" >> "{self.folder}/log"\n{body}\n')
        path.chmod(0o755)

    def lacks(self, *names: str) -> None:
        for name in names:
            (self.programs / name).unlink()

    def set_up(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", self.top / ".ci" / "setup.sh", *words],
            cwd=self.folder,
            env={"PATH": str(self.programs), "VENV": str(self.folder / "environment")} | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    def log(self) -> list[str]:
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def machine(top: Path, tmp_path: Path) -> Machine:
    """A machine of a user without rights, where nothing is missing."""
    machine = Machine(top, tmp_path)
    for name in NEEDED:
        machine.add(name)
    machine.add("id", "echo 1000")
    machine.add("apt-get")
    machine.add("../environment/bin/python")
    for name in ("sh", "env", "tr", "mktemp", "tail", "rm", "ln", "mkdir"):
        found = shutil.which(name)
        assert found
        (machine.programs / name).symlink_to(found)
    return machine


def only_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a error."""
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    return line


def test_nothing_missing_needs_no_rights(machine: Machine) -> None:
    done = machine.set_up()
    assert (done.returncode, done.stderr) == (0, "")
    assert not [line for line in machine.log() if line.startswith("apt-get")]
    pip = [line for line in machine.log() if line.startswith("python -m pip")]
    assert len(pip) == 3
    assert all("--require-hashes" in line for line in pip[:2])
    assert "--no-deps" in pip[2]


def test_error_says_what_to_install(machine: Machine) -> None:
    machine.lacks("iverilog", "ccache")
    assert only_line(machine.set_up()).endswith("run: sudo apt-get install iverilog ccache")
    assert not [line for line in machine.log() if line.startswith(("apt-get", "python -m"))]


def test_quick_builds_alone_need_no_rights(machine: Machine) -> None:
    machine.lacks("ccache")
    assert machine.set_up().returncode == 0


def test_error_without_apt(machine: Machine) -> None:
    machine.lacks("ngspice", "apt-get")
    assert "ngspice" in only_line(machine.set_up())


@pytest.mark.parametrize("root", [True, False])
def test_missing_packages_are_installed(machine: Machine, root: bool) -> None:
    machine.lacks("iverilog")
    machine.add("apt-get", f'if [ "$1" = install ]; then ln -s g++ "{machine.programs}/iverilog"; fi')
    if root:
        machine.add("id", "echo 0")
    else:
        machine.add("sudo", '[ "$1" = -n ] && shift && "$@"')
    done = machine.set_up()
    assert (done.returncode, done.stderr) == (0, "")
    assert "apt-get install -y --no-install-recommends iverilog" in machine.log()
    assert len([line for line in machine.log() if line.startswith("python -m pip")]) == 3


def test_sudo_that_asks_for_a_password_is_no_right(machine: Machine) -> None:
    machine.lacks("iverilog")
    machine.add("sudo", "exit 1")
    assert "sudo apt-get install iverilog" in only_line(machine.set_up())


def test_failed_installation_is_told(machine: Machine) -> None:
    machine.lacks("iverilog")
    machine.add("id", "echo 0")
    machine.add("apt-get", "echo unreachable; exit 100")
    done = machine.set_up()
    assert done.returncode == 1
    assert "unreachable" in done.stderr
    assert done.stderr.splitlines()[-1].endswith("apt-get install iverilog")


def test_installation_that_does_not_help_is_told(machine: Machine) -> None:
    machine.lacks("iverilog")
    machine.add("id", "echo 0")
    assert "still missing" in only_line(machine.set_up())


@pytest.mark.parametrize(
    ("probe", "package"), [("ensurepip", "python3-venv"), ("-", "libpython3-dev"), ("g++", "libngspice0-dev")]
)
def test_libraries_are_probed_for(machine: Machine, probe: str, package: str) -> None:
    if probe == "g++":
        machine.add("g++", "exit 1")
    else:
        machine.add("python3", f'case "$*" in *{probe}) exit 1;; *{probe},*) exit 1;; esac')
    assert only_line(machine.set_up()).endswith(f"apt-get install {package}")


def test_old_python_is_refused(machine: Machine) -> None:
    machine.add("python3", 'case "$*" in *version_info*) exit 1;; -V) echo Python 3.9.2;; esac')
    assert "3.11 or newer, got Python 3.9.2" in only_line(machine.set_up())


def test_absent_interpreter_is_refused(machine: Machine) -> None:
    assert "python9" in only_line(machine.set_up(PYTHON="python9"))


def test_broken_environment_is_made_anew(machine: Machine) -> None:
    shutil.rmtree(machine.folder / "environment")
    machine.add(
        "python3",
        f'[ "$2" != venv ] || {{ mkdir -p "$4/bin" && ln -s "{machine.programs}/perl" "$4/bin/python"; }}',
    )
    assert machine.set_up().returncode == 0
    assert f"python3 -m venv --clear {machine.folder}/environment" in machine.log()


def test_browser_is_set_up_for_tests_alone(machine: Machine) -> None:
    done = machine.set_up()
    assert (done.returncode, done.stderr) == (0, "")  # without one
    assert only_line(machine.set_up("browser")).endswith("run: sudo apt-get install chromium")
    machine.add("chromium")
    packages = len(machine.log())
    assert machine.set_up("browser").returncode == 0
    assert not [line for line in machine.log()[packages:] if line.startswith(("apt-get", "python -m pip"))]


def test_missing_browser_is_installed(machine: Machine) -> None:
    machine.add("id", "echo 0")
    machine.add("apt-get", f'if [ "$1" = install ]; then ln -s g++ "{machine.programs}/chromium"; fi')
    assert machine.set_up("browser").returncode == 0
    assert "apt-get install -y --no-install-recommends chromium" in machine.log()


@pytest.mark.parametrize("target", ["demo", "docs", "results", "test", "test-slow", "lint"])
def test_targets_set_up_once(top: Path, tmp_path: Path, target: str) -> None:
    (tmp_path / ".ci").mkdir()
    inputs = (".ci/setup.sh", "pyproject.toml", "requirements.lock", "requirements-build.lock")
    for name in ("Makefile", *inputs):
        shutil.copy(top / name, tmp_path / name)

    def plan() -> str:
        words = ["make", "--dry-run", target]
        return subprocess.check_output(words, cwd=tmp_path, env={"PATH": os.environ["PATH"]}, text=True)

    assert plan().index("setup.sh") < plan().index(".venv/bin/")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".ready").touch()
    assert ("setup.sh browser" in plan()) is (target in ("test", "test-slow"))
    (tmp_path / ".venv" / ".browser").touch()
    assert "setup.sh" not in plan()
    for name in inputs:
        stamp = (tmp_path / ".venv" / ".ready").stat().st_mtime
        os.utime(tmp_path / name, (stamp + 1, stamp + 1))
        assert "setup.sh" in plan()
        os.utime(tmp_path / name, (stamp - 1, stamp - 1))
        assert "setup.sh" not in plan()


def test_ci_runs_make_test_with_what_installing_needs_alone(top: Path, tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(top / ".ci" / "run", tmp_path / ".ci")
    make = tmp_path / "bin" / "make"
    make.parent.mkdir()
    make.write_text('#!/bin/sh\necho "called $*"\nenv\n')
    make.chmod(0o755)
    path = f"{make.parent}:/usr/bin:/bin"
    given = {"PATH": path, "HOME": "there", "PIP_FIND_LINKS": "a b'c", "https_proxy": "p", "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(
        ["sh", ".ci/run"], cwd=tmp_path, env=given | {"MAKEFLAGS": "-n"}, capture_output=True, text=True, check=True
    )
    called, *lines = done.stdout.splitlines()
    assert called == "called test"
    seen = dict(line.split("=", 1) for line in lines) | {"PWD": ""}
    expected = {name: given[name] for name in ("PATH", "HOME", "PIP_FIND_LINKS", "https_proxy")}
    assert {name: seen[name] for name in seen if name not in ("PWD", "_", "SHLVL", "OLDPWD")} == expected | {
        "LANG": "C.UTF-8"
    }
