"""An analog memory in ngspice, a converter and a network in Verilog, together; and that a broken part is found."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from lmu_hw.analog.design.memory import AnalogDesign, design_memory
from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.networks.model import Network, Output
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.options import NetworkOptions
from lmu_hw.networks.quantize.plan import NetworkPlan
from lmu_hw.networks.quantize.planner import plan_network
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.reference.layers import DenseParameters, MemoryParameters
from lmu_hw.rtl.network import generate_network_verilog
from lmu_hw.sim.mixed.adc import Adc
from lmu_hw.sim.mixed.analog_head import drive_of, exact_volts, head_network, in_a_row, memory_of
from lmu_hw.sim.mixed.network import MixedNetwork, MixedRun, run_mixed_network
from tests.sim.broken import make_a_resistor_wrong

THETA, STEPS, BLANK = 0.01, 8, 4
SEQUENCES = np.random.default_rng(4).uniform(-1, 1, (5, STEPS)).round(2)
CONVERTER = Adc(8, 4.0, noise=0.02, inl=1.3)


def trained() -> Network:
    """Three states, four hidden units, three classes, and nothing learned."""
    rng = np.random.default_rng(2)
    spec = LMUSpec(3, float(STEPS), 1.0, "bilinear")
    memory = MemoryParameters(
        spec,
        np.array([[0.9]]),
        np.array([0.05]),
        rng.standard_normal((4, 3)),
        np.zeros((4, 1)),
        rng.standard_normal(4) / 4,
        "relu",
    )
    return Network((memory, DenseParameters(rng.standard_normal((3, 4)), rng.standard_normal(3) / 9)), Output.LAST)


def calibrated(design: AnalogDesign, adc: Adc, blank: int = BLANK) -> tuple[Network, np.ndarray]:
    """The head, and words to calibrate it with."""
    u = drive_of(trained(), np.random.default_rng(3).uniform(-1, 1, (200, STEPS)))
    volts = exact_volts(design, in_a_row(u, blank), THETA / STEPS)[STEPS - 1 :: STEPS + blank]
    words = adc.format.decode(adc.convert(volts))
    return head_network(trained(), design, adc, u, volts), words


@cache
def parts(topology: str, style: str) -> tuple[AnalogDesign, NetworkPlan]:
    design = design_memory(3, THETA, topology=topology, style=style, delays=())
    head, words = calibrated(design, CONVERTER)
    return design, plan_network(head, words[:, None, :], NetworkOptions(input_format=CONVERTER.format))


def mixed(topology: str = "ladder", style: str = "opamp-rc", plan: NetworkPlan | None = None) -> MixedNetwork:
    """With another plan, its Verilog is in the right plan's place."""
    design, right = parts(topology, style)
    head = generate_network_verilog(plan or right, name="head", lanes=2)
    return MixedNetwork(design, CONVERTER, right, head, THETA / STEPS, STEPS, BLANK)


def run(system: MixedNetwork, tmp_path, **options) -> MixedRun:
    u = drive_of(trained(), SEQUENCES)
    return run_mixed_network(system, u, workdir=tmp_path, **{"simulator": "icarus", "seed": 1} | options)


def test_all_three_work_together(tmp_path):
    """A differential circuit; codes, words and classes are those of the models, and the float network's classes."""
    system = mixed("chain", "opamp-rc-differential")
    found = run(system, tmp_path, workers=2)
    assert found.passed, found.messages
    assert found.volts.shape == found.codes.shape == (5, 3)
    assert found.state_nrmse < 0.001
    noise = CONVERTER.draw_noise((5, 3), 1)
    # Two workers take three and two sequences; each starts at rest.
    volts = [system.float_volts(drive_of(trained(), each)) for each in (SEQUENCES[:3], SEQUENCES[3:])]
    assert np.abs(found.codes - CONVERTER.convert(np.concatenate(volts), noise)).max() <= 1
    expected = IntegerNetwork(system.plan).run(found.codes[:, None, :])
    np.testing.assert_array_equal(found.words, expected)
    np.testing.assert_array_equal(found.classes, np.argmax(expected, axis=1))
    scores = FloatNetwork(trained()).run(SEQUENCES[..., None])
    clear = np.sort(scores)[:, -1] - np.sort(scores)[:, -2] > 0.2
    assert clear.sum() >= 2
    np.testing.assert_array_equal(found.classes[clear], np.argmax(scores, axis=1)[clear])


def test_a_dead_converter_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(Adc, "verilog", lambda self, right=Adc.verilog: right(self).replace("$rtoi(place)", "0"))
    found = run(mixed(), tmp_path)
    assert not found.passed
    assert found.code_mismatches > 10
    assert f"{found.code_mismatches} codes are not the converter's" in found.messages[0]
    assert found.word_mismatches == 0  # the network answers what it was given


