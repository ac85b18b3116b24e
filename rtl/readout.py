"""Delayed readouts: weighted sums of the words of a sample, taken up beat by beat."""

from __future__ import annotations

from itertools import pairwise

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import memory, wiring
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.wiring import In, Out

from lmu_hw.fixed_point.plan import MemoryPlan, ReadoutPlan
from lmu_hw.rtl.arithmetic import round_shift
from lmu_hw.rtl.control import Schedule
from lmu_hw.rtl.layouts import output_layout, readout_layout
from lmu_hw.rtl.sums import registered_sum, sum_latency


class ReadoutUnit(wiring.Component):
    """All readouts of a sample, round(Σ coefficient·word · 2^−fraction), from its beats.

    Every cycle takes up a whole beat: a product for each of its words and each readout, their sum in a tree,
    then the sum over beats. Coefficients of ±1 need no multiplier. Channels in step have a running sum each.

    Attributes:
        beat_valid, beat: words of states, In.
        valid, readout: the readouts, Out; `latency` cycles after the sample's last beat, for one cycle.
    """

    def __init__(self, plan: MemoryPlan, planned: ReadoutPlan, schedule: Schedule, channels: int) -> None:
        self._planned, self._schedule = planned, schedule
        self._word = signed(plan.output_format.width)
        self._tag = StructLayout(
            {"valid": 1, "starts": 1, "ends": 1, "channel": range(channels), "first": 1, "last": 1}
        )
        super().__init__(
            {
                "beat_valid": In(1),
                "beat": In(output_layout(plan, schedule.words, channels)),
                "valid": Out(1),
                "readout": Out(readout_layout(planned, channels)),
            }
        )

    @staticmethod
    def multipliers(planned: ReadoutPlan, schedule: Schedule) -> int:
        """How many the unit has: none where every coefficient is ±1."""
        return 0 if planned.fraction == 0 else len(planned.delays) * schedule.words

    @staticmethod
    def latency(schedule: Schedule) -> int:
        """Cycles from the last beat to the readouts: products, their sum, the running sum, the rounding."""
        return 3 + sum_latency(schedule.words)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        planned, schedule = self._planned, self._schedule
        bits, count, words = planned.coefficient_bits, len(planned.delays), schedule.words

        # Which beat of its sample comes next; the beats of channels in step alternate.
        group, next_group = Signal(range(schedule.groups)), Signal(range(schedule.groups))
        turn = Signal(range(schedule.in_step))
        ends = Signal()
        m.d.comb += [next_group.eq(group), ends.eq(group == schedule.groups - 1)]
        with m.If(self.beat_valid):
            m.d.sync += turn.eq(Mux(turn == schedule.in_step - 1, 0, turn + 1))
            with m.If(turn == schedule.in_step - 1):
                m.d.comb += next_group.eq(Mux(ends, 0, group + 1))
        m.d.sync += group.eq(next_group)

        # The coefficients of a group: readout after readout, in each the first word's lowest.
        rows = planned.coefficients.reshape(count, schedule.groups, words).transpose(1, 0, 2)
        m.submodules.coefficients = rom = memory.Memory(
            shape=ArrayLayout(signed(bits), count * words),
            depth=schedule.groups,
            init=rows.reshape(schedule.groups, -1).tolist(),
        )
        constants = rom.read_port()
        m.d.comb += constants.addr.eq(next_group)

        products = Signal(ArrayLayout(signed(self._word.width + bits), count * words))
        for k in range(count * words):
            m.d.sync += products[k].eq(self._product(self.beat.data[k % words], constants.data[k]))
        tag = Signal(self._tag)
        m.d.comb += [
            tag.valid.eq(self.beat_valid),
            tag.starts.eq(group == 0),
            tag.ends.eq(ends),
            tag.channel.eq(self.beat.channel),
            tag.first.eq(self.beat.first),
            tag.last.eq(self.beat.last),
        ]
        for _ in range(1 + sum_latency(words)):
            tag, before = Signal(self._tag), tag
            m.d.sync += tag.eq(before)

        ended = Signal(self._tag)
        m.d.sync += [
            ended.eq(tag),
            self.valid.eq(ended.valid & ended.ends),
            self.readout.channel.eq(ended.channel),
            self.readout.first.eq(ended.first),
            self.readout.last.eq(ended.last),
        ]
        for k in range(count):
            summed = registered_sum(m, [products[j] for j in range(k * words, (k + 1) * words)])
            running = [Signal(signed(planned.sum_width), name=f"sum_{k}_{c}") for c in range(schedule.in_step)]
            with m.If(tag.valid):
                m.d.sync += running[0].eq(Mux(tag.starts, 0, running[-1]) + summed)
                m.d.sync += [after.eq(before) for before, after in pairwise(running)]
            m.d.sync += self.readout.data[k].eq(round_shift(running[0], planned.fraction))
        return m

    def _product(self, word: Value, coefficient: Value) -> Value:
        if self._planned.fraction == 0:
            return Mux(coefficient[-1], -word, word)
        return word * coefficient
