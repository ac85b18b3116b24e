"""Write the digits of scikit-learn as sequences of 64 pixels: digits.py FOLDER.

Leaves x_train.npy (1258, 64, 1), y_train.npy (1258,), x_test.npy (539, 64, 1) and y_test.npy (539,): pixels from -1
to 1 in one random order, and the digit of each sequence. The examples beside this file train on them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from lmu_hw.reference.digits import load_digits


def main(folder: Path) -> None:
    """Write the four arrays to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    digits = load_digits(seed=0)
    for part, name in ((digits.train, "train"), (digits.test, "test")):
        np.save(folder / f"x_{name}.npy", part.sequences[:, :, None].astype(np.float32))
        np.save(folder / f"y_{name}.npy", part.labels)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
