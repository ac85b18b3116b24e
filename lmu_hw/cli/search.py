"""`lmu-hw quantize --target-nrmse`: the cheapest design for a fidelity, and the front of all that are worth it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from amaranth.hdl import Fragment

from lmu_hw.cli.excitation import record_length
from lmu_hw.cli.output import answer, facts, format_number, grid, progress, render_json, staged, written
from lmu_hw.cli.plots import front_plot
from lmu_hw.cli.quantize import Measurement, describe, measure, shown
from lmu_hw.core.steps import Discretization
from lmu_hw.design.memory import Design
from lmu_hw.errors import DesignError, check_positive
from lmu_hw.fixed_point.datapaths.structured.zoh import LEAST_ERROR
from lmu_hw.fixed_point.fidelity import Band, BandAnalysis
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.search import Candidate, Search, search
from lmu_hw.io.files import write_text
from lmu_hw.rtl.memory.build import build_memory

_MOST_TRIALS = 12
_SHOWN = 24


@dataclass(frozen=True)
class Wish:
    """What a search is to reach.

    Attributes:
        target: NRMSE of the decoded window.
        bandwidth: edge of the input's band, Hz; by default what the memory resolves.
        clock: of the hardware, Hz; without it one lane is enough.
    """

    target: float
    bandwidth: float | None
    clock: float | None


@dataclass(frozen=True)
class _Found:
    design: Design
    plan: MemoryPlan
    candidate: Candidate
    quantisation: Measurement
    fidelity: float


def run(design: Design, wish: Wish, out: Path | None, as_json: bool) -> None:
    """Search, verify by simulation, write and print; see `lmu_hw.cli.commands.quantize`."""
    check_positive("target-nrmse", wish.target)
    if wish.clock is not None:
        check_positive("clock", wish.clock, "Hz")
    spec = design.spec()
    band = Band(record_length(spec)[1] if wish.bandwidth is None else wish.bandwidth).check(spec)
    rules = None if design.discretization is None else [spec.discretization]
    with staged(out) as folder, progress() as bar:
        task = bar.add_task("weigh", total=None)
        result = search(
            spec,
            band,
            rules=rules,
            input_bits=design.input_bits,
            structured_error=design.structured_error or min(max(0.3 * wish.target, LEAST_ERROR), 1.0),
            told=lambda name: bar.update(task, description=f"weigh {name}"),
        )
        candidates = result.reaching(wish.target)
        if not candidates:
            raise _out_of_reach(wish.target, min(each.nrmse for each in result.front), rules)
        found = None
        for candidate in candidates[:_MOST_TRIALS]:
            bar.update(task, description=f"measure {candidate.discretization}, {candidate.state_bits} bits")
            trial = _try(design, candidate, band, own_rule=rules is not None)
            if max(trial.fidelity, trial.quantisation.nrmse) <= wish.target:
                found = trial
                break
        if found is None:
            raise _out_of_reach(wish.target, trial.fidelity, rules)
        found = replace(found, design=replace(found.design, lanes=_lanes(found, wish.clock)))
        described = {
            **describe(found.design, found.plan, found.quantisation),
            "target_nrmse": wish.target,
            "fidelity": {
                "reference": "ideal memory" if rules is None else f"{spec.discretization} in exact arithmetic",
                "bandwidth_hz": band.edge,
                "input_rms": band.rms,
                "predicted_nrmse": found.candidate.nrmse,
                "measured_nrmse": found.fidelity,
                "work": found.candidate.work,
            },
            "front": [_row(each) for each in result.front],
            "left_out": result.refused,
        }
        write_text(folder / "plan.json", render_json(described))
        write_text(folder / "front.csv", _csv(result))
        write_text(folder / "front.svg", front_plot(result, found.candidate, wish.target))
    tables = [*_shown(result, found, band, wish), *shown(found.plan, found.quantisation, described)]
    answer(described, [*tables, *written(out, ["plan.json", "front.csv", "front.svg"])], as_json=as_json)


def _try(design: Design, candidate: Candidate, band: Band, *, own_rule: bool) -> _Found:
    made = replace(
        design,
        discretization=str(candidate.discretization),
        datapath=str(candidate.datapath),
        input_bits=candidate.input_bits,
        state_bits=candidate.state_bits,
        coefficient_bits=candidate.coefficient_bits,
        structured_error=candidate.structured_error,
    )
    plan = made.plan()
    fidelity = BandAnalysis(plan.spec, band, own_rule=own_rule).measure(plan, design.seed)
    return _Found(made, plan, candidate, measure(plan, design.seed), fidelity)


def _lanes(found: _Found, clock: float | None) -> int:
    """The least number of lanes that takes a sample every dt."""
    if clock is None:
        return found.design.lanes
    order, cycles = found.plan.spec.order, clock * found.plan.spec.dt
    needed = 0.0
    for lanes in (n for n in range(1, order + 1) if order % n == 0):
        try:
            memory = build_memory(found.plan, **replace(found.design, lanes=lanes).hardware())
        except DesignError:
            continue
        Fragment.get(memory, None)  # only the schedule is wanted, but what is never elaborated draws a warning
        needed = memory.schedule.cycles_per_sample * found.design.channels
        if needed <= cycles:
            return lanes
    raise DesignError(
        "clock", f"at least {needed / found.plan.spec.dt:.4g} Hz with all lanes there can be", f"{clock:g}"
    )


def _out_of_reach(target: float, best: float, rules: list[Discretization] | None) -> DesignError:
    what = "any rule and width reaches" if rules is None else f"{rules[0]} reaches with any width"
    return DesignError("target-nrmse", f"at least {best:.3g}, the least that {what} in this band", f"{target:g}")


def _row(each: Candidate) -> dict[str, Any]:
    return {field.name: getattr(each, field.name) for field in fields(Candidate)} | {"work": each.work}


def _csv(result: Search) -> str:
    text = io.StringIO()
    rows = [_row(each) for each in result.front]
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _shown(result: Search, found: _Found, band: Band, wish: Wish) -> Iterator[Any]:
    front = list(result.front)
    at = front.index(found.candidate)
    step = max(1, -(-len(front) // _SHOWN))
    some = sorted({at, len(front) - 1, *range(0, len(front), step)})
    yield grid(
        f"Front for input up to {format_number(band.edge)} Hz"
        + ("" if len(some) == len(front) else f" ({len(some)} of {len(front)})"),
        ["", "rule", "datapath", "state", "operand × coefficient", "multiplications", "storage", "NRMSE"],
        [
            (
                "→" if k == at else "",
                str(each.discretization),
                str(each.datapath),
                str(each.state_bits),
                f"{each.operand_bits} × {each.coefficient_bits}",
                str(each.multiplications),
                str(each.storage_bits),
                format_number(each.nrmse),
            )
            for k, each in ((k, front[k]) for k in some)
        ],
        right=range(3, 8),
    )
    yield facts(
        "Cheapest design that reaches the target",
        [
            ("target", format_number(wish.target)),
            ("predicted, measured NRMSE", f"{format_number(found.candidate.nrmse)}, {format_number(found.fidelity)}"),
            ("lanes", str(found.design.lanes)),
            ("left out", "; ".join(f"{name}: {why}" for name, why in result.refused.items()) or "nothing"),
            ("to build it", f"lmu-hw verilog {found.design.flags()}"),
        ],
    )
