"""`lmu-hw train TASK`: the tasks of `lmu_hw.training.tasks.table`, each with one seed or several, its files and answer.

The options of a task come from the table. The packages that train are imported when a task is called.
"""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import click

from lmu_hw.cli.options import output_options, rate_option, spiking_network_options
from lmu_hw.cli.output import answer, facts, format_number, grid, staged, written
from lmu_hw.cli.parameters import FilePath, Number, OneOf, OrderedGroup, Whole, Wholes, Words, option
from lmu_hw.design.choices import DISCRETIZATIONS
from lmu_hw.design.files import with_step
from lmu_hw.design.spiking import NETWORK_CHOICES, SpikingChoice
from lmu_hw.errors import RequestError, check_integer
from lmu_hw.io.files import write_json, write_text
from lmu_hw.io.quantities import SECONDS, Unit
from lmu_hw.io.schema import schema_id
from lmu_hw.training.tasks.table import TASKS, Memory, Method, Schedule, Task

if TYPE_CHECKING:
    from lmu_hw.cli.train_spiking import SpikingTest
    from lmu_hw.training.tasks.base import Curve, Outcome


class TaskGroup(OrderedGroup):
    """The tasks of `lmu-hw train`."""

    what = "task"
    listing = "lmu-hw train --help"


@click.group(cls=TaskGroup, invoke_without_command=True, subcommand_metavar="TASK [OPTIONS]")
@click.pass_context
def train(ctx: click.Context) -> None:
    """Train networks: on a task of the literature, or on your own arrays.

    The epoch with the best score on a validation part is kept, and scored once on a test part that nothing was chosen
    by. Leaves network files, learning curves (.csv, .svg) and result.json in the folder of --out, and a checkpoint
    while it trains: the same command goes on where it was interrupted.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


# --- options


#: The kind of value on the command line for each type of a task's option.
_TYPES: Mapping[Any, click.ParamType[Any]] = MappingProxyType(
    {
        int: Whole(),
        Path: FilePath(),
        tuple[int, ...]: Wholes(),
        tuple[str, ...]: Words(),
        Method: OneOf(DISCRETIZATIONS),
        Memory: OneOf(get_args(Memory)),
        Schedule: OneOf(get_args(Schedule)),
    }
)

_UNITS: Mapping[str | None, Unit | None] = MappingProxyType({None: None, "s": SECONDS})

_RUN_OPTIONS = (
    option(
        "--seed", section="Training", type=Whole(), default=0, show_default=True, help="Seed of all that is random."
    ),
    option(
        "--seeds",
        section="Training",
        type=Whole(),
        default=1,
        show_default=True,
        metavar="N",
        help="Train N times, with this seed and the next ones, and show the spread; the best on validation is kept.",
    ),
    option(
        "--epochs",
        section="Training",
        type=Whole(),
        help="Passes over the training part; by default the number in the task's recipe.",
    ),
    option(
        "--spiking",
        "neurons",
        section="Spikes",
        type=Wholes(),
        metavar="N,N,...",
        help="Score the network in spikes too, on the same test part, with so many neurons for each state.",
    ),
    option(
        "--spiking-sequences",
        section="Spikes",
        type=Whole(),
        metavar="N",
        help="How many sequences of the test part run in spikes, the first ones; all by default.",
    ),
)

#: The options that are not part of the command that a network notes: they have no effect on it, or are noted already.
_NOT_NOTED = frozenset({"out", "as_json", "data", "seed", "seeds", "neurons", "spiking_sequences", *NETWORK_CHOICES})


@dataclass(frozen=True)
class Request:
    """The options that all tasks share.

    Attributes:
        seed: The first seed.
        seeds: The number of seeds.
        epochs: The number of passes over the training part; None for the number in the task's recipe.
        out: The folder for the files; None for no files.
        as_json: Whether to print one JSON object.
        command: The command as it was given.
        spiking: The measurement in spikes after the training; None for none.
    """

    seed: int
    seeds: int
    epochs: int | None
    out: Path | None
    as_json: bool
    command: str
    spiking: SpikingTest | None = None


def _add(task: type[Task]) -> None:
    """Make a task a subcommand of `train`."""

    def run(
        seed: int,
        seeds: int,
        epochs: int | None,
        neurons: tuple[int, ...] | None,
        spiking_sequences: int | None,
        spiking: SpikingChoice,
        out: Path | None,
        as_json: bool,
        **options: Any,
    ) -> None:
        test = _spiking_test(neurons, spiking, spiking_sequences)
        _carry_out(Request(seed, seeds, epochs, out, as_json, _command(), test), task(**_with_step(options)))

    run.__doc__ = task.__doc__
    subcommand: Any = spiking_network_options(output_options(run))
    types = get_type_hints(task)
    own = []
    for declared in fields(task):
        own.append(_option(declared, types[declared.name]))
        if declared.name == "dt":
            own.append(rate_option(declared.metadata["section"]))
    for declare in reversed([*own, *_RUN_OPTIONS]):
        subcommand = declare(subcommand)
    train.command(task.name)(subcommand)


def _option(declared: Field[Any], kind: Any) -> Callable[[Any], Any]:
    """The option for a field of a task; see `lmu_hw.training.tasks.table`."""
    told = declared.metadata
    flag = "--" + (told["flag"] or declared.name).replace("_", "-")
    settings: dict[str, Any] = {"help": told["help"], "metavar": told["metavar"]}
    if declared.default is MISSING:
        settings["required"] = True
    else:
        settings |= {"default": declared.default, "show_default": True}
    if kind is bool:
        return option(f"{flag}/--no-{flag[2:]}", declared.name, section=told["section"], **settings)
    if isinstance(kind, UnionType):  # or None
        kind = get_args(kind)[0]
    made = Number(_UNITS[told["unit"]]) if kind is float else _TYPES[kind]
    return option(flag, declared.name, section=told["section"], type=made, **settings)


for _task in TASKS.values():
    _add(_task)


def _with_step(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a task with the step that a rate gives, in place of its default."""
    if options.get("rate") is None:
        return {name: value for name, value in options.items() if name != "rate"}
    by_default = click.get_current_context().get_parameter_source("dt") is click.core.ParameterSource.DEFAULT
    return with_step({name: value for name, value in options.items() if name != "dt" or not by_default})


