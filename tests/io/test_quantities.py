"""Numbers with units: what is read, to the last bit, and what is refused with which hint."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmu_hw.io.quantities import (
    HERTZ,
    RATIO,
    SECONDS,
    SIEMENS,
    VOLTS,
    WINDOW,
    QuantityError,
    Time,
    Unit,
    read_delay,
    read_integer,
    read_number,
    read_quantity,
)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("0.01", SECONDS, 0.01),
        ("10ms", SECONDS, 0.01),
        (" 10 ms ", SECONDS, 0.01),
        ("1e-2", SECONDS, 0.01),
        ("1e4us", SECONDS, 0.01),
        ("3µs", SECONDS, 3e-6),  # the micro sign
        ("3μs", SECONDS, 3e-6),  # the Greek letter
        ("7ns", SECONDS, 7e-9),
        ("1/48000", SECONDS, 1 / 48_000),
        ("1/48kHz", SECONDS, 1 / 48_000),
        ("100/8kHz", SECONDS, 0.0125),
        ("2 * 5ms", SECONDS, 0.01),
        ("480*1/48kHz", SECONDS, 0.01),
        ("-1", SECONDS, -1.0),
        ("48kHz", HERTZ, 48_000.0),
        ("3MHz", HERTZ, 3e6),
        ("1GHz", HERTZ, 1e9),
        ("20mHz", HERTZ, 0.02),
        ("1/20us", HERTZ, 50_000.0),
        ("2.5V", VOLTS, 2.5),
        ("2500mV", VOLTS, 2.5),
        ("1uS", SIEMENS, 1e-6),
        ("2nS", SIEMENS, 2e-9),
        ("1%", RATIO, 0.01),
        ("1/4", RATIO, 0.25),
        (".5", RATIO, 0.5),
        ("5.", RATIO, 5.0),
        ("+1E3", RATIO, 1000.0),
        ("5ms/10ms", RATIO, 0.5),
    ],
)
def test_what_is_read(text: str, unit: Unit, value: float) -> None:
    assert read_quantity(text, unit) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_plain_numbers_keep_their_meaning(value: float) -> None:
    for text in (repr(value), f"{value:.17g}"):
        assert read_quantity(text, SECONDS) == read_number(text) == float(text)


@given(st.decimals(min_value="1e-6", max_value="1e6", places=6))
def test_a_prefix_is_the_power_of_ten_that_it_stands_for(value: object) -> None:
    assert read_quantity(f"{value}ms", SECONDS) == float(f"{value}e-3")
    assert read_quantity(f"{value}%", RATIO) == float(f"{value}e-2")


@pytest.mark.parametrize(
    ("text", "unit", "hint"),
    [
        ("", SECONDS, ""),
        ("ten", SECONDS, ""),
        ("ms", SECONDS, ""),
        ("1//2", SECONDS, ""),
        ("1/", SECONDS, ""),
        ("1+1", SECONDS, ""),
        ("(1)", SECONDS, ""),
        ("1**9", SECONDS, ""),
        ("0x10", SECONDS, "x is no unit that is known here"),
        ("__import__('os')", SECONDS, "write digits without _"),
        ("1_0", SECONDS, "write digits without _"),
        ("0,5", SECONDS, "the decimal mark is a point"),
        ("nan", SECONDS, "a finite one is needed"),
        ("-inf", SECONDS, "a finite one is needed"),
        ("1/0", SECONDS, "nothing can be divided by zero"),
        ("1/0ms", SECONDS, "nothing can be divided by zero"),
        ("1e999", SECONDS, "that is beyond the range of a double"),
        ("1e309", SECONDS, "that is beyond the range of a double"),
        ("1e-399", SECONDS, "that is beyond the range of a double"),
        ("1e9999999999999", SECONDS, "that is beyond the range of a double"),
        ("9" * 65, SECONDS, "at most 64 characters are read"),
        ("٣", SECONDS, ""),
        ("10Hz", SECONDS, "10Hz is a frequency, 1/10Hz a time"),
        ("1/48000s", SECONDS, "1/48000s is a frequency"),
        ("10ms", HERTZ, "10ms is a time, 1/10ms a frequency"),
        ("2V", SECONDS, "2V is a voltage"),
        ("2V*2V", SECONDS, ""),
        ("1%", SECONDS, "1% is a ratio"),
        ("10ms", RATIO, "10ms is a time"),
        ("48khz", HERTZ, "units have upper and lower case: kHz"),
        ("3mhz", HERTZ, "units have upper and lower case: mHz or MHz"),
        ("48k", HERTZ, "k stands before a unit: kHz"),
        ("3M", RATIO, "M stands before a unit"),
        ("10 parsec", SECONDS, "parsec is no unit that is known here"),
    ],
)
def test_what_is_refused(text: str, unit: Unit, hint: str) -> None:
    with pytest.raises(QuantityError) as caught:
        read_quantity(text, unit)
    assert str(caught.value) == hint


def test_delays_are_shares_or_times() -> None:
    assert (read_delay("0.5"), read_delay("50%"), read_delay("1/4")) == (0.5, 0.5, 0.25)
    for text, theta, share in (
        ("2ms", 0.01, 0.2),
        ("3.5ms", 0.01, 0.35),
        ("10ms", 0.01, 1.0),
        ("1/8kHz", 0.001, 0.125),
    ):
        delay = read_delay(text)
        assert isinstance(delay, Time)
        assert delay.share(theta) == share
    for text in ("2Hz", "half", "1e999"):
        with pytest.raises(QuantityError):
            read_delay(text)
    assert WINDOW.window


def test_numbers_and_integers_without_units() -> None:
    assert (read_number("-0.5"), read_integer("12"), read_integer("-3")) == (-0.5, 12, -3)
    for text in ("1/2", "1%", "1_0", "1ms"):
        with pytest.raises(QuantityError):
            read_number(text)
    for text in ("1_0", "1.0", "1e3", "٣", "", "9" * 65):
        with pytest.raises(QuantityError):
            read_integer(text)
    assert math.isclose(read_number("1e300"), 1e300)
