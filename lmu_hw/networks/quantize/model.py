"""The bit-true model of a planned network, which equals the hardware bit for bit, for whole batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.core.display import Displayed
from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError, check_integer
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.fixed_point.model import IntegerState
from lmu_hw.fixed_point.plan import Datapath
from lmu_hw.networks.model import Output
from lmu_hw.networks.quantize.plan import ActivationPlan, AffinePlan, Kind, LayerPlan, NetworkPlan, Source
from lmu_hw.networks.quantize.registers import EXACT_BITS, Registers, registers_for
from lmu_hw.reference.definition import Activation

# Sequences of a block. The tridiagonal datapath passes over one state of all of them at a time: short passes are
# dominated by their overhead, and NumPy releases the interpreter only above 500 numbers. Products of matrices are
# fastest where a block fits into the cache.
_SOLVED, _OTHERS = 2048, 512
_TABLE_BITS = 20  # the widest codes whose activations are looked up in one table of words

#: What a layer carries from one step to the next: arrays of shape (batch, …) by name.
LayerWords = Mapping[str, IntArray]


@dataclass(frozen=True, eq=False, repr=False)
class IntegerNetworkState(Displayed):
    """What a batch of networks carries from one step to the next.

    Attributes:
        layers: The arrays of each layer by name. A layer with memories has `accumulator`, `residue` and `word`, and
            `output` where the output words are finer than the state words, shape (batch, channels, order). A layer
            that sees its outputs of the step before has `hidden`, shape (batch, outputs).
    """

    layers: tuple[LayerWords, ...]


class IntegerNetwork(Displayed):
    """A network in integers for whole sequences or parts of them, with a state that is kept.

    Attributes:
        plan: The plan of the network.
        state: What the next run starts from; None before the first run and after `reset`.
    """

    def __init__(self, plan: NetworkPlan) -> None:
        self.plan = plan
        self.state: IntegerNetworkState | None = None
        self._maps = _Maps(plan)

    def _facts(self) -> Iterable[tuple[str, str]]:
        return self.plan._facts()

    def reset(self) -> None:
        """Clear the state."""
        self.state = None

    def zero_state(self, batch: int) -> IntegerNetworkState:
        """The state before the first step of `batch` sequences."""
        return IntegerNetworkState(
            tuple(
                {name: np.zeros((batch, *shape), np.int64) for name, shape in _shapes(layer).items()}
                for layer in self.plan.layers
            )
        )

    def encode(self, x: ArrayLike) -> IntArray:
        """The codes of inputs of any shape, in the units of the network's input; rounded to nearest, ties upwards.

        Raises:
            DesignError: An input is not finite, or out of the range of the input format.
        """
        try:
            return self.plan.input_format.encode(x)
        except DesignError as error:
            raise DesignError("input of the network", error.constraint, error.got, hint=error.hint) from None

    def decode(self, words: ArrayLike) -> Array:
        """The real values of output words; for a last layer without a dense part, the states of the float network."""
        last = self.plan.layers[-1]
        values = self.plan.output_format.decode(words)
        if last.affine is None and last.memory is not None:
            values = values * np.repeat(last.gains, last.memory.spec.order)
        return values

    def run(
        self,
        codes: ArrayLike,
        state: IntegerNetworkState | None = None,
        *,
        return_sequences: bool | None = None,
        workers: int = 1,
    ) -> IntArray:
        """Return the output words for a batch of sequences; the state after the last step is kept in `state`.

        Args:
            codes: The input codes, shape (batch, T, inputs) with T ≥ 1.
            state: The state to start from in place of the kept one.
            return_sequences: Whether to return words per step, or those after the last step; by default what the plan
                says.
            workers: The number of threads that share the sequences.

        Returns:
            The words of `plan.output_format`, shape (batch, T, outputs) or (batch, outputs).

        Raises:
            DesignError: A code is not an integer of the input format, or the state is of another batch.
        """
        array = self._check(codes)
        check_integer("workers", workers, 1)
        batch, steps = array.shape[:2]
        every = self.plan.output is Output.SEQUENCE if return_sequences is None else return_sequences
        begin = state or self.state or self.zero_state(batch)
        self._check_state(begin, batch)
        out = np.empty((batch, steps if every else 1, self.plan.outputs), np.int64)
        memories = [layer.memory for layer in self.plan.layers if layer.memory is not None]
        most = _SOLVED if any(each.datapath is Datapath.TRIDIAGONAL for each in memories) else _OTHERS
        rounds = max(1, -(-batch // (most * workers)))
        size = max(1, -(-batch // (rounds * workers)))  # the same for every worker in every round

        def block(start: int) -> IntegerNetworkState:
            rows = slice(start, start + size)
            lanes = _Block(self._maps, min(size, batch - start))
            lanes.load(_part(begin, rows))
            lanes.run(array[rows], out[rows], every=every)
            return lanes.store()

        starts = range(0, batch, size)
        if workers == 1 or len(starts) == 1:
            parts = [block(start) for start in starts]
        else:
            with ThreadPoolExecutor(workers) as pool:  # NumPy releases the interpreter in every pass
                parts = list(pool.map(block, starts))
        self.state = _joined(parts)
        return out if every else out[:, 0]

    def classify(self, codes: ArrayLike, state: IntegerNetworkState | None = None, *, workers: int = 1) -> IntArray:
        """The class of the largest output after the last step, the first one of equals, shape (batch,)."""
        words = self.run(codes, state, return_sequences=False, workers=workers)
        classes: IntArray = np.argmax(words, axis=-1)
        return classes

    def _check(self, codes: ArrayLike) -> IntArray:
        array, form = np.asarray(codes), self.plan.input_format
        if array.ndim != 3 or array.shape[-1] != self.plan.inputs or 0 in array.shape:
            raise DesignError("input codes", f"of shape (batch, T, {self.plan.inputs}), none of them 0", array.shape)
        if not np.issubdtype(array.dtype, np.integer):
            raise DesignError("input codes", "integers", array.dtype)
        if array.min() < form.low or array.max() > form.high:
            raise DesignError("input codes", f"from {form.low} to {form.high}", [int(array.min()), int(array.max())])
        return array

    def _check_state(self, state: IntegerNetworkState, batch: int) -> None:
        if len(state.layers) != len(self.plan.layers):
            raise DesignError("state", f"of {len(self.plan.layers)} layers", len(state.layers))
        for layer, words in zip(self.plan.layers, state.layers, strict=True):
            for name, shape in _shapes(layer).items():
                found = words[name].shape if name in words else None
                if found != (batch, *shape):
                    wanted = f"of shape {(batch, *shape)}, for this input (or reset first)"
                    raise DesignError(f"state of {layer.name} ({name})", wanted, found)


class _Maps:
    """The affine maps and activations for words in float64, which all blocks of sequences share."""

    def __init__(self, plan: NetworkPlan) -> None:
        self.plan = plan
        self.drives = [None if layer.drive is None else _affine(layer.drive) for layer in plan.layers]
        self.affines = [None if layer.affine is None else _affine(layer.affine) for layer in plan.layers]
        self.activations = [
            None if layer.activation is None else _activation(layer.activation) for layer in plan.layers
        ]


class _Block:
    """Some sequences side by side; all words are whole numbers in float64, one row for each word of a step."""

    def __init__(self, maps: _Maps, batch: int) -> None:
        self._maps, self._batch = maps, batch
        self._registers: list[Registers | None] = []
        self._words: dict[tuple[Kind, int], Array] = {}
        for k, layer in enumerate(maps.plan.layers):
            memory = layer.memory
            self._registers.append(None if memory is None else registers_for(memory, layer.channels * batch))
            if memory is not None:
                self._words[Kind.MEMORY, k] = np.zeros((layer.states, batch))
            self._words[Kind.OUTPUT, k] = np.zeros((layer.outputs, batch))

    def run(self, codes: IntArray, out: IntArray, *, every: bool) -> None:
        """Run all steps; write the words of every step, or of the last, to `out`, shape (batch, T or 1, outputs)."""
        plan, steps = self._maps.plan, codes.shape[1]
        by_step = np.ascontiguousarray(codes.transpose(1, 2, 0))
        outputs = self._words
        programs = {last: list(plan.operations(last=last)) for last in (False, True)}
        for step in range(steps):
            last = step + 1 == steps
            self._words[Kind.INPUT, 0] = by_step[step].astype(np.float64)
            for k, layer, what in programs[every or last]:
                if what == "drive":
                    self._drive = self._sum(self._maps.drives[k])
                elif what == "memory":
                    self._advance(k, layer)
                else:
                    codes_of_a = self._sum(self._maps.affines[k])
                    activation = self._maps.activations[k]
                    outputs[Kind.OUTPUT, k] = codes_of_a if activation is None else activation(codes_of_a)
            if every or last:
                final = outputs[Kind.OUTPUT, len(plan.layers) - 1]
                out[:, step if every else 0] = final.T

    def _sum(self, affine: _Affine | None) -> Array:
        if affine is None:
            raise TypeError("an operation without its map")
        return affine(lambda source: self._words[source.kind, source.layer], self._batch)

    def _advance(self, k: int, layer: LayerPlan) -> None:
        registers = self._registers[k]
        if registers is None:
            raise TypeError("an operation without its memory")
        registers.step(self._drive.reshape(-1))
        words = registers.words
        if layer.channels > 1:  # (order, channels·batch) → (channels·order, batch)
            words = words.reshape(-1, layer.channels, self._batch).swapaxes(0, 1).reshape(layer.states, self._batch)
        self._words[Kind.MEMORY, k] = words
        if layer.affine is None:
            self._words[Kind.OUTPUT, k] = words

    def load(self, state: IntegerNetworkState) -> None:
        """Take over `state`."""
        for k, (registers, words) in enumerate(zip(self._registers, state.layers, strict=True)):
            if registers is not None:
                columns = {name: _by_state(words[name]) for name in words if name != "hidden"}
                memory = IntegerState(columns["accumulator"], columns["residue"], columns["word"])
                memory.output = columns.get("output", memory.word)
                registers.load(memory)
                output = words.get("output", words["word"])
                self._words[Kind.MEMORY, k] = output.reshape(self._batch, -1).T.astype(np.float64)
            if "hidden" in words:
                self._words[Kind.OUTPUT, k] = words["hidden"].T.astype(np.float64)

    def store(self) -> IntegerNetworkState:
        """Return the present state."""
        layers = []
        for k, layer in enumerate(self._maps.plan.layers):
            words: dict[str, IntArray] = {}
            registers = self._registers[k]
            if registers is not None:
                state = registers.store()
                for name in _shapes(layer):
                    if name != "hidden":
                        words[name] = _by_sequence(getattr(state, name), layer.channels)
            if layer.recurrent:
                words["hidden"] = self._words[Kind.OUTPUT, k].T.astype(np.int64)
            layers.append(words)
        return IntegerNetworkState(tuple(layers))


#: The codes of an affine map, shape (rows, batch), from a function that gives the words of a source.
_Affine = Callable[[Callable[[Source], Array], int], Array]


def _affine(plan: AffinePlan) -> _Affine:
    """The map in float64 where no sum has more than 53 bits, which is exact, else in int64."""
    shift = plan.accumulator.fraction - plan.target.fraction
    low, high = float(plan.target.low), float(plan.target.high)
    largest = int(plan.largest_sums.max(initial=0)) + (1 << max(0, shift))
    aligned = [segment.weights << segment.alignment_shifts[:, None] for segment in plan.segments]
    if largest.bit_length() > EXACT_BITS:

        def in_integers(words: Callable[[Source], Array], batch: int) -> Array:
            sums = np.repeat(plan.bias[:, None], batch, axis=1)
            for segment, weights in zip(plan.segments, aligned, strict=True):
                sums += weights @ words(segment.source).astype(np.int64)
            return plan.requantise(sums).astype(np.float64)

        return in_integers

    scale = 2.0**-shift
    factors = [weights * scale for weights in aligned]
    start = (plan.bias * scale + (0.5 if shift > 0 else 0.0))[:, None]

    def in_floats(words: Callable[[Source], Array], batch: int) -> Array:
        sums = np.empty((plan.rows, batch))
        if not factors:
            sums[...] = start
        for k, (segment, weights) in enumerate(zip(plan.segments, factors, strict=True)):
            if k == 0:
                np.matmul(weights, words(segment.source), out=sums)
                sums += start
            else:
                sums += weights @ words(segment.source)
        if shift > 0:
            np.floor(sums, out=sums)
        return np.clip(sums, low, high, out=sums)

    return in_floats


def _activation(plan: ActivationPlan) -> Callable[[Array], Array]:
    """The activation from codes to words, both held in float64."""
    if not plan.tabulated:
        return (lambda codes: np.maximum(codes, 0.0)) if plan.function is Activation.RELU else (lambda codes: codes)
    low = plan.input.low
    if plan.input.width > _TABLE_BITS:
        return lambda codes: plan(codes.astype(np.int64)).astype(np.float64)
    table = plan(np.arange(low, plan.input.high + 1)).astype(np.float64)
    return lambda codes: table.take((codes - low).astype(np.intp))


def _shapes(layer: LayerPlan) -> dict[str, tuple[int, ...]]:
    """The shapes of what a layer carries from one step to the next, by name, for one sequence."""
    shapes: dict[str, tuple[int, ...]] = {}
    if layer.memory is not None:
        names = ("accumulator", "residue", "word", *(("output",) if layer.memory.separate_output else ()))
        shapes = dict.fromkeys(names, (layer.channels, layer.memory.spec.order))
    if layer.recurrent:
        shapes["hidden"] = (layer.outputs,)
    return shapes


def _by_state(array: IntArray) -> IntArray:
    """(batch, channels, order) → (order, channels·batch)."""
    return np.ascontiguousarray(array.transpose(2, 1, 0).reshape(array.shape[2], -1))


def _by_sequence(array: IntArray, channels: int) -> IntArray:
    """(order, channels·batch) → (batch, channels, order)."""
    return np.ascontiguousarray(array.reshape(array.shape[0], channels, -1).transpose(2, 1, 0))


def _part(state: IntegerNetworkState, rows: slice) -> IntegerNetworkState:
    return IntegerNetworkState(tuple({n: a[rows] for n, a in layer.items()} for layer in state.layers))


def _joined(parts: Sequence[IntegerNetworkState]) -> IntegerNetworkState:
    layers = zip(*(part.layers for part in parts), strict=True)
    return IntegerNetworkState(
        tuple({name: np.concatenate([words[name] for words in each]) for name in each[0]} for each in layers)
    )
