"""A network of the package in Verilog, on the test data of its task."""

from __future__ import annotations

import pytest

from lmu_hw.sim.regression.pretrained import NetworkCheck, check_network, task_data


def checked(result: NetworkCheck, images: int) -> None:
    assert result.passed, result.messages
    assert (result.images, result.words, result.mismatches, result.different_classes) == (images, 10 * images, 0, 0)
    assert result.accuracy_rtl == result.accuracy_fixed
    # Measured until the last word has left, in a run of several sequences without a pause.
    assert result.documented <= result.cycles <= result.documented + 100
    assert result.utilisation == pytest.approx(result.multiplications / result.multipliers / result.cycles)


@pytest.mark.slow
def test_three_hundred_digits(tmp_path):
    data = task_data("digits_linear", 300, 200, None)
    result = check_network("digits_linear", data, workdir=tmp_path, lanes=4, sequences=2)
    checked(result, 300)
    assert result.accuracy_rtl >= 0.95
