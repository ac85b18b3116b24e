"""`lmu-hw verilog NETWORK`: a network as a Verilog module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lmu_hw.cli.network_input import network_rows, quantized
from lmu_hw.cli.output import answer, facts, grid, progress, staged, written
from lmu_hw.design.network import NetworkDesign
from lmu_hw.networks.model import Network
from lmu_hw.networks.quantize.plan import NetworkPlan
from lmu_hw.rtl.network import generate_network_verilog


def run(design: NetworkDesign, out: Path | None, as_json: bool) -> None:
    """Generate, write and print; see `lmu_hw.cli.commands.verilog`."""
    network = design.load()
    with staged(out) as folder, progress() as bar:
        task = bar.add_task("plan", total=2)
        plan = quantized(design, network).plan
        bar.update(task, advance=1, description="Verilog")
        made = generate_network_verilog(
            plan,
            name=design.name,
            lanes=design.lanes,
            sequences=design.sequences,
            reset=design.reset,
            command=f"lmu-hw verilog {design.flags()}",
        )
        files = made.write(folder)
    names = [path.name for path in files.values()]
    answer(made.manifest, _shown(network, plan, made.manifest, out, names), as_json=as_json)


def _shown(
    network: Network, plan: NetworkPlan, manifest: dict[str, Any], out: Path | None, names: list[str]
) -> Iterator[Any]:
    sequences = manifest["sequences"]
    yield facts(
        f"Module {manifest['name']}",
        [
            *network_rows(network),
            ("multipliers", f"{manifest['multipliers']}, {manifest['lanes']} for each of {sequences} sequence(s)"),
            ("formats", f"input {plan.input_format}, output {plan.output_format}"),
            ("state", "starts anew with in_first" if manifest["reset"] == "first" else "persists until reset"),
            (
                "multiplications per step",
                f"{plan.multiplications(last=False)}, the last {plan.multiplications(last=True)}",
            ),
            ("cycles per step", f"{manifest['cycles_per_step']}, the last {manifest['cycles_per_last_step']}"),
            ("latency", f"{manifest['latency_cycles']} cycles"),
        ],
    )
    yield grid(
        "Ports",
        ["port", "direction", "bits", "meaning"],
        [(p["name"], p["direction"], str(p["width"]), p["meaning"]) for p in manifest["ports"]],
        right=(2,),
    )
    yield from written(out, names)
