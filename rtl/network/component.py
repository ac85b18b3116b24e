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
from lmu_hw.rtl.network.program import OFFER_AFTER, STEP_AFTER, network_program
from lmu_hw.rtl.network.rom import words_of
from lmu_hw.rtl.network.slice import Slice
from lmu_hw.rtl.network.vectors import VectorReader, outputs_of
from lmu_hw.rtl.primitives.bundles import interfaces
from lmu_hw.rtl.primitives.indices import index_signal, is_last, successor

MAX_LANES = 1024
MAX_SEQUENCES = 256


class Reset(StrEnum):
    """When the state of a network becomes zero, beside at reset."""

    FIRST = "first"
    NEVER = "never"


@dataclass(frozen=True)
class _Words:
    """Words of a layer as they come, and what is known of their step.

    Attributes:
        write: some come in this cycle, of row `row` of their vector.
        ends: they are the last ones of the step.
        bank: where words of this step go, if their vector has two banks.
        outputs: the bank of outputs that belongs to the step.
        gives: the step gives outputs.
    """

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

    A group of two rows (lanes = 2) over a vector of three words, from the issue of the first word to the first slot
    that can read the activation of row 0:

    ```wavedrom
    {"signal": [
      {"name": "clk",        "wave": "p.............."},
      {"name": "ISSUE",      "wave": "x333xxxxxxxxx4x", "data": ["word 0", "1", "2", "row 0"]},
      {"name": "READ",       "wave": "xx333xxxxxxxxx4", "data": ["word 0", "1", "2", "row 0"]},
      {"name": "MULTIPLY",   "wave": "xxx333xxxxxxxxx", "data": ["word 0", "1", "2"]},
      {"name": "ACCUMULATE", "wave": "xxxx333xxxxxxxx", "data": ["word 0", "1", "2"]},
      {"name": "CLOSE",      "wave": "xxxxxxx3xxxxxxx", "data": ["2"]},
      {"name": "ROUND",      "wave": "xxxxxxxx34xxxxx", "data": ["row 0", "1"]},
      {"name": "LOOKUP",     "wave": "xxxxxxxxx34xxxx", "data": ["row 0", "1"]},
      {"name": "SCALE",      "wave": "xxxxxxxxxx34xxx", "data": ["row 0", "1"]},
      {"name": "ADD",        "wave": "xxxxxxxxxxx34xx", "data": ["row 0", "1"]},
      {"name": "WRITE",      "wave": "xxxxxxxxxxxx34x", "data": ["row 0", "1"]}]}
    ```

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
        """Multipliers of the lanes of all sequences."""
        return self.lanes * self.sequences

    @property
    def cycles_per_step(self) -> int:
        """Cycles from the start of a step to that of the next, while words wait and outputs are taken.

        Of a network with one output per sequence: for a step in which no sequence ends.
        """
        return self.program.cycles_per_step

    @property
    def cycles_per_last_step(self) -> int:
        """Cycles from the start of a step with outputs to that of the next step, likewise."""
        return self.program.cycles_per_last_step

    @property
    def latency(self) -> int:
        """Cycles from the one in which the last word of a step is taken, if none is at work, to its first output.

        It is a step with outputs, and sequence 0 gives some; further sequences and words follow, one a cycle.
        """
        return STEP_AFTER + self.program.outputs_after + OFFER_AFTER

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
        uses, y = self.program.memories.values(), self.outputs
        own = {
            "activation_tables": self.slices[0].activations.table_bits,
            "memory_states": sum(use.state_bits for use in uses),
            "vectors": sum(vector.banks * vector.length * vector.width for vector in self.program.vectors),
            "samples": sum(use.channels * use.plan.input_format.width for use in uses),
            "outputs": y.banks * y.length * y.width,
        }
        return {
            **{name: rom.bits for name, rom in self.control.roms.items()},
            "memory_tables": sum(use.rom.bits for use in uses),
            **{name: bits * self.sequences for name, bits in own.items()},
        }

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.control = control = self.control
        m.submodules.input = inputs = InputPort(self.program.vectors[0], self.sequences)
        m.submodules.output = outputs = OutputPort(self.outputs, self.sequences)
        for s, each in enumerate(self.slices):
            m.submodules[f"slice_{s}"] = each
            m.d.comb += each.x.eq(self.i.payload.data)
        connect(m, control.steps, *(each.steps for each in self.slices))
        connect(m, flipped(self.i), inputs.i)
        connect(m, outputs.o, flipped(self.o))
        self._steps(m, inputs, outputs)
        coming = {**self._activations(m), **self._memories(m)}
        self._vectors(m, inputs, coming)
        self._leaving(m, outputs, coming[self.outputs.kind, self.outputs.layer])
        return m

    def _steps(self, m: Module, inputs: InputPort, outputs: OutputPort) -> None:
        """A step starts when its words are there and its outputs have room."""
        control = self.control
        every = (1 << self.sequences) - 1
        gives = Signal(self.sequences)  # of the step that waits, the sequences that give outputs
        clear = Signal(self.sequences)  # of the step at work, the sequences that begin from zero
        started = Signal()  # a step has started since reset
        m.d.comb += [
            gives.eq(every if self.program.every_step else inputs.step.lasts),
            control.waiting.eq(inputs.waiting),
            control.gives.eq(gives.any()),
            control.room.eq(outputs.room),
            inputs.start.eq(control.start),
            inputs.finish.eq(control.finish),
            outputs.start.eq(control.start & control.gives),
            outputs.gives.eq(gives),
            *(each.clear.eq(clear[s]) for s, each in enumerate(self.slices)),
        ]
        connect(m, inputs.step, outputs.step)
        with m.If(control.start):
            begun = inputs.step.firsts if self.reset is Reset.FIRST else 0
            m.d.sync += [started.eq(1), clear.eq(Mux(started, begun, every))]

    def _activations(self, m: Module) -> _Coming:
        """The words of activations come one by one, row after row of their map."""
        coming: _Coming = {}
        at = self.control.steps.rows.write
        for k, each in enumerate(self.program.maps):
            if each.drives:
                continue
            count = each.plan.rows
            row = index_signal(count, f"row_{each.layer}")
            write = Signal(name=f"write_{each.layer}")
            m.d.comb += write.eq(at.valid & (at.map == k))
            with m.If(write):
                m.d.sync += row.eq(successor(row, count))
            ends = write & is_last(row, count)
            coming[Kind.OUTPUT, each.layer] = _Words(write, row, ends, at.bank, at.outputs, at.gives)
        return coming

    def _memories(self, m: Module) -> _Coming:
        """All slices do what the first one does: samples in, rows of a ROM, beats of memory words out."""
        coming: _Coming = {}
        control = self.control
        at = control.steps.rows.lookup
        owner = index_signal(len(self.program.memories), "owner")
        m.d.comb += [each.owner.eq(owner) for each in self.slices]
        drives = {each.layer: k for k, each in enumerate(self.program.maps) if each.drives}
        for k, use in enumerate(self.program.memories.values()):
            driven = [interfaces(each.memories)[k] for each in self.slices]
            leader = driven[0]
            m.submodules[f"feeder_{use.layer}"] = feeder = Feeder(use.channels)
            m.submodules[f"beats_{use.layer}"] = beats = BeatAddress(use)
            m.submodules[f"rom_{use.layer}"] = rom = use.rom.storage()
            rom_read = rom.read_port()
            m.d.comb += [
                feeder.sample.eq(at.valid & (at.map == drives[use.layer])),
                feeder.ready.eq(leader.ready),
                rom_read.addr.eq(leader.rom.address),
                beats.beat.eq(leader.beat),
                beats.channel.eq(leader.channel),
                *(each.rom.data.eq(rom_read.data) for each in driven),
            ]
            connect(m, feeder.samples, *(each.samples for each in driven))
            with m.If(feeder.samples.offer):
                m.d.sync += owner.eq(k)
            coming[Kind.MEMORY, use.layer] = _Words(
                beats.beat, beats.row, beats.ends, control.bank, control.outputs, control.giving
            )
        return coming

    def _vectors(self, m: Module, inputs: InputPort, coming: _Coming) -> None:
        """Where vectors are read and written."""
        slot = self.control.steps.slots.issue
        for v, vector in enumerate(self.program.vectors):
            m.submodules[f"read_{vector.name}"] = reader = VectorReader(vector)
            m.d.comb += [
                reader.next.eq(slot.valid & (slot.vector == v)),
                reader.bank.eq(slot.bank ^ slot.previous),
            ]
            accesses = [interfaces(each.vectors)[v] for each in self.slices]
            connect(m, reader.read, *(access.read for access in accesses))
            for s, access in enumerate(accesses):
                if vector.kind is Kind.INPUT:
                    valid, address = inputs.slices[s], inputs.address
                else:
                    words = coming[vector.kind, vector.layer]
                    valid, address = words.write, vector.address(words.row, words.bank)
                m.d.comb += [access.write.valid.eq(valid), access.write.address.eq(address)]

    def _leaving(self, m: Module, outputs: OutputPort, words: _Words) -> None:
        """The last layer's words are outputs in steps that give some."""
        m.d.comb += [outputs.done.eq(words.ends & words.gives), outputs.bank.eq(words.outputs)]
        connect(m, outputs.read, *(each.outputs.read for each in self.slices))
        for s, each in enumerate(self.slices):
            m.d.comb += [
                each.outputs.write.valid.eq(words.write & words.gives),
                each.outputs.write.address.eq(self.outputs.address(words.row, words.outputs)),
                outputs.words[s].eq(each.y),
            ]


def build_network(
    plan: NetworkPlan, *, lanes: int = 1, sequences: int = 1, reset: Reset | str = Reset.FIRST
) -> NetworkComponent:
    """The component that realises `plan`; see `NetworkComponent`."""
    return NetworkComponent(plan, lanes=lanes, sequences=sequences, reset=reset)
