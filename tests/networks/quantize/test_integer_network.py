"""The integer model of networks: bit-exact, whatever the batch, the pieces and the threads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmu_hw.core.steps import Discretization
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import QFormat
from lmu_hw.networks.model import Output
from lmu_hw.networks.quantize import model as integer_network
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.options import Granularity, LayerOptions, NetworkOptions
from lmu_hw.networks.quantize.plan import NetworkPlan, Segment
from lmu_hw.networks.quantize.planner import plan_network
from lmu_hw.reference.definition import Activation
from tests.networks.networks import random_network
from tests.networks.quantize import naive

KINDS = ("lmu", "memory", "states", "dense")


def planned(seed: int, kinds: list[str], method: Discretization, output: Output, **options: int) -> NetworkPlan:
    rng = np.random.default_rng(seed)
    activations = list(rng.permutation(list(Activation)))
    network = random_network(rng, kinds, output=output, method=method, activations=activations)
    chosen = LayerOptions(**{"activation_bits": 8, "state_bits": 12, "granularity": Granularity.ROW} | options)
    return plan_network(network, rng.uniform(-1, 1, (4, 9, 2)), NetworkOptions(layer=chosen, input_bits=9))


def some_codes(plan: NetworkPlan, seed: int, batch: int, steps: int) -> np.ndarray:
    form = plan.input_format
    return np.random.default_rng(seed).integers(form.low, form.high + 1, (batch, steps, plan.inputs))


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=3),
    method=st.sampled_from(list(Discretization)),
    output=st.sampled_from(list(Output)),
    weight_bits=st.integers(2, 12),
)
def test_equals_python_integers(
    seed: int, kinds: list[str], method: Discretization, output: Output, weight_bits: int
) -> None:
    plan = planned(seed, kinds, method, output, weight_bits=weight_bits)
    codes = some_codes(plan, seed, 2, 7)
    words = IntegerNetwork(plan).run(codes)
    for sequence, found in zip(codes, words, strict=True):
        wanted = naive.run(plan, sequence.tolist())
        assert found.tolist() == (wanted if output is Output.SEQUENCE else wanted[-1])


@pytest.mark.parametrize("method", list(Discretization))
def test_wide_words_take_the_integer_path(method: Discretization) -> None:
    """Accumulators beyond 53 bits: the same words as Python's integers."""
    plan = planned(3, ["lmu", "dense"], method, Output.SEQUENCE, weight_bits=24, state_bits=28, activation_bits=18)
    wide = []
    for layer in plan.layers:
        affine = layer.affine
        assert affine is not None
        fraction_bits = 61 - affine.accumulator.width
        segments = tuple(replace(s, alignment_shifts=s.alignment_shifts + fraction_bits) for s in affine.segments)
        grid = QFormat(61, affine.accumulator.fraction + fraction_bits)
        wider = replace(affine, segments=segments, bias=affine.bias << fraction_bits, accumulator=grid)
        wide.append(replace(layer, affine=wider))
    widened = replace(plan, layers=tuple(wide))
    assert all(int(each.affine.largest_sums.max()).bit_length() > 53 for each in wide if each.affine)
    codes = some_codes(plan, 1, 2, 6)
    words = IntegerNetwork(widened).run(codes)
    assert np.array_equal(words, IntegerNetwork(plan).run(codes))
    assert words[0].tolist() == naive.run(widened, codes[0].tolist())


