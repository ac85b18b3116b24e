"""The Python surface: names that are found, paths of either kind, the command line's words, results to look at."""

from __future__ import annotations

import inspect
import json
import pydoc
import rlcompleter
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lmu_hw
from lmu_hw import (
    ContinuousSystem,
    IntegerMemory,
    LMUSpec,
    MemoryPlan,
    NetworkPlan,
    Signal,
    analog,
    continuous,
    discretize,
    load_network,
    load_pretrained,
    plan_memory,
    plan_network,
    read_signal,
    rtl,
    save_network,
    sim,
    spiking,
)
from lmu_hw.core.display import LONGEST_LINE, Displayed
from lmu_hw.core.figures import Plot
from lmu_hw.design.memory import Design
from lmu_hw.design.network import NetworkDesign
from lmu_hw.design.requests import ImportRequest, Recording
from lmu_hw.design.spiking import SpikingChoice
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.fidelity import Band
from lmu_hw.fixed_point.search import search
from lmu_hw.sim.cosim.base import DigitalCheck
from lmu_hw.sim.cosim.memory import BoundCheck
from lmu_hw.sim.cosim.network import NetworkDeviation, NetworkDigitalCheck
from lmu_hw.sim.cosim.spiking import DecodedError, SpikingCosim
from lmu_hw.sim.mixed.network import MixedRun

PACKAGES = ("lmu_hw", "lmu_hw.rtl", "lmu_hw.analog", "lmu_hw.sim", "lmu_hw.spiking", "lmu_hw.training")
JSON_AND_PLOT = ("to_dict", "plot")


# --- names


