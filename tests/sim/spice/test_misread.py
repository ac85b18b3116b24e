"""Decks that simulators take for another than they say are refused, and those that are as they say are not."""

from __future__ import annotations

import pytest

from lmu_hw.analog.circuit.devices import CmosOta, MacroOpAmp, MacroOta, library
from lmu_hw.analog.design.memory import STYLES, design_memory
from lmu_hw.analog.export.spice import to_deck
from lmu_hw.errors import DesignError
from lmu_hw.sim.spice.engines import Engine, check_readable, run_spice

DECK = "* deck\nV1 a 0 1\nR1 a b 1k\nX1 b c part gain=2\n.subckt part p q params: gain=1 loss={1/2}\nR1 p q {gain}\n"
DECK += ".ends part\nRload c 0 2.5e3ohm\n"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("", None),
        ("R2 a b 1.meg\nC2 a b .5uF\nL2 a b 1e-3\nR3 a b {1k}\nR4 a b r=5\n", None),
        ("X2 a b part gain={2*(3+1)} loss = 3 m=2\n", None),
        ("X2 a b part params: gain=1\n", None),
        ("r1 a b 5\n", "elements of the deck must be of names that differ by more than case, got r1 twice"),
        (
            ".subckt other p q\nR1 p q 1\nr1 p q 2\n.ends\n",
            "elements of subcircuit other must be of names that differ by more than case, got r1 twice",
        ),
        ("X2 a b part gian=2\n", "parameter of x2 must be one of part: gain, loss, got gian"),
        ("X2 a b part\n+ gain=1\n+ offset=1\n", "parameter of x2 must be one of part: gain, loss, got offset"),
        ("R2 a b 4k7\n", "resistance of r2 must be a number, with a suffix and a unit at most, got 4k7"),
        ("C2 a b 1x3y\n", "capacitance of c2 must be a number"),
        ("L2 a b 1,5m\n", "inductance of l2 must be a number"),
        ("R2 a b 0\n", "resistance of r2 must be other than 0, got 0"),
        ("R2 a b 0.0k\n", "resistance of r2 must be other than 0, got 0.0k"),
    ],
)
def test_decks_that_are_and_are_not_what_they_say(more: str, words: str | None) -> None:
    deck = f"{DECK}{more}.op\n.end\n"
    if words is None:
        check_readable(deck)
        return
    for engine in Engine:
        with pytest.raises(DesignError, match=words):
            run_spice(deck, engine=engine)


@pytest.mark.parametrize("style", STYLES)
def test_decks_of_designs_are_what_they_say(style: str) -> None:
    design = design_memory(3, 0.01, style=style, opamp=MacroOpAmp(), ota=MacroOta())
    check_readable(to_deck(design.bench(0.5), []))
    check_readable(f"* cell\n{library(CmosOta())}.op\n")


@pytest.mark.parametrize(
    ("source", "name"),
    [("ln(v(a)-2)", "ln"), ("sqrt(v(a)-2)", "sqrt"), ("1+LOG10(i(v1))", "log10"), ("acos(3*v(a))", "acos")],
)
def test_functions_that_one_engine_bends_are_refused_for_it(source: str, name: str) -> None:
    deck = f"* deck\nV1 a 0 1\nB1 c 0 v={{{source}}}\nR1 c 0 1k\n.op\n.end\n"
    with pytest.raises(DesignError, match=f"functions of b1 for neospice must be defined everywhere, got {name}"):
        run_spice(deck, engine=Engine.NEOSPICE)


def test_a_root_of_a_constant_is_not_refused() -> None:
    deck = "* deck\nV1 a 0 1\nB1 c 0 v={v(a)/sqrt(4*4)}\nR1 c 0 1k\n.op\n.end\n"
    assert run_spice(deck, engine=Engine.NEOSPICE)["v(c)"][0] == pytest.approx(0.25)


def test_a_transient_without_length_is_refused() -> None:
    with pytest.raises(DesignError, match=r"end of \.tran must be above 0 s"):
        run_spice(f"{DECK}.tran 1e-4 0\n.end\n", engine=Engine.NEOSPICE)
