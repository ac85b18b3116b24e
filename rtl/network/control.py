"""The sequencer of a network: one program counter for all slices, and what it tells them a few cycles later."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, ShapeLike, Signal, signed
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from lmu_hw.rtl.network.program import Program, RowStage, SlotStage
from lmu_hw.rtl.network.rom import Words, bias_rom, program_rom, run_layout, weight_rom
from lmu_hw.rtl.primitives.bundles import Bundle, Component, Fields, interfaces
from lmu_hw.rtl.primitives.indices import index_signal, successor
from lmu_hw.rtl.primitives.stages import Stage, carried


def slot_layout(program: Program, words: Words) -> Fields:
    """What travels with a slot, from ISSUE to CLOSE."""
    return Fields(
        {
            "valid": 1,
            "vector": range(max(2, len(program.vectors))),
            "previous": 1,  # its words are those of the step before
            "opens": 1,  # the sums start from the biases
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


def row_layout(program: Program) -> Fields:
    """What travels with a row's sum, from ROUND to WRITE."""
    number = range(max(2, len(program.maps)))
    return Fields({"valid": 1, "map": number, "bank": 1, "outputs": 1, "gives": 1})


def _stages_signature(stages: type[Stage], layout: ShapeLike) -> Bundle:
    return Bundle({stage.name.lower(): Out(layout) for stage in stages})


def steps_signature(program: Program, words: Words) -> Bundle:
    """What all slices are told in every cycle.

    `slots` and `rows` hold the slot and the row that is in each stage of `SlotStage` and `RowStage`; `weights` are
    those of the slot in MULTIPLY, and `biases` those of the group of the slot in ACCUMULATE.
    """
    return Bundle(
        {
            "slots": Out(_stages_signature(SlotStage, slot_layout(program, words))),
            "weights": Out(ArrayLayout(signed(words.weight), program.lanes)),
            "biases": Out(ArrayLayout(signed(words.sum), program.lanes)),
            "rows": Out(_stages_signature(RowStage, row_layout(program))),
        }
    )


