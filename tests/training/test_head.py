"""Heads trained for their integers: closer to the float network, on the same grids, and still bit-exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.networks.model import Output
from lmu_hw.networks.pretrained import load
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.options import LayerOptions, NetworkOptions
from lmu_hw.networks.quantize.plan import NetworkPlan
from lmu_hw.networks.quantize.planner import plan_network
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.training.head import HeadTraining, memory_words, train_head
from tests.networks.networks import random_network
from tests.networks.quantize import naive


def blobs(rng: np.random.Generator, count: int) -> Array:
    """Sequences of 64 pixels with a few bright stretches, multiples of 1/16."""
    fraction_bits = rng.integers(0, 56, (count, 4, 1))
    k = np.arange(64)
    bright = ((k >= fraction_bits) & (k < fraction_bits + 8)).any(axis=1)
    return np.asarray((bright * rng.integers(4, 16, (count, 1)))[..., None] / 16.0)


def coarse(x: Array, bits: int = 3) -> NetworkPlan:
    options = LayerOptions(weight_bits=bits, activation_bits=8, compensated=False)
    return plan_network(load("digits_linear"), x, NetworkOptions(layer=options))


def divergence(plan: NetworkPlan, x: Array, scores: Array) -> float:
    """Mean cross-entropy less entropy of the classes' probabilities."""

    def logarithms(s: Array) -> Array:
        above = s - s.max(axis=1, keepdims=True)
        return np.asarray(above - np.log(np.exp(above).sum(axis=1, keepdims=True)))

    model = IntegerNetwork(plan)
    found = logarithms(model.decode(model.run(model.encode(x))))
    wanted = logarithms(scores)
    return float(np.mean(np.sum(np.exp(wanted) * (wanted - found), axis=1)))


def test_comes_closer_to_float_on_sequences_that_it_has_not_seen(rng: np.random.Generator) -> None:
    seen, unseen = blobs(rng, 600), blobs(rng, 200)
    plan = coarse(seen[:64])
    scores, others = (FloatNetwork(load("digits_linear")).run(x) for x in (seen, unseen))
    words = memory_words(plan, plan.input_format.encode(seen))
    trained = train_head(plan, words, scores, HeadTraining(epochs=12, batch=50))
    assert divergence(trained, unseen, others) < 0.75 * divergence(plan, unseen, others)
    for before, after in zip(plan.layers, trained.layers, strict=True):
        assert before.affine is not None
        assert after.affine is not None
        (old,), (new,) = before.affine.segments, after.affine.segments
        assert np.array_equal(old.fractions, new.fractions)
        assert after.affine.weight_bits <= before.affine.weight_bits
        assert after.memory is before.memory
    codes = plan.input_format.encode(unseen[:1])
    assert IntegerNetwork(trained).run(codes)[0].tolist() == naive.run(trained, codes[0].tolist())[-1]


def test_words_of_the_memory_are_those_that_the_head_sees(rng: np.random.Generator) -> None:
    x = blobs(rng, 3)
    plan = coarse(x)
    codes = plan.input_format.encode(x)
    model = IntegerNetwork(plan)
    model.run(codes)
    assert model.state is not None
    assert np.array_equal(memory_words(plan, codes), model.state.layers[0]["word"][:, 0])


def test_same_seed_same_head(rng: np.random.Generator) -> None:
    x = blobs(rng, 40)
    plan = coarse(x)
    words: IntArray = memory_words(plan, plan.input_format.encode(x))
    scores = FloatNetwork(load("digits_linear")).run(x)
    heads = [
        train_head(plan, words, scores, HeadTraining(epochs=2, batch=20, learning_rate=0.5, seed=s)) for s in (1, 1)
    ]
    weights = [head.layers[0].affine.segments[0].weights for head in heads if head.layers[0].affine]
    assert np.array_equal(weights[0], weights[1])
    affine = plan.layers[0].affine
    assert affine is not None
    assert not np.array_equal(weights[0], affine.segments[0].weights)


def test_errors(rng: np.random.Generator) -> None:
    network = random_network(rng, ["lmu", "dense"], output=Output.LAST)
    x = rng.uniform(-1, 1, (2, 5, 2))
    plan = plan_network(network, x)
    with pytest.raises(DesignError, match=r"head behind layer 0 \(lmu\) must be a memory without feedback"):
        memory_words(plan, plan.input_format.encode(x))
    plan = coarse(blobs(rng, 3))
    with pytest.raises(DesignError, match=r"head behind layer 0 \(memory\) must be a memory without feedback"):
        train_head(replace(plan, output=Output.SEQUENCE), np.zeros((3, 64), np.int64), np.zeros((3, 10)))
    with pytest.raises(DesignError, match="words and scores must be of the same sequences"):
        train_head(plan, np.zeros((3, 64), np.int64), np.zeros((4, 10)))
    with pytest.raises(DesignError, match="epochs must be an integer of at least 1, got 0"):
        HeadTraining(epochs=0)
