"""The fixed-point plan of a network: what its integer model and its hardware share.

At every step the layers run in sequence. Everything but the memories is an affine map of words:

    sum_r  = bias_r + Σ_segments (Σ_c weight_rc · word_c) · 2^alignment_shift_r   exact, on one grid for all rows
    code_r = saturate(round(sum_r · 2^(target.fraction − accumulator.fraction)))   to nearest, ties upwards

There is one such map for each drive u, whose codes are the samples of a memory, and one for the output of a layer,
whose codes an activation maps to words. A word of the step before counts as zero at the first step of a sequence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lmu_hw.core.display import Displayed
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray, Overflow, QFormat, fit, round_shift
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.networks.model import Output
from lmu_hw.reference.definition import Activation

if TYPE_CHECKING:
    from lmu_hw.core.figures import Plot


class Kind(StrEnum):
    """What a vector of words stands for."""

    INPUT = "input"
    MEMORY = "memory"
    OUTPUT = "output"


@dataclass(frozen=True)
class Source:
    """A vector of words that an affine map sees.

    Attributes:
        kind: Whether these are the network's input x, the state words m of a layer (channel 0 first), or the output
            words of a layer.
        layer: The number of that layer; 0 for the input.
        previous: Whether these are the words of the step before, which are zero at the first step of a sequence.
    """

    kind: Kind
    layer: int = 0
    previous: bool = False

    def __str__(self) -> str:
        before = " of the step before" if self.previous else ""
        return "the input" if self.kind is Kind.INPUT else f"{self.kind} of layer {self.layer}{before}"


@dataclass(frozen=True, eq=False, repr=False)
class Segment(Displayed):
    """The contribution of one source to an affine map.

    Attributes:
        source: The words that are multiplied.
        words: The format of these words.
        weights: The weights as integers, shape (rows, columns).
        fractions: The fractional bits of each row's weights, shape (rows,).
        alignment_shifts: The left shift of each row's products to the accumulator's grid, shape (rows,), each ≥ 0.

    Raises:
        DesignError: There is not one grid and one alignment shift per row, or a shift is negative.
    """

    source: Source
    words: QFormat
    weights: IntArray
    fractions: IntArray
    alignment_shifts: IntArray

    def __post_init__(self) -> None:
        rows = self.weights.shape[0]
        for name in ("fractions", "alignment_shifts"):
            if getattr(self, name).shape != (rows,):
                raise DesignError(f"{name} of a segment", f"of shape ({rows},)", getattr(self, name).shape)
        if self.alignment_shifts.min(initial=0) < 0:
            raise DesignError("alignment shifts of a segment", "0 or more", int(self.alignment_shifts.min()))

    @property
    def columns(self) -> int:
        """The number of words."""
        return int(self.weights.shape[1])


@dataclass(frozen=True, eq=False, repr=False)
class AffinePlan(Displayed):
    """An affine map of words, in integers.

    Attributes:
        segments: The contributions of the sources, in the order in which hardware adds them.
        bias: The constants on the accumulator's grid, shape (rows,).
        accumulator: The format that holds every partial sum, in this order, whatever the words are.
        target: The format of the codes.

    Raises:
        DesignError: A segment has another number of rows, its products are not on the accumulator's grid, or the
            accumulator does not hold every partial sum.
    """

    segments: tuple[Segment, ...]
    bias: IntArray
    accumulator: QFormat
    target: QFormat

    def __post_init__(self) -> None:
        for segment in self.segments:
            if segment.weights.shape[0] != self.rows:
                raise DesignError("rows of a segment", f"{self.rows}, as many as biases", segment.weights.shape[0])
            grids = segment.fractions + segment.words.fraction + segment.alignment_shifts
            if np.any(grids != self.accumulator.fraction):
                raise DesignError(
                    "grid of a segment's products", f"{self.accumulator.fraction} fractional bits", grids.tolist()
                )
        if int(self.largest_sums.max(initial=0)) > self.accumulator.high:
            raise DesignError(
                "accumulator", f"wide enough for sums up to {int(self.largest_sums.max())}", str(self.accumulator)
            )

    @property
    def rows(self) -> int:
        """The number of codes."""
        return int(self.bias.size)

    @cached_property
    def largest_sums(self) -> IntArray:
        """The proved bound on the magnitude of every partial sum, from the formats of the words, shape (rows,)."""
        bound = np.abs(self.bias).astype(object)
        for segment in self.segments:
            largest = max(-segment.words.low, segment.words.high)
            bound += (np.abs(segment.weights).sum(axis=1).astype(object) * largest) << segment.alignment_shifts.astype(
                object
            )
        if np.any(bound >= 1 << 62):
            raise DesignError("sums of an affine map", "of at most 62 bits", int(max(bound)).bit_length() + 1)
        return np.asarray(bound.astype(np.int64))

    def to_dict(self) -> dict[str, Any]:
        """The formats of the map as plain values, without its weights."""
        return {
            "rows": self.rows,
            "weight_bits": self.weight_bits,
            "accumulator": asdict(self.accumulator),
            "target": asdict(self.target),
            "segments": [
                {
                    "source": str(segment.source),
                    "columns": segment.columns,
                    "words": asdict(segment.words),
                    "fractions": segment.fractions.tolist(),
                }
                for segment in self.segments
            ],
        }

    @property
    def weight_bits(self) -> int:
        """The width of the widest weight, sign included."""
        return max(
            (max(int(s.weights.max()), -1 - int(s.weights.min())).bit_length() + 1 for s in self.segments), default=1
        )

    @property
    def multiplications(self) -> int:
        """The multiplications of a step, one for every weight."""
        return sum(int(segment.weights.size) for segment in self.segments)

    def requantise(self, sums: IntArray) -> IntArray:
        """The codes of the target format for sums on the accumulator's grid, of any shape."""
        rounded = round_shift(sums, self.accumulator.fraction - self.target.fraction)
        return fit(rounded, self.target, Overflow.SATURATE)


