"""Structured forms of the zero-order hold: the stages, the tree, the truncation, and what is proved of them."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from lmu_hw.core.legendre import energy_scale, orthonormal_system
from lmu_hw.core.spec import Basis, LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.core.system import discretize
from lmu_hw.errors import DesignError
from lmu_hw.experiments.matrices import pade_increment, pade_multiplications, tradeoff
from lmu_hw.fixed_point.datapaths.structured.skeleton import Interval, RankProfile, cheapest_tree, compress
from lmu_hw.fixed_point.datapaths.structured.stages import Block, StagedProduct
from lmu_hw.fixed_point.datapaths.structured.zoh import (
    band_error,
    deviation_bound,
    energy_gain,
    structured_zoh,
    truncated_zoh,
    white_error,
)


def _increment(spec: LMUSpec) -> np.ndarray:
    return discretize(spec).transition - np.eye(spec.order)


def _smooth_symmetric(rng: np.random.Generator, size: int) -> np.ndarray:
    """Symmetric with off-diagonal blocks of rank 2: Σ_k u_k(max)·v_k(min), and any diagonal."""
    u, v = rng.standard_normal((2, size, 2))
    lower = np.tril(u @ v.T, -1)
    return np.asarray(lower + lower.T + np.diag(rng.standard_normal(size)))


def _random_tree(rng: np.random.Generator, low: int, high: int) -> Interval:
    if high - low < 2 or rng.random() < 0.2:
        return Interval(low, high)
    cut = int(rng.integers(low + 1, high))
    return Interval(low, high, (_random_tree(rng, low, cut), _random_tree(rng, cut, high)))


def _leaf_size(tree: Interval) -> int:
    return tree.high - tree.low if tree.parts is None else sum(_leaf_size(part) for part in tree.parts)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(1, 24), st.floats(0.0, 1.0))
def test_compress_realises_any_symmetric_matrix_on_any_tree(seed: int, size: int, full: float) -> None:
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((size, size))
    matrix = _smooth_symmetric(rng, size) + (noise + noise.T if full > 0.5 else 0.0)
    left, right = rng.uniform(0.5, 2.0, size) * rng.choice([-1.0, 1.0], size), rng.uniform(0.5, 2.0, size)
    product = compress(matrix, left, right, _random_tree(rng, 0, size), 1e-11)
    wanted = left[:, None] * matrix * right[None, :]
    np.testing.assert_allclose(product.matrix(), wanted, atol=1e-8 * np.abs(wanted).max())


def test_compress_saves_where_blocks_have_low_rank_and_errs_by_little_more_than_it_drops() -> None:
    rng = np.random.default_rng(3)
    matrix = _smooth_symmetric(rng, 64)
    one = np.ones(64)
    noisy = matrix + 1e-4 * (lambda n: n + n.T)(rng.standard_normal((64, 64)))
    tree = cheapest_tree(RankProfile(matrix), 1e-8)
    product = compress(matrix, one, one, tree, 1e-8)
    assert product.multiplications < 64 * 16
    np.testing.assert_allclose(product.matrix(), matrix, atol=1e-9 * np.abs(matrix).max())
    rough = compress(noisy, one, one, tree, 1e-2)
    assert 1e-5 < np.linalg.norm(rough.matrix() - noisy, 2) < 1e-2 * 64


@cache
def _brute_cost(ranks: tuple[tuple[int, ...], ...], cuts: tuple[int, ...], a: int, b: int, levels: int) -> float:
    size, rank = cuts[b] - cuts[a], ranks[a][b]
    costs = [size**2 + 2 * rank * max(0, size - rank)]
    for k in range(a + 1, b) if levels else ():
        one, two = ranks[a][k], ranks[k][b]
        parts = _brute_cost(ranks, cuts, a, k, levels - 1) + _brute_cost(ranks, cuts, k, b, levels - 1)
        costs.append(parts + 2 * one * two + 2 * rank * max(0, one + two - rank))
    return min(costs)


def _cost(ranks: tuple[tuple[int, ...], ...], cuts: list[int], tree: Interval) -> float:
    def rank(part: Interval) -> int:
        return ranks[cuts.index(part.low)][cuts.index(part.high)]

    own = rank(tree)
    if tree.parts is None:
        size = tree.high - tree.low
        return size**2 + 2 * own * max(0, size - own)
    one, two = (rank(part) for part in tree.parts)
    return sum(_cost(ranks, cuts, part) for part in tree.parts) + 2 * one * two + 2 * own * max(0, one + two - own)


@pytest.mark.parametrize("levels", [None, 0, 1, 2, 3])
@pytest.mark.parametrize("order", [1, 2, 7, 20])
def test_tree_is_the_cheapest_of_all(order: int, levels: int | None) -> None:
    spec = LMUSpec(order, 3.0 * order + 10.0, 1.0, basis=Basis.ORTHONORMAL)
    signs = np.where(np.arange(order) % 2 == 0, 1.0, -1.0)
    profile = RankProfile(signs[:, None] * _increment(spec))
    for threshold in (1e-1, 1e-3, 1e-5):
        ranks = tuple(tuple(int(r) for r in row) for row in profile.ranks(threshold))
        tree = cheapest_tree(profile, threshold, levels)
        deepest = order if levels is None else levels
        assert tree.levels <= deepest
        assert (tree.low, tree.high, _leaf_size(tree)) == (0, order, order)
        best = _brute_cost(ranks, tuple(profile.cuts), 0, len(profile.cuts) - 1, deepest)
        assert _cost(ranks, profile.cuts, tree) == best


def test_rank_profile_counts_singular_values_of_block_rows() -> None:
    spec = LMUSpec(40, 300.0, 1.0, basis=Basis.ORTHONORMAL)
    matrix = np.where(np.arange(40) % 2 == 0, 1.0, -1.0)[:, None] * _increment(spec)
    profile = RankProfile(0.5 * (matrix + matrix.T))
    table = profile.ranks(1e-5)
    for a, b in ((0, 40), (0, 9), (5, 17), (30, 40), (12, 13)):
        outside = np.delete(matrix[a:b], np.s_[a:b], axis=1)
        values = np.linalg.svd(outside, compute_uv=False) if outside.size else np.zeros(0)
        assert table[a, b] == (values > 1e-5).sum(), (a, b)


def test_stages_are_checked() -> None:
    every = np.arange(2)
    block = Block(every, every, np.eye(2))
    with pytest.raises(DesignError, match=r"stage 0 must be rows 0 … 1, each once, got \[1\]"):
        StagedProduct(2, ((Block(np.array([1]), every, np.ones((1, 2))),),))
    with pytest.raises(DesignError, match=r"stage 0 must be made of words below 2, got 2"):
        StagedProduct(2, ((Block(every, np.array([0, 2]), np.eye(2)),),))
    with pytest.raises(DesignError, match=r"stage 0 must be made of words below 2, got 5"):
        StagedProduct(2, ((Block(every, every, np.eye(2), np.array([0, 5])),),))
    with pytest.raises(DesignError, match=r"stage 0 must be one coefficient per row and operand, got \(2, 1\)"):
        StagedProduct(2, ((Block(every, every, np.ones((2, 1))),),))
    assert StagedProduct(2, ((block,),)).words == 0


def test_propagation_of_words_and_errors_by_hand() -> None:
    """w₂ = z₀ + 3 z₁ + ε, y₀ = 2 z₀ − w₂, y₁ = w₂: in two stages."""
    first = Block(np.array([2]), np.array([1]), np.array([[3.0]]), np.array([0]))
    last = (
        Block(np.array([0]), np.array([0, 2]), np.array([[2.0, -1.0]])),
        Block(np.array([1]), np.array([], dtype=np.int64), np.zeros((1, 0)), np.array([2])),
    )
    product = StagedProduct(2, ((first,), last))
    assert (product.multiplications, product.words) == (3, 1)
    np.testing.assert_array_equal(product.matrix(), [[1.0, -3.0], [1.0, 3.0]])
    np.testing.assert_array_equal(product.maps[0], [[1, 0], [0, 1], [1, 3]])
    np.testing.assert_array_equal(product.noise[1], [[-1.0], [1.0]])
    np.testing.assert_array_equal(product.noise[0], [[0.0], [0.0], [1.0]])


def test_dense_is_one_stage() -> None:
    matrix = np.arange(9.0).reshape(3, 3)
    product = StagedProduct.dense(matrix)
    assert (product.multiplications, len(product.stages)) == (9, 1)
    np.testing.assert_array_equal(product.matrix(), matrix)


@pytest.mark.parametrize("basis", list(Basis))
@pytest.mark.parametrize(("order", "ratio"), [(1, 5.0), (2, 1.0), (9, 40.0), (16, 1000.0), (33, 100.0)])
def test_structured_zoh_keeps_its_promises(order: int, ratio: float, basis: Basis) -> None:
    spec = LMUSpec(order, ratio, 1.0, basis=basis)
    for error, levels in ((1e-2, None), (1e-4, 3)):
        product = structured_zoh(spec, error, levels=levels)
        matrix = product.matrix()
        assert product.multiplications <= order**2
        assert white_error(spec, matrix).energy <= error
        assert energy_gain(spec, matrix) <= 1.0
        assert levels is None or len(product.stages) <= 2 * levels + 1
        assert np.all(deviation_bound(spec, matrix) <= 100 * error * energy_scale(order))


def test_fewer_multiplications_for_more_error_and_more_levels() -> None:
    spec = LMUSpec(48, 500.0, 1.0)
    by_error = [structured_zoh(spec, error).multiplications for error in (1e-1, 1e-3, 1e-5)]
    assert by_error == sorted(by_error)
    assert by_error[0] < by_error[2]
    by_level = [structured_zoh(spec, 1e-3, levels=n).multiplications for n in (0, 1, 2, 4)]
    assert by_level == sorted(by_level, reverse=True)
    assert by_level[0] == 48**2


def test_fifth_of_the_multiplications_at_order_64() -> None:
    product = structured_zoh(spec := LMUSpec(64, 784.0, 1.0), 1e-4)
    assert product.multiplications <= 64**2 / 5
    assert white_error(spec, product.matrix()).energy <= 1e-4


@pytest.mark.slow
def test_ninth_of_the_multiplications_at_order_256() -> None:
    spec = LMUSpec(256, 784.0, 1.0)
    product = structured_zoh(spec, 1e-3)
    assert product.multiplications <= 256**2 / 9
    assert white_error(spec, product.matrix()).energy <= 1e-3
    assert structured_zoh(spec, 1e-3, levels=3).multiplications <= 256**2 / 4


def test_what_truncation_makes_grow_is_damped_and_a_constant_is_held() -> None:
    spec = LMUSpec(32, 200.0, 1.0, basis=Basis.ORTHONORMAL)
    signs = np.where(np.arange(32) % 2 == 0, 1.0, -1.0)
    symmetric = signs[:, None] * _increment(spec)
    tree = cheapest_tree(RankProfile(symmetric), 1e-3)
    matrix = compress(symmetric, signs, np.ones(32), tree, 1e-3).matrix()
    damped = truncated_zoh(spec, 1e-3).matrix()
    assert energy_gain(spec, matrix) > 1.0 + 1e-7
    assert energy_gain(spec, damped) <= 1.0
    state, unit = np.zeros(32), np.eye(32)[0]
    for _ in range(4000):
        state = state + damped @ (state - 0.7 * unit)
    np.testing.assert_allclose(state, 0.7 * unit, atol=1e-10)


def test_the_step_is_symmetric_up_to_signs() -> None:
    """S A S = Aᵀ, S = diag((−1)ⁱ): what lets one basis serve rows and columns."""
    a, _ = orthonormal_system(17)
    signs = np.diag(np.where(np.arange(17) % 2 == 0, 1.0, -1.0))
    np.testing.assert_allclose(signs @ a @ signs, a.T, rtol=1e-14)


@pytest.mark.parametrize("basis", list(Basis))
def test_white_error_is_the_sum_of_squared_impulse_responses(basis: Basis) -> None:
    spec = LMUSpec(10, 30.0, 1.0, basis=basis)
    matrix = truncated_zoh(spec, 3e-2).matrix()
    error, signal = np.zeros(10), np.zeros(10)
    for each, exact in zip(*_responses(spec, matrix, 4000), strict=True):
        error, signal = error + (each - exact) ** 2, signal + exact**2
    found = white_error(spec, matrix)
    to_legendre = (energy_scale(10) if basis is Basis.ORTHONORMAL else np.ones(10)) ** 2
    weight = to_legendre / energy_scale(10) ** 2
    assert found.energy == pytest.approx(np.sqrt(weight @ error / (weight @ signal)), rel=1e-9)
    assert found.legendre == pytest.approx(np.sqrt(to_legendre @ error / (to_legendre @ signal)), rel=1e-9)
    assert found.energy > 1e-3


def test_band_error_is_that_of_sinusoids() -> None:
    """Against simulations that have settled, at the same frequencies."""
    spec = LMUSpec(8, 50.0, 1.0)
    matrix = truncated_zoh(spec, 3e-2).matrix()
    unit, system, scale = np.eye(8)[0], discretize(spec), energy_scale(8)[:, None]
    squares = np.zeros(2)
    for cycles in (np.arange(48) + 0.5) / 48 * 2.0:
        exact, other = np.zeros((8, 2)), np.zeros((8, 2))
        for k in range(500):  # cosine and sine at once: the sum of squares is steady
            u = np.array([np.cos(2 * np.pi * cycles * k / 50.0), np.sin(2 * np.pi * cycles * k / 50.0)])
            other = other + matrix @ (other - np.outer(unit, u))
            exact = system.transition @ exact + np.outer(system.input, u)
        squares += np.sum(((other - exact) / scale) ** 2), np.sum((exact / scale) ** 2)
    assert band_error(spec, matrix, 2.0).energy == pytest.approx(np.sqrt(squares[0] / squares[1]), rel=1e-3)


def _responses(spec: LMUSpec, matrix: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Impulse responses of the memory with another increment, and of the exact one, shape (steps, order)."""
    system = discretize(spec)
    other, exact = -matrix[:, 0], system.input
    rows = []
    for _ in range(steps):
        rows.append((other, exact))
        other, exact = other + matrix @ other, system.transition @ exact
    return np.array([a for a, _ in rows]), np.array([b for _, b in rows])


