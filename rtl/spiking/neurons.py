"""Pipelined units of neurons: a current in every cycle, and a fixed number of cycles later the spikes of that neuron.

A unit serves one lane, and computes the lane's neurons one after the other, each once a step. `ChanceUnit` and
`CurveUnit` realise `PoissonUnit` of `lmu_hw.spiking.digital.neurons`, which has the formulas, without and with a table;
`VoltageUnit` realises `IntegrateUnit`.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from lmu_hw.errors import DesignError
from lmu_hw.rtl.primitives.arithmetic import delayed, extend, round_shift
from lmu_hw.rtl.primitives.bundles import ABSENT, Component, Fields
from lmu_hw.rtl.primitives.indices import index_signal
from lmu_hw.rtl.primitives.stages import Stage
from lmu_hw.rtl.primitives.storage import storage
from lmu_hw.spiking.digital.neurons import (
    DRAW_BITS,
    PIECE_BITS,
    REGISTERS,
    TIME_BITS,
    VOLTAGE_BITS,
    WITHIN_BITS,
    WORD_BITS,
    IntegrateUnit,
    PoissonUnit,
)
from lmu_hw.spiking.digital.plan import DigitalSpikingPlan


class WordGenerator(Component):
    """Generator of 32-bit random words, L'Ecuyer's taus88: three shift registers and about 90 exclusive ors.

    Args:
        states: The states of the registers at the beginning of the stream, from `first_states`.

    Attributes:
        restart: In(1), high to begin the stream again in the next cycle; it takes precedence over `advance`.
        advance: In(1), high in a cycle in which the word is used, so that the next one follows.
        word: Out(32), the current word, which after reset and after `restart` is word 0 of the stream.
    """

    def __init__(self, states: tuple[int, int, int]) -> None:
        self._states = states
        super().__init__({"restart": In(1), "advance": In(1), "word": Out(WORD_BITS)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        word = Const(0, WORD_BITS)
        for k, (register, first) in enumerate(zip(REGISTERS, self._states, strict=True)):
            state = Signal(WORD_BITS, init=first, name=f"register_{k}")
            low = register.length - register.shift
            fed_back = (Cat(Const(0, register.tap), state[: WORD_BITS - register.tap]) ^ state)[low:]
            # A register has the upper `length` bits of the word; the lower bits are left out when it is shifted.
            none = WORD_BITS - register.length
            kept = Cat(Const(0, register.shift + none), state[none : WORD_BITS - register.shift])
            with m.If(self.restart):
                m.d.sync += state.eq(first)
            with m.Elif(self.advance):
                m.d.sync += state.eq(kept ^ fed_back)
            word = word ^ state
        m.d.comb += self.word.eq(word)
        return m


_DIVISION = 1 + TIME_BITS + 1
"""Cycles from COUNT of `VoltageStage` to the quotient.

