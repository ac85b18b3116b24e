"""A spiking memory behind streams: samples in, state words out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import stream
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out, connect

from lmu_hw.rtl.primitives.arithmetic import delayed, registered_sum, sum_latency
from lmu_hw.rtl.primitives.bundles import Component, Fields
from lmu_hw.rtl.primitives.indices import index_signal, is_first, is_last, successor
from lmu_hw.rtl.primitives.layouts import index_width, sample_layout
from lmu_hw.rtl.primitives.stages import Stage
from lmu_hw.rtl.primitives.storage import storage
from lmu_hw.rtl.spiking.mapping import StateMap, sum_signature, y_signature
from lmu_hw.rtl.spiking.neurons import count_bits, unit_for
from lmu_hw.spiking.digital.plan import DigitalSpikingPlan


class CurrentStage(Stage):
    """The stages from a slot of neurons to their currents; those of their unit follow, then those of the decoding."""

    ISSUE = "the slot's constants and the y of its ensemble are addressed"
    MULTIPLY = "gains and y are there and are multiplied"
    BIAS = "the products are there, and the biases are added"
    CURRENT = "the currents are there, at the neurons"


_TO_CURRENT = CurrentStage.CURRENT - CurrentStage.ISSUE


class DecodeStage(Stage):
    """The stages from the spikes of a slot to the sum of its ensemble.

    Between ADD and SUM the weighted spikes of several lanes are added in a tree: `sum_latency(lanes)` more cycles.
    """

    WEIGH = "the spikes are there, and decoders and spikes are multiplied"
    ADD = "weighted spikes are there, and are added over the lanes and to the sum of the slots before"
    SUM = "after the last slot of an ensemble its sum is there"


def spikes_layout(plan: DigitalSpikingPlan) -> StructLayout:
    """Spikes of a group of neurons, of which number `group`·lanes is the first: `counts`, how often each fires."""
    counts = ArrayLayout(count_bits(plan), plan.lanes)
    return StructLayout({"group": index_width(plan.slots), "counts": counts})


class NeuronBank(Component):
    """All neurons once, ensemble by ensemble: gains, biases and decoders come from block RAM, a slot a cycle.

    A slot holds a neuron for each lane, all of one ensemble. Their currents are gain·y + bias; the units of the lanes
    make spikes of them, whose sum, weighted by the decoders, is added up over the slots of the ensemble.

    Attributes:
        start: In(1), begin in the next cycle; only while not busy.
        clear: In(1), neurons begin at rest and y counts as zero; held from `start` to `done`.
        restart: In(1), the generators begin again; with `start`.
        y: Out, `y_signature`, of the ensemble that is issued.
        sums: Out, `sum_signature`.
        done: Out(1), for one cycle, when everything has come to its end.
        spikes: Out, stream of `spikes_layout` that is always ready, for whoever watches.
    """

    def __init__(self, plan: DigitalSpikingPlan) -> None:
        self._plan = plan
        super().__init__(
            {
                "start": In(1),
                "clear": In(1),
                "restart": In(1),
                "y": Out(y_signature(plan)),
                "sums": Out(sum_signature(plan)),
                "done": Out(1),
                "spikes": Out(stream.Signature(spikes_layout(plan), always_ready=True)),
            }
        )

    @staticmethod
    def latency(plan: DigitalSpikingPlan) -> int:
        """Cycles from `start` to `done`."""
        unit = unit_for(plan)
        decoded = unit.latency(plan) + DecodeStage.SUM - DecodeStage.WEIGH + sum_latency(plan.lanes)
        return 1 + (plan.slots - 1) + _TO_CURRENT + max(decoded, unit.drain(plan))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        lanes, slots, unit = plan.lanes, plan.slots, unit_for(plan)
        neuron_layout = Fields(
            {"gain": signed(plan.gain_bits), "bias": signed(plan.bias_bits), "decoder": signed(plan.decoder_bits)}
        )
        arrays = {"gain": plan.gain, "bias": plan.bias, "decoder": plan.decoders}
        columns = {name: array.reshape(slots, lanes).tolist() for name, array in arrays.items()}
        rows = [[{name: columns[name][k][lane] for name in columns} for lane in range(lanes)] for k in range(slots)]
        m.submodules.constants = rom = storage(ArrayLayout(neuron_layout, lanes), slots, rows)
        constants = rom.read_port()

        slot_number = index_signal(slots, "slot_number")
        slot = Signal(
            Fields({"valid": 1, "starts": 1, "ends": 1, "last": 1, "ensemble": range(plan.ensembles)})
        )  # of an ensemble the first or last one, and the last one of all
        self._issue(m, slot_number, slot)
        m.d.comb += [constants.addr.eq(slot_number), self.y.address.eq(slot.ensemble)]

        # MULTIPLY, BIAS, CURRENT, and the neurons
        shift = plan.current_shift
        y = Signal(signed(plan.state_format.width))
        m.d.comb += y.eq(Mux(self.clear, 0, self.y.value))
        valid = delayed(m, slot.valid, _TO_CURRENT, "valid")
        next_slot = delayed(m, slot_number, _TO_CURRENT - 1, "next_slot")
        weighted = []
        for lane in range(lanes):
            neuron = constants.data[lane]
            product = Signal(signed(plan.gain_bits + plan.state_format.width), name=f"gain_times_y_{lane}")
            current = Signal(signed(plan.current_format.width), name=f"current_{lane}")
            m.d.sync += product.eq(neuron.gain * y)
            bias = delayed(m, neuron.bias, 1, f"bias_{lane}")
            m.d.sync += current.eq((product + (bias << shift) + (1 << (shift - 1))) >> shift)
            m.submodules[f"unit_{lane}"] = neurons = unit(plan, lane)
            m.d.comb += [
                neurons.valid.eq(valid),
                neurons.next_slot.eq(next_slot),
                neurons.clear.eq(self.clear),
                neurons.restart.eq(self.restart),
                neurons.current.eq(current),
                self.spikes.payload.counts[lane].eq(neurons.count),
            ]
            to_spikes = CurrentStage.CURRENT - CurrentStage.MULTIPLY + unit.latency(plan)
            decoder = delayed(m, neuron.decoder, to_spikes, f"decoder_{lane}")
            weighed = Signal(signed(plan.decoder_bits + count_bits(plan)), name=f"weighted_{lane}")
            m.d.sync += weighed.eq(Mux(neurons.count, decoder, 0) if plan.unit.spikes == 1 else decoder * neurons.count)
            weighted.append(weighed)

        # WEIGH, ADD, SUM
        known = _TO_CURRENT + unit.latency(plan)  # cycles from ISSUE to WEIGH
        weigh = delayed(m, slot, known, "slot")
        m.d.comb += [
            self.spikes.valid.eq(weigh.valid),
            self.spikes.payload.group.eq(delayed(m, slot_number, known, "group")),
        ]
        add = delayed(m, weigh, DecodeStage.ADD - DecodeStage.WEIGH + sum_latency(lanes), "sum_slot")
        over_lanes = registered_sum(m, weighted, "weighted_sum")
        total = Signal(signed(plan.decoded_width))
        partial_sum = Signal(signed(plan.decoded_width))
        m.d.comb += total.eq(Mux(add.starts, 0, partial_sum) + over_lanes)
        with m.If(add.valid):
            m.d.sync += partial_sum.eq(total)
        m.d.sync += [
            self.sums.valid.eq(add.ends),
            self.sums.ensemble.eq(add.ensemble),
            self.sums.value.eq(total),
        ]
        m.d.comb += self.done.eq(delayed(m, slot.last, self.latency(plan) - slots, "done"))
        return m

    def _issue(self, m: Module, slot_number: Any, slot: Any) -> None:
        """Count the slots, and the ensembles that they belong to."""
        plan = self._plan
        slots, each = plan.slots, plan.size // plan.lanes  # of all ensembles, and of each
        running = Signal()
        place = index_signal(each, "place")
        ensemble = index_signal(plan.ensembles, "ensemble")
        m.d.comb += [
            slot.valid.eq(running),
            slot.starts.eq(running & is_first(place, each)),
            slot.ends.eq(running & is_last(place, each)),
            slot.last.eq(running & is_last(slot_number, slots)),
            slot.ensemble.eq(ensemble),
        ]
        with m.If(self.start):
            m.d.sync += [running.eq(1), slot_number.eq(0), place.eq(0), ensemble.eq(0)]
        with m.Elif(running):
            m.d.sync += [
                slot_number.eq(successor(slot_number, slots)),
                running.eq(~slot.last),
                place.eq(successor(place, each)),
            ]
            with m.If(slot.ends):
                m.d.sync += ensemble.eq(successor(ensemble, plan.ensembles))


_QUEUE = 2
"""Cycles from a word's entry into the queue of words that leave to its offer."""


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


