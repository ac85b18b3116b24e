"""A trained model to Verilog: model_to_verilog.py MODEL SEQUENCES OUT [THETA].

MODEL is a file of keras-lmu (.keras, .h5), of PyTorch (.safetensors, .pt; with the window THETA in steps where the file
does not hold it) or a network file (.npz). SEQUENCES is a .npy file of the shape (sequences, steps, inputs) from which
formats are chosen. Prints how many answers the integers keep, and writes the Verilog to OUT.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import lmu_hw
from lmu_hw import rtl


def read(model: Path, theta: float | None) -> lmu_hw.Network:
    """The network of a model file."""
    if model.suffix in (".keras", ".h5", ".hdf5"):
        return lmu_hw.import_keras(model)
    if model.suffix in (".safetensors", ".pt", ".pth"):
        return lmu_hw.import_state_dict(model, theta=theta)
    return lmu_hw.load_network(model)


def main(model: Path, sequences: Path, out: Path, theta: float | None = None) -> None:
    """Quantise the model and write its Verilog."""
    network = read(model, theta)
    calibration = np.load(sequences)
    plan = lmu_hw.plan_network(network, calibration, weight_bits=8)
    integers = lmu_hw.IntegerNetwork(plan)
    same = integers.classify(integers.encode(calibration)) == lmu_hw.FloatNetwork(network).classify(calibration)
    print(f"answers that stay the same: {np.count_nonzero(same)} of {same.size}")
    design = rtl.generate_network_verilog(plan, name="model", lanes=4)
    design.write(out)
    print(f"cycles per step: {design.manifest['cycles_per_step']}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), *map(float, sys.argv[4:5]))
