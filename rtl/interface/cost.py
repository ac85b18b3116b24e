"""Whether a design fits: its cycles against those of a clock between two samples, and its bits of storage."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lmu_hw.errors import DesignError, check_positive

_FASTEST = 1e11  # Hz; far beyond any device


@dataclass(frozen=True)
class ClockBudget:
    """The cycles that a design needs and has between two samples, at a clock.

    Attributes:
        clock_hz: The clock in Hz.
        period_seconds: The time between two samples (of each channel) or steps, dt; None where the design has none.
        cycles_needed: The cycles for a sample of every channel, or for the step that takes longest.
        latency_cycles: The cycles from a sample to its first answer.
        inference_cycles: The cycles for a whole sequence, one after the other; None where there is no such thing.

    Raises:
        DesignError: The clock is not a positive number, or beyond 100 GHz.
    """

    clock_hz: float
    period_seconds: float | None
    cycles_needed: int
    latency_cycles: int
    inference_cycles: int | None = None

    def __post_init__(self) -> None:
        if check_positive("clock", self.clock_hz, "Hz") > _FASTEST:
            raise DesignError("clock", "at most 100 GHz", self.clock_hz)

    @property
    def cycles_available(self) -> int | None:
        """The whole cycles of the clock between two samples."""
        return None if self.period_seconds is None else math.floor(self.clock_hz * self.period_seconds * (1.0 + 1e-12))

    @property
    def fits(self) -> bool | None:
        """Whether the design takes a sample every dt; None where there is no dt."""
        available = self.cycles_available
        return None if available is None else self.cycles_needed <= available

    def to_dict(self) -> dict[str, Any]:
        """The budget as plain values, times in seconds and rates in Hz."""
        clock, period = self.clock_hz, self.period_seconds
        return {
            "clock_hz": clock,
            "period_seconds": period,
            "cycles_available": self.cycles_available,
            "cycles_needed": self.cycles_needed,
            "fits": self.fits,
            "utilisation": None if period is None else self.cycles_needed / (clock * period),
            "highest_rate_hz": clock / self.cycles_needed,
            "latency_seconds": self.latency_cycles / clock,
            "seconds_per_sample": self.cycles_needed / clock,
            "seconds_per_inference": None if self.inference_cycles is None else self.inference_cycles / clock,
        }


def storage_facts(bits: Mapping[str, int]) -> dict[str, Any]:
    """The bits of storage by purpose and in all, as a manifest has them."""
    return {"memory_bits": dict(bits), "memory_bits_total": sum(bits.values())}
