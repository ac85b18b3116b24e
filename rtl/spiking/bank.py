"""The bank of neurons: `lanes` of them in every cycle, and what their spikes decode to."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import memory, wiring
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from lmu_hw.rtl.spiking.delay import delayed
from lmu_hw.rtl.spiking.units import count_bits, unit_for
from lmu_hw.rtl.sums import registered_sum, sum_latency
from lmu_hw.spiking.digital_plan import DigitalSpikingPlan

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
