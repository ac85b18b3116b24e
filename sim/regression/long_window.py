"""A window of 100,000 samples in hardware: 100 states with one multiplication each and words of 16 bits.

    lmu-hw regression long-window

Band-limited noise of 25 cycles per window runs through the generated Verilog in Verilator. Every state word and
every readout is compared with the integer model, and the readout at the window's end with the input that went in
one window earlier.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lmu_hw.core.metrics import nrmse
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.fixed_point.formats import Overflow
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.io.signals import band_limited_noise
from lmu_hw.rtl.memory.verilog import generate_verilog
from lmu_hw.sim.targets.memory import HarnessedMemory, Stimulus
from lmu_hw.sim.targets.run import run_targets

ORDER, WINDOW, CYCLES, SAMPLES = 100, 100_000, 25.0, 250_000
INPUT_BITS, STATE_BITS, COEFFICIENT_BITS, OUTPUT_BITS = 13, 16, 18, 24


@dataclass(frozen=True)
class LongWindow:
    """The result of the run of the long window.

    Attributes:
        samples: The number of samples that ran through the Verilog.
        mismatches: The number of state words and readouts that differ from the integer model; −1 if the bench failed.
        words: The number of words that were compared.
        nrmse: The NRMSE of the readout against the input one window earlier, once the window is full.
        multiplier_bits: The widths of the two factors of a multiplication.
        multiplications_per_sample: The number of multiplications of a sample; the readout needs none.
        cycles_per_sample: The number of clock cycles of a sample, with one lane.
    """

    samples: int
    mismatches: int
    words: int
    nrmse: float
    multiplier_bits: tuple[int, int]
    multiplications_per_sample: int
    cycles_per_sample: int

    @property
    def passed(self) -> bool:
        """Whether the Verilog equals the integer model and the NRMSE of the readout is at most 0.1 %."""
        return self.mismatches == 0 and self.words > 0 and self.nrmse <= 1e-3


def run_long_window(workdir: str | Path, *, samples: int = SAMPLES, window: int = WINDOW, seed: int = 0) -> LongWindow:
    """Check the Verilog of the memory with the long window on band-limited noise.

    Args:
        workdir: The folder for the build and the recordings.
        samples: The length of the record, more than one and a half windows.
        window: The length of the window in samples, θ/dt.
        seed: The seed of the noise.
    """
    workdir = Path(workdir)
    spec = LMUSpec(ORDER, float(window), 1.0, Discretization.AB2)
    plan = plan_memory(
        spec,
        input_bits=INPUT_BITS,
        state_bits=STATE_BITS,
        coefficient_bits=COEFFICIENT_BITS,
        output_bits=OUTPUT_BITS,
        delays=(1.0,),
    )
    u = 0.999 * band_limited_noise(samples, 1.0, CYCLES / window, seed)
    codes = plan.input_format.encode(u, overflow=Overflow.SATURATE)
    design = generate_verilog(plan)
    run = run_targets([HarnessedMemory(plan, Stimulus(codes[None, :]), design)], workdir=workdir)
    mismatches = sum(score.mismatches for score in run.scores) if run.scores else -1
    readout = np.zeros(samples)
    if run.passed and run.readouts[0] is not None and plan.readouts is not None:
        readout = plan.readouts.format.decode(run.readouts[0][0, :, 0])
    full = np.arange(3 * window // 2, samples)
    return LongWindow(
        samples=samples,
        mismatches=mismatches,
        words=samples * (ORDER + 1),
        nrmse=nrmse(readout[full], u[full + 1 - window]),  # after sample k the memory stands at k + 1
        multiplier_bits=(plan.operand_format.width, plan.increment.coefficient_bits),
        multiplications_per_sample=plan.multiplications_per_sample,
        cycles_per_sample=int(design.manifest["cycles_per_sample"]),
    )
