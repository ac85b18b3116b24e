"""Which tensor of a state dict is which array of a network: by a mapping in a TOML file, or by known names.

A mapping looks as follows.

    output = "last"                      # or "sequence": an output per step; "last" by default
    ignore = ["cell.H"]                  # tensors that are not used; all others must be used

    [[layers]]
    type = "lmu"
    order = 256                          # states of each channel
    theta = 784.0                        # seconds, or "10ms"; or theta_inv = "TENSOR", in steps: theta = dt/theta_inv
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
    transition = "cell.A"                # Ā, (order, order): compared with what θ and the method give
    input = "cell.B"                     # B̄, (order,): as well

    [[layers]]
    type = "dense"
    kernel = "classifier.weight"         # W, (outputs, inputs)
    bias = "classifier.bias"             # (outputs,)
    activation = "identity"              # by default

The layer "lmu" computes

    u_t = g(E_x x_t + b_u) + E_h h_{t−1} + E_m m_{t−1},   m_t = Ā m_{t−1} + B̄ u_t for each channel,
    h_t = f(W_x x_t + W_h h_{t−1} + W_m m_t + b),

with all states of channel 0 first in m. Arrays that are left out are 0; without memory_kernel the layer outputs m.
In place of a name an array may be a table, {tensor = "W", transpose = true, columns = [0, 256]}, which stands for the
columns from 0 to 255 of the transposed tensor. A list of names and tables stands for their sum:
bias = ["W_x.bias", "W_h.bias"].

Without a mapping, `recognise` knows the names that public LMUs in PyTorch give to their tensors, each behind any
prefix, such as `lmu.cell.`:

- `e_x e_h e_m W_x W_h W_m`, with or without the underscores, as in the paper, as parameters or as layers nn.Linear
  (`W_x.weight`, `W_x.bias`);
- `input_encoders hidden_encoders memory_encoders input_kernel hidden_kernel memory_kernel`, as in the paper's code;
- `W_u W_h` for a memory of one channel without feedback, both nn.Linear with a ReLU; W_h sees the states, then x.

`A`, `B`, `AT` and `BT` are compared with the matrices of the memory; `theta_inv` determines θ. Matrices may act on
columns, as in PyTorch, or on rows: their shapes must tell which. Beside the cell there may be one layer nn.Linear
under any name, which is the readout. Anything else needs a mapping.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lmu_hw.core.registry import member
from lmu_hw.errors import DesignError, RequestError
from lmu_hw.io.quantities import SECONDS, QuantityError, read_quantity
from lmu_hw.networks.importers.zips import shown
from lmu_hw.networks.model import MAX_LAYERS, Output
from lmu_hw.reference.cell import CellParameters

MAX_TOML_BYTES = 1 << 20

#: The arrays of each type of layer; those of `CHECKED` are only compared with the memory's own.
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
    """The tensor that an array, or one summand of it, comes from.

    Attributes:
        tensor: The name of the tensor.
        transpose: Whether the tensor is transposed.
        columns: The first column that is taken of the (transposed) tensor, and the one after the last; None for all.
    """

    tensor: str
    transpose: bool = False
    columns: tuple[int, int] | None = None


@dataclass(frozen=True)
class LayerMap:
    """One layer of a mapping.

    Attributes:
        type: The type of the layer, "lmu" or "dense".
        arrays: The summands of each array; `transition`, `input` and `theta_inv` count as arrays.
        values: The order, theta and the other values of the layer, as they were given.
    """

    type: str
    arrays: Mapping[str, tuple[Source, ...]]
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StateDictMap:
    """A mapping from the tensors of a state dict to the layers of a network.

    Attributes:
        layers: The layers in the order of the network.
        output: Whether there is an output per step, or one after the last step.
        ignore: The names of tensors that are not used.
    """

    layers: tuple[LayerMap, ...]
    output: Output = Output.LAST
    ignore: frozenset[str] = frozenset()


def read_mapping(path: str | Path) -> StateDictMap:
    """The mapping in a TOML file.

    Raises:
        DesignError: The file cannot be read, or has a key or value that no mapping has; the message names the layer.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MAX_TOML_BYTES:
            raise DesignError(path.name, f"at most {MAX_TOML_BYTES} bytes large", size)
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestError(f"cannot read {path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise DesignError(path.name, "a TOML file", str(error)) from None
    _check_keys(f"mapping {path.name}", content, ("output", "ignore", "layers"))
    layers = content.get("layers")
    if not isinstance(layers, list) or not 1 <= len(layers) <= MAX_LAYERS:
        raise DesignError(f"layers of {path.name}", f"1 to {MAX_LAYERS} tables [[layers]]", layers)
    ignore = content.get("ignore", [])
    if not isinstance(ignore, list) or not all(isinstance(name, str) for name in ignore):
        raise DesignError(f"ignore of {path.name}", "a list of names", ignore)
    output = member(Output, content.get("output", Output.LAST), f"output of {path.name}")
    return StateDictMap(tuple(_layer(k, entry) for k, entry in enumerate(layers)), output, frozenset(ignore))


def _layer(k: int, entry: Any) -> LayerMap:
    kind = entry.get("type") if isinstance(entry, dict) else None
    if not isinstance(kind, str) or kind not in ARRAYS:
        raise DesignError(f"type of layer {k}", "one of " + ", ".join(ARRAYS), kind)
    label = f"layer {k} ({kind})"
    arrays = (*ARRAYS[kind], *((*CHECKED, "theta_inv") if kind == "lmu" else ()))
    _check_keys(label, entry, ("type", *_VALUES[kind], *arrays))
    for key in _NEEDED[kind]:
        if key not in entry:
            raise RequestError(f"{label} has no {key}")
    if kind == "lmu" and ("theta" in entry) == ("theta_inv" in entry):
        raise RequestError(f"{label} has neither theta nor theta_inv, or both", hint="give one of them")
    return LayerMap(
        kind,
        {key: _sources(f"{key} of {label}", entry[key]) for key in arrays if key in entry},
        {key: _value(f"{key} of {label}", key, entry[key]) for key in _VALUES[kind] if key in entry},
    )


def _value(what: str, key: str, value: Any) -> Any:
    """A value of a layer; a time may be a text such as "10ms"."""
    if key not in ("theta", "dt") or not isinstance(value, str):
        return value
    try:
        return read_quantity(value, SECONDS)
    except QuantityError as problem:
        raise DesignError(what, SECONDS.expected, value, hint=str(problem)) from None


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


Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]

