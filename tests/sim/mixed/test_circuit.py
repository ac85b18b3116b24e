"""ngspice in lock-step inside an HDL simulation, against exact solutions; and how it fails."""

from __future__ import annotations

import json
import textwrap
import time

import numpy as np
import pytest
from scipy.linalg import expm

from lmu_hw.errors import DesignError, MissingToolError
from lmu_hw.sim.hdl.runner import BenchResult, Simulator
from lmu_hw.sim.mixed.circuit import MixedCircuit, run_mixed_bench

PERIOD = 50e-6

# Two integrators in a ring, tau = 1 ms: x0' = (u - x1) / tau, x1' = (x0 - x1) / tau; y = 2 x1.
RING = """\
* two integrators in a ring
.subckt ring u x0 x1
+ y
Bx0 0 x0 I=v(u)-v(x1)
Cx0 x0 0 1e-3
Bx1 0 x1 I=v(x0)-v(x1)
Cx1 x1 0 1e-3
Rx0 x0 0 1e12
Rx1 x1 0 1e12
Ey y 0 x1 0 2.0
.ends ring
"""
A = np.array([[0.0, -1.0], [1.0, -1.0]]) / 1e-3
B = np.array([1.0, 0.0]) / 1e-3

BENCH = """\
import json
import random
from pathlib import Path

import cocotb
from cocotb.triggers import Timer

from lmu_hw.sim.hdl.runner import bench_parameters

@cocotb.test()
async def drives(dut):
    parameters = bench_parameters()
    analog = parameters["analog"]
    rows = []
    await Timer(analog["period_ps"] + analog["offset_ps"], "ps")
    for u in parameters["inputs"]:
        rows.append([float(getattr(dut, name).value) for name in analog["outputs"]])
        dut.u.value = u
        await Timer(analog["period_ps"], "ps")
    rows.append([float(getattr(dut, name).value) for name in analog["outputs"]])
    Path("seen.json").write_text(json.dumps(rows))
"""

both = pytest.mark.parametrize("simulator", list(Simulator))
INPUTS = np.random.default_rng(7).uniform(-1, 1, 60).round(3).tolist()


def ring(**changes) -> MixedCircuit:
    options = {
        "netlist": RING,
        "subcircuit": "ring",
        "inputs": ("u",),
        "outputs": ("x0", "x1", "y"),
        "period": PERIOD,
    } | changes
    return MixedCircuit(**options)


@pytest.fixture
def run(tmp_path, monkeypatch):
    benches = tmp_path / "benches"
    benches.mkdir()
    (benches / "bench_ring.py").write_text(BENCH)
    monkeypatch.syspath_prepend(str(benches))
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # what is said must come through without the caller's help

    def go(simulator: Simulator, circuit: MixedCircuit, **options) -> BenchResult:
        options.setdefault("timeout_s", 60.0)
        options.setdefault("periods", len(INPUTS) + 2)
        options.setdefault("parameters", {"inputs": INPUTS})
        build_dir = options.pop("build_dir", tmp_path / "build")
        return run_mixed_bench(simulator, circuit, options.pop("periods"), "bench_ring", build_dir, **options)

    return go


def exact(inputs: list[float]) -> np.ndarray:
    """x0, x1 and y at every exchange, by the exponential of the joined system."""
    joined = np.zeros((3, 3))
    joined[:2, :2], joined[:2, 2] = A * PERIOD, B * PERIOD
    flow = expm(joined)
    states = [np.zeros(2)]
    for u in inputs:
        states.append(flow[:2, :2] @ states[-1] + flow[:2, 2] * u)
    return np.array([[x0, x1, 2 * x1] for x0, x1 in states])


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> dict[Simulator, np.ndarray]:
    """What the bench read in each simulator, (exchanges, outputs)."""
    folder = tmp_path_factory.mktemp("ring")
    (folder / "bench_ring.py").write_text(BENCH)
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        for simulator in Simulator:
            result = run_mixed_bench(
                simulator,
                ring(),
                len(INPUTS) + 2,
                "bench_ring",
                folder / simulator,
                timeout_s=60.0,
                parameters={"inputs": INPUTS},
            )
            assert result.messages == ()
            found[simulator] = np.array(json.loads((result.run_dir / "seen.json").read_text()))
    return found


@both
def test_states_agree_with_the_exact_solution(seen, simulator):
    wanted = exact(INPUTS)
    np.testing.assert_allclose(seen[simulator], wanted, rtol=0, atol=2e-5 * np.abs(wanted).max())


