"""Neurons in a pipeline: a current in every cycle, and some cycles later the spikes of that neuron.

Each unit follows the rule of its namesake in `lmu_hw.spiking.digital.neurons`, which has the formulas. It serves one
lane: the neurons of its slots one after the other, once a step.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import memory, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from lmu_hw.errors import DesignError
from lmu_hw.rtl.primitives.arithmetic import delayed, extend, round_shift
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


class WordGenerator(wiring.Component):
    """A word in every cycle in which `advance` is high: three shift registers and about 90 exclusive ors.

    Args:
        states: of the registers at the beginning, from `first_states`.

    Attributes:
        restart: begin again, In(1); goes before `advance`.
        advance: the word is used, In(1).
        word: the current one, Out(32); after reset and `restart` word 0 of the stream.
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
            # The mask leaves out the lowest bits of the word, which no register has.
            none = WORD_BITS - register.length
            kept = Cat(Const(0, register.shift + none), state[none : WORD_BITS - register.shift])
            with m.If(self.restart):
                m.d.sync += state.eq(first)
            with m.Elif(self.advance):
                m.d.sync += state.eq(kept ^ fed_back)
            word = word ^ state
        m.d.comb += self.word.eq(word)
        return m


#: Cycles of a division after the spike is known: a product, and one for each bit of the quotient.
_DIVISION = 1 + TIME_BITS + 1


class Unit(wiring.Component):
    """What the units of all kinds have in common.

    Attributes:
        valid: a neuron's current is there, In(1).
        next_slot: slot of the current that comes in the next cycle, In.
        fresh: the neurons begin at rest in this step, In(1).
        restart: the generators begin again, In(1); while no neuron is under way.
        current: of the neuron, In.
        count: its spikes, Out, `latency` cycles later.
    """

    def __init__(self, plan: DigitalSpikingPlan, lane: int) -> None:
        self._plan, self._lane = plan, lane
        super().__init__(
            {
                "valid": In(1),
                "next_slot": In(range(plan.slots)),
                "fresh": In(1),
                "restart": In(1),
                "current": In(signed(plan.current_format.width)),
                "count": Out(range(plan.unit.spikes + 1)),
            }
        )

    @staticmethod
    @abstractmethod
    def latency(plan: DigitalSpikingPlan) -> int:
        """Cycles from a current to its spikes."""

    @staticmethod
    @abstractmethod
    def drain(plan: DigitalSpikingPlan) -> int:
        """Cycles from a current to the end of everything that it sets going, at least `latency`."""

    @abstractmethod
    def elaborate(self, platform: object) -> Module:
        """The unit's logic."""


class ChanceUnit(Unit):
    """Poisson neurons with a rectified-linear curve: the current is the chance."""

    #: Cycles from the current to the chance.
    chance_latency: ClassVar[int] = 1

    @staticmethod
    def latency(plan: DigitalSpikingPlan) -> int:
        return ChanceUnit.chance_latency + 1

    @staticmethod
    def drain(plan: DigitalSpikingPlan) -> int:
        return ChanceUnit.latency(plan)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        chance = Signal(DRAW_BITS + 1)
        whole = 1 << DRAW_BITS
        m.d.sync += chance.eq(Mux(self.current < 0, 0, Mux(self.current > whole, whole, self.current)))
        _draw(m, self, self._plan, self._lane, chance, self.chance_latency)
        return m


class CurveUnit(Unit):
    """Poisson neurons with a curve in a table: octave by the leading one, piece and place by the bits after it."""

    chance_latency: ClassVar[int] = 4

    @staticmethod
    def latency(plan: DigitalSpikingPlan) -> int:
        return CurveUnit.chance_latency + 1

    @staticmethod
    def drain(plan: DigitalSpikingPlan) -> int:
        return CurveUnit.latency(plan)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        unit = self._plan.unit
        if not isinstance(unit, PoissonUnit) or unit.table is None:
            raise DesignError("neurons", "of a kind with a table", type(unit).__name__)
        values, slopes = unit.table[:-1].tolist(), unit.slopes.tolist()
        octaves = len(slopes) >> PIECE_BITS
        row = StructLayout({"value": DRAW_BITS + 1, "slope": bits_for(max(slopes))})
        m.submodules.table = table = memory.Memory(
            shape=row,
            depth=len(slopes),
            init=[{"value": value, "slope": slope} for value, slope in zip(values, slopes, strict=True)],
        )
        read = table.read_port()

        # No current reaches beyond the last octave, so its sign and the bits of the octaves are all there is.
        octave, number = Signal(range(octaves)), Signal(octaves)
        bits = extend(self.current, max(octaves, len(self.current)))[:octaves]
        for k in range(octaves):
            with m.If(bits[k]):
                m.d.sync += octave.eq(k)
        m.d.sync += number.eq(Mux(self.current > 0, bits, 0))

        below = PIECE_BITS + WITHIN_BITS  # the bits that count after the leading one
        after, which, positive = Signal(below), Signal.like(octave), Signal()
        m.d.sync += [
            after.eq((Cat(Const(0, below), number) >> octave)[:below]),
            which.eq(octave),
            positive.eq(number != 0),
        ]
        m.d.comb += read.addr.eq(Cat(after[WITHIN_BITS:], which))
        within, there = Signal(WITHIN_BITS), Signal()
        m.d.sync += [within.eq(after[:WITHIN_BITS]), there.eq(positive)]
        chance = Signal(DRAW_BITS + 1)
        m.d.sync += chance.eq(Mux(there, read.data.value + ((read.data.slope * within) >> WITHIN_BITS), 0))
        _draw(m, self, self._plan, self._lane, chance, self.chance_latency)
        return m


