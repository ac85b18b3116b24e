"""Network files: an archive (`lmu_hw.io.archive`) that holds a network's layers and arrays, and nothing to run.

The header is a JSON object:

    {"format": "lmu_hw network", "version": 1,
     "output": "last",                              or "sequence"
     "layers": [
       {"type": "lmu", "inputs": 1, "channels": 1, "hidden": 212, "activation": "tanh",
        "order": 256, "theta": 784.0, "dt": 1.0, "discretization": "zoh", "basis": "legendre"},
       {"type": "memory", "inputs": …, "channels": …, "hidden": 0, "activation": "identity", "order": …, …},
       {"type": "lstm", "inputs": …, "hidden": …},
       {"type": "dense", "inputs": 212, "outputs": 10, "activation": "identity"}],
     "notes": {"command": "…", "seed": 0}}          optional, without effect

The arrays are `input_offset` and `input_scale`, shape (inputs,), and those of layer k as `k.NAME`: the names,
shapes and equations are in the classes `CellParameters` (lmu), `MemoryParameters` (memory; hidden = 0 means
no dense part), `LSTMParameters` and `DenseParameters`. Their type is float32 or float64; matrices act on
columns. Times are in seconds. Unknown keys, types, versions and arrays are errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmu_hw.core.spec import MAX_ORDER, LMUSpec
from lmu_hw.errors import DesignError, RequestError, check_integer
from lmu_hw.io.archive import MAX_BYTES, ArchiveReader, Form, write_archive
from lmu_hw.networks.model import KINDS, MAX_LAYERS, Layer, Network, error_about
from lmu_hw.reference.layers import MemoryParameters

FORMAT, VERSION = "lmu_hw network", 1
MAX_UNITS = 1 << 16
_SPEC = ("order", "theta", "dt", "discretization", "basis")


#: The class of each kind of layer, by its name in files.
_KINDS: Mapping[str, type[Layer]] = {kind: layer for layer, kind in KINDS.items()}


def save_network(path: str | Path, network: Network) -> Path:
    """Write `network` to `path`, whole or not at all; the same network gives the same bytes.

    An array whose entries all are float32 numbers is stored as such, so nothing is lost.
    """
    path = Path(path)
    header = {
        "format": FORMAT,
        "version": VERSION,
        "output": str(network.output),
        "layers": [_entry(layer) for layer in network.layers],
        "notes": dict(network.notes),
    }
    values: dict[str, NDArray[Any]] = {"input_offset": network.input_offset, "input_scale": network.input_scale}
    for k, layer in enumerate(network.layers):
        values |= {f"{k}.{name}": array for name, array in layer.arrays().items()}
    return write_archive(path, header, {name: _smallest(array) for name, array in values.items()})


def load_network(path: str | Path, *, max_bytes: int = MAX_BYTES) -> Network:
    """The network in `path`.

    Args:
        path: The network file.
        max_bytes: The largest number of bytes that its arrays may take.

    Raises:
        DesignError: The file is not a network file, is damaged, of a newer version, larger than `max_bytes`, or
            describes no network; the message names the layer.
    """
    path = Path(path)
    with ArchiveReader(path, max_bytes=max_bytes) as archive:
        header = archive.header
        if header.get("format") != FORMAT:
            raise DesignError(f"format of {path.name}", repr(FORMAT), header.get("format"))
        if header.get("version") != VERSION:
            raise DesignError(
                f"version of {path.name}", f"{VERSION}, the one that this program reads", header.get("version")
            )
        _check_keys(f"header of {path.name}", header, ("format", "version", "output", "layers"), optional=("notes",))
        entries = header["layers"]
        if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_LAYERS:
            raise DesignError(f"layers of {path.name}", f"a list of 1 to {MAX_LAYERS} objects", entries)
        notes = header.get("notes", {})
        if not isinstance(notes, dict):
            raise DesignError(f"notes of {path.name}", "an object", notes)
        labels = [_check_entry(k, entry) for k, entry in enumerate(entries)]
        expected = {name: _floats((entries[0]["inputs"],)) for name in ("input_offset", "input_scale")}
        for k, entry in enumerate(entries):
            expected |= {f"{k}.{name}": _floats(shape) for name, shape in _shapes(entry).items()}
        try:
            values = archive.read(expected)
        except DesignError as error:
            raise _about(error, labels) from None
    layers = tuple(
        _layer(label, k, entry, values) for k, (label, entry) in enumerate(zip(labels, entries, strict=True))
    )
    return Network(layers, header["output"], values["input_offset"], values["input_scale"], notes)


def _size_keys(kind: type[Layer]) -> tuple[str, ...]:
    """The header keys that give sizes, but for the order, which is part of the specification."""
    return tuple(size for size in kind.sizes if size != "order")


def _keys(kind: type[Layer]) -> tuple[str, ...]:
    """The header keys of a kind of layer, in the order in which they are written."""
    activation = ("activation",) if kind.has_activation() else ()
    return ("type", *_size_keys(kind), *activation, *(_SPEC if "order" in kind.sizes else ()))


def _shapes(entry: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shapes of the arrays of a layer, from its checked entry in the header."""
    kind = _KINDS[entry["type"]]
    return kind.shapes(*(entry[size] for size in kind.sizes))


