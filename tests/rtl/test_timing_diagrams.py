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
from lmu_hw.rtl.memory.build import build_memory
from lmu_hw.rtl.memory.chain import ChainMemory
from lmu_hw.rtl.memory.dense import DenseMemory


def _diagram(described: object) -> dict[str, Any]:
    (text,) = re.findall(r"```wavedrom\n(.*?)```", inspect.getdoc(described) or "", re.DOTALL)
    diagram: dict[str, Any] = json.loads(text)
    return diagram


def _described() -> list[type]:
    modules = [importlib.import_module(m.name) for m in pkgutil.walk_packages(lmu_hw.rtl.__path__, "lmu_hw.rtl.")]
    classes = [c for module in modules for _, c in inspect.getmembers(module, inspect.isclass)]
    return sorted({c for c in classes if "```wavedrom" in (c.__doc__ or "")}, key=lambda c: c.__name__)


DESCRIBED = _described()


def test_the_memories_have_diagrams() -> None:
    names = {described.__name__ for described in DESCRIBED}
    assert {"ChainMemory", "DenseMemory", "TridiagonalMemory", "StructuredMemory", "UnrolledMemory"} <= names


@pytest.mark.parametrize("described", DESCRIBED)
def test_diagrams_are_well_formed(described: type) -> None:
    signals = _diagram(described)["signal"]
    assert len({len(signal["wave"]) for signal in signals}) == 1
    for signal in signals[1:]:
        assert len(signal["data"]) == len(re.findall(r"[3-9]", signal["wave"])), signal["name"]


@pytest.mark.parametrize(("kind", "rule", "order", "lanes"), [(ChainMemory, "euler", 4, 2), (DenseMemory, "zoh", 2, 1)])
def test_diagrams_show_latency_and_cycles_per_sample(
    kind: type[StreamMemory], rule: str, order: int, lanes: int
) -> None:
    memory = build_memory(plan_memory(LMUSpec(order, 40.0, 1.0, rule), input_bits=6, state_bits=10), lanes=lanes)
    assert isinstance(memory, kind)
    waves = {signal["name"]: signal["wave"] for signal in _diagram(kind)["signal"]}
    taken, beats = waves["i (taken)"], waves["RETIRE, o"]
    assert taken.index("4") - taken.index("3") == memory.schedule.cycles_per_sample
    assert beats.index("3") - taken.index("3") == memory.schedule.first_beat
