"""A module and its manifest: what is written of every generated design, whatever it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.lib import wiring

from lmu_hw.io.schema import versioned
from lmu_hw.rtl.interface.emission import CLOCK, Described, VerilogDesign, emit, ports_of


@dataclass(frozen=True)
class ModuleDescription:
    """What is said of a module beside its text.

    Attributes:
        schema: the name of the manifest's schema, see `lmu_hw.io.schema`.
        kind: a word for catalogues of modules.
        summary: what it is, for the same.
        title: what it is, for the head of the file.
        details: further lines of the head.
        choices: what it was made from; in the manifest they stand before the ports.
        facts: formats, latency, cycles and cost; in the manifest they stand after the ports.
    """

    schema: str
    kind: str
    summary: str
    title: str
    details: Sequence[str]
    choices: dict[str, Any]
    facts: dict[str, Any]


def timing(facts: dict[str, Any]) -> list[str]:
    """What a user of the ports must know of their timing, a line each, from the facts of a manifest."""
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
    """The Verilog of `component` with its manifest.

    The manifest has `schema`, `name`, `command`, the choices, `ports` (name, direction, width and meaning of each, the
    clock and reset first), and the facts, in this order; all are plain values.

    Args:
        component: what is realised.
        ports: the flat ports, each with the value inside that it stands for.
        description: what is said of it.
        name: module name, which `check_module_name` has accepted.
        command: what made it; line ends become spaces.
    """
    command = " ".join(command.split())
    head = [f"{name}: {description.title}", *description.details, *timing(description.facts), f"Made by: {command}"]
    text = "\n".join([*(f"// {line}" for line in head), emit(component, ports, name)])
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
    return VerilogDesign(name, text, manifest, description.kind, description.summary)
