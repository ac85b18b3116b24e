"""The sequencer of a network: one program counter for all slices, and what it tells them a few cycles later."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.wiring import In, Out

from lmu_hw.rtl.network.program import Program
from lmu_hw.rtl.network.rom import Words, bias_image, run_image, run_layout, weight_image


def slot_layout(program: Program, words: Words) -> StructLayout:
    """What travels with a slot, from its issue to the sums."""
    return StructLayout(
        {
            "valid": 1,
            "vector": range(max(2, len(program.vectors))),
            "previous": 1,
            "opens": 1,
            "closes": 1,
            "map": range(max(2, len(program.maps))),
            "last_row": range(program.lanes),
            "alignment_shifts": ArrayLayout(words.alignment_shift, program.lanes),
            "group": range(len(program.groups)),
            "bank": 1,  # of the step's words, where there are two
            "outputs": 1,  # bank of the step's outputs
            "gives": 1,  # whether it gives some
        }
    )


def row_layout(program: Program) -> StructLayout:
    """What travels with a row's sum, from when it leaves to its word."""
    number = range(max(2, len(program.maps)))
    return StructLayout({"valid": 1, "map": number, "bank": 1, "outputs": 1, "gives": 1})


class Control(wiring.Component):
    """Runs the program of a step as soon as a step waits and there is room for its outputs.

    Attributes:
        waiting: all words of a step are there, In(1); `gives`: it gives outputs, In(1).
        room: there is room for them, In(1).
        start: the step starts in the next cycle, Out(1); `finish`: the one at work ends in this one, Out(1).
        bank, outputs: of the step at work, Out(1) each: that of its words, and of its outputs if it gives some.
        giving: the step at work gives outputs, Out(1).
        slots: what is issued in this cycle, and 1, 2, 3 and 4 cycles later, Out: addressed, read, at the
            multipliers, multiplied, added.
        weights: of the slot at the multipliers, Out; `biases`: of the one that is multiplied, Out.
        rows: whose sum leaves in this cycle, and 1 to 4 cycles later, Out: narrowed, looked up, scaled, rounded.
    """

    def __init__(self, program: Program, words: Words) -> None:
        self._program, self._words = program, words
        self.images = {
            "program": run_image(program, words),
            "weights": weight_image(program, words),
            "biases": bias_image(program, words),
        }
        super().__init__(
            {
                "waiting": In(1),
                "gives": In(1),
                "room": In(1),
                "start": Out(1),
                "finish": Out(1),
                "bank": Out(1, init=1),
                "outputs": Out(1, init=1),
                "giving": Out(1),
                "slots": Out(ArrayLayout(slot_layout(program, words), 5)),
                "weights": Out(words.weight * program.lanes),
                "biases": Out(words.sum * program.lanes),
                "rows": Out(ArrayLayout(row_layout(program), 5)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        program, words, slots = self._program, self._words, self.slots
        runs = self.images["program"]
        m.submodules.program = rom = runs.memory
        m.submodules.weights = weights = self.images["weights"].memory
        m.submodules.biases = biases = self.images["biases"].memory

        # Which run, and which of its cycles.
        at, following = Signal(range(len(runs.rows))), Signal(range(len(runs.rows)))
        run = Signal(run_layout(program, words))
        cycle = Signal(run_layout(program, words)["last_cycle"].shape)
        running, ends = Signal(), Signal()
        fetch = rom.read_port()
        m.d.comb += [
            fetch.addr.eq(following),
            run.eq(fetch.data),
            ends.eq(running & (cycle == run.last_cycle)),
            self.finish.eq(ends & (run.ends_last | (run.ends_step & ~self.giving))),
            self.start.eq(self.waiting & (~self.gives | self.room) & (self.finish | ~running)),
            following.eq(at),
        ]
        with m.If(self.finish):
            m.d.comb += following.eq(0)
        with m.Elif(ends):
            m.d.comb += following.eq(at + 1 + (run.skips & self.giving))
        m.d.sync += [at.eq(following), cycle.eq(Mux(running & ~ends, cycle + 1, 0))]
        with m.If(self.start):
            m.d.sync += [
                running.eq(1),
                self.bank.eq(~self.bank),
                self.giving.eq(self.gives),
                self.outputs.eq(self.outputs ^ self.gives),
            ]
        with m.Elif(self.finish):
            m.d.sync += running.eq(0)

        # Slots: the weights and the groups are taken up in their order.
        weight, group = Signal(range(len(self.images["weights"].rows))), Signal(range(len(program.groups)))
        group_ends = Signal()
        m.d.comb += [
            slots[0].valid.eq(running & run.issues),
            slots[0].vector.eq(run.vector),
            slots[0].previous.eq(run.previous),
            slots[0].opens.eq(run.opens & (cycle == 0)),
            slots[0].closes.eq(run.closes & (cycle == run.last_cycle)),
            slots[0].map.eq(run.map),
            slots[0].last_row.eq(run.last_row),
            slots[0].alignment_shifts.eq(run.alignment_shifts),
            slots[0].group.eq(group),
            slots[0].bank.eq(self.bank),
            slots[0].outputs.eq(self.outputs),
            slots[0].gives.eq(self.giving),
            group_ends.eq(slots[0].valid & slots[0].closes),
        ]
        m.d.sync += [slots[k + 1].eq(slots[k]) for k in range(4)]
        with m.If(self.finish):
            m.d.sync += [weight.eq(0), group.eq(0)]
        with m.Else():
            m.d.sync += [weight.eq(weight + slots[0].valid), group.eq(group + group_ends)]
        read_weights, read_biases = weights.read_port(), biases.read_port()
        m.d.comb += [
            read_weights.addr.eq(weight),
            read_biases.addr.eq(slots[2].group),
            self.biases.eq(read_biases.data),
        ]
        m.d.sync += self.weights.eq(read_weights.data)

        # Rows: the sums of a finished group leave one by one.
        left = Signal(range(program.lanes))
        leaving = self.rows[0]
        with m.If(slots[4].valid & slots[4].closes):
            m.d.sync += [
                leaving.valid.eq(1),
                leaving.map.eq(slots[4].map),
                leaving.bank.eq(slots[4].bank),
                leaving.outputs.eq(slots[4].outputs),
                leaving.gives.eq(slots[4].gives),
                left.eq(slots[4].last_row),
            ]
        with m.Elif(left == 0):
            m.d.sync += leaving.valid.eq(0)
        with m.Else():
            m.d.sync += left.eq(left - 1)
        m.d.sync += [self.rows[k + 1].eq(self.rows[k]) for k in range(4)]
        return m
