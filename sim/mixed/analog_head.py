"""What follows a network's memory, for a memory that is a circuit: a network of the converter's words."""

from __future__ import annotations

import numpy as np

from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.networks.model import Network, Output
from lmu_hw.reference.layers import DenseParameters, MemoryParameters
from lmu_hw.reference.memory import FloatMemory, final_states
from lmu_hw.sim.mixed.adc import Adc


def memory_of(network: Network) -> MemoryParameters:
    """The first layer: a memory of one channel with a dense part that sees its states alone, then dense layers.

    Raises:
        DesignError: The network is of another kind.
    """
    first, rest = network.layers[0], network.layers[1:]
    fits = (
        isinstance(first, MemoryParameters)
        and first.channels == first.inputs == 1
        and first.input_kernel is not None
        and not first.input_kernel.any()
        and all(isinstance(layer, DenseParameters) for layer in rest)
        and network.output is Output.LAST
    )
    if not fits or not isinstance(first, MemoryParameters):
        wanted = "one memory of one channel, whose dense part sees the states alone, then dense layers; one output"
        raise DesignError("network with an analog memory", wanted, ", ".join(map(network.name, range(1 + len(rest)))))
    return first


def drive_of(network: Network, x: Array) -> Array:
    """The memory's input u, shape (count, T), for sequences x of shape (count, T) in the units of the network."""
    memory = memory_of(network)
    scaled = (x - network.input_offset[0]) * network.input_scale[0]
    return np.asarray(scaled * memory.input_encoder[0, 0] + memory.input_bias[0])


def in_a_row(sequences: Array, blank: int) -> Array:
    """Sequences of shape (count, steps) one after the other, `blank` zeros behind each; shape (samples,)."""
    return np.pad(sequences, ((0, 0), (0, blank))).ravel()


def exact_volts(design: AnalogDesign, u: Array, dt: float) -> Array:
    """What an exact memory would have on the circuit's states after each held sample, shape (T, states), V.

    Args:
        design: The circuit.
        u: The input, shape (T,).
        dt: The time for which a sample is held, s.
    """
    states = FloatMemory(LMUSpec(design.specification["order"], design.specification["theta"], dt)).run(u)
    from_legendre = np.linalg.inv(design.realisation.legendre_map)
    return np.asarray(states @ from_legendre.T * design.state_scaling)


def head_network(network: Network, design: AnalogDesign, adc: Adc, u: Array, volts: Array) -> Network:
    """The layers behind the memory, as a network of the converter's words (shares of its full scale).

    The circuit holds other coordinates, in volts, and, being continuous, another response than the memory of the
    discretisation that the network was trained with. The states s of that one are estimated from the words w,
    s ≈ M w with the least mean square error on calibration data where each word has the error of the converter
    (noise and rounding), and the first layer's weights become W M. Nothing is trained.

    Args:
        network: A network as `memory_of` wants it.
        design: The circuit of a memory of that order.
        adc: The converter.
        u: The memory's inputs for calibration, shape (count, T), one sequence from rest each.
        volts: The voltages of the states after each sequence, shape (count, states), V.

    Raises:
        DesignError: The network is of another kind, or the circuit of another order.
    """
    memory = memory_of(network)
    order = int(design.specification["order"])
    if memory.spec.order != order or memory.memory_kernel is None or memory.bias is None:
        raise DesignError("order of the circuit", f"that of the network's memory, {memory.spec.order}", order)
    words, states = volts / adc.full_scale, final_states(memory.spec, u)
    power = words.T @ words + len(words) * adc.error_power * np.eye(words.shape[1])
    estimate = np.linalg.solve(power, words.T @ states).T
    first = DenseParameters(memory.memory_kernel @ estimate, memory.bias, memory.activation)
    return Network((first, *network.layers[1:]), Output.LAST, notes=dict(network.notes))