class Control(Component):
    """Runs the program of a step as soon as a step waits and there is room for its outputs.

    The program is a list of runs, each a number of cycles in which the words of one vector are issued for one group
    of rows, or in which nothing is. Weights are taken from their ROM one row a slot, biases one row a group.

    Attributes:
        waiting: In(1), all words of a step are there.
        gives: In(1), it gives outputs.
        room: In(1), there is room for them.
        start: Out(1), the step starts in the next cycle.
        finish: Out(1), the step at work ends in this one.
        bank, outputs: Out(1), of the step at work: the bank of its words, and of its outputs if it gives some.
        giving: Out(1), the step at work gives outputs.
        steps: Out, `steps_signature`, for the slices.
    """

    def __init__(self, program: Program, words: Words) -> None:
        self._program, self._words = program, words
        self.roms = {
            "program": program_rom(program, words),
            "weights": weight_rom(program, words),
            "biases": bias_rom(program, words),
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
                "steps": Out(steps_signature(program, words)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        slots = carried(m, slot_layout(self._program, self._words), SlotStage, "slot")
        rows = carried(m, row_layout(self._program), RowStage, "row")
        self._run(m, slots[SlotStage.ISSUE])
        self._constants(m, slots)
        self._leave(m, slots[SlotStage.CLOSE], rows[RowStage.ROUND])
        for outside, inside in ((self.steps.slots, slots), (self.steps.rows, rows)):
            m.d.comb += [to.eq(value) for to, value in zip(interfaces(outside), inside.values(), strict=True)]
        return m

    def _run(self, m: Module, issued: Any) -> None:
        """Which run of the program is at work, and which of its cycles; what is issued in it."""
        rom = self.roms["program"]
        count = len(rom.rows)
        m.submodules.program = program = rom.storage()
        program_read = program.read_port()
        layout = run_layout(self._program, self._words)
        run = Signal(layout)
        run_index = index_signal(count, "run_index")
        next_run_index = index_signal(count, "next_run_index")
        cycle = Signal(layout["last_cycle"].shape)
        running = Signal()
        run_ends = Signal()
        m.d.comb += [
            program_read.addr.eq(next_run_index),
            run.eq(program_read.data),
            run_ends.eq(running & (cycle == run.last_cycle)),
            self.finish.eq(run_ends & (run.ends_last | (run.ends_step & ~self.giving))),
            self.start.eq(self.waiting & (~self.gives | self.room) & (self.finish | ~running)),
        ]
        if count > 1:
            m.d.comb += next_run_index.eq(run_index)
            with m.If(self.finish):
                m.d.comb += next_run_index.eq(0)
            with m.Elif(run_ends):
                m.d.comb += next_run_index.eq(run_index + 1 + (run.skips & self.giving))
            m.d.sync += run_index.eq(next_run_index)
        m.d.sync += cycle.eq(Mux(running & ~run_ends, cycle + 1, 0))
        with m.If(self.start):
            m.d.sync += [
                running.eq(1),
                self.bank.eq(~self.bank),
                self.giving.eq(self.gives),
                self.outputs.eq(self.outputs ^ self.gives),
            ]
        with m.Elif(self.finish):
            m.d.sync += running.eq(0)
        m.d.comb += [
            issued.valid.eq(running & run.issues),
            issued.vector.eq(run.vector),
            issued.previous.eq(run.previous),
            issued.opens.eq(run.opens & (cycle == 0)),
            issued.closes.eq(run.closes & (cycle == run.last_cycle)),
            issued.map.eq(run.map),
            issued.last_row.eq(run.last_row),
            issued.alignment_shifts.eq(run.alignment_shifts),
            issued.bank.eq(self.bank),
            issued.outputs.eq(self.outputs),
            issued.gives.eq(self.giving),
        ]

    def _constants(self, m: Module, slots: dict[SlotStage, Any]) -> None:
        """Weights and groups are taken up in their order, from the beginning in every step."""
        issued = slots[SlotStage.ISSUE]
        weight_count, group_count = len(self.roms["weights"].rows), len(self._program.groups)
        weight = index_signal(weight_count, "weight")
        group = index_signal(group_count, "group")
        m.d.comb += issued.group.eq(group)
        with m.If(self.finish):
            m.d.sync += [weight.eq(0), group.eq(0)]
        with m.Elif(issued.valid):
            m.d.sync += weight.eq(successor(weight, weight_count))
            with m.If(issued.closes):
                m.d.sync += group.eq(successor(group, group_count))
        m.submodules.weights = weights = self.roms["weights"].storage()
        m.submodules.biases = biases = self.roms["biases"].storage()
        weights_read = weights.read_port()
        biases_read = biases.read_port()
        m.d.comb += [
            weights_read.addr.eq(weight),
            biases_read.addr.eq(slots[SlotStage.MULTIPLY].group),
            self.steps.biases.eq(biases_read.data),
        ]
        m.d.sync += self.steps.weights.eq(weights_read.data)

    def _leave(self, m: Module, closed: Any, leaving: Any) -> None:
        """The sums of a finished group leave one by one, a row in each cycle."""
        rows_left = index_signal(self._program.lanes, "rows_left")
        with m.If(closed.valid & closed.closes):
            m.d.sync += [
                leaving.valid.eq(1),
                leaving.map.eq(closed.map),
                leaving.bank.eq(closed.bank),
                leaving.outputs.eq(closed.outputs),
                leaving.gives.eq(closed.gives),
                rows_left.eq(closed.last_row),
            ]
        if self._program.lanes == 1:
            with m.Else():
                m.d.sync += leaving.valid.eq(0)
            return
        with m.Elif(rows_left == 0):
            m.d.sync += leaving.valid.eq(0)
        with m.Else():
            m.d.sync += rows_left.eq(rows_left - 1)
