"""What comes into a network and what leaves it: both are buffered twice, so that a step waits for neither."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.wiring import In, Out

from lmu_hw.rtl.network.vectors import Vector, pick
from lmu_hw.rtl.primitives.layouts import index_width


def word_layout(width: int) -> StructLayout:
    """A word of x, and whether its step starts or ends its sequence."""
    return StructLayout({"data": signed(width), "first": 1, "last": 1})


def answer_layout(width: int, outputs: int, sequences: int) -> StructLayout:
    """A word of y, its index, its sequence, the index of the largest word so far, and the flags of its step."""
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


class InputPort(wiring.Component):
    """Collects the words of a step for all sequences, while the step before is at work.

    Attributes:
        i: words, stream of `word_layout`; those of sequence 0 first. The flags count that come with its last word.
        slices: which slice stores the word of this cycle, a bit for each, Out; `address`: where, Out.
        waiting: all words of a step are there, Out(1); `firsts`, `lasts`: its flags, a bit for each sequence, Out.
        start: that step starts, In(1).
        finish: the step at work is done, and its words are not needed any more, In(1).
    """

    def __init__(self, x: Vector, sequences: int) -> None:
        self._x, self._sequences = x, sequences
        super().__init__(
            {
                "i": In(stream.Signature(word_layout(x.width))),
                "slices": Out(sequences),
                "address": Out(x.address_width),
                "start": In(1),
                "finish": In(1),
                "waiting": Out(1),
                "firsts": Out(sequences),
                "lasts": Out(sequences),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        x, sequences = self._x, self._sequences
        index, sequence = Signal(range(x.length)), Signal(range(sequences))
        filling, next_up = Signal(), Signal()  # banks: to be filled, and that of the next step
        full = Array(Signal(name=f"full_{bank}") for bank in range(2))
        at_work = Signal()  # the bank of the step at work
        firsts = Array(Signal(sequences, name=f"firsts_{bank}") for bank in range(2))
        lasts = Array(Signal(sequences, name=f"lasts_{bank}") for bank in range(2))
        taken = Signal()
        m.d.comb += [
            self.i.ready.eq(~full[filling]),
            taken.eq(self.i.valid & self.i.ready),
            self.slices.eq(taken << sequence),
            self.address.eq(Cat(filling, index)),
            self.waiting.eq(full[next_up]),
            self.firsts.eq(firsts[next_up]),
            self.lasts.eq(lasts[next_up]),
        ]
        with m.If(taken):
            m.d.sync += [
                firsts[filling].bit_select(sequence, 1).eq(self.i.payload.first),
                lasts[filling].bit_select(sequence, 1).eq(self.i.payload.last),
                index.eq(index + 1),
            ]
            with m.If(index == x.length - 1):
                m.d.sync += [index.eq(0), sequence.eq(sequence + 1)]
                with m.If(sequence == sequences - 1):
                    m.d.sync += [sequence.eq(0), full[filling].eq(1), filling.eq(~filling)]
        with m.If(self.finish):
            m.d.sync += full[at_work].eq(0)
        with m.If(self.start):
            m.d.sync += [at_work.eq(next_up), next_up.eq(~next_up)]
        return m


class OutputPort(wiring.Component):
    """Gives the outputs of a step, sequence after sequence, while the next step is at work.

    Attributes:
        o: words, stream of `answer_layout`.
        start: a step that gives outputs starts, In(1); of the sequences in `gives`, with `firsts` and `lasts`, In.
        room: one may start, Out(1).
        done: the last words of a step have been written, In(1), to the bank `bank`, In.
        read_address: the row of words that is fetched from every slice, Out; `word`: which one of the row that was
            fetched in the cycle before, Out; `words`: those, of each slice, In.
    """

    def __init__(self, y: Vector, sequences: int) -> None:
        self._y, self._sequences = y, sequences
        width = y.width
        super().__init__(
            {
                "o": Out(stream.Signature(answer_layout(width, y.length, sequences))),
                "start": In(1),
                "gives": In(sequences),
                "firsts": In(sequences),
                "lasts": In(sequences),
                "room": Out(1),
                "done": In(1),
                "bank": In(1),
                "read_address": Out(y.address_width),
                "word": Out(range(y.words)),
                "words": In(ArrayLayout(signed(width), sequences)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        sequences, y = self._sequences, self._y
        claimed = Array(Signal(name=f"claimed_{bank}") for bank in range(2))
        full = Array(Signal(name=f"full_{bank}") for bank in range(2))
        gives, firsts, lasts = (
            Array(Signal(sequences, name=f"{name}_{bank}") for bank in range(2))
            for name in ("gives", "firsts", "lasts")
        )
        coming = Signal()  # the bank of the next step that gives outputs
        m.d.comb += self.room.eq(~claimed[coming])
        with m.If(self.start):
            m.d.sync += [
                coming.eq(~coming),
                claimed[coming].eq(1),
                gives[coming].eq(self.gives),
                firsts[coming].eq(self.firsts),
                lasts[coming].eq(self.lasts),
            ]
        with m.If(self.done):
            m.d.sync += full[self.bank].eq(1)

        # Where the port is: a sequence without outputs takes a cycle in which nothing is offered.
        bank, sequence, index = Signal(), Signal(range(sequences)), Signal(range(y.length))
        row, next_row, next_word = Signal(range(y.rows)), Signal(range(y.rows)), Signal.like(self.word)
        valid, moves, leaves = Signal(), Signal(), Signal()
        next_sequence, next_bank, next_index = Signal.like(sequence), Signal(), Signal.like(index)
        given = gives[bank].bit_select(sequence, 1)
        ends = index == y.length - 1
        m.d.comb += [
            moves.eq((valid & self.o.ready & ends) | (full[bank] & ~given)),
            leaves.eq(moves & (sequence == sequences - 1)),
            next_bank.eq(bank ^ leaves),
            next_sequence.eq(sequence),
            next_index.eq(index),
            next_row.eq(row),
            next_word.eq(self.word),
            self.read_address.eq(Cat(next_bank, next_row)),
        ]
        with m.If(moves):
            m.d.comb += [
                next_sequence.eq(Mux(leaves, 0, sequence + 1)),
                next_index.eq(0),
                next_row.eq(0),
                next_word.eq(0),
            ]
        with m.Elif(valid & self.o.ready):
            m.d.comb += next_index.eq(index + 1)
            with m.If(self.word == y.words - 1):
                m.d.comb += [next_row.eq(row + 1), next_word.eq(0)]
            with m.Else():
                m.d.comb += next_word.eq(self.word + 1)
        m.d.sync += [
            bank.eq(next_bank),
            sequence.eq(next_sequence),
            index.eq(next_index),
            row.eq(next_row),
            self.word.eq(next_word),
            valid.eq(full[next_bank] & gives[next_bank].bit_select(next_sequence, 1)),
        ]
        with m.If(leaves):
            m.d.sync += [claimed[bank].eq(0), full[bank].eq(0)]

        # The largest word so far, the first one of equals.
        word = Signal(signed(y.width))
        best, best_index = Signal.like(word), Signal.like(index)
        payload = self.o.payload
        m.d.comb += [
            word.eq(pick(list(self.words), sequence)),
            self.o.valid.eq(valid),
            payload.data.eq(word),
            payload.index.eq(index),
            payload.sequence.eq(sequence),
            payload.argmax.eq(Mux((index == 0) | (word > best), index, best_index)),
            payload.first.eq(firsts[bank].bit_select(sequence, 1)),
            payload.last.eq(lasts[bank].bit_select(sequence, 1)),
        ]
        with m.If(valid & self.o.ready):
            m.d.sync += [best_index.eq(payload.argmax)]
            with m.If((index == 0) | (word > best)):
                m.d.sync += best.eq(word)
        return m
