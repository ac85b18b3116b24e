"""The cheapest design that meets a fidelity target: time-stepping method, datapath and word lengths."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lmu_hw.core.display import Displayed, number
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization, is_stable
from lmu_hw.core.system import energy_per_unit
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.fidelity import Band, BandAnalysis
from lmu_hw.fixed_point.plan import Datapath, MemoryPlan
from lmu_hw.fixed_point.planner import (
    MAX_INPUT_BITS,
    MAX_STATE_BITS,
    MIN_BITS,
    MemoryAnalysis,
    offered_datapaths,
)

if TYPE_CHECKING:
    from lmu_hw.core.figures import Plot

_WORTH_IT = 0.98  # share of a cheaper design's error from which on a design is worth its price
_STABLE = Discretization.ZOH  # at every step, so that the ideal memory can be specified with it
_LEAST_COEFFICIENT_BITS, _MOST_COEFFICIENT_BITS = 4, 26


@dataclass(frozen=True)
class Candidate:
    """A design that a search has weighed.

    Attributes:
        discretization: The time-stepping method.
        datapath: How the increments are computed.
        input_bits, state_bits, coefficient_bits: The widths of a sample, a state word and a coefficient.
        structured_error: By how much the structured datapath may deviate; None for the others.
        multiplications: The number of multiplications per sample.
        operand_bits: The width of the multiplier's other factor.
        storage_bits: The bits of the states' registers and of the coefficients' memory.
        nrmse: The predicted deviation of the decoded window, by method and noise together.
    """

    discretization: Discretization
    datapath: Datapath
    input_bits: int
    state_bits: int
    coefficient_bits: int
    multiplications: int
    operand_bits: int
    storage_bits: int
    nrmse: float
    structured_error: float | None = None

    @property
    def work(self) -> int:
        """The price: multiplications per sample × operand bits × coefficient bits."""
        return self.multiplications * self.operand_bits * self.coefficient_bits


@dataclass(frozen=True, repr=False)
class Search(Displayed):
    """The result of a search.

    Attributes:
        front: The designs that no other beats in both work and NRMSE, the cheapest first.
        by_datapath: The same within each method and datapath, for plots.
        left_out: Why methods and datapaths were left out, by name.
    """

    front: tuple[Candidate, ...]
    by_datapath: dict[tuple[Discretization, Datapath], tuple[Candidate, ...]]
    left_out: dict[str, str]

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield "designs on the front", str(len(self.front))
        if self.front:
            first, last = self.front[0], self.front[-1]
            yield "cheapest", f"NRMSE {number(first.nrmse)} at {number(first.work)} bit² per sample"
            yield "most accurate", f"NRMSE {number(last.nrmse)} at {number(last.work)} bit² per sample"

    def plot(self) -> Plot:
        """Draw the predicted deviation over the work per sample, a curve for each method and datapath."""
        from lmu_hw.core.figures import front_figure

        curves = {
            f"{method}, {datapath}": np.array([(each.work, each.nrmse) for each in group])
            for (method, datapath), group in self.by_datapath.items()
        }
        return front_figure(curves)

    def reaching(self, target: float) -> tuple[Candidate, ...]:
        """All designs of the front with a predicted NRMSE of at most `target`, the cheapest first."""
        return tuple(each for each in self.front if each.nrmse <= target)


def state_storage_bits(plan: MemoryPlan) -> int:
    """The bits of the registers of one memory: accumulators, state words and residues."""
    each = plan.state_format.width + plan.accumulator_format.width
    return plan.spec.order * (each + (plan.requantisation if plan.error_feedback else 0))


def search(
    spec: LMUSpec,
    band: Band,
    *,
    methods: Sequence[Discretization] | None = None,
    input_bits: int | None = None,
    structured_error: float = 1e-3,
    told: Callable[[str], None] = lambda _: None,
) -> Search:
    """Weigh every method, datapath and word length for an input in `band`.

    The reference is the ideal memory where methods compete, and the method's own exact arithmetic where there is
    only one, since then the method is given and only its quantisation is to be judged.

    Args:
        spec: The order, the window, the step and the basis; its own method plays no part.
        band: The band of the input.
        methods: The methods to weigh; all that are stable by default.
        input_bits: The width of a sample; by default as fine as the state words.
        structured_error: By how much a structured datapath may deviate, see `plan_memory`.
        told: A function that is given the name of each method and datapath when its turn comes.

    Raises:
        DesignError: the band is out of range, or no method can be planned at all.
    """
    wanted = tuple(Discretization) if methods is None else tuple(methods)
    own = len(wanted) == 1
    left_out: dict[str, str] = {}
    found: dict[tuple[Discretization, Datapath], tuple[Candidate, ...]] = {}
    reference = BandAnalysis(replace(spec, discretization=wanted[0] if own else _STABLE), band, own_method=own)
    for method in wanted:
        if not is_stable(spec.order, spec.h, method):
            left_out[method] = "unstable at this step"
            continue
        sampled = replace(spec, discretization=method)
        for datapath in _datapaths(sampled):
            told(f"{method} {datapath}")
            allowed = structured_error if "structured_error" in datapath.options else None
            try:
                weighed = list(_weigh(sampled, datapath, allowed, reference, input_bits))
            except DesignError as error:
                left_out[f"{method} {datapath}"] = str(error)
                continue
            if weighed:
                found[method, datapath] = pareto(weighed)
    if not found:
        raise DesignError("design", "one that some method can realise", "; ".join(map(": ".join, left_out.items())))
    return Search(pareto(each for group in found.values() for each in group), found, left_out)


def pareto(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The candidates that no other beats or nearly equals (2 %) in both work and NRMSE, the cheapest first."""
    front: list[Candidate] = []
    for each in sorted(candidates, key=lambda c: (c.work, c.nrmse, c.storage_bits)):
        if not front or each.nrmse < _WORTH_IT * front[-1].nrmse:
            front.append(each)
    return tuple(front)