_PAPER = {
    "input_encoder": "e_x",
    "hidden_encoder": "e_h",
    "memory_encoder": "e_m",
    "input_kernel": "W_x",
    "hidden_kernel": "W_h",
    "memory_kernel": "W_m",
    "transition": "A",
    "input": "B",
    "theta_inv": "theta_inv",
}
_LONG = {
    "input_encoder": "input_encoders",
    "hidden_encoder": "hidden_encoders",
    "memory_encoder": "memory_encoders",
    "input_kernel": "input_kernel",
    "hidden_kernel": "hidden_kernel",
    "memory_kernel": "memory_kernel",
    "transition": "AT",
    "input": "BT",
}


@dataclass(frozen=True)
class Scheme:
    """The names that one family of implementations gives to its tensors.

    Attributes:
        names: The name of the tensor of each array.
        key: The array whose name only files of this scheme have.
        ignore: The names of tensors that follow from others: A and B before they are divided by θ, and the impulse
            response.
    """

    names: Mapping[str, str]
    key: str = "memory_kernel"
    ignore: tuple[str, ...] = ()


SCHEMES: Mapping[str, Scheme] = MappingProxyType(
    {
        "paper": Scheme(_PAPER, ignore=("_base_A", "_base_B")),
        "joined": Scheme({k: v.replace("_", "") if k.endswith(("coder", "kernel")) else v for k, v in _PAPER.items()}),
        "long": Scheme(_LONG),
        "feedforward": Scheme(
            {"input_encoder": "W_u", "memory_kernel": "W_h", "transition": "A", "input": "B"},
            key="input_encoder",
            ignore=("H", "fft_H"),
        ),
    }
)


