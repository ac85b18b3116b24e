"""The Verilog of a memory: its flat ports, and the contents of its file head and manifest."""

from __future__ import annotations

import math
from typing import Any

from lmu_hw.core.band import usable_band
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.rtl.interface.cost import ClockBudget, storage_facts
from lmu_hw.rtl.interface.emission import Described, check_module_name
from lmu_hw.rtl.interface.emission import VerilogDesign as VerilogDesign
from lmu_hw.rtl.interface.manifest import ModuleDescription, described_module
from lmu_hw.rtl.interface.streams import StreamMemory
from lmu_hw.rtl.memory.build import build_memory
from lmu_hw.rtl.memory.chain import PipelinedChainMemory
from lmu_hw.rtl.memory.unrolled import UnrolledMemory


def generate_verilog(
    plan: MemoryPlan,
    *,
    name: str = "lmu_memory",
    lanes: int = 1,
    channels: int = 1,
    unrolled: bool = False,
    port_bits: int | None = None,
    target: str = "generic",
    clock: float | None = None,
    command: str = "lmu_hw.rtl.generate_verilog",
) -> VerilogDesign:
    """Generate the Verilog module that realises a plan.

    Args:
        plan: The fixed-point plan.
        name: The name of the module.
        lanes: The number of multipliers that work side by side; the classes in `MEMORIES` state the possible numbers.
        channels: The number of independent memories that take turns, 1 … 4096.
        unrolled: Whether every product has a multiplier of its own, for orders up to 16; `lanes` is then left out.
        port_bits: The width of the samples at the input port, by default that of the input format.
        target: The FPGA family whose delays decide the depth of the pipeline, one of `FAMILIES`; for chain memories
            with lanes.
        clock: The clock in Hz for which the manifest says whether a sample every dt fits; by default it does not.
        command: The command that generates the module, for the file head.

    Raises:
        DesignError: The name cannot be that of a module, the clock is not a positive number, or `build_memory` refuses
            the other arguments.
    """
    check_module_name(name)
    memory = build_memory(plan, lanes=lanes, channels=channels, unrolled=unrolled, port_bits=port_bits, target=target)
    return described_module(memory, _ports(memory), _description(memory, clock), name=name, command=command)


def _ports(memory: StreamMemory) -> list[Described]:
    """The flat ports of a memory, each with the stream signal that it is connected to."""
    i, o, plan = memory.i, memory.o, memory.plan
    wider = memory.port_bits - plan.input_format.width
    saturating = f"; what exceeds {plan.input_format.width} bits is saturated" if wider else ""
    described = [
        ("in_valid", "input", i.valid, "a sample is offered"),
        ("in_ready", "output", i.ready, "it is taken at this clock edge"),
        ("in_data", "input", i.payload.data, f"sample, {plan.input_format} two's complement{saturating}"),
        ("in_first", "input", i.payload.first, "it starts a sequence: the state counts as zero"),
        ("in_last", "input", i.payload.last, "it ends a sequence; handed on as out_last"),
        ("out_valid", "output", o.valid, "a beat of state words is offered"),
        ("out_ready", "input", o.ready, "it is taken at this clock edge"),
        (
            "out_data",
            "output",
            o.payload.data,
            f"{memory.schedule.words} state word(s), {plan.output_format} each, the first in the lowest bits",
        ),
        ("out_index", "output", o.payload.index, f"state of the first word, 0 to {plan.spec.order - 1}"),
        ("out_channel", "output", o.payload.channel, "channel of the sample"),
        ("out_first", "output", o.payload.first, "in_first of the sample"),
        ("out_last", "output", o.payload.last, "in_last of the sample"),
    ]
    if memory.can_saturate:
        described += [
            ("saturated", "output", memory.saturated, "a sample was out of range since reset or clear_status"),
            ("clear_status", "input", memory.clear_status, "clears saturated at this clock edge"),
        ]
    if plan.readouts is not None:
        r, planned = memory.r, plan.readouts
        described += [
            ("readout_valid", "output", r.valid, "the readouts of a sample are offered"),
            ("readout_ready", "input", r.ready, "they are taken at this clock edge"),
            (
                "readout_data",
                "output",
                r.payload.data,
                f"{len(planned.delays)} readout(s), {planned.format} each, the first in the lowest bits",
            ),
            ("readout_channel", "output", r.payload.channel, "channel of the sample"),
            ("readout_first", "output", r.payload.first, "in_first of the sample"),
            ("readout_last", "output", r.payload.last, "in_last of the sample"),
        ]
    return described


def memory_cost(memory: StreamMemory, clock: float | None = None) -> dict[str, Any]:
    """The cost of a memory as the manifest states it: latency, cycles, multipliers, storage and the clock's budget.

    Args:
        memory: The memory in hardware.
        clock: The clock in Hz; None for no budget.

    Raises:
        DesignError: The clock is not a positive number.
    """
    schedule = memory.schedule
    needed = math.ceil(schedule.cycles_per_sample * memory.channels)
    budget = None if clock is None else ClockBudget(clock, memory.plan.spec.dt, needed, schedule.first_beat)
    return {
        "latency_cycles": schedule.first_beat,
        "cycles_per_sample": schedule.cycles_per_sample,
        "multiplications_per_sample": memory.plan.multiplications_per_sample,
        "multipliers": memory.multipliers,
        "multiplier_utilisation": memory.utilisation,
        **storage_facts(memory.memory_bits),
        "clock_budget": None if budget is None else budget.to_dict(),
    }


def _description(memory: StreamMemory, clock: float | None) -> ModuleDescription:
    """The contents of a memory's file head and manifest."""
    plan, schedule = memory.plan, memory.schedule
    described = plan.to_dict()
    return ModuleDescription(
        schema="memory-verilog",
        kind="memory",
        summary=f"Legendre memory, order {plan.spec.order}, {plan.datapath} datapath",
        title=f"Legendre memory, {plan.datapath} datapath.",
        details=[
            plan.spec.summary(),
            f"input {plan.input_format}, state {plan.state_format}, accumulator {plan.accumulator_format},"
            f" {memory.multipliers} multiplier(s), {memory.channels} channel(s)",
        ],
        choices={
            "spec": described["spec"],
            "datapath": described["datapath"],
            "lanes": memory.lanes,
            "unrolled": isinstance(memory, UnrolledMemory),
            "channels": memory.channels,
            "channels_in_step": schedule.in_step,
            "port_bits": memory.port_bits,
            "pipelined": isinstance(memory, PipelinedChainMemory),
        },
        facts={
            "formats": described["formats"],
            "error_feedback": plan.error_feedback,
            "error_bound": described["error_bound"],
            "beats_per_sample": schedule.groups,
            "words_per_beat": schedule.words,
            "usable_band": usable_band(plan.spec).to_dict(),
            **memory_cost(memory, clock),
            "readouts": described["readouts"],
            "readout_multipliers": memory.readout_multipliers,
            "readout_latency_cycles": None if plan.readouts is None else memory.readout_latency,
        },
    )
