"""The arrays of each layer of a model of Keras, by name, from either kind of file.

A `.keras` file holds `model.weights.h5`, where the arrays of a layer lie without names, 0, 1 …, in groups `vars`
of its group `layers/CLASS`; a whole-model `.h5` file holds them by name in `model_weights/LAYER`. In both, those of
a cell within a layer lie deeper, and the state of random generators lies among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lmu_hw.archive import MAX_HEADER_BYTES
from lmu_hw.errors import DesignError
from lmu_hw.importers.hdf5 import Hdf5Reader
from lmu_hw.importers.keras_model import KerasLayer
from lmu_hw.importers.zips import ZipReader
from lmu_hw.legendre import Array

CONFIG, WEIGHTS, METADATA = "config.json", "model.weights.h5", "metadata.json"

#: Parts of a layer that hold no weights: random generators, dropout, the impulse response of LMUFeedforward.
_IDLE = ("seed_generator", "dropout_layer", "delay_layer")


class Weights(Protocol):
    """An open file's arrays."""

    def arrays(self, layer: KerasLayer, hidden: KerasLayer | None, names: Sequence[str]) -> dict[str, Array]:
        """The arrays of a layer, or of the hidden cell within it.

        Args:
            layer: a layer of the model.
            hidden: the cell; None for the arrays of the layer itself, or of the LMUCell within it.
            names: of all the arrays that there must be, in the order in which Keras creates them.

        Raises:
            DesignError: there are others, or one is damaged or not finite; the message names the layer.
        """


@dataclass(frozen=True)
class NumberedWeights:
    """`model.weights.h5` within a `.keras` file.

    Attributes:
        file: the open file.
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
    """`model_weights` in a whole-model HDF5 file.

    Attributes:
        file: the open file.
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
def open_keras(path: Path) -> Iterator[tuple[str, Weights]]:
    """The configuration, as JSON, and the weights of a `.keras` or a whole-model HDF5 file, open for the block.

    Raises:
        DesignError: it is neither, is damaged or too large, or holds weights without a configuration.
        MissingToolError: h5py is not installed.
    """
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
    """Configuration and weights of a `.keras` file."""

    def refusal(name: str) -> str | None:
        return None if name in (CONFIG, WEIGHTS, METADATA) else f"{CONFIG}, {METADATA} and {WEIGHTS}"

    with ZipReader(path, "a zip file, as Keras 3 writes it", refusal) as archive:
        config = archive.read(CONFIG, max_bytes=MAX_HEADER_BYTES)
        weights = archive.read(WEIGHTS)
    try:
        return config.decode(), weights
    except UnicodeDecodeError:
        raise DesignError(f"{CONFIG} in {path.name}", "JSON in UTF-8", "something else") from None
