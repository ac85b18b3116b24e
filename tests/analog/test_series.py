"""Preferred values are those of IEC 60063."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmu_hw.analog.design.parts import NAMES, PartRange, Series
from lmu_hw.analog.design.rounding import Catalogue
from lmu_hw.errors import DesignError

PUBLISHED = {
    "E3": [10, 22, 47],
    "E6": [10, 15, 22, 33, 47, 68],
    "E12": [10, 12, 15, 18, 22, 27, 33, 39, 47, 56, 68, 82],
    "E48": [
        100, 105, 110, 115, 121, 127, 133, 140, 147, 154, 162, 169, 178, 187, 196, 205,
        215, 226, 237, 249, 261, 274, 287, 301, 316, 332, 348, 365, 383, 402, 422, 442,
        464, 487, 511, 536, 562, 590, 619, 649, 681, 715, 750, 787, 825, 866, 909, 953,
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_decades_are_the_published_ones(name: str) -> None:
    assert list(Series(name).decade) == PUBLISHED[name]


@pytest.mark.parametrize("name", NAMES)
def test_sizes_order_and_nesting(name: str) -> None:
    decade = Series(name).decade
    assert len(decade) == int(name[1:])
    assert list(decade) == sorted(set(decade))
    if name not in ("E24", "E192"):
        finer = NAMES[NAMES.index(name) + 1]
        assert set(decade) <= set(Series(finer).decade)


def test_the_last_irregular_value() -> None:
    """The formula gives 919; the standard has 920."""
    decade = Series("E192").decade
    assert round(100 * 10 ** (185 / 192)) == 919
    assert decade[184:187] == (909, 920, 931)
    exact = [100 * 10 ** (k / 192) for k in range(192)]
    assert all(
        abs(value - x) <= (0.5 if k != 185 else 0.6) for k, (value, x) in enumerate(zip(decade, exact, strict=True))
    )


@given(value=st.floats(1e-13, 1e9), name=st.sampled_from(NAMES))
def test_the_nearest_value_is_of_the_series_and_nearest(value: float, name: str) -> None:
    catalogue = Catalogue.of(Series(name), PartRange(value / 10.0, value * 10.0), "parts")
    assert catalogue is not None
    (nearest,) = catalogue.nearest(np.array([value])).tolist()
    around = Series(name).values(value / 10.0, value * 10.0)
    assert nearest in around
    least = min(abs(math.log(other / value)) for other in around)
    assert abs(math.log(nearest / value)) == pytest.approx(least, abs=1e-9)


def test_values_are_the_doubles_of_their_decimals() -> None:
    assert Series("E12").values(1e3, 1e4) == (
        1e3,
        1.2e3,
        1.5e3,
        1.8e3,
        2.2e3,
        2.7e3,
        3.3e3,
        3.9e3,
        4.7e3,
        5.6e3,
        6.8e3,
        8.2e3,
        1e4,
    )
    assert 1.24e-9 in Series("E96").values(1.2e-9, 1.3e-9)
    assert Series("E3").values(5e-9, 9e-9) == ()


@pytest.mark.parametrize("name", ["E10", "e96", "96", ""])
def test_other_series_are_refused(name: str) -> None:
    with pytest.raises(DesignError, match="series of preferred values must be one of E3, E6, E12"):
        Series(name)
