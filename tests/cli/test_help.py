"""The help says what is declared of the options: every flag, with its range and its default."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click
import numpy as np
import pytest
import scipy.io.wavfile

from lmu_hw.cli.commands import cli
from lmu_hw.cli.examples import EXAMPLES
from lmu_hw.cli.programs import ProgramGroup
from lmu_hw.design.memory import Design
from lmu_hw.design.network import NetworkDesign
from lmu_hw.design.options import options_of
from lmu_hw.design.requests import CosimRequest, FpgaRequest, ImportRequest, Recording, RunRequest, SearchRequest
from lmu_hw.design.spiking import SpikingChoice
from lmu_hw.design.usage import USAGE, check_effects
from lmu_hw.errors import DesignError
from tests.cli.conftest import Lmu


def test_defaults_told_by_the_help_are_those_of_the_planner(lmu: Lmu) -> None:
    from lmu_hw.fixed_point.planner import MAX_INPUT_BITS, MAX_STATE_BITS, MIN_BITS, plan_memory

    told = " ".join(lmu("quantize", "--help").out.split())
    defaults = {name: p.default for name, p in inspect.signature(plan_memory).parameters.items()}
    assert f"Width of a sample, {MIN_BITS} to {MAX_INPUT_BITS}; {defaults['input_bits']} by default" in told
    assert f"Width of a state, {MIN_BITS} to {MAX_STATE_BITS}; {defaults['state_bits']} by default" in told


@pytest.mark.parametrize("subcommand", [*USAGE, "import"])
def test_the_help_tells_all_that_is_declared(subcommand: str, lmu: Lmu) -> None:
    told = "".join(lmu(subcommand, "--help").out.split())
    text = re.sub(r"-\n *", "-", lmu(subcommand, "--help").out)  # long words are broken at their hyphens
    flags = {f"--{word}" for word in re.findall(r"--([a-z-]*[a-z])", text)}
    kinds = (Design, NetworkDesign, Recording, FpgaRequest, SearchRequest, RunRequest, CosimRequest, SpikingChoice)
    known = [(kind, each) for kind in kinds for each in options_of(kind).values()]
    if subcommand == "import":
        known = [(ImportRequest, each) for each in options_of(ImportRequest).values()]
    for kind, each in known:
        if each.declared.positional:
            continue
        used = subcommand == "import" or each.name in USAGE[subcommand].names()
        # Requests of two subcommands may give the same flag to different options.
        offered = used or any(other.flag == each.flag and other.name in USAGE[subcommand].names() for _, other in known)
        assert (f"--{each.flag}" in flags) == offered
        if used and (kind is not NetworkDesign or each.name not in options_of(Design)):
            assert "".join(each.help_beside(flags).split()) in told


def _paths(group: click.Group, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command, but for experiments and regressions."""
    for name, command in group.commands.items():
        yield (*prefix, name)
        if isinstance(command, click.Group) and not isinstance(command, ProgramGroup):
            yield from _paths(command, (*prefix, name))


COMMANDS = [(), *_paths(cli)]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_help_names_no_option_that_the_subcommand_lacks(path: tuple[str, ...], lmu: Lmu) -> None:
    context = click.Context(cli, info_name="lmu-hw")
    command: click.Command = cli
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    own = {word for each in command.get_params(context) for word in (*each.opts, *each.secondary_opts)}
    help_text = re.sub(r"-\n *", "-", lmu(*path, "--help").out)  # long words are broken at their hyphens
    if isinstance(command, click.Group):  # whose text and examples are about what its commands have
        help_text = ""
    assert set(re.findall(r"--[a-z][a-z-]*[a-z]", help_text)) <= own


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_help_shows_three_examples_that_can_be_copied(path: tuple[str, ...], lmu: Lmu) -> None:
    told = lmu(*path, "--help").out.split("Examples:\n")[1].split("\n\n")[0]
    lines = [line.removeprefix("  ") for line in told.splitlines()]
    assert len(lines) == (2 if path == ("doctor",) else 3)  # which has one option only
    for line in lines:
        assert line.startswith(" ".join(("lmu-hw", *path)))
        command: click.Command = cli
        words = line.split()[1:]
        while isinstance(command, click.Group) and not isinstance(command, ProgramGroup) and words:
            command = command.commands[words.pop(0)]
        if not isinstance(command, click.Group):
            command.make_context(command.name, words)  # which knows every option and value of it


@pytest.mark.parametrize("subcommand", USAGE)
def test_options_of_the_examples_have_an_effect(subcommand: str, lmu: Lmu) -> None:
    for line in EXAMPLES[f"lmu-hw {subcommand}"]:
        words = line.split()[2:]
        with pytest.raises(_Stopped), patch("lmu_hw.cli.options.check_effects", _checked):
            cli.main([subcommand, *words], standalone_mode=False)


