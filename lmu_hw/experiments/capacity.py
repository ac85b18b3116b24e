"""The capacity task in fixed point: five delays read from one integer memory, nothing of it trained.

    python -m lmu_hw.experiments.capacity --steps 100000

The task is that of `lmu_hw.training.tasks.capacity` (Voelker, Kajić and Eliasmith, NeurIPS 2019, section 4.1).
The memory takes the input at a quarter of its size, so that its peaks stay in range, and the integer readouts
are Legendre polynomials at the delays: bit for bit what the hardware gives out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click
import numpy as np

from lmu_hw.cli.output import answer, facts, format_number, grid
from lmu_hw.core.legendre import Array
from lmu_hw.experiments.start import command
from lmu_hw.fixed_point.formats import Overflow
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.training.tasks.capacity import (
    FRACTIONS,
    HELD_OUT_WINDOWS,
    ORDER,
    WASHOUT,
    CapacityTask,
    delay_fractions,
)

SCALE = 0.25
_CHUNK = 4096


@dataclass(frozen=True)
class FixedCapacity:
    """What an integer memory remembers.

    Attributes:
        plan: the memory.
        errors: mean square error at each delay, input units, shape (5,).
        clipped: samples beyond full scale that the converter saturated.
    """

    plan: MemoryPlan
    errors: Array
    clipped: int


def measure(
    steps: int,
    *,
    order: int = ORDER,
    discretization: str = "ab2",
    input_bits: int = 13,
    state_bits: int = 16,
    coefficient_bits: int = 18,
    output_bits: int = 26,
    seed: int = 0,
) -> FixedCapacity:
    """Run the task in integers on the held-out signal; see the module's text.

    Args:
        steps: T, steps in the window, a multiple of 4.
        order, discretization: of the memory.
        input_bits, state_bits, coefficient_bits, output_bits: word lengths, see `plan_memory`.
        seed: of the signal.
    """
    task = CapacityTask(steps)
    spec = task.spec(order, discretization)
    plan = plan_memory(
        spec,
        input_bits=input_bits,
        state_bits=state_bits,
        coefficient_bits=coefficient_bits,
        output_bits=output_bits,
        delays=delay_fractions(spec, task.delays),
    )
    signal = task.signal(WASHOUT + HELD_OUT_WINDOWS, 3 * seed + 2)
    codes = plan.input_format.encode(SCALE * signal, overflow=Overflow.SATURATE)
    model, targets = IntegerMemory(plan), task.targets(signal)
    state, total, first = model.zero_state(), np.zeros(len(FRACTIONS)), WASHOUT * steps
    for start in range(0, signal.size, _CHUNK):
        words = model.run(codes[None, start : start + _CHUNK], state)[0][max(0, first - start) :]
        if plan.readouts is None or not len(words):
            continue
        at = max(start, first)
        heard = plan.readouts.format.decode(model.readouts(words)) / SCALE
        total += np.sum((heard - targets[at - steps : at - steps + len(words)]) ** 2, axis=0)
    clipped = int(np.count_nonzero(np.abs(SCALE * signal) >= 1.0))
    return FixedCapacity(plan, total / (signal.size - first), clipped)


@click.command(context_settings={"show_default": True})
@click.option("--steps", default=100_000, help="Steps in the window.")
@click.option("--discretization", default="ab2", help="Time-stepping rule.")
@click.option("--state-bits", default=16, help="Width of the words that feed the multipliers.")
@click.option("--seed", default=0, help="Of the signal.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(steps: int, discretization: str, state_bits: int, seed: int, as_json: bool) -> None:
    """Print the mean square errors of the capacity task in fixed point."""
    found = measure(steps, discretization=discretization, state_bits=state_bits, seed=seed)
    plan = found.plan
    result: dict[str, Any] = {
        "task": "capacity",
        "steps": steps,
        "order": plan.spec.order,
        "multiplications_per_sample": plan.multiplications_per_sample,
        "multiplier_bits": [plan.operand_format.width, plan.increment.coefficient_bits],
        "delays": list(FRACTIONS),
        "mean_square_errors": found.errors,
        "clipped": found.clipped,
    }
    tables = [
        facts(
            "Capacity in fixed point",
            [
                ("memory", plan.spec.summary()),
                ("multiplications per sample", f"{plan.multiplications_per_sample}"),
                ("multiplier", f"{plan.operand_format.width} × {plan.increment.coefficient_bits} bits"),
                ("samples beyond full scale", str(found.clipped)),
            ],
        ),
        grid(
            "Mean square error",
            ["delay / T", "MSE"],
            [(f"{f:g}", format_number(float(e))) for f, e in zip(FRACTIONS, found.errors, strict=True)],
        ),
    ]
    answer(result, tables, as_json=as_json)


if __name__ == "__main__":
    command(main)