@pytest.mark.parametrize("kinds", [["lmu", "memory", "dense"], ["states", "lmu"], ["memory", "states"], ["dense"]])
@pytest.mark.parametrize("output", list(Output))
def test_pieces_batches_and_threads(kinds: list[str], output: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integer_network, "_SOLVED", 3)
    monkeypatch.setattr(integer_network, "_OTHERS", 2)
    plan = planned(11, kinds, Discretization.AB2, output)
    codes = some_codes(plan, 5, 8, 10)
    whole = IntegerNetwork(plan)
    words = whole.run(codes, return_sequences=True)
    one_by_one = [IntegerNetwork(plan).run(codes[k : k + 1], return_sequences=True)[0] for k in range(8)]
    assert np.array_equal(words, one_by_one)
    parts = IntegerNetwork(plan)
    found = [parts.run(codes[:, a:b], return_sequences=True, workers=2) for a, b in ((0, 3), (3, 4), (4, 10))]
    assert np.array_equal(words, np.concatenate(found, axis=1))
    assert parts.state is not None
    assert whole.state is not None
    for one, other in zip(parts.state.layers, whole.state.layers, strict=True):
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[name], other[name]) for name in one)
    assert np.array_equal(IntegerNetwork(plan).run(codes, return_sequences=False), words[:, -1])
    whole.reset()
    assert np.array_equal(whole.classify(codes), words[:, -1].argmax(axis=-1))


def test_last_output_goes_on_where_the_sequence_left_off() -> None:
    """The head is left out before the last step; nothing of the state is."""
    plan = planned(2, ["lmu", "memory", "dense"], Discretization.ZOH, Output.LAST)
    codes = some_codes(plan, 7, 3, 8)
    model = IntegerNetwork(plan)
    model.run(codes[:, :5])
    assert np.array_equal(model.run(codes[:, 5:]), IntegerNetwork(plan).run(codes))


def test_decodes_to_the_units_of_the_float_network(rng: np.random.Generator) -> None:
    plan = planned(4, ["states"], Discretization.ZOH, Output.SEQUENCE)
    (layer,) = plan.layers
    assert layer.memory is not None
    words = np.ones((2, layer.states), dtype=np.int64)
    expected = np.repeat(layer.gains, layer.memory.spec.order) * layer.memory.output_format.lsb
    assert np.array_equal(IntegerNetwork(plan).decode(words), np.tile(expected, (2, 1)))


def test_errors() -> None:
    plan = planned(4, ["lmu"], Discretization.ZOH, Output.SEQUENCE)
    model, codes = IntegerNetwork(plan), some_codes(plan, 0, 2, 3)
    with pytest.raises(DesignError, match="input codes must be integers, got"):
        model.run(codes.astype(float))
    with pytest.raises(DesignError, match=r"input codes must be of shape \(batch, T, 2\)"):
        model.run(codes[0])
    with pytest.raises(DesignError, match=f"input codes must be from {plan.input_format.low} to"):
        model.run(codes + (1 << 20))
    with pytest.raises(DesignError, match="workers must be an integer of at least 1, got 0"):
        model.run(codes, workers=0)
    with pytest.raises(DesignError, match="input of the network must be a finite number"):
        model.encode([[np.nan, 0.0]])
    with pytest.raises(DesignError, match="input of the network must be within the range of"):
        model.encode([[1e6, 0.0]])
    model.run(codes)
    with pytest.raises(DesignError, match=r"state of layer 0 \(lmu\) \(accumulator\) must be of shape \(1, "):
        model.run(codes[:1])


def test_a_plan_says_where_its_words_come_from() -> None:
    plan = planned(4, ["lmu", "dense"], Discretization.ZOH, Output.SEQUENCE)
    dense = plan.layers[1].affine
    assert dense is not None
    segment = dense.segments[0]

    def with_segment(changed: Segment) -> NetworkPlan:
        affine = replace(dense, segments=(changed,))
        return replace(plan, layers=(plan.layers[0], replace(plan.layers[1], affine=affine)))

    with pytest.raises(DesignError, match=r"source of the affine map of layer 1 \(dense\) must be one of"):
        with_segment(replace(segment, source=replace(segment.source, layer=1)))
    fewer = replace(segment, weights=segment.weights[:, :0])
    with pytest.raises(DesignError, match=r"output of layer 0 of the affine map of layer 1 \(dense\) must be"):
        with_segment(fewer)
    with pytest.raises(DesignError, match=r"layer 1 \(dense\) must be drive and memory, affine and activation"):
        replace(plan, layers=(plan.layers[0], replace(plan.layers[1], activation=None)))