One is for the product that is the dividend, and one for each of the TIME_BITS + 1 bits of the quotient.
"""


class Unit(Component):
    """A unit of neurons: turns the currents of a lane's neurons, one after the other, into counts of spikes.

    Args:
        plan: The plan of the spiking memory.
        lane: The number of the lane.

    Attributes:
        valid: In(1), high in a cycle in which the current of a neuron is there.
        next_slot: In, the slot of the neuron whose current comes in the next cycle.
        clear: In(1), high in a step in which the neurons begin at rest.
        restart: In(1), high where the random generators begin their streams again; only while the unit is idle.
        current: In, the current of the neuron, in the plan's current format.
        count: Out, the number of spikes of the neuron in this step, `latency` cycles after its current.
    """

    def __init__(self, plan: DigitalSpikingPlan, lane: int) -> None:
        self._plan, self._lane = plan, lane
        super().__init__(
            {
                "valid": In(1),
                "next_slot": In(range(plan.slots)),
                "clear": In(1),
                "restart": In(1),
                "current": In(signed(plan.current_format.width)),
                "count": Out(range(plan.unit.spikes + 1)),
            }
        )

    @staticmethod
    @abstractmethod
    def latency(plan: DigitalSpikingPlan) -> int:
        """Cycles from a current to the count of spikes that it causes."""

    @staticmethod
    @abstractmethod
    def drain(plan: DigitalSpikingPlan) -> int:
        """Cycles from a current to the last of its effects, such as the write-back of a voltage; at least `latency`."""

    @abstractmethod
    def elaborate(self, platform: object) -> Module:
        """The logic of the unit."""


class ChanceUnit(Unit):
    """Poisson neurons with a rectified-linear tuning curve: the current is the probability of a spike in each draw.

    Two stages: the current, limited to 0 … 2^DRAW_BITS, is the chance; then the draws are compared with it and counted.
    Latency: 2 cycles. A neuron of the lane every cycle.
    """

    chance_latency: ClassVar[int] = 1
    """Cycles from the current to the chance of a spike, through the register behind the limiter."""

    @staticmethod
    def latency(plan: DigitalSpikingPlan) -> int:
        """The stage of the chance and that of the count."""
        return ChanceUnit.chance_latency + 1

    @staticmethod
    def drain(plan: DigitalSpikingPlan) -> int:
        """The latency, because nothing is kept for the next step."""
        return ChanceUnit.latency(plan)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        chance = Signal(DRAW_BITS + 1)
        whole = 1 << DRAW_BITS
        m.d.sync += chance.eq(Mux(self.current < 0, 0, Mux(self.current > whole, whole, self.current)))
        _draw(m, self, self._plan, self._lane, chance, self.chance_latency)
        return m


class CurveStage(Stage):
    """The stages of a tabulated tuning curve, from a current to the chance of a spike."""

    OCTAVE = "the current is there; the position of its leading one is its octave"
    NORMALISE = "the current is shifted until the bits after its leading one are the lowest bits"
    LOOKUP = "the upper bits after the leading one are the piece of the octave, whose row of the table is addressed"
    INTERPOLATE = "value and slope of the piece are there; the slope is multiplied by the lower bits and added"
    CHANCE = "the chance is there and is compared with the draws"


class CurveUnit(Unit):
    """Poisson neurons with a tabulated tuning curve: straight pieces, equally many in each octave of the current.

    The leading one of the current is its octave, the next PIECE_BITS bits are the piece of the octave, and the
    WITHIN_BITS bits below are the position within the piece.

    Latency: 5 cycles, four from the current to the chance and one to count the draws. A neuron of the lane every cycle.
    """

    chance_latency: ClassVar[int] = CurveStage.CHANCE - CurveStage.OCTAVE
    """Cycles from the current to the chance of a spike."""

    @staticmethod
    def latency(plan: DigitalSpikingPlan) -> int:
        """The stages up to the chance and that of the count."""
        return CurveUnit.chance_latency + 1

    @staticmethod
    def drain(plan: DigitalSpikingPlan) -> int:
        """The latency, because nothing is kept for the next step."""
        return CurveUnit.latency(plan)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        unit = self._plan.unit
        if not isinstance(unit, PoissonUnit) or unit.table is None:
            raise DesignError("neurons", "of a kind with a table", type(unit).__name__)
        values, slopes = unit.table[:-1].tolist(), unit.slopes.tolist()
        octaves = len(slopes) >> PIECE_BITS
        row = Fields({"value": DRAW_BITS + 1, "slope": bits_for(max(slopes))})
        rows = [{"value": value, "slope": slope} for value, slope in zip(values, slopes, strict=True)]
        m.submodules.table = table = storage(row, len(slopes), rows)
        piece = table.read_port()

        # OCTAVE. No current reaches beyond the last octave of the table, so higher bits than its leading one are not
        # looked at.
        octave = index_signal(octaves, "octave")
        magnitude = Signal(octaves)
        bits = extend(self.current, max(octaves, len(self.current)))[:octaves]
        for k in range(octaves):
            with m.If(bits[k]):
                m.d.sync += octave.eq(k)
        m.d.sync += magnitude.eq(Mux(self.current > 0, bits, 0))

        # NORMALISE
        below = PIECE_BITS + WITHIN_BITS  # the number of bits after the leading one that are used
        after_leading = Signal(below)
        lookup_octave = delayed(m, octave, 1, "lookup_octave")
        lookup_positive = Signal()
        m.d.sync += [
            after_leading.eq((Cat(Const(0, below), magnitude) >> octave)[:below]),
            lookup_positive.eq(magnitude != 0),
        ]

        # LOOKUP, INTERPOLATE
        m.d.comb += piece.addr.eq(Cat(after_leading[WITHIN_BITS:], lookup_octave))
        within = Signal(WITHIN_BITS)
        positive = Signal()
        chance = Signal(DRAW_BITS + 1)
        m.d.sync += [
            within.eq(after_leading[:WITHIN_BITS]),
            positive.eq(lookup_positive),
            chance.eq(Mux(positive, piece.data.value + ((piece.data.slope * within) >> WITHIN_BITS), 0)),
        ]
        _draw(m, self, self._plan, self._lane, chance, self.chance_latency)
        return m


class VoltageStage(Stage):
    """The stages of an integrate-and-fire neuron from its current to its spike; a division follows, bit by bit."""

    LEAK = "current, voltage and refractory time are there; leak and the share of the step after it are computed"
    RISE = "the gain of the voltage in a whole step, which is the current minus the leak, is computed"
    SCALE = "the gain is multiplied by the share of the step that is left after the refractory time"
    FIRE = "voltage and gain are added and compared with the threshold"
    COUNT = "the spike is there; overshoot and share are multiplied to the dividend"


class VoltageUnit(Unit):
    """Regular leaky integrate-and-fire neurons, with voltages and refractory times in a memory of the lane.

    The refractory time of a neuron counts from the moment within the step at which it fired, which lies overshoot/gain
    of the share of the step before its end. This division has a pipeline of its own, one stage for each bit of the
    quotient, and at its end voltage and refractory time are written back.

    Latency: 4 cycles; the write-back comes one cycle for each bit of the quotient later. A neuron of the lane every
    cycle.

    Two neurons, with the 9 bits of the quotient numbered from the highest one:

    ```wavedrom
    {"signal": [
      {"name": "clk",        "wave": "p................"},
      {"name": "next_slot",  "wave": "34xxxxxxxxxxxxxxx", "data": ["n", "n+1"]},
      {"name": "LEAK",       "wave": "x34xxxxxxxxxxxxxx", "data": ["n", "n+1"]},
      {"name": "RISE",       "wave": "xx34xxxxxxxxxxxxx", "data": ["n", "n+1"]},
      {"name": "SCALE",      "wave": "xxx34xxxxxxxxxxxx", "data": ["n", "n+1"]},
      {"name": "FIRE",       "wave": "xxxx34xxxxxxxxxxx", "data": ["n", "n+1"]},
      {"name": "COUNT",      "wave": "xxxxx34xxxxxxxxxx", "data": ["n", "n+1"]},
      {"name": "bit 8",      "wave": "xxxxxx34xxxxxxxxx", "data": ["n", "n+1"]},
      {"name": "bit 0",      "wave": "xxxxxxxxxxxxxx34x", "data": ["n", "n+1"]},
      {"name": "write-back", "wave": "xxxxxxxxxxxxxxx34", "data": ["n", "n+1"]}]}
    ```
    """

    @staticmethod
    def latency(plan: DigitalSpikingPlan) -> int:
        """The stages from LEAK to COUNT."""
        return VoltageStage.COUNT - VoltageStage.LEAK

    @staticmethod
    def drain(plan: DigitalSpikingPlan) -> int:
        """The latency and the division, whose result is written back."""
        return VoltageUnit.latency(plan) + _DIVISION

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, unit = self._plan, self._plan.unit
        if not isinstance(unit, IntegrateUnit):
            raise DesignError("neurons", "regular ones", type(unit).__name__)
        whole, one = 1 << TIME_BITS, 1 << VOLTAGE_BITS  # a whole step, and the threshold
        row = Fields({"voltage": VOLTAGE_BITS, "waiting": unit.refractory_bits})
        m.submodules.state = state = storage(row, plan.slots)
        phases = unit.phases.reshape(plan.slots, plan.lanes)[:, self._lane].tolist()
        m.submodules.phases = rom = storage(VOLTAGE_BITS, plan.slots, phases)
        state_read = state.read_port()
        state_write = state.write_port()
        phase = rom.read_port()
        m.d.comb += [state_read.addr.eq(self.next_slot), phase.addr.eq(self.next_slot)]

        # LEAK
        voltage = Signal(VOLTAGE_BITS)
        waiting = Signal(unit.refractory_bits)  # the refractory time that is left at the beginning of the step
        m.d.comb += [
            voltage.eq(Mux(self.clear, phase.data, state_read.data.voltage)),
            waiting.eq(Mux(self.clear, 0, state_read.data.waiting)),
        ]
        leak = Signal(VOLTAGE_BITS + bits_for(unit.leak))
        share = Signal(range(whole + 1))  # the share of the step after the refractory time
        still_waiting = Signal.like(waiting)
        m.d.sync += [
            leak.eq(voltage * unit.leak),
            share.eq(Mux(waiting >= whole, 0, whole - waiting)),
            still_waiting.eq(Mux(waiting >= whole, waiting - whole, 0)),
        ]

        # RISE, SCALE
        current = delayed(m, self.current, 1, "current")
        rise = Signal(signed(plan.current_format.width + 1))
        m.d.sync += rise.eq(current - round_shift(leak, unit.leak_fraction))
        scaled = Signal(signed(len(rise) + len(share)))
        share_in_scale = delayed(m, share, 1, "share_in_scale")
        m.d.sync += scaled.eq(rise * share_in_scale)

        # FIRE
        gain = round_shift(scaled, TIME_BITS)
        reached = Signal(signed(len(rise) + 2))
        m.d.comb += reached.eq(gain + delayed(m, voltage, VoltageStage.FIRE - VoltageStage.LEAK, "held_voltage"))
        fired = Signal()
        kept = Signal(VOLTAGE_BITS)
        overshoot = Signal(len(reached))
        last_gain = Signal(len(rise) + 1)
        m.d.sync += [
            fired.eq(reached >= one),
            kept.eq(Mux((reached < 0) | (reached >= one), 0, reached)),
            overshoot.eq(reached - one),
            last_gain.eq(gain),
        ]
        m.d.comb += self.count.eq(fired)

        # The division, from COUNT on: overshoot·share/gain is the time from the spike to the end of the step.
        share_in_count = delayed(m, share_in_scale, VoltageStage.COUNT - VoltageStage.SCALE, "share_in_count")
        dividend = Signal(len(overshoot) + TIME_BITS + 1)
        m.d.sync += dividend.eq(overshoot * share_in_count)
        remainder, divisor = dividend, delayed(m, last_gain, 1, "divisor")
        quotient: Value = ABSENT
        for k in reversed(range(TIME_BITS + 1)):
            fits = remainder >= (divisor << k)
            smaller = Signal(len(remainder), name=f"remainder_{k}")
            quotient_bit = Signal(name=f"quotient_bit_{k}")
            m.d.sync += [smaller.eq(Mux(fits, remainder - (divisor << k), remainder)), quotient_bit.eq(fits)]
            divisor = delayed(m, divisor, 1, f"divisor_{k}")
            quotient = Cat(quotient_bit, delayed(m, quotient, 1, f"quotient_{k}"))
            remainder = smaller

        # The write-back, `drain` cycles after LEAK.
        drain = self.drain(plan)
        refractory = unit.refractory - quotient
        m.d.comb += [
            state_write.addr.eq(delayed(m, self.next_slot, 1 + drain, "slot")),
            state_write.en.eq(delayed(m, self.valid, drain, "valid")),
            state_write.data.voltage.eq(delayed(m, kept, _DIVISION, "kept")),
            state_write.data.waiting.eq(
                Mux(
                    delayed(m, fired, _DIVISION, "fired"),
                    refractory,
                    delayed(m, still_waiting, drain - 1, "still_waiting"),
                )
            ),
        ]
        return m


def unit_for(plan: DigitalSpikingPlan) -> type[Unit]:
    """The class of unit that realises the neurons of a plan.

    Raises:
        DesignError: The neurons are of a kind that has no hardware.
    """
    if isinstance(plan.unit, IntegrateUnit):
        return VoltageUnit
    if isinstance(plan.unit, PoissonUnit):
        return ChanceUnit if plan.unit.table is None else CurveUnit
    raise DesignError("neurons", "of a kind that hardware knows", type(plan.unit).__name__)


def _draw(m: Module, unit: Unit, plan: DigitalSpikingPlan, lane: int, chance: Value, latency: int) -> None:
    """Drive the count of a Poisson unit: draw as often as a neuron can fire in a step, and count the spikes.

    Args:
        m: The module that the generators are added to.
        unit: The unit whose count is driven, one cycle after the chance.
        plan: The plan of the spiking memory.
        lane: The number of the lane, which selects the streams of random words.
        chance: The probability p of a spike in each draw, as p·2^DRAW_BITS.
        latency: The number of cycles from the current to `chance`.
    """
    use = delayed(m, unit.valid, latency, "use")
    halves = []
    for k, states in enumerate(plan.generators()[lane]):
        m.submodules[f"generator_{k}"] = generator = WordGenerator(states)
        m.d.comb += [generator.restart.eq(unit.restart), generator.advance.eq(use)]
        halves += [generator.word[DRAW_BITS:], generator.word[:DRAW_BITS]]
    hits: list[Value] = [half < chance for half in halves[: plan.unit.spikes]]
    m.d.sync += unit.count.eq(sum(hits[1:], hits[0]))


def count_bits(plan: DigitalSpikingPlan) -> int:
    """The width in bits of the number of spikes of a neuron in a step."""
    return plan.unit.spikes.bit_length()
