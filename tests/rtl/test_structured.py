# amaranth: UnusedElaboratable=no
"""The structured memory with words between and carried words, beat for beat against the integer model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import discretize
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.datapaths.structured.increment import StructuredIncrement, quantise
from lmu_hw.fixed_point.datapaths.structured.stages import Block, StagedProduct
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.rtl.memory.build import build_memory
from lmu_hw.rtl.memory.structured import STATE_AFTER, structured_program
from lmu_hw.sim.targets.memory import run_rtl

Stages = tuple[tuple[Block, ...], ...]
Check = Callable[..., None]

RATIO = 30.0


def _realising_the_hold(order: int, inner: Stages, of_words: Array, carry: Array | None) -> StagedProduct:
    """The increment of the exact hold from the words of `inner`: what they leave over, the states supply.

    Args:
        order: of the memory, at theta/dt = RATIO.
        inner: all stages but the last.
        of_words: what each increment takes from the words between, shape (order, words).
        carry: the word that each increment takes unmultiplied, shape (order,), or None.
    """
    states = np.arange(order)
    words = StagedProduct(order, (*inner, (Block(states, states, np.eye(order)),))).maps[0]
    rest = discretize(LMUSpec(order, RATIO, 1.0)).transition - np.eye(order) - of_words @ words[order:]
    if carry is not None:
        rest -= words[carry]
    last = Block(states, np.arange(len(words)), np.hstack([rest, of_words]), carry)
    return StagedProduct(order, (*inner, (last,)))


def _random_product(order: int, seed: int) -> StagedProduct:
    """Two stages of two words each, random rows that carry random words; every increment carries word 0."""
    rng = np.random.default_rng(seed)
    inner: list[tuple[Block, ...]] = []
    for known in (order, order + 2):
        rows, gains = np.arange(known, known + 2), 0.4 * rng.normal(size=(2, known))
        inner.append((Block(rows, np.arange(known), gains, rng.integers(0, known, 2)),))
    of_words = 0.3 * rng.normal(size=(order, 4)) * (rng.random((order, 4)) < 0.5)
    return _realising_the_hold(order, tuple(inner), of_words, np.zeros(order, dtype=np.int64))


def _plan(monkeypatch: pytest.MonkeyPatch, product: StagedProduct, bits: int = 12) -> MemoryPlan:
    """A plan, with formats that hold, whose increment is `product`."""
    increment = quantise(product, bits)
    builder = "lmu_hw.fixed_point.datapaths.structured.increment.structured_increment"
    monkeypatch.setattr(builder, lambda *_, **__: increment)
    spec = LMUSpec(product.order, RATIO, 1.0)
    return plan_memory(spec, datapath="structured", coefficient_bits=bits, input_bits=8, state_bits=14)


def _increment(plan: MemoryPlan) -> StructuredIncrement:
    assert isinstance(plan.increment, StructuredIncrement)
    return plan.increment


@pytest.fixture
def check(run_memory: Any, expected_beats: Any, draw_samples: Any, rng: np.random.Generator) -> Check:
    """Compare all beats of a plan's memory: `check(plan, lanes, channels, samples=…)`, the samples per channel.

    Once back to back, once with gaps and back-pressure; sequences start anew in the middle.
    """

    def check_beats(plan: MemoryPlan, lanes: int = 1, channels: int = 1, *, samples: int = 6) -> None:
        memory = build_memory(plan, lanes=lanes, channels=channels)
        drawn = draw_samples(plan, samples * channels, rng, restarts=0.2)
        expected = expected_beats(memory, drawn)
        for odds in (0.0, 0.35):
            assert run_memory(memory, drawn, rng=rng, stall=odds, gap=odds).beats == expected, odds

    return check_beats


@pytest.mark.parametrize(
    ("order", "lanes", "channels", "seed"),
    [(6, 1, 1, 0), (6, 3, 3, 1), (2, 1, 2, 2), (3, 1, 3, 3), (4, 2, 4, 4)],  # one turn of channels, then several
)
def test_a_carried_input_is_that_of_its_own_sample(
    order: int, lanes: int, channels: int, seed: int, monkeypatch: pytest.MonkeyPatch, check: Check
) -> None:
    """Word 0, from which the input is taken off, is carried in the last slot; the next sample may follow at once."""
    plan = _plan(monkeypatch, _random_product(order, seed))
    last = structured_program(_increment(plan)).slots[-1]
    assert last is not None
    assert last.carry == 0
    assert build_memory(plan, lanes=lanes, channels=channels).schedule.pause == 0
    check(plan, lanes, channels)


def test_an_operand_that_is_read_before_the_same_carry_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, check: Check
) -> None:
    """State 1 is the carry of slot 0, read two slots later, and meanwhile the operand of slot 1."""
    gain = np.array([[0.5]])
    inner = (
        (Block(np.array([2]), np.array([0]), gain, np.array([1])),),
        (Block(np.array([3]), np.array([1]), gain),),
    )
    plan = _plan(monkeypatch, _realising_the_hold(2, inner, np.array([[0.3, 0.0], [0.0, 0.3]]), None))
    assert build_memory(plan).schedule.pause == STATE_AFTER - 2
    check(plan)


@pytest.mark.parametrize(
    ("gains", "fraction_bits"),
    [
        ([[3.0, 1.0]], [0]),
        ([[5.0, 1.0]], [-1]),
        ([[14.0, -9.0], [5.0, 1.0]], [-3, -1]),
        ([[5.0, 1.0], [0.1, 0.0]], [-1, 5]),
    ],
)
def test_places_of_a_word_may_lie_before_the_point(
    gains: list[list[float]], fraction_bits: list[int], monkeypatch: pytest.MonkeyPatch, check: Check
) -> None:
    """With three bits a row that peaks at 5 counts in twos: its sum is shifted up, that of other rows down."""
    words = np.arange(2, 2 + len(gains))
    inner = ((Block(words, np.arange(2), np.array(gains)),),)
    plan = _plan(monkeypatch, _realising_the_hold(2, inner, np.full((2, words.size), 0.01), None), bits=3)
    assert _increment(plan).inner[0].fractions.tolist() == fraction_bits
    check(plan)


@pytest.mark.parametrize(("lanes", "channels"), [(1, 1), (1, 3), (2, 2), (2, 4)])
def test_a_planned_memory_with_words_between(lanes: int, channels: int, check: Check) -> None:
    plan = plan_memory(LMUSpec(8, 100.0, 1.0), datapath="structured", input_bits=8, state_bits=12)
    assert _increment(plan).words > 0
    check(plan, lanes, channels, samples=4)


def test_a_reset_in_mid_sample_forgets_everything(
    run_memory: Any, expected_beats: Any, draw_samples: Any, rng: np.random.Generator
) -> None:
    plan = plan_memory(LMUSpec(8, 100.0, 1.0), datapath="structured", input_bits=8, state_bits=12)
    memory = build_memory(plan, lanes=2, channels=4)
    samples = draw_samples(plan, 8, rng)
    for reset_at in (5, memory.schedule.cycles_per_round + 7):
        record = run_memory(memory, samples, rng=rng, stall=0.2, gap=0.2, reset_at=reset_at)
        assert record.beats == expected_beats(memory, samples)


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_lanes_without_channels_to_work_on_are_refused(channels: int) -> None:
    plan = plan_memory(LMUSpec(8, 100.0, 1.0), datapath="structured")
    words = rf"^lanes must be a divisor of the number of channels, .* {channels}, got 4$"
    with pytest.raises(DesignError, match=words):
        build_memory(plan, lanes=4, channels=channels)


@pytest.mark.slow
def test_order_64_in_verilator(tmp_path: Path, rng: np.random.Generator) -> None:
    plan = plan_memory(LMUSpec(64, 784.0, 1.0), datapath="structured", state_bits=16)
    assert _increment(plan).words > 0
    low, high = plan.input_format.low, plan.input_format.high
    codes = rng.choice([low, high, 0, 5], size=(4, 100))
    words = run_rtl(plan, codes, workdir=tmp_path, lanes=2, channels=4)
    np.testing.assert_array_equal(words, IntegerMemory(plan).run(codes))
