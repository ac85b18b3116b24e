"""What the demonstration comes to: the parts that it made, and the figures of its checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.design.memory import Design
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.reference.digits import Digits
from lmu_hw.rtl.memory.verilog import VerilogDesign
from lmu_hw.sim.cosim.memory import BoundCheck, CosimResult


@dataclass(frozen=True)
class DigitsResult:
    """The classification.

    Attributes:
        held_out: how many digits were classified.
        accuracy_float, accuracy_fixed, accuracy_rtl: shares of right answers.
        different_predictions: digits that the integer model and the Verilog classify differently.
        samples, beats, mismatches: of the Verilog's run.
        messages: of the bench.
        bound: fixed against float, over all states of all digits.
    """

    held_out: int
    accuracy_float: float
    accuracy_fixed: float
    accuracy_rtl: float | None
    different_predictions: int | None
    samples: int
    beats: int
    mismatches: int
    messages: tuple[str, ...]
    bound: BoundCheck

    @property
    def passed(self) -> bool:
        """The Verilog gave every word and every answer of the integer model, within the bound."""
        return self.mismatches == 0 and self.different_predictions == 0 and self.bound.passed and not self.messages


@dataclass(frozen=True)
class Part:
    """One memory of the demonstration: what was asked for, planned and generated."""

    design: Design
    plan: MemoryPlan
    verilog: VerilogDesign


@dataclass(frozen=True)
class Outcome:
    """Everything that the report shows."""

    data: Digits
    digits: Part
    classified: DigitsResult
    small: Part
    circuit: AnalogDesign
    small_result: CosimResult
    scanner: Part
    scanner_result: CosimResult
    command: str

    @property
    def passed(self) -> bool:
        """Every check held."""
        return self.classified.passed and self.small_result.passed and self.scanner_result.passed

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values."""
        classified = self.classified
        return {
            "command": self.command,
            "held_out": classified.held_out,
            "accuracy": {
                "float": classified.accuracy_float,
                "fixed": classified.accuracy_fixed,
                "rtl": classified.accuracy_rtl,
            },
            "different_predictions": classified.different_predictions,
            "digital": {
                "samples": classified.samples,
                "beats": classified.beats,
                "mismatches": classified.mismatches,
                "messages": list(classified.messages),
            },
            "fixed_vs_float": vars(classified.bound),
            "multiplications_per_sample": self.digits.plan.multiplications_per_sample,
            "cycles_per_sample": self.digits.verilog.manifest["cycles_per_sample"],
            "small": _figures(self.small, self.small_result),
            "scanner": _figures(self.scanner, self.scanner_result),
            "passed": self.passed,
        }


def _figures(part: Part, result: CosimResult) -> dict[str, Any]:
    return {
        **result.to_dict(),
        "multiplications_per_sample": part.plan.multiplications_per_sample,
        "cycles_per_sample": part.verilog.manifest["cycles_per_sample"],
    }
