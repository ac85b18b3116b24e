"""The measure of error that reports and checks share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmu_hw.core.metrics import nrmse
from lmu_hw.errors import DesignError


def test_nrmse_by_hand() -> None:
    assert nrmse([3.0, 4.0], [0.0, 5.0]) == pytest.approx(np.sqrt(10.0) / 5.0)  # √(9 + 1) over √25
    assert nrmse([[1.0, 2.0]], [[1.0, 2.0]]) == 0.0


@given(scale=st.sampled_from([1e-300, 1e-9, 1e9, 1e300]), relative=st.floats(1e-6, 10.0))
def test_nrmse_is_relative_at_any_scale(scale: float, relative: float) -> None:
    wave = scale * np.sin(np.arange(50.0))
    assert nrmse((1.0 + relative) * wave, wave) == pytest.approx(relative, rel=1e-6)


@pytest.mark.parametrize(
    ("measured", "reference", "message"),
    [
        ([1.0], [1.0, 2.0], r"measured values must be of the reference's shape \(2,\), got \(1,\)"),
        ([np.nan], [1.0], "values to compare must be finite numbers, got NaN or infinity"),
        ([1.0], [0.0], "reference of an NRMSE must be different from zero somewhere, got only zeros"),
        ([], [], "reference of an NRMSE must be different from zero somewhere, got only zeros"),
    ],
)
def test_nrmse_refuses(measured: Any, reference: Any, message: str) -> None:
    with pytest.raises(DesignError, match=message):
        nrmse(measured, reference)
