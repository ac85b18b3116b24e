"""Simulation: runners for the HDL and SPICE simulators, cocotb benches, and their reports.

The names below are loaded when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmu_hw.lazy import load_on_demand

if TYPE_CHECKING:
    from lmu_hw.sim.memory.cosim import AnalogSetup as AnalogSetup
    from lmu_hw.sim.memory.cosim import CosimResult as CosimResult
    from lmu_hw.sim.memory.cosim import cosimulate as cosimulate
    from lmu_hw.sim.memory.harness import HarnessedMemory as HarnessedMemory
    from lmu_hw.sim.memory.harness import Stimulus as Stimulus
    from lmu_hw.sim.memory.regression import run_regression as run_regression
    from lmu_hw.sim.memory.run import run_rtl as run_rtl
    from lmu_hw.sim.memory.run import run_streams as run_streams
    from lmu_hw.sim.mixed.adc import Adc as Adc
    from lmu_hw.sim.mixed.analog_head import head_network as head_network
    from lmu_hw.sim.mixed.circuit import MixedCircuit as MixedCircuit
    from lmu_hw.sim.mixed.circuit import run_mixed_bench as run_mixed_bench
    from lmu_hw.sim.mixed.network import MixedNetwork as MixedNetwork
    from lmu_hw.sim.mixed.network import run_mixed_network as run_mixed_network
    from lmu_hw.sim.network.cosim import NetworkCosim as NetworkCosim
    from lmu_hw.sim.network.cosim import cosimulate_network as cosimulate_network
    from lmu_hw.sim.network.harness import HarnessedNetwork as HarnessedNetwork
    from lmu_hw.sim.network.harness import NetworkStimulus as NetworkStimulus
    from lmu_hw.sim.network.regression import run_network_regression as run_network_regression
    from lmu_hw.sim.network.run import run_network_rtl as run_network_rtl
    from lmu_hw.sim.network.run import run_networks as run_networks
    from lmu_hw.sim.runner import BenchResult as BenchResult
    from lmu_hw.sim.runner import Simulator as Simulator
    from lmu_hw.sim.runner import run_bench as run_bench
    from lmu_hw.sim.spice.engines import run_spice as run_spice

__getattr__, __dir__ = load_on_demand(
    __name__,
    {
        "mixed.adc": ["Adc"],
        "mixed.analog_head": ["head_network"],
        "memory.cosim": ["AnalogSetup", "CosimResult", "cosimulate"],
        "memory.run": ["run_rtl", "run_streams"],
        "memory.harness": ["HarnessedMemory", "Stimulus"],
        "mixed.circuit": ["MixedCircuit", "run_mixed_bench"],
        "mixed.network": ["MixedNetwork", "run_mixed_network"],
        "network.cosim": ["NetworkCosim", "cosimulate_network"],
        "network.harness": ["HarnessedNetwork", "NetworkStimulus"],
        "network.regression": ["run_network_regression"],
        "network.run": ["run_network_rtl", "run_networks"],
        "memory.regression": ["run_regression"],
        "runner": ["BenchResult", "Simulator", "run_bench"],
        "spice.engines": ["run_spice"],
    },
)
