"""What the writer makes of small components, as its readers see it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Module, Signal, signed
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import Component, In, Out

from lmu_hw.rtl.interface.emission import emit


class Delay(Component):
    """Hands a word on a cycle later.

    A line that is no part of the comment.
    """

    def __init__(self) -> None:
        super().__init__({"x": In(4), "y": Out(4), "unread": Out(4)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        forgotten = Signal(4)
        m.d.sync += [self.y.eq(self.x), forgotten.eq(self.x), self.unread.eq(forgotten)]
        return m


class Top(Component):
    """Two delays and a pipeline of structs."""

    def __init__(self) -> None:
        super().__init__({"a": In(4), "go": In(1), "late": Out(4), "total": Out(signed(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.first, m.submodules.second = first, second = Delay(), Delay()
        m.d.comb += [first.x.eq(self.a), second.x.eq(first.y), self.late.eq(second.y)]
        stage = Signal(StructLayout({"valid": 1, "word": signed(4), "spare": 5}))
        m.d.sync += [stage.valid.eq(self.go), stage.word.eq(self.a)]
        with m.If(stage.valid):
            m.d.sync += self.total.eq(self.total + stage.word)
        return m


def _text() -> str:
    top = Top()
    ports: Sequence[tuple[str, str, Any, str]] = [
        ("a", "input", top.a, "a word"),
        ("go", "input", top.go, "it counts"),
        ("late", "output", top.late, "the word, later"),
        ("total", "output", top.total, "sum of the words that count"),
    ]
    return emit(top, ports, "top")


def test_fields_are_signals_of_their_names_and_those_that_nothing_sets_or_reads_are_not_there() -> None:
    text = _text()
    assert "reg [3:0] stage_word = 4'd0;" in text
    assert "stage_valid <= go;" in text
    assert "spare" not in text


def test_what_nothing_reads_is_left_out() -> None:
    text = _text()
    assert "forgotten" not in text
    assert "unread" not in text


def test_modules_of_the_same_text_stand_there_once() -> None:
    text = _text()
    assert text.count("endmodule") == 2
    assert "  top_first first (" in text
    assert "  top_first second (" in text


def test_a_comment_says_what_a_module_is_there_and_at_each_instance() -> None:
    text = _text()
    assert "// Two delays and a pipeline of structs.\nmodule top (" in text
    assert text.count("// Hands a word on a cycle later.\n") == 3
    assert "no part" not in text


def test_ports_are_listed_in_their_order_with_what_they_mean() -> None:
    lines = _text().split("module top (\n")[1].split("\n);")[0].splitlines()
    names = [re.sub(r" = .*|,", "", line.split("//")[0]).split()[-1] for line in lines]
    assert names == ["clk", "rst", "a", "go", "late", "total"]
    assert lines[2].endswith("// a word")


def test_registers_under_the_same_conditions_share_a_block_with_their_reset() -> None:
    assert """\
  always @(posedge clk)
    if (rst) begin
      stage_valid <= 1'b0;
      stage_word <= 4'd0;
    end else begin
      stage_valid <= go;
      stage_word <= a;
    end
""" in _text()


def test_signed_sums_are_written_as_such() -> None:
    assert "else if (stage_valid) total <= $signed(total) + $signed(stage_word);" in _text()
