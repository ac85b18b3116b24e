"""Every subcommand takes the options that change what it does, and refuses the others.

`lmu_hw.design.usage` says which these are. Here each subcommand runs on small designs with and without each option, and
what it answers, writes or would simulate decides whether the option has an effect.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.analog.export.files import write_design
from lmu_hw.cli.commands import cli
from lmu_hw.core.spec import LMUSpec
from lmu_hw.design import usage
from lmu_hw.design.memory import Design
from lmu_hw.design.network import NetworkDesign
from lmu_hw.design.options import options_of
from lmu_hw.errors import CheckFailed
from lmu_hw.io.splits import Split, digest_of, write_split
from lmu_hw.networks.file import save_network
from lmu_hw.networks.model import DenseParameters, MemoryParameters, Network, Output
from tests.cli.conftest import Lmu

#: Values that differ from the defaults and from those of the designs below, as a command line has them.
VALUES: dict[str, Any] = {
    "order": 5,
    "theta": "20ms",
    "dt": "0.5ms",
    "rate": "2kHz",
    "discretization": "bilinear",
    "basis": "orthonormal",
    "name": "other",
    "input_bits": 9,
    "state_bits": 14,
    "coefficient_bits": 12,
    "output_bits": 20,
    "datapath": "structured",
    "structured_error": "20%",
    "guarantee": "lyapunov",
    "delays": "25%",
    "lanes": 2,
    "channels": 2,
    "port_bits": 20,
    "simulator": "icarus",
    "topology": "ladder",
    "style": "opamp-rc-differential",
    "opamp": "single-pole",
    "opamp_set": "cin=9e-12,offset=3mV",
    "opamp_snr": 105,
    "opamp_offset": "0.2mV",
    "ota_set": "noise=4e-7,linear=0.2",
    "gbw": "300kHz",
    "opamp_gain": 1000,
    "ota": "ideal",
    "gm": "3uS",
    "supply": "3V",
    "resistors": "E24",
    "capacitors": "E12",
    "resistor_tolerance": "1%",
    "capacitor_tolerance": "2%",
    "gm_tolerance": "3%",
    "circuit_error": 0.1,
    "tolerance": "7%",
    "seed": 3,
    "target_nrmse": "10%",
    "bandwidth": "20Hz",
    "target": "ecp5",
    "device": "up5k",
    "seeds": 3,
    "clock": "12kHz",
    "calibration": "y.npy",
    "memory_bits": 10,
    "weight_bits": 5,
    "activation_bits": 10,
    "drive_bits": 9,
    "granularity": "tensor",
    "clipping": "largest",
    "sequences": 2,
    "reset": "never",
    "path": "other.csv",
    "channel": "a",
    "backend": "fixed",
    "labels": "labels.npy",
    "part": "train",
    "word_lengths": "3,5",
    "swept": "state-bits",
    "samples": 3,
    "gap": "20%",
    "stall": 0.3,
    "runs": 2,
    "wave_samples": 2,
    "spiking_lanes": 2,
    "neurons": 40,
    "neuron_kind": "lif",
    "ensembles": 2,
    "coordinates": "states",
    "tau": "50ms",
    "band": "10Hz",
    "max_rates": "150,300",
    "intercepts": "-0.2,0.5",
    "scope": "all",
    "sample_seconds": "20ms",
}

#: Options whose effect is an error where their value is too small.
LIMITS = {"memory_bits"}
#: Keys of answers that repeat the design, or what a search replaced of it.
REPEATED = {"design", "replaced"}
#: Options without which a request is refused that has an answer with them; test_hardware tries them.
PERMITTING = {"allow"}
#: Options that say what the answer is about, so that leaving them out is an error.
SUBJECTS = {"network"}


@dataclass(frozen=True)
class Context:
    """A call with which each option of its subcommand is tried."""

    subcommand: str
    words: str = ""
    network: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.subcommand} {self.words}".strip()

    @property
    def base(self) -> list[str]:
        design = ["net.npz"] if self.network else ["--design", "base.toml"]
        return [self.subcommand, *design, *self.words.split()]


#: Contexts that take a few seconds; the others run with the slow tests.
QUICK = [
    Context("derive"),
    # The correction has an effect where the op-amps are slow, which a context below has.
    Context("spice", skipped=("gm_tolerance", "resistor_tolerance", "correction")),
    Context("run", "--input in.csv --input-channel b"),
]
CONTEXTS = [
    *QUICK,
    Context("quantize"),
    Context(
        "quantize",
        "--datapath structured --order 12 --channels 2",
        values={"order": 8, "datapath": "dense", "channels": 4},
        skipped=("discretization", "unrolled", "target_nrmse"),
    ),
    Context("quantize", "--discretization ab2", values={"datapath": "dense"}, skipped=("basis", "datapath")),
    Context(
        "quantize", "--target-nrmse 5% --clock 200kHz", values={"target_nrmse": "20%"}, skipped=("structured_error",)
    ),
    Context("quantize", "--target-nrmse 5%", values={"target_nrmse": "20%"}, skipped=("structured_error",)),
    Context("quantize", "--calibration x.npy --weight-bits 4", network=True),
    Context("verilog"),
    Context(
        "verilog",
        "--datapath structured --order 12 --channels 2",
        values={"order": 8, "datapath": "dense", "channels": 4},
        skipped=("discretization", "unrolled"),
    ),
    Context("verilog", "--unrolled"),
    Context("verilog", "--discretization ab2", values={"datapath": "dense"}, skipped=("basis",)),
    Context("verilog", "--calibration x.npy --weight-bits 4", network=True),
    Context("fpga"),
    Context("fpga", "--calibration x.npy --weight-bits 4", network=True),
    Context("spice", "--gbw 200kHz", values={"gbw": "300kHz"}, skipped=("gm_tolerance", "resistor_tolerance")),
    Context("spice", "--opamp ideal --capacitor-tolerance 1%"),
    Context("spice", "--opamp auto --supply 2.5V", values={"supply": "2.6V"}, skipped=("gm_tolerance", "correction")),
    Context("spice", "--style gm-c --capacitor-tolerance 1%", values={"style": "opamp-rc"}),
    Context("run", "--input in.csv --input-channel b --backend fixed", values={"backend": "float"}),
    Context("run", "--input in.csv --input-channel b --backend rtl", values={"backend": "float"}),
    Context("run", "--input in.csv --input-channel b --backend spiking", values={"backend": "float"}),
    Context("run", "--input x.npy", network=True, values={"path": "y.npy"}),
    Context(
        "run",
        "--input x.npy --backend fixed --weight-bits 4",
        network=True,
        values={"path": "y.npy", "backend": "float"},
    ),
    Context(
        "run",
        "--input x.npy --labels labels.npy --backend fixed --word-lengths 4,6",
        network=True,
        values={"path": "y.npy", "backend": "float", "labels": "others.npy"},
    ),
    Context(
        "run", "--input x.npy --backend rtl --weight-bits 4", network=True, values={"path": "y.npy", "backend": "float"}
    ),
    Context("run", "--input x.npy --backend spiking", network=True, values={"path": "y.npy", "backend": "float"}),
    Context("cosim", values={"path": "mono.csv"}, skipped=("basis", "correction")),
    Context("cosim", "--input in.csv --input-channel b --no-analog"),
    Context("cosim", "--style gm-c", values={"style": "opamp-rc", "path": "mono.csv"}, skipped=("basis",)),
    Context("cosim", "--spiking", values={"path": "mono.csv"}, skipped=("spiking",)),
    Context("cosim", "--input x.npy --weight-bits 4", network=True, values={"path": "y.npy"}),
    Context(
        "cosim",
        "--input x.npy --labels labels.npy --weight-bits 4",
        network=True,
        values={"path": "y.npy", "labels": "others.npy"},
    ),
]


@pytest.fixture
def files(tmp_path: Path, rng: np.random.Generator) -> Path:
    """The designs, recordings and sequences that the calls name."""
    (tmp_path / "base.toml").write_text("order = 4\ntheta = 0.01\ndt = 0.0004\n", encoding="utf-8")
    table = np.clip(0.3 * rng.standard_normal((60, 2)), -0.9, 0.9)
    for name, rows in {"in.csv": table, "other.csv": table[::-1]}.items():
        text = "a,b\n" + "".join(f"{a:.6f},{b:.6f}\n" for a, b in rows)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "mono.csv").write_text("".join(f"{a:.6f}\n" for a in table[:, 0]), encoding="utf-8")
    memory = MemoryParameters(
        LMUSpec(4, 0.01, 0.0004),
        rng.standard_normal((2, 1)),
        0.1 * rng.standard_normal(2),
        0.3 * rng.standard_normal((4, 8)),
        rng.standard_normal((4, 1)),
        np.zeros(4),
        "relu",
    )
    network = Network((memory, DenseParameters(rng.standard_normal((3, 4)), rng.standard_normal(3))), Output.LAST)
    save_network(tmp_path / "net.npz", network)
    for name in ("x.npy", "y.npy"):
        np.save(tmp_path / name, rng.standard_normal((4, 30, 1)))
    np.save(tmp_path / "labels.npy", np.array([0, 1, 2, 0]))
    np.save(tmp_path / "others.npy", np.array([2, 2, 1, 1]))
    parts = {"train": np.array([0, 2]), "validation": np.array([3]), "test": np.array([1])}
    write_split(tmp_path / "net.split.npz", Split(4, digest_of(np.load(tmp_path / "x.npy")), parts))
    return tmp_path


@dataclass
class _Recorder:
    """Takes the place of simulations: what it was asked to simulate is what an option can have an effect on."""

    asked: list[Any] = field(default_factory=list)

    def __call__(self, *args: Any, **settings: Any) -> Any:
        self.asked = [_plain(each) for each in (*args, *(item for pair in sorted(settings.items()) for item in pair))]
        raise CheckFailed("recorded")


def _plain(value: Any) -> Any:
    """A value that can be compared."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Path) or callable(value):
        return ""
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if hasattr(value, "text") and hasattr(value, "manifest"):
        return "\n".join(line for line in value.text.splitlines() if "lmu-hw" not in line)
    if hasattr(value, "circuit") and isinstance(value.circuit, AnalogDesign):
        folder = Path("circuit")
        netlist = write_design(value.circuit, folder, "")["netlist"].read_text(encoding="utf-8")
        return f"{netlist}{value.tolerance!r}"
    if hasattr(value, "to_dict"):
        return json.dumps(value.to_dict(), default=str)
    return repr(value)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> _Recorder:
    made = _Recorder()
    monkeypatch.setattr("lmu_hw.sim.targets.memory.run_rtl", made)
    monkeypatch.setattr("lmu_hw.sim.targets.network.run_network_rtl", made)
    monkeypatch.setattr("lmu_hw.cli.fpga.build_report", made)
    for name in ("cosimulate", "cosimulate_network", "cosimulate_spiking"):
        monkeypatch.setattr(f"lmu_hw.cli.cosim.{name}", made)
    # Commands in the headers of files repeat every option.
    for module in ("verilog", "spice", "cosim", "run_spiking", "search"):
        monkeypatch.setattr(f"lmu_hw.cli.{module}.effective_flags", lambda *_, **__: "")
    return made


