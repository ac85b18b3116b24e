"""Design files: the same keys as the flags, flags win, nothing is swallowed."""

from __future__ import annotations

import shlex
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from lmu_hw.design.files import load_any_design, load_design
from lmu_hw.design.memory import Design
from lmu_hw.design.network import NetworkDesign
from lmu_hw.design.usage import effective_flags
from lmu_hw.errors import DesignError, Notice
from tests.cli.conftest import Lmu

EVERYTHING = """
order = 6
theta = 1            # whole numbers stand for real ones
dt = 0.001
discretization = "ab2"
basis = "legendre"
name = "filter_bank"
input_bits = 10
state_bits = 14
coefficient_bits = 15
output_bits = 20
datapath = "chain"
structured_error = 1e-3
guarantee = "energy"
error_feedback = false
delays = [0, 0.5]
lanes = 1
unrolled = false
channels = 2
port_bits = 12
clock = "100MHz"
target = "ecp5"
simulator = "icarus"
topology = "dense"
style = "opamp-rc"
opamp = "ideal"
gbw = 2e6
opamp_gain = 1e5
ota = "macro"
gm = 1e-5
opamp_set = ["noise=5e-9", "offset=1mV"]
opamp_snr = 90.0
opamp_offset = 0.001
ota_set = ["linear=0.2"]
correction = false
allow = true
supply = 2.5
resistors = "E96"
capacitors = "E12"
resistor_tolerance = 0.01
capacitor_tolerance = 0.02
gm_tolerance = 0.03
tolerance_sigma = true
coefficients = true
circuit_error = 0.1
seed = 7
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "design.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_key_is_read(tmp_path: Path) -> None:
    design = load_design(write(tmp_path, EVERYTHING), {})
    expected = Design(
        order=6,
        theta=1.0,
        dt=0.001,
        discretization="ab2",
        name="filter_bank",
        input_bits=10,
        state_bits=14,
        coefficient_bits=15,
        output_bits=20,
        datapath="chain",
        structured_error=1e-3,
        guarantee="energy",
        error_feedback=False,
        delays=(0.0, 0.5),
        channels=2,
        port_bits=12,
        clock=100e6,
        target="ecp5",
        simulator="icarus",
        opamp="ideal",
        gbw=2e6,
        opamp_gain=1e5,
        ota="macro",
        gm=1e-5,
        opamp_set=("noise=5e-9", "offset=1mV"),
        opamp_snr=90.0,
        opamp_offset=0.001,
        ota_set=("linear=0.2",),
        correction=False,
        allow=True,
        supply=2.5,
        resistors="E96",
        capacitors="E12",
        resistor_tolerance=0.01,
        capacitor_tolerance=0.02,
        gm_tolerance=0.03,
        tolerance_sigma=True,
        coefficients=True,
        circuit_error=0.1,
        seed=7,
    )
    assert design == expected
    assert len(EVERYTHING.strip().splitlines()) == len(fields(Design))


def test_given_values_win(tmp_path: Path) -> None:
    path = write(tmp_path, EVERYTHING)
    assert load_design(path, {"order": 4, "dt": 0.01}) == replace(load_design(path, {}), order=4, dt=0.01)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("thta = 1.0", "; did you mean theta?"),
        ("state-bits = 3", "; did you mean state_bits?"),
        ("STATE_BITS = 3", "; did you mean state_bits?"),
        ("colour = 1", "got colour; the keys are order, theta, dt, "),
        ("neurons = 40", "give --neurons on the command line"),
        ("weight_bits = 8", "it belongs to a network, which a key `network` names"),
        ("[memory]\norder = 6", ", got memory"),
        ("order = 6.0", "order must be an integer, got 6.0"),
        ("order = true", "order must be an integer, got true"),
        ("theta = 'one'", "theta must be a time in seconds, such as 0.01, 10ms or 1/48kHz, got one"),
        ("theta = '10Hz'", "got 10Hz; 10Hz is a frequency, 1/10Hz a time"),
        ("rate = '0Hz'", "rate must be a positive number of Hz, got 0.0"),
        ("dt = 1\nrate = 1", "design.toml say the same; give one of them"),
        ("delays = 0.5", "delays must be a list of numbers, got 0.5"),
        ("delays = [nan]", "delays must be finite, got nan"),
        ("lanes = '2'", 'lanes must be an integer, got "2"'),
        ("delays = ['2ms']", "the delay 2ms is a time, which needs --theta; or give a share of θ"),
        ("theta = 0.01\ndelays = [0.5, '12ms']", "the delay 12ms, which is 1.2 of θ, is not within the window; "),
        ("theta = true", "theta must be a number, got true"),
        ("name = 3", "name must be a text, got 3"),
        ("name = 'no good'", "name must be a letter followed by"),
        ("seed = -3", "seed must be an integer of 0 or more, got -3"),
        ("order = [6]", "order must be an integer, got [6]"),
    ],
)
def test_what_a_file_may_not_hold(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(DesignError) as caught:
        load_design(path, {})
    assert str(path) in str(caught.value)
    assert said in str(caught.value).replace(f" of {path}", "")


def test_a_list_may_be_one_text_as_on_the_command_line(tmp_path: Path) -> None:
    memory = "order = 6\ntheta = '10ms'\ndt = 0.001\n"
    as_list = load_design(write(tmp_path, memory + "delays = ['2ms', 0.5, '100%']"), {})
    assert load_design(write(tmp_path, memory + "delays = '2ms,0.5,100%'"), {}) == as_list


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    assert load_design(write(tmp_path, "\ufefforder = 6\n"), {}).order == 6


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(DesignError, match="design file must be at most 1 MiB long"):
        load_design(write(tmp_path, "#" * (1 << 20) + "\norder = 6\n"), {})


@pytest.mark.parametrize(
    "values",
    [
        {"order": 6, "theta": 0.1, "dt": 1e-5},
        {"order": 6, "theta": 0.1, "discretization": "euler", "state_bits": 9, "seed": 3, "name": "x_1"},
    ],
)
def test_flags_give_the_same_design(values: dict[str, Any]) -> None:
    design = Design(**values)
    words = shlex.split(design.flags())
    assert [word.removeprefix("--").replace("-", "_") for word in words[::2]] == [
        field.name for field in fields(Design) if field.name in values
    ]
    kinds = {name: type(value) for name, value in values.items()}
    back = {flag[2:].replace("-", "_"): word for flag, word in zip(words[::2], words[1::2], strict=True)}
    assert {name: kinds[name](word) for name, word in back.items()} == values


def test_the_command_line_lays_flags_over_the_file(lmu: Lmu, tmp_path: Path) -> None:
    write(tmp_path, 'order = 6\ntheta = 1.0\ndt = 0.001\ndiscretization = "euler"\nstate_bits = 20\n')
    answer = lmu("quantize", "--design", "design.toml", "--state-bits", "14", "--order", "4", "--json").answer
    assert answer["spec"] == {
        "order": 4,
        "theta": 1.0,
        "dt": 0.001,
        "discretization": "euler",
        "basis": "legendre",
    }
    assert answer["formats"]["state"]["width"] == 14


def test_every_subcommand_takes_the_same_file(lmu: Lmu, tmp_path: Path) -> None:
    without_effect = ("structured_error", "guarantee", "opamp =", "opamp_snr", "opamp_offset", "ota", "gm")
    consistent = [line for line in EVERYTHING.splitlines() if not line.startswith(without_effect)]
    write(tmp_path, "\n".join(consistent))
    by_flags = lmu("verilog", *shlex.split(effective_flags("verilog", load_design(tmp_path / "design.toml", {}))))
    for subcommand in ("derive", "quantize", "spice"):
        assert lmu(subcommand, "--design", "design.toml").status == 0
    assert by_flags.status == 0
    assert lmu("verilog", "--design", "design.toml") == by_flags


UNITS = """
order = 6
theta = "10ms"
rate = "48kHz"
delays = ["2ms", 0.5, "100%"]
gbw = "3MHz"
supply = "2500mV"
resistor_tolerance = "1%"
"""


def test_numbers_of_a_file_may_have_units(tmp_path: Path) -> None:
    design = load_design(write(tmp_path, UNITS), {})
    assert (design.theta, design.dt, design.delays) == (0.01, 1 / 48_000, (0.2, 0.5, 1.0))
    assert (design.gbw, design.supply, design.resistor_tolerance) == (3e6, 2.5, 0.01)


def test_the_step_of_a_flag_wins_over_the_rate_of_a_file_and_the_other_way_round(tmp_path: Path) -> None:
    path = write(tmp_path, UNITS)
    assert load_design(path, {"dt": 0.001}).dt == 0.001
    path.write_text("dt = 0.001\n", encoding="utf-8")
    assert load_design(path, {"rate": 4000.0}).dt == 0.00025


def test_former_keys_are_accepted_with_a_notice(tmp_path: Path) -> None:
    path = write(tmp_path, "resistor_sigma = 0.01")
    with pytest.warns(Notice, match=r"resistor_sigma in .* is resistor_tolerance now; the old name goes with the next"):
        design = load_design(path, {})
    assert design == load_design(write(tmp_path, "resistor_tolerance = 0.01"), {})
    write(tmp_path, 'network = "net.npz"\nsequences = 2')
    with pytest.warns(Notice, match="is parallel_sequences now"):
        network = load_any_design(path, {})
    assert isinstance(network, NetworkDesign)
    assert network.sequences == 2


def test_a_key_without_effect_is_an_error_unless_a_flag_changed_what_it_goes_with(lmu: Lmu, tmp_path: Path) -> None:
    write(tmp_path, 'order = 4\ntheta = "10ms"\ngm = "2uS"\n')
    called = lmu("spice", "--design", "design.toml")
    said = "lmu-hw: gm in design.toml has no effect with --style opamp-rc; it belongs to --style gm-c\n"
    assert (called.status, called.err) == (2, said)
    assert lmu("derive", "--design", "design.toml", "--dt", "1ms").err == said
    assert lmu("spice", "--design", "design.toml", "--style", "gm-c").status == 0
    write(tmp_path, 'order = 4\ntheta = "10ms"\nstyle = "gm-c"\ngm = "2uS"\n')
    assert lmu("spice", "--design", "design.toml", "--style", "opamp-rc").status == 0
    assert lmu("derive", "--design", "design.toml", "--dt", "1ms").status == 0
