"""The experiment that holds circuits against the float reference, on a small memory."""

from __future__ import annotations

import json
import math
import re
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from lmu_hw.analog.circuit.devices import SinglePoleOpAmp
from lmu_hw.analog.design.memory import STYLES, TOPOLOGIES, design_memory
from lmu_hw.analog.export.spice import to_deck
from lmu_hw.errors import DesignError
from lmu_hw.experiments import analog_ladder

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")


def test_every_figure_is_there_and_small() -> None:
    options = ["--order", "3", "--order", "4", "--style", "gm-c", "--runs", "2", "--windows", "2", "--json"]
    called = CliRunner().invoke(analog_ladder.main, options)
    assert called.exit_code == 0, called.output
    circuits = json.loads(called.stdout)["circuits"]
    counted = {(each["order"], each["topology"]): each["couplings"] for each in circuits}
    assert counted == {
        (order, topology): count
        for order in (3, 4)
        for topology, count in (("dense", order**2), ("chain", 4 * order - 1), ("ladder", 2 * order - 1))
    }
    analysis = {(each["order"], each["topology"]): each["cpu_seconds"] - each["start_seconds"] for each in circuits}
    for each in circuits:
        assert 0 < each["nrmse"] < 1e-4
        assert 0 < each["output_nrmse"] < 1e-4
        assert each["pade_deviation"] < 1e-3
        assert 0 < each["start_seconds"] < each["cpu_seconds"]
        speed = analysis[each["order"], "dense"] / analysis[each["order"], each["topology"]]
        assert math.isclose(each["times_faster_than_dense"], speed)


def test_both_tables_are_printed() -> None:
    called = CliRunner().invoke(analog_ladder.main, ["--order", "2", "--style", "gm-c", "--windows", "1"])
    assert called.exit_code == 0, called.output
    assert "deviation from Padé" in called.stdout
    assert "× dense's speed" in called.stdout


@pytest.mark.parametrize("style", STYLES)
def test_couplings_of_the_netlist_are_as_many_as_promised(style: str) -> None:
    for order in (4, 8, 16, 32):
        assert analog_ladder.couplings(netlist(order, "ladder", style)) == 2 * order - 1
    for order in (4, 8):
        assert analog_ladder.couplings(netlist(order, "dense", style)) == order**2
        assert analog_ladder.couplings(netlist(order, "chain", style)) == 4 * order - 1


@pytest.mark.parametrize("style", STYLES)
def test_each_part_between_states_counts_once(style: str) -> None:
    """Without its parts the coupling from x2 to x1 is missed; without those of input, output and load none is."""
    text = netlist(4, "ladder", style)
    every = analog_ladder.couplings(text)
    assert analog_ladder.couplings(without(text, r"[RX]_x1_x2(_[pn])?")) == every - 1
    for other in (r"[RX]_x0_u(_[pn])?", r"[RX]_y0_x2(_[pn])?", r"R_fb_\w+|X_load_\w+", r"C_\w+"):
        assert analog_ladder.couplings(without(text, other)) == every


def netlist(order: int, topology: str, style: str) -> str:
    """The deck of a circuit."""
    design = design_memory(order, analog_ladder.THETA, topology=topology, style=style)
    return to_deck(design.bench(0.0), [])


def without(text: str, name: str) -> str:
    """The netlist less its elements of a name, of which there is at least one."""
    shorter = re.sub(rf"^({name}) .*\n", "", text, flags=re.MULTILINE)
    assert shorter != text
    return shorter


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_a_worse_circuit_has_a_larger_error(topology: str) -> None:
    """The measure is able to fail: slow op-amps show in time and in frequency."""
    samples = analog_ladder.stimulus(2, seed=0)
    fast, slow = (
        design_memory(3, analog_ladder.THETA, topology=topology, opamp=SinglePoleOpAmp(gbw=gbw)) for gbw in (1e7, 3e5)
    )
    assert analog_ladder.transient(slow, samples).nrmse > 5 * analog_ladder.transient(fast, samples).nrmse
    assert analog_ladder.pade_deviation(slow) > 5 * analog_ladder.pade_deviation(fast)


def test_samples_are_held_and_seeded() -> None:
    samples = analog_ladder.stimulus(2, seed=3)
    assert samples.shape == (400,)
    assert np.abs(samples).max() <= 1.0
    np.testing.assert_array_equal(samples.reshape(-1, 10), np.repeat(samples[::10, None], 10, axis=1))
    np.testing.assert_array_equal(samples, analog_ladder.stimulus(2, seed=3))
    assert not np.array_equal(samples, analog_ladder.stimulus(2, seed=4))


def test_bad_requests_are_refused() -> None:
    for options in (["--gbw", "-1"], ["--windows", "0"], ["--runs", "0"]):
        called = CliRunner().invoke(analog_ladder.main, options)
        assert isinstance(called.exception, DesignError)
