"""The verbs and their options. Each verb's work lies in a module of its own, imported when the verb is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lmu_hw.cli.experiment import experiments
from lmu_hw.cli.groups import OrderedGroup
from lmu_hw.cli.import_command import import_network
from lmu_hw.cli.network_options import refuse_with_network
from lmu_hw.cli.options import SIMULATORS, design_options, output_options
from lmu_hw.cli.parameters import Number, OneOf, Whole, option
from lmu_hw.cli.regression import regressions
from lmu_hw.cli.spiking_options import SpikingChoice, spiking_options
from lmu_hw.cli.train_commands import train
from lmu_hw.design.memory import Design
from lmu_hw.design.network import NetworkDesign
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
    from lmu_hw.cli import derive as subcommand

    subcommand.run(design, out, as_json)


@cli.command()
@design_options(network=True)
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
    design: Design | NetworkDesign,
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

    With a NETWORK, a network file or the name of a network of the package, its formats are chosen on the sequences of
    --calibration; a table tells range, bits, clipped share and contribution to the output's error of each tensor.
    """
    if isinstance(design, NetworkDesign):
        from lmu_hw.cli import quantize_network

        refuse_with_network("target_nrmse", "bandwidth", "clock")
        quantize_network.run(design, out, as_json)
        return
    from lmu_hw.cli import quantize as subcommand
    from lmu_hw.cli import search

    if target_nrmse is None:
        for name, value in (("bandwidth", bandwidth), ("clock", clock)):
            if value is not None:
                raise DesignError(name, "given with --target-nrmse", f"{value:g}")
        subcommand.run(design, out, as_json)
        return
    for name in ("state_bits", "coefficient_bits", "datapath", "error_feedback", "guarantee"):
        if click.get_current_context().params[name] is not None:
            flag = name.replace("_", "-")
            raise DesignError("target-nrmse", f"given without --{flag}, which it searches", f"{target_nrmse:g}")
    search.run(design, search.Wish(target_nrmse, bandwidth, clock), out, as_json)


@cli.command()
@design_options(network=True)
@output_options
def verilog(design: Design | NetworkDesign, out: Path | None, as_json: bool) -> None:
    """Generate Verilog.

    Leaves NAME.v, NAME.core (FuseSoC) and manifest.json in the folder of --out.

    With a NETWORK, a network file or the name of a network of the package, it is the module of the whole network;
    its formats are chosen on the sequences of --calibration.
    """
    if isinstance(design, NetworkDesign):
        from lmu_hw.cli import verilog_network

        verilog_network.run(design, out, as_json)
        return
    from lmu_hw.cli import verilog as subcommand

    subcommand.run(design, out, as_json)


@cli.command()
@design_options(analog=True)
@output_options
def spice(design: Design, out: Path | None, as_json: bool) -> None:
    """Generate a SPICE netlist.

    Leaves NAME.cir (a deck that ngspice runs), NAME.lib (its subcircuits alone), bom.csv, NAME.svg (schematic),
    NAME.net (KiCad netlist) and manifest.json in the folder of --out. Continuous time needs no --dt.
    """
    from lmu_hw.cli import spice as subcommand

    subcommand.run(design, out, as_json)


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


def _input_options(subcommand: Any) -> Any:
    for declare in reversed(_INPUT):
        subcommand = declare(subcommand)
    return subcommand


