"""Circuits and Verilog in one simulation: a memory beside its own gates, and digits from a circuit into gates."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np
from scipy.linalg import expm

from lmu_hw.analog.circuit.devices import IdealOpAmp, OpAmpModel, SinglePoleOpAmp
from lmu_hw.analog.design.memory import STYLES, TOPOLOGIES, AnalogDesign, design_memory
from lmu_hw.cli.output import facts, format_number, grid, progress
from lmu_hw.cli.programs import Outcome
from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import CheckFailed, DesignError, check_integer
from lmu_hw.experiments.app import choice, experiment, seed_option, watched
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.networks.pretrained import load
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.options import LayerOptions, NetworkOptions
from lmu_hw.networks.quantize.plan import NetworkPlan
from lmu_hw.networks.quantize.planner import plan_network
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.reference.classifier import accuracy
from lmu_hw.reference.digits import STEPS, load_digits
from lmu_hw.rtl.network import generate_network_verilog
from lmu_hw.sim.cosim.memory import AnalogCheck, AnalogSetup, cosimulate
from lmu_hw.sim.hdl.runner import Simulator
from lmu_hw.sim.mixed.adc import Adc
from lmu_hw.sim.mixed.analog_head import drive_of, exact_volts, head_network, in_a_row, memory_of
from lmu_hw.sim.mixed.network import MixedNetwork, MixedRun, run_mixed_network


def _opamp(gbw: float) -> OpAmpModel:
    """The model of op-amps with a gain-bandwidth product in Hz; ideal ones for 0."""
    return SinglePoleOpAmp(gbw=gbw) if gbw else IdealOpAmp()


_gbw_option = click.option("--gbw", default=0.0, help="Gain-bandwidth product of the op-amps in Hz; 0 for ideal ones.")

# In lock-step

THETA, DT = 0.01, 5e-5
FIGURES = ("nrmse", "readout_nrmse", "worst_state_nrmse", "mismatches")
_SMOOTHING = 40


def recording(samples: int, seed: int) -> Array:
    """Smoothed noise with full-scale peaks, shape (samples,)."""
    noise = np.random.default_rng(seed).standard_normal(samples + _SMOOTHING - 1)
    smooth = np.convolve(noise, np.hanning(_SMOOTHING), mode="valid")
    return np.asarray(smooth / np.abs(smooth).max())


def measure_lockstep(
    order: int,
    topology: str,
    style: str,
    u: Array,
    *,
    workdir: Path,
    simulator: Simulator | str = Simulator.ICARUS,
    gbw: float = 0.0,
    points: int = 10,
    tolerance: float = 0.001,
) -> AnalogCheck:
    """Run one circuit beside the Verilog of its memory, theta = 10 ms and dt = 50 us.

    Args:
        order: The order of the memory.
        topology: The topology of the circuit.
        style: The technology of the circuit.
        u: Samples within [-1, 1].
        workdir: The folder for builds, logs and recordings.
        simulator: The simulator of the Verilog.
        gbw: The gain-bandwidth product of the op-amps in Hz; 0 for ideal ones.
        points: The least number of points that ngspice computes for each sample.
        tolerance: The largest NRMSE of states and readout.

    Raises:
        DesignError, MissingToolError: As for `cosimulate`.
        CheckFailed: The circuit is beyond the tolerance, or the Verilog is wrong.
    """
    circuit = design_memory(order, THETA, topology=topology, style=style, opamp=_opamp(gbw))
    step = DT / check_integer("points", points, 1)
    setup = AnalogSetup(circuit, tolerance=tolerance, samples=u.size, max_step=step)
    result = cosimulate(plan_memory(LMUSpec(order, THETA, DT)), u, workdir=workdir, simulator=simulator, analog=setup)
    if result.analog is None or not result.passed:
        raise CheckFailed(f"order {order}, {topology}, {style}: {result.to_dict()}")
    return result.analog


@experiment("analog-lockstep")
@click.option(
    "--order", "orders", multiple=True, type=int, default=(3, 6), help="Order of the memory; may be repeated."
)
@click.option("--samples", default=300, help="Number of input samples, 200 in a window.")
@click.option("--points", default=10, help="Number of points that ngspice computes at least for each sample.")
@_gbw_option
@click.option("--tolerance", default=0.001, help="Largest NRMSE of states and readout.")
@click.option("--simulator", default="icarus", type=choice(Simulator), help="Simulator of the Verilog.")
@seed_option("the input")
def analog_lockstep(orders: tuple[int, ...], samples: int, seed: int, **settings: Any) -> Outcome:
    """Run every circuit of a memory beside its Verilog in one simulation, against the exact memory.

    Smoothed noise goes to the Verilog in a simulator and to the circuit in ngspice, in lock-step. The Verilog must
    give every word of the integer model. The circuit, of ideal elements unless --gbw is given, is compared with the
    memory in float64, all states and the readout of the delay theta. The check fails where a circuit is beyond the
    tolerance.
    """
    u = recording(check_integer("samples", samples, 1), seed)
    found: list[dict[str, Any]] = []
    cases = list(product(orders, TOPOLOGIES, STYLES))
    with tempfile.TemporaryDirectory(prefix="lmu_hw_") as scratch:
        for order, topology, style in watched(cases, lambda case: f"order {case[0]}, {case[1]}, {case[2]}"):
            folder = Path(scratch) / f"{order}_{topology}_{style}"
            check = measure_lockstep(order, topology, style, u, workdir=folder, **settings)
            values = {name: getattr(check, name) for name in FIGURES}
            found.append({"order": order, "topology": topology, "style": style, **values})
    heads = ["order", "topology", "style", "NRMSE", "of the readout", "of the worst state", "wrong words"]
    rows = [
        (str(each["order"]), each["topology"], each["style"], *(format_number(each[name]) for name in FIGURES))
        for each in found
    ]
    result = {"theta": THETA, "dt": DT, "samples": samples, "seed": seed, **settings, "circuits": found}
    return Outcome(result, [grid("Circuits in lock-step with Verilog", heads, rows, right=range(3, 7))])


# Digits

NETWORK = "digits_linear"
POINTS = 100
CURVE = (2, 3, 4, 5, 6, 8, 10, 12)


@dataclass(frozen=True)
class System:
    """A circuit, and the options of the digital layers behind it.

    Attributes:
        design: The circuit.
        blank: The number of steps between two digits.
        weight_bits: The width of the digital layers' weights; their words have as many bits.
    """

    design: AnalogDesign
    blank: int = 16
    weight_bits: int = 8

    @property
    def dt(self) -> float:
        """The duration of a pixel, in seconds."""
        return float(self.design.specification["theta"]) / STEPS

    def sampled(self, volts: Array) -> Array:
        """Select the states with which a digit ends from the states after each step."""
        return volts[STEPS - 1 :: STEPS + self.blank]

    def plan(self, adc: Adc) -> NetworkPlan:
        """Plan the digital layers for this converter, calibrated on training digits and an exact memory."""
        network, (u, volts) = load(NETWORK), self._calibration
        words = adc.format.decode(adc.convert(volts))
        layer = LayerOptions(weight_bits=self.weight_bits, activation_bits=max(self.weight_bits, 4))
        options = NetworkOptions(layer=layer, input_format=adc.format)
        return plan_network(head_network(network, self.design, adc, u, volts), words[:, None, :], options)

    @cached_property
    def _calibration(self) -> tuple[Array, Array]:
        """The training digits as the memory's input, and the voltages with which each of them ends."""
        u = drive_of(load(NETWORK), load_digits(0).train.sequences)
        return u, self.sampled(exact_volts(self.design, in_a_row(u, self.blank), self.dt))

    def linear_volts(self, u: Array) -> Array:
        """The voltages of the states with which digits end, from the linear model of the circuit's parts."""
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
    """The classes that the converter's model and the integer network find for the voltages of the states."""
    codes = adc.convert(volts, adc.draw_noise(volts.shape, seed))
    return IntegerNetwork(plan).classify(codes[:, None, :])


