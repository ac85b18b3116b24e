"""`lmu-hw train TASK`: the tasks and their options. The work is in `lmu_hw.cli.train`, imported when it is called."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lmu_hw.cli.options import output_options, spiking_network_options
from lmu_hw.cli.parameters import Number, OneOf, OrderedGroup, Whole, Wholes, Words, option
from lmu_hw.design.choices import DISCRETIZATIONS
from lmu_hw.design.spiking import NETWORK_CHOICES, SpikingChoice
from lmu_hw.errors import DesignError

if TYPE_CHECKING:
    from lmu_hw.cli.train import Request
    from lmu_hw.cli.train_spiking import SpikingTest

_MEMORIES = ("linear", "recurrent")
_MODELS = ("lmu", "hybrid", "lstm")
#: Of no effect on a network, or noted on their own.
_UNSAID = frozenset({"out", "as_json", "data", "seed", "seeds", "neurons", "spiking_sequences", *NETWORK_CHOICES})


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


_RUN_OPTIONS = (
    option("--seed", section="Training", type=Whole(), default=0, help="Seed of all that is random; 0 by default."),
    option(
        "--seeds",
        section="Training",
        type=Whole(),
        default=1,
        metavar="N",
        help="Train N times, with this seed and the next ones, and tell the spread; the best on validation is kept.",
    ),
    option("--epochs", section="Training", type=Whole(), help="Passes over the training part; the task's own number."),
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


def _run_options(task: Callable[..., Any]) -> Callable[..., Any]:
    """Give a task the options of every training, received as `request`."""

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
    ) -> Any:
        from lmu_hw.cli.train import Request

        asked = _spiking_test(neurons, spiking, spiking_sequences)
        return task(request=Request(seed, seeds, epochs, out, as_json, _command(), asked), **options)

    run.__name__, run.__doc__ = task.__name__, task.__doc__
    declared: Any = spiking_network_options(output_options(run))
    for declare in reversed(_RUN_OPTIONS):
        declared = declare(declared)
    # click keeps declared options in this attribute, the last one first: those of the task itself come on top.
    declared.__click_params__ += getattr(task, "__click_params__", [])
    subcommand: Callable[..., Any] = declared
    return subcommand


def _spiking_test(neurons: tuple[int, ...] | None, choice: SpikingChoice, sequences: int | None) -> SpikingTest | None:
    """What is to be measured in spikes after training; refused before it."""
    if neurons is None:
        choice.refuse("given with --spiking")
        if sequences is not None:
            raise DesignError("spiking-sequences", "given with --spiking", sequences)
        return None
    from lmu_hw.cli.train_spiking import SpikingTest

    return SpikingTest(neurons, choice, sequences)


def _command() -> str:
    """The command as it was given, less what has no effect on the networks."""
    context = click.get_current_context()
    words = [context.command_path]
    for parameter in context.command.params:
        name = parameter.name or ""
        if context.get_parameter_source(name) is not click.core.ParameterSource.COMMANDLINE or name in _UNSAID:
            continue
        value = context.params[name]
        if isinstance(value, bool):
            words.append((parameter.opts if value else parameter.secondary_opts)[0])
        else:
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            words += [parameter.opts[0], shlex.quote(text)]
    return " ".join(words)


@train.command()
@_run_options
@option(
    "--steps",
    section="Task",
    type=Wholes(),
    default=(100, 1000, 10_000, 100_000),
    metavar="T,T,...",
    help="Steps in the window, multiples of 4; 100,1000,10000,100000 by default.",
)
@option("--order", section="Task", type=Whole(), default=100, help="States of the memory; 100 by default.")
@option(
    "--discretization",
    section="Task",
    type=OneOf(DISCRETIZATIONS),
    default="zoh",
    help="Time-stepping rule; zoh by default.",
)
@option(
    "--lstm-steps",
    section="Task",
    type=Whole(),
    default=100,
    metavar="T",
    help="Window of an LSTM with as many units, for comparison; 100 by default, 0 for none.",
)
def capacity(request: Request, steps: tuple[int, ...], order: int, discretization: str, lstm_steps: int) -> None:
    """Remember noise for up to 100 000 steps.

    The input 0, T/4, T/2, 3T/4 and T steps ago is read from the states of one memory, which is not trained; 10 Hz
    noise, a window of 1 s, mean square errors. Shown too: readouts that take no data, other steps dt without a new
    readout, and an LSTM.
    """
    from lmu_hw.cli import train as subcommand

    subcommand.capacity(request, steps, order, discretization, lstm_steps)


@train.command("mackey-glass")
@_run_options
@option(
    "--models",
    section="Task",
    type=Words(),
    default=_MODELS,
    metavar="M,M,...",
    help="Some of lmu, hybrid, lstm; all by default. The result is about the first one.",
)
def mackey_glass(request: Request, models: tuple[str, ...]) -> None:
    """Predict a chaotic series.

    The Mackey-Glass series with a delay of 17, 15 steps ahead: NRMSE of networks with 18 000 parameters.
    """
    from lmu_hw.cli import train as subcommand

    subcommand.mackey_glass(request, models)


@train.command()
@_run_options
@option(
    "--memory",
    section="Task",
    type=OneOf(_MEMORIES),
    default="linear",
    help="linear: nothing feeds back into the memory; or recurrent. linear by default.",
)
@option(
    "--data",
    section="Task",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder with MNIST as IDX files (.gz or not) or .npz; without it, it is downloaded once.",
)
@option(
    "--deform/--no-deform",
    section="Task",
    default=True,
    help="Whether training images are shifted, turned and stretched at random; they are by default.",
)
def psmnist(request: Request, memory: str, data: Path | None, deform: bool) -> None:
    """Classify digits that come pixel by pixel.

    Permuted sequential MNIST: 784 pixels in one random order for all.
    """
    from lmu_hw.cli import train as subcommand

    subcommand.psmnist(request, memory, data, deform)


@train.command()
@_run_options
@option(
    "--memory",
    section="Task",
    type=OneOf(_MEMORIES),
    default="linear",
    help="linear: nothing feeds back into the memory; or recurrent. linear by default.",
)
def digits(request: Request, memory: str) -> None:
    """Train a small network for hardware.

    scikit-learn's digits, 64 pixels in one random order for all.
    """
    from lmu_hw.cli import train as subcommand

    subcommand.digits(request, memory)


@train.command()
@_run_options
@option("--delay", section="Task", type=Number(), default=0.1, metavar="SECONDS", help="To be found; 0.1 by default.")
@option("--order", section="Task", type=Whole(), default=6, help="States of the memory; 6 by default.")
def delay(request: Request, delay: float, order: int) -> None:
    """Learn the window θ from an echo.

    θ begins at twice the delay. The network found is tried at half and at twice the step dt too.
    """
    from lmu_hw.cli import train as subcommand

    subcommand.delay(request, delay, order)


@train.command()
@_run_options
@option(
    "--input",
    "source",
    section="Task",
    type=click.Path(path_type=Path),
    required=True,
    metavar="X.npy",
    help="Sequences: (sequences, T) or (sequences, T, inputs).",
)
@option(
    "--target",
    section="Task",
    type=click.Path(path_type=Path),
    required=True,
    metavar="Y.npy",
    help="Integers (sequences,) are classes; numbers (sequences,), (sequences, outputs) or (sequences, T, outputs).",
)
@option("--order", section="Memory", type=Whole(), default=16, help="Number of states d; 16 by default.")
@option("--theta", section="Memory", type=Number(), metavar="SECONDS", help="Window θ; the whole sequence by default.")
@option("--dt", section="Memory", type=Number(), default=1.0, metavar="SECONDS", help="Time between samples; 1.")
@option(
    "--discretization",
    section="Memory",
    type=OneOf(DISCRETIZATIONS),
    default="zoh",
    help="Time-stepping rule; zoh by default.",
)
@option(
    "--memory",
    section="Memory",
    type=OneOf(_MEMORIES),
    default="linear",
    help="linear: nothing feeds back into the memory; or recurrent. linear by default.",
)
@option("--hidden", section="Memory", type=Whole(), default=64, help="Units behind the memory; 64 by default.")
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
    """Train on your own sequences.

    Seven tenths of the sequences are trained on, one tenth chooses the epoch, two tenths are the test part.
    """
    from lmu_hw.cli import train as subcommand

    subcommand.arrays(request, source, target, order, theta, dt, discretization, memory, hidden)
