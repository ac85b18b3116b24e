"""Random models of keras-lmu with their answers; run by the peers' Python: build_keras.py FOLDER.

Leaves NAME.keras, NAME.h5 and NAME.npz (x of shape (batch, …), the answers y, θ where it is trained) for each case,
and for two NAME.weights.h5.
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

STEPS, BATCH = 24, 5


def cases(keras: Any, keras_lmu: Any) -> dict[str, Callable[[], Any]]:
    """The models by name, each built when it is asked for."""
    layers = keras.layers

    def sequential(*stack: Any, shape: tuple[int, ...] = (STEPS, 2)) -> Any:
        return keras.Sequential([keras.Input(shape), *stack])

    def functional(*stack: Any, shape: tuple[int, ...] = (STEPS, 2)) -> Any:
        given = value = keras.Input(shape)
        for layer in stack:
            value = layer(value)
        return keras.Model(given, value)

    def lmu(hidden: Any, memory_d: int = 1, order: int = 5, theta: float = 20.0, **more: Any) -> Any:
        return keras_lmu.LMU(memory_d, order, theta, hidden, **more)

    def cell(hidden: Any, memory_d: int = 1, order: int = 5, theta: float = 20.0, **more: Any) -> Any:
        return layers.RNN(keras_lmu.LMUCell(memory_d, order, theta, hidden, **more))

    def rnn(units: int = 6, **more: Any) -> Any:
        return layers.SimpleRNNCell(units, **more)

    def dense(units: int = 4, activation: str | None = None, **more: Any) -> Any:
        return layers.Dense(units, activation=activation, **more)

    every = {"hidden_to_memory": True, "memory_to_memory": True, "input_to_hidden": True}
    return {
        "lmu_feedforward_inside": lambda: sequential(lmu(dense(6, "relu")), dense()),
        "lmu_rnn": lambda: sequential(lmu(rnn(), memory_d=2, **every), dense(3, "softmax")),
        "lmu_rnn_without_feedback": lambda: sequential(lmu(rnn(), memory_d=2, input_to_hidden=True), dense()),
        "lmu_biased": lambda: sequential(lmu(rnn(), memory_d=3, use_bias=True, **every), dense()),
        "lmu_theta": lambda: sequential(lmu(rnn(), trainable_theta=True, **every), dense()),
        "lmu_theta_euler": lambda: sequential(
            lmu(dense(6, "tanh"), theta=30.0, trainable_theta=True, discretizer="euler"), dense()
        ),
        "lmu_euler": lambda: sequential(lmu(rnn(), theta=30.0, discretizer="euler", hidden_to_memory=True), dense()),
        "lmu_without_hidden": lambda: sequential(lmu(None, memory_d=2), dense()),
        "lmu_without_hidden_fed_back": lambda: functional(lmu(None, memory_d=2, memory_to_memory=True), dense()),
        "lmu_without_kernel": lambda: sequential(
            lmu(dense(5, "sigmoid"), memory_d=2, kernel_initializer=None), dense()
        ),
        "lmu_no_hidden_bias": lambda: sequential(
            lmu(rnn(5, use_bias=False, activation="relu"), hidden_to_memory=True), dense(3, use_bias=False)
        ),
        "sequences": lambda: sequential(
            lmu(rnn(), return_sequences=True, hidden_to_memory=True), layers.TimeDistributed(dense(3, "tanh"))
        ),
        "two_layers": lambda: functional(
            lmu(rnn(), return_sequences=True, memory_to_memory=True),
            layers.Dropout(0.5),
            lmu(dense(5, "tanh"), memory_d=2, input_to_hidden=True),
            layers.Activation("relu"),
            dense(7, "tanh"),
            dense(),
            layers.Softmax(),
        ),
        "pixels": lambda: sequential(
            layers.Reshape((STEPS, 1)), lmu(dense(6, "tanh")), layers.Flatten(), dense(), shape=(4, STEPS // 4)
        ),
        "psmnist_size": lambda: sequential(lmu(dense(20, "relu"), order=256, theta=784.0), dense(10), shape=(784, 1)),
        "cell": lambda: sequential(cell(rnn(), memory_d=2, **every), dense()),
        "cell_dense": lambda: sequential(
            cell(dense(6, "tanh"), memory_d=2, dropout=0.2, recurrent_dropout=0.2, **every), dense()
        ),
        "cell_without_hidden": lambda: sequential(
            cell(None, memory_d=2, input_to_hidden=True, input_d=2, use_bias=True), dense()
        ),
        "cell_theta": lambda: functional(cell(rnn(dropout=0.1), trainable_theta=True), dense()),
        "feedforward": lambda: sequential(
            keras_lmu.LMUFeedforward(3, 5, 20, dense(6, "tanh"), input_to_hidden=True, use_bias=True, dropout=0.1),
            dense(),
        ),
        "feedforward_raw": lambda: sequential(
            keras_lmu.LMUFeedforward(2, 5, 20, dense(6, "relu"), conv_mode="raw", truncate_ir=None), dense()
        ),
        "feedforward_without_hidden": lambda: functional(
            keras_lmu.LMUFeedforward(2, 5, 20, None, input_to_hidden=True, return_sequences=True), dense()
        ),
        "feedforward_euler": lambda: sequential(
            keras_lmu.LMUFeedforward(2, 5, 40, dense(6), discretizer="euler"), dense(5, "sigmoid")
        ),
    }


def others(keras: Any, keras_lmu: Any) -> dict[str, Callable[[], Any]]:
    """Models that no network represents."""
    layers = keras.layers

    def lmu(hidden: Any) -> Any:
        return keras_lmu.LMU(1, 5, 20.0, hidden, name="the_lmu")

    def sequential(*stack: Any) -> Any:
        return keras.Sequential([keras.Input((STEPS, 2)), *stack, layers.Dense(3, name="readout")])

    def branch() -> Any:
        given = keras.Input((STEPS, 2))
        both = lmu(layers.Dense(3))(given), layers.Dense(3)(given[:, -1])
        return keras.Model(given, layers.Add(name="the_sum")(both))

    return {
        "lstm_inside": lambda: sequential(lmu(layers.LSTMCell(4))),
        "gru_inside": lambda: sequential(lmu(layers.GRUCell(4))),
        "gelu_inside": lambda: sequential(lmu(layers.Dense(4, "gelu", name="the_cell"))),
        "softmax_inside": lambda: sequential(lmu(layers.Dense(4, "softmax", name="the_cell"))),
        "convolution": lambda: sequential(layers.Conv1D(3, 2, name="the_convolution"), lmu(layers.Dense(4))),
        "normalised": lambda: sequential(lmu(layers.Dense(4)), layers.BatchNormalization(name="the_normalisation")),
        "branch": branch,
    }


def perturb(model: Any, rng: np.random.Generator) -> None:
    """Give each weight a random value, biases and θ too, as training does; answers are spread out."""
    for weight in model.trainable_weights:
        value = np.asarray(weight)
        if weight.path.endswith("theta_inv"):
            weight.assign(value * rng.uniform(0.7, 0.9))
        elif value.ndim == 1:
            weight.assign(rng.uniform(-0.5, 0.5, value.shape))
        elif weight.path.endswith("recurrent_kernel"):
            weight.assign(rng.uniform(-0.3, 0.3, value.shape) / np.sqrt(value.shape[0]))
    last = next(w for w in reversed(model.trainable_weights) if w.path.endswith("kernel"))
    last.assign(4.0 * np.asarray(last))


def main(folder: Path) -> None:
    """Build, answer, save."""
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    warnings.simplefilter("ignore")
    keras, keras_lmu = importlib.import_module("keras"), importlib.import_module("keras_lmu")
    rng = np.random.default_rng(1)
    models = cases(keras, keras_lmu) | others(keras, keras_lmu)
    for name, build in models.items():
        keras.utils.set_random_seed(int(rng.integers(1 << 30)))
        model = build()
        perturb(model, rng)
        x = rng.uniform(-1, 1, (BATCH, *model.input_shape[1:])).astype(np.float32)
        inverse = [float(np.asarray(w)) for w in model.trainable_weights if w.path.endswith("theta_inv")]
        theta = {"theta": 1 / inverse[0]} if inverse else {}
        np.savez(folder / f"{name}.npz", x=x, y=np.asarray(model(x, training=False)), **theta)
        for suffix in (".keras", ".h5"):
            model.save(folder / f"{name}{suffix}")
        if name in ("cell", "cell_theta"):
            model.save_weights(folder / f"{name}.weights.h5")
        print(name, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
