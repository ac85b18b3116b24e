"""The ports of a module, as its Verilog declares them."""

from __future__ import annotations

import re


def declared_ports(text: str, name: str) -> dict[str, tuple[str, int]]:
    """Direction and width of each port of the module, whether the header or the body declares them."""
    module = re.search(rf"^module {name}\s*\((.*?)\);(.*?)^endmodule", text, re.MULTILINE | re.DOTALL)
    assert module, "no such module"
    declaration = r"^\s*(input|output)\s+(?:wire\s+|reg\s+)?(?:signed\s+)?(?:\[(\d+):0\]\s+)?(\w+)"
    in_header = re.findall(declaration, module[1], re.MULTILINE)
    found = in_header or re.findall(declaration, module[2], re.MULTILINE)
    ports = {port: (direction, int(top or 0) + 1) for direction, top, port in found}
    assert len(ports) == len(found), "a port is declared twice"
    if not in_header:
        assert sorted(part.strip() for part in module[1].split(",")) == sorted(ports)
    return ports
