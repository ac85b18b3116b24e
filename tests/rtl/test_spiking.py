# amaranth: UnusedElaboratable=no
"""Spiking memories word for word and spike for spike against the integer model, whatever waits, restarts or resets."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.sim import Simulator

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.rtl.spiking.memory import SpikingMemoryCore
from lmu_hw.rtl.spiking.neurons import WordGenerator
from lmu_hw.rtl.spiking.verilog import generate_spiking_verilog
from lmu_hw.spiking.design import SpikingOptions
from lmu_hw.spiking.digital.model import DigitalSpikingMemory
from lmu_hw.spiking.digital.neurons import first_states, words
from lmu_hw.spiking.digital.plan import DigitalSpikingPlan, plan_spiking
from lmu_hw.spiking.neurons import NeuronKind

KINDS = ["poisson-lif", "poisson-relu", "lif"]


def made(kind: str, order: int = 2, neurons: int = 24, dt: float = 1e-3, **planning) -> DigitalSpikingPlan:
    options = SpikingOptions(neurons, kind=NeuronKind(kind), band_hz=3.0)
    return plan_spiking(LMUSpec(order, 0.3, dt), options, **planning)


@dataclass
class Record:
    """What a run did: the cycles of samples and words, the words with index and flags, and who fired."""

    accepted: list[int] = field(default_factory=list)
    offered: list[int] = field(default_factory=list)
    words: list[tuple[int, int, int, int]] = field(default_factory=list)
    spikes: list[tuple[int, int, int]] = field(default_factory=list)  # step, neuron, count


def simulate(plan, codes, firsts=(0,), *, rng=None, gap=0.0, stall=0.0, reset_at=None) -> Record:
    """Stream `codes` with `first` at the given places; with `reset_at` a reset comes first, after so many cycles."""
    rng = rng or np.random.default_rng(0)
    core, reset = SpikingMemoryCore(plan), Signal()
    top = Module()
    top.submodules.core = ResetInserter(reset)(core)
    record = Record()

    async def bench(ctx):
        nonlocal record
        sent, offering, now, waiting, idle = 0, False, 0, None, 0
        while idle < 3 * core.schedule.cycles_per_step:
            if reset_at is not None and now == reset_at:
                record, sent, offering, waiting = Record(), 0, False, None
                ctx.set(reset, 1)
                await ctx.tick()
                ctx.set(reset, 0)
            offering = sent < len(codes) and (offering or rng.random() >= gap)
            ready = bool(rng.random() >= stall)
            ctx.set(core.i.valid, offering)
            ctx.set(core.i.payload.data, int(codes[sent]) if offering else int(rng.integers(-4, 4)))
            ctx.set(core.i.payload.first, int(sent in firsts) if offering else int(rng.integers(2)))
            ctx.set(core.i.payload.last, int(offering and sent == len(codes) - 1))
            ctx.set(core.o.ready, ready)
            *_, taken, valid, payload, spiking, slot, counts = await ctx.tick().sample(
                core.i.ready,
                core.o.valid,
                core.o.payload,
                core.spikes.valid,
                core.spikes.payload.group,
                core.spikes.payload.counts,
            )
            word = (int(payload.data), int(payload.index), int(payload.first), int(payload.last)) if valid else None
            assert waiting is None or word == waiting, "a word that was not taken changed or went away"
            waiting = word if not ready else None
            if word is not None and ready:
                record.offered.append(now)
                record.words.append(word)
            if spiking:
                step = len(record.accepted) - 1
                record.spikes += [(step, slot * plan.lanes + k, int(c)) for k, c in enumerate(counts) if c]
            if offering and taken:
                record.accepted.append(now)
                sent, offering = sent + 1, False
            idle = 0 if word is not None or sent < len(codes) else idle + 1
            now += 1

    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return record


def expected(plan, codes, firsts=(0,)) -> tuple[list[tuple[int, int, int, int]], list[tuple[int, int, int]]]:
    """Words and spikes of the integer model."""
    rows, spikes = [], []
    ends = [*sorted({0, *firsts})[1:], len(codes)]
    for start, end in zip(sorted({0, *firsts}), ends, strict=True):
        memory = DigitalSpikingMemory(plan)
        out = memory.run(codes[start:end], record=True)
        for k, row in enumerate(out.tolist(), start):
            rows += [(word, i, int(k in firsts), int(k == len(codes) - 1)) for i, word in enumerate(row)]
        trains = memory.spikes
        each, counts = np.unique(np.stack([trains.step + start, trains.neuron]), axis=1, return_counts=True)
        spikes += [(int(s), int(n), int(c)) for s, n, c in zip(*each, counts, strict=True)]
    return rows, spikes


@pytest.mark.parametrize(
    ("kind", "order", "neurons", "planning"),
    [
        ("poisson-lif", 1, 8, {"dt": 5e-3}),
        ("poisson-lif", 3, 36, {"lanes": 2, "input_bits": 24, "state_bits": 28}),
        ("poisson-lif", 2, 12, {"spikes": 3, "lanes": 6}),
        ("poisson-relu", 2, 24, {"input_bits": 4}),
        ("poisson-relu", 1, 12, {"dt": 0.02, "lanes": 3}),  # several spikes in a step
        ("lif", 2, 20, {}),
        ("lif", 1, 8, {"dt": 2e-3, "lanes": 8, "neuron_bits": 10}),  # a step has one slot
    ],
)
def test_every_shape_equals_the_integer_model(kind, order, neurons, planning, rng):
    """With random waiting on both sides; a sequence starts anew in the middle."""
    plan = made(kind, order, neurons, **planning)
    codes = rng.integers(plan.input_format.low, plan.input_format.high + 1, 14)
    codes[5:9] = plan.input_format.high
    words_expected, spikes_expected = expected(plan, codes, (0, 11))
    assert len(spikes_expected) > 3
    record = simulate(plan, codes, (0, 11), rng=rng, gap=0.35, stall=0.35)
    assert record.words == words_expected
    assert record.spikes == spikes_expected


def test_several_spikes_in_a_step(rng):
    plan = made("poisson-relu", 1, 12, dt=0.02, lanes=3)
    assert plan.unit.spikes > 4
    codes = np.full(12, plan.input_format.high)
    assert max(count for _, _, count in expected(plan, codes)[1]) > 2


@pytest.mark.parametrize("kind", KINDS)
def test_lopsided_waiting_changes_nothing(kind, rng):
    plan = made(kind, neurons=8)
    codes = rng.integers(plan.input_format.low, plan.input_format.high + 1, 8)
    for gap, stall in ((0.9, 0.0), (0.0, 0.95)):
        record = simulate(plan, codes, rng=rng, gap=gap, stall=stall)
        assert (record.words, record.spikes) == expected(plan, codes)


@pytest.mark.parametrize("kind", KINDS)
def test_a_reset_in_mid_stream_forgets_everything(kind, rng):
    """Wherever it falls; the first sample after it starts a sequence without a flag."""
    plan = made(kind, neurons=8)
    codes = rng.integers(plan.input_format.low, plan.input_format.high + 1, 6)
    span = 4 * SpikingMemoryCore(plan).schedule.cycles_per_step
    for at in rng.choice(span, 4, replace=False).tolist():
        record = simulate(plan, codes, (), rng=rng, gap=0.2, stall=0.2, reset_at=at)
        assert (record.words, record.spikes) == expected(plan, codes, ()), f"reset in cycle {at}"


@pytest.mark.parametrize(
    ("kind", "order", "neurons", "lanes"),
    [("poisson-lif", 2, 24, 1), ("poisson-relu", 1, 2, 2), ("lif", 3, 18, 3), ("poisson-lif", 4, 8, 2)],
)
def test_latency_and_pace_are_as_stated(kind, order, neurons, lanes):
    """Also where the words of a step take longer than the neurons of the next."""
    plan = made(kind, order, neurons, lanes=lanes)
    schedule = SpikingMemoryCore(plan).schedule
    codes = np.full(6, plan.input_format.high)
    record = simulate(plan, codes)
    assert (record.words, record.spikes) == expected(plan, codes)
    assert set(np.diff(record.accepted).tolist()[2:]) == {schedule.cycles_per_step}
    assert record.offered[0] - record.accepted[0] == schedule.first_word
    if schedule.cycles_per_step > order**2 + order * (order + 2) + 11:  # no word of a step holds up the next one
        assert record.offered[order] - record.accepted[1] == schedule.first_word


def test_a_generator_gives_the_words_of_its_stream():
    states = first_states(11, 3)
    generator, got = WordGenerator(states), []

    async def bench(ctx):
        for _ in range(2):
            ctx.set(generator.advance, 1)
            for _ in range(40):
                got.append(ctx.get(generator.word))
                await ctx.tick()
            ctx.set(generator.advance, 0)
            await ctx.tick()
            got.append(ctx.get(generator.word))
            ctx.set(generator.restart, 1)
            await ctx.tick()
            ctx.set(generator.restart, 0)

    simulator = Simulator(generator)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert got == words(states, 0, 41).tolist() * 2


def test_the_verilog_says_what_it_is(tmp_path):
    plan = made("poisson-lif", 3, 36, lanes=2, spikes=3)
    design = generate_spiking_verilog(plan, name="spikes", command="made  by\nhand")
    again = generate_spiking_verilog(
        made("poisson-lif", 3, 36, lanes=2, spikes=3), name="spikes", command="made by hand"
    )
    assert design.text == again.text
    assert design.text.startswith("// spikes: Legendre memory of 36 poisson-lif neurons, 2 lane(s).\n")
    assert "// Made by: made by hand\n" in design.text
    manifest, core = design.manifest, SpikingMemoryCore(plan)
    assert manifest["latency_cycles"] == core.schedule.first_word
    assert manifest["cycles_per_sample"] == core.schedule.cycles_per_step
    assert manifest["multiplications_per_sample"] == 36 * 2 + 3 * 5 + 9
    assert manifest["generators"] == 4  # two for each lane
    widths = {port["name"]: port["width"] for port in manifest["ports"]}
    assert widths["spike_counts"] == 4
    assert (widths["in_data"], widths["out_data"], widths["out_index"]) == (16, 20, 2)
    written = design.write(tmp_path)
    assert sorted(path.name for path in written.values()) == [
        "manifest.json",
        "spikes.core",
        "spikes.v",
        "spikes_neurons_unit_0_table_.hex",
    ]


def test_seeds_give_other_verilog():
    plan = made("poisson-relu")
    other = plan_spiking(plan.spec, plan.design.options, design=plan.design, lanes=2)
    assert generate_spiking_verilog(plan).text != generate_spiking_verilog(other).text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("module", "`module` is a Verilog keyword"),
        ("2x", "name must be"),
        ("lmu_hw_x", "begins with lmu_hw_, as inner modules do"),
        ("", "name must be"),
    ],
)
def test_names_that_are_refused(name, said):
    with pytest.raises(DesignError, match=said):
        generate_spiking_verilog(made("lif"), name=name)
