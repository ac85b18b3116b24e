"""Handwritten digits, remembered by a circuit and read by gates: SPICE, converter and Verilog in one simulation.

    python -m lmu_hw.experiments.mixed_digits --digits 20

The network is `digits_linear`, as `lmu-hw train digits` made it. Its memory of 64 states is a circuit, to which a
digit's 64 pixels go one after the other; then the states are sampled and converted, and the other layers, quantised
and in Verilog, tell the digit. Nothing is trained for the circuit: see `lmu_hw.sim.mixed.analog_head`. The integrators
have no reset; between two digits the input rests at 0 V, and the window forgets the one before.

Every code, word and class is compared with the models, and the states with an exact memory. The accuracies over the
converter's bits are of all 539 held-out digits and not of SPICE: there the linear model of the circuit's parts feeds
the converter's model and the integer network.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import click
import numpy as np
from scipy.linalg import expm

from lmu_hw.analog.circuit.devices import IdealOpAmp, SinglePoleOpAmp
from lmu_hw.analog.design.memory import STYLES, TOPOLOGIES, AnalogDesign, design_memory
from lmu_hw.cli.output import answer, facts, format_number, grid, progress
from lmu_hw.core.legendre import Array
from lmu_hw.errors import CheckFailed, DesignError, check_integer
from lmu_hw.experiments.start import command
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.networks.pretrained import load
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.options import LayerOptions, NetworkOptions
from lmu_hw.networks.quantize.plan import NetworkPlan
from lmu_hw.networks.quantize.planner import plan_network
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.reference.classifier import accuracy
from lmu_hw.reference.digits import STEPS, load_digits
from lmu_hw.rtl.network import generate_network_verilog
from lmu_hw.sim.hdl.runner import Simulator
from lmu_hw.sim.mixed.adc import Adc
from lmu_hw.sim.mixed.analog_head import drive_of, exact_volts, head_network, in_a_row, memory_of
from lmu_hw.sim.mixed.network import MixedNetwork, MixedRun, run_mixed_network

NETWORK = "digits_linear"
POINTS = 100
CURVE = (2, 3, 4, 5, 6, 8, 10, 12)


@dataclass(frozen=True)
class System:
    """The circuit and how the digital layers behind it are made.

    Attributes:
        design: the circuit.
        blank: steps between two digits.
        weight_bits: of the digital layers; their words have as many.
    """

    design: AnalogDesign
    blank: int = 16
    weight_bits: int = 8

    @property
    def dt(self) -> float:
        """How long a pixel lasts, s."""
        return float(self.design.specification["theta"]) / STEPS

    def sampled(self, volts: Array) -> Array:
        """Of the states after each step, those with which a digit ends."""
        return volts[STEPS - 1 :: STEPS + self.blank]

    def plan(self, adc: Adc) -> NetworkPlan:
        """The digital layers for this converter, calibrated on training digits and an exact memory."""
        network, (u, volts) = load(NETWORK), self._calibration
        words = adc.format.decode(adc.convert(volts))
        layer = LayerOptions(weight_bits=self.weight_bits, activation_bits=max(self.weight_bits, 4))
        options = NetworkOptions(layer=layer, input_format=adc.format)
        return plan_network(head_network(network, self.design, adc, u, volts), words[:, None, :], options)

    @cached_property
    def _calibration(self) -> tuple[Array, Array]:
        """Training digits as the memory's input, and the volts with which each ends."""
        u = drive_of(load(NETWORK), load_digits(0).train.sequences)
        return u, self.sampled(exact_volts(self.design, in_a_row(u, self.blank), self.dt))

    def linear_volts(self, u: Array) -> Array:
        """The states with which digits end, from the linear model of the circuit's parts, V."""
        model, count = self.design.linear_model, self.design.realisation.states
        size = model.a.shape[0]
        joined = np.zeros((size + 1, size + 1))
        joined[:size, :size], joined[:size, size:] = model.a * self.dt, model.b * self.dt
        flow = expm(joined)
        state, volts = np.zeros(size), []
        for value in in_a_row(u, self.blank) * self.design.input_scaling:
            state = flow[:size, :size] @ state + flow[:size, size] * value
            volts.append(model.c[:count] @ state + model.d[:count, 0] * value)
        return self.sampled(np.array(volts))


