"""Train an LMU with the trainer of this package, from Python: lmu_hw_digits.py DATA OUT [EPOCHS].

DATA is the folder that digits.py wrote. Leaves digits.npz in OUT, a network file. The same on the command line:

    lmu-hw train arrays --input DATA/x_train.npy --target DATA/y_train.npy --order 32 --theta 64 --out OUT

Needs JAX and optax: pip install 'lmu-hw[train]'.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from lmu_hw import LMUSpec, save_network
from lmu_hw.training import (
    ACCURACY,
    Dataset,
    DenseLayer,
    LinearMemoryLayer,
    Model,
    Recipe,
    cross_entropy,
    evaluate,
    fit,
    hold_out,
)


def main(data: Path, out: Path, epochs: int = 60) -> None:
    """Train, print the accuracy on the test part, and write the network."""
    parts = {
        part: Dataset(np.load(data / f"x_{part}.npy"), np.load(data / f"y_{part}.npy")) for part in ("train", "test")
    }
    train, validation = hold_out(parts["train"], 200, seed=0)
    memory = LMUSpec(order=32, theta=64.0, dt=1.0, discretization="bilinear")
    model = Model(
        inputs=1,
        layers=(LinearMemoryLayer(memory, hidden=32, activation="relu"), DenseLayer(10)),
        output="last",
    )
    recipe = Recipe(epochs=epochs, batch=50, learning_rate=4e-3, seed=0)
    result = fit(model, train, validation, loss=cross_entropy(), metric=ACCURACY, recipe=recipe)
    print(f"accuracy on the test part: {evaluate(model, result.params, parts['test'], ACCURACY):.4f}")
    save_network(out / "digits.npz", model.network(result.params))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
