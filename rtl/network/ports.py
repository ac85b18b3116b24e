"""The input and the output of a network, with two banks each, so that streaming overlaps with the step at work."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import stream
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.wiring import In, Out

from lmu_hw.rtl.network.vectors import Vector
from lmu_hw.rtl.primitives.bundles import ABSENT, Bundle, Component
from lmu_hw.rtl.primitives.indices import bit, element, index_signal, is_first, is_last, pick, successor
from lmu_hw.rtl.primitives.layouts import index_width


def word_layout(width: int) -> StructLayout:
    """The layout of an input word: `data`, signed, and the marks `first` and `last` of its step in its sequence.

    Args:
        width: The width of `data` in bits.
    """
    return StructLayout({"data": signed(width), "first": 1, "last": 1})


def answer_layout(width: int, outputs: int, sequences: int) -> StructLayout:
    """The layout of an output word.

    `data` is the word, signed, `index` its number among the outputs, `sequence` the number of its sequence, `argmax`
    the index of the largest word of this step and sequence up to this one, and `first` and `last` are the marks of its
    step.

    Args:
        width: The width of `data` in bits.
        outputs: The number of output words for each sequence.
        sequences: The number of sequences.
    """
    index = index_width(outputs)
    return StructLayout(
        {
            "data": signed(width),
            "index": index,
            "sequence": index_width(sequences),
            "argmax": index,
            "first": 1,
            "last": 1,
        }
    )


def step_signature(sequences: int) -> Bundle:
    """The marks of a step, a bit for each sequence: `firsts`, high if the step starts it, `lasts`, if it ends it."""
    return Bundle({"firsts": Out(sequences), "lasts": Out(sequences)})


class InputPort(Component):
    """Input port of a network: collects the words of a step for all sequences while the step before is at work.

    Args:
        x: The vector of input words.
        sequences: The number of sequences.

    Attributes:
        i: In, input words, stream of `word_layout`, those of sequence 0 first. The marks of a sequence are taken from
            its last word of the step.
        slices: Out, a bit for each slice, high if it stores the word that is taken in this cycle.
        address: Out, the address in the input vector at which the word is stored.
        waiting: Out(1), high while all words of the next step are there.
        step: Out, of `step_signature`, the marks of that step.
        start: In(1), high in the cycle before the first one of that step.
        finish: In(1), high in the last cycle of the step at work, whose bank is free from then on.
    """

    def __init__(self, x: Vector, sequences: int) -> None:
        self._x, self._sequences = x, sequences
        super().__init__(
            {
                "i": In(stream.Signature(word_layout(x.width))),
                "slices": Out(sequences),
                "address": Out(range(x.depth)),
                "start": In(1),
                "finish": In(1),
                "waiting": Out(1),
                "step": Out(step_signature(sequences)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        length, sequences = self._x.length, self._sequences
        index = index_signal(length, "index")
        sequence = index_signal(sequences, "sequence")
        filling = Signal()  # the bank that is being filled
        next_step = Signal()  # the bank of the next step to start
        at_work = Signal()  # the bank of the step at work
        full = [Signal(name=f"full_{bank}") for bank in range(2)]
        firsts = [Signal(sequences, name=f"firsts_{bank}") for bank in range(2)]
        lasts = [Signal(sequences, name=f"lasts_{bank}") for bank in range(2)]
        taken = Signal()
        m.d.comb += [
            self.i.ready.eq(~element(full, filling)),
            taken.eq(self.i.valid & self.i.ready),
            self.slices.eq(taken << sequence if sequences > 1 else taken),
            self.address.eq(self._x.address(index, filling)),
            self.waiting.eq(element(full, next_step)),
            self.step.firsts.eq(element(firsts, next_step)),
            self.step.lasts.eq(element(lasts, next_step)),
        ]
        with m.If(taken):
            m.d.sync += [
                bit(element(firsts, filling), sequence).eq(self.i.payload.first),
                bit(element(lasts, filling), sequence).eq(self.i.payload.last),
                index.eq(successor(index, length)),
            ]
            with m.If(is_last(index, length)):
                m.d.sync += sequence.eq(successor(sequence, sequences))
                with m.If(is_last(sequence, sequences)):
                    m.d.sync += [element(full, filling).eq(1), filling.eq(~filling)]
        with m.If(self.finish):
            m.d.sync += element(full, at_work).eq(0)
        with m.If(self.start):
            m.d.sync += [at_work.eq(next_step), next_step.eq(~next_step)]
        return m


class OutputPort(Component):
    """Output port of a network: sends the outputs of a step, sequence after sequence, while the next step is at work.

    Args:
        y: The vector of output words.
        sequences: The number of sequences.

    Attributes:
        o: Out, output words, stream of `answer_layout`.
        start: In(1), high in the cycle before the first one of a step that gives outputs; it claims a bank.
        gives: In, a bit for each sequence, high if the step that starts gives outputs for it.
        step: In, of `step_signature`, the marks of the step that starts.
        room: Out(1), high while a bank is free, so that a step that gives outputs can start.
        done: In(1), high in the cycle in which the last output words of a step are written.
        bank: In(1), the bank that they are written to.
        read: Out, of `Vector.read_signature`, the address that is read from the outputs of every slice.
        words: In, the word of each slice that was addressed in the cycle before.
    """

    def __init__(self, y: Vector, sequences: int) -> None:
        self._y, self._sequences = y, sequences
        super().__init__(
            {
                "o": Out(stream.Signature(answer_layout(y.width, y.length, sequences))),
                "start": In(1),
                "gives": In(sequences),
                "step": In(step_signature(sequences)),
                "room": Out(1),
                "done": In(1),
                "bank": In(1),
                "read": Out(y.read_signature),
                "words": In(ArrayLayout(signed(y.width), sequences)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        sequences = self._sequences
        claimed = [Signal(name=f"claimed_{bank}") for bank in range(2)]  # from the start of a step until it has left
        full = [Signal(name=f"full_{bank}") for bank in range(2)]
        gives = [Signal(sequences, name=f"gives_{bank}") for bank in range(2)]
        firsts = [Signal(sequences, name=f"firsts_{bank}") for bank in range(2)]
        lasts = [Signal(sequences, name=f"lasts_{bank}") for bank in range(2)]
        next_step = Signal()  # the bank of the next step that gives outputs
        m.d.comb += self.room.eq(~element(claimed, next_step))
        with m.If(self.start):
            m.d.sync += [
                next_step.eq(~next_step),
                element(claimed, next_step).eq(1),
                element(gives, next_step).eq(self.gives),
                element(firsts, next_step).eq(self.step.firsts),
                element(lasts, next_step).eq(self.step.lasts),
            ]
        with m.If(self.done):
            m.d.sync += element(full, self.bank).eq(1)

        bank = Signal()  # the bank of the step whose outputs leave
        next_bank = Signal()
        sequence = index_signal(sequences, "sequence")
        next_sequence = index_signal(sequences, "next_sequence")
        index = index_signal(self._y.length, "index")
        valid = Signal()
        leaves = Signal()  # high when the last word of the step leaves
        sequence_ends = Signal()
        given = bit(element(gives, bank), sequence)
        ends = is_last(index, self._y.length)
        m.d.comb += [
            # A sequence that gives no outputs is passed over in one cycle, in which nothing is offered.
            sequence_ends.eq((valid & self.o.ready & ends) | (element(full, bank) & ~given)),
            leaves.eq(sequence_ends & is_last(sequence, sequences)),
            next_bank.eq(bank ^ leaves),
        ]
        if sequences > 1:
            m.d.comb += next_sequence.eq(Mux(sequence_ends, successor(sequence, sequences), sequence))
        m.d.sync += [
            bank.eq(next_bank),
            sequence.eq(next_sequence),
            valid.eq(element(full, next_bank) & bit(element(gives, next_bank), next_sequence)),
        ]
        with m.If(leaves):
            m.d.sync += [element(claimed, bank).eq(0), element(full, bank).eq(0)]
        self._address(m, index, next_bank, sequence_ends, valid & self.o.ready)

        word = Signal(signed(self._y.width))
        payload = self.o.payload
        m.d.comb += [
            word.eq(pick(list(self.words), sequence)),
            self.o.valid.eq(valid),
            payload.data.eq(word),
            payload.index.eq(index),
            payload.sequence.eq(sequence),
            payload.first.eq(bit(element(firsts, bank), sequence)),
            payload.last.eq(bit(element(lasts, bank), sequence)),
        ]
        self._argmax(m, word, index)
        return m

    def _address(self, m: Module, index: Value, next_bank: Signal, restart: Signal, taken: Value) -> None:
        """Count the words of a sequence, and address the word of the next cycle.

        Args:
            m: The module that the counters are added to.
            index: The index of the word that is offered, which is counted here.
            next_bank: The bank that is read in the next cycle.
            restart: High in a cycle after which the first word of a sequence follows.
            taken: High in a cycle in which the offered word is taken.
        """
        y = self._y
        row = index_signal(y.rows, "row")
        next_row = index_signal(y.rows, "next_row")
        word = index_signal(y.words, "word")
        m.d.comb += [self.read.address.eq(y.address(next_row, next_bank)), self.read.word.eq(word)]
        if y.rows > 1:
            m.d.comb += next_row.eq(row)
        with m.If(restart):
            m.d.comb += next_row.eq(0)
            m.d.sync += [index.eq(0), word.eq(0)]
        with m.Elif(taken):
            m.d.sync += [index.eq(successor(index, y.length)), word.eq(successor(word, y.words))]
            with m.If(is_last(word, y.words)):
                m.d.comb += next_row.eq(successor(row, y.rows))
        m.d.sync += row.eq(next_row)

    def _argmax(self, m: Module, word: Signal, index: Value) -> None:
        """Drive `argmax` with the index of the largest word of the sequence so far, the first one among equals."""
        if index is ABSENT:
            return
        best = Signal.like(word)
        best_index = Signal.like(index, name="best_index")
        better = Signal()
        m.d.comb += [
            better.eq(is_first(index, self._y.length) | (word > best)),
            self.o.payload.argmax.eq(Mux(better, index, best_index)),
        ]
        with m.If(self.o.valid & self.o.ready & better):
            m.d.sync += [best.eq(word), best_index.eq(index)]
