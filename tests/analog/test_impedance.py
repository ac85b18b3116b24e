"""The impedance level keeps its limits, and the limits are what they say."""

from __future__ import annotations

import numpy as np
import pytest

from lmu_hw.analog.analysis.requirements import estimate_power, least_amplifiers
from lmu_hw.analog.analysis.small_signal import noise
from lmu_hw.analog.circuit.devices import AMPS_PER_HZ, MacroOta, SinglePoleOpAmp
from lmu_hw.analog.circuit.elements import Device, Resistor
from lmu_hw.analog.circuit.equations import equations
from lmu_hw.analog.circuit.graph import parts_of
from lmu_hw.analog.design.impedance import MOST_NOISE, NOISE_SHARE
from lmu_hw.analog.design.memory import STYLES, TOPOLOGIES
from lmu_hw.analog.design.parts import PartRange, Series
from lmu_hw.errors import DesignError
from tests.analog.helpers import MakeDesign


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("style", STYLES)
def test_the_preferred_level_is_taken_within_the_limits(make_design: MakeDesign, topology: str, style: str) -> None:
    level = make_design(6, topology=topology, style=style).level
    least, most = max(level.loading, level.parts[0]), min(level.noise, level.parts[1])
    assert least < level.preferred == level.impedance < most
    assert not level.given


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("style", ["opamp-rc", "opamp-rc-differential"])
def test_at_the_loading_limit_an_amplifier_gives_its_whole_current(
    make_design: MakeDesign, topology: str, style: str
) -> None:
    """At full swing: into what an output drives, and out of its own feedback, which takes all that comes in."""
    free = make_design(6, topology=topology, style=style)
    capacitor = free.values.capacitors[0] * free.level.impedance / free.level.loading
    design = make_design(6, topology=topology, style=style, impedance=free.level.loading, capacitor=float(capacitor))
    conductances = 1.0 / design.values.resistances
    loads = conductances[:, :-1].sum(axis=0) + conductances.sum(axis=1)
    # The capacitor of the free design was rounded to a step of 1, 2.2 or 4.7, and with it the level.
    assert 2e-3 / 1.6 < design.largest_voltage * loads.max() < 2e-3 * 1.6


def test_the_noise_limit_is_that_of_the_circuits_resistors(make_design: MakeDesign) -> None:
    """From the noise analysis of the whole circuit, whose few further resistors (of sums that invert) add little."""
    design = make_design(4, topology="ladder", style="opamp-rc-differential")
    frequencies = np.linspace(1.0, 10 * 100.0, 400)
    system = equations(design.circuit)
    worst = max(
        noise(system, frequencies, design.signal_nets(signal)).rms()
        for signal in design.signals  # type: ignore[arg-type]
    )
    used = worst / design.largest_signal
    assert used / NOISE_SHARE == pytest.approx((design.level.impedance / design.level.noise) ** 0.5, rel=0.1)


def test_levels_move_as_the_limits_demand(make_design: MakeDesign) -> None:
    high = make_design(6, theta=10.0, capacitor_range=PartRange(1e-12, 4e-6)).level
    assert high.impedance == high.parts[0] > high.preferred
    low = make_design(6, resistor_range=PartRange(1e2, 7e4)).level
    assert low.impedance == low.parts[1] < low.preferred
    given = make_design(6, impedance=3e5)
    assert given.level.given
    assert given.level.impedance == 3e5


def test_noise_gives_way_to_the_amplifiers_current(make_design: MakeDesign) -> None:
    level = make_design(16, 1e-4, supply=0.5).level
    assert level.noise < level.loading == level.impedance
    assert not level.to_dict()["noise_kept"]
    assert make_design(6).level.to_dict()["noise_kept"]


@pytest.mark.parametrize("style", STYLES)
def test_a_supply_whose_signals_drown_in_noise_is_refused(make_design: MakeDesign, style: str) -> None:
    """The level can't fall any further, so that noise is a larger share of a smaller swing."""
    low = make_design(3, style=style, supply=1e-3).level
    share = NOISE_SHARE * (low.impedance / low.noise) ** 0.5
    just = 1e-3 * share / MOST_NOISE
    assert make_design(3, style=style, supply=just * 1.05).level.impedance == pytest.approx(low.impedance)
    for supply in (just * 0.95, 1e-9, 1e-300):
        with pytest.raises(DesignError, match=r"large enough that thermal noise stays below 0.01 of it, got"):
            make_design(3, style=style, supply=supply)
    with pytest.raises(DesignError, match="thermal noise"):
        make_design(3, style=style, supply=1e-4, impedance=1e7)


def test_no_level_for_all_limits_is_refused_in_one_line(make_design: MakeDesign) -> None:
    with pytest.raises(DesignError, match=r"^the impedance level must be at least \d.* for the amplifiers' current"):
        make_design(6, resistor_range=PartRange(1e2, 1e4))
    with pytest.raises(DesignError, match="impedance in ohm"):
        make_design(2, impedance=-1.0)


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("style", STYLES)
def test_the_least_amplifiers_just_keep_the_error(make_design: MakeDesign, topology: str, style: str) -> None:
    design = make_design(4, topology=topology, style=style)
    needed = least_amplifiers(design, 0.02)
    assert needed.predicted <= 0.02

    def error(gain: float, gbw: float | None) -> float:
        if gbw is None:
            ota = MacroOta(gm=1e-6, linear=100.0, gout=1e-6 / gain, cin=0.0, cout=0.0)
            return make_design(4, topology=topology, style=style, ota=ota).prediction.worst
        opamp = SinglePoleOpAmp(gain=gain, gbw=gbw)
        return make_design(4, topology=topology, style=style, opamp=opamp, correction=False).prediction.worst

    assert error(needed.gain, needed.gbw) == pytest.approx(needed.predicted, rel=0.01)
    assert error(0.9 * needed.gain, needed.gbw) > 0.02
    assert (needed.gbw is None) == (style == "gm-c")
    if needed.gbw is not None:
        assert error(needed.gain, 0.8 * needed.gbw) > 0.02


def test_an_error_that_no_amplifier_keeps_is_refused(make_design: MakeDesign) -> None:
    rounded = make_design(3, resistors=Series("E6"), capacitors=Series("E3"))
    with pytest.raises(DesignError, match=r"error must be above .*; the parts alone make"):
        least_amplifiers(rounded, 1e-3)
    with pytest.raises(DesignError, match="error must be a positive"):
        least_amplifiers(rounded, 0.0)


def test_power_counts_amplifiers_and_resistors(make_design: MakeDesign) -> None:
    design = make_design(3, opamp=SinglePoleOpAmp(gbw=1e6), supply=2.5)
    amplifiers = parts_of(design.circuit, Device)
    conductance = sum(1 / part.ohms for part in parts_of(design.circuit, Resistor))
    power = estimate_power(design.circuit, supply=2.5, swing=2.0)
    assert power.amplifiers == pytest.approx(len(amplifiers) * 2 * 2.5 * AMPS_PER_HZ * 1e6)
    assert power.resistors == pytest.approx(2.5 * 2.0 * conductance)
    assert estimate_power(make_design(3).circuit, supply=2.5, swing=2.0).amplifiers is None
    cells = estimate_power(make_design(3, style="gm-c", ota=MacroOta()).circuit, supply=2.5, swing=1.0)
    assert cells.resistors == 0.0
    assert cells.amplifiers is not None
