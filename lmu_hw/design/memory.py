"""The design of a memory: what to build, on what hardware, and how to check it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from lmu_hw.core.methods import Discretization
from lmu_hw.core.registry import member
from lmu_hw.design.choices import (
    BASES,
    DATAPATHS,
    DEFAULT_DATAPATHS,
    DISCRETIZATIONS,
    FAMILIES,
    GUARANTEES,
    OLDER_DATAPATHS,
    OTAS,
    SERIES,
    SIMULATORS,
    STYLES,
    TOPOLOGIES,
)
from lmu_hw.design.options import Declaration, Option, Options, check_name_and_seed, option
from lmu_hw.errors import DesignError, RequestError
from lmu_hw.io.quantities import (
    HERTZ,
    RATIO,
    SECONDS,
    SIEMENS,
    VOLTS,
    WINDOW,
    QuantityError,
    Time,
    read_number,
)

if TYPE_CHECKING:
    from lmu_hw.core.spec import LMUSpec
    from lmu_hw.fixed_point.plan import MemoryPlan

_MEMORY, _WORDS, _HARDWARE, CIRCUIT = "Memory", "Word lengths", "Hardware", "Circuit"


class HardwareOptions(TypedDict):
    """The options by which a plan becomes hardware; see `lmu_hw.rtl.memory.build.build_memory`."""

    lanes: int
    channels: int
    unrolled: bool
    port_bits: int | None
    target: str


@dataclass(frozen=True)
class Design(Options):
    """The design of a memory, what to build and how to check it. Its fields are flags, and keys of a design file.

    Whoever uses a value checks its range and its choice; here the kinds are checked, and the name and the seed.

    Raises:
        DesignError: A value is of the wrong kind, or the name is not an identifier.
    """

    order: int | None = option(None, "Number of states d", least=1, most=2048, section=_MEMORY)
    theta: float | None = option(
        None,
        "Length of the window θ, such as 0.01, 10ms or 480/48kHz",
        metavar="SECONDS",
        unit=SECONDS,
        section=_MEMORY,
    )
    dt: float | None = option(
        None, "Time between samples, such as 1e-4, 100us or 1/48000", metavar="SECONDS", unit=SECONDS, section=_MEMORY
    )
    discretization: str | None = option(
        None,
        "Discretisation method",
        choices=DISCRETIZATIONS,
        fallback="zoh",
        note="With --target-nrmse the cheapest method is searched where none is given.",
        section=_MEMORY,
    )
    basis: str = option("legendre", "Coordinates of the state", choices=BASES, section=_MEMORY)
    name: str = option("lmu_memory", "Name of the design and of its files", metavar="NAME", section=_MEMORY)
    input_bits: int | None = option(None, "Width of a sample", least=3, most=24, fallback=12, section=_WORDS)
    state_bits: int | None = option(None, "Width of a state", least=3, most=32, fallback=16, section=_WORDS)
    coefficient_bits: int | None = option(
        None,
        "Width of a coefficient",
        least=3,
        most=32,
        fallback="two more than a state, at most 26,",
        section=_WORDS,
    )
    output_bits: int | None = option(
        None,
        "Width of the output words, from that of the states up to 48 bits; each further bit is a fractional bit",
        fallback="the state words themselves",
        section=_WORDS,
    )
    datapath: str | None = option(
        None,
        "How the increment of the state is computed",
        choices=DATAPATHS,
        aliases=OLDER_DATAPATHS,
        fallback=DEFAULT_DATAPATHS,
        section=_HARDWARE,
    )
    structured_error: float | None = option(
        None,
        "How far the structured datapath may be from an exact hold, RMS for white input",
        metavar="SHARE",
        fallback=1e-4,
        unit=RATIO,
        section=_HARDWARE,
    )
    guarantee: str | None = option(
        None,
        "Round a dense matrix so that its stability is certified, by a contraction of energy or, more accurately, by a "
        "Lyapunov function",
        choices=GUARANTEES,
        fallback="rounding to nearest",
        section=_WORDS,
    )
    error_feedback: bool | None = option(
        None,
        "Carry the residue of each requantisation over to the next",
        fallback="where it pays,",
        section=_WORDS,
    )
    delays: tuple[float, ...] = option(
        (),
        "Delayed readouts to give out: shares of θ, such as 0.5 or 50%, or times, such as 2ms",
        metavar="D,D,...",
        unit=WINDOW,
        section=_HARDWARE,
    )
    lanes: int = option(1, "Number of multipliers, a divisor of the order", section=_HARDWARE)
    unrolled: bool = option(
        False, "Use a multiplier for every product instead of lanes, up to order 16", section=_HARDWARE
    )
    channels: int = option(1, "Number of memories that take turns on the hardware", section=_HARDWARE)
    port_bits: int | None = option(
        None,
        "Width of the input port; a value out of range is saturated and flagged",
        fallback="the width of a sample",
        section=_HARDWARE,
    )
    clock: float | None = option(
        None,
        "Clock of the hardware: whether a sample every --dt fits, which lanes a search takes, and what place and route "
        "aims at",
        metavar="HZ",
        unit=HERTZ,
        section=_HARDWARE,
    )
    target: str | None = option(
        None,
        "FPGA family whose delays decide the registers of the chain: more make the clock faster and a sample longer",
        choices=FAMILIES,
        fallback="generic",
        section=_HARDWARE,
    )
    simulator: str = option("verilator", "HDL simulator", choices=SIMULATORS, section=_HARDWARE)
    topology: str = option(
        "dense",
        "Form of the coupling network: d² couplings, sums along a chain, or a ladder of 2d - 1",
        choices=TOPOLOGIES,
        section=CIRCUIT,
    )
    style: str = option("opamp-rc", "Technology of the circuit", choices=STYLES, section=CIRCUIT)
    opamp: str = option(
        "macro",
        "Model of the op-amps: macro, single-pole, ideal, a part of the library such as TLV9062, or auto, the cheapest "
        "part that meets the design",
        metavar="MODEL",
        note="macro has the limits of a real amplifier, which --opamp-set changes; single-pole is linear, with gain, "
        "bandwidth and output resistance alone.",
        section=CIRCUIT,
    )
    opamp_snr: float | None = option(
        None,
        "Signal-to-noise ratio of every output in dB that --opamp auto has to keep",
        metavar="DB",
        unit=RATIO,
        section=CIRCUIT,
    )
    opamp_offset: float | None = option(
        None,
        "Direct voltage at rest that --opamp auto may leave at every output",
        metavar="V",
        unit=VOLTS,
        section=CIRCUIT,
    )
    opamp_set: tuple[str, ...] = option(
        (),
        "Figures of the macro-model of the op-amps, such as noise=5e-9,offset=1mV,cin=3e-12",
        metavar="NAME=VALUE,...",
        section=CIRCUIT,
    )
    gbw: float = option(
        1e7,
        "Gain-bandwidth product of an op-amp that is not ideal",
        metavar="HZ",
        unit=HERTZ,
        section=CIRCUIT,
    )
    opamp_gain: float = option(
        1e6, "Gain of an op-amp that is not ideal, V/V", metavar="RATIO", unit=RATIO, section=CIRCUIT
    )
    ota: str = option("macro", "Model of the transconductors of a gm-C circuit", choices=OTAS, section=CIRCUIT)
    ota_set: tuple[str, ...] = option(
        (),
        "Figures of the macro-model of the transconductors at --gm, such as noise=2e-7,linear=0.5",
        metavar="NAME=VALUE,...",
        section=CIRCUIT,
    )
    correction: bool = option(
        True, "Change the couplings so that they make up for the amplifiers' bandwidth", section=CIRCUIT
    )
    allow: bool = option(
        False,
        "Write a circuit that is unstable, lacks phase margin or exceeds --circuit-error all the same",
        negatable=False,
        section=CIRCUIT,
    )
    gm: float = option(
        1e-6, "Transconductance around which the transconductors are chosen", metavar="S", unit=SIEMENS, section=CIRCUIT
    )
    supply: float = option(
        5.0, "The circuit runs from plus and minus this voltage", metavar="V", unit=VOLTS, section=CIRCUIT
    )
    resistors: str | None = option(
        None, "Series of standard values for the resistors", choices=SERIES, fallback="exact values", section=CIRCUIT
    )
    capacitors: str | None = option(
        None, "Series of standard values for the capacitors", choices=SERIES, fallback="exact values", section=CIRCUIT
    )
    resistor_tolerance: float = option(
        0.0,
        "Tolerance of the resistors in drawn circuits, a limit, as a share of their values",
        older=("resistor-sigma",),
        metavar="SHARE",
        unit=RATIO,
        section=CIRCUIT,
    )
    capacitor_tolerance: float = option(
        0.0,
        "Tolerance of the capacitors in drawn circuits, a limit, as a share of their values",
        older=("capacitor-sigma",),
        metavar="SHARE",
        unit=RATIO,
        section=CIRCUIT,
    )
    gm_tolerance: float = option(
        0.0,
        "Tolerance of the transconductors in drawn circuits, a limit, as a share of their values",
        older=("gm-sigma",),
        metavar="SHARE",
        unit=RATIO,
        section=CIRCUIT,
    )
    tolerance_sigma: bool = option(
        False,
        "Take tolerances as standard deviations of a normal distribution, not as limits",
        negatable=False,
        section=CIRCUIT,
    )
    coefficients: bool = option(
        False, "Give out the Legendre coefficients too, whatever the states are", section=CIRCUIT
    )
    circuit_error: float | None = option(
        None,
        "Largest predicted error of an output; a circuit beyond it is refused",
        note="Where it is given, the least gain and gain-bandwidth product that keep it uncorrected are searched.",
        metavar="NRMSE",
        fallback=0.05,
        unit=RATIO,
        section=CIRCUIT,
    )
    seed: int = option(0, "Seed of everything that is random", section=_HARDWARE)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_name_and_seed(self.name, self.seed)
        object.__setattr__(self, "delays", tuple(_share(each, self.theta) for each in self.delays))

    @property
    def method(self) -> str:
        """The name of the time-stepping method, which is zero-order hold where none was given."""
        return str(self.chosen("discretization"))

    def required(self, name: str) -> Any:
        """The value of an option that this request cannot do without.

        Raises:
            DesignError: It was not given.
        """
        value = getattr(self, name)
        if value is None:
            other = " or --rate" if name == "dt" else ""
            raise RequestError(f"--{name}{other} is missing", hint=f"give it, or {name} in a design file")
        return value

    def spec(self) -> LMUSpec:
        """The validated specification of the memory.

        Raises:
            DesignError: The order, the window or the step was not given, or a value is out of its range.
        """
        from lmu_hw.core.spec import Basis, LMUSpec

        order, theta, dt = (self.required(name) for name in ("order", "theta", "dt"))
        method = member(Discretization, self.method, "discretization")
        return LMUSpec(order, theta, dt, method, member(Basis, self.basis, "basis"))

    def plan(self) -> MemoryPlan:
        """The fixed-point plan; what was left out is the planner's choice.

        Raises:
            DesignError: A value is out of its range, or there is no such plan; see `plan_memory`.
        """
        from lmu_hw.fixed_point.planner import plan_memory

        asked = {name: value for name in _PLANNED if (value := getattr(self, name)) is not None}
        return plan_memory(self.spec(), **asked, delays=self.delays)

    def hardware(self) -> HardwareOptions:
        """How the plan is built, as arguments of `generate_verilog` and `build_memory`."""
        return {
            "lanes": self.lanes,
            "channels": self.channels,
            "unrolled": self.unrolled,
            "port_bits": self.port_bits,
            "target": self.chosen("target"),
        }

    def to_dict(self) -> dict[str, Any]:
        """The design as plain values, by name."""
        return super().to_dict() | {"discretization": self.method, "delays": list(self.delays)}


#: Another way to give `dt`, on the command line and in design files.
RATE = Option(
    "rate",
    float,
    optional=True,
    default=None,
    declared=Declaration(
        "Samples a second, such as 48000 or 48kHz, in place of --dt", _MEMORY, metavar="HZ", unit=HERTZ
    ),
)


def _share(delay: float | Time, theta: float | None) -> float:
    """A delay as a share of the window.

    Raises:
        DesignError: It is beyond the window, or a time without a window.
    """
    if isinstance(delay, Time):
        if theta is None:
            raise RequestError(f"the delay {delay.text} is a time, which needs --theta", hint="or give a share of θ")
        text, share = delay.text, delay.share(theta)
        taken = f"which is {share:.10g} of θ"
    else:
        text, share = f"{delay:.10g}", delay
        if not math.isfinite(share):
            raise DesignError("delays", "finite", share)
        taken = "taken as that share of θ" + ("" if theta is None else f", {_time(share * theta)}")
    if not 0.0 <= share <= 1.0:
        raise RequestError(
            f"the delay {text}, {taken}, is not within the window",
            hint="give shares from 0 to 1, per cent with %, or times with their unit, such as 2ms",
        )
    return share


def doubtful_delays(delays: Sequence[Any], theta: float | None, dt: float | None) -> list[str]:
    """What plain numbers among the delays are taken for, where they could be meant as times.

    Args:
        delays: The delays as they were given, numbers or texts.
        theta: The window in seconds; None where there is none.
        dt: The time between samples in seconds; None where there is none.
    """
    told = []
    for delay in map(str, delays):
        try:
            share = read_number(delay)
        except QuantityError:
            continue  # it has a unit
        if theta is not None and 0.0 < share < _DOUBTFUL and (dt or 0.0) <= share <= theta and theta != 1.0:
            told.append(f"the delay {delay} is taken as that share of θ, {_time(share * theta)}; as a time: {delay}s")
    return told


def _time(seconds: float) -> str:
    """A time with four digits and its unit."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if abs(seconds) >= scale:
            return f"{seconds / scale:.4g} {unit}"
    return f"{seconds * 1e9:.4g} ns"


#: Shares of the window below which a number may be meant in seconds: few delays are that short.
_DOUBTFUL = 0.1

_PLANNED = (
    "input_bits",
    "state_bits",
    "coefficient_bits",
    "output_bits",
    "datapath",
    "structured_error",
    "guarantee",
    "error_feedback",
)
