from .cosim.memory import AnalogSetup as AnalogSetup
from .cosim.memory import CosimResult as CosimResult
from .cosim.memory import cosimulate as cosimulate
from .cosim.network import NetworkCosim as NetworkCosim
from .cosim.network import cosimulate_network as cosimulate_network
from .hdl.runner import BenchResult as BenchResult
from .hdl.runner import Simulator as Simulator
from .hdl.runner import run_bench as run_bench
from .mixed.adc import Adc as Adc
from .mixed.analog_head import head_network as head_network
from .mixed.circuit import MixedCircuit as MixedCircuit
from .mixed.circuit import run_mixed_bench as run_mixed_bench
from .mixed.network import MixedNetwork as MixedNetwork
from .mixed.network import run_mixed_network as run_mixed_network
from .regression.memory import run_regression as run_regression
from .regression.network import run_network_regression as run_network_regression
from .spice.engines import run_spice as run_spice
from .targets.memory import HarnessedMemory as HarnessedMemory
from .targets.memory import Stimulus as Stimulus
from .targets.memory import run_rtl as run_rtl
from .targets.memory import run_streams as run_streams
from .targets.network import HarnessedNetwork as HarnessedNetwork
from .targets.network import NetworkStimulus as NetworkStimulus
from .targets.network import run_network_rtl as run_network_rtl
from .targets.network import run_networks as run_networks

__all__ = [
    "Adc",
    "AnalogSetup",
    "BenchResult",
    "CosimResult",
    "HarnessedMemory",
    "HarnessedNetwork",
    "MixedCircuit",
    "MixedNetwork",
    "NetworkCosim",
    "NetworkStimulus",
    "Simulator",
    "Stimulus",
    "cosimulate",
    "cosimulate_network",
    "head_network",
    "run_bench",
    "run_mixed_bench",
    "run_mixed_network",
    "run_network_regression",
    "run_network_rtl",
    "run_networks",
    "run_regression",
    "run_rtl",
    "run_spice",
    "run_streams",
]
