# amaranth: UnusedElaboratable=no
"""A network in hardware: slices side by side, one control, and a stream at either end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from lmu_hw.errors import DesignError, check_integer
from lmu_hw.networks.quantize.plan import Kind, NetworkPlan
from lmu_hw.rtl.network.control import Control
from lmu_hw.rtl.network.memories import BeatAddress, Feeder
from lmu_hw.rtl.network.ports import InputPort, OutputPort, answer_layout, word_layout
from lmu_hw.rtl.network.program import network_program
from lmu_hw.rtl.network.rom import words_of
from lmu_hw.rtl.network.slice import Slice
from lmu_hw.rtl.network.vectors import ReadAddress, banked, outputs_of

MAX_LANES = 1024
MAX_SEQUENCES = 256


class Reset(StrEnum):
    """When the state of a network becomes zero, beside at reset."""

    FIRST = "first"
    NEVER = "never"


@dataclass(frozen=True)
class _Words:
    """Words of a layer as they come: whether, to which row, the last ones of a step, and what their step is."""

    write: Value
    row: Value
    ends: Value
    bank: Value
    outputs: Value
    gives: Value


_Coming = dict[tuple[Kind, int], _Words]


class NetworkComponent(wiring.Component):
    """A network on `lanes` multipliers for each of `sequences` sequences that go side by side, in lock-step.

    A step is worked on when the words of every sequence are there; meanwhile those of the next step come in, and
    the outputs of the one before leave. What is issued in each cycle is in `program`. Sequences need not start or
    end together. A network with one output per sequence works on its last layers only in steps in which some
    sequence ends.

    Args:
        plan: the network in integers.
        lanes: multipliers for each sequence, 1 … 1024, shared by all layers and their memories. A memory takes as
            many as its kind can use.
        sequences: 1 … 256.
        reset: "first": a step with `first` begins from zero; "never": only reset does, and `first` is passed on.

    Attributes:
        i: words of x, stream of `word_layout`: of each step those of sequence 0, then those of sequence 1, …
        o: words of y, stream of `answer_layout`, in the same order, of those sequences that give some.
        program: what happens when.

    Raises:
        DesignError: an argument is not so.
    """

    def __init__(self, plan: NetworkPlan, *, lanes: int = 1, sequences: int = 1, reset: Reset | str = Reset.FIRST):
        self.plan = plan
        self.lanes = check_integer("lanes", lanes, 1, MAX_LANES)
        self.sequences = check_integer("sequences", sequences, 1, MAX_SEQUENCES)
        if reset not in list(Reset):
            raise DesignError("reset", " or ".join(Reset), reset)
        self.reset = Reset(reset)
        self.program = network_program(plan, self.lanes, self.sequences)
        self.words = words_of(self.program)
        self.outputs = outputs_of(plan, self.program.memories)
        self.control = Control(self.program, self.words)
        self.slices = [Slice(self.program, self.words, self.outputs) for _ in range(self.sequences)]
        super().__init__(
            {
                "i": In(stream.Signature(word_layout(plan.input_format.width))),
                "o": Out(stream.Signature(answer_layout(self.outputs.width, self.outputs.length, self.sequences))),
            }
        )

    @property
    def multipliers(self) -> int:
        """Those of all lanes."""
        return self.lanes * self.sequences

    @property
    def cycles_per_step(self) -> int:
        """From the start of a step to that of the next, while words wait and outputs are taken.

        Of a network with one output per sequence: for a step in which no sequence ends.
        """
        return self.program.cycles_per_step

    @property
    def cycles_per_last_step(self) -> int:
        """The same for a step with outputs."""
        return self.program.cycles_per_last_step

    @property
    def latency(self) -> int:
        """Cycles from the one in which the last word of a step is taken, if none is at work, to its first output.

        It is a step with outputs, and sequence 0 gives some; further sequences and words follow, one a cycle.
        """
        return self.program.outputs_after + 4

    def cycles_per_sequence(self, steps: int) -> int:
        """Cycles for sequences of so many steps that start and end together."""
        return (steps - 1) * self.cycles_per_step + self.cycles_per_last_step

    def utilisation(self, steps: int | None = None) -> float:
        """Share of the lanes' cycles with a product of the plan: over sequences of so many steps, or without end."""
        if steps is None:
            return self.plan.multiplications(last=False) / (self.lanes * self.cycles_per_step)
        return self.plan.multiplications_per_sequence(steps) / (self.lanes * self.cycles_per_sequence(steps))

    @property
    def memory_bits(self) -> dict[str, int]:
        """Bits by purpose: of read-only memories that all sequences share, then of what all sequences keep."""
        images = self.control.images
        uses, y = self.program.memories.values(), self.outputs
        own = {
            "activation_tables": self.slices[0].activations.table_bits,
            "memory_states": sum(use.state_bits for use in uses),
            "vectors": sum(vector.banks * vector.length * vector.width for vector in self.program.vectors),
            "samples": sum(use.channels * use.plan.input_format.width for use in uses),
            "outputs": y.banks * y.length * y.width,
        }
        return {
            **{name: image.bits for name, image in images.items()},
            "memory_tables": sum(use.table.bits for use in uses),
            **{name: bits * self.sequences for name, bits in own.items()},
        }

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.control = control = self.control
        m.submodules.input = fill = InputPort(self.program.vectors[0], self.sequences)
        m.submodules.output = give = OutputPort(self.outputs, self.sequences)
        for s, each in enumerate(self.slices):
            m.submodules[f"slice_{s}"] = each
            m.d.comb += [
                each.x.eq(self.i.payload.data),
                each.slots.eq(control.slots),
                each.weights.eq(control.weights),
                each.biases.eq(control.biases),
                each.rows.eq(control.rows),
            ]
        connect(m, flipped(self.i), fill.i)
        connect(m, give.o, flipped(self.o))
        self._steps(m, fill, give)
        coming = {**self._activations(m), **self._memories(m)}
        self._vectors(m, fill, coming)
        self._leaving(m, give, coming[self.outputs.kind, self.outputs.layer])
        return m

    def _steps(self, m: Module, fill: InputPort, give: OutputPort) -> None:
        """A step starts when its words are there and its outputs have room."""
        control = self.control
        every = (1 << self.sequences) - 1
        gives = Signal(self.sequences)
        fresh, started = Signal(self.sequences), Signal()
        m.d.comb += [
            gives.eq(every if self.program.every_step else fill.lasts),
            control.waiting.eq(fill.waiting),
            control.gives.eq(gives.any()),
            control.room.eq(give.room),
            fill.start.eq(control.start),
            fill.finish.eq(control.finish),
            give.start.eq(control.start & control.gives),
            give.gives.eq(gives),
            give.firsts.eq(fill.firsts),
            give.lasts.eq(fill.lasts),
            *(each.fresh.eq(fresh[s]) for s, each in enumerate(self.slices)),
        ]
        with m.If(control.start):
            begun = fill.firsts if self.reset is Reset.FIRST else 0
            m.d.sync += [started.eq(1), fresh.eq(Mux(started, begun, every))]

    def _activations(self, m: Module) -> _Coming:
        """The words of activations come one by one, row after row of their map."""
        coming: _Coming = {}
        at = self.control.rows[4]
        for k, each in enumerate(self.program.maps):
            if each.drives:
                continue
            row, write = Signal(range(each.plan.rows), name=f"row_{k}"), Signal(name=f"write_{k}")
            ends = row == each.plan.rows - 1
            m.d.comb += write.eq(at.valid & (at.map == k))
            with m.If(write):
                m.d.sync += row.eq(Mux(ends, 0, row + 1))
            coming[Kind.OUTPUT, each.layer] = _Words(write, row, write & ends, at.bank, at.outputs, at.gives)
        return coming

    def _memories(self, m: Module) -> _Coming:
        """All slices do what the first one does: samples in, a table's entries, beats of memory words out."""
        coming: _Coming = {}
        control, leader = self.control, self.slices[0]
        owner = Signal(range(max(1, len(self.program.memories))))
        m.d.comb += [each.owner.eq(owner) for each in self.slices]
        drives = {each.layer: k for k, each in enumerate(self.program.maps) if each.drives}
        for k, use in enumerate(self.program.memories.values()):
            m.submodules[f"feeder_{use.layer}"] = feeder = Feeder(use.channels)
            m.submodules[f"beats_{use.layer}"] = beats = BeatAddress(use)
            m.submodules[f"table_{use.layer}"] = table = use.table.memory
            read = table.read_port()
            m.d.comb += [
                feeder.write.eq(control.rows[1].valid & (control.rows[1].map == drives[use.layer])),
                feeder.taken.eq(getattr(leader, f"taken_{k}")),
                read.addr.eq(getattr(leader, f"address_{k}")),
                beats.beat.eq(getattr(leader, f"beat_{k}")),
                beats.channel.eq(getattr(leader, f"channel_{k}")),
            ]
            with m.If(feeder.offer):
                m.d.sync += owner.eq(k)
            for each in self.slices:
                m.d.comb += [
                    getattr(each, f"store_{k}").eq(feeder.write),
                    getattr(each, f"store_at_{k}").eq(feeder.write_address),
                    getattr(each, f"store_read_{k}").eq(feeder.read_address),
                    getattr(each, f"offer_{k}").eq(feeder.offer),
                    getattr(each, f"entry_{k}").eq(read.data),
                ]
            coming[Kind.MEMORY, use.layer] = _Words(
                beats.beat, beats.row, beats.ends, control.bank, control.outputs, control.giving
            )
        return coming

    def _vectors(self, m: Module, fill: InputPort, coming: _Coming) -> None:
        """Where vectors are read and written."""
        slot = self.control.slots[0]
        for v, vector in enumerate(self.program.vectors):
            m.submodules[f"read_{v}"] = reader = ReadAddress(vector)
            m.d.comb += [
                reader.read.eq(slot.valid & (slot.vector == v)),
                reader.bank.eq(slot.bank ^ slot.previous),
            ]
            for s, each in enumerate(self.slices):
                if vector.kind is Kind.INPUT:
                    write, at = fill.slices[s], fill.address
                else:
                    words = coming[vector.kind, vector.layer]
                    write, at = words.write, banked(vector, words.row, words.bank)
                m.d.comb += [
                    getattr(each, f"read_{v}").eq(reader.address),
                    getattr(each, f"word_{v}").eq(reader.word),
                    getattr(each, f"write_{v}").eq(write),
                    getattr(each, f"at_{v}").eq(at),
                ]

    def _leaving(self, m: Module, give: OutputPort, words: _Words) -> None:
        """The last layer's words are outputs in steps that give some."""
        m.d.comb += [give.done.eq(words.ends & words.gives), give.bank.eq(words.outputs)]
        for s, each in enumerate(self.slices):
            m.d.comb += [
                each.y_write.eq(words.write & words.gives),
                each.y_at.eq(banked(self.outputs, words.row, words.outputs)),
                each.y_read.eq(give.read_address),
                each.y_word.eq(give.word),
                give.words[s].eq(each.y),
            ]


def build_network(
    plan: NetworkPlan, *, lanes: int = 1, sequences: int = 1, reset: Reset | str = Reset.FIRST
) -> NetworkComponent:
    """The component that realises `plan`; see `NetworkComponent`."""
    return NetworkComponent(plan, lanes=lanes, sequences=sequences, reset=reset)
