"""The names that public LMUs in PyTorch give to their tensors, and the mapping that follows from them.

Known are, each behind any prefix, such as `lmu.cell.`:

- `e_x e_h e_m W_x W_h W_m`, with or without the underscores, as the paper has it: parameters, or layers nn.Linear
  (`W_x.weight`, `W_x.bias`);
- `input_encoders hidden_encoders memory_encoders input_kernel hidden_kernel memory_kernel`, as the paper's own code;
- `W_u W_h` for a memory without feedback, both nn.Linear with a ReLU, W_h for the memory of one channel and then x.

`A`, `B`, `AT`, `BT` are compared; `theta_inv` gives θ. Matrices may act on columns, as PyTorch's do, or on rows: the
shapes tell which, and the file is refused where they don't. Beside the cell there may be one layer nn.Linear, the
readout, under any name. Anything else needs a mapping.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lmu_hw.errors import DesignError
from lmu_hw.importers.mapping import LayerMap, Source, StateDictMap
from lmu_hw.importers.text import shown

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
    """One way of naming.

    Attributes:
        names: of the tensors by array.
        key: the array that only a file of this scheme has.
        ignore: tensors that follow from others: A and B without θ, the impulse response.
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
    """The mapping of a state dict with known names.

    Args:
        shapes: of its tensors.
        values: theta, dt and so on, for the cell.
        label: what messages call the file.

    Raises:
        DesignError: the names are not known, or the shapes leave open what is meant.
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
    """What stands in front of `name` or `name.weight` in the names of tensors."""
    tails = (name, f"{name}.weight")
    return [key.removesuffix(tail) for key in shapes for tail in tails if key == tail or key.endswith(f".{tail}")]


def _weight(shapes: Shapes, name: str) -> str | None:
    return next((key for key in (name, f"{name}.weight") if key in shapes), None)


def _biases(shapes: Shapes, names: list[str]) -> tuple[Source, ...]:
    """The bias of each layer nn.Linear among `names`, which are of weights."""
    keys = [name.removesuffix("weight") + "bias" for name in names if name.endswith(".weight")]
    return tuple(Source(key) for key in keys if key in shapes)


def _cell(shapes: Shapes, present: dict[str, str], values: Mapping[str, Any], label: str) -> LayerMap:
    """A cell with named arrays, in whichever orientation its shapes fit together."""
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
    return _layer(arrays, values, states // channels, label)


def _on_columns(given: Shapes, *, turned: bool) -> Shapes:
    """Shapes of matrices that act on columns; an encoder of one dimension is one row either way."""
    return {array: (1, *size) if len(size) == 1 else size[::-1] if turned else size for array, size in given.items()}


def _fit(sizes: Shapes, transition: Shape | None) -> bool:
    """Whether matrices that act on columns fit each other."""
    channels, inputs = sizes["input_encoder"]
    hidden, states = sizes["memory_kernel"]
    wanted = {
        "input_encoder": (channels, inputs),
        "hidden_encoder": (channels, hidden),
        "memory_encoder": (channels, states),
        "input_kernel": (hidden, inputs),
        "hidden_kernel": (hidden, hidden),
        "memory_kernel": (hidden, states),
    }
    whole = channels > 0 and states % channels == 0
    if transition is not None and whole:
        whole = transition == (states // channels,) * 2
    return whole and all(wanted[array] == size for array, size in sizes.items())


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
    return _layer(arrays, {"activation": "relu", "encoder_activation": "relu"} | dict(values), order, label)


def _layer(arrays: Mapping[str, tuple[Source, ...]], values: Mapping[str, Any], order: int, label: str) -> LayerMap:
    given = ("theta" in values) + ("theta_inv" in arrays)
    if given != 1:
        got = "neither" if not given else "both"
        raise DesignError(f"theta of {label}", "given (--theta), or theta_inv in the file", got)
    return LayerMap("lmu", arrays, {"order": order} | dict(values))


def _head(rest: list[str], shapes: Shapes, label: str) -> tuple[LayerMap, ...]:
    """The readout, which the tensors beside the cell are."""
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
