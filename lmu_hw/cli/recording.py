"""The input of a memory or a network: the samples or sequences of a user's file, or seeded noise."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.design.memory import Design
from lmu_hw.design.network import NetworkDesign
from lmu_hw.design.requests import BenchRequest, Recording
from lmu_hw.errors import DesignError, RequestError
from lmu_hw.io.recordings import Sequences, read_sequences
from lmu_hw.io.signals import band_limited_noise, read_signal
from lmu_hw.networks.model import Network
from lmu_hw.networks.quantize.plan import NetworkPlan

_RATE_TOLERANCE = 1e-3
_NOISE_WINDOWS = 3
_MOST_NOISE = 20_000  # samples, of a record of several windows
_NOISE_PEAK = 0.95


@dataclass(frozen=True, eq=False)
class Samples:
    """A recording that was read, and the design with the step that goes with it.

    Attributes:
        values: The samples, in [−1, 1], of shape (T,).
        design: The design with `dt`, which the file's rate gives where it was left out.
        origin: The origin of the samples, as plain values.
    """

    values: Array
    design: Design
    origin: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A plan of a network, and the data on which its formats were chosen, as the answer names them.

    Attributes:
        plan: The plan.
        calibration: What the data are.
        steps: The number of steps of their sequences.
    """

    plan: NetworkPlan
    calibration: str
    steps: int


def read(recording: Recording, design: Design, *, required: bool = False, bench: BenchRequest | None = None) -> Samples:
    """Read the recording, or make noise where there is none; of so many samples as `bench` asks for.

    A file whose rate is not 1/dt is taken sample by sample all the same, and a note on standard error says so.

    Raises:
        DesignError: The file has an error (see `lmu_hw.io.signals.read_signal`), a file is `required` and not given,
            it has fewer samples than are asked for, or the design has several channels.
    """
    bench = bench or BenchRequest()
    if design.channels != 1:
        raise DesignError("channels", "1 for one recording", design.channels)
    if recording.path is None:
        if required:
            raise _not_given("input")
        spec = design.spec()
        values = noise_record(spec, design.seed, bench.samples)
        _, band = record_length(spec, bench.samples)
        origin = {"input": "band-limited noise", "seed": design.seed, "band_hz": band}
        return Samples(values, design, {**origin, "samples": values.size, "rate_hz": 1.0 / spec.dt})
    signal = read_signal(recording.path, channel=recording.channel, normalize=recording.normalize)
    if design.dt is None and signal.rate is not None:
        design = replace(design, dt=1.0 / signal.rate)
    if design.dt is not None and signal.rate is not None and abs(signal.rate * design.dt - 1.0) > _RATE_TOLERANCE:
        note = f"{recording.path} has {signal.rate:g} samples a second; each is taken as one step of {design.dt:g} s"
        print(f"lmu-hw: note: {note}", file=sys.stderr)
    values = signal.samples[: bench.first(signal.samples.size, f"samples of {recording.path}")]
    return Samples(values, design, {"input": str(recording.path), "samples": values.size, "rate_hz": signal.rate})


def record_length(spec: LMUSpec, samples: int | None = None) -> tuple[int, float]:
    """The number of samples of noise, and the edge of its band in Hz: order/4 cycles per window, where dt allows it.

    Args:
        spec: The memory.
        samples: The number of samples that are needed; by default some windows, within limits, which it is at least.
    """
    window = math.ceil(spec.ratio)
    samples = max(min(_NOISE_WINDOWS * window, _MOST_NOISE), window, 64, samples or 0)
    band = min(spec.order / (4.0 * spec.theta), 0.4 / spec.dt)
    return samples, max(band, 2.0 / (samples * spec.dt))


def noise_record(spec: LMUSpec, seed: int, samples: int | None = None) -> Array:
    """Noise in the band that the memory resolves, or its first `samples`, of shape (samples,), with a peak of 0.95."""
    length, band = record_length(spec, samples)
    noise: Array = _NOISE_PEAK * band_limited_noise(length, spec.dt, band, seed)
    return noise[:samples]


def read_input(network: Network, source: Path | None) -> Sequences:
    """Read the sequences of --input.

    Raises:
        DesignError: There are none, or they do not fit the network.
    """
    if source is None:
        raise _not_given("input")
    return read_sequences(source, network.inputs)


def calibration_of(design: NetworkDesign, network: Network) -> Sequences:
    """Read the sequences of --calibration.

    Raises:
        DesignError: There are none, or they do not fit the network.
    """
    if design.calibration is None:
        raise _not_given("calibration")
    return read_sequences(Path(design.calibration), network.inputs)


def quantized(design: NetworkDesign, network: Network, sequences: Sequences | None = None) -> Calibrated:
    """Plan a network with formats that are chosen on --calibration, or else on `sequences`, those of --input.

    Raises:
        DesignError: There is neither, or the planner finds an error; the message names the layer.
    """
    from lmu_hw.networks.quantize.planner import plan_network

    if design.calibration is None and sequences is not None:
        data, origin = sequences, "the input itself"
    else:
        data, origin = calibration_of(design, network), str(design.calibration)
    return Calibrated(plan_network(network, data.values, design.options()), origin, data.values.shape[1])


def network_rows(network: Network) -> list[tuple[str, str]]:
    """The rows of a table that describe a network, with the usable band of each of its memories."""
    from lmu_hw.core.band import usable_band

    specs = {network.name(k): layer.memory_spec for k, layer in enumerate(network.layers)}
    return [
        ("layers", layers_of(network)),
        ("parameters", str(network.parameters)),
        ("output", f"{network.outputs} words per {'step' if network.output == 'sequence' else 'sequence'}"),
        *((f"usable band of {name}", usable_band(spec).summary()) for name, spec in specs.items() if spec is not None),
    ]


def layers_of(network: Network) -> str:
    """The names of the layers in one line."""
    return "; ".join(network.name(k) for k in range(len(network.layers)))


def input_facts(source: Path | None, sequences: Sequences) -> dict[str, Any]:
    """The description of the input of a network, as plain values."""
    batch, steps, _ = sequences.values.shape
    return {"input": str(source), "sequences": batch, "steps": steps}


def _not_given(name: str) -> DesignError:
    return RequestError(f"--{name} FILE is missing", hint=_WANTED[name])


#: What a missing file is for.
_WANTED = {
    "input": "it holds the samples",
    "calibration": "it holds the sequences that the formats are chosen on",
}
