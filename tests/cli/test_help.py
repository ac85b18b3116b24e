"""The help says what is declared of the options: every flag, with its range and its default."""

from __future__ import annotations

import inspect

import pytest

from lmu_hw.design.memory import Design
from lmu_hw.design.network import NetworkDesign
from lmu_hw.design.options import options_of
from lmu_hw.design.requests import CosimRequest, ImportRequest, Recording, RunRequest, SearchRequest
from lmu_hw.design.spiking import SpikingChoice
from tests.cli.conftest import Lmu


def test_defaults_told_by_the_help_are_those_of_the_planner(lmu: Lmu) -> None:
    from lmu_hw.fixed_point.planner import MAX_INPUT_BITS, MAX_STATE_BITS, MIN_BITS, plan_memory

    told = " ".join(lmu("quantize", "--help").out.split())
    defaults = {name: p.default for name, p in inspect.signature(plan_memory).parameters.items()}
    assert f"Width of a sample, {MIN_BITS} to {MAX_INPUT_BITS}; {defaults['input_bits']} by default" in told
    assert f"Width of a state, {MIN_BITS} to {MAX_STATE_BITS}; {defaults['state_bits']} by default" in told


@pytest.mark.parametrize("subcommand", ["quantize", "cosim", "spice", "run", "import"])
def test_the_help_tells_all_that_is_declared(subcommand: str, lmu: Lmu) -> None:
    told = "".join(lmu(subcommand, "--help").out.split())
    of = {
        "quantize": (NetworkDesign, SearchRequest),
        "cosim": (Design, Recording, CosimRequest, SpikingChoice),
        "spice": (Design,),
        "run": (Recording, RunRequest, SpikingChoice),
        "import": (ImportRequest,),
    }[subcommand]
    for kind in of:
        for each in options_of(kind).values():
            if each.declared.positional:
                continue
            assert f"--{each.flag}" in told
            if kind is not NetworkDesign or each.name not in options_of(Design):
                assert "".join(each.help.split()) in told


def test_the_help_tells_the_range_and_default_of_a_network_where_they_differ(lmu: Lmu) -> None:
    told = " ".join(lmu("verilog", "--help").out.split())
    assert "lmu_memory by default. Of a network: lmu_network by default." in told
    assert "Of a network: 8 to 32; 24 by default." in told
    assert told.count("Of a network:") == 2
    assert "Of a network:" not in lmu("derive", "--help").out


def test_the_older_word_of_a_datapath_is_accepted_but_not_listed(lmu: Lmu) -> None:
    memory = ["--order", 3, "--theta", 1, "--dt", 0.01, "--discretization", "bilinear", "--json"]
    named = [lmu("quantize", *memory, "--datapath", word) for word in ("solve", "tridiagonal")]
    assert named[0] == named[1]
    assert named[0].answer["design"]["datapath"] == "tridiagonal"
    assert "[chain|tridiagonal|dense|structured]" in lmu("quantize", "--help").out
    said = "lmu-hw: datapath must be one of chain, tridiagonal, dense, structured, got sparse\n"
    assert lmu("quantize", *memory, "--datapath", "sparse").err == said
