"""Quantisation-aware training of the head, the layers behind the last memory, towards the outputs of the float network.

Nothing that is trained feeds the memories, so the integer model computes their words once. In the forward pass, weights
are integers on the plan's own grids, and layers output words. In the backward pass, gradients are those of the float
head (the straight-through estimator, see `lmu_hw.training.quantization`). The loss is the cross-entropy between the
class probabilities and those of the float network on the same sequences, so no labels are needed (Hinton, Vinyals and
Dean, Distilling the knowledge in a neural network, 2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError, check_integer, check_positive
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.networks.model import Output
from lmu_hw.networks.quantize.activations import straight
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.plan import AffinePlan, Kind, LayerPlan, NetworkPlan
from lmu_hw.networks.quantize.planner import reweighted, unsaturated
from lmu_hw.reference.definition import ACTIVATIONS, Activation
from lmu_hw.training.backend import jax, jnp, optax
from lmu_hw.training.quantization import round_to, straight_through

Tensor = jax.Array
HeadParameters = list[dict[str, Any]]


@dataclass(frozen=True)
class HeadTraining:
    """The settings of a head's training, by Adam with a learning rate that falls to 0 along a cosine.

    Attributes:
        epochs: The number of passes over the sequences, at least 1.
        batch: The number of sequences per step, at least 1.
        learning_rate: The initial and largest learning rate, in codes of a weight per step.
        seed: The seed of the shuffling, 0 … 2³² − 1.

    Raises:
        DesignError: A value is out of range.
    """

    epochs: int = 20
    batch: int = 250
    learning_rate: float = 0.02
    seed: int = 0

    def __post_init__(self) -> None:
        check_integer("epochs", self.epochs, 1)
        check_integer("batch", self.batch, 1)
        check_integer("seed", self.seed, 0, 2**32 - 1)
        check_positive("learning_rate", self.learning_rate)


def memory_words(plan: NetworkPlan, codes: IntArray, *, workers: int = 1) -> IntArray:
    """The words of the last memory after the last step, shape (batch, states), which are the input of the head.

    Args:
        plan: The plan of the network.
        codes: The input codes, shape (batch, T, inputs).
        workers: The number of threads that share the sequences.

    Raises:
        DesignError: The plan has no head, see `train_head`.
    """
    first = _head_start(plan)
    layer = plan.layers[first]
    bare = replace(layer, affine=None, activation=None)
    memory = NetworkPlan((*plan.layers[:first], bare), plan.inputs, plan.input_format, Output.LAST)
    return IntegerNetwork(memory).run(codes, workers=workers)


def train_head(plan: NetworkPlan, words: IntArray, scores: Array, how: HeadTraining | None = None) -> NetworkPlan:
    """The plan with trained weights and biases of the head; its grids and formats stay, except the widths of sums.

    Args:
        plan: A plan with one output per sequence, whose last memory does not depend on the outputs of its own layer.
        words: The words of that memory, as `memory_words` returns them, shape (sequences, states).
        scores: The outputs of the float network for the same sequences, shape (sequences, outputs).
        how: The settings of the training.

    Raises:
        DesignError: The plan has no such head, or the shapes do not fit.
    """
    chosen, first = how or HeadTraining(), _head_start(plan)
    maps = [_present(layer) for layer in plan.layers[first:]]
    if words.shape != (scores.shape[0], plan.layers[first].states) or scores.shape[1] != plan.outputs:
        raise DesignError("words and scores", "of the same sequences", (words.shape, scores.shape))
    batch = min(chosen.batch, words.shape[0])
    steps = words.shape[0] // batch
    states = jnp.asarray(words * maps[0].segments[0].words.lsb, "float32")
    wanted = jax.nn.softmax(jnp.asarray(scores, "float32"), axis=-1)
    grids = [_grid(affine) for affine in maps]
    params: HeadParameters = [
        {"codes": jnp.asarray(affine.segments[0].weights, "float32"), "bias": jnp.asarray(bias / grid[:, 0], "float32")}
        for affine, grid, bias in zip(maps, grids, map(_bias, maps), strict=True)
    ]
    rate = optax.cosine_decay_schedule(chosen.learning_rate, chosen.epochs * steps)
    optimiser = optax.adam(rate)

    def loss(p: HeadParameters, x: Tensor, target: Tensor) -> Tensor:
        outputs = _head(plan.layers[first:], p, grids, x)
        return -jnp.mean(jnp.sum(target * jax.nn.log_softmax(outputs), axis=-1))

    @jax.jit
    def epoch(p: HeadParameters, state: Any, order: Tensor) -> Any:
        def step(carry: Any, rows: Tensor) -> Any:
            p, state = carry
            gradient = jax.grad(loss)(p, states[rows], wanted[rows])
            update, state = optimiser.update(gradient, state)
            return (optax.apply_updates(p, update), state), None

        return jax.lax.scan(step, (p, state), order)[0]

    rng, state = np.random.default_rng(chosen.seed), optimiser.init(params)
    for _ in range(chosen.epochs):
        order = rng.permutation(words.shape[0])[: steps * batch].reshape(steps, batch)
        params, state = epoch(params, state, jnp.asarray(order))
    layers = list(plan.layers)
    for k, (affine, grid, p) in enumerate(zip(maps, grids, params, strict=True), start=first):
        trained = _trained(layers[k], affine, np.asarray(p["codes"]), np.asarray(p["bias"]) * grid[:, 0])
        layers[k] = trained if k + 1 < len(layers) else _with_outputs(trained, plan.output_format.width)
    return replace(plan, layers=tuple(layers))


def _head_start(plan: NetworkPlan) -> int:
    """The number of the last layer with a memory.

    Raises:
        DesignError: There is no layer with a memory behind which a head can be trained.
    """
    with_memory = [k for k, layer in enumerate(plan.layers) if layer.memory is not None]
    first = with_memory[-1] if with_memory else 0
    layer = plan.layers[first]
    affine = layer.affine
    single = affine is not None and [segment.source.kind for segment in affine.segments] == [Kind.MEMORY]
    if plan.output is not Output.LAST or not single or layer.recurrent:
        wanted = "a memory without feedback and a dense part that sees it alone, with one output per sequence"
        raise DesignError(f"head behind {layer.name}", wanted, "another one")
    return first


def _present(layer: LayerPlan) -> AffinePlan:
    if layer.affine is None:
        raise DesignError(layer.name, "a layer with a dense part", "none")
    return layer.affine


def _grid(affine: AffinePlan) -> Array:
    """The value of one code of a weight in each row, shape (rows, 1)."""
    return np.asarray(2.0 ** -affine.segments[0].fractions.astype(np.float64)[:, None])


def _bias(affine: AffinePlan) -> Array:
    return affine.accumulator.decode(affine.bias)


def _head(layers: Sequence[LayerPlan], params: HeadParameters, grids: Sequence[Array], x: Tensor) -> Tensor:
    for layer, p, grid in zip(layers, params, grids, strict=True):
        most = float(2 ** (_bits(layer) - 1) - 1)
        within = jnp.clip(p["codes"], -most, most)
        codes = straight_through(jax.lax.stop_gradient(jnp.rint(within)), within)
        a = x @ (codes * jnp.asarray(grid, "float32")).T + p["bias"] * jnp.asarray(grid[:, 0], "float32")
        activation = layer.activation
        if activation is None:
            raise TypeError("a dense part without its activation")
        y = ACTIVATIONS[activation.function](a)
        linear_last = layer is layers[-1] and activation.function is Activation.IDENTITY
        x = y if linear_last else round_to(y, activation.output)
    return x


def _bits(layer: LayerPlan) -> int:
    return _present(layer).weight_bits


def _trained(layer: LayerPlan, affine: AffinePlan, codes: Array, bias: Array) -> LayerPlan:
    most = 2 ** (affine.weight_bits - 1) - 1
    weights = np.clip(np.rint(codes.astype(np.float64)), -most, most).astype(np.int64)
    whole = np.rint(np.ldexp(bias.astype(np.float64), affine.accumulator.fraction)).astype(np.int64)
    return replace(layer, affine=reweighted(affine, [weights], whole))


def _with_outputs(layer: LayerPlan, bits: int) -> LayerPlan:
    """The last layer; if it has no table, with an output format that holds every result of the new weights."""
    if layer.activation is None or layer.activation.tabulated:
        return layer
    affine = unsaturated(_present(layer), bits)
    return replace(layer, affine=affine, activation=straight(layer.activation.function, affine.target))