@dataclass(frozen=True, eq=False, repr=False)
class ActivationPlan(Displayed):
    """An activation f as a table of straight pieces, for codes a of the input format:

        piece  = (a − low) >> offset_bits,   offset = (a − low) mod 2^offset_bits
        word   = (base[piece] + slope[piece]·offset + half) >> drop,   half = 2^(drop − 1), or 0 without drop

    ReLU (max(a, 0)) and identity need no table: both arrays are empty and the formats the same.

    Attributes:
        function: The activation f.
        input: The format of a, which is the target of the affine map before.
        output: The format of the words; every word of the table lies in its range.
        base: The value of each piece at its beginning, integers of shape (2^(input.width − offset_bits),), or empty.
        slope: The slope of each piece, integers of the same shape, or empty.
        offset_bits: The low bits of a code that lie within a piece; 0 for a table of words, where no slope counts.
        drop: The fractional bits that `base` has beyond those of the output.
        error_bound: The proved bound on |word − f(a)| over all codes, in units of f; 0 without a table.
    """

    function: Activation
    input: QFormat
    output: QFormat
    base: IntArray
    slope: IntArray
    offset_bits: int
    drop: int
    error_bound: float

    @property
    def tabulated(self) -> bool:
        """Whether there is a table."""
        return bool(self.base.size)

    def __call__(self, codes: IntArray) -> IntArray:
        """The words for codes of any shape."""
        if not self.tabulated:
            return np.maximum(codes, 0) if self.function is Activation.RELU else codes
        above = codes - self.input.low
        piece, offset = above >> self.offset_bits, above & ((1 << self.offset_bits) - 1)
        return round_shift(self.base[piece] + self.slope[piece] * offset, self.drop)


