"""What the fixed-point planner decides by itself, and what it refuses."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from lmu_hw.cli import main
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.stability import dominant_pole
from lmu_hw.core.steps import Discretization, least_theta_over_dt
from lmu_hw.design.memory import Design
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.datapaths import chain_increment, dense_increment
from lmu_hw.fixed_point.formats import MAX_WIDTH
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import Datapath
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.reference.memory import FloatMemory

METHODS = list(Discretization)


@pytest.mark.parametrize(
    ("method", "datapath", "multiplications"),
    [("euler", "chain", 4), ("ab2", "chain", 4), ("bilinear", "tridiagonal", 11), ("zoh", "dense", 16)],
)
def test_each_method_has_its_datapath(method: str, datapath: str, multiplications: int) -> None:
    plan = plan_memory(LMUSpec(4, 40.0, 1.0, method))
    assert plan.datapath == datapath
    assert plan.multiplications_per_sample == multiplications
    assert plan.two_step is (method == "ab2")


def test_a_matrix_that_is_not_stable_when_rounded_to_nearest_is_with_a_guarantee() -> None:
    """Order 64, 4-bit coefficients: refused as they are, planned with their stability certified."""
    spec = LMUSpec(64, 784.0, 1.0)
    with pytest.raises(DesignError, match=r"^(coefficient|state)_bits must be enough for the matrix to be stable"):
        plan_memory(spec, coefficient_bits=4)
    plan = plan_memory(spec, state_bits=20, coefficient_bits=6, guarantee="lyapunov")
    assert np.abs(np.linalg.eigvals(np.eye(64) + plan.increment.state_gain)).max() < 1.0
    with pytest.raises(DesignError, match=r"^guarantee has no effect with the chain datapath; it belongs to dense"):
        plan_memory(LMUSpec(4, 40.0, 1.0, "ab2"), guarantee="energy")
    with pytest.raises(
        DesignError, match=r"^structured_error has no effect with the dense datapath; it belongs to structured"
    ):
        plan_memory(LMUSpec(4, 40.0, 1.0), structured_error=1e-3)


def test_other_datapaths_that_a_method_can_take() -> None:
    for method in ("euler", "bilinear"):
        assert plan_memory(LMUSpec(4, 40.0, 1.0, method), datapath="dense").multiplications_per_sample == 16
    with pytest.raises(DesignError, match=r"^datapath of zoh must be one of dense, structured, got chain$"):
        plan_memory(LMUSpec(4, 40.0, 1.0), datapath="chain")
    with pytest.raises(DesignError, match=r"^basis must be legendre for this datapath"):
        plan_memory(LMUSpec(4, 40.0, 1.0, "bilinear", "orthonormal"), datapath=Datapath.TRIDIAGONAL)
    with pytest.raises(DesignError, match=r"^basis must be legendre for this datapath"):
        plan_memory(LMUSpec(4, 40.0, 1.0, "ab2", "orthonormal"))


def test_widths_are_what_was_asked_for_and_coefficients_get_two_more() -> None:
    plan = plan_memory(LMUSpec(4, 40.0, 1.0), input_bits=9, state_bits=13)
    assert (plan.input_format.width, plan.input_format.fraction) == (9, 8)
    assert plan.state_format.width == 13
    assert plan.increment.coefficient_bits == 15
    assert plan_memory(LMUSpec(4, 40.0, 1.0), coefficient_bits=7).increment.coefficient_bits == 7


def test_error_feedback_is_chosen_where_the_states_are_slow() -> None:
    pole = abs(dominant_pole(6))
    for ratio in (0.9 * pole * 3 / math.pi, 1.1 * pole * 3 / math.pi):
        plan = plan_memory(LMUSpec(6, ratio, 1.0))
        assert plan.error_feedback is (pole / ratio < math.pi / 3)
        for chosen in (True, False):
            assert plan_memory(LMUSpec(6, ratio, 1.0), error_feedback=chosen).error_feedback is chosen


def test_error_feedback_moves_the_noise_out_of_the_band() -> None:
    """It tightens the bound several times and takes the slow part of the noise away, for more fast noise."""
    spec = LMUSpec(6, 500.0, 1.0, "euler")
    codes = np.random.default_rng(0).integers(-2048, 2048, (4, 6000))
    bounds, slow, whole = [], [], []
    for feedback in (True, False):
        plan = plan_memory(spec, state_bits=12, coefficient_bits=26, error_feedback=feedback)
        model = IntegerMemory(plan)
        noise = model.decode(model.run(codes)) - FloatMemory(spec).run(plan.input_format.decode(codes))
        bounds.append((plan.budget.feedback + plan.budget.output).max())
        slow.append(float(noise.reshape(4, 60, 100, 6).mean(axis=2).std()))
        whole.append(float(noise.std()))
    assert bounds[0] < 0.5 * bounds[1]
    assert slow[0] < 0.5 * slow[1]
    assert whole[0] < 2.0 * whole[1]


def test_plans_are_plain_values_and_the_same_every_time() -> None:
    spec = LMUSpec(5, 100.0, 1.0, "ab2")
    first, second = (json.dumps(plan_memory(spec, state_bits=14).to_dict()) for _ in range(2))
    assert first == second
    values = json.loads(first)
    assert values["spec"] == spec.to_dict()
    assert len(values["formats"]["states"]) == len(values["error_bound"]) == len(values["coefficients"]) == 5
    assert values["multiplications_per_sample"] == 5
    total = np.sum(list(values["error_budget"].values()), axis=0)
    assert np.allclose(total, values["error_bound"], rtol=1e-12)


# Refusals


@pytest.mark.parametrize("field", ["input_bits", "state_bits", "coefficient_bits"])
@pytest.mark.parametrize("value", [2, 33, 0, -4, 12.0, "12", True, np.nan])
def test_widths_that_are_refused(field: str, value: Any) -> None:
    with pytest.raises(DesignError, match=f"^{field} must be an integer from 3 to"):
        plan_memory(LMUSpec(4, 40.0, 1.0), **{field: value})


@pytest.mark.parametrize(
    ("spec", "bits"),
    [
        (LMUSpec(16, 1000.0, 1.0), 3),
        (LMUSpec(16, 100.0, 1.0, "euler"), 5),
        (LMUSpec(8, 20.0, 1.0, "ab2"), 8),
        (LMUSpec(6, 1.0, 1.0, "bilinear"), 4),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else value.discretization,
)
def test_words_that_cannot_hold_the_range_are_refused(spec: LMUSpec, bits: int) -> None:
    with pytest.raises(DesignError, match=rf"^state_bits must be enough for a range of .* codes .*, got {bits}$"):
        plan_memory(spec, state_bits=bits, coefficient_bits=20)


@pytest.mark.parametrize("method", ["euler", "zoh"])
def test_products_beyond_62_bits_are_refused(method: str) -> None:
    spec = LMUSpec(12, 3000.0, 1.0, method)
    with pytest.raises(DesignError, match=f"must be at most {MAX_WIDTH} bits wide, got"):
        plan_memory(spec, state_bits=32, coefficient_bits=32)
    plan = plan_memory(spec, state_bits=32)  # the default coefficient width stays exact
    assert plan.product_format.width <= MAX_WIDTH
    assert plan.accumulator_format.width <= MAX_WIDTH


@pytest.mark.parametrize("bits", [3, 4])
def test_a_dense_matrix_too_coarse_to_be_stable_is_refused(bits: int) -> None:
    spec = LMUSpec(64, 784.0, 1.0)
    coarse = np.eye(64) + dense_increment(spec, bits).state_gain
    assert np.abs(np.linalg.eigvals(coarse)).max() > 1.0
    with pytest.raises(DesignError, match=r"^(coefficient|state)_bits must be enough for the matrix to be stable"):
        plan_memory(spec, coefficient_bits=bits)


@pytest.mark.parametrize("bits", [4, 5])
def test_a_chain_is_refused_exactly_where_its_rounded_coefficients_are_unstable(bits: int) -> None:
    least = least_theta_over_dt(4, Discretization.EULER)
    outcomes = set()
    for factor in np.linspace(1.0001, 1.3, 25):
        spec = LMUSpec(4, factor * least, 1.0, "euler")
        realised = np.eye(4) + chain_increment(spec, bits).state_gain
        radius = np.abs(np.linalg.eigvals(realised)).max()
        if abs(radius - 1.0) < 1e-4:
            continue
        outcomes.add(bool(radius < 1.0))
        if radius < 1.0:
            assert plan_memory(spec, state_bits=32, coefficient_bits=bits).spec is spec
        else:
            with pytest.raises(DesignError, match=r"^the step must be one whose powers decay"):
                plan_memory(spec, state_bits=32, coefficient_bits=bits)
    assert outcomes == {True, False}


@pytest.mark.parametrize("name", ["solve", "tridiagonal"])
def test_the_tridiagonal_datapath_has_an_older_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Users may still write "solve", in Python, in a design file and on the command line; plans say tridiagonal."""
    assert Datapath(name) is Datapath.TRIDIAGONAL
    assert (
        Design(order=4, theta=1.0, dt=0.02, discretization="bilinear", datapath=name).plan().datapath == "tridiagonal"
    )
    request = ["quantize", "--order", "4", "--theta", "1", "--dt", "0.02", "--discretization", "bilinear", "--json"]
    assert main([*request, "--datapath", name]) == 0
    assert json.loads(capsys.readouterr().out)["datapath"] == "tridiagonal"


def test_widths_that_are_too_large_come_with_a_hint() -> None:
    spec = LMUSpec(64, 1000.0, 1.0, "zoh")
    with pytest.raises(DesignError, match=r"^exact product must be at most 62 bits wide, got \d+; fewer state_bits or"):
        plan_memory(spec, state_bits=32, coefficient_bits=32)
