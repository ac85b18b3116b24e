"""The programs for synthesis and place-and-route: where they are, and how they are run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lmu_hw.errors import CheckFailed, MissingToolError

_TIMEOUT_S = 3600.0  # of one run, on a loaded machine
_DEBIAN = {"yosys": "yosys", "nextpnr-ice40": "nextpnr-ice40"}


@dataclass(frozen=True)
class Tool:
    """A program that was found.

    Attributes:
        name: Its name, such as "yosys".
        path: Its path: the native program, or the one of YoWASP, which is slower.
    """

    name: str
    path: str

    def version(self) -> str:
        """Return the line by which it tells its version, or its path where it tells none."""
        done = subprocess.run([self.path, "--version"], capture_output=True, text=True, timeout=600.0, check=False)
        lines = (done.stdout + done.stderr).strip().splitlines()
        return lines[-1] if lines else self.path

    def run(self, arguments: Sequence[str], folder: Path, log: str) -> str:
        """Run the program in a folder and return what it said, which is kept there in the file `log`.

        Raises:
            CheckFailed: It failed, or did not end within an hour; the message has its last words and the log.
        """
        path = folder / log
        with path.open("w", encoding="utf-8") as file:
            try:
                done = subprocess.run(
                    [self.path, *arguments],
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    timeout=_TIMEOUT_S,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise CheckFailed(f"{self.name} did not end within {_TIMEOUT_S:g} s; its log is {path}") from None
        said = path.read_text(encoding="utf-8", errors="replace")
        if done.returncode:
            raise CheckFailed(f"{self.name} failed: {_last_words(said)}; its log is {path}")
        return said


def find_tool(name: str) -> Tool:
    """Return a program: the native one, or the one of YoWASP where there is only that.

    Both are looked for on PATH and beside the Python that runs.

    Raises:
        MissingToolError: There is neither.
    """
    where = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])
    for program in (name, f"yowasp-{name}"):
        if (path := shutil.which(program, path=where)) is not None:
            return Tool(name, path)
    native = f", or apt install {_DEBIAN[name]}" if name in _DEBIAN else ""
    raise MissingToolError(name, f"pip install 'lmu-hw[fpga]'{native}")


def _last_words(said: str) -> str:
    """Return the line of the first error; the last line where none is one."""
    lines = [" ".join(line.split()) for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines[-1:] or ["it said nothing"])[0].removeprefix("ERROR: ")
