"""A spiking memory in integers: formats, tables and proved widths, from which both model and hardware are made.

A step computes every neuron once. With y the state words, in radii, neuron i of ensemble e gets the current

    c = floor((g_i y_e + b_i·2^s + 2^{s−1}) / 2^s)                                        `current_format`

from which its spikes in the step follow by the kind of neuron; see `PoissonUnit` and `IntegrateUnit`. The spikes of an
ensemble decode to S_e = Σ d_i·(spikes of i), and then

    y_k⁺ = requantise(y_k + Σ_j L_kj S_j − (1 − α) y_k + W_k u),     x_i = requantise(Σ_k T_ik y_k⁺),

where L, W and 1 − α are those of the design's `Recurrence` (of first order), in one format, and x are the output
states. Sums are exact. The widths that they need follow from the largest operands, so none can overflow. Only y
saturates, at ±4 radii, far beyond what neurons can represent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lmu_hw.core.display import Displayed
from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError, check_integer
from lmu_hw.fixed_point.formats import MAX_WIDTH, IntArray, QFormat, signed_width
from lmu_hw.spiking.design import SpikingDesign, SpikingOptions, design_memory
from lmu_hw.spiking.digital.neurons import NeuronUnit, first_states, plan_neurons

#: The bits of y before the binary point, including the sign, so that its range is ±4 radii.
_RADII_BITS = 3


@dataclass(frozen=True, eq=False, repr=False)
class DigitalSpikingPlan(Displayed):
    """A planned memory in spikes, in the terms of the module's equations; every array holds codes.

    Attributes:
        design: The design that is realised.
        spec: The specification of the memory that it carries.
        lanes: The number of neurons per cycle. Each lane has random generators of its own, so the words depend on it.
        seed: The seed of the generators, and of the initial voltages of regular neurons.
        input_format: The format of the samples u, in [−1, 1).
        state_format: The format of y, in radii.
        output_format: The format of the output states x, in the basis of the specification.
        operand_fraction: The fractional bits of all operands of the map, to which S, y and u are brought.
        map_format: The format of L, W and 1 − α.
        transform_format: The format of T.
        gain: The gains g with the signs of the encoders, shape (ensembles, size).
        bias: The biases b, shape (ensembles, size).
        gain_fraction: The fractional bits of g.
        current_format: The format of the currents c, and of b.
        decoders: The decoders d, on the grid of the operands, shape (ensembles, size).
        recurrent: The matrix L, shape (order, order).
        leak: The number 1 − α.
        drive: The vector W, shape (order,).
        transform: The matrix T, shape (order, order).
        unit: The part that turns a current into spikes.
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
        """The number of ensembles, one for each state."""
        return int(self.gain.shape[0])

    @property
    def size(self) -> int:
        """The number of neurons in an ensemble."""
        return int(self.gain.shape[1])

    @property
    def neurons(self) -> int:
        """The number of neurons in all ensembles."""
        return self.ensembles * self.size

    @property
    def slots(self) -> int:
        """The number of groups of `lanes` neurons, which take one cycle each."""
        return self.neurons // self.lanes

    @property
    def gain_bits(self) -> int:
        """The width of g in bits."""
        return _width_of(self.gain)

    @property
    def bias_bits(self) -> int:
        """The width of b in bits."""
        return _width_of(self.bias)

    @property
    def decoder_bits(self) -> int:
        """The width of d in bits."""
        return _width_of(self.decoders)

    @property
    def current_shift(self) -> int:
        """The shift s, by which g·y has more fractional bits than c."""
        return self.gain_fraction + self.state_format.fraction - self.current_format.fraction

    @cached_property
    def decoded_bound(self) -> int:
        """The bound of |S|, as if every neuron of an ensemble fired as often as it can, with decoders of one sign."""
        return int(np.abs(self.decoders).sum(axis=1).max()) * self.unit.spikes

    @property
    def decoded_width(self) -> int:
        """The width of S in bits."""
        return signed_width(self.decoded_bound)

    @property
    def state_alignment_shift(self) -> int:
        """The alignment shift from y to the grid of the operands."""
        return self.operand_fraction - self.state_format.fraction

    @property
    def input_alignment_shift(self) -> int:
        """The alignment shift from u to the grid of the operands."""
        return self.operand_fraction - self.input_format.fraction

    @property
    def operand_width(self) -> int:
        """The width of the widest operand of the map, in bits."""
        return max(
            self.decoded_width,
            self.state_format.width + self.state_alignment_shift,
            self.input_format.width + self.input_alignment_shift,
        )

    @cached_property
    def map_width(self) -> int:
        """The width of the sums of both maps, for the largest operands with equal signs and the half of a rounding."""
        y = -self.state_format.low << self.state_alignment_shift
        u = -self.input_format.low << self.input_alignment_shift
        loop = np.abs(self.recurrent).sum(axis=1).astype(object) * self.decoded_bound
        rows = loop + (1 << self.map_format.fraction) * y + self.leak * y + np.abs(self.drive).astype(object) * u
        read = np.abs(self.transform).sum(axis=1).astype(object) * y
        return signed_width(int(max(*rows, *read)) << 1)

    @property
    def state_drop(self) -> int:
        """The fractional bits that requantisation drops between the sum of the map and y."""
        return self.operand_fraction + self.map_format.fraction - self.state_format.fraction

    @property
    def output_drop(self) -> int:
        """The fractional bits that requantisation drops between the sum over T and x."""
        return self.operand_fraction + self.transform_format.fraction - self.output_format.fraction

    @property
    def multiplications_per_step(self) -> int:
        """The products of two words in a step: those of the neurons, of the map and of the transform."""
        d = self.ensembles
        return self.neurons * (1 + self.unit.multiplications) + d * (d + 2) + d * d

    @property
    def table_bits(self) -> int:
        """The bits that the neurons of all lanes store: constants, states, and the tables of their curves."""
        constants = self.gain_bits + self.bias_bits + self.decoder_bits
        return self.neurons * (constants + self.unit.bits_per_neuron) + self.lanes * self.unit.bits_per_lane

    def generators(self, seed: int | None = None) -> list[list[tuple[int, int, int]]]:
        """The initial states of the generators of each lane, three registers each; from `self.seed` by default."""
        count, chosen = self.unit.generators, self.seed if seed is None else seed
        return [[first_states(chosen, lane * count + k) for k in range(count)] for lane in range(self.lanes)]

    def encode(self, samples: Array) -> IntArray:
        """The codes of samples of any shape within [−1, 1]; +1 itself becomes the largest code.

        Raises:
            DesignError: A sample is out of range or not finite.
        """
        u = np.asarray(samples, dtype=np.float64)
        if u.size and not np.all(np.abs(u) <= 1.0):
            raise DesignError("samples", "within [-1, 1]", f"a peak of {np.abs(u).max():g}")
        codes = np.minimum(np.floor(u * 2.0**self.input_format.fraction + 0.5), self.input_format.high)
        return np.asarray(codes, dtype=np.int64)

    def to_dict(self) -> dict[str, Any]:
        """The contents of the plan's entry in a manifest, as plain values."""
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
        spec: The specification of the memory; its method has one bank of states.
        options: The options of the memory in software. In hardware an ensemble carries one dimension, and the synapse
            is of first order.
        lanes: The number of neurons per cycle, a divisor of the number of neurons in an ensemble.
        input_bits: The width of the samples, 2 … 24.
        state_bits: The width of y and x, 8 … 32.
        coefficient_bits: The width of the coefficients of the maps, 8 … 24.
        neuron_bits: The width of the gains and the least width of the decoders, 8 … 24.
        spikes: The largest number of spikes of a Poisson neuron in a step, 1 … 16; by default the mean number of the
            fastest neuron at 1.2 radii, rounded up.
        design: The design of the same memory; made from `spec` and `options` by default.

    Raises:
        DesignError: An argument is out of range, or hardware cannot realise the design.
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
    if min(planned.state_drop, planned.output_drop) < 1:
        raise DesignError("coefficient_bits", "enough to leave bits to be rounded away", coefficient_bits)
    if (widest := max(planned.map_width, current.width + shift)) > MAX_WIDTH:
        raise DesignError("word lengths", f"such that no sum needs more than {MAX_WIDTH} bits", f"{widest} bits")
    return planned


def _fraction_bits(values: Array, bits: int) -> int:
    """The most fractional bits with which all values fit into `bits` bits, including the sign."""
    return bits - 1 - math.frexp(float(np.abs(values).max()) * (1.0 + 2.0**-bits))[1]


def _codes(values: Array, fraction: int) -> IntArray:
    return np.rint(values * 2.0**fraction).astype(np.int64)


def _width_of(codes: IntArray) -> int:
    return signed_width(int(np.abs(codes).max()))
