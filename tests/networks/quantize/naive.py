"""A network plan carried out with Python's integers, one sequence, one step and one word at a time.

Written from the text of `lmu_hw.fixed_point.plan` and `networks.quantize.plan` alone: the oracle of the integer model.
"""

from __future__ import annotations

from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.networks.quantize.plan import ActivationPlan, AffinePlan, Kind, NetworkPlan, Source
from lmu_hw.reference.definition import Activation

Words = dict[Source, list[int]]


def rounded(value: int, fraction_bits: int) -> int:
    """value·2^−fraction_bits to the nearest integer, ties upwards."""
    return value << -fraction_bits if fraction_bits <= 0 else (value + (1 << (fraction_bits - 1))) >> fraction_bits


class NaiveMemory:
    """One memory."""

    def __init__(self, plan: MemoryPlan) -> None:
        self.plan = plan
        self.accumulators, self.residues, self.words, self.outputs = ([0] * plan.spec.order for _ in range(4))

    def step(self, sample: int) -> list[int]:
        p = self.plan
        operand = p.operand_format.fraction
        aligned = [word << (operand - p.state_format.fraction) for word in self.words]
        increments = p.increment.evaluate(aligned, sample << (operand - p.input_format.fraction))
        for i, product in enumerate(increments):
            increment = rounded(product, p.product_format.fraction - p.accumulator_format.fraction)
            self.accumulators[i] += increment
            value = 2 * self.accumulators[i] + increment if p.two_step else self.accumulators[i]
            total = value + self.residues[i]
            self.words[i] = rounded(total, p.requantisation)
            if p.error_feedback:
                self.residues[i] = total - (self.words[i] << p.requantisation)
            self.outputs[i] = rounded(value, p.output_requantisation) if p.separate_output else self.words[i]
        return list(self.outputs)


def affine(plan: AffinePlan, words: Words) -> list[int]:
    """Codes, and a check that no partial sum leaves the accumulator."""
    codes = []
    for r in range(plan.rows):
        total = int(plan.bias[r])
        for segment in plan.segments:
            for weight, word in zip(segment.weights[r].tolist(), words[segment.source], strict=True):
                total += weight * word << int(segment.alignment_shifts[r])
                assert plan.accumulator.low <= total <= plan.accumulator.high
        code = rounded(total, plan.accumulator.fraction - plan.target.fraction)
        codes.append(min(max(code, plan.target.low), plan.target.high))
    return codes


def activated(plan: ActivationPlan, code: int) -> int:
    if not plan.base.size:
        return max(code, 0) if plan.function is Activation.RELU else code
    place, offset = divmod(code - plan.input.low, 1 << plan.offset_bits)
    return rounded(int(plan.base[place]) + int(plan.slope[place]) * offset, plan.drop)


def run(plan: NetworkPlan, sequence: list[list[int]]) -> list[list[int]]:
    """Output words after each step from a zero state, everything computed at every step."""
    memories = [
        [] if layer.memory is None else [NaiveMemory(layer.memory) for _ in range(layer.channels)]
        for layer in plan.layers
    ]
    words: Words = {}
    for k, layer in enumerate(plan.layers):
        words[Source(Kind.OUTPUT, k)] = [0] * layer.outputs
        words[Source(Kind.MEMORY, k)] = [0] * layer.states
    given = []
    for sample in sequence:
        for source in [s for s in words if s.kind is not Kind.INPUT and not s.previous]:
            words[Source(source.kind, source.layer, previous=True)] = words[source]
        words[Source(Kind.INPUT)] = sample
        for k, layer in enumerate(plan.layers):
            if layer.drive is not None:
                drives = affine(layer.drive, words)
                each = [memory.step(u) for memory, u in zip(memories[k], drives, strict=True)]
                words[Source(Kind.MEMORY, k)] = words[Source(Kind.OUTPUT, k)] = [word for m in each for word in m]
            if layer.affine is not None and layer.activation is not None:
                words[Source(Kind.OUTPUT, k)] = [activated(layer.activation, a) for a in affine(layer.affine, words)]
        given.append(words[Source(Kind.OUTPUT, len(plan.layers) - 1)])
    return given