class VoltageUnit(Unit):
    """Regular leaky integrate-and-fire neurons, their voltages and refractory periods in a memory of the lane."""

    @staticmethod
    def latency(plan: DigitalSpikingPlan) -> int:
        return 4

    @staticmethod
    def drain(plan: DigitalSpikingPlan) -> int:
        return VoltageUnit.latency(plan) + _DIVISION

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, unit = self._plan, self._plan.unit
        if not isinstance(unit, IntegrateUnit):
            raise DesignError("neurons", "regular ones", type(unit).__name__)
        whole, one = 1 << TIME_BITS, 1 << VOLTAGE_BITS
        row = StructLayout({"voltage": VOLTAGE_BITS, "waiting": unit.refractory_bits})
        m.submodules.state = state = memory.Memory(shape=row, depth=plan.slots, init=[])
        phases = unit.phases.reshape(plan.slots, plan.lanes)[:, self._lane].tolist()
        m.submodules.phases = rom = memory.Memory(shape=VOLTAGE_BITS, depth=plan.slots, init=phases)
        read, first, write = state.read_port(), rom.read_port(), state.write_port()
        m.d.comb += [read.addr.eq(self.next_slot), first.addr.eq(self.next_slot)]

        # The leak, and what is left of the step.
        voltage, waiting = Signal(VOLTAGE_BITS), Signal(unit.refractory_bits)
        m.d.comb += [
            voltage.eq(Mux(self.fresh, first.data, read.data.voltage)),
            waiting.eq(Mux(self.fresh, 0, read.data.waiting)),
        ]
        leaking = Signal(VOLTAGE_BITS + bits_for(unit.leak))
        share, left = Signal(range(whole + 1)), Signal.like(waiting)
        m.d.sync += [
            leaking.eq(voltage * unit.leak),
            share.eq(Mux(waiting >= whole, 0, whole - waiting)),
            left.eq(Mux(waiting >= whole, waiting - whole, 0)),
        ]
        current, held = delayed(m, self.current, 1, "current"), delayed(m, voltage, 1, "voltage")
        rise = Signal(signed(plan.current_format.width + 1))
        m.d.sync += rise.eq(current - round_shift(leaking, unit.leak_fraction))
        scaled = Signal(signed(len(rise) + len(share)))
        share_2 = delayed(m, share, 1, "share")
        m.d.sync += scaled.eq(rise * share_2)
        share_3 = delayed(m, share_2, 1, "share_late")
        moved = round_shift(scaled, TIME_BITS)
        reached = Signal(signed(len(rise) + 2))
        m.d.comb += reached.eq(moved + delayed(m, held, 2, "held"))

        fired, kept = Signal(), Signal(VOLTAGE_BITS)
        over, moved_4 = Signal(len(reached)), Signal(len(rise) + 1)
        m.d.sync += [
            fired.eq(reached >= one),
            kept.eq(Mux((reached < 0) | (reached >= one), 0, reached)),
            over.eq(reached - one),
            moved_4.eq(moved),
        ]
        m.d.comb += self.count.eq(fired)
        share_4 = delayed(m, share_3, 1, "share_last")

        # How long before the end of the step it fired: over·share/moved, bit by bit.
        rest = Signal(len(over) + TIME_BITS + 1)
        m.d.sync += rest.eq(over * share_4)
        divisor, quotient = delayed(m, moved_4, 1, "divisor"), Const(0, 0)
        for k in reversed(range(TIME_BITS + 1)):
            fits = rest >= (divisor << k)
            smaller, bit = Signal(len(rest), name=f"rest_{k}"), Signal(name=f"quotient_bit_{k}")
            m.d.sync += [smaller.eq(Mux(fits, rest - (divisor << k), rest)), bit.eq(fits)]
            divisor = delayed(m, divisor, 1, f"divisor_{k}")
            quotient = Cat(bit, delayed(m, quotient, 1, f"quotient_{k}"))
            rest = smaller
        late = _DIVISION
        slot = delayed(m, self.next_slot, 1 + self.latency(plan) + late, "slot")
        m.d.comb += [
            write.addr.eq(slot),
            write.en.eq(delayed(m, self.valid, self.latency(plan) + late, "valid")),
            write.data.voltage.eq(delayed(m, kept, late, "kept")),
            write.data.waiting.eq(
                Mux(delayed(m, fired, late, "fired"), unit.refractory - quotient, delayed(m, left, 3 + late, "left"))
            ),
        ]
        return m


def unit_for(plan: DigitalSpikingPlan) -> type[Unit]:
    """The hardware of a plan's neurons."""
    if isinstance(plan.unit, IntegrateUnit):
        return VoltageUnit
    if isinstance(plan.unit, PoissonUnit):
        return ChanceUnit if plan.unit.table is None else CurveUnit
    raise DesignError("neurons", "of a kind that hardware knows", type(plan.unit).__name__)


def _draw(m: Module, unit: Unit, plan: DigitalSpikingPlan, lane: int, chance: Value, latency: int) -> None:
    """Draw whether there is a spike, K times, with the `chance` that came `latency` cycles after the current."""
    use = delayed(m, unit.valid, latency, "use")
    halves = []
    for k, states in enumerate(plan.generators()[lane]):
        m.submodules[f"generator_{k}"] = generator = WordGenerator(states)
        m.d.comb += [generator.restart.eq(unit.restart), generator.advance.eq(use)]
        halves += [generator.word[DRAW_BITS:], generator.word[:DRAW_BITS]]
    hits: list[Value] = [half < chance for half in halves[: plan.unit.spikes]]
    m.d.sync += unit.count.eq(sum(hits[1:], hits[0]))


def count_bits(plan: DigitalSpikingPlan) -> int:
    """Width of a neuron's count of spikes."""
    return plan.unit.spikes.bit_length()
