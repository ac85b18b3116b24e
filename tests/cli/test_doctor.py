"""`lmu-hw doctor`: what is there, what it is for, and how to get the rest."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from lmu_hw.cli import doctor, main
from lmu_hw.cli.demo import usable_simulator
from lmu_hw.errors import MissingToolError

TOP = Path(__file__).parents[2]


def pyproject() -> dict[str, Any]:
    return tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))


def installed(**versions: str | None) -> dict[str, str | None]:
    """Every tool is there but for those given as None."""
    return dict.fromkeys(doctor.TOOLS, "1.0") | versions


def answer(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any], str]:
    status = main(["doctor", "--json"])
    captured = capsys.readouterr()
    return status, json.loads(captured.out), captured.err


def test_every_tool_is_told_with_its_version_and_source(capsys: pytest.CaptureFixture[str]) -> None:
    status, told, _ = answer(capsys)
    assert [tool["name"] for tool in told["tools"]] == list(doctor.TOOLS)
    assert all(tool["purpose"] and tool["source"].startswith(("apt install", "pip install")) for tool in told["tools"])
    versions = {tool["name"]: tool["version"] for tool in told["tools"]}
    assert re.fullmatch(r"\d+(\.\d+)+", versions["scikit-learn"])
    assert told["ready"] is (status == 0)


def test_the_table_shows_how_to_get_an_extra(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_package", lambda name: None)
    monkeypatch.setattr(doctor.Tool, "version", lambda tool: None if tool.extra == "train" else "1.0")
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert "needs jax, optax" in shown
    assert "pip install 'lmu-hw[train]'" in shown


def test_without_programs_the_status_is_1_and_one_line_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    status, told, said = answer(capsys)
    assert status == 1
    assert not told["ready"]
    assert said.startswith("lmu-hw: missing for `lmu-hw demo`: ")
    assert said.count("\n") == 1
    assert "apt install " in said
    assert {tool["name"] for tool in told["tools"] if tool["version"] is None} >= {"iverilog", "g++", "make", "ngspice"}


def test_a_program_that_does_not_run_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "ngspice"
    broken.write_text("no program")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor.TOOLS["ngspice"].version() is None


@pytest.mark.parametrize(
    ("missing", "use", "lacking", "commands"),
    [
        ((), "lmu-hw demo", (), ""),
        # Icarus does instead of Verilator.
        (("make", "perl", "verilator"), "lmu-hw demo", (), ""),
        (("iverilog",), "lmu-hw demo", (), ""),
        (("iverilog", "make"), "lmu-hw cosim, run --backend rtl", ("make",), "apt install make"),
        (
            ("spicebind",),
            "lmu-hw demo",
            ("spicebind",),
            "apt install g++ libngspice0-dev, then pip install 'lmu-hw[sim]'",
        ),
        (("scikit-learn",), "lmu-hw demo", ("scikit-learn",), "pip install 'lmu-hw[sim]'"),
        (
            ("libngspice", "libpython"),
            "lmu-hw demo",
            ("libpython", "libngspice"),
            "apt install libpython3-dev libngspice0-dev",
        ),
        (("torch",), "lmu-hw import of .pt", ("torch",), "pip install torch"),
    ],
)
def test_what_is_missing_and_how_to_get_it(
    missing: tuple[str, ...], use: str, lacking: tuple[str, ...], commands: str
) -> None:
    found = doctor.missing_for(use, installed(**dict.fromkeys(missing)))
    assert set(found) == set(lacking)
    assert doctor.remedy(lacking) == commands


def test_uses_name_tools_that_are_looked_for() -> None:
    assert {name for sets in doctor.USES.values() for names in sets for name in names} <= set(doctor.TOOLS)


def test_extras_are_those_of_the_package() -> None:
    extras = pyproject()["project"]["optional-dependencies"]
    for extra in ("sim", "train", "import", "formal"):
        declared = {Requirement(each).name for each in extras[extra]}
        assert {name for name, tool in doctor.TOOLS.items() if tool.extra == extra} == declared
    tools = {f"yowasp-{name}" for name, tool in doctor.TOOLS.items() if tool.extra == "fpga"}
    assert tools == {Requirement(each).name for each in extras["fpga"]}
    assert {tool.extra for tool in doctor.TOOLS.values()} == {"", "sim", "train", "import", "formal", "fpga"}


def test_system_packages_are_those_that_the_set_up_installs() -> None:
    script = (TOP / ".ci" / "setup.sh").read_text(encoding="utf-8")
    named = {tool.debian for tool in doctor.TOOLS.values() if tool.debian}
    assert all(re.search(rf"\b{re.escape(name)}(?!\S)", script) for name in named)


def test_the_extra_sim_is_all_that_the_demonstration_needs() -> None:
    needed = {name for names in doctor.USES["lmu-hw demo"] for name in names if not doctor.TOOLS[name].debian}
    assert {doctor.TOOLS[name].extra for name in needed} == {"sim"}


def test_the_demonstration_takes_icarus_where_verilator_lacks_something(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("iverilog", "vvp"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert usable_simulator() == "icarus"
    (tmp_path / "vvp").unlink()
    with pytest.raises(MissingToolError, match="Verilator"):
        usable_simulator()


def test_it_starts_where_no_extra_is_installed() -> None:
    """Looking for the tools imports none of them, nor what is slow to load."""
    program = (
        "import sys; from lmu_hw.cli import main; main(['doctor', '--json'])\n"
        "heavy = {'jax', 'sklearn', 'amaranth', 'matplotlib', 'scipy', 'spicebind'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"
