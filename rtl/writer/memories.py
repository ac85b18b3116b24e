"""Memories as text: the declaration, by which tools choose block RAM, and the contents, which they read in linear time.

Yosys makes a cell of every assignment to a word in an `initial` block, in a loop too, and takes a time that grows with
the square of their number; `$readmemh` gives one cell for a whole memory. So only small ROMs have their words in the
Verilog itself. A memory that the design writes has none: block RAM that starts undefined, as some families' does, has
to do, because a reset leaves contents as they are.
"""

from __future__ import annotations

from collections.abc import Iterator

from lmu_hw.rtl.writer.cells import Memory
from lmu_hw.rtl.writer.expressions import number
from lmu_hw.rtl.writer.scope import bits_range

_MOST_WORDS = 256
"""ROMs of more words are files; with so many, Yosys needs 0.1 s for the assignments."""

_LEAST_BLOCK_BITS = 4096
"""From this size on, a memory is worth a block RAM in every family; the smallest blocks, of the iCE40, hold as much."""

_LEAST_BLOCK_DEPTH = 32
"""A shallower memory would use a small part of many blocks; tools decide on it."""


class MemoryFiles:
    """The files of a design that `$readmemh` reads; ROMs with equal contents share one.

    Attributes:
        texts: The text of each file by name.
    """

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self._names: dict[tuple[int, tuple[int, ...]], str] = {}

    def name(self, cell: Memory, stem: str) -> str:
        """Return the name of the file with the contents of a memory; a new one is called `stem`.hex."""
        key = (cell.width, cell.contents)
        if key not in self._names:
            self._names[key] = f"{stem}.hex"
            mask, digits = (1 << cell.width) - 1, -(-cell.width // 4)
            self.texts[f"{stem}.hex"] = "".join(f"{word & mask:0{digits}x}\n" for word in cell.contents)
        return self._names[key]


def declaration(cell: Memory, name: str, *, registered: bool) -> str:
    """Return the declaration of a memory.

    Args:
        cell: The memory.
        name: Its name.
        registered: Whether all its read ports are registered, as those of block RAM are.
    """
    depth = len(cell.contents)
    style = ""
    if registered and depth >= _LEAST_BLOCK_DEPTH and depth * cell.width >= _LEAST_BLOCK_BITS:
        style = f'(* {"ram" if cell.writes else "rom"}_style = "block" *) '
    return f"  {style}reg {bits_range(cell.width)}{name} [0:{depth - 1}];"


def contents(cell: Memory, name: str, files: MemoryFiles, stem: str) -> Iterator[str]:
    """Yield the initial block of a memory, where it has one.

    Args:
        cell: The memory.
        name: Its name.
        files: The files of the design, to which a large ROM adds its own.
        stem: The name of that file without its ending.
    """
    if cell.writes and not any(cell.contents):
        return
    if len(cell.contents) > _MOST_WORDS:
        yield f'  initial $readmemh("{files.name(cell, stem)}", {name});'
        return
    words = (number(word & ((1 << cell.width) - 1), cell.width) for word in cell.contents)
    lines = [f"    {name}[{address}] = {word};" for address, word in enumerate(words)]
    yield "\n".join(["  initial begin", *lines, "  end"])
