"""Numbers as people write them: with a unit, a prefix or a per-cent sign, and as products and quotients of these.

`10ms`, `1/48000`, `100/8kHz` and `2 * 5ms` are times, `48kHz` and `1/20us` frequencies, `1%` is 0.01. A number
without a unit is in the unit of its option. Texts are read exactly, as fractions, and rounded once: `10ms` is the same
double as 0.01, and `1/48000` that of the division. Nothing is evaluated; there are numbers, units, `*` and `/`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

_LONGEST = 64  # characters of a number; a double needs fewer than 25
_LARGEST_EXPONENT = 400  # beyond the range of a double, and small enough to be computed exactly
_FACTOR = re.compile(r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?[0-9]+))?)\s*([A-Za-zµμ%]*)\s*")

_Dimension = tuple[int, int, int]
"""The exponents of the second, the volt and the siemens."""

_PURE: _Dimension = (0, 0, 0)
_PREFIXES = {"f": -15, "p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9}
_BASES: dict[str, _Dimension] = {"s": (1, 0, 0), "Hz": (-1, 0, 0), "V": (0, 1, 0), "S": (0, 0, 1)}
_SYMBOLS = MappingProxyType(
    {
        prefix + base: (dimension, Fraction(10) ** exponent)
        for base, dimension in _BASES.items()
        for prefix, exponent in _PREFIXES.items()
    }
    | {"%": (_PURE, Fraction(1, 100))}
)
_NAMES = MappingProxyType(
    {
        (1, 0, 0): "a time",
        (-1, 0, 0): "a frequency",
        (0, 1, 0): "a voltage",
        (0, 0, 1): "a conductance",
        _PURE: "a ratio",
    }
)

#: What the names of formats, sQm.n and uQm.n, mean; said wherever they are shown.
Q_FORMAT = "m bits before the binary point, the sign among them, and n behind it; uQm.n has no sign"


@dataclass(frozen=True)
class Unit:
    """The unit that a number without one is in.

    Attributes:
        expected: What an error asks for, such as "a time in seconds, such as 0.01, 10ms or 1/48kHz".
        dimension: The exponents of second, volt and siemens.
        window: Whether a number may be a time too, which is then a share of the window θ.
    """

    expected: str
    dimension: _Dimension
    window: bool = False


SECONDS = Unit("a time in seconds, such as 0.01, 10ms or 1/48kHz", (1, 0, 0))
HERTZ = Unit("a frequency in Hz, such as 48000 or 48kHz", (-1, 0, 0))
VOLTS = Unit("a voltage in V, such as 2.5 or 2500mV", (0, 1, 0))
SIEMENS = Unit("a conductance in S, such as 1e-6 or 1uS", (0, 0, 1))
RATIO = Unit("a number, such as 0.01 or 1%", _PURE)
WINDOW = Unit("a share of the window, such as 0.5 or 50%, or a time, such as 2ms", _PURE, window=True)


@dataclass(frozen=True)
class Time:
    """A time where a share of the window may stand too, as the exact number of seconds and as it was written."""

    seconds: Fraction
    text: str

    def share(self, theta: float) -> float:
        """The time as a share of a window of `theta` seconds, where 10 ms of 0.01 s are exactly 1."""
        return float(self.seconds / Fraction(repr(theta)))


class QuantityError(ValueError):
    """A text is no number, or one of another unit; the message, which may be empty, is a hint."""


def read_quantity(text: str, unit: Unit) -> float:
    """The value of a text in a unit.

    Args:
        text: A number such as `0.01`, `10ms`, `1/48000` or `100/8kHz`; without any unit it is in `unit`.
        unit: The unit of the value.

    Raises:
        QuantityError: The text is no number, its value is not finite, or it has another unit.
    """
    value, dimension = _read(text, unit)
    if dimension != unit.dimension:
        raise QuantityError(_other_unit(text, dimension, unit))
    return _rounded(value)


def read_delay(text: str) -> float | Time:
    """A delay: a share of the window, or a time.

    Raises:
        QuantityError: The text is no number, its value is not finite, or it has another unit.
    """
    value, dimension = _read(text, WINDOW)
    if dimension == SECONDS.dimension:
        return Time(value, text.strip())
    if dimension != _PURE:
        raise QuantityError(_other_unit(text, dimension, WINDOW))
    return _rounded(value)


def read_number(text: str) -> float:
    """A finite number without a unit.

    Raises:
        QuantityError: The text is none.
    """
    if not re.fullmatch(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*", text):
        raise QuantityError(_malformed(text))
    return read_quantity(text, RATIO)


def read_integer(text: str) -> int:
    """An integer in plain digits.

    Raises:
        QuantityError: The text is none, or it is longer than any integer that means something here.
    """
    if len(text) > _LONGEST or not re.fullmatch(r"\s*[+-]?[0-9]+\s*", text):
        raise QuantityError("write digits only" if "_" in text else "")
    return int(text)


def _read(text: str, unit: Unit) -> tuple[Fraction, _Dimension]:
    """The exact value of a text and its dimension; a text without any unit has that of `unit`."""
    if len(text) > _LONGEST:
        raise QuantityError(f"at most {_LONGEST} characters are read")
    value, dimension, bare, at, operation = Fraction(1), _PURE, True, 0, "*"
    while True:
        found = _FACTOR.match(text, at)
        if found is None:
            raise QuantityError(_malformed(text))
        digits, exponent, symbol = found.groups()
        if exponent is not None and abs(int(exponent)) > _LARGEST_EXPONENT:
            raise QuantityError("that is beyond the range of a double")
        factor, of_factor = Fraction(digits), _PURE
        if symbol:
            if symbol not in _SYMBOLS:
                raise QuantityError(_unknown_symbol(symbol, unit) or _malformed(text))
            of_factor, scale = _SYMBOLS[symbol]
            factor, bare = factor * scale, False
        if operation == "/" and factor == 0:
            raise QuantityError("nothing can be divided by zero")
        sign = 1 if operation == "*" else -1
        value *= factor**sign
        (s, v, siemens), (of_s, of_v, of_siemens) = dimension, of_factor
        dimension = (s + sign * of_s, v + sign * of_v, siemens + sign * of_siemens)
        if found.end() == len(text):
            return value, unit.dimension if bare else dimension
        operation, at = text[found.end()], found.end() + 1
        if operation not in "*/":
            raise QuantityError(_malformed(text))


def _rounded(value: Fraction) -> float:
    try:
        number = float(value)
    except OverflowError:
        raise QuantityError("that is beyond the range of a double") from None
    if number == 0.0 and value != 0:
        raise QuantityError("that is beyond the range of a double")
    return number


def _malformed(text: str) -> str:
    """What helps with a text that is no number, where that can be told."""
    if text.strip().lower().lstrip("+-") in ("nan", "inf", "infinity"):
        return "a finite one is needed"
    if "_" in text:
        return "write digits without _"
    if "," in text:
        return "the decimal mark is a point"
    return ""


def _unknown_symbol(symbol: str, unit: Unit) -> str:
    alike = [each for each in _SYMBOLS if each.lower() == symbol.lower()]
    if alike:
        return f"units have upper and lower case: {' or '.join(alike)}"
    if symbol in _PREFIXES:
        base = next((base for base, dimension in _BASES.items() if dimension == unit.dimension), "")
        return f"{symbol} stands before a unit" + (f": {symbol}{base}" if base else "")
    return f"{symbol} is no unit that is known here"


def _other_unit(text: str, dimension: _Dimension, unit: Unit) -> str:
    told = _NAMES.get(dimension)
    if told is None:
        return ""
    inverse = tuple(-each for each in dimension) == unit.dimension and "/" not in text
    return f"{text} is {told}" + (f", 1/{text} {_NAMES[unit.dimension]}" if inverse else "")
