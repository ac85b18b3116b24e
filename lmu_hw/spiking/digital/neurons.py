"""How digital neurons fire: the integer rules of each kind, and what they need to know.

A unit says what its current stands for and on which grid; see `lmu_hw.spiking.digital.plan` for how that is made.
Its methods are the rule in integers, for NumPy; `lmu_hw.rtl.spiking` has the same in hardware.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError, check_integer
from lmu_hw.fixed_point.formats import IntArray, round_shift
from lmu_hw.spiking.design import SpikingDesign
from lmu_hw.spiking.neurons import NeuronKind
from lmu_hw.spiking.population import REACH
from lmu_hw.spiking.tuning import LeakyIntegrateAndFire

Words = NDArray[np.uint32]

#: Words from the beginning of one stream of a seed to that of the next.
STREAM_DISTANCE = 1 << 64
WORD_BITS = 32
_MOST_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class ShiftRegister:
    """One component, in the highest `length` bits of a 32-bit word, by L'Ecuyer's three shifts.

    A word is 32 successive bits of the register's sequence: the lowest ones follow from the register.

    Attributes:
        length: k, bits of the register.
        tap: q of the polynomial xᵏ + x^q + 1.
        fraction_bits: s, how far a step moves it.
    """

    length: int
    tap: int
    fraction_bits: int

    @property
    def mask(self) -> int:
        """The bits that belong to the register."""
        return (1 << WORD_BITS) - (1 << (WORD_BITS - self.length))

    def advance(self, states: Words) -> Words:
        """The states one step later."""
        kept = (states & np.uint32(self.mask)) << np.uint32(self.fraction_bits)
        return np.asarray(
            kept ^ (((states << np.uint32(self.tap)) ^ states) >> np.uint32(self.length - self.fraction_bits))
        )


REGISTERS = (ShiftRegister(31, 13, 12), ShiftRegister(29, 2, 4), ShiftRegister(28, 3, 17))


def first_states(seed: int, stream: int = 0) -> tuple[int, int, int]:
    """States of the three registers whose exclusive or is word 0 of a stream.

    Args:
        seed: 0 or more; states of different seeds are unrelated draws.
        stream: 0 … 65535; streams of a seed are `STREAM_DISTANCE` words apart.

    Raises:
        DesignError: an argument is out of range.
    """
    seed, stream = check_integer("seed", seed, 0), check_integer("stream", stream, 0, 65535)
    drawn = np.random.SeedSequence((seed, 2)).generate_state(3, np.uint32)
    states = []
    for register, start in zip(REGISTERS, drawn.tolist(), strict=True):
        chosen = (start & register.mask) or (1 << (WORD_BITS - 1))
        # The bits of a word below its register follow from those above, but only once it has moved.
        state = register.advance(np.array([chosen], dtype=np.uint32))
        states.append(int(leap(register, state, stream * STREAM_DISTANCE)[0]))
    return states[0], states[1], states[2]


def words(states: tuple[int, int, int], start: int, count: int) -> Words:
    """Words start … start + count − 1 of the stream that begins with `states`, shape (count,)."""
    if count == 0:
        return np.zeros(0, dtype=np.uint32)
    # Rows of a table, computed side by side: about as many as columns, at most some thousands.
    columns = max(1, min(round(count**0.5), 256))
    rows = -(-count // columns)
    table = np.zeros((columns, rows), dtype=np.uint32)
    for register, first in zip(REGISTERS, states, strict=True):
        state = np.zeros(rows, dtype=np.uint32)
        state[0] = leap(register, np.array([first], dtype=np.uint32), start)[0]
        filled = 1
        while filled < rows:
            part = min(filled, rows - filled)
            state[filled : filled + part] = leap(register, state[:part], columns * filled)
            filled += part
        for row in table:
            row ^= state
            state = register.advance(state)
    return np.asarray(table.T.reshape(-1)[:count])


def blocks(states: tuple[int, int, int], size: int, most: int = _MOST_AT_ONCE) -> Iterator[Words]:
    """Blocks of `size` words of a stream, one after the other, each of shape (size,), without end."""
    at_once = max(1, most // size)
    start = 0
    while True:
        yield from words(states, start, at_once * size).reshape(at_once, size)
        start += at_once * size


def leap(register: ShiftRegister, states: Words, steps: int) -> Words:
    """The states of a register `steps` ≥ 0 steps later."""
    steps %= (1 << register.length) - 1
    states = states & np.uint32(register.mask) if steps else states
    power = 0
    while steps >> power:
        if steps >> power & 1:
            states = _apply(_matrix(register, power), states)
        power += 1
    return states


@lru_cache(maxsize=256)
def _matrix(register: ShiftRegister, power: int) -> Words:
    """M to the power of 2^power: what each single bit becomes, shape (32,)."""
    if power == 0:
        return register.advance(np.uint32(1) << np.arange(WORD_BITS, dtype=np.uint32) & np.uint32(register.mask))
    half = _matrix(register, power - 1)
    return _apply(half, half)


def _apply(matrix: Words, states: Words) -> Words:
    result = np.zeros_like(states)
    for bit, image in enumerate(matrix):
        if image:
            result ^= (states >> np.uint32(bit) & np.uint32(1)) * image
    return result


#: Bits of a draw, and of the chance that it decides on.
DRAW_BITS = 16
_DRAWS_PER_WORD = 2
#: Binary places of J − 1, pieces of the curve in each octave of it (a power of two), and places within a piece.
_CURVE_FRACTION, PIECE_BITS, WITHIN_BITS = 12, 4, 8
#: Binary places of a voltage, and of times in steps.
VOLTAGE_BITS, TIME_BITS = 16, 8

Draws = NDArray[np.int32]


class NeuronUnit(Protocol):
    """A kind of neuron in integers.

    Attributes:
        spikes: most in a step.
        generators: words of 32 random bits that a neuron takes in a step.
        multiplications: for each neuron and step, beside the current's.
        bits_per_neuron, bits_per_lane: of memory, beside gains, biases and decoders.
    """

    @property
    def spikes(self) -> int:
        """Most spikes of a neuron in a step."""

    @property
    def generators(self) -> int:
        """Words of 32 random bits that a neuron takes in a step."""

    @property
    def multiplications(self) -> int:
        """For each neuron and step, beside that of the current."""

    @property
    def bits_per_neuron(self) -> int:
        """Bits of memory that each neuron keeps for itself."""

    @property
    def bits_per_lane(self) -> int:
        """Bits of memory that each lane has for all its neurons."""


@dataclass(frozen=True, eq=False)
class PoissonUnit:
    """Spikes by chance: K draws of 16 bits, each a spike where it is less than p·2^16.

    The count of a step is binomial, with mean λ = K·p = rate·dt exactly and variance λ(1 − λ/K), which is a Poisson
    neuron's λ as K grows; independent from neuron to neuron and from step to step. Chances are multiples of 2^−16,
    that is, rates multiples of K·2^−16/dt.

    With a table, c is J − 1 and p is read off the curve by pieces of straight lines, 16 for each octave of c; without,
    c is p·2^16 itself, brought into range.

    Attributes:
        spikes: K.
        table: p·2^16 at c = 2^o·(1 + i/16), entry 16·o + i, and one beyond the last; None for rectified-linear.
    """

    spikes: int
    table: IntArray | None

    @property
    def generators(self) -> int:
        """Each of its words makes two draws, of which the upper half is the first."""
        return -(-self.spikes // _DRAWS_PER_WORD)

    @property
    def multiplications(self) -> int:
        """Within a piece of the curve."""
        return 0 if self.table is None else 1

    @property
    def bits_per_neuron(self) -> int:
        """Nothing is kept from step to step."""
        return 0

    @cached_property
    def slopes(self) -> IntArray:
        """How much the table rises within each piece, one fewer than its entries."""
        return np.diff(self.table) if self.table is not None else np.zeros(0, dtype=np.int64)

    @property
    def bits_per_lane(self) -> int:
        """The table, with the slopes."""
        return 0 if self.table is None else self.slopes.size * (DRAW_BITS + 1 + int(self.slopes.max()).bit_length())

    def chances(self, current: IntArray) -> NDArray[np.int32]:
        """p·2^16 for currents of any shape."""
        if self.table is None:
            return np.clip(current, 0, 1 << DRAW_BITS).astype(np.int32)
        # A double holds its number as octave, piece and place within it, one after the other.
        bits = np.maximum(current, 1).astype(np.float64).view(np.int64)
        entry = (bits >> np.int64(52 - PIECE_BITS)) - (1023 << PIECE_BITS)
        within = bits >> np.int64(52 - PIECE_BITS - WITHIN_BITS) & ((1 << WITHIN_BITS) - 1)
        chance = self.table[entry] + (self.slopes[entry] * within >> np.int64(WITHIN_BITS))
        return np.where(current > 0, chance, 0).astype(np.int32)

    def count(self, current: IntArray, draws: Draws) -> IntArray:
        """Spikes for currents of shape (…, neurons) and draws of shape (…, neurons, 2·generators)."""
        chance = self.chances(current)
        counts = (draws[..., 0] < chance).astype(np.int64)
        for k in range(1, self.spikes):
            counts += draws[..., k] < chance
        return counts


@dataclass(frozen=True, eq=False)
class IntegrateUnit:
    """Regular leaky integrate-and-fire neurons with a refractory period, at most one spike a step.

    c is a·J with a = 1 − e^{−dt/τ_rc}, and voltages v have the grid of c. In a step that is free of the refractory
    period for a share s, in 1/256,

        v' = max(v + round((c − round(a v)) s/256), 0);

    where v' ≥ 1 the neuron fires, at the time at which the straight line from v to v' reaches 1, rounded down to
    1/256 of a step; from then on it is refractory for τ_ref, and its voltage begins at 0.

    Attributes:
        leak: a, `leak_fraction` fractional bits.
        refractory: τ_ref in 1/256 of a step, at least 256.
        phases: voltages at the beginning, evenly drawn below 1, shape (ensembles, size).
    """

    leak: int
    leak_fraction: int
    refractory: int
    phases: IntArray

    @property
    def spikes(self) -> int:
        """The refractory period is no shorter than a step."""
        return 1

    @property
    def generators(self) -> int:
        """Nothing is left to chance."""
        return 0

    @property
    def multiplications(self) -> int:
        """By the leak and by the share of the step."""
        return 2

    @property
    def bits_per_neuron(self) -> int:
        """Voltage, what is left of the refractory period, and the voltage at the beginning."""
        return 2 * VOLTAGE_BITS + self.refractory_bits

    @property
    def bits_per_lane(self) -> int:
        """None."""
        return 0

    @property
    def refractory_bits(self) -> int:
        """Width of what is left of a refractory period."""
        return self.refractory.bit_length()

    def advance(self, current: IntArray, voltage: IntArray, waiting: IntArray) -> IntArray:
        """One step: spikes, for arrays of one shape; `voltage` and `waiting` (1/256 of a step) are changed."""
        whole = 1 << TIME_BITS
        share = np.maximum(whole - waiting, 0)
        waiting -= whole
        np.maximum(waiting, 0, out=waiting)
        moved = round_shift((current - round_shift(voltage * self.leak, self.leak_fraction)) * share, TIME_BITS)
        voltage += moved
        np.maximum(voltage, 0, out=voltage)
        fired = voltage >> np.int64(VOLTAGE_BITS) > 0
        over = voltage[fired] - (1 << VOLTAGE_BITS)
        waiting[fired] = self.refractory - share[fired] * over // moved[fired]
        voltage[fired] = 0
        return fired.astype(np.int64)


def draws_of(words: Words) -> Draws:
    """The draws in words of shape (…, generators): shape (…, 2·generators), the upper half of each word first."""
    halves = np.stack([words >> np.uint32(DRAW_BITS), words & np.uint32((1 << DRAW_BITS) - 1)], axis=-1)
    return halves.reshape(*words.shape[:-1], -1).astype(np.int32)


def plan_neurons(design: SpikingDesign, spikes: int | None, reach: float) -> tuple[NeuronUnit, Array, Array, int]:
    """The unit of a design's neurons, and what their currents are.

    Args:
        design: what is realised.
        spikes: most spikes of a Poisson neuron in a step; None for enough.
        reach: the largest |y|, radii.

    Returns:
        The unit; gain and bias of the current it takes, shape (ensembles, size); the current's fractional bits.

    Raises:
        DesignError: hardware has no such neurons, or `spikes` is out of range or not asked for.
    """
    kind, p, dt = design.options.kind, design.population, design.dt
    if kind.random:
        fastest = float((p.curve.rate(p.gain * REACH + p.bias)).max()) * dt
        most = max(1, math.ceil(fastest)) if spikes is None else spikes
        most = check_integer("spikes", most, 1, 16)
        scale = dt / most
        if kind is NeuronKind.POISSON_RELU:
            whole = float(1 << DRAW_BITS)
            return PoissonUnit(most, None), p.gain * scale, p.bias * scale, int(math.log2(whole))
        # The table ends where no current within `reach` radii comes; a code more for its roundings.
        most_over = float((p.gain * reach + np.abs(p.bias)).max())
        octaves = int(most_over * 1.001 * (1 << _CURVE_FRACTION) + 2.0).bit_length()
        entries = np.arange((octaves << PIECE_BITS) + 1)
        octave, piece = np.divmod(entries, 1 << PIECE_BITS)
        over = np.ldexp(1.0 + piece / (1 << PIECE_BITS), octave - _CURVE_FRACTION)
        chances = np.rint(np.minimum(p.curve.rate(1.0 + over) * scale, 1.0) * (1 << DRAW_BITS))
        return PoissonUnit(most, chances.astype(np.int64)), p.gain, p.bias - 1.0, _CURVE_FRACTION
    if kind is not NeuronKind.LIF or not isinstance(p.curve, LeakyIntegrateAndFire):
        raise DesignError("kind of neuron", "one that fires: poisson-lif, poisson-relu or lif", str(kind))
    if spikes is not None:
        raise DesignError("spikes", "left to the refractory period for regular neurons", spikes)
    if p.curve.tau_ref < dt:
        raise DesignError("dt", f"at most the refractory period, {p.curve.tau_ref:g} s, for regular neurons", dt)
    leak = -math.expm1(-dt / p.curve.tau_rc)
    fraction_bits = VOLTAGE_BITS - math.frexp(leak)[1]
    rng = np.random.default_rng(np.random.SeedSequence((design.options.seed, 3)))
    unit = IntegrateUnit(
        round(leak * 2.0**fraction_bits),
        fraction_bits,
        round(p.curve.tau_ref / dt * (1 << TIME_BITS)),
        rng.integers(0, 1 << VOLTAGE_BITS, p.gain.shape),
    )
    return unit, p.gain * leak, p.bias * leak, VOLTAGE_BITS
