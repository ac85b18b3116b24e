"""A bench for stream memories in Amaranth's own simulator, and what the integer model expects of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pytest
from amaranth.hdl import Const, Module, ResetInserter, Signal
from amaranth.sim import Simulator, SimulatorContext

from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.rtl.interface.streams import StreamMemory


class Sample(NamedTuple):
    """One input beat."""

    code: int
    first: int = 0
    last: int = 0


class Beat(NamedTuple):
    """One output beat, without its cycle."""

    data: tuple[int, ...]
    index: int
    channel: int
    first: int
    last: int


class Readout(NamedTuple):
    """The readouts of one sample, without their cycle."""

    data: tuple[int, ...]
    channel: int
    first: int
    last: int


@dataclass
class Record:
    """What a run did: the cycles in which samples, beats and readouts changed hands, and what they were."""

    accepted: list[int] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    beats: list[Beat] = field(default_factory=list)
    read: list[int] = field(default_factory=list)
    readouts: list[Readout] = field(default_factory=list)


Run = Callable[..., Record]


def pytest_configure(config: pytest.Config) -> None:
    """A component that is only looked at, or refused by its constructor, is no mistake here."""
    config.addinivalue_line("filterwarnings", "ignore::amaranth.hdl.UnusedElaboratable")


def _run(
    memory: StreamMemory,
    samples: Sequence[Sample],
    *,
    rng: np.random.Generator | None = None,
    stall: float = 0.0,
    gap: float = 0.0,
    readout_stall: float | None = None,
    clear: float = 0.0,
    reset_at: int | None = None,
    most_cycles: int = 20_000,
) -> Record:
    """Offer `samples` one after another and take every beat and readout, each cycle with the given odds of waiting.

    A sample once offered stays until it is taken; the same is demanded of the memory's beats and readouts.
    The status bit is compared in every cycle, and cleared with the odds `clear`. With `reset_at` the run
    ends in that cycle with a reset, and a second run over the same samples follows in the same simulation;
    only that second one is recorded.
    """
    rng = rng or np.random.default_rng(0)
    reset = Signal()
    top = Module()
    top.submodules.memory = ResetInserter(reset)(memory)
    i, o = memory.i, memory.o
    r = memory.r if memory.plan.readouts is not None else None
    record = Record()
    expected = len(samples) * memory.schedule.groups
    expected_readouts = len(samples) if r is not None else 0
    low, high = memory.plan.input_format.low, memory.plan.input_format.high

    async def cycle(
        ctx: SimulatorContext, offer: Sample | None, ready: bool, read_ready: bool, clear_now: bool
    ) -> tuple[bool, Beat | None, Readout | None, bool]:
        ctx.set(i.valid, offer is not None)
        if offer is not None:
            ctx.set(i.payload.data, offer.code)
            ctx.set(i.payload.first, offer.first)
            ctx.set(i.payload.last, offer.last)
        else:  # garbage, which must not matter
            ctx.set(i.payload.data, int(rng.integers(-4, 4)))
            ctx.set(i.payload.first, int(rng.integers(2)))
        ctx.set(o.ready, ready)
        if memory.can_saturate:
            ctx.set(memory.clear_status, clear_now)
        if r is not None:
            ctx.set(r.ready, read_ready)
        status = memory.saturated if memory.can_saturate else Const(0)
        outputs = [status, i.ready, o.valid, o.payload] + ([r.valid, r.payload] if r is not None else [])
        *_, saturated, i_ready, o_valid, p, r_valid, q = [
            *(await ctx.tick().sample(*outputs)),
            *([] if r is not None else [0, None]),
        ]
        beat = Beat(tuple(int(w) for w in p.data), int(p.index), int(p.channel), int(p.first), int(p.last))
        readout = None
        if r_valid:
            readout = Readout(tuple(int(w) for w in q.data), int(q.channel), int(q.first), int(q.last))
        return bool(offer is not None and i_ready), beat if o_valid else None, readout, bool(saturated)

    async def stream(ctx: SimulatorContext, stop_at: int | None) -> Record:
        done, offered, idle = Record(), False, 0
        waiting: Beat | None = None
        unread: Readout | None = None
        status = False
        for now in range(most_cycles):
            if now == stop_at:
                return done
            k = len(done.accepted)
            offered = k < len(samples) and (offered or rng.random() >= gap)
            ready = bool(rng.random() >= stall)
            read_ready = bool(rng.random() >= (stall if readout_stall is None else readout_stall))
            clear_now = bool(rng.random() < clear)
            offer = samples[k] if offered else None
            accepted, beat, readout, saturated = await cycle(ctx, offer, ready, read_ready, clear_now)
            assert saturated == status, f"status bit {saturated} in cycle {now}"
            status = status and not clear_now
            if accepted:
                done.accepted.append(now)
                status = status or not low <= samples[k].code <= high
                offered = False
            assert waiting is None or beat == waiting, "a beat that was not taken changed or went away"
            assert unread is None or readout == unread, "a readout that was not taken changed or went away"
            waiting = beat if beat is not None and not ready else None
            unread = readout if readout is not None and not read_ready else None
            if beat is not None and ready:
                done.taken.append(now)
                done.beats.append(beat)
            if readout is not None and read_ready:
                done.read.append(now)
                done.readouts.append(readout)
            idle = idle + 1 if k == len(samples) and beat is None and readout is None else 0
            if idle > 2 * memory.schedule.cycles_per_round + 20:
                assert len(done.beats) == expected, "beats are missing, or there are too many"
                assert len(done.readouts) == expected_readouts, "readouts are missing, or there are too many"
                return done
        raise AssertionError(f"{len(done.accepted)} samples and {len(done.beats)} beats in {most_cycles} cycles")

    async def testbench(ctx: SimulatorContext) -> None:
        nonlocal record
        if reset_at is not None:
            await stream(ctx, reset_at)
            ctx.set(reset, 1)
            for _ in range(int(rng.integers(1, 4))):
                await cycle(ctx, samples[0], True, True, False)
            ctx.set(reset, 0)
        record = await stream(ctx, None)

    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return record


def _words(memory: StreamMemory, samples: Sequence[Sample]) -> list[list[int]]:
    """The integer model's output words after each sample; samples beyond the range count as its ends."""
    plan = memory.plan
    model = IntegerMemory(plan)
    states = [model.zero_state() for _ in range(memory.channels)]
    rows = []
    for k, sample in enumerate(samples):
        c = k % memory.channels
        if sample.first:
            states[c] = model.zero_state()
        code = min(max(sample.code, plan.input_format.low), plan.input_format.high)
        rows.append(model.run(np.array([[code]]), states[c])[0, 0].tolist())
    return rows


