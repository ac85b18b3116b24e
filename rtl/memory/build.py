# amaranth: UnusedElaboratable=no
"""The choice of the component that realises a plan."""

from __future__ import annotations

from lmu_hw.errors import RequestError
from lmu_hw.fixed_point.plan import Datapath, MemoryPlan
from lmu_hw.rtl.interface.streams import StreamMemory
from lmu_hw.rtl.memory.chain import ChainMemory, PipelinedChainMemory
from lmu_hw.rtl.memory.dense import DenseMemory
from lmu_hw.rtl.memory.structured import StructuredMemory
from lmu_hw.rtl.memory.tridiagonal import TridiagonalMemory
from lmu_hw.rtl.memory.unrolled import UnrolledMemory
from lmu_hw.rtl.primitives.families import delays_of

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
    target: str = "generic",
) -> StreamMemory:
    """Build the component that realises a plan.

    Args:
        plan: The fixed-point plan.
        lanes: The number of multipliers that work side by side; the classes in `MEMORIES` state the possible numbers.
        channels: The number of independent memories that take turns, 1 … 4096.
        unrolled: Whether every product has a multiplier of its own, for orders up to 16; `lanes` is then left out.
        port_bits: The width of the samples at the input port, by default that of the input format.
        target: The FPGA family whose delays decide the depth of the pipeline, one of `FAMILIES`; for chain memories
            with lanes. The form with most samples per second at its estimated clock is taken.

    Raises:
        DesignError: The number of lanes does not fit the order or the channels, `channels` or `port_bits` is out of
            range, the order is too large to be unrolled, or the target is unknown or has no effect.
    """
    if delays_of(target) is not None and (unrolled or plan.datapath is not Datapath.CHAIN):
        where = "where everything is unrolled" if unrolled else f"with the {plan.datapath} datapath"
        raise RequestError(f"target has no effect {where}", hint="leave one of them out")
    if unrolled:
        if lanes != 1:
            raise RequestError("lanes has no effect where everything is unrolled", hint="leave one of them out")
        return UnrolledMemory(plan, channels=channels, port_bits=port_bits)
    kind = MEMORIES[plan.datapath]
    if plan.datapath is Datapath.CHAIN:
        kind = fastest_chain(plan, lanes=lanes, channels=channels, target=target)
    return kind(plan, lanes=lanes, channels=channels, port_bits=port_bits)


def fastest_chain(plan: MemoryPlan, *, lanes: int, channels: int, target: str) -> type[ChainMemory]:
    """Return the form of the chain memory that gives most samples per second on a family of FPGAs.

    Each register in the recurrence makes a sample longer and the clock faster. Which of the two matters more depends on
    the order, the lanes and the channels, which hide the longer latency.

    Args:
        plan: The fixed-point plan, of the chain datapath.
        lanes: The number of multipliers.
        channels: The number of memories that take turns.
        target: The family, one of `FAMILIES`.

    Raises:
        DesignError: The family is unknown, or the number of lanes does not divide the order.
    """
    delays = delays_of(target)
    if delays is None:
        return ChainMemory
    ChainMemory.check_lanes(plan, lanes, channels)

    def sample_ns(kind: type[ChainMemory]) -> float:
        cycles = kind.schedule_for(plan, lanes, channels).cycles_per_sample
        return float(cycles) * kind.period_ns(plan, lanes, channels, delays)

    return min((ChainMemory, PipelinedChainMemory), key=sample_ns)
