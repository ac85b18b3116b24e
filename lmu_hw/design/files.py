"""Design files: TOML whose keys are the options of a design, with other values laid over them."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lmu_hw.design.memory import Design
from lmu_hw.design.network import NetworkDesign
from lmu_hw.design.options import Options, options_of
from lmu_hw.errors import DesignError

_LARGEST_FILE = 1 << 20


def load_design(path: Path | None, values: Mapping[str, Any]) -> Design:
    """Make the design of a memory from a file and from values that win over it.

    Args:
        path: A TOML file of at most 1 MiB whose keys are the fields of `Design`, or None.
        values: The values by name.

    Raises:
        DesignError: The file cannot be read, is not TOML or holds an unknown key, or a value is of the wrong kind.
    """
    return Design(**_merged(path, {} if path is None else read_design(path), values, Design))


def load_any_design(path: Path | None, values: Mapping[str, Any]) -> Design | NetworkDesign:
    """Make the design of a memory or, where `network` is among the values, of a network.

    Args:
        path: A TOML file whose keys are the fields of either class, or None.
        values: The values by name, from flags, which win over the file.

    Raises:
        DesignError: The file has an error, a flag has no meaning for the kind of design that is wanted, or a value is
            of the wrong kind.
    """
    filed = {} if path is None else read_design(path)
    kind: type[Design | NetworkDesign] = NetworkDesign if "network" in {*filed, *values} else Design
    for name, value in values.items():
        if name not in options_of(kind):
            constraint = "left out with a network" if kind is NetworkDesign else "given with a NETWORK"
            raise DesignError(name.replace("_", "-"), constraint, value)
    return kind(**_merged(path, filed, values, kind))


def read_design(path: Path) -> dict[str, Any]:
    """Read the values of a design file by name, unchecked.

    Raises:
        DesignError: The file cannot be read, is longer than 1 MiB, or is not TOML.
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
    except ValueError as problem:  # neither UTF-8 nor TOML
        raise DesignError("design file", "valid TOML in UTF-8", f"{path} ({problem})") from None


def _merged(
    path: Path | None, filed: Mapping[str, Any], values: Mapping[str, Any], kind: type[Options]
) -> dict[str, Any]:
    """The values of a design file and those that win over it, all of which must be fields of `kind`."""
    for source in (filed, values):
        for key in source:
            if key not in options_of(kind):
                what = f"a key of {path}" if source is filed else "a value's name"
                close = difflib.get_close_matches(key.lower().replace("-", "_"), options_of(kind), n=1)
                known = "one that designs have" if close else f"one of {', '.join(options_of(kind))}"
                raise DesignError(what, known, key, hint=f"did you mean {close[0]}?" if close else "")
    return {**filed, **values}