def recognise(shapes: Shapes, values: Mapping[str, Any], label: str) -> StateDictMap:
    """The mapping of a state dict with known names, which the module's text lists.

    Args:
        shapes: The shapes of its tensors by name.
        values: The theta, dt and other values of the cell.
        label: The name of the file in errors.

    Raises:
        DesignError: The names are not known, or the shapes do not tell rows from columns.
    """
    found = [(scheme, prefix) for scheme in SCHEMES.values() for prefix in _prefixes(shapes, scheme.names[scheme.key])]
    if len(found) != 1:
        names = ", ".join(list(shapes)[:6])
        raise DesignError(f"tensors in {label}", "those of one LMU of a known kind, or explained by --mapping", names)
    scheme, prefix = found[0]
    weights = {array: _weight(shapes, prefix + name) for array, name in scheme.names.items()}
    present = {array: name for array, name in weights.items() if name is not None}
    ignore = frozenset(prefix + name for name in scheme.ignore if prefix + name in shapes)
    if "input_encoder" not in present:
        raise DesignError(f"{scheme.names['input_encoder']} in {label}", "there, beside the others", "none")
    feedforward = scheme is SCHEMES["feedforward"]
    cell = (_feedforward if feedforward else _cell)(shapes, present, values, label)
    used = {source.tensor for sources in cell.arrays.values() for source in sources}
    rest = [name for name in shapes if name not in used and name not in ignore]
    head = _head(rest, shapes, label)
    return StateDictMap((cell, *head), ignore=ignore)


def _prefixes(shapes: Shapes, name: str) -> list[str]:
    """The prefixes of `name` or `name.weight` in the names of tensors."""
    tails = (name, f"{name}.weight")
    return [key.removesuffix(tail) for key in shapes for tail in tails if key == tail or key.endswith(f".{tail}")]


def _weight(shapes: Shapes, name: str) -> str | None:
    return next((key for key in (name, f"{name}.weight") if key in shapes), None)


def _biases(shapes: Shapes, names: list[str]) -> tuple[Source, ...]:
    """The biases of the layers nn.Linear among `names`, which are names of weights."""
    keys = [name.removesuffix("weight") + "bias" for name in names if name.endswith(".weight")]
    return tuple(Source(key) for key in keys if key in shapes)


