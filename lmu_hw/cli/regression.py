"""`lmu-hw regression`: long checks of generated hardware against the integer model, word for word, and a proof."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

from lmu_hw.cli.output import facts
from lmu_hw.cli.parameters import FilePath, Whole, option
from lmu_hw.cli.programs import Outcome, Program, program, program_group
from lmu_hw.design.choices import DATAPATHS, DISCRETIZATIONS, SIMULATORS
from lmu_hw.errors import CheckFailed


def _row(name: str, what: str, minutes: float, *needs: str) -> Program:
    return Program(name, what, __name__, minutes, needs, f"{name.replace('-', '_')}_command")


#: Regressions by topic.
REGRESSIONS: Mapping[str, tuple[Program, ...]] = MappingProxyType(
    {
        "Random designs": (
            _row("memory", "random memories of every datapath in Verilog", 2, "Verilator"),
            _row("network", "random networks of every kind of layer in Verilog", 2, "Verilator"),
            _row("spiking", "random spiking memories in Verilog", 5, "Verilator"),
        ),
        "Long and real recordings": (
            _row("long-window", "a window of 100,000 samples in Verilog", 5, "Verilator"),
            _row("pretrained", "a network of the package in Verilog on its test data", 1, "Verilator", "scikit-learn"),
        ),
        "Proof": (_row("formal", "no input of any length makes a memory overflow", 0.5, "Bitwuzla", "pyosys"),),
    }
)


@program_group("regression", REGRESSIONS, short_help="Run a long check of the hardware, or list them all.")
def regressions() -> None:
    """Run a long check of the generated hardware, or list them all.

    Exit status 1 where a word differs from the integer model or a proof fails. With --json the figures are printed as
    one JSON object. With --out NAME.json is left in that folder: the figures with the command, its options, the date,
    the machine and the versions of all that took part.

    Times are rough, for two cores and the default options.
    """


def _regression(name: str) -> Callable[[Callable[..., Outcome]], click.Command]:
    return program("regression", REGRESSIONS, name)


_seed = click.option("--seed", type=Whole(0), default=0, help="Seed of everything that is drawn.")
_simulator = click.option(
    "--simulator", type=click.Choice(SIMULATORS), default=SIMULATORS[0], help="Simulator of the Verilog."
)
_workdir = click.option(
    "--workdir", type=FilePath(), help="Folder for builds and logs, which are kept; else temporary."
)


@contextmanager
def _folder(workdir: Path | None = None) -> Iterator[Path]:
    """The folder for builds: `workdir`, or one that is removed with the block."""
    with tempfile.TemporaryDirectory(prefix="lmu_hw_") as scratch:
        yield workdir or Path(scratch)


@_regression("memory")
@click.option("--designs", type=Whole(1), default=20, help="Number of designs.")
@_seed
@click.option("--samples", type=Whole(1), default=1_000, help="Samples of each design, roughly.")
@click.option("--order", type=Whole(1), default=64, help="Largest order.")
@click.option("--cycles", type=Whole(1), help="Most clock cycles of each design.", show_default="100 for each sample")
@_simulator
@click.option("--jobs", type=Whole(1), default=1, help="Simulations at a time.")
@_workdir
def memory_command(
    designs: int,
    seed: int,
    samples: int,
    order: int,
    cycles: int | None,
    simulator: str,
    jobs: int,
    workdir: Path | None,
) -> Outcome:
    """Check random memories in Verilog against the integer model.

    The memories have every datapath, serial and unrolled, and random orders, windows, word lengths, lanes, channels,
    port widths and delayed readouts. Random and extreme sequences are streamed through each, with random gaps and
    back-pressure. A specification that the plan refuses, and a design that would take too long, is drawn again and
    counted.
    """
    from lmu_hw.sim.regression.memory import Limits, run_regression

    with _folder(workdir) as folder:
        found = run_regression(
            designs,
            seed=seed,
            workdir=folder,
            simulator=simulator,
            limits=Limits(order, samples=samples, cycles=cycles or 100 * samples),
            jobs=jobs,
            report=True,
        )
    return _outcome("Random memories", vars(found), found.passed, found.failures)


@_regression("network")
@click.option("--networks", type=Whole(1), default=20, help="Number of networks.")
@_seed
@click.option("--steps", type=Whole(1), default=60, help="Steps of each sequence place, roughly.")
@_simulator
@_workdir
def network_command(networks: int, seed: int, steps: int, simulator: str, workdir: Path | None) -> Outcome:
    """Check random networks in Verilog against the integer model.

    The networks have every kind of layer, memories of every datapath, and random sizes, word lengths, lanes, numbers
    of sequences side by side and ways to reset. Random and extreme sequences of random lengths are streamed through
    each, with random gaps and back-pressure. A network that the planner refuses, and one that would take too long, is
    drawn again and counted.
    """
    from lmu_hw.sim.regression.network import NetworkLimits, run_network_regression

    with _folder(workdir) as folder:
        found = run_network_regression(
            networks,
            seed=seed,
            workdir=folder,
            simulator=simulator,
            limits=NetworkLimits(steps=steps),
            report=True,
        )
    return _outcome("Random networks", asdict(found), found.passed, found.failures)


@_regression("spiking")
@click.option("--designs", type=Whole(1), default=40, help="Number of designs.")
@click.option("--samples", type=Whole(1), default=400, help="Samples of each design.")
@click.option("--cycles", type=Whole(1), default=400_000, help="Most clock cycles of each design.")
@_simulator
@_seed
def spiking_command(designs: int, samples: int, cycles: int, simulator: str, seed: int) -> Outcome:
    """Check random spiking memories in Verilog against the integer model.

    The memories have every kind of neuron and random orders, numbers of neurons, lanes, word lengths, steps and
    synapses. Random and full-scale sequences are streamed through each, with random gaps and back-pressure. A
    specification that the plan refuses, and a design that would take too long, is drawn again and counted.
    """
    from lmu_hw.sim.regression.spiking import run_spiking_regression

    with _folder() as folder:
        found = run_spiking_regression(
            designs, seed=seed, workdir=folder, samples=samples, cycles=cycles, simulator=simulator
        )
    return _outcome("Random spiking memories", vars(found), found.passed, found.failures)


@_regression("long-window")
@click.option("--samples", type=Whole(1), default=250_000, help="Length of the recording.")
@click.option("--seed", type=Whole(0), default=0, help="Seed of the noise.")
def long_window_command(samples: int, seed: int) -> Outcome:
    """Run a window of 100,000 samples in Verilog: 100 states, one multiplication each, words of 16 bits.

    The input is band-limited noise of 25 cycles per window. Every state word and every readout is compared with the
    integer model, and the readout at the end of the window with the input one window earlier; the check fails where
    that error is above 0.001.
    """
    from lmu_hw.sim.regression.long_window import run_long_window

    with _folder() as folder:
        found = run_long_window(folder, samples=samples, seed=seed)
    return _outcome("A long window", asdict(found), found.passed)


@_regression("pretrained")
@click.option("--network", default="digits_linear", help="Name of a network of the package.")
@click.option("--images", type=Whole(1), default=20, help="Number of sequences of the test part.")
@click.option(
    "--calibration",
    type=Whole(1),
    default=500,
    help="Number of sequences of the training part that formats are chosen on.",
)
@click.option("--lanes", type=Whole(1), default=1, help="Multipliers of each sequence.")
@option(
    "--parallel-sequences",
    "sequences",
    section="Options",
    older=["sequences"],
    default=1,
    help="Sequences side by side.",
)
@click.option("--weight-bits", default=8, help="Width of the weights.")
@click.option("--state-bits", default=16, help="Width of the memories' state words.")
@_simulator
@click.option("--data", type=FilePath(), help="Folder with MNIST; without it MNIST is fetched.")
def pretrained_command(
    network: str,
    images: int,
    calibration: int,
    lanes: int,
    sequences: int,
    weight_bits: int,
    state_bits: int,
    simulator: str,
    data: Path | None,
) -> Outcome:
    """Check a network of the package in Verilog on the test data of its task.

    Every word and class is compared with the integer model. The clock cycles that the sequences take are measured in
    the simulation; they stand beside what the design documents, and beside the bound: multiplications / multipliers.
    """
    from lmu_hw.networks.quantize.options import LayerOptions, NetworkOptions
    from lmu_hw.sim.regression.pretrained import check_network, task_data

    with _folder() as folder:
        found = check_network(
            network,
            task_data(network, images, calibration, data),
            workdir=folder,
            options=NetworkOptions(LayerOptions(weight_bits=weight_bits, state_bits=state_bits)),
            lanes=lanes,
            sequences=sequences,
            simulator=simulator,
        )
    return _outcome(network, asdict(found), found.passed, found.messages)


@_regression("formal")
@click.option("--order", type=Whole(1), default=2, help="Number of states.")
@click.option("--ratio", default=8.0, help="Window in steps, θ/dt.")
@click.option("--discretization", type=click.Choice(DISCRETIZATIONS), default="euler", help="Time-stepping method.")
@click.option("--datapath", type=click.Choice(DATAPATHS), help="Datapath; without it that of the method.")
@click.option("--input-bits", default=4, help="Width of a sample.")
@click.option("--state-bits", default=5, help="Width of a state.")
@click.option("--lanes", type=Whole(1), default=1, help="Number of lanes.")
@click.option("--error-feedback/--no-error-feedback", default=None, help="Whether rounding feeds its residue back.")
@click.option("--cut", "cut_format", help="Take head bits off this format before the proof, to see it fail.")
@click.option("--by", type=Whole(1), default=1, help="Number of bits that --cut takes off.")
def formal_command(
    order: int,
    ratio: float,
    discretization: str,
    datapath: str | None,
    input_bits: int,
    state_bits: int,
    lanes: int,
    error_feedback: bool | None,
    cut_format: str | None,
    by: int,
) -> Outcome:
    """Prove that no input of any length makes the Verilog of a memory overflow.

    Where the proof fails, an input that makes it overflow is searched and replayed.
    """
    from lmu_hw.core.spec import LMUSpec
    from lmu_hw.core.steps import Discretization
    from lmu_hw.fixed_point.planner import plan_memory
    from lmu_hw.sim.formal.proof import CUTS, cut, prove

    plan = plan_memory(
        LMUSpec(order, ratio, 1.0, Discretization(discretization)),
        input_bits=input_bits,
        state_bits=state_bits,
        error_feedback=error_feedback,
        datapath=datapath,
    )
    if cut_format is not None:
        plan = cut(plan, cut_format, by)
    try:
        verdict = prove(plan, lanes=lanes)
    except CheckFailed as problem:
        return Outcome({"proved": False, "failure": str(problem)}, [], failure=str(problem))
    result = {
        "spec": plan.spec.to_dict(),
        "datapath": str(plan.datapath),
        "formats": {what: str(getattr(plan, f"{what}_format")) for what in ("input", *CUTS)},
        **vars(verdict),
        "overflow": None if verdict.overflow is None else vars(verdict.overflow),
    }
    failure = None if verdict.proved else "an overflow is not excluded"
    return Outcome(result, [facts("Proof", _rows(result))], failure=failure)


def _outcome(title: str, found: Mapping[str, Any], passed: bool, messages: Iterable[str] = ()) -> Outcome:
    """The outcome of a comparison with the integer model."""
    failure = None
    if not passed:
        wrong = found["mismatches"]
        told = f"{wrong} words differ from the integer model" if wrong else "too few words, or too large an error"
        failure = "; ".join(messages) or told
    result = {**found, "passed": passed}
    return Outcome(result, [facts(title, _rows(result))], failure=failure)


def _rows(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The figures of a result in words."""
    return [(key.replace("_", " "), _cell(value)) for key, value in result.items() if value not in ((), [], {})]


def _cell(value: Any) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}"
        case dict():
            return ", ".join(f"{key} {_cell(each)}" for key, each in value.items())
        case list() | tuple():
            return ", ".join(map(_cell, value))
    return str(value)
