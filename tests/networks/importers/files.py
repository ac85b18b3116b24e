"""Models of Keras and their equations by hand: the layout of the files and what keras-lmu documents, in rows.

Nothing here is taken from this package: the answers are what imported networks are compared with.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.signal
from numpy.typing import NDArray

Array = NDArray[Any]

ACTIVATIONS = {
    "linear": lambda a: a,
    "tanh": np.tanh,
    "relu": lambda a: np.maximum(a, 0),
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
}


@dataclass
class Entry:
    """One layer of a file.

    Attributes:
        kind: the class.
        name: of the layer.
        config: the rest of its configuration.
        groups: arrays by group below the layer's, as `.keras` has them: {"vars": [kernel, bias]}.
        names: the same arrays by their paths below the layer's, as `.h5` has them.
    """

    kind: str
    name: str
    config: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, list[Array]] = field(default_factory=dict)
    names: dict[str, Array] = field(default_factory=dict)

    @property
    def json(self) -> dict[str, Any]:
        return {"class_name": self.kind, "config": {"name": self.name, **self.config}}


def dense(name: str, kernel: Array, bias: Array | None = None, activation: str = "linear") -> Entry:
    arrays = [kernel] if bias is None else [kernel, bias]
    config = {"units": kernel.shape[1], "activation": activation, "use_bias": bias is not None}
    names = dict(zip((f"{name}/kernel", f"{name}/bias"), arrays, strict=False))
    return Entry("Dense", name, config, {"vars": arrays}, names)


@dataclass
class Cell:
    """An LMU of keras-lmu with random weights.

    Attributes:
        inputs, memory_d, order, theta: sizes.
        hidden: "Dense", "SimpleRNNCell" or nothing.
        units: of the hidden cell.
        flags: use_bias, trainable_theta, hidden_to_memory, memory_to_memory, input_to_hidden.
        discretizer: The time-stepping method.
        activation: of the hidden cell.
        own: kernel, bias, theta_inv, recurrent_kernel.
        inside: those of the hidden cell.
    """

    rng: np.random.Generator
    inputs: int = 2
    memory_d: int = 2
    order: int = 4
    theta: float = 12.0
    hidden: str | None = "SimpleRNNCell"
    units: int = 3
    flags: Sequence[str] = ()
    discretizer: str = "zoh"
    activation: str = "tanh"

    def __post_init__(self) -> None:
        states = self.memory_d * self.order

        def draw(*shape: int) -> Array:
            return (self.rng.uniform(-0.6, 0.6, shape) / np.sqrt(shape[0])).astype(np.float32)

        fed = self.units if "hidden_to_memory" in self.flags else 0
        self.own = {"kernel": draw(self.inputs + fed, self.memory_d)}
        if "use_bias" in self.flags:
            self.own["bias"] = draw(self.memory_d)
        if "trainable_theta" in self.flags:
            self.own["theta_inv"] = np.float32(1.0 / (0.8 * self.theta)).reshape(())
        if "memory_to_memory" in self.flags:
            self.own["recurrent_kernel"] = draw(states, self.memory_d)
        self.inside: dict[str, Array] = {}
        if self.hidden:
            seen = states + (self.inputs if "input_to_hidden" in self.flags else 0)
            self.inside["kernel"] = draw(seen, self.units)
            if self.hidden == "SimpleRNNCell":
                self.inside["recurrent_kernel"] = draw(self.units, self.units)
            self.inside["bias"] = draw(self.units)

    def entry(self, kind: str = "LMU", name: str = "lmu", **more: Any) -> Entry:
        """The layer as a file has it."""
        config: dict[str, Any] = {
            "memory_d": self.memory_d,
            "order": self.order,
            "theta": self.theta,
            "discretizer": self.discretizer,
            "hidden_cell": None,
            **dict.fromkeys(self.flags, True),
        }
        if self.hidden:
            config["hidden_cell"] = {
                "class_name": self.hidden,
                "config": {"name": "hidden", "units": self.units, "activation": self.activation, "use_bias": True},
            }
        feedback = set(self.flags) & {"hidden_to_memory", "memory_to_memory", "trainable_theta"}
        if kind == "RNN":
            place, config = "cell", {"cell": {"class_name": "keras-lmu>LMUCell", "config": {"name": "c", **config}}}
        else:
            place = "" if kind == "LMUFeedforward" else "layer/cell" if feedback else "layer"
        inner = "cell/hidden_cell" if kind == "RNN" else "hidden_cell"
        groups = {f"{place}/vars".strip("/"): list(self.own.values()), f"{inner}/vars": list(self.inside.values())}
        groups["seed_generator/vars"] = [np.zeros(2, np.uint32)]
        names = {f"model/{name}/c/{key}": value for key, value in self.own.items()}
        names |= {f"model/{name}/c/hidden/{key}": value for key, value in self.inside.items()}
        return Entry(f"keras-lmu>{kind}" if kind != "RNN" else kind, name, config | more, groups, names)

    def run(self, x: Array) -> Array:
        """The outputs after each step for x of shape (batch, steps, inputs)."""
        theta = 1 / float(self.own["theta_inv"]) if "theta_inv" in self.own else self.theta
        a, b = legendre(self.order)
        if self.discretizer == "zoh":
            zeros = np.zeros((self.order, 1))
            a, b, *_ = scipy.signal.cont2discrete((a / theta, b / theta, np.eye(self.order), zeros), 1.0)
        else:
            a, b = a / theta + np.eye(self.order), b / theta
        m, h = np.zeros((len(x), self.memory_d * self.order)), np.zeros((len(x), self.units))
        answers = []
        for now in x.swapaxes(0, 1):
            u = np.hstack([now, h]) if "hidden_to_memory" in self.flags else now
            u = u @ self.own["kernel"] + self.own.get("bias", 0.0)
            if "memory_to_memory" in self.flags:
                u = u + m @ self.own["recurrent_kernel"]
            states = m.reshape(len(x), self.memory_d, self.order) @ a.T + u[:, :, None] * b[:, 0]
            m = states.reshape(len(x), -1)
            seen = np.hstack([m, now]) if "input_to_hidden" in self.flags else m
            if self.hidden:
                seen = seen @ self.inside["kernel"] + self.inside["bias"]
                if self.hidden == "SimpleRNNCell":
                    seen = seen + h @ self.inside["recurrent_kernel"]
                seen = h = ACTIVATIONS[self.activation](seen)
            answers.append(seen)
        return np.stack(answers, axis=1)


def legendre(order: int) -> tuple[Array, Array]:
    """A and B of the memory."""
    i, j = np.indices((order, order))
    a = (2 * i + 1) * np.where(i < j, -1.0, (-1.0) ** (i - j + 1))
    b = ((2 * np.arange(order) + 1) * (-1.0) ** np.arange(order))[:, None]
    return a, b


def model(entries: Sequence[Entry], shape: Sequence[int | None] = (12, 2), kind: str = "Sequential") -> dict[str, Any]:
    """The configuration of a model."""
    given = {"class_name": "InputLayer", "config": {"name": "input", "batch_shape": [None, *shape]}}
    layers: list[dict[str, Any]] = [given, *(entry.json for entry in entries)]
    config: dict[str, Any] = {"name": "model", "layers": layers}
    if kind == "Functional":
        before = [""] + [layer["config"]["name"] for layer in layers]
        for name, layer in zip(before, layers, strict=False):
            tensor = {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}}
            layer["inbound_nodes"] = [{"args": [tensor], "kwargs": {"training": False}}] if name else []
        config |= {"input_layers": ["input", 0, 0], "output_layers": [layers[-1]["config"]["name"], 0, 0]}
    return {"class_name": kind, "config": config}


def weights_file(entries: Sequence[Entry]) -> bytes:
    """`model.weights.h5`."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        used: dict[str, int] = {}
        snakes = {"LMU": "lmu", "RNN": "rnn", "LMUFeedforward": "lmu_feedforward", "Dense": "dense"}
        for entry in entries:
            kind = entry.kind.rpartition(">")[2]
            snake = snakes.get(kind, kind.lower())
            number = used[snake] = used.get(snake, -1) + 1
            for group, arrays in entry.groups.items():
                where = f"layers/{snake}{f'_{number}' if number else ''}/{group}"
                file.require_group(where).attrs["name"] = entry.name
                for k, array in enumerate(arrays):
                    file[f"{where}/{k}"] = array
    return buffer.getvalue()


def save_archive(path: Path, config: Mapping[str, Any] | bytes, weights: bytes, **more: bytes) -> Path:
    """A `.keras` file of these parts, and members beside them."""
    text = config if isinstance(config, bytes) else json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", text)
        archive.writestr("model.weights.h5", weights)
        for name, content in more.items():
            archive.writestr(name, content)
    return path


def save(path: Path, entries: Sequence[Entry], kind: str = "Sequential", shape: Sequence[int | None] = (12, 2)) -> Path:
    """A whole model, in the format that the suffix says."""
    config = model(entries, shape, kind)
    if path.suffix == ".keras":
        return save_archive(path, config, weights_file(entries))
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        for entry in entries:
            group = file.require_group(f"model_weights/{entry.name}")
            for name, array in entry.names.items():
                group[name] = array
    return path
