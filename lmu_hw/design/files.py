"""Design files: TOML whose keys are the options of a design, with other values laid over them."""

from __future__ import annotations

import tomllib
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from lmu_hw.design.memory import RATE, Design, doubtful_delays
from lmu_hw.design.network import NetworkDesign
from lmu_hw.design.options import Option, Options, options_of
from lmu_hw.design.requests import BenchRequest, CosimRequest, FpgaRequest, Recording, RunRequest, SearchRequest
from lmu_hw.design.spiking import SpikingChoice
from lmu_hw.errors import DesignError, Notice, RequestError, check_positive, nearest

_LARGEST_FILE = 1 << 20
#: Options of a call rather than of a design.
_OF_CALLS = (Recording, FpgaRequest, SearchRequest, RunRequest, CosimRequest, BenchRequest, SpikingChoice)
_Made = TypeVar("_Made", bound=Options)


def load_design(path: Path | None, values: Mapping[str, Any]) -> Design:
    """Make the design of a memory from a file and from values that win over it.

    Args:
        path: A TOML file of at most 1 MiB whose keys are the flags of `Design` with _ for -, or None.
        values: The values by name.

    Raises:
        DesignError: The file cannot be read, is not TOML or holds an unknown key, or a value is of the wrong kind.
    """
    return _made(Design, path, {} if path is None else read_design(path), values)


def load_any_design(path: Path | None, values: Mapping[str, Any]) -> Design | NetworkDesign:
    """Make the design of a memory or, where `network` is among the values, of a network.

    Args:
        path: A TOML file whose keys are the flags of either class with _ for -, or None.
        values: The values by name, from flags, which win over the file.

    Raises:
        DesignError: The file has an error, a flag has no meaning for the kind of design that is wanted, or a value is
            of the wrong kind.
    """
    filed = {} if path is None else read_design(path)
    kind: type[Design | NetworkDesign] = NetworkDesign if "network" in {*filed, *values} else Design
    other = Design if kind is NetworkDesign else NetworkDesign
    where = "with a NETWORK; it belongs to a memory" if kind is NetworkDesign else "without a NETWORK"
    for name in values:
        if name not in _known(kind):
            negated = "no-" if values[name] is False else ""
            raise RequestError(f"--{negated}{_known(other)[name].flag} has no effect {where}")
    return _made(kind, path, filed, values)


def read_design(path: Path) -> dict[str, Any]:
    """Read the values of a design file by name, unchecked.

    Raises:
        DesignError: The file cannot be read, is longer than 1 MiB, or is not TOML.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except OSError as problem:
        raise RequestError(f"cannot read the design file {path}: {problem.strerror}") from None
    if len(content) > _LARGEST_FILE:
        raise DesignError("design file", "at most 1 MiB long", f"{path}")
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except ValueError as problem:  # neither UTF-8 nor TOML
        raise RequestError(f"the design file {path} is not valid TOML in UTF-8: {problem}") from None


def named(kind: type[Options], path: Path, filed: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a design file by the names of the fields; a former key is accepted with a notice.

    Raises:
        DesignError: A key is unknown, or given twice under two names.
    """
    keys = {each.key: name for name, each in _known(kind).items()}
    older = {former.replace("-", "_"): each for each in _known(kind).values() for former in each.declared.older}
    made: dict[str, Any] = {}
    for key, value in filed.items():
        if key in older:
            warnings.warn(
                Notice(f"{key} in {path} is {older[key].key} now; the old name goes with the next release"),
                stacklevel=2,
            )
        elif key not in keys:
            raise DesignError(f"a key of {path}", "one that designs have", key, hint=_hint(kind, key, value, keys))
        name = older[key].name if key in older else keys[key]
        if name in made:
            raise RequestError(f"{key} in {path} is given twice, under two names")
        made[name] = value
    return made


def _hint(kind: type[Options], key: str, value: Any, keys: Mapping[str, str]) -> str:
    """What helps with a key that designs of a kind do not have."""
    if isinstance(value, dict):
        return "there are no tables in a design file; write its keys without the heading"
    word = key.lower().replace("-", "_")
    if close := nearest(word, keys):
        return f"did you mean {close}?"
    if kind is Design and word in {each.key for each in options_of(NetworkDesign).values()}:
        return "it belongs to a network, which a key `network` names"
    if any(word == each.key for asked in _OF_CALLS for each in options_of(asked).values()):
        return f"it is no property of a design; give --{word.replace('_', '-')} on the command line"
    return f"the keys are {', '.join(keys)}"


def with_step(values: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """The values with `dt` in place of `rate`.

    Args:
        values: The values by name.
        where: The source of the values, as an error names it after the options.

    Raises:
        DesignError: Both are given, or the rate is no positive number.
    """
    if "rate" not in values:
        return dict(values)
    if "dt" in values:
        both = f"dt and rate{where}" if where else "--dt and --rate"
        raise RequestError(f"{both} say the same", hint="give one of them")
    rate = check_positive("rate", RATE.checked(values["rate"]), "Hz")
    return {name: value for name, value in values.items() if name != "rate"} | {"dt": 1.0 / rate}


def _of_one_source(kind: type[_Made], path: Path | None, merged: Mapping[str, Any], values: Mapping[str, Any]) -> _Made:
    """The design; a sentence about it names the file where all values are from there."""
    try:
        return kind(**merged)
    except RequestError as problem:
        if path is None or values:
            raise
        raise problem.of(str(path)) from None


@contextmanager
def errors_named(path: Path | None, filed: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[None]:
    """Let an error about a value of a design file name the file, wherever the value is checked.

    Args:
        path: The file; None where there is none.
        filed: The values of the file by key.
        values: The values by name that win over those of the file.

    Raises:
        DesignError: The error that is raised within, which names the file where that gave the value.
    """
    try:
        yield
    except DesignError as problem:
        if path is not None and problem.what in filed and problem.what not in values:
            raise problem.of(str(path)) from None
        raise


def _known(kind: type[Options]) -> Mapping[str, Option]:
    """The options of a design by name; those of a memory with the rate."""
    return {**options_of(kind), "rate": RATE} if kind is Design else options_of(kind)


def _made(kind: type[_Made], path: Path | None, filed: Mapping[str, Any], values: Mapping[str, Any]) -> _Made:
    """The design from a file and from values that win over it."""
    for name in values:
        if name not in _known(kind):
            raise DesignError("a value's name", f"one of {', '.join(_known(kind))}", name)
    with errors_named(path, filed, values):
        of_file = {} if path is None else with_step(named(kind, path, filed), f" in {path}")
        merged = {**of_file, **with_step(values)}
        made = _of_one_source(kind, path, merged, values)
    if isinstance(made, Design):
        for doubt in doubtful_delays(merged.get("delays", ()), made.theta, made.dt):
            warnings.warn(Notice(doubt), stacklevel=2)
    return made
