"""The Verilog of a network: stable text, the documented ports, a manifest that tells the truth, and it runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Shape, ShapeLike

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.plan import Datapath
from lmu_hw.networks.model import Output
from lmu_hw.networks.quantize.plan import NetworkPlan
from lmu_hw.rtl.interface.emission import VerilogDesign
from lmu_hw.rtl.network import build_network, generate_network_verilog
from lmu_hw.rtl.primitives import storage
from lmu_hw.sim.targets.network import HarnessedNetwork, NetworkStimulus, run_networks
from tests.rtl.networks import LayerShape, random_network
from tests.rtl.ports import declared_ports, memory_bits

SHAPES = [
    LayerShape(Datapath.CHAIN, 4, 2, 6, recurrent=True, feedback=True),
    LayerShape(Datapath.DENSE, 6, 1, 0, feedback=True),
    LayerShape(Datapath.TRIDIAGONAL, 4, 2, 5, feedback=True),
    LayerShape(Datapath.STRUCTURED, 4, 3, 4),
    LayerShape(hidden=5),
]


def _plan(seed: int = 0, output: Output = Output.LAST) -> NetworkPlan:
    return random_network(np.random.default_rng(seed), SHAPES, 3, output)


@pytest.fixture(scope="module")
def generated() -> tuple[NetworkPlan, VerilogDesign]:
    plan = _plan()
    return plan, generate_network_verilog(plan, name="net", lanes=4, sequences=2, command="a command")


def test_the_same_plan_gives_the_same_bytes(generated: tuple[NetworkPlan, VerilogDesign]) -> None:
    _, first = generated
    again = generate_network_verilog(_plan(), name="net", lanes=4, sequences=2, command="a command")
    assert again.text == first.text
    assert json.dumps(again.manifest) == json.dumps(first.manifest)


def test_the_documented_ports(generated: tuple[NetworkPlan, VerilogDesign]) -> None:
    plan, design = generated
    expected = {
        "clk": ("input", 1),
        "rst": ("input", 1),
        "in_valid": ("input", 1),
        "in_ready": ("output", 1),
        "in_data": ("input", plan.input_format.width),
        "in_first": ("input", 1),
        "in_last": ("input", 1),
        "out_valid": ("output", 1),
        "out_ready": ("input", 1),
        "out_data": ("output", plan.output_format.width),
        "out_index": ("output", 3),
        "out_sequence": ("output", 1),
        "out_argmax": ("output", 3),
        "out_first": ("output", 1),
        "out_last": ("output", 1),
    }
    assert {p["name"]: (p["direction"], p["width"]) for p in design.manifest["ports"]} == expected
    assert declared_ports(design.text, "net") == expected


def test_the_manifest_tells_what_the_component_promises(generated: tuple[NetworkPlan, VerilogDesign]) -> None:
    plan, design = generated
    m, network = design.manifest, build_network(plan, lanes=4, sequences=2)
    assert m["latency_cycles"] == network.latency
    assert m["cycles_per_step"] == network.cycles_per_step
    assert m["cycles_per_last_step"] == network.cycles_per_last_step
    assert m["multiplications_per_step"] == plan.multiplications(last=False)
    assert m["multiplications_per_last_step"] == plan.multiplications(last=True)
    assert m["multipliers"] == 8
    assert m["multiplier_utilisation"] == m["multiplications_per_step"] / (4 * m["cycles_per_step"])
    assert [layer["memory"] and layer["memory"]["lanes"] for layer in m["layers"]] == [4, 3, 2, 1, None]
    assert (m["inputs"], m["outputs"], m["reset"], m["output"]) == (3, 5, "first", "last")


def test_the_memory_bits_are_those_of_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memories of one row are registers or constants; they are counted as they are made."""
    single_rows: list[int] = []

    class Counted(storage.SingleRow):
        def __init__(self, shape: ShapeLike, init: Sequence[Any] = ()) -> None:
            single_rows.append(Shape.cast(shape).width)
            super().__init__(shape, init)

    monkeypatch.setattr(storage, "SingleRow", Counted)
    design = generate_network_verilog(_plan(), name="net", lanes=4, sequences=2)
    declared = memory_bits(design.text, "net")
    assert declared
    assert sum(design.manifest["memory_bits"].values()) == declared + sum(single_rows)


def test_head_files_and_core(generated: tuple[NetworkPlan, VerilogDesign], tmp_path: Path) -> None:
    plan, design = generated
    head = design.text[: design.text.index("module")]
    assert "// Made by: a command" in head
    for layer in plan.layers:
        assert f"// {layer.name}: " in head
    written = design.write(tmp_path)
    assert written["verilog"].read_text() == design.text
    assert json.loads(written["manifest"].read_text()) == json.loads(json.dumps(design.manifest))
    assert "name: lmu_hw:network:net:" in written["core"].read_text()


@pytest.mark.parametrize("name", ["", "a-b", "module", "lmu_hw_net", None])
def test_names_that_are_refused(name: Any) -> None:
    with pytest.raises(DesignError, match=r"^name must be|choose another --name$"):
        generate_network_verilog(_plan(), name=name)


def _harnessed(seed: int) -> HarnessedNetwork:
    """A random network with random sequences, some of a single step, in a bench with random waiting."""
    rng = np.random.default_rng(seed)
    plan = _plan(seed, Output.LAST if seed % 2 else Output.SEQUENCE)
    lanes, sequences = (1, 4, 7)[seed % 3], 1 + seed % 2
    design = generate_network_verilog(
        plan, name=f"net_{seed}", lanes=lanes, sequences=sequences, reset="never" if seed == 3 else "first"
    )
    form = plan.input_format
    lengths = [[rng.permutation([1, 1, 2, 3, 5, 8, 13, 21])] for _ in range(sequences)]
    rows = [[rng.integers(form.low, form.high + 1, (n, 3)) for each in row for n in each] for row in lengths]
    odds = 0.4 * (seed % 2)
    stimulus = replace(NetworkStimulus.side_by_side(rows), gap=odds, stall=odds)
    return HarnessedNetwork(plan, stimulus, design)


@pytest.mark.slow
def test_the_verilog_equals_the_integer_model_in_verilator(tmp_path: Path) -> None:
    run = run_networks([_harnessed(seed) for seed in range(4)], workdir=tmp_path)
    assert run.passed, run.bench.messages
    assert all(score.mismatches == 0 and score.checked == score.expected > 0 for score in run.scores)
