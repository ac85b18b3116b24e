# amaranth: UnusedElaboratable=no
"""What a network promises about time is what is measured, and its lanes are hardly ever idle."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.fixed_point.plan import Datapath, MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.networks.model import Output
from lmu_hw.networks.quantize.plan import NetworkPlan, Segment
from lmu_hw.rtl.memory.build import build_memory
from lmu_hw.rtl.network.component import build_network
from lmu_hw.rtl.network.program import Program, network_program
from tests.rtl import networks
from tests.rtl.network_bench import Steps, draw_steps, expected_answers, run_network
from tests.rtl.networks import LayerShape, random_network
from tests.rtl.test_network import NETWORKS

SHAPES = [*NETWORKS.values(), ([LayerShape(hidden=9)], 5, 4, 3), ([LayerShape(hidden=2)], 30, 8, 2)]


def _plan(shapes: list[LayerShape], inputs: int, output: Output) -> NetworkPlan:
    return random_network(np.random.default_rng(5), shapes, inputs, output)


@pytest.mark.parametrize("output", list(Output))
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(map(str, shape[1:])))
def test_steps_take_the_cycles_that_are_stated(
    shape: tuple[list[LayerShape], int, int, int], output: Output, rng: np.random.Generator
) -> None:
    """Words always waiting, answers always taken: the time between answers is that of the steps between them."""
    shapes, inputs, lanes, sequences = shape
    plan = _plan(shapes, inputs, output)
    network = build_network(plan, lanes=lanes, sequences=sequences)
    lasts = np.array([1, 0, 1, 1, 0, 0, 1])
    steps = draw_steps(plan, len(lasts), sequences, rng)
    steps = Steps(steps.codes, steps.first, np.repeat(lasts[:, None], sequences, axis=1))
    record = run_network(network, steps)
    assert record.answers == expected_answers(network, steps)
    assert record.taken[0] - record.accepted[sequences * inputs - 1] == network.latency
    answered = np.flatnonzero(lasts) if output is Output.LAST else np.arange(len(lasts))
    begins = np.array(record.taken[:: sequences * plan.outputs]) - record.taken[0]
    cycles = np.where(lasts, network.cycles_per_last_step, network.cycles_per_step)
    assert begins.tolist() == np.concatenate([[0], np.cumsum(cycles)])[answered].tolist()
    if output is Output.SEQUENCE:
        assert network.cycles_per_step == network.cycles_per_last_step
    assert network.cycles_per_sequence(5) == 4 * network.cycles_per_step + network.cycles_per_last_step


def _issued(program: Program, runs: Any) -> int:
    return sum(run.cycles for run in runs if run.segment is not None)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(map(str, shape[1:])))
def test_the_runs_of_a_program_cover_every_map_once(shape: tuple[list[LayerShape], int, int, int]) -> None:
    shapes, inputs, lanes, sequences = shape
    program = network_program(_plan(shapes, inputs, Output.LAST), lanes, sequences)
    for k, each in enumerate(program.maps):
        covered = np.zeros((each.plan.rows, sum(s.columns for s in each.plan.segments)), dtype=np.int64)
        begins = np.cumsum([0, *(s.columns for s in each.plan.segments)])[:-1]
        starts = dict(zip(map(id, each.plan.segments), begins.tolist(), strict=True))
        for run in program.runs:
            if run.map == k:
                start = starts[id(run.segment)]
                covered[run.rows.start : run.rows.stop, start : start + run.cycles] += 1
        assert np.all(covered == 1)
    assert program.cycles_per_last_step >= sum(run.cycles for run in program.runs)
    assert program.cycles_per_step >= sum(run.cycles for run in program.runs[: program.normal_runs])


@pytest.mark.parametrize(
    ("rule", "order", "lanes", "channels"),
    [("ab2", 6, 3, 2), ("zoh", 4, 2, 3), ("zoh", 4, 8, 1), ("bilinear", 6, 2, 4), ("structured", 4, 2, 2)],
)
def test_memories_give_words_when_their_kind_says_so(
    rule: str, order: int, lanes: int, channels: int, run_memory: Any, draw_samples: Any
) -> None:
    options = {"datapath": "structured"} if rule == "structured" else {}
    rule = "zoh" if rule == "structured" else rule
    plan = plan_memory(LMUSpec(order, 60.0, 1.0, rule), input_bits=6, state_bits=10, **options)
    memory = build_memory(plan, lanes=lanes, channels=channels)
    record = run_memory(memory, draw_samples(plan, channels, np.random.default_rng(0)))
    in_step = memory.schedule.in_step
    rounds = record.accepted[in_step - 1 :: in_step]
    beats = np.array(record.taken).reshape(len(rounds), -1, in_step)
    for start, mine in zip(rounds, beats, strict=True):
        stated = np.array(memory.beats_for(plan, lanes))[:, None] + np.arange(in_step)
        assert (mine - start).tolist() == stated.tolist()


# Of the size of permuted sequential MNIST


def _large_memory(rule: str, order: int, products: int, datapath: Datapath) -> MemoryPlan:
    """A plan of that order as far as the schedule is concerned; to plan a real one takes a while."""
    small = plan_memory(LMUSpec(2, 784.0, 1.0, rule), input_bits=8, state_bits=16)
    increment = cast("Any", SimpleNamespace(multiplications=products, coefficient_bits=10))
    assert small.datapath is datapath
    return replace(small, spec=LMUSpec(order, 784.0, 1.0, rule), increment=increment)


def _recurrent(monkeypatch: pytest.MonkeyPatch) -> NetworkPlan:
    memory = _large_memory("zoh", 256, 256 * 256, Datapath.DENSE)
    monkeypatch.setattr(networks, "_memory", lambda rng, shape: memory)
    shapes = [LayerShape(Datapath.DENSE, 256, 1, 212, recurrent=True, feedback=True), LayerShape(hidden=10)]
    return _plan(shapes, 1, Output.LAST)


def _linear(monkeypatch: pytest.MonkeyPatch) -> NetworkPlan:
    memory = _large_memory("bilinear", 468, 3 * 468 - 1, Datapath.TRIDIAGONAL)
    monkeypatch.setattr(networks, "_memory", lambda rng, shape: memory)
    return _plan([LayerShape(Datapath.TRIDIAGONAL, 468, 1, 346), LayerShape(hidden=10)], 1, Output.LAST)


@pytest.mark.parametrize(("lanes", "least"), [(1, 0.99), (4, 0.98), (16, 0.92)])
def test_a_recurrent_network_comes_near_its_bound(lanes: int, least: float, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = _recurrent(monkeypatch)
    program = network_program(plan, lanes, 1)
    spent = 783 * program.cycles_per_step + program.cycles_per_last_step
    assert least < plan.multiplications_per_sequence(784) / lanes / spent <= 1.0


@pytest.mark.parametrize("sequences", [1, 4, 16])
def test_a_network_with_a_linear_memory_comes_near_its_bound(sequences: int, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = _linear(monkeypatch)
    program = network_program(plan, 1, sequences)
    spent = 783 * program.cycles_per_step + program.cycles_per_last_step
    assert 0.98 < plan.multiplications_per_sequence(784) / spent <= 1.0


def test_the_words_of_a_segment_keep_their_order() -> None:
    """Weights go with words, whatever the order of the segments in the program."""
    program = network_program(_plan(NETWORKS["dense"][0], 1, Output.LAST), 2, 1)
    ordered = [run.segment for run in program.runs if run.map == 1 and run.rows.start == 0]
    assert {id(s) for s in ordered} == {id(s) for s in program.maps[1].plan.segments}
    assert all(isinstance(segment, Segment) for segment in ordered)
