"""A multiplier with registers where hard multipliers have theirs, and what it is on families whose tools need help."""

from __future__ import annotations

from collections.abc import Mapping

from amaranth.hdl import Module, Signal, signed
from amaranth.lib.wiring import In, Out

from lmu_hw.rtl.primitives.bundles import Component

LATENCY = 3
"""Cycles from the factors to the product: registers at the inputs, inside, and at the output."""

HARD_WIDTH = 18
"""The width of the factors of a hard multiplier of an ECP5."""


class Multiplier(Component):
    """Multiplier with registers at its inputs, inside and at its output, as hard multipliers have them.

    Latency: 3 cycles; a product in every cycle. The registers have no reset, so that any family's can be used. Yosys
    does not make them those of the multiplier of an ECP5, which without them limits the clock to 142 MHz instead of
    236 MHz. So where both factors have at most 18 bits the module has a second form, which the macro `LMU_HW_ECP5`
    selects: an instance of `MULT18X18D` (Lattice FPGA-TN-02205).

    Args:
        operand_width: The width of the signed factor `operand`.
        coefficient_width: The width of the signed factor `coefficient`.

    Attributes:
        operand, coefficient: In, the factors.
        product: Out, the exact product of the factors of 3 cycles before.
        forms: The instances that can take the place of the module's text, by the macro that selects each: lines with
            `{clock}`, `{enable}`, `{operand}` and `{coefficient}` for what is connected, and `{product}` for the wire
            of `form_width` bits that holds the product.
        form_width: The width of the product of an instance.
    """

    form_width = 2 * HARD_WIDTH

    def __init__(self, operand_width: int, coefficient_width: int) -> None:
        super().__init__(
            {
                "operand": In(signed(operand_width)),
                "coefficient": In(signed(coefficient_width)),
                "product": Out(signed(operand_width + coefficient_width)),
            }
        )
        fits = max(operand_width, coefficient_width) <= HARD_WIDTH
        self.forms: Mapping[str, list[str]] = {"LMU_HW_ECP5": _mult18x18d()} if fits else {}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        operand = Signal.like(self.operand, name="held_operand", reset_less=True)
        coefficient = Signal.like(self.coefficient, name="held_coefficient", reset_less=True)
        inner = Signal.like(self.product, name="inner_product", reset_less=True)
        outer = Signal.like(self.product, name="outer_product", reset_less=True)
        m.d.sync += [
            operand.eq(self.operand),
            coefficient.eq(self.coefficient),
            inner.eq(operand * coefficient),
            outer.eq(inner),
        ]
        m.d.comb += self.product.eq(outer)
        return m


def _mult18x18d() -> list[str]:
    """The instance of an ECP5, with all its registers on one clock and enable."""
    registers = ("INPUTA", "INPUTB", "PIPELINE", "OUTPUT")
    parameters = ", ".join(f'.REG_{each}_CLK("CLK0")' for each in registers)
    lines = [
        f"wire signed [{HARD_WIDTH - 1}:0] a = {{operand}};",
        f"wire signed [{HARD_WIDTH - 1}:0] b = {{coefficient}};",
        f"MULT18X18D #({parameters}) multiplier (",
        "  .CLK0({clock}), .CE0({enable}), .RST0(1'b0),",
        "  .SIGNEDA(1'b1), .SIGNEDB(1'b1), .SOURCEA(1'b0), .SOURCEB(1'b0),",
    ]
    for factor in "AB":
        lines.append("  " + " ".join(f".{factor}{k}({factor.lower()}[{k}])," for k in range(HARD_WIDTH)))
    last = 2 * HARD_WIDTH - 1
    lines.append("  " + " ".join(f".P{k}({{product}}[{k}])" + ("," if k < last else "") for k in range(last + 1)))
    return [*lines, ");"]
