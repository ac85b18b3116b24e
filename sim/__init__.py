"""Simulation: runners for the HDL and SPICE simulators, cocotb benches, and their reports.

The names below are loaded when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmu_hw.lazy import load_on_demand

if TYPE_CHECKING:
    from lmu_hw.sim.adc import Adc as Adc
    from lmu_hw.sim.analog_head import head_network as head_network
    from lmu_hw.sim.cosim import AnalogSetup as AnalogSetup
    from lmu_hw.sim.cosim import CosimResult as CosimResult
    from lmu_hw.sim.cosim import cosimulate as cosimulate
    from lmu_hw.sim.digital import run_rtl as run_rtl
    from lmu_hw.sim.digital import run_streams as run_streams
    from lmu_hw.sim.harness import HarnessedMemory as HarnessedMemory
    from lmu_hw.sim.harness import Stimulus as Stimulus
    from lmu_hw.sim.mixed import MixedCircuit as MixedCircuit
    from lmu_hw.sim.mixed import run_mixed_bench as run_mixed_bench
    from lmu_hw.sim.mixed_network import MixedNetwork as MixedNetwork
    from lmu_hw.sim.mixed_network import run_mixed_network as run_mixed_network
    from lmu_hw.sim.network.cosim import NetworkCosim as NetworkCosim
    from lmu_hw.sim.network.cosim import cosimulate_network as cosimulate_network
    from lmu_hw.sim.network.harness import HarnessedNetwork as HarnessedNetwork
    from lmu_hw.sim.network.harness import NetworkStimulus as NetworkStimulus
    from lmu_hw.sim.network.regression import run_network_regression as run_network_regression
    from lmu_hw.sim.network.run import run_network_rtl as run_network_rtl
    from lmu_hw.sim.network.run import run_networks as run_networks
    from lmu_hw.sim.regression import run_regression as run_regression
    from lmu_hw.sim.runner import BenchResult as BenchResult
    from lmu_hw.sim.runner import Simulator as Simulator
    from lmu_hw.sim.runner import run_bench as run_bench
    from lmu_hw.sim.spice.engines import run_spice as run_spice

__getattr__, __dir__ = load_on_demand(
    __name__,
    {
        "adc": ["Adc"],
        "analog_head": ["head_network"],
        "cosim": ["AnalogSetup", "CosimResult", "cosimulate"],
        "digital": ["run_rtl", "run_streams"],
        "harness": ["HarnessedMemory", "Stimulus"],
        "mixed": ["MixedCircuit", "run_mixed_bench"],
        "mixed_network": ["MixedNetwork", "run_mixed_network"],
        "network.cosim": ["NetworkCosim", "cosimulate_network"],
        "network.harness": ["HarnessedNetwork", "NetworkStimulus"],
        "network.regression": ["run_network_regression"],
        "network.run": ["run_network_rtl", "run_networks"],
        "regression": ["run_regression"],
        "runner": ["BenchResult", "Simulator", "run_bench"],
        "spice.engines": ["run_spice"],
    },
)
