"""Delays of FPGA families, from which the depth of a pipeline is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lmu_hw.errors import DesignError


@dataclass(frozen=True)
class Delays:
    """What the parts of a path take in a family, ns; measured on placed and routed designs of this package.

    Attributes:
        register: From a clock edge to the pin of the next cell: clock-to-output and a route.
        level: A LUT and the route behind it.
        carry: An addition without what its width adds: into the carry chain, out of it, and the route behind it.
        carry_bit: What each bit of an addition adds.
        multiplier: A multiplication between two registers that are not its own, with the routes.
        hard_multiplier: A multiplication between registers of its own; the same where tools do not use these.
    """

    register: float
    level: float
    carry: float
    carry_bit: float
    multiplier: float
    hard_multiplier: float

    def addition(self, bits: int) -> float:
        """Return the time of an addition of words of `bits` bits, ns."""
        return self.carry + self.carry_bit * bits


FAMILIES: Mapping[str, Delays | None] = MappingProxyType(
    {
        "generic": None,
        "ecp5": Delays(1.6, 1.1, 1.9, 0.036, 7.1, 4.3),  # speed grade 6
        "ice40": Delays(3.4, 2.4, 3.0, 0.28, 11.0, 11.0),  # UP5K; HX devices are faster, in about the same proportion
    }
)
"""The families by name; the generic one has the shortest pipelines, whatever clock they allow."""


def delays_of(family: str) -> Delays | None:
    """Return the delays of a family; None for the generic one.

    Raises:
        DesignError: There is no such family.
    """
    if family not in FAMILIES:
        raise DesignError("target", "one of " + ", ".join(FAMILIES), family)
    return FAMILIES[family]
