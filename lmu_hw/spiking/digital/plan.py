"""A spiking memory in integers: formats, tables and proved widths, from which model and hardware are made alike.

One step takes every neuron once. With y the state words, in radii, neuron i of ensemble e gets

    c = floor((g_i y_e + b_i·2^s + 2^{s−1}) / 2^s)                                        `current_format`

and from that the spikes of the step, by its kind; see `PoissonUnit` and `IntegrateUnit`. An ensemble's spikes decode
to S_e = Σ d_i·(spikes of i), and then

    y_k⁺ = narrow(y_k + Σ_j L_kj S_j − (1 − α) y_k + W_k u),     x_i = narrow(Σ_k T_ik y_k⁺),

with L, W and 1 − α of the design's `Recurrence` (first order) in one format, and x the states that leave. Sums are
exact; the widths that they need follow from the largest operands, so none can overflow. Only y saturates, at ±4 radii,
far beyond what neurons can represent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError, check_integer
from lmu_hw.fixed_point.formats import MAX_WIDTH, IntArray, QFormat, signed_width
from lmu_hw.spiking.design import SpikingDesign, SpikingOptions, design_memory
from lmu_hw.spiking.digital.neurons import NeuronUnit, first_states, plan_neurons

#: Bits of y before the point, the sign among them: ±4 radii.
_RADII_BITS = 3


@dataclass(frozen=True, eq=False)
class DigitalSpikingPlan:
    """A planned memory; every array holds codes.

    Attributes:
        design: what is realised.
        spec: the memory that it carries.
        lanes: neurons per cycle; the neurons of a group of successive `lanes` draw from generators of their own, so
            the words depend on it.
        seed: of the generators and of the voltages that regular neurons begin with.
        input_format: of samples, in [−1, 1).
        state_format: of y, in radii.
        output_format: of the states x that leave, in the specification's basis.
        operand_fraction: fractional bits of every operand of the map: S, y and u are brought to it.
        map_format, transform_format: of the map's coefficients.
        gain, bias: g with the encoder's sign, and b, shape (ensembles, size).
        gain_fraction: fractional bits of g.
        current_format: of c.
        decoders: d, shape (ensembles, size), on the operands' grid.
        recurrent: L, shape (order, order).
        leak: 1 − α.
        drive: W, shape (order,).
        transform: T, shape (order, order).
        unit: how a current becomes spikes.
    """

    design: SpikingDesign
    spec: LMUSpec
    lanes: int
    seed: int
    input_format: QFormat
    state_format: QFormat
    output_format: QFormat
    operand_fraction: int
    map_format: QFormat
    transform_format: QFormat
    gain: IntArray
    bias: IntArray
    gain_fraction: int
    current_format: QFormat
    decoders: IntArray
    recurrent: IntArray
    leak: int
    drive: IntArray
    transform: IntArray
    unit: NeuronUnit

    @property
    def ensembles(self) -> int:
        """One for each state."""
        return int(self.gain.shape[0])

    @property
    def size(self) -> int:
        """Neurons in an ensemble."""
        return int(self.gain.shape[1])

    @property
    def neurons(self) -> int:
        """Neurons in all ensembles."""
        return self.ensembles * self.size

    @property
    def slots(self) -> int:
        """Groups of `lanes` neurons, one a cycle."""
        return self.neurons // self.lanes

    @property
    def gain_bits(self) -> int:
        """Width of g."""
        return _width_of(self.gain)

    @property
    def bias_bits(self) -> int:
        """Width of b."""
        return _width_of(self.bias)

    @property
    def decoder_bits(self) -> int:
        """Width of d."""
        return _width_of(self.decoders)

    @property
    def current_shift(self) -> int:
        """s, fractional bits that g·y has more than c."""
        return self.gain_fraction + self.state_format.fraction - self.current_format.fraction

    @cached_property
    def decoded_bound(self) -> int:
        """The largest |S|: every neuron of an ensemble as often as it can, whatever the signs."""
        return int(np.abs(self.decoders).sum(axis=1).max()) * self.unit.spikes

    @property
    def decoded_width(self) -> int:
        """Width of S."""
        return signed_width(self.decoded_bound)

    @property
    def state_lift(self) -> int:
        """Binary places from y to the operands' grid."""
        return self.operand_fraction - self.state_format.fraction

    @property
    def input_lift(self) -> int:
        """Binary places from u to the operands' grid."""
        return self.operand_fraction - self.input_format.fraction

    @property
    def operand_width(self) -> int:
        """Width of the widest operand of the map."""
        return max(
            self.decoded_width, self.state_format.width + self.state_lift, self.input_format.width + self.input_lift
        )

    @cached_property
    def map_width(self) -> int:
        """Width of the sums of both maps: the largest operands, each with the sign that adds up, and a rounding."""
        y = -self.state_format.low << self.state_lift
        u = -self.input_format.low << self.input_lift
        loop = np.abs(self.recurrent).sum(axis=1).astype(object) * self.decoded_bound
        rows = loop + (1 << self.map_format.fraction) * y + self.leak * y + np.abs(self.drive).astype(object) * u
        read = np.abs(self.transform).sum(axis=1).astype(object) * y
        return signed_width(int(max(*rows, *read)) << 1)

    @property
    def state_narrowing(self) -> int:
        """Binary places dropped from the sum of the map to y."""
        return self.operand_fraction + self.map_format.fraction - self.state_format.fraction

    @property
    def output_narrowing(self) -> int:
        """Binary places dropped from the sum over T to x."""
        return self.operand_fraction + self.transform_format.fraction - self.output_format.fraction

    @property
    def multiplications_per_step(self) -> int:
        """Products of two words: one or more per neuron, the map's and the transform's."""
        d = self.ensembles
        return self.neurons * (1 + self.unit.multiplications) + d * (d + 2) + d * d

    @property
    def table_bits(self) -> int:
        """Bits in the memories of the neurons, all lanes: their constants, what they keep, and their curves' tables."""
        constants = self.gain_bits + self.bias_bits + self.decoder_bits
        return self.neurons * (constants + self.unit.bits_per_neuron) + self.lanes * self.unit.bits_per_lane

    def generators(self, seed: int | None = None) -> list[list[tuple[int, int, int]]]:
        """First states of every lane's generators."""
        count, chosen = self.unit.generators, self.seed if seed is None else seed
        return [[first_states(chosen, lane * count + k) for k in range(count)] for lane in range(self.lanes)]

    def encode(self, samples: Array) -> IntArray:
        """Codes of samples within [−1, 1]; +1 itself becomes the greatest code.

        Raises:
            DesignError: a sample is out of range or not finite.
        """
        u = np.asarray(samples, dtype=np.float64)
        if u.size and not np.all(np.abs(u) <= 1.0):
            raise DesignError("samples", "within [-1, 1]", f"a peak of {np.abs(u).max():g}")
        codes = np.minimum(np.floor(u * 2.0**self.input_format.fraction + 0.5), self.input_format.high)
        return np.asarray(codes, dtype=np.int64)

    def to_dict(self) -> dict[str, Any]:
        """What a manifest tells of it, as plain values."""
        options = self.design.options
        return {
            "spec": {
                "order": self.spec.order,
                "theta": self.spec.theta,
                "dt": self.spec.dt,
                "discretization": str(self.spec.discretization),
                "basis": str(self.spec.basis),
            },
            "neurons": self.neurons,
            "ensembles": self.ensembles,
            "kind": str(options.kind),
            "synapse_seconds": list(options.synapse.coefficients),
            "seed": self.seed,
            "formats": {
                "input": vars(self.input_format),
                "state": vars(self.output_format),
                "radii": vars(self.state_format),
                "current": vars(self.current_format),
                "map": vars(self.map_format),
                "transform": vars(self.transform_format),
            },
            "widths": {
                "gain": self.gain_bits,
                "bias": self.bias_bits,
                "decoder": self.decoder_bits,
                "decoded": self.decoded_width,
                "operand": self.operand_width,
                "map": self.map_width,
            },
            "spikes_per_step": self.unit.spikes,
            "predicted_error": self.design.predicted_error,
        }


