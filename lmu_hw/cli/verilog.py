"""`lmu-hw verilog`: the memory as a Verilog module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lmu_hw.cli.output import answer, facts, grid, progress, staged, written
from lmu_hw.design.memory import Design
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.rtl.memory.verilog import generate_verilog


def run(design: Design, out: Path | None, as_json: bool) -> None:
    """Generate, write and print; see `lmu_hw.cli.commands.verilog`."""
    with staged(out) as folder, progress() as bar:
        task = bar.add_task("plan", total=2)
        plan = design.plan()
        bar.update(task, advance=1, description="Verilog")
        made = generate_verilog(
            plan,
            name=design.name,
            command=f"lmu-hw verilog {design.flags()}",
            **design.hardware(),
        )
        files = made.write(folder)
    names = [path.name for path in files.values()]
    answer(made.manifest, _shown(plan, made.manifest, out, names), as_json=as_json)


def _shown(plan: MemoryPlan, manifest: dict[str, Any], out: Path | None, names: list[str]) -> Iterator[Any]:
    yield facts(
        f"Module {manifest['name']}",
        [
            ("memory", plan.spec.summary()),
            (
                "datapath",
                f"{plan.datapath}, {manifest['multipliers']} multiplier(s), {manifest['channels']} channel(s)",
            ),
            ("formats", f"input {plan.input_format}, state {plan.state_format}, output {plan.output_format}"),
            ("accumulator", str(plan.accumulator_format)),
            ("multiplications per sample", str(manifest["multiplications_per_sample"])),
            ("cycles per sample", str(manifest["cycles_per_sample"])),
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
