"""The integer model of a digital spiking memory: every word that the hardware gives out, and every spike."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.errors import DesignError, check_integer
from lmu_hw.fixed_point.formats import IntArray, Overflow, fit, round_shift
from lmu_hw.spiking.digital.neurons import Draws, IntegrateUnit, PoissonUnit, blocks, draws_of
from lmu_hw.spiking.digital.plan import DigitalSpikingPlan
from lmu_hw.spiking.memory import SpikeTrains


class DigitalSpikingMemory:
    """Sequences through a planned memory, each from rest, its generators at their beginning.

    So a sequence's words depend on the sequence and on the seed alone, in a batch and in hardware, where the first
    sample of a sequence brings everything back to rest.

    Attributes:
        plan: what runs.
        spikes: of the last `run` with `record`, else None.
    """

    def __init__(self, plan: DigitalSpikingPlan, *, seed: int | None = None) -> None:
        """Args:
        plan: what runs.
        seed: of the generators; the plan's by default.
        """
        self.plan = plan
        self.spikes: SpikeTrains | None = None
        self._seed = plan.seed if seed is None else check_integer("seed", seed, 0)

    def run(self, codes: ArrayLike, *, record: bool = False) -> IntArray:
        """State words after each sample.

        Args:
            codes: of the input format, shape (T,) or (batch, T).
            record: keep the spikes in `spikes`.

        Returns:
            Codes of the output format, shape (…, T, order).

        Raises:
            DesignError: the shape is wrong, or a code is out of range.
        """
        plan = self.plan
        given = np.asarray(codes)
        if given.ndim not in (1, 2) or not np.issubdtype(given.dtype, np.integer):
            raise DesignError("codes", "integers of shape (T,) or (batch, T)", f"{given.dtype} of shape {given.shape}")
        rows = fit(np.atleast_2d(given).astype(np.int64), plan.input_format, Overflow.REFUSE)
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
    """The state of a batch, and what turns it into the next."""

    def __init__(self, plan: DigitalSpikingPlan, batch: int, seed: int) -> None:
        self._plan, self._unit = plan, plan.unit
        shape = (batch, plan.ensembles, plan.size)
        self._y = np.zeros((batch, plan.ensembles), dtype=np.int64)
        # The rounding's half goes with the bias, as in hardware.
        shift = plan.current_shift
        self._offset = (plan.bias << np.int64(shift)) + np.int64(1 << (shift - 1))
        if isinstance(self._unit, IntegrateUnit):
            self._voltage = np.broadcast_to(self._unit.phases, shape).copy()
            self._waiting = np.zeros(shape, dtype=np.int64)
        else:
            self._draws = _draws(plan, seed)

    def take(self, codes: IntArray) -> tuple[IntArray, IntArray]:
        """Output words, shape (batch, order), and spikes, shape (batch, ensembles, size), of one step."""
        plan, unit = self._plan, self._unit
        current = plan.gain * self._y[:, :, None]
        current += self._offset
        current >>= np.int64(plan.current_shift)
        if isinstance(unit, PoissonUnit):
            counts = unit.count(current, next(self._draws))
        elif isinstance(unit, IntegrateUnit):
            counts = unit.advance(current, self._voltage, self._waiting)
        else:
            raise DesignError("neurons", "of a kind that the integer model knows", type(unit).__name__)
        decoded = (plan.decoders * counts).sum(axis=2)
        y = self._y << np.int64(plan.state_lift)
        total = decoded @ plan.recurrent.T + (y << np.int64(plan.map_format.fraction)) - plan.leak * y
        total += (codes << np.int64(plan.input_lift))[:, None] * plan.drive
        self._y = fit(round_shift(total, plan.state_narrowing), plan.state_format, Overflow.SATURATE)
        read = (self._y << np.int64(plan.state_lift)) @ plan.transform.T
        return round_shift(read, plan.output_narrowing), counts


def _draws(plan: DigitalSpikingPlan, seed: int) -> Iterator[Draws]:
    """The draws of step after step, shape (ensembles, size, 2·generators)."""
    streams = [blocks(states, plan.slots) for lane in plan.generators(seed) for states in lane]
    while True:
        words = np.stack([next(stream) for stream in streams], axis=1)  # (slots, lanes·generators)
        yield draws_of(words.reshape(plan.ensembles, plan.size, -1))


def _who(step: int, counts: IntArray) -> IntArray:
    """Step, sequence and neuron of every spike, shape (3, spikes)."""
    sequence, neuron = np.nonzero(counts.reshape(counts.shape[0], -1))
    times = counts.reshape(counts.shape[0], -1)[sequence, neuron]
    return np.stack([np.full(times.sum(), step), np.repeat(sequence, times), np.repeat(neuron, times)])
