"""The layers behind a memory that is a circuit, as a network whose input words come from a converter."""

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
    """Return the first layer of a network whose memory can be a circuit.

    That is a memory of one channel, whose dense part sees the states alone; dense layers follow it.

    Raises:
        DesignError: The network is of another kind.
    """
    first, *rest = network.layers
    if isinstance(first, MemoryParameters) and all(isinstance(layer, DenseParameters) for layer in rest):
        one_channel = first.channels == first.inputs == 1
        sees_states_alone = first.input_kernel is not None and not first.input_kernel.any()
        if one_channel and sees_states_alone and network.output is Output.LAST:
            return first
    wanted = "one memory of one channel, whose dense part sees the states alone, then dense layers; one output"
    raise DesignError("network with an analog memory", wanted, ", ".join(map(network.name, range(1 + len(rest)))))


def drive_of(network: Network, x: Array) -> Array:
    """Return the memory's input u for sequences x in the units of the network, both of shape (count, T).

    Raises:
        DesignError: The network is not one that `memory_of` takes.
    """
    memory = memory_of(network)
    scaled = (x - network.input_offset[0]) * network.input_scale[0]
    return np.asarray(scaled * memory.input_encoder[0, 0] + memory.input_bias[0])


def in_a_row(sequences: Array, blank: int) -> Array:
    """Join sequences of shape (count, steps), with `blank` zeros after each, to one of shape (samples,)."""
    return np.pad(sequences, ((0, 0), (0, blank))).ravel()


def exact_volts(design: AnalogDesign, u: Array, dt: float) -> Array:
    """Return the voltages that an exact memory would have on the circuit's states after each held sample.

    Args:
        design: The circuit.
        u: The input, shape (T,).
        dt: The time for which a sample is held, s.

    Returns:
        The voltages, V, shape (T, states).
    """
    states = FloatMemory(LMUSpec(design.specification["order"], design.specification["theta"], dt)).run(u)
    from_legendre = np.linalg.inv(design.realisation.legendre_map)
    return np.asarray(states @ from_legendre.T * design.state_scaling)


def head_network(network: Network, design: AnalogDesign, adc: Adc, u: Array, volts: Array) -> Network:
    """Return the layers behind the memory as a network of the converter's words, which are shares of its full scale.

    The circuit holds other coordinates, in volts. As it is continuous in time, it also responds differently from the
    sampled memory with which the network was trained. The states s of that memory are estimated from the words w as
    s ≈ M w. M has the least mean square error on calibration data in which each word has the error of the converter
    (noise and rounding). The weights W of the first layer become W M; nothing is trained.

    Args:
        network: A network that `memory_of` takes.
        design: The circuit of a memory of that order.
        adc: The converter.
        u: The inputs of the memory for calibration, shape (count, T); each sequence starts at rest.
        volts: The voltages of the states after each sequence, V, shape (count, states).

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
