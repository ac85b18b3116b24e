"""One sample through a generated memory against unbounded integers, from every state that the invariant allows."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.sim.formal.invariant import Invariant, Registers, take_sample
from lmu_hw.sim.formal.netlist import Netlist
from lmu_hw.sim.formal.rhythm import FIXED, HELD, OPEN, Field, Rhythm, quantities, widths
from lmu_hw.sim.formal.solver import Bits, Solver, Wide

_ORDER = {"": 0, "accumulator": 1, "residue": 2}
_RESET = -1  # the last of the forms: what reset leaves


@dataclass(frozen=True)
class Goal:
    """Something to be proved.

    Attributes:
        text: The claim in words.
        holds: A bit that says whether the claim holds.
        register, phase, low: The register, its phase and the lowest bit of the field that the claim is about; no
            register where it is about an output.
        quantity: The quantity that the field holds, if any.
    """

    text: str
    holds: Bits
    register: str = ""
    phase: int = 0
    low: int = 0
    quantity: tuple[str, int] = ("", 0)


class Induction:
    """The claims of the proof, each on a solver of its own."""

    def __init__(self, netlist: Netlist, plan: MemoryPlan, invariant: Invariant, rhythm: Rhythm) -> None:
        self.netlist, self.plan, self.invariant, self.rhythm = netlist, plan, invariant, rhythm
        self.width = invariant.largest.bit_length() + 2
        self.port = netlist.width(netlist.inputs["in_data"])
        self.bits = widths(plan)
        self._state = {(name, i) for name in ("accumulator", "word") for i in range(plan.spec.order)}
        reset = {
            name: [Field(b, 1, FIXED, value=(rhythm.start[name] >> b) & 1) for b in range(register.width)]
            for name, register in netlist.registers.items()
        }
        self.forms = [*({name: list(form) for name, form in phase.items()} for phase in rhythm.registers), reset]

    def settle(self) -> str:
        """Open those bits that followed something by chance only, until the rest of the form is inductive.

        Returns:
            '', or what is missed where no form that holds the whole state is inductive.
        """
        while missed := self.waits() or self.begins() or self.advances():
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

    def begins(self) -> list[Goal]:
        """From what reset leaves, the first sample leads to a state of the known form. Returns goals missed."""
        stage = _Stage(self)
        zero = stage.zero_state()
        data, sample = stage.sample()
        coming = stage.follow(zero, sample)
        registers, _ = stage.window(stage.load(zero, _RESET), data, stage.solver.fresh(1, "first"))
        return stage.missed(stage.form_goals(registers, coming, 1 % self.rhythm.phases))

    def advances(self) -> list[Goal]:
        """From any state of the known form a sample gives the plan's next state, at the start of a sequence or not."""
        for phase, first in itertools.product(range(self.rhythm.phases), (0, 1)):
            stage = _Stage(self)
            state = stage.any_state()
            data, sample = stage.sample()
            coming = stage.follow(stage.zero_state() if first else state, sample)
            registers, outputs = stage.window(stage.load(state, phase), data, first)
            goals = [
                *stage.form_goals(registers, coming, (phase + 1) % self.rhythm.phases),
                *stage.output_goals(outputs, state, coming, phase),
            ]
            if missed := stage.missed(goals):
                return missed
        return []

    def waits(self) -> list[Goal]:
        """Where no sample is offered, the state stays as it is, after reset as later."""
        for phase in (_RESET, *range(self.rhythm.phases)):
            stage = _Stage(self)
            state = stage.zero_state() if phase == _RESET else stage.any_state()
            given = stage.inputs(in_valid=0)
            _, after = self.netlist.step(stage.solver, stage.load(state, phase), given, stage.solver.fresh)
            if missed := stage.missed(stage.form_goals(after, state, phase)):
                return missed
        return []

    def stands(self) -> list[Goal]:
        """While an offered beat is not taken, no register changes, whatever they hold."""
        stage = _Stage(self)
        registers = {name: stage.solver.fresh(r.width, name) for name, r in self.netlist.registers.items()}
        given = stage.inputs(out_ready=0) | {name: 0 for name in self.netlist.inputs if name.startswith("clear")}
        outputs, after = self.netlist.step(stage.solver, registers, given, stage.solver.fresh)
        stage.solver.require(outputs["out_valid"])
        goals = [
            Goal(f"{name} stands still", stage.solver.apply("eq", [r.width] * 2, [after[name], registers[name]], 1))
            for name, r in self.netlist.registers.items()
        ]
        return stage.missed(goals)