@pytest.mark.slow
def test_a_disconnected_state_is_found(tmp_path, monkeypatch):
    right = MixedNetwork.verilog

    def cut(self, conversions):
        text = right(self, conversions)
        assert "held[1] = (x1)" in text
        return text.replace("held[1] = (x1)", "held[1] = (0.0)")

    monkeypatch.setattr(MixedNetwork, "verilog", cut)
    found = run(mixed(), tmp_path)
    assert not found.passed
    assert set(np.flatnonzero(np.any(found.codes != CONVERTER.convert(found.volts, 0.0), axis=0))) >= {1}
    assert "codes are not the converter's" in found.messages[0]


def test_a_wrong_weight_is_found(tmp_path):
    _, plan = parts("ladder", "opamp-rc")
    layer = plan.layers[1]
    segment = layer.affine.segments[0]
    weights = segment.weights.copy()
    weights[2, 0] += 5 if weights[2, 0] < 100 else -5
    affine = replace(layer.affine, segments=(replace(segment, weights=weights),))
    found = run(mixed(plan=replace(plan, layers=(plan.layers[0], replace(layer, affine=affine)))), tmp_path)
    assert found.messages == ()
    assert found.word_mismatches > 0
    assert not found.passed


@pytest.mark.slow
def test_a_dead_network_is_found(tmp_path):
    system = mixed()
    ports = (f"{port['direction']} [{port['width'] - 1}:0] {port['name']}" for port in system.head.manifest["ports"])
    dead = f"module head({', '.join(ports)});\n  assign in_ready = 1, out_valid = 0;\nendmodule\n"
    found = run(replace(system, head=replace(system.head, text=dead)), tmp_path)
    assert not found.passed
    assert "0 answers to 3 words of 1 sequences" in found.messages[0]
    assert found.classes.size == 0


@pytest.mark.slow
def test_a_wrong_circuit_is_found(tmp_path, monkeypatch):
    """One part of the memory 20 % off: the codes are right, the states are not."""
    make_a_resistor_wrong(monkeypatch)
    found = run(mixed(), tmp_path)
    assert not found.passed
    assert found.code_mismatches == found.word_mismatches == 0
    assert re.search(r"state_nrmse 0\.\d+ exceeds 0\.001", found.messages[0])


def test_without_errors_of_the_converter_the_head_gives_the_network_outputs():
    """The circuit's states and those of the trained memory are the same numbers of the input, in other coordinates."""
    design = design_memory(3, THETA, topology="ladder", delays=())
    steps = 3  # as many samples as states: nothing of the input is lost
    u = drive_of(trained(), np.random.default_rng(3).uniform(-1, 1, (50, steps)))
    volts = np.stack([exact_volts(design, each, THETA / STEPS)[-1] for each in u])
    adc = Adc(24, 4.0)
    head = head_network(trained(), design, adc, u, volts)
    x = (u - 0.05) / 0.9
    np.testing.assert_allclose(
        FloatNetwork(head).run((volts / adc.full_scale)[:, None, :]),
        FloatNetwork(trained()).run(x[..., None]),
        atol=1e-6,
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": 0}, "steps of a sequence"),
        ({"blank": -1}, "blank steps"),
        ({"adc": Adc(9, 4.0)}, "input format must be that of the converter, sQ1.8"),
        ({"dt": 1e-12}, "time from sequence to sequence must be long enough for"),
        ({"memory": design_memory(4, THETA)}, "inputs of the network must be 4"),
    ],
)
def test_parts_that_do_not_fit_are_refused(change, words):
    with pytest.raises(DesignError, match=words):
        replace(mixed(), **change)


@pytest.mark.parametrize("sequences", [np.zeros((2, STEPS + 1)), np.zeros((0, STEPS)), np.full((1, STEPS), 1.5)])
def test_wrong_sequences_are_refused(sequences, tmp_path):
    with pytest.raises(DesignError, match="sequences must be of shape"):
        run_mixed_network(mixed(), sequences, workdir=tmp_path, simulator="icarus")


def test_networks_without_such_a_memory_are_refused():
    layers = trained().layers
    for others in ((layers[1],), (replace(layers[0], input_kernel=np.ones((4, 1))), layers[1])):
        with pytest.raises(DesignError, match="network with an analog memory must be one memory of one channel"):
            memory_of(Network(others, Output.LAST))
    with pytest.raises(DesignError, match="order of the circuit must be that of the network's memory, 3, got 4"):
        head_network(trained(), design_memory(4, THETA), CONVERTER, np.zeros((2, STEPS)), np.zeros((2, 4)))