def _checked(*arguments: Any) -> None:
    """Check the effects, and go no further."""
    usage.check_effects(*arguments)
    raise CheckFailed("checked")


def _words(name: str, value: Any) -> list[str]:
    """The words that give an option a value; yes-or-no options are given as their value says."""
    declared = usage._OPTIONS[name]
    if declared.kind is bool:
        return [f"--{'' if value else 'no-'}{declared.flag}"]
    return [f"--{declared.flag}", str(value)]


def _trials(name: str, context: Context) -> Iterator[list[str]]:
    """The words for each value with which an option is tried."""
    if usage._OPTIONS[name].kind is bool:
        yield _words(name, True)
        if usage._OPTIONS[name].declared.negatable:
            yield _words(name, False)
    else:
        yield _words(name, context.values.get(name, VALUES[name]))


def _outcome(lmu: Lmu, recorder: _Recorder, folder: Path, words: list[str]) -> Any:
    """All that a call has an effect on: its answer without the repeated design, its files, what it would simulate."""
    recorder.asked = []
    out = folder / "out"
    for path in sorted(out.glob("*")):
        path.unlink()
    # The plot of derive takes longer than all the rest, and shows what the answer holds.
    called = lmu(*words, "--json", *([] if words[0] == "derive" else ["--out", "out"]))
    if called.status == 2:
        return called.err
    answer = {key: value for key, value in called.answer.items() if key not in REPEATED} if called.out else called.err
    if called.out and answer.get("tolerance"):
        answer["tolerance"] |= dict.fromkeys(("resistor", "capacitor", "gm"))  # which repeat what was given
    kept = {path.name: path.read_bytes() for path in sorted(out.glob("*")) if path.suffix not in (".json", ".html")}
    return answer, kept, recorder.asked


