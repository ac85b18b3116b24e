"""Names that a file gives to its parts, fit for a message of one line."""

from __future__ import annotations

_LONGEST = 80


def shown(name: str) -> str:
    """`name` as it is if it is short and printable, else escaped and cut off."""
    text = name if name.isprintable() else ascii(name)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
