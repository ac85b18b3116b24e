"""The unit of the drives can be chosen: the outputs stay."""

from __future__ import annotations

import numpy as np
import pytest

from lmu_hw.errors import DesignError
from lmu_hw.network import Network
from lmu_hw.reference.cell import CellParameters, LMUCell
from lmu_hw.reference.layers import LSTMParameters, MemoryParameters
from lmu_hw.reference.network import FloatNetwork
from lmu_hw.reference.scaling import drive_peaks, scale_drive
from lmu_hw.spec import LMUSpec
from tests.core.networks import draw, every_kind


def test_powers_of_two_leave_every_output_as_it_is(rng: np.random.Generator) -> None:
    network = every_kind(rng)
    x = rng.uniform(-1, 1, (2, 30, 2))
    before, peaks = FloatNetwork(network).run(x), drive_peaks(network, x)
    assert set(peaks) == {0, 1, 4}
    for index, gains in ((0, [4.0, 0.5]), (1, [2.0, 8.0]), (4, 0.25)):
        scaled = scale_drive(network, index, gains)
        np.testing.assert_array_equal(FloatNetwork(scaled).run(x), before)
        np.testing.assert_array_equal(drive_peaks(scaled, x)[index], peaks[index] / np.asarray(gains))


def test_the_layer_behind_a_bare_memory_takes_the_gains_up(rng: np.random.Generator) -> None:
    spec = LMUSpec(3, 1.0, 0.05)
    bare = MemoryParameters(spec, **draw(rng, MemoryParameters.shapes(3, 1, 2, 0)))
    x = rng.uniform(-1, 1, (2, 20, 1))
    for behind in (
        CellParameters(spec, **draw(rng, CellParameters.shapes(3, 6, 1, 2))),
        LSTMParameters(**draw(rng, LSTMParameters.shapes(6, 2))),
        MemoryParameters(spec, **draw(rng, MemoryParameters.shapes(3, 6, 1, 2))),
    ):
        network = Network((bare, behind))
        scaled = FloatNetwork(scale_drive(network, 0, [3.0, 0.7])).run(x)
        np.testing.assert_allclose(scaled, FloatNetwork(network).run(x), rtol=1e-12, atol=1e-13)


def test_peaks_are_those_of_the_trace(rng: np.random.Generator) -> None:
    cell = CellParameters(LMUSpec(3, 1.0, 0.05), **draw(rng, CellParameters.shapes(3, 1, 2, 2)))
    x = rng.uniform(-1, 1, (2, 20, 1))
    expected = np.abs(LMUCell(cell).trace(x).drive).max(axis=(0, 1))
    np.testing.assert_array_equal(drive_peaks(Network((cell,)), x)[0], expected)


def test_what_cannot_be_scaled_is_refused(rng: np.random.Generator) -> None:
    network = every_kind(rng)
    with pytest.raises(DesignError, match=r"layer 2 \(lstm\) must be a layer with memories, got none"):
        scale_drive(network, 2, 2.0)
    with pytest.raises(DesignError, match=r"gains must be one positive number, or 2, got \[1.0, -1.0\]"):
        scale_drive(network, 0, [1.0, -1.0])
    last = Network(network.layers[4:5])
    with pytest.raises(DesignError, match=r"layer 0 \(memory\) must be followed by a layer that takes the gains up"):
        scale_drive(last, 0, 2.0)
