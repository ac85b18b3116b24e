"""The arrays of each layer of a Keras model by name, from a `.keras` file or a whole-model HDF5 file.

A `.keras` file holds `model.weights.h5`, where the arrays of a layer lie without names, as 0, 1 …, in groups `vars`
of its group `layers/CLASS`. A whole-model `.h5` file holds them by name in `model_weights/LAYER`. In both, the arrays
of a cell within a layer lie deeper, and the state of random generators lies among them.

The files may come from strangers. h5py parses them, and `Hdf5Reader` follows nothing but hard links to groups, and to
datasets of floating-point numbers that are stored as they are and in one piece. Links to other places and files,
virtual and external datasets, filters, and compound or variable-length types are errors. Every size is checked before
anything is read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError, MissingToolError, RequestError
from lmu_hw.io.archive import MAX_BYTES, MAX_HEADER_BYTES, MAX_MEMBERS
from lmu_hw.networks.importers.keras_model import KerasLayer
from lmu_hw.networks.importers.zips import ZipReader, shown

MAX_DEPTH = 12

_FAILURES = (OSError, RuntimeError, ValueError, KeyError, TypeError, MemoryError, UnicodeError)


class Hdf5Reader:
    """An open HDF5 file, from which plain arrays are read within a bound on their bytes.

    Attributes:
        label: The name of the file in errors.
    """

    def __init__(self, source: Path | bytes, label: str, *, max_bytes: int = MAX_BYTES) -> None:
        """Open a file, or its content in memory.

        Args:
            source: The path or the content of the file.
            label: The name of the file in errors.
            max_bytes: The largest number of bytes that the file, and all arrays read from it, may take.

        Raises:
            DesignError: The file cannot be read, is larger than `max_bytes`, or is no HDF5 file.
            MissingToolError: The package h5py is not installed.
        """
        try:
            import h5py
        except ImportError:
            raise MissingToolError("h5py, which reads HDF5 files,", "pip install 'lmu-hw[import]'") from None
        self._h5py, self.label = h5py, label
        self._left = max_bytes
        try:
            size = len(source) if isinstance(source, bytes) else source.stat().st_size
        except OSError as error:
            raise RequestError(f"cannot read {label}: {error.strerror or error}") from None
        if size > max_bytes:
            raise DesignError(label, f"at most {max_bytes} bytes large", size)
        try:
            self._file = h5py.File(BytesIO(source) if isinstance(source, bytes) else source, "r")
        except _FAILURES:
            raise DesignError(label, "an HDF5 file", "something else, or a damaged one") from None

    def __enter__(self) -> Hdf5Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def text(self, name: str) -> str | None:
        """The text in the attribute `name` of the top group; None where there is no such attribute.

        Raises:
            DesignError: The attribute is no text, or longer than 4 MiB.
        """
        what = f"attribute {name} of {self.label}"
        low = self._h5py
        try:
            if not low.h5a.exists(self._file.id, name.encode()):
                return None
            attribute = low.h5a.open(self._file.id, name.encode())
            plain = attribute.get_type().get_class() == low.h5t.STRING and attribute.shape == ()
            if not plain or attribute.get_storage_size() > MAX_HEADER_BYTES:
                raise DesignError(what, f"one text of at most {MAX_HEADER_BYTES} bytes", "something else")
            value = self._file.attrs[name]
            text = value.decode() if isinstance(value, bytes) else str(value)
        except DesignError:
            raise
        except _FAILURES:
            raise DesignError(what, "a text in UTF-8", "something else") from None
        if len(text) > MAX_HEADER_BYTES:
            raise DesignError(what, f"a text of at most {MAX_HEADER_BYTES} bytes", len(text))
        return text

    def datasets(self, path: str) -> list[str]:
        """The paths of all datasets in the group `path` and in the groups below it, relative to it.

        Raises:
            DesignError: The group is nested too deeply, or holds too many members or something else than plain arrays.
        """
        group = self._find(path)
        found: list[str] = []
        for name in () if group is None else self._walk(group, f"{path}/", 0):
            found.append(name.removeprefix(f"{path}/"))
            if len(found) > MAX_MEMBERS:
                raise DesignError(f"{shown(path)} in {self.label}", f"of at most {MAX_MEMBERS} arrays", "more")
        return found

    def array(self, path: str, what: str) -> Array:
        """The array in the dataset `path` in float64; errors call it `what`.

        Raises:
            DesignError: There is no such dataset, its type or storage is not supported, it is too large, or an entry
                is not finite.
        """
        folder, _, name = path.rpartition("/")
        parent = self._find(folder) if folder else self._file
        item = None if parent is None else self._linked(parent, name, path)
        if item is None or not isinstance(item, self._h5py.Dataset):
            raise DesignError(what, f"an array in {self.label}", "none of that name")
        try:
            return self._values(item, what)
        except DesignError:
            raise
        except _FAILURES:
            raise DesignError(what, "an undamaged array", f"a damaged one in {self.label}") from None

    def _values(self, item: Any, what: str) -> Array:
        kind = item.dtype
        if kind.kind != "f" or kind.itemsize not in (2, 4, 8):
            raise DesignError(what, "of floating-point numbers of 16, 32 or 64 bits", str(kind))
        if item.shape is None:
            raise DesignError(what, "an array with a shape", "an empty one")
        if item.is_virtual or item.external or item.chunks is not None or item.id.get_create_plist().get_nfilters():
            raise DesignError(what, "stored in the file as it is, in one piece", "another storage")
        size = math.prod(item.shape) * kind.itemsize
        if size > item.id.get_storage_size():
            raise DesignError(what, "of as many bytes as are stored", f"shape {item.shape}")
        self._left -= size
        if self._left < 0:
            raise DesignError(what, "within the bounds of all arrays together", f"shape {item.shape}")
        values = np.asarray(item[()], dtype=np.float64)
        if not np.all(np.isfinite(values)):
            raise DesignError(what, "finite in every entry", "NaN or infinity")
        return values

    def _find(self, path: str) -> Any:
        group = self._file
        for part in path.split("/"):
            group = self._linked(group, part, path)
            if group is None or not isinstance(group, self._h5py.Group):
                return None
        return group

    def _linked(self, group: Any, name: str, path: str) -> Any:
        """The object that `name` in `group` links to; None where there is no such link."""
        what = f"{shown(path)} in {self.label}"
        try:
            link = group.get(name, getlink=True) if name and name != "." else None
        except KeyError:
            return None
        except _FAILURES:
            raise DesignError(what, "undamaged", "a damaged group") from None
        if link is None:
            return None
        if not isinstance(link, self._h5py.HardLink):
            raise DesignError(what, "in the file itself", f"a {type(link).__name__}")
        try:
            return group[name]
        except _FAILURES:
            raise DesignError(what, "undamaged", "a damaged object") from None

    def _walk(self, group: Any, prefix: str, depth: int) -> Iterator[str]:
        try:
            names = list(group)
        except _FAILURES:
            raise DesignError(f"{shown(prefix)} in {self.label}", "undamaged", "a damaged group") from None
        if depth > MAX_DEPTH or len(names) > MAX_MEMBERS:
            raise DesignError(f"{shown(prefix)} in {self.label}", f"at most {MAX_DEPTH} groups deep and small", "more")
        for name in names:
            if not isinstance(name, str):  # h5py gives bytes for what is no UTF-8
                raise DesignError(f"{shown(prefix)} in {self.label}", "of members with names in UTF-8", repr(name))
            item = self._linked(group, name, prefix + name)
            if isinstance(item, self._h5py.Dataset):
                yield prefix + name
            elif isinstance(item, self._h5py.Group):
                yield from self._walk(item, f"{prefix}{name}/", depth + 1)
            else:
                raise DesignError(f"{shown(prefix + name)} in {self.label}", "a group or an array", type(item).__name__)


CONFIG, WEIGHTS, METADATA = "config.json", "model.weights.h5", "metadata.json"

#: The parts of a layer that hold no weights: random generators, dropout, the impulse response of LMUFeedforward.
_IDLE = ("seed_generator", "dropout_layer", "delay_layer")


class Weights(Protocol):
    """The arrays of an open file."""

    def arrays(self, layer: KerasLayer, hidden: KerasLayer | None, names: Sequence[str]) -> dict[str, Array]:
        """The arrays of a layer, or of the hidden cell within it, by name.

        Args:
            layer: A layer of the model.
            hidden: The hidden cell; None for the arrays of the layer itself, or of the LMUCell within it.
            names: The names of all arrays that there must be, in the order in which Keras creates them.

        Raises:
            DesignError: There are other arrays, or one is damaged or not finite; the message names the layer.
        """


@dataclass(frozen=True)
class NumberedWeights:
    """The arrays of `model.weights.h5` within a `.keras` file, whose names are numbers.

    Attributes:
        file: The open file.
    """

    file: Hdf5Reader

    def arrays(self, layer: KerasLayer, hidden: KerasLayer | None, names: Sequence[str]) -> dict[str, Array]:
        """See `Weights`."""
        top = f"layers/{layer.group}"
        groups: dict[str, set[str]] = {}
        for path in self.file.datasets(top):
            parts = path.split("/")
            if not set(parts[:-1]).intersection(_IDLE) and ("hidden_cell" in parts) == (hidden is not None):
                groups.setdefault("/".join(parts[:-1]), set()).add(parts[-1])
        label = (hidden or layer).label
        found = [name for members in groups.values() for name in members]
        if len(groups) > 1 or set(found) != {str(k) for k in range(len(names))}:
            raise DesignError(
                f"weights of {label}",
                f"{len(names)} arrays ({', '.join(names)}) in one group",
                f"{len(found)} in {self.file.label}",
            )
        group = "".join(groups)
        return {
            name: self.file.array(f"{top}/{group}/{k}", f"{name} of {label}") for k, name in enumerate(names) if groups
        }


@dataclass(frozen=True)
class NamedWeights:
    """The arrays of the group `model_weights` in a whole-model HDF5 file.

    Attributes:
        file: The open file.
    """

    file: Hdf5Reader

    def arrays(self, layer: KerasLayer, hidden: KerasLayer | None, names: Sequence[str]) -> dict[str, Array]:
        """See `Weights`."""
        top = f"model_weights/{layer.name}"
        cell = layer.inner("cell") or layer
        inside = cell.inner("hidden_cell") if cell.config.get("hidden_cell") is not None else None
        label = (hidden or layer).label
        found: dict[str, str] = {}
        for path in self.file.datasets(top):
            *parents, name = path.split("/")
            name = name.partition(":")[0]
            in_hidden = inside is not None and bool(parents) and parents[-1] == inside.name
            if name.startswith("seed_generator") or in_hidden != (hidden is not None):
                continue
            if name in found:
                raise DesignError(f"{name} of {label}", "there once", "twice")
            found[name] = path
        if set(found) != set(names):
            raise DesignError(f"weights of {label}", f"{len(names)} arrays ({', '.join(names)})", ", ".join(found))
        return {name: self.file.array(f"{top}/{found[name]}", f"{name} of {label}") for name in names}


@contextmanager
def open_keras(path: str | Path) -> Iterator[tuple[str, Weights]]:
    """The configuration in JSON and the weights of a `.keras` or a whole-model HDF5 file, open for the block.

    Raises:
        DesignError: The file is of neither kind, is damaged or too large, or holds weights without a configuration.
        MissingToolError: The package h5py is not installed.
    """
    path = Path(path)
    if path.suffix.lower() == ".keras":
        text, weights = _unpacked(path)
        with Hdf5Reader(weights, f"{WEIGHTS} in {path.name}") as file:
            yield text, NumberedWeights(file)
        return
    with Hdf5Reader(path, path.name) as file:
        found = file.text("model_config")
        if found is None:
            raise DesignError(
                path.name,
                "a whole model, as model.save() writes it: weights alone say nothing of θ, activations or connections",
                "no attribute model_config",
            )
        yield found, NamedWeights(file)


def _unpacked(path: Path) -> tuple[str, bytes]:
    """The configuration and the weights of a `.keras` file."""

    def constraint(name: str) -> str | None:
        return None if name in (CONFIG, WEIGHTS, METADATA) else f"{CONFIG}, {METADATA} and {WEIGHTS}"

    with ZipReader(path, "a zip file, as Keras 3 writes it", constraint) as archive:
        config = archive.read(CONFIG, max_bytes=MAX_HEADER_BYTES)
        weights = archive.read(WEIGHTS)
    try:
        return config.decode(), weights
    except UnicodeDecodeError:
        raise DesignError(f"{CONFIG} in {path.name}", "JSON in UTF-8", "something else") from None
