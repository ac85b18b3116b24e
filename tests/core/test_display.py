"""What results say of themselves: one line, a table, plain values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmu_hw.core.display import LONGEST_LINE, Displayed, plain_value


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, repr=False)
class Result(Displayed):
    samples: Any
    name: str = "run <1>"
    colour: Colour = Colour.RED
    share: float = 1 / 3
    passed: bool = True
    missing: float | None = None


def test_the_line_tells_an_array_by_its_shape_and_leaves_out_what_is_missing() -> None:
    line = repr(Result(np.zeros((1000, 3))))
    assert line == "<Result samples: array (1000, 3); name: run <1>; colour: red; share: 0.3333; passed: True>"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ((), "none"),
        ((1, 2), "1, 2"),
        (tuple(range(100)), "100 entries"),
        ({"a": 1}, "1 entry"),
        ("a\nb " + "x" * 100, "a b " + "x" * 55 + "…"),
        (Result(0), "Result"),
        (np.float64(2.0), "2"),
        (Path("a/b"), "a/b"),
    ],
)
def test_values_are_told_in_a_few_words(value: Any, words: str) -> None:
    assert repr(Result(value)).startswith(f"<Result samples: {words}; ")


def test_the_line_is_cut_off_where_it_is_long() -> None:
    @dataclass(repr=False)
    class Long(Displayed):
        first_of_many_fields: str = "x" * 100
        second_of_many_fields: str = "x" * 100
        third_of_many_fields: str = "x" * 100
        fourth_of_many_fields: str = "x" * 100

    line = repr(Long())
    assert len(line) == LONGEST_LINE
    assert line.endswith("…>")


def test_the_table_is_html_and_escapes_what_it_shows() -> None:
    table = Result(0)._repr_html_()
    assert table.startswith("<table>")
    assert "run &lt;1&gt;" in table
    assert "<1>" not in table


def test_plain_values_are_json() -> None:
    inner = Result({"a": np.arange(2), Colour.RED: {3}}, share=np.float64(0.5))
    told = Result((inner, Path("a"), object)).to_dict()
    assert json.loads(json.dumps(told))["samples"][:2] == [
        {
            "samples": {"a": [0, 1], "red": [3]},
            "name": "run <1>",
            "colour": "red",
            "share": 0.5,
            "passed": True,
            "missing": None,
        },
        "a",
    ]


def test_an_object_that_is_no_dataclass_tells_its_public_attributes() -> None:
    class Thing(Displayed):
        def __init__(self) -> None:
            self.count = 3
            self._hidden = 4

    assert repr(Thing()) == "<Thing count: 3>"
    assert Thing().to_dict() == {"count": 3}


def test_values_without_a_plain_form_become_their_line() -> None:
    assert plain_value(range) == repr(range)
