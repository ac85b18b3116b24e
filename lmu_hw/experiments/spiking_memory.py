"""A memory in spikes: its error against the ideal memory, a picture of it, and the delay network of the chips.

Its figures are drawn by

    lmu-hw experiment spiking-error --intercepts -0.3 0.9 --plot spiking_error.svg
    lmu-hw experiment spiking-picture --plot docs/pictures/spiking_window.svg
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

from lmu_hw.cli.output import facts, format_number, grid
from lmu_hw.cli.programs import Outcome
from lmu_hw.core.legendre import Array, energy_scale, readout
from lmu_hw.core.metrics import nrmse
from lmu_hw.core.spec import LMUSpec
from lmu_hw.experiments.app import experiment, plot_option, seed_option, watched
from lmu_hw.io.files import write_text
from lmu_hw.io.signals import band_limited_noise
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.spiking.coordinates import Coordinates
from lmu_hw.spiking.design import SpikingOptions, design_memory
from lmu_hw.spiking.memory import SpikeTrains, SpikingMemory
from lmu_hw.spiking.neurons import NeuronKind
from lmu_hw.spiking.population import Population
from lmu_hw.spiking.tuning import Tuning

# The memory that all experiments in spikes share: first-order synapses of 0.1 s, maximum rates of 200 to 400 Hz
ORDER, THETA, TAU, DT, BAND, SECONDS = 6, 0.5, 0.1, 1e-3, 3.0, 10.0

# Error over neurons and states

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
    """A fitted exponent k of y ∝ xᵏ.

    Attributes:
        value: The exponent k.
        low: The lower end of its 95 % confidence interval.
        high: The upper end of its 95 % confidence interval.
    """

    value: float
    low: float
    high: float


def fitting(neurons: int, order: int) -> int:
    """The largest multiple of `order` that is not above `neurons`."""
    return neurons // order * order


def noise(order: int, seed: int, seconds: float = SECONDS, band_hz: float = BAND) -> tuple[LMUSpec, Array]:
    """The specification of the memory with `order` states, and noise for its input, shape (T,)."""
    return LMUSpec(order, THETA, DT), band_limited_noise(round(seconds / DT), DT, band_hz, seed)


def window_error(measured: Array, ideal: Array) -> float:
    """The RMS error, over time and over the window, of what Legendre states (T, order) decode to."""
    return float(np.sqrt(np.mean(np.sum(((measured - ideal) / energy_scale(ideal.shape[1])) ** 2, axis=1))))


def measure_error(
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
    """The RMS error of the decoded window of one memory in spikes against the same memory in float64.

    Args:
        neurons: The number of neurons; the largest multiple of the order below it is taken.
        seed: The seed of input, tuning curves and spikes.
        kind: The kind of neuron.
        order: The order of the memory.
        band_hz: The highest frequency of the noise.
        seconds: The length of the run.
        coordinates: The coordinates that ensembles carry.
        tuning: The distribution of the tuning curves.
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
    """Fit y ∝ xᵏ to values y of shape (len(x), seeds), by least squares of logarithms."""
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
    """The errors over numbers of neurons, shape (len(neurons), seeds)."""
    settings: dict[str, Any] = {"kind": kind, "coordinates": coordinates, "seconds": seconds, "tuning": tuning}
    return np.array([[measure_error(m, s, **settings) for s in range(seeds)] for m in neurons])


