"""Simulation: runners for the HDL and SPICE simulators, cocotb benches, and their reports.

The names below are loaded when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmu_hw.lazy import load_on_demand

if TYPE_CHECKING:
    from lmu_hw.sim.cosim import AnalogSetup as AnalogSetup
    from lmu_hw.sim.cosim import CosimResult as CosimResult
    from lmu_hw.sim.cosim import cosimulate as cosimulate
    from lmu_hw.sim.digital import run_rtl as run_rtl
    from lmu_hw.sim.digital import run_streams as run_streams
    from lmu_hw.sim.harness import HarnessedMemory as HarnessedMemory
    from lmu_hw.sim.harness import Stimulus as Stimulus
    from lmu_hw.sim.mixed import MixedCircuit as MixedCircuit
    from lmu_hw.sim.mixed import run_mixed_bench as run_mixed_bench
    from lmu_hw.sim.regression import run_regression as run_regression
    from lmu_hw.sim.runner import BenchResult as BenchResult
    from lmu_hw.sim.runner import Simulator as Simulator
    from lmu_hw.sim.runner import run_bench as run_bench
    from lmu_hw.sim.spice_engines import run_ngspice as run_ngspice

__getattr__, __dir__ = load_on_demand(
    __name__,
    {
        "cosim": ["AnalogSetup", "CosimResult", "cosimulate"],
        "digital": ["run_rtl", "run_streams"],
        "harness": ["HarnessedMemory", "Stimulus"],
        "mixed": ["MixedCircuit", "run_mixed_bench"],
        "regression": ["run_regression"],
        "runner": ["BenchResult", "Simulator", "run_bench"],
        "spice_engines": ["run_ngspice"],
    },
)
