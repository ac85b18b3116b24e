"""Monte Carlo over the parts of a circuit, in its linear model: all draws are one batch of matrices."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import expm

from lmu_hw.analog.analysis.small_signal import KELVIN, NOMINAL_CELSIUS
from lmu_hw.analog.circuit.devices import check_finite
from lmu_hw.analog.circuit.equations import Equations
from lmu_hw.analog.circuit.linear import StateSpace, reduce
from lmu_hw.analog.realisation.network import Array
from lmu_hw.core.display import Displayed, number
from lmu_hw.errors import DesignError, check_integer, check_positive

if TYPE_CHECKING:
    from lmu_hw.core.figures import Plot

MAX_DRAWS = 1_000_000
"""Largest number of drawn circuits."""

CUT = 4.0
"""Normal draws are clipped to this many standard deviations, as sorted parts would be."""

_TOLERATED = {"resistance": "resistor", "capacitance": "capacitor", "gm": "gm"}
_BATCH_NUMBERS = 2_000_000  # numbers in the largest array of a batch, which bounds the memory


class Distribution(StrEnum):
    """The distribution of a part's value within its tolerance."""

    NORMAL = "normal"
    UNIFORM = "uniform"


@dataclass(frozen=True)
class Tolerances:
    """The tolerances of parts, each drawn by itself, and the range of the temperature, which is the same for all.

    Attributes:
        resistor: The relative tolerance of resistors: the standard deviation of a normal distribution, or half the
            width of a uniform one; from 0 to less than 1/`CUT` and 1, so that all values are positive.
        capacitor: The same for capacitors.
        gm: The same for transconductances.
        offset: The standard deviation of the amplifiers' input offsets, V, at least 0; they are always normal.
        distribution: The distribution of resistors, capacitors and transconductances, or its name: "normal" or
            "uniform".
        celsius: The lowest and the highest ambient temperature, °C; the temperature is uniform between them.
        resistor_tempco: The relative change of every resistor per kelvin above 27 °C, 1/K.
        capacitor_tempco: The same for every capacitor.
        gm_tempco: The same for every transconductance.

    Raises:
        DesignError: A tolerance is negative, a drawn value could be 0 or negative, the temperatures are not in order
            or not above absolute zero, or there is no such distribution.
    """

    resistor: float = 0.0
    capacitor: float = 0.0
    gm: float = 0.0
    offset: float = 0.0
    distribution: Distribution | str = Distribution.NORMAL
    celsius: tuple[float, float] = (NOMINAL_CELSIUS, NOMINAL_CELSIUS)
    resistor_tempco: float = 0.0
    capacitor_tempco: float = 0.0
    gm_tempco: float = 0.0

    def __post_init__(self) -> None:
        if self.distribution not in list(Distribution):
            raise DesignError("distribution", f"one of {', '.join(Distribution)}", self.distribution)
        measure = "sigma" if self.distribution == Distribution.NORMAL else "tolerance"
        for what in ("resistor", "capacitor", "gm", "offset"):
            check_finite(f"{what} {measure}" if what != "offset" else "offset in V", getattr(self, what))
        reach = CUT if self.distribution == Distribution.NORMAL else 1.0
        low, high = self.celsius
        if not -KELVIN < low <= high < np.inf:
            raise DesignError("temperatures in °C", "low to high, above absolute zero", f"{low} to {high}")
        for what in ("resistor", "capacitor", "gm"):
            spread, tempco = getattr(self, what), getattr(self, f"{what}_tempco")
            if not 0.0 <= spread < 1.0 / reach:
                raise DesignError(
                    f"{what} {measure}",
                    f"from 0 to less than {1.0 / reach:g}, so that no value can be negative",
                    spread,
                )
            for celsius in self.celsius:
                if not 1.0 + tempco * (celsius - NOMINAL_CELSIUS) > 0.0:
                    raise DesignError(f"{what} tempco", f"one that keeps values positive at {celsius:g} °C", tempco)
        if not 0.0 <= self.offset < np.inf:
            raise DesignError("offset in V", "a finite number of at least 0", self.offset)

    def deviations(self, system: Equations) -> Array:
        """Return the relative standard deviation of every parameter at a fixed temperature, shape (parameters,)."""
        scale = 1.0 if self.distribution == Distribution.NORMAL else 1.0 / math.sqrt(3.0)
        spreads = {quantity: scale * float(getattr(self, name)) for quantity, name in _TOLERATED.items()}
        return np.array([spreads.get(each.quantity, 0.0) for each in system.parameters])


@dataclass(frozen=True, eq=False, repr=False)
class Draws(Displayed):
    """Drawn circuits, as the values of their parts.

    Attributes:
        values: The values of the parts, SI units, shape (draws, parameters), in the order of the equations' parameters.
        offsets: The input offsets, V, and bias currents, A, of amplifiers, shape (draws, sources), in the order of the
            equations' `input_sources`, with those of the models included.
        celsius: The temperature of each circuit, °C, shape (draws,).
    """

    values: Array
    offsets: Array
    celsius: Array

    def __len__(self) -> int:
        return len(self.values)


