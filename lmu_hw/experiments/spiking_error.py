"""The error of a memory in spikes against the ideal one: over neurons, over states, for every kind of neuron.

    python -m lmu_hw.experiments.spiking_error
    python -m lmu_hw.experiments.spiking_error --intercepts -0.3 0.9 --plot lmu_hw/experiments/figures/spiking_error.svg

The memory (d = 6, θ = 0.5 s, first-order synapse of 0.1 s, dt = 1 ms, maximum rates of 200 to 400 Hz) runs on
band-limited noise of 3 Hz with a peak of 1 for 10 s; the error is the root mean square of the decoded window minus
that of the same memory in float64. With --over order, d goes from 1 to 32 at a fixed number of neurons for each state
and at a fixed number of them altogether, with noise of d/4 cycles per window. Exponents come with 95 % confidence
intervals: least squares of logarithms over all seeds.

The intercepts end at 0.8 by default, which is best for few neurons. No neuron begins to fire beyond it, so large
values are distorted, and more so than 1/√m in large populations; with intercepts up to 0.9 these err less.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import scipy.stats

from lmu_hw.cli.output import answer, format_number, grid
from lmu_hw.core.legendre import Array, energy_scale
from lmu_hw.core.spec import LMUSpec
from lmu_hw.experiments.start import command
from lmu_hw.io.files import write_text
from lmu_hw.io.signals import band_limited_noise
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.spiking.coordinates import Coordinates
from lmu_hw.spiking.design import SpikingOptions, design_memory
from lmu_hw.spiking.memory import SpikingMemory
from lmu_hw.spiking.neurons import NeuronKind
from lmu_hw.spiking.tuning import Tuning

ORDER, THETA, TAU, DT, BAND, SECONDS = 6, 0.5, 0.1, 1e-3, 3.0, 10.0
NEURONS = (250, 1_000, 4_000, 16_000, 64_000, 256_000)
ORDERS = (1, 2, 4, 8, 16, 32)
PER_STATE, ALTOGETHER = 250, 4_000

_LABELS = {
    "poisson-lif": "LIF rates",
    "poisson-lif, an ensemble for each state": "LIF rates, state by state",
    "poisson-relu": "rectified-linear",
    "lif": "regular LIF",
    "rate-lif": "rates, no spikes",
}


@dataclass(frozen=True)
class Exponent:
    """y ∝ xᵏ, fitted.

    Attributes:
        value: k.
        low, high: its 95 % confidence interval.
    """

    value: float
    low: float
    high: float


def fitting(neurons: int, order: int) -> int:
    """The largest multiple of `order` that is not above `neurons`."""
    return neurons // order * order


def noise(order: int, seed: int, seconds: float = SECONDS, band_hz: float = BAND) -> tuple[LMUSpec, Array]:
    """The memory of that order and its input."""
    return LMUSpec(order, THETA, DT), band_limited_noise(round(seconds / DT), DT, band_hz, seed)


def window_error(measured: Array, ideal: Array) -> float:
    """RMS over time and over the window of what Legendre states decode to, both of shape (T, order)."""
    return float(np.sqrt(np.mean(np.sum(((measured - ideal) / energy_scale(ideal.shape[1])) ** 2, axis=1))))


def measure(
    neurons: int,
    seed: int,
    *,
    kind: NeuronKind = NeuronKind.POISSON_LIF,
    order: int = ORDER,
    band_hz: float = BAND,
    seconds: float = SECONDS,
    coordinates: Coordinates = Coordinates.BALANCED,
    tuning: Tuning | None = None,
) -> float:
    """The error of one memory.

    Args:
        neurons: altogether; the largest multiple of the order below is taken.
        seed: of input, tuning curves and spikes.
        kind: of neuron.
        order: of the memory.
        band_hz: of the noise.
        seconds: length of the run.
        coordinates: what an ensemble stands for.
        tuning: distribution of the tuning curves.
    """
    spec, u = noise(order, seed, seconds, band_hz)
    options = SpikingOptions(
        fitting(neurons, order),
        kind=kind,
        band_hz=band_hz,
        coordinates=coordinates,
        tuning=tuning or Tuning(),
        seed=seed,
    )
    return window_error(SpikingMemory(design_memory(spec, options)).run(u), FloatMemory(spec).run(u))


def exponent(x: Sequence[float], y: Array) -> Exponent:
    """Fit y ∝ xᵏ to y of shape (len(x), seeds)."""
    values = np.asarray(y)
    positions = np.repeat(np.log(np.asarray(x, dtype=np.float64)), values.shape[1])
    fit = scipy.stats.linregress(positions, np.log(values).ravel())
    half = float(scipy.stats.t.ppf(0.975, positions.size - 2)) * fit.stderr
    return Exponent(fit.slope, fit.slope - half, fit.slope + half)


def over_neurons(
    neurons: Sequence[int],
    seeds: int,
    kind: NeuronKind,
    coordinates: Coordinates,
    seconds: float,
    tuning: Tuning | None = None,
) -> Array:
    """Errors, shape (len(neurons), seeds)."""
    settings: dict[str, Any] = {"kind": kind, "coordinates": coordinates, "seconds": seconds, "tuning": tuning}
    return np.array([[measure(m, s, **settings) for s in range(seeds)] for m in neurons])


def over_orders(seeds: int, per_state: int | None, seconds: float) -> Array:
    """Errors, shape (len(ORDERS), seeds), with so many neurons for each state, or `ALTOGETHER` altogether."""
    return np.array(
        [
            [
                measure(
                    ALTOGETHER if per_state is None else per_state * d,
                    s,
                    order=d,
                    band_hz=d / (4.0 * THETA),
                    seconds=seconds,
                )
                for s in range(seeds)
            ]
            for d in ORDERS
        ]
    )


@click.command(context_settings={"show_default": True})
@click.option("--over", type=click.Choice(("neurons", "order")), default="neurons", help="What is varied.")
@click.option("--most", default=256_000, help="Neurons at most.")
@click.option("--most-lif", default=16_000, help="Regular LIF neurons at most, which all take part in every step.")
@click.option("--seeds", default=3, help="Runs of each, with noise, tuning curves and spikes of their own.")
@click.option(
    "--intercepts",
    type=(float, float),
    default=Tuning().intercepts,
    help="Range of where neurons begin to fire, with --over neurons.",
)
@click.option("--seconds", default=SECONDS, help="Length of a run, s.")
@click.option("--plot", type=click.Path(path_type=Path), help="Write a plot of the errors over neurons, SVG.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(
    over: str,
    most: int,
    most_lif: int,
    seeds: int,
    intercepts: tuple[float, float],
    seconds: float,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Print errors and exponents."""
    seeds = max(2, seeds)
    if over == "order":
        result = _orders(seeds, seconds)
        titles = {"per_state": f"{PER_STATE} neurons a state", "altogether": f"{ALTOGETHER} neurons altogether"}
        tables = [_table(titles[name], "states", part) for name, part in result["over_order"].items()]
        answer(result, tables, as_json=as_json)
        return
    result = _neurons(most, most_lif, seeds, seconds, Tuning(intercepts=intercepts))
    if plot is not None:
        write_text(plot, _plot(result["over_neurons"]))
    answer(result, [_table(name, "neurons", part) for name, part in result["over_neurons"].items()], as_json=as_json)


