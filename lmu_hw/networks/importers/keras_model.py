"""The configuration of a Keras model: its layers in sequence, with values that are checked when they are read.

Models of the classes Sequential and Functional are read, the latter where it is a chain, in which each layer is fed
with the outputs of the one before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lmu_hw.errors import DesignError, check_integer, check_positive
from lmu_hw.networks.importers.zips import shown
from lmu_hw.networks.model import error_about

#: More layers than a network may have, since some of a Keras model do nothing.
MAX_KERAS_LAYERS = 256
_LONGEST_NAME = 256


@dataclass(frozen=True)
class KerasLayer:
    """One layer, or the cell within one.

    Attributes:
        kind: The name of its class, without the package.
        name: The name that its author or Keras gave it.
        config: The configuration of the layer.
        group: The name of its group in the weights of a `.keras` file, which is its class in snake case, with _1, _2 …
            for further layers of the class; empty for a cell.
    """

    kind: str
    name: str
    config: Mapping[str, Any]
    group: str = ""

    @property
    def label(self) -> str:
        """The name of the layer in errors."""
        return f"layer '{shown(self.name)}' ({self.kind})"

    def flag(self, key: str, default: bool = False) -> bool:
        """The truth value of `key`.

        Raises:
            DesignError: It is neither true nor false.
        """
        value = self.config.get(key, default)
        if not isinstance(value, bool):
            raise DesignError(f"{key} of {self.label}", "true or false", value)
        return value

    def whole(self, key: str, most: int) -> int:
        """The value of `key`, an integer from 1 to `most`.

        Raises:
            DesignError: It is no such integer.
        """
        return check_integer(f"{key} of {self.label}", self.config.get(key), 1, most)

    def positive(self, key: str) -> float:
        """The value of `key`, a positive number.

        Raises:
            DesignError: It is no positive number.
        """
        return check_positive(f"{key} of {self.label}", self.config.get(key))

    def inner(self, key: str) -> KerasLayer | None:
        """The layer or cell in `key`; None where there is none.

        Raises:
            DesignError: The entry is no class with a configuration and a name.
        """
        entry = self.config.get(key)
        return None if entry is None else _layer(entry, f"{key} of {self.label}", "")

    def require(self, key: str, *allowed: object) -> None:
        """Check that `key` is absent or has one of the allowed values, the first of which is its default.

        Raises:
            DesignError: It has another value.
        """
        value = self.config.get(key, allowed[0])
        if value not in allowed:
            raise DesignError(f"{key} of {self.label}", " or ".join(map(str, allowed)), value)


@dataclass(frozen=True)
class KerasModel:
    """A chain of layers.

    Attributes:
        shape: The shape of one input without the batch; None stands for any number of steps, () for an unknown shape.
        layers: The layers in the order of their use, without those of class InputLayer.
    """

    shape: tuple[int | None, ...]
    layers: tuple[KerasLayer, ...]


def read_model(text: str, label: str) -> KerasModel:
    """The model that a configuration in JSON describes.

    Args:
        text: The configuration in JSON.
        label: The name of the file in errors.

    Raises:
        DesignError: The text is no JSON, describes no model, or one that is no chain of layers; the message names the
            layer.
    """
    what = f"configuration in {label}"
    try:
        model = json.loads(text)
    except (ValueError, RecursionError):
        raise DesignError(what, "JSON", "something else") from None
    kind = _class_name(model)
    if kind not in ("Sequential", "Functional", "Model"):
        raise DesignError(f"model in {label}", "of class Sequential or Functional", kind or "something else")
    config = model.get("config")
    if isinstance(config, list):  # as Keras before 2.3 wrote a Sequential
        config = {"layers": config}
    entries = config.get("layers") if isinstance(config, dict) else None
    if not isinstance(config, dict) or not isinstance(entries, list) or not 1 <= len(entries) <= MAX_KERAS_LAYERS:
        raise DesignError(f"layers in {label}", f"a list of 1 to {MAX_KERAS_LAYERS}", type(entries).__name__)
    layers = _named(entries, label)
    if kind != "Sequential":
        layers = _chain(layers, entries, config, label)
    inputs = [layer for layer in layers if layer.kind == "InputLayer"]
    if layers[0].kind == "InputLayer":
        given = dict(layers[0].config)
    else:  # a Sequential may have none
        given = dict(layers[0].config) | {"batch_shape": config.get("build_input_shape")}
    if len(inputs) > 1 or (inputs and layers[0] is not inputs[0]):
        raise DesignError(f"inputs in {label}", "one, in front of all layers", [layer.name for layer in inputs])
    shape = given.get("batch_shape") or given.get("batch_input_shape")
    return KerasModel(_shape(shape, label), tuple(layer for layer in layers if layer.kind != "InputLayer"))


def _class_name(entry: Any) -> str:
    """The class in a configuration, "keras-lmu>LMU" without the package; empty where there is none."""
    name = entry.get("class_name") if isinstance(entry, dict) else None
    found = name.rpartition(">")[2] if isinstance(name, str) else ""
    return found if found.isidentifier() and len(found) <= _LONGEST_NAME else ""


def _layer(entry: Any, what: str, group: str) -> KerasLayer:
    kind = _class_name(entry)
    config = entry.get("config") if isinstance(entry, dict) else None
    name = config.get("name", kind) if isinstance(config, dict) else None
    if not kind or not isinstance(config, dict) or not isinstance(name, str) or len(name) > _LONGEST_NAME:
        raise DesignError(what, "a class with a configuration and a name", kind or type(entry).__name__)
    return KerasLayer(kind, name, config, group)


def _named(entries: list[Any], label: str) -> list[KerasLayer]:
    """The layers as they are listed, each with the name of its group of weights."""
    used: dict[str, int] = {}
    layers = []
    for k, entry in enumerate(entries):
        snake = _snake_case(_class_name(entry))
        count = used.get(snake, 0)
        used[snake] = count + 1
        layers.append(_layer(entry, f"layer {k} in {label}", f"{snake}_{count}" if count else snake))
    names = [layer.name for layer in layers]
    if len(set(names)) != len(names):
        raise DesignError(f"names of the layers in {label}", "different from each other", names)
    return layers


def _chain(layers: list[KerasLayer], entries: list[Any], config: Mapping[str, Any], label: str) -> list[KerasLayer]:
    """The layers in sequence from the input to the output, found from the end by what each layer is fed with."""
    before: dict[str, str] = {}
    for layer, entry in zip(layers, entries, strict=True):
        nodes = entry.get("inbound_nodes", [])
        with error_about(layer.label):
            sources = list(_sources(nodes))
        if layer.kind != "InputLayer":
            if not isinstance(nodes, list) or len(nodes) != 1 or len(sources) != 1:
                raise DesignError(
                    layer.label, "fed once, with the outputs of one layer", f"{len(sources)} inputs ({sources})"
                )
            before[layer.name] = sources[0]
    ends = [set(_ends(config.get(key))) for key in ("input_layers", "output_layers")]
    if any(len(found) != 1 for found in ends):
        raise DesignError(f"model in {label}", "of one input and one output", f"{ends[0]} and {ends[1]}")
    by_name = {layer.name: layer for layer in layers}
    chain, name = [], ends[1].pop()
    while name in by_name and by_name[name] not in chain:
        chain.append(by_name[name])
        name = before.get(name, "")
    chain.reverse()
    unused = [layer for layer in layers if layer not in chain]
    if unused:
        raise DesignError(unused[0].label, "between the input and the output, in a chain", "a branch")
    if chain[0].kind != "InputLayer":
        raise DesignError(chain[0].label, "fed by an input", "something else")
    return chain


def _sources(node: Any, depth: int = 0) -> Iterator[str]:
    """Yield the names of the layers that feed a node: under "keras_history", or in Keras 2 in [name, 0, 0, {}]."""
    if depth > 16:
        raise DesignError("inbound_nodes", "nested less deeply", "more than 16 levels")
    if isinstance(node, dict):
        if node.get("training") is True:
            raise DesignError("training", "left to the caller: dropout and the like would be at work", True)
        history = node.get("keras_history")
        if isinstance(history, list) and history and isinstance(history[0], str):
            yield history[0]
            return
        for value in node.values():
            yield from _sources(value, depth + 1)
    elif isinstance(node, list):
        if len(node) >= 3 and isinstance(node[0], str) and isinstance(node[1], int) and isinstance(node[2], int):
            yield node[0]
            node = node[3:]
        for value in node:
            yield from _sources(value, depth + 1)


def _ends(value: Any) -> Iterator[str]:
    """Yield the names in "input_layers" or "output_layers", which hold [name, 0, 0] or a list of such."""
    if isinstance(value, list):
        if value and isinstance(value[0], str):
            yield value[0]
        else:
            for each in value:
                yield from _ends(each)


def _shape(value: Any, label: str) -> tuple[int | None, ...]:
    if value is None:
        return ()
    whole = isinstance(value, list) and all(n is None or (isinstance(n, int) and n >= 1) for n in value)
    if not whole or not 2 <= len(value) <= 8:
        raise DesignError(f"shape of the input in {label}", "a batch of sequences", value)
    return tuple(value[1:])


def _snake_case(name: str) -> str:
    """The name in snake case, as Keras forms it: LMUFeedforward becomes lmu_feedforward."""
    text = ""
    for k, letter in enumerate(name):
        begins = letter.isupper() and k > 0
        if begins and (not name[k - 1].isupper() or (k + 1 < len(name) and name[k + 1].islower())):
            text += "_"
        text += letter.lower()
    return text
