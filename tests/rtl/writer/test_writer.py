"""The writer against Amaranth's own simulator: the same random designs, in Icarus and there."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path

from amaranth.hdl import Signal
from amaranth.sim import Simulator, SimulatorContext

from lmu_hw.rtl.interface.emission import emit
from tests.rtl.writer.random_designs import INPUT_WIDTHS, RandomDesign

CYCLES = 120


def _inputs(seed: int) -> list[dict[str, int]]:
    """Random inputs for every cycle, many of them extreme; reset in the first, and once more."""
    chance = random.Random(seed)
    return [
        {
            name: chance.choice((0, (1 << width) - 1, chance.randrange(1 << width)))
            for name, width in INPUT_WIDTHS.items()
        }
        | {"rst": int(cycle in (0, 70))}
        for cycle in range(CYCLES)
    ]


def _simulated(design: RandomDesign, inputs: list[dict[str, int]]) -> list[list[int]]:
    """The outputs just before each clock edge, by Amaranth."""
    from amaranth.hdl import Module, ResetInserter

    m = Module()
    reset = Signal()
    m.submodules.design = ResetInserter(reset)(design)
    rows: list[list[int]] = []

    async def bench(context: SimulatorContext) -> None:
        for row in inputs:
            for name in INPUT_WIDTHS:
                context.set(getattr(design, name), row[name])
            context.set(reset, row["rst"])
            await context.delay(1e-7)
            rows.append([context.get(getattr(design, f"y{k}")) for k in range(len(design.widths))])
            await context.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return rows


def _described(design: RandomDesign) -> list[tuple[str, str, Signal, str]]:
    inputs = [(name, "input", getattr(design, name), "") for name in INPUT_WIDTHS]
    return inputs + [(f"y{k}", "output", getattr(design, f"y{k}"), "") for k in range(len(design.widths))]


def _bench(name: str, design: RandomDesign, inputs: list[dict[str, int]]) -> str:
    """A testbench that prints the outputs just before each clock edge, in binary."""
    widths = INPUT_WIDTHS | {"rst": 1}
    outputs = [f"y{k}" for k in range(len(design.widths))]
    declared = [f"  reg [{width - 1}:0] {each};" for each, width in (widths | {"clk": 1}).items()]
    declared += [f"  wire [{width - 1}:0] y{k};" for k, width in enumerate(design.widths)]
    ports = ", ".join(f".{each}({each})" for each in ["clk", *widths, *outputs])
    steps = []
    for row in inputs:
        sets = " ".join(f"{each} = {row[each]};" for each in widths)
        steps.append(f'    {sets} #1 $display("{name} {" ".join("%b" for _ in outputs)}", {", ".join(outputs)});')
        steps.append("    #1 clk = 1; #1 clk = 0;")
    lines = [f"module bench_{name};", *declared, f"  {name} dut ({ports});", "  initial begin clk = 0;"]
    return "\n".join([*lines, *steps, "  end", "endmodule", ""])


def test_random_designs_do_in_icarus_what_they_do_in_amaranth(tmp_path: Path) -> None:
    seeds = range(16)
    expected, sources, widths = {}, [], {}
    for seed in seeds:
        design, inputs = RandomDesign(seed), _inputs(seed)
        widths[f"d{seed}"] = design.widths
        expected[f"d{seed}"] = _simulated(RandomDesign(seed), inputs)
        sources += [emit(design, _described(design), f"d{seed}").text, _bench(f"d{seed}", design, inputs)]
    source = tmp_path / "designs.v"
    source.write_text("\n".join(sources), encoding="utf-8")
    built = subprocess.run(
        ["iverilog", "-g2005", "-Wall", "-Wno-timescale", "-o", tmp_path / "designs", source],
        capture_output=True,
        text=True,
        check=False,
    )
    assert not built.returncode, built.stderr
    assert not re.sub(r".*(?:no function|in-range).*\n", "", built.stderr), built.stderr
    printed = subprocess.run([tmp_path / "designs"], capture_output=True, text=True, check=True).stdout
    found: dict[str, list[list[int]]] = {name: [] for name in expected}
    for line in printed.splitlines():
        name, *words = line.split()
        assert not set("".join(words)) - set("01"), f"{name}: unknown bits after {len(found[name])} cycles: {words}"
        found[name].append([int(word, 2) for word in words])
    for name, rows in expected.items():
        masks = [(1 << width) - 1 for width in widths[name]]
        wanted = [[value & mask for value, mask in zip(row, masks, strict=True)] for row in rows]
        assert found[name] == wanted, name
