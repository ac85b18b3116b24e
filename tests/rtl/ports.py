"""The ports of a module, as its Verilog declares them."""

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
