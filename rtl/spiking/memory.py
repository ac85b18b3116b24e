"""A spiking memory behind streams: samples in, state words out."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from lmu_hw.rtl.layouts import input_layout
from lmu_hw.rtl.spiking.bank import NeuronBank
from lmu_hw.rtl.spiking.mapping import StateMap
from lmu_hw.rtl.spiking.units import count_bits
from lmu_hw.spiking.digital_plan import DigitalSpikingPlan

#: Cycles from a word's entry into the queue of words that leave to its offer.
_QUEUE = 2


@dataclass(frozen=True)
class SpikingSchedule:
    """When a spiking memory does what, while samples are waiting and its words are taken at once.

    Attributes:
        first_word: cycles from the one in which a sample is accepted to the one in which its first word is offered,
            where no word of the step before holds it up.
        cycles_per_step: from one sample to the next.
    """

    first_word: int
    cycles_per_step: int

    @classmethod
    def of(cls, plan: DigitalSpikingPlan) -> SpikingSchedule:
        """The schedule of a plan."""
        neurons, settling = NeuronBank.latency(plan), StateMap.settling(plan)
        # The words of a step leave while the next one's neurons are at work; its map waits for the last of them.
        leaving = StateMap.last_word(plan) + _QUEUE + 1
        return cls(
            neurons + settling + StateMap.first_word(plan) + _QUEUE,
            max(1 + neurons, leaving) + settling,
        )


class SpikingMemoryCore(wiring.Component):
    """Neurons that take turns, `lanes` of them a cycle, and one multiplier for the maps around them.

    In a step all neurons see y and fire, then their spikes and the sample make the new y, and the states that follow
    from it leave one by one, in order. A sample with `first` brings all back to rest, the generators too; so does the
    first one after reset.

    Args:
        plan: what is realised.

    Attributes:
        i: samples, stream of `input_layout`.
        o: state words, stream of `word_layout`.
        spiking: a group of neurons has been through its step, Out(1); nothing waits for whoever watches.
        spiking_slot: number of the group, in which neuron slot·lanes is the first, Out.
        spikes: how often each neuron of the group fires in this step, the first in the lowest bits, Out.
        schedule: when what happens.
    """

    def __init__(self, plan: DigitalSpikingPlan) -> None:
        self.plan = plan
        self.schedule = SpikingSchedule.of(plan)
        super().__init__(
            {
                "i": In(stream.Signature(input_layout(plan.input_format.width))),
                "o": Out(stream.Signature(word_layout(plan))),
                "spiking": Out(1),
                "spiking_slot": Out(range(plan.slots)),
                "spikes": Out(ArrayLayout(count_bits(plan), plan.lanes)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, d = self.plan, self.plan.ensembles
        m.submodules.bank = bank = NeuronBank(plan)
        m.submodules.map = mapped = StateMap(plan)
        layout = word_layout(plan)
        m.submodules.queue = queue = SyncFIFOBuffered(width=layout.size, depth=max(d, 3))

        # A sample stays until y has its new value.
        busy, started, accept = Signal(), Signal(), Signal()
        sample, fresh, fresh_now = Signal.like(self.i.payload), Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(~busy),
            accept.eq(self.i.valid & self.i.ready),
            fresh_now.eq(self.i.payload.first | ~started),
            bank.start.eq(accept),
            bank.restart.eq(accept & fresh_now),
            bank.fresh.eq(fresh),
            bank.y.eq(mapped.y),
            mapped.y_address.eq(bank.y_address),
            mapped.fresh.eq(fresh),
            mapped.u.eq(sample.data),
            mapped.write.eq(bank.write),
            mapped.ensemble.eq(bank.ensemble),
            mapped.decoded.eq(bank.decoded),
            self.spiking.eq(bank.spiking),
            self.spiking_slot.eq(bank.spiking_slot),
            self.spikes.eq(bank.spikes),
        ]
        with m.If(accept):
            m.d.sync += [busy.eq(1), started.eq(1), sample.eq(self.i.payload), fresh.eq(fresh_now)]
        with m.If(mapped.settled):
            m.d.sync += busy.eq(0)

        # The map of a step begins when the neurons are through and the last step's words are gone.
        pending, left = Signal(), Signal(range(d + 1))
        first, last = Signal(), Signal()
        m.d.comb += mapped.start.eq((bank.done | pending) & (left == 0))
        m.d.sync += pending.eq((bank.done | pending) & ~mapped.start)
        with m.If(mapped.settled):
            m.d.sync += [left.eq(d), first.eq(sample.first), last.eq(sample.last)]
        with m.Elif(self.o.valid & self.o.ready):
            m.d.sync += left.eq(left - 1)

        word = Signal(layout)
        m.d.comb += [
            word.data.eq(mapped.word),
            word.index.eq(mapped.index),
            word.first.eq(first),
            word.last.eq(last),
            queue.w_en.eq(mapped.word_valid),
            queue.w_data.eq(Cat(word)),
            self.o.valid.eq(queue.r_rdy),
            self.o.payload.eq(queue.r_data),
            queue.r_en.eq(self.o.ready),
        ]
        return m


def word_layout(plan: DigitalSpikingPlan) -> StructLayout:
    """One state: its word and number, and the flags of its sample."""
    return StructLayout(
        {"data": signed(plan.output_format.width), "index": ceil_log2(plan.ensembles) or 1, "first": 1, "last": 1}
    )
