"""Result files of the documents: carry out the runs of docs/results/runs.toml, each into a file of its own.

    python docs/tools/results.py --quick     # the runs that take a few minutes at most
    python docs/tools/results.py NAME ...    # these
    python docs/tools/results.py --readme    # write the README's table of figures anew, from the files

A file holds what `lmu-hw experiment` and `lmu-hw regression` leave in `--out`: command, date, machine, versions,
options and figures. The other subcommands print their figures alone, so this script puts the same keys around them.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lmu_hw.cli.programs import machine, versions
from lmu_hw.io.files import write_text

RESULTS = Path(__file__).resolve().parents[1] / "results"
FILES = RESULTS / "files"
#: Subcommands whose `--out` leaves a complete result file.
PROGRAMS = ("experiment", "regression")


@dataclass(frozen=True)
class Run:
    """A row of runs.toml.

    Attributes:
        name: The name of its file, without the ending.
        command: The command line.
        quick: Whether `--quick` carries it out.
        fails: Whether a check of it is meant to fail, so that the command ends with status 1.
        needs: What the machine must have besides the locked environment; empty for nothing.
    """

    name: str
    command: str
    quick: bool = False
    fails: bool = False
    needs: str = ""

    @property
    def file(self) -> Path:
        """Where the result file lies, whether or not it exists."""
        return FILES / f"{self.name}.json"


def read_runs() -> dict[str, Run]:
    """All runs by name, in the order of the table."""
    table = tomllib.loads((RESULTS / "runs.toml").read_text(encoding="utf-8"))
    return {name: Run(name, **row) for name, row in table.items()}


def load(run: Run) -> dict[str, Any] | None:
    """The result file of a run; None if it is not on file."""
    if not run.file.exists():
        return None
    content: dict[str, Any] = json.loads(run.file.read_text(encoding="utf-8"))
    return content


def carry_out(run: Run) -> None:
    """Run the command and write its result file.

    Raises:
        SystemExit: The command failed though it should not, or the reverse; the file is then left as it was.
    """
    words = shlex.split(run.command)[1:]
    began, start = datetime.now(UTC), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        call = [sys.executable, "-m", "lmu_hw", *words]
        call += ["--json", "--out", folder]
        done = subprocess.run(call, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != int(run.fails):
            raise SystemExit(f"{run.name}: `{run.command}` ended with status {done.returncode}")
        if words[0] in PROGRAMS:
            content = json.loads((Path(folder) / f"{words[1]}.json").read_text(encoding="utf-8"))
        else:
            content = {
                "schema": "lmu-hw/program/1",
                "format": "lmu-hw result",
                "version": 1,
                "kind": "command",
                "name": words[0],
                "command": run.command,
                "date": began.isoformat(timespec="seconds"),
                "seconds": time.perf_counter() - start,
                "passed": done.returncode == 0,
                "machine": machine(),
                "versions": versions((), {}),
                "options": {},
                "result": json.loads(done.stdout),
            }
    # The release of the kernel says nothing about a result.
    system = content["machine"]["system"].split("-")
    content["machine"]["system"] = "-".join([system[0], *system[-3:]])
    # Nor does the place of the data.
    content["options"] = {
        name: Path(value).name if isinstance(value, str) and value.startswith("/") else value
        for name, value in content["options"].items()
    }
    FILES.mkdir(exist_ok=True)
    write_text(run.file, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def main(words: list[str]) -> None:
    """Carry out the runs that the words of the command line name."""
    runs = read_runs()
    if "--readme" in words:
        from readme import write_readme  # beside this file

        write_readme()
        return
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    names = [name for name, run in runs.items() if run.quick] if "--quick" in words else words
    if unknown := [name for name in names if name not in runs]:
        raise SystemExit(f"docs/results/runs.toml has no run {', '.join(unknown)}")
    for name in names:
        print(name, flush=True)
        carry_out(runs[name])


if __name__ == "__main__":
    main(sys.argv[1:])