def _spiking_test(neurons: tuple[int, ...] | None, choice: SpikingChoice, sequences: int | None) -> SpikingTest | None:
    """The measurement in spikes after the training; wrong options are an error before it."""
    if neurons is None:
        choice.refuse("without --spiking")
        if sequences is not None:
            raise RequestError("--spiking-sequences has no effect without --spiking")
        return None
    from lmu_hw.cli.train_spiking import SpikingTest

    return SpikingTest(neurons, choice, sequences)


def _command() -> str:
    """The command as it was given, without the options of `_NOT_NOTED`."""
    context = click.get_current_context()
    words = [context.command_path]
    for parameter in context.command.params:
        name = parameter.name or ""
        if context.get_parameter_source(name) is not click.core.ParameterSource.COMMANDLINE or name in _NOT_NOTED:
            continue
        value = context.params[name]
        if isinstance(value, bool):
            words.append((parameter.opts if value else parameter.secondary_opts)[0])
        else:
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            words += [parameter.opts[0], shlex.quote(text)]
    return " ".join(words)


# --- the training, its files and its answer


def _carry_out(request: Request, task: Task) -> None:
    """Train once for each seed, write the files of the best on the validation part, and print the answer."""
    from lmu_hw.training.tasks.base import Run

    check_integer("seeds", request.seeds, 1)
    runs = [
        Run(seed, request.epochs, request.out, f"{request.command} --seed {seed}")
        for seed in range(request.seed, request.seed + request.seeds)
    ]
    with staged(request.out) as folder:
        trained_with = task.prepare()
        outcomes = [trained_with(run) for run in runs]
        best = _best(outcomes)
        result = _result(best, outcomes, request)
        if request.spiking is not None:
            result["spiking"] = request.spiking.run(best.trained.network, best.held_out, best.seed)
        files = _write(folder, best, result)
    answer(result, _shown(best, result, request.out, files), as_json=request.as_json)


