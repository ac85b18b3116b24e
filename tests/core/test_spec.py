"""The specification: what it accepts, what it refuses and in which words."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from lmu_hw.core.spec import MAX_ORDER, Basis, LMUSpec
from lmu_hw.core.steps import Discretization, least_theta_over_dt
from lmu_hw.errors import DesignError


def test_values_become_plain_and_names_become_members() -> None:
    spec = LMUSpec(np.int32(6), np.float32(0.5), Fraction(1, 128), "euler", "legendre")
    assert spec == LMUSpec(6, 0.5, 0.0078125, Discretization.EULER, Basis.LEGENDRE)
    assert (type(spec.order), type(spec.theta), type(spec.dt)) == (int, float, float)
    assert spec.discretization is Discretization.EULER
    assert spec.ratio == 64.0
    assert spec.h == 1.0 / 64.0
    assert hash(spec) == hash(LMUSpec(6, 0.5, 0.0078125, "euler"))


def test_a_specification_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        LMUSpec(6, 1.0, 0.01).order = 7  # type: ignore[misc]


@pytest.mark.parametrize("order", [1, 2, MAX_ORDER])
def test_extreme_orders_and_steps_are_accepted(order: int) -> None:
    assert LMUSpec(order, 1.0, 1.0).ratio == 1.0
    assert LMUSpec(order, 1e-9, 1e-12, "bilinear").ratio == pytest.approx(1000.0)
    if order < MAX_ORDER:  # its deciding pole takes seconds
        assert LMUSpec(order, 1e9, 1e-3, "bilinear").stability.stable


@pytest.mark.parametrize("order", [0, -1, MAX_ORDER + 1, 2.0, 2.5, "6", None, True, np.nan, 10**30])
def test_orders_that_are_refused(order: Any) -> None:
    with pytest.raises(DesignError, match=f"^order must be an integer from 1 to {MAX_ORDER}, got"):
        LMUSpec(order, 1.0, 0.01)


@pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf, -np.inf, "1", None, True, 1j, [1.0]])
@pytest.mark.parametrize("field", ["theta", "dt"])
def test_times_that_are_refused(field: str, value: Any) -> None:
    with pytest.raises(DesignError, match=f"^{field} must be a positive number of seconds, got"):
        LMUSpec(**{"order": 6, "theta": 1.0, "dt": 0.01, field: value})


def test_a_step_longer_than_the_window_is_refused() -> None:
    with pytest.raises(DesignError, match=r"^dt must be at most theta = 0.5 s, got 0.50001$"):
        LMUSpec(6, 0.5, 0.50001)


@pytest.mark.parametrize(("field", "value"), [("discretization", "rk4"), ("discretization", ""), ("basis", "fourier")])
def test_unknown_names_are_refused_with_the_known_ones(field: str, value: str) -> None:
    known = ", ".join(Discretization if field == "discretization" else Basis)
    got = value or repr(value)
    with pytest.raises(DesignError, match=f"^{field} must be one of {known}, got {got}$"):
        LMUSpec(6, 1.0, 0.01, **{field: value})  # type: ignore[arg-type]


def test_a_ratio_beyond_floating_point_is_refused() -> None:
    """dt/θ must not vanish: a step of 0 would be no step at all, and not a stable one."""
    with pytest.raises(DesignError):
        LMUSpec(6, 1e300, 1e-300)


@pytest.mark.parametrize("method", ["euler", "ab2"])
@pytest.mark.parametrize("order", [2, 4, 6, 16, 64])
def test_an_unstable_step_is_refused_with_the_least_window(method: str, order: int) -> None:
    least = least_theta_over_dt(order, Discretization(method))
    with pytest.raises(DesignError) as error:
        LMUSpec(order, 0.9999 * least, 1.0, method)
    assert error.value.what == "theta/dt"
    named = float(error.value.constraint.split()[2])
    assert least <= named <= 1.001 * least
    assert LMUSpec(order, named, 1.0, method).order == order  # the advice works


def test_summary_and_plain_values_tell_everything() -> None:
    spec = LMUSpec(6, 1.0, 0.001, "ab2")
    assert json.loads(json.dumps(spec.to_dict())) == {
        "order": 6,
        "theta": 1.0,
        "dt": 0.001,
        "discretization": "ab2",
        "basis": "legendre",
    }
    assert LMUSpec(**spec.to_dict()) == spec
    assert spec.summary() == "order 6, theta 1.0 s, dt 0.001 s, ab2 step, legendre basis"
