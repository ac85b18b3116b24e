"""How results show themselves: in one line, as a small table in a notebook, and as plain values."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np

#: The longest line that stands for a result, in characters; what is longer is cut off.
LONGEST_LINE = 240

_LONGEST_VALUE, _LONGEST_LIST = 60, 4


class Displayed:
    """An object that shows what it is by a few facts, however large its arrays are.

    A dataclass that derives from it is declared with ``repr=False``, so that no other line is generated. Its facts are
    its fields, arrays by their shapes, unless it has a `_facts` of its own.
    """

    def _facts(self) -> Iterable[tuple[str, str]]:
        """Yield names and values, the most important first."""
        for name, value in _fields(self):
            if value is not None and value is not False:
                yield name, _briefly(value)

    def to_dict(self) -> dict[str, Any]:
        """The object as plain values, by the names of its fields; arrays become lists."""
        return {name: plain_value(value) for name, value in _fields(self)}

    def __repr__(self) -> str:
        """One line with the class and the facts."""
        facts = "; ".join(f"{name}: {value}" for name, value in self._facts())
        text = f"<{type(self).__name__} {facts}>" if facts else f"<{type(self).__name__}>"
        return text if len(text) <= LONGEST_LINE else text[: LONGEST_LINE - 2] + "…>"

    def _repr_html_(self) -> str:
        """The facts as a table, which notebooks show in place of the line."""
        rows = "".join(
            f'<tr><th style="text-align:left">{html.escape(name)}</th>'
            f'<td style="text-align:left">{html.escape(value)}</td></tr>'
            for name, value in self._facts()
        )
        title = html.escape(type(self).__name__)
        return f'<table><caption style="text-align:left">{title}</caption><tbody>{rows}</tbody></table>'


def number(value: float) -> str:
    """A number with four significant digits."""
    return f"{value:.4g}"


def plain_value(value: Any) -> Any:
    """The value as numbers, texts, lists and dictionaries; what has no such form becomes its one-line text."""
    if value is None or isinstance(value, bool | np.bool_):
        return None if value is None else bool(value)
    if isinstance(value, Enum):
        return str(value)
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain_value(each) for key, each in value.items()}
    if isinstance(value, Sequence | Set):
        return [plain_value(each) for each in value]
    if hasattr(value, "to_dict"):
        return plain_value(value.to_dict())
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain_value(getattr(value, field.name)) for field in fields(value)}
    return repr(value)


def _fields(shown: object) -> list[tuple[str, Any]]:
    """The fields of a dataclass, or the public attributes of another object."""
    if is_dataclass(shown):
        return [(field.name, getattr(shown, field.name)) for field in fields(shown)]
    return [(name, value) for name, value in vars(shown).items() if not name.startswith("_")]


def _briefly(value: Any) -> str:
    """A value in a few words: arrays by shape, lists by length, objects by class."""
    if isinstance(value, np.ndarray):
        return f"array {value.shape}" if value.ndim else number(float(value))
    if isinstance(value, str | Path | Integral):  # texts, members of enumerations, truth values
        return _shortened(" ".join(str(value).split()))
    if isinstance(value, Real):
        return number(float(value))
    if isinstance(value, Mapping | Sequence | Set):
        short = not isinstance(value, Mapping) and len(value) <= _LONGEST_LIST
        if short and value and all(isinstance(each, str | Real) for each in value):
            return _shortened(", ".join(map(_briefly, value)))
        return {0: "none", 1: "1 entry"}.get(len(value), f"{len(value)} entries")
    told = "__str__" in vars(type(value))  # such as a format, which says sQm.n
    return _shortened(str(value)) if told else type(value).__name__


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