def _cell(shapes: Shapes, present: dict[str, str], values: Mapping[str, Any], label: str) -> LayerMap:
    """A cell with named arrays, in the orientation in which their shapes fit each other."""
    given = {array: shapes[name] for array, name in present.items() if array.endswith(("coder", "kernel"))}
    for array, size in given.items():
        if len(size) != 2 and not (len(size) == 1 and array.endswith("encoder")):
            raise DesignError(f"{shown(present[array])} in {label}", "a matrix", size)
    transition = shapes.get(present.get("transition", ""))
    fits = [turned for turned in (False, True) if _fit(_on_columns(given, turned=turned), transition)]
    if len(fits) != 1:
        got = ", ".join(f"{present[array]} {size}" for array, size in given.items())
        wanted = "shapes that fit each other" if not fits else "shapes that tell rows from columns, or --mapping"
        raise DesignError(f"tensors in {label}", wanted, got)
    turned = fits[0]
    rows = _on_columns(given, turned=turned)
    channels, states = rows["input_encoder"][0], rows["memory_kernel"][1]
    arrays: dict[str, tuple[Source, ...]] = {
        array: (Source(name, transpose=turned and array in given),) for array, name in present.items()
    }
    kernels = [present[array] for array in ("input_kernel", "hidden_kernel", "memory_kernel") if array in present]
    encoders = [present[array] for array in ("input_encoder", "hidden_encoder", "memory_encoder") if array in present]
    arrays |= {
        name: found for name, of in (("bias", kernels), ("input_bias", encoders)) if (found := _biases(shapes, of))
    }
    return _names_layer(arrays, values, states // channels, label)


def _on_columns(given: Shapes, *, turned: bool) -> Shapes:
    """Shapes of matrices that act on columns; an encoder of one dimension is one row either way."""
    return {array: (1, *size) if len(size) == 1 else size[::-1] if turned else size for array, size in given.items()}


def _fit(sizes: Shapes, transition: Shape | None) -> bool:
    """Whether the shapes of matrices that act on columns fit each other, and the transition matrix."""
    channels, inputs = sizes["input_encoder"]
    hidden, states = sizes["memory_kernel"]
    if channels < 1 or states % channels:
        return False
    order = states // channels
    if transition is not None and transition != (order, order):
        return False
    wanted = CellParameters.shapes(order, inputs, channels, hidden)
    return all(wanted[array] == size for array, size in sizes.items())


def _feedforward(shapes: Shapes, present: dict[str, str], values: Mapping[str, Any], label: str) -> LayerMap:
    """A memory of one channel between two layers nn.Linear with ReLUs; the second may see x too."""
    encoder, kernel = present["input_encoder"], present.get("memory_kernel", "")
    transition = shapes.get(present.get("transition", ""), ())
    sizes = (shapes[encoder], shapes.get(kernel, ()))
    if len(transition) != 2 or any(len(size) != 2 for size in sizes) or sizes[0][0] != 1:
        raise DesignError(f"tensors in {label}", "W_u for one channel, W_h and A, or explained by --mapping", sizes)
    order, inputs, columns = transition[0], sizes[0][1], sizes[1][1]
    arrays: dict[str, tuple[Source, ...]] = {
        "input_encoder": (Source(encoder),),
        "memory_kernel": (Source(kernel, columns=(0, order)),),
        "transition": (Source(present["transition"]),),
    }
    if columns == order + inputs:
        arrays["input_kernel"] = (Source(kernel, columns=(order, columns)),)
    elif columns != order:
        raise DesignError(f"{shown(kernel)} in {label}", f"of {order} or {order + inputs} columns", sizes[1])
    arrays |= {"input": (Source(present["input"]),)} if "input" in present else {}
    for name, weight in (("input_bias", encoder), ("bias", kernel)):
        if biases := _biases(shapes, [weight]):
            arrays[name] = biases
    return _names_layer(arrays, {"activation": "relu", "encoder_activation": "relu"} | dict(values), order, label)


def _names_layer(
    arrays: Mapping[str, tuple[Source, ...]], values: Mapping[str, Any], order: int, label: str
) -> LayerMap:
    given = ("theta" in values) + ("theta_inv" in arrays)
    if given == 0:
        raise RequestError(f"{label} does not say its window", hint="give --theta")
    if given == 2:
        raise RequestError(f"{label} has its window in theta_inv", hint="leave --theta out")
    return LayerMap("lmu", arrays, {"order": order} | dict(values))


def _head(rest: list[str], shapes: Shapes, label: str) -> tuple[LayerMap, ...]:
    """The readout that the tensors beside the cell make up; empty if there are none."""
    if not rest:
        return ()
    weights = [name for name in rest if name.endswith("weight") and len(shapes[name]) == 2]
    if len(weights) != 1 or not set(rest) <= {weights[0], weights[0].removesuffix("weight") + "bias"}:
        got = ", ".join(rest[:6])
        raise DesignError(f"tensors in {label} beside the LMU", "one layer nn.Linear, or explained by --mapping", got)
    arrays = {"kernel": (Source(weights[0]),)}
    if len(rest) == 2:
        arrays["bias"] = (Source(weights[0].removesuffix("weight") + "bias"),)
    return (LayerMap("dense", arrays),)
