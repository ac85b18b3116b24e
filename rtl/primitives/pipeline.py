"""The datapath of a memory: a pipeline that advances by one slot a cycle, with the multipliers and ROM that it uses."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from amaranth.hdl import Elaboratable, Module, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.rtl.primitives.bundles import Bundle, Component
from lmu_hw.rtl.primitives.layouts import beat_layout, sample_layout
from lmu_hw.rtl.primitives.multiplier import Multiplier
from lmu_hw.rtl.primitives.schedule import Schedule, Sequencer
from lmu_hw.rtl.primitives.storage import RomContents


def operand_shifts(plan: MemoryPlan) -> tuple[int, int]:
    """The left shifts, in bits, that bring a state word and a sample to the fractional bits of the operands."""
    operand = plan.operand_format.fraction
    return operand - plan.state_format.fraction, operand - plan.input_format.fraction


class Pipeline(Component):
    """The datapath of a memory, a pipeline that issues a slot in every enabled cycle.

    It has no back-pressure of its own: the clock enable of the whole pipeline is taken away while a beat is not taken.

    Args:
        plan: The fixed-point plan.
        lanes: The number of multipliers.
        channels: The number of channels that take turns.
        schedule: The schedule that the pipeline follows.
        members: Further ports by name.

    Attributes:
        samples: In, stream of `sample_layout`, ready in the cycles in which the schedule lets a sample start.
        beats: Out, stream of `beat_layout` that is always ready.
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
        """Add the sequencer of the schedule, connected to the stream of samples."""
        m.submodules.sequencer = sequencer = Sequencer(self._schedule, self._channels)
        m.d.comb += [
            sequencer.valid.eq(self.samples.valid),
            sequencer.first.eq(self.samples.payload.first),
            self.samples.ready.eq(sequencer.ready),
        ]
        return sequencer

    def _retired(self, slot: Any, words_write: Any, bank: Any, index: Value) -> list[Any]:
        """The combinational statements of the stage in which new state words are there.

        Args:
            slot: What travels with the slot of this stage: `valid`, `channel`, `first` and `last`.
            words_write: The write port for the words; its address is left to the caller.
            bank: The integrator bank that gives the words.
            index: The number of the first state of the beat.
        """
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

    def connect_outside(self, m: Module) -> None:
        """Add what the datapath needs beside it, and what has to stall together with it, to `m`; by default nothing."""


class StalledTogether(Elaboratable):
    """Pipeline of a memory: its datapath, with the ROM and the multipliers that stall together with it.

    Args:
        datapath: The datapath.
    """

    def __init__(self, datapath: Pipeline) -> None:
        self._datapath = datapath

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.datapath = self._datapath
        self._datapath.connect_outside(m)
        return m


def multiplier_signature(operand_width: int, coefficient_width: int) -> Bundle:
    """A registered multiplier as its user sees it.

    Args:
        operand_width: The width of the signed factor `operand`, Out.
        coefficient_width: The width of the signed factor `coefficient`, Out.

    Returns:
        A bundle of the factors and of `product`, In, which is the exact product of the factors of the cycle before.
    """
    return Bundle(
        {
            "operand": Out(signed(operand_width)),
            "coefficient": Out(signed(coefficient_width)),
            "product": In(signed(operand_width + coefficient_width)),
        }
    )


class LanePipeline(Pipeline):
    """A pipeline whose multipliers and ROM are outside, so that other users can share them.

    Attributes:
        rom_contents: The contents of the ROM.
        multiplier: The signature of one multiplier, `multiplier_signature` with the widths of the plan.
        rom: Out, a read port of the ROM: the row of an `address` comes back as `data` in the next cycle.
        multipliers: Out, an array of `lanes` multipliers, each of signature `multiplier`.
    """

    def __init__(self, plan: MemoryPlan, lanes: int, channels: int, schedule: Schedule) -> None:
        self.rom_contents = self.rom_for(plan, lanes, schedule)
        self.multiplier = multiplier_signature(plan.operand_format.width, plan.increment.coefficient_bits)
        members = {"rom": Out(self.rom_contents.read_signature), "multipliers": Out(self.multiplier).array(lanes)}
        super().__init__(plan, lanes, channels, schedule, members)

    @classmethod
    @abstractmethod
    def rom_for(cls, plan: MemoryPlan, lanes: int, schedule: Schedule) -> RomContents:
        """The contents of the ROM: the coefficients of a sample's slots, or a program that includes them."""

    multiplier_latency: ClassVar[int] = 1
    """Cycles from the factors at a multiplier to their product."""

    def connect_outside(self, m: Module) -> None:
        """Add a ROM and multipliers of the memory's own, with a register behind each.

        Where `multiplier_latency` is that of `Multiplier`, its registers take the place of that register.
        """
        m.submodules.rom = rom = self.rom_contents.storage()
        rom_read = rom.read_port()
        m.d.comb += [rom_read.addr.eq(self.rom.address), self.rom.data.eq(rom_read.data)]
        for k, multiplier in enumerate(self.multipliers):
            if self.multiplier_latency == 1:
                m.d.sync += multiplier.product.eq(multiplier.operand * multiplier.coefficient)
                continue
            m.submodules[f"multiplier_{k}"] = hard = Multiplier(len(multiplier.operand), len(multiplier.coefficient))
            m.d.comb += [
                hard.operand.eq(multiplier.operand),
                hard.coefficient.eq(multiplier.coefficient),
                multiplier.product.eq(hard.product),
            ]
