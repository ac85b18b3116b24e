"""From a trained network, data and word lengths to a plan: post-training quantisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import MAX_WIDTH, IntArray, QFormat, signed_width
from lmu_hw.fixed_point.plan import Datapath, MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.networks.model import Network
from lmu_hw.networks.quantize.activations import straight, tabulate
from lmu_hw.networks.quantize.affine import RealLayer, RealMap, real_layers
from lmu_hw.networks.quantize.calibration import Calibration, CalibrationStatistics, calibrate
from lmu_hw.networks.quantize.options import Clipping, Granularity, LayerOptions, NetworkOptions
from lmu_hw.networks.quantize.plan import (
    ActivationPlan,
    AffinePlan,
    Kind,
    LayerPlan,
    NetworkPlan,
    Segment,
    Source,
)
from lmu_hw.networks.quantize.rounding import clipped_fraction_bits, compensated, finest_fraction_bits, nearest
from lmu_hw.networks.quantize.storage import check_budget
from lmu_hw.reference.definition import Activation

_GUARD = 6  # fractional bits of a product beyond those of its target that still count
_INPUT_GRID_BITS = 16  # the widest input words that are considered where the data lie on a grid
_GAINS = 16  # candidates in an octave for the unit of u


def plan_network(
    network: Network,
    calibration: ArrayLike,
    options: NetworkOptions | None = None,
    *,
    input_bits: int | None = None,
    output_bits: int | None = None,
    memory_bits: int | None = None,
    weight_bits: int | None = None,
    activation_bits: int | None = None,
    drive_bits: int | None = None,
    state_bits: int | None = None,
    coefficient_bits: int | None = None,
    datapath: Datapath | str | None = None,
    granularity: Granularity | str | None = None,
    clipping: Clipping | str | None = None,
    compensated: bool | None = None,
) -> NetworkPlan:
    """Choose every format of `network` and round its weights, without training.

    Grids are powers of two. State words hold every state that |u| ≤ 1 can cause, and accumulators hold every partial
    sum, whatever the words are, so nothing can overflow. Drives and outputs of layers saturate beyond the range of the
    calibration data and the margin; the outputs of a linear or rectified last layer without feedback never do.

    Args:
        network: The network, of any layers except LSTMs.
        calibration: Inputs like those that the network will see, shape (batch, T, inputs).
        options: The word lengths, which may differ from layer to layer.
        input_bits, output_bits, memory_bits: The word lengths of a network without `options`, see `NetworkOptions`.
        weight_bits, activation_bits, drive_bits, state_bits, coefficient_bits, datapath, granularity, clipping,
            compensated: The choices for all layers of a network without `options`, see `LayerOptions`.

    Raises:
        DesignError: `options` are given beside single choices; a layer is an LSTM or cannot be planned with these
            options; the calibration data are not finite, of another shape or out of the range of the given input
            format; or the plan exceeds the budget. The message names the layer.
    """
    of_network = {"input_bits": input_bits, "output_bits": output_bits, "memory_bits": memory_bits}
    of_layers = {
        "weight_bits": weight_bits,
        "activation_bits": activation_bits,
        "drive_bits": drive_bits,
        "state_bits": state_bits,
        "coefficient_bits": coefficient_bits,
        "datapath": datapath,
        "granularity": granularity,
        "clipping": clipping,
        "compensated": compensated,
    }
    return NetworkPlanner(network, calibration).plan(_options(options, of_network, of_layers))


def _options(
    options: NetworkOptions | None, of_network: Mapping[str, Any], of_layers: Mapping[str, Any]
) -> NetworkOptions | None:
    """The options, which are given as a whole or one by one.

    Raises:
        DesignError: They are given in both ways.
    """
    asked, for_layers = ({n: v for n, v in each.items() if v is not None} for each in (of_network, of_layers))
    if not asked and not for_layers:
        return options
    if options is not None:
        raise DesignError("options", "left out beside single choices", ", ".join((*asked, *for_layers)))
    return NetworkOptions(LayerOptions(**for_layers), **asked)


class NetworkPlanner:
    """A planner for several choices of word lengths, which runs the network over the calibration data only once.

    Attributes:
        network: The network that is planned.
        layers: The layers of the network as affine maps.
        calibration: The statistics of these maps over the calibration data.
    """

    def __init__(self, network: Network, calibration: ArrayLike) -> None:
        self.network = network
        self.layers = real_layers(network)
        self.calibration: Calibration = calibrate(self.layers, network.output, calibration, network.inputs)

    def plan(self, options: NetworkOptions | None = None) -> NetworkPlan:
        """The plan for these word lengths; see `plan_network`.

        Raises:
            DesignError: See `plan_network`; or `options` name a layer that does not exist.
        """
        chosen = options or NetworkOptions()
        unknown = [k for k in chosen.layers if not 0 <= k < len(self.layers)]
        if unknown:
            raise DesignError("layers of the options", f"from 0 to {len(self.layers) - 1}", unknown[0])
        input_format = _input_format(self.calibration.inputs, chosen)
        words = {Source(Kind.INPUT): _Words(input_format, np.ones(self.network.inputs))}
        planned: list[LayerPlan] = []
        for k, layer in enumerate(self.layers):
            try:
                planned.append(self._layer(k, layer, chosen, words))
            except DesignError as error:
                if layer.name in error.what:
                    raise
                raise error.of(layer.name) from None
        plan = NetworkPlan(tuple(planned), self.network.inputs, input_format, self.network.output)
        check_budget(plan, chosen.memory_bits)
        return plan

    def _layer(self, k: int, layer: RealLayer, options: NetworkOptions, words: dict[Source, _Words]) -> LayerPlan:
        own, last = options.of(k), k + 1 == len(self.layers) and not layer.recurrent
        drive, memory, gains = None, None, np.zeros(0)
        target, activation, affine = None, None, None
        if layer.affine is not None:
            statistics = _present(self.calibration.affines[k])
            target, activation = _output_plan(layer.activation, statistics, own, options if last else None)
            given = _Words(activation.output, np.ones(layer.affine.bias.size))
            words[Source(Kind.OUTPUT, k)] = words[Source(Kind.OUTPUT, k, previous=True)] = given
        if layer.spec is not None and layer.drive is not None:
            memory = _memory(layer.spec, own)
            drive_statistics = _present(self.calibration.drives[k])
            gains = _gains(k, layer.drive, drive_statistics, words, memory, own)
            words[Source(Kind.MEMORY, k)] = _Words(memory.output_format, np.repeat(gains, layer.spec.order))
            words[Source(Kind.MEMORY, k, previous=True)] = words[Source(Kind.MEMORY, k)]
            drive = _plan_map("drive", layer.drive, drive_statistics, words, gains, own, memory.input_format)
            if layer.affine is None:
                words[Source(Kind.OUTPUT, k)] = words[Source(Kind.MEMORY, k)]
        if layer.affine is not None and target is not None and activation is not None:
            one = np.ones(layer.affine.bias.size)
            statistics = _present(self.calibration.affines[k])
            affine = _plan_map("affine map", layer.affine, statistics, words, one, own, target)
            if last and not activation.tabulated:
                affine = unsaturated(affine, options.output_bits)
                activation = straight(activation.function, affine.target)
        return LayerPlan(layer.name, drive, memory, affine, activation, gains)


@dataclass(frozen=True, eq=False)
class _Words:
    """The words of a source.

    Attributes:
        form: The format of the words.
        gains: The factor of each word from its value to the value in the float network.
    """

    form: QFormat
    gains: Array


def _present(statistics: CalibrationStatistics | None) -> CalibrationStatistics:
    if statistics is None:
        raise TypeError("a map that was not calibrated")
    return statistics


def _input_format(inputs: Array, options: NetworkOptions) -> QFormat:
    """The given format; or whole codes of the grid that the data lie on; or `input_bits` that hold the data."""
    if options.input_format is not None:
        form = options.input_format
        low, high = form.low * form.lsb, form.high * form.lsb
        if inputs.min() < low or inputs.max() > high:
            wanted = f"from {low:g} to {high:g}, the range of the input format {form}"
            raise DesignError("calibration data", wanted, [float(inputs.min()), float(inputs.max())])
        return form
    peak = np.abs(inputs).max()
    if peak == 0.0:
        raise DesignError("calibration data", "different from zero somewhere", "only zeros")
    for fraction in range(-_INPUT_GRID_BITS, 2 * _INPUT_GRID_BITS):
        codes = np.ldexp(inputs, fraction)
        if np.array_equal(codes, np.rint(codes)):
            width = max(2, signed_width(float(np.abs(codes).max())))
            if width <= _INPUT_GRID_BITS:
                return QFormat(width, fraction)
            break
    margin = 1.0 + options.layer.margin
    return QFormat(options.input_bits, int(finest_fraction_bits(np.array([peak * margin]), options.input_bits)[0]))


def _memory(spec: LMUSpec, options: LayerOptions) -> MemoryPlan:
    keys = {"datapath": options.datapath, "coefficient_bits": options.coefficient_bits}
    return _cached_memory(spec, options.drive_bits, options.state_bits, tuple(keys.items()))


@lru_cache(maxsize=16)
def _cached_memory(spec: LMUSpec, drive_bits: int, state_bits: int, others: tuple[tuple[str, Any], ...]) -> MemoryPlan:
    """The plan of a memory, kept for the next call: the proofs of a high order take half a minute."""
    return plan_memory(spec, input_bits=drive_bits, state_bits=state_bits, **dict(others))


def _output_plan(
    function: Activation, statistics: CalibrationStatistics, options: LayerOptions, network: NetworkOptions | None
) -> tuple[QFormat, ActivationPlan]:
    """The target of the affine map and the activation; `network` is given for a last layer without feedback only."""
    if function in (Activation.TANH, Activation.SIGMOID):
        table = tabulate(function, options.activation_bits)
        return table.input, table
    bits = options.activation_bits if network is None else network.output_bits
    rectified = function is Activation.RELU
    samples = np.maximum(statistics.samples, 0.0) if rectified else statistics.samples
    peak = float(statistics.high.max() if rectified else max(statistics.high.max(), -statistics.low.min()))
    fraction_bits = finest_fraction_bits(np.array([max(peak, 2.0**-16) * (1.0 + options.margin)]), bits)
    if options.clipping is Clipping.ERROR and network is None:
        fraction_bits = clipped_fraction_bits(samples[None, :], fraction_bits, bits, np.ones(samples.size))
    form = QFormat(bits, int(fraction_bits[0]))
    return form, straight(function, form)


def _gains(
    k: int,
    drive: RealMap,
    statistics: CalibrationStatistics,
    words: Mapping[Source, _Words],
    memory: MemoryPlan,
    options: LayerOptions,
) -> Array:
    """The unit of u for each channel: large enough that |u| ≤ 1, and chosen for the least error of u.

    A memory takes samples within [−1, 1]. Nothing else in a network depends on the unit of u, so it can be chosen. Up
    to an octave above the smallest unit the grid of u gets coarser, but weights may happen to lie on their grids:
    the largest weight of a row does where the unit is that weight times a power of two.
    """
    form = memory.input_format
    most = form.high * form.lsb
    peaks = np.maximum(np.maximum(statistics.high, -statistics.low), 2.0**-16) / most
    # A drive of the input alone is bounded with the input; one of states may exceed the range of the data.
    least = peaks * (1.0 if drive.input_only else 1.0 + options.margin)
    gains: Array = least.copy()
    order = memory.spec.order
    own = Source(Kind.MEMORY, k, previous=True)
    for c in range(gains.size):
        row = np.concatenate([matrix[c] for matrix in drive.parts.values()])
        largest = np.sort(np.abs(row))[::-1][:4]
        candidates = [least[c] * 2.0 ** (i / _GAINS) for i in range(_GAINS)]
        candidates += [w * 2.0 ** np.ceil(np.log2(least[c] / w)) for w in largest.tolist() if w > 0.0]

        def error(gain: float, c: int = c, row: Array = row) -> float:
            tried = gains.copy()
            tried[c] = gain
            known = dict(words) | {own: _Words(memory.output_format, np.repeat(tried, order))}
            single = RealMap({s: m[c : c + 1] for s, m in drive.parts.items()}, drive.bias[c : c + 1])
            parts = _Columns(single, statistics, known, np.array([gain]))
            fraction_bits, codes = _rounded(parts, options, form)
            lost = (parts.weights - np.ldexp(codes.astype(np.float64), -fraction_bits))[0]
            rounding_power = 0.0 if parts.on_grid(codes, fraction_bits, form) else form.lsb**2 / 12.0
            return float(gain**2 * (lost @ parts.covariance @ lost + rounding_power))

        gains[c] = min(candidates, key=error)
    return gains


class _Columns:
    """A map on the words of its sources, all of them side by side.

    Attributes:
        weights: The weights in units of the words and of the map's results, shape (rows, columns).
        mean: The mean of the words over the calibration data, shape (columns,).
        covariance: The covariance of the words, shape (columns, columns).
        slices: The columns of each source.
        forms: The format of each source.
        bias: The constant part in units of the map's results, shape (rows,).
    """

    def __init__(
        self, real: RealMap, statistics: CalibrationStatistics, words: Mapping[Source, _Words], row_gains: Array
    ) -> None:
        gains = np.concatenate([words[source].gains for source in real.parts] or [np.zeros(0)])
        stacked = np.concatenate([*real.parts.values()] or [np.zeros((real.bias.size, 0))], axis=1)
        self.weights = stacked * gains / row_gains[:, None]
        self.mean, self.covariance = statistics.mean / gains, statistics.covariance / np.outer(gains, gains)
        self.slices: dict[Source, slice] = {}
        start = 0
        for source, matrix in real.parts.items():
            self.slices[source] = slice(start, start + matrix.shape[1])
            start += matrix.shape[1]
        self.forms = {source: words[source].form for source in real.parts}
        self.bias = real.bias / row_gains

    def on_grid(self, codes: IntArray, fraction_bits: IntArray, target: QFormat) -> bool:
        """Whether no sum needs to be rounded to the target's grid."""
        terms = [np.ldexp(self.bias, target.fraction)]
        for source, columns in self.slices.items():
            terms.append(
                np.ldexp(codes[:, columns], target.fraction - self.forms[source].fraction - fraction_bits[:, columns])
            )
        return all(np.array_equal(each, np.rint(each)) for each in terms)


