"""The requirements of a circuit on its amplifiers and supplies.

These are the slowest and weakest amplifiers with which it still keeps a stated error, and an estimate of its power,
from the currents of the amplifiers at rest and of the resistors at worst.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from lmu_hw.analog.circuit.graph import Circuit, walk
from lmu_hw.analog.design.memory import PREDICTION_ORDER, AnalogDesign
from lmu_hw.errors import DesignError, check_positive


@dataclass(frozen=True)
class Power:
    """The power that a circuit draws from its two supplies, W.

    Attributes:
        amplifiers: The power of the amplifiers at rest: a macro-model of an op-amp states its supply current, a model
            of one pole takes `AMPS_PER_HZ` times its gain-bandwidth product, a transconductor twice its largest output
            current. None where the devices are ideal and state no current.
        resistors: The power of the resistors at worst: each has the whole swing across it, and its current comes from
            one supply.
        supply_amps: The assumed current of all amplifiers at rest from each supply, A, from which `amplifiers` follows;
            None where the devices state none.
    """

    amplifiers: float | None
    resistors: float
    supply_amps: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)


def estimate_power(circuit: Circuit, *, supply: float, swing: float) -> Power:
    """Estimate the power of `circuit`.

    Args:
        circuit: A memory, or any other circuit.
        supply: The supplies lie at plus and minus this voltage, V.
        swing: The largest voltage on a net, V.
    """
    elements = [element for _, element, _ in walk(circuit)]
    amps = [element.amps_at_rest for element in elements if element.amps_at_rest is not None]
    conductance = sum(element.conductance for element in elements)
    total = sum(amps) if amps else None
    return Power(None if total is None else 2.0 * supply * total, supply * swing * conductance, total)


UNLIMITED = 1e12  # a gain or bandwidth that no longer matters
_SHARE = 0.9  # of the error that the bandwidth alone may make; the gain has the rest
_STEPS = 30


@dataclass(frozen=True)
class Requirement:
    """The least amplifiers that keep a stated error.

    Attributes:
        error: The stated error: that of the worst output, or of the states where there is none, see
            `design.memory.Prediction.worst`.
        predicted: The error that is predicted with these amplifiers.
        gain: The least gain at direct current, V/V; of a transconductor, its gm over its output conductance.
        gbw: The least gain-bandwidth product of an op-amp, Hz; None for transconductors.
        met: Whether the design as it is, with its own amplifiers, its correction for them, and parts at their nominal
            values, is stable and keeps the error.
    """

    error: float
    predicted: float
    gain: float
    gbw: float | None
    met: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)


def least_amplifiers(design: AnalogDesign, error: float) -> Requirement:
    """Find the least gain-bandwidth product, and then the least gain beside it, that keep the predicted error.

    The bandwidth alone may cause nine tenths of the error; of all pairs that keep it this is one of low bandwidth. The
    parts stay those of `design`, their rounding included, but without its correction for the amplifiers that it has.

    Args:
        design: A design of up to 64 states.
        error: The largest NRMSE of an output (of the states, where there is no output) that is allowed.

    Raises:
        DesignError: The parts alone already make a larger error, or the design is too large.
    """
    limit = check_positive("error", error)
    if design.realisation.states > PREDICTION_ORDER:
        states = design.realisation.states
        raise DesignError("order of a memory whose response is predicted", f"at most {PREDICTION_ORDER}", states)
    floor = _predicted(design, UNLIMITED, UNLIMITED)
    if floor >= _SHARE * limit:
        what = f"above {floor / _SHARE:.3g}"
        raise DesignError("error", what, limit, hint="the parts alone make that much with ideal devices")
    gbw = UNLIMITED
    if design.technology.bandwidth:
        gbw = _least(lambda value: _predicted(design, UNLIMITED, value) <= _SHARE * limit, UNLIMITED)
    gain = _least(lambda value: _predicted(design, value, gbw) <= limit, UNLIMITED)
    met = _worst(design) <= limit
    return Requirement(limit, _predicted(design, gain, gbw), gain, gbw if design.technology.bandwidth else None, met)


def _predicted(design: AnalogDesign, gain: float, gbw: float) -> float:
    """Return the error with other amplifiers, infinite where the circuit is unstable."""
    return _worst(with_amplifiers(design, gain, gbw))


def _worst(design: AnalogDesign) -> float:
    """Return the error of the worst output, infinite where the circuit is unstable."""
    if float(np.linalg.eigvals(design.linear_model.a).real.max()) >= 0.0:
        return math.inf
    return design.prediction.worst


def with_amplifiers(design: AnalogDesign, gain: float, gbw: float) -> AnalogDesign:
    """Return a design with amplifiers that are ideal except for a gain and a bandwidth, and no correction for them.

    Args:
        design: The design.
        gain: The gain at direct current, V/V; of a transconductor, its gm over its output conductance.
        gbw: The gain-bandwidth product of an op-amp, Hz.
    """
    other = design.technology.weakened(gain, gbw)
    assembly = other.assemble(design.circuit.name, design.network, design.plain_values)
    return replace(design, technology=other, circuit=assembly.circuit)


def _least(holds: Callable[[float], bool], high: float) -> float:
    """Return, within two per cent, the least value from 1 to `high` from which on `holds` is true."""
    low = 1.0
    if holds(low):
        return low
    for _ in range(_STEPS):
        if high / low < 1.02:
            break
        middle = math.sqrt(low * high)
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
