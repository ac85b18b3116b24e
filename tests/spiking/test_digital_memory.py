"""The digital spiking memory: its plan, its integers against an independent reading of the rule, and its error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.experiments.spiking_forms import measure_digital
from lmu_hw.fixed_point.formats import QFormat
from lmu_hw.spiking.design import SpikingOptions
from lmu_hw.spiking.digital.model import DigitalSpikingMemory
from lmu_hw.spiking.digital.neurons import IntegrateUnit, words
from lmu_hw.spiking.digital.plan import plan_spiking
from lmu_hw.spiking.neurons import NeuronKind
from lmu_hw.spiking.synapses import Synapse
from lmu_hw.spiking.tuning import Tuning

KINDS = ["poisson-lif", "poisson-relu", "lif"]


def made(kind="poisson-lif", neurons=48, order=3, dt=1e-3, options=None, **planning):
    given = {"band_hz": 3.0, **(options or {})}
    return plan_spiking(LMUSpec(order, 0.3, dt), SpikingOptions(neurons, kind=NeuronKind(kind), **given), **planning)


def by_hand(plan, codes):
    """The rule of the module's text for one sequence, neuron by neuron in Python's integers."""
    unit, d, n = plan.unit, plan.ensembles, plan.size
    streams = [[words(s, 0, plan.slots * len(codes)).tolist() for s in lane] for lane in plan.generators()]
    y, out = [0] * d, []
    regular = isinstance(unit, IntegrateUnit)
    voltage = unit.phases.ravel().tolist() if regular else []
    waiting = [0] * plan.neurons

    def requantise(value, fraction_bits):
        return (value + (1 << (fraction_bits - 1))) >> fraction_bits

    for step, code in enumerate(codes.tolist()):
        sums = [0] * d
        for neuron in range(plan.neurons):
            e, i = divmod(neuron, n)
            c = requantise(
                int(plan.gain[e, i]) * y[e] + (int(plan.bias[e, i]) << plan.current_shift), plan.current_shift
            )
            if regular:
                share, waiting[neuron] = max(256 - waiting[neuron], 0), max(waiting[neuron] - 256, 0)
                moved = requantise((c - requantise(voltage[neuron] * unit.leak, unit.leak_fraction)) * share, 8)
                voltage[neuron] = max(voltage[neuron] + moved, 0)
                count = int(voltage[neuron] >= 65536)
                if count:
                    waiting[neuron] = unit.refractory - share * (voltage[neuron] - 65536) // moved
                    voltage[neuron] = 0
            else:
                if unit.table is None:
                    chance = min(max(c, 0), 65536)
                elif c <= 0:
                    chance = 0
                else:
                    octave = c.bit_length() - 1
                    after = (c << 12 >> octave) - (1 << 12)
                    piece, within = divmod(after, 256)
                    low, high = unit.table[16 * octave + piece : 16 * octave + piece + 2].tolist()
                    chance = low + ((high - low) * within >> 8)
                slot, lane = divmod(neuron, plan.lanes)
                each = [streams[lane][k][step * plan.slots + slot] for k in range(unit.generators)]
                draws = [half for word in each for half in (word >> 16, word & 0xFFFF)][: unit.spikes]
                count = sum(draw < chance for draw in draws)
            sums[e] += count * int(plan.decoders[e, i])
        for k in range(d):
            total = sum(int(plan.recurrent[k, j]) * sums[j] for j in range(d))
            total += ((1 << plan.map_format.fraction) - plan.leak) * (y[k] << plan.state_alignment_shift)
            total += int(plan.drive[k]) * (code << plan.input_alignment_shift)
            form = plan.state_format
            y[k] = min(max(requantise(total, plan.state_drop), form.low), form.high)
        reads = [
            sum(int(plan.transform[i, k]) * (y[k] << plan.state_alignment_shift) for k in range(d)) for i in range(d)
        ]
        out.append([requantise(read, plan.output_drop) for read in reads])
    return out


@pytest.mark.parametrize(
    ("kind", "planning"),
    [
        ("poisson-lif", {}),
        ("poisson-lif", {"spikes": 3, "lanes": 4, "input_bits": 24, "state_bits": 24}),
        ("poisson-relu", {"lanes": 2, "input_bits": 5}),
        ("poisson-relu", {"dt": 0.02, "state_bits": 16}),
        ("lif", {"coefficient_bits": 14, "neuron_bits": 12}),
        ("lif", {"lanes": 8}),
    ],
)
def test_the_model_is_the_rule_word_for_word(kind, planning, rng):
    plan = made(kind, **planning)
    codes = rng.integers(plan.input_format.low, plan.input_format.high + 1, 60)
    codes[30:] = plan.input_format.high  # so that much is on
    assert DigitalSpikingMemory(plan).run(codes).tolist() == by_hand(plan, codes)


def test_constants_are_those_of_the_design():
    plan = made(neurons=300, order=6)
    recurrence, population = plan.design.recurrence, plan.design.population
    scale = recurrence.denominator[1]
    half = 0.5 * plan.map_format.lsb
    for codes, exact in (
        (plan.recurrent, recurrence.matrix / scale),
        (plan.drive, recurrence.taps[0] / scale),
        (plan.leak, 1.0 + recurrence.denominator[0] / scale),
    ):
        assert np.abs(plan.map_format.decode(codes) - exact).max() <= half * 1.001
    assert np.abs(plan.transform_format.decode(plan.transform) - plan.design.transform).max() <= (
        0.5 * plan.transform_format.lsb * 1.001
    )
    decoders = plan.decoders * 2.0**-plan.operand_fraction
    assert np.abs(decoders - population.decoders[:, :, 0] / plan.design.dt).max() <= 0.501 * 2.0**-plan.operand_fraction
    assert plan.gain_bits == 16  # all bits are used
    assert plan.decoder_bits >= 16


@pytest.mark.parametrize("kind", KINDS)
def test_widths_hold_the_largest_operands_and_no_bit_more_than_one(kind):
    """Every operand at its end, with the sign that adds up: what the proof of the widths says."""
    plan = made(kind, neurons=96)
    most_decoded = np.abs(plan.decoders).sum(axis=1).max() * plan.unit.spikes
    assert QFormat(plan.decoded_width, 0).high >= most_decoded
    y = 1 << (plan.state_format.width - 1 + plan.state_alignment_shift)
    u = 1 << (plan.input_format.width - 1 + plan.input_alignment_shift)
    rows = []
    for k in range(plan.ensembles):
        own = (1 << plan.map_format.fraction) - plan.leak
        loop = sum(abs(int(c)) for c in plan.recurrent[k]) * int(most_decoded)
        rows.append(loop + own * y + abs(int(plan.drive[k])) * u + (1 << plan.state_drop))
        rows.append(sum(abs(int(c)) for c in plan.transform[k]) * y + (1 << plan.output_drop))
    assert QFormat(plan.map_width, 0).high >= max(rows)
    assert plan.map_width <= int(max(rows)).bit_length() + 2
    ends = np.abs(plan.gain) * -plan.state_format.low + (1 << plan.current_shift)
    assert plan.current_format.high >= ((ends >> plan.current_shift) + np.abs(plan.bias)).max()
    reads = np.abs(plan.transform).sum(axis=1) * (y >> 0)
    assert plan.output_format.high >= (int(reads.max()) >> plan.output_drop)


@pytest.mark.parametrize("kind", KINDS)
def test_the_worst_inputs_stay_within_every_format(kind):
    """A constant end of scale for two windows: y saturates at most, and no word leaves its format."""
    plan = made(kind, options={"rms": 0.05})  # made for a twentieth, so that a full scale is far too much
    for code in (plan.input_format.low, plan.input_format.high):
        words_out = DigitalSpikingMemory(plan).run(np.full(600, code))
        assert plan.output_format.low <= words_out.min()
        assert words_out.max() <= plan.output_format.high


def test_a_batch_is_its_rows_and_a_run_begins_at_rest(rng):
    plan = made(neurons=60)
    memory = DigitalSpikingMemory(plan)
    codes = rng.integers(plan.input_format.low, plan.input_format.high + 1, (3, 80))
    together = memory.run(codes)
    for row, code in zip(together, codes, strict=True):
        assert np.array_equal(memory.run(code), row)
    assert np.array_equal(memory.run(codes[0, :50]), together[0, :50])
    other = DigitalSpikingMemory(plan, seed=plan.seed + 1).run(codes[0])
    assert not np.array_equal(other, together[0])
    assert np.array_equal(DigitalSpikingMemory(replace(plan, seed=plan.seed + 1)).run(codes[0]), other)


@pytest.mark.parametrize("kind", KINDS)
def test_recorded_spikes_decode_to_the_states(kind, rng):
    """The first step is from zero: its words are the map of what its spikes decode to, and of the sample."""
    plan = made(kind, neurons=90)
    memory = DigitalSpikingMemory(plan)
    memory.run(rng.integers(0, plan.input_format.high, (2, 50)), record=True)
    spikes = memory.spikes
    assert spikes is not None
    assert spikes.count > 50
    assert spikes.step.min() >= 0
    assert spikes.step.max() < 50
    assert set(spikes.sequence.tolist()) == {0, 1}
    assert 0 <= spikes.neuron.min() <= spikes.neuron.max() < 90
    memory.run(np.array([[plan.input_format.high]]), record=True)
    assert memory.spikes is not None
    counts = np.bincount(memory.spikes.neuron, minlength=90).reshape(3, 30)
    y = ((plan.decoders * counts).sum(axis=1) @ plan.recurrent.T) * 2.0 ** -(
        plan.operand_fraction + plan.map_format.fraction
    ) + plan.map_format.decode(plan.drive) * plan.input_format.decode(plan.input_format.high)
    states = plan.transform_format.decode(plan.transform) @ y
    got = plan.output_format.decode(memory.run(np.array([plan.input_format.high]))[0])
    assert np.abs(got - states).max() <= plan.output_format.lsb * 3


@pytest.mark.parametrize("kind", ["poisson-lif", pytest.param("poisson-relu", marks=pytest.mark.slow)])
def test_the_error_is_that_of_the_software_and_falls_with_the_neurons(kind):
    few, many = ([measure_digital(m, NeuronKind(kind), seed, seconds=2.0) for seed in range(3)] for m in (120, 1_920))
    digital = [np.mean([pair.digital for pair in pairs]) for pairs in (few, many)]
    software = [np.mean([pair.software for pair in pairs]) for pairs in (few, many)]
    for ours, theirs, pairs in zip(digital, software, (few, many), strict=True):
        assert ours == pytest.approx(theirs, rel=0.35)
        assert ours == pytest.approx(np.mean([pair.predicted for pair in pairs]), rel=0.4)
    assert digital[0] / digital[1] == pytest.approx(4.0, rel=0.35)


def test_regular_neurons_are_as_good_in_integers():
    pairs = [measure_digital(480, NeuronKind.LIF, seed, seconds=2.0) for seed in range(2)]
    assert np.mean([p.digital for p in pairs]) <= 1.5 * np.mean([p.software for p in pairs])


def test_samples_are_encoded_to_the_nearest_code():
    plan = made(input_bits=4)
    assert plan.encode(np.array([-1.0, -0.07, 0.0, 0.06, 0.99, 1.0])).tolist() == [-8, -1, 0, 0, 7, 7]
    with pytest.raises(DesignError, match=r"samples must be within \[-1, 1\]"):
        plan.encode(np.array([1.01]))
    with pytest.raises(DesignError, match=r"samples must be within \[-1, 1\]"):
        plan.encode(np.array([np.nan]))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lanes": 5}, "lanes must be a divisor of the 16 neurons of an ensemble, got 5"),
        ({"lanes": 0}, "lanes must be an integer of at least 1"),
        ({"input_bits": 25}, "input_bits must be an integer from 2 to 24"),
        ({"state_bits": 7}, "state_bits must be an integer from 8 to 32"),
        ({"coefficient_bits": 30}, "coefficient_bits must be an integer from 8 to 24"),
        ({"neuron_bits": 3}, "neuron_bits must be an integer from 8 to 24"),
        ({"spikes": 17}, "spikes must be an integer from 1 to 16"),
        ({"kind": "rate-relu"}, "kind of neuron must be one that fires"),
        ({"options": {"ensembles": 1}}, "ensembles must be one for each of the 3 states"),
        ({"options": {"synapse": Synapse.low_pass(0.1, 0.02)}}, "synapse must be of first order in hardware"),
        ({"options": {"synapse": Synapse.low_pass(1e4)}}, "coefficient_bits must be enough for a leak"),
        ({"neurons": 49}, "neurons must be a multiple of the 3 ensembles"),
        ({"options": {"tuning": Tuning((200.0, 600.0))}}, "maximum rates must be"),
    ],
)
def test_errors(given, message):
    with pytest.raises(DesignError, match=message):
        made(**given)


def test_a_design_of_another_memory_is_refused():
    plan = made()
    with pytest.raises(DesignError, match=r"design must be of order 3 and step 0.002 s"):
        plan_spiking(LMUSpec(3, 0.3, 2e-3), plan.design.options, design=plan.design)


@pytest.mark.parametrize("codes", [np.zeros((1, 2, 3), dtype=np.int64), np.zeros(4), np.array([1 << 20])])
def test_codes_that_are_refused(codes):
    with pytest.raises(DesignError):
        DigitalSpikingMemory(made()).run(codes)
