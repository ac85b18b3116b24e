"""Random specifications through Verilog: `python -m lmu_hw.sim.regression --designs 100`.

Draws memories over orders, windows, word lengths, stepping rules, lanes and channels, streams random and
extreme sequences through each with random gaps and back-pressure, and counts the words that differ from the
integer model. Specifications that the plan refuses are drawn again and counted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lmu_hw.errors import DesignError
from lmu_hw.fixedpoint import IntArray
from lmu_hw.plan import MemoryPlan, plan_memory
from lmu_hw.rtl.verilog import generate_verilog
from lmu_hw.sim.digital import run_streams
from lmu_hw.sim.harness import HarnessedMemory, Stimulus
from lmu_hw.sim.runner import Simulator
from lmu_hw.spec import LMUSpec
from lmu_hw.steps import Discretization


@dataclass(frozen=True)
class Limits:
    """What is drawn from.

    Attributes:
        order: largest order.
        ratio: largest θ/dt.
        bits: least and greatest width of state words; inputs have up to 24.
        lanes, channels: most of each; 1 keeps to a single one.
        cycles: clock cycles per memory, about.
        samples: most samples per memory.
    """

    order: int = 64
    ratio: float = 10_000.0
    bits: tuple[int, int] = (6, 32)
    lanes: int = 16
    channels: int = 4
    cycles: int = 100_000
    samples: int = 10_000


def draw(rng: np.random.Generator, limits: Limits, name: str) -> HarnessedMemory:
    """One random memory with its stimulus.

    Raises:
        DesignError: the plan refuses what was drawn.
    """
    order = int(rng.integers(1, limits.order + 1))
    ratio = float(np.exp(rng.uniform(0.0, np.log(limits.ratio))))
    dt = float(10.0 ** rng.uniform(-6, 0))
    spec = LMUSpec(order, ratio * dt, dt, rng.choice(list(Discretization)))
    plan = plan_memory(
        spec,
        input_bits=int(rng.integers(4, 25)),
        state_bits=int(rng.integers(limits.bits[0], limits.bits[1] + 1)),
        error_feedback=bool(rng.integers(2)),
    )
    divisors = [lanes for lanes in range(1, min(order, limits.lanes) + 1) if order % lanes == 0]
    lanes, channels = int(rng.choice(divisors)), int(rng.integers(1, limits.channels + 1))
    design = generate_verilog(plan, name=name, lanes=lanes, channels=channels)
    count = min(limits.samples, max(40, limits.cycles // int(design.manifest["cycles_per_sample"])))
    stimulus = Stimulus(
        _codes(rng, plan, channels, count),
        gap=float(rng.choice([0.0, 0.3])),
        stall=float(rng.choice([0.0, 0.5])),
        seed=int(rng.integers(1, 2**31)),
    )
    return HarnessedMemory(plan, stimulus, design)


def _codes(rng: np.random.Generator, plan: MemoryPlan, channels: int, count: int) -> IntArray:
    """Two sequences per channel: noise, constants at the ends of the range, and slow full-scale squares."""
    low, high = plan.input_format.low, plan.input_format.high
    length = max(2, count // (2 * channels))
    rows = []
    for k in range(2 * channels):
        kind = (k + int(rng.integers(4))) % 4
        half = max(1, round(plan.spec.ratio / rng.uniform(1.0, 2.0 * plan.spec.order)))
        square = np.where((np.arange(length) // half) % 2 == 0, high, low)
        rows.append([rng.integers(low, high + 1, length), np.full(length, low), np.full(length, high), square][kind])
    return np.array(rows, dtype=np.int64)


@dataclass(frozen=True)
class RegressionResult:
    """What a regression came to."""

    designs: int
    refused: int
    samples: int
    beats: int
    mismatches: int
    simulator: str
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Every batch ran to its end without a mismatch."""
        return not self.failures and self.mismatches == 0 and self.designs > 0


def run_regression(
    designs: int,
    *,
    seed: int,
    workdir: Path,
    simulator: Simulator | str = Simulator.VERILATOR,
    limits: Limits | None = None,
    batch: int = 10,
    report: bool = False,
) -> RegressionResult:
    """Run `designs` random memories, `batch` of them in each simulation.

    Raises:
        MissingToolError: the simulator is not installed.
    """
    rng = np.random.default_rng(seed)
    done = refused = samples = beats = mismatches = 0
    failures: list[str] = []
    while done < designs:
        memories = []
        for k in range(min(batch, designs - done)):
            memory, missed = _draw_accepted(rng, limits or Limits(), f"memory_{k}")
            refused += missed
            memories.append(memory)
        run = run_streams(memories, workdir=workdir / f"batch_{done}", simulator=simulator, seed=seed)
        for score in run.scores:
            samples, beats, mismatches = samples + score.sent, beats + score.checked, mismatches + score.mismatches
        if not run.passed:
            failures.append(f"designs {done}-{done + len(memories) - 1}: {'; '.join(run.bench.messages)}")
        done += len(memories)
        if report:
            print(f"{done}/{designs} designs, {samples} samples, {mismatches} mismatches", file=sys.stderr)
    return RegressionResult(done, refused, samples, beats, mismatches, str(simulator), tuple(failures))


def _draw_accepted(rng: np.random.Generator, limits: Limits, name: str) -> tuple[HarnessedMemory, int]:
    """Draw until the plan accepts; also return how often it refused."""
    refused = 0
    while True:
        try:
            return draw(rng, limits, name), refused
        except DesignError:
            refused += 1


def main(argv: list[str] | None = None) -> int:
    """Command line; prints one JSON object and exits with 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--designs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cycles", type=int, default=Limits.cycles, help="clock cycles per design, about")
    parser.add_argument("--simulator", choices=[str(s) for s in Simulator], default="verilator")
    parser.add_argument("--workdir", type=Path, help="kept if given, else temporary")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="lmu_hw_") as scratch:
        result = run_regression(
            options.designs,
            seed=options.seed,
            workdir=options.workdir or Path(scratch),
            simulator=options.simulator,
            limits=Limits(cycles=options.cycles),
            report=True,
        )
    print(json.dumps(vars(result) | {"passed": result.passed}))
    return 0 if result.passed else 1


if __name__ == "__main__":
    sys.exit(main())
