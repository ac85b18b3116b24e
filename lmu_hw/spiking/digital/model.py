"""The integer model of a digital spiking memory: every output word of the hardware, and every spike."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.errors import DesignError, check_integer
from lmu_hw.fixed_point.formats import IntArray, Overflow, fit, round_shift
from lmu_hw.spiking.digital.neurons import Draws, blocks, draws_of
from lmu_hw.spiking.digital.plan import DigitalSpikingPlan
from lmu_hw.spiking.memory import SpikeTrains


class DigitalSpikingMemory:
    """A planned memory for sequences that each start from rest, with the generators at their beginning.

    So the words of a sequence depend on the sequence and on the seed alone, in a batch and in hardware, where the first
    sample of a sequence brings everything back to rest.

    Attributes:
        plan: The plan of the memory.
        spikes: The spikes of the last `run` with `record`, else None.
    """

    def __init__(self, plan: DigitalSpikingPlan, *, seed: int | None = None) -> None:
        """Prepare the memory.

        Args:
            plan: The plan of the memory.
            seed: The seed of the generators; that of the plan by default.
        """
        self.plan = plan
        self.spikes: SpikeTrains | None = None
        self._seed = plan.seed if seed is None else check_integer("seed", seed, 0)

    def run(self, codes: ArrayLike, *, record: bool = False) -> IntArray:
        """Return the state words after each sample.

        Args:
            codes: The samples as codes of the input format, shape (T,) or (batch, T).
            record: Whether to keep the spikes in `spikes`.

        Returns:
            The state words, codes of the output format, shape (…, T, order).

        Raises:
            DesignError: The shape is wrong, or a code is out of range.
        """
        plan = self.plan
        given = np.asarray(codes)
        if given.ndim not in (1, 2) or not np.issubdtype(given.dtype, np.integer):
            raise DesignError("codes", "integers of shape (T,) or (batch, T)", f"{given.dtype} of shape {given.shape}")
        rows = fit(np.atleast_2d(given).astype(np.int64), plan.input_format, Overflow.ERROR)
        batch, steps = rows.shape
        step = _Step(plan, batch, self._seed)
        words = np.empty((batch, steps, plan.ensembles), dtype=np.int64)
        fired = []
        for k in range(steps):
            words[:, k], counts = step.take(rows[:, k])
            if record:
                fired.append(_who(k, counts))
        self.spikes = SpikeTrains(*np.concatenate(fired, axis=1)) if record and fired else None
        return words[0] if given.ndim == 1 else words


class _Step:
    """The state of a batch, and what turns it into the next one."""

    def __init__(self, plan: DigitalSpikingPlan, batch: int, seed: int) -> None:
        self._plan = plan
        self._y = np.zeros((batch, plan.ensembles), dtype=np.int64)
        # The half of the rounding is added to the bias, as in hardware.
        shift = plan.current_shift
        self._offset = (plan.bias << np.int64(shift)) + np.int64(1 << (shift - 1))
        self._fire = plan.unit.at_rest((batch, plan.ensembles, plan.size), lambda: _draws(plan, seed))

    def take(self, codes: IntArray) -> tuple[IntArray, IntArray]:
        """Take in one sample per sequence.

        Returns:
            The output words, shape (batch, order), and the numbers of spikes, shape (batch, ensembles, size).
        """
        plan = self._plan
        current = plan.gain * self._y[:, :, None]
        current += self._offset
        current >>= np.int64(plan.current_shift)
        counts = self._fire(current)
        decoded = (plan.decoders * counts).sum(axis=2)
        y = self._y << np.int64(plan.state_alignment_shift)
        total = decoded @ plan.recurrent.T + (y << np.int64(plan.map_format.fraction)) - plan.leak * y
        total += (codes << np.int64(plan.input_alignment_shift))[:, None] * plan.drive
        self._y = fit(round_shift(total, plan.state_drop), plan.state_format, Overflow.SATURATE)
        read = (self._y << np.int64(plan.state_alignment_shift)) @ plan.transform.T
        return round_shift(read, plan.output_drop), counts


def _draws(plan: DigitalSpikingPlan, seed: int) -> Iterator[Draws]:
    """Yield the draws of step after step, shape (ensembles, size, 2·generators)."""
    streams = [blocks(states, plan.slots) for lane in plan.generators(seed) for states in lane]
    while True:
        words = np.stack([next(stream) for stream in streams], axis=1)  # (slots, lanes·generators)
        yield draws_of(words.reshape(plan.ensembles, plan.size, -1))


def _who(step: int, counts: IntArray) -> IntArray:
    """The step, sequence and neuron of every spike, shape (3, spikes)."""
    sequence, neuron = np.nonzero(counts.reshape(counts.shape[0], -1))
    times = counts.reshape(counts.shape[0], -1)[sequence, neuron]
    return np.stack([np.full(times.sum(), step), np.repeat(sequence, times), np.repeat(neuron, times)])
