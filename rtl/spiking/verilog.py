"""The Verilog of a spiking memory: its flat ports, and the contents of its file head and manifest."""

from __future__ import annotations

from lmu_hw.core.band import usable_band
from lmu_hw.rtl.interface.emission import Described, VerilogDesign, check_module_name
from lmu_hw.rtl.interface.manifest import ModuleDescription, described_module
from lmu_hw.rtl.spiking.memory import SpikingMemoryCore
from lmu_hw.rtl.spiking.neurons import count_bits
from lmu_hw.spiking.digital.plan import DigitalSpikingPlan


def generate_spiking_verilog(
    plan: DigitalSpikingPlan,
    *,
    name: str = "spiking_memory",
    command: str = "lmu_hw.rtl.spiking.verilog.generate_spiking_verilog",
) -> VerilogDesign:
    """Generate the Verilog module that realises a spiking memory.

    Args:
        plan: The plan of the spiking memory.
        name: The name of the module.
        command: The command that generates the module, for the file head.

    Raises:
        DesignError: The name cannot be that of a module.
    """
    check_module_name(name)
    core = SpikingMemoryCore(plan)
    return described_module(core, _ports(core), _description(core), name=name, command=command)


def _ports(core: SpikingMemoryCore) -> list[Described]:
    """The flat ports of a spiking memory, each with the signal that it is connected to."""
    i, o, plan = core.i, core.o, core.plan
    each = f"{plan.lanes} count(s) of {count_bits(plan)} bit(s), the first neuron's in the lowest"
    return [
        ("in_valid", "input", i.valid, "a sample is offered"),
        ("in_ready", "output", i.ready, "it is taken at this clock edge"),
        ("in_data", "input", i.payload.data, f"sample, {plan.input_format} two's complement"),
        ("in_first", "input", i.payload.first, "it starts a sequence: neurons, states and generators begin anew"),
        ("in_last", "input", i.payload.last, "it ends a sequence; handed on as out_last"),
        ("out_valid", "output", o.valid, "a state word is offered"),
        ("out_ready", "input", o.ready, "it is taken at this clock edge"),
        ("out_data", "output", o.payload.data, f"state word, {plan.output_format} two's complement"),
        ("out_index", "output", o.payload.index, f"which state, 0 to {plan.ensembles - 1}"),
        ("out_first", "output", o.payload.first, "in_first of the sample"),
        ("out_last", "output", o.payload.last, "in_last of the sample"),
        ("spike_valid", "output", core.spikes.valid, "a group of neurons has made its step, in this cycle only"),
        (
            "spike_group",
            "output",
            core.spikes.payload.group,
            f"which: its first neuron is number {plan.lanes} spike_group",
        ),
        ("spike_counts", "output", core.spikes.payload.counts, f"how often each of them fires: {each}"),
    ]


def _description(core: SpikingMemoryCore) -> ModuleDescription:
    """The contents of a spiking memory's file head and manifest."""
    plan, schedule, options = core.plan, core.schedule, core.plan.design.options
    return ModuleDescription(
        schema="spiking-verilog",
        kind="memory",
        summary=f"Legendre memory of {plan.neurons} spiking neurons, order {plan.spec.order}",
        title=f"Legendre memory of {plan.neurons} {options.kind} neurons, {plan.lanes} lane(s).",
        details=[
            plan.spec.summary(),
            f"synapse {options.synapse.coefficients[0]:g} s, seed {plan.seed}; input {plan.input_format},"
            f" state {plan.output_format}",
        ],
        choices={"datapath": "spiking", "lanes": plan.lanes, **plan.to_dict()},
        facts={
            "usable_band": usable_band(plan.spec).to_dict(),
            "words_per_beat": 1,
            "beats_per_sample": plan.ensembles,
            "latency_cycles": schedule.first_word,
            "cycles_per_sample": schedule.cycles_per_step,
            "multiplications_per_sample": plan.multiplications_per_step,
            "generators": plan.lanes * plan.unit.generators,
            "table_bits": plan.table_bits,
        },
    )