def _best(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome whose network is best on the validation part, the first one of equals."""
    sign = -1.0 if outcomes[0].held_out.metric.higher_is_better else 1.0
    return min(outcomes, key=lambda outcome: sign * outcome.trained.validation)


def _result(best: Outcome, outcomes: Sequence[Outcome], request: Request) -> dict[str, Any]:
    """The answer as plain values, with the spread over the seeds where there are several."""
    import numpy as np

    several = f" --seeds {request.seeds}" if request.seeds > 1 else ""
    result = {
        "schema": schema_id("training"),
        **best.to_dict(),
        "command": f"{request.command} --seed {request.seed}{several}",
    }
    if len(outcomes) > 1:
        result["seeds"] = {}
        for name in best.models:
            trained = [outcome.models[name] for outcome in outcomes]
            values = [each.test for each in trained]
            result["seeds"][name] = {
                "seed": [outcome.seed for outcome in outcomes],
                "value": values,
                "validation": [each.validation for each in trained],
                "mean": float(np.mean(values)),
                "deviation": float(np.std(values, ddof=1)),
            }
    return result


def _write(folder: Path, best: Outcome, result: dict[str, Any]) -> list[str]:
    """Write the networks, the learning curves and the answer, and return the files' names."""
    from lmu_hw.io.splits import split_path, write_split
    from lmu_hw.networks.file import save_network

    curves = {name: trained.curve for name, trained in best.models.items() if trained.curve}
    paths = [
        save_network(folder / f"{best.task.replace('-', '_')}_{name}.npz", trained.network)
        for name, trained in best.models.items()
    ]
    if best.split is not None:
        paths += [write_split(split_path(path), best.split) for path in tuple(paths)]
    paths += [write_text(folder / f"curve_{name}.csv", _table(curve)) for name, curve in curves.items()]
    if curves:
        paths.append(write_text(folder / "curves.svg", _curves_plot(curves, best.metric)))
    paths.append(write_json(folder / "result.json", result))
    return [path.name for path in paths]


def _table(curve: Curve) -> str:
    """A learning curve as comma-separated values."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(curve[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(curve)
    return text.getvalue()


def _curves_plot(curves: Mapping[str, Curve], metric: str) -> str:
    """Plot the loss and the validation score after each epoch, for each model."""
    import matplotlib

    from lmu_hw.core.figures import FIXED, FLOAT, SPICE, STYLE, new_figure, styled, svg_of

    with matplotlib.rc_context(STYLE):
        figure, (left, right) = new_figure(1, 2, width=10.0, height=3.4)
        worst = 0.0
        for (name, curve), colour in styled(curves.items(), (FLOAT, FIXED, SPICE)):
            epochs = [row["epoch"] for row in curve]
            left.semilogy(epochs, [row["loss"] for row in curve], color=colour, label=name)
            shown = [1.0 - row[metric] if metric == "accuracy" else row[metric] for row in curve]
            right.plot(epochs, shown, color=colour, label=name)
            worst = max(worst, *shown)
        left.set(title="Training loss", xlabel="epoch", ylabel="loss")
        wrong = "share of errors" if metric == "accuracy" else metric
        right.set(title="Validation", xlabel="epoch", ylabel=wrong, yscale="log" if worst > 0.0 else "linear")
        right.legend(loc="upper right")
        return svg_of(figure)


def _shown(best: Outcome, result: dict[str, Any], out: Path | None, files: list[str]) -> Iterator[Any]:
    """The answer for people."""
    yield facts(
        "Train",
        [
            ("task", best.task),
            (best.metric, format_number(best.value)),
            ("on the validation part", format_number(best.trained.validation)),
            ("parameters", str(best.parameters)),
            ("seed", str(best.seed)),
            *_budget_rows(result.get("training")),
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
    if best.task in _DETAILS:
        yield _DETAILS[best.task](best.details)
    if "spiking" in result:
        from lmu_hw.cli.train_spiking import spiking_tables

        yield from spiking_tables(result["spiking"])
    yield from written(out, files)


def _budget_rows(training: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    """The rows on the budget of a training: its epochs, and whether its validation score reached a plateau."""
    if training is None:
        return
    epochs, since = f"{training['epochs']} of at most {training['most_epochs']}", training["epochs_without_gain"]
    yield (
        "epochs",
        f"{epochs}, of which {training['best_epoch']} make the network; {training['batch']} sequences a step",
    )
    told = f"reached: no better score for {since} epochs"
    if not training["plateau"]:
        told = f"NOT reached: the last gain was {since} epochs before the end; a larger --epochs may help"
    yield "plateau", told


def _capacity_table(details: Mapping[str, Any]) -> Any:
    import numpy as np

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
        rows.append((f"{details['lstm']['steps']} (LSTM)", *(format_number(e) for e in details["lstm"]["mse"]), "", ""))
    return grid("Mean square error", heads, rows)


def _window_table(details: Mapping[str, Any]) -> Any:
    return facts(
        "Window",
        [
            ("delay (s)", format_number(details["delay"])),
            ("θ at first (s)", format_number(details["theta_initial"])),
            ("θ learned (s)", f"{format_number(details['theta'])} ({details['theta_error']:+.2%})"),
            ("nrmse at dt/2", format_number(details["nrmse_at_half_dt"])),
            ("nrmse at 2 dt", format_number(details["nrmse_at_twice_dt"])),
        ],
    )


#: The table of what a task measures beside its score, for the tasks that have one.
_DETAILS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = MappingProxyType(
    {"capacity": _capacity_table, "delay": _window_table}
)
