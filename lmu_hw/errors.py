"""Errors that end a request, told apart by the exit status of the command line, and the checks that raise them."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

_LONGEST = 120  # characters of a value in a message
_CLOSE = 0.76  # similarity from which a word is suggested: about one wrong letter in four


class DesignError(ValueError):
    """The request was wrong (exit status 2): what, the constraint, and what was given, in one line.

    Args:
        what: The value that is wrong, by the name that the user knows it by.
        constraint: The condition that it must meet, as the end of "WHAT must be …".
        got: The value that was given.
        hint: A clause that says what the user can do about it.

    >>> str(DesignError("order", "an integer from 1 to 2048", 0))
    'order must be an integer from 1 to 2048, got 0'
    >>> str(DesignError("exact product", "at most 62 bits wide", 75, hint="fewer state_bits help"))
    'exact product must be at most 62 bits wide, got 75; fewer state_bits help'
    """

    def __init__(self, what: str, constraint: str, got: object, *, hint: str = "") -> None:
        self.what = what
        self.constraint = constraint
        self.got = got
        self.hint = hint
        super().__init__(f"{what} must be {constraint}, got {_one_line(got)}" + (f"; {hint}" if hint else ""))

    def of(self, where: str) -> DesignError:
        """The same error, which also names the part of the request that it is about, such as "layer 0 (lmu)"."""
        return DesignError(f"{self.what} of {where}", self.constraint, self.got, hint=self.hint)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as plain text, so that the same line comes out of another process whatever was given."""
        return _restore, (type(self), self.what, self.constraint, _one_line(self.got), self.hint)


class RequestError(DesignError):
    """The request was wrong (exit status 2), said in a sentence of its own.

    Args:
        sentence: What is wrong, without a full stop.
        hint: A clause that says what the user can do about it.

    >>> str(RequestError("--dt and --rate say the same", hint="give one of them"))
    '--dt and --rate say the same; give one of them'
    """

    def __init__(self, sentence: str, *, hint: str = "") -> None:
        super().__init__("the request", "another one", sentence, hint=hint)
        self.sentence = _one_line(sentence, 4 * _LONGEST)
        self.args = (self.sentence + (f"; {hint}" if hint else ""),)

    def of(self, where: str) -> DesignError:
        """The same error, which also names the part of the request that it is about."""
        return RequestError(f"{where}: {self.sentence}", hint=self.hint)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as plain text."""
        return _restore_sentence, (type(self), self.sentence, self.hint)


class Notice(UserWarning):
    """What a request is told although it is carried out: a name that will go, a value that may be meant otherwise."""


class MissingToolError(RequestError):
    """A program or library outside this package is not installed (exit status 2)."""

    def __init__(self, tool: str, remedy: str) -> None:
        super().__init__(f"{tool} is not installed", hint=remedy)


class CheckFailed(Exception):
    """The request was carried out and a check did not hold (exit status 1)."""


def _restore(kind: type[DesignError], what: str, constraint: str, got: str, hint: str) -> DesignError:
    error = kind.__new__(kind)
    DesignError.__init__(error, what, constraint, got, hint=hint)
    return error


def _restore_sentence(kind: type[RequestError], sentence: str, hint: str) -> RequestError:
    error = kind.__new__(kind)
    RequestError.__init__(error, sentence, hint=hint)
    return error


def _one_line(value: object, longest: int = _LONGEST) -> str:
    """A value as text without line breaks, cut off where it is long."""
    text = " ".join((value if isinstance(value, str) else repr(value)).split())
    text = text or repr(value)  # an empty text is there, too
    return text if len(text) <= longest else text[: longest - 1] + "…"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The word that was probably meant, of those that are known; None where none is close.

    >>> nearest("oder", ["order", "theta"])
    'order'
    >>> nearest("lanes", ["delays"]) is None
    True
    """
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=_CLOSE)
    return close[0] if close else None


def check_integer(what: str, value: object, least: int, most: int | None = None) -> int:
    """Return `value` as an int if it is an integer, NumPy's included, from `least` to `most`; a bool is none.

    Raises:
        DesignError: It is not; the error calls it `what`.
    """
    span = f"of at least {least}" if most is None else f"from {least} to {most}"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise DesignError(what, f"an integer {span}", value)
    number = int(value)
    if number < least or (most is not None and number > most):
        raise DesignError(what, f"an integer {span}", value)
    return number


def check_positive(what: str, value: object, unit: str = "") -> float:
    """Return `value` as a float if it is a finite positive real number.

    Raises:
        DesignError: It is not; the error calls it `what` and names the `unit`, such as "seconds".
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not 0.0 < float(value) < math.inf:
        raise DesignError(what, f"a positive number of {unit}" if unit else "a positive finite number", value)
    return float(value)
