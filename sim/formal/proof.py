"""Formal proof that a generated memory never overflows.

For every input sequence of any length, every register of the Verilog holds what the plan's arithmetic gives in
unbounded integers; so no accumulator, product, operand or word ever wraps with an effect on the outputs. The proof has
two parts:

1. A polytope that no sample leaves is computed from the plan in exact rational arithmetic
   (`lmu_hw.sim.formal.invariant`). It bounds every quantity of the arithmetic.
2. Yosys turns the Verilog into next-state functions, and Bitwuzla proves on them that one sample, from any
   state within those bounds, leads to the next state of the unbounded arithmetic; that the state stays as it is while
   no sample is offered, and every register while a beat is not taken; and that reset leaves such a state
   (`lmu_hw.sim.formal.induction`). By induction over samples this holds for any number of them.

If the proof fails, the inputs from reset that drive each quantity furthest are replayed on the integer model, which
shows what leaves its format, and on the netlist, which shows what is lost. `cut` takes bits off a format, to see a
proof fail; so does `lmu-hw regression formal --cut accumulator --by 2`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import QFormat
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.rtl.memory.verilog import generate_verilog
from lmu_hw.sim.formal.counterexample import Overflow, find_overflow, replay
from lmu_hw.sim.formal.induction import Induction
from lmu_hw.sim.formal.invariant import find_invariant
from lmu_hw.sim.formal.netlist import read_netlist
from lmu_hw.sim.formal.register_map import find_register_map
from lmu_hw.sim.formal.solver import Solver

CUTS = ("accumulator", "operand", "product", "state")


@dataclass(frozen=True)
class Verdict:
    """The result of a proof.

    Attributes:
        proved: Whether it is proved that no input sequence ever makes an overflow.
        failure: The first claim that does not hold; empty if the proof succeeds.
        overflow: An input that makes an overflow; None if none was found.
        rows: The number of inequalities of the invariant.
        registers: The number of bits of state of the module.
        cycles, pause: The proof is for samples at least `cycles` cycles apart, `pause` more than the hardware needs.
            Denser traffic is left to simulation.
        seconds: The time of each step of the proof, s.
    """

    proved: bool
    failure: str
    overflow: Overflow | None
    rows: int
    registers: int
    cycles: int
    pause: int
    seconds: dict[str, float]


def prove(plan: MemoryPlan, *, lanes: int = 1, target: str = "generic") -> Verdict:
    """Prove that the Verilog of `plan`, with one channel, equals the plan's unbounded arithmetic for any input.

    Args:
        plan: The plan of a small memory, as the time of the solver grows quickly with order and word length.
        lanes: The number of multiplier lanes.
        target: The FPGA family whose delays decide the depth of the pipeline, see `generate_verilog`.

    Raises:
        DesignError: The plan has delayed readouts, whose stream is not part of the proof.
        MissingToolError: Yosys or Bitwuzla is not installed.
        CheckFailed: No invariant was found, or the state of the plan's arithmetic was not found in the registers.
    """
    if plan.readouts is not None:
        raise DesignError("delays", "none for a proof", plan.readouts.delays)
    clock = _Clock()
    invariant = find_invariant(plan)
    clock.lap("invariant")
    design = generate_verilog(plan, lanes=lanes, target=target)
    netlist = read_netlist(design.text, design.name, design.memory_files)
    mapping = find_register_map(netlist, plan, Solver())
    clock.lap("netlist")
    induction = Induction(netlist, plan, invariant, mapping)
    failure = induction.find_inductive_form()
    if not failure and (stuck := induction.check_stall()):
        failure = stuck[0].text
    clock.lap("proof")
    overflow = None
    if failure:
        codes = find_overflow(plan, invariant)
        overflow = None if codes is None else replay(plan, netlist, find_register_map(netlist, plan, Solver()), codes)
        clock.lap("attack")
    bits = sum(register.width for register in netlist.registers.values())
    return Verdict(not failure, failure, overflow, len(invariant.rows), bits, mapping.cycles, mapping.pause, clock.laps)


def cut(plan: MemoryPlan, what: str, bits: int) -> MemoryPlan:
    """Return a broken plan, in which one format has fewer bits.

    Args:
        plan: The plan.
        what: The format, one of `CUTS`.
        bits: The number of most significant bits to remove.

    Raises:
        DesignError: There is no such format, or no bits would be left.
    """
    if what not in CUTS:
        raise DesignError("cut", "one of " + ", ".join(CUTS), what)
    form: QFormat = getattr(plan, f"{what}_format")
    changes: dict[str, Any] = {f"{what}_format": QFormat(form.width - bits, form.fraction)}
    if what == "state" and not plan.separate_output:
        changes["output_format"] = changes["state_format"]
    return replace(plan, **changes)


class _Clock:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round(now - self._last, 2)
        self._last = now