def _plot(curves: Mapping[str, Mapping[str, Any]]) -> str:
    from lmu_hw.cli.spiking_plots import Curve, error_plot

    drawn = []
    for name, c in curves.items():
        label, fitted = _LABELS[name], c["exponent"]
        if fitted is not None and name.startswith("poisson"):  # what has no chance in it follows no power law
            label += f", slope {fitted['value']:.2f}".replace("-", "−")
        drawn.append(Curve(label, np.array(c["x"], dtype=np.float64), np.array(c["errors"])))
    return error_plot(drawn)


def _neurons(most: int, most_lif: int, seeds: int, seconds: float, tuning: Tuning) -> dict[str, Any]:
    cases = {
        "poisson-lif": (NeuronKind.POISSON_LIF, Coordinates.BALANCED, most),
        "poisson-lif, an ensemble for each state": (NeuronKind.POISSON_LIF, Coordinates.STATES, most),
        "poisson-relu": (NeuronKind.POISSON_RELU, Coordinates.BALANCED, most),
        "lif": (NeuronKind.LIF, Coordinates.BALANCED, most_lif),
        "rate-lif": (NeuronKind.RATE_LIF, Coordinates.BALANCED, most_lif),
    }
    curves = {}
    for name, (kind, coordinates, limit) in cases.items():
        counts = [m for m in NEURONS if m <= limit]
        errors = over_neurons(counts, seeds, kind, coordinates, seconds, tuning)
        curves[name] = _curve([fitting(m, ORDER) for m in counts], errors)
    return {"order": ORDER, "theta": THETA, "tau": TAU, "dt": DT, "band_hz": BAND, "over_neurons": curves}


def _orders(seeds: int, seconds: float) -> dict[str, Any]:
    parts = {"per_state": PER_STATE, "altogether": None}
    curves = {name: _curve(ORDERS, over_orders(seeds, n, seconds)) for name, n in parts.items()}
    return {"theta": THETA, "tau": TAU, "dt": DT, "over_order": curves}


def _curve(x: Sequence[int], errors: Array) -> dict[str, Any]:
    fitted = vars(exponent(x, errors)) if len(x) > 1 else None
    return {"x": list(x), "errors": errors, "mean": errors.mean(axis=1), "exponent": fitted}


def _table(title: str, what: str, part: Mapping[str, Any]) -> Any:
    fitted = part["exponent"]
    says = "" if fitted is None else f"; exponent {fitted['value']:.3f} ({fitted['low']:.3f} … {fitted['high']:.3f})"
    rows = [
        (str(x), format_number(float(mean)), format_number(float(mean * math.sqrt(x))))
        for x, mean in zip(part["x"], part["mean"], strict=True)
    ]
    return grid(title + says, [what, "RMS error of the window", f"times √{what}"], rows)


if __name__ == "__main__":
    command(main)
