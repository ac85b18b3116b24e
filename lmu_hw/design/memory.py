"""One design for every verb: values by name, from a TOML file, with others laid over them."""

from __future__ import annotations

import difflib
import shlex
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from lmu_hw.errors import DesignError
from lmu_hw.io.files import check_identifier

if TYPE_CHECKING:
    from lmu_hw.core.spec import LMUSpec
    from lmu_hw.fixed_point.plan import MemoryPlan

_LARGEST_FILE = 1 << 20


class HardwareOptions(TypedDict):
    """How a plan is built; see `lmu_hw.rtl.memory.build.build_memory`."""

    lanes: int
    channels: int
    unrolled: bool
    port_bits: int | None


@dataclass(frozen=True)
class Design:
    """What to build and how to check it; the keys of a design file, and the flags with ``-`` for ``_``.

    Whoever uses a value checks its range; here the kinds are checked, and the name.

    Attributes:
        order: number of states.
        theta: window, s.
        dt: step, s; a circuit in continuous time needs none.
        discretization: time-stepping rule; None leaves it to the search, or is zoh.
        basis: coordinates of the state.
        name: of the module and of the circuit.
        input_bits, state_bits, coefficient_bits, output_bits: word lengths; None leaves them to `plan_memory`.
        datapath: how the increments are computed; None leaves it to the rule.
        structured_error: what the structured datapath may deviate by; None leaves it to `plan_memory`.
        guarantee: what is certified of a rounded dense matrix; None rounds to nearest.
        error_feedback: whether narrowings carry their residue over; None leaves it to `plan_memory`.
        delays: delayed readouts that the hardware gives out, as fractions of the window.
        lanes: multiplier lanes.
        unrolled: a multiplier for every product instead of lanes.
        port_bits: width of the input port; None makes it that of the samples.
        channels: memories that share the hardware.
        simulator: HDL simulator.
        topology, style: form and technology of the circuit.
        opamp: model of its op-amps.
        gbw, opamp_gain: gain-bandwidth product and gain of a model that is not ideal, Hz and V/V.
        ota: model of the transconductors of a gm-C circuit.
        gm: transconductance of their cell, around which they are chosen, S.
        supply: the circuit runs from plus and minus this, V.
        resistors, capacitors: series of standard values, "E3" to "E192"; None leaves the values exact.
        resistor_tolerance, capacitor_tolerance, gm_tolerance: relative standard deviations of parts.
        coefficients: whether a circuit gives out the Legendre coefficients too.
        circuit_error: error for which the least amplifiers are searched.
        seed: of everything random.

    Raises:
        DesignError: a value is of the wrong kind, or the name is not an identifier.
    """

    order: int | None = None
    theta: float | None = None
    dt: float | None = None
    discretization: str | None = None
    basis: str = "legendre"
    name: str = "lmu_memory"
    input_bits: int | None = None
    state_bits: int | None = None
    coefficient_bits: int | None = None
    output_bits: int | None = None
    datapath: str | None = None
    structured_error: float | None = None
    guarantee: str | None = None
    error_feedback: bool | None = None
    delays: tuple[float, ...] = ()
    lanes: int = 1
    unrolled: bool = False
    channels: int = 1
    port_bits: int | None = None
    simulator: str = "verilator"
    topology: str = "dense"
    style: str = "opamp-rc"
    opamp: str = "single-pole"
    gbw: float = 1e7
    opamp_gain: float = 1e6
    ota: str = "ideal"
    gm: float = 1e-6
    supply: float = 5.0
    resistors: str | None = None
    capacitors: str | None = None
    resistor_tolerance: float = 0.0
    capacitor_tolerance: float = 0.0
    gm_tolerance: float = 0.0
    coefficients: bool = False
    circuit_error: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_kinds(self)
        check_identifier(self.name)
        if self.seed < 0:
            raise DesignError("seed", "an integer of 0 or more", self.seed)

    @property
    def rule(self) -> str:
        """The time-stepping rule, zoh where none was asked for."""
        return self.discretization or "zoh"

    def required(self, name: str) -> Any:
        """The value of `name`.

        Raises:
            DesignError: it was not given.
        """
        value = getattr(self, name)
        if value is None:
            raise DesignError(name, f"given, by --{name} or in a design file", "nothing")
        return value

    def spec(self) -> LMUSpec:
        """The validated specification."""
        from lmu_hw.core.spec import Basis, LMUSpec
        from lmu_hw.core.steps import Discretization

        order, theta, dt = (self.required(name) for name in ("order", "theta", "dt"))
        rules = [str(rule) for rule in Discretization]
        if self.rule not in rules:
            raise DesignError("discretization", f"one of {', '.join(rules)}", self.rule)
        if self.basis not in list(Basis):
            raise DesignError("basis", f"one of {', '.join(Basis)}", self.basis)
        return LMUSpec(order, theta, dt, Discretization(self.rule), Basis(self.basis))

    def plan(self) -> MemoryPlan:
        """The fixed-point plan."""
        from lmu_hw.fixed_point.planner import plan_memory

        given = {name: value for name in _PLANNED if (value := getattr(self, name)) is not None}
        return plan_memory(self.spec(), **given, delays=self.delays)

    def hardware(self) -> HardwareOptions:
        """How the plan is built: arguments of `generate_verilog` and `build_memory`."""
        return {
            "lanes": self.lanes,
            "channels": self.channels,
            "unrolled": self.unrolled,
            "port_bits": self.port_bits,
        }

    def to_dict(self) -> dict[str, Any]:
        """The design as plain values, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)} | {
            "discretization": self.rule,
            "delays": list(self.delays),
        }

    def flags(self) -> str:
        """The command line flags that give this design: every value that is not the default, in a fixed order."""
        return flags_of(self)


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
_WORDS = {int: "an integer", float: "a number", str: "a text", bool: "true or false"}


def check_kinds(design: Any) -> None:
    """Check that every value of a frozen dataclass is of the kind that its annotation says; integers are numbers.

    Raises:
        DesignError: one is not.
    """
    for name, hint in typing.get_type_hints(type(design)).items():
        kinds = typing.get_args(hint) or (hint,)
        value = getattr(design, name)
        if value is None and types.NoneType in kinds:
            continue
        kind = next(each for each in kinds if each is not types.NoneType)
        if typing.get_origin(hint) is tuple:
            object.__setattr__(design, name, _numbers(name, value))
        elif kind is float and type(value) is int:
            object.__setattr__(design, name, float(value))
        elif type(value) is not kind:
            raise DesignError(name, _WORDS[kind], value)


def flags_of(design: Any, *, positional: tuple[str, ...] = ()) -> str:
    """The command line words that give a design: its `positional` values, and every flag that is not the default."""
    words = [str(getattr(design, name)) for name in positional]
    for field in fields(design):
        value = getattr(design, field.name)
        flag = field.name.replace("_", "-")
        if value == field.default or field.name in positional:
            continue
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        elif isinstance(value, tuple):
            words += [f"--{flag}", ",".join(map(repr, value))]
        else:
            words += [f"--{flag}", value if isinstance(value, str) else repr(value)]
    return shlex.join(words)


def _numbers(name: str, value: Any) -> tuple[float, ...]:
    if not isinstance(value, list | tuple) or not all(type(each) in (int, float) for each in value):
        raise DesignError(name, "a list of numbers", value)
    return tuple(map(float, value))


def load_design(path: Path | None, values: Mapping[str, Any]) -> Design:
    """Make a design from a file and from `values`, which win over it.

    Args:
        path: a TOML file of at most 1 MiB whose keys are those of `Design`, or None.
        values: by name.

    Raises:
        DesignError: the file cannot be read, is not TOML or holds an unknown key, or a value is of the wrong kind.
    """
    return Design(**merged(path, {} if path is None else read_design(path), values, Design))


def merged(path: Path | None, filed: Mapping[str, Any], values: Mapping[str, Any], kind: type[Any]) -> dict[str, Any]:
    """The values of a design file and those that win over it, all of them fields of `kind`.

    Raises:
        DesignError: one is not.
    """
    known = [field.name for field in fields(kind)]
    for source in (filed, values):
        for key in source:
            if key not in known:
                raise DesignError(f"a key of {path}" if source is filed else "a value's name", _hint(key, known), key)
    return {**filed, **values}


def read_design(path: Path) -> dict[str, Any]:
    """The values of a design file by name, unchecked.

    Raises:
        DesignError: it cannot be read, is longer than 1 MiB, or is not TOML.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except OSError as problem:
        raise DesignError("design file", "a readable file", f"{path} ({problem.strerror})") from None
    if len(content) > _LARGEST_FILE:
        raise DesignError("design file", "at most 1 MiB long", f"{path}")
    try:
        return tomllib.loads(content.decode("utf-8"))
    except ValueError as problem:  # no UTF-8, or no TOML
        raise DesignError("design file", "valid TOML in UTF-8", f"{path} ({problem})") from None


def _hint(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key.lower().replace("-", "_"), known, n=1)
    return f"one that designs have (did you mean {close[0]}?)" if close else f"one of {', '.join(known)}"
