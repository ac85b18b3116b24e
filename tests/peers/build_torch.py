"""Random LMUs in PyTorch with their answers; run by the peers' Python: build_torch.py FOLDER.

Leaves NAME.pt, NAME.safetensors and NAME.npz (x and the answers y) for each case. The modules are the equations, with
the names and the layouts of tensors that public LMUs have.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import scipy.signal

torch: Any = importlib.import_module("torch")
safetensors: Any = importlib.import_module("safetensors.torch")
nn, Tensor = torch.nn, Any

STEPS, BATCH, INPUTS, HIDDEN, ORDER, THETA, CLASSES = 24, 5, 3, 7, 5, 20.0, 4


def matrices(dt: float = 1.0) -> tuple[Tensor, Tensor]:
    """Ā and B̄ by SciPy, in float32 as such code keeps them."""
    i, j = np.indices((ORDER, ORDER))
    a = (2 * i + 1) * np.where(i < j, -1.0, (-1.0) ** (i - j + 1))
    b = (2 * np.arange(ORDER) + 1) * (-1.0) ** np.arange(ORDER)
    system = (a / THETA, b[:, None] / THETA, np.eye(ORDER), np.zeros((ORDER, 1)))
    transition, given, *_ = scipy.signal.cont2discrete(system, dt, method="zoh")
    return torch.tensor(transition, dtype=torch.float32), torch.tensor(given, dtype=torch.float32)


def random(*shape: int) -> Tensor:
    """A trained parameter."""
    return nn.Parameter(0.5 * torch.randn(*shape) / shape[-1] ** 0.5)


class Paper(nn.Module):
    """The paper's symbols, matrices that act on columns."""

    def __init__(self) -> None:
        super().__init__()
        self.e_x, self.e_h, self.e_m = random(1, INPUTS), random(1, HIDDEN), random(1, ORDER)
        self.W_x, self.W_h, self.W_m = random(HIDDEN, INPUTS), random(HIDDEN, HIDDEN), random(HIDDEN, ORDER)
        for name, value in zip("AB", matrices(), strict=True):
            self.register_buffer(name, value)

    def forward(self, x: Tensor, h: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
        u = x @ self.e_x.T + h @ self.e_h.T + m @ self.e_m.T
        m = m @ self.A.T + u @ self.B.T
        return torch.tanh(x @ self.W_x.T + h @ self.W_h.T + m @ self.W_m.T), m


class Long(nn.Module):
    """The names of the paper's own code; the memory moves by Ā − I."""

    def __init__(self) -> None:
        super().__init__()
        self.input_encoders, self.hidden_encoders = random(1, INPUTS), random(1, HIDDEN)
        self.memory_encoders = random(1, ORDER)
        self.input_kernel, self.hidden_kernel = random(HIDDEN, INPUTS), random(HIDDEN, HIDDEN)
        self.memory_kernel = random(HIDDEN, ORDER)
        transition, given = matrices()
        self.AT, self.BT = nn.Parameter(transition - torch.eye(ORDER)), nn.Parameter(given)

    def forward(self, x: Tensor, h: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
        u = x @ self.input_encoders.T + h @ self.hidden_encoders.T + m @ self.memory_encoders.T
        m = m + m @ self.AT.T + u @ self.BT.T
        a = x @ self.input_kernel.T + h @ self.hidden_kernel.T + m @ self.memory_kernel.T
        return torch.tanh(a), m


class Rows(nn.Module):
    """Matrices that act on rows."""

    def __init__(self) -> None:
        super().__init__()
        self.ex, self.eh, self.em = random(INPUTS, 1), random(HIDDEN, 1), random(ORDER, 1)
        self.Wx, self.Wh, self.Wm = random(INPUTS, HIDDEN), random(HIDDEN, HIDDEN), random(ORDER, HIDDEN)
        transition, given = matrices()
        self.register_buffer("A", transition.T.contiguous())
        self.register_buffer("B", given.T.contiguous())

    def forward(self, x: Tensor, h: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
        m = m @ self.A + (x @ self.ex + h @ self.eh + m @ self.em) @ self.B
        return torch.tanh(x @ self.Wx + h @ self.Wh + m @ self.Wm), m


class Linears(nn.Module):
    """Layers nn.Linear with biases, two channels, all states of the first one in front, θ as a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.e_x, self.e_h, self.e_m = nn.Linear(INPUTS, 2), nn.Linear(HIDDEN, 2), nn.Linear(2 * ORDER, 2)
        self.W_x, self.W_h, self.W_m = (nn.Linear(n, HIDDEN) for n in (INPUTS, HIDDEN, 2 * ORDER))
        self.theta_inv = nn.Parameter(torch.tensor(1.0 / THETA))

    def forward(self, x: Tensor, h: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
        transition, given = matrices()
        u = self.e_x(x) + self.e_h(h) + self.e_m(m)
        states = m.reshape(-1, 2, ORDER) @ transition.T + u[..., None] * given[:, 0]
        m = states.reshape(len(x), -1)
        return torch.tanh(self.W_x(x) + self.W_h(h) + self.W_m(m)), m


class Fused(nn.Module):
    """One matrix for x, h and one for all that h is made of: for a mapping."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.kernel = random(INPUTS + HIDDEN, 1), random(HIDDEN, INPUTS + HIDDEN + ORDER)
        self.b = random(HIDDEN)

    def forward(self, x: Tensor, h: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
        transition, given = matrices()
        m = m @ transition.T + (torch.cat([x, h], -1) @ self.encoder) @ given.T
        return torch.relu(torch.cat([x, h, m], -1) @ self.kernel.T + self.b), m


class Feedforward(nn.Module):
    """A memory between two layers with ReLUs."""

    def __init__(self) -> None:
        super().__init__()
        self.W_u, self.W_h = nn.Linear(INPUTS, 1), nn.Linear(ORDER + INPUTS, HIDDEN)
        for name, value in zip("AB", matrices(), strict=True):
            self.register_buffer(name, value)
        self.register_buffer("fft_H", torch.fft.rfft(torch.randn(ORDER, 8)))

    def forward(self, x: Tensor, h: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
        m = m @ self.A.T + torch.relu(self.W_u(x)) @ self.B.T
        return torch.relu(self.W_h(torch.cat([m, x], -1))), m


class Model(nn.Module):
    """A cell and a readout of its last h."""

    def __init__(self, cell: Any, states: int = ORDER) -> None:
        super().__init__()
        self.lmu, self.classifier, self.states = cell, nn.Linear(HIDDEN, CLASSES), states

    def forward(self, x: Tensor) -> Tensor:
        h, m = torch.zeros(len(x), HIDDEN), torch.zeros(len(x), self.states)
        for step in x.unbind(1):
            h, m = self.lmu(step, h, m)
        return self.classifier(h)


def main(folder: Path) -> None:
    """Build, answer, save."""
    torch.manual_seed(2)
    models = {kind.__name__.lower(): Model(kind()) for kind in (Paper, Long, Rows, Fused, Feedforward)}
    models["linears"] = Model(Linears(), states=2 * ORDER)
    for name, model in models.items():
        x = 2 * torch.rand(BATCH, STEPS, INPUTS) - 1
        with torch.inference_mode():
            np.savez(folder / f"{name}.npz", x=x.numpy(), y=model(x).numpy())
        torch.save(model.state_dict(), folder / f"{name}.pt")
        plain = {key: value for key, value in model.state_dict().items() if not value.is_complex()}
        safetensors.save_file(plain, folder / f"{name}.safetensors")
    torch.save({"epoch": 3, "model_state_dict": models["paper"].state_dict()}, folder / "checkpoint.pt")
    view = torch.ones(1, HIDDEN).expand(1 << 24, HIDDEN)  # of which one row is stored
    hostile = {"not_finite": {"lmu.W_h": torch.full((HIDDEN, HIDDEN), torch.nan)}, "view": {"classifier.weight": view}}
    for name, change in hostile.items():
        torch.save(models["paper"].state_dict() | change, folder / f"{name}.pt")
    torch.save(models["paper"], folder / "whole_model.pt")
    torch.save(models["paper"].state_dict(), folder / "legacy.pt", _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
