"""Options are declared once: their words, ranges and defaults are those of the packages, and their kinds are kept."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest

from lmu_hw.design import choices
from lmu_hw.design.memory import Design
from lmu_hw.design.network import NetworkDesign
from lmu_hw.design.options import Options, option, options_of
from lmu_hw.design.requests import CosimRequest, ImportRequest, Recording, RunRequest, SearchRequest
from lmu_hw.design.spiking import SpikingChoice
from lmu_hw.errors import DesignError

CLASSES = (Design, NetworkDesign, SpikingChoice, Recording, SearchRequest, RunRequest, CosimRequest, ImportRequest)


def test_words_of_the_options_are_those_of_the_packages() -> None:
    from lmu_hw.analog.circuit.devices import IdealOpAmp, IdealOta, MacroOpAmp, MacroOta, SinglePoleOpAmp
    from lmu_hw.analog.design.memory import STYLES, TOPOLOGIES
    from lmu_hw.analog.design.parts import NAMES
    from lmu_hw.core.spec import Basis
    from lmu_hw.core.steps import Discretization
    from lmu_hw.fixed_point.contraction import Guarantee
    from lmu_hw.networks.model import Output
    from lmu_hw.networks.quantize.options import Clipping, Granularity
    from lmu_hw.rtl.network.component import Reset
    from lmu_hw.sim.hdl.runner import Simulator
    from lmu_hw.spiking.coordinates import Coordinates
    from lmu_hw.spiking.network import Scope
    from lmu_hw.spiking.neurons import NeuronKind

    pairs: list[tuple[Any, tuple[str, ...]]] = [
        (Discretization, choices.DISCRETIZATIONS),
        (Basis, choices.BASES),
        (Guarantee, choices.GUARANTEES),
        (Simulator, choices.SIMULATORS),
        (TOPOLOGIES, choices.TOPOLOGIES),
        (STYLES, choices.STYLES),
        (NAMES, choices.SERIES),
        (Granularity, choices.GRANULARITIES),
        (Clipping, choices.CLIPPINGS),
        (Reset, choices.RESETS),
        (Output, choices.OUTPUTS),
        (NeuronKind, choices.NEURON_KINDS),
        (Coordinates, choices.COORDINATES),
        (Scope, choices.SCOPES),
        ((model.label for model in (IdealOpAmp, SinglePoleOpAmp, MacroOpAmp)), choices.OPAMPS),
        ((model.label for model in (IdealOta, MacroOta)), choices.OTAS),
    ]
    for known, told in pairs:
        assert sorted(map(str, known)) == sorted(told)


def test_every_datapath_is_planned_by_its_name() -> None:
    from lmu_hw.fixed_point.plan import Datapath

    of = {"chain": "ab2", "tridiagonal": "bilinear", "dense": "zoh", "structured": "zoh"}
    planned = {
        name: Design(order=2, theta=1.0, dt=0.01, discretization=of[name], datapath=name).plan().datapath
        for name in choices.DATAPATHS
    }
    assert set(planned.values()) == set(Datapath)
    older = Design(order=2, theta=1.0, dt=0.01, discretization="bilinear", datapath="solve")
    assert older.datapath == "tridiagonal"
    assert older.plan().datapath is planned["tridiagonal"]
    assert NetworkDesign("net.npz", datapath="tridiagonal").options().layer.datapath == planned["tridiagonal"]


def test_ranges_and_defaults_of_the_help_are_those_of_the_planners() -> None:
    from lmu_hw.core.spec import MAX_ORDER
    from lmu_hw.fixed_point.planner import MAX_COEFFICIENT_BITS, MAX_INPUT_BITS, MAX_STATE_BITS, MIN_BITS, plan_memory
    from lmu_hw.networks.quantize.activations import MAX_TABLE_BITS, MIN_TABLE_BITS
    from lmu_hw.networks.quantize.options import MAX_WEIGHT_BITS, MIN_WEIGHT_BITS, LayerOptions, NetworkOptions

    words = {
        "input_bits": (MIN_BITS, MAX_INPUT_BITS),
        "state_bits": (MIN_BITS, MAX_STATE_BITS),
        "coefficient_bits": (MIN_BITS, MAX_COEFFICIENT_BITS),
    }
    ranges: dict[type[Options], dict[str, tuple[int, int]]] = {
        Design: {"order": (1, MAX_ORDER), **words},
        NetworkDesign: {
            **words,
            "drive_bits": (MIN_BITS, MAX_INPUT_BITS),
            "output_bits": (8, 32),
            "weight_bits": (MIN_WEIGHT_BITS, MAX_WEIGHT_BITS),
            "activation_bits": (MIN_TABLE_BITS, MAX_TABLE_BITS),
        },
    }
    for kind, expected in ranges.items():
        told = {name: (o.declared.least, o.declared.most) for name, o in options_of(kind).items() if o.range}
        assert told == expected
    memory = {name: p.default for name, p in inspect.signature(plan_memory).parameters.items()}
    layer, network = LayerOptions(), NetworkOptions()
    for name in ("input_bits", "state_bits"):
        assert options_of(Design)[name].fallback == memory[name]
    for name, each in options_of(NetworkDesign).items():
        if each.default is None and each.fallback is not None and not isinstance(each.fallback, str):
            assert each.fallback == getattr(layer, name, getattr(network, name, None)), name
    assert options_of(NetworkDesign)["granularity"].fallback == layer.granularity
    assert options_of(NetworkDesign)["clipping"].fallback == layer.clipping


def test_a_range_that_is_told_holds() -> None:
    from lmu_hw.networks.quantize.options import LayerOptions, NetworkOptions

    for name, each in options_of(NetworkDesign).items():
        if each.range:
            for inside in (each.declared.least, each.declared.most):
                NetworkDesign("net.npz", **{name: inside}).options()
            for beyond in ((each.declared.least or 0) - 1, (each.declared.most or 0) + 1):
                with pytest.raises(DesignError, match=rf"{name} must be an integer from {each.range}"):
                    NetworkDesign("net.npz", **{name: beyond}).options()
    assert NetworkDesign("net.npz").options() == NetworkOptions(LayerOptions())


def test_defaults_of_neurons_are_those_of_the_package() -> None:
    from lmu_hw.spiking.tuning import Tuning

    choice, tuning = SpikingChoice(), Tuning()
    assert (choice.chosen("max_rates"), choice.chosen("intercepts")) == (tuning.max_rates, tuning.intercepts)
    told = SpikingChoice(neuron_kind="poisson-lif", scope="memory", tau=(0.1,), neurons=100)
    assert SpikingChoice().for_network(0, 0.01) == told.for_network(0, 0.01)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_field_is_declared_once_and_has_a_line_in_the_help(kind: type[Options]) -> None:
    assert list(options_of(kind)) == [field.name for field in fields(kind)]
    for each in options_of(kind).values():
        assert each.help.endswith(".")
        assert each.help.count("by default") <= 1
        if each.declared.choices and isinstance(each.fallback, str) and " " not in each.fallback:
            assert each.fallback in each.declared.choices


@dataclass(frozen=True)
class Example(Options):
    """One option of each kind."""

    whole: int | None = option(None, "A whole number", least=1, most=9, fallback=4, section="Example")
    real: float = option(1e7, "A real number", section="Example")
    some: tuple[float, ...] = option((), "Numbers", section="Example")
    word: str = option("a", "A word", choices=("a", "b"), aliases={"c": "b"}, section="Example")
    there: bool | None = option(None, "Whether it is there", fallback=True, section="Example")
    place: Path | None = option(None, "A file", flag="file", section="Example", note="It is read.")


def test_the_help_of_each_kind() -> None:
    assert [each.help for each in options_of(Example).values()] == [
        "A whole number, 1 to 9; 4 by default.",
        "A real number; 1e7 by default.",
        "Numbers.",
        "A word; a by default.",
        "Whether it is there; on by default.",
        "A file. It is read.",
    ]


def test_values_of_each_kind() -> None:
    made = Example(whole=3, real=2, some=[1, 0.5], word="c", there=False, place="x/y")  # type: ignore[arg-type]
    assert made == Example(3, 2.0, (1.0, 0.5), "b", False, Path("x/y"))
    assert made.flags() == "--whole 3 --real 2.0 --some 1.0,0.5 --word b --no-there --file x/y"
    assert Example().flags() == ""
    assert (Example().chosen("whole"), made.chosen("whole"), made.chosen("there")) == (4, 3, False)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"whole": 1.0}, "whole must be an integer, got 1.0"),
        ({"whole": True}, "whole must be an integer, got true"),
        ({"real": "1"}, 'real must be a number, got "1"'),
        ({"real": None}, "real must be a number, got None"),
        ({"some": (1.0, True)}, "some must be a list of numbers, got [1.0, true]"),
        ({"there": 1}, "there must be true or false, got 1"),
        ({"word": 1}, "word must be a text, got 1"),
        ({"place": 1}, "place must be a path, got 1"),
    ],
)
def test_values_of_a_wrong_kind(values: dict[str, Any], said: str) -> None:
    with pytest.raises(DesignError) as caught:
        Example(**values)
    assert str(caught.value) == said


def test_given_options_are_refused_by_their_flags() -> None:
    Example().refuse("here")
    Example(real=2.0).refuse("here", "whole", "place")
    with pytest.raises(DesignError, match=r"^--file has no effect here$"):
        Example(place=Path("x")).refuse("here", "place")
    with pytest.raises(DesignError, match=r"^--there has no effect here$"):
        Example(there=False).refuse("here")