@pytest.mark.parametrize("package", PACKAGES)
def test_dir_all_and_star_import_agree(package: str) -> None:
    module = import_module(package)
    assert module.__all__
    assert set(module.__all__) <= set(dir(module))
    seen: dict[str, Any] = {}
    exec(f"from {package} import *", seen)  # noqa: S102 - this is what is tested
    assert set(module.__all__) == seen.keys() - {"__builtins__"}
    assert all(seen[name] is getattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("package", PACKAGES)
def test_help_names_every_public_name_and_opens_with_what_the_package_is_for(package: str) -> None:
    module = import_module(package)
    text = pydoc.plain(pydoc.render_doc(module))
    assert module.__doc__ is not None
    assert module.__doc__.splitlines()[0] in text
    missing = [name for name in module.__all__ if name not in text]
    assert not missing


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_described(package: str) -> None:
    module = import_module(package)
    objects = {name: getattr(module, name) for name in module.__all__}
    assert not [n for n, each in objects.items() if callable(each) and not (inspect.getdoc(each) or "").strip()]


@pytest.mark.parametrize(
    ("typed", "completed"), [("lmu_hw.plan_m", "lmu_hw.plan_memory("), ("lmu_hw.rt", "lmu_hw.rtl")]
)
def test_names_are_completed_before_they_are_used(typed: str, completed: str) -> None:
    program = (
        f"import lmu_hw, rlcompleter, sys\nprint(rlcompleter.Completer({{'lmu_hw': lmu_hw}}).complete({typed!r}, 0))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == completed
    assert rlcompleter.Completer({"lmu_hw": lmu_hw}).complete(typed, 0) == completed


def test_importing_the_package_loads_none_of_it() -> None:
    program = "import lmu_hw, sys; print(sorted(m for m in sys.modules if m.startswith(('lmu_hw', 'numpy', 'jax'))))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['lmu_hw']"


@pytest.mark.slow
def test_a_type_checker_sees_every_public_name(tmp_path: Path) -> None:
    """An attribute that mypy does not know, or knows as Any only, is an error of this program."""
    names = [f"reveal_type({package}.{name})" for package in PACKAGES for name in import_module(package).__all__]
    # Members of enumerations may be given by name, and paths as texts.
    calls = [
        "spec = lmu_hw.LMUSpec(order=16, theta=1.0, dt=0.001, discretization='ab2', basis='legendre')",
        "network = lmu_hw.load_network('network.npz')",
        "lmu_hw.Network(network.layers, output='last')",
        "lmu_hw.plan_network(network, [[[0.0]]], weight_bits=6, granularity='tensor', datapath='dense')",
        "lmu_hw.LayerOptions(clipping='largest')",
        "lmu_hw.rtl.generate_verilog(lmu_hw.plan_memory(spec), lanes=4).write('build')",
        "lmu_hw.analog.design_memory(6, 0.01, topology='ladder', resistors='E96').plot()",
        "lmu_hw.import_state_dict('model.pt', theta=64.0, output='last')",
    ]
    program = tmp_path / "program.py"
    program.write_text("\n".join(["import " + ", ".join(PACKAGES), *names, *calls, ""]))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", str(program)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stdout[-2000:]
    revealed = [line for line in done.stdout.splitlines() if "Revealed type is" in line]
    assert len(revealed) == len(names)
    assert not [line for line in revealed if line.endswith('is "Any"')]


# --- paths


def callables() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every public function, and every public method of a public class, with the constructor."""
    for package in PACKAGES:
        module = import_module(package)
        for name in module.__all__:
            each = getattr(module, name)
            if isinstance(each, types.FunctionType):
                yield f"{package}.{name}", each
            elif inspect.isclass(each):
                for method, function in inspect.getmembers(each, inspect.isroutine):
                    if (not method.startswith("_") or method == "__init__") and hasattr(function, "__annotations__"):
                        yield f"{package}.{name}.{method}", function


def test_every_path_may_be_a_text() -> None:
    found, wrong = 0, []
    for name, function in callables():
        for parameter, annotation in function.__annotations__.items():
            kinds = str(annotation)
            if parameter != "return" and "Path" in kinds:
                found += 1
                if "str" not in kinds and not name.endswith(
                    (".BenchResult.__init__", "Result.__init__", "Cosim.__init__")
                ):
                    wrong.append(f"{name}({parameter}: {kinds})")
    assert found > 10
    assert not wrong


def test_files_are_read_and_written_by_text_and_by_path(tmp_path: Path) -> None:
    network = load_pretrained("digits_linear")
    np.save(tmp_path / "samples.npy", np.linspace(-1.0, 1.0, 5))
    plan = plan_memory(LMUSpec(2, 1.0, 0.1))
    design = analog.design_memory(2, 0.01)
    made = rtl.generate_verilog(plan)
    for form in (str, Path):
        folder = tmp_path / form.__name__
        path = form(folder / "network.npz")
        assert save_network(path, network) == Path(path)
        assert load_network(path).parameters == network.parameters
        assert read_signal(form(tmp_path / "samples.npy")).samples.size == 5
        assert made.write(form(folder))["verilog"].is_file()
        assert analog.write_design(design, form(folder))["netlist"].is_file()
    with pytest.raises(DesignError, match=r"^cannot read none\.npz: No such file"):
        load_network("none.npz")


# --- the command line's words


def keywords(function: Callable[..., Any]) -> set[str]:
    return set(inspect.signature(function).parameters)


def options(declared: type[Any]) -> set[str]:
    return {each.name for each in fields(declared)}


#: Options that say what a subcommand does with the result, not what is made.
_ELSEWHERE = {"seed", "circuit_error"}


@pytest.mark.parametrize(
    ("declared", "functions", "apart"),
    [
        (
            Design,
            (LMUSpec, plan_memory, rtl.generate_verilog, sim.cosimulate, analog.design_memory),
            {
                # attributes of `Tolerances` and of the models of devices
                *("resistor_tolerance", "capacitor_tolerance", "gm_tolerance", "tolerance_sigma"),
                *("gbw", "opamp_gain", "gm", "opamp_set", "ota_set"),
                # attributes of `Needs`, and `error_limit` of `design_memory`
                *("opamp_snr", "opamp_offset", "circuit_error"),
                *_ELSEWHERE,
            },
        ),
        (
            NetworkDesign,
            (plan_network, rtl.generate_network_verilog, sim.cosimulate_network),
            {*_ELSEWHERE},
        ),
        (SpikingChoice, (spiking.design_memory, spiking.NetworkOptions), set()),
        (Recording, (read_signal,), {"labels", "part"}),  # of sequences: `read_classes`, `read_targets`, `read_split`
        (ImportRequest, (lmu_hw.import_state_dict,), {"mapping"}),  # `read_mapping`
    ],
)
def test_keywords_are_the_options_of_the_command_line(
    declared: type[Any], functions: tuple[Callable[..., Any], ...], apart: set[str]
) -> None:
    known = set().union(*map(keywords, functions))
    assert options(declared) - apart <= known


def test_old_keywords_of_circuits_work_with_a_warning() -> None:
    new = analog.design_memory(3, 0.01, delays=(0.5,), coefficients=True, resistors="E24", capacitors="E12")
    series = (analog.design.parts.Series(name) for name in ("E24", "E12"))
    with pytest.warns(FutureWarning) as said:
        old = analog.design_memory(
            3,
            0.01,
            readout_delays=(0.5,),
            coefficient_outputs=True,
            resistor_series=next(series),
            capacitor_series=next(series),
        )
    assert {str(each.message) for each in said} == {
        "'readout_delays' of design_memory() is now 'delays'",
        "'coefficient_outputs' of design_memory() is now 'coefficients'",
        "'resistor_series' of design_memory() is now 'resistors'",
        "'capacitor_series' of design_memory() is now 'capacitors'",
    }
    assert all(each.filename == __file__ for each in said)
    assert old.to_dict() == new.to_dict()


def test_ranges_of_parts_are_still_taken_under_their_old_names() -> None:
    allowed = analog.design.parts.PartRange(2e3, 1e7)
    with pytest.warns(FutureWarning) as said:
        old = analog.design_memory(3, 0.01, resistors=allowed, resistor_series=analog.design.parts.Series("E24"))
    assert str(said[0].message) == "a range as 'resistors' of design_memory() is now 'resistor_range'"
    assert old.to_dict() == analog.design_memory(3, 0.01, resistor_range=allowed, resistors="E24").to_dict()


def test_an_old_keyword_beside_the_new_one_is_an_error() -> None:
    with pytest.raises(TypeError, match="'delays' and its old name 'readout_delays'"):
        analog.design_memory(3, 0.01, delays=(), readout_delays=())


def test_word_lengths_of_a_network_are_given_one_by_one_or_together() -> None:
    network, x = load_pretrained("digits_linear"), np.linspace(-1.0, 1.0, 64).reshape(1, 64, 1)
    one = plan_network(network, x, weight_bits=5, output_bits=16, granularity="tensor")
    together = lmu_hw.NetworkOptions(lmu_hw.LayerOptions(weight_bits=5, granularity="tensor"), output_bits=16)
    assert one.to_dict() == plan_network(network, x, together).to_dict()
    assert one.layers[-1].to_dict()["affine"]["weight_bits"] <= 5
    with pytest.raises(DesignError, match="options must be left out beside single choices, got weight_bits"):
        plan_network(network, x, together, weight_bits=5)


# --- results


@dataclass(frozen=True)
class Results:
    """One of each result that is made without a simulator."""

    plan: MemoryPlan
    network: NetworkPlan
    all: dict[str, Any]


@pytest.fixture(scope="module")
def results() -> Results:
    spec = LMUSpec(40, 1.0, 1e-2, discretization="bilinear")
    plan = plan_memory(spec, delays=(0.5, 1.0), input_bits=14, state_bits=22)
    network = load_pretrained("digits_linear")
    x = np.linspace(-1.0, 1.0, 256).reshape(4, 64, 1)
    quantized = plan_network(network, x)
    circuit = analog.design_memory(6, 0.01, resistors="E96", capacitors="E12")
    neurons = spiking.design_memory(LMUSpec(4, 0.5, 1e-3), neurons=200)
    memory = spiking.SpikingMemory(neurons)
    memory.run(np.sin(0.01 * np.arange(200)), record=True)
    made = {
        "signal": Signal(np.linspace(-1.0, 1.0, 9000), 48e3),
        "spec": spec,
        "continuous": continuous(spec),
        "discrete": discretize(spec),
        "plan": plan,
        "budget": plan.budget,
        "readouts": plan.readouts,
        "increment": plan.increment,
        "front": search(LMUSpec(3, 1.0, 1e-2), Band(1.0)),
        "network": network,
        "layer": network.layers[0],
        "network plan": quantized,
        "layer plan": quantized.layers[0],
        "Verilog": rtl.generate_verilog(plan_memory(LMUSpec(2, 1.0, 0.1))),
        "circuit": circuit,
        "parts": circuit.circuit,
        "yield": analog.analyse(circuit, analog.Tolerances(resistor=0.01, capacitor=0.01), draws=50),
        "neurons": neurons,
        "spikes": memory.spikes,
        "spiking memory": memory,
        "integer memory": IntegerMemory(plan),
        "integer network": lmu_hw.IntegerNetwork(quantized),
        "float memory": lmu_hw.FloatMemory(spec),
        "float network": lmu_hw.FloatNetwork(network),
    }
    return Results(plan, quantized, made)


def test_results_are_one_line_in_a_terminal_and_a_table_in_a_notebook(results: Results) -> None:
    for name, each in results.all.items():
        assert isinstance(each, Displayed), name
        line, table = repr(each), each._repr_html_()
        assert "\n" not in line, name
        assert len(line) <= LONGEST_LINE, name
        assert type(each).__name__ in line, name
        assert "array(" not in line, name
        assert table.startswith("<table>"), name
        assert len(table) < 4000, name


def test_results_are_plain_values(results: Results) -> None:
    models = ("memory", "network")  # which are not results but run; their plans are
    for name, each in results.all.items():
        if not name.startswith(("integer", "float", "spiking")) or name in models:
            json.dumps(each.to_dict(), allow_nan=False)


PLOTTED = (
    *("signal", "continuous", "discrete", "plan", "budget", "readouts", "front", "network", "network plan"),
    *("Verilog", "circuit", "yield", "neurons", "spikes"),
)


@pytest.mark.parametrize("name", PLOTTED)
def test_results_are_drawn_without_pyplot(results: Results, name: str) -> None:
    figure = results.all[name].plot()
    assert isinstance(figure, Plot)
    assert figure._repr_svg_().startswith("<?xml")
    assert not [panel for panel in figure.axes if not panel.get_xlabel() and panel.get_visible()]


def test_results_of_simulations_and_trainings_are_shown_in_the_same_way() -> None:
    time, states = 0.1 * np.arange(1.0, 5.0), np.linspace(-1.0, 1.0, 8).reshape(4, 2)
    digital = DigitalCheck(4, 8, 0, "icarus", (), True)
    bound = BoundCheck(1e-3, 1e-4, 0.1, True)
    forms = (states, states, states)
    made = [
        sim.CosimResult(digital, bound, None, time, states[:, 0], *forms, states[:2], None, None, None),
        sim.NetworkCosim(
            NetworkDigitalCheck(1, 4, 8, 0, 0, "icarus", (), True),
            NetworkDeviation(1e-3, 1e-4, 0),
            {"float": 0.5, "rtl": None},
            *forms,
            10,
            None,
        ),
        SpikingCosim(
            digital,
            bound,
            digital,
            DecodedError(0.1, 0.1, 0.1, 0.1, 0.1, 1.0),
            time,
            states[:, 0],
            *forms,
            states,
            None,
            (),
            True,
        ),
        MixedRun(states, np.ones((4, 2), int), np.ones((4, 2), int), np.ones(4, int), 0.1, 0, 0, 1.0, ()),
    ]
    for result in made:
        line = repr(result)
        assert "passed: True" in line
        assert "\n" not in line
        assert len(line) <= LONGEST_LINE
        assert result._repr_html_().startswith("<table>")
        json.dumps(result.to_dict(), allow_nan=False)
        assert result.plot().svg().startswith("<?xml")


def test_a_training_is_shown_by_its_learning_curve() -> None:
    loop = pytest.importorskip("lmu_hw.training.loop")
    history = [{"epoch": k, "loss": 1.0 / k, "accuracy": 0.5 + 0.1 * k} for k in (1, 2, 3)]
    result = loop.FitResult([], 0.8, 3, history, [])
    assert repr(result) == "<FitResult accuracy: 0.8; at epoch: 3 of 3; last loss: 0.3333>"
    assert result.to_dict() == {"value": 0.8, "epoch": 3, "history": history}
    assert [line.get_label() for line in result.plot().axes[0].lines] == ["loss", "accuracy"]


def test_a_drawing_is_the_same_for_the_same_data_and_is_saved_in_any_format(results: Results, tmp_path: Path) -> None:
    figure = results.plan.plot()
    assert figure.svg() == results.plan.plot().svg()
    figure.savefig(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 1000


def test_a_specification_is_shown_as_the_call_that_makes_it() -> None:
    spec = LMUSpec(6, 1.0, 1e-3, discretization="ab2", basis="orthonormal")
    assert eval(repr(spec)) == spec  # noqa: S307 - this is what is tested
    assert repr(ContinuousSystem(spec, np.eye(6), np.ones(6))).startswith("<ContinuousSystem order: 6;")
