"""Train an LMU with keras-lmu and save the model: keras_lmu_digits.py DATA OUT [EPOCHS].

DATA is the folder that digits.py wrote. Leaves digits.keras in OUT, for `lmu-hw import OUT/digits.keras --out OUT`.
Nothing here depends on lmu_hw.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import keras
import keras_lmu
import numpy as np

ORDER, HIDDEN, CLASSES = 32, 32, 10
STEPS = 64


def build() -> Any:
    """An LMU with one memory over the whole sequence, fed back from its hidden units, and a dense readout."""
    return keras.Sequential(
        [
            keras.Input((STEPS, 1)),
            keras_lmu.LMU(
                memory_d=1,
                order=ORDER,
                theta=STEPS,
                hidden_cell=keras.layers.SimpleRNNCell(HIDDEN, activation="tanh"),
                hidden_to_memory=True,
                input_to_hidden=True,
            ),
            keras.layers.Dense(CLASSES),
        ]
    )


def main(data: Path, out: Path, epochs: int = 20) -> None:
    """Train, print the accuracy on the test part, and save the model."""
    keras.utils.set_random_seed(0)
    x, y, x_test, y_test = (np.load(data / f"{name}.npy") for name in ("x_train", "y_train", "x_test", "y_test"))
    model = build()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(5e-3, clipnorm=1.0), loss, metrics=["accuracy"])
    model.fit(x, y, batch_size=250, epochs=epochs, verbose=0)
    print(f"accuracy on the test part: {model.evaluate(x_test, y_test, verbose=0)[1]:.4f}")
    out.mkdir(parents=True, exist_ok=True)
    model.save(out / "digits.keras")
    np.save(out / "scores.npy", model.predict(x_test, verbose=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
