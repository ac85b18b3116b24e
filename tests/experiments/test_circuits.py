"""The experiments on circuits in SPICE: small memories reach their figures, and broken circuits do not."""

from __future__ import annotations

import math
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from lmu_hw.analog.circuit.devices import CmosOta, MacroOta, SinglePoleOpAmp
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.analog.design.memory import STYLES, TOPOLOGIES, design_memory
from lmu_hw.analog.export.spice import to_deck
from lmu_hw.errors import DesignError
from lmu_hw.experiments import circuits
from lmu_hw.sim.spice.measure_ota import of_transistors
from tests.experiments.conftest import called

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")


def test_every_figure_is_there_and_small() -> None:
    options = ["--order", "3", "--order", "4", "--style", "gm-c", "--runs", "2", "--windows", "2"]
    measured = called(circuits.analog_ladder, *options)["circuits"]
    counted = {(each["order"], each["topology"]): each["couplings"] for each in measured}
    assert counted == {
        (order, topology): count
        for order in (3, 4)
        for topology, count in (("dense", order**2), ("chain", 4 * order - 1), ("ladder", 2 * order - 1))
    }
    analysis = {(each["order"], each["topology"]): each["cpu_seconds"] - each["start_seconds"] for each in measured}
    for each in measured:
        assert 0 < each["nrmse"] < 1e-4
        assert 0 < each["output_nrmse"] < 1e-4
        assert each["pade_deviation"] < 1e-3
        assert 0 < each["start_seconds"] < each["cpu_seconds"]
        speed = analysis[each["order"], "dense"] / analysis[each["order"], each["topology"]]
        assert math.isclose(each["times_faster_than_dense"], speed)


def test_both_tables_are_printed() -> None:
    done = CliRunner().invoke(circuits.analog_ladder, ["--order", "2", "--style", "gm-c", "--windows", "1"])
    assert done.exit_code == 0, done.output
    assert "deviation from Padé" in done.stdout
    assert "× dense's speed" in done.stdout


@pytest.mark.parametrize("style", STYLES)
def test_couplings_of_the_netlist_are_as_many_as_promised(style: str) -> None:
    for order in (4, 8, 16, 32):
        assert circuits.couplings(netlist(order, "ladder", style)) == 2 * order - 1
    for order in (4, 8):
        assert circuits.couplings(netlist(order, "dense", style)) == order**2
        assert circuits.couplings(netlist(order, "chain", style)) == 4 * order - 1


@pytest.mark.parametrize("style", STYLES)
def test_each_part_between_states_counts_once(style: str) -> None:
    """Without its parts the coupling from x2 to x1 is missed; without those of input, output and load none is."""
    text = netlist(4, "ladder", style)
    every = circuits.couplings(text)
    assert circuits.couplings(without(text, r"[RX]_x1_x2(_[pn])?")) == every - 1
    for other in (r"[RX]_x0_u(_[pn])?", r"[RX]_y0_x2(_[pn])?", r"R_fb_\w+|X_load_\w+", r"C_\w+"):
        assert circuits.couplings(without(text, other)) == every


def netlist(order: int, topology: str, style: str) -> str:
    """The deck of a circuit."""
    design = design_memory(order, circuits.THETA, topology=topology, style=style)
    return to_deck(design.bench(0.0), [])


def without(text: str, name: str) -> str:
    """The netlist less its elements of a name, of which there is at least one."""
    shorter = re.sub(rf"^({name}) .*\n", "", text, flags=re.MULTILINE)
    assert shorter != text
    return shorter


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_a_worse_circuit_has_a_larger_error(topology: str) -> None:
    """The measure is able to fail: slow op-amps show in time and in frequency."""
    samples = circuits.stimulus(2, seed=0)
    fast, slow = (
        design_memory(3, circuits.THETA, topology=topology, opamp=SinglePoleOpAmp(gbw=gbw), correction=False)
        for gbw in (1e7, 3e5)
    )
    assert circuits.transient(slow, samples).nrmse > 5 * circuits.transient(fast, samples).nrmse
    assert circuits.pade_deviation(slow) > 5 * circuits.pade_deviation(fast)


def test_samples_are_held_and_seeded() -> None:
    samples = circuits.stimulus(2, seed=3)
    assert samples.shape == (400,)
    assert np.abs(samples).max() <= 1.0
    np.testing.assert_array_equal(samples.reshape(-1, 10), np.repeat(samples[::10, None], 10, axis=1))
    np.testing.assert_array_equal(samples, circuits.stimulus(2, seed=3))
    assert not np.array_equal(samples, circuits.stimulus(2, seed=4))


def test_bad_requests_are_refused() -> None:
    for options in (["--gbw", "-1"], ["--windows", "0"], ["--runs", "0"]):
        done = CliRunner().invoke(circuits.analog_ladder, options)
        assert isinstance(done.exception, DesignError)


def test_noise_is_predicted_within_a_decibel(monkeypatch: pytest.MonkeyPatch) -> None:
    found = called(circuits.analog_noise, "--order", "2")
    assert found["worst_deviation_db"] < 1.0
    assert {style for group in found["topologies"].values() for style in group} == set(STYLES)
    # Resistors ten times as noisy as the prediction has them are seen.
    whole = circuits.noise
    monkeypatch.setattr(circuits, "noise", lambda *given: replace(whole(*given), powers=whole(*given).powers / 10))
    assert circuits.measure_noise(2, "ladder", "opamp-rc")["deviation_db"] > 5.0


def test_a_memory_of_transistors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuits, "TOPOLOGIES", {"ladder": None})
    found = called(circuits.analog_ota, "--order", "2")
    assert found["measured"]["gm"] > 0
    each = found["orders"]["2"]["ladder"]
    assert each["transistors"]["nrmse"] < 0.02
    assert each["macro"]["rest_volts"] == pytest.approx(each["transistors"]["rest_volts"], rel=0.05)

    def halved(circuit: Circuit, unit: MacroOta, device: CmosOta) -> Circuit:
        return of_transistors(circuit, unit.scaled(2 * unit.gm), device)

    monkeypatch.setattr(circuits, "of_transistors", halved)
    assert called(circuits.analog_ota, "--order", "2")["orders"]["2"]["ladder"]["transistors"]["nrmse"] > 0.1


def test_a_seed_out_of_range_is_refused() -> None:
    done = CliRunner().invoke(circuits.analog_ota, ["--seed", "-1"])
    assert done.exit_code != 0
    assert "Invalid value for '--seed'" in done.output
