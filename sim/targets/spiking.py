"""Spiking memories as targets: what is streamed through them, and what is expected to come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.rtl.interface.emission import VerilogDesign
from lmu_hw.sim.targets.base import Recorded, Stream
from lmu_hw.sim.targets.memory import SampleTarget, Stimulus
from lmu_hw.sim.targets.scoreboard import Beats
from lmu_hw.spiking.digital.model import DigitalSpikingMemory
from lmu_hw.spiking.digital.plan import DigitalSpikingPlan


@dataclass(frozen=True, eq=False)
class HarnessedSpiking(SampleTarget):
    """A memory of digital neurons as a target; the cycle of every word is recorded, so that the pace can be told.

    Attributes:
        plan: The memory in integers.
        stimulus: What is streamed through it.
        design: The Verilog under test. Another than the plan's own stands for a wrong build.

    Raises:
        DesignError: A code is out of range.
    """

    plan: DigitalSpikingPlan
    stimulus: Stimulus
    design: VerilogDesign

    def __post_init__(self) -> None:
        self.check_codes(self.stimulus.codes, self.plan.input_format, f"within {self.plan.input_format}")

    @property
    def streams(self) -> tuple[Stream, ...]:
        return tuple(replace(stream, timed=True) for stream in super().streams)

    def model_words(self) -> IntArray:
        return DigitalSpikingMemory(self.plan).run(self.stimulus.codes)

    def arranged(self, beats: Mapping[str, Beats]) -> Recorded:
        return replace(super().arranged(beats), cycles=self.batch_order(beats["out"].tags["cycle"][:, None]))
