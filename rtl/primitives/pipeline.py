"""The inside of a memory: what moves on by one slot a cycle, beside the multipliers and the table that it uses."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Module, Shape, ShapeLike, signed
from amaranth.lib import memory, wiring
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.wiring import In, Out

from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.rtl.primitives.layouts import input_layout, output_layout
from lmu_hw.rtl.primitives.schedule import Schedule


@dataclass(frozen=True)
class Image:
    """What a read-only memory holds, row by row; large ones are plain words, which are emitted fast."""

    shape: ShapeLike
    rows: list[Any]

    @property
    def memory(self) -> memory.Memory:
        """The memory, for one component."""
        return memory.Memory(shape=self.shape, depth=len(self.rows), init=self.rows)

    @property
    def bits(self) -> int:
        """How many it holds."""
        return int(Shape.cast(self.shape).width) * len(self.rows)


class Pipeline(wiring.Component):
    """The inside of a memory: every cycle in which it is enabled, it moves on by one slot.

    Attributes:
        valid, sample: a sample is offered, In.
        ready: it is taken, if valid, Out(1).
        beat_valid, beat: words of states, Out.
    """

    def __init__(
        self, plan: MemoryPlan, lanes: int, channels: int, schedule: Schedule, members: dict[str, Any] | None = None
    ) -> None:
        self._plan, self._lanes, self._channels, self._schedule = plan, lanes, channels, schedule
        super().__init__(
            {
                "valid": In(1),
                "sample": In(input_layout(plan.input_format.width)),
                "ready": Out(1),
                "beat_valid": Out(1),
                "beat": Out(output_layout(plan, schedule.words, channels)),
                **(members or {}),
            }
        )

    def surrounded(self) -> Module:
        """The pipeline with all that it needs beside it, to be enabled as a whole."""
        m = Module()
        m.submodules.pipeline = self
        return m


class LanePipeline(Pipeline):
    """A pipeline whose multipliers and whose table are outside, so that others may share them.

    Attributes:
        image: the table.
        address: its row, Out; `entry`: that row in the next cycle, In.
        factors: what each lane multiplies, Out; `products`: what came of it in the next cycle, In.
    """

    def __init__(self, plan: MemoryPlan, lanes: int, channels: int, schedule: Schedule) -> None:
        self.image = self.image_for(plan, lanes, schedule)
        operand, coefficient = plan.operand_format.width, plan.increment.coefficient_bits
        pair = StructLayout({"operand": signed(operand), "coefficient": signed(coefficient)})
        members = {
            "address": Out(range(len(self.image.rows))),
            "entry": In(self.image.shape),
            "factors": Out(ArrayLayout(pair, lanes)),
            "products": In(ArrayLayout(signed(operand + coefficient), lanes)),
        }
        super().__init__(plan, lanes, channels, schedule, members)

    @classmethod
    @abstractmethod
    def image_for(cls, plan: MemoryPlan, lanes: int, schedule: Schedule) -> Image:
        """The table that the slots of a sample follow."""

    def surrounded(self) -> Module:
        """The pipeline with a table and multipliers of its own."""
        m = super().surrounded()
        m.submodules.table = table = self.image.memory
        read = table.read_port()
        m.d.comb += [read.addr.eq(self.address), self.entry.eq(read.data)]
        for factors, product in zip(self.factors, self.products, strict=True):
            m.d.sync += product.eq(factors.operand * factors.coefficient)
        return m
