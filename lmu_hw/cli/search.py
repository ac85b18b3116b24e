"""`lmu-hw quantize --target-nrmse`: the cheapest design for a fidelity, and the Pareto front of all designs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from lmu_hw.cli.output import answer, csv_text, facts, format_number, grid, progress, render_json, staged, written
from lmu_hw.cli.plots import front_plot
from lmu_hw.cli.quantize import Measurement, describe, measure, schedule_of, shown
from lmu_hw.cli.recording import record_length
from lmu_hw.core.steps import Discretization
from lmu_hw.design.memory import Design
from lmu_hw.design.requests import SearchRequest
from lmu_hw.design.usage import SEARCHED, effective_flags
from lmu_hw.errors import DesignError, check_positive
from lmu_hw.fixed_point.datapaths.structured.zoh import LEAST_ERROR
from lmu_hw.fixed_point.fidelity import Band, BandAnalysis
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.search import Candidate, Search, search
from lmu_hw.io.files import write_text
from lmu_hw.io.schema import schema_id

_MOST_TRIALS = 12
_SHOWN = 24


@dataclass(frozen=True)
class _Found:
    """A design that was found, with its plan, the error of its quantisation and that of its decoded window."""

    design: Design
    plan: MemoryPlan
    candidate: Candidate
    quantisation: Measurement
    fidelity: float


def run(design: Design, request: SearchRequest, out: Path | None, as_json: bool) -> None:
    """Search, verify by simulation, write and print; see `lmu_hw.cli.commands.quantize`.

    Raises:
        DesignError: A number is out of range, a flag gives what is searched, or no design reaches the target or the
            clock.
    """
    target = request.target_nrmse or 0.0
    check_positive("target-nrmse", target)
    replaced = {name: value for name in SEARCHED if (value := getattr(design, name)) is not None}
    cleared: dict[str, Any] = dict.fromkeys(replaced)
    design = replace(design, **cleared)
    if design.clock is not None:
        check_positive("clock", design.clock, "Hz")
    spec = design.spec()
    band = Band(record_length(spec)[1] if request.bandwidth is None else request.bandwidth).check(spec)
    methods = None if design.discretization is None else [spec.discretization]
    with staged(out) as folder, progress() as bar:
        task = bar.add_task("weigh", total=None)
        result = search(
            spec,
            band,
            methods=methods,
            input_bits=design.input_bits,
            structured_error=min(max(0.3 * target, LEAST_ERROR), 1.0),  # leaves most of the target to rounding
            told=lambda name: bar.update(task, description=f"weigh {name}"),
        )
        found = _first_that_holds(
            design, result, band, target, methods, lambda what: bar.update(task, description=f"measure {what}")
        )
        found = replace(found, design=replace(found.design, lanes=_lanes(found, design.clock)))
        described = {
            **describe(found.design, found.plan, found.quantisation),
            "schema": schema_id("memory-search"),
            "target_nrmse": target,
            "fidelity": {
                "reference": "ideal memory" if methods is None else f"{spec.discretization} in exact arithmetic",
                "bandwidth_hz": band.edge,
                "input_rms": band.rms,
                "predicted_nrmse": found.candidate.nrmse,
                "measured_nrmse": found.fidelity,
                "work": found.candidate.work,
            },
            "front": [_row(each) for each in result.front],
            "left_out": result.left_out,
            "replaced": replaced,
        }
        write_text(folder / "plan.json", render_json(described))
        write_text(folder / "front.csv", csv_text(described["front"]))
        write_text(folder / "front.svg", front_plot(result, found.candidate, target))
    tables = [*_shown(result, found, band, target, replaced), *shown(found.plan, found.quantisation, described)]
    answer(described, [*tables, *written(out, ["plan.json", "front.csv", "front.svg"])], as_json=as_json)


def _first_that_holds(
    design: Design,
    result: Search,
    band: Band,
    target: float,
    methods: list[Discretization] | None,
    told: Callable[[str], None],
) -> _Found:
    """The cheapest candidate that reaches the target not only as predicted but also in simulation.

    Raises:
        DesignError: No candidate does.
    """
    best = min(each.nrmse for each in result.front)
    for candidate in result.reaching(target)[:_MOST_TRIALS]:
        told(f"{candidate.discretization}, {candidate.state_bits} bits")
        trial = _try(design, candidate, band, own_method=methods is not None)
        best = trial.fidelity
        if max(trial.fidelity, trial.quantisation.nrmse) <= target:
            return trial
    what = "any method and width reaches" if methods is None else f"{methods[0]} reaches with any width"
    raise DesignError("target-nrmse", f"at least {best:.3g}, the least that {what} in this band", f"{target:g}")


def _try(design: Design, candidate: Candidate, band: Band, *, own_method: bool) -> _Found:
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
    fidelity = BandAnalysis(plan.spec, band, own_method=own_method).measure(plan, design.seed)
    return _Found(made, plan, candidate, measure(plan, design.seed), fidelity)


def _lanes(found: _Found, clock: float | None) -> int:
    """The least number of lanes that takes a sample in every dt."""
    if clock is None:
        return found.design.lanes
    order, cycles = found.plan.spec.order, clock * found.plan.spec.dt
    needed = 0.0
    for lanes in (n for n in range(1, order + 1) if order % n == 0):
        try:
            schedule = schedule_of(found.plan, replace(found.design, lanes=lanes))
        except DesignError:
            continue
        needed = schedule.cycles_per_sample * found.design.channels
        if needed <= cycles:
            return lanes
    raise DesignError(
        "clock", f"at least {needed / found.plan.spec.dt:.4g} Hz with all lanes there can be", f"{clock:g}"
    )


def _row(each: Candidate) -> dict[str, Any]:
    return {field.name: getattr(each, field.name) for field in fields(Candidate)} | {"work": each.work}


def _shown(result: Search, found: _Found, band: Band, target: float, replaced: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the table of the front, and that of the design that was found."""
    front = list(result.front)
    at = front.index(found.candidate)
    step = max(1, -(-len(front) // _SHOWN))
    some = sorted({at, len(front) - 1, *range(0, len(front), step)})
    yield grid(
        f"Front for input up to {format_number(band.edge)} Hz"
        + ("" if len(some) == len(front) else f" ({len(some)} of {len(front)})"),
        ["", "method", "datapath", "state", "operand × coefficient", "multiplications", "storage", "NRMSE"],
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
            ("target", format_number(target)),
            ("predicted, measured NRMSE", f"{format_number(found.candidate.nrmse)}, {format_number(found.fidelity)}"),
            ("lanes", str(found.design.lanes)),
            ("left out", "; ".join(f"{name}: {why}" for name, why in result.left_out.items()) or "nothing"),
            *[(f"in place of {name}", f"{value}, of the design file") for name, value in replaced.items()],
            ("to build it", f"lmu-hw verilog {effective_flags('verilog', found.design)}"),
        ],
    )
