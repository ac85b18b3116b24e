"""Random spiking memories through Verilog: `lmu-hw regression spiking`.

Draws memories of every kind of neuron over orders, numbers of neurons, lanes, word lengths, steps and synapses, streams
random and full-scale sequences through each with random gaps and back-pressure, and counts the words that differ from
the integer model. Memories that cannot be planned, and those that would take too long, are drawn again and counted.
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
from lmu_hw.sim.regression.random_runs import RandomRuns, run_random
from lmu_hw.sim.targets.memory import HarnessedSpiking, Stimulus
from lmu_hw.spiking.design import SpikingOptions
from lmu_hw.spiking.digital.plan import plan_spiking
from lmu_hw.spiking.neurons import NeuronKind
from lmu_hw.spiking.synapses import Synapse

KINDS = (NeuronKind.POISSON_LIF, NeuronKind.POISSON_RELU, NeuronKind.LIF)
_SIDE_BY_SIDE = 4


@dataclass(frozen=True, repr=False)
class SpikingRegression(RandomRuns):
    """The result of the regression of random spiking memories.

    Attributes:
        designs: The number of memories that ran.
        samples, words: The number of samples that went in, and of words that were compared.
        mismatches: The number of words that differ, are missing or have wrong marks.
        kinds: The number of designs with each kind of neuron.
        several_spikes: The number of designs whose neurons may fire several times in a step.
        redrawn: The number of draws that were invalid or would have taken too long.
        failures: One line for each simulation that failed.
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
    def compared(self) -> int:
        return self.words


def draw(rng: np.random.Generator, name: str, kind: NeuronKind, samples: int, cycles: int) -> HarnessedSpiking:
    """Draw a memory with its stimulus.

    Args:
        rng: The generator of the random numbers.
        name: The name of the Verilog module.
        kind: The kind of neuron.
        samples: The number of samples, in two sequences.
        cycles: The largest number of clock cycles without gaps and stalls.

    Raises:
        DesignError: The draw cannot be planned, or takes more than `cycles` clock cycles.
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
    return HarnessedSpiking(plan, Stimulus(codes, gap=gap, stall=stall, seed=int(rng.integers(1, 1 << 16))), design)


def run_spiking_regression(
    designs: int,
    *,
    seed: int,
    workdir: str | Path,
    samples: int = 400,
    cycles: int = 400_000,
    simulator: Simulator | str = Simulator.VERILATOR,
) -> SpikingRegression:
    """Check random spiking memories, of all kinds of neurons in turn.

    Args:
        designs: The number of memories.
        seed: The seed of everything that is drawn.
        workdir: The folder for builds and logs.
        samples: The number of samples of each, at least 8.
        cycles: The largest number of clock cycles of each without gaps and stalls.
        simulator: The HDL simulator, verilator or icarus.

    Raises:
        DesignError: A count is out of range, or almost no draw fits into so few cycles.
        MissingToolError: The simulator is not installed.
    """
    workdir = Path(workdir)
    designs, samples = check_integer("designs", designs, 1), check_integer("samples", samples, 8)
    found = run_random(
        lambda rng, k: draw(rng, f"spikes_{k}", KINDS[k % len(KINDS)], samples, cycles),
        designs,
        seed=seed,
        workdir=workdir,
        cycles=cycles,
        simulator=simulator,
        batch=_SIDE_BY_SIDE,
    )
    return SpikingRegression(
        designs=designs,
        samples=found.sent,
        words=found.words,
        mismatches=found.mismatches,
        kinds=dict(Counter(str(memory.plan.design.options.kind) for memory in found.targets)),
        several_spikes=sum(memory.plan.unit.spikes > 1 for memory in found.targets),
        redrawn=found.redrawn,
        failures=tuple(found.failures),
    )
