"""One recording through everything that carries a memory: `lmu-hw cosim --spiking`.

In one simulation run the fixed-point Verilog and the Verilog of the digital spiking memory; both must equal their
integer models word for word, and the fixed-point words must lie within the plan's bound of the float reference. What
the spikes decode to, in hardware and in software, is held against the same reference, beside the error that Poisson
noise predicts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import Overflow
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.rtl.interface.emission import VerilogDesign
from lmu_hw.rtl.memory.verilog import generate_verilog
from lmu_hw.rtl.spiking.verilog import generate_spiking_verilog
from lmu_hw.sim.cosim.memory import BoundCheck, DigitalCheck, check_bound
from lmu_hw.sim.hdl.run import run_harness, save_expected
from lmu_hw.sim.hdl.runner import Simulator
from lmu_hw.sim.hdl.scoreboard import Score, expected_flags, memory_fields
from lmu_hw.sim.targets.memory import HarnessedMemory, Stimulus, stream_module
from lmu_hw.sim.targets.spiking import BENCH, HarnessedSpiking, spiking_job, spiking_vectors
from lmu_hw.spiking.digital.model import DigitalSpikingMemory
from lmu_hw.spiking.digital.plan import DigitalSpikingPlan
from lmu_hw.spiking.memory import SpikeTrains, SpikingMemory


@dataclass(frozen=True)
class DecodedError:
    """What is decoded from spikes against the float reference: RMS over all samples and over the window.

    Where the spiking memory was designed for chosen delays it is what the design weighs, those before the window.

    Attributes:
        rtl: of the words of the Verilog, as the bench measured it; None where it did not get as far.
        integer: of the integer model's words.
        software: of the same design in float64 with true Poisson spikes, or regular ones as they are.
        fixed: of the fixed-point words, for comparison.
        predicted: what Poisson noise alone leaves, from the design.
        signal: RMS of the window itself.
    """

    rtl: float | None
    integer: float
    software: float
    fixed: float
    predicted: float
    signal: float


@dataclass(frozen=True, eq=False)
class SpikingCosim:
    """Everything that one comparison found; states have the shape (samples, order), in the specification's basis.

    `spikes` are the integer model's.
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

    @property
    def passed(self) -> bool:
        """The bench passed, both designs equal their models and the bound holds. Spikes have no bound."""
        return self.bench_passed and self.fixed.passed and self.spiking.passed and self.fixed_vs_float.passed

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values."""
        return {
            "digital": vars(self.fixed) | {"messages": list(self.fixed.messages)},
            "fixed_vs_float": vars(self.fixed_vs_float),
            "spiking": vars(self.spiking) | {"messages": list(self.spiking.messages)},
            "spiking_vs_float": vars(self.decoded),
            "messages": list(self.messages),
            "passed": self.passed,
        }


def cosimulate_spiking(
    plan: MemoryPlan,
    spiking: DigitalSpikingPlan,
    samples: Array,
    *,
    workdir: Path,
    simulator: Simulator | str = Simulator.VERILATOR,
    lanes: int = 1,
    seed: int = 0,
    gap: float = 0.1,
    stall: float = 0.1,
    designs: tuple[VerilogDesign, VerilogDesign] | None = None,
) -> SpikingCosim:
    """Run one recording through both digital memories in one simulation, and through the models beside them.

    Args:
        plan: the memory in fixed point.
        spiking: the same memory in digital neurons.
        samples: the recording, shape (T,), within [−1, 1]; each sample is one step.
        workdir: folder for builds, logs and recordings.
        simulator: verilator or icarus.
        lanes: multiplier lanes of the fixed-point Verilog.
        seed: of gaps, stalls and cocotb.
        gap, stall: shares of cycles without a sample offered, or without a word taken.
        designs: Verilog to check in place of the plans' own, fixed point first.

    Raises:
        DesignError: the plans are not of one memory, or an argument is wrong.
        MissingToolError: a simulator is not installed.
    """
    if plan.spec != spiking.spec:
        raise DesignError("plans", "of one memory", f"{plan.spec.summary()} and {spiking.spec.summary()}")
    u = np.asarray(samples, dtype=np.float64)
    if u.ndim != 1 or u.size == 0 or not np.all(np.abs(u) <= 1.0):
        raise DesignError("samples", "a non-empty sequence within [-1, 1]", f"shape {u.shape}")
    made = designs or (
        generate_verilog(plan, name="fixed_memory", lanes=lanes),
        generate_spiking_verilog(spiking, name="spiking_memory"),
    )
    codes = plan.input_format.encode(u, overflow=Overflow.SATURATE)
    neurons = DigitalSpikingMemory(spiking)
    words, spiking_words = IntegerMemory(plan).run(codes), neurons.run(spiking.encode(u), record=True)
    # As in the bound: +1 itself has no code.
    within = np.clip(u, -1.0, plan.input_format.decode(plan.input_format.high) + 0.5 * plan.input_format.lsb)
    reference = FloatMemory(plan.spec).run(within)
    first = HarnessedMemory(plan, Stimulus(codes[None], gap=gap, stall=stall, seed=seed), made[0])
    second = HarnessedSpiking(spiking, made[1], spiking.encode(u)[None], gap=gap, stall=stall, seed=seed)
    weights = spiking.design.weights
    vectors = [
        _fixed_vectors(first, words, reference),
        spiking_vectors(second, spiking_words[None])
        | {
            "reference": reference.reshape(-1, 1),
            "weights": weights,
            "lsb": np.array(spiking.output_format.lsb),
        },
    ]
    jobs = [_fixed_job(first), spiking_job(second)]
    scores, bench = run_harness(
        [stream_module(0, first), second.module()],
        BENCH,
        [job | {"expected": save_expected(workdir, k, vectors[k])} for k, job in enumerate(jobs)],
        workdir=workdir,
        files={"samples_0.hex": first.sample_words(), "samples_1.hex": second.sample_words()},
        limits=[_limit_cycles(first), second.limit_cycles()],
        simulator=simulator,
        seed=seed,
    )
    measured = bench.run_dir / "decoded_1.json"
    states_fixed, states_spiking = plan.output_format.decode(words), spiking.output_format.decode(spiking_words)
    states_software = SpikingMemory(spiking.design).run(u)

    def error(states: Array) -> float:
        return _rms((states - reference) @ weights.T)

    rtl = json.loads(measured.read_text(encoding="utf-8"))["rms_error"] if measured.is_file() else None
    return SpikingCosim(
        fixed=_check(scores, 0, codes.size, words.size, simulator),
        fixed_vs_float=check_bound(plan, states_fixed, reference),
        spiking=_check(scores, 1, codes.size, spiking_words.size, simulator),
        decoded=DecodedError(
            rtl=rtl,
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
        messages=bench.messages,
        bench_passed=bench.passed,
    )


def _rms(errors: Array) -> float:
    return float(np.sqrt(np.mean(np.sum(errors**2, axis=1))))


def _check(scores: tuple[Score, ...], k: int, samples: int, words: int, simulator: Simulator | str) -> DigitalCheck:
    if len(scores) <= k:
        return DigitalCheck(samples, 0, words, str(simulator), ("the bench did not get as far",), False)
    score = scores[k]
    said = (score.first_mismatch,) if score.first_mismatch else ()
    return DigitalCheck(samples, score.checked, score.mismatches, str(simulator), said, score.passed)


def _fixed_job(memory: HarnessedMemory) -> dict[str, Any]:
    return {
        "fields": memory_fields(memory.design.manifest),
        "words_per_beat": memory.words_per_beat,
        "sent": int(memory.stimulus.codes.size),
    }


def _limit_cycles(memory: HarnessedMemory) -> int:
    waits = (1.0 - memory.stimulus.gap) * (1.0 - memory.stimulus.stall)
    each = memory.cycles_per_round + memory.beats_per_sample
    return int(2.0 * memory.stimulus.codes.size * each / waits) + 10_000


def _fixed_vectors(memory: HarnessedMemory, words: Any, reference: Array) -> dict[str, Any]:
    batch, samples = memory.stimulus.codes.shape
    bound = np.broadcast_to(memory.plan.error_bound, (1, *reference.shape))
    return {
        "words": memory.expected_order(words[None]),
        "reference": memory.expected_order(reference[None]),
        "bound": memory.expected_order(bound),
        "lsb": np.array(memory.plan.output_format.lsb),
        **expected_flags(
            batch, samples, memory.beats_per_sample, memory.words_per_beat, 1, only_last=False, unmarked=False
        ),
    }
