"""The cell in blocks of steps: equal to the cell step by step, values and gradients, on any number of devices."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from functools import partial
from typing import Any

import jax
import numpy as np
import pytest

from lmu_hw import LMUSpec
from lmu_hw.reference.cell import CellParameters, LMUCell
from lmu_hw.reference.definition import Activation, CellWeights
from lmu_hw.training.discretization import Matrices, fixed_step
from lmu_hw.training.recurrent import (
    LONGEST_BLOCK,
    block_steps,
    blocked_cell,
    blocks_pay,
    memory_powers,
    run_in_blocks,
    scan_cell,
)


def cell_weights(
    rng: np.random.Generator, order: int, *, inputs: int = 2, channels: int = 1, hidden: int = 5
) -> CellWeights:
    states = channels * order
    return CellWeights(
        input_encoder=rng.normal(size=(channels, inputs)),
        hidden_encoder=rng.normal(size=(channels, hidden)) / 2,
        memory_encoder=rng.normal(size=(channels, states)) / 20,
        input_kernel=rng.normal(size=(hidden, inputs)),
        hidden_kernel=rng.normal(size=(hidden, hidden)) / (2 * math.sqrt(hidden)),
        memory_kernel=rng.normal(size=(hidden, states)) / 3,
        bias=rng.normal(size=hidden) / 10,
    )


def pulled(function: Any, cotangent: Any, *arguments: Any) -> tuple[Any, Any]:
    """Values of `function`, and the gradients with respect to `arguments` of their product with `cotangent`."""

    @jax.jit
    def both(*arguments: Any) -> tuple[Any, Any]:
        value, pull = jax.vjp(function, *arguments)
        return value, pull(cotangent)

    return both(*arguments)  # type: ignore[no-any-return]


def assert_close(actual: Any, expected: Any, tolerance: float) -> None:
    leaves, others = jax.tree.leaves(actual), jax.tree.leaves(expected)
    assert len(leaves) == len(others)
    for a, b in zip(leaves, others, strict=True):
        assert a.shape == b.shape
        assert np.max(np.abs(a - b)) <= tolerance * max(np.max(np.abs(b)), 1e-3)


@pytest.mark.parametrize(
    ("discretization", "activation", "channels", "steps", "k", "last"),
    [
        ("zoh", "tanh", 2, 8, 3, False),  # two steps are left for a shorter block
        ("ab2", "sigmoid", 2, 4, 2, True),  # z holds more than m
        ("bilinear", "relu", 1, 2, 2, False),
        ("zoh", "identity", 1, 1, 1, True),
    ],
)
def test_values_and_gradients_are_those_of_the_scan(
    discretization: str, activation: str, channels: int, steps: int, k: int, last: bool, rng: np.random.Generator
) -> None:
    spec = LMUSpec(order=6, theta=60.0, dt=1.0, discretization=discretization)
    system, f = fixed_step(spec, "float64"), Activation(activation)
    weights = cell_weights(rng, spec.order, channels=channels)
    x = rng.normal(size=(3, steps, 2))
    cotangent = rng.normal(size=(3, 5) if last else (3, steps, 5))

    def in_blocks(weights: CellWeights, x: Any) -> Any:
        return run_in_blocks(f, last, weights, system, memory_powers(system, k), x)

    def step_by_step(weights: CellWeights, x: Any) -> Any:
        return scan_cell(weights, system, f, x, last=last)

    value, gradient = pulled(in_blocks, cotangent, weights, x)
    expected, expected_gradient = pulled(step_by_step, cotangent, weights, x)
    assert_close(value, expected, 1e-10)
    assert_close(gradient, expected_gradient, 1e-8)


def test_gradient_with_respect_to_the_memory(rng: np.random.Generator) -> None:
    """What a learned θ needs."""
    weights, x = cell_weights(rng, 4, channels=2), rng.normal(size=(2, 5, 2))
    memory = Matrices(rng.normal(size=(3, 3)) / 3, rng.normal(size=3), rng.normal(size=(4, 3)))

    def in_blocks(memory: Matrices) -> Any:
        return run_in_blocks(Activation.TANH, True, weights, memory, memory_powers(memory, 2), x)

    def step_by_step(memory: Matrices) -> Any:
        return scan_cell(weights, memory, Activation.TANH, x, last=True)

    cotangent = rng.normal(size=(2, 5))
    value, (gradient,) = pulled(in_blocks, cotangent, memory)
    expected, (expected_gradient,) = pulled(step_by_step, cotangent, memory)
    assert min(float(np.max(np.abs(g))) for g in expected_gradient) > 1e-2
    assert_close(value, expected, 1e-10)
    assert_close(gradient, expected_gradient, 1e-8)


def test_values_are_those_of_the_golden_cell(rng: np.random.Generator) -> None:
    spec = LMUSpec(order=16, theta=30.0, dt=1.0)
    weights, x = cell_weights(rng, 16, hidden=3), rng.normal(size=(64, 16, 2))
    parameters = CellParameters(spec, **weights._asdict())
    assert blocks_pay(16, 3, 1, 64 * 16 // len(jax.devices()))  # so that this is the cell in blocks
    cell = jax.jit(partial(blocked_cell, weights, fixed_step(spec, "float64"), Activation.TANH))
    h = cell(jax.numpy.asarray(x))
    assert_close(h, LMUCell(parameters).run(x), 1e-10)


def test_blocks_round_no_worse_than_steps(rng: np.random.Generator) -> None:
    """In float32, against float64: the powers of the transition are not multiplied up in float32."""
    spec = LMUSpec(order=32, theta=100.0, dt=1.0)
    weights, x = cell_weights(rng, 32), rng.normal(size=(4, 100, 2))

    def outputs(dtype: str) -> Any:
        cast = CellWeights(*(a.astype(dtype) for a in weights))
        system = fixed_step(spec, dtype)
        both = jax.jit(
            lambda x: (
                run_in_blocks(Activation.TANH, False, cast, system, memory_powers(system, 5), x),
                scan_cell(cast, system, Activation.TANH, x),
            )
        )
        return tuple(np.asarray(h) for h in both(x.astype(dtype)))

    exact = outputs("float64")[1]
    blocks, steps = (float(np.sqrt(np.mean((h - exact) ** 2))) for h in outputs("float32"))
    assert 0 < blocks <= 3 * steps


def test_length_of_a_block_takes_few_multiplications() -> None:
    """Within 5 % of the best over all lengths, and never longer than the sequence or what is worth compiling."""
    for states, width, steps in [(256, 213, 784), (64, 30, 100), (16, 20, 97), (200, 50, 53), (4, 50, 10), (90, 5, 7)]:
        k = block_steps(states, width, steps)
        assert 1 <= k <= min(steps, LONGEST_BLOCK)
        cost = {j: states**2 / j + width * (states + width + j) for j in range(1, min(steps, LONGEST_BLOCK) + 1)}
        assert cost[k] <= 1.05 * min(cost.values())
    assert 784 % block_steps(256, 213, 784) == 0


def test_blocks_are_used_where_they_pay() -> None:
    assert blocks_pay(256, 212, 1, 78_400)
    assert not blocks_pay(256, 212, 1, 784)  # the matrices of a block would cost more than they save
    assert not blocks_pay(4, 49, 1, 10**9)
    assert not blocks_pay(32, 32, 32, 10**9)  # as many drives as hidden states


_DIVIDED = """
import numpy as np
from lmu_hw.training.recurrent import blocked_cell
from lmu_hw.training.recurrent import scan_cell
from lmu_hw.training.discretization import fixed_step
from lmu_hw.reference.definition import Activation, CellWeights
from lmu_hw import LMUSpec
import jax