class _Stage:
    """One solver, with the state of the memory on it in wide words."""

    def __init__(self, claim: Induction) -> None:
        self.claim, self.solver = claim, Solver()
        self._operand = 0
        self.zero = self._word(0)

    def _word(self, bits: Bits) -> Wide:
        return Wide(self.solver, bits, self.claim.width, self._multiplied)

    def _multiplied(self, operand: Wide) -> Wide:
        limits = self.claim.invariant.operands
        most = limits[self._operand % len(limits)]
        self._operand += 1
        return self._ranged(operand, most, self.claim.bits["total"])

    def _ranged(self, word: Wide, most: int, hardware: int) -> Wide:
        """The word, which the invariant has proved to lie in ±most, with no more bits than that or hardware has."""
        self.solver.require(word.within(-most, most))
        return word.cut(max(hardware, most.bit_length() + 1))

    def inputs(self, **given: Bits) -> dict[str, Bits]:
        """No reset, every output taken, all else unknown, but for what is given."""
        ports = self.claim.netlist.inputs
        known = {
            name: int(name.endswith("_ready")) for name in ports if name in ("rst", "clk") or name.endswith("_ready")
        }
        unknown = {
            n: self.solver.fresh(self.claim.netlist.width(line), n) for n, line in ports.items() if n not in known
        }
        return known | unknown | given

    def zero_state(self) -> Registers:
        """All registers zero."""
        return Registers.of(self.zero, self.claim.plan.spec.order)

    def sample(self) -> tuple[Bits, Wide]:
        """Any sample: the bits at the port and the wide word."""
        width = self.claim.plan.input_format.width
        bits = self.solver.fresh(width, "sample")
        wide = self.solver.extend(bits, width, self.claim.width, signed=True)
        return self.solver.extend(bits, width, self.claim.port, signed=True), self._word(wide)

    def any_state(self) -> Registers:
        """Unknown words within the invariant's ranges."""
        plan, limits, bits = self.claim.plan, self.claim.invariant, self.claim.bits
        accumulators = [self._unknown(a, bits["accumulator"]) for a in limits.accumulators]
        half = (1 << plan.requantisation) >> 1
        residues = [self._unknown(half, bits["residue"]) if plan.error_feedback else self.zero for _ in accumulators]
        words = [self._unknown(w, bits["word"]) for w in limits.words]
        outputs = words
        if plan.separate_output:
            outputs = [self._unknown(plan.output_format.high, bits["output"]) for _ in words]
        values = [(w << plan.requantisation) + r for w, r in zip(words, residues, strict=True)]
        return self._in_ranges(Registers(accumulators, residues, words, values, outputs))

    def _unknown(self, most: int, hardware: int) -> Wide:
        width = max(hardware, most.bit_length() + 1) if most & (most - 1) else max(hardware, most.bit_length())
        bits = self.solver.fresh(width, "word")
        return self._word(self.solver.extend(bits, width, self.claim.width, signed=True))

    def follow(self, state: Registers, sample: Wide) -> Registers:
        """The state after a sample; the invariant's ranges are assumed of it, as it has been proved for them."""
        self._operand = 0
        return self._in_ranges(take_sample(self.claim.plan, state, sample))

    def _in_ranges(self, state: Registers) -> Registers:
        limits, plan, bits = self.claim.invariant, self.claim.plan, self.claim.bits
        if plan.error_feedback:  # else the invariant speaks of the words
            for value, most in zip(state.values, limits.values, strict=True):
                self.solver.require(value.within(-most, most))

        def ranged(words: list[Wide], most: tuple[int, ...], hardware: int) -> list[Wide]:
            return [self._ranged(word, limit, hardware) for word, limit in zip(words, most, strict=True)]

        accumulators = ranged(state.accumulators, limits.accumulators, bits["accumulator"])
        words = ranged(state.words, limits.words, bits["word"])
        outputs = state.outputs if plan.separate_output else words
        self._operand = 0  # without input, too, the operands keep to their ranges: the chain's sum is one of them
        plan.increment.evaluate(
            [word << (plan.operand_format.fraction - plan.state_format.fraction) for word in words], self.zero
        )
        return Registers(accumulators, state.residues, words, state.values, outputs)

    def load(self, state: Registers, phase: int) -> dict[str, Bits]:
        """Registers of the known form for this state; open bits are unknown."""
        held = quantities(self.claim.plan, state)

        def part(f: Field) -> tuple[Bits, int]:
            if f.kind == FIXED:
                return f.value, f.width
            if f.kind == OPEN:
                return self.solver.fresh(f.width, "open"), f.width
            return self.solver.slice(held[f.name].bits, 0, f.width), f.width

        forms = self.claim.forms[phase]
        return {name: self.solver.concat([part(f) for f in form]) for name, form in forms.items()}

    def window(
        self, registers: dict[str, Bits], data: Bits, first: Bits
    ) -> tuple[dict[str, Bits], list[dict[str, Bits]]]:
        """Registers when the next sample is accepted, and the outputs on the way."""
        claim, seen = self.claim, []
        for cycle in range(claim.rhythm.cycles):
            given = self.inputs(in_valid=int(cycle == 0 or claim.rhythm.pause == 0))
            if cycle == 0:
                given |= {"in_data": data, "in_first": first}
            outputs, registers = claim.netlist.step(self.solver, registers, given, self.solver.fresh)
            seen.append(outputs)
        return registers, seen

    def form_goals(self, registers: dict[str, Bits], state: Registers, phase: int) -> Iterator[Goal]:
        """The registers have the known form and hold this state."""
        held = quantities(self.claim.plan, state)
        for name, form in self.claim.forms[phase].items():
            for goal in self._field_goals(name, registers[name], form, held, held):
                yield replace(goal, register=name, phase=phase)

    def output_goals(
        self, outputs: list[dict[str, Bits]], state: Registers, coming: Registers, phase: int
    ) -> Iterator[Goal]:
        """The outputs are what they should be in each cycle."""
        held, after = quantities(self.claim.plan, state), quantities(self.claim.plan, coming)
        for cycle, (words, forms) in enumerate(zip(outputs, self.claim.rhythm.outputs[phase], strict=True)):
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
        """The goals that some case misses: of the bits that should be constant, or else of all others.

        One goal at a time, and what holds helps the next: accumulators, residues, the rest.
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
