"""`lmu-hw derive`: the numbers of the packages, printed and written."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import least_theta_over_dt
from lmu_hw.core.system import continuous, discretize
from tests.cli.conftest import Lmu

KEYS = {"A", "B", "Ad", "Bd", "stable", "least_theta_over_dt"}


@pytest.mark.parametrize("method", ["zoh", "euler", "ab2", "bilinear"])
def test_json_holds_the_system(lmu: Lmu, method: str) -> None:
    spec = LMUSpec(5, 0.5, 0.002, method)
    called = lmu("derive", "--order", 5, "--theta", 0.5, "--dt", 0.002, "--discretization", method, "--json")
    answer = called.answer
    assert (called.status, called.err) == (0, "")
    assert answer.keys() >= KEYS
    exact, sampled = continuous(spec), discretize(spec)
    for key, array in {"A": exact.A, "B": exact.B, "Ad": sampled.transition, "Bd": sampled.input}.items():
        assert np.array_equal(answer[key], array)
    assert np.array_equal(answer["Cd"], sampled.output)
    assert np.array_equal(answer["readout"]["C"], exact.readout(answer["readout"]["fractions"]))
    assert answer["stable"] is True
    assert answer["stability_margin"] == spec.stability.margin > 0.0
    assert answer["transient_growth"] == spec.stability.transient_growth >= 1.0
    assert answer["least_theta_over_dt"] == least_theta_over_dt(5, spec.discretization)


def test_pade_error_is_the_distance_from_the_ideal_delay(lmu: Lmu) -> None:
    answer = lmu("derive", "--order", 5, "--theta", 0.5, "--dt", 0.002, "--json").answer
    error = answer["pade_error"]
    hertz = np.array(error["frequency_hz"])
    assert np.allclose(hertz * 0.5, error["cycles_per_window"])
    response = continuous(LMUSpec(5, 0.5, 0.002)).transfer(hertz)[0]
    assert np.allclose(error["error"], np.abs(response - np.exp(-2j * np.pi * hertz * 0.5)), atol=1e-12)


def test_the_orthonormal_basis_reaches_the_matrices(lmu: Lmu) -> None:
    words = ["derive", "--order", 4, "--theta", 1, "--dt", 0.1, "--basis", "orthonormal", "--json"]
    a = np.array(lmu(*words).answer["A"])
    assert np.linalg.eigvalsh(a + a.T).max() < 1e-12


def test_files_are_the_answer_and_the_same_every_time(lmu: Lmu, tmp_path: Path) -> None:
    words = ["derive", "--order", 3, "--theta", 1, "--dt", 0.01]
    printed = lmu(*words, "--out", "a", "--json")
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["README.txt", "system.json", "system.svg"]
    assert (tmp_path / "a" / "system.json").read_text(encoding="utf-8") == printed.out
    ET.parse(tmp_path / "a" / "system.svg")
    lmu(*words, "--out", "b/c")
    for name in ("system.json", "system.svg"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / "c" / name).read_bytes()


def test_tables_are_short_and_name_the_files(lmu: Lmu) -> None:
    out = lmu("derive", "--order", 3, "--theta", 1, "--dt", 0.01, "--out", "out").out
    assert "stability margin" in out
    assert out.endswith("in out: system.json, system.svg\n")
    assert max(map(len, out.splitlines())) <= 120
    assert "A and B" not in lmu("derive", "--order", 30, "--theta", 1, "--dt", 0.01).out


def test_growth_beyond_a_double_is_null(lmu: Lmu, monkeypatch: pytest.MonkeyPatch) -> None:
    from lmu_hw.core.stability import Stability

    monkeypatch.setattr(LMUSpec, "stability", property(lambda _: Stability(0.9, 0.1, float("inf"))))
    words = ["derive", "--order", 3, "--theta", 1, "--dt", 0.01]
    assert lmu(*words, "--json").answer["transient_growth"] is None
    assert "beyond a double's range" in lmu(*words).out


@pytest.mark.parametrize("order", [1, 2, 9, 40])
def test_recurrence_gives_the_resolvent(order: int) -> None:
    from lmu_hw.core.system import full_delay_response

    cycles = np.concatenate([[1e-6, 0.3], np.linspace(0.5, 3.0 * order, 50)])
    expected = continuous(LMUSpec(order, 1.0, 0.01)).transfer(cycles)[0]
    assert np.allclose(full_delay_response(order, cycles), expected, rtol=0.0, atol=1e-11)


def test_recurrence_gives_the_pade_approximant_at_high_order() -> None:
    import mpmath

    from lmu_hw.core.system import full_delay_response

    order, cycles = 200, 61.7  # within the band that the order resolves, and near its edge
    m, n = order - 1, order
    with mpmath.workdps(200):  # the textbook's sums, whose terms cancel to many digits
        s = mpmath.mpc(0, 2 * mpmath.pi * cycles)
        top = sum(mpmath.binomial(m, j) * mpmath.factorial(m + n - j) * (-s) ** j for j in range(m + 1))
        bottom = sum(mpmath.binomial(n, j) * mpmath.factorial(m + n - j) * s**j for j in range(n + 1))
        exact = complex(top / bottom)
    assert full_delay_response(order, np.array([cycles]))[0] == pytest.approx(exact, abs=1e-10)


def test_json_is_one_object(lmu: Lmu) -> None:
    out = lmu("derive", "--order", 2, "--theta", 1, "--dt", 0.1, "--json").out
    decoder = json.JSONDecoder()
    _, end = decoder.raw_decode(out)
    assert out[end:] == "\n"
