"""Co-simulation of a memory in fixed point and in spikes: `lmu-hw cosim --spiking`.

The fixed-point Verilog and the Verilog of the digital spiking memory run in one simulation. Both must equal their
integer models word for word, and the fixed-point words must lie within the plan's bound of the float reference. The
values decoded from spikes, in hardware and in software, are compared with the same reference; the error that Poisson
noise alone would make is stated beside theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lmu_hw.core.display import number
from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.rtl.interface.emission import VerilogDesign
from lmu_hw.rtl.memory.verilog import generate_verilog
from lmu_hw.rtl.spiking.verilog import generate_spiking_verilog
from lmu_hw.sim.cosim.base import Cosim, DigitalCheck, simulate
from lmu_hw.sim.cosim.memory import BoundCheck, check_bound, checked_recording, fixed_target
from lmu_hw.sim.hdl.runner import Simulator
from lmu_hw.sim.targets.memory import HarnessedSpiking, Stimulus
from lmu_hw.sim.targets.run import Run
from lmu_hw.spiking.digital.model import DigitalSpikingMemory
from lmu_hw.spiking.digital.plan import DigitalSpikingPlan
from lmu_hw.spiking.memory import SpikeTrains, SpikingMemory

if TYPE_CHECKING:
    from lmu_hw.core.figures import Plot


@dataclass(frozen=True)
class DecodedError:
    """The errors of decoded values against the float reference: RMS over all samples and over the window.

    If the spiking memory was designed for chosen delays, the errors are weighted as in its design, where those delays
    count more than the rest of the window.

    Attributes:
        rtl: The error of the words of the Verilog; None if the bench did not get as far.
        integer: The error of the integer model's words.
        software: The error of the same design in float64, with true Poisson spikes or with the regular spikes of LIF.
        fixed: The error of the fixed-point words, for comparison.
        predicted: The error that Poisson noise alone makes, predicted from the design.
        signal: The RMS of the reference itself.
    """

    rtl: float | None
    integer: float
    software: float
    fixed: float
    predicted: float
    signal: float


@dataclass(frozen=True, eq=False, repr=False)
class SpikingCosim(Cosim):
    """The result of the co-simulation of a memory in spikes. States have the shape (samples, order).

    Attributes:
        fixed: The fixed-point Verilog against its integer model.
        fixed_vs_float: The fixed-point integer model against the float memory.
        spiking: The Verilog of the neurons against its integer model.
        decoded: The values decoded from spikes against the float memory.
        time: The end of each sample, s, shape (samples,).
        samples: The recording, shape (samples,).
        states_float: The states of the float memory.
        states_fixed: The states of the fixed-point integer model.
        states_spiking: The states of the integer model of the neurons.
        states_software: The states of the spiking memory in float64.
        spikes: The spikes of the integer model.
        messages: The failures of the bench, a line each.
        bench_passed: Whether the bench reached its end without a failure, in every run.
        waveform: The file with all signals; None if none was recorded.
    """

    fixed: DigitalCheck
    fixed_vs_float: BoundCheck
    spiking: DigitalCheck
    decoded: DecodedError
    time: Array
    samples: Array
    states_float: Array
    states_fixed: Array
    states_spiking: Array
    states_software: Array
    spikes: SpikeTrains | None
    messages: tuple[str, ...]
    bench_passed: bool
    waveform: Path | None = None

    @property
    def passed(self) -> bool:
        """Whether the bench passed, both designs equal their models and the bound holds; spikes have no bound."""
        return self.bench_passed and self.fixed.passed and self.spiking.passed and self.fixed_vs_float.passed

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield from super()._facts()
        yield "samples", str(self.fixed.samples)
        yield "mismatches, fixed point", str(self.fixed.mismatches)
        yield "mismatches, spikes", str(self.spiking.mismatches)
        yield "RMS error of the spikes", number(self.decoded.integer)

    def plot(self) -> Plot:
        """Draw the first six states over time in every form."""
        from lmu_hw.core.figures import states_figure

        forms = {
            "float": self.states_float,
            "fixed": self.states_fixed,
            "spikes, Verilog": self.states_spiking,
            "spikes, software": self.states_software,
        }
        return states_figure(self.time, forms)

    @property
    def figures(self) -> Mapping[str, Any]:
        return {
            "digital": self.fixed,
            "fixed_vs_float": self.fixed_vs_float,
            "spiking": self.spiking,
            "spiking_vs_float": self.decoded,
            "messages": self.messages,
        }


def cosimulate_spiking(
    plan: MemoryPlan,
    spiking: DigitalSpikingPlan,
    samples: Array,
    *,
    workdir: str | Path,
    simulator: Simulator | str = Simulator.VERILATOR,
    lanes: int = 1,
    seed: int = 0,
    gap: float = 0.1,
    stall: float = 0.1,
    runs: int = 1,
    waves: bool | int = False,
    bench_dir: str | Path | None = None,
    designs: tuple[VerilogDesign, VerilogDesign] | None = None,
) -> SpikingCosim:
    """Run a recording through both digital memories in one simulation, and through their models.

    Args:
        plan: The memory in fixed point.
        spiking: The same memory in digital neurons.
        samples: The recording, shape (T,), within [−1, 1], one sample per step.
        workdir: The folder for builds, logs and recordings.
        simulator: The HDL simulator, verilator or icarus.
        lanes: The number of multiplier lanes of the fixed-point Verilog.
        seed: The seed of gaps, stalls and cocotb.
        gap, stall: The shares of cycles in which no sample is offered, and in which no word is taken, 0 … 0.9.
        runs: The number of runs, each with other gaps and stalls; further ones have the seeds after `seed`.
        waves: Whether all signals are recorded; or of how many samples from the beginning, in a run of its own.
        bench_dir: The folder that gets Verilog, stimulus and testbench, see `lmu_hw.sim.targets.standalone`.
        designs: The Verilog to check, that of the fixed-point memory first; by default that of the plans.

    Raises:
        DesignError: The plans are not of one memory, or an argument is wrong.
        MissingToolError: A simulator is not installed.
    """
    workdir = Path(workdir)
    if plan.spec != spiking.spec:
        raise DesignError("plans", "of one memory", f"{plan.spec.summary()} and {spiking.spec.summary()}")
    u = checked_recording(samples)
    made = designs or (
        generate_verilog(plan, name="fixed_memory", lanes=lanes),
        generate_spiking_verilog(spiking, name="spiking_memory"),
    )
    first, reference = fixed_target(plan, u, made[0], gap=gap, stall=stall, seed=seed)
    codes = spiking.encode(u)
    second = HarnessedSpiking(spiking, Stimulus(codes[None], gap=gap, stall=stall, seed=seed), made[1])
    neurons = DigitalSpikingMemory(spiking)
    expected = [first.model_words(), neurons.run(codes, record=True)[None]]
    done = simulate(
        [first, second],
        expected,
        workdir=workdir,
        simulator=simulator,
        seed=seed,
        runs=runs,
        waves=waves,
        bench_dir=bench_dir,
    )
    states_fixed, states_spiking = (
        plan.output_format.decode(expected[0][0]),
        spiking.output_format.decode(expected[1][0]),
    )
    states_software = SpikingMemory(spiking.design).run(u)
    weights = spiking.design.weights

    def error(states: Array) -> float:
        return _rms((states - reference) @ weights.T)

    states_rtl = _rtl_states(done.kept, spiking)
    return SpikingCosim(
        fixed=DigitalCheck.of_runs(done, expected[0].size, simulator, 0),
        fixed_vs_float=check_bound(plan, states_fixed, reference),
        spiking=DigitalCheck.of_runs(done, expected[1].size, simulator, 1),
        decoded=DecodedError(
            rtl=None if states_rtl is None else error(states_rtl),
            integer=error(states_spiking),
            software=error(states_software),
            fixed=error(states_fixed),
            predicted=spiking.design.predicted_error,
            signal=_rms(reference @ weights.T),
        ),
        time=plan.spec.dt * np.arange(1.0, u.size + 1.0),
        samples=u,
        states_float=reference,
        states_fixed=states_fixed,
        states_spiking=states_spiking,
        states_software=states_software,
        spikes=neurons.spikes,
        messages=tuple(line for run in reversed(done.runs) for line in run.bench.messages),
        bench_passed=all(run.bench.passed for run in done.runs),
        waveform=done.waveform,
    )


def _rms(errors: Array) -> float:
    return float(np.sqrt(np.mean(np.sum(errors**2, axis=1))))


def _rtl_states(run: Run, spiking: DigitalSpikingPlan) -> Array | None:
    """Return the states of the Verilog of the neurons, right or wrong; None if words are missing or too many."""
    if not run.scores:
        return None
    words = run.beats(1)["out"].words.ravel()
    if words.size != run.scores[1].expected:
        return None
    return spiking.output_format.decode(words.reshape(-1, spiking.spec.order))
