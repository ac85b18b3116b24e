"""What the registers of a generated memory hold while samples are accepted, found by running the netlist.

It runs on known inputs beside the plan's arithmetic, and its bits are told apart: those that follow a quantity
of the state, those that are constant, and those that are neither. Nothing rests on that: a proof starts from
any state of that form, leaves the last kind of bits open, and must end in the form that it began with.
"""

from __future__ import annotations

import functools
import itertools
import operator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lmu_hw.errors import CheckFailed
from lmu_hw.fixed_point.datapaths.base import balanced_sum
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.sim.formal.invariant import Registers, take_sample
from lmu_hw.sim.formal.netlist import Netlist
from lmu_hw.sim.formal.solver import Bits, Solver

_SAMPLES = 24  # of the run that tells the registers apart
_PATIENCE = 50_000  # cycles of that run
_PAUSES = (0, 1, 2, 4, 8, 16, 32)  # cycles that are tried
OPEN, FIXED, HELD, COMING = "open", "fixed", "held", "coming"


@dataclass(frozen=True)
class Field:
    """Some bits of a register or an output while a sample is accepted, or some cycles later.

    Attributes:
        low, width: The lowest of the bits and their number.
        kind: One of open (they may be anything), fixed (to `value`), held (a quantity of the state before the
            sample) or coming (of the state after it).
        name: The name of that quantity.
    """

    low: int
    width: int
    kind: str
    name: tuple[str, int] = ("", 0)
    value: int = 0


@dataclass(frozen=True)
class Rhythm:
    """How a memory behaves under steady traffic, its output always taken.

    Attributes:
        cycles: The number of cycles from one accepted sample to the next.
        pause: How many of these are more than the memory needs.
        start: The registers, all known, before the first sample is accepted.
        registers: The fields of each register when a sample is accepted; one or two phases, which alternate.
        outputs: The fields of the outputs that mean something, for each phase and each of the cycles.
    """

    cycles: int
    pause: int
    start: dict[str, int]
    registers: list[dict[str, list[Field]]]
    outputs: list[list[dict[str, list[Field]]]]

    @property
    def phases(self) -> int:
        """How many forms the registers have in turn."""
        return len(self.registers)


def quantities(plan: MemoryPlan, state: Registers) -> dict[tuple[str, int], Any]:
    """Everything that a register may hold of a state, by name and index."""
    alignment_shift = plan.operand_format.fraction - plan.state_format.fraction
    named = {"accumulator": state.accumulators, "word": state.words}
    if plan.error_feedback:
        named["residue"] = state.residues
    if plan.separate_output:
        named["output"] = state.outputs
    return {(name, i): value for name, values in named.items() for i, value in enumerate(values)} | {
        ("total", 0): balanced_sum(state.words) << alignment_shift
    }


def widths(plan: MemoryPlan) -> dict[str, int]:
    """Bits of each quantity in hardware."""
    return {
        "accumulator": plan.accumulator_format.width,
        "word": plan.state_format.width,
        "residue": plan.requantisation,
        "output": plan.output_format.width,
        "total": plan.operand_format.width,
    }


def inputs_of(netlist: Netlist, **given: Bits) -> dict[str, Bits]:
    """Every output is taken and nothing is asked for, but for what is given."""
    idle = {name: int(name.endswith("_ready")) for name in netlist.inputs}
    return idle | given


def find_rhythm(netlist: Netlist, plan: MemoryPlan, solver: Solver, seed: int = 0) -> Rhythm:
    """Run the netlist on known inputs and see what its registers follow.

    Samples follow each other as fast as they are taken. Where a memory then still works on the last sample,
    so that its state is not at rest in registers yet, they follow as much more slowly as it takes.

    Raises:
        CheckFailed: It takes no samples, not in a steady rhythm, or its state is never found in registers.
    """
    for pause in _PAUSES:
        rhythm = _watch(netlist, plan, solver, pause, np.random.default_rng(seed))
        if rhythm is not None:
            return rhythm
    raise CheckFailed("the registers never hold the state of the plan's arithmetic")


def _zero(width: int, name: str) -> int:
    return 0


