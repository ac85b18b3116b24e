"""Starting, helping and ending: light, documented, and never with a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.cli.conftest import ENTRY, Lmu

SUBCOMMANDS = (
    "derive",
    "quantize",
    "verilog",
    "fpga",
    "spice",
    "cosim",
    "run",
    "train",
    "import",
    "demo",
    "doctor",
    "completion",
    "experiment",
    "regression",
)
HEAVY = ("numpy", "scipy", "matplotlib", "mpmath", "amaranth", "cocotb", "networkx", "jinja2", "rich", "sklearn")


@pytest.mark.parametrize("words", [["--help"], ["--version"], [], *([name, "--help"] for name in SUBCOMMANDS)])
def test_help_and_version_load_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys; from lmu_hw.cli import main; status = main(sys.argv[1:]);"
        f"print(*(name for name in {HEAVY!r} if name in sys.modules), end='', file=sys.stderr); sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_version_is_the_packages(lmu: Lmu) -> None:
    called = lmu("--version")
    assert (called.status, called.out) == (0, f"lmu-hw, version {version('lmu-hw')}\n")


def test_help_lists_every_subcommand_in_the_order_of_the_flow(lmu: Lmu) -> None:
    called = lmu("--help")
    listed = [line.split()[0] for line in called.out.split("Commands:")[1].splitlines() if line.strip()]
    assert called.status == 0
    assert listed == list(SUBCOMMANDS)


def test_no_subcommand_gives_the_help(lmu: Lmu) -> None:
    assert lmu() == lmu("--help")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_leaves_early_ends_it_quietly(tmp_path: Path, unbuffered: str) -> None:
    words = ["derive", "--order", "150", "--theta", "1", "--dt", "0.01", "--json"]
    env = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with subprocess.Popen([*ENTRY, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        os.read(process.stdout.fileno(), 10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    # A window of a million steps: the measurement goes on for minutes.
    words = ["quantize", "--order", "24", "--theta", "1", "--dt", "1e-6", "--out", "out"]
    env = {**os.environ, "TMPDIR": str(scratch)}
    with subprocess.Popen(
        [*ENTRY, *words],
        cwd=tmp_path,
        env=env,
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests run in a shell's background the signal is ignored, and a child would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        while not any(scratch.iterdir()) and process.poll() is None:  # it has begun
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.read()
    assert (process.returncode, said.strip()) == (130, "lmu-hw: interrupted")
    assert list(scratch.iterdir()) == []
    assert list(tmp_path.iterdir()) == [scratch]
