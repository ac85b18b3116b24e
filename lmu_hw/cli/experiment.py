"""`lmu-hw experiment`: the measurements behind this project's documents, listed by topic.

A row of `EXPERIMENTS` and a function in `lmu_hw.experiments` with the decorator `app.experiment` are all that a new
experiment takes. The modules of experiments use the command line's tables and plots, so the command line does not
import them; the group finds them by the names in the table.
"""

from __future__ import annotations

import click

from lmu_hw.cli.programs import Program, ProgramGroup


def _row(
    name: str, what: str, module: str, minutes: float, topic: str, *needs: str, function: str | None = None
) -> Program:
    return Program(name, what, f"lmu_hw.experiments.{module}", minutes, topic, needs, function)


_FIXED = "Memories in fixed point"
_NETWORKS = "Networks in integers"
_CIRCUITS = "Analog circuits"
_SPIKES = "Spiking neurons"
_TRAINING = "Training"

EXPERIMENTS = (
    _row("capacity", "the capacity task: five delays read from one integer memory", "tasks", 0.5, _FIXED, "JAX"),
    _row("delay-network", "the delay network of neuromorphic chips in fixed point", "fixed_point", 0.5, _FIXED),
    _row("comparison", "what each datapath costs at equal fidelity", "fixed_point", 15, _FIXED),
    _row("speed", "speed of the integer model beside the float model", "fixed_point", 1, _FIXED),
    _row("contraction", "stability and accuracy of a rounded state matrix", "matrices", 2, _FIXED),
    _row("tradeoff", "multiplications against error for the zero-order hold", "matrices", 5, _FIXED),
    _row(
        "quantized-psmnist",
        "accuracy on psMNIST over the width of the weights",
        "tasks",
        30,
        _NETWORKS,
        "JAX",
        "MNIST",
    ),
    _row("quantized-mackey-glass", "error on Mackey–Glass over the width of the weights", "tasks", 2, _NETWORKS),
    _row("quantized-speed", "sequences per second in integers and in float", "fixed_point", 1, _NETWORKS),
    _row("analog-ladder", "error, couplings and simulation time of each circuit", "circuits", 1, _CIRCUITS, "ngspice"),
    _row("analog-noise", "predicted noise against simulated noise", "circuits", 0.5, _CIRCUITS, "ngspice"),
    _row("analog-ota", "a transconductor of transistors, and memories of it", "circuits", 1, _CIRCUITS, "ngspice"),
    _row("analog-mismatch", "what mismatch of parts does to the delayed readout", "tolerance", 0.5, _CIRCUITS),
    _row(
        "analog-monte-carlo",
        "Monte Carlo by the linear model and by SPICE",
        "tolerance",
        0.5,
        _CIRCUITS,
        "neospice",
    ),
    _row(
        "analog-delay-network",
        "yield of the delay network as a circuit with real parts",
        "tolerance",
        0.5,
        _CIRCUITS,
        "neospice",
    ),
    _row(
        "analog-lockstep",
        "each circuit beside its Verilog in one simulation",
        "mixed",
        2,
        _CIRCUITS,
        "Icarus",
        "ngspice",
    ),
    _row(
        "mixed-digits",
        "digits remembered by a circuit and classified by gates",
        "mixed",
        1,
        _CIRCUITS,
        "Verilator",
        "ngspice",
        "scikit-learn",
    ),
    _row("spiking-error", "error of a memory in spikes over neurons or states", "spiking_memory", 15, _SPIKES),
    _row("spiking-picture", "who fires when, and the window that the spikes hold", "spiking_memory", 0.5, _SPIKES),
    _row("spiking-delay", "the delay network of neuromorphic chips in spikes", "spiking_memory", 1, _SPIKES),
    _row("spiking-synapses", "the sampled and the continuous map of a synapse", "spiking_forms", 1, _SPIKES),
    _row("spiking-digital", "the digital spiking memory beside the one in software", "spiking_forms", 3, _SPIKES),
    _row("spiking-cost", "time and memory over the number of neurons", "spiking_forms", 1, _SPIKES),
    _row(
        "spiking-digits",
        "accuracy on digits over the number of neurons",
        "spiking_networks",
        10,
        _SPIKES,
        "scikit-learn",
    ),
    _row(
        "spiking-tasks",
        "trained networks in spikes on the test part of their task",
        "spiking_networks",
        10,
        _SPIKES,
        "JAX",
    ),
    _row(
        "spiking-benchmark",
        "error and time beside Nengo's memory",
        "spiking_benchmark",
        5,
        _SPIKES,
        "Nengo for the comparison",
    ),
    _row(
        "training-benchmark",
        "time of a training step beside keras-lmu and PyTorch",
        "training_benchmark",
        10,
        _TRAINING,
        "JAX",
        "keras-lmu and PyTorch for the comparison",
        function="main",
    ),
)


@click.group(
    "experiment",
    cls=ProgramGroup,
    programs=EXPERIMENTS,
    invoke_without_command=True,
    subcommand_metavar="NAME [OPTIONS]",
    short_help="Run an experiment, or list them all.",
)
@click.pass_context
def experiments(ctx: click.Context) -> None:
    """Run a measurement of this project again, or list them all.

    With --json the figures are printed as one JSON object. With --out NAME.json is left in that folder: the figures
    with the command, its options, the date, the machine and the versions of all that took part.

    Times are rough, for two cores and the default options.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
