"""`lmu-hw verilog` and `lmu-hw spice`: the packages' files, with the command that made them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lmu_hw.analog.amplifiers.library import CAUTION
from lmu_hw.analog.design.memory import STYLES, TOPOLOGIES
from lmu_hw.analog.export.files import write_design
from lmu_hw.cli.spice import design_circuit, questions
from lmu_hw.core.band import continuous_band, usable_band
from lmu_hw.core.spec import LMUSpec
from lmu_hw.design.memory import Design
from lmu_hw.rtl.memory.verilog import generate_verilog
from tests.cli.conftest import Lmu

CIRCUIT = ["--order", 4, "--theta", 0.01]
MEMORY = [*CIRCUIT, "--dt", 0.0001]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("method", ["zoh", "ab2"])
def test_verilog(lmu: Lmu, tmp_path: Path, method: str) -> None:
    words = ["verilog", *MEMORY, "--discretization", method, "--lanes", 1, "--channels", 2, "--name", "bank"]
    called = lmu(*words, "--out", "out", "--json")
    assert (called.status, called.err) == (0, "")
    out = tmp_path / "out"
    assert names(out) == ["README.txt", "bank.core", "bank.v", "manifest.json"]
    design = Design(order=4, theta=0.01, dt=0.0001, discretization=method, channels=2, name="bank")
    command = f"lmu-hw verilog {design.flags()}"
    made = generate_verilog(design.plan(), name="bank", channels=2, command=command)
    assert (out / "bank.v").read_text(encoding="utf-8") == made.text
    assert json.loads((out / "manifest.json").read_text(encoding="utf-8")) == called.answer
    assert called.answer.keys() >= {
        "ports",
        "formats",
        "latency_cycles",
        "cycles_per_sample",
        "multiplications_per_sample",
    }
    assert command in (out / "bank.v").read_text(encoding="utf-8").split("/*")[0]
    assert "--channels 2" in command


def test_a_circuit_that_is_refused_is_written_where_that_is_allowed(lmu: Lmu, tmp_path: Path) -> None:
    words = ("spice", "--order", 6, "--theta", "10us", "--out", "out")
    refused = lmu(*words)
    assert refused.status == 2
    assert not (tmp_path / "out").exists()
    called = lmu(*words, "--allow", "--json")
    assert called.status == 0
    assert called.err.startswith("lmu-hw: note: allowed all the same: the predicted error of the outputs")
    assert len(called.answer["allowed"]) == 1
    assert "allowed all the same" in (tmp_path / "out" / "lmu_memory.cir").read_text(encoding="utf-8")


def test_the_cheapest_op_amp_that_meets_the_design_is_taken(lmu: Lmu) -> None:
    words = ("spice", "--order", 3, "--theta", "10ms", "--supply", "2.5V", "--opamp", "auto", "--json")
    cheap = lmu(*words).answer["selection"]
    assert all("rails" in reason for reason in cheap["rejected"].values())
    quiet = lmu(*words, "--opamp-offset", "0.3mV").answer
    assert quiet["selection"]["usd_each"] > cheap["usd_each"]
    assert "an offset of" in quiet["selection"]["rejected"][cheap["part"]]
    found = quiet["offset"]["y0"]
    assert found["offset_volts_rms"] + abs(found["bias_volts"]) <= 3e-4


def test_an_answer_with_a_part_of_the_library_says_what_to_check_before_ordering(lmu: Lmu) -> None:
    words = ("spice", "--order", 2, "--theta", "10ms", "--supply", "2.5V")
    for opamp in ("TLV9062", "auto"):
        answer = lmu(*words, "--opamp", opamp, "--json").answer
        assert answer["part"]["caution"] == CAUTION
        assert CAUTION in " ".join(lmu(*words, "--opamp", opamp).out.split())
    assert lmu(*words, "--json").answer["part"] is None
    called = lmu("cosim", *words[1:], "--rate", "5kHz", "--samples", 20, "--simulator", "icarus", "--opamp", "TLV9062")
    assert CAUTION in " ".join(called.out.split())


def test_the_supply_current_of_a_part_is_its_own(lmu: Lmu) -> None:
    words = ("spice", *CIRCUIT, "--supply", "2.5V", "--opamp", "TLV9062")
    found, shown = lmu(*words, "--json").answer, " ".join(lmu(*words).out.split())
    assert found["power_watts"]["supply_amps"] == pytest.approx(found["opamps"] * found["opamp"]["quiescent"])
    assert f"{1e3 * found['opamp']['quiescent']:.4g} mA each, typical of TLV9062, from ±2.5 V" in shown


def test_where_the_files_go_does_not_change_them(lmu: Lmu, tmp_path: Path) -> None:
    (tmp_path / "d.toml").write_text("order = 4\ntheta = 0.01\ndt = 0.0001\n", encoding="utf-8")
    lmu("verilog", *MEMORY, "--out", "a")
    lmu("verilog", "--design", "d.toml", "--out", tmp_path / "b", "--json")
    assert names(tmp_path / "a") == names(tmp_path / "b")
    for name in names(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_without_out_nothing_is_written(lmu: Lmu, tmp_path: Path) -> None:
    for subcommand, words in {"verilog": MEMORY, "spice": CIRCUIT}.items():
        assert lmu(subcommand, *words).status == 0
    assert list(tmp_path.iterdir()) == []


FLAGS: dict[str, dict[str, object]] = {
    "": {},
    "--opamp ideal": {"opamp": "ideal"},
    "--opamp macro --style opamp-rc-differential --supply 3": {
        "opamp": "macro",
        "style": "opamp-rc-differential",
        "supply": 3.0,
    },
    "--gbw 2e6 --opamp-gain 1e5 --supply 2.5": {"gbw": 2e6, "opamp_gain": 1e5, "supply": 2.5},
    "--topology chain --resistors E96 --capacitors E12": {"topology": "chain", "resistors": "E96", "capacitors": "E12"},
    "--topology ladder --style opamp-rc-differential --coefficients --delays 0.5,1": {
        "topology": "ladder",
        "style": "opamp-rc-differential",
        "coefficients": True,
        "delays": (0.5, 1.0),
    },
    "--style gm-c --ota macro --gm 2e-6 --gm-tolerance 0.01 --circuit-error 0.1 --seed 3": {
        "style": "gm-c",
        "ota": "macro",
        "gm": 2e-6,
        "gm_tolerance": 0.01,
        "circuit_error": 0.1,
        "seed": 3,
    },
}


@pytest.mark.parametrize("flags", FLAGS)
def test_spice(lmu: Lmu, tmp_path: Path, flags: str) -> None:
    called = lmu("spice", "--order", 4, "--theta", 0.01, *flags.split(), "--name", "delay", "--out", "out", "--json")
    assert (called.status, called.err) == (0, "")
    made = ["bom.csv", "delay.cir", "delay.lib", "delay.net", "delay.svg", "manifest.json"]
    assert names(tmp_path / "out") == ["README.txt", *made]
    assert called.answer == json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert called.answer.keys() >= {"couplings", "elements", "nodes"}
    design = Design(order=4, theta=0.01, name="delay", **FLAGS[flags])  # type: ignore[arg-type]
    command = f"lmu-hw spice {design.flags()}"
    write_design(design_circuit(design), tmp_path / "direct", command, questions(design))
    for name in names(tmp_path / "direct"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "direct" / name).read_bytes()


def test_spice_answers_what_it_is_asked(lmu: Lmu) -> None:
    asked = ["--resistors", "E24", "--resistor-tolerance", 0.01, "--circuit-error", 0.2, "--topology", "ladder"]
    answer = lmu("spice", "--order", 4, "--theta", 0.01, *asked, "--json").answer
    assert answer["couplings"] == 7
    assert answer["rounding"]["joint_nrmse"] < answer["rounding"]["nearest_nrmse"]
    assert 0.0 < answer["tolerance"]["median_nrmse"] < answer["tolerance"]["nrmse_of_95_percent"]
    assert answer["requirement"]["predicted"] <= 0.2
    assert answer["requirement"]["gbw"] < 1e6
    shown = lmu("spice", "--order", 4, "--theta", 0.01, *asked).out
    for row in ("standard values", "with tolerances", "most of it from", "for NRMSE 0.2", "power"):
        assert row in shown


def test_a_requirement_that_the_yield_misses_is_not_shown_as_met(lmu: Lmu) -> None:
    """Parts of 1 % spoil the circuit, weak op-amps another: both are told beside the amplifiers that are needed."""
    ladder = ["spice", "--order", 6, "--theta", 0.01, "--topology", "ladder", "--circuit-error", "5%"]
    loose = [*ladder, "--resistor-tolerance", "1%", "--tolerance-sigma"]
    found = lmu(*loose, "--json").answer
    assert found["requirement"]["met"]
    assert 0.5 < found["tolerance"]["yield"] < 0.95
    shown = " ".join(lmu(*loose).out.split())
    assert (
        f"{100 * found['tolerance']['yield']:.3g} % of 1000 drawn circuits keep it, fewer than 95 %: NOT MET" in shown
    )
    tight = " ".join(lmu(*ladder, "--resistor-tolerance", "0.1%").out.split())
    assert "100 % of 1000 drawn circuits keep it" in tight
    assert "NOT" not in tight
    weak = [*ladder, "--gbw", "20kHz", "--opamp-gain", 100, "--allow"]
    corrected = " ".join(lmu(*weak).out.split())
    assert "kept by those of this design, which is corrected for them" in corrected
    assert "NOT KEPT" not in corrected
    weak.append("--no-correction")
    assert not lmu(*weak, "--json").answer["requirement"]["met"]
    assert "NOT KEPT by those of this design" in " ".join(lmu(*weak).out.split())


def test_power_states_its_supply_current(lmu: Lmu) -> None:
    words = ["spice", *CIRCUIT, "--gbw", "2MHz", "--supply", "3V"]
    found, shown = lmu(*words, "--json").answer, " ".join(lmu(*words).out.split())
    power, count = found["power_watts"], found["opamps"]
    assert power["supply_amps"] == pytest.approx(count * 0.2e-3)
    assert power["amplifiers"] == pytest.approx(6.0 * power["supply_amps"])
    assert f"({count} at an assumed 0.2 mA each, 0.1 mA per MHz of gain-bandwidth product, from ±3 V)" in shown
    ideal = [*CIRCUIT, "--opamp", "ideal"]
    assert lmu("spice", *ideal, "--json").answer["power_watts"]["supply_amps"] is None
    assert "ideal ones state no supply current" in lmu("spice", *ideal).out


def test_the_usable_band_is_that_of_the_system_wherever_it_is_shown(lmu: Lmu, recording: Path) -> None:
    sampled = usable_band(LMUSpec(4, 0.01, 0.0001)).to_dict()
    run = ["run", *MEMORY, "--input", recording]
    for words in (["derive", *MEMORY], ["quantize", *MEMORY], ["verilog", *MEMORY], run):
        assert lmu(*words, "--json").answer["usable_band"] == sampled, words
        assert "usable band" in lmu(*words).out
    assert lmu("spice", *CIRCUIT, "--json").answer["usable_band"] == continuous_band(4, 0.01).to_dict()
    assert "usable band" in lmu("spice", *CIRCUIT).out


def test_what_a_clock_allows_is_the_same_in_the_plan_and_in_the_manifest(lmu: Lmu) -> None:
    words = [*MEMORY, "--clock", "1MHz", "--delays", "0.5"]
    plan, manifest = lmu("quantize", *words, "--json").answer["cost"], lmu("verilog", *words, "--json").answer
    for key in ("memory_bits", "memory_bits_total", "clock_budget", "cycles_per_sample"):
        assert plan[key] == manifest[key]
    assert manifest["clock_budget"]["fits"]
    for subcommand in ("quantize", "verilog"):
        assert "yes: 17 of the 100 cycles in dt = 100 µs for a sample, 17 % used" in lmu(subcommand, *words).out
    slow = " ".join(lmu("verilog", *MEMORY, "--clock", "100kHz").out.split())
    assert "NO: 17 of the 10 cycles in dt = 100 µs for a sample, 170 % used; it needs 170 kHz, or more lanes" in slow


def test_spice_checks_the_step_of_a_design_file(lmu: Lmu, tmp_path: Path) -> None:
    (tmp_path / "d.toml").write_text("order = 4\ntheta = 0.01\ndt = 0.1\n", encoding="utf-8")
    called = lmu("spice", "--design", "d.toml")
    assert (called.status, called.err) == (2, "lmu-hw: dt of d.toml must be at most theta = 0.01 s, got 0.1\n")


def test_tables(lmu: Lmu) -> None:
    shown = lmu("verilog", *MEMORY).out
    assert "in_ready" in shown
    assert shown.endswith("nothing was written; give --out DIR for lmu_memory.v, lmu_memory.core, manifest.json\n")
    assert "couplings" in lmu("spice", *CIRCUIT).out


def test_spice_offers_every_topology_and_technology(lmu: Lmu) -> None:
    told = lmu("spice", "--help").out
    for name in (*TOPOLOGIES, *STYLES):
        assert name in told
