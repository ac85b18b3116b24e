"""What stands in the netlists of all golden designs: no signal without bits, and none without a name of its own."""

from __future__ import annotations

import re

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Signal, Value
from amaranth.lib import wiring

from lmu_hw.rtl.interface import manifest
from lmu_hw.rtl.writer.modules import Source
from tests.rtl.golden import DESIGNS

ANONYMOUS = re.compile(r"\$?signal(\$\d+)?|value(\$\d+)?|\$\d+|_\d+_")


@pytest.fixture(params=DESIGNS)
def wires(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """The width of each named wire of a design, by its name."""
    components: list[wiring.Component] = []

    def emit(component: wiring.Component, ports: object, name: str) -> Source:
        components.append(component)
        return Source("", {})

    monkeypatch.setattr(manifest, "emit", emit)
    DESIGNS[request.param]()
    (component,) = components
    members = [Value.cast(value) for _, _, value in component.signature.flatten(component)]
    text = rtlil.convert(component, ports=[value for value in members if isinstance(value, Signal)], emit_src=False)
    found = re.findall(r"^\s*wire width (\d+) (?:(?:input|output|inout) \d+ |signed )*\\(\S+)$", text, re.MULTILINE)
    assert len(found) > 20
    return {name: int(width) for width, name in found}


def test_no_signal_has_width_0(wires: dict[str, int]) -> None:
    assert [name for name, width in wires.items() if width == 0] == []


def test_every_signal_has_a_name_that_says_what_it_is(wires: dict[str, int]) -> None:
    assert [name for name in wires if ANONYMOUS.fullmatch(name)] == []
