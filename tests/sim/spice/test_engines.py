"""Both simulators by one interface: the same numbers, each against an exact solution."""

from __future__ import annotations

import numpy as np
import pytest

from lmu_hw.analog.analysis.small_signal import BOLTZMANN
from lmu_hw.errors import CheckFailed, DesignError
from lmu_hw.sim.spice.deck import analysis_card
from lmu_hw.sim.spice.engines import Engine, run_many, run_spice

OHMS, FARADS = 1e3, 1e-6
LOW_PASS = f"* low pass\nVu u 0 {{source}}\nR1 u x {OHMS}\nC1 x 0 {FARADS}\n"
STEP = LOW_PASS.format(source="pwl(0 0 1e-9 1)") + ".options reltol=1e-6\n"
DRIVEN = LOW_PASS.format(source="dc 0.25 ac 1")

both = pytest.mark.parametrize("engine", list(Engine))


@both
def test_operating_point(engine: Engine) -> None:
    found = run_spice(DRIVEN + ".op\n.end\n", engine=engine, vectors=["v(x)"])
    np.testing.assert_allclose(found["v(x)"], [0.25], rtol=1e-9)


@both
def test_transient(engine: Engine) -> None:
    found = run_spice(STEP + ".tran 1e-4 5e-3 0 1e-5\n.end\n", engine=engine)
    assert found["time"][-1] == pytest.approx(5e-3)
    assert np.diff(found["time"]).max() <= 1e-5 * (1 + 1e-6)
    np.testing.assert_allclose(found["v(x)"], 1 - np.exp(-found["time"] / (OHMS * FARADS)), atol=1e-5)


@both
def test_small_signal(engine: Engine) -> None:
    found = run_spice(DRIVEN + ".ac dec 10 1 1meg\n.end\n", engine=engine)
    frequency = found["frequency"].real
    np.testing.assert_allclose(frequency[[0, -1]], (1.0, 1e6), rtol=1e-9)
    np.testing.assert_allclose(found["v(x)"], 1 / (1 + 2j * np.pi * frequency * OHMS * FARADS), rtol=1e-9)


@pytest.mark.parametrize(
    ("engine", "output"), [(Engine.NGSPICE, "v(x)"), (Engine.NGSPICE, "v(x,0)"), (Engine.NEOSPICE, "v(x)")]
)
def test_noise(engine: Engine, output: str) -> None:
    found = run_spice(DRIVEN + f".noise {output} vu dec 10 1 1e4\n.end\n", engine=engine)
    low_pass = 1 / (1 + 2j * np.pi * found["frequency"] * OHMS * FARADS)
    wanted = np.sqrt(4 * BOLTZMANN * 300.15 * OHMS) * np.abs(low_pass)
    np.testing.assert_allclose(found["onoise_spectrum"], wanted, rtol=1e-5)  # ngspice's constant is an older one
    np.testing.assert_allclose(found["inoise_spectrum"], wanted / np.abs(low_pass), rtol=1e-5)


@both
def test_sweep(engine: Engine) -> None:
    found = run_spice(DRIVEN + ".dc vu -1 1 0.1\n.end\n", engine=engine, vectors=["v(x)"])
    np.testing.assert_allclose(found["sweep"], np.linspace(-1, 1, 21), atol=1e-12)
    np.testing.assert_allclose(found["v(x)"], found["sweep"], atol=1e-9)


@both
def test_many_decks_come_back_in_order(engine: Engine) -> None:
    decks = (LOW_PASS.format(source=f"dc {k}") + ".op\n.end\n" for k in range(9))
    found = [each["v(x)"][0] for each in run_many(decks, engine=engine, workers=3)]
    np.testing.assert_allclose(found, np.arange(9), atol=1e-9)


@both
def test_a_simulation_that_hangs_is_killed(engine: Engine) -> None:
    with pytest.raises(CheckFailed, match=r"did not end within 0.3 s and was killed"):
        run_spice(STEP + ".tran 1e-9 1e3 0 1e-9\n", engine=engine, timeout_s=0.3)


@both
@pytest.mark.parametrize(
    "extra",
    [
        "Xq u x nosuch\n",
        "D1 u x nosuch\n",
        "R9 u x nonsense\n",
        ".include nosuch.lib\n",
        ".foo 3\n",
        ".options nosuch=3\n",
        "V8 x 0 1\nV9 x 0 2\n",
        "A1 u x nosuch\n",
        "B1 z 0 V=v(u) ? : 2\nR8 z 0 1\n",
    ],
)
def test_a_deck_that_is_wrong_gives_no_numbers(engine: Engine, extra: str) -> None:
    with pytest.raises((CheckFailed, DesignError)) as caught:
        run_spice(STEP + extra + ".tran 1e-5 5e-3 0 1e-5\n.end\n", engine=engine)
    assert "\n" not in str(caught.value)


@both
def test_a_vector_that_is_not_computed_is_missed(engine: Engine) -> None:
    with pytest.raises(CheckFailed, match="nosuch"):
        run_spice(STEP + ".tran 1e-5 5e-3 0 1e-5\n", engine=engine, vectors=["v(nosuch)"])


def test_an_error_ends_the_others() -> None:
    decks = [DRIVEN + ".op\n", DRIVEN + "R9 u x nonsense\n.op\n", DRIVEN + ".op\n"]
    results = run_many(decks, engine=Engine.NEOSPICE)
    assert next(results)["v(x)"][0] == pytest.approx(0.25)
    with pytest.raises(CheckFailed, match="nonsense"):
        next(results)


@pytest.mark.parametrize(
    ("card", "stop", "axis"),
    [
        (".tran 1u 2m 0 1u", 2e-3, "time"),
        (".ac dec 10 1 1k", 1e3, "frequency"),
        (".noise v(x) vu dec 10 1 1meg 1", 1e6, "frequency"),
        (".noise v(x, y) vu\n+ lin 10 1 3", 3.0, "frequency"),
        (".dc vu 0 2 0.1", 2.0, "sweep"),
    ],
)
def test_where_an_analysis_ends(card: str, stop: float, axis: str) -> None:
    found = analysis_card(f"* title\n{card} ; remark\n")
    assert (found.stop, found.axis) == (pytest.approx(stop), axis)


def test_an_analysis_without_its_numbers_is_refused() -> None:
    with pytest.raises(DesignError, match="a SPICE number, got nothing"):
        run_spice(DRIVEN + ".ac dec 10\n")