def over_orders(seeds: int, per_state: int | None, seconds: float) -> Array:
    """The errors over orders, shape (len(ORDERS), seeds), with `per_state` neurons for each state or `ALTOGETHER`."""
    return np.array(
        [
            [
                measure_error(
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


@experiment("spiking-error")
@click.option("--over", type=click.Choice(["neurons", "order"]), default="neurons", help="What is varied.")
@click.option("--most", default=256_000, help="Largest number of neurons.")
@click.option(
    "--most-lif", default=16_000, help="Largest number of regular LIF neurons, which all take part in every step."
)
@click.option("--seeds", default=3, help="Number of runs of each, each with its own noise, tuning curves and spikes.")
@click.option(
    "--intercepts",
    type=(float, float),
    default=Tuning().intercepts,
    help="Range of where neurons begin to fire, with --over neurons.",
)
@click.option("--seconds", default=SECONDS, help="Length of a run, s.")
@plot_option("the errors over neurons")
def spiking_error(
    over: str,
    most: int,
    most_lif: int,
    seeds: int,
    intercepts: tuple[float, float],
    seconds: float,
    plot: Path | None,
) -> Outcome:
    """Measure the error of a memory in spikes against the ideal one: over neurons or states.

    The memory (d = 6, θ = 0.5 s, first-order synapse of 0.1 s, dt = 1 ms, maximum rates of 200 to 400 Hz) runs on
    band-limited noise of 3 Hz with a peak of 1 for 10 s. The error is the root mean square of the decoded window minus
    that of the same memory in float64. With --over order, d goes from 1 to 32 at a fixed number of neurons for each
    state and at a fixed number of them altogether, with noise of d/4 cycles per window. Exponents come with 95 %
    confidence intervals: least squares of logarithms over all seeds.

    No neuron begins to fire beyond the upper intercept, so larger values are distorted, and more so than 1/√m in large
    populations. The default is best for few neurons; with intercepts up to 0.9 large populations err less.
    """
    seeds = max(2, seeds)
    if over == "order":
        result = _orders(seeds, seconds)
        titles = {"per_state": f"{PER_STATE} neurons a state", "altogether": f"{ALTOGETHER} neurons altogether"}
        return Outcome(result, [_table(titles[name], "states", part) for name, part in result["over_order"].items()])
    result = _neurons(most, most_lif, seeds, seconds, Tuning(intercepts=intercepts))
    if plot is not None:
        write_text(plot, _plot(result["over_neurons"]))
    return Outcome(result, [_table(name, "neurons", part) for name, part in result["over_neurons"].items()])


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


# A picture

_LAGS, _ROWS = 126, 36


@experiment("spiking-picture")
@click.option("--neurons", default=1000, help="Number of neurons; the largest multiple of 6 below it is taken.")
@click.option("--seconds", default=2.0, help="Length of the run, two windows at least, s.")
@seed_option("noise, tuning curves and spikes")
@plot_option("the picture")
def spiking_picture(neurons: int, seconds: float, seed: int, plot: Path | None) -> Outcome:
    """Draw a memory in spikes: the spikes over time, and the window that they hold.

    Memory and input are those of `spiking-error`: 6 states, θ = 0.5 s, noise of 3 Hz, synapse of 0.1 s. The upper
    panel has the spikes of some neurons of each ensemble over the last window; the lower one has the input over that
    window and what the states hold of it at its end: decoded from the spikes, and in float64.
    """
    spec, u = noise(ORDER, seed, max(seconds, 2.0 * THETA))
    memory = SpikingMemory(design_memory(spec, SpikingOptions(fitting(neurons, ORDER), band_hz=BAND, seed=seed)))
    states, ideal = memory.run(u, record=True), FloatMemory(spec).run(u)
    trains = memory.spikes
    if trains is None:
        raise RuntimeError("the run was recorded")
    result: dict[str, Any] = {
        "neurons": fitting(neurons, ORDER),
        "spikes": trains.count,
        "error": window_error(states, ideal),
    }
    if plot is not None:
        write_text(plot, _picture(memory.design.population, trains, u, states, ideal))
    rows = [(name, format_number(value) if isinstance(value, float) else str(value)) for name, value in result.items()]
    return Outcome(result, [facts("A memory in spikes", rows)])


def _picture(population: Population, trains: SpikeTrains, u: Array, states: Array, ideal: Array) -> str:
    from matplotlib import rc_context

    from lmu_hw.cli.spiking_plots import draw_raster
    from lmu_hw.core.figures import FIXED, FLOAT, IDEAL, STYLE, new_figure, svg_of

    end = u.size * DT
    delays = np.linspace(0.0, 1.0, _LAGS)
    decode = readout(ORDER, delays)
    past = u[np.maximum(u.size - 1 - np.round(delays * THETA / DT).astype(int), 0)]
    with rc_context(STYLE):
        drawn, (above, below) = new_figure(2, 1, width=9.0, height=5.2, sharex=True)
        time = DT * (trains.step.astype(np.float64) + 1.0) - end
        draw_raster(above, time, trains.neuron, population.neurons, population.ensembles, (-THETA, 0.0), _ROWS)
        below.plot(-THETA * delays, past, color=IDEAL, lw=4.0, label="input")
        below.plot(-THETA * delays, decode @ ideal[-1], color=FLOAT, lw=1.6, label="held in float64")
        below.plot(-THETA * delays, decode @ states[-1], color=FIXED, lw=1.4, label="held by the spikes")
        below.set(title="The window at the end", xlabel="time before the end (s)", ylabel="input")
        below.legend(loc="best", ncols=3)
        return svg_of(drawn)


# The delay network of the chips

DELAY_ORDER, DELAY_THETA, DELAY_SECONDS = 3, 0.1, 10.0
_LEAD = 4  # windows that do not count


def measure_delay(kind: NeuronKind, seed: int, *, neurons: int = 384, seconds: float = DELAY_SECONDS) -> float:
    """The NRMSE of the delayed output in spikes against that of the same system in float64.

    Args:
        kind: The kind of neuron.
        seed: The seed of noise, tuning curves and spikes.
        neurons: The number of neurons, a multiple of 3.
        seconds: The length of the run that counts.
    """
    spec = LMUSpec(DELAY_ORDER, DELAY_THETA, DT)
    design = design_memory(spec, SpikingOptions(neurons, kind=kind, band_hz=BAND, delays=(1.0,), seed=seed))
    late = round(_LEAD * DELAY_THETA / DT)
    u = band_limited_noise(late + round(seconds / DT), DT, BAND, seed)
    decode = readout(DELAY_ORDER, 1.0)[0]
    return nrmse(SpikingMemory(design).run(u)[late:] @ decode, FloatMemory(spec).run(u)[late:] @ decode)


@experiment("spiking-delay")
@click.option("--neurons", default=384, help="Number of neurons, a multiple of 3.")
@click.option("--seeds", default=10, help="Number of runs, each with its own noise, tuning curves and spikes.")
@click.option("--seconds", default=DELAY_SECONDS, help="Length of a run, s.")
def spiking_delay(neurons: int, seeds: int, seconds: float) -> Outcome:
    """Run the delay network of the neuromorphic chips in spikes: 3 states, a window of 100 ms, 3 × 128 neurons.

    The output is the input θ seconds ago, decoded from the states that spikes carry, for noise up to 3 Hz. Its error
    is the deviation from the same system in float64, relative to the root mean square of the latter. Chips: 0.146
    (Loihi) to 0.163 (Braindrop); spikes in software: 0.055 to 0.059 (de Jong, Voelker et al., 2019/2021). The first
    four windows do not count, as in `lmu-hw train delay`: the input begins with a jump, which is far outside the band
    that the ensembles are scaled to.

    `lmu-hw train delay --spiking 128` measures a network that has found a delay of 100 ms by itself.
    """
    errors = {
        str(kind): [measure_delay(kind, s, neurons=neurons, seconds=seconds) for s in range(seeds)]
        for kind in watched(list(NeuronKind))
    }
    network = {"order": DELAY_ORDER, "theta": DELAY_THETA, "dt": DT, "band_hz": BAND, "neurons": neurons}
    rows = [
        (kind, format_number(float(np.mean(values))), format_number(min(values)), format_number(max(values)))
        for kind, values in errors.items()
    ]
    table = grid(f"NRMSE of the delay network, {neurons} neurons", ["neurons", "mean", "least", "most"], rows)
    return Outcome(network | {"nrmse": errors}, [table])
