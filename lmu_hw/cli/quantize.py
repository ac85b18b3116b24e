"""`lmu-hw quantize`: formats, ranges, the error's bound and its measurement, cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Fragment

from lmu_hw.cli.excitation import noise_record, record_length
from lmu_hw.cli.output import answer, facts, format_number, grid, progress, render_json, staged, written
from lmu_hw.core.legendre import Array
from lmu_hw.design.memory import Design
from lmu_hw.fixed_point.formats import Overflow
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.search import state_storage_bits
from lmu_hw.io.files import write_text
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.rtl.memory.build import build_memory

_CHUNK = 1000
_SHOWN_STATES = 12

Advance = Callable[[float], None]


@dataclass(frozen=True)
class Measurement:
    """Integer model against float reference on one record.

    Attributes:
        samples: length of the record.
        band_hz: where its spectrum ends.
        nrmse: root mean square of the deviation over that of the states, all states together.
        max_error: largest |fixed − float| of each state, shape (order,).
    """

    samples: int
    band_hz: float
    nrmse: float
    max_error: Array


def run(design: Design, out: Path | None, as_json: bool) -> None:
    """Plan, measure, write and print; see `lmu_hw.cli.commands.quantize`."""
    with staged(out) as folder, progress() as bar:
        task = bar.add_task("plan", total=None)
        plan = design.plan()
        bar.update(task, description="measure", total=record_length(plan.spec)[0])
        measured = measure(plan, design.seed, lambda n: bar.update(task, advance=n))
        result = describe(design, plan, measured)
        write_text(folder / "plan.json", render_json(result))
    answer(result, [*shown(plan, measured, result), *written(out, ["plan.json"])], as_json=as_json)


def measure(plan: MemoryPlan, seed: int, advance: Advance = lambda _: None) -> Measurement:
    """Run the integer model and the float reference over seeded band-limited noise and compare them.

    Args:
        plan: the memory.
        seed: of the noise.
        advance: told the number of samples done, now and then.
    """
    samples, band = record_length(plan.spec)
    u = noise_record(plan.spec, seed)
    codes = plan.input_format.encode(u, overflow=Overflow.SATURATE)
    model, reference = IntegerMemory(plan), FloatMemory(plan.spec)
    state = model.zero_state()
    error, power, largest = 0.0, 0.0, np.zeros(plan.spec.order)
    for start in range(0, samples, _CHUNK):
        part = slice(start, start + _CHUNK)
        exact = reference.run(u[part])
        deviation = np.abs(model.decode(model.run(codes[None, part], state))[0] - exact)
        error += float(np.sum(deviation**2))
        power += float(np.sum(exact**2))
        largest = np.maximum(largest, deviation.max(axis=0))
        advance(exact.shape[0])
    return Measurement(samples, band, math.sqrt(error / power), largest)


def describe(design: Design, plan: MemoryPlan, measured: Measurement) -> dict[str, Any]:
    """Plan, cost and measurement as plain values."""
    share = measured.max_error / plan.error_bound
    worst = int(np.argmax(share))
    memory = build_memory(plan, **design.hardware())
    Fragment.get(memory, None)  # only the schedule is wanted, but what is never elaborated draws a warning
    widths = {"input_bits": plan.input_format.width, "state_bits": plan.state_format.width}
    return {
        "design": {**design.to_dict(), **widths, "coefficient_bits": plan.increment.coefficient_bits},
        **plan.to_dict(),
        "cost": {
            "lanes": design.lanes,
            "multiplier_bits": [plan.operand_format.width, plan.increment.coefficient_bits],
            "cycles_per_sample": memory.schedule.cycles_per_sample,
            "latency_cycles": memory.schedule.first_beat,
            "state_storage_bits": design.channels * state_storage_bits(plan),
            "coefficient_storage_bits": plan.increment.multiplications * plan.increment.coefficient_bits,
        },
        "nrmse": measured.nrmse,
        "measured": {
            "input": "band-limited noise",
            "seed": design.seed,
            "samples": measured.samples,
            "band_hz": measured.band_hz,
            "max_error": measured.max_error,
            "worst_state": worst,
            "bound_over_max_error": float(1.0 / share[worst]) if share[worst] > 0.0 else None,
            "largest_bound_over_max_error": float(1.0 / share.min()) if share.min() > 0.0 else None,
        },
    }


def shown(plan: MemoryPlan, measured: Measurement, result: dict[str, Any]) -> Iterator[Any]:
    """Tables of a plan and of its states."""
    cost, worst = result["cost"], result["measured"]["worst_state"]
    ratio = result["measured"]["bound_over_max_error"]
    largest = result["measured"]["largest_bound_over_max_error"]
    yield facts(
        "Fixed-point plan",
        [
            ("memory", plan.spec.summary()),
            ("datapath", f"{plan.datapath}, {'with' if plan.error_feedback else 'without'} error feedback"),
            ("input", str(plan.input_format)),
            ("state", str(plan.state_format)),
            ("accumulator", str(plan.accumulator_format)),
            ("multiplier", "{} × {} bits".format(*cost["multiplier_bits"])),
            ("multiplications per sample", str(plan.multiplications_per_sample)),
            ("cycles per sample", f"{cost['cycles_per_sample']} with {cost['lanes']} lane(s)"),
            (
                "storage",
                f"{cost['state_storage_bits']} bits of state, {cost['coefficient_storage_bits']} of coefficients",
            ),
            (
                "measured NRMSE",
                f"{format_number(measured.nrmse)} on {measured.samples} samples of noise to {measured.band_hz:.4g} Hz",
            ),
            ("after zero input", f"no state word settles beyond ±{plan.limit_set.max()} codes"),
            ("bound / measured", "–" if ratio is None else f"{format_number(ratio)} in state {worst}"),
            ("", "–" if largest is None else f"{format_number(largest)} in the state that stays farthest below it"),
        ],
    )
    order = plan.spec.order
    some = sorted({*range(min(order, _SHOWN_STATES - 2)), worst, order - 1})
    yield grid(
        "States" + ("" if len(some) == order else f" (some of {order})"),
        ["state", "bits", "range", "error bound", "measured maximum", "predicted noise"],
        [
            (
                str(i),
                str(plan.state_widths[i]),
                format_number(plan.ranges[i]),
                format_number(plan.error_bound[i]),
                format_number(measured.max_error[i]),
                format_number(plan.noise[i]),
            )
            for i in some
        ],
    )
