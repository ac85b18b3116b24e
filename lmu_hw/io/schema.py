"""The schemas of the JSON that this package writes, by name and version.

Every JSON file says what it is under the key `schema`, such as "lmu-hw/memory-plan/1": the name of its schema and the
version of that. A version changes when a key is removed, renamed or gets another meaning; new keys keep it, so readers
should take what they do not know for absent. docs/files.md describes the files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from lmu_hw.errors import DesignError

#: The present version of each schema.
VERSIONS: Mapping[str, int] = MappingProxyType(
    {
        "system": 1,
        "memory-plan": 1,
        "memory-search": 1,
        "network-plan": 1,
        "memory-verilog": 1,
        "network-verilog": 1,
        "spiking-verilog": 1,
        "fpga": 1,
        "circuit": 1,
        "memory-cosim": 1,
        "network-cosim": 1,
        "spiking-cosim": 1,
        "memory-run": 1,
        "network-run": 1,
        "training": 1,
        "import": 1,
        "doctor": 1,
        "demo": 1,
        "program": 1,
    }
)


def schema_id(name: str) -> str:
    """What a file says under the key `schema`, such as "lmu-hw/memory-plan/1"."""
    return f"lmu-hw/{name}/{VERSIONS[name]}"


def versioned(name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """The object with the name and version of its schema under the key `schema`, which comes first."""
    return {"schema": schema_id(name), **value}


def load_schema(name: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a name, such as "memory-plan" or, as files say it, "lmu-hw/memory-plan/1".

    Raises:
        DesignError: There is no such schema, or none of that version.
    """
    short = name.removeprefix("lmu-hw/").partition("/")[0]
    if short not in VERSIONS or name not in (short, schema_id(short)):
        raise DesignError("schema", "one of " + ", ".join(map(schema_id, VERSIONS)), name)
    text = (files("lmu_hw.io") / "schemas" / f"{short}.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
