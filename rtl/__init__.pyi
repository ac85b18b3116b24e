from .interface.emission import VerilogDesign as VerilogDesign
from .memory.build import build_memory as build_memory
from .memory.chain import ChainMemory as ChainMemory
from .memory.dense import DenseMemory as DenseMemory
from .memory.structured import StructuredMemory as StructuredMemory
from .memory.tridiagonal import TridiagonalMemory as TridiagonalMemory
from .memory.unrolled import UnrolledMemory as UnrolledMemory
from .memory.verilog import generate_verilog as generate_verilog
from .network import NetworkComponent as NetworkComponent
from .network import build_network as build_network
from .network import generate_network_verilog as generate_network_verilog

__all__ = [
    "ChainMemory",
    "DenseMemory",
    "NetworkComponent",
    "StructuredMemory",
    "TridiagonalMemory",
    "UnrolledMemory",
    "VerilogDesign",
    "build_memory",
    "build_network",
    "generate_network_verilog",
    "generate_verilog",
]
