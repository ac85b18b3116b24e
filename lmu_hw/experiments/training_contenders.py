"""A contender of `lmu_hw.experiments.training_benchmark` in a process of its own, which does a task for each line.

    python -P training_contenders.py NAME PROBLEM.npz CORES

A line on standard input is a task, `train` or `infer`. The line on standard output that answers it is a JSON object
with `value` (the loss before the step, or the outputs) and the times `wall` and `cpu` in seconds; `cpu` is the
processor time of all threads.

The file stands alone and reads its three arguments itself, since the environment of the peers has none of this
project's packages; each contender imports its own framework. All compute the same: a layer of `cell_step`, a dense
readout of the last h, the mean cross entropy, and one step of Adam, in float32 and from the same initial values.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]

#: The arrays of the cell and of the readout that are trained.
TRAINED = (
    "input_encoder",
    "hidden_encoder",
    "memory_encoder",
    "input_kernel",
    "hidden_kernel",
    "memory_kernel",
    "bias",
    "readout",
    "readout_bias",
)
LEARNING_RATE = 1e-3
EPSILON = 1e-8  # in the denominator of Adam; the frameworks' defaults differ


class Contender(Protocol):
    """A network that has been built from a problem's arrays."""

    versions: dict[str, str]

    def train(self) -> float:
        """Make one step on the problem's batch, and return the loss before it."""

    def infer(self) -> NDArray[Any]:
        """Compute the outputs for the problem's batch, shape (batch, classes)."""


class _Jax:
    """The cell of this project in JAX, in blocks or step by step."""

    def __init__(self, arrays: Arrays, cores: int, *, blocked: bool) -> None:
        recurrent = importlib.import_module("lmu_hw.training.recurrent")
        definition = importlib.import_module("lmu_hw.reference.definition")
        system = importlib.import_module("lmu_hw.training.discretization").Matrices(
            arrays["transition"], arrays["input"], np.eye(len(arrays["input"]), dtype=np.float32)
        )
        jax, optax = importlib.import_module("jax"), importlib.import_module("optax")
        jnp = jax.numpy
        self.versions: dict[str, str] = {name: version(name) for name in ("jax", "optax")}
        self._jax = jax
        self._x, self._labels = jnp.asarray(arrays["x"]), jnp.asarray(arrays["labels"])
        self._params = {name: jnp.asarray(arrays[name]) for name in TRAINED}
        cell = recurrent.blocked_cell if blocked else recurrent.scan_cell
        optimiser = optax.adam(LEARNING_RATE, eps=EPSILON)
        self._state = optimiser.init(self._params)

        def outputs(params: Any, x: Any) -> Any:
            weights = definition.CellWeights(*(params[name] for name in definition.CellWeights._fields))
            h = cell(weights, system, definition.Activation.TANH, x, last=True)
            return h @ params["readout"].T + params["readout_bias"]

        def loss(params: Any, x: Any, labels: Any) -> Any:
            return optax.losses.softmax_cross_entropy_with_integer_labels(outputs(params, x), labels).mean()

        def step(params: Any, state: Any, x: Any, labels: Any) -> Any:
            value, gradient = jax.value_and_grad(loss)(params, x, labels)
            updates, state = optimiser.update(gradient, state)
            return optax.apply_updates(params, updates), state, value

        self._outputs, self._step = jax.jit(outputs), jax.jit(step)

    def train(self) -> float:
        self._params, self._state, loss = self._jax.block_until_ready(
            self._step(self._params, self._state, self._x, self._labels)
        )
        return float(loss)

    def infer(self) -> NDArray[Any]:
        return np.asarray(self._outputs(self._params, self._x))


