"""The quantities that the registers of a generated memory hold when a sample is accepted, found by running the netlist.

The netlist runs on known inputs beside the plan's arithmetic, and the bits of its registers fall into three classes:
those that follow a quantity of the state, those that are constant, and all others. The proof does not rest on this
observation: it starts from any state of that form, leaves the last class of bits open, and must end in the same form.
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
from lmu_hw.sim.formal.invariant import MemoryState, take_sample
from lmu_hw.sim.formal.netlist import Netlist
from lmu_hw.sim.formal.solver import Bits, Solver

_SAMPLES = 24  # of the run by which the bits are classified
_PATIENCE = 50_000  # cycles after which that run is given up
_PAUSES = (0, 1, 2, 4, 8, 16, 32)  # cycles between samples, more than needed, that are tried
OPEN, FIXED, HELD, COMING = "open", "fixed", "held", "coming"


@dataclass(frozen=True)
class Field:
    """Some bits of a register or an output in the cycle in which a sample is accepted, or some cycles later.

    Attributes:
        low, width: The lowest of the bits and their number.
        kind: `OPEN` if they may be anything, `FIXED` if they are `value`, `HELD` if they hold a quantity of the state
            before the sample, `COMING` if one of the state after it.
        name: The name and the index of that quantity.
        value: The value of a fixed field.
    """

    low: int
    width: int
    kind: str
    name: tuple[str, int] = ("", 0)
    value: int = 0


@dataclass(frozen=True)
class RegisterMap:
    """The registers and outputs of a memory under steady traffic, with its output always taken.

    Attributes:
        cycles: The number of cycles from one accepted sample to the next.
        pause: How many of these the memory would not need.
        start: The values of the registers before the first sample is accepted.
        registers: The fields of each register when a sample is accepted, in each of one or two alternating phases.
        outputs: The fields of the outputs that are checked, for each phase and each cycle after the sample.
    """

    cycles: int
    pause: int
    start: dict[str, int]
    registers: list[dict[str, list[Field]]]
    outputs: list[list[dict[str, list[Field]]]]

    @property
    def phases(self) -> int:
        """The number of phases, 1 or 2."""
        return len(self.registers)


def quantities(plan: MemoryPlan, state: MemoryState) -> dict[tuple[str, int], Any]:
    """Return every quantity of a state that a register may hold, by its name and index."""
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
    """Return the number of bits of each quantity in hardware, by its name."""
    return {
        "accumulator": plan.accumulator_format.width,
        "word": plan.state_format.width,
        "residue": plan.requantisation,
        "output": plan.output_format.width,
        "total": plan.operand_format.width,
    }


def inputs_of(netlist: Netlist, **given: Bits) -> dict[str, Bits]:
    """Return a word for each input: those given, ready at 1 for every stream of results, and all else 0."""
    idle = {name: int(name.endswith("_ready")) for name in netlist.inputs}
    return idle | given


def find_register_map(netlist: Netlist, plan: MemoryPlan, solver: Solver, seed: int = 0) -> RegisterMap:
    """Run the netlist on known inputs and find the quantities that its registers follow.

    Samples are sent as fast as they are taken. If the memory is then still at work on the last sample, so that its
    state is not in registers yet, they are sent as much more slowly as it takes.

    Args:
        netlist: The netlist of a memory.
        plan: The plan of the memory.
        solver: A solver, for the operations on words.
        seed: The seed of the samples.

    Raises:
        CheckFailed: The memory takes no samples, or not in a steady rhythm; or the registers never hold its state.
    """
    for pause in _PAUSES:
        mapping = _watch(netlist, plan, solver, pause, np.random.default_rng(seed))
        if mapping is not None:
            return mapping
    raise CheckFailed("the registers never hold the state of the plan's arithmetic")


def _zero(width: int, name: str) -> int:
    return 0


def _watch(
    netlist: Netlist, plan: MemoryPlan, solver: Solver, pause: int, rng: np.random.Generator
) -> RegisterMap | None:
    form, order, bits = plan.input_format, plan.spec.order, widths(plan)
    port = netlist.width(netlist.inputs["in_data"])
    state, spec = netlist.start(_zero), MemoryState.of(0, order)
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
                spec = take_sample(plan, MemoryState.of(0, order) if first else spec, sample)
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
        missing = [("word", k) for k in range(order) if ("word", k) not in found]
        if len(missing) == 1 and ("total", 0) in found:
            missing.clear()  # the total and the other words decide it
        if missing or any(("accumulator", k) not in found for k in range(order)):
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
    return RegisterMap(cycles, pause, start, registers, outputs_in)


def _bits(word: int, field: Field) -> int:
    return (word >> field.low) & ((1 << field.width) - 1)


def _alternates(words: list[int]) -> bool:
    """Return whether some bit changes from each word to the next."""
    flips = [a ^ b for a, b in itertools.pairwise(words)]
    return functools.reduce(operator.and_, flips) != 0


def _fields(
    width: int,
    words: list[int],
    traces: dict[tuple[str, tuple[str, int]], list[int]],
    bits: dict[str, int],
) -> list[Field]:
    """Split a word into fields by the values that its bits had over many samples."""
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
