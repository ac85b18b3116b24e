"""The subcommands and their options. Each is carried out in a module of its own, imported when it is called."""

from __future__ import annotations

from pathlib import Path

import click

from lmu_hw.cli.completion import SHELLS
from lmu_hw.cli.experiment import experiments
from lmu_hw.cli.options import design_options, options, output_options
from lmu_hw.cli.parameters import FilePath, OneOf, OrderedGroup, option
from lmu_hw.cli.regression import regressions
from lmu_hw.cli.train import train
from lmu_hw.design.memory import Design
from lmu_hw.design.network import NetworkDesign
from lmu_hw.design.requests import (
    BenchRequest,
    CosimRequest,
    FpgaRequest,
    ImportRequest,
    Recording,
    RunRequest,
    SearchRequest,
)
from lmu_hw.design.spiking import SpikingChoice
from lmu_hw.errors import RequestError

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
@design_options("derive")
@output_options
def derive(design: Design, out: Path | None, as_json: bool) -> None:
    """Derive the system and its stability.

    Prints A, B, the readout, the sampled system, the stability of the step and the Padé error over frequency. Leaves
    system.json and system.svg in the folder of --out.
    """
    from lmu_hw.cli import derive as subcommand

    subcommand.run(design, out, as_json)


@cli.command()
@design_options("quantize")
@options(SearchRequest, "search", of="quantize")
@output_options
def quantize(design: Design | NetworkDesign, search: SearchRequest, out: Path | None, as_json: bool) -> None:
    """Choose formats, bound the error, count the cost.

    The error is measured too, on seeded noise in the band that the memory resolves. Leaves plan.json in the folder of
    --out.

    With --target-nrmse the cheapest design is searched, in multiplications times the widths of their factors: over all
    methods against the ideal memory, or with --discretization for that method against its own exact arithmetic. Leaves
    front.csv and front.svg too, all designs that no other beats in both cost and fidelity.

    With a NETWORK, a network file or the name of a network of the package, its formats are chosen on the sequences of
    --calibration; a table tells range, bits, clipped share and contribution to the output's error of each tensor.
    """
    from lmu_hw.cli import quantize as planning
    from lmu_hw.cli import search as searching

    if search.target_nrmse is not None and isinstance(design, Design):
        searching.run(design, search, out, as_json)
    else:
        planning.run(design, out, as_json)


@cli.command()
@design_options("verilog")
@output_options
def verilog(design: Design | NetworkDesign, out: Path | None, as_json: bool) -> None:
    """Generate Verilog.

    Leaves NAME.v, NAME.core (FuseSoC) and manifest.json in the folder of --out.

    With a NETWORK, a network file or the name of a network of the package, it is the module of the whole network;
    its formats are chosen on the sequences of --calibration.
    """
    from lmu_hw.cli import verilog as subcommand

    subcommand.run(design, out, as_json)


@cli.command()
@design_options("fpga")
@options(FpgaRequest, "request", of="fpga")
@output_options
def fpga(design: Design | NetworkDesign, request: FpgaRequest, out: Path | None, as_json: bool) -> None:
    """Build the Verilog for an FPGA.

    Synthesises the module of a memory or of a NETWORK (Yosys), places and routes it with several seeds (nextpnr), and
    tells its LUTs, flip-flops, multipliers and RAM blocks, the clock, the critical path, and samples per second. The
    pins are wrapped, so that small packages do. What has been built once is taken from a cache.

    Exit status 1 where the design does not fit, or the median clock is below that of --clock. Leaves NAME.v, NAME.core,
    manifest.json and report.json in the folder of --out.
    """
    from lmu_hw.cli import fpga as subcommand

    subcommand.run(design, request, out, as_json)


@cli.command()
@design_options("spice")
@output_options
def spice(design: Design, out: Path | None, as_json: bool) -> None:
    """Generate a SPICE netlist.

    Leaves NAME.cir (a deck that ngspice runs), NAME.lib (its subcircuits alone), bom.csv, NAME.svg (schematic),
    NAME.net (KiCad netlist) and manifest.json in the folder of --out. It works in continuous time.
    """
    from lmu_hw.cli import spice as subcommand

    subcommand.run(design, out, as_json)


