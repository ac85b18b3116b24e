"""The inside of a memory: a pipeline that moves on by one slot a cycle, and the multipliers and ROM that it uses."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from amaranth.hdl import Module, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.rtl.primitives.bundles import Bundle, Component
from lmu_hw.rtl.primitives.layouts import beat_layout, sample_layout
from lmu_hw.rtl.primitives.schedule import Schedule, Sequencer
from lmu_hw.rtl.primitives.storage import RomContents


def operand_shifts(plan: MemoryPlan) -> tuple[int, int]:
    """The alignment shifts that bring a state word and a sample to the fractional bits of the operands."""
    operand = plan.operand_format.fraction
    return operand - plan.state_format.fraction, operand - plan.input_format.fraction


class Pipeline(Component):
    """The inside of a memory, which moves on by one slot in every cycle in which it is enabled.

    Attributes:
        samples: In, stream of `sample_layout`.
        beats: Out, stream of `beat_layout` that is always ready: who cannot take a beat stops the whole pipeline.
    """

    def __init__(
        self,
        plan: MemoryPlan,
        lanes: int,
        channels: int,
        schedule: Schedule,
        members: dict[str, wiring.Member] | None = None,
    ) -> None:
        self._plan, self._lanes, self._channels, self._schedule = plan, lanes, channels, schedule
        beats = stream.Signature(beat_layout(plan, schedule.words, channels), always_ready=True)
        samples = stream.Signature(sample_layout(plan.input_format.width))
        super().__init__({"samples": In(samples), "beats": Out(beats), **(members or {})})

    def _sequenced(self, m: Module) -> Sequencer:
        """The sequencer of the schedule, which takes samples one by one."""
        m.submodules.sequencer = sequencer = Sequencer(self._schedule, self._channels)
        m.d.comb += [
            sequencer.valid.eq(self.samples.valid),
            sequencer.first.eq(self.samples.payload.first),
            self.samples.ready.eq(sequencer.ready),
        ]
        return sequencer

    def _retired(self, slot: Any, words_write: Any, bank: Any, index: Value) -> list[Any]:
        """Statements for the slot whose words are there: they are written and leave as a beat from state `index`."""
        beat = self.beats.payload
        return [
            words_write.en.eq(slot.valid),
            words_write.data.eq(bank.words),
            self.beats.valid.eq(slot.valid),
            beat.data.eq(bank.outputs),
            beat.index.eq(index),
            beat.channel.eq(slot.channel),
            beat.first.eq(slot.first),
            beat.last.eq(slot.last),
        ]

    def surrounded(self) -> Module:
        """The pipeline with all that it needs beside it, to be enabled as a whole."""
        m = Module()
        m.submodules.pipeline = self
        return m


def multiplier_signature(operand_width: int, coefficient_width: int) -> Bundle:
    """A multiplier as its user sees it: two signed factors, and their product in the next cycle."""
    return Bundle(
        {
            "operand": Out(signed(operand_width)),
            "coefficient": Out(signed(coefficient_width)),
            "product": In(signed(operand_width + coefficient_width)),
        }
    )


class LanePipeline(Pipeline):
    """A pipeline whose multipliers and whose ROM are outside, so that others may share them.

    Attributes:
        rom_contents: what the ROM holds.
        rom: Out, the address of a row, which is there in the next cycle.
        multipliers: Out, `lanes` times `multiplier_signature`.
    """

    def __init__(self, plan: MemoryPlan, lanes: int, channels: int, schedule: Schedule) -> None:
        self.rom_contents = self.rom_for(plan, lanes, schedule)
        self.multiplier = multiplier_signature(plan.operand_format.width, plan.increment.coefficient_bits)
        members = {"rom": Out(self.rom_contents.read_signature), "multipliers": Out(self.multiplier).array(lanes)}
        super().__init__(plan, lanes, channels, schedule, members)

    @classmethod
    @abstractmethod
    def rom_for(cls, plan: MemoryPlan, lanes: int, schedule: Schedule) -> RomContents:
        """What the ROM holds that the slots of a sample follow."""

    def surrounded(self) -> Module:
        """The pipeline with a ROM and multipliers of its own."""
        m = super().surrounded()
        m.submodules.rom = rom = self.rom_contents.storage()
        rom_read = rom.read_port()
        m.d.comb += [rom_read.addr.eq(self.rom.address), self.rom.data.eq(rom_read.data)]
        for multiplier in self.multipliers:
            m.d.sync += multiplier.product.eq(multiplier.operand * multiplier.coefficient)
        return m
