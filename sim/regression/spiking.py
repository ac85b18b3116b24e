"""Random spiking memories through Verilog: `lmu-hw regression spiking`.

Draws memories of every kind of neuron over orders, numbers of neurons, lanes, word lengths, steps and synapses, streams
random and full-scale sequences through each with random gaps and back-pressure, and counts the words that differ from
the integer model. What the plan refuses, and what would take too long, is drawn again and counted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError, check_integer
from lmu_hw.rtl.spiking.memory import SpikingSchedule
from lmu_hw.rtl.spiking.verilog import generate_spiking_verilog
from lmu_hw.sim.hdl.runner import Simulator
from lmu_hw.sim.targets.spiking import HarnessedSpiking, run_spiking
from lmu_hw.spiking.design import SpikingOptions
from lmu_hw.spiking.digital.plan import plan_spiking
from lmu_hw.spiking.neurons import NeuronKind
from lmu_hw.spiking.synapses import Synapse

KINDS = (NeuronKind.POISSON_LIF, NeuronKind.POISSON_RELU, NeuronKind.LIF)
_SIDE_BY_SIDE = 4


@dataclass(frozen=True)
class SpikingRegression:
    """What a regression found.

    Attributes:
        designs, samples, words: that were run; words were compared.
        mismatches: words that differ, or never came.
        kinds: how many designs of each kind of neuron.
        several_spikes: designs whose neurons may fire several times in a step.
        redrawn: specifications that were refused or too long.
        failures: one line for each simulation that failed.
    """

    designs: int
    samples: int
    words: int
    mismatches: int
    kinds: dict[str, int]
    several_spikes: int
    redrawn: int
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Something ran, and nothing differs."""
        return self.designs > 0 and self.words > 0 and self.mismatches == 0 and not self.failures


def draw(rng: np.random.Generator, name: str, kind: NeuronKind, samples: int, cycles: int) -> HarnessedSpiking:
    """One random memory with its stimulus.

    Raises:
        DesignError: the plan refuses what was drawn, or it takes more than `cycles` clock cycles.
    """
    order, lanes = int(rng.integers(1, 9)), int(rng.choice([1, 1, 2, 3, 4, 8]))
    size = lanes * int(rng.integers(1, 1 + 256 // lanes))
    dt = float(rng.choice([1e-4, 1e-3, 2e-3, 1e-2] if kind.random else [1e-4, 1e-3, 2e-3]))
    options = SpikingOptions(
        order * size,
        kind=kind,
        synapse=Synapse.low_pass(float(rng.uniform(0.02, 0.3))),
        band_hz=float(rng.uniform(0.5, 5.0)),
        seed=int(rng.integers(1 << 20)),
    )
    plan = plan_spiking(
        LMUSpec(order, float(rng.uniform(0.1, 2.0)), dt),
        options,
        lanes=lanes,
        input_bits=int(rng.integers(2, 25)),
        state_bits=int(rng.integers(10, 31)),
        coefficient_bits=int(rng.integers(12, 25)),
        neuron_bits=int(rng.integers(8, 22)),
        spikes=int(rng.integers(1, 9)) if kind.random and rng.random() < 0.3 else None,
    )
    if (needed := SpikingSchedule.of(plan).cycles_per_step * samples) > cycles:
        raise DesignError("cycles", f"at most {cycles}", needed)
    codes = rng.integers(plan.input_format.low, plan.input_format.high + 1, (2, samples // 2))
    codes[0] = np.where(rng.random(samples // 2) < 0.5, plan.input_format.low, codes[0])
    codes[1, samples // 8 :] = plan.input_format.high
    gap, stall = rng.choice([0.0, 0.1, 0.5], 2).tolist()
    design = generate_spiking_verilog(plan, name=name)
    return HarnessedSpiking(plan, design, codes, gap=gap, stall=stall, seed=int(rng.integers(1, 1 << 16)))


def run_spiking_regression(
    designs: int,
    *,
    seed: int,
    workdir: Path,
    samples: int = 400,
    cycles: int = 400_000,
    simulator: Simulator | str = Simulator.VERILATOR,
) -> SpikingRegression:
    """Draw `designs` memories, the kinds in turn, and run them, some side by side.

    Args:
        designs: how many.
        seed: of all that is drawn.
        workdir: folder for builds and logs.
        samples: of each.
        cycles: most clock cycles of each without gaps and back-pressure.
        simulator: verilator or icarus.

    Raises:
        DesignError: a count is out of range, or hardly anything fits into so few cycles.
        MissingToolError: the simulator is not installed.
    """
    designs, samples = check_integer("designs", designs, 1), check_integer("samples", samples, 8)
    rng = np.random.default_rng(seed)
    kinds: Counter[str] = Counter()
    redrawn = sent = words = mismatches = several = 0
    failures = []
    for start in range(0, designs, _SIDE_BY_SIDE):
        memories: list[HarnessedSpiking] = []
        wanted = min(_SIDE_BY_SIDE, designs - start)
        while len(memories) < wanted:
            k = start + len(memories)
            try:
                memories.append(draw(rng, f"spikes_{k}", KINDS[k % len(KINDS)], samples, cycles))
            except DesignError:
                redrawn += 1
                if redrawn > 50 * designs + 100:
                    raise DesignError("cycles", "enough for what is drawn", cycles) from None
        run = run_spiking(memories, workdir=workdir / f"run_{start}", simulator=simulator, seed=seed)
        kinds.update(str(memory.plan.design.options.kind) for memory in memories)
        several += sum(memory.plan.unit.spikes > 1 for memory in memories)
        sent += sum(score.sent for score in run.scores)
        words += sum(score.checked for score in run.scores)
        mismatches += sum(score.mismatches for score in run.scores)
        if not run.passed:
            failures.append(f"designs {start} to {start + wanted - 1}: {'; '.join(run.bench.messages) or 'no result'}")
    return SpikingRegression(designs, sent, words, mismatches, dict(kinds), several, redrawn, tuple(failures))
