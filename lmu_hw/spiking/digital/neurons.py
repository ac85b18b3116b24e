"""How digital neurons fire: random words, the integer arithmetic of each kind of neuron, and its plan.

A unit defines the meaning and the grid of its current; `lmu_hw.spiking.digital.plan` describes how the current is
computed. Its methods are the arithmetic of the neuron in integers, for NumPy; `lmu_hw.rtl.spiking` has the same in
hardware. A further kind of neuron is a unit here with a row in `_PLANNERS`, and a unit of the same name in hardware.

Random words come from L'Ecuyer's taus88 (Maximally equidistributed combined Tausworthe generators, Mathematics of
Computation 65, 1996), the same in software and in hardware: three linear feedback shift registers of 31, 29 and 28
bits with primitive polynomials x³¹ + x¹³ + 1, x²⁹ + x² + 1 and x²⁸ + x³ + 1, each of maximal length 2ᵏ − 1, combined
by exclusive or. For each word of 32 bits they advance by 12, 4 and 17 bits at once, all of which are coprime to
their periods. So successive words are no shifts of each other, and the words of a period of
(2³¹ − 1)(2²⁹ − 1)(2²⁸ − 1) ≈ 2⁸⁸ are as evenly distributed in up to 32 dimensions as those of any linear generator of
that size can be, for some 90 exclusive ors a step and no arithmetic.

The step of a register is linear over the field of two elements, s⁺ = M s. Powers of M leap ahead: that is how NumPy
computes many words side by side, and how streams begin 2⁶⁴ words apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
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
    """One of the three registers, in the highest `length` bits of a 32-bit word.

    A word is 32 successive bits of the register's sequence, of which the lowest ones follow from the register.

    Attributes:
        length: The number k of bits of the register.
        tap: The exponent q of the polynomial xᵏ + x^q + 1.
        shift: The number of bits by which a step advances the register.
    """

    length: int
    tap: int
    shift: int

    @property
    def mask(self) -> int:
        """The bits of a word that belong to the register."""
        return (1 << WORD_BITS) - (1 << (WORD_BITS - self.length))

    def advance(self, states: Words) -> Words:
        """The states one step later."""
        kept = (states & np.uint32(self.mask)) << np.uint32(self.shift)
        return np.asarray(kept ^ (((states << np.uint32(self.tap)) ^ states) >> np.uint32(self.length - self.shift)))


REGISTERS = (ShiftRegister(31, 13, 12), ShiftRegister(29, 2, 4), ShiftRegister(28, 3, 17))


def first_states(seed: int, stream: int = 0) -> tuple[int, int, int]:
    """The states of the three registers whose exclusive or is word 0 of a stream.

    Args:
        seed: The seed, 0 or more; states of different seeds are unrelated draws.
        stream: The number of the stream, 0 … 65535; streams of a seed are `STREAM_DISTANCE` words apart.

    Raises:
        DesignError: An argument is out of range.
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
    """The words start … start + count − 1 of the stream that begins with `states`, shape (count,)."""
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
    """Yield block after block of `size` words of a stream, each of shape (size,), without end."""
    at_once = max(1, most // size)
    start = 0
    while True:
        yield from words(states, start, at_once * size).reshape(at_once, size)
        start += at_once * size


def leap(register: ShiftRegister, states: Words, steps: int) -> Words:
    """The states of a register after a further `steps` ≥ 0 steps."""
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
    """The matrix M to the power of 2^power, as what each single bit becomes, shape (32,)."""
    if power == 0:
        return register.advance(np.uint32(1) << np.arange(WORD_BITS, dtype=np.uint32) & np.uint32(register.mask))
    half = _matrix(register, power - 1)
    return _apply(half, half)


def _apply(matrix: Words, states: Words) -> Words:
    result = np.zeros_like(states)
    for bit, column in enumerate(matrix):
        if column:
            result ^= (states >> np.uint32(bit) & np.uint32(1)) * column
    return result


#: The bits of a draw, and of the probability that it is compared with.
DRAW_BITS = 16
_DRAWS_PER_WORD = 2
#: The fractional bits of J − 1, the base-2 logarithm of the number of pieces of the curve in each octave of J − 1, and
#: the bits of a position within a piece.
_CURVE_FRACTION, PIECE_BITS, WITHIN_BITS = 12, 4, 8
#: The fractional bits of a voltage, and of times in units of a step.
VOLTAGE_BITS, TIME_BITS = 16, 8

Draws = NDArray[np.int32]


#: Advances neurons by one step: from currents to numbers of spikes, both of shape (batch, ensembles, size).
Fire = Callable[[IntArray], IntArray]


class NeuronUnit(Protocol):
    """A kind of neuron in integers.

    Attributes:
        spikes: The largest number of spikes of a neuron in a step.
        generators: The number of words of 32 random bits that a neuron takes in a step.
        multiplications: The multiplications for each neuron and step, beside that of the current.
        bits_per_neuron: The bits of memory for each neuron, beside gain, bias and decoder.
        bits_per_lane: The bits of memory that each lane has for all its neurons.
    """

    @property
    def spikes(self) -> int:
        """The largest number of spikes of a neuron in a step."""

    @property
    def generators(self) -> int:
        """The number of words of 32 random bits that a neuron takes in a step."""

    @property
    def multiplications(self) -> int:
        """The multiplications for each neuron and step, beside that of the current."""

    @property
    def bits_per_neuron(self) -> int:
        """The bits of memory that each neuron keeps for itself."""

    @property
    def bits_per_lane(self) -> int:
        """The bits of memory that each lane has for all its neurons."""

    def at_rest(self, shape: tuple[int, int, int], draws: Callable[[], Iterator[Draws]]) -> Fire:
        """Neurons at rest, as a function that advances them by one step.

        Args:
            shape: The number of sequences, of ensembles, and of neurons in an ensemble.
            draws: A function that begins the draws of step after step, shape (ensembles, size, 2·generators).
        """


@dataclass(frozen=True, eq=False)
class PoissonUnit:
    """Random spikes: K draws of 16 bits, each of which is a spike where it is less than p·2^16.

    The count of a step is binomial, with mean λ = K·p = rate·dt exactly and variance λ(1 − λ/K), which approaches the λ
    of a Poisson neuron as K grows; counts are independent from neuron to neuron and from step to step. Probabilities
    are multiples of 2^−16, so rates are multiples of K·2^−16/dt.

    With a table, the current c is J − 1 and p is read off the curve by pieces of straight lines, 16 for each octave of
    c; without, c is p·2^16 itself, limited to its range.

    Attributes:
        spikes: The number K of draws.
        table: The probabilities p·2^16 at c = 2^o·(1 + i/16), which is entry 16·o + i, and one entry beyond the last;
            None for rectified-linear neurons.
    """

    spikes: int
    table: IntArray | None

    @property
    def generators(self) -> int:
        """One word for every two draws, of which its upper half is the first."""
        return -(-self.spikes // _DRAWS_PER_WORD)

    @property
    def multiplications(self) -> int:
        """The one within a piece of the curve, where there is a table."""
        return 0 if self.table is None else 1

    @property
    def bits_per_neuron(self) -> int:
        """No bits, as nothing is kept from step to step."""
        return 0

    @cached_property
    def slopes(self) -> IntArray:
        """How much the table rises within each piece, one fewer than its entries."""
        return np.diff(self.table) if self.table is not None else np.zeros(0, dtype=np.int64)

    @property
    def bits_per_lane(self) -> int:
        """The bits of the table, with the slopes."""
        return 0 if self.table is None else self.slopes.size * (DRAW_BITS + 1 + int(self.slopes.max()).bit_length())

    def chances(self, current: IntArray) -> NDArray[np.int32]:
        """The probabilities p·2^16 for currents of any shape."""
        if self.table is None:
            return np.clip(current, 0, 1 << DRAW_BITS).astype(np.int32)
        # The bits of a double are its octave (the exponent), then the piece, then the position within the piece.
        bits = np.maximum(current, 1).astype(np.float64).view(np.int64)
        entry = (bits >> np.int64(52 - PIECE_BITS)) - (1023 << PIECE_BITS)
        within = bits >> np.int64(52 - PIECE_BITS - WITHIN_BITS) & ((1 << WITHIN_BITS) - 1)
        chance = self.table[entry] + (self.slopes[entry] * within >> np.int64(WITHIN_BITS))
        return np.where(current > 0, chance, 0).astype(np.int32)

    def count(self, current: IntArray, draws: Draws) -> IntArray:
        """The spikes for currents of shape (…, neurons) and draws of shape (…, neurons, 2·generators)."""
        chance = self.chances(current)
        counts = (draws[..., 0] < chance).astype(np.int64)
        for k in range(1, self.spikes):
            counts += draws[..., k] < chance
        return counts

    def at_rest(self, shape: tuple[int, int, int], draws: Callable[[], Iterator[Draws]]) -> Fire:
        """See `NeuronUnit`; every sequence of the batch has the same draws."""
        stream = draws()
        return lambda current: self.count(current, next(stream))


@dataclass(frozen=True, eq=False)
class IntegrateUnit:
    """Regular leaky integrate-and-fire neurons with a refractory period, which fire at most once a step.

    The current c is a·J with a = 1 − e^{−dt/τ_rc}, and voltages v are on the grid of c. In a step that is free of the
    refractory period for a share s, in 1/256,

        v' = max(v + round((c − round(a v)) s/256), 0);

    where v' ≥ 1 the neuron fires, at the time at which the straight line from v to v' reaches 1, rounded down to
    1/256 of a step; from then on it is refractory for τ_ref, and its voltage begins at 0.

    Attributes:
        leak: The leak a, as a code with `leak_fraction` fractional bits.
        leak_fraction: The fractional bits of the leak.
        refractory: The refractory period τ_ref in 1/256 of a step, at least 256.
        phases: The voltages at the beginning, drawn evenly below 1, shape (ensembles, size).
    """

    leak: int
    leak_fraction: int
    refractory: int
    phases: IntArray

    @property
    def spikes(self) -> int:
        """One spike, as the refractory period is no shorter than a step."""
        return 1

    @property
    def generators(self) -> int:
        """None, as nothing is random."""
        return 0

    @property
    def multiplications(self) -> int:
        """Two: by the leak and by the share of the step."""
        return 2

    @property
    def bits_per_neuron(self) -> int:
        """The bits of the voltage, of what is left of the refractory period, and of the voltage at the beginning."""
        return 2 * VOLTAGE_BITS + self.refractory_bits

    @property
    def bits_per_lane(self) -> int:
        """No bits."""
        return 0

    @property
    def refractory_bits(self) -> int:
        """The width of what is left of a refractory period."""
        return self.refractory.bit_length()

    def advance(self, current: IntArray, voltage: IntArray, waiting: IntArray) -> IntArray:
        """Advance by one step, for arrays of one shape; `voltage` and `waiting`, in 1/256 of a step, are changed."""
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

    def at_rest(self, shape: tuple[int, int, int], draws: Callable[[], Iterator[Draws]]) -> Fire:
        """See `NeuronUnit`."""
        voltage, waiting = np.broadcast_to(self.phases, shape).copy(), np.zeros(shape, dtype=np.int64)
        return lambda current: self.advance(current, voltage, waiting)


def draws_of(words: Words) -> Draws:
    """The draws in words of shape (…, generators): shape (…, 2·generators), the upper half of each word first."""
    halves = np.stack([words >> np.uint32(DRAW_BITS), words & np.uint32((1 << DRAW_BITS) - 1)], axis=-1)
    return halves.reshape(*words.shape[:-1], -1).astype(np.int32)


@dataclass(frozen=True, eq=False)
class PlannedNeurons:
    """How the neurons of a design are realised.

    Attributes:
        unit: The kind of neuron in integers.
        gain: The gain of the current that the unit takes, shape (ensembles, size).
        bias: The bias of that current, shape (ensembles, size).
        fraction: The fractional bits of that current.
    """

    unit: NeuronUnit
    gain: Array
    bias: Array
    fraction: int


def plan_neurons(design: SpikingDesign, spikes: int | None, reach: float) -> PlannedNeurons:
    """Plan the neurons of a design.

    Args:
        design: The design that is realised.
        spikes: The largest number of spikes of a Poisson neuron in a step; None for as many as are needed.
        reach: The largest |y|, in radii.

    Raises:
        DesignError: Hardware has no such neurons, or `spikes` is out of range or does not apply to them.
    """
    kind = design.options.kind
    if kind not in _PLANNERS:
        raise DesignError("kind of neuron", "one that fires: poisson-lif, poisson-relu or lif", str(kind))
    return _PLANNERS[kind](design, spikes, reach)


def _most_spikes(design: SpikingDesign, spikes: int | None) -> int:
    """The number of draws of a Poisson neuron in a step: `spikes`, or the mean of the fastest neuron, rounded up."""
    p = design.population
    if spikes is None:
        fastest = float((p.curve.rate(p.gain * REACH + p.bias)).max()) * design.dt
        spikes = max(1, math.ceil(fastest))
    return check_integer("spikes", spikes, 1, 16)


def _plan_rectified(design: SpikingDesign, spikes: int | None, reach: float) -> PlannedNeurons:
    """Poisson neurons with rectified-linear rates: the current is the probability itself."""
    p, most = design.population, _most_spikes(design, spikes)
    scale = design.dt / most
    return PlannedNeurons(PoissonUnit(most, None), p.gain * scale, p.bias * scale, DRAW_BITS)


def _plan_curve(design: SpikingDesign, spikes: int | None, reach: float) -> PlannedNeurons:
    """Poisson neurons with the rates of leaky integrate-and-fire neurons, from a table of their curve."""
    p, most = design.population, _most_spikes(design, spikes)
    # The table ends where no current within `reach` radii comes; a code more for its roundings.
    most_over = float((p.gain * reach + np.abs(p.bias)).max())
    octaves = int(most_over * 1.001 * (1 << _CURVE_FRACTION) + 2.0).bit_length()
    entries = np.arange((octaves << PIECE_BITS) + 1)
    octave, piece = np.divmod(entries, 1 << PIECE_BITS)
    over = np.ldexp(1.0 + piece / (1 << PIECE_BITS), octave - _CURVE_FRACTION)
    chances = np.rint(np.minimum(p.curve.rate(1.0 + over) * (design.dt / most), 1.0) * (1 << DRAW_BITS))
    return PlannedNeurons(PoissonUnit(most, chances.astype(np.int64)), p.gain, p.bias - 1.0, _CURVE_FRACTION)


def _plan_regular(design: SpikingDesign, spikes: int | None, reach: float) -> PlannedNeurons:
    """Regular leaky integrate-and-fire neurons."""
    p, dt = design.population, design.dt
    if not isinstance(p.curve, LeakyIntegrateAndFire):
        raise DesignError("curve of lif neurons", "LeakyIntegrateAndFire", type(p.curve).__name__)
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
    return PlannedNeurons(unit, p.gain * leak, p.bias * leak, VOLTAGE_BITS)


#: How the neurons of each kind that hardware has are planned.
_PLANNERS: Mapping[NeuronKind, Callable[[SpikingDesign, int | None, float], PlannedNeurons]] = {
    NeuronKind.POISSON_LIF: _plan_curve,
    NeuronKind.POISSON_RELU: _plan_rectified,
    NeuronKind.LIF: _plan_regular,
}
