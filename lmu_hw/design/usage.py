"""Which options each subcommand uses, and with which choices each has an effect.

The help lists the options of these tables and no others. An option that has no effect is an error that says what it
belongs to: `check_effects`. `tests/cli/test_usage.py` runs every subcommand with and without each option and holds the
tables to what it finds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lmu_hw.core.methods import Discretization
from lmu_hw.design.choices import AUTO, DISCRETIZATIONS
from lmu_hw.design.memory import RATE, Design
from lmu_hw.design.network import NetworkDesign
from lmu_hw.design.options import Option, options_of
from lmu_hw.design.requests import BenchRequest, CosimRequest, FpgaRequest, Recording, RunRequest, SearchRequest
from lmu_hw.design.spiking import SpikingChoice
from lmu_hw.errors import RequestError

#: Every option by name, of requests first; those of a memory win over those of a network.
_OPTIONS: Mapping[str, Option] = MappingProxyType(
    {
        name: each
        for kind in (
            Recording,
            FpgaRequest,
            SearchRequest,
            RunRequest,
            CosimRequest,
            BenchRequest,
            SpikingChoice,
            NetworkDesign,
            Design,
        )
        for name, each in options_of(kind).items()
    }
    | {"rate": RATE}
)


@dataclass(frozen=True)
class Condition:
    """When an option has an effect: one of some options has a value, or is given at all, or is not.

    Attributes:
        governing: The names of the options that decide.
        values: The values of the first of them with which the option has an effect; empty where any will do.
        absent: Whether the option has an effect only where none of them is given, or where the first has none of the
            values.
        beside: The name of another option without which the condition holds in any case; None for none.
    """

    governing: tuple[str, ...]
    values: tuple[Any, ...] = ()
    absent: bool = False
    beside: str | None = None

    def holds(self, chosen: Mapping[str, Any]) -> bool:
        """Whether the option has an effect with these values."""
        if self.beside is not None and chosen.get(self.beside) is None:
            return True
        if self.values:
            return self.absent != (chosen.get(self.governing[0]) in self.values)
        return self.absent != any(chosen.get(name) not in (None, 0.0, False, ()) for name in self.governing)

    def where(self, chosen: Mapping[str, Any]) -> str:
        """The choice with which the option has no effect."""
        value = chosen.get(self.governing[0])
        if self.absent and not self.values:
            return f"with {' or '.join(map(_flag, self.governing))}"
        if not self.values or value is None:
            return f"without {' or '.join(map(_flag, self.governing))}"
        return f"with {_words(self.governing[0], value)}"

    def belongs(self) -> str:
        """What the option belongs to; empty where that has been said already."""
        if self.absent:
            return "leave one of them out"
        if not self.values:
            return ""
        if self.values in ((False,), (True,)):
            return "leave one of them out"
        return "it belongs to " + " or ".join(_words(self.governing[0], value) for value in self.values)

    def only(self) -> str:
        """The choice that the option goes with, for the help: "with --style gm-c"."""
        name = self.governing[0]
        if self.absent and self.values:
            return f"without {' or '.join(_words(name, value) for value in self.values)}"
        if self.values in ((False,), (True,)):
            return f"without {_words(name, not self.values[0])}"
        if not self.values:
            flags = " or ".join(map(_flag, self.governing))
            if self.beside is not None:
                flags += f" beside {_flag(self.beside)}"
            return f"{'without' if self.absent else 'with'} {flags}"
        first, *others = self.values
        if name == "datapath":
            return f"with {_words(name, first)}"
        return f"with {' or '.join([_words(name, first), *others])}"


@dataclass(frozen=True)
class Usage:
    """The options that a subcommand uses, with the conditions under which each has an effect.

    Attributes:
        memory: Those for a memory.
        network: Those for a network; empty where the subcommand takes none.
        lacks: Why it has no use for an option that one may look for, by the flag with its dashes.
    """

    memory: Mapping[str, tuple[Condition, ...]]
    network: Mapping[str, tuple[Condition, ...]] = field(default_factory=dict)
    lacks: Mapping[str, str] = field(default_factory=dict)

    def names(self) -> set[str]:
        """The names of all options."""
        return {*self.memory, *self.network}

    def only(self, name: str) -> str:
        """A sentence for the help that says what an option goes with; empty where it always has an effect."""
        conditions = self.memory[name] if name in self.memory else self.network[name]
        return f"Only {' and '.join(each.only() for each in conditions)}." if conditions else ""


def _flag(name: str) -> str:
    return "a NETWORK" if name == "network" else f"--{_OPTIONS[name].flag}"


def _given_flag(name: str, given: Mapping[str, Any]) -> str:
    """The flag that gave a value: of a yes-or-no option the one that says so."""
    return f"--{'no-' if given[name] is False else ''}{_OPTIONS[name].flag}"


def _words(name: str, value: Any) -> str:
    """A choice in words: as flags give it, or as a datapath, which follows from the method where none is given."""
    if name == "datapath":
        return f"the {value} datapath"
    if isinstance(value, bool):
        each = _OPTIONS[name]
        return f"--{each.flag}" if value or not each.declared.negatable else f"--no-{each.flag}"
    return f"{_flag(name)} {value}"


def _used(*names: str, **conditional: Condition | tuple[Condition, ...]) -> dict[str, tuple[Condition, ...]]:
    """A table of options that always have an effect, and of those with conditions."""
    table: dict[str, tuple[Condition, ...]] = dict.fromkeys(names, ())
    return table | {name: each if isinstance(each, tuple) else (each,) for name, each in conditional.items()}


def _only(condition: Condition, table: Mapping[str, tuple[Condition, ...]]) -> dict[str, tuple[Condition, ...]]:
    """The same options, which have an effect under a further condition, told first."""
    return {name: (condition, *others) for name, others in table.items()}


def _is(name: str, *values: Any) -> Condition:
    return Condition((name,), values)


def _given(*names: str) -> Condition:
    return Condition(names)


def _searched(table: Mapping[str, tuple[Condition, ...]]) -> dict[str, tuple[Condition, ...]]:
    """The same options, of which a search decides some instead."""
    absent = Condition(("target_nrmse",), absent=True)
    return {name: (absent, *others) if name in SEARCHED else others for name, others in table.items()}


#: The options that a search decides.
SEARCHED = ("state_bits", "coefficient_bits", "datapath", "structured_error", "error_feedback", "guarantee")
_SPEC = ("order", "theta", "dt", "rate", "discretization", "basis")
_OPAMPS = _is("style", "opamp-rc", "opamp-rc-differential")
_GM_C = _is("style", "gm-c")
_NOT_IDEAL = _is("opamp", "macro", "single-pole")
_SIGMA_NAMES = ("capacitor_tolerance", "resistor_tolerance", "gm_tolerance")

_FORMATS = _used(
    "input_bits",
    "state_bits",
    "coefficient_bits",
    "output_bits",
    "datapath",
    "error_feedback",
    structured_error=_is("datapath", "structured"),
    guarantee=_is("datapath", "dense"),
)
_DEVICE = _used("device", "seeds", "clock")
_LANES = _used("unrolled", lanes=_is("unrolled", False))
_TARGET = _used(target=(_is("unrolled", False), _is("datapath", "chain")))
_CIRCUIT = _used(
    "topology",
    "style",
    "supply",
    "capacitors",
    opamp=_OPAMPS,
    gbw=(_OPAMPS, _NOT_IDEAL),
    opamp_gain=(_OPAMPS, _NOT_IDEAL),
    opamp_snr=(_OPAMPS, _is("opamp", AUTO)),
    opamp_offset=(_OPAMPS, _is("opamp", AUTO)),
    opamp_set=(_OPAMPS, _is("opamp", "macro")),
    resistors=_OPAMPS,
    ota=_GM_C,
    gm=_GM_C,
    ota_set=(_GM_C, _is("ota", "macro")),
    correction=(_OPAMPS, Condition(("opamp",), ("ideal",), absent=True)),
) | _used("allow", "circuit_error")
_SIGMAS = _used("capacitor_tolerance", resistor_tolerance=_OPAMPS, gm_tolerance=_GM_C) | _used(
    tolerance_sigma=_given(*_SIGMA_NAMES)
)
_BENCH = _used("samples", "gap", "stall", "runs", "wave_samples")
_FILE = _used("path", channel=_given("path"), normalize=_given("path"))
_NETWORK_FORMATS = _used(
    "input_bits",
    "output_bits",
    "memory_bits",
    "weight_bits",
    "activation_bits",
    "drive_bits",
    "state_bits",
    "coefficient_bits",
    "datapath",
    "granularity",
    "clipping",
    "compensated",
)
_NEURONS = _used("neurons", "neuron_kind", "tau", "max_rates", "intercepts")
_GROUPS = _used("coordinates", "band")
_INTEGERS, _VERILOG = _is("backend", "fixed", "rtl"), _is("backend", "rtl")
_IN_SPIKES, _SPIKES_BESIDE = _is("backend", "spiking"), _given("spiking")

_ONE_RECORDING = {"--channels": "one recording goes through one memory"}

#: The options by subcommand.
USAGE: Mapping[str, Usage] = MappingProxyType(
    {
        "derive": Usage(_used(*_SPEC)),
        "quantize": Usage(
            _used(*_SPEC, "delays", "channels", "seed", "target_nrmse")
            | _searched(_FORMATS)
            | _only(Condition(("target_nrmse",), absent=True), _TARGET)
            # In a search a clock decides the lanes.
            | _used(
                "unrolled", "clock", lanes=(*_LANES["lanes"], Condition(("clock",), absent=True, beside="target_nrmse"))
            )
            | _only(_given("target_nrmse"), _used("bandwidth")),
            _used("network", "calibration", "lanes", "sequences", "clock") | _NETWORK_FORMATS,
        ),
        "verilog": Usage(
            _used(*_SPEC, "name", "delays", "channels", "port_bits", "clock") | _FORMATS | _LANES | _TARGET,
            _used("network", "name", "calibration", "lanes", "sequences", "reset", "clock") | _NETWORK_FORMATS,
        ),
        "fpga": Usage(
            _used(*_SPEC, "name", "delays", "channels", "port_bits") | _FORMATS | _LANES | _TARGET | _DEVICE,
            _used("network", "name", "calibration", "lanes", "sequences", "reset") | _NETWORK_FORMATS | _DEVICE,
        ),
        "spice": Usage(
            _used("order", "theta", "name", "delays", "coefficients")
            | _CIRCUIT
            | _SIGMAS
            | _used(seed=_given(*_SIGMA_NAMES)),
            lacks=dict.fromkeys(("--dt", "--rate", "--discretization"), "a circuit works in continuous time")
            | {"--basis": "a circuit is designed from the Legendre basis"},
        ),
        "cosim": Usage(
            _used(*_SPEC, "name", "port_bits", "simulator", "seed", "spiking")
            | _used(delays=_is("spiking", False), analog=_is("spiking", False))
            | _FORMATS
            | _LANES
            | _TARGET
            | _FILE
            | _BENCH
            | _only(_is("spiking", False), _only(_is("analog", True), _CIRCUIT | _SIGMAS | _used("tolerance")))
            | _only(_SPIKES_BESIDE, _used("spiking_lanes") | _NEURONS | _GROUPS),
            _used("network", "name", "calibration", "lanes", "sequences", "reset", "simulator", "seed")
            | _NETWORK_FORMATS
            | _used("path", "labels", part=_given("labels"))
            | _BENCH,
            lacks=_ONE_RECORDING | {"--ensembles": "in hardware there is one for each state"},
        ),
        "run": Usage(
            _used(*_SPEC, "delays", "backend", seed=_is("backend", "rtl", "spiking"))
            | _FILE
            | _only(_INTEGERS, _FORMATS)
            | _only(_VERILOG, _LANES | _used("simulator"))
            | _only(_IN_SPIKES, _NEURONS | _GROUPS | _used("ensembles")),
            _used("network", "backend", "path", "labels", calibration=_is("backend", "fixed", "rtl", "spiking"))
            | _used(
                part=_given("labels"),
                word_lengths=(_is("backend", "fixed"), _given("labels")),
                swept=(_is("backend", "fixed"), _given("word_lengths")),
            )
            | _used(seed=_is("backend", "rtl", "spiking"))
            | _only(_INTEGERS, _NETWORK_FORMATS)
            | _only(_VERILOG, _used("lanes", "sequences", "simulator"))
            | _only(_IN_SPIKES, _NEURONS | _used("scope", "sample_seconds")),
            lacks=_ONE_RECORDING,
        ),
    }
)

#: Conditions between the options of a design alone, whatever the subcommand.
_OF_DESIGNS: Mapping[str, tuple[Condition, ...]] = {**_FORMATS, **_LANES, **_TARGET, **_CIRCUIT, **_SIGMAS}


def check_effects(
    subcommand: str,
    design: Design | NetworkDesign,
    given: Mapping[str, Any],
    filed: Mapping[str, Any] = MappingProxyType({}),
    path: Path | None = None,
) -> None:
    """Check that every option has an effect.

    A design file serves several subcommands, so its keys may be those of any; but a key must fit the other keys of its
    file, unless flags change these, or it repeats the default.

    Args:
        subcommand: The name of the subcommand.
        design: The design of flags and file.
        given: The values of the flags that were given, by name.
        filed: The values of the design file, by name.
        path: The design file.

    Raises:
        DesignError: An option has no effect; the error says what it belongs to.
    """
    usage = USAGE[subcommand]
    network = isinstance(design, NetworkDesign)
    table = usage.network if network else usage.memory
    chosen = _chosen(design, given)
    for name in given:
        if name not in table:
            where = "with a NETWORK; it belongs to a memory" if network else "without a NETWORK"
            raise RequestError(f"{_given_flag(name, given)} has no effect {where}")
        _check(_given_flag(name, given), table[name], chosen)
    if network:
        return
    of_file = _chosen(Design(**{name: value for name, value in filed.items() if name != "name"}), {})
    for name in filed:
        conditions = _OF_DESIGNS.get(name, ())
        effective = all(each.holds(chosen) for each in table.get(name, conditions))
        if getattr(design, name) != options_of(Design)[name].default and name not in given and not effective:
            _check(f"{_OPTIONS[name].key} in {path}", conditions, of_file)


def effective_flags(subcommand: str, design: Design | NetworkDesign, **more: Any) -> str:
    """The words of a command line that give a design, without what has no effect in the subcommand.

    Args:
        subcommand: The name of the subcommand.
        design: The design.
        more: The values of further options of the request, by name.
    """
    usage = USAGE[subcommand]
    table = usage.network if isinstance(design, NetworkDesign) else usage.memory
    chosen = _chosen(design, more)
    kept = {
        name: value
        for name, value in design.given().items()
        if name in table and all(each.holds(chosen) for each in table[name])
    }
    return type(design)(**kept).flags()


def _check(what: str, conditions: Iterable[Condition], chosen: Mapping[str, Any]) -> None:
    """Raise an error for the first condition that does not hold."""
    for condition in conditions:
        if not condition.holds(chosen):
            raise RequestError(f"{what} has no effect {condition.where(chosen)}", hint=condition.belongs())


def _chosen(design: Design | NetworkDesign, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of all options by name: those of the design, those that were given, and the defaults of the rest."""
    chosen = {name: each.fallback for name, each in _OPTIONS.items() if each.default is not MISSING}
    chosen |= {name: value for name, value in given.items() if name not in options_of(type(design))}
    chosen |= {name: design.chosen(name) for name in options_of(type(design))}
    if isinstance(design, Design):
        if chosen.get("target_nrmse") is not None:
            chosen["datapath"] = _ANY
        elif design.datapath is None and design.method in DISCRETIZATIONS:
            chosen["datapath"] = str(next(each for each in Discretization if each == design.method).datapaths[0])
    return chosen


class _Any:
    """A value that is equal to every other: what a search decides."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


_ANY = _Any()
