"""A spiking memory behind streams: samples in, state words out."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import memory, stream, wiring
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from lmu_hw.rtl.primitives.arithmetic import delayed, registered_sum, sum_latency
from lmu_hw.rtl.primitives.layouts import input_layout
from lmu_hw.rtl.spiking.mapping import StateMap
from lmu_hw.rtl.spiking.neurons import count_bits, unit_for
from lmu_hw.spiking.digital.plan import DigitalSpikingPlan

#: Cycles from the issue of a slot to its currents: memories are read, gains multiplied, biases added.
_TO_CURRENT = 3


class NeuronBank(wiring.Component):
    """All neurons once, ensemble by ensemble: gains, biases and decoders come from block RAM, a slot a cycle.

    Attributes:
        start: begin in the next cycle, In(1); only while not busy.
        fresh: neurons begin at rest and y counts as zero, In(1); held from `start` to `done`.
        restart: the generators begin again, In(1); with `start`.
        y_address, y: the ensemble whose y is read, Out, and the y of the ensemble of the cycle before, In.
        write: a sum is there, Out(1); with its ensemble and itself.
        ensemble, decoded: S of that ensemble, Out.
        done: for one cycle, when everything has come to its end, Out(1).
        spiking, spiking_slot, spikes: the counts of a slot of neurons are there, Out, for whoever watches.
    """

    def __init__(self, plan: DigitalSpikingPlan) -> None:
        self._plan = plan
        super().__init__(
            {
                "start": In(1),
                "fresh": In(1),
                "restart": In(1),
                "y_address": Out(ceil_log2(plan.ensembles)),
                "y": In(signed(plan.state_format.width)),
                "write": Out(1),
                "ensemble": Out(ceil_log2(plan.ensembles)),
                "decoded": Out(signed(plan.decoded_width)),
                "done": Out(1),
                "spiking": Out(1),
                "spiking_slot": Out(range(plan.slots)),
                "spikes": Out(ArrayLayout(count_bits(plan), plan.lanes)),
            }
        )

    @staticmethod
    def latency(plan: DigitalSpikingPlan) -> int:
        """Cycles from `start` to `done`."""
        unit = unit_for(plan)
        decoded = unit.latency(plan) + 1 + sum_latency(plan.lanes) + 1
        return 1 + (plan.slots - 1) + _TO_CURRENT + max(decoded, unit.drain(plan))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        lanes, slots, each = plan.lanes, plan.slots, plan.size // plan.lanes
        row = StructLayout(
            {"gain": signed(plan.gain_bits), "bias": signed(plan.bias_bits), "decoder": signed(plan.decoder_bits)}
        )
        arrays = {"gain": plan.gain, "bias": plan.bias, "decoder": plan.decoders}
        columns = {name: array.reshape(slots, lanes).tolist() for name, array in arrays.items()}
        m.submodules.constants = rom = memory.Memory(
            shape=ArrayLayout(row, lanes),
            depth=slots,
            init=[[{name: columns[name][k][lane] for name in columns} for lane in range(lanes)] for k in range(slots)],
        )
        constants = rom.read_port()

        # Slots, and which of its ensemble each is.
        running, slot, place = Signal(), Signal(range(slots)), Signal(range(each))
        ensemble = Signal(range(plan.ensembles))
        starts, ends, last = Signal(), Signal(), Signal()
        m.d.comb += [
            starts.eq(running & (place == 0)),
            ends.eq(running & (place == each - 1)),
            last.eq(running & (slot == slots - 1)),
            constants.addr.eq(slot),
            self.y_address.eq(ensemble),
        ]
        with m.If(self.start):
            m.d.sync += [running.eq(1), slot.eq(0), place.eq(0), ensemble.eq(0)]
        with m.Elif(running):
            m.d.sync += [slot.eq(Mux(last, 0, slot + 1)), running.eq(~last)]
            m.d.sync += place.eq(Mux(ends, 0, place + 1))
            with m.If(ends):
                m.d.sync += ensemble.eq(Mux(last, 0, ensemble + 1))

        unit = unit_for(plan)
        shift = plan.current_shift
        y = Signal(signed(plan.state_format.width))
        m.d.comb += y.eq(Mux(self.fresh, 0, self.y))
        valid = delayed(m, running, _TO_CURRENT, "valid")
        next_slot = delayed(m, slot, _TO_CURRENT - 1, "next_slot")
        parts = []
        for lane in range(lanes):
            neuron = constants.data[lane]
            product = Signal(signed(plan.gain_bits + plan.state_format.width), name=f"product_{lane}")
            current = Signal(signed(plan.current_format.width), name=f"current_{lane}")
            m.d.sync += product.eq(neuron.gain * y)
            bias = delayed(m, neuron.bias, 1, f"bias_{lane}")
            m.d.sync += current.eq((product + (bias << shift) + (1 << (shift - 1))) >> shift)
            m.submodules[f"unit_{lane}"] = one = unit(plan, lane)
            m.d.comb += [
                one.valid.eq(valid),
                one.next_slot.eq(next_slot),
                one.fresh.eq(self.fresh),
                one.restart.eq(self.restart),
                one.current.eq(current),
                self.spikes[lane].eq(one.count),
            ]
            decoder = delayed(m, neuron.decoder, 2 + unit.latency(plan), f"decoder_{lane}")
            part = Signal(signed(plan.decoder_bits + count_bits(plan)), name=f"part_{lane}")
            m.d.sync += part.eq(Mux(one.count, decoder, 0) if plan.unit.spikes == 1 else decoder * one.count)
            parts.append(part)
        summed = registered_sum(m, parts)

        known = _TO_CURRENT + unit.latency(plan)
        tags = delayed(m, Cat(running, starts, ends, ensemble), known, "tag")
        m.d.comb += self.spiking.eq(tags[0])
        m.d.comb += self.spiking_slot.eq(delayed(m, slot, known, "spiking_slot"))
        tags = delayed(m, tags, 1 + sum_latency(lanes), "sum_tag")
        total, so_far = Signal(signed(plan.decoded_width)), Signal(signed(plan.decoded_width))
        m.d.comb += total.eq(Mux(tags[1], 0, so_far) + summed)
        with m.If(tags[0]):
            m.d.sync += so_far.eq(total)
        m.d.sync += [self.write.eq(tags[2]), self.ensemble.eq(tags[3:]), self.decoded.eq(total)]
        m.d.comb += self.done.eq(delayed(m, last, self.latency(plan) - slots, "done"))
        return m


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
