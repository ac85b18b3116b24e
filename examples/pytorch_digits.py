"""Train an LMU in PyTorch and save its state dict: pytorch_digits.py DATA OUT [EPOCHS].

DATA is the folder that digits.py wrote. Leaves digits.pt in OUT, for

    lmu-hw import OUT/digits.pt --theta 64 --out OUT

which knows the names of the tensors: those of the paper's symbols. Nothing here depends on lmu_hw.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import scipy.signal
import torch
from torch import Tensor, nn

ORDER, HIDDEN, CLASSES = 32, 32, 10
THETA = 64.0  # the window in steps: a whole sequence


class LMUCell(nn.Module):
    """The cell of Voelker, Kajić and Eliasmith (2019), one memory.

    u = e_x x + e_h h + e_m m,  m ← Ā m + B̄ u,  h ← tanh(W_x x + W_h h + W_m m), with h and m of the step before in u.
    """

    def __init__(self, inputs: int, order: int, hidden: int, theta: float) -> None:
        super().__init__()
        i, j = np.indices((order, order))
        a = (2 * i + 1) * np.where(i < j, -1.0, (-1.0) ** (i - j + 1))
        b = (2 * np.arange(order) + 1) * (-1.0) ** np.arange(order)
        system = (a / theta, b[:, None] / theta, np.eye(order), np.zeros((order, 1)))
        transition, drive, *_ = scipy.signal.cont2discrete(system, 1.0, method="zoh")
        self.register_buffer("A", torch.tensor(transition, dtype=torch.float32))
        self.register_buffer("B", torch.tensor(drive, dtype=torch.float32))
        self.e_x = nn.Parameter(torch.ones(1, inputs) / inputs)
        self.e_h, self.e_m = nn.Parameter(torch.zeros(1, hidden)), nn.Parameter(torch.zeros(1, order))
        self.W_x, self.W_h, self.W_m = (nn.Parameter(torch.randn(hidden, n) / n**0.5) for n in (inputs, hidden, order))

    def forward(self, x: Tensor, h: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
        """h and m after one step, from x (batch, inputs), h (batch, hidden) and m (batch, order)."""
        u = x @ self.e_x.T + h @ self.e_h.T + m @ self.e_m.T
        m = m @ self.A.T + u @ self.B.T
        return torch.tanh(x @ self.W_x.T + h @ self.W_h.T + m @ self.W_m.T), m


class Classifier(nn.Module):
    """An LMU over a sequence, and a dense readout of its last hidden units."""

    def __init__(self, inputs: int = 1, order: int = ORDER, hidden: int = HIDDEN, theta: float = THETA) -> None:
        super().__init__()
        self.order, self.hidden, self.theta = order, hidden, theta
        self.lmu = LMUCell(inputs, order, hidden, theta)
        self.classifier = nn.Linear(hidden, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (batch, classes) of sequences (batch, T, inputs)."""
        h, m = x.new_zeros(len(x), self.hidden), x.new_zeros(len(x), self.order)
        for sample in x.unbind(1):
            h, m = self.lmu(sample, h, m)
        return self.classifier(h)


def train(model: nn.Module, x: Tensor, y: Tensor, *, epochs: int, learning_rate: float) -> None:
    """Train `model` with Adam on batches of 250.

    Args:
        model: The model, whose parameters are trained.
        x: The sequences, shape (count, T, inputs).
        y: Their classes, shape (count,).
        epochs: The number of passes over the sequences.
        learning_rate: The learning rate.
    """
    optimiser = torch.optim.Adam(model.parameters(), learning_rate)
    for epoch in range(epochs):
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(epoch))
        for batch in order.split(250):
            loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()


def accuracy(scores: Tensor, y: Tensor) -> float:
    """The share of sequences whose largest score is that of their class."""
    return float((scores.argmax(dim=-1) == y).float().mean())


def arrays(folder: Path, part: str) -> tuple[Tensor, Tensor]:
    """The sequences and classes of one part, "train" or "test"."""
    x, y = np.load(folder / f"x_{part}.npy"), np.load(folder / f"y_{part}.npy")
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y)


def main(data: Path, out: Path, epochs: int = 20) -> Classifier:
    """Train, print the accuracy on the test part, and save the state dict."""
    torch.set_num_threads(1)  # matrices this small are slower on several
    torch.manual_seed(0)
    model = Classifier()
    train(model, *arrays(data, "train"), epochs=epochs, learning_rate=5e-3)
    x, y = arrays(data, "test")
    with torch.inference_mode():
        print(f"accuracy on the test part: {accuracy(model(x), y):.4f}")
    out.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), out / "digits.pt")
    return model


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