def _documented() -> Iterator[str]:
    """The calls of subcommands with a table that the README and the documents show."""
    root = Path(__file__).parents[2]
    names = "|".join(USAGE)
    pages = [path for path in (root / "docs").rglob("*.md") if not {"reference", "tools"} & set(path.parts)]
    for path in (root / "README.md", *sorted(pages)):
        text = path.read_text(encoding="utf-8")
        shown = re.findall(rf"(?m)^ *(lmu-hw (?:{names}) [^#`\n]*)|`(lmu-hw (?:{names}) [^`\n]*)`", text)
        yield from (line.strip() for found in shown for line in found if line)


DOCUMENTED = sorted({line for line in _documented() if not re.search(r"[A-Z]{4,}|…|heun|memory\.toml|-nrmse$", line)})


@pytest.mark.parametrize("line", DOCUMENTED)
def test_options_of_the_documents_have_an_effect(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = ("--style gm-c" not in line and "--gm " in line) or "--backend float --state-bits" in line
    with patch("lmu_hw.cli.options.check_effects", _checked), pytest.raises(DesignError if refused else _Stopped):
        cli.main(shlex.split(line)[1:], standalone_mode=False)


class _Stopped(Exception):
    """The options were checked."""


def _checked(*arguments: Any) -> None:
    check_effects(*arguments)
    raise _Stopped


def test_examples_run(lmu: Lmu, tmp_path: Path, rng: np.random.Generator) -> None:
    np.save(tmp_path / "x.npy", rng.integers(-15, 16, (2, 64, 1)) / 16)
    (tmp_path / "x.csv").write_text("0.1\n" * 40, encoding="utf-8")
    rate, samples = 8000, (8000 * rng.standard_normal((400, 1))).astype(np.int16)
    scipy.io.wavfile.write(tmp_path / "recording.wav", rate, samples)
    for subcommand in ("derive", "spice", "run"):
        for line in EXAMPLES[f"lmu-hw {subcommand}"]:
            called = lmu(*line.split()[1:])
            assert (called.status, called.err) == (0, ""), line


def test_the_help_tells_meaning_range_and_default_of_a_network_where_they_differ(lmu: Lmu) -> None:
    told = " ".join(lmu("verilog", "--help").out.split())
    assert "lmu_memory by default. Of a network: lmu_network by default." in told
    assert "Of a network: greatest width of an output of the network, 8 to 32; 24 by default." in told
    assert "Of a network: number of multipliers of each sequence; 1 by default." in told
    assert told.count("Of a network:") == 4  # and of --clock
    assert "Of a network:" not in lmu("derive", "--help").out


def test_former_names_of_flags_are_accepted_with_a_notice_and_not_listed(lmu: Lmu) -> None:
    design = ["--order", 3, "--theta", "10ms", "--json"]
    old, new = (lmu("spice", *design, f"--resistor-{name}=1%") for name in ("sigma", "tolerance"))
    assert old.err == (
        "lmu-hw: note: --resistor-sigma is --resistor-tolerance now; the old name goes with the next release\n"
    )
    assert (old.status, new.err, old.out) == (0, "", new.out)
    for subcommand, names in {
        "spice": ("--resistor-sigma", "--capacitor-sigma", "--gm-sigma"),
        "run": ("--channel ", "--sequences", "--band "),
        "cosim": ("--channel ", "--sequences", "--band "),
        "verilog": ("--sequences",),
    }.items():
        for name in names:
            assert name not in lmu(subcommand, "--help").out


def test_a_number_that_may_be_meant_as_a_time_is_answered_with_what_it_was_taken_for(lmu: Lmu) -> None:
    design = ["spice", "--order", 3, "--theta", "10ms", "--json"]
    called = lmu(*design, "--delays", "0.002,50%,0.5,2%")
    assert called.status == 0
    assert called.err == "lmu-hw: note: the delay 0.002 is taken as that share of θ, 20 us; as a time: 0.002s\n"
    assert lmu(*design, "--delays", "2ms,50%,100%").err == ""
    assert lmu(*design, "--delays", "2ms,50%") == lmu(*design, "--delays", "0.2,0.5")


def test_the_older_word_of_a_datapath_is_accepted_but_not_listed(lmu: Lmu) -> None:
    memory = ["--order", 3, "--theta", 1, "--dt", 0.01, "--discretization", "bilinear", "--json"]
    named = [lmu("quantize", *memory, "--datapath", word) for word in ("solve", "tridiagonal")]
    assert named[0] == named[1]
    assert named[0].answer["design"]["datapath"] == "tridiagonal"
    assert "[chain|tridiagonal|dense|structured]" in lmu("quantize", "--help").out
    said = "lmu-hw: --datapath must be one of chain, tridiagonal, dense, structured, got sparse\n"
    assert lmu("quantize", *memory, "--datapath", "sparse").err == said
