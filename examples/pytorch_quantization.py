"""Quantisation-aware training in PyTorch: pytorch_quantization.py DATA OUT [EPOCHS [QUANTIZED_EPOCHS]].

DATA is the folder that digits.py wrote. A memory of 64 states without feedback and a head behind it are trained in
float. Then the head goes on with the outputs of the hardware forwards and the gradient of the float network backwards,
the straight-through estimator (Bengio, Léonard and Courville, 2013). Forwards there is no imitation of fixed point:
`lmu_hw` plans the network with its present weights, and its integer model, which the Verilog equals bit for bit,
computes the outputs.

Leaves digits.npz in OUT, a network file, and calibration.npy, for `lmu-hw quantize`, `verilog` and `cosim` with the
same word lengths.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_digits import accuracy, arrays, train
from torch import Tensor, nn

from lmu_hw import FloatMemory, IntegerNetwork, LMUSpec, Network, NetworkPlan, plan_network, save_network
from lmu_hw.reference.layers import DenseParameters, MemoryParameters

SPEC = LMUSpec(order=64, theta=64.0, dt=1.0, discretization="bilinear")
HIDDEN, CLASSES = 32, 10

WORDS: dict[str, Any] = {"weight_bits": 2, "activation_bits": 6, "state_bits": 12, "compensated": False}
"""The hardware: keywords of `plan_network`, options of `lmu-hw verilog`. Training takes the place of compensation."""


class MemoryClassifier(nn.Module):
    """Sequences (batch, T, 1) → scores (batch, classes): the memory's last states, a hidden layer, and a readout."""

    def __init__(self, steps: int = 64) -> None:
        super().__init__()
        impulse = FloatMemory(SPEC).run(np.eye(1, steps)[0])  # the states k steps after a sample of 1, (steps, order)
        self.register_buffer("response", torch.tensor(impulse[::-1].copy(), dtype=torch.float32))
        self.hidden, self.readout = nn.Linear(SPEC.order, HIDDEN), nn.Linear(HIDDEN, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """The scores in float."""
        return self.readout(torch.relu(self.hidden(x[:, :, 0] @ self.response)))


def network_of(model: MemoryClassifier) -> Network:
    """The model with its present weights as a network of `lmu_hw`."""
    values = {name: tensor.detach().double().numpy() for name, tensor in model.state_dict().items()}
    memory = MemoryParameters(
        SPEC,
        input_encoder=np.ones((1, 1)),
        input_bias=np.zeros(1),
        memory_kernel=values["hidden.weight"],
        input_kernel=np.zeros((HIDDEN, 1)),
        bias=values["hidden.bias"],
        activation="relu",
    )
    return Network((memory, DenseParameters(values["readout.weight"], values["readout.bias"])), output="last")


class StraightThrough(torch.autograd.Function):
    """The value of one tensor with the gradient of another."""

    @staticmethod
    def forward(ctx: Any, surrogate: Tensor, value: Tensor) -> Tensor:
        """`value`, of the shape of `surrogate`."""
        return value

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """The gradient goes to `surrogate` as it is."""
        return gradient, None


class Quantized(nn.Module):
    """A model that gives the outputs of its hardware, and the gradient of its float form.

    Args:
        model: The model in float, whose parameters are trained.
        calibration: Sequences on which the formats are chosen, shape (count, T, 1).
    """

    def __init__(self, model: MemoryClassifier, calibration: Tensor) -> None:
        super().__init__()
        self.model, self.calibration = model, calibration.double().numpy()

    def plan(self) -> NetworkPlan:
        """The plan of the network with its present weights."""
        return plan_network(network_of(self.model), self.calibration, **WORDS)

    def forward(self, x: Tensor) -> Tensor:
        """The scores of the hardware."""
        integers = IntegerNetwork(self.plan())
        scores = integers.decode(integers.run(integers.encode(x.double().numpy())))
        found: Tensor = StraightThrough.apply(self.model(x), torch.from_numpy(scores).to(x.dtype))
        return found


def main(data: Path, out: Path, epochs: int = 60, quantized_epochs: int = 12) -> None:
    """Train in float and then for the integers, print the accuracies on the test part, and write the network."""
    torch.set_num_threads(1)  # matrices this small are slower on several
    torch.manual_seed(0)
    (x, y), (x_test, y_test) = arrays(data, "train"), arrays(data, "test")
    model = MemoryClassifier()
    hardware = Quantized(model, x[:32])
    train(model, x, y, epochs=epochs, learning_rate=5e-3)
    with torch.no_grad():
        print(f"float: {accuracy(model(x_test), y_test):.4f}")
        print(f"rounded: {accuracy(hardware(x_test), y_test):.4f}")
    train(hardware, x, y, epochs=quantized_epochs, learning_rate=1e-3)
    with torch.no_grad():
        print(f"trained for its integers: {accuracy(hardware(x_test), y_test):.4f}")
    out.mkdir(parents=True, exist_ok=True)
    save_network(out / "digits.npz", network_of(model))
    np.save(out / "calibration.npy", hardware.calibration)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