@cli.command()
@design_options("cosim")
@options(Recording, "recording", of="cosim")
@options(BenchRequest, "bench", of="cosim")
@options(CosimRequest, "asked", of="cosim")
@options(SpikingChoice, "spiking", of="cosim")
@output_options
def cosim(
    design: Design | NetworkDesign,
    recording: Recording,
    bench: BenchRequest,
    asked: CosimRequest,
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

    Exit status 1 where anything differs. Leaves results.json, a waveform and report.html in the folder of --out, and in
    its folder bench/ the Verilog, the stimulus, the expected words and a testbench: sh run.sh simulates them again.
    """
    if bench.wave_samples is not None and out is None:
        raise RequestError("--wave-samples has no effect without --out")
    if isinstance(design, NetworkDesign):
        from lmu_hw.cli.cosim import run_network

        run_network(design, recording, bench, out, as_json)
        return
    if asked.spiking:
        from lmu_hw.cli.cosim import run_spiking

        run_spiking(design, spiking, asked.chosen("spiking_lanes"), recording, bench, out, as_json)
        return
    from lmu_hw.cli.cosim import run_memory

    run_memory(design, recording, asked.chosen("analog"), bench, out, as_json, asked.tolerance)


@cli.command()
@design_options("run")
@options(Recording, "recording", of="run")
@options(RunRequest, "asked", of="run")
@options(SpikingChoice, "spiking", of="run")
@output_options
def run(
    design: Design | NetworkDesign,
    recording: Recording,
    asked: RunRequest,
    spiking: SpikingChoice,
    out: Path | None,
    as_json: bool,
) -> None:
    """Run a memory or a network over an input file.

    Leaves output.npy in the folder of --out. Of a memory: the states (samples, order), or with --delays the delayed
    inputs (samples, delays).

    NETWORK is a network file, or the name of a network of the package. Its input has the shape (sequences, T, inputs),
    or (sequences, T) where it has one input, in the units that it was trained on; its output has (outputs,), or
    (T, outputs) where it has one per step, after the sequences. classes.npy has the index of the largest output. A
    single sequence may leave its axis out.

    With --labels it is scored: accuracy, each class and the confusion matrix, or the NRMSE against targets. Where
    --input is what the network was trained on, that is the part that was held out, unless --part says otherwise. With
    --word-lengths too, the score over word lengths is left as word_lengths.csv and word_lengths.svg.

    With --backend spiking neurons carry the memory or the network; spikes.npz has the spikes and the decoded states,
    and report.html has rasters, states and the decoded window beside float64.
    """
    if asked.backend == "spiking":
        from lmu_hw.cli import run_spiking

        run_spiking.run(design, recording, spiking, out, as_json)
        return
    from lmu_hw.cli import run as subcommand

    subcommand.run(design, recording, asked, out, as_json)


cli.add_command(train)


@cli.command("import")
@click.argument("source", type=FilePath(), metavar="FILE")
@options(ImportRequest, "asked")
@option("--name", section="Output", metavar="NAME", help="Name of the network's file; that of FILE by default.")
@output_options
def import_(source: Path, asked: ImportRequest, name: str | None, out: Path | None, as_json: bool) -> None:
    """Import a network that was trained elsewhere.

    FILE is a Keras model with layers of keras-lmu (.keras, .h5, .hdf5), or a state dict of PyTorch (.safetensors, .pt,
    .pth). Nothing of it is run. What cannot be represented exactly is an error that names layer and array. Leaves
    NAME.npz, a network file, in the folder of --out.

    A state dict with the names e_x e_h e_m W_x W_h W_m, or those of other public LMUs, and a readout needs --theta;
    other names need a mapping, such as

    \b
        output = "last"
        [[layers]]
        type = "lmu"
        order = 256
        theta = 784.0
        activation = "tanh"
        input_encoder = "cell.encoder"
        memory_kernel = {tensor = "cell.kernel", transpose = true}
        bias = ["cell.b1", "cell.b2"]
        [[layers]]
        type = "dense"
        kernel = "readout.weight"
        bias = "readout.bias"

    All keys: order, theta or theta_inv, dt, discretization, basis, activation, encoder_activation, and the arrays
    input_encoder, input_bias, hidden_encoder, memory_encoder, input_kernel, hidden_kernel, memory_kernel, bias; Ā and
    B̄ are compared under transition and input; a table may have columns = [first, end]; tensors that are not used are
    listed under ignore.
    """
    from lmu_hw.cli import import_ as subcommand

    subcommand.run(source, name, asked, out, as_json)


@cli.command()
@options(Design, "design", "simulator", "seed")
@output_options
def demo(design: Design, out: Path | None, as_json: bool) -> None:
    """Take real digits through the whole flow.

    Handwritten digits are classified from the states of a memory, in float64, in integers and in Verilog; a small
    memory runs as gates and as a circuit in one simulation; the chain takes in a longer recording.
    Without --simulator it is Verilator, or Icarus Verilog where only that works.
    Leaves every artefact and report.html in the folder of --out.
    """
    from lmu_hw.cli import demo as subcommand

    given = click.get_current_context().params["simulator"] is not None
    subcommand.run(design.simulator if given else None, design.seed, out, as_json)


@cli.command()
@option("--json", "as_json", section="Output", is_flag=True, help="Print one JSON object and nothing else.")
def doctor(as_json: bool) -> None:
    """List the tools that are installed, and how to get the others.

    Tells of each tool its version, what it is for and how to install it, and of each part of this program whether it
    is ready. Exit status 1 where something is missing that `lmu-hw demo` needs.
    """
    from lmu_hw.cli import doctor as subcommand

    subcommand.run(as_json)


@cli.command()
@click.argument("shell", required=False, type=OneOf(SHELLS), metavar="[SHELL]")
@option("--print", "printed", section="Output", is_flag=True, help="Print the script and install nothing.")
def completion(shell: str | None, printed: bool) -> None:
    """Install completion of subcommands, options and their words for a shell.

    SHELL is bash, zsh or fish; by default that of the login, $SHELL. The script goes to the folder of the user's data,
    and for bash and zsh a line into ~/.bashrc or ~/.zshrc that reads it; a second call changes nothing. It takes
    effect in the next shell.
    """
    from lmu_hw.cli import completion as subcommand

    subcommand.run(shell, printed, cli)


cli.add_command(experiments)


cli.add_command(regressions)
