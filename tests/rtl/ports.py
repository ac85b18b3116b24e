"""The ports and memories of a module, as its Verilog declares them."""

from __future__ import annotations

import re


def declared_ports(text: str, name: str) -> dict[str, tuple[str, int]]:
    """Direction and width of each port of the module, in the order in which they are listed."""
    listed = re.search(rf"^module {name} \(\n(.*?)\n\);", text, re.MULTILINE | re.DOTALL)
    assert listed, "no such module"
    ports = {}
    for line in listed[1].splitlines():
        port = re.fullmatch(r"  (input|output) +(?:wire|reg) +(?:\[(\d+):0\] +)?(\w+)(?: = \S+)?,?(?: +// .+)?", line)
        assert port, line
        ports[port[3]] = (port[1], int(port[2] or 0) + 1)
    return ports


def memory_bits(text: str, name: str) -> int:
    """Bits of all memories in a module and in what it is made of; a module counts as often as it is instantiated."""
    module = re.search(rf"^module {name} \((.*?)^endmodule", text, re.MULTILINE | re.DOTALL)
    assert module, "no such module"
    memories = re.findall(r"^  reg (?:\[(\d+):0\] )?\w+ \[0:(\d+)\];", module[1], re.MULTILINE)
    bits = sum((int(top or 0) + 1) * (int(last) + 1) for top, last in memories)
    return bits + sum(memory_bits(text, inner) for inner in re.findall(r"^  (\w+) \w+ \($", module[1], re.MULTILINE))