def _rounded(parts: _Columns, options: LayerOptions, target: QFormat) -> tuple[IntArray, IntArray]:
    """The fractional bits and the codes of all weights, shape (rows, columns) each."""
    bits = options.weight_bits
    fraction_bits = np.empty(parts.weights.shape, dtype=np.int64)
    power = np.diagonal(parts.covariance)
    for source, columns in parts.slices.items():
        form, weights = parts.forms[source], parts.weights[:, columns]
        share = power[columns]
        if options.granularity is Granularity.TENSOR:
            weights, share = weights.reshape(1, -1), np.tile(share, weights.shape[0])
        peaks = np.abs(weights).max(axis=1)
        chosen = finest_fraction_bits(peaks, bits)
        if options.clipping is Clipping.ERROR:
            chosen = clipped_fraction_bits(weights, chosen, bits, share)
        # A grid finer than this would only widen the accumulator: its last bit times the largest word is far below
        # the target's LSB. Rows of zeros need no grid, and take the coarsest one of the others.
        finest = target.fraction + _GUARD + (form.width - 1 - form.fraction)
        chosen = np.where(peaks > 0.0, np.minimum(chosen, finest), finest)
        chosen = np.where(peaks > 0.0, chosen, chosen.min())
        fraction_bits[:, columns] = chosen[:, None]
    if options.compensated and parts.weights.shape[1]:
        return fraction_bits, compensated(parts.weights, fraction_bits, bits, parts.covariance)
    return fraction_bits, nearest(parts.weights, fraction_bits, bits)


