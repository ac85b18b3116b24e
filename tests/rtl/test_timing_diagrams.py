"""The timing diagrams in docstrings: well-formed, and true where a schedule says the same."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from typing import Any

import pytest

import lmu_hw.rtl
from lmu_hw.core.spec import LMUSpec
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.rtl.interface.streams import StreamMemory
from lmu_hw.rtl.memory.chain import ChainMemory, PipelinedChainMemory
from lmu_hw.rtl.memory.dense import DenseMemory
from lmu_hw.rtl.spiking.mapping import StateMap
from lmu_hw.rtl.spiking.memory import NeuronBank
from lmu_hw.rtl.spiking.neurons import VoltageUnit
from lmu_hw.spiking.design import SpikingOptions
from lmu_hw.spiking.digital.plan import DigitalSpikingPlan, plan_spiking
from lmu_hw.spiking.neurons import NeuronKind


def _diagram(described: object) -> dict[str, Any]:
    (text,) = re.findall(r"```wavedrom\n(.*?)```", inspect.getdoc(described) or "", re.DOTALL)
    diagram: dict[str, Any] = json.loads(text)
    return diagram


def _described() -> list[type]:
    modules = [importlib.import_module(m.name) for m in pkgutil.walk_packages(lmu_hw.rtl.__path__, "lmu_hw.rtl.")]
    classes = [c for module in modules for _, c in inspect.getmembers(module, inspect.isclass)]
    return sorted({c for c in classes if "```wavedrom" in (c.__doc__ or "")}, key=lambda c: c.__name__)


DESCRIBED = _described()


def _spiking(kind: str, neurons: int) -> DigitalSpikingPlan:
    return plan_spiking(LMUSpec(1, 0.3, 1e-3), SpikingOptions(neurons, kind=NeuronKind(kind), band_hz=3.0), lanes=1)


def test_the_memories_have_diagrams() -> None:
    names = {described.__name__ for described in DESCRIBED}
    assert {"ChainMemory", "DenseMemory", "TridiagonalMemory", "StructuredMemory", "UnrolledMemory"} <= names
    assert {"NetworkComponent", "NeuronBank", "StateMap", "VoltageUnit"} <= names


@pytest.mark.parametrize("described", DESCRIBED)
def test_diagrams_are_well_formed(described: type) -> None:
    signals = _diagram(described)["signal"]
    assert len({len(signal["wave"]) for signal in signals}) == 1
    for signal in signals[1:]:
        assert len(signal["data"]) == len(re.findall(r"[3-9]", signal["wave"])), signal["name"]


@pytest.mark.parametrize(
    ("kind", "rule", "order", "lanes"),
    [(ChainMemory, "euler", 4, 2), (PipelinedChainMemory, "euler", 4, 2), (DenseMemory, "zoh", 2, 1)],
)
def test_diagrams_show_latency_and_cycles_per_sample(
    kind: type[StreamMemory], rule: str, order: int, lanes: int
) -> None:
    memory = kind(plan_memory(LMUSpec(order, 40.0, 1.0, rule), input_bits=6, state_bits=10), lanes=lanes)
    waves = {signal["name"]: signal["wave"] for signal in _diagram(kind)["signal"]}
    taken, beats = waves["i (taken)"], waves["RETIRE, o"]
    assert taken.index("4") - taken.index("3") == memory.schedule.cycles_per_sample
    assert beats.index("3") - taken.index("3") == memory.schedule.first_beat


def test_the_diagram_of_the_state_map_shows_when_y_is_settled_and_the_state_leaves() -> None:
    plan = _spiking("lif", 2)
    waves = {signal["name"]: signal["wave"] for signal in _diagram(StateMap)["signal"]}
    settled = waves["settled"].index("1")
    assert settled - waves["start"].index("1") == StateMap.settling(plan)
    assert waves["states"].index("4") - settled == StateMap.first_word(plan) == StateMap.last_word(plan)


def test_the_diagram_of_the_neurons_shows_their_latency() -> None:
    plan = _spiking("poisson-relu", 2)
    waves = {signal["name"]: signal["wave"] for signal in _diagram(NeuronBank)["signal"]}
    assert plan.slots == 2
    assert waves["done"].index("1") - waves["start"].index("1") == NeuronBank.latency(plan)
    assert waves["done"].index("1") == waves["SUM, sums"].index("4")


def test_the_diagram_of_regular_neurons_shows_latency_and_division() -> None:
    plan = _spiking("lif", 2)
    waves = {signal["name"]: signal["wave"].find("3") for signal in _diagram(VoltageUnit)["signal"]}
    assert waves["COUNT"] - waves["LEAK"] == VoltageUnit.latency(plan)
    assert waves["write-back"] - waves["LEAK"] == VoltageUnit.drain(plan)