@pytest.mark.parametrize(("order", "ratio"), [(3, 10.0), (12, 60.0), (24, 500.0)])
def test_deviation_bound_is_attained_by_the_worst_input(order: int, ratio: float) -> None:
    spec = LMUSpec(order, ratio, 1.0)
    matrix = truncated_zoh(spec, 1e-2).matrix()
    bound = deviation_bound(spec, matrix)
    other, exact = _responses(spec, matrix, int(12 * ratio))
    system, unit = discretize(spec), np.eye(order)[0]
    for i in {0, order // 2, order - 1}:
        inputs = np.sign((other - exact)[::-1, i])
        x, y = np.zeros(order), np.zeros(order)
        for u in inputs:
            x = system.transition @ x + system.input * u
            y = y + matrix @ (y - unit * u)
        assert abs(y[i] - x[i]) <= bound[i] * (1 + 1e-12)
        assert abs(y[i] - x[i]) >= 0.99 * bound[i] - 1e-12, i


@pytest.mark.parametrize(("p", "q"), [(1, 1), (0, 1), (1, 2), (3, 3), (3, 4)])
def test_pade_approximates_to_its_order_and_contracts(p: int, q: int) -> None:
    errors = []
    for ratio in (400.0, 800.0):
        spec = LMUSpec(6, ratio, 1.0, basis=Basis.ORTHONORMAL)
        increment = pade_increment(spec, p, q)
        a, _ = orthonormal_system(6)
        exact = scipy.linalg.expm(a / ratio) - np.eye(6)
        errors.append(np.linalg.norm(increment - exact))
        assert energy_gain(spec, increment) <= 1.0 + 1e-12
    if errors[1] > 1e-12:
        assert np.log2(errors[0] / errors[1]) == pytest.approx(p + q + 1, abs=0.2)
    if (p, q) == (1, 1):
        bilinear = LMUSpec(6, 800.0, 1.0, Discretization.BILINEAR, Basis.ORTHONORMAL)
        np.testing.assert_allclose(increment, _increment(bilinear), atol=1e-13)
    assert pade_multiplications(6, 4) == 120


def test_errors() -> None:
    spec = LMUSpec(8, 100.0, 1.0)
    with pytest.raises(DesignError, match="discretization must be zoh for the structured step, got"):
        structured_zoh(LMUSpec(8, 100.0, 1.0, Discretization.BILINEAR))
    with pytest.raises(DesignError, match="structured error must be from 1e-06 to 1, got 1e-09"):
        structured_zoh(spec, 1e-9)
    with pytest.raises(DesignError, match="levels must be an integer of at least 0, got -1"):
        structured_zoh(spec, levels=-1)
    with pytest.raises(DesignError, match=r"degrees of the approximant must be .* got \(3, 1\)"):
        pade_increment(spec, 3, 1)
    with pytest.raises(DesignError, match="bandwidth in cycles per window must be a positive finite number"):
        band_error(spec, _increment(spec), 0.0)


def test_tradeoff_prints_and_writes_the_same_bytes_twice(tmp_path: Path) -> None:
    arguments = ["--cases", "12:60", "--errors", "1e-2,1e-4", "--levels", "0,2", "--out"]
    first, second = (CliRunner().invoke(tradeoff, [*arguments, str(tmp_path / name)]) for name in "ab")
    assert first.exit_code == second.exit_code == 0
    assert first.stdout.partition("in ")[0] == second.stdout.partition("in ")[0]
    assert "Padé [3/4]" in first.stdout
    for name in ("tradeoff.csv", "tradeoff.svg"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    with (tmp_path / "a" / "tradeoff.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 + 7
    assert all(0.0 < float(row["reached"]) <= 1.0 for row in rows)
    assert {row["method"] for row in rows} >= {"structured", "structured, 2 levels", "Padé [3/4]"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--cases", "x:60"], "cases must be order:ratio, separated by commas, got x:60"),
        (["--cases", "12:0.5"], "dt must be at most"),
        (["--cases", "12:60", "--errors", "2"], "structured error must be from 1e-06 to 1, got 2.0"),
    ],
)
def test_tradeoff_refuses(arguments: list[str], said: str) -> None:
    refused = CliRunner().invoke(tradeoff, arguments)
    assert isinstance(refused.exception, DesignError)
    assert said in str(refused.exception)
