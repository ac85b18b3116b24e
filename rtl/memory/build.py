# amaranth: UnusedElaboratable=no
"""The choice of the component that realises a plan."""

from __future__ import annotations

from lmu_hw.errors import RequestError
from lmu_hw.fixed_point.plan import Datapath, MemoryPlan
from lmu_hw.rtl.interface.streams import StreamMemory
from lmu_hw.rtl.memory.chain import ChainMemory
from lmu_hw.rtl.memory.dense import DenseMemory
from lmu_hw.rtl.memory.structured import StructuredMemory
from lmu_hw.rtl.memory.tridiagonal import TridiagonalMemory
from lmu_hw.rtl.memory.unrolled import UnrolledMemory

MEMORIES: dict[Datapath, type[StreamMemory]] = {
    Datapath.CHAIN: ChainMemory,
    Datapath.TRIDIAGONAL: TridiagonalMemory,
    Datapath.DENSE: DenseMemory,
    Datapath.STRUCTURED: StructuredMemory,
}
"""The table of memories in hardware: the class that realises the plans of each datapath on `lanes` multipliers."""


def build_memory(
    plan: MemoryPlan,
    *,
    lanes: int = 1,
    channels: int = 1,
    unrolled: bool = False,
    port_bits: int | None = None,
) -> StreamMemory:
    """Build the component that realises a plan.

    Args:
        plan: The fixed-point plan.
        lanes: The number of multipliers that work side by side; the classes in `MEMORIES` state the possible numbers.
        channels: The number of independent memories that take turns, 1 … 4096.
        unrolled: Whether every product has a multiplier of its own, for orders up to 16; `lanes` is then left out.
        port_bits: The width of the samples at the input port, by default that of the input format.

    Raises:
        DesignError: The number of lanes does not fit the order or the channels, `channels` or `port_bits` is out of
            range, or the order is too large to be unrolled.
    """
    if unrolled:
        if lanes != 1:
            raise RequestError("lanes has no effect where everything is unrolled", hint="leave one of them out")
        return UnrolledMemory(plan, channels=channels, port_bits=port_bits)
    return MEMORIES[plan.datapath](plan, lanes=lanes, channels=channels, port_bits=port_bits)
