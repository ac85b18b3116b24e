"""The induction step: one sample through a generated memory against unbounded integers.

It starts from every state that the invariant allows.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.sim.formal.invariant import Invariant, MemoryState, take_sample
from lmu_hw.sim.formal.netlist import Netlist
from lmu_hw.sim.formal.register_map import FIXED, HELD, OPEN, Field, RegisterMap, quantities, widths
from lmu_hw.sim.formal.solver import Bits, Solver, Wide

_ORDER = {"": 0, "accumulator": 1, "residue": 2}  # in which goals are decided; all others follow
_RESET = -1  # the index of the form that reset leaves, the last one


@dataclass(frozen=True)
class Goal:
    """A claim to be proved.

    Attributes:
        text: The claim in words.
        holds: A word of one bit that is 1 if the claim holds.
        register, phase, low: The register, its phase and the lowest bit of the field that the claim is about; the
            register is empty for a claim about an output.
        quantity: The name and the index of the quantity that the field holds, if any.
    """

    text: str
    holds: Bits
    register: str = ""
    phase: int = 0
    low: int = 0
    quantity: tuple[str, int] = ("", 0)


class Induction:
    """The claims of the proof, each on a solver of its own.

    Attributes:
        forms: The fields of each register in every phase, and last those that reset leaves.
        width: The width of words that hold everything that the invariant allows.
    """

    def __init__(self, netlist: Netlist, plan: MemoryPlan, invariant: Invariant, mapping: RegisterMap) -> None:
        self.netlist, self.plan, self.invariant, self.mapping = netlist, plan, invariant, mapping
        self.width = invariant.largest.bit_length() + 2
        self.port = netlist.width(netlist.inputs["in_data"])
        self.bits = widths(plan)
        self._state = {(name, i) for name in ("accumulator", "word") for i in range(plan.spec.order)}
        reset = {
            name: [Field(b, 1, FIXED, value=(mapping.start[name] >> b) & 1) for b in range(register.width)]
            for name, register in netlist.registers.items()
        }
        self.forms = [*({name: list(form) for name, form in phase.items()} for phase in mapping.registers), reset]

    def find_inductive_form(self) -> str:
        """Open those bits that followed a quantity by chance only, until the rest of the form is inductive.

        Returns:
            An empty text, or the claim that fails if no form that holds the whole state is inductive.
        """
        while missed := self.check_idle() or self.check_reset() or self.check_sample():
            for goal in missed:
                if not goal.register:
                    return goal.text
                form = self.forms[goal.phase][goal.register]
                k = next(k for k, f in enumerate(form) if f.low == goal.low)
                form[k : k + 1] = [Field(goal.low + b, 1, OPEN) for b in range(form[k].width)]
                if goal.quantity in self._state and not any(
                    f.name == goal.quantity for fields in self.forms[goal.phase].values() for f in fields
                ):
                    return goal.text
        return ""

    def check_reset(self) -> list[Goal]:
        """Return the goals that fail of: from the state after reset, a sample leads to one of the known form."""
        query = _Query(self)
        zero = query.zero_state()
        data, sample = query.sample()
        coming = query.follow(zero, sample)
        registers, _ = query.window(query.load(zero, _RESET), data, query.solver.fresh(1, "first"))
        return query.missed(query.form_goals(registers, coming, 1 % self.mapping.phases))

    def check_sample(self) -> list[Goal]:
        """Return the goals that fail of: from any state of the known form, a sample leads to the plan's next state.

        Both a sample that starts a sequence and one within it are tried.
        """
        for phase, first in itertools.product(range(self.mapping.phases), (0, 1)):
            query = _Query(self)
            state = query.any_state()
            data, sample = query.sample()
            coming = query.follow(query.zero_state() if first else state, sample)
            registers, outputs = query.window(query.load(state, phase), data, first)
            goals = [
                *query.form_goals(registers, coming, (phase + 1) % self.mapping.phases),
                *query.output_goals(outputs, state, coming, phase),
            ]
            if missed := query.missed(goals):
                return missed
        return []

    def check_idle(self) -> list[Goal]:
        """Return the goals that fail of: while no sample is offered, the state stays as it is, after reset too."""
        for phase in (_RESET, *range(self.mapping.phases)):
            query = _Query(self)
            state = query.zero_state() if phase == _RESET else query.any_state()
            given = query.inputs(in_valid=0)
            _, after = self.netlist.step(query.solver, query.load(state, phase), given, query.solver.fresh)
            if missed := query.missed(query.form_goals(after, state, phase)):
                return missed
        return []

    def check_stall(self) -> list[Goal]:
        """Return the goals that fail of: while an offered beat is not taken, no register changes, whatever it holds."""
        query = _Query(self)
        registers = {name: query.solver.fresh(r.width, name) for name, r in self.netlist.registers.items()}
        given = query.inputs(out_ready=0) | {name: 0 for name in self.netlist.inputs if name.startswith("clear")}
        outputs, after = self.netlist.step(query.solver, registers, given, query.solver.fresh)
        query.solver.require(outputs["out_valid"])
        goals = [
            Goal(f"{name} stands still", query.solver.apply("eq", [r.width] * 2, [after[name], registers[name]], 1))
            for name, r in self.netlist.registers.items()
        ]
        return query.missed(goals)


class _Query:
    """A solver with the state of the memory in wide words; it decides the goals of one claim."""

    def __init__(self, induction: Induction) -> None:
        self.induction, self.solver = induction, Solver()
        self._operand = 0
        self.zero = self._word(0)

    def _word(self, bits: Bits) -> Wide:
        return Wide(self.solver, bits, self.induction.width, self._multiplied)

    def _multiplied(self, operand: Wide) -> Wide:
        limits = self.induction.invariant.operands
        most = limits[self._operand % len(limits)]
        self._operand += 1
        return self._ranged(operand, most, self.induction.bits["total"])

    def _ranged(self, word: Wide, most: int, hardware: int) -> Wide:
        """Return the word, which the invariant proves to lie in ±`most`, without the bits that neither needs."""
        self.solver.require(word.within(-most, most))
        return word.cut(max(hardware, most.bit_length() + 1))

    def inputs(self, **given: Bits) -> dict[str, Bits]:
        """Return a word for each input: those given, no reset, every output taken, and all else unknown."""
        ports = self.induction.netlist.inputs
        known = {
            name: int(name.endswith("_ready")) for name in ports if name in ("rst", "clk") or name.endswith("_ready")
        }
        unknown = {
            n: self.solver.fresh(self.induction.netlist.width(line), n) for n, line in ports.items() if n not in known
        }
        return known | unknown | given

    def zero_state(self) -> MemoryState:
        """Return the state in which all registers are zero."""
        return MemoryState.of(self.zero, self.induction.plan.spec.order)

    def sample(self) -> tuple[Bits, Wide]:
        """Return an unknown sample: the bits at the port, and the wide word."""
        width = self.induction.plan.input_format.width
        bits = self.solver.fresh(width, "sample")
        wide = self.solver.extend(bits, width, self.induction.width, signed=True)
        return self.solver.extend(bits, width, self.induction.port, signed=True), self._word(wide)

    def any_state(self) -> MemoryState:
        """Return a state of unknown words within the ranges of the invariant."""
        plan, limits, bits = self.induction.plan, self.induction.invariant, self.induction.bits
        accumulators = [self._unknown(a, bits["accumulator"]) for a in limits.accumulators]
        half = (1 << plan.requantisation) >> 1
        residues = [self._unknown(half, bits["residue"]) if plan.error_feedback else self.zero for _ in accumulators]
        words = [self._unknown(w, bits["word"]) for w in limits.words]
        outputs = words
        if plan.separate_output:
            outputs = [self._unknown(plan.output_format.high, bits["output"]) for _ in words]
        values = [(w << plan.requantisation) + r for w, r in zip(words, residues, strict=True)]
        return self._in_ranges(MemoryState(accumulators, residues, words, values, outputs))

    def _unknown(self, most: int, hardware: int) -> Wide:
        width = max(hardware, most.bit_length() + 1) if most & (most - 1) else max(hardware, most.bit_length())
        bits = self.solver.fresh(width, "word")
        return self._word(self.solver.extend(bits, width, self.induction.width, signed=True))

    def follow(self, state: MemoryState, sample: Wide) -> MemoryState:
        """Return the state after a sample. It is assumed to lie in the invariant's ranges, as is proved of it."""
        self._operand = 0
        return self._in_ranges(take_sample(self.induction.plan, state, sample))

    def _in_ranges(self, state: MemoryState) -> MemoryState:
        limits, plan, bits = self.induction.invariant, self.induction.plan, self.induction.bits
        if plan.error_feedback:  # without it the invariant is about the words
            for value, most in zip(state.values, limits.values, strict=True):
                self.solver.require(value.within(-most, most))

        def ranged(words: list[Wide], most: tuple[int, ...], hardware: int) -> list[Wide]:
            return [self._ranged(word, limit, hardware) for word, limit in zip(words, most, strict=True)]

        accumulators = ranged(state.accumulators, limits.accumulators, bits["accumulator"])
        words = ranged(state.words, limits.words, bits["word"])
        outputs = state.outputs if plan.separate_output else words
        # The operands stay within their ranges without input, too; the sum of the chain is one of them.
        self._operand = 0
        plan.increment.evaluate(
            [word << (plan.operand_format.fraction - plan.state_format.fraction) for word in words], self.zero
        )
        return MemoryState(accumulators, state.residues, words, state.values, outputs)

    def load(self, state: MemoryState, phase: int) -> dict[str, Bits]:
        """Return the registers of the known form that hold `state`; open bits are unknown."""
        held = quantities(self.induction.plan, state)

        def part(f: Field) -> tuple[Bits, int]:
            if f.kind == FIXED:
                return f.value, f.width
            if f.kind == OPEN:
                return self.solver.fresh(f.width, "open"), f.width
            return self.solver.slice(held[f.name].bits, 0, f.width), f.width

        forms = self.induction.forms[phase]
        return {name: self.solver.concat([part(f) for f in form]) for name, form in forms.items()}

    def window(
        self, registers: dict[str, Bits], data: Bits, first: Bits
    ) -> tuple[dict[str, Bits], list[dict[str, Bits]]]:
        """Return the registers when the next sample is accepted, and the outputs in each cycle until then."""
        induction, seen = self.induction, []
        for cycle in range(induction.mapping.cycles):
            given = self.inputs(in_valid=int(cycle == 0 or induction.mapping.pause == 0))
            if cycle == 0:
                given |= {"in_data": data, "in_first": first}
            outputs, registers = induction.netlist.step(self.solver, registers, given, self.solver.fresh)
            seen.append(outputs)
        return registers, seen

    def form_goals(self, registers: dict[str, Bits], state: MemoryState, phase: int) -> Iterator[Goal]:
        """Yield the goals that the registers have the known form and hold `state`."""
        held = quantities(self.induction.plan, state)
        for name, form in self.induction.forms[phase].items():
            for goal in self._field_goals(name, registers[name], form, held, held):
                yield replace(goal, register=name, phase=phase)

    def output_goals(
        self, outputs: list[dict[str, Bits]], state: MemoryState, coming: MemoryState, phase: int
    ) -> Iterator[Goal]:
        """Yield the goals that the outputs have their known fields in each cycle."""
        held, after = quantities(self.induction.plan, state), quantities(self.induction.plan, coming)
        for cycle, (words, forms) in enumerate(zip(outputs, self.induction.mapping.outputs[phase], strict=True)):
            for name, form in forms.items():
                yield from self._field_goals(f"{name} in cycle {cycle}", words[name], form, held, after)

    def _field_goals(
        self,
        text: str,
        word: Bits,
        form: list[Field],
        held: dict[Any, Wide],
        coming: dict[Any, Wide],
    ) -> Iterator[Goal]:
        for f in form:
            bits = self.solver.slice(word, f.low, f.width)
            if f.kind == FIXED:
                same = self.solver.apply("eq", [1, 1], [bits, f.value], 1)
                yield Goal(f"bit {f.low} of {text} is {f.value}", same, low=f.low)
            elif f.kind != OPEN:
                quantity = (held if f.kind == HELD else coming)[f.name]
                yield Goal(
                    f"{text} holds {f.name[0]} {f.name[1]}", quantity.equals(bits, f.width), low=f.low, quantity=f.name
                )

    def missed(self, goals: Iterable[Goal]) -> list[Goal]:
        """Return the goals that fail in some case: first among constant bits and, if all of those hold, the others.

        Goals are decided one by one, accumulators before residues before the rest, and what holds is assumed for those
        that follow.
        """
        pending = [goal for goal in goals if not (isinstance(goal.holds, int) and goal.holds)]
        pending.sort(key=lambda goal: _ORDER.get(goal.quantity[0], len(_ORDER)))
        missed: dict[int, Goal] = {}
        for k, goal in enumerate(pending):
            if k in missed:
                continue
            if missed and goal.quantity[0]:
                break
            self.solver.push()
            self.solver.require(self.solver.apply("not", [1], [goal.holds], 1))
            if self.solver.possible():
                missed |= {n: other for n, other in enumerate(pending) if not self.solver.value(other.holds, 1)}
                self.solver.pop()
            else:
                self.solver.pop()
                self.solver.require(goal.holds)
        return list(missed.values())
