"""The choice of an op-amp: the cheapest of the library with which a design keeps its error, noise and offset."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from lmu_hw.analog.amplifiers.library import Part
from lmu_hw.analog.analysis.outputs import output_noise, output_offsets
from lmu_hw.analog.circuit.devices import AnyOpAmp
from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.errors import DesignError


@dataclass(frozen=True)
class Needs:
    """What an op-amp has to make possible, beside the error and the margins of the design.

    Attributes:
        snr_db: The least ratio of a sine of full scale to the noise of every output, dB; None for any.
        offset_volts: The largest direct voltage of every output at rest, V: the offsets' RMS and the bias currents'
            together; None for any.
    """

    snr_db: float | None = None
    offset_volts: float | None = None

    def failure(self, design: AnalogDesign) -> str:
        """Return what a design does not keep; empty where it keeps all."""
        if self.snr_db is not None:
            ratios = [ratio for ratio in output_noise(design)["snr_db"].values() if ratio is not None]
            if ratios and min(ratios) < self.snr_db:
                return f"a signal-to-noise ratio of {min(ratios):.3g} dB"
        if self.offset_volts is not None and (found := output_offsets(design)) is not None:
            volts = max(each["offset_volts_rms"] + abs(each["bias_volts"]) for each in found.values())
            if volts > self.offset_volts:
                return f"an offset of {volts:.3g} V at an output"
        return ""


@dataclass(frozen=True)
class Selection:
    """The op-amp that was chosen.

    Attributes:
        part: The part.
        design: The design with it.
        rejected: Why each part that was tried before it, by name, does not do.
        dearer: The names of the parts that were not tried, as they cost more.
    """

    part: Part
    design: AnalogDesign
    rejected: dict[str, str]
    dearer: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the choice as plain values."""
        return {
            "part": self.part.name,
            "source": self.part.source,
            "usd_each": self.part.usd_each,
            "rejected": dict(self.rejected),
            "dearer": list(self.dearer),
        }


def cheapest(
    parts: Iterable[Part],
    design_with: Callable[[AnyOpAmp], AnalogDesign],
    *,
    supply: float,
    differential: bool,
    needs: Needs = Needs(),
) -> Selection:
    """Choose the cheapest op-amp with which a design succeeds and keeps what is needed.

    Args:
        parts: The op-amps.
        design_with: A function that makes the design with a model, or raises a DesignError.
        supply: The supplies lie at plus and minus this voltage, V.
        differential: Whether the circuit needs fully differential op-amps; others are then left out, and vice versa.
        needs: What is needed beside error and margins.

    Raises:
        DesignError: None does.
    """
    ordered = sorted((part for part in parts if part.differential == differential), key=lambda each: each.usd_each)
    rejected: dict[str, str] = {}
    for k, part in enumerate(ordered):
        try:
            design = design_with(part.opamp(supply))
            reason = needs.failure(design)
        except DesignError as problem:
            reason = str(problem)
        if not reason:
            return Selection(part, design, rejected, tuple(each.name for each in ordered[k + 1 :]))
        rejected[part.name] = reason
    reasons = "; ".join(f"{name}: {reason}" for name, reason in list(rejected.items())[-2:])
    raise DesignError("the op-amp", "a part of the library that meets the design", f"none ({reasons})")