def _plan_map(
    what: str,
    real: RealMap,
    statistics: CalibrationStatistics,
    words: Mapping[Source, _Words],
    row_gains: Array,
    options: LayerOptions,
    target: QFormat,
) -> AffinePlan:
    """The map in integers; the bias makes up for the mean of what the rounded weights lose."""
    parts = _Columns(real, statistics, words, row_gains)
    fraction_bits, codes = _rounded(parts, options, target)
    fraction = target.fraction
    for source, columns in parts.slices.items():
        fraction = max(fraction, int(fraction_bits[:, columns].max()) + parts.forms[source].fraction)
    lost = parts.weights - np.ldexp(codes.astype(np.float64), -fraction_bits)
    bias = np.rint(np.ldexp(parts.bias + lost @ parts.mean, fraction))
    segments = []
    for source, columns in parts.slices.items():
        form, fractions = parts.forms[source], fraction_bits[:, columns.start].copy()
        alignment_shifts = fraction - form.fraction - fractions
        segments.append(Segment(source, form, np.ascontiguousarray(codes[:, columns]), fractions, alignment_shifts))
    try:
        return _accumulated(segments, bias, fraction, target)
    except DesignError as error:
        raise error.of(f"the {what}") from None


def _accumulated(segments: Sequence[Segment], bias: Array, fraction: int, target: QFormat) -> AffinePlan:
    """The map with an accumulator that holds every partial sum, whatever the words are."""
    largest = np.abs(bias)
    for each in segments:
        word = float(max(-each.words.low, each.words.high))
        largest = largest + np.ldexp(np.abs(each.weights).sum(axis=1) * word, each.alignment_shifts)
    width = signed_width(float(largest.max()) * (1.0 + 1e-12))
    if width > MAX_WIDTH:
        raise DesignError("accumulator", f"of at most {MAX_WIDTH} bits", width, hint="fewer weight_bits help")
    return AffinePlan(tuple(segments), bias.astype(np.int64), QFormat(width, fraction), target)


def reweighted(affine: AffinePlan, weights: Sequence[IntArray], bias: IntArray) -> AffinePlan:
    """The map with other weights for each segment and other biases, on the same grids.

    Raises:
        DesignError: An accumulator of these weights takes more than 62 bits.
    """
    segments = [replace(each, weights=codes) for each, codes in zip(affine.segments, weights, strict=True)]
    return _accumulated(segments, bias.astype(np.float64), affine.accumulator.fraction, affine.target)


def unsaturated(affine: AffinePlan, bits: int) -> AffinePlan:
    """The map with a target that holds every result: on the accumulator's grid, or the finest that `bits` allow."""
    largest = int(affine.largest_sums.max())
    drop = max(0, signed_width(float(largest)) - bits)
    while signed_width(float((largest + (1 << drop >> 1)) >> drop)) > bits:
        drop += 1
    width = signed_width(float((largest + (1 << drop >> 1)) >> drop))
    return replace(affine, target=QFormat(width, affine.accumulator.fraction - drop))