def _datapaths(spec: LMUSpec) -> Iterator[Datapath]:
    """The datapaths worth weighing: the first that the method offers, and others from the order that makes them pay."""
    for k, datapath in enumerate(offered_datapaths(spec)):
        if k == 0 or (datapath.weighed_from is not None and spec.order >= datapath.weighed_from):
            yield datapath


def _weigh(
    spec: LMUSpec,
    datapath: Datapath,
    structured_error: float | None,
    reference: BandAnalysis,
    input_bits: int | None,
) -> Iterator[Candidate]:
    """The candidates of one method: every state width with the coefficient widths that go with it.

    The noise hardly depends on the coefficients, so one analysis with fine ones serves all widths.
    """
    unit = energy_per_unit(spec)
    errors: dict[int, float] = {}
    for bits in range(_LEAST_COEFFICIENT_BITS, _MOST_COEFFICIENT_BITS + 1):
        try:
            increment = datapath.increment(spec, bits, structured_error=structured_error)
            errors[bits] = reference.method_error(spec, increment)
        except DesignError:
            continue
    analysis = MemoryAnalysis(
        spec,
        datapath=datapath,
        coefficient_bits=_MOST_COEFFICIENT_BITS,
        structured_error=structured_error,
        certified=False,
    )
    for state_bits in range(MIN_BITS, MAX_STATE_BITS + 1):
        try:
            plan = analysis.plan(input_bits if input_bits is not None else MIN_BITS, state_bits)
            if input_bits is None:
                fine = min(max(plan.state_format.fraction + 1, MIN_BITS), MAX_INPUT_BITS)
                plan = analysis.plan(fine, state_bits)
        except DesignError:
            continue
        noise = reference.noise_error(plan.noise, unit)
        for bits, error in errors.items():
            yield Candidate(
                spec.discretization,
                datapath,
                plan.input_format.width,
                state_bits,
                bits,
                plan.multiplications_per_sample,
                plan.operand_format.width,
                _storage_bits(plan, bits),
                math.hypot(error, noise),
                structured_error,
            )


def _storage_bits(fine: MemoryPlan, coefficient_bits: int) -> int:
    """How many bits a plan with `coefficient_bits` stores, derived from the plan with the most coefficient bits.

    Its products are coarser, so its accumulators are shorter.
    """
    products = fine.product_format.fraction - (_MOST_COEFFICIENT_BITS - coefficient_bits)
    fraction = max(min(fine.accumulator_format.fraction, products), fine.state_format.fraction + 1)
    saved = (fine.accumulator_format.fraction - fraction) * (2 if fine.error_feedback else 1)
    return state_storage_bits(fine) - fine.spec.order * saved + fine.increment.multiplications * coefficient_bits
