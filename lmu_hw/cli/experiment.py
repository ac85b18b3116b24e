"""`lmu-hw experiment`: the measurements behind this project's documents, listed by topic.

A row of `EXPERIMENTS` and a function in `lmu_hw.experiments` with the decorator `app.experiment` are all that a new
experiment takes. The modules of experiments use the command line's tables and plots, so the command line does not
import them; the group finds them by the names in the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lmu_hw.cli.programs import Program, program_group


def _row(name: str, what: str, module: str, minutes: float, *needs: str) -> Program:
    return Program(name, what, f"lmu_hw.experiments.{module}", minutes, needs)


#: Experiments by topic.
EXPERIMENTS: Mapping[str, tuple[Program, ...]] = MappingProxyType(
    {
        "Memories and networks in fixed point": (
            _row("delay-network", "the delay network of neuromorphic chips", "fixed_point", 0.5),
            _row("comparison", "what each datapath costs at equal fidelity", "fixed_point", 15),
            _row("speed", "speed of the integer model of a memory beside the float model", "fixed_point", 0.5),
            _row("quantized-speed", "speed of the integer model of a network beside float", "fixed_point", 1),
            _row("contraction", "stability and accuracy of a rounded state matrix", "matrices", 1),
            _row("tradeoff", "multiplications against error for the zero-order hold", "matrices", 2),
            _row("capacity", "the capacity task: five delays read from one integer memory", "tasks", 0.5, "JAX"),
            _row("quantized-psmnist", "psMNIST accuracy over the width of the weights", "tasks", 30, "JAX", "MNIST"),
            _row("quantized-mackey-glass", "Mackey–Glass error over the width of the weights", "tasks", 1, "JAX"),
        ),
        "Analog circuits": (
            _row("analog-ladder", "error, couplings and simulation time of each circuit", "circuits", 0.5, "ngspice"),
            _row("analog-noise", "predicted noise against simulated noise", "circuits", 0.5, "ngspice"),
            _row("analog-ota", "a transconductor of transistors, and memories of it", "circuits", 0.5, "ngspice"),
            _row("analog-mismatch", "what mismatch of parts does to the delayed readout", "tolerance", 0.5),
            _row("analog-monte-carlo", "Monte Carlo by the linear model and by SPICE", "tolerance", 0.5, "neospice"),
            _row("analog-delay-network", "yield of the delay network with real parts", "tolerance", 1, "neospice"),
            _row("analog-lockstep", "circuits beside their Verilog in one simulation", "mixed", 2, "Icarus", "ngspice"),
            _row(
                "mixed-digits",
                "digits remembered by a circuit and classified by gates",
                "mixed",
                1,
                "Verilator",
                "ngspice",
                "scikit-learn",
            ),
        ),
        "Spiking neurons": (
            _row("spiking-error", "error of a memory in spikes over neurons or states", "spiking_memory", 15),
            _row("spiking-picture", "who fires when, and the window that the spikes hold", "spiking_memory", 0.5),
            _row("spiking-delay", "the delay network of neuromorphic chips in spikes", "spiking_memory", 0.5),
            _row("spiking-synapses", "the sampled and the continuous map of a synapse", "spiking_forms", 1),
            _row("spiking-digital", "the digital spiking memory beside the one in software", "spiking_forms", 2),
            _row("spiking-cost", "time and memory over the number of neurons", "spiking_forms", 0.5),
            _row(
                "spiking-digits",
                "accuracy on digits over the number of neurons",
                "spiking_networks",
                10,
                "scikit-learn",
            ),
            _row("spiking-tasks", "trained networks on the test part of their task", "spiking_networks", 10, "JAX"),
            _row("spiking-benchmark", "error and time beside Nengo", "spiking_benchmark", 5, "Nengo to compare with"),
        ),
        "Training": (
            _row(
                "training-benchmark",
                "time of a training step and of inference beside other frameworks",
                "training_benchmark",
                10,
                "JAX",
                "keras-lmu and PyTorch to compare with",
            ),
        ),
    }
)


@program_group("experiment", EXPERIMENTS, short_help="Run an experiment, or list them all.")
def experiments() -> None:
    """Run a measurement of this project again, or list them all.

    With --json the figures are printed as one JSON object. With --out NAME.json is left in that folder: the figures
    with the command, its options, the date, the machine and the versions of all that took part.

    Times are rough, for two cores and the default options.
    """
