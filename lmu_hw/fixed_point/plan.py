"""The fixed-point plan of a memory: what its integer model and its hardware share.

Every datapath here is a bank of integrators. Each state lives in a wide accumulator; only its top bits,
the state word, feed the multipliers:

    v = accumulator + increment(state words, input)        (exact, or rounded far below the state word)
    state word = round(v + residue)                          the one rounding that matters
    residue = v + residue − state word                       with error feedback, else 0
    output word = state word, or round(v) on a finer grid

so this rounding enters the dynamics scaled by dt/θ, and error feedback differentiates it once more. Output
words on a finer grid do not carry the rounding of the state words at all, except what passes through the
loop; delayed readouts Σ_i P_i(2θ′/θ − 1)·m_i are sums of output words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lmu_hw.core.display import Displayed, number
from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import StepMatrices
from lmu_hw.core.system import energy_per_unit
from lmu_hw.fixed_point.datapaths import Datapath as Datapath
from lmu_hw.fixed_point.datapaths import Increment
from lmu_hw.fixed_point.formats import IntArray, QFormat

if TYPE_CHECKING:
    from lmu_hw.core.figures import Plot


def realised_step(spec: LMUSpec, increment: Increment) -> StepMatrices:
    """The step z⁺ = G z + H u, x = K z that the integers realise, roundings of words apart, in orthonormal coordinates.

    Args:
        spec: The specification; its method says how many banks of states there are.
        increment: The integers that compute the increments.
    """
    d, gains = spec.order, spec.discretization.bank_gains
    unit = energy_per_unit(spec)
    inject = increment.state_gain * unit[:, None] / unit[None, :]
    drive = increment.input_gain * unit
    n = len(gains) * d
    transition = np.zeros((n, n))
    transition[:, :d] = np.tile(np.eye(d), (len(gains), 1))
    transition[:, -d:] += np.concatenate([gain * inject for gain in gains])
    return StepMatrices(transition, np.concatenate([gain * drive for gain in gains]), np.eye(d, n, n - d))


@dataclass(frozen=True, repr=False)
class ErrorBudget(Displayed):
    """Upper bounds on |fixed − float|, shape (outputs,) each, in units of what is read.

    They hold at every sample, for every input with |u| ≤ 1, from a zero state.

    Attributes:
        input: What comes of rounding the input to its format.
        coefficients: What comes of rounding dt/θ or the matrix; a bang-bang input attains it.
        internal: What comes of the roundings inside the increment.
        accumulation: What comes of rounding increments to the accumulators' grid.
        feedback: What comes of rounding the state words, through the loop.
        output: What comes of the last rounding of what is read.
    """

    input: Array
    coefficients: Array
    internal: Array
    accumulation: Array
    feedback: Array
    output: Array

    @property
    def total(self) -> Array:
        """The bound on the whole deviation, shape (outputs,)."""
        return self.input + self.coefficients + self.internal + self.accumulation + self.feedback + self.output

    @property
    def parts(self) -> dict[str, Array]:
        """The parts by name, shape (outputs,) each."""
        names = ("input", "coefficients", "internal", "accumulation", "feedback", "output")
        return {name: getattr(self, name) for name in names}

    def to_dict(self) -> dict[str, list[float]]:
        """The parts as plain values, by name."""
        return {name: part.tolist() for name, part in self.parts.items()}

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield "largest bound", number(float(self.total.max()))
        for name, part in self.parts.items():
            yield name, number(float(part.max()))

    def plot(self) -> Plot:
        """Draw the bound on each output, by source."""
        from lmu_hw.core.figures import budget_figure

        return budget_figure(self.parts, None, "output")


@dataclass(frozen=True, eq=False, repr=False)
class ReadoutPlan(Displayed):
    """Delayed readouts u(t − θ′) ≈ Σ_i P_i(2θ′/θ − 1)·m_i in integers:

        readout = round(Σ_i coefficient_i·output word_i · 2^−fraction)

    Attributes:
        delays: The delay θ′/θ of each readout, 0 … 1.
        coefficients: The integers, shape (readouts, order); ±1 where all delays are 0 or 1.
        coefficient_bits: The width of a coefficient, its sign included.
        fraction: The number of fractional bits of a coefficient.
        format: The format of a readout; its grid is that of the output words.
        sum_width: The width that holds every partial sum before it is rounded.
        ranges: Certified upper bounds on |readout|, shape (readouts,).
        budget: The bound on the deviation from the float readout, by source.
        noise: The predicted standard deviation of the roundings' effect, shape (readouts,).
    """

    delays: tuple[float, ...]
    coefficients: IntArray
    coefficient_bits: int
    fraction: int
    format: QFormat
    sum_width: int
    ranges: Array
    budget: ErrorBudget
    noise: Array

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield "delays / θ", ", ".join(map(number, self.delays))
        yield "format", str(self.format)
        yield "error bound", number(float(self.error_bound.max()))
        yield "predicted noise", number(float(self.noise.max()))

    def plot(self) -> Plot:
        """Draw the bound on the error of each readout, by source, and the predicted noise."""
        from lmu_hw.core.figures import budget_figure

        return budget_figure(self.budget.parts, self.noise, "readout")

    @property
    def multiplications_per_sample(self) -> int:
        """The number of multiplications for one sample: 0 where every coefficient is ±1."""
        return 0 if self.fraction == 0 else int(self.coefficients.size)

    @property
    def error_bound(self) -> Array:
        """The proved upper bound on |fixed − float|, shape (readouts,)."""
        return self.budget.total

    def to_dict(self) -> dict[str, Any]:
        """The readouts as plain values, for manifests and reports."""
        return {
            "delays": list(self.delays),
            "coefficients": self.coefficients.tolist(),
            "coefficient_bits": self.coefficient_bits,
            "coefficient_fraction": self.fraction,
            "ranges": self.ranges.tolist(),
            "error_bound": self.error_bound.tolist(),
            "error_budget": self.budget.to_dict(),
            "noise": self.noise.tolist(),
            "multiplications_per_sample": self.multiplications_per_sample,
        }


@dataclass(frozen=True, eq=False, repr=False)
class MemoryPlan(Displayed):
    """Everything that the integer model and the hardware of one memory share.

    Attributes:
        spec: The specification.
        datapath: How the increment is computed.
        increment: The integer coefficients and their grids.
        input_format: The format of a sample; all its codes lie in [−1, 1).
        state_format: The format of every state word.
        state_widths: How many bits each state word really needs, by its certified range.
        operand_format: The format of every word that a multiplier takes.
        product_format: The format of a whole increment before it is brought to the accumulator's grid.
        accumulator_format: The format of every accumulator.
        output_format: The format of the words that leave: the state format, or a finer one.
        error_feedback: Whether the residue of each rounding of a state word is added to the next one.
        ranges: Certified upper bounds on |state word| in units of the state, shape (order,).
        limit_set: The largest |state word| in codes, shape (order,), whatever the registers held, once the input has
            been zero for long; docs/limit-set.md has the proof.
        budget: The bound on the error of the output words, by source, in units of the state.
        noise: The predicted standard deviation of the roundings' effect on the output words, in units of the state,
            shape (order,): every rounding is taken as white, uniform and independent (docs/noise.md).
        readouts: The delayed readouts, or None without any.
    """

    spec: LMUSpec
    datapath: Datapath
    increment: Increment
    input_format: QFormat
    state_format: QFormat
    state_widths: tuple[int, ...]
    operand_format: QFormat
    product_format: QFormat
    accumulator_format: QFormat
    output_format: QFormat
    error_feedback: bool
    ranges: Array
    limit_set: IntArray
    budget: ErrorBudget
    noise: Array
    readouts: ReadoutPlan | None = None

    def _facts(self) -> Iterable[tuple[str, str]]:
        spec = self.spec
        yield "memory", f"{spec.order} states, θ/dt {number(spec.ratio)}, {spec.discretization}"
        yield "datapath", f"{self.datapath}, {self.multiplications_per_sample} multiplications per sample"
        yield "input", str(self.input_format)
        yield "state", str(self.state_format)
        yield "error bound", number(float(self.error_bound.max()))
        yield "predicted noise", number(float(self.noise.max()))
        if self.readouts is not None:
            yield "delays / θ", f"{len(self.readouts.delays)}"

    def plot(self) -> Plot:
        """Draw the proved bound on the error of each state, by source, and the predicted noise."""
        from lmu_hw.core.figures import budget_figure

        return budget_figure(self.budget.parts, self.noise, "state")

    @property
    def two_step(self) -> bool:
        """Whether half of the last increment is added on the way to the state word."""
        return len(self.spec.discretization.bank_gains) == 2

    @property
    def value_fraction(self) -> int:
        """The fractional bits of v, which is the accumulator, plus half of the last increment for two-step methods."""
        return self.accumulator_format.fraction + int(self.two_step)

    @property
    def requantisation(self) -> int:
        """The number of bits that rounding v to the state word drops."""
        return self.value_fraction - self.state_format.fraction

    @property
    def output_requantisation(self) -> int:
        """The number of bits that rounding v to the output word drops, where that is not the state word."""
        return self.value_fraction - self.output_format.fraction

    @property
    def separate_output(self) -> bool:
        """Whether the words that leave are finer than the state words."""
        return self.output_format != self.state_format

    @property
    def multiplications_per_sample(self) -> int:
        """The number of multiplications that the increments of one sample cost."""
        return self.increment.multiplications

    @cached_property
    def error_bound(self) -> Array:
        """The proved upper bound on |fixed − float| of each state, in units of the state, shape (order,)."""
        return self.budget.total

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain values, for manifests and reports."""
        formats = {
            "input": self.input_format,
            "state": self.state_format,
            "operand": self.operand_format,
            "product": self.product_format,
            "accumulator": self.accumulator_format,
            "output": self.output_format,
        }
        if self.readouts is not None:
            formats["readout"] = self.readouts.format
        return {
            "spec": self.spec.to_dict(),
            "datapath": str(self.datapath),
            "formats": {
                name: {"width": f.width, "fraction": f.fraction, "signed": f.signed} for name, f in formats.items()
            }
            | {
                "coefficient": {
                    "width": self.increment.coefficient_bits,
                    "fraction": self.increment.fractions.tolist(),
                    "signed": True,
                },
                "states": [{"width": w, "fraction": self.state_format.fraction} for w in self.state_widths],
            },
            **self.increment.to_dict(),
            "error_feedback": self.error_feedback,
            "ranges": self.ranges.tolist(),
            "limit_set": self.limit_set.tolist(),
            "error_bound": self.error_bound.tolist(),
            "error_budget": self.budget.to_dict(),
            "noise": self.noise.tolist(),
            "multiplications_per_sample": self.multiplications_per_sample,
            "readouts": None if self.readouts is None else self.readouts.to_dict(),
        }