@dataclass(frozen=True, eq=False, repr=False)
class LayerPlan(Displayed):
    """One layer in integers. A layer has memories (drive and memory), a dense part (affine, activation), or both.

    The drive sees the outputs of the layer before (or the input), and its own states and outputs of the step before;
    the affine map sees the same, but its own states after the step.

    Attributes:
        name: The name of the layer in messages, such as "layer 0 (lmu)".
        drive: The map to u of each channel, in codes of the memory's input format; None without memories.
        memory: The plan of each channel's memory; None without memories.
        affine: The map to what the activation takes; None where the state words are the outputs.
        activation: The activation that gives the outputs; None where the state words are the outputs.
        gains: The factor of each channel from the values of the state words to the states of the float network, shape
            (channels,); empty without memories.
    """

    name: str
    drive: AffinePlan | None
    memory: MemoryPlan | None
    affine: AffinePlan | None
    activation: ActivationPlan | None
    gains: np.ndarray[tuple[int, ...], np.dtype[np.float64]]

    def to_dict(self) -> dict[str, Any]:
        """The formats of the layer as plain values, without its weights."""
        activation = self.activation
        return {
            "name": self.name,
            "drive": None if self.drive is None else self.drive.to_dict(),
            "memory": None if self.memory is None else self.memory.to_dict(),
            "gains": self.gains.tolist(),
            "affine": None if self.affine is None else self.affine.to_dict(),
            "activation": None
            if activation is None
            else {
                "function": str(activation.function),
                "input": asdict(activation.input),
                "output": asdict(activation.output),
                "pieces": int(activation.base.size),
                "error_bound": activation.error_bound,
            },
        }

    @property
    def channels(self) -> int:
        """The number of memories."""
        return 0 if self.drive is None else self.drive.rows

    @property
    def states(self) -> int:
        """The number of state words."""
        return 0 if self.memory is None else self.channels * self.memory.spec.order

    @property
    def outputs(self) -> int:
        """The number of output words of the layer."""
        return self.states if self.affine is None else self.affine.rows

    @property
    def output_format(self) -> QFormat:
        """The format of the output words of the layer.

        Raises:
            DesignError: The layer has neither memories nor a dense part.
        """
        if self.activation is not None:
            return self.activation.output
        if self.memory is None:
            raise DesignError(self.name, "a layer with memories or a dense part", "neither")
        return self.memory.output_format

    @property
    def recurrent(self) -> bool:
        """Whether the layer sees its own outputs of the step before."""
        maps = [each for each in (self.drive, self.affine) if each is not None]
        return any(s.source.kind is Kind.OUTPUT and s.source.previous for each in maps for s in each.segments)


