"""The options of single subcommands, beside those of a design."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lmu_hw.design.choices import ACTIVATIONS, BACKENDS, DISCRETIZATIONS, OUTPUTS, PARTS
from lmu_hw.design.options import AddedOptions, Options, option
from lmu_hw.errors import DesignError
from lmu_hw.io.quantities import HERTZ, RATIO, SECONDS

_FPGA, _INPUT, _NETWORK, _SEARCH, _SIMULATION = "FPGA", "Input", "Network", "Search", "Simulation"
_SPIKES, _STATE_DICT = "Spikes", "State dict"


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
    labels: Path | None = option(
        None,
        "What the network should say of each sequence of --input, .npy or .csv: its class (sequences,), or numbers of "
        "the shape of the outputs; scored are accuracy or NRMSE",
        metavar="FILE",
        section=_NETWORK,
    )
    part: str | None = option(
        None,
        "Sequences that are scored, by the split that training left beside the network",
        choices=PARTS,
        fallback="test where --input is what the network was trained on, else all",
        section=_NETWORK,
    )


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


@dataclass(frozen=True)
class RunRequest(Options):
    """The options that say what runs a memory or a network, and at which word lengths it is scored."""

    backend: str = option(
        "float",
        "What runs: float64, the integer model, the Verilog or spiking neurons",
        choices=BACKENDS,
        section=_INPUT,
    )
    word_lengths: tuple[int, ...] = option(
        (),
        "Score the network at each of these word lengths too, in a table and a plot",
        metavar="N,N,...",
        section=_NETWORK,
    )
    swept: tuple[str, ...] = option(
        (),
        "Words whose lengths --word-lengths gives, each alone: weight-bits, activation-bits, drive-bits, state-bits, "
        "input-bits",
        flag="sweep",
        metavar="WORD,WORD,...",
        fallback="weight-bits",
        section=_NETWORK,
    )


@dataclass(frozen=True)
class CosimRequest(Options):
    """The options that say what takes part in a co-simulation."""

    analog: bool | None = option(None, "Whether the circuit takes part", fallback=True, section="Circuit")
    tolerance: float | None = option(
        None,
        "Largest NRMSE of the circuit's outputs against the float reference",
        metavar="NRMSE",
        unit=RATIO,
        fallback="1 %, 1.5 times the predicted error, and the offset at rest",
        section="Circuit",
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
class BenchRequest(AddedOptions):
    """The options that say how Verilog is simulated in a co-simulation, and what is kept of that."""

    samples: int | None = option(
        None,
        "Number of samples: the first ones of --input, or the length of the noise",
        note="Of a network's --input: the first sequences of a batch, or the first steps of a single sequence.",
        section=_SIMULATION,
    )
    gap: float = option(
        0.1,
        "Share of clock cycles in which no sample is offered, 0 to 0.9",
        metavar="SHARE",
        unit=RATIO,
        section=_SIMULATION,
    )
    stall: float = option(
        0.1,
        "Share of clock cycles in which no result is taken, 0 to 0.9",
        metavar="SHARE",
        unit=RATIO,
        section=_SIMULATION,
    )
    runs: int = option(
        1,
        "Number of runs of the Verilog over the same samples, each with other gaps and stalls",
        note="Their seeds are --seed and the integers after it.",
        section=_SIMULATION,
    )
    wave_samples: int | None = option(
        None,
        "Number of samples, from the first, whose waveform is left in --out; 0 leaves none",
        fallback="as many as fill 2,000 clock cycles",
        note="Of a network: steps.",
        section=_SIMULATION,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, share in (("gap", self.gap), ("stall", self.stall)):
            if not 0.0 <= share <= 0.9:
                raise DesignError(name, "a share from 0 to 0.9", share)
        for name, least in (("samples", 1), ("runs", 1), ("wave_samples", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise DesignError(name, f"an integer of {least} or more", value)

    def first(self, available: int, of_what: str) -> int:
        """The number of samples, sequences or steps to take of those that there are.

        Args:
            available: How many there are.
            of_what: What they are, such as "samples of x.npy".

        Raises:
            DesignError: More are asked for.
        """
        if self.samples is None:
            return available
        if self.samples > available:
            raise DesignError("samples", f"at most {available}, the {of_what}", self.samples)
        return self.samples

    def traced(self, available: int, pace: int, unit: str = "samples") -> int:
        """The number of samples, or steps, whose waveform is recorded.

        Args:
            available: How many go in.
            pace: The number of clock cycles that one takes.
            unit: What they are.

        Raises:
            DesignError: More are asked for than go in.
        """
        if self.wave_samples is None:
            return min(available, TRACED_CYCLES // pace)
        if self.wave_samples > available:
            raise DesignError("wave_samples", f"at most {available}, the {unit} that go in", self.wave_samples)
        return self.wave_samples


TRACED_CYCLES = 2_000
"""Clock cycles of a waveform whose length is not given; it takes kilobytes per cycle."""


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