class _KerasLMU:
    """The layer of keras-lmu on TensorFlow, trained by Keras, with or without compilation by TensorFlow's XLA."""

    def __init__(self, arrays: Arrays, cores: int, *, xla: bool) -> None:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        tensorflow = importlib.import_module("tensorflow")
        tensorflow.config.threading.set_intra_op_parallelism_threads(cores)
        tensorflow.config.threading.set_inter_op_parallelism_threads(cores)
        keras, keras_lmu = importlib.import_module("keras"), importlib.import_module("keras_lmu")
        self.versions: dict[str, str] = {"keras-lmu": keras_lmu.__version__, "tensorflow": tensorflow.__version__}
        self._x, self._labels = arrays["x"], arrays["labels"]
        layer = keras_lmu.LMU(
            memory_d=arrays["input_encoder"].shape[0],
            order=len(arrays["input"]),
            theta=float(arrays["theta_over_dt"]),
            hidden_cell=keras.layers.SimpleRNNCell(len(arrays["bias"])),
            hidden_to_memory=True,
            memory_to_memory=True,
            input_to_hidden=True,
        )
        readout = keras.layers.Dense(len(arrays["readout_bias"]))
        given = keras.Input(self._x.shape[1:])
        self._model = keras.Model(given, readout(layer(given)))
        values = {
            "lmu_cell/kernel": np.hstack([arrays["input_encoder"], arrays["hidden_encoder"]]).T,
            "lmu_cell/recurrent_kernel": arrays["memory_encoder"].T,
            "simple_rnn_cell/kernel": np.hstack([arrays["memory_kernel"], arrays["input_kernel"]]).T,
            "simple_rnn_cell/recurrent_kernel": arrays["hidden_kernel"].T,
            "simple_rnn_cell/bias": arrays["bias"],
        }
        for weight in layer.weights:
            weight.assign(values.pop("/".join(weight.path.split("/")[-2:])))
        readout.set_weights([arrays["readout"].T, arrays["readout_bias"]])
        self._model.compile(
            optimizer=keras.optimizers.Adam(LEARNING_RATE, epsilon=EPSILON),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=xla,
        )

    def train(self) -> float:
        return float(self._model.train_on_batch(self._x, self._labels))

    def infer(self) -> NDArray[Any]:
        return np.asarray(self._model.predict_on_batch(self._x))


class _PyTorch:
    """The equations as a plain loop in PyTorch."""

    def __init__(self, arrays: Arrays, cores: int) -> None:
        torch = self._torch = importlib.import_module("torch")
        torch.set_num_threads(cores)
        self.versions: dict[str, str] = {"torch": torch.__version__}
        tensors = {name: torch.tensor(array) for name, array in arrays.items()}
        self._x, self._labels = tensors["x"], tensors["labels"]
        self._transition, self._input = tensors["transition"].T.contiguous(), tensors["input"]
        self._params = {name: torch.nn.Parameter(tensors[name]) for name in TRAINED}
        self._optimiser = torch.optim.Adam(self._params.values(), LEARNING_RATE, eps=EPSILON)

    def _outputs(self) -> Any:
        p, x = self._params, self._x
        encoded, fed = x @ p["input_encoder"].T, x @ p["input_kernel"].T + p["bias"]
        m = x.new_zeros(x.shape[0], len(self._input))
        h = x.new_zeros(x.shape[0], len(p["bias"]))
        # unbind: the gradient of an index such as fed[:, t] would be an array of zeros for all steps, at each step.
        for encoded_t, fed_t in zip(encoded.unbind(1), fed.unbind(1), strict=True):
            u = encoded_t + h @ p["hidden_encoder"].T + m @ p["memory_encoder"].T
            m = m @ self._transition + u * self._input
            h = self._torch.tanh(fed_t + h @ p["hidden_kernel"].T + m @ p["memory_kernel"].T)
        return h @ p["readout"].T + p["readout_bias"]

    def train(self) -> float:
        self._optimiser.zero_grad()
        loss = self._torch.nn.functional.cross_entropy(self._outputs(), self._labels)
        loss.backward()
        self._optimiser.step()
        return float(loss)

    def infer(self) -> NDArray[Any]:
        with self._torch.inference_mode():
            return np.asarray(self._outputs().numpy())


#: The contenders that run in this project's environment.
OWN = MappingProxyType[str, Callable[[Arrays, int], Contender]](
    {
        "blocks": lambda arrays, cores: _Jax(arrays, cores, blocked=True),
        "scan": lambda arrays, cores: _Jax(arrays, cores, blocked=False),
    }
)
#: The contenders that run in the environment of the peers.
PEERS = MappingProxyType[str, Callable[[Arrays, int], Contender]](
    {
        "keras-lmu": lambda arrays, cores: _KerasLMU(arrays, cores, xla=False),
        "keras-lmu-xla": lambda arrays, cores: _KerasLMU(arrays, cores, xla=True),
        "pytorch": _PyTorch,
    }
)


def main(name: str, problem: Path, cores: int) -> None:
    """Build a contender, write the versions of its packages, and do tasks until the input ends."""
    if hasattr(os, "sched_setaffinity"):  # Linux: no more cores than asked for, whatever a framework thinks
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    os.environ["OMP_NUM_THREADS"] = str(cores)
    with np.load(problem, allow_pickle=False) as arrays:
        contender = {**OWN, **PEERS}[name](dict(arrays), cores)
    answers, sys.stdout = sys.stdout, sys.stderr  # frameworks print, which must not come between the answers

    def answer(value: Mapping[str, Any]) -> None:
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    answer({"versions": dict(contender.versions)})
    for line in sys.stdin:
        task = {"train": contender.train, "infer": contender.infer}[line.strip()]
        wall, cpu = time.perf_counter(), time.process_time()
        value: Any = task()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        answer({"value": np.asarray(value).tolist(), "wall": wall, "cpu": cpu})


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
