"""Spiking memories as targets: what is streamed through them, and what is expected to come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.rtl.interface.emission import VerilogDesign
from lmu_hw.rtl.spiking.verilog import generate_spiking_verilog
from lmu_hw.sim.hdl.runner import Simulator
from lmu_hw.sim.targets.base import Recorded, Stream
from lmu_hw.sim.targets.memory import SampleTarget, Stimulus
from lmu_hw.sim.targets.run import run_targets
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


def run_spiking_rtl(
    plan: DigitalSpikingPlan,
    codes: IntArray,
    *,
    workdir: Path,
    simulator: Simulator | str = Simulator.VERILATOR,
    seed: int = 0,
) -> IntArray:
    """Words of the generated Verilog for `codes` of shape (batch, samples), all checked on the way.

    Returns:
        Words, shape (batch, samples, order).

    Raises:
        CheckFailed: The Verilog differs from the integer model, or the bench failed.
    """
    memory = HarnessedSpiking(plan, Stimulus(codes), generate_spiking_verilog(plan))
    return run_targets([memory], workdir=workdir, simulator=simulator, seed=seed).checked_words(0)
