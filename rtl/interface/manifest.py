"""The head of a generated Verilog file and its manifest, in one form for memories, networks and spiking memories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.lib import wiring

from lmu_hw.io.quantities import Q_FORMAT
from lmu_hw.io.schema import versioned
from lmu_hw.rtl.interface.emission import CLOCK, Described, VerilogDesign, emit, lint_waivers, ports_of


@dataclass(frozen=True)
class ModuleDescription:
    """The description of a generated module that goes into its file head, its manifest and its FuseSoC core.

    Attributes:
        schema: The name of the manifest's schema, see `lmu_hw.io.schema`.
        kind: The library in the core's name, "memory" or "network".
        summary: The description in the core, a phrase.
        title: The description in the first line of the file, a phrase with its full stop.
        details: Further lines of the file head.
        choices: The parameters that the module was generated from; the manifest has them before the ports.
        facts: The formats, latency, cycles and cost that follow; the manifest has them after the ports.
    """

    schema: str
    kind: str
    summary: str
    title: str
    details: Sequence[str]
    choices: dict[str, Any]
    facts: dict[str, Any]


def timing(facts: dict[str, Any]) -> list[str]:
    """The lines of a file head that state the handshake, the cycles per sample or step and the latency.

    Args:
        facts: The facts of a manifest: `latency_cycles`, and `cycles_per_step` or `cycles_per_sample`.
    """
    unit = "step" if "cycles_per_step" in facts else "sample"
    return [
        "A word moves at each rising edge of clk at which valid and ready of its stream are 1; until then it is held.",
        f"A {unit} takes at least {facts[f'cycles_per_{unit}']} cycles; its first answer comes"
        f" {facts['latency_cycles']} cycles after the {unit} was taken, if nothing holds it up.",
    ]


def described_module(
    component: wiring.Component,
    ports: Sequence[Described],
    description: ModuleDescription,
    *,
    name: str,
    command: str,
) -> VerilogDesign:
    """Generate the Verilog of a component together with its manifest.

    The manifest holds plain values only: `schema`, `name`, `command`, the choices, `ports` (with the name, direction,
    width and meaning of each, clock and reset first) and the facts, in this order.

    Args:
        component: The component that becomes the top module.
        ports: The flat ports of the module, each with the value inside the component that it is connected to.
        description: The description of the module.
        name: The name of the module, which `check_module_name` has accepted.
        command: The command that generates it, for the file head; line ends become spaces.
    """
    command = " ".join(command.split())
    head = [
        f"{name}: {description.title}",
        *description.details,
        *timing(description.facts),
        f"sQm.n has {Q_FORMAT}.",
        f"Made by: {command}",
    ]
    source = emit(component, ports, name)
    if source.memory_files:
        head.append(f"It reads the contents of ROMs from {', '.join(source.memory_files)} in the same folder.")
    comments = ["".join(f"// {line}\n" for line in lines) for lines in (head, lint_waivers(name))]
    text = f"{comments[0]}{source.text}\n{comments[1]}"
    manifest = versioned(
        description.schema,
        {
            "name": name,
            "command": command,
            **description.choices,
            "ports": [vars(port) for port in [*CLOCK, *ports_of(ports)]],
            **description.facts,
        },
    )
    return VerilogDesign(name, text, manifest, description.kind, description.summary, memory_files=source.memory_files)
