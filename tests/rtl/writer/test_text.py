"""What the writer makes of small components, as its readers see it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from amaranth.hdl import Module, Signal, signed
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import Component, In, Out

from lmu_hw.rtl.interface.emission import emit
from lmu_hw.rtl.writer.names import plain_name


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


def _text(name: str = "top") -> str:
    top = Top()
    ports: Sequence[tuple[str, str, Any, str]] = [
        ("a", "input", top.a, "a word"),
        ("go", "input", top.go, "it counts"),
        ("late", "output", top.late, "the word, later"),
        ("total", "output", top.total, "sum of the words that count"),
    ]
    return emit(top, ports, name).text


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


@pytest.mark.parametrize("name", ["a__b", "top_", "signal"])
def test_the_top_has_the_name_that_was_asked_for(name: str) -> None:
    assert f"module {name} (" in _text(name)


def test_instances_list_the_ports_in_the_order_of_their_module() -> None:
    text = _text()
    header = text.split("module top_first (\n")[1].split("\n);")[0]
    declared = [re.sub(r" = .*|,", "", line).split()[-1] for line in header.splitlines()]
    for instance in ("first", "second"):
        connected = text.split(f"top_first {instance} (\n")[1].split("\n  );")[0]
        assert re.findall(r"\.(\w+)\(", connected) == declared


def test_identifiers_are_plain_and_no_keywords() -> None:
    wanted = {"a": "a", "a$1": "a", "i__x": "i_x", "1st": "n1st", "Wire": "Wire_", "checker": "checker_", "θ": "value"}
    assert {name: plain_name(name) for name in wanted} == wanted


class Ended(Component):
    """A register whose name starts like the end of a block, assigned after an if."""

    def __init__(self) -> None:
        super().__init__({"x": In(3), "a": In(1), "b": In(1), "y": Out(6)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        ending = Signal(6, reset_less=True)
        with m.If(self.a):
            with m.If(self.b):
                m.d.sync += ending[:3].eq(self.x)
            m.d.sync += ending[3:].eq(self.x)
        m.d.comb += self.y.eq(~ending)
        return m


def test_a_statement_that_starts_like_the_end_of_a_block_is_a_statement() -> None:
    assert """\
    if (a) begin
      if (b) ending[2:0] <= x;
      ending[5:3] <= x;
    end
""" in _emitted(Ended(), "xab")


class Indexed(Component):
    """A word chosen by a computed number."""

    def __init__(self) -> None:
        super().__init__({"x": In(32), "a": In(3), "y": Out(4)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.y.eq(self.x.word_select(~self.a, 4))
        return m


def test_the_number_of_a_word_is_computed_in_its_own_width() -> None:
    text = _emitted(Indexed(), "xa")
    assert "wire [2:0] index = ~a;" in text
    assert "assign y = x[index * 4 +: 4];" in text


class Cased(Component):
    """A case of a wide value."""

    def __init__(self) -> None:
        super().__init__({"x": In(70), "y": Out(4)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        with m.Switch(self.x):
            for number in range(6):
                with m.Case(number << 40):
                    m.d.comb += self.y.eq(number + 1)
        return m


def test_a_choice_by_a_wide_value_is_no_table() -> None:
    assert _emitted(Cased(), "x").count("x == 70'h") == 5


class Woven(Component):
    """A value whose upper bits follow from its lower ones: no loop, though its cells depend on each other."""

    def __init__(self) -> None:
        super().__init__({"x": In(2), "go": In(1), "y": Out(4)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        woven, mixed = Signal(4), Signal(4)
        with m.If(self.go):
            m.d.comb += [woven[:2].eq(self.x), woven[2:].eq(mixed[:2])]
        m.d.comb += [mixed.eq(woven ^ 5), self.y.eq(mixed)]
        return m


def test_cells_that_depend_on_each_other_are_cut_into_bits() -> None:
    lines = _emitted(Woven(), ["x", "go"]).splitlines()
    known = {"x", "go"}
    for line in lines:
        if made := re.match(r"  (?:wire|assign) (?:\[.*?\] )?(\w+) = (.*);", line):
            assert set(re.findall(r"\b[a-z]\w*", made[2].replace("'b", "'"))) <= known, line
            known.add(made[1])
    assert "y" in known


class Divided(Component):
    """A quotient."""

    def __init__(self) -> None:
        super().__init__({"x": In(4), "y": Out(4)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.y.eq(self.x // 3)
        return m


def test_what_has_no_verilog_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="no Verilog"):
        _emitted(Divided(), "x")


def _emitted(component: Any, inputs: Sequence[str]) -> str:
    ports = [(name, "input", getattr(component, name), "") for name in inputs]
    return emit(component, [*ports, ("y", "output", component.y, "")], "top").text
