"""A kind of element that the package has no use for: one class, which all of it takes as it takes its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lmu_hw.analog.circuit.elements import IndependentSource, Nets
from lmu_hw.analog.circuit.equations import Stamper


@dataclass(frozen=True)
class CurrentSource(IndependentSource):
    """An independent current source; the current flows from p through the source to n."""

    letter: ClassVar[str] = "I"
    kind: ClassVar[str] = "current source"

    def stamp(self, system: Stamper, nets: Nets, path: str) -> None:
        """Take the current out of the net at p, and put it into the one at n."""
        column = system.input(path)
        for pin, sign in (("p", -1.0), ("n", 1.0)):
            if (row := system.net(nets[pin])) is not None:
                system.drive_entry(row, column, sign)