def plan_spiking(
    spec: LMUSpec,
    options: SpikingOptions,
    *,
    lanes: int = 1,
    input_bits: int = 16,
    state_bits: int = 20,
    coefficient_bits: int = 18,
    neuron_bits: int = 16,
    spikes: int | None = None,
    design: SpikingDesign | None = None,
) -> DigitalSpikingPlan:
    """Plan the memory of `spec` in digital neurons.

    Args:
        spec: the memory, of a rule with one bank of states.
        options: as for the software; the ensembles stand for one dimension each and the synapse is of first order.
        lanes: neurons per cycle, a divisor of the neurons of an ensemble.
        input_bits: of samples, 2 … 24.
        state_bits: of y and x, 8 … 32.
        coefficient_bits: of the maps, 8 … 24.
        neuron_bits: of gains, and of decoders at least, 8 … 24.
        spikes: most spikes of a Poisson neuron in a step, 1 … 16; by default as many as the fastest one's mean at
            1.2 radii, rounded up.
        design: the same memory as already designed; made from `spec` and `options` by default.

    Raises:
        DesignError: an argument is out of range, or the design is none for hardware.
    """
    input_bits = check_integer("input_bits", input_bits, 2, 24)
    state_bits = check_integer("state_bits", state_bits, 8, 32)
    coefficient_bits = check_integer("coefficient_bits", coefficient_bits, 8, 24)
    neuron_bits = check_integer("neuron_bits", neuron_bits, 8, 24)
    made = design if design is not None else design_memory(spec, options)
    if (made.order, made.dt) != (spec.order, spec.dt):
        raise DesignError("design", f"of order {spec.order} and step {spec.dt:g} s", (made.order, made.dt))
    population, recurrence = made.population, made.recurrence
    if population.dimensions != 1:
        raise DesignError("ensembles", f"one for each of the {made.order} states in hardware", population.ensembles)
    if recurrence.order != 1:
        raise DesignError("synapse", "of first order in hardware", f"order {recurrence.order}")
    if population.size % check_integer("lanes", lanes, 1):
        raise DesignError("lanes", f"a divisor of the {population.size} neurons of an ensemble", lanes)

    state = QFormat(state_bits, state_bits - _RADII_BITS)
    source = QFormat(input_bits, input_bits - 1)
    neurons = plan_neurons(made, spikes, 2.0 ** (_RADII_BITS - 1))
    fraction = neurons.fraction
    signed_gain = neurons.gain * population.encoders[:, :, 0]
    gain_fraction = _fraction_bits(signed_gain, neuron_bits)
    shift = gain_fraction + state.fraction - fraction
    if shift < 1:
        raise DesignError("state_bits", f"at least {state_bits + 1 - shift} for these neurons", state_bits)
    gain, bias = _codes(signed_gain, gain_fraction), _codes(neurons.bias, fraction)
    most = int(np.abs(gain).max()) * -state.low >> shift
    current = QFormat(signed_width(most + 1 + int(np.abs(bias).max())), fraction)

    per_spike = population.decoders[:, :, 0] / made.dt
    operand = max(state.fraction, source.fraction, _fraction_bits(per_spike, neuron_bits))
    inverse = 1.0 / float(recurrence.denominator[1])
    loop, drive = recurrence.matrix * inverse, recurrence.taps[0] * inverse
    leak = 1.0 + float(recurrence.denominator[0]) * inverse
    map_fraction = _fraction_bits(np.concatenate([loop.ravel(), drive, [leak]]), coefficient_bits)
    transform_fraction = _fraction_bits(made.transform, coefficient_bits)
    transform = _codes(made.transform, transform_fraction)
    peak = float(np.abs(transform).sum(axis=1).max()) * 2.0 ** (_RADII_BITS - 1 - transform_fraction)
    planned = DigitalSpikingPlan(
        made,
        spec,
        lanes,
        made.options.seed,
        source,
        state,
        QFormat(state_bits, state_bits - 1 - math.frexp(peak)[1]),
        operand,
        QFormat(coefficient_bits, map_fraction),
        QFormat(coefficient_bits, transform_fraction),
        gain,
        bias,
        gain_fraction,
        current,
        _codes(per_spike, operand),
        _codes(loop, map_fraction),
        int(_codes(np.array([leak]), map_fraction)[0]),
        _codes(drive, map_fraction),
        transform,
        neurons.unit,
    )
    if planned.leak < 1:
        raise DesignError("coefficient_bits", "enough for a leak of at least one code", coefficient_bits)
    if min(planned.state_narrowing, planned.output_narrowing) < 1:
        raise DesignError("coefficient_bits", "enough to leave bits to be rounded away", coefficient_bits)
    if (widest := max(planned.map_width, current.width + shift)) > MAX_WIDTH:
        raise DesignError("word lengths", f"such that no sum needs more than {MAX_WIDTH} bits", f"{widest} bits")
    return planned


def _fraction_bits(values: Array, bits: int) -> int:
    """Most fractional bits with which all values fit into so many bits, the sign among them."""
    return bits - 1 - math.frexp(float(np.abs(values).max()) * (1.0 + 2.0**-bits))[1]


def _codes(values: Array, fraction: int) -> IntArray:
    return np.rint(values * 2.0**fraction).astype(np.int64)


def _width_of(codes: IntArray) -> int:
    return signed_width(int(np.abs(codes).max()))