def _instead(base: Sequence[Any], words: Sequence[Any]) -> list[Any]:
    """The words of a call with those of one option, in place of what the call gives for it: none may be given twice."""
    left, skipping = [], False
    for word in base:
        is_flag = str(word).startswith("--")
        skipping = word == words[0] if is_flag else skipping
        if not skipping:
            left.append(word)
    return [*left, *words]


@pytest.mark.parametrize(
    "context",
    [pytest.param(each, marks=() if each in QUICK else pytest.mark.slow, id=str(each)) for each in CONTEXTS],
)
def test_options_with_an_effect_are_taken_and_the_others_are_not(
    context: Context, lmu: Lmu, files: Path, recorder: _Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = usage.USAGE[context.subcommand]
    base = _outcome(lmu, recorder, files, context.base)
    assert not isinstance(base, str), base
    wrong = []
    for name in sorted(table.names() - SUBJECTS - PERMITTING - {*context.skipped}):
        trials = list(_trials(name, context))
        with monkeypatch.context() as unchecked:
            unchecked.setattr("lmu_hw.cli.options.check_effects", lambda *_: None)
            changed = [_outcome(lmu, recorder, files, _instead(context.base, words)) for words in trials]
        errors = [each for each in changed if isinstance(each, str) and "has no effect" not in each]
        if errors and name not in LIMITS:
            wrong.append(f"{name}: {errors}")
            continue
        effect = any(each != base and "has no effect" not in each for each in changed)
        for words in trials:
            with monkeypatch.context() as stopped:
                stopped.setattr("lmu_hw.cli.options.check_effects", _checked)
                called = lmu(*_instead(context.base, words))
            taken = not called.err.startswith(f"lmu-hw: {words[0]} has no effect")
            if taken != effect:
                wrong.append(f"{' '.join(words)}: {'taken' if taken else 'refused'}, effect {effect}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("subcommand", usage.USAGE)
def test_keys_of_a_design_file_that_a_subcommand_does_not_list_have_no_effect(
    subcommand: str, lmu: Lmu, files: Path, recorder: _Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmu_hw.cli.options.check_effects", lambda *_: None)
    words = [subcommand, "--design", "base.toml", *(["--input", "mono.csv"] if subcommand == "run" else [])]
    base = _outcome(lmu, recorder, files, words)
    text = (files / "base.toml").read_text(encoding="utf-8")
    # More than one channel is an error where one recording goes through one memory, and another basis for a circuit.
    skipped = {"channels", "basis"}
    for name, each in options_of(Design).items():
        if name in usage.USAGE[subcommand].memory or name in skipped or each.key in text:
            continue
        value = [VALUES[name]] if name == "delays" else VALUES.get(name, True)
        (files / "base.toml").write_text(f"{text}{each.key} = {json.dumps(value)}\n", encoding="utf-8")
        assert _outcome(lmu, recorder, files, words) == base, name


def test_every_listed_option_has_an_effect_somewhere() -> None:
    """No option is listed whose conditions contradict each other, and none is left to no subcommand."""
    for name in (*options_of(Design), *options_of(NetworkDesign)):
        assert any(name in each.names() for each in usage.USAGE.values()), name


def test_the_options_of_a_subcommand_are_those_of_its_table() -> None:
    for subcommand, table in usage.USAGE.items():
        offered = {parameter.name for parameter in cli.commands[subcommand].params}
        assert offered - {"design_path", "out", "as_json"} == table.names()
