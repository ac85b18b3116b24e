# amaranth: UnusedElaboratable=no
"""Whole networks word for word against their definition, under stalls, gaps, restarts and resets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.plan import Datapath
from lmu_hw.networks.model import Output
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.plan import AffinePlan, NetworkPlan
from lmu_hw.rtl.network.component import build_network
from tests.rtl.network_bench import Steps, draw_steps, expected_answers, run_network
from tests.rtl.networks import LayerShape, random_network

CHAIN, TRIDIAGONAL, DENSE, STRUCTURED = Datapath.CHAIN, Datapath.TRIDIAGONAL, Datapath.DENSE, Datapath.STRUCTURED

#: Layers, inputs, lanes, sequences: every datapath, with more and fewer lanes than rows.
NETWORKS: dict[str, tuple[list[LayerShape], int, int, int]] = {
    "dense part only": ([LayerShape(hidden=3)], 2, 2, 1),
    "recurrent without memory": ([LayerShape(hidden=4, recurrent=True)], 1, 3, 1),
    "chain": ([LayerShape(CHAIN, 4, 2, 3, recurrent=True, feedback=True)], 1, 2, 2),
    "tridiagonal": ([LayerShape(TRIDIAGONAL, 4, 2, 3), LayerShape(hidden=2)], 3, 2, 1),
    "dense": ([LayerShape(DENSE, 4, 1, 5, recurrent=True, feedback=True), LayerShape(hidden=2)], 1, 1, 1),
    "all of a matrix": ([LayerShape(DENSE, 3, 1, 2, feedback=True)], 1, 9, 1),
    "structured": ([LayerShape(STRUCTURED, 4, 2, 4, feedback=True)], 2, 3, 1),
    "memory words leave": ([LayerShape(hidden=2), LayerShape(TRIDIAGONAL, 4, 2, 0)], 1, 2, 2),
    "chain words leave": ([LayerShape(CHAIN, 4, 1, 0, feedback=True)], 1, 4, 1),
    "memories on memories": ([LayerShape(DENSE, 4, 1, 0), LayerShape(CHAIN, 3, 3, 4, True, True)], 1, 5, 1),
}


def _plan(name: str, output: Output, seed: int = 0) -> NetworkPlan:
    shapes, inputs, _, _ = NETWORKS[name]
    return random_network(np.random.default_rng([seed, *name.encode()]), shapes, inputs, output)


@pytest.mark.parametrize("output", list(Output))
@pytest.mark.parametrize("name", NETWORKS)
def test_every_kind_of_network_equals_its_definition(name: str, output: Output, rng: np.random.Generator) -> None:
    """With random waiting on both sides; sequences start and end at any step."""
    _, _, lanes, sequences = NETWORKS[name]
    plan = _plan(name, output)
    network = build_network(plan, lanes=lanes, sequences=sequences)
    steps = draw_steps(plan, 6, sequences, rng)
    expected = expected_answers(network, steps)
    assert len({answer.data for answer in expected}) > 1, "a network that says nothing"
    assert run_network(network, steps, rng=rng, stall=0.4, gap=0.4).answers == expected


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_random_networks_equal_their_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shapes = []
    for _ in range(int(rng.integers(1, 4))):
        datapath = rng.choice([None, *Datapath])
        hidden = int(rng.integers(0 if datapath else 1, 7))
        recurrent, feedback = rng.random(2) < 0.6
        order, channels = int(rng.integers(1, 6)), int(rng.integers(1, 5))
        kind = None if datapath is None else Datapath(datapath)
        shapes.append(LayerShape(kind, order, channels, hidden, bool(recurrent), bool(feedback)))
    output = Output.LAST if rng.random() < 0.5 else Output.SEQUENCE
    plan = random_network(rng, shapes, int(rng.integers(1, 4)), output)
    lanes, sequences = int(rng.integers(1, 8)), int(rng.integers(1, 4))
    reset = "first" if rng.random() < 0.7 else "never"
    for odds in (0.0, 0.4):
        network = build_network(plan, lanes=lanes, sequences=sequences, reset=reset)
        steps = draw_steps(plan, 8, sequences, rng)
        expected = expected_answers(network, steps)
        assert run_network(network, steps, rng=rng, stall=odds, gap=odds).answers == expected


@pytest.mark.parametrize("name", ["dense", "dense part only"])
def test_a_map_may_be_nothing_but_biases(name: str, rng: np.random.Generator) -> None:
    """What has no weight but zeros is left out of a plan."""
    plan = _plan(name, Output.SEQUENCE)
    last = plan.layers[-1]
    first = replace(plan.layers[0], drive=_bare(plan.layers[0].drive), affine=_bare(plan.layers[0].affine))
    bare = replace(plan, layers=(first, replace(last, affine=_bare(last.affine)))[: len(plan.layers)])
    network = build_network(bare, lanes=2)
    steps = draw_steps(bare, 3, 1, rng)
    assert run_network(network, steps).answers == expected_answers(network, steps)


def _bare(affine: AffinePlan | None) -> AffinePlan | None:
    return None if affine is None else replace(affine, segments=())


@pytest.mark.parametrize("name", ["dense", "chain words leave"])
def test_state_that_never_resets_persists_across_sequences(name: str, rng: np.random.Generator) -> None:
    plan = _plan(name, Output.SEQUENCE)
    steps = draw_steps(plan, 8, 1, rng, restarts=0.5)
    persistent = build_network(plan, lanes=2, reset="never")
    answers = run_network(persistent, steps).answers
    assert answers == expected_answers(persistent, steps)
    words = np.array([answer.data for answer in answers]).reshape(1, 8, -1)
    assert np.array_equal(IntegerNetwork(plan).run(steps.codes.swapaxes(0, 1)), words)
    assert answers != expected_answers(build_network(plan, lanes=2), steps)


@pytest.mark.parametrize("name", ["dense", "chain"])
def test_a_reset_at_any_time_forgets_everything(name: str, rng: np.random.Generator) -> None:
    _, _, lanes, sequences = NETWORKS[name]
    plan = _plan(name, Output.LAST)
    network = build_network(plan, lanes=lanes, sequences=sequences, reset="never")
    steps = draw_steps(plan, 3, sequences, rng)
    expected = expected_answers(network, steps)
    for reset_at in rng.integers(1, 3 * network.cycles_per_step, 2).tolist():
        network = build_network(plan, lanes=lanes, sequences=sequences, reset="never")
        assert run_network(network, steps, rng=rng, stall=0.2, reset_at=reset_at).answers == expected


def test_a_sequence_is_the_same_whatever_goes_beside_it(rng: np.random.Generator) -> None:
    plan = _plan("dense", Output.SEQUENCE)
    together = draw_steps(plan, 4, 3, rng)
    answers = run_network(build_network(plan, lanes=2, sequences=3), together).answers
    for s in range(3):
        alone = Steps(*(array[:, s : s + 1] for array in (together.codes, together.first, together.last)))
        mine = [answer._replace(sequence=0) for answer in answers if answer.sequence == s]
        assert mine == run_network(build_network(plan, lanes=2), alone).answers


def test_lanes_change_the_time_and_nothing_else(rng: np.random.Generator) -> None:
    plan = _plan("structured", Output.SEQUENCE)
    steps = draw_steps(plan, 4, 1, rng)
    networks = [build_network(plan, lanes=lanes) for lanes in (1, 4, 7)]
    answers = [run_network(network, steps).answers for network in networks]
    assert all(each == answers[0] for each in answers)
    cycles = [network.cycles_per_step for network in networks]
    assert cycles == sorted(cycles, reverse=True)
    assert cycles[0] > cycles[-1]


def _flipped(plan: NetworkPlan, layer: int, what: str, row: int) -> NetworkPlan:
    """The plan with the highest bit of one weight of a map's last segment changed."""
    changed = plan.layers[layer]
    affine = getattr(changed, what)
    segment = affine.segments[-1]
    weights = segment.weights.copy()
    weights[row, 0] ^= 1 << (int(np.abs(weights).max()).bit_length() - 1)
    segments = (*affine.segments[:-1], replace(segment, weights=weights))
    wide = replace(affine, segments=segments, accumulator=replace(affine.accumulator, width=60))
    layers = list(plan.layers)
    layers[layer] = replace(changed, **{what: wide})
    return replace(plan, layers=tuple(layers))


