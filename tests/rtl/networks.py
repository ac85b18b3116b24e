"""Random networks in integers: every kind of layer and memory, all formats different, no training behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization, least_theta_over_dt
from lmu_hw.fixed_point.formats import IntArray, QFormat
from lmu_hw.fixed_point.plan import Datapath, MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.networks.model import Output
from lmu_hw.networks.quantize.plan import (
    ActivationPlan,
    AffinePlan,
    Kind,
    LayerPlan,
    NetworkPlan,
    Segment,
    Source,
)
from lmu_hw.reference.definition import Activation

RULES = {
    Datapath.CHAIN: ("euler", "ab2"),
    Datapath.TRIDIAGONAL: ("bilinear",),
    Datapath.DENSE: ("zoh",),
    Datapath.STRUCTURED: ("zoh",),
}


@dataclass(frozen=True)
class LayerShape:
    """What a random layer looks like.

    Attributes:
        datapath: of its memories; None without.
        order, channels: of them.
        hidden: rows of its dense part; 0 without.
        recurrent: the dense part sees its outputs of the step before.
        feedback: the drive sees them, and the memory words of the step before.
    """

    datapath: Datapath | None = None
    order: int = 3
    channels: int = 1
    hidden: int = 3
    recurrent: bool = False
    feedback: bool = False


def random_network(
    rng: np.random.Generator, shapes: list[LayerShape], inputs: int = 1, output: Output = Output.LAST
) -> NetworkPlan:
    """A network of such layers with random integers throughout."""
    x = QFormat(int(rng.integers(3, 9)), int(rng.integers(0, 9)))
    layers: list[LayerPlan] = []
    below, words, length = Source(Kind.INPUT), x, inputs
    for k, shape in enumerate(shapes):
        layer = _layer(rng, k, shape, below, words, length)
        layers.append(layer)
        below, words, length = Source(Kind.OUTPUT, k), layer.output_format, layer.outputs
    return NetworkPlan(tuple(layers), inputs, x, output)


def _layer(
    rng: np.random.Generator, k: int, shape: LayerShape, below: Source, words: QFormat, length: int
) -> LayerPlan:
    activation = _activation(rng) if shape.hidden else None
    given = [(below, words, length)]
    own = [] if activation is None else [(Source(Kind.OUTPUT, k, previous=True), activation.output, shape.hidden)]
    drive, memory = None, None
    if shape.datapath is not None:
        memory = _memory(rng, shape)
        states = shape.order * shape.channels
        seen = list(given)
        if shape.feedback:
            seen += [*own, (Source(Kind.MEMORY, k, previous=True), memory.output_format, states)]
        drive = _affine(rng, seen, shape.channels, memory.input_format)
        given.append((Source(Kind.MEMORY, k), memory.output_format, states))
    if activation is None:
        return LayerPlan(f"layer {k} (memory)", drive, memory, None, None, np.ones(shape.channels))
    seen = given + (own if shape.recurrent else [])
    affine = _affine(rng, seen, shape.hidden, activation.input)
    gains = np.ones(shape.channels if memory else 0)
    return LayerPlan(f"layer {k} (lmu)", drive, memory, affine, activation, gains)


def _memory(rng: np.random.Generator, shape: LayerShape) -> MemoryPlan:
    rule = str(rng.choice(RULES[shape.datapath or Datapath.DENSE]))
    least = least_theta_over_dt(shape.order, Discretization(rule)) if shape.datapath is Datapath.CHAIN else 1.0
    bits = int(rng.integers(8, 13))
    return plan_memory(
        LMUSpec(shape.order, max(20.0, 1.3 * least), 1.0, rule),
        input_bits=int(rng.integers(4, 9)),
        state_bits=bits,
        output_bits=bits + int(rng.choice([0, 0, 3])),
        datapath=str(shape.datapath) if shape.datapath is Datapath.STRUCTURED else None,
    )


def _affine(
    rng: np.random.Generator, seen: list[tuple[Source, QFormat, int]], rows: int, target: QFormat
) -> AffinePlan:
    """Sums that fill the target's range and now and then leave it; every source has its share in them."""
    bits = [int(rng.integers(2, 7)) for _ in seen]
    weights = [rng.integers(-(1 << b), 1 << b, (rows, length)) for b, (_, _, length) in zip(bits, seen, strict=True)]
    sizes = [b + f.width for b, (_, f, _) in zip(bits, seen, strict=True)]
    alignment_shifts = [max(sizes) - size + rng.integers(0, 3, rows) * int(rng.random() < 0.7) for size in sizes]
    spread = 2.0 ** (max(sizes) - 1) * sum(length for _, _, length in seen) ** 0.5
    drop = max(-2, round(np.log2(spread)) - target.width + int(rng.integers(0, 2)))
    fraction = target.fraction + drop
    segments = tuple(
        Segment(source, words, w, fraction - words.fraction - alignment_shift, alignment_shift)
        for (source, words, _), w, alignment_shift in zip(seen, weights, alignment_shifts, strict=True)
    )
    bias = rng.integers(-int(spread) // 4 - 1, int(spread) // 4 + 1, rows)
    wide = AffinePlan(segments, bias, QFormat(60, fraction), target)
    width = int(wide.largest_sums.max()).bit_length() + 1 + int(rng.integers(0, 2))
    return AffinePlan(segments, bias, QFormat(width, fraction), target)


def _activation(rng: np.random.Generator) -> ActivationPlan:
    a = QFormat(int(rng.integers(5, 9)), int(rng.integers(3, 7)))
    kind = rng.integers(4)
    empty: IntArray = np.zeros(0, dtype=np.int64)
    if kind < 2:
        function = Activation.RELU if kind else Activation.IDENTITY
        return ActivationPlan(function, a, a, empty, empty, 0, 0, 0.0)
    out = QFormat(int(rng.integers(4, 10)), 6)
    offset_bits = 0 if kind == 2 else int(rng.integers(1, a.width - 1))
    pieces = 1 << (a.width - offset_bits)
    drop = int(rng.integers(0, 4))
    # A random walk whose every word lies in the output's range.
    ends = rng.integers(out.low, out.high + 1, pieces + 1) << drop
    slope = (ends[1:] - ends[:-1]) >> offset_bits if offset_bits else np.zeros(pieces, dtype=np.int64)
    base = np.minimum(ends[:-1], (out.high << drop))
    return ActivationPlan(Activation.TANH, a, out, base, slope, offset_bits, drop, 0.1)
