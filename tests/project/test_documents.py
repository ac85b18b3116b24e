"""Every command and code block of the documents and of the README is run, and what it shows is what it says.

The blocks of a page run in order in one folder, which has the files that the pages speak of: a recording, sequences of
a network with their classes, the programs of examples/. A `text` block directly after a block of code shows its output.
A block after a comment `slow` runs in the slow tests.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io.wavfile

from lmu_hw.cli import main
from lmu_hw.reference.digits import load_digits

TOP = Path(__file__).parents[2]
FENCE = re.compile(
    r"(?P<slow><!-- slow -->\n)?^(?P<indent> *)```(?P<language>[\w{}:-]*)[^\n]*\n(?P<text>.*?)^ *```$", re.M | re.S
)

#: Commands that no test of this file can carry out, by how they begin, with the test that does.
ELSEWHERE = {
    "pip install": "tests/project/test_distribution.py",
    "apt install": "tests/project/test_setup.py",
    "make ": "tests/project/test_setup.py",
    ". .venv/bin/activate": "tests/project/test_setup.py",
    "python -m build": "tests/project/test_distribution.py",
    "python docs/tools/": "tests/project/test_results.py",
    "python examples/keras_lmu_digits.py": "tests/peers/test_examples.py",
    "python examples/pytorch_digits.py": "tests/peers/test_examples.py",
    "lmu-hw import out/digits": "tests/peers/test_examples.py",
    "lmu-hw quantize out/digits.npz": "tests/peers/test_examples.py",
    "lmu-hw verilog out/digits.npz": "tests/peers/test_examples.py",
    "lmu-hw completion": "tests/cli/test_completion.py",
    "lmu-hw fpga": "tests/fpga",
    "lmu-hw experiment": "tests/experiments and docs/results",
    "lmu-hw train arrays": "tests/cli/test_train.py",
    "lmu-hw train digits --out": "tests/cli/test_train.py",
}
#: Pages whose code blocks a test of their own reads and runs, or that are executed notebooks.
OWN_TESTS = {
    "docs/adding-a-method.md": "tests/project/test_adding_a_method.py",
    "docs/circuits.md": "tests/analog/test_extension.py",
    "docs/notebooks": "tests/project/test_examples.py",
}
#: Excerpts that stand for a part of a program that another test runs, by how they begin.
EXCERPTS = {
    "class StraightThrough(torch.autograd.Function)": "tests/peers/test_examples.py",
    "from lmu_hw.fpga.report import build_report": "tests/fpga/test_build.py",
}
#: Programs other than `lmu-hw` whose calls are run.
PROGRAMS = ("python", "ngspice", "sh")
SHELL, PYTHON = ("sh", "shell", "bash"), ("python",)
QUIET = ("text", "json", "verilog", "systemverilog", "spice", "wavedrom", "csv", "tcl", "yaml", "")


@dataclass(frozen=True)
class Block:
    """A block of code of a page."""

    language: str
    text: str
    slow: bool
    shown: str | None


def pages() -> Iterator[Path]:
    yield TOP / "README.md"
    for path in sorted((TOP / "docs").rglob("*.md")):
        name = path.relative_to(TOP).as_posix()
        if not name.startswith(("docs/reference/", "docs/tools/")) and not any(
            name.startswith(key) for key in OWN_TESTS
        ):
            yield path


def blocks(path: Path) -> list[Block]:
    text = path.read_text(encoding="utf-8")
    found = list(FENCE.finditer(text))
    result = []
    for k, each in enumerate(found):
        after = found[k + 1] if k + 1 < len(found) else None
        follows = after is not None and after["language"] == "text" and not text[each.end() : after.start()].strip()
        shown = after["text"] if follows and after is not None else None
        lines = "".join(line.removeprefix(each["indent"]) for line in each["text"].splitlines(keepends=True))
        result.append(Block(each["language"], lines, each["slow"] is not None, shown))
    return result


def commands(block: Block) -> list[str]:
    text = re.sub(r"\\\n\s*", "", block.text)
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def name_of(path: Path) -> str:
    """A page's name in the test's."""
    return path.relative_to(TOP).as_posix()


RUN = [each for each in pages() if any(block.language in (*SHELL, *PYTHON, "toml") for block in blocks(each))]
SLOW = [each for each in RUN if any(block.slow for block in blocks(each))]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the pages speak of."""
    samples = 0.8 * np.sin(2.0 * np.pi * 60.0 * np.arange(600) / 8000.0)
    scipy.io.wavfile.write(tmp_path / "recording.wav", 8000, (32767.0 * samples).astype(np.int16))
    np.savetxt(tmp_path / "input.csv", samples, delimiter=",")
    np.save(tmp_path / "input.npy", samples)
    digits = load_digits(0)
    np.save(tmp_path / "x.npy", digits.test.sequences[:4, :, None])
    np.save(tmp_path / "y.npy", digits.test.labels[:4])
    (tmp_path / "data").mkdir()
    for part, values in (("train", digits.train), ("test", digits.test)):
        np.save(tmp_path / "data" / f"x_{part}.npy", values.sequences[:, :, None])
        np.save(tmp_path / "data" / f"y_{part}.npy", values.labels)
    (tmp_path / "examples").symlink_to(TOP / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(line: str) -> str:
    """Carry a command line out; its standard output."""
    words = shlex.split(line, comments=True)
    if words[0] == "lmu-hw":
        said, told = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
            status = main(words[1:])
        # `doctor` tells what this machine lacks by its status.
        assert status == 0 or words[1] == "doctor", f"{line}\n{told.getvalue()}{said.getvalue()}"
        return said.getvalue()
    assert words[0] in PROGRAMS, f"`{line}` is not run by any test"
    if words[0] == "python":
        words = [sys.executable, *words[1:]]
    environment = os.environ | {"PYTHONPATH": str(TOP)}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, f"{line}\n{done.stderr[-3000:]}"
    return done.stdout


def run_page(path: Path, *, slow: bool) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(path):
        if block.language == "toml":
            content = tomllib.loads(block.text)
            assert content
            if match := re.match(r"# (\S+\.toml)", block.text):
                Path(match[1]).write_text(block.text, encoding="utf-8")
        elif block.language in PYTHON and block.slow == slow:
            if any(block.text.startswith(key) for key in EXCERPTS):
                compile(block.text, str(path), "exec")
                continue
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                exec(compile(block.text, str(path), "exec"), names)  # noqa: S102 - this is what is tested
            check_output(block, said.getvalue())
        elif block.language in SHELL and block.slow == slow:
            check_output(block, "".join(call(line) for line in commands(block) if elsewhere(line) is None))


def elsewhere(line: str) -> str | None:
    """The test that runs a command elsewhere; None if it is run here."""
    words = " ".join(line.split())
    return next((test for key, test in ELSEWHERE.items() if words.startswith(key)), None)


def check_output(block: Block, said: str) -> None:
    if block.shown is not None:
        assert [line.rstrip() for line in said.strip().splitlines()] == [
            line.rstrip() for line in block.shown.strip().splitlines()
        ]


@pytest.mark.parametrize("path", RUN, ids=name_of)
def test_what_a_page_shows_works(path: Path, folder: Path) -> None:
    run_page(path, slow=False)


@pytest.mark.slow
@pytest.mark.parametrize("path", SLOW, ids=name_of)
def test_the_longer_commands_of_a_page_work(path: Path, folder: Path) -> None:
    run_page(path, slow=True)


@pytest.mark.parametrize("path", list(pages()), ids=name_of)
def test_every_block_is_of_a_kind_that_is_run_or_only_read(path: Path) -> None:
    for block in blocks(path):
        if block.language.startswith("{"):  # a directive of the site
            continue
        assert block.language in (*SHELL, *PYTHON, "toml", *QUIET), block.language
        if block.language in SHELL:
            for line in commands(block):
                assert line.split()[0] in ("lmu-hw", *PROGRAMS) or elsewhere(line), line
        elif block.language in QUIET:
            assert not re.search(r"(?m)^\s*(lmu-hw|\$ lmu-hw) (?!: )", block.text) or block.language == "", block.text


def test_what_is_run_elsewhere_names_tests_that_exist() -> None:
    for test in (*ELSEWHERE.values(), *OWN_TESTS.values(), *EXCERPTS.values()):
        assert all((TOP / part).exists() for part in test.split(" and ")), test


def test_a_wrong_command_and_a_wrong_output_are_seen(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```sh\nlmu-hw derive --order 0 --theta 1 --dt 0.1\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="--order must be"):
        run_page(page, slow=False)
    page.write_text("```python\nprint(1)\n```\n\n```text\n2\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError):
        run_page(page, slow=False)


def test_a_newcomer_needs_five_commands_at_most() -> None:
    """From the first page: the installation, and then what stands under each reader's sentence."""
    text = (TOP / "docs" / "index.md").read_text(encoding="utf-8").partition("## First commands")[2]
    ways = re.split(r"(?m)^For ", text)[1:]
    assert len(ways) == 5
    for way in ways:
        lines = [
            line for match in FENCE.finditer(way) if match["language"] == "sh" for line in match["text"].splitlines()
        ]
        assert 1 + len(lines) <= 5
        assert lines


def test_the_readme_is_short() -> None:
    assert len((TOP / "README.md").read_text(encoding="utf-8").splitlines()) <= 130
