"""The options of single subcommands, beside those of a design."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lmu_hw.design.choices import ACTIVATIONS, BACKENDS, DISCRETIZATIONS, OUTPUTS
from lmu_hw.design.options import AddedOptions, Options, option
from lmu_hw.io.quantities import HERTZ, RATIO, SECONDS

_INPUT, _SEARCH, _SPIKES, _STATE_DICT, _FPGA = "Input", "Search", "Spikes", "State dict", "FPGA"


@dataclass(frozen=True)
class Recording(AddedOptions):
    """The options that say where samples come from: a file, or noise where none is given."""

    path: Path | None = option(
        None,
        "Samples from -1 to 1, one for each step: .npy, .csv or .wav, whose rate gives --dt where that is left out",
        flag="input",
        metavar="FILE",
        section=_INPUT,
    )
    channel: str | None = option(
        None,
        "Channel of the file, counted from 0, or the name of a column; needed where there are several",
        flag="input-channel",
        older=("channel",),
        metavar="N",
        section=_INPUT,
    )
    normalize: bool = option(False, "Scale the file's peak to 1", negatable=False, section=_INPUT)


@dataclass(frozen=True)
class SearchRequest(Options):
    """The options of a search for the cheapest design; without a target there is no search."""

    target_nrmse: float | None = option(
        None,
        "Search the cheapest design whose decoded window deviates by at most this, for input up to --bandwidth",
        note="The search decides the widths of states and coefficients, the datapath, error feedback and guarantee, in "
        "place of those of a design file.",
        metavar="NRMSE",
        unit=RATIO,
        section=_SEARCH,
    )
    bandwidth: float | None = option(
        None,
        "Highest frequency of the input in a search",
        metavar="HZ",
        unit=HERTZ,
        fallback="order/4 cycles per window",
        section=_SEARCH,
    )
    clock: float | None = option(
        None,
        "Clock of the hardware: a search then takes as many lanes as a sample every --dt needs",
        metavar="HZ",
        unit=HERTZ,
        section=_SEARCH,
    )


@dataclass(frozen=True)
class FpgaRequest(Options):
    """The options that say for which device a design is built, and how."""

    device: str = option(
        "ecp5-25k",
        "FPGA: up5k, hx8k, ecp5-25k, ecp5-45k, ecp5-85k, or artix7-35t for synthesis only",
        metavar="DEVICE",
        section=_FPGA,
    )
    seeds: int = option(
        5, "Number of placements, from which the median clock is taken", least=1, most=100, section=_FPGA
    )
    target_clock: float | None = option(
        None,
        "Clock that place and route aims at; exit status 1 where the median is lower",
        flag="clock",
        metavar="HZ",
        unit=HERTZ,
        section=_FPGA,
    )


@dataclass(frozen=True)
class RunRequest(Options):
    """The option that says what runs a memory or a network."""

    backend: str = option(
        "float",
        "What runs: float64, the integer model, the Verilog or spiking neurons",
        choices=BACKENDS,
        section=_INPUT,
    )


@dataclass(frozen=True)
class CosimRequest(Options):
    """The options that say what takes part in a co-simulation."""

    analog: bool | None = option(None, "Whether the circuit takes part", fallback=True, section="Circuit")
    labels: Path | None = option(
        None,
        "The class of each sequence of --input, .npy or .csv, for the accuracies",
        metavar="FILE",
        section="Network",
    )
    spiking: bool = option(
        False,
        "Run a digital spiking memory beside the fixed-point one, in place of the circuit",
        negatable=False,
        section=_SPIKES,
    )
    spiking_lanes: int | None = option(
        None, "Number of neurons of the spiking memory in a clock cycle", fallback=1, section=_SPIKES
    )


@dataclass(frozen=True)
class ImportRequest(Options):
    """The options that say what the file of an imported network may leave open; None where one was not given."""

    mapping: Path | None = option(
        None,
        "Which tensor of a state dict is which array of which layer; see above",
        metavar="FILE.toml",
        section=_STATE_DICT,
    )
    theta: float | None = option(
        None, "Window θ of an LMU with known names", metavar="SECONDS", unit=SECONDS, section=_STATE_DICT
    )
    dt: float | None = option(
        None,
        "What one step is, here and in a model of Keras",
        metavar="SECONDS",
        unit=SECONDS,
        fallback=1.0,
        section=_STATE_DICT,
    )
    discretization: str | None = option(
        None,
        "Discretisation method of an LMU with known names",
        choices=DISCRETIZATIONS,
        fallback="zoh",
        section=_STATE_DICT,
    )
    activation: str | None = option(
        None,
        "Nonlinearity of its hidden part",
        choices=ACTIVATIONS,
        fallback="tanh, or relu where nothing is fed back,",
        section=_STATE_DICT,
    )
    output: str | None = option(
        None,
        "Whether it gives an output for each step, or after the last one",
        choices=OUTPUTS,
        fallback="last",
        section=_STATE_DICT,
    )
