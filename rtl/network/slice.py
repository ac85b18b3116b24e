"""The datapath of one sequence: its lanes, vectors, memories and activations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Const, Module, Mux, Signal, Value, signed
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out, connect, flipped

from lmu_hw.networks.quantize.plan import Kind
from lmu_hw.rtl.network.activation import ActivationUnit, Rounder, code_width
from lmu_hw.rtl.network.control import steps_signature
from lmu_hw.rtl.network.program import Program
from lmu_hw.rtl.network.rom import Words
from lmu_hw.rtl.network.vectors import Vector, VectorMemory
from lmu_hw.rtl.primitives.bundles import Bundle, Component, interfaces
from lmu_hw.rtl.primitives.indices import pick
from lmu_hw.rtl.primitives.pipeline import LanePipeline
from lmu_hw.rtl.primitives.storage import storage


class Lanes(Component):
    """Multipliers with a register behind each, shared by the affine maps and the memories of all layers.

    Args:
        lanes: The number of multipliers.
        words: The widths of the network.
        pipelines: The memory pipelines that share the multipliers, each with at most `lanes` of them.

    Attributes:
        affine: In, the factors of an affine map: high `valid` gives it the multipliers in this cycle, of which each
            multiplies `word` by its own weight in `weights`.
        owner: In, the index of the pipeline that has the multipliers in all other cycles.
        products: Out, the product of each multiplier, of its factors of the cycle before.
        memories: In, for each pipeline the array of multipliers that its own is to be connected to.
    """

    def __init__(self, lanes: int, words: Words, pipelines: Sequence[LanePipeline]) -> None:
        self._lanes = lanes
        weights = ArrayLayout(signed(words.weight), lanes)
        affine = Bundle({"valid": Out(1), "word": Out(signed(words.word)), "weights": Out(weights)})
        self._operand = max([words.word, *(len(p.multipliers[0].operand) for p in pipelines)])
        self._coefficient = max([words.weight, *(len(p.multipliers[0].coefficient) for p in pipelines)])
        users = {f"memory_{k}": In(p.multiplier).array(len(p.multipliers)) for k, p in enumerate(pipelines)}
        super().__init__(
            {
                "affine": In(affine),
                "owner": In(range(max(1, len(pipelines)))),
                "products": Out(ArrayLayout(signed(self._operand + self._coefficient), lanes)),
                **users,
            }
        )
        self.memories: list[list[Any]] = [getattr(self, name) for name in users]

    @property
    def width(self) -> tuple[int, int]:
        """The widths of the two factors of a multiplier in bits: operand, coefficient."""
        return self._operand, self._coefficient

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for lane in range(self._lanes):
            operand = Signal(signed(self._operand), name=f"operand_{lane}")
            coefficient = Signal(signed(self._coefficient), name=f"coefficient_{lane}")
            with m.If(self.affine.valid):
                m.d.comb += [operand.eq(self.affine.word), coefficient.eq(self.affine.weights[lane])]
            for k, memory in enumerate(self.memories):
                if lane < len(memory):
                    with m.Elif(self.owner == k if len(self.memories) > 1 else Const(1)):
                        m.d.comb += [operand.eq(memory[lane].operand), coefficient.eq(memory[lane].coefficient)]
            # Every memory sees all products; only the pipeline that had the multiplier in the cycle before uses one.
            m.d.comb += [memory[lane].product.eq(self.products[lane]) for memory in self.memories if lane < len(memory)]
            m.d.sync += self.products[lane].eq(operand * coefficient)
        return m


class Accumulators(Component):
    """Accumulators of the rows of a group, one per lane, and a shift register in which finished sums leave one by one.

    The next group can be added up while the sums of the last one leave.

    Args:
        lanes: The number of lanes.
        words: The widths of the network.

    Attributes:
        add: In, the products of a slot: where `valid` is high, the `products` of all lanes are shifted left, each by
            its entry of `alignment_shifts` beyond the shift that all have, and are added; where `opens` is high the
            sums start from the `biases`.
        close: In(1), high in the cycle after the last products of a group were added.
        sum: Out, the sum of the group's first row in the cycle after `close`, then that of a further row a cycle.
    """

    def __init__(self, lanes: int, words: Words) -> None:
        self._lanes, self._words = lanes, words
        add = {
            "valid": Out(1),
            "opens": Out(1),
            "alignment_shifts": Out(ArrayLayout(words.alignment_shift, lanes)),
            "products": Out(ArrayLayout(signed(words.word + words.weight), lanes)),
            "biases": Out(ArrayLayout(signed(words.sum), lanes)),
        }
        super().__init__({"add": In(Bundle(add)), "close": In(1), "sum": Out(signed(words.sum))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        number, lanes, add = signed(self._words.sum), self._lanes, self.add
        sums = [Signal(number, name=f"sum_{lane}") for lane in range(lanes)]
        leaving = [Signal(number, name=f"leaving_{lane}") for lane in range(lanes)]
        for lane in range(lanes):
            aligned = add.products[lane] << self._words.least_shift
            if self._words.alignment_shift:
                aligned = aligned << add.alignment_shifts[lane]
            with m.If(add.valid):
                m.d.sync += sums[lane].eq(Mux(add.opens, add.biases[lane], sums[lane]) + aligned)
            after = leaving[lane + 1] if lane + 1 < lanes else 0
            m.d.sync += leaving[lane].eq(Mux(self.close, sums[lane], after))
        m.d.comb += self.sum.eq(leaving[0])
        return m


# amaranth: UnusedElaboratable=no


class Slice(Component):
    """The datapath of one sequence: lanes, accumulators, vectors, memories and activations.

    All slices do the same in every cycle, under one control. A word of a vector goes to all lanes; each multiplies it
    by its own weight and adds the product to the sum of its row. The sums of a finished group leave one by one and are
    rounded to codes. A code is either a sample of the layer's memories, which is buffered until those of all channels
    are there, or becomes a word by the layer's activation. While memories work, they have the multipliers.

    Args:
        program: The program of the network.
        words: The widths of the network.
        y: The vector of output words.

    Attributes:
        clear: In(1), high in a step that finds the sequence cleared: words of the step before count as zero.
        x: In, the input word that is taken in this cycle.
        steps: In, of `steps_signature`, the signals of the control.
        owner: In, the index of the memories that have the multipliers in cycles without a slot in MULTIPLY.
        vectors: In, `Vector.signature` of each vector by its name. The row that is written is the input word, a beat of
            memory words or the word of an activation, by the kind of vector.
        memories: In, `MemoryUse.signature` of each layer's memories by their name.
        outputs: In, `Vector.signature` of the outputs.
        y: Out, the output word that was addressed in the cycle before.
        lanes: The multipliers, as a submodule.
        activations: The activations of all layers, as a submodule.
    """

    def __init__(self, program: Program, words: Words, y: Vector) -> None:
        self._program, self._words, self._y = program, words, y
        self._uses = list(program.memories.values())
        self._pipelines = [use.pipeline() for use in self._uses]
        self.lanes = Lanes(program.lanes, words, self._pipelines)
        self.activations = ActivationUnit(program)
        super().__init__(
            {
                "clear": In(1),
                "x": In(signed(program.vectors[0].width)),
                "steps": In(steps_signature(program, words)),
                "owner": In(range(max(1, len(self._uses)))),
                "vectors": In(Bundle({vector.name: Out(vector.signature) for vector in program.vectors})),
                "memories": In(Bundle({use.name: Out(use.signature) for use in self._uses})),
                "outputs": In(y.signature),
                "y": Out(signed(y.width)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        program, slots, rows = self._program, self.steps.slots, self.steps.rows
        m.submodules.lanes = lanes = self.lanes
        m.submodules.accumulators = accumulators = Accumulators(program.lanes, self._words)
        m.submodules.activations = activations = self.activations

        # READ: the word of a slot; words of the step before are replaced by zero in a step that finds the sequence
        # cleared, so that no vector has to be erased.
        blank = Signal()
        m.d.sync += blank.eq(slots.issue.previous & self.clear)
        words: list[Value] = []
        for vector, access in zip(program.vectors, interfaces(self.vectors), strict=True):
            m.submodules[f"vector_{vector.name}"] = memory = VectorMemory(vector)
            connect(m, flipped(access), memory.access)
            m.d.comb += memory.row.eq(self._written(vector))
            words.append(memory.word)
        word = Signal(signed(self._words.word))
        m.d.sync += word.eq(Mux(blank, 0, pick(words, slots.read.vector)))

        # MULTIPLY, ACCUMULATE, CLOSE
        m.d.comb += [
            lanes.affine.valid.eq(slots.multiply.valid),
            lanes.affine.word.eq(word),
            lanes.affine.weights.eq(self.steps.weights),
            lanes.owner.eq(self.owner),
            accumulators.add.valid.eq(slots.accumulate.valid),
            accumulators.add.opens.eq(slots.accumulate.opens),
            accumulators.add.alignment_shifts.eq(slots.accumulate.alignment_shifts),
            accumulators.add.biases.eq(self.steps.biases),
            *(to.eq(product) for to, product in zip(accumulators.add.products, lanes.products, strict=True)),
            accumulators.close.eq(slots.close.valid & slots.close.closes),
        ]

        # ROUND, and from LOOKUP to WRITE the activation
        m.submodules.rounder = rounder = Rounder(program, self._words)
        code = Signal(signed(code_width(program)))
        m.d.comb += [
            rounder.map.eq(rows.round.map),
            rounder.sum.eq(accumulators.sum),
            code.eq(rounder.code),
            activations.map.eq(rows.lookup.map),
            activations.code.eq(code),
        ]
        for index in range(len(self._uses)):
            self._memory(m, index, code)

        # What leaves
        m.submodules.outputs = outputs = VectorMemory(self._y)
        connect(m, flipped(self.outputs), outputs.access)
        m.d.comb += [outputs.row.eq(self._written(self._y)), self.y.eq(outputs.word)]
        return m

    def _memory(self, m: Module, index: int, code: Signal) -> None:
        """Add the memories of one layer, with the buffer of their samples.

        Args:
            m: The module that they are added to.
            index: The index of the layer among those with memories.
            code: The code of the row in LOOKUP, which may be a sample.
        """
        use, pipeline, outside = self._uses[index], self._pipelines[index], interfaces(self.memories)[index]
        m.submodules[use.name] = pipeline
        m.submodules[f"samples_{use.layer}"] = samples = storage(signed(use.plan.input_format.width), use.channels)
        samples_write = samples.write_port()
        samples_read = samples.read_port(transparent_for=(samples_write,))
        m.d.comb += [
            samples_write.addr.eq(outside.samples.write_address),
            samples_write.en.eq(outside.samples.write),
            samples_write.data.eq(code),
            samples_read.addr.eq(outside.samples.read_address),
            pipeline.samples.valid.eq(outside.samples.offer),
            pipeline.samples.payload.data.eq(samples_read.data),
            pipeline.samples.payload.first.eq(self.clear),
            outside.rom.address.eq(pipeline.rom.address),
            pipeline.rom.data.eq(outside.rom.data),
            outside.ready.eq(pipeline.samples.ready),
            outside.beat.eq(pipeline.beats.valid),
            outside.channel.eq(pipeline.beats.payload.channel),
        ]
        for multiplier, lane in zip(pipeline.multipliers, self.lanes.memories[index], strict=True):
            connect(m, multiplier, lane)

    def _written(self, vector: Vector) -> Value:
        """The row that is written to a vector: an input word, the word of an activation, or a beat of memory words."""
        if vector.kind is Kind.INPUT:
            return self.x
        if vector.kind is Kind.OUTPUT:
            return self.activations.word
        beat = self._pipelines[list(self._program.memories).index(vector.layer)].beats.payload
        return beat.data[0] if vector.words == 1 else beat.data
