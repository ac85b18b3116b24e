# amaranth: UnusedElaboratable=no
"""From a plan to a component: which datapath, how many lanes and channels, and what it costs."""

from __future__ import annotations

from lmu_hw.plan import Datapath, MemoryPlan
from lmu_hw.rtl.chain import ChainMemory
from lmu_hw.rtl.dense import DenseMemory
from lmu_hw.rtl.stream import StreamMemory


def build_memory(plan: MemoryPlan, *, lanes: int = 1, channels: int = 1) -> StreamMemory:
    """The component that realises `plan`.

    Raises:
        DesignError: the lanes do not divide the order, or there are too many channels.
    """
    kinds: dict[Datapath, type[StreamMemory]] = {kind.datapath: kind for kind in (ChainMemory, DenseMemory)}
    return kinds[plan.datapath](plan, lanes=lanes, channels=channels)
