"""`lmu-hw train`: a task with one seed or several, its files and its answer."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.cli.output import answer, facts, format_number, grid, staged, written
from lmu_hw.cli.train_spiking import SpikingTest, spiking_tables
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.errors import check_integer
from lmu_hw.io.files import write_json, write_text
from lmu_hw.networks.file import save_network
from lmu_hw.training.tasks.base import Curve, Outcome, Run


@dataclass(frozen=True)
class Request:
    """What every task is asked.

    Attributes:
        seed: the first one.
        seeds: how many.
        epochs: None for the task's own number.
        out: folder for the files.
        as_json: print one JSON object.
        command: as it was given.
        spiking: what is measured in spikes after training; None for nothing.
    """

    seed: int
    seeds: int
    epochs: int | None
    out: Path | None
    as_json: bool
    command: str
    spiking: SpikingTest | None = None


def capacity(request: Request, steps: tuple[int, ...], order: int, discretization: str, lstm_steps: int) -> None:
    """See `lmu_hw.cli.train_commands.capacity`."""
    from lmu_hw.training.tasks.capacity import train_capacity

    work = partial(train_capacity, steps=steps, order=order, discretization=discretization, lstm_steps=lstm_steps)
    _carry_out(request, work)


def mackey_glass(request: Request, models: tuple[str, ...]) -> None:
    """See `lmu_hw.cli.train_commands.mackey_glass`."""
    from lmu_hw.training.tasks.mackey_glass import check_models, load_mackey_glass, train_mackey_glass

    check_models(models)
    data = load_mackey_glass()
    _carry_out(request, partial(train_mackey_glass, data, models=models))


def psmnist(request: Request, memory: str, data: Path | None, deform: bool) -> None:
    """See `lmu_hw.cli.train_commands.psmnist`."""
    from lmu_hw.training.tasks.mnist import load_mnist
    from lmu_hw.training.tasks.psmnist import train_psmnist

    _carry_out(request, partial(train_psmnist, load_mnist(data), memory=memory, deform=deform))


def digits(request: Request, memory: str) -> None:
    """See `lmu_hw.cli.train_commands.digits`."""
    from lmu_hw.training.tasks.digits import train_digits

    _carry_out(request, partial(train_digits, memory=memory))


def delay(request: Request, seconds: float, order: int) -> None:
    """See `lmu_hw.cli.train_commands.delay`."""
    from lmu_hw.training.tasks.delay import train_delay

    _carry_out(request, partial(train_delay, delay=seconds, order=order))


def arrays(
    request: Request,
    source: Path,
    target: Path,
    order: int,
    theta: float | None,
    dt: float,
    discretization: str,
    memory: str,
    hidden: int,
) -> None:
    """See `lmu_hw.cli.train_commands.arrays`."""
    from lmu_hw.training.tasks.arrays import OwnModel, read_arrays, train_arrays

    data = read_arrays(source, target)
    spec = LMUSpec(order, dt * data.x.shape[1] if theta is None else theta, dt, Discretization(discretization))
    _carry_out(request, partial(train_arrays, data, OwnModel(spec, hidden, memory)))


def _carry_out(request: Request, work: Callable[[Run], Outcome]) -> None:
    """Do `work` once per seed, write the files of the best on validation, and print."""
    check_integer("seeds", request.seeds, 1)
    with staged(request.out) as folder:
        outcomes = [
            work(Run(seed, request.epochs, request.out, f"{request.command} --seed {seed}"))
            for seed in range(request.seed, request.seed + request.seeds)
        ]
        best = _best(outcomes)
        result = _result(best, outcomes, request)
        if request.spiking is not None:
            result["spiking"] = request.spiking.run(best.trained.network, best.held_out, best.seed)
        files = _write(folder, best, result)
    answer(result, _shown(best, result, request.out, files), as_json=request.as_json)


def _best(outcomes: Sequence[Outcome]) -> Outcome:
    """The one whose model is best on the validation part, the first one of equals."""
    sign = -1.0 if outcomes[0].metric == "accuracy" else 1.0
    return min(outcomes, key=lambda outcome: sign * outcome.trained.validation)


def _result(best: Outcome, outcomes: Sequence[Outcome], request: Request) -> dict[str, Any]:
    several = f" --seeds {request.seeds}" if request.seeds > 1 else ""
    result = {**best.to_dict(), "command": f"{request.command} --seed {request.seed}{several}"}
    if len(outcomes) > 1:
        result["seeds"] = {
            name: {
                "seed": [outcome.seed for outcome in outcomes],
                "value": [outcome.models[name].test for outcome in outcomes],
                "validation": [outcome.models[name].validation for outcome in outcomes],
                "mean": float(np.mean([outcome.models[name].test for outcome in outcomes])),
                "deviation": float(np.std([outcome.models[name].test for outcome in outcomes], ddof=1)),
            }
            for name in best.models
        }
    return result


def _write(folder: Path, best: Outcome, result: dict[str, Any]) -> list[str]:
    names = []
    curves = {name: trained.curve for name, trained in best.models.items() if trained.curve}
    for name, trained in best.models.items():
        names.append(save_network(folder / f"{best.task.replace('-', '_')}_{name}.npz", trained.network).name)
    for name, curve in curves.items():
        names.append(write_text(folder / f"curve_{name}.csv", _table(curve)).name)
    if curves:
        from lmu_hw.cli.train_plot import curves_plot

        names.append(write_text(folder / "curves.svg", curves_plot(curves, best.metric)).name)
    names.append(write_json(folder / "result.json", result).name)
    return names


def _table(curve: Curve) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(curve[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(curve)
    return text.getvalue()


def _shown(best: Outcome, result: dict[str, Any], out: Path | None, files: list[str]) -> Iterator[Any]:
    yield facts(
        "Train",
        [
            ("task", best.task),
            (best.metric, format_number(best.value)),
            ("on the validation part", format_number(best.trained.validation)),
            ("parameters", str(best.parameters)),
            ("seed", str(best.seed)),
        ],
    )
    seeds = result.get("seeds")
    if len(best.models) > 1 or seeds:
        heads = ["model", "parameters", best.metric, "validation"]
        rows = [
            [name, str(t.network.parameters), format_number(t.test), format_number(t.validation)]
            for name, t in best.models.items()
        ]
        if seeds:
            heads += ["mean of seeds", "deviation"]
            for row in rows:
                row += [format_number(seeds[row[0]]["mean"]), format_number(seeds[row[0]]["deviation"])]
        yield grid("Models", heads, rows)
    yield from _details(best)
    if "spiking" in result:
        yield from spiking_tables(result["spiking"])
    yield from written(out, files)


def _details(best: Outcome) -> Iterator[Any]:
    """What a task has to tell beside its score."""
    details = best.details
    if best.task == "capacity":
        heads = ["steps", *(f"{f:g} θ ago" for f in details["delays"]), "no data, worst", "other dt, worst"]
        rows = [
            (
                str(row["steps"]),
                *(format_number(e) for e in row["mse"]),
                format_number(max(row["mse_legendre"])),
                format_number(max(float(np.max(e)) for e in row["mse_at_other_dt"].values())),
            )
            for row in details["windows"]
        ]
        if "lstm" in details:
            rows.append(
                (f"{details['lstm']['steps']} (LSTM)", *(format_number(e) for e in details["lstm"]["mse"]), "", "")
            )
        yield grid("Mean square error", heads, rows)
    elif best.task == "delay":
        yield facts(
            "Window",
            [
                ("delay (s)", format_number(details["delay"])),
                ("θ at first (s)", format_number(details["theta_initial"])),
                ("θ learned (s)", f"{format_number(details['theta'])} ({details['theta_error']:+.2%})"),
                ("nrmse at dt/2", format_number(details["nrmse_at_half_dt"])),
                ("nrmse at 2 dt", format_number(details["nrmse_at_twice_dt"])),
            ],
        )
