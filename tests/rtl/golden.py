"""Verilog that is compared word by word: small designs of every datapath, a network and a spiking memory.

To renew it after a wanted change, run ``python -m tests.rtl.golden`` and read the difference.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from lmu_hw.core.spec import LMUSpec
from lmu_hw.fixed_point.plan import Datapath
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.rtl.interface.emission import VerilogDesign
from lmu_hw.rtl.memory.verilog import generate_verilog
from lmu_hw.rtl.network import generate_network_verilog
from lmu_hw.rtl.spiking.verilog import generate_spiking_verilog
from lmu_hw.spiking.design import SpikingOptions
from lmu_hw.spiking.digital.plan import plan_spiking
from lmu_hw.spiking.neurons import NeuronKind
from tests.rtl.networks import LayerShape, random_network

GOLDEN = Path(__file__).parent / "golden"


def _memory(
    rule: str,
    order: int = 3,
    *,
    lanes: int = 1,
    channels: int = 1,
    unrolled: bool = False,
    port_bits: int | None = None,
    delays: tuple[float, ...] = (),
    datapath: str | None = None,
    target: str = "generic",
) -> VerilogDesign:
    spec = LMUSpec(order, 1.0, 0.01, rule)
    plan = plan_memory(spec, input_bits=4, state_bits=7, coefficient_bits=6, delays=delays, datapath=datapath)
    return generate_verilog(
        plan, lanes=lanes, channels=channels, unrolled=unrolled, port_bits=port_bits, target=target, command="golden"
    )


def _network() -> VerilogDesign:
    shapes = [LayerShape(Datapath.CHAIN, 2, 1, 2, recurrent=True), LayerShape(hidden=2)]
    plan = random_network(np.random.default_rng(5), shapes, 1)
    return generate_network_verilog(plan, lanes=2, sequences=1, command="golden")


def _spiking() -> VerilogDesign:
    options = SpikingOptions(4, kind=NeuronKind("lif"), band_hz=3.0)
    return generate_spiking_verilog(plan_spiking(LMUSpec(2, 0.3, 1e-3), options), command="golden")


#: Each design by the name of its file.
DESIGNS: dict[str, Callable[[], VerilogDesign]] = {
    "euler": lambda: _memory("euler"),
    "ab2_lanes": lambda: _memory("ab2", 4, lanes=2, port_bits=8),
    "euler_channels_delays": lambda: _memory("euler", 2, channels=2, delays=(0.5, 1.0)),
    "pipelined": lambda: _memory("ab2", 4, channels=4, target="ecp5"),
    "zoh": lambda: _memory("zoh"),
    "zoh_lanes": lambda: _memory("zoh", 2, lanes=4),
    "bilinear": lambda: _memory("bilinear"),
    "bilinear_lanes": lambda: _memory("bilinear", 2, lanes=2, channels=2),
    "structured": lambda: _memory("zoh", 4, datapath="structured"),
    "unrolled": lambda: _memory("euler", 2, unrolled=True),
    "network": _network,
    "spiking": _spiking,
}


def golden_path(name: str) -> Path:
    """Where the text of a design is kept."""
    return GOLDEN / f"{name}.v"


def main() -> None:
    """Write the golden files."""
    GOLDEN.mkdir(exist_ok=True)
    for name, design in DESIGNS.items():
        golden_path(name).write_text(design().text, encoding="utf-8")


if __name__ == "__main__":
    main()
