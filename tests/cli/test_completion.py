"""Completion in shells: what is offered, what is installed where, and that a second call changes nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ENTRY, Lmu


def complete(line: str, *, shell: str = "bash") -> list[str]:
    """What is offered for the last word of a line."""
    words = line.split(" ")
    env = {**os.environ, "_LMU_HW_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(ENTRY, env=env, capture_output=True, text=True, check=False, timeout=60)
    return [offer.partition(",")[2] for offer in done.stdout.splitlines()]


def test_subcommands_options_and_their_words_are_offered() -> None:
    assert complete("lmu-hw de") == ["derive", "demo"]
    assert "--discretization" in complete("lmu-hw derive --di")
    assert "--lanes" not in complete("lmu-hw derive --")
    assert "--band" not in complete("lmu-hw run --b")
    assert complete("lmu-hw spice --style gm") == ["gm-c"]
    assert complete("lmu-hw train psm") == ["psmnist"]
    assert complete("lmu-hw fpga --device ecp5-4") == ["ecp5-45k"]
    assert complete("lmu-hw spice --opamp TLV900") == ["TLV9002"]
    assert complete("lmu-hw run digits_linear --sweep weight-bits,st") == ["weight-bits,state-bits"]
    assert complete("lmu-hw quantize digits_l") == ["digits_linear", "digits_l"]  # and files of that name


def test_programs_are_offered_without_importing_them(tmp_path: Path) -> None:
    assert complete("lmu-hw experiment analog-l") == ["analog-ladder", "analog-lockstep"]
    code = "import sys; from lmu_hw.cli import main; main(); sys.exit('numpy' in sys.modules)"
    env = {**os.environ, "_LMU_HW_COMPLETE": "bash_complete", "COMP_WORDS": "lmu-hw experiment ", "COMP_CWORD": "2"}
    assert subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("shell", "script", "start"),
    [
        ("bash", ".local/share/lmu-hw/completion.bash", ".bashrc"),
        ("zsh", ".local/share/lmu-hw/completion.zsh", ".zshrc"),
        ("fish", ".config/fish/completions/lmu-hw.fish", None),
    ],
)
def test_one_command_installs_it(
    lmu: Lmu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str, script: str, start: str | None
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "ZDOTDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    if start is not None:
        (tmp_path / start).write_text("export A=1", encoding="utf-8")
    called = lmu("completion")
    assert (called.status, called.err) == (0, "")
    assert str(tmp_path / script) in called.out
    text = (tmp_path / script).read_text(encoding="utf-8")
    assert text == lmu("completion", shell, "--print").out.removesuffix("\n")
    assert "_LMU_HW_COMPLETE" in text
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert lmu("completion", shell).status == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    if start is not None:
        lines = (tmp_path / start).read_text(encoding="utf-8").splitlines()
        assert lines == [
            "export A=1",
            f'[ -r "{tmp_path / script}" ] && . "{tmp_path / script}"  # completion of lmu-hw',
        ]


def test_an_unknown_login_shell_is_an_error(lmu: Lmu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    said = "lmu-hw: $SHELL is tcsh, for which there is no completion; name one of bash, zsh, fish\n"
    assert (lmu("completion").status, lmu("completion").err) == (2, said)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_with_it(lmu: Lmu, tmp_path: Path) -> None:
    (tmp_path / "script").write_text(lmu("completion", "bash", "--print").out, encoding="utf-8")
    program = tmp_path / "lmu-hw"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nfrom lmu_hw.cli import main\nsys.exit(main())\n", encoding="utf-8"
    )
    program.chmod(0o755)
    ask = ". ./script; COMP_WORDS=(lmu-hw spice --topology la); COMP_CWORD=3; _lmu_hw_completion lmu-hw"
    ask += '; echo "${COMPREPLY[@]}"'
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", ask], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("ladder", "")
