"""Shared by these tests: types of fixtures, small circuits, a kind of element, and exact solutions of the memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from lmu_hw.analog.circuit.devices import SUPPLIES, OpAmpModel
from lmu_hw.analog.circuit.elements import Capacitor, IndependentSource, Nets, OpAmp, Resistor
from lmu_hw.analog.circuit.equations import Stamper
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.core.legendre import input_vector, state_matrix
from lmu_hw.sim.spice.deck import Vectors

RunDeck = Callable[[str], Vectors]
MakeDesign = Callable[..., AnalogDesign]


@dataclass(frozen=True)
class CurrentSource(IndependentSource):
    """An independent current source, which the package has no use for; the current flows from p through it to n."""

    letter: ClassVar[str] = "I"
    kind: ClassVar[str] = "current source"

    def stamp(self, system: Stamper, nets: Nets, path: str) -> None:
        """Take the current out of the net at p, and put it into the one at n."""
        column = system.input(path)
        for pin, sign in (("p", -1.0), ("n", 1.0)):
            if (row := system.net(nets[pin])) is not None:
                system.drive_entry(row, column, sign)


def two_port(name: str, output: str) -> Circuit:
    """A circuit with the input u and one output, and nothing in it yet."""
    circuit = Circuit(name)
    circuit.add_port("u", "in")
    circuit.add_port(output, "out")
    return circuit


def low_pass(name: str = "low_pass", ohms: float = 1e3, farads: float = 1e-6) -> Circuit:
    """R_1 from u to x, C_1 from there to ground."""
    circuit = two_port(name, "x")
    circuit.add(Resistor("R_1", ohms), p="u", n="x")
    circuit.add(Capacitor("C_1", farads), p="x", n="0")
    return circuit


def supplies(circuit: Circuit, model: OpAmpModel) -> dict[str, str]:
    """The supply pins of a model with their nets, which become ports of the circuit; none where it has no such pins."""
    nets = {pin: pin for pin in SUPPLIES} if model.powered else {}
    for net in nets:
        circuit.add_port(net, "supply")
    return nets


def inverter(model: OpAmpModel, gain: float) -> Circuit:
    """The op-amp X_1 with R_1 of 10 kΩ from u to its virtual ground s, and R_2 from there to y."""
    circuit = two_port("inverter", "y")
    circuit.add(Resistor("R_1", 1e4), p="u", n="s")
    circuit.add(Resistor("R_2", gain * 1e4), p="s", n="y")
    circuit.add(OpAmp("X_1", model), inp="0", inn="s", out="y", **supplies(circuit, model))
    return circuit


def leaky_integrator(model: OpAmpModel, leak: float = 1e4) -> Circuit:
    """The op-amp X_1 with R_in of 10 kΩ from u to its virtual ground; R_leak and C_1 of 10 nF lead to x."""
    circuit = two_port("leaky", "x")
    circuit.add(Resistor("R_in", 1e4), p="u", n="sum")
    circuit.add(Resistor("R_leak", leak), p="x", n="sum")
    circuit.add(Capacitor("C_1", 1e-8), p="sum", n="x")
    circuit.add(OpAmp("X_1", model), inp="0", inn="sum", out="x")
    return circuit


def exact_states(order: int, ratio: float, samples: Sequence[float]) -> NDArray[np.float64]:
    """States after each held sample, shape (samples, order), by the exponential of the joined system."""
    joined = np.zeros((order + 1, order + 1))
    joined[:order, :order] = state_matrix(order) / ratio
    joined[:order, order] = input_vector(order) / ratio
    flow = expm(joined)
    state, states = np.zeros(order), []
    for sample in samples:
        state = flow[:order, :order] @ state + flow[:order, order] * sample
        states.append(state)
    return np.array(states)


def exact_response(order: int, theta: float, frequencies: NDArray[np.float64]) -> NDArray[np.complex128]:
    """States per unit of input at frequencies in Hz, shape (frequencies, order), by solving the system."""
    s = 2j * np.pi * frequencies * theta
    return np.array([np.linalg.solve(x * np.eye(order) - state_matrix(order), input_vector(order)) for x in s])


def worst_nrmse(got: NDArray[Any], wanted: NDArray[Any]) -> float:
    """Root mean square error over root mean square, of the worst column."""
    return float(np.sqrt(np.mean((got - wanted) ** 2, axis=0) / np.mean(wanted**2, axis=0)).max())
