"""Whole networks in hardware: layers in sequence on shared multiplier lanes.

The names below are loaded when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmu_hw.lazy import load_on_demand

if TYPE_CHECKING:
    from lmu_hw.rtl.network.component import NetworkComponent as NetworkComponent
    from lmu_hw.rtl.network.component import build_network as build_network
    from lmu_hw.rtl.network.verilog import generate_network_verilog as generate_network_verilog

__getattr__, __dir__ = load_on_demand(
    __name__,
    {
        "component": ["NetworkComponent", "build_network"],
        "verilog": ["generate_network_verilog"],
    },
)
