"""Counterexamples: inputs from reset that take a quantity of the plan's arithmetic out of its format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lmu_hw.errors import CheckFailed
from lmu_hw.fixed_point.formats import QFormat
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import Datapath, MemoryPlan
from lmu_hw.sim.formal.invariant import Invariant, MemoryState, take_products, take_sample
from lmu_hw.sim.formal.netlist import Netlist
from lmu_hw.sim.formal.register_map import RegisterMap, inputs_of, quantities
from lmu_hw.sim.formal.solver import Bits, Solver, Wide

_WIDTH = 128  # of the replay's words: more than any plan's


@dataclass(frozen=True)
class Overflow:
    """A counterexample, replayed on the integer model and on the netlist.

    Attributes:
        codes: The input samples from reset on.
        exceeded: What exceeds its format in unbounded integers: the name, the code and the width of the format.
        difference: A register that differs from the integer model after the last sample, in words; empty if none does.
    """

    codes: tuple[int, ...]
    exceeded: tuple[tuple[str, int, int], ...]
    difference: str


def find_overflow(plan: MemoryPlan, invariant: Invariant) -> tuple[int, ...] | None:
    """Return the shortest bang-bang input from reset that takes a quantity out of its format; None if none does.

    For each quantity, the input that drives it furthest has every sample at that end of the range which the sign of
    the response demands; the responses are read off the rows of the invariant. A solver finds the same inputs, but
    needs minutes where an overflow takes as many samples as the window has.

    Returns:
        The input codes, one per sample.
    """
    found: tuple[int, ...] | None = None
    for codes in _bang_bang(plan, invariant):
        reached = _first_exceeded(plan, codes)
        if reached and (found is None or reached < len(found)):
            start = max(k for k in range(reached) if _first_exceeded(plan, codes[k:reached]))
            found = codes[start:reached]
    return found


def _bang_bang(plan: MemoryPlan, invariant: Invariant) -> Iterator[tuple[int, ...]]:
    low, high = plan.input_format.low, plan.input_format.high
    for response in invariant.responses():
        for ends in ((low, high), (high, low)):
            codes = tuple(ends[value > 0] for value in reversed(response))
            yield from ((*codes, last) for last in (low, high))


def _first_exceeded(plan: MemoryPlan, codes: tuple[int, ...]) -> int:
    """Return the number of samples after which something first exceeds its format; 0 if nothing does."""
    return next((k for k, (_, names) in enumerate(_replayed(plan, codes), start=1) if names), 0)


def _replayed(plan: MemoryPlan, codes: tuple[int, ...]) -> Iterator[tuple[MemoryState, list[tuple[str, int, int]]]]:
    """Yield, for each sample, the state after it and what exceeds its format: the name, the code and the width."""
    operands: list[Wide] = []

    def operand(word: Wide) -> Wide:
        operands.append(word)
        return word

    zero = Wide(Solver(), 0, _WIDTH, operand)
    state = MemoryState.of(zero, plan.spec.order)
    for code in codes:
        before, sample = state, zero.like(code)
        operands.clear()
        state = take_sample(plan, before, sample)
        met = list(operands)
        if plan.datapath is Datapath.CHAIN:
            met.append(quantities(plan, state)["total", 0])
        forms: list[tuple[str, list[Wide], QFormat]] = [
            ("operand", met, plan.operand_format),
            ("product", take_products(plan, before, sample), plan.product_format),
            ("accumulator", state.accumulators, plan.accumulator_format),
            ("state word", state.words, plan.state_format),
        ]
        yield (
            state,
            [
                (name, value, form.width)
                for name, words, form in forms
                for value in map(_signed, words)
                if not form.low <= value <= form.high
            ],
        )


def _signed(word: Wide) -> int:
    bits = int(word.bits)
    return bits - ((bits >> (_WIDTH - 1)) << _WIDTH)


def replay(plan: MemoryPlan, netlist: Netlist, mapping: RegisterMap, codes: tuple[int, ...]) -> Overflow:
    """Run a counterexample through the integer model, which never wraps, and through the netlist, which does.

    Args:
        plan: The plan.
        netlist: The netlist of its Verilog.
        mapping: The quantities that the netlist's registers hold.
        codes: The input codes from reset on.

    Raises:
        CheckFailed: The integer model differs from the arithmetic of the proof.
    """
    words = IntegerMemory(plan).run(np.array(codes, dtype=np.int64)).tolist()
    solver, registers = Solver(), dict[str, Bits](mapping.start)
    port = netlist.width(netlist.inputs["in_data"])
    exceeded: dict[str, tuple[str, int, int]] = {}
    state = MemoryState.of(0, plan.spec.order)
    for code, row, (state, names) in zip(codes, words, _replayed(plan, codes), strict=True):
        if [_signed(word) for word in state.outputs] != row:
            raise CheckFailed("the integer model differs from the arithmetic of the proof")
        for each in names:
            exceeded.setdefault(each[0], each)
        for cycle in range(mapping.cycles):
            given = inputs_of(netlist, in_valid=int(cycle == 0), in_data=code & ((1 << port) - 1))
            _, registers = netlist.step(solver, registers, given, lambda width, name: 0)
    forms, held = mapping.registers[len(codes) % mapping.phases], quantities(plan, state)
    for name, fields in forms.items():
        for f in fields:
            if f.name[0] in ("accumulator", "word"):
                bits = (registers[name] >> f.low) & ((1 << f.width) - 1)
                if not held[f.name].equals(bits, f.width):
                    return Overflow(codes, tuple(exceeded.values()), f"{name} does not hold {f.name[0]} {f.name[1]}")
    return Overflow(codes, tuple(exceeded.values()), "")
