"""A cocotb bench of one's own on a generated memory: own_bench.py WORKDIR [SIMULATOR].

The memory has two states. The bench feeds a step through the valid/ready ports, takes the state words, and compares
each with the integer model. It demands as many beats as it expects, so a design that never answers fails.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge

import lmu_hw
from lmu_hw import rtl, sim

SAMPLES = [0.5] * 20
LIMIT = 2000  # cycles


def plan() -> lmu_hw.MemoryPlan:
    """The same plan for the hardware and for the expected words."""
    return lmu_hw.plan_memory(lmu_hw.LMUSpec(2, 0.02, 0.001, "bilinear"), input_bits=8, state_bits=12)


@cocotb.test()
async def states_are_those_of_the_integer_model(dut: Any) -> None:
    """Feed the samples, collect the beats, compare."""
    memory = plan()
    codes = memory.input_format.encode(SAMPLES)
    expected = lmu_hw.IntegerMemory(memory).run(codes).ravel().tolist()
    Clock(dut.clk, 10, unit="ns").start()
    dut.rst.value = 1
    dut.in_valid.value = 0
    dut.out_ready.value = 1
    await ClockCycles(dut.clk, 3)
    dut.rst.value = 0
    cocotb.start_soon(feed(dut, codes.tolist()))
    found: list[int] = []
    for _ in range(LIMIT):
        await RisingEdge(dut.clk)
        if int(dut.out_valid.value):
            found.append(dut.out_data.value.to_signed())
        if len(found) == len(expected):
            break
    if found != expected:
        raise AssertionError(f"{len(found)} of {len(expected)} words came, the first ones {found[:4]}")


async def feed(dut: Any, codes: list[int]) -> None:
    """Offer every code until it is taken; the first one starts the sequence."""
    for k, code in enumerate(codes):
        dut.in_data.value = code
        dut.in_first.value = int(k == 0)
        dut.in_last.value = int(k == len(codes) - 1)
        dut.in_valid.value = 1
        await RisingEdge(dut.clk)
        while not int(dut.in_ready.value):
            await RisingEdge(dut.clk)
    dut.in_valid.value = 0


def main(workdir: Path, simulator: str = "icarus") -> None:
    """Generate the Verilog and run the bench above on it."""
    design = rtl.generate_verilog(plan(), name="tiny")
    files = design.write(workdir)
    outcome = sim.run_bench(simulator, [workdir / "tiny.v"], "tiny", "own_bench", workdir / "build", timeout_s=120.0)
    print(f"files: {', '.join(sorted(path.name for path in files.values()))}")
    print("passed" if outcome.passed else f"failed, see {outcome.log}")
    sys.exit(0 if outcome.passed else 1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:3])
