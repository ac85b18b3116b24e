"""Renew the answers of tests/cli/messages.txt, whose calls are kept: `python -m tests.cli.messages`. Read the diff."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from pathlib import Path

from lmu_hw.cli import main
from tests.cli.test_errors import ERRORS, words_of, write_files

TABLE = Path(__file__).with_name("messages.txt")


def renew() -> None:
    """Make every call in a folder of wrong files, and write down what is said; answers of any ending are kept."""
    head = TABLE.read_text(encoding="utf-8").split("\n$ ")[0]
    entries = [head]
    for call, lines in ERRORS:
        with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(write_files(Path(scratch))):
            told = io.StringIO()
            with contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
                main(words_of(call))
        answers = [line.removeprefix("lmu-hw: ") for line in told.getvalue().splitlines()]
        for k, (line, before) in enumerate(zip(answers, lines, strict=False)):
            if before.endswith("…") and line.startswith(before[:-1]):
                answers[k] = before
        entries.append("\n  ".join([call, *answers]))
    TABLE.write_text("\n$ ".join(entries) + "\n", encoding="utf-8")


if __name__ == "__main__":
    os.environ["COLUMNS"] = "80"
    renew()
