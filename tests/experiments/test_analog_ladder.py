"""The experiment that holds circuits against the float reference, on a small memory."""

from __future__ import annotations

import json
import math
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from lmu_hw.analog.design import TOPOLOGIES, design_memory
from lmu_hw.analog.opamp import SinglePoleOpAmp
from lmu_hw.errors import DesignError
from lmu_hw.experiments import analog_ladder

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")


def test_every_figure_is_there_and_small() -> None:
    called = CliRunner().invoke(analog_ladder.main, ["--order", "3", "--style", "gm-c", "--runs", "2", "--json"])
    assert called.exit_code == 0, called.output
    found = json.loads(called.stdout)
    assert found["order"] == 3
    group = found["styles"]["gm-c"]
    assert {topology: each["couplings"] for topology, each in group.items()} == {"dense": 9, "chain": 11, "ladder": 5}
    for each in group.values():
        assert 0 < each["nrmse"] < 1e-3
        assert 0 < each["output_nrmse"] < 1e-3
        assert each["pade_deviation"] < 1e-3
        assert math.isclose(each["times_faster_than_dense"], group["dense"]["seconds"] / each["seconds"])


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_a_worse_circuit_has_a_larger_error(topology: str) -> None:
    """The measure is able to fail: slow op-amps show in time and in frequency."""
    samples = analog_ladder.stimulus(2, seed=0)
    fast, slow = (
        design_memory(3, analog_ladder.THETA, topology=topology, opamp=SinglePoleOpAmp(gbw=gbw)) for gbw in (1e7, 3e5)
    )
    assert analog_ladder.transient(slow, samples)[0] > 5 * analog_ladder.transient(fast, samples)[0]
    assert analog_ladder.pade_deviation(slow) > 5 * analog_ladder.pade_deviation(fast)


def test_samples_are_held_and_seeded() -> None:
    samples = analog_ladder.stimulus(2, seed=3)
    assert samples.shape == (400,)
    assert np.abs(samples).max() <= 1.0
    np.testing.assert_array_equal(samples.reshape(-1, 10), np.repeat(samples[::10, None], 10, axis=1))
    np.testing.assert_array_equal(samples, analog_ladder.stimulus(2, seed=3))
    assert not np.array_equal(samples, analog_ladder.stimulus(2, seed=4))


def test_bad_requests_are_refused() -> None:
    for options in (["--gbw", "-1"], ["--windows", "0"]):
        called = CliRunner().invoke(analog_ladder.main, options)
        assert isinstance(called.exception, DesignError)
