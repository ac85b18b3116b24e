"""The vectors of words that affine maps read: which there are, where they lie, and how they are addressed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import memory, wiring
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from lmu_hw.networks.quantize.plan import AffinePlan, Kind, NetworkPlan, Source
from lmu_hw.rtl.network.memories import MemoryUse


@dataclass(frozen=True)
class Vector:
    """Words in a memory of their own, in each slice.

    Attributes:
        kind, layer: what they are: the input, the memory words of a layer, or what a layer's activation gives.
        length: how many.
        width: bits of a word.
        words: of a row, which are written at a time.
        banks: 2 where new words are written while those of the step before are still read.
    """

    kind: Kind
    layer: int
    length: int
    width: int
    words: int
    banks: int

    @property
    def rows(self) -> int:
        """Rows of a bank."""
        return self.length // self.words

    @property
    def memory(self) -> memory.Memory:
        """The memory for them; the bank is the lowest bit of an address."""
        shape = signed(self.width) if self.words == 1 else ArrayLayout(signed(self.width), self.words)
        return memory.Memory(shape=shape, depth=self.banks * self.rows, init=[])

    @property
    def address_width(self) -> int:
        """Bits of an address."""
        return (self.banks * self.rows - 1).bit_length()


def place_of(plan: NetworkPlan, source: Source) -> tuple[Kind, int]:
    """Where the words of a source lie: a layer without a dense part gives its memory words on."""
    if source.kind is Kind.OUTPUT and plan.layers[source.layer].affine is None:
        return Kind.MEMORY, source.layer
    return source.kind, source.layer


def maps_of(plan: NetworkPlan) -> Iterator[tuple[int, str, AffinePlan]]:
    """The affine maps in the order in which a step takes them up: (layer, "drive" | "affine", map)."""
    for k, layer, what in plan.operations(last=True):
        chosen = {"drive": layer.drive, "affine": layer.affine}.get(what)
        if chosen is not None:
            yield k, what, chosen


def vectors_of(plan: NetworkPlan, memories: dict[int, MemoryUse]) -> tuple[Vector, ...]:
    """The vectors of a network: the input, and all that some map reads.

    New memory words come after the drive has read those of the step before, and new outputs after everything
    that a step reads of the old ones, but for the map that makes them.
    """
    banks: dict[tuple[Kind, int], int] = {(Kind.INPUT, 0): 2}  # one is filled while the other one is read
    for k, what, affine in maps_of(plan):
        for segment in affine.segments:
            place = place_of(plan, segment.source)
            remade = what == "affine" and place == (Kind.OUTPUT, k)
            banks[place] = max(banks.get(place, 1), 2 if remade else 1)
    return tuple(_vector(plan, memories, place, count) for place, count in banks.items())


def outputs_of(plan: NetworkPlan, memories: dict[int, MemoryUse]) -> Vector:
    """What leaves, in two banks of which one is written while the other one is read."""
    place = place_of(plan, Source(Kind.OUTPUT, len(plan.layers) - 1))
    return _vector(plan, memories, place, 2)


def _vector(plan: NetworkPlan, memories: dict[int, MemoryUse], place: tuple[Kind, int], banks: int) -> Vector:
    kind, k = place
    if kind is Kind.INPUT:
        return Vector(kind, k, plan.inputs, plan.input_format.width, 1, banks)
    layer = plan.layers[k]
    if kind is Kind.MEMORY:
        use = memories[k]
        return Vector(kind, k, layer.states, use.plan.output_format.width, use.schedule.words, banks)
    return Vector(kind, k, layer.outputs, layer.output_format.width, 1, banks)


class ReadAddress(wiring.Component):
    """Where the next word of a vector is read: from its first word to its last, and again.

    Attributes:
        read: a word is read in this cycle, In(1); bank: which one, In(1), of no effect where there is one only.
        address: of its row, Out; `word`: which one of the row it is, Out, a cycle later, as the row comes.
    """

    def __init__(self, vector: Vector) -> None:
        self._vector = vector
        super().__init__(
            {
                "read": In(1),
                "bank": In(1),
                "address": Out(vector.address_width),
                "word": Out(range(vector.words)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        vector = self._vector
        row, word = Signal(range(vector.rows)), Signal(range(vector.words))
        ends = word == vector.words - 1
        with m.If(self.read):
            m.d.sync += word.eq(Mux(ends, 0, word + 1))
            with m.If(ends):
                m.d.sync += row.eq(Mux(row == vector.rows - 1, 0, row + 1))
        m.d.comb += self.address.eq(banked(vector, row, self.bank))
        m.d.sync += self.word.eq(word)
        return m


def banked(vector: Vector, row: Signal, bank: Signal) -> Signal:
    """The address of a row."""
    return row if vector.banks == 1 else Cat(bank, row)


def pick(values: Sequence[Signal], index: Signal) -> Signal:
    """values[index], combinational."""
    chosen = values[0]
    for k, value in enumerate(values[1:], 1):
        chosen = Mux(index == k, value, chosen)
    return chosen