def classes_of(plan: NetworkPlan, adc: Adc, volts: Array, seed: int) -> IntArray:
    """What the converter's model and the integer network make of the states' voltages."""
    codes = adc.convert(volts, adc.draw_noise(volts.shape, seed))
    return IntegerNetwork(plan).classify(codes[:, None, :])


def curve(system: System, adc: Adc, seed: int, bits: tuple[int, ...] = CURVE) -> dict[int, float]:
    """Accuracy on all held-out digits by the converter's bits, from the circuit's linear model."""
    test = load_digits(0).test
    volts = system.linear_volts(drive_of(load(NETWORK), test.sequences))
    return {
        each.bits: accuracy(classes_of(system.plan(each), each, volts, seed), test.labels)
        for each in (replace(adc, bits=width) for width in bits)
    }


def measure(
    system: System,
    adc: Adc,
    digits: int,
    *,
    workdir: Path,
    simulator: Simulator | str = Simulator.VERILATOR,
    lanes: int = 8,
    points: int = POINTS,
    workers: int = 1,
    tolerance: float = 0.001,
    seed: int = 0,
) -> tuple[dict[str, Any], MixedRun]:
    """Classify the first held-out digits in SPICE and Verilog, and in the models.

    Args:
        system: the circuit and its head.
        adc: the converter.
        digits: how many.
        workdir: folder for builds, logs and recordings.
        simulator: verilator or icarus.
        lanes: multipliers of the digital layers.
        points: that the circuit's simulator computes at least for each pixel.
        workers: simulations side by side.
        tolerance: largest NRMSE of the states against an exact memory.
        seed: of the converter's noise.

    Returns:
        The figures as plain values, and the run.

    Raises:
        DesignError, MissingToolError: as `run_mixed_network`.
    """
    network, test = load(NETWORK), load_digits(0).test
    if not 1 <= digits <= test.labels.size:
        raise DesignError("digits", f"from 1 to {test.labels.size}", digits)
    x, labels = test.sequences[:digits], test.labels[:digits]
    u, plan = drive_of(network, x), system.plan(adc)
    head = generate_network_verilog(plan, name="digits_head", lanes=lanes, command="lmu_hw.experiments.mixed_digits")
    step = system.dt / check_integer("points", points, 1)
    mixed = MixedNetwork(system.design, adc, plan, head, system.dt, STEPS, system.blank, step)
    run = run_mixed_network(
        mixed, u, workdir=workdir, simulator=simulator, tolerance=tolerance, workers=workers, seed=seed
    )
    by_float = FloatNetwork(network).classify(x[..., None])
    by_model = classes_of(plan, adc, mixed.float_volts(u), seed)
    complete = run.classes.size == digits
    result = {
        "digits": digits,
        "accuracy": {
            "float": accuracy(by_float, labels),
            "model": accuracy(by_model, labels),
            "mixed": accuracy(run.classes, labels) if complete else None,
        },
        "same_class": {
            "float": int(np.sum(run.classes == by_float)) if complete else None,
            "model": int(np.sum(run.classes == by_model)) if complete else None,
        },
        "state_nrmse": run.state_nrmse,
        "tolerance": tolerance,
        "code_mismatches": run.code_mismatches,
        "word_mismatches": run.word_mismatches,
        "codes_compared": int(run.codes.size),
        "words_compared": int(run.words.size),
        "seconds_per_digit": run.seconds / digits,
        "messages": list(run.messages),
        "passed": run.passed,
    }
    return result, run