def test_the_simulators_agree(seen):
    np.testing.assert_allclose(seen[Simulator.ICARUS], seen[Simulator.VERILATOR], rtol=0, atol=1e-8)


@both
def test_a_digital_design_drives_the_circuit(run, simulator, tmp_path):
    """Verilog holds the input; the bench only looks on."""
    (tmp_path / "design.v").write_text(
        textwrap.dedent(f"""\
        module board;
          real u = 0.0;
          real x0, x1, y;
          ring memory(.u(u), .x0(x0), .x1(x1), .y(y));
          initial begin
            #{PERIOD * 1e9:.0f} #1 u = 0.75;
            #{4 * PERIOD * 1e9:.0f} u = -0.5;
          end
        endmodule
    """)
    )
    (tmp_path / "benches" / "bench_ring.py").write_text(BENCH.replace("dut.u.value = u", ""))
    inputs = [0.75] * 4 + [-0.5] * 6
    result = run(
        simulator,
        ring(),
        sources=[tmp_path / "design.v"],
        top="board",
        instance="board.memory",
        parameters={"inputs": inputs},
    )
    assert result.messages == ()
    seen = np.array(json.loads((result.run_dir / "seen.json").read_text()))
    np.testing.assert_allclose(seen, exact(inputs), rtol=0, atol=2e-5)


@both
def test_a_circuit_that_stops_before_the_bench_is_killed_and_named(run, simulator):
    start = time.monotonic()
    result = run(simulator, ring(), periods=1, parameters={"inputs": INPUTS * 3}, timeout_s=7.0)
    assert not result.passed
    assert result.messages[0].startswith("ngspice: the circuit's simulation ended before the bench did")
    assert "killed" in result.messages[1]
    assert time.monotonic() - start < 120


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("Ey y", ".include nosuch.lib\nEy y"), "Could not find include file nosuch.lib"),
        (("Ey y 0 x1 0 2.0", "Xy y x1 nosuch"), "unknown subckt"),
        (("Rx0 x0 0 1e12", "Rx0 x0 0 nonsense"), "nonsense"),
        (("Rx0 x0 0 1e12", "Cz z1 z2 1e-9"), "singular matrix"),
        (("1e12\nRx1", "1e12\nBz z 0 V=sqrt(-1-v(u)*v(u))\nRz z 0 1.0\nRx1"), "out of range for sqrt"),
    ],
)
def test_what_ngspice_complains_about_is_one_line(run, change, words):
    result = run(Simulator.ICARUS, ring(netlist=RING.replace(*change)), timeout_s=5.0)
    assert not result.passed
    assert result.messages[0].startswith("ngspice: ")
    assert words in result.messages[0]


def test_a_wrong_instance_is_no_pass(run):
    result = run(Simulator.ICARUS, ring(), instance="mixed_top.other", timeout_s=5.0)
    assert not result.passed
    assert 'instance "mixed_top.other" not found' in result.messages[0]


def test_a_missing_plugin(run, monkeypatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "spicebind" else find(name))
    with pytest.raises(MissingToolError, match="pip install spicebind"):
        run(Simulator.ICARUS, ring())


def test_a_missing_library(run, monkeypatch):
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    with pytest.raises(MissingToolError, match="apt install libngspice0-dev"):
        run(Simulator.ICARUS, ring())


def test_text_is_the_same_each_time_and_numbers_are_plain():
    assert ring().deck(10) == ring().deck(10)
    assert "pulse(0 1 0 500000e-12 500000e-12 500000e-12 50000000e-12)" in ring().deck(10)
    assert "Vu u 0 external\n" in ring().deck(10)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"inputs": ("u", "U")}, "different names"),
        ({"outputs": ()}, "different names"),
        ({"outputs": ("x0", "x1")}, "its pins u x0 x1 y"),
        ({"outputs": ("x0", "x1", "y", "z")}, "its pins u x0 x1 y"),
        ({"subcircuit": "other"}, "defines .subckt other"),
        ({"netlist": RING + ".TRAN 1e-6 1\n"}, "without analyses"),
        ({"netlist": RING + ".control\nshell date\n.endc\n"}, "without analyses"),
        ({"inputs": ("u;",)}, "letter followed by"),
        ({"period": 0.0}, "period must be from 1e-9 s"),
        ({"period": float("nan")}, "period must be from 1e-9 s"),
        ({"max_step": 1.0}, "largest step"),
    ],
)
def test_wrong_circuits_are_refused(change, words):
    with pytest.raises(DesignError, match=words):
        ring(**change)
