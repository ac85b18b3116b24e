"""Networks in float64: what every other form of a network is compared with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.core.display import Displayed
from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.networks.model import Network, Output, error_about
from lmu_hw.reference.layers import LayerState

_PIECE = 1 << 22  # numbers that a layer may hold at once, which is 32 MB


@dataclass(frozen=True, eq=False, repr=False)
class NetworkState(Displayed):
    """What a batch of networks carries from one step to the next.

    Attributes:
        layers: The arrays of each layer by name, each of shape (batch, …): `memory` z (channels, n) and `hidden` h
            of an lmu layer, `memory` of a memory layer, `carry` and `hidden` of an lstm layer.
    """

    layers: tuple[LayerState, ...]


class FloatNetwork(Displayed):
    """A network in float64 for whole sequences or parts of them, with a state that is kept.

    Attributes:
        network: The definition of the network.
        state: What the next run starts from; None before the first run and after `reset`.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.state: NetworkState | None = None
        # The number of layers up to the last one with a state: behind it each step stands alone.
        stateful = [k + 1 for k, layer in enumerate(network.layers) if layer.zero_state(0)]
        self._stateful = max(stateful, default=0)

    def _facts(self) -> Iterable[tuple[str, str]]:
        return self.network._facts()

    def reset(self) -> None:
        """Clear the state."""
        self.state = None

    def zero_state(self, batch: int) -> NetworkState:
        """The state before the first step of `batch` sequences."""
        return NetworkState(tuple(layer.zero_state(batch) for layer in self.network.layers))

    def run(self, x: ArrayLike, state: NetworkState | None = None, *, return_sequences: bool | None = None) -> Array:
        """Return the outputs for a batch of sequences; the state after the last step is kept in `state`.

        Args:
            x: The input, shape (batch, T, inputs) with T ≥ 1.
            state: The state to start from in place of the kept one.
            return_sequences: Whether to return an output per step, or the one after the last step; by default what
                `network.output` says.

        Returns:
            The outputs, shape (batch, T, outputs) or (batch, outputs).

        Raises:
            DesignError: The input has the wrong shape or is not finite, its batch is not that of the state, or a
                layer diverges through its feedback.
        """
        sequence = check_sequences(x, self.network.inputs, "input of the network")
        batch, steps = sequence.shape[:2]
        every = self.network.output is Output.SEQUENCE if return_sequences is None else return_sequences
        begin = state or self.state or self.zero_state(batch)
        for k, layer in enumerate(begin.layers):
            for name, array in layer.items():
                if array.shape[0] != batch:
                    what = f"batch of the state of {self.network.name(k)} ({name})"
                    raise DesignError(what, f"{batch}, that of the input (or reset first)", array.shape[0])
        outputs = np.empty((batch, steps if every else 1, self.network.outputs))
        piece = max(1, _PIECE // (batch * self._width(every)))
        layers = list(begin.layers)
        for start in range(0, steps, piece):
            part = sequence[:, start : start + piece]
            last = not every and start + piece >= steps
            y = self._run_piece(part, layers, start, every=every, last=last)
            if every:
                outputs[:, start : start + piece] = y
            elif last:
                outputs[:] = y
        self.state = NetworkState(tuple(layers))
        return outputs if every else outputs[:, 0]

    def classify(self, x: ArrayLike, state: NetworkState | None = None) -> IntArray:
        """The class of the largest output after the last step, the first one of equals, shape (batch,)."""
        classes: IntArray = np.argmax(self.run(x, state, return_sequences=False), axis=-1)
        return classes

    def _run_piece(self, x: Array, states: list[LayerState], start: int, *, every: bool, last: bool) -> Array | None:
        """Some steps through all layers; `states` are brought up to date.

        Of the outputs, all are returned (`every`), or the last one (`last`), or None where none is needed.
        """
        net = self.network
        y = (x - net.input_offset) * net.input_scale
        for k, layer in enumerate(net.layers):
            if not every and k == self._stateful:  # from here on nothing looks at the steps before the last
                if not last:
                    return None
                y = y[:, -1:]
            with error_about(net.name(k)):
                last_only = not every and k + 1 == self._stateful
                y, states[k] = layer.run(y, states[k], start=start, last_only=last_only)
        return y if every else y[:, -1:]

    def _width(self, every: bool) -> int:
        """The largest number of numbers that a layer holds for a step of one sequence."""
        layers = self.network.layers if every else self.network.layers[: self._stateful]
        widths = [self.network.inputs]
        for k, layer in enumerate(layers):
            widths.append(layer.numbers_per_step(last_only=not every and k + 1 == self._stateful))
        return max(widths)


def check_sequences(x: ArrayLike, inputs: int, what: str) -> Array:
    """Return `x` in float64 if it is a batch of finite sequences, of shape (batch, T, inputs) without a zero.

    Raises:
        DesignError: It is not; the message calls it `what`.
    """
    array = np.asarray(x, dtype=np.float64)
    if array.ndim != 3 or array.shape[-1] != inputs or 0 in array.shape:
        raise DesignError(what, f"of shape (batch, T, {inputs}), none of them 0", array.shape)
    if not np.all(np.isfinite(array)):
        sequence, step = (int(k[0]) for k in np.nonzero(~np.isfinite(array).all(axis=2)))
        raise DesignError(what, "finite", f"NaN or infinity (sequence {sequence}, step {step})")
    return array