def _watch(netlist: Netlist, plan: MemoryPlan, solver: Solver, pause: int, rng: np.random.Generator) -> Rhythm | None:
    form, order, bits = plan.input_format, plan.spec.order, widths(plan)
    port = netlist.width(netlist.inputs["in_data"])
    state, spec = netlist.start(_zero), Registers.of(0, order)
    start: dict[str, int] = {}
    times: list[int] = []
    before: list[dict[str, int]] = []
    rested: list[dict[str, int]] = []  # the same after a cycle in which nothing is offered
    specs = [spec]
    seen: list[dict[str, int]] = []
    idle = pause  # cycles in which a sample would have been taken
    for cycle in range(_PATIENCE):
        sample, first, last = (
            int(rng.integers(form.low, form.high + 1)),
            int(rng.random() < 0.1),
            int(rng.random() < 0.5),
        )
        given = inputs_of(netlist, in_valid=int(idle >= pause), in_first=first, in_last=last)
        given["in_data"] = sample & ((1 << port) - 1)
        outputs, after = netlist.step(solver, state, given, _zero)
        seen.append(outputs)
        if outputs["in_ready"]:
            idle += 1
            if given["in_valid"]:
                idle, start = 0, start or state
                times.append(cycle)
                before.append(state)
                rested.append(netlist.step(solver, state, given | {"in_valid": 0}, _zero)[1])
                spec = take_sample(plan, Registers.of(0, order) if first else spec, sample)
                specs.append(spec)
                if len(times) > _SAMPLES:
                    break
        state = after
    gaps = {b - a for a, b in itertools.pairwise(times)}
    if len(times) <= _SAMPLES or len(gaps) != 1:
        raise CheckFailed(f"the memory takes no samples in a steady rhythm (cycles between them: {sorted(gaps)})")
    cycles = gaps.pop()
    held = [quantities(plan, each) for each in specs]
    phases = 1 + any(_alternates([state[name] for state in before[2:]]) for name in netlist.registers)
    registers: list[dict[str, list[Field]]] = []
    outputs_in: list[list[dict[str, list[Field]]]] = []
    for phase in range(phases):
        rounds = range(2 + phase, _SAMPLES, phases)  # the first sample finds what reset left
        traces = {(HELD, name): [held[n][name] for n in rounds] for name in held[0]}
        states = [before[n] for n in rounds]
        registers.append(
            {name: _fields(r.width, [s[name] for s in states], traces, bits) for name, r in netlist.registers.items()}
        )
        pairs = [(before[n], rested[n]) for n in rounds]
        found = {
            f.name
            for name, form in registers[-1].items()
            for f in form
            if f.kind == HELD and all(_bits(a[name], f) == _bits(b[name], f) for a, b in pairs)
        }
        if any((name, i) not in found for name in ("accumulator", "word") for i in range(order)):
            return None
        traces |= {(COMING, name): [held[n + 1][name] for n in rounds] for name in held[0]}
        outputs_in.append([])
        for offset in range(cycles):
            views = [seen[times[n] + offset] for n in rounds]
            offered = any(view["out_valid"] for view in views)
            marks = [name for name in ("out_data", "out_index", "out_channel") if name in netlist.outputs]
            names = ["out_valid", "in_ready", *(marks if offered else [])]
            fields = {
                name: _fields(netlist.width(netlist.outputs[name]), [view[name] for view in views], traces, bits)
                for name in names
            }
            if any(f.kind == OPEN for each in fields.values() for f in each):
                raise CheckFailed("an output follows nothing of the state")
            outputs_in[-1].append(fields)
    return Rhythm(cycles, pause, start, registers, outputs_in)


def _bits(word: int, field: Field) -> int:
    return (word >> field.low) & ((1 << field.width) - 1)


def _alternates(words: list[int]) -> bool:
    """Whether a bit is the opposite in every other word."""
    flips = [a ^ b for a, b in itertools.pairwise(words)]
    return functools.reduce(operator.and_, flips) != 0


def _fields(
    width: int,
    words: list[int],
    traces: dict[tuple[str, tuple[str, int]], list[int]],
    bits: dict[str, int],
) -> list[Field]:
    """Split a word into fields by what its bits were over many samples."""
    fields: list[Field] = []
    low = 0
    while low < width:
        best = Field(low, 1, OPEN)
        values = {(word >> low) & 1 for word in words}
        if len(values) == 1:
            best = Field(low, 1, FIXED, value=values.pop())
        for (kind, name), trace in traces.items():
            size = bits[name[0]]
            if low + size > width or size <= best.width or len(set(trace)) == 1:
                continue
            mask = (1 << size) - 1
            if all((word >> low) & mask == value & mask for word, value in zip(words, trace, strict=True)):
                best = Field(low, size, kind, name)
        fields.append(best)
        low += best.width
    return fields