def _expect(memory: StreamMemory, samples: Sequence[Sample]) -> list[Beat]:
    """The beats that the integer model says must come, in order; the samples fill the channels in step."""
    rows, words, in_step = _words(memory, samples), memory.schedule.words, memory.schedule.in_step
    beats = []
    for start in range(0, len(samples), in_step):
        for j in range(0, memory.plan.spec.order, words):
            for k in range(start, start + in_step):
                sample = samples[k]
                beats.append(Beat(tuple(rows[k][j : j + words]), j, k % memory.channels, sample.first, sample.last))
    return beats


def _expect_readouts(memory: StreamMemory, samples: Sequence[Sample]) -> list[Readout]:
    """The readouts that the integer model says must come, in order."""
    values = IntegerMemory(memory.plan).readouts(_words(memory, samples)).tolist()
    return [
        Readout(tuple(value), k % memory.channels, sample.first, sample.last)
        for k, (value, sample) in enumerate(zip(values, samples, strict=True))
    ]


def _draw(plan: MemoryPlan, count: int, rng: np.random.Generator, restarts: float = 0.0) -> list[Sample]:
    """Random samples, full scale among them, which start and end sequences with the given odds."""
    low, high = plan.input_format.low, plan.input_format.high
    codes = np.where(rng.random(count) < 0.4, rng.choice([low, high], count), rng.integers(low, high + 1, count))
    flags = rng.random((count, 2)) < restarts
    return [Sample(int(code), int(first), int(last)) for code, (first, last) in zip(codes, flags, strict=True)]


@pytest.fixture(scope="session")
def run_memory() -> Run:
    """Simulate a memory: `run_memory(memory, samples, stall=…, gap=…, clear=…, reset_at=…)` → Record."""
    return _run


@pytest.fixture(scope="session")
def expected_beats() -> Callable[..., list[Beat]]:
    """The integer model's beats: `expected_beats(memory, samples)`."""
    return _expect


@pytest.fixture(scope="session")
def expected_readouts() -> Callable[..., list[Readout]]:
    """The integer model's readouts: `expected_readouts(memory, samples)`."""
    return _expect_readouts


@pytest.fixture(scope="session")
def draw_samples() -> Callable[..., list[Sample]]:
    """Random samples: `draw_samples(plan, count, rng, restarts=odds)`."""
    return _draw
