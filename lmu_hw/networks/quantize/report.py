"""The error that each format of a planned network causes: one tensor in integers, everything else in float64."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.fixed_point.formats import Overflow, QFormat, signed_width
from lmu_hw.networks.quantize.affine import RealMap, RealNetwork
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.plan import Kind, LayerPlan, NetworkPlan, Segment, Source
from lmu_hw.networks.quantize.planner import NetworkPlanner
from lmu_hw.networks.quantize.registers import registers_for


@dataclass(frozen=True)
class TensorReport:
    """One tensor of a planned network over calibration data.

    Attributes:
        layer: The name of its layer, or "network".
        tensor: What the tensor is.
        formats: The format of its words, or the range of formats where rows of weights differ.
        bits: The width of the widest word.
        low: The least value before it is requantised, in the units of the float network.
        high: The largest value before it is requantised.
        clipped: The share of the values that saturate.
        output_error: The RMS of the change that it causes at the network's outputs, relative to their RMS.
    """

    layer: str
    tensor: str
    formats: str
    bits: int
    low: float
    high: float
    clipped: float
    output_error: float


def format_report(planner: NetworkPlanner, plan: NetworkPlan, *, sequences: int = 32) -> list[TensorReport]:
    """Report on every tensor of `plan`, and finally on the whole network in integers.

    A memory is taken together with its samples u: in integers as it will be built, in an otherwise real network. The
    output of a layer is taken together with the codes that its activation looks up.

    Args:
        planner: The planner that made the plan.
        plan: The plan.
        sequences: The number of calibration sequences to use.
    """
    report = _Report(planner, plan, planner.calibration.inputs[:sequences])
    found = [report.input()]
    for k, layer in enumerate(plan.layers):
        for what, affine in (("drive", layer.drive), ("affine", layer.affine)):
            for segment in () if affine is None else affine.segments:
                found.append(report.weights(k, layer, what, segment))
        if layer.memory is not None:
            found.append(report.memory(k, layer))
        if layer.affine is not None:
            found.append(report.output(k, layer))
    return [*found, report.whole()]


class _Report:
    """The float network that tensors are exchanged in, one at a time, and its outputs."""

    def __init__(self, planner: NetworkPlanner, plan: NetworkPlan, x: Array) -> None:
        self._plan, self._x, self._calibration = plan, x, planner.calibration
        self._network = RealNetwork(planner.layers, plan.output)
        self._outputs = self._network.run(x)
        self._power = float(np.sqrt(np.mean(np.square(self._outputs)))) or 1.0

    def _error(self, outputs: Array) -> float:
        """The relative RMS error of these outputs."""
        return float(np.sqrt(np.mean(np.square(outputs - self._outputs)))) / self._power

    def input(self) -> TensorReport:
        """The words of the network's input."""
        form = self._plan.input_format
        range_ = _Range(form)
        range_.take(self._x, self._x)
        rounded = form.decode(form.encode(self._x, overflow=Overflow.SATURATE))
        return range_.report("network", "input", self._error(self._network.run(rounded)))

    def memory(self, k: int, layer: LayerPlan) -> TensorReport:
        """The memories of a layer in integers."""
        plan, gains = layer.memory, layer.gains
        if plan is None:
            raise TypeError("a layer without memories")
        batch = self._x.shape[0]
        registers = registers_for(plan, gains.size * batch)
        range_ = _Range(plan.input_format)
        per_word = np.repeat(gains, plan.spec.order)[:, None] * plan.output_format.lsb

        def change(kind: str, at: int, vector: Array) -> Array:
            if at == k and kind == "drive":
                range_.take(vector, vector / gains[:, None])
                codes = plan.input_format.encode(vector / gains[:, None], overflow=Overflow.SATURATE)
                registers.step(codes.astype(np.float64).ravel())
            if at == k and kind == "memory":
                words = registers.words.reshape(-1, gains.size, batch).swapaxes(0, 1).reshape(-1, batch)
                return np.asarray(words * per_word)
            return vector

        error = self._error(self._network.run(self._x, change=change))
        formats = f"samples {plan.input_format}, words {plan.output_format}"
        return replace(range_.report(layer.name, "memory", error), formats=formats, bits=plan.output_format.width)

    def output(self, k: int, layer: LayerPlan) -> TensorReport:
        """The output of a layer: the codes of a, and the words of f(a)."""
        activation = layer.activation
        if activation is None:
            raise TypeError("a layer without a dense part")
        range_ = _Range(activation.input)
        words = np.zeros(0)

        def change(kind: str, at: int, vector: Array) -> Array:
            nonlocal words
            if at == k and kind == "sum":
                range_.take(vector, vector)
                codes = activation.input.encode(vector, overflow=Overflow.SATURATE)
                words = activation.output.decode(activation(codes))
            return words if at == k and kind == "output" else vector

        error = self._error(self._network.run(self._x, change=change))
        formats = f"codes {activation.input}, words {activation.output}"
        return replace(range_.report(layer.name, "output", error), formats=formats, bits=activation.output.width)

    def weights(self, k: int, layer: LayerPlan, what: str, segment: Segment) -> TensorReport:
        """The weights of one segment, with the bias that makes up for the mean of their errors."""
        real_layer = self._network.layers[k]
        real = real_layer.drive if what == "drive" else real_layer.affine
        if real is None:
            raise TypeError("a plan of another network")
        per_row = (layer.gains if what == "drive" else np.ones(segment.weights.shape[0]))[:, None]
        units = per_row / self._gains(segment.source)  # from weights of words to those of the float network
        grids = 2.0 ** segment.fractions.astype(np.float64)[:, None]
        exact, realised = real.parts[segment.source], segment.weights / grids * units
        taken_up = (exact - realised) @ self._mean(k, what, real, segment.source)
        changed = RealMap(dict(real.parts) | {segment.source: realised}, real.bias + taken_up)
        new = replace(real_layer, drive=changed) if what == "drive" else replace(real_layer, affine=changed)
        layers = [new if i == k else each for i, each in enumerate(self._network.layers)]
        error = self._error(RealNetwork(layers, self._plan.output).run(self._x))
        most = int(np.abs(segment.weights).max())
        clipped = (np.abs(segment.weights) == most) & (np.abs(exact / units * grids) > most + 0.5)
        low, high = int(segment.fractions.min()), int(segment.fractions.max())
        return TensorReport(
            layer=layer.name,
            tensor=f"{what} weights of {segment.source}",
            formats=f"{low} fractional bits" if low == high else f"{low} to {high} fractional bits",
            bits=signed_width(most),
            low=float(exact.min()),
            high=float(exact.max()),
            clipped=float(np.mean(clipped)),
            output_error=error,
        )

    def whole(self) -> TensorReport:
        """Everything in integers."""
        model = IntegerNetwork(self._plan)
        form = self._plan.input_format
        outputs = model.decode(model.run(form.encode(self._x, overflow=Overflow.SATURATE)))
        last = self._plan.output_format
        range_ = _Range(last)
        range_.take(self._outputs, self._outputs)
        return range_.report("network", "everything", self._error(outputs))

    def _gains(self, source: Source) -> Array:
        """The factors from the values of a source's words to those of the float network, shape (words,) or ()."""
        memory = self._plan.layers[source.layer].memory
        states = source.kind is Kind.MEMORY or (
            source.kind is Kind.OUTPUT and self._plan.layers[source.layer].affine is None
        )
        if states and memory is not None:
            return np.repeat(self._plan.layers[source.layer].gains, memory.spec.order)
        return np.ones(())

    def _mean(self, k: int, what: str, real: RealMap, source: Source) -> Array:
        """The mean of the source's vector over the calibration data."""
        statistics = (self._calibration.drives if what == "drive" else self._calibration.affines)[k]
        if statistics is None:
            raise TypeError("a map that was not calibrated")
        start = 0
        for other, matrix in real.parts.items():
            if other == source:
                return statistics.mean[start : start + matrix.shape[1]]
            start += matrix.shape[1]
        raise KeyError(source)


class _Range:
    """The range of the values that a format has to hold."""

    def __init__(self, form: QFormat) -> None:
        self._form = form
        self._low, self._high, self._clipped, self._count = np.inf, -np.inf, 0, 0

    def take(self, values: Array, scaled: Array) -> None:
        """Add values of the float network, and the same values in the units of the format."""
        half = 0.5 * self._form.lsb
        low, high = self._form.low * self._form.lsb - half, self._form.high * self._form.lsb + half
        self._low, self._high = min(self._low, float(values.min())), max(self._high, float(values.max()))
        self._clipped += int(np.count_nonzero((scaled < low) | (scaled >= high)))
        self._count += values.size

    def report(self, layer: str, tensor: str, error: float) -> TensorReport:
        """Return the report on all values that were added."""
        share = self._clipped / self._count
        return TensorReport(layer, tensor, str(self._form), self._form.width, self._low, self._high, share, error)
