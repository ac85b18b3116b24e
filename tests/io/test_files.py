"""Files whole or not at all, names that every reader accepts, errors in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmu_hw.errors import DesignError, MissingToolError
from lmu_hw.io.files import check_identifier, replacing, to_json, write_json, write_text


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = write_text(tmp_path / "a" / "out.v", "old")

    def fail_half_way() -> None:
        with replacing(target) as temporary:
            temporary.write_text("new, but only ha")
            assert target.read_text() == "old"
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match=r"^half way$"):
        fail_half_way()
    assert target.read_text() == "old"
    assert [p.name for p in target.parent.iterdir()] == ["out.v"]


def test_a_first_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "m.json", {"x": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_write_replaces_the_file_with_the_usual_rights(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("")
    written = write_text(tmp_path / "t.txt", "θ\r\nn\n")
    assert written.read_bytes() == "θ\r\nn\n".encode()
    assert written.stat().st_mode == plain.stat().st_mode
    write_text(written, "again")
    assert written.read_text() == "again"


def test_json_holds_numpy_values_and_paths_and_refuses_the_rest() -> None:
    text = to_json({"a": np.arange(3), "b": np.float64(0.1), "c": Path("x/y"), "d": [np.int64(1)]})
    assert json.loads(text) == {"a": [0, 1, 2], "b": 0.1, "c": "x/y", "d": [1]}
    assert text.endswith("}\n")
    with pytest.raises(TypeError, match="no JSON form for set"):
        to_json({"a": {1}})


@pytest.mark.parametrize("name", ["a", "LMU_1", "x" * 63])
def test_identifiers_are_returned(name: str) -> None:
    assert check_identifier(name) == name


@pytest.mark.parametrize("name", ["", "1a", "_a", "a-b", "a b", "a\n", "x" * 64, "µ", "../a", None, 1])
def test_what_is_no_identifier_is_refused(name: Any) -> None:
    with pytest.raises(DesignError, match=r"^module must be a letter followed by at most 62 letters, digits or _, got"):
        check_identifier(name, "module")


def test_errors_are_one_line_however_large_or_odd_the_value() -> None:
    for got in ("a\nb\tc", np.arange(10_000), "x" * 1000, {"k": "v\n" * 99}):
        text = str(DesignError("thing", "small", got))
        assert "\n" not in text
        assert text.startswith("thing must be small, got ")
        assert len(text) < 200
    assert str(DesignError("order", "positive", "a\nb")) == "order must be positive, got a b"
    missing = MissingToolError("ngspice", "apt install ngspice")
    assert str(missing) == "ngspice is not installed; apt install ngspice"
    assert isinstance(missing, ValueError)
