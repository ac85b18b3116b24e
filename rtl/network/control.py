"""The control of a network: one program counter for all slices, and the control signals of every pipeline stage."""

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
    """The layout of what is carried beside a slot, from ISSUE to CLOSE of `SlotStage`."""
    return Fields(
        {
            "valid": 1,
            "vector": range(max(2, len(program.vectors))),
            "previous": 1,  # the word read is that of the step before
            "opens": 1,  # the first slot of a group: the sums start from the biases
            "closes": 1,  # the last slot of a group
            "map": range(max(2, len(program.maps))),
            "last_row": range(program.lanes),  # the number of rows of the group, less one
            "alignment_shifts": ArrayLayout(words.alignment_shift, program.lanes),
            "group": range(len(program.groups)),
            "bank": 1,  # the bank that the step's words go to, in vectors with two
            "outputs": 1,  # the bank of the step's outputs
            "gives": 1,  # the step gives outputs
        }
    )


def row_layout(program: Program) -> Fields:
    """The layout of what is carried beside the sum of a row, from ROUND to WRITE of `RowStage`."""
    number = range(max(2, len(program.maps)))
    return Fields({"valid": 1, "map": number, "bank": 1, "outputs": 1, "gives": 1})


def _stages_signature(stages: type[Stage], layout: ShapeLike) -> Bundle:
    """A bundle with a signal of the given layout for each stage, named after it in lower case."""
    return Bundle({stage.name.lower(): Out(layout) for stage in stages})


def steps_signature(program: Program, words: Words) -> Bundle:
    """The control signals that all slices share.

    `slots` and `rows` hold what is carried beside the slot or row in each stage of `SlotStage` and `RowStage`.
    `weights` has a weight for each lane, of the slot in MULTIPLY, and `biases` a bias for each lane, of the group of
    the slot in ACCUMULATE.
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
    """Sequencer of a network: runs the program of a step when its inputs are there and its outputs have room.

    The program is a list of runs. In the cycles of a run the words of one vector are issued for one group of rows, or
    nothing is issued. A row of weights is read from its ROM for each slot, and a row of biases for each group.

    Args:
        program: The program of the network.
        words: The widths of the network.

    Attributes:
        roms: The contents of the program's, weights' and biases' ROMs, by "program", "weights" and "biases".
        waiting: In(1), high while all input words of the next step are there.
        gives: In(1), high if that step gives outputs.
        room: In(1), high while a bank of outputs is free.
        start: Out(1), high in the cycle before the first one of a step.
        finish: Out(1), high in the last cycle of a step.
        bank: Out(1), the bank that the words of the step at work go to.
        outputs: Out(1), the bank of the outputs of the step at work, if it gives some.
        giving: Out(1), high if the step at work gives outputs.
        steps: Out, of `steps_signature`, the control signals of the slices.
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
        """Count the runs of the program and the cycles of a run, and issue slots."""
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
            # A step with outputs goes on where one without them ends. The next step can follow without a gap.
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
        """Read weights and biases in the order of slots and groups, from the beginning in every step."""
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
        # The wide weight ROM has an output register for speed: addressed in ISSUE, its data are there in MULTIPLY. The
        # bias ROM has none: addressed in MULTIPLY, its data are there in ACCUMULATE.
        m.d.sync += self.steps.weights.eq(weights_read.data)

    def _leave(self, m: Module, closed: Any, leaving: Any) -> None:
        """Let the sums of a finished group enter the stages of `RowStage` one by one, a row in each cycle."""
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
