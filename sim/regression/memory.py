"""Random specifications of memories through Verilog: `lmu-hw regression memory`.

Draws memories of every datapath, serial and unrolled, over orders, windows, word lengths, lanes, channels,
widths of ports and delayed readouts, streams random and extreme sequences through each with random gaps and
back-pressure, and counts the words that differ from the integer model. Specifications that cannot be planned, and
designs that would take too long, are drawn again and counted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.fixed_point.plan import Datapath, MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.rtl.memory.build import build_memory
from lmu_hw.rtl.memory.unrolled import MAX_UNROLLED
from lmu_hw.rtl.memory.verilog import generate_verilog
from lmu_hw.sim.hdl.runner import Simulator
from lmu_hw.sim.regression.random_runs import RandomRuns, run_random
from lmu_hw.sim.targets.memory import HarnessedMemory, Stimulus


@dataclass(frozen=True)
class Limits:
    """The limits within which memories are drawn.

    Attributes:
        order: The largest order.
        ratio: The largest θ/dt.
        bits: The smallest and the largest width of state words; inputs have up to 24 bits.
        lanes, channels: The largest number of lanes, and of channels.
        samples: The approximate number of samples per memory.
        cycles: The largest number of clock cycles per memory without gaps and stalls; others are drawn again.
    """

    order: int = 64
    ratio: float = 10_000.0
    bits: tuple[int, int] = (6, 32)
    lanes: int = 64
    channels: int = 12
    samples: int = 1_000
    cycles: int = 100_000


def draw(rng: np.random.Generator, limits: Limits, name: str, datapath: Datapath) -> HarnessedMemory:
    """Draw a memory of a datapath with its stimulus.

    Args:
        rng: The generator of the random numbers.
        limits: The limits of the draw.
        name: The name of the Verilog module.
        datapath: The datapath.

    Raises:
        DesignError: The draw cannot be planned or built, or takes too many cycles.
    """
    unrolled = bool(rng.random() < 0.25)
    most = min(limits.order, MAX_UNROLLED) if unrolled else limits.order
    order = round(float(np.exp(rng.uniform(0.0, np.log(most + 0.49)))))
    ratio = float(np.exp(rng.uniform(0.0, np.log(limits.ratio))))
    dt = float(10.0 ** rng.uniform(-6, 0))
    method = rng.choice([each for each in Discretization if datapath in each.datapaths])
    state_bits = int(rng.integers(limits.bits[0], limits.bits[1] + 1))
    plan = plan_memory(
        LMUSpec(order, ratio * dt, dt, method),
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
    """Return no delays, those of the newest and the oldest sample, or a few in between, as fractions of θ."""
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
    """Return two sequences per channel: noise, constants at the ends of the port's range, or slow square waves."""
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


@dataclass(frozen=True, repr=False)
class RegressionResult(RandomRuns):
    """The result of the regression of random memories.

    Attributes:
        designs: The number of memories that ran.
        kinds: The number of memories with each datapath; those that are unrolled are counted separately.
        with_readouts: The number of memories with delayed readouts.
        refused: The number of draws that were invalid or would have taken too long.
        samples, beats: The number of samples that went in, and of beats that were compared.
        mismatches: The number of words that differ, are missing or have wrong marks.
        simulator: The HDL simulator.
        failures: One line for each simulation that failed.
    """

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
    def compared(self) -> int:
        return self.beats


def run_regression(
    designs: int,
    *,
    seed: int,
    workdir: str | Path,
    simulator: Simulator | str = Simulator.VERILATOR,
    limits: Limits | None = None,
    batch: int = 10,
    jobs: int = 1,
    report: bool = False,
) -> RegressionResult:
    """Check random memories, of all datapaths in turn.

    Args:
        designs: The number of memories.
        seed: The seed of everything that is drawn.
        workdir: The folder for builds and logs.
        simulator: The HDL simulator, verilator or icarus.
        limits: The limits of the draws.
        batch: The number of memories in one simulation.
        jobs: The number of simulations at a time.
        report: Whether each batch is reported on standard error.

    Raises:
        DesignError: Almost no draw keeps the limits.
        MissingToolError: The simulator is not installed.
    """
    workdir = Path(workdir)
    chosen, datapaths = limits or Limits(), list(Datapath)
    found = run_random(
        lambda rng, k: draw(rng, chosen, f"memory_{k}", datapaths[k % len(datapaths)]),
        designs,
        seed=seed,
        workdir=workdir,
        cycles=chosen.cycles,
        simulator=simulator,
        batch=batch,
        jobs=jobs,
        report=report,
    )
    return RegressionResult(
        designs=len(found.targets),
        kinds=dict(sorted(Counter(map(_kind, found.targets)).items())),
        with_readouts=sum(memory.plan.readouts is not None for memory in found.targets),
        refused=found.redrawn,
        samples=found.sent,
        beats=found.words,
        mismatches=found.mismatches,
        simulator=str(simulator),
        failures=tuple(found.failures),
    )


def _kind(memory: HarnessedMemory) -> str:
    unrolled = "unrolled " if memory.design.manifest["unrolled"] else ""
    return f"{unrolled}{memory.plan.datapath}"
