"""How results show themselves: in one line, and as a small table in a notebook."""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from collections.abc import Iterable

#: The longest `repr` of a result, in characters; what is longer is cut off.
LONGEST_REPR = 240


class Displayed(ABC):
    """An object that shows what it is by a few facts, whatever the size of its arrays.

    Dataclasses that derive from it are declared with ``repr=False``, so that theirs is not generated.
    """

    @abstractmethod
    def _facts(self) -> Iterable[tuple[str, str]]:
        """Yield names and values, the most important first."""

    def __repr__(self) -> str:
        """One line: the class and the facts."""
        facts = "; ".join(f"{name} {value}" for name, value in self._facts())
        text = f"<{type(self).__name__}: {facts}>"
        return text if len(text) <= LONGEST_REPR else text[: LONGEST_REPR - 2] + "…>"

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
