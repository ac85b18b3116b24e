"""Random specifications of memories through Verilog: `lmu-hw regression memory`.

Draws memories of every datapath, serial and unrolled, over orders, windows, word lengths, lanes, channels,
widths of ports and delayed readouts, streams random and extreme sequences through each with random gaps and
back-pressure, and counts the words that differ from the integer model. Specifications that the plan refuses,
and designs that would take too long, are drawn again and counted.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.fixed_point.plan import Datapath, MemoryPlan
from lmu_hw.fixed_point.planner import DATAPATHS, plan_memory
from lmu_hw.rtl.memory.build import build_memory
from lmu_hw.rtl.memory.unrolled import MAX_UNROLLED
from lmu_hw.rtl.memory.verilog import generate_verilog
from lmu_hw.sim.hdl.runner import Simulator
from lmu_hw.sim.targets.memory import HarnessedMemory, Stimulus, StreamRun, run_streams


@dataclass(frozen=True)
class Limits:
    """What is drawn from.

    Attributes:
        order: largest order.
        ratio: largest θ/dt.
        bits: least and greatest width of state words; inputs have up to 24.
        lanes, channels: most of each; 1 keeps to a single one.
        samples: samples per memory, about.
        cycles: most clock cycles per memory without gaps and back-pressure; what needs more is drawn again.
    """

    order: int = 64
    ratio: float = 10_000.0
    bits: tuple[int, int] = (6, 32)
    lanes: int = 64
    channels: int = 12
    samples: int = 1_000
    cycles: int = 100_000


def draw(rng: np.random.Generator, limits: Limits, name: str, datapath: Datapath) -> HarnessedMemory:
    """One random memory of a datapath with its stimulus.

    Raises:
        DesignError: the plan or the hardware refuses what was drawn, or it takes too many cycles.
    """
    unrolled = bool(rng.random() < 0.25)
    most = min(limits.order, MAX_UNROLLED) if unrolled else limits.order
    order = round(float(np.exp(rng.uniform(0.0, np.log(most + 0.49)))))
    ratio = float(np.exp(rng.uniform(0.0, np.log(limits.ratio))))
    dt = float(10.0 ** rng.uniform(-6, 0))
    rule = rng.choice([rule for rule, paths in DATAPATHS.items() if datapath in paths])
    state_bits = int(rng.integers(limits.bits[0], limits.bits[1] + 1))
    plan = plan_memory(
        LMUSpec(order, ratio * dt, dt, rule),
        input_bits=int(rng.integers(4, 25)),
        state_bits=state_bits,
        output_bits=state_bits + int(rng.integers(1, 9)) if rng.random() < 0.25 else None,
        error_feedback=bool(rng.integers(2)),
        datapath=datapath,
        delays=_delays(rng),
    )
    options: dict[str, Any] = {
        "port_bits": plan.input_format.width + int(rng.choice([0, 0, 1, 5])),
        "unrolled": unrolled,
        "lanes": 1 if unrolled else _lanes(rng, plan, limits),
        "channels": int(rng.integers(1, limits.channels + 1)),
    }
    memory = build_memory(plan, **options)
    needed = limits.samples * memory.schedule.cycles_per_sample
    if needed > limits.cycles:
        raise DesignError("clock cycles", f"at most {limits.cycles}", needed)
    stimulus = Stimulus(
        _codes(rng, plan, memory.port_bits, memory.channels, limits.samples),
        gap=float(rng.choice([0.0, 0.3])),
        stall=float(rng.choice([0.0, 0.5])),
        seed=int(rng.integers(1, 2**31)),
    )
    return HarnessedMemory(plan, stimulus, generate_verilog(plan, name=name, **options))


def _delays(rng: np.random.Generator) -> tuple[float, ...]:
    """None, the newest and the oldest sample, or a few in between."""
    kind = rng.integers(4)
    if kind < 2:
        return ()
    return (0.0, 1.0) if kind == 2 else tuple(rng.uniform(0.0, 1.0, int(rng.integers(1, 4))).tolist())


def _lanes(rng: np.random.Generator, plan: MemoryPlan, limits: Limits) -> int:
    order = plan.spec.order
    divisors = [lanes for lanes in range(1, order + 1) if order % lanes == 0]
    if plan.datapath is Datapath.DENSE:
        divisors += [order * columns for columns in divisors[1:]]
    return int(rng.choice([lanes for lanes in divisors if lanes <= limits.lanes]))


def _codes(rng: np.random.Generator, plan: MemoryPlan, port_bits: int, channels: int, count: int) -> IntArray:
    """Two sequences per channel: noise, constants at the ends of the port's range, and slow full-scale squares."""
    low, high = -(1 << (port_bits - 1)), (1 << (port_bits - 1)) - 1
    length = max(2, count // (2 * channels))
    rows = []
    for k in range(2 * channels):
        kind = (k + int(rng.integers(4))) % 4
        half = max(1, round(plan.spec.ratio / rng.uniform(1.0, 2.0 * plan.spec.order)))
        square = np.where((np.arange(length) // half) % 2 == 0, high, low)
        noise = rng.integers(low, high + 1, length) >> rng.integers(0, 3)  # a wider port is out of range now and then
        rows.append([noise, np.full(length, low), np.full(length, high), square][kind])
    return np.array(rows, dtype=np.int64)


@dataclass(frozen=True)
class RegressionResult:
    """What a regression came to; `kinds` counts the designs by datapath, and those that were unrolled."""

    designs: int
    kinds: dict[str, int]
    with_readouts: int
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
    jobs: int = 1,
    report: bool = False,
) -> RegressionResult:
    """Run `designs` random memories, `batch` of them in each simulation, `jobs` simulations at a time.

    Raises:
        MissingToolError: the simulator is not installed.
    """
    rng = np.random.default_rng(seed)
    refused = 0

    def batches() -> Iterator[tuple[int, list[HarnessedMemory]]]:
        nonlocal refused
        for start in range(0, designs, batch):
            memories = []
            for k in range(min(batch, designs - start)):
                datapath = list(Datapath)[(start + k) % len(Datapath)]
                memory, missed = _draw_accepted(rng, limits or Limits(), f"memory_{k}", datapath)
                refused += missed
                memories.append(memory)
            yield start, memories

    def run(start: int, memories: list[HarnessedMemory]) -> StreamRun:
        return run_streams(memories, workdir=workdir / f"batch_{start}", simulator=simulator, seed=seed)

    kinds: Counter[str] = Counter()
    done = samples = beats = mismatches = with_readouts = 0
    failures: list[str] = []
    with ThreadPoolExecutor(jobs) as pool:
        started = [(start, memories, pool.submit(run, start, memories)) for start, memories in batches()]
        for start, memories, future in started:
            outcome = future.result()
            for score in outcome.scores:
                samples, beats = samples + score.sent, beats + score.checked
                mismatches += score.mismatches
            if not outcome.passed:
                names = f"designs {start}-{start + len(memories) - 1}"
                failures.append(f"{names}: {'; '.join(outcome.bench.messages)}")
            done += len(memories)
            kinds.update(_kind(memory) for memory in memories)
            with_readouts += sum(memory.plan.readouts is not None for memory in memories)
            if report:
                print(f"{done}/{designs} designs, {samples} samples, {mismatches} mismatches", file=sys.stderr)
    counted = dict(sorted(kinds.items()))
    return RegressionResult(
        done, counted, with_readouts, refused, samples, beats, mismatches, str(simulator), tuple(failures)
    )


def _kind(memory: HarnessedMemory) -> str:
    unrolled = "unrolled " if memory.design.manifest["unrolled"] else ""
    return f"{unrolled}{memory.plan.datapath}"


def _draw_accepted(
    rng: np.random.Generator, limits: Limits, name: str, datapath: Datapath
) -> tuple[HarnessedMemory, int]:
    """Draw until the design is accepted; also return how often one was not."""
    refused = 0
    while True:
        try:
            return draw(rng, limits, name, datapath), refused
        except DesignError:
            refused += 1
