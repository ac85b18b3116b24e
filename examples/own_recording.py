"""A recording of your own to Verilog: own_recording.py RECORDING OUT [ORDER [WINDOW_SECONDS]].

RECORDING is a .wav file, whose rate is the memory's. The memory is planned, its integer model is held against its
proved bound on the recording, the Verilog is written to OUT, and a simulator compares every word of it with the
integer model.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import lmu_hw
from lmu_hw import rtl, sim


def main(recording: Path, out: Path, order: int = 8, window: float = 0.01) -> None:
    """Print what the design costs and how it did, and write the Verilog."""
    signal = lmu_hw.read_signal(recording)
    if signal.rate is None:
        raise SystemExit(f"{recording} has no rate; give a .wav file")
    samples = signal.samples[:2000]
    spec = lmu_hw.LMUSpec(order, window, 1.0 / signal.rate, discretization="bilinear")
    plan = lmu_hw.plan_memory(spec, input_bits=12, state_bits=16)
    codes = plan.input_format.encode(samples)
    words = lmu_hw.IntegerMemory(plan).run(codes)
    error = np.abs(plan.output_format.decode(words) - lmu_hw.FloatMemory(spec).run(samples)).max(axis=0)
    print(f"largest error over its proved bound: {(error / plan.error_bound).max():.2f}")

    design = rtl.generate_verilog(plan, name="recording_memory")
    design.write(out)
    print(f"multiplications per sample: {design.manifest['multiplications_per_sample']}")
    simulated = sim.run_rtl(plan, codes[None, :], workdir=out / "simulation")
    print(f"words that differ in simulation: {np.count_nonzero(simulated[0] != words)} of {words.size}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:4]), *map(float, sys.argv[4:5]))
