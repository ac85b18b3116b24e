"""Amaranth components and Verilog emission for planned Legendre memories and whole networks.

The names below are loaded when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmu_hw.lazy import load_on_demand

if TYPE_CHECKING:
    from lmu_hw.rtl.chain import ChainMemory as ChainMemory
    from lmu_hw.rtl.dense import DenseMemory as DenseMemory
    from lmu_hw.rtl.design import build_memory as build_memory
    from lmu_hw.rtl.emission import VerilogDesign as VerilogDesign
    from lmu_hw.rtl.network import NetworkComponent as NetworkComponent
    from lmu_hw.rtl.network import build_network as build_network
    from lmu_hw.rtl.network import generate_network_verilog as generate_network_verilog
    from lmu_hw.rtl.solve import SolveMemory as SolveMemory
    from lmu_hw.rtl.structured import StructuredMemory as StructuredMemory
    from lmu_hw.rtl.unrolled import UnrolledMemory as UnrolledMemory
    from lmu_hw.rtl.verilog import generate_verilog as generate_verilog

__getattr__, __dir__ = load_on_demand(
    __name__,
    {
        "chain": ["ChainMemory"],
        "dense": ["DenseMemory"],
        "design": ["build_memory"],
        "emission": ["VerilogDesign"],
        "network": ["NetworkComponent", "build_network", "generate_network_verilog"],
        "solve": ["SolveMemory"],
        "structured": ["StructuredMemory"],
        "unrolled": ["UnrolledMemory"],
        "verilog": ["generate_verilog"],
    },
)
