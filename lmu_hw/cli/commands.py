"""The verbs and their options. Each verb's work lies in a module of its own, imported when the verb is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lmu_hw.cli.groups import OrderedGroup
from lmu_hw.cli.options import (
    SIMULATORS,
    Number,
    OneOf,
    Whole,
    design_options,
    option,
    output_options,
)
from lmu_hw.cli.train_commands import train
from lmu_hw.design_file import Design
from lmu_hw.errors import DesignError

_HELP = {"help_option_names": ["-h", "--help"]}


@click.group(cls=OrderedGroup, context_settings=_HELP, invoke_without_command=True)
@click.version_option(package_name="lmu-hw", prog_name="lmu-hw")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Legendre Memory Units from a specification to checked Verilog and a checked SPICE netlist.

    Exit status: 0 done and every check held, 1 a check failed, 2 the request was wrong.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@cli.command()
@design_options()
@output_options
def derive(design: Design, out: Path | None, as_json: bool) -> None:
    """Derive the system and its stability.

    Prints A, B, the readout, the sampled system, the stability of the step and the Padé error over frequency. Leaves
    system.json and system.svg in the folder of --out.
    """
    from lmu_hw.cli import derive as verb

    verb.run(design, out, as_json)


@cli.command()
@design_options()
@option(
    "--target-nrmse",
    section="Search",
    type=Number(),
    help="Search the cheapest design whose decoded window deviates by at most this, for input up to --bandwidth.",
)
@option(
    "--bandwidth",
    section="Search",
    type=Number(),
    metavar="HZ",
    help="Highest frequency of the input in a search; order/4 cycles per window by default.",
)
@option(
    "--clock",
    section="Search",
    type=Number(),
    metavar="HZ",
    help="Clock of the hardware: a search then takes as many lanes as a sample every --dt needs.",
)
@output_options
def quantize(
    design: Design,
    target_nrmse: float | None,
    bandwidth: float | None,
    clock: float | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Choose formats, bound the error, count the cost.

    The error is measured too, on seeded noise in the band that the memory resolves. Leaves plan.json in the folder of
    --out.

    With --target-nrmse the cheapest design is searched, in multiplications times the widths of their factors: over all
    rules against the ideal memory, or with --discretization for that rule against its own exact arithmetic. Leaves
    front.csv and front.svg too, all designs that no other beats in both cost and fidelity.
    """
    from lmu_hw.cli import quantize as verb
    from lmu_hw.cli import search

    if target_nrmse is None:
        for name, value in (("bandwidth", bandwidth), ("clock", clock)):
            if value is not None:
                raise DesignError(name, "given with --target-nrmse", f"{value:g}")
        verb.run(design, out, as_json)
        return
    for name in ("state_bits", "coefficient_bits", "datapath", "error_feedback", "guarantee"):
        if click.get_current_context().params[name] is not None:
            flag = name.replace("_", "-")
            raise DesignError("target-nrmse", f"given without --{flag}, which it searches", f"{target_nrmse:g}")
    search.run(design, search.Wish(target_nrmse, bandwidth, clock), out, as_json)


@cli.command()
@design_options()
@output_options
def verilog(design: Design, out: Path | None, as_json: bool) -> None:
    """Generate Verilog.

    Leaves NAME.v, NAME.core (FuseSoC) and manifest.json in the folder of --out.
    """
    from lmu_hw.cli import verilog as verb

    verb.run(design, out, as_json)


@cli.command()
@design_options(analog=True)
@output_options
def spice(design: Design, out: Path | None, as_json: bool) -> None:
    """Generate a SPICE netlist.

    Leaves NAME.cir, bom.csv, NAME.svg (schematic) and manifest.json in the folder of --out. Continuous time
    needs no --dt.
    """
    from lmu_hw.cli import spice as verb

    verb.run(design, out, as_json)


_INPUT = (
    option(
        "--input",
        "source",
        section="Input",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Samples from -1 to 1, one a step: .npy, .csv or .wav, whose rate gives --dt where that is left out.",
    ),
    option(
        "--channel",
        section="Input",
        metavar="N",
        help="Channel of the file, counted from 0, or a column's name; needed where there are several.",
    ),
    option("--normalize", section="Input", is_flag=True, help="Scale the file's peak to 1."),
)


def _input_options(verb: Any) -> Any:
    for declare in reversed(_INPUT):
        verb = declare(verb)
    return verb


@cli.command()
@design_options(analog=True)
@_input_options
@option(
    "--analog/--no-analog", section="Circuit", default=True, help="Whether the circuit takes part; it does by default."
)
@output_options
def cosim(
    design: Design,
    source: Path | None,
    channel: str | None,
    normalize: bool,
    analog: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Check Verilog and circuit in simulation.

    The generated Verilog is compared with the integer model bit for bit, the integer model with its error bound, and
    the circuit, which runs in the same simulation, with the float reference. Without --input they get seeded noise.

    Exit status 1 where anything differs. Leaves results.json, a waveform and report.html in the folder of --out.
    """
    from lmu_hw.cli import cosim as verb
    from lmu_hw.cli.recording import Recording

    verb.run(design, Recording(source, channel, normalize), analog, out, as_json)


@cli.command()
@design_options()
@_input_options
@option(
    "--backend",
    section="Input",
    type=OneOf(("float", "fixed", "rtl")),
    default="float",
    help="What runs: float64, the integer model or the Verilog; float by default.",
)
@output_options
def run(
    design: Design,
    source: Path | None,
    channel: str | None,
    normalize: bool,
    backend: str,
    out: Path | None,
    as_json: bool,
) -> None:
    """Run a memory over an input file.

    Leaves output.npy in the folder of --out: the states (samples, order), or with --delays the delayed inputs
    (samples, delays).
    """
    from lmu_hw.cli import run as verb
    from lmu_hw.cli.recording import Recording

    verb.run(design, Recording(source, channel, normalize), backend, out, as_json)


cli.add_command(train)


@cli.command()
@option("--simulator", section="Options", type=OneOf(SIMULATORS), default="verilator", help="HDL simulator.")
@option("--seed", section="Options", type=Whole(), default=0, help="Seed of the pixels' order and of the noise.")
@output_options
def demo(simulator: str, seed: int, out: Path | None, as_json: bool) -> None:
    """Take real digits through the whole flow.

    Handwritten digits are classified from the states of a memory, in float64, in integers and in Verilog; a small
    memory runs as gates and as a circuit in one simulation; the chain takes in a longer recording.
    Leaves every artefact and report.html in the folder of --out.
    """
    from lmu_hw.cli import demo as verb

    verb.run(simulator, seed, out, as_json)
