"""The samples that a memory is run on: a user's file, or seeded noise."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lmu_hw.cli.excitation import noise_record, record_length
from lmu_hw.core.legendre import Array
from lmu_hw.design.memory import Design
from lmu_hw.errors import DesignError
from lmu_hw.io.signals import read_signal

_RATE_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Recording:
    """Where samples come from.

    Attributes:
        path: the file, or None for noise.
        channel: which of the file's channels.
        normalize: scale the peak to 1.
    """

    path: Path | None
    channel: str | None = None
    normalize: bool = False

    def flags(self) -> str:
        """The command line flags that give this recording."""
        if self.path is None:
            return ""
        words = ["--input", str(self.path)]
        words += [] if self.channel is None else ["--channel", self.channel]
        return " " + shlex.join([*words, *(["--normalize"] if self.normalize else [])])


@dataclass(frozen=True, eq=False)
class Samples:
    """A recording that was read, and the design with the step that goes with it.

    Attributes:
        values: shape (T,), in [−1, 1].
        design: with `dt`, taken from the file's rate where it was left out.
        origin: what the samples are, as plain values.
    """

    values: Array
    design: Design
    origin: dict[str, Any]


def read(recording: Recording, design: Design, *, required: bool = False) -> Samples:
    """Read the recording, or make noise where there is none.

    A file whose rate is not 1/dt is taken sample by sample all the same, which a note on standard error says.

    Raises:
        DesignError: the file is refused, see `lmu_hw.io.signals.read_signal`, or a file is `required` and not given.
    """
    if recording.path is None:
        if required:
            raise DesignError("input", "given, by --input FILE", "nothing")
        spec = design.spec()
        samples, band = record_length(spec)
        origin = {"input": "band-limited noise", "seed": design.seed, "band_hz": band}
        return Samples(
            noise_record(spec, design.seed), design, {**origin, "samples": samples, "rate_hz": 1.0 / spec.dt}
        )
    signal = read_signal(recording.path, channel=recording.channel, normalize=recording.normalize)
    if design.dt is None and signal.rate is not None:
        design = replace(design, dt=1.0 / signal.rate)
    if design.dt is not None and signal.rate is not None and abs(signal.rate * design.dt - 1.0) > _RATE_TOLERANCE:
        note = f"{recording.path} has {signal.rate:g} samples a second; each is taken as one step of {design.dt:g} s"
        print(f"lmu-hw: note: {note}", file=sys.stderr)
    origin = {"input": str(recording.path), "samples": signal.samples.size, "rate_hz": signal.rate}
    return Samples(signal.samples, design, origin)
