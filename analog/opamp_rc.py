"""Op-amp RC technology: a scaled network as inverting integrators, inverters and summing amplifiers.

Integrator i has its op-amp X_int_i, its capacitor C_i and a virtual ground sum_i; R_a_i_j couples state j
into it and R_b_i the input. Its output is the net x<i>. Where a stage needs the inverse of a state or of the
input, one inverter (X_inv_j, net x<j>_neg) serves all of them. Output k is the net y<k> of the summing
amplifier X_out_k with the resistors R_c_k_j.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmu_hw.analog.circuit import GROUND, Circuit
from lmu_hw.analog.elements import Capacitor, OpAmp, Resistor
from lmu_hw.analog.opamp import OpAmpModel
from lmu_hw.analog.parts import PartRange, choose_capacitor, choose_feedback
from lmu_hw.analog.polarity import Polarity, needs_inverse
from lmu_hw.analog.realisation import VoltageNetwork


@dataclass(frozen=True)
class PartChoice:
    """Values shared by many parts: the integrators' capacitor (farad) and the inverters' resistors (ohm)."""

    capacitor: float
    inverter: float


def choose_parts(
    network: VoltageNetwork,
    *,
    impedance: float,
    resistors: PartRange,
    capacitors: PartRange,
    capacitor: float | None,
) -> PartChoice:
    """Choose the shared part values; see `parts.choose_capacitor`.

    Raises:
        DesignError: no capacitor keeps every part in its range.
    """
    rates = np.abs(np.column_stack([network.rates, network.input_rates]))
    return PartChoice(
        choose_capacitor(
            rates[rates > 0], impedance=impedance, resistors=resistors, capacitors=capacitors, given=capacitor
        ),
        resistors.clamp(impedance),
    )


def build(
    name: str,
    network: VoltageNetwork,
    polarity: Polarity,
    parts: PartChoice,
    model: OpAmpModel,
    *,
    impedance: float,
    resistors: PartRange,
) -> Circuit:
    """Return the circuit with the ports u, x0 ..., y0 ....

    Raises:
        DesignError: the weights of an output span more than the resistors' range.
    """
    circuit = Circuit(name)
    states, outputs = len(network.input_rates), len(network.output_volts)
    circuit.add_port("u", "in")
    for i in range(states):
        circuit.add_port(f"x{i}", "out")
    for k in range(outputs):
        circuit.add_port(f"y{k}", "out")

    signs = polarity.state_signs.tolist()
    rates, input_rates, weights = network.rates, network.input_rates, network.weights
    for i in range(states):
        summing = f"sum_{i}"
        for j in np.flatnonzero(rates[i]).tolist():
            source = f"x{j}_neg" if needs_inverse(rates[i, j], signs[i], signs[j]) else f"x{j}"
            ohms = 1.0 / (abs(float(rates[i, j])) * parts.capacitor)
            circuit.add(Resistor(f"R_a_{i}_{j}", ohms), p=source, n=summing)
        if input_rates[i]:
            source = "u_neg" if needs_inverse(input_rates[i], signs[i], 1) else "u"
            ohms = 1.0 / (abs(float(input_rates[i])) * parts.capacitor)
            circuit.add(Resistor(f"R_b_{i}", ohms), p=source, n=summing)
        circuit.add(Capacitor(f"C_{i}", parts.capacitor), p=summing, n=f"x{i}")
        circuit.add(OpAmp(f"X_int_{i}", model), inp=GROUND, inn=summing, out=f"x{i}")

    if polarity.input_inverted:
        _add_inverter(circuit, "u", "u", parts.inverter, model)
    for j in polarity.inverted_states:
        _add_inverter(circuit, f"x{j}", str(j), parts.inverter, model)

    for k in range(outputs):
        used = np.flatnonzero(weights[k]).tolist()
        summing = f"sum_out_{k}"
        feedback = choose_feedback(
            np.abs(weights[k, used]), impedance=impedance, resistors=resistors, what=f"output y{k}"
        )
        for j in used:
            source = f"x{j}_neg" if needs_inverse(weights[k, j], 1, signs[j]) else f"x{j}"
            circuit.add(Resistor(f"R_c_{k}_{j}", feedback / abs(float(weights[k, j]))), p=source, n=summing)
        circuit.add(Resistor(f"R_out_{k}", feedback), p=summing, n=f"y{k}")
        circuit.add(OpAmp(f"X_out_{k}", model), inp=GROUND, inn=summing, out=f"y{k}")
    return circuit


def _add_inverter(circuit: Circuit, net: str, tag: str, ohms: float, model: OpAmpModel) -> None:
    circuit.add(Resistor(f"R_inv_in_{tag}", ohms), p=net, n=f"sum_inv_{tag}")
    circuit.add(Resistor(f"R_inv_fb_{tag}", ohms), p=f"sum_inv_{tag}", n=f"{net}_neg")
    circuit.add(OpAmp(f"X_inv_{tag}", model), inp=GROUND, inn=f"sum_inv_{tag}", out=f"{net}_neg")
