"""Random words in hardware: the generator of `lmu_hw.spiking.generators`."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lmu_hw.spiking.generators import REGISTERS, WORD_BITS


class WordGenerator(wiring.Component):
    """A word in every cycle in which `advance` is high: three shift registers and about 90 exclusive ors.

    Args:
        states: of the registers at the beginning, from `first_states`.

    Attributes:
        restart: begin again, In(1); goes before `advance`.
        advance: the word is used, In(1).
        word: the current one, Out(32); after reset and `restart` word 0 of the stream.
    """

    def __init__(self, states: tuple[int, int, int]) -> None:
        self._states = states
        super().__init__({"restart": In(1), "advance": In(1), "word": Out(WORD_BITS)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        word = Const(0, WORD_BITS)
        for k, (register, first) in enumerate(zip(REGISTERS, self._states, strict=True)):
            state = Signal(WORD_BITS, init=first, name=f"register_{k}")
            low = register.length - register.places
            fed_back = (Cat(Const(0, register.tap), state[: WORD_BITS - register.tap]) ^ state)[low:]
            # The mask leaves out the lowest bits of the word, which no register has.
            none = WORD_BITS - register.length
            kept = Cat(Const(0, register.places + none), state[none : WORD_BITS - register.places])
            with m.If(self.restart):
                m.d.sync += state.eq(first)
            with m.Elif(self.advance):
                m.d.sync += state.eq(kept ^ fed_back)
            word = word ^ state
        m.d.comb += self.word.eq(word)
        return m
