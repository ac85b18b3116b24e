"""Whole networks in simulation: generated Verilog equals the integer model, and wrong Verilog does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lmu_hw.networks.model import Output
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.plan import NetworkPlan
from lmu_hw.networks.quantize.planner import plan_network
from lmu_hw.rtl.network import generate_network_verilog
from lmu_hw.sim.hdl.runner import Simulator
from lmu_hw.sim.targets.network import HarnessedNetwork, NetworkStimulus, run_network_rtl
from lmu_hw.sim.targets.run import run_targets
from tests.sim.broken import tied
from tests.sim.networks import network

both = pytest.mark.parametrize("simulator", list(Simulator))


def planned(rng: np.random.Generator, output: Output = Output.LAST) -> NetworkPlan:
    return plan_network(network(rng, output), rng.uniform(-1, 1, (10, 20, 2)))


def codes(plan: NetworkPlan, rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(plan.input_format.low, plan.input_format.high + 1, (*shape, plan.inputs))


@both
def test_networks_equal_the_integer_model(simulator, rng, tmp_path):
    """One output per sequence or per step, lanes, sequences of different lengths side by side, gaps, back-pressure."""
    networks = []
    for k, (output, lanes, lengths) in enumerate(
        [(Output.LAST, 3, [[5, 1, 4], [2, 8, 0], [10, 0, 0]]), (Output.SEQUENCE, 1, [[4, 3]])]
    ):
        plan = planned(rng, output)
        rows = [[codes(plan, rng, n) for n in row if n] for row in lengths]
        stimulus = NetworkStimulus.side_by_side(rows).with_traffic(0.3, 0.4, seed=k + 1)
        design = generate_network_verilog(plan, name=f"network_{k}", lanes=lanes, sequences=len(rows))
        networks.append(HarnessedNetwork(plan, stimulus, design))
    run = run_targets(networks, workdir=tmp_path, simulator=simulator)
    assert run.bench.messages == ()
    assert run.passed
    assert [score.sent for score in run.scores] == [30, 7]
    assert [score.checked for score in run.scores] == [3 * 6, 3 * 7]
    # The second one of place 0, a single step, is the third to answer.
    sequence = networks[0].stimulus.codes[5:6, 0][None]
    np.testing.assert_array_equal(run.words[0][2], IntegerNetwork(networks[0].plan).run(sequence)[0])


@pytest.mark.parametrize("output", [Output.LAST, pytest.param(Output.SEQUENCE, marks=pytest.mark.slow)])
def test_state_persists_where_it_is_asked_to(output, rng, tmp_path):
    """`in_first` is without effect: the whole stream is one sequence, with answers where `in_last` is."""
    plan = planned(rng, output)
    rows = [[codes(plan, rng, n) for n in (4, 3, 5)] for _ in range(2)]
    stimulus = NetworkStimulus.side_by_side(rows).with_traffic(0.1, 0.2, seed=1)
    network = HarnessedNetwork(plan, stimulus, generate_network_verilog(plan, sequences=2, lanes=2, reset="never"))
    run = run_targets([network], workdir=tmp_path, simulator="icarus")
    assert run.bench.messages == ()
    every = IntegerNetwork(plan).run(stimulus.codes.transpose(1, 0, 2), return_sequences=True)
    ends = [3, 6, 11] if output is Output.LAST else range(12)
    np.testing.assert_array_equal(run.words[0].reshape(len(ends), 2, -1), every[:, list(ends)].swapaxes(0, 1))
    # The bench would not take the other kind for it.
    other = HarnessedNetwork(plan, stimulus, generate_network_verilog(plan, sequences=2, lanes=2))
    wrong = replace(other, design=replace(other.design, manifest=network.design.manifest))
    assert not run_targets([wrong], workdir=tmp_path / "wrong", simulator="icarus").passed


def test_reset_in_mid_stream_forgets_everything(rng, tmp_path):
    plan = planned(rng)
    stimulus = NetworkStimulus.of_batch(codes(plan, rng, 2, 6), 2)
    unmarked = replace(stimulus, first=np.zeros_like(stimulus.first), gap=0.2, stall=0.2)
    design = generate_network_verilog(plan, sequences=2, lanes=4)
    run = run_targets(
        [HarnessedNetwork(plan, unmarked, design)], workdir=tmp_path, simulator="icarus", resets=[1, 90, 151, 203]
    )
    assert run.bench.messages == ()
    assert run.passed


def with_one_code_changed(plan: NetworkPlan, x: np.ndarray) -> NetworkPlan:
    """The first weight of the hidden units is off by one that changes any answer to `x`."""
    layer = plan.layers[0]
    segment = layer.affine.segments[-1]
    wide = replace(layer.affine.accumulator, width=layer.affine.accumulator.width + 1)
    right = IntegerNetwork(plan).run(x)
    for place in np.argsort(np.abs(segment.weights), axis=None):
        weights = segment.weights.copy()
        weights.flat[place] += 1
        segments = (*layer.affine.segments[:-1], replace(segment, weights=weights))
        affine = replace(layer.affine, segments=segments, accumulator=wide)
        changed = replace(plan, layers=(replace(layer, affine=affine), *plan.layers[1:]))
        if np.any(IntegerNetwork(changed).run(x) != right):
            return changed
    raise AssertionError("no weight of the hidden units matters")


def test_wrong_verilog_is_found(rng, tmp_path):
    """Dead, and a weight off by one."""
    plan = planned(rng, Output.SEQUENCE)
    x = codes(plan, rng, 2, 25)
    right = generate_network_verilog(plan, name="right")
    dead = generate_network_verilog(plan, name="dead")
    changed = generate_network_verilog(with_one_code_changed(plan, x), name="changed")
    designs = [right, tied(dead, "out_valid"), changed]
    stimulus = NetworkStimulus.of_batch(x, 1)
    run = run_targets([HarnessedNetwork(plan, stimulus, d) for d in designs], workdir=tmp_path, simulator="icarus")
    assert not run.passed
    assert [score.passed for score in run.scores] == [True, False, False]
    assert run.scores[1].checked == 0
    assert run.scores[2].mismatches > 0


def test_a_batch_through_the_verilog(rng, tmp_path):
    """Three sequences, two at a time, with an output per step."""
    plan = planned(rng, Output.SEQUENCE)
    x = codes(plan, rng, 3, 4)
    words = run_network_rtl(plan, x, workdir=tmp_path, simulator="icarus", lanes=2, sequences=2)
    np.testing.assert_array_equal(words, IntegerNetwork(plan).run(x))
