"""All that one sequence needs for itself: lanes, vectors, memories, activations."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import memory, wiring
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.wiring import In, Out

from lmu_hw.networks.quantize.plan import Kind
from lmu_hw.rtl.network.activation import ActivationUnit, code_width, narrowed
from lmu_hw.rtl.network.control import row_layout, slot_layout
from lmu_hw.rtl.network.program import Program
from lmu_hw.rtl.network.rom import Words
from lmu_hw.rtl.network.vectors import Vector, pick
from lmu_hw.rtl.primitives.pipeline import LanePipeline


class Lanes(wiring.Component):
    """Multipliers with a register behind each, at the service of the affine maps or of one layer's memories.

    Attributes:
        affine: the factors of this cycle are `word` and `weights`, In(1); else those of the memories number
            `owner`, In, whose pipeline's factors are `factors_{owner}`, In.
        products: of the factors of the cycle before, Out.
    """

    def __init__(self, lanes: int, words: Words, pipelines: Sequence[LanePipeline]) -> None:
        self._lanes, self._pipelines = lanes, pipelines
        operands = [words.word, *(len(p.factors[0].operand) for p in pipelines)]
        coefficients = [words.weight, *(len(p.factors[0].coefficient) for p in pipelines)]
        self._operand, self._coefficient = max(operands), max(coefficients)
        pairs = {
            f"factors_{k}": In(
                ArrayLayout(
                    StructLayout({"operand": signed(operands[k + 1]), "coefficient": signed(coefficients[k + 1])}),
                    len(p.factors),
                )
            )
            for k, p in enumerate(pipelines)
        }
        super().__init__(
            {
                "affine": In(1),
                "owner": In(range(max(1, len(pipelines)))),
                "word": In(signed(words.word)),
                "weights": In(ArrayLayout(signed(words.weight), lanes)),
                "products": Out(ArrayLayout(signed(self._operand + self._coefficient), lanes)),
                **pairs,
            }
        )

    @property
    def width(self) -> tuple[int, int]:
        """Bits of the two factors of a multiplier."""
        return self._operand, self._coefficient

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for lane in range(self._lanes):
            operand = Signal(signed(self._operand), name=f"operand_{lane}")
            coefficient = Signal(signed(self._coefficient), name=f"coefficient_{lane}")
            with m.If(self.affine):
                m.d.comb += [operand.eq(self.word), coefficient.eq(self.weights[lane])]
            for k, pipeline in enumerate(self._pipelines):
                if lane < len(pipeline.factors):
                    factors = getattr(self, f"factors_{k}")[lane]
                    with m.Elif(self.owner == k):
                        m.d.comb += [operand.eq(factors.operand), coefficient.eq(factors.coefficient)]
            m.d.sync += self.products[lane].eq(operand * coefficient)
        return m


class Accumulators(wiring.Component):
    """A sum for each lane, and a register in which a finished group's sums leave one by one.

    Attributes:
        add: the products are one word's, In(1).
        opens: it is the first of its group: the sums start from `biases`, In.
        alignment_shifts: how far each product is shifted up, In; `products`: In.
        close: the sums are finished, In(1), a cycle after their last product.
        sum: of the group's first row in the cycle after `close`, then one row after the other, Out.
    """

    def __init__(self, lanes: int, words: Words) -> None:
        self._lanes, self._words = lanes, words
        super().__init__(
            {
                "add": In(1),
                "opens": In(1),
                "alignment_shifts": In(ArrayLayout(words.alignment_shift, lanes)),
                "products": In(ArrayLayout(signed(words.word + words.weight), lanes)),
                "biases": In(ArrayLayout(signed(words.sum), lanes)),
                "close": In(1),
                "sum": Out(signed(words.sum)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        number, lanes = signed(self._words.sum), self._lanes
        sums = [Signal(number, name=f"sum_{lane}") for lane in range(lanes)]
        leaving = [Signal(number, name=f"leaving_{lane}") for lane in range(lanes)]
        for lane in range(lanes):
            lifted = self.products[lane] << self._words.least_lift
            if self._words.alignment_shift:
                lifted = lifted << self.alignment_shifts[lane]
            with m.If(self.add):
                m.d.sync += sums[lane].eq(Mux(self.opens, self.biases[lane], sums[lane]) + lifted)
            after = leaving[lane + 1] if lane + 1 < lanes else 0
            m.d.sync += leaving[lane].eq(Mux(self.close, sums[lane], after))
        m.d.comb += self.sum.eq(leaving[0])
        return m


# amaranth: UnusedElaboratable=no


class Slice(wiring.Component):
    """The data of one sequence. What it does in a cycle, all slices do, and are told from outside.

    Attributes:
        fresh: what the step before left behind counts as zero, In(1).
        x: a word of the input, In.
        slots, weights, biases, rows: as `Control` gives them, In.
        read_{v}: address of vector v in the cycle of a slot's issue, In; `word_{v}`: which word of the row that
            comes in the next cycle, In.
        write_{v}: vector v is written, In(1), at `at_{v}`, In: with x, a beat of memory words or an activation's word.
        y_write, y_at, y_read, y_word: likewise of the outputs; y: a word, Out.
        owner: number of the memories that have the lanes while no slot has, In.
        store_{k}, store_at_{k}, store_read_{k}, offer_{k}: the samples of the memories number k, as `Feeder` tells, In.
        entry_{k}: of their table, In; `address_{k}`: where it is read, Out.
        taken_{k}: a sample can be taken, Out(1); `beat_{k}`: memory words come, Out(1), of `channel_{k}`, Out.
    """

    def __init__(self, program: Program, words: Words, y: Vector) -> None:
        self._program, self._words, self._y = program, words, y
        self._pipelines = [use.pipeline() for use in program.memories.values()]
        self.lanes = Lanes(program.lanes, words, self._pipelines)
        self.activations = ActivationUnit(program)
        members = {
            "fresh": In(1),
            "x": In(signed(program.vectors[0].width)),
            "slots": In(ArrayLayout(slot_layout(program, words), 5)),
            "weights": In(words.weight * program.lanes),
            "biases": In(words.sum * program.lanes),
            "rows": In(ArrayLayout(row_layout(program), 5)),
            "owner": In(range(max(1, len(self._pipelines)))),
            "y_write": In(1),
            "y_at": In(y.address_width),
            "y_read": In(y.address_width),
            "y_word": In(range(y.words)),
            "y": Out(signed(y.width)),
        }
        for v, vector in enumerate(program.vectors):
            members |= {
                f"read_{v}": In(vector.address_width),
                f"word_{v}": In(range(vector.words)),
                f"write_{v}": In(1),
                f"at_{v}": In(vector.address_width),
            }
        for k, (use, pipeline) in enumerate(zip(program.memories.values(), self._pipelines, strict=True)):
            members |= {
                f"store_{k}": In(1),
                f"store_at_{k}": In(range(use.channels)),
                f"store_read_{k}": In(range(use.channels)),
                f"offer_{k}": In(1),
                f"entry_{k}": In(pipeline.image.shape),
                f"address_{k}": Out(len(pipeline.address)),
                f"taken_{k}": Out(1),
                f"beat_{k}": Out(1),
                f"channel_{k}": Out(range(use.channels)),
            }
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        program, words, slots, rows = self._program, self._words, self.slots, self.rows
        m.submodules.lanes = lanes = self.lanes
        m.submodules.accumulators = accumulators = Accumulators(program.lanes, words)
        m.submodules.activations = activations = self.activations

        # The word of a slot, a cycle after it has been addressed; that of the step before is zero where fresh.
        blank = Signal()
        m.d.sync += blank.eq(slots[0].previous & self.fresh)
        read: list[Value] = []
        for v, vector in enumerate(program.vectors):
            m.submodules[f"vector_{v}"] = store = vector.memory
            port, write = store.read_port(), store.write_port()
            m.d.comb += [
                port.addr.eq(getattr(self, f"read_{v}")),
                write.addr.eq(getattr(self, f"at_{v}")),
                write.en.eq(getattr(self, f"write_{v}")),
                write.data.eq(self._written(vector)),
            ]
            read.append(_word(vector, port.data, getattr(self, f"word_{v}")))
        m.d.sync += lanes.word.eq(Mux(blank, 0, pick(read, slots[1].vector)))

        # Products, sums, codes, activations.
        m.d.comb += [
            lanes.affine.eq(slots[2].valid),
            lanes.weights.eq(self.weights),
            lanes.owner.eq(self.owner),
            accumulators.add.eq(slots[3].valid),
            accumulators.opens.eq(slots[3].opens),
            accumulators.alignment_shifts.eq(slots[3].alignment_shifts),
            accumulators.biases.eq(self.biases),
            accumulators.close.eq(slots[4].valid & slots[4].closes),
            *(to.eq(product) for to, product in zip(accumulators.products, lanes.products, strict=True)),
        ]
        code = Signal(signed(code_width(program)))
        narrowed(m, program.maps, rows[0].map, accumulators.sum, code)
        m.d.comb += [activations.map.eq(rows[1].map), activations.code.eq(code)]

        # The memories.
        for k, (use, pipeline) in enumerate(zip(program.memories.values(), self._pipelines, strict=True)):
            m.submodules[f"memory_{use.layer}"] = pipeline
            width = signed(use.plan.input_format.width)
            m.submodules[f"samples_{use.layer}"] = store = memory.Memory(shape=width, depth=use.channels, init=[])
            write = store.write_port()
            port = store.read_port(transparent_for=(write,))
            m.d.comb += [
                write.addr.eq(getattr(self, f"store_at_{k}")),
                write.en.eq(getattr(self, f"store_{k}")),
                write.data.eq(code),
                port.addr.eq(getattr(self, f"store_read_{k}")),
                pipeline.valid.eq(getattr(self, f"offer_{k}")),
                pipeline.sample.data.eq(port.data),
                pipeline.sample.first.eq(self.fresh),
                pipeline.entry.eq(getattr(self, f"entry_{k}")),
                getattr(lanes, f"factors_{k}").eq(pipeline.factors),
                *(to.eq(product) for to, product in zip(pipeline.products, lanes.products, strict=False)),
                getattr(self, f"address_{k}").eq(pipeline.address),
                getattr(self, f"taken_{k}").eq(pipeline.ready),
                getattr(self, f"beat_{k}").eq(pipeline.beat_valid),
                getattr(self, f"channel_{k}").eq(pipeline.beat.channel),
            ]

        # What leaves.
        m.submodules.outputs = store = self._y.memory
        port, write = store.read_port(), store.write_port()
        m.d.comb += [
            write.addr.eq(self.y_at),
            write.en.eq(self.y_write),
            write.data.eq(self._written(self._y)),
            port.addr.eq(self.y_read),
            self.y.eq(_word(self._y, port.data, self.y_word)),
        ]
        return m

    def _written(self, vector: Vector) -> Value:
        """What a vector's memory takes in."""
        if vector.kind is Kind.INPUT:
            return self.x
        if vector.kind is Kind.OUTPUT:
            return self.activations.word
        beat = self._pipelines[list(self._program.memories).index(vector.layer)].beat
        return beat.data[0] if vector.words == 1 else beat.data


def _word(vector: Vector, row: Value, index: Signal) -> Value:
    return row if vector.words == 1 else pick(list(row), index)
