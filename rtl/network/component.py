# amaranth: UnusedElaboratable=no
"""A network in hardware: a slice for each sequence, one control for all of them, and a stream at either end."""

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
"""The largest number of multipliers for each sequence."""
MAX_SEQUENCES = 256
"""The largest number of sequences that a network processes side by side."""


class Reset(StrEnum):
    """When, other than at reset, the states and hidden units of a network are cleared."""

    FIRST = "first"
    """At every step that starts a sequence."""
    NEVER = "never"
    """Never: the mark `first` is passed on only."""


@dataclass(frozen=True)
class _Words:
    """The signals that announce new words of a layer, in all slices at once.

    Attributes:
        write: One bit, high in a cycle in which words are there to be written.
        row: The row of their vector that the words go to.
        ends: One bit, high together with `write` for the last words of the step.
        bank: The bank that words of this step go to, if their vector has two.
        outputs: The bank of the outputs of this step.
        gives: One bit, high if the step gives outputs.
    """

    write: Value
    row: Value
    ends: Value
    bank: Value
    outputs: Value
    gives: Value


_Coming = dict[tuple[Kind, int], _Words]
"""The new words of each vector, by its kind and layer."""


class NetworkComponent(wiring.Component):
    """A quantised network that processes one or more sequences side by side, in lock-step, on shared multipliers.

    A step starts when the input words of every sequence are there. While it is at work the words of the next step
    come in, and the outputs of the step before leave. Nothing that is issued in a step depends on data, so each cycle
    of it is fixed in `program`. Sequences need not start or end together. A network with one output per sequence
    computes its last layers only in steps in which a sequence ends.

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
        plan: The quantised network.
        lanes: The number of multipliers for each sequence, 1 … `MAX_LANES`, shared by all layers. Their memories take
            as many of them as their datapath can use.
        sequences: The number of sequences side by side, 1 … `MAX_SEQUENCES`.
        reset: When states and hidden units are cleared: "first", at every step that starts a sequence, or "never",
            only by a reset.

    Attributes:
        i: In, input words x, stream of `word_layout`: in each step all words of sequence 0, then those of sequence 1, …
        o: Out, output words y, stream of `answer_layout`, in the same order, of the sequences that give outputs.
        program: The program of a step, with its cycles.
        words: The widths of words, weights and sums.
        outputs: The vector of output words.
        control: The sequencer of all slices.
        slices: The datapath of each sequence.

    Raises:
        DesignError: `lanes`, `sequences` or `reset` is not one of the values above.
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
        """The number of multipliers of all lanes of all sequences, without those of activations."""
        return self.lanes * self.sequences

    @property
    def cycles_per_step(self) -> int:
        """Cycles from the start of a step to that of the next, while input words are waiting and outputs are taken.

        If the network has one output per sequence, this holds for a step in which no sequence ends.
        """
        return self.program.cycles_per_step

    @property
    def cycles_per_last_step(self) -> int:
        """Cycles from the start of a step that gives outputs to that of the next step, under the same conditions."""
        return self.program.cycles_per_last_step

    @property
    def latency(self) -> int:
        """Cycles from the acceptance of the last input word of a step to the offer of its first output word.

        This is the time of a step that gives outputs for sequence 0 while no other step is at work. The further words
        and sequences follow, one word a cycle.
        """
        return STEP_AFTER + self.program.outputs_after + OFFER_AFTER

    def cycles_per_sequence(self, steps: int) -> int:
        """Cycles for sequences of `steps` steps that start and end together."""
        return (steps - 1) * self.cycles_per_step + self.cycles_per_last_step

    def utilisation(self, steps: int | None = None) -> float:
        """The share of the lanes' cycles that make a product of the plan, 0 … 1.

        Args:
            steps: The number of steps of each sequence; by default sequences never end.
        """
        if steps is None:
            return self.plan.multiplications(last=False) / (self.lanes * self.cycles_per_step)
        return self.plan.multiplications_per_sequence(steps) / (self.lanes * self.cycles_per_sequence(steps))

    @property
    def memory_bits(self) -> dict[str, int]:
        """Bits of storage by purpose: first ROMs, which all sequences share, then what each keeps, over all of them."""
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
        """Connect the control to the ports: a step starts when its words are there and its outputs have room."""
        control = self.control
        every = (1 << self.sequences) - 1
        gives = Signal(self.sequences)  # the sequences for which the waiting step gives outputs
        clear = Signal(self.sequences)  # the sequences that the step at work finds cleared
        started = Signal()  # high once a step has started since reset; the first one clears every sequence
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
        """Announce the words of activations, which come one by one in the order of their map's rows."""
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
        """Drive the memories of all slices and announce their words.

        All slices work in lock-step, so one feeder, one ROM and one beat counter, following the first slice, serve the
        memories of a layer in all of them.
        """
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
        """Address the vectors of all slices: reads follow the slots in ISSUE, writes the words that come."""
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
        """Write the last layer's words to the bank of outputs in steps that give outputs, and read them from there."""
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
    """Build the component that realises a quantised network; the arguments are those of `NetworkComponent`.

    Raises:
        DesignError: An argument is out of its range.
    """
    return NetworkComponent(plan, lanes=lanes, sequences=sequences, reset=reset)