@pytest.mark.parametrize(("layer", "what", "row"), [(0, "drive", 0), (0, "affine", 3), (1, "affine", 1)])
def test_a_network_with_one_wrong_weight_is_caught(layer: int, what: str, row: int, rng: np.random.Generator) -> None:
    plan = _plan("dense", Output.SEQUENCE, seed=0)
    steps = draw_steps(plan, 12, 1, rng, restarts=0.0)
    right, wrong = build_network(plan), build_network(_flipped(plan, layer, what, row))
    assert run_network(wrong, steps).answers == expected_answers(wrong, steps) != expected_answers(right, steps)


# Refusals


@pytest.mark.parametrize("lanes", [0, -1, 1025, 2.0, True, "1", None])
def test_lanes_that_are_refused(lanes: Any) -> None:
    with pytest.raises(DesignError, match=r"^lanes must be an integer from 1 to 1024, got"):
        build_network(_plan("dense part only", Output.LAST), lanes=lanes)


@pytest.mark.parametrize("sequences", [0, 257, 1.0, False, None])
def test_sequences_that_are_refused(sequences: Any) -> None:
    with pytest.raises(DesignError, match=r"^sequences must be an integer from 1 to 256, got"):
        build_network(_plan("dense part only", Output.LAST), sequences=sequences)


@pytest.mark.parametrize("reset", ["always", "", None, 1])
def test_resets_that_are_refused(reset: Any) -> None:
    with pytest.raises(DesignError, match=r"^reset must be first or never, got"):
        build_network(_plan("dense part only", Output.LAST), reset=reset)
