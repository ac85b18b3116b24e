"""The Verilog of a whole network: its flat ports, and the contents of its file head and manifest."""

from __future__ import annotations

from typing import Any

from lmu_hw.fixed_point.formats import QFormat
from lmu_hw.networks.model import Output
from lmu_hw.networks.quantize.plan import NetworkPlan
from lmu_hw.rtl.interface.cost import ClockBudget, storage_facts
from lmu_hw.rtl.interface.emission import Described, VerilogDesign, check_module_name
from lmu_hw.rtl.interface.manifest import ModuleDescription, described_module
from lmu_hw.rtl.network.component import NetworkComponent, Reset, build_network


def generate_network_verilog(
    plan: NetworkPlan,
    *,
    name: str = "lmu_network",
    lanes: int = 1,
    sequences: int = 1,
    reset: Reset | str = Reset.FIRST,
    clock: float | None = None,
    steps: int | None = None,
    command: str = "lmu_hw.rtl.network.generate_network_verilog",
) -> VerilogDesign:
    """Generate the Verilog module that realises a network.

    Args:
        plan: The quantised network.
        name: The name of the module.
        lanes: The number of multipliers for each sequence, shared by all layers, 1 … 1024.
        sequences: The number of sequences that are processed side by side, in lock-step, 1 … 256.
        reset: When states and hidden units are cleared: "first", at every step with in_first, or "never", only by rst.
        clock: The clock in Hz for which the manifest says whether a step every dt fits; by default it does not.
        steps: The number of steps of a sequence, for the time of an inference at that clock.
        command: The command that generates the module, for the file head.

    Raises:
        DesignError: The name cannot be that of a module, the clock is not a positive number, or `NetworkComponent`
            refuses the other arguments.
    """
    check_module_name(name)
    network = build_network(plan, lanes=lanes, sequences=sequences, reset=reset)
    return described_module(network, _ports(network), _description(network, clock, steps), name=name, command=command)


def _ports(network: NetworkComponent) -> list[Described]:
    """The flat ports of a network, each with the stream signal that it is connected to."""
    i, o, plan = network.i, network.o, network.plan
    begins = "the state counts as zero" if network.reset is Reset.FIRST else "handed on as out_first"
    answers = "after every step" if plan.output is Output.SEQUENCE else "after steps with in_last"
    return [
        ("in_valid", "input", i.valid, "a word of x is offered"),
        ("in_ready", "output", i.ready, "it is taken at this clock edge"),
        (
            "in_data",
            "input",
            i.payload.data,
            f"word of x, {plan.input_format} two's complement: all {plan.inputs} of sequence 0, then of the next",
        ),
        ("in_first", "input", i.payload.first, f"the step starts its sequence: {begins}; the same for all its words"),
        ("in_last", "input", i.payload.last, "the step ends its sequence; the same for all its words"),
        ("out_valid", "output", o.valid, f"a word of y is offered, {answers}"),
        ("out_ready", "input", o.ready, "it is taken at this clock edge"),
        ("out_data", "output", o.payload.data, f"word of y, {plan.output_format} two's complement"),
        ("out_index", "output", o.payload.index, f"which one, 0 to {plan.outputs - 1}"),
        ("out_sequence", "output", o.payload.sequence, f"of which sequence, 0 to {network.sequences - 1}"),
        (
            "out_argmax",
            "output",
            o.payload.argmax,
            "index of the largest word so far, the first one of equals; the class, with the last word",
        ),
        ("out_first", "output", o.payload.first, "in_first of the step"),
        ("out_last", "output", o.payload.last, "in_last of the step"),
    ]


def _summary(plan: NetworkPlan) -> list[str]:
    """The lines of the file head that describe the input and each layer."""
    lines = [f"input {plan.inputs} x {plan.input_format}"]
    for layer in plan.layers:
        parts = [layer.name]
        if layer.memory is not None:
            parts.append(f"{layer.channels} memory(s), {layer.memory.datapath} datapath, {layer.memory.spec.summary()}")
        parts.append(f"{layer.outputs} outputs, {layer.output_format}")
        lines.append(": ".join([parts[0], "; ".join(parts[1:])]))
    return lines


def network_cost(network: NetworkComponent, clock: float | None = None, steps: int | None = None) -> dict[str, Any]:
    """The cost of a network as the manifest states it: latency, cycles, multipliers, storage and the clock's budget.

    Args:
        network: The network in hardware.
        clock: The clock in Hz; None for no budget.
        steps: The number of steps of a sequence, for the time of an inference; None where it is not known.

    Raises:
        DesignError: The clock is not a positive number.
    """
    plan = network.plan
    budget = None
    if clock is not None:
        dt = next((layer.memory.spec.dt for layer in plan.layers if layer.memory is not None), None)
        needed = max(network.cycles_per_step, network.cycles_per_last_step)
        whole = None
        if plan.output is Output.LAST and steps is not None:
            whole = network.cycles_per_sequence(steps)
        elif plan.output is Output.SEQUENCE:  # every step is answered
            whole = network.cycles_per_step
        budget = ClockBudget(clock, dt, needed, network.latency, whole).to_dict()
    return {
        "latency_cycles": network.latency,
        "cycles_per_step": network.cycles_per_step,
        "cycles_per_last_step": network.cycles_per_last_step,
        "multiplications_per_step": plan.multiplications(last=False),
        "multiplications_per_last_step": plan.multiplications(last=True),
        "multipliers": network.multipliers,
        "multiplier_bits": list(network.slices[0].lanes.width),
        "activation_multipliers": network.slices[0].activations.multipliers * network.sequences,
        "multiplier_utilisation": network.utilisation(),
        **storage_facts(network.memory_bits),
        "clock_budget": budget,
    }


def _description(network: NetworkComponent, clock: float | None, steps: int | None) -> ModuleDescription:
    """The contents of a network's file head and manifest."""
    plan, program = network.plan, network.program
    count, lanes, sequences = len(plan.layers), network.lanes, network.sequences
    return ModuleDescription(
        schema="network-verilog",
        kind="network",
        summary=f"Legendre memory network, {count} layers",
        title=f"network of {count} layer(s), {lanes} lane(s) for each of {sequences} sequence(s).",
        details=_summary(plan),
        choices={
            "lanes": network.lanes,
            "sequences": network.sequences,
            "reset": str(network.reset),
            "output": str(plan.output),
            "inputs": plan.inputs,
            "outputs": plan.outputs,
        },
        facts={
            "formats": {"input": _format(plan.input_format), "output": _format(plan.output_format)},
            "layers": [
                {
                    "name": layer.name,
                    "outputs": layer.outputs,
                    "format": _format(layer.output_format),
                    "activation": None if layer.activation is None else str(layer.activation.function),
                    "memory": None
                    if layer.memory is None
                    else {
                        "order": layer.memory.spec.order,
                        "channels": layer.channels,
                        "datapath": str(layer.memory.datapath),
                        "lanes": program.memories[k].lanes,
                    },
                }
                for k, layer in enumerate(plan.layers)
            ],
            **network_cost(network, clock, steps),
        },
    )


def _format(form: QFormat) -> dict[str, Any]:
    """A format as plain values for the manifest."""
    return {"width": form.width, "fraction": form.fraction, "signed": form.signed}
