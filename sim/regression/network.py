"""Random networks through Verilog: `lmu-hw regression network`.

Draws networks of every kind of layer, with every datapath of their memories, over sizes, word lengths, lanes,
sequences side by side and ways to reset; streams random and extreme sequences of random lengths through each
with random gaps and back-pressure, and counts the words that differ from the integer model. Networks that cannot be
planned, and those that would take too long, are drawn again and counted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray, QFormat
from lmu_hw.networks.model import KINDS, Layer, Network, Output
from lmu_hw.networks.quantize.options import Clipping, Granularity, LayerOptions, NetworkOptions
from lmu_hw.networks.quantize.planner import plan_network
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.definition import Activation
from lmu_hw.reference.layers import DenseParameters, MemoryParameters
from lmu_hw.rtl.network import generate_network_verilog
from lmu_hw.sim.hdl.runner import Simulator
from lmu_hw.sim.regression.random_runs import RandomRuns, run_random
from lmu_hw.sim.targets.network import HarnessedNetwork, NetworkStimulus

_DT = 0.01
_LEAST_RATIOS = {"euler": 12.0, "ab2": 2.0}  # the least θ/dt, over order², for methods that need one


@dataclass(frozen=True)
class NetworkLimits:
    """The limits within which networks are drawn.

    Attributes:
        layers: The largest number of layers.
        order, channels: The largest order of a memory, and the largest number of memories in a layer.
        width: The largest number of inputs, hidden units and outputs.
        lanes, sequences: The largest number of lanes, and of sequences side by side.
        steps: The number of steps of each place.
        cycles: The largest number of clock cycles per network without gaps and stalls; others are drawn again.
    """

    layers: int = 4
    order: int = 10
    channels: int = 3
    width: int = 12
    lanes: int = 32
    sequences: int = 4
    steps: int = 60
    cycles: int = 100_000


def draw_network(rng: np.random.Generator, limits: NetworkLimits) -> tuple[Network, NetworkOptions]:
    """Draw a network and word lengths for it."""
    inputs = int(rng.integers(1, min(4, limits.width) + 1))
    width, layers, options = inputs, [], {}
    for k in range(int(rng.integers(1, limits.layers + 1))):
        layer, datapath = _draw_layer(rng, limits, width)
        layers.append(layer)
        width = layer.outputs
        options[k] = LayerOptions(
            weight_bits=int(rng.integers(2, 13)),
            activation_bits=int(rng.integers(5, 17)),
            drive_bits=int(rng.integers(4, 15)),
            state_bits=int(rng.integers(8, 21)),
            datapath=datapath,
            granularity=Granularity(str(rng.choice(list(Granularity)))),
            clipping=Clipping(str(rng.choice(list(Clipping)))),
            compensated=bool(rng.integers(2)),
        )
    network = Network(
        tuple(layers),
        Output(str(rng.choice(list(Output)))),
        rng.uniform(-1.0, 1.0, inputs),
        rng.uniform(0.5, 2.0, inputs),
    )
    form = QFormat(int(rng.integers(4, 11)), int(rng.integers(0, 10)))
    return network, NetworkOptions(layers=options, input_format=form, output_bits=int(rng.integers(8, 33)))


def _draw_layer(rng: np.random.Generator, limits: NetworkLimits, inputs: int) -> tuple[Layer, Any]:
    """Draw a layer with `inputs` input words, and the datapath of its memory; None for a dense layer."""
    units = int(rng.integers(1, limits.width + 1))
    activation = Activation(str(rng.choice(list(Activation))))
    kind = rng.integers(4)
    if kind == 0:
        return DenseParameters(**_weights(rng, DenseParameters.shapes(inputs, units)), activation=activation), None
    order = int(rng.integers(1, limits.order + 1))
    channels = int(rng.integers(1, limits.channels + 1))
    method = Discretization(rng.choice(list(Discretization)))
    datapath = rng.choice(list(method.datapaths))
    ratio = _LEAST_RATIOS.get(str(method), 0.0) * order * order + rng.uniform(4.0, 40.0)
    spec = LMUSpec(order, ratio * _DT, _DT, method)
    if kind == 1:
        return MemoryParameters(spec, **_weights(rng, MemoryParameters.shapes(order, inputs, channels, 0))), datapath
    if kind == 2:
        shapes = MemoryParameters.shapes(order, inputs, channels, units)
        return MemoryParameters(spec, **_weights(rng, shapes), activation=activation), datapath
    shapes = CellParameters.shapes(order, inputs, channels, units)
    return CellParameters(spec, **_weights(rng, shapes), activation=activation), datapath


def _weights(rng: np.random.Generator, shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """Draw the arrays of a layer: so small that no feedback diverges; one in eight is zero, as if not connected."""
    drawn = {name: rng.uniform(-1.0, 1.0, shape) / shape[-1] for name, shape in shapes.items()}
    return {name: array * (name == "input_encoder" or rng.random() > 0.125) for name, array in drawn.items()}


def draw_harnessed(rng: np.random.Generator, limits: NetworkLimits, name: str) -> tuple[Network, HarnessedNetwork]:
    """Draw a network with its hardware and its stimulus.

    Args:
        rng: The generator of the random numbers.
        limits: The limits of the draw.
        name: The name of the Verilog module.

    Raises:
        DesignError: The draw cannot be planned or built, or takes too many cycles.
    """
    network, options = draw_network(rng, limits)
    form = options.input_format or QFormat(8, 0)
    calibration = form.decode(rng.integers(form.low, form.high + 1, (6, 30, network.inputs)))
    plan = plan_network(network, calibration, options)
    design = generate_network_verilog(
        plan,
        name=name,
        lanes=int(rng.choice([n for n in (1, 2, 3, 4, 5, 8, 16, 32) if n <= limits.lanes])),
        sequences=int(rng.integers(1, limits.sequences + 1)),
        reset=str(rng.choice(["first", "first", "never"])),
    )
    needed = limits.steps * int(design.manifest["cycles_per_last_step"])
    if needed > limits.cycles:
        raise DesignError("clock cycles", f"at most {limits.cycles}", needed)
    rows = [_row(rng, form, network.inputs, limits.steps) for _ in range(int(design.manifest["sequences"]))]
    stimulus = NetworkStimulus.side_by_side(rows).with_traffic(
        float(rng.choice([0.0, 0.3])), float(rng.choice([0.0, 0.5])), int(rng.integers(1, 2**31))
    )
    return network, HarnessedNetwork(plan, stimulus, design)


def _row(rng: np.random.Generator, form: QFormat, inputs: int, steps: int) -> list[IntArray]:
    """Draw the sequences of a place: of random lengths, with noise or a constant at an end of the range."""
    cuts = np.unique(rng.integers(1, steps, size=3))
    lengths = np.diff([0, *cuts.tolist(), steps])
    row = []
    for length in lengths.tolist():
        kind = rng.integers(4)
        noise = rng.integers(form.low, form.high + 1, (length, inputs))
        row.append([noise, noise, np.full_like(noise, form.low), np.full_like(noise, form.high)][kind])
    return row


@dataclass(frozen=True, repr=False)
class NetworkRegressionResult(RandomRuns):
    """The result of the regression of random networks.

    Attributes:
        networks: The number of networks that ran.
        layers: The number of their layers of each kind.
        datapaths: The number of their memories with each datapath.
        refused: The number of draws that were invalid or would have taken too long.
        steps, words: The number of steps that went in, and of words that were compared.
        mismatches: The number of words that differ, are missing or have wrong marks.
        simulator: The HDL simulator.
        failures: One line for each simulation that failed.
    """

    networks: int
    layers: dict[str, int]
    datapaths: dict[str, int]
    refused: int
    steps: int
    words: int
    mismatches: int
    simulator: str
    failures: tuple[str, ...]

    @property
    def compared(self) -> int:
        return self.words


def run_network_regression(
    networks: int,
    *,
    seed: int,
    workdir: str | Path,
    simulator: Simulator | str = Simulator.VERILATOR,
    limits: NetworkLimits | None = None,
    batch: int = 5,
    report: bool = False,
) -> NetworkRegressionResult:
    """Check random networks.

    Args:
        networks: The number of networks.
        seed: The seed of everything that is drawn.
        workdir: The folder for builds.
        simulator: The HDL simulator, verilator or icarus.
        limits: The limits of the draws.
        batch: The number of networks in one simulation.
        report: Whether each batch is reported on standard error.

    Raises:
        DesignError: Almost no draw keeps the limits.
        MissingToolError: The simulator is not installed.
    """
    workdir = Path(workdir)
    chosen = limits or NetworkLimits()
    layers: Counter[str] = Counter()

    def draw(rng: np.random.Generator, k: int) -> HarnessedNetwork:
        network, harnessed = draw_harnessed(rng, chosen, f"network_{k}")
        layers.update(KINDS[type(layer)] for layer in network.layers)
        return harnessed

    found = run_random(
        draw,
        networks,
        seed=seed,
        workdir=workdir,
        cycles=chosen.cycles,
        simulator=simulator,
        batch=batch,
        what="networks",
        report=report,
    )
    planned = [layer for target in found.targets for layer in target.plan.layers]
    datapaths = Counter(str(layer.memory.datapath) for layer in planned if layer.memory is not None)
    return NetworkRegressionResult(
        networks=networks,
        layers=dict(sorted(layers.items())),
        datapaths=dict(sorted(datapaths.items())),
        refused=found.redrawn,
        steps=found.sent,
        words=found.words,
        mismatches=found.mismatches,
        simulator=str(simulator),
        failures=tuple(found.failures),
    )
