"""The search: a true Pareto front, over every method that is stable, with predictions that plans confirm."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmu_hw.core.spec import Basis, LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.core.system import energy_per_unit
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.fidelity import Band, BandAnalysis
from lmu_hw.fixed_point.plan import Datapath
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.fixed_point.search import Candidate, Search, pareto, search, state_storage_bits

SPEC = LMUSpec(6, 150.0, 1.0)


@pytest.fixture(scope="module")
def found() -> Search:
    return search(SPEC, Band(0.01))


@given(st.lists(st.tuples(st.integers(1, 30), st.floats(1e-6, 1.0)), min_size=1, max_size=30))
def test_nothing_beats_the_front(points: list[tuple[int, float]]) -> None:
    all_of_them = [Candidate(Discretization.ZOH, Datapath.DENSE, 8, 8, 1, work, 1, 0, error) for work, error in points]
    front = pareto(all_of_them)
    assert all(a.work < b.work and a.nrmse > b.nrmse for a, b in pairwise(front))
    for each in all_of_them:
        assert any(other.work <= each.work and 0.98 * other.nrmse <= each.nrmse for other in front)


def test_every_method_takes_part_and_the_front_is_made_of_them(found: Search) -> None:
    assert {method for method, _ in found.by_datapath} == set(Discretization)
    assert found.left_out == {}
    everything = [each for group in found.by_datapath.values() for each in group]
    assert found.front == pareto(everything)
    assert len({each.discretization for each in found.front}) >= 3


def test_the_cheapest_comes_first_and_reaches_the_target(found: Search) -> None:
    reached = found.reaching(1e-3)
    assert reached
    assert all(each.nrmse <= 1e-3 for each in reached)
    assert reached[0].work == min(each.work for each in found.front if each.nrmse <= 1e-3)
    assert found.reaching(1e-12) == ()


def test_a_candidate_is_what_its_plan_is(found: Search) -> None:
    for each in found.front[:: max(1, len(found.front) // 12)]:
        spec = replace(SPEC, discretization=each.discretization)
        plan = plan_memory(
            spec,
            input_bits=each.input_bits,
            state_bits=each.state_bits,
            coefficient_bits=each.coefficient_bits,
            datapath=each.datapath,
        )
        assert plan.multiplications_per_sample == each.multiplications
        assert abs(plan.operand_format.width - each.operand_bits) <= 1
        assert each.work == each.multiplications * each.operand_bits * each.coefficient_bits
        coefficients = plan.increment.multiplications * each.coefficient_bits
        assert each.storage_bits == pytest.approx(state_storage_bits(plan) + coefficients, abs=3 * SPEC.order)
        analysis = BandAnalysis(spec, Band(0.01))
        predicted = math.hypot(
            analysis.method_error(spec, plan.increment), analysis.noise_error(plan.noise, energy_per_unit(spec))
        )
        assert each.nrmse == pytest.approx(predicted, rel=0.05)


def test_a_method_alone_is_held_against_itself() -> None:
    own = search(SPEC, Band(0.01), methods=[Discretization.EULER])
    assert {method for method, _ in own.by_datapath} == {Discretization.EULER}
    assert own.front[-1].nrmse < 1e-5  # Euler is 4 % away from the ideal memory here
    assert own.reaching(1e-4)


def test_unstable_methods_are_left_out_and_named() -> None:
    result = search(LMUSpec(8, 12.0, 1.0), Band(0.05))
    assert set(result.left_out) == {"euler", "ab2"}
    assert {method for method, _ in result.by_datapath} == {Discretization.ZOH, Discretization.BILINEAR}
    with pytest.raises(DesignError, match=r"^theta/dt must be at least 14.9"):
        search(LMUSpec(8, 12.0, 1.0), Band(0.05), methods=[Discretization.AB2])


def test_a_given_input_width_is_kept_and_a_basis_too() -> None:
    result = search(replace(SPEC, basis=Basis.ORTHONORMAL), Band(0.01), input_bits=9)
    assert {each.input_bits for each in result.front} == {9}
    assert {datapath for _, datapath in result.by_datapath} == {Datapath.DENSE}