@click.command(context_settings={"show_default": True})
@click.option("--digits", default=20, help="How many held-out digits are simulated, of 539.")
@click.option("--bits", default=8, help="Of the converter.")
@click.option("--noise", default=0.0, help="Of the converter, V root mean square.")
@click.option("--inl", default=0.0, help="Integral nonlinearity of the converter, lsb.")
@click.option("--weight-bits", default=8, help="Of the digital layers.")
@click.option("--topology", default="ladder", type=click.Choice(list(TOPOLOGIES)), help="Of the circuit.")
@click.option("--style", default=STYLES[0], type=click.Choice(STYLES), help="Of the circuit.")
@click.option("--gbw", default=0.0, help="Gain-bandwidth product of the op-amps, Hz; 0 for ideal ones.")
@click.option("--theta", default=0.01, help="Window, s.")
@click.option("--blank", default=16, help="Pixels' time between two digits.")
@click.option("--lanes", default=8, help="Multipliers of the digital layers.")
@click.option("--points", default=POINTS, help="That SPICE computes at least for each pixel.")
@click.option("--tolerance", default=0.001, help="Largest NRMSE of the states against an exact memory.")
@click.option(
    "--simulator", default="verilator", type=click.Choice([str(s) for s in Simulator]), help="Of the Verilog."
)
@click.option("--workers", default=1, help="Simulations side by side.")
@click.option("--seed", default=0, help="Of the converter's noise.")
@click.option("--curve/--no-curve", "with_curve", default=True, help="Accuracy over the converter's bits.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(
    digits: int,
    bits: int,
    noise: float,
    inl: float,
    weight_bits: int,
    topology: str,
    style: str,
    gbw: float,
    theta: float,
    blank: int,
    lanes: int,
    points: int,
    tolerance: float,
    simulator: str,
    workers: int,
    seed: int,
    with_curve: bool,
    as_json: bool,
) -> None:
    """Classify digits with an analog memory and digital layers in one simulation."""
    opamp = SinglePoleOpAmp(gbw=gbw) if gbw else IdealOpAmp()
    order = memory_of(load(NETWORK)).spec.order
    design = design_memory(order, theta, topology=topology, style=style, opamp=opamp, readout_delays=())
    system = System(design, check_integer("blank", blank, 0), weight_bits)
    adc = Adc(bits, design.largest_signal, noise, inl)
    with progress() as bar, tempfile.TemporaryDirectory(prefix="lmu_hw_") as scratch:
        task = bar.add_task("accuracy over bits", total=None)
        accuracies = curve(system, adc, seed) if with_curve else {}
        bar.update(task, description=f"{digits} digits in SPICE and Verilog")
        result, _ = measure(
            system,
            adc,
            digits,
            workdir=Path(scratch),
            simulator=simulator,
            lanes=lanes,
            points=points,
            workers=workers,
            tolerance=tolerance,
            seed=seed,
        )
    result |= {"couplings": design.realisation.internal_couplings, "bits": bits, "by_bits": accuracies}
    answer(result, _shown(result, design), as_json=as_json)
    if not result["passed"]:
        raise CheckFailed("; ".join(result["messages"]) or f"{result['word_mismatches']} wrong words of the network")


def _shown(result: dict[str, Any], design: AnalogDesign) -> list[Any]:
    count, share, same = result["digits"], result["accuracy"], result["same_class"]
    rows = [
        ("circuit", f"{design.realisation.topology} {design.style}, {result['couplings']} couplings"),
        ("accuracy, float network", format_number(share["float"])),
        ("accuracy, models of memory, converter and network", format_number(share["model"])),
        ("accuracy, SPICE and Verilog", "-" if share["mixed"] is None else format_number(share["mixed"])),
        ("same class as the float network", f"{same['float']} of {count}"),
        ("same class as the models", f"{same['model']} of {count}"),
        ("NRMSE of the states", "-" if result["state_nrmse"] is None else format_number(result["state_nrmse"])),
        ("wrong codes", f"{result['code_mismatches']} of {result['codes_compared']}"),
        ("wrong words and classes", f"{result['word_mismatches']} of {result['words_compared']}"),
        ("time per digit", f"{format_number(result['seconds_per_digit'])} s"),
    ]
    shown: list[Any] = [facts(f"{count} digits, {result['bits']} bits", rows)]
    if result["by_bits"]:
        cells = [(str(bits), format_number(value)) for bits, value in result["by_bits"].items()]
        shown.append(grid("Accuracy on all held-out digits, linear model", ["bits", "accuracy"], cells, right=(0, 1)))
    return shown


if __name__ == "__main__":
    command(main)
