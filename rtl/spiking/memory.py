"""A spiking memory behind valid/ready streams: the neurons of all ensembles in turn, and the memory around them."""

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
    """The stages from the issue of a slot of neurons to their currents.

    The stages of the neurons' unit follow, from its current to its spikes, and then those of `DecodeStage`.
    """

    ISSUE = "the parameters of the slot's neurons and the y of their ensemble are addressed"
    MULTIPLY = "gains and y are there and are multiplied"
    BIAS = "the products are there, and the biases are added"
    CURRENT = "the currents are there, at the inputs of the units"


_TO_CURRENT = CurrentStage.CURRENT - CurrentStage.ISSUE
"""Cycles from the issue of a slot to the currents of its neurons: ISSUE, MULTIPLY and BIAS come before CURRENT."""


class DecodeStage(Stage):
    """The stages from the spikes of a slot to the decoded sum of its ensemble.

    Between ADD and SUM an adder tree sums the weighted spikes of several lanes, which takes `sum_latency(lanes)`
    further cycles.
    """

    WEIGH = "the spikes are there and are multiplied by the decoders"
    ADD = "the weighted spikes are there and are added over the lanes and to the sum of the slots before"
    SUM = "after the last slot of an ensemble its decoded sum is there"


def spikes_layout(plan: DigitalSpikingPlan) -> StructLayout:
    """The layout of the spikes of a group of neurons in a step.

    `counts` holds for each lane how often its neuron fires, lane 0 in the lowest bits. The first neuron of the group is
    number `group`·lanes, counted through all ensembles.
    """
    counts = ArrayLayout(count_bits(plan), plan.lanes)
    return StructLayout({"group": index_width(plan.slots), "counts": counts})


class NeuronBank(Component):
    """The neurons of a spiking memory: computes currents, spikes and decoded sums, one slot of neurons a cycle.

    A slot has a neuron for each lane, all of the same ensemble, and the slots follow ensemble by ensemble. Gains,
    biases and decoders are read from block RAM. The current of a neuron is gain·y + bias. The unit of its lane turns
    the current into spikes, and the spikes, weighted by the decoders, are added up over the slots of the ensemble.

    An ensemble of two slots on one lane, with a unit of 2 cycles:

    ```wavedrom
    {"signal": [
      {"name": "clk",           "wave": "p.........."},
      {"name": "start",         "wave": "10.........", "data": []},
      {"name": "ISSUE",         "wave": "x34xxxxxxxx", "data": ["slot 0", "1"]},
      {"name": "MULTIPLY",      "wave": "xx34xxxxxxx", "data": ["slot 0", "1"]},
      {"name": "BIAS",          "wave": "xxx34xxxxxx", "data": ["slot 0", "1"]},
      {"name": "CURRENT",       "wave": "xxxx34xxxxx", "data": ["slot 0", "1"]},
      {"name": "WEIGH, spikes", "wave": "xxxxxx34xxx", "data": ["slot 0", "1"]},
      {"name": "ADD",           "wave": "xxxxxxx34xx", "data": ["slot 0", "1"]},
      {"name": "SUM, sums",     "wave": "xxxxxxxxx4x", "data": ["S"]},
      {"name": "done",          "wave": "0........10", "data": []}]}
    ```

    Args:
        plan: The plan of the spiking memory.

    Attributes:
        start: In(1), high in the cycle before the first slot is issued; only from `done` of the step before on.
        clear: In(1), high if the neurons begin at rest and y counts as zero; constant from the cycle after `start` to
            `done`.
        restart: In(1), high together with `start` where the random generators begin their streams again.
        y: Out, of `y_signature`, the read port for the y of the ensemble whose slot is in ISSUE.
        sums: Out, of `sum_signature`, the decoded sum of each ensemble.
        done: Out(1), high for one cycle, in which the last sum is there and all neurons have been written back.
        spikes: Out, stream of `spikes_layout` that is always ready, for observers; valid in WEIGH of each slot.
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
        """Cycles from `start` to `done`: one for each slot, then the stages of the last one.

        These end with the decoded sum, or with the write-back of a neuron if that takes longer.
        """
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
        )  # `starts` and `ends` mark the first and the last slot of an ensemble, `last` the last slot of all
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
            # Rounded to nearest: half of the last place is added before the bits below it are dropped.
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
            # The decoder is read together with gain and bias, and is delayed until the spikes that it weighs are there.
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
        """Count the slots, and the ensembles that they belong to.

        Args:
            m: The module that the counters are added to.
            slot_number: The number of the slot in ISSUE, which is counted here.
            slot: The marks and the ensemble of that slot, which are driven here.
        """
        plan = self._plan
        slots, each = plan.slots, plan.size // plan.lanes  # the slots of all ensembles, and of each
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
"""Cycles from the write of a word to the output queue to its offer.

One is spent in the memory of the queue, and one in its output register.
"""


@dataclass(frozen=True)
class SpikingSchedule:
    """The timing of a spiking memory, while samples are waiting and words are taken at once.

    Attributes:
        first_word: Cycles from the acceptance of a sample to the offer of its first state word, if no word of the step
            before holds it up.
        cycles_per_step: Cycles from the acceptance of a sample to that of the next one.
    """

    first_word: int
    cycles_per_step: int

    @classmethod
    def of(cls, plan: DigitalSpikingPlan) -> SpikingSchedule:
        """The timing of the hardware of a plan."""
        neurons, settling = NeuronBank.latency(plan), StateMap.settling(plan)
        # The words of a step leave while the next one's neurons are at work; its map waits for the last of them.
        leaving = StateMap.last_word(plan) + _QUEUE + 1
        return cls(
            neurons + settling + StateMap.first_word(plan) + _QUEUE,
            max(1 + neurons, leaving) + settling,
        )


class WordQueue(SyncFIFOBuffered):
    """Queue of state words that wait for the consumer."""


class SpikingMemoryCore(Component):
    """Spiking memory: neurons that take turns, one per lane and cycle, and one multiplier for the maps between them.

    Each sample is a step. First all neurons get their currents from y and fire. Then the new y is computed from their
    spikes and the sample. From it follow the states, which leave one by one, in order, while the neurons of the next
    step are at work. A sample with `first`, and the first one after reset, finds neurons at rest, y cleared and the
    random generators at the beginning of their streams.

    Args:
        plan: The plan of the spiking memory.

    Attributes:
        i: In, samples, stream of `sample_layout`.
        o: Out, state words, stream of `word_layout`.
        spikes: Out, stream of `spikes_layout` that is always ready, for observers: valid for one cycle for each group
            of neurons in a step.
        plan: The plan of the spiking memory.
        schedule: The latency and the cycles per step.
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
        m.submodules.queue = queue = WordQueue(width=layout.size, depth=max(d, 3))

        # The sample is held until the new y has been computed from it.
        busy = Signal()
        started = Signal()  # high once a sample has been taken since reset
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

        # The map of a step starts when all neurons are done and the words of the last step have left. So the queue,
        # which holds the words of one step, never overflows, and their marks are those of one sample.
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
    """The layout of a state word: `data`, signed, the number `index` of its state, and the marks of its sample."""
    return StructLayout(
        {"data": signed(plan.output_format.width), "index": index_width(plan.ensembles), "first": 1, "last": 1}
    )