class SpikingMemoryCore(Component):
    """Neurons that take turns, `lanes` of them a cycle, and one multiplier for the maps around them.

    In a step all neurons see y and fire, then their spikes and the sample make the new y, and the states that follow
    from it leave one by one, in order, while the next step's neurons are at work. A sample with `first` brings all
    back to rest, the generators too; so does the first one after reset.

    Args:
        plan: what is realised.

    Attributes:
        i: In, samples, stream of `sample_layout`.
        o: Out, state words, stream of `word_layout`.
        spikes: Out, stream of `spikes_layout` that is always ready: a group of neurons has been through its step, and
            nothing waits for whoever watches.
        schedule: when what happens.
    """

    def __init__(self, plan: DigitalSpikingPlan) -> None:
        self.plan = plan
        self.schedule = SpikingSchedule.of(plan)
        super().__init__(
            {
                "i": In(stream.Signature(sample_layout(plan.input_format.width))),
                "o": Out(stream.Signature(word_layout(plan))),
                "spikes": Out(stream.Signature(spikes_layout(plan), always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, d = self.plan, self.plan.ensembles
        m.submodules.neurons = neurons = NeuronBank(plan)
        m.submodules.map = state_map = StateMap(plan)
        layout = word_layout(plan)
        m.submodules.queue = queue = SyncFIFOBuffered(width=layout.size, depth=max(d, 3))

        # A sample stays until y has its new value.
        busy = Signal()
        started = Signal()  # there has been a sample since reset
        accept = Signal()
        sample = Signal(sample_layout(plan.input_format.width))
        clear = Signal()
        clear_now = Signal()
        m.d.comb += [
            self.i.ready.eq(~busy),
            accept.eq(self.i.valid & self.i.ready),
            clear_now.eq(self.i.payload.first | ~started),
            neurons.start.eq(accept),
            neurons.restart.eq(accept & clear_now),
            neurons.clear.eq(clear),
            state_map.clear.eq(clear),
            state_map.u.eq(sample.data),
            self.spikes.valid.eq(neurons.spikes.valid),
            self.spikes.payload.eq(neurons.spikes.payload),
        ]
        connect(m, neurons.y, state_map.y)
        connect(m, neurons.sums, state_map.sums)
        with m.If(accept):
            m.d.sync += [busy.eq(1), started.eq(1), sample.eq(self.i.payload), clear.eq(clear_now)]
        with m.If(state_map.settled):
            m.d.sync += busy.eq(0)

        # The map of a step begins when the neurons are through and the last step's words are gone.
        pending = Signal()
        words_left = Signal(range(d + 1))
        word_first = Signal()
        word_last = Signal()
        m.d.comb += state_map.start.eq((neurons.done | pending) & (words_left == 0))
        m.d.sync += pending.eq((neurons.done | pending) & ~state_map.start)
        with m.If(state_map.settled):
            m.d.sync += [words_left.eq(d), word_first.eq(sample.first), word_last.eq(sample.last)]
        with m.Elif(self.o.valid & self.o.ready):
            m.d.sync += words_left.eq(words_left - 1)

        word = Signal(layout)
        m.d.comb += [
            word.data.eq(state_map.states.payload.data),
            word.index.eq(state_map.states.payload.index),
            word.first.eq(word_first),
            word.last.eq(word_last),
            queue.w_en.eq(state_map.states.valid),
            queue.w_data.eq(word.as_value()),
            self.o.valid.eq(queue.r_rdy),
            self.o.payload.eq(queue.r_data),
            queue.r_en.eq(self.o.ready),
        ]
        return m


def word_layout(plan: DigitalSpikingPlan) -> StructLayout:
    """One state: its word and number, and the marks of its sample."""
    return StructLayout(
        {"data": signed(plan.output_format.width), "index": index_width(plan.ensembles), "first": 1, "last": 1}
    )