@cli.command()
@design_options(analog=True, network=True)
@_input_options
@option(
    "--analog/--no-analog", section="Circuit", default=True, help="Whether the circuit takes part; it does by default."
)
@option(
    "--labels",
    section="Network",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The class of each sequence of --input, .npy or .csv: accuracies are told.",
)
@option(
    "--spiking",
    "in_spikes",
    section="Spikes",
    is_flag=True,
    help="Run a digital spiking memory beside the fixed-point one, in place of the circuit.",
)
@option("--spiking-lanes", section="Spikes", type=Whole(), help="Its neurons in a clock cycle; 1 by default.")
@spiking_options
@output_options
def cosim(
    design: Design | NetworkDesign,
    source: Path | None,
    channel: str | None,
    normalize: bool,
    analog: bool,
    labels: Path | None,
    in_spikes: bool,
    spiking_lanes: int | None,
    spiking: SpikingChoice,
    out: Path | None,
    as_json: bool,
) -> None:
    """Check Verilog and circuit in simulation.

    The generated Verilog is compared with the integer model bit for bit, the integer model with its error bound, and
    the circuit, which runs in the same simulation, with the float reference. Without --input they get seeded noise.

    With a NETWORK, a network file or the name of a network of the package, every word and class of its Verilog is
    compared with the integer model, and that with the float network, on the sequences of --input.

    With --spiking a memory of digital neurons runs beside the fixed-point one, both compared with their integer models
    bit for bit, and with the float reference and a spiking memory in software.

    Exit status 1 where anything differs. Leaves results.json, a waveform and report.html in the folder of --out.
    """
    if not in_spikes:
        spiking.refuse("given with --spiking")
        if spiking_lanes is not None:
            raise DesignError("spiking-lanes", "given with --spiking", spiking_lanes)
    if isinstance(design, NetworkDesign):
        if in_spikes:
            raise DesignError("spiking", "given with a memory, not with a NETWORK", str(design.network))
        from lmu_hw.cli import cosim_network

        refuse_with_network("channel", "normalize", "analog")
        cosim_network.run(design, source, labels, out, as_json)
        return
    if labels is not None:
        raise DesignError("labels", "given with a NETWORK", str(labels))
    from lmu_hw.cli.recording import Recording

    if in_spikes:
        from lmu_hw.cli import cosim_spiking

        lanes = 1 if spiking_lanes is None else spiking_lanes
        cosim_spiking.run(design, spiking, lanes, Recording(source, channel, normalize), out, as_json)
        return
    from lmu_hw.cli import cosim as subcommand

    subcommand.run(design, Recording(source, channel, normalize), analog, out, as_json)


@cli.command()
@design_options(network=True)
@_input_options
@option(
    "--backend",
    section="Input",
    type=OneOf(("float", "fixed", "rtl", "spiking")),
    default="float",
    help="What runs: float64, the integer model, the Verilog or spiking neurons; float by default.",
)
@spiking_options
@output_options
def run(
    design: Design | NetworkDesign,
    source: Path | None,
    channel: str | None,
    normalize: bool,
    backend: str,
    spiking: SpikingChoice,
    out: Path | None,
    as_json: bool,
) -> None:
    """Run a memory or a network over an input file.

    Leaves output.npy in the folder of --out. Of a memory: the states (samples, order), or with --delays the delayed
    inputs (samples, delays).

    NETWORK is a network file, or the name of a network of the package. Its input has the shape (T,), (T, inputs) or
    (batch, T, inputs), in the units that it was trained on; its output has (outputs,), or (T, outputs) where it has
    one per step, after the batch. classes.npy has the index of the largest output.

    With --backend spiking neurons carry the memory or the network; spikes.npz has who fired when and the decoded
    states, and report.html has rasters, states and the decoded window beside float64.
    """
    if backend != "spiking":
        spiking.refuse("given with --backend spiking")
    if isinstance(design, NetworkDesign):
        from lmu_hw.cli import run_network

        refuse_with_network("channel", "normalize")
        if backend == "spiking":
            from lmu_hw.cli import run_spiking_network

            run_spiking_network.run(design, source, spiking, out, as_json)
            return
        run_network.run(design, source, backend, out, as_json)
        return
    from lmu_hw.cli.recording import Recording

    if backend == "spiking":
        from lmu_hw.cli import run_spiking

        run_spiking.run(design, Recording(source, channel, normalize), spiking, out, as_json)
        return
    from lmu_hw.cli import run as subcommand

    subcommand.run(design, Recording(source, channel, normalize), backend, out, as_json)


cli.add_command(train)


cli.add_command(import_network)


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
    from lmu_hw.cli import demo as subcommand

    subcommand.run(simulator, seed, out, as_json)


cli.add_command(experiments)


cli.add_command(regressions)