def _entry(layer: Layer) -> dict[str, Any]:
    """The entry of a layer in the header."""
    values = {} if layer.memory_spec is None else layer.memory_spec.to_dict()
    values |= {"type": layer.kind, "activation": str(getattr(layer, "activation", ""))}
    return {key: values[key] if key in values else getattr(layer, key) for key in _keys(type(layer))}


def _check_entry(k: int, entry: Any) -> str:
    """Return the layer's name if its entry has the right keys and sizes within bounds."""
    if not isinstance(entry, dict) or entry.get("type") not in _KINDS:
        got = entry.get("type") if isinstance(entry, dict) else entry
        raise DesignError(f"type of layer {k}", "one of " + ", ".join(_KINDS), got)
    label = f"layer {k} ({entry['type']})"
    kind = _KINDS[entry["type"]]
    _check_keys(label, entry, _keys(kind))
    for key in _size_keys(kind):
        least = 0 if key == "hidden" and kind is MemoryParameters else 1
        check_integer(f"{key} of {label}", entry[key], least, MAX_UNITS)
    if "order" in kind.sizes:
        check_integer(f"order of {label}", entry["order"], 1, MAX_ORDER)
    return label


def _check_keys(what: str, found: Mapping[str, Any], keys: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
    missing = [key for key in keys if key not in found]
    if missing:
        raise DesignError(what, f"an object with the key {missing[0]!r}", sorted(found))
    unknown = [key for key in found if key not in keys + optional]
    if unknown:
        raise DesignError(f"key of {what}", "one of " + ", ".join(keys + optional), unknown[0])


def _layer(label: str, k: int, entry: Mapping[str, Any], values: Mapping[str, NDArray[Any]]) -> Layer:
    kind = _KINDS[entry["type"]]
    fields: dict[str, Any] = {name: values[f"{k}.{name}"] for name in _shapes(entry)}
    with error_about(label):
        if "order" in kind.sizes:
            fields["spec"] = LMUSpec(*(entry[key] for key in _SPEC))
        if "activation" in entry:
            fields["activation"] = entry["activation"]
        return kind(**fields)


def _floats(shape: tuple[int, ...]) -> Callable[[Form], str | None]:
    def check(form: Form) -> str | None:
        return None if form[0] == shape and form[1] in ("<f4", "<f8") else f"floats of shape {shape}"

    return check


def _about(error: DesignError, labels: list[str]) -> DesignError:
    """The same error, with "3.bias" written as "bias of layer 3 (dense)"."""
    if isinstance(error, RequestError):
        return error
    what = error.what
    number, _, rest = what.partition(".")
    if number.isdigit() and int(number) < len(labels):
        name, *where = rest.split(" ", 1)
        what = " ".join([f"{name} of {labels[int(number)]}", *where])
    return DesignError(what, error.constraint, error.got, hint=error.hint)


def _smallest(array: NDArray[np.float64]) -> NDArray[Any]:
    """The array in float32 where that loses nothing, else as it is."""
    with np.errstate(over="ignore", under="ignore"):
        single = array.astype(np.float32)
    return single if np.array_equal(single, array) else array