@dataclass(frozen=True, eq=False, repr=False)
class NetworkPlan(Displayed):
    """Everything that the integer model and the hardware of a network share.

    Attributes:
        layers: The plans of the layers in sequence.
        inputs: The length of x.
        input_format: The format of the words of x, in the units of the network's input.
        output: Whether there is an output per step or one per sequence.

    Raises:
        DesignError: A layer is incomplete, or an affine map sees a source that does not exist or has another format.
    """

    layers: tuple[LayerPlan, ...]
    inputs: int
    input_format: QFormat
    output: Output

    def __post_init__(self) -> None:
        for k, layer in enumerate(self.layers):
            parts = (
                (layer.drive is None) == (layer.memory is None),
                (layer.affine is None) == (layer.activation is None),
            )
            if not all(parts) or (layer.memory is None and layer.affine is None):
                raise DesignError(layer.name, "drive and memory, affine and activation, or all four", "another choice")
            if layer.memory is not None and layer.drive is not None and layer.drive.target != layer.memory.input_format:
                raise DesignError(
                    f"drive of {layer.name}", f"in the memory's format {layer.memory.input_format}", layer.drive.target
                )
            act, affine_map = layer.activation, layer.affine
            if act is not None and affine_map is not None and affine_map.target != act.input:
                wanted = f"in the activation's format {act.input}"
                raise DesignError(f"affine map of {layer.name}", wanted, affine_map.target)
            for what, affine in (("drive", layer.drive), ("affine map", layer.affine)):
                for segment in () if affine is None else affine.segments:
                    self._check_segment(f"{what} of {layer.name}", k, segment, affine is layer.drive)

    def _check_segment(self, what: str, k: int, segment: Segment, drive: bool) -> None:
        """Check that the source of a segment exists when its map is computed, with this size and format."""
        layer, source = self.layers[k], segment.source
        before = Source(Kind.OUTPUT, k - 1) if k else Source(Kind.INPUT)
        seen = {before: _output(self.layers[k - 1]) if k else (self.inputs, self.input_format)}
        if layer.affine is not None:
            seen[Source(Kind.OUTPUT, k, previous=True)] = _output(layer)
        if layer.memory is not None:
            seen[Source(Kind.MEMORY, k, previous=drive)] = (layer.states, layer.memory.output_format)
        if source not in seen:
            raise DesignError(f"source of the {what}", "one of " + ", ".join(map(str, seen)), source)
        if (segment.columns, segment.words) != seen[source]:
            columns, words = seen[source]
            raise DesignError(
                f"{source} of the {what}", f"{columns} words {words}", f"{segment.columns} {segment.words}"
            )

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield "layers", ", ".join(layer.name.partition("(")[2].rstrip(")") or layer.name for layer in self.layers)
        yield "input", f"{self.inputs} × {self.input_format}"
        yield "output", f"{self.outputs} × {self.output_format}"
        first, last = self.multiplications(last=False), self.multiplications(last=True)
        yield "multiplications per step", f"{first}, the last one {last}"

    def to_dict(self) -> dict[str, Any]:
        """The formats of every map, memory and activation as plain values, as in plan.json; no weights."""
        return {
            "formats": {"input": asdict(self.input_format), "output": asdict(self.output_format)},
            "output": str(self.output),
            "layers": [layer.to_dict() for layer in self.layers],
            "multiplications_per_sample": self.multiplications(last=False),
            "multiplications_per_last_sample": self.multiplications(last=True),
        }

    def plot(self) -> Plot:
        """Draw the bits that the weights and the accumulators of the states of each layer take."""
        from lmu_hw.core.figures import bar_figure

        maps = [[each for each in (layer.drive, layer.affine) if each is not None] for layer in self.layers]
        parts = {
            "bits of weights": [sum(each.multiplications * each.weight_bits for each in row) for row in maps],
            "bits of states": [
                0 if layer.memory is None else layer.states * layer.memory.accumulator_format.width
                for layer in self.layers
            ],
        }
        return bar_figure("Stored bits", [layer.name for layer in self.layers], parts, "bits")

    @property
    def outputs(self) -> int:
        """The length of y."""
        return self.layers[-1].outputs

    @property
    def output_format(self) -> QFormat:
        """The format of the words of y."""
        return self.layers[-1].output_format

    def operations(self, *, last: bool) -> Iterator[tuple[int, LayerPlan, str]]:
        """Yield the operations of a step in order: (layer, its plan, "drive" | "memory" | "affine").

        A network with one output per sequence leaves out what no later step sees, except at the `last` step.
        """
        every = last or self.output is Output.SEQUENCE
        needed = len(self.layers) if every else self._stateful
        for k, layer in enumerate(self.layers[:needed]):
            if layer.drive is not None:
                yield k, layer, "drive"
                yield k, layer, "memory"
            if layer.affine is not None and (every or k + 1 < needed or layer.recurrent):
                yield k, layer, "affine"

    @cached_property
    def _stateful(self) -> int:
        """The number of layers up to the last one with a state."""
        with_state = (k + 1 for k, layer in enumerate(self.layers) if layer.memory is not None or layer.recurrent)
        return max(with_state, default=0)

    def multiplications(self, *, last: bool) -> int:
        """The multiplications of one step, including those of the memories."""
        total = 0
        for _, layer, what in self.operations(last=last):
            if what == "memory" and layer.memory is not None:
                total += layer.channels * layer.memory.multiplications_per_sample
            elif what == "drive" and layer.drive is not None:
                total += layer.drive.multiplications
            elif what == "affine" and layer.affine is not None:
                total += layer.affine.multiplications
        return total

    def multiplications_per_sequence(self, steps: int) -> int:
        """The multiplications of a whole sequence."""
        return (steps - 1) * self.multiplications(last=False) + self.multiplications(last=True)


def _output(layer: LayerPlan) -> tuple[int, QFormat]:
    """The number and the format of the output words of a layer."""
    return layer.outputs, layer.output_format
