"""Noise and sensitivities against textbook results and against differences."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from lmu_hw.analog.analysis.small_signal import noise, offset_gains, sensitivities
from lmu_hw.analog.circuit.devices import BOLTZMANN, TEMPERATURE, MacroOpAmp, MacroOta, SinglePoleOpAmp
from lmu_hw.analog.circuit.elements import Transconductor
from lmu_hw.analog.circuit.equations import equations
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.analog.circuit.linear import reduce
from lmu_hw.analog.design.memory import design_memory
from lmu_hw.errors import DesignError
from tests.analog.helpers import inverter, low_pass

FOUR_KT = 4 * BOLTZMANN * TEMPERATURE


def test_noise_on_a_capacitor_is_kt_over_c() -> None:
    for ohms in (1e4, 1e6):
        found = noise(equations(low_pass(ohms=ohms, farads=1e-9)), np.geomspace(1e-3, 1e9, 4000), "x")
        assert found.rms() == pytest.approx(np.sqrt(BOLTZMANN * TEMPERATURE / 1e-9), rel=1e-3)
        assert found.density[0] == pytest.approx(np.sqrt(FOUR_KT * ohms), rel=1e-6)


def test_noise_grows_with_the_absolute_temperature() -> None:
    system = equations(inverter(MacroOpAmp(noise=1e-8), 5.0))
    cold, hot = (noise(system, 1.0, "y", celsius=celsius).density[0] for celsius in (-40.0, 125.0))
    assert hot / cold == pytest.approx(np.sqrt(398.15 / 233.15))
    with pytest.raises(DesignError, match="temperature above absolute zero"):
        noise(system, 1.0, "y", celsius=-273.15)


def test_noise_of_an_inverter_by_its_parts() -> None:
    found = noise(equations(inverter(MacroOpAmp(gain=1e9, noise=2e-8), 5.0)), [1.0, 10.0], "y")
    powers = {"R_1": FOUR_KT * 1e4 * 25, "R_2": FOUR_KT * 5e4, "X_1": (6 * 2e-8) ** 2}
    assert found.sources == tuple(powers)
    np.testing.assert_allclose(found.powers, [list(powers.values())] * 2, rtol=1e-6)
    total = sum(powers.values())
    assert found.shares() == pytest.approx({name: power / total for name, power in powers.items()}, rel=1e-6)
    assert all(one >= other for one, other in pairwise(found.shares().values()))
    assert noise(equations(inverter(SinglePoleOpAmp(), 5.0)), 1.0, "y").sources == ("R_1", "R_2")


def test_noise_of_a_transconductor_between_two_nets() -> None:
    circuit = Circuit("pair")
    circuit.add_port("y", "out")
    circuit.add_port("z", "out")
    for name, net in (("X_1", "y"), ("X_2", "z")):
        circuit.add(Transconductor(name, MacroOta(gm=1e-6, noise=1e-7, gout=0.0)), inp="0", inn=net, out=net)
    system = equations(circuit)
    assert noise(system, 1.0, "y").density[0] == pytest.approx(1e-7)
    assert noise(system, 1.0, ("y", "z")).density[0] == pytest.approx(np.sqrt(2) * 1e-7)
    assert noise(system, 1.0, "0").density[0] == 0.0


def test_a_net_that_is_not_there_is_refused() -> None:
    with pytest.raises(DesignError, match="net must be one of the circuit low_pass, got nosuch"):
        noise(equations(low_pass(ohms=1e5, farads=1e-9)), 1.0, "nosuch")


def test_sensitivities_of_a_low_pass() -> None:
    """H = 1/(1 + s R C): R dH/dR = C dH/dC = -s R C H²."""
    frequencies = np.geomspace(1.0, 1e6, 7)
    system = equations(low_pass(ohms=1e5, farads=1e-9))
    s = 2j * np.pi * frequencies * 1e-4
    found = sensitivities(system, frequencies, "x")
    assert [each.path for each in system.parameters] == ["R_1", "C_1"]
    np.testing.assert_allclose(found, np.stack([-s / (1 + s) ** 2] * 2, axis=1), rtol=1e-12)
    np.testing.assert_allclose(sensitivities(system, frequencies, "x", [-2.0]), -2.0 * found, rtol=1e-12)
    with pytest.raises(DesignError, match="input volts must be 1 numbers"):
        sensitivities(system, frequencies, "x", [1.0, 2.0])


@pytest.mark.parametrize("topology", ["dense", "chain", "ladder"])
@pytest.mark.parametrize("style", ["opamp-rc", "opamp-rc-differential", "gm-c"])
def test_sensitivities_are_derivatives(topology: str, style: str) -> None:
    """All parameters of all parts, models' included, against central differences of the state-space model."""
    ota = MacroOta(gm=1e-6, gout=1e-9, cin=1e-13, cout=2e-13)
    design = design_memory(3, 0.01, topology=topology, style=style, opamp=SinglePoleOpAmp(gbw=1e5, gain=1e3), ota=ota)
    system, frequencies = equations(design.circuit), np.array([1.0, 30.0, 75.0])
    inputs = np.array([design.input_ports[port] for port in system.inputs])
    nets = design.signal_nets("y0")
    found = sensitivities(system, frequencies, design.signal_pair("y0"), inputs)
    values = np.tile(system.nominal, (2 * len(system.nominal), 1))
    steps = 1e-4 * np.eye(len(system.nominal))
    values *= np.concatenate([1 + steps, 1 - steps])
    responses = reduce(system, values).response(frequencies) @ inputs
    at = [system.outputs.index(net) for net in nets]
    signal = responses[..., at[0]] - (responses[..., at[1]] if len(at) > 1 else 0.0)
    above, below = np.split(signal, 2)
    np.testing.assert_allclose(found, ((above - below) / 2e-4).T, atol=1e-6 * np.abs(found).max())


def test_offsets_at_the_output() -> None:
    system = equations(inverter(MacroOpAmp(gain=1e12), 5.0))
    assert system.amplifiers == ("X_1",)
    np.testing.assert_allclose(offset_gains(system, "y"), [6.0], rtol=1e-9)
