"""How fast the integer model is, beside the float model in the same run: `python -m lmu_hw.experiments.speed`.

Both take the same batch of random sequences through the same memory, several times in turn; the best time of
each counts, as other work on the machine can only add to it. A state update is one state of one sequence in
one sample.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.errors import DesignError, check_integer
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.planner import MemoryAnalysis, default_coefficient_bits
from lmu_hw.reference.memory import FloatMemory


@dataclass(frozen=True)
class Speed:
    """State updates per second.

    Attributes:
        integer: of `IntegerMemory.run`, which keeps every word.
        integer_final: of `IntegerMemory.final`, which keeps the last ones.
        floating: of `FloatMemory.run`.
        workers: threads of the integer model; the float model has those of its linear algebra.
    """

    integer: float
    integer_final: float
    floating: float
    workers: int

    @property
    def ratio(self) -> float:
        """Integer model over float model, both keeping every state."""
        return self.integer / self.floating


def measure_speed(
    plan: MemoryPlan, *, batch: int = 100, samples: int = 100, workers: int = 2, repeats: int = 5, seed: int = 0
) -> Speed:
    """Time both models of `plan` on `batch` random sequences of `samples` samples each.

    Args:
        plan: of the memory.
        batch: sequences side by side.
        samples: length of each.
        workers: threads of the integer model.
        repeats: times that each is measured; the best counts.
        seed: of the sequences.

    Raises:
        DesignError: a count is not a positive integer.
    """
    for what, count in (("batch", batch), ("samples", samples), ("workers", workers), ("repeats", repeats)):
        check_integer(what, count, 1)
    form = plan.input_format
    codes = np.random.default_rng(seed).integers(form.low, form.high + 1, (batch, samples))
    inputs, model = form.decode(codes), IntegerMemory(plan)
    tasks: list[Callable[[], object]] = [
        lambda: model.run(codes, workers=workers),
        lambda: model.final(codes, workers=workers),
        lambda: FloatMemory(plan.spec).run(inputs),
    ]
    best = [float("inf")] * len(tasks)
    for _ in range(repeats):
        for k, task in enumerate(tasks):
            start = time.perf_counter()
            task()
            best[k] = min(best[k], time.perf_counter() - start)
    updates = plan.spec.order * batch * samples
    integer, integer_final, floating = (updates / seconds for seconds in best)
    return Speed(integer, integer_final, floating, workers)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--order", type=int, default=256)
    parser.add_argument("--ratio", type=float, default=20_000.0, help="theta/dt")
    parser.add_argument("--discretization", choices=[str(rule) for rule in Discretization], default="ab2")
    parser.add_argument("--state-bits", type=int, default=16)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    try:
        spec = LMUSpec(options.order, options.ratio, 1.0, options.discretization)
        # Formats do for a timing; to prove its bounds would take minutes at this order.
        analysis = MemoryAnalysis(spec, coefficient_bits=default_coefficient_bits(options.state_bits), certified=False)
        plan = analysis.plan(12, options.state_bits)
        speed = measure_speed(
            plan,
            batch=options.batch,
            samples=options.samples,
            workers=options.workers,
            repeats=options.repeats,
            seed=options.seed,
        )
    except DesignError as error:
        print(error, file=sys.stderr)
        return 2
    said = {"spec": spec.to_dict(), "datapath": str(plan.datapath), "batch": options.batch, "samples": options.samples}
    print(json.dumps(said | vars(speed) | {"ratio": speed.ratio}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
