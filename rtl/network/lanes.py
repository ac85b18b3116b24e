"""The multipliers of a slice, shared by everything in it, and the accumulators of the affine maps."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.wiring import In, Out

from lmu_hw.rtl.network.images import Words
from lmu_hw.rtl.pipeline import LanePipeline


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
        lifts: how far each product is shifted up, In; `products`: In.
        close: the sums are finished, In(1), a cycle after their last product.
        sum: of the group's first row in the cycle after `close`, then one row after the other, Out.
    """

    def __init__(self, lanes: int, words: Words) -> None:
        self._lanes, self._words = lanes, words
        super().__init__(
            {
                "add": In(1),
                "opens": In(1),
                "lifts": In(ArrayLayout(words.lift, lanes)),
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
            if self._words.lift:
                lifted = lifted << self.lifts[lane]
            with m.If(self.add):
                m.d.sync += sums[lane].eq(Mux(self.opens, self.biases[lane], sums[lane]) + lifted)
            after = leaving[lane + 1] if lane + 1 < lanes else 0
            m.d.sync += leaving[lane].eq(Mux(self.close, sums[lane], after))
        m.d.comb += self.sum.eq(leaving[0])
        return m
