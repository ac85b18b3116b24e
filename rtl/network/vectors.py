"""The vectors of words that affine maps read, and of the outputs: their memories and how these are addressed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Module, ShapeLike, Value, signed
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from lmu_hw.networks.quantize.plan import AffinePlan, Kind, NetworkPlan, Source
from lmu_hw.rtl.network.memories import MemoryUse
from lmu_hw.rtl.primitives.bundles import Bundle, Component
from lmu_hw.rtl.primitives.indices import index_signal, is_last, pick, successor
from lmu_hw.rtl.primitives.storage import storage


@dataclass(frozen=True)
class Vector:
    """A vector of words, which has a memory of its own in each slice.

    Attributes:
        kind: The origin of the words: the input, the memories of a layer or the activation of a layer.
        layer: The index of that layer; 0 for the input.
        length: The number of words.
        width: The width of a word in bits.
        words: The number of words in a row of the memory, which are written together.
        banks: The number of banks: 2 where new words are written while those of the step before are still read, else 1.
    """

    kind: Kind
    layer: int
    length: int
    width: int
    words: int
    banks: int

    @property
    def name(self) -> str:
        """The name of the vector in bundles and in the Verilog."""
        return {Kind.INPUT: "x", Kind.MEMORY: f"memory_{self.layer}", Kind.OUTPUT: f"layer_{self.layer}"}[self.kind]

    @property
    def rows(self) -> int:
        """The number of rows in a bank."""
        return self.length // self.words

    @property
    def row_shape(self) -> ShapeLike:
        """The shape of a row: a signed word, or an array of `words` signed words."""
        return signed(self.width) if self.words == 1 else ArrayLayout(signed(self.width), self.words)

    @property
    def depth(self) -> int:
        """The number of rows in all banks; the bank is the lowest bit of an address."""
        return self.banks * self.rows

    @property
    def read_signature(self) -> Bundle:
        """How a word is read: the `address` of its row and, one cycle later, the index `word` of the word in it."""
        return Bundle({"address": Out(range(self.depth)), "word": Out(range(self.words))})

    @property
    def signature(self) -> Bundle:
        """How a vector is accessed: `read`, of `read_signature`, and `write` with `valid` and `address` of a row."""
        write = Bundle({"valid": Out(1), "address": Out(range(self.depth))})
        return Bundle({"read": Out(self.read_signature), "write": Out(write)})

    def address(self, row: Value, bank: Value) -> Value:
        """The address of row number `row` in bank `bank`, which has no effect if there is only one."""
        return row if self.banks == 1 else Cat(bank, row)


def place_of(plan: NetworkPlan, source: Source) -> tuple[Kind, int]:
    """The kind and layer of the vector with the words of a source.

    The outputs of a layer without an affine map of its own are its memory words.
    """
    if source.kind is Kind.OUTPUT and plan.layers[source.layer].affine is None:
        return Kind.MEMORY, source.layer
    return source.kind, source.layer


def maps_of(plan: NetworkPlan) -> Iterator[tuple[int, str, AffinePlan]]:
    """The affine maps in the order in which a step computes them.

    Yields:
        The index of the layer, "drive" or "affine", and the map: that of the memories' samples, or of the outputs.
    """
    for k, layer, what in plan.operations(last=True):
        chosen = {"drive": layer.drive, "affine": layer.affine}.get(what)
        if chosen is not None:
            yield k, what, chosen


def vectors_of(plan: NetworkPlan, memories: dict[int, MemoryUse]) -> tuple[Vector, ...]:
    """The vectors of a network: the input, which comes first, and every vector that an affine map reads.

    One bank is enough for memory words, which are written after the drive has read those of the step before. It is
    enough for the words of an activation as well, unless the map that computes them reads those of the step before.
    """
    banks: dict[tuple[Kind, int], int] = {(Kind.INPUT, 0): 2}  # one bank is filled while the other is read
    for k, what, affine in maps_of(plan):
        for segment in affine.segments:
            place = place_of(plan, segment.source)
            remade = what == "affine" and place == (Kind.OUTPUT, k)
            banks[place] = max(banks.get(place, 1), 2 if remade else 1)
    return tuple(_vector(plan, memories, place, count) for place, count in banks.items())


def outputs_of(plan: NetworkPlan, memories: dict[int, MemoryUse]) -> Vector:
    """The vector of output words, with two banks: one is written while the words in the other leave."""
    place = place_of(plan, Source(Kind.OUTPUT, len(plan.layers) - 1))
    return _vector(plan, memories, place, 2)


def _vector(plan: NetworkPlan, memories: dict[int, MemoryUse], place: tuple[Kind, int], banks: int) -> Vector:
    """The vector of the given kind and layer."""
    kind, k = place
    if kind is Kind.INPUT:
        return Vector(kind, k, plan.inputs, plan.input_format.width, 1, banks)
    layer = plan.layers[k]
    if kind is Kind.MEMORY:
        use = memories[k]
        return Vector(kind, k, layer.states, use.plan.output_format.width, use.schedule.words, banks)
    return Vector(kind, k, layer.outputs, layer.output_format.width, 1, banks)


class VectorMemory(Component):
    """The memory of a vector, which is written row by row and read word by word.

    Args:
        vector: The vector.

    Attributes:
        access: In, of `Vector.signature`.
        row: In, the row that is written, of `Vector.row_shape`.
        word: Out, the word that was addressed in the cycle before, signed.
    """

    def __init__(self, vector: Vector) -> None:
        self._vector = vector
        super().__init__(
            {"access": In(vector.signature), "row": In(vector.row_shape), "word": Out(signed(vector.width))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        vector = self._vector
        m.submodules.words = words = storage(vector.row_shape, vector.depth)
        words_write = words.write_port()
        words_read = words.read_port()
        row: Any = words_read.data
        m.d.comb += [
            words_read.addr.eq(self.access.read.address),
            words_write.addr.eq(self.access.write.address),
            words_write.en.eq(self.access.write.valid),
            words_write.data.eq(self.row),
            self.word.eq(row if vector.words == 1 else pick(list(row), self.access.read.word)),
        ]
        return m


class VectorReader(Component):
    """Address counter of a vector: addresses its words from the first to the last, and then again.

    Args:
        vector: The vector.

    Attributes:
        next: In(1), high in a cycle in which the word that is addressed is read, so that the next one follows.
        bank: In(1), the bank that is read; without effect if there is only one.
        read: Out, of `Vector.read_signature`.
    """

    def __init__(self, vector: Vector) -> None:
        self._vector = vector
        super().__init__({"next": In(1), "bank": In(1), "read": Out(vector.read_signature)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        vector = self._vector
        row = index_signal(vector.rows, "row")
        word = index_signal(vector.words, "word")
        with m.If(self.next):
            m.d.sync += word.eq(successor(word, vector.words))
            with m.If(is_last(word, vector.words)):
                m.d.sync += row.eq(successor(row, vector.rows))
        m.d.comb += self.read.address.eq(vector.address(row, self.bank))
        m.d.sync += self.read.word.eq(word)
        return m
