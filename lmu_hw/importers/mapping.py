"""Which tensor of a state dict is which array of a network: a mapping in a TOML file.

    output = "last"                      # or "sequence": an output per step; "last" by default
    ignore = ["cell.H"]                  # tensors that play no part; all others must be used

    [[layers]]
    type = "lmu"
    order = 256                          # states of each channel
    theta = 784.0                        # seconds; or theta_inv = "TENSOR", in steps: theta = dt/theta_inv
    dt = 1.0                             # seconds; 1 by default
    discretization = "zoh"               # zoh (by default), euler, ab2 or bilinear
    basis = "legendre"                   # legendre (by default) or orthonormal
    activation = "tanh"                  # f: tanh (by default), sigmoid, relu or identity
    encoder_activation = "identity"      # g: identity by default
    input_encoder = "cell.e_x"           # E_x, shape (channels, inputs)
    input_bias = "cell.b_u"              # b_u, (channels,)
    hidden_encoder = "cell.e_h"          # E_h, (channels, hidden)
    memory_encoder = "cell.e_m"          # E_m, (channels, channels·order)
    input_kernel = "cell.W_x"            # W_x, (hidden, inputs)
    hidden_kernel = "cell.W_h"           # W_h, (hidden, hidden)
    memory_kernel = "cell.W_m"           # W_m, (hidden, channels·order)
    bias = "cell.b"                      # b, (hidden,)
    transition = "cell.A"                # Ā, (order, order): compared with what θ and the rule give
    input = "cell.B"                     # B̄, (order,): as well

    [[layers]]
    type = "dense"
    kernel = "classifier.weight"         # W, (outputs, inputs)
    bias = "classifier.bias"             # (outputs,)
    activation = "identity"              # by default

The layer "lmu" computes

    u_t = g(E_x x_t + b_u) + E_h h_{t−1} + E_m m_{t−1},   m_t = Ā m_{t−1} + B̄ u_t for each channel,
    h_t = f(W_x x_t + W_h h_{t−1} + W_m m_t + b),

with all states of channel 0 first in m. Arrays that are left out are 0; without memory_kernel the layer gives on m.
Instead of a name an array may be a table, {tensor = "W", transpose = true, columns = [0, 256]}: the columns from 0
to 255 of the transposed tensor. A list of names and tables is their sum: bias = ["W_x.bias", "W_h.bias"].
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lmu_hw.errors import DesignError
from lmu_hw.network import MAX_LAYERS, Output

MAX_TOML_BYTES = 1 << 20

#: Arrays of each type of layer, and those that are only compared.
ARRAYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "lmu": (
            "input_encoder",
            "input_bias",
            "hidden_encoder",
            "memory_encoder",
            "input_kernel",
            "hidden_kernel",
            "memory_kernel",
            "bias",
        ),
        "dense": ("kernel", "bias"),
    }
)
CHECKED = ("transition", "input")
_VALUES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "lmu": ("order", "theta", "dt", "discretization", "basis", "activation", "encoder_activation"),
        "dense": ("activation",),
    }
)
_NEEDED: Mapping[str, tuple[str, ...]] = MappingProxyType({"lmu": ("order", "input_encoder"), "dense": ("kernel",)})


@dataclass(frozen=True)
class Source:
    """Where an array, or a part of a sum, comes from.

    Attributes:
        tensor: its name.
        transpose: whether it is transposed.
        columns: the first column that is taken, after that, and the one after the last; None for all.
    """

    tensor: str
    transpose: bool = False
    columns: tuple[int, int] | None = None


@dataclass(frozen=True)
class LayerMap:
    """One layer of a mapping.

    Attributes:
        type: "lmu" or "dense".
        arrays: the summands of each array, `transition`, `input` and `theta_inv` among them.
        values: order, theta and so on, as they were given.
    """

    type: str
    arrays: Mapping[str, tuple[Source, ...]]
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StateDictMap:
    """A mapping.

    Attributes:
        layers: in the order of the network.
        output: an output per step, or the last one.
        ignore: tensors that play no part.
    """

    layers: tuple[LayerMap, ...]
    output: Output = Output.LAST
    ignore: frozenset[str] = frozenset()


def read_mapping(path: Path) -> StateDictMap:
    """The mapping in a TOML file.

    Raises:
        DesignError: it cannot be read, or has a key or value that no mapping has; the message names the layer.
    """
    try:
        size = path.stat().st_size
        if size > MAX_TOML_BYTES:
            raise DesignError(path.name, f"at most {MAX_TOML_BYTES} bytes large", size)
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DesignError(path.name, "a file that can be read", error.strerror or str(error)) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise DesignError(path.name, "a TOML file", str(error)) from None
    _check_keys(f"mapping {path.name}", content, ("output", "ignore", "layers"))
    layers = content.get("layers")
    if not isinstance(layers, list) or not 1 <= len(layers) <= MAX_LAYERS:
        raise DesignError(f"layers of {path.name}", f"1 to {MAX_LAYERS} tables [[layers]]", layers)
    ignore = content.get("ignore", [])
    if not isinstance(ignore, list) or not all(isinstance(name, str) for name in ignore):
        raise DesignError(f"ignore of {path.name}", "a list of names", ignore)
    output = content.get("output", "last")
    if output not in tuple(Output):
        raise DesignError(f"output of {path.name}", "one of " + ", ".join(Output), output)
    return StateDictMap(tuple(_layer(k, entry) for k, entry in enumerate(layers)), Output(output), frozenset(ignore))


def _layer(k: int, entry: Any) -> LayerMap:
    kind = entry.get("type") if isinstance(entry, dict) else None
    if not isinstance(kind, str) or kind not in ARRAYS:
        raise DesignError(f"type of layer {k}", "one of " + ", ".join(ARRAYS), kind)
    label = f"layer {k} ({kind})"
    arrays = (*ARRAYS[kind], *((*CHECKED, "theta_inv") if kind == "lmu" else ()))
    _check_keys(label, entry, ("type", *_VALUES[kind], *arrays))
    for key in _NEEDED[kind]:
        if key not in entry:
            raise DesignError(f"{key} of {label}", "given", None)
    if kind == "lmu" and ("theta" in entry) == ("theta_inv" in entry):
        raise DesignError(f"theta of {label}", "given, or theta_inv instead", "neither or both")
    return LayerMap(
        kind,
        {key: _sources(f"{key} of {label}", entry[key]) for key in arrays if key in entry},
        {key: entry[key] for key in _VALUES[kind] if key in entry},
    )


def _sources(what: str, value: Any) -> tuple[Source, ...]:
    if isinstance(value, list) and value:
        return tuple(source for each in value for source in _sources(what, each))
    if isinstance(value, str):
        return (Source(value),)
    wanted = "a tensor's name, a table with tensor, transpose and columns, or a list of these"
    if not isinstance(value, dict):
        raise DesignError(what, wanted, value)
    _check_keys(what, value, ("tensor", "transpose", "columns"))
    tensor, transpose, columns = value.get("tensor"), value.get("transpose", False), value.get("columns")
    if not isinstance(tensor, str) or not isinstance(transpose, bool):
        raise DesignError(what, wanted, value)
    if columns is not None:
        whole = isinstance(columns, list) and all(type(n) is int for n in columns)
        if not whole or len(columns) != 2 or not 0 <= columns[0] < columns[1]:
            raise DesignError(f"columns of {what}", "the first one and the one after the last", columns)
        columns = (columns[0], columns[1])
    return (Source(tensor, transpose, columns),)


def _check_keys(what: str, found: Mapping[str, Any], known: tuple[str, ...]) -> None:
    unknown = [key for key in found if key not in known]
    if unknown:
        raise DesignError(f"key of {what}", "one of " + ", ".join(known), unknown[0])