def accuracy_over_bits(system: System, adc: Adc, seed: int, bits: tuple[int, ...] = CURVE) -> dict[int, float]:
    """The accuracy on all held-out digits by the converter's bits, from the circuit's linear model."""
    test = load_digits(0).test
    volts = system.linear_volts(drive_of(load(NETWORK), test.sequences))
    return {
        each.bits: accuracy(classes_of(system.plan(each), each, volts, seed), test.labels)
        for each in (replace(adc, bits=width) for width in bits)
    }


def measure_digits(
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
        system: The circuit and its digital layers.
        adc: The converter.
        digits: The number of digits.
        workdir: The folder for builds, logs and recordings.
        simulator: The simulator of the Verilog.
        lanes: The multipliers of the digital layers.
        points: The least number of points that the simulator of the circuit computes for each pixel.
        workers: The number of simulations side by side.
        tolerance: The largest NRMSE of the states against an exact memory.
        seed: The seed of the converter's noise.

    Returns:
        The figures as plain values, and the run.

    Raises:
        DesignError, MissingToolError: As for `run_mixed_network`.
    """
    network, test = load(NETWORK), load_digits(0).test
    if not 1 <= digits <= test.labels.size:
        raise DesignError("digits", f"from 1 to {test.labels.size}", digits)
    x, labels = test.sequences[:digits], test.labels[:digits]
    u, plan = drive_of(network, x), system.plan(adc)
    head = generate_network_verilog(plan, name="digits_head", lanes=lanes, command="lmu-hw experiment mixed-digits")
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


@experiment("mixed-digits")
@click.option("--digits", default=20, help="Number of held-out digits to simulate, 539 at most.")
@click.option("--bits", default=8, help="Width of the converter.")
@click.option("--noise", default=0.0, help="Noise of the converter, V root mean square.")
@click.option("--inl", default=0.0, help="Integral nonlinearity of the converter, lsb.")
@click.option("--weight-bits", default=8, help="Width of the digital layers' weights.")
@click.option("--topology", default="ladder", type=choice(TOPOLOGIES), help="Topology of the circuit.")
@click.option("--style", default=STYLES[0], type=choice(STYLES), help="Technology of the circuit.")
@_gbw_option
@click.option("--theta", default=0.01, help="Window, s.")
@click.option("--blank", default=16, help="Steps between two digits.")
@click.option("--lanes", default=8, help="Multipliers of the digital layers.")
@click.option("--points", default=POINTS, help="Number of points that SPICE computes at least for each pixel.")
@click.option("--tolerance", default=0.001, help="Largest NRMSE of the states against an exact memory.")
@click.option("--simulator", default="verilator", type=choice(Simulator), help="Simulator of the Verilog.")
@click.option("--workers", default=1, help="Number of simulations side by side.")
@seed_option("the converter's noise")
@click.option("--curve/--no-curve", default=True, help="Whether to tell the accuracy over the converter's bits.")
def mixed_digits(
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
    seed: int,
    curve: bool,
    **settings: Any,
) -> Outcome:
    """Classify handwritten digits with a circuit for a memory and gates behind it, in one simulation.

    The network is `digits_linear`, as `lmu-hw train digits` made it. Its memory of 64 states is a circuit, to which
    the 64 pixels of a digit go one after the other; then the states are sampled and converted, and the other layers,
    quantised and in Verilog, tell the digit. Nothing is trained for the circuit; see `lmu_hw.sim.mixed.analog_head`.
    The integrators have no reset; between two digits the input rests at 0 V, and the window forgets the one before.

    Every code, word and class is compared with the models, and the states with an exact memory. The accuracies over
    the converter's bits are of all 539 held-out digits and not of SPICE: there the linear model of the circuit's
    parts feeds the converter's model and the integer network.
    """
    order = memory_of(load(NETWORK)).spec.order
    design = design_memory(order, theta, topology=topology, style=style, opamp=_opamp(gbw), delays=())
    system = System(design, check_integer("blank", blank, 0), weight_bits)
    adc = Adc(bits, design.largest_signal, noise, inl)
    with progress() as bar, tempfile.TemporaryDirectory(prefix="lmu_hw_") as scratch:
        task = bar.add_task("accuracy over bits", total=None)
        accuracies = accuracy_over_bits(system, adc, seed) if curve else {}
        bar.update(task, description=f"{digits} digits in SPICE and Verilog")
        result, _ = measure_digits(system, adc, digits, workdir=Path(scratch), seed=seed, **settings)
    result |= {"couplings": design.realisation.internal_couplings, "bits": bits, "by_bits": accuracies}
    failure = None
    if not result["passed"]:
        failure = "; ".join(result["messages"]) or f"{result['word_mismatches']} wrong words of the network"
    return Outcome(result, _shown(result, design), failure=failure)


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
