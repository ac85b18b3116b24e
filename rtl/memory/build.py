# amaranth: UnusedElaboratable=no
"""From a plan to a component: which datapath, how many lanes and channels, and what it costs."""

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
"""The component that computes each datapath on lanes; a further datapath is one more row."""


def build_memory(
    plan: MemoryPlan,
    *,
    lanes: int = 1,
    channels: int = 1,
    unrolled: bool = False,
    port_bits: int | None = None,
) -> StreamMemory:
    """The component that realises `plan`.

    Args:
        plan: the fixed-point plan.
        lanes: multipliers that work side by side; see the memories in `MEMORIES` for what is possible.
        channels: memories that take turns.
        unrolled: a multiplier for every product, for orders up to 16; then without `lanes`.
        port_bits: width of the input port, by default that of the input format.

    Raises:
        DesignError: the lanes do not fit the order or the channels, there are too many channels, or the
            order is too large to be unrolled.
    """
    if unrolled:
        if lanes != 1:
            raise RequestError("lanes has no effect where everything is unrolled", hint="leave one of them out")
        return UnrolledMemory(plan, channels=channels, port_bits=port_bits)
    return MEMORIES[plan.datapath](plan, lanes=lanes, channels=channels, port_bits=port_bits)