assert len(jax.devices()) == 3
rng = np.random.default_rng(0)
system = fixed_step(LMUSpec(order=9, theta=16.0, dt=1.0), "float64")
shapes = ((1, 1), (1, 1), (1, 9), (1, 1), (1, 1), (1, 9), (1,))
weights = CellWeights(*(rng.normal(size=s) / 4 for s in shapes))
x = rng.normal(size=(25, 18, 1))  # 25 is no multiple of 3

def loss(weights, cell):
    h = cell(weights, system, Activation.TANH, jax.numpy.asarray(x), last=True)
    return (h**2).sum(), h

compute = jax.jit(jax.grad(loss, has_aux=True), static_argnums=1)
(gradient, h), (expected, reference) = compute(weights, blocked_cell), compute(weights, scan_cell)
assert len(h.sharding.device_set) == 3 and len(reference.sharding.device_set) == 1  # it was divided
np.testing.assert_allclose(h, reference, rtol=0, atol=1e-12)
for a, b in zip(gradient, expected):
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-9 * np.abs(b).max())
"""


def test_a_batch_divided_among_devices_gives_the_same() -> None:
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=3", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", _DIVIDED], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_an_own_system_and_a_mapped_batch(rng: np.random.Generator) -> None:
    """Any three matrices are a memory, and the cell can be mapped over weights."""
    system = Matrices(0.3 * rng.normal(size=(3, 3)), rng.normal(size=3), np.eye(3))
    x = jax.numpy.asarray(rng.normal(size=(16, 4, 2)))
    pair = [cell_weights(rng, 3) for _ in range(2)]
    stacked = jax.tree.map(lambda *a: jax.numpy.stack(a), *pair)
    cells = [
        jax.jit(jax.vmap(lambda w, cell=cell: cell(w, system, Activation.TANH, x)))
        for cell in (blocked_cell, scan_cell)
    ]
    assert_close(cells[0](stacked), cells[1](stacked), 1e-12)
