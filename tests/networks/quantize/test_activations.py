"""Tables of activations: every code within the stated bound, and the bound within what the formats can do."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import Overflow, QFormat
from lmu_hw.networks.quantize.activations import straight, table_bits, tabulate
from lmu_hw.reference.definition import ACTIVATIONS, Activation

#: The largest slope of each function: how much of an error in its argument reaches its value.
STEEPEST = {Activation.TANH: 1.0, Activation.SIGMOID: 0.25, Activation.RELU: 1.0, Activation.IDENTITY: 1.0}
TABLES = [(f, bits) for f in (Activation.TANH, Activation.SIGMOID) for bits in (4, 5, 8, 11, 14)]


@pytest.mark.parametrize(("function", "bits"), TABLES)
def test_every_code_is_within_the_bound(function: Activation, bits: int) -> None:
    plan = tabulate(function, bits)
    codes = np.arange(plan.input.low, plan.input.high + 1)
    words = plan(codes)
    assert plan.output.low <= words.min()
    assert words.max() <= plan.output.high
    error = np.abs(plan.output.decode(words) - ACTIVATIONS[function](plan.input.decode(codes)))
    assert error.max() <= plan.error_bound
    assert error.max() >= 0.999 * plan.error_bound - 2.0**-47  # it is attained
    # One lsb where f exceeds the largest word, ¾ of one elsewhere.
    assert plan.error_bound <= plan.output.lsb
    inside = np.abs(error[words < plan.output.high - 1])
    assert inside.max() <= 0.75 * plan.output.lsb * (1 + 1e-9)


@pytest.mark.parametrize(("function", "bits"), TABLES)
def test_bound_holds_between_codes_and_beyond_them(function: Activation, bits: int, rng: np.random.Generator) -> None:
    plan = tabulate(function, bits)
    reach = 1.5 * plan.input.high * plan.input.lsb
    a = np.concatenate([rng.uniform(-reach, reach, 20_000), [-reach, reach]])
    codes = plan.input.encode(a, overflow=Overflow.SATURATE)
    error = np.abs(plan.output.decode(plan(codes)) - ACTIVATIONS[function](a))
    # The table's own error, and half a code of the argument.
    assert error.max() <= plan.error_bound + 0.5 * plan.input.lsb * STEEPEST[function]


@pytest.mark.parametrize("function", [Activation.TANH, Activation.SIGMOID])
def test_against_mpmath(function: Activation, rng: np.random.Generator) -> None:
    plan = tabulate(function, 16)
    codes = rng.integers(plan.input.low, plan.input.high + 1, 300)
    with mpmath.workdps(40):
        for code, word in zip(codes.tolist(), plan(codes).tolist(), strict=True):
            a = mpmath.mpf(code) * plan.input.lsb
            exact = mpmath.tanh(a) if function is Activation.TANH else 1 / (1 + mpmath.exp(-a))
            assert abs(word * plan.output.lsb - exact) <= plan.error_bound


def test_pieces_take_fewer_bits_than_words() -> None:
    for bits in (8, 12, 16):
        plan = tabulate(Activation.TANH, bits)
        assert table_bits(plan.base, plan.slope) < (1 << plan.input.width) * bits / 4


def test_no_table_for_straight_functions() -> None:
    form = QFormat(6, 2)
    codes = np.arange(form.low, form.high + 1)
    assert np.array_equal(straight(Activation.RELU, form)(codes), np.maximum(codes, 0))
    assert np.array_equal(straight(Activation.IDENTITY, form)(codes), codes)
    assert straight(Activation.RELU, form).error_bound == 0.0


@pytest.mark.parametrize("bits", [3, 19])
def test_refuses_a_width(bits: int) -> None:
    with pytest.raises(DesignError, match=f"activation_bits must be an integer from 4 to 18, got {bits}"):
        tabulate(Activation.TANH, bits)