def draw(system: Equations, tolerances: Tolerances, count: int, seed: int = 0) -> Draws:
    """Draw `count` circuits; the same arguments give the same draws.

    Args:
        system: The equations of the nominal circuit.
        tolerances: The tolerances of the parts and the range of the temperature.
        count: The number of circuits, 1 to 1,000,000.
        seed: The seed of the random numbers, at least 0.

    Raises:
        DesignError: The count or the seed is out of range.
    """
    number = check_integer("Monte-Carlo draws", count, 1, MAX_DRAWS)
    rng = np.random.default_rng(check_integer("seed", seed, 0))
    celsius = rng.uniform(*tolerances.celsius, number)
    values = np.broadcast_to(system.nominal, (number, len(system.parameters))).copy()
    normal = tolerances.distribution == Distribution.NORMAL
    for quantity, name in _TOLERATED.items():
        columns = [k for k, each in enumerate(system.parameters) if each.quantity == quantity]
        shape = (number, len(columns))
        unit = np.clip(rng.standard_normal(shape), -CUT, CUT) if normal else rng.uniform(-1.0, 1.0, shape)
        drift = 1.0 + getattr(tolerances, f"{name}_tempco") * (celsius - NOMINAL_CELSIUS)
        values[:, columns] *= (1.0 + getattr(tolerances, name) * unit) * drift[:, None]
    sources = [system.disturbances[k] for k in system.source_columns()]
    offsets = np.tile([each.offset for each in sources], (number, 1))
    drawn = [k for k, each in enumerate(sources) if not each.pin]
    offsets[:, drawn] += tolerances.offset * rng.standard_normal((number, len(drawn)))
    return Draws(values, offsets, celsius)


@dataclass(frozen=True, eq=False, repr=False)
class Outcome(Displayed):
    """The errors of drawn circuits.

    Attributes:
        nrmse: The RMS error of each signal relative to the RMS of the wanted one, shape (draws, signals).
        offsets: The direct voltage of each signal at rest, V, shape (draws, signals).
        stable: Whether each circuit is stable, shape (draws,); the errors of one that is not are infinite.
    """

    nrmse: Array
    offsets: Array
    stable: NDArray[np.bool_]

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield "circuits", str(self.stable.size)
        yield "unstable", str(int(np.sum(~self.stable)))
        yield "median error", number(self.quantile(0.5))
        yield "error that 95 % keep", number(self.quantile(0.95))

    def plot(self) -> Plot:
        """Draw how often errors occur, the worst signal of each circuit, with the median and what 95 % keep."""
        from lmu_hw.core.figures import histogram_figure

        lines = {"median": self.quantile(0.5), "95 % keep this": self.quantile(0.95)}
        title = f"Errors of {self.stable.size} circuits"
        return histogram_figure(title, "NRMSE of the worst signal", "circuits", self.nrmse.max(axis=1), lines)

    def passing(self, limit: float) -> float:
        """Return the yield: the share of the circuits in which no signal's error exceeds `limit`.

        Raises:
            DesignError: The limit is not positive and finite.
        """
        return float(np.mean((self.nrmse <= check_positive("error limit", limit)).all(axis=1)))

    def quantile(self, share: float) -> float:
        """Return the error that a `share` of the circuits do not exceed in any signal.

        Raises:
            DesignError: The share is not from 0 to 1.
        """
        if not 0.0 <= share <= 1.0:
            raise DesignError("share of the circuits", "from 0 to 1", share)
        return float(np.quantile(self.nrmse.max(axis=1), share, method="higher"))


