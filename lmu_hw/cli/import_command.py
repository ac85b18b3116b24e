"""`lmu-hw import`: what it says and takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lmu_hw.cli.options import DISCRETIZATIONS, output_options
from lmu_hw.cli.parameters import Number, OneOf, option


@click.command("import", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("source", type=click.Path(path_type=Path), metavar="FILE")
@option(
    "--mapping",
    section="State dict",
    type=click.Path(path_type=Path),
    metavar="FILE.toml",
    help="Which tensor of a state dict is which array of which layer; see above.",
)
@option("--theta", section="State dict", type=Number(), metavar="SECONDS", help="Window θ of an LMU with known names.")
@option(
    "--dt",
    section="State dict",
    type=Number(),
    metavar="SECONDS",
    help="What one step is, here and in a model of Keras; 1 by default.",
)
@option(
    "--discretization",
    section="State dict",
    type=OneOf(DISCRETIZATIONS),
    help="Time-stepping rule of an LMU with known names; zoh by default.",
)
@option(
    "--activation",
    section="State dict",
    type=OneOf(("tanh", "sigmoid", "relu", "identity")),
    help="Nonlinearity of its hidden part; tanh by default, relu where nothing is fed back.",
)
@option(
    "--output",
    section="State dict",
    type=OneOf(("sequence", "last")),
    help="Whether it gives an output per step, or after the last one; last by default.",
)
@option("--name", section="Output", metavar="NAME", help="Name of the network's file; that of FILE by default.")
@output_options
def import_network(source: Path, name: str | None, out: Path | None, as_json: bool, **given: Any) -> None:
    """Import a network that was trained elsewhere.

    FILE is a model of Keras with layers of keras-lmu (.keras, .h5, .hdf5), or a state dict of PyTorch (.safetensors,
    .pt, .pth). Nothing of it is run. What cannot be represented exactly is refused by layer and name. Leaves NAME.npz,
    a network file, in the folder of --out.

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
    B̄ are compared under transition and input; a table may have columns = [first, end]; tensors that play no part are
    listed under ignore.
    """
    from lmu_hw.cli import import_network as subcommand

    subcommand.run(source, name, subcommand.Given(**given), out, as_json)
