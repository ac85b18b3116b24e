"""The library of real amplifiers, and the figures of the macro-models that data sheets state, in ngspice."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from lmu_hw.analog.amplifiers.library import CAUTION, opamps, otas, read_library
from lmu_hw.analog.analysis.outputs import output_noise, output_offsets, volts_at_rest
from lmu_hw.analog.analysis.selection import Needs, cheapest
from lmu_hw.analog.analysis.small_signal import noise
from lmu_hw.analog.circuit.devices import MacroOpAmp, MacroOta
from lmu_hw.analog.circuit.equations import equations
from lmu_hw.analog.export.files import bill_of_materials
from lmu_hw.analog.export.spice import Noise, SmallSignal, to_deck
from lmu_hw.errors import DesignError
from tests.analog.helpers import MakeDesign, RunDeck

REAL = MacroOpAmp(offset=1e-3, bias=5e-8, noise=1e-8, corner=50.0, current_noise=1e-12, current_corner=20.0, psrr=1e4)


def test_every_part_has_its_figures_and_its_source() -> None:
    single = [part for part in opamps().values() if not part.differential]
    assert len(single) >= 20
    assert len(opamps()) - len(single) >= 4
    assert len(otas()) >= 4
    for part in (*opamps().values(), *otas().values()):
        assert "data sheet" in part.source
        assert part.maker
        assert part.channels in (1, 2, 4)
        assert 0.05 < part.usd < 50.0
    for part in opamps().values():
        model = part.opamp(0.5 * sum(part.supplies) / 2.0)
        assert model.small_signal().second_pole > model.small_signal().gbw
    assert all(isinstance(part.ota(part.supplies[1] / 2.0), MacroOta) for part in otas().values())


def test_the_library_says_what_its_figures_are_worth() -> None:
    """Nobody read the sheets for it: the data, and the page of documents about it, must say so."""
    for name in ("opamps.json", "otas.json"):
        data = json.loads((files("lmu_hw.analog.amplifiers") / name).read_text(encoding="utf-8"))
        assert data["caution"] == CAUTION
    for words in ("typical", "memory", "before ordering", "estimates"):
        assert words in CAUTION
    page = (Path(__file__).resolve().parents[2] / "docs" / "circuits.md").read_text(encoding="utf-8")
    assert CAUTION in " ".join(page.replace("**", "").split())
    part = opamps()["TLV9062"]
    assert part.to_dict()["caution"] == CAUTION


def test_a_supply_that_a_part_cannot_take_is_refused() -> None:
    with pytest.raises(DesignError, match=r"supply must be from 0.9 to 2.75 V for TLV9062, got 5"):
        opamps()["TLV9062"].opamp(5.0)


def test_a_library_that_lacks_a_figure_is_refused() -> None:
    data = json.loads((files("lmu_hw.analog.amplifiers") / "opamps.json").read_text(encoding="utf-8"))
    assert read_library(json.dumps(data)) == opamps()
    data["parts"][2]["noise_nv"] = None
    with pytest.raises(DesignError, match=r"noise_nv of TL072H must be a number, as of every part of the amplifier"):
        read_library(json.dumps(data))
    data["parts"][3]["name"] = data["parts"][0]["name"]
    del data["parts"][2]
    with pytest.raises(DesignError, match="a name of its own"):
        read_library(json.dumps(data))


def test_the_cheapest_part_that_does_is_chosen(make_design: MakeDesign) -> None:
    def design_with(model):
        return make_design(2, supply=2.5, opamp=model, allow=False)

    def choose(needs: Needs):
        return cheapest(opamps().values(), design_with, supply=2.5, differential=False, needs=needs)

    free = choose(Needs())
    assert free.part.usd_each == min(
        part.usd_each for part in opamps().values() if not part.differential and part.name not in free.rejected
    )
    exact = choose(Needs(offset_volts=2e-4))
    assert exact.part.usd_each > free.part.usd_each
    assert "an offset of" in exact.rejected[free.part.name]
    with pytest.raises(DesignError, match="the op-amp must be a part of the library that meets the design, got none"):
        choose(Needs(snr_db=200.0))
    (row,) = [row for row in bill_of_materials(exact.design, exact.part) if row["kind"] == "op-amp"]
    assert row["part"] == f"{exact.part.maker} {exact.part.name}"
    assert int(row["packages"]) * exact.part.channels == int(row["count"]) + int(row["spare"])


@pytest.mark.parametrize("style", ["opamp-rc", "opamp-rc-differential"])
def test_noise_with_its_corners_is_what_ngspice_finds(make_design: MakeDesign, run_deck: RunDeck, style: str) -> None:
    design = make_design(3, topology="chain", style=style, opamp=REAL)
    analysis = Noise(design.signal_nets("y0"), f"V_{next(iter(design.input_ports))}", 4, 0.1, 1000.0)
    found = run_deck(to_deck(design.bench(0.0, ac=1.0), [analysis]))
    predicted = noise(equations(design.circuit), found["frequency"], design.signal_pair("y0"))
    np.testing.assert_allclose(20.0 * np.log10(predicted.density / found["onoise_spectrum"]), 0.0, atol=0.05)
    white = make_design(3, topology="chain", style=style, opamp=MacroOpAmp(noise=1e-8))
    assert output_noise(design)["volts_rms"]["y0"] > 1.02 * output_noise(white)["volts_rms"]["y0"]


def test_offsets_and_bias_currents_are_what_ngspice_finds(make_design: MakeDesign, run_deck: RunDeck) -> None:
    for figures in ({"offset": 1e-3}, {"bias": 1e-7}):
        design = make_design(4, topology="chain", opamp=MacroOpAmp(**figures))
        rest = run_deck(to_deck(design.bench(0.0), [SmallSignal(1, 1.0, 1.0)]).replace(".ac dec 1 1.0 1.0", ".op"))
        found = output_offsets(design)
        assert found is not None
        assert rest["v(y0)"][0].real == pytest.approx(volts_at_rest(design)["y0"], rel=1e-3)
        if "bias" in figures:
            assert rest["v(y0)"][0].real == pytest.approx(found["y0"]["bias_volts"], rel=1e-3)
        else:
            assert abs(rest["v(y0)"][0].real) <= found["y0"]["offset_volts_worst"] * 1.001
            assert found["y0"]["offset_volts_rms"] < found["y0"]["offset_volts_worst"]
    assert output_offsets(make_design(2)) is None
    assert volts_at_rest(make_design(2)) == {"y0": 0.0}


def test_the_supply_reaches_the_output_by_the_psrr(make_design: MakeDesign, run_deck: RunDeck) -> None:
    """A supply 1 V higher is an offset of 1 V/psrr at every amplifier."""
    design = make_design(2, opamp=MacroOpAmp(psrr=1e3))
    deck = to_deck(design.bench(0.0), [SmallSignal(1, 1.0, 1.0)]).replace(".ac dec 1 1.0 1.0", ".op")
    low, high = (
        run_deck(deck.replace("V_vcc vcc 0 5.0", f"V_vcc vcc 0 {volts}"))["v(y0)"][0].real for volts in (5.0, 6.0)
    )
    shifted = make_design(2, opamp=MacroOpAmp(offset=1e-3))
    wanted = run_deck(to_deck(shifted.bench(0.0), [SmallSignal(1, 1.0, 1.0)]).replace(".ac dec 1 1.0 1.0", ".op"))
    assert high - low == pytest.approx(wanted["v(y0)"][0].real, rel=1e-3)