def run(
    system: Equations,
    draws: Draws,
    frequencies: ArrayLike,
    wanted: ArrayLike,
    *,
    inputs: ArrayLike | None = None,
    signals: ArrayLike | None = None,
    rms: float = np.inf,
) -> Outcome:
    """Compare every drawn circuit with the wanted response, for input that is white over the frequencies.

    Args:
        system: The equations of the nominal circuit.
        draws: The values that replace the nominal ones.
        frequencies: The frequencies, Hz, evenly spaced over the band of the input.
        wanted: The wanted response, V per volt of input, shape (frequencies, signals).
        inputs: The voltage at each of `system.inputs` per volt of input, V/V, shape (inputs,); by default 1 at the
            first and 0 at the others.
        signals: Each signal as a combination of `system.outputs`, shape (signals, outputs); by default each output is
            a signal.
        rms: The root mean square of the input, V, to which offsets are compared; by default it is infinite, so that
            offsets do not count.

    Raises:
        DesignError: Shapes do not agree, a number is out of its range, or a circuit has no unique solution.
    """
    hertz = np.atleast_1d(np.asarray(frequencies, dtype=np.float64))
    if hertz.ndim != 1 or not hertz.size or not (np.isfinite(hertz) & (hertz >= 0.0)).all():
        raise DesignError("frequencies", "one row of finite numbers of at least 0 Hz", hertz.tolist())
    if not rms > 0.0:
        raise DesignError("root mean square of the input", "above 0 V", rms)
    target = np.asarray(wanted, dtype=np.complex128)
    row, rows = _combinations(system, inputs, signals)
    if target.shape != (len(hertz), len(rows)):
        raise DesignError("wanted response", f"of shape {(len(hertz), len(rows))}", f"shape {target.shape}")
    power = np.mean(np.abs(target) ** 2, axis=0)
    errors, resting, stable = [], [], []
    for model, rest in _models(system, draws, row, rows):
        deviation = np.mean(np.abs(model.response(hertz)[..., 0] - target) ** 2, axis=1)
        decays = np.linalg.eigvals(model.a).real.max(axis=-1) < 0.0
        volts = (model.c @ rest[..., None])[..., 0] + model.d[..., 1]
        error = np.sqrt((deviation + (volts / rms) ** 2) / power)
        errors.append(np.where(decays[:, None], error, np.inf))
        resting.append(volts)
        stable.append(decays)
    return Outcome(np.concatenate(errors), np.concatenate(resting), np.concatenate(stable))


def transients(
    system: Equations,
    draws: Draws,
    samples: ArrayLike,
    dt: float,
    *,
    inputs: ArrayLike | None = None,
    signals: ArrayLike | None = None,
) -> Array:
    """Return the exact response of every drawn circuit to held samples, starting at rest with its offsets.

    Args:
        system: The equations of the nominal circuit.
        draws: The values that replace the nominal ones.
        samples: The input, V, shape (steps,); each sample is held for dt.
        dt: The time between two samples, s.
        inputs: The inputs of `run`.
        signals: The signals of `run`.

    Returns:
        The signals at the end of each hold, V, shape (draws, steps, signals).

    Raises:
        DesignError: Shapes do not agree, dt is not positive, or a circuit has no unique solution.
    """
    held = np.asarray(samples, dtype=np.float64)
    if held.ndim != 1:
        raise DesignError("samples", "one row of numbers", f"shape {held.shape}")
    step = check_positive("time between samples", dt, "s")
    row, rows = _combinations(system, inputs, signals)
    batches = []
    for model, rest in _models(system, draws, row, rows):
        n = model.a.shape[-1]
        # dx/dt = a x + b0 u + b1: with u and 1 as further constant states, one exponential is the exact step.
        joined = np.zeros((len(model.a), n + 2, n + 2))
        joined[:, :n, :n], joined[:, :n, n:] = model.a * step, model.b * step
        flow = expm(joined)[:, :n]
        state, found = rest, np.empty((len(model.a), len(held), len(rows)))
        for k, volt in enumerate(held.tolist()):
            state = (flow[..., :n] @ state[..., None])[..., 0] + flow[..., n] * volt + flow[..., n + 1]
            found[:, k] = (model.c @ state[..., None])[..., 0] + model.d[..., 0] * volt + model.d[..., 1]
        batches.append(found)
    return np.concatenate(batches)


def _combinations(system: Equations, inputs: ArrayLike | None, signals: ArrayLike | None) -> tuple[Array, Array]:
    row = np.eye(1, len(system.inputs))[0] if inputs is None else np.asarray(inputs, dtype=np.float64)
    rows = np.eye(len(system.outputs)) if signals is None else np.atleast_2d(np.asarray(signals, dtype=np.float64))
    for what, got, shape in (
        ("input volts", row.shape, (len(system.inputs),)),
        ("signals", rows.shape, (len(rows), len(system.outputs))),
    ):
        if got != shape:
            raise DesignError(what, f"of shape {shape}", f"shape {got}")
    return row, rows


def _models(system: Equations, draws: Draws, row: Array, rows: Array) -> Iterator[tuple[StateSpace, Array]]:
    """Yield batches of models and their states at rest; their inputs are the signal, and 1 for the offsets."""
    count = len(row)
    step = max(1, _BATCH_NUMBERS // (2 * system.size) ** 2)
    for first in range(0, len(draws), step):
        offsets = draws.offsets[first : first + step, :, None]
        full = reduce(system, draws.values[first : first + step], sources=True)
        b, d = (
            np.concatenate([each[..., :count] @ row[:, None], each[..., count:] @ offsets], axis=-1)
            for each in (full.b, full.d)
        )
        model = StateSpace(full.a, b, rows @ full.c, rows @ d)
        yield model, np.asarray(-np.linalg.solve(model.a, model.b[..., 1:])[..., 0], dtype=np.float64)
