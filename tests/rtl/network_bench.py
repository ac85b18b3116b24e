"""A bench for networks in Amaranth's own simulator, and a step-by-step evaluation of what must come out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.sim import Simulator, SimulatorContext

from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.fixed_point.model import IntegerMemory, IntegerState
from lmu_hw.networks.model import Output
from lmu_hw.networks.quantize.plan import AffinePlan, Kind, NetworkPlan
from lmu_hw.rtl.network.component import NetworkComponent


class Answer(NamedTuple):
    """One output beat, without its cycle."""

    data: int
    index: int
    sequence: int
    argmax: int
    first: int
    last: int


@dataclass(frozen=True)
class Steps:
    """What goes in: codes, shape (steps, sequences, inputs), and flags, shape (steps, sequences)."""

    codes: IntArray
    first: IntArray
    last: IntArray


@dataclass
class Record:
    """What a run did: the cycles in which words and answers changed hands, and what the answers were."""

    accepted: list[int] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)


def draw_steps(plan: NetworkPlan, steps: int, sequences: int, rng: np.random.Generator, restarts: float = 0.3) -> Steps:
    """Random words, full scale among them, and flags with the given odds."""
    x = plan.input_format
    shape = (steps, sequences, plan.inputs)
    codes = np.where(
        rng.random(shape) < 0.3, rng.choice([x.low, x.high], shape), rng.integers(x.low, x.high + 1, shape)
    )
    flags = (rng.random((2, steps, sequences)) < restarts).astype(np.int64)
    flags[1, -1] = 1  # what would never be seen is not worth a run
    return Steps(codes, flags[0], flags[1])


class _Sequence:
    """One sequence by the definitions of the plan, a word at a time."""

    def __init__(self, plan: NetworkPlan) -> None:
        self._plan = plan
        self._memories = [None if layer.memory is None else IntegerMemory(layer.memory) for layer in plan.layers]
        self.restart()

    def restart(self) -> None:
        self._states: list[list[IntegerState]] = []
        self._now: dict[tuple[Kind, int], IntArray] = {}
        for k, layer in enumerate(self._plan.layers):
            memory = self._memories[k]
            self._states.append([] if memory is None else [memory.zero_state() for _ in range(layer.channels)])
            self._now[Kind.MEMORY, k] = np.zeros(layer.states, dtype=np.int64)
            self._now[Kind.OUTPUT, k] = np.zeros(layer.outputs, dtype=np.int64)

    def step(self, x: IntArray) -> IntArray:
        before, now = dict(self._now), self._now
        now[Kind.INPUT, 0] = x

        def codes(affine: AffinePlan) -> IntArray:
            sums = affine.bias.copy()
            for segment in affine.segments:
                words = (before if segment.source.previous else now)[segment.source.kind, segment.source.layer]
                sums = sums + ((segment.weights @ words) << segment.alignment_shifts)
            return affine.requantise(sums)

        for k, layer in enumerate(self._plan.layers):
            memory = self._memories[k]
            if memory is not None and layer.drive is not None:
                u = codes(layer.drive)
                rows = [memory.run(np.array([[u[c]]]), self._states[k][c])[0, 0] for c in range(layer.channels)]
                now[Kind.MEMORY, k] = np.concatenate(rows)
            if layer.affine is None or layer.activation is None:
                now[Kind.OUTPUT, k] = now[Kind.MEMORY, k]
            else:
                now[Kind.OUTPUT, k] = layer.activation(codes(layer.affine))
        return now[Kind.OUTPUT, len(self._plan.layers) - 1]


def expected_answers(network: NetworkComponent, steps: Steps) -> list[Answer]:
    """All beats that must come, in order."""
    plan = network.plan
    sequences = [_Sequence(plan) for _ in range(network.sequences)]
    answers = []
    for x, firsts, lasts in zip(steps.codes, steps.first.tolist(), steps.last.tolist(), strict=True):
        for s, (sequence, first, last) in enumerate(zip(sequences, firsts, lasts, strict=True)):
            if first and network.reset == "first":
                sequence.restart()
            y = sequence.step(x[s]).tolist()
            if last or plan.output is Output.SEQUENCE:
                best = [int(np.argmax(y[: k + 1])) for k in range(len(y))]
                answers += [Answer(word, k, s, best[k], first, last) for k, word in enumerate(y)]
    return answers


def run_network(
    network: NetworkComponent,
    steps: Steps,
    *,
    rng: np.random.Generator | None = None,
    stall: float = 0.0,
    gap: float = 0.0,
    reset_at: int | None = None,
    most_cycles: int = 50_000,
) -> Record:
    """Offer all words one after another and take every answer, each cycle with the given odds of waiting.

    An answer once offered must stay as it is until it is taken. With `reset_at` the run ends in that cycle
    with a reset, and a second one over the same steps follows; only that one is recorded.
    """
    rng = rng or np.random.default_rng(0)
    reset = Signal()
    top = Module()
    top.submodules.network = ResetInserter(reset)(network)
    i, o = network.i, network.o
    offers = [
        (int(code), int(steps.first[t, s]), int(steps.last[t, s]))
        for t, s, k in np.ndindex(steps.codes.shape)
        for code in (steps.codes[t, s, k],)
    ]
    answering = steps.last.sum() if network.plan.output is Output.LAST else steps.last.size
    expected = int(answering) * network.plan.outputs
    record = Record()

    async def stream(ctx: SimulatorContext, stop_at: int | None) -> Record:
        done, offered, idle = Record(), False, 0
        waiting: Answer | None = None
        for now in range(most_cycles):
            if now == stop_at:
                return done
            k = len(done.accepted)
            offered = k < len(offers) and (offered or rng.random() >= gap)
            ready = bool(rng.random() >= stall)
            ctx.set(i.valid, offered)
            data, first, last = offers[k] if offered else (int(rng.integers(-4, 4)), int(rng.integers(2)), 1)
            ctx.set(i.payload.data, data)
            ctx.set(i.payload.first, first)
            ctx.set(i.payload.last, last)
            ctx.set(o.ready, ready)
            *_, i_ready, valid, p = await ctx.tick().sample(i.ready, o.valid, o.payload)
            answer = Answer(*(int(getattr(p, name)) for name in Answer._fields)) if valid else None
            assert waiting is None or answer == waiting, "an answer that was not taken changed or went away"
            waiting = answer if not ready else None
            if offered and i_ready:
                done.accepted.append(now)
                offered = False
            if answer is not None and ready:
                done.taken.append(now)
                done.answers.append(answer)
            idle = idle + 1 if k == len(offers) and answer is None else 0
            if idle > 3 * network.cycles_per_last_step + 40:
                assert len(done.answers) == expected, f"{len(done.answers)} answers came, and not {expected}"
                return done
        raise AssertionError(f"{len(done.accepted)} words and {len(done.answers)} answers in {most_cycles} cycles")

    async def testbench(ctx: SimulatorContext) -> None:
        nonlocal record
        if reset_at is not None:
            await stream(ctx, reset_at)
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)
        record = await stream(ctx, None)

    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return record
