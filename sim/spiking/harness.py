"""Spiking memories in the stream harness: what goes into them, and what is expected to come out."""

from __future__ import annotations

from dataclasses import dataclass

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.rtl.emission import VerilogDesign
from lmu_hw.sim.stream.beats import memory_fields
from lmu_hw.sim.stream.harness import CYCLE_BITS, StreamModule, check_share
from lmu_hw.sim.stream.scoreboard import expected_flags
from lmu_hw.spiking.digital_memory import DigitalSpikingMemory
from lmu_hw.spiking.digital_plan import DigitalSpikingPlan


@dataclass(frozen=True, eq=False)
class HarnessedSpiking:
    """One spiking memory in the harness: its plan, its Verilog and its stimulus.

    Attributes:
        plan: in integers.
        design: the Verilog under test. Another than the plan's own stands for a wrong build.
        codes: input codes, shape (batch, samples): sequences one after the other, each with `first` on its first
            sample and `last` on its last.
        gap: share of cycles in which no new sample is offered, 0 … 0.9.
        stall: share of cycles in which no word is taken, 0 … 0.9.
        seed: of both.

    Raises:
        DesignError: the codes have another shape or are out of range, or a share is.
    """

    plan: DigitalSpikingPlan
    design: VerilogDesign
    codes: IntArray
    gap: float = 0.0
    stall: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        if self.codes.ndim != 2 or self.codes.size == 0:
            raise DesignError("codes", "of shape (batch, samples), not empty", self.codes.shape)
        form = self.plan.input_format
        if self.codes.min() < form.low or self.codes.max() > form.high:
            raise DesignError("codes", f"within {form}", [int(self.codes.min()), int(self.codes.max())])
        check_share("gap", self.gap)
        check_share("stall", self.stall)

    def sample_words(self) -> str:
        """The samples as $readmemh wants them: {spare, last, first, data}, one a line."""
        width = self.plan.input_format.width
        words = self.codes & ((1 << width) - 1)
        words[:, 0] |= 1 << width
        words[:, -1] |= 2 << width
        return "\n".join(f"{word:x}" for word in words.ravel().tolist()) + "\n"

    def model_words(self) -> IntArray:
        """The integer model's words, shape (batch, samples, order)."""
        return DigitalSpikingMemory(self.plan).run(self.codes)

    def expected_tags(self) -> dict[str, IntArray]:
        """What is expected beside the words."""
        batch, samples = self.codes.shape
        tags = expected_flags(batch, samples, self.plan.ensembles, 1, 1, only_last=False, unmarked=False)
        return {name: tags[name] for name in ("index", "first", "last")}

    def module(self) -> StreamModule:
        """What the harness must know; every record begins with its cycle, so that the pace can be told."""
        return StreamModule(
            design=self.design,
            data_bits=self.plan.input_format.width,
            beat=memory_fields(self.design.manifest),
            words=self.codes.size,
            beats=self.codes.size * self.plan.ensembles,
            gap=self.gap,
            stall=self.stall,
            seed=self.seed,
            record="1'b1",
            timed=True,
            rest=2 * int(self.design.manifest["cycles_per_sample"]) + 16,
        )

    @property
    def fields(self) -> tuple[tuple[str, int], ...]:
        """What a record consists of, the highest bits first."""
        return (("cycle", CYCLE_BITS), *memory_fields(self.design.manifest))

    def limit_cycles(self) -> int:
        """More cycles than the stream can take: each gap or stall waits 1/(1 − share) cycles on average."""
        waits = (1.0 - self.gap) * (1.0 - self.stall)
        words = self.codes.size * (self.plan.ensembles + 1)
        cycles = self.codes.size * int(self.design.manifest["cycles_per_sample"])
        return int(2.0 * (cycles + words / waits)) + 10_000
