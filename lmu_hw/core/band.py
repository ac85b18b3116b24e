"""The usable band of a memory: up to which frequency its oldest sample can still be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lmu_hw.core.display import Displayed, number
from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import pade_error, transfer_of

#: The errors at which a band is stated: good, fair, and useless, where a constant 0 would be as close.
LEVELS = (0.01, 0.1, 1.0)

#: The largest sampled system, in states of all banks, that is evaluated; that of a larger one takes too long.
LARGEST_SAMPLED = 256
#: The longest window, in steps, at which the sampled system is evaluated.
LONGEST_SAMPLED = 1e9

_LOWEST = 1e-3  # cycles per window
_POINTS = 200
_HALVINGS = 16


@dataclass(frozen=True, repr=False)
class UsableBand(Displayed):
    """Up to which frequency the readout at θ, the oldest that a memory has, follows an ideal delay of θ.

    The error at a frequency is |response of the readout − e^{−jωθ}|: that of a sine over its amplitude. It is the Padé
    error of the continuous memory (`lmu_hw.core.system.pade_error`), and where a step is given that of the sampled one,
    without the half step by which a held sample is late. Readouts of shorter delays are better.

    Attributes:
        edge_hz: The highest frequency, in Hz, up to which the error is at most 1 %: `frequencies_hz[0]`, or half the
            sampling rate where the error stays smaller.
        frequencies_hz: The lowest frequencies, in Hz, at which the error exceeds 1 %, 10 % and 100 % (`LEVELS`); None
            where it does not below half the sampling rate.
        sampled: Whether the step is part of it.
    """

    edge_hz: float
    frequencies_hz: tuple[float | None, ...]
    sampled: bool

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield "usable band", self.summary()

    def to_dict(self) -> dict[str, Any]:
        """The band as plain values; `error` has the levels that `frequency_hz` belongs to."""
        return {
            "edge_hz": self.edge_hz,
            "error": list(LEVELS),
            "frequency_hz": list(self.frequencies_hz),
            "system": "sampled" if self.sampled else "continuous",
        }

    def summary(self) -> str:
        """The band in one line, such as "to 377 Hz (error of the readout at θ ≤ 1 %); 10 % at 426 Hz, …"."""
        return band_summary(self.to_dict())


def band_summary(band: Mapping[str, Any]) -> str:
    """The line of `UsableBand.summary` from the plain values of `UsableBand.to_dict`, as manifests have them."""
    good, fair, useless = band["frequency_hz"]
    of = "continuous " if band["system"] == "continuous" else ""
    text = f"to {number(band['edge_hz'])} Hz (error of the {of}readout at θ ≤ 1 %)"
    if good is None:
        return f"{text}, half the sampling rate"
    if fair is not None:
        text += f"; 10 % at {number(fair)} Hz"
    return text + ("" if useless is None else f", useless from {number(useless)} Hz (100 %)")


def continuous_band(order: int, theta: float) -> UsableBand:
    """The usable band of the continuous memory, which an analog circuit realises.

    Args:
        order: The number of states d.
        theta: The window θ in seconds.
    """
    cycles = _crossings(lambda c: pade_error(order, c), max(2.0, 2.0 * order))
    return UsableBand(*_in_hz(cycles, theta, np.inf), sampled=False)


def usable_band(spec: LMUSpec) -> UsableBand:
    """The usable band of the memory of a specification.

    It is that of the sampled system in exact arithmetic, up to `LARGEST_SAMPLED` states of all banks and
    `LONGEST_SAMPLED` steps, and for larger systems and longer windows that of the continuous memory: there doubles no
    longer tell the response of a step from 1 well enough.
    """
    nyquist = 0.5 * spec.ratio  # cycles per window
    top = min(nyquist, max(2.0, 2.0 * spec.order))
    if spec.order * len(spec.discretization.bank_gains) > LARGEST_SAMPLED or spec.ratio > LONGEST_SAMPLED:
        cycles = _crossings(lambda c: pade_error(spec.order, c), top)
        return UsableBand(*_in_hz(cycles, spec.theta, nyquist), sampled=False)
    transfer = transfer_of(spec)
    # The state after a sample is that of a whole step later; a held sample stands for the middle of its step.
    ahead = (1.0 - spec.discretization.input_delay) / spec.ratio

    def error(cycles: Array) -> Array:
        response = transfer(cycles / spec.theta)[0] * np.exp(-2j * np.pi * cycles * ahead)
        return np.asarray(np.abs(response - np.exp(-2j * np.pi * cycles)))

    return UsableBand(*_in_hz(_crossings(error, top), spec.theta, nyquist), sampled=True)


def _crossings(error: Callable[[Array], Array], top: float) -> tuple[float | None, ...]:
    """The lowest frequencies below `top` at which the error exceeds each level, in cycles per window."""
    grid = np.geomspace(min(_LOWEST, 0.5 * top), top, _POINTS)[:-1]
    above = error(grid)[None, :] > np.array(LEVELS)[:, None]
    first = above.argmax(axis=1)
    low, high = np.where(first > 0, grid[first - 1], 0.0), grid[first]
    for _ in range(_HALVINGS):  # all levels at once
        middle = 0.5 * (low + high)
        exceeds = error(middle) > LEVELS
        low, high = np.where(exceeds, low, middle), np.where(exceeds, middle, high)
    exceeded = np.any(above, axis=1).tolist()
    return tuple(at if found else None for at, found in zip(high.tolist(), exceeded, strict=True))


def _in_hz(cycles: tuple[float | None, ...], theta: float, nyquist: float) -> tuple[float, tuple[float | None, ...]]:
    """The edge and the frequencies of a band from its crossings in cycles per window."""
    edge = nyquist if cycles[0] is None else cycles[0]
    return edge / theta, tuple(None if each is None else each / theta for each in cycles)
