"""Plots of spikes: rasters, outputs over time, and errors and accuracies over neurons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Shape
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator
from numpy.typing import NDArray

from lmu_hw.core.figures import (
    BAND,
    BOUND,
    DESK,
    FIXED,
    FLOAT,
    GREEN,
    IDEAL,
    SOFT,
    SPICE,
    STYLE,
    VIOLET,
    fitted,
    new_figure,
    styled,
    svg_of,
)
from lmu_hw.core.legendre import Array

_COLOURS = (FIXED, SPICE, GREEN, BOUND, VIOLET)
_LINES = tuple((colour, dashes) for dashes in ("-", "--", ":") for colour in _COLOURS)
_MOST_ROWS, _MOST_MARKS, _MOST_NAMED = 240, 20_000, 16
_MOST_OUTPUTS, _MOST_POINTS = 3, 2000
_LEAST_GAP = 0.055  # between names at the ends of curves, as a share of the panel's height
_GOLDEN = 0.5 * (5.0**0.5 - 1.0)


@dataclass(frozen=True, eq=False)
class Curve:
    """A quantity that was measured with several numbers of neurons.

    Attributes:
        label: What was measured.
        neurons: The numbers of neurons, of shape (n,).
        values: The measured values, of shape (n, seeds).
    """

    label: str
    neurons: Array
    values: Array


def raster_plot(
    time: Array,
    neuron: NDArray[np.int64],
    neurons: int,
    ensembles: int,
    span: tuple[float, float],
    *,
    width: float = DESK,
    height: float = 3.6,
) -> str:
    """Draw a mark for each spike, over time and ensemble above ensemble; of many neurons, evenly chosen ones.

    Args:
        time: The time of each spike in seconds, of shape (spikes,).
        neuron: The number of the neuron of each spike, of shape (spikes,).
        neurons: The number of neurons.
        ensembles: The number of ensembles of equal size that they form.
        span: The first and the last time shown, in seconds.
        width, height: The size of the figure in inches.
    """
    with matplotlib.rc_context(STYLE):
        figure, panel = new_figure(1, 1, width=width, height=height)
        draw_raster(panel, time, neuron, neurons, ensembles, span)
        panel.set_title(fitted(panel.get_title(loc="left"), width - 0.6))
        panel.set_xlabel("time (s)")
        return svg_of(figure)


def draw_raster(
    panel: Axes,
    time: Array,
    neuron: NDArray[np.int64],
    neurons: int,
    ensembles: int,
    span: tuple[float, float],
    most_rows: int = _MOST_ROWS,
) -> None:
    """Draw the raster of `raster_plot` in a panel, with at most `most_rows` neurons."""
    size = neurons // ensembles
    chosen = np.unique(np.linspace(0, size - 1, min(size, max(1, most_rows // ensembles))).round().astype(np.int64))
    place = np.full(size, -1, dtype=np.int64)
    place[chosen] = np.arange(chosen.size)
    inside = (time >= span[0]) & (time <= span[1])
    row = place[neuron % size]
    keep = np.flatnonzero(inside & (row >= 0))
    keep = keep[:: max(1, -(-keep.size // _MOST_MARKS))]
    level = row[keep] + (neuron[keep] // size) * chosen.size
    ends = np.stack([np.repeat(time[keep], 2), (level[:, None] + [-0.36, 0.36]).ravel()], axis=1)
    if keep.size:
        marks = Shape(ends, np.tile([Shape.MOVETO, Shape.LINETO], keep.size))
        panel.add_patch(PathPatch(marks, fill=False, ec=FLOAT, lw=0.7, capstyle="butt"))
    for ensemble in range(1, ensembles if ensembles <= _MOST_NAMED else 0):
        panel.axhline(ensemble * chosen.size - 0.5, color=IDEAL, lw=0.6)
    panel.set(
        title=f"Spikes of {chosen.size * ensembles} of {neurons} neurons, ensemble above ensemble",
        ylabel="ensemble",
        xlim=span,
        ylim=(-0.5, ensembles * chosen.size - 0.5),
    )
    named = range(0, ensembles, -(-ensembles // _MOST_NAMED))
    panel.set_yticks([(k + 0.5) * chosen.size - 0.5 for k in named], [str(k) for k in named])
    panel.tick_params(axis="y", length=0.0)
    panel.grid(visible=False)


def spread(step: NDArray[np.int64], neuron: NDArray[np.int64]) -> Array:
    """The positions at which spikes are drawn within their steps, as shares of a step, shape (spikes,).

    The spikes of one neuron in one step are spread evenly over it; different neurons are out of step with each other.

    Args:
        step: The step of each spike, in ascending order, of shape (spikes,).
        neuron: The number of the neuron of each spike, in ascending order within a step, of shape (spikes,).
    """
    if not step.size:
        return np.zeros(0)
    first = np.flatnonzero(np.append(True, (np.diff(step) != 0) | (np.diff(neuron) != 0)))
    count = np.diff(np.append(first, step.size))
    rank = np.arange(step.size) - np.repeat(first, count)
    return np.asarray((rank + (neuron * _GOLDEN) % 1.0) / np.repeat(count, count))


def outputs_plot(time: Array, forms: Mapping[str, Array], *, width: float = DESK) -> str:
    """Draw the largest outputs of a network over time, each in a colour, wide and dotted in float64 and thin in spikes.

    Args:
        time: The times, of shape (T,).
        forms: The outputs of the forms "float" and "spiking", of shape (T, outputs).
        width: The width of the figure in inches.
    """
    exact, heard = forms["float"], forms["spiking"]
    count = min(exact.shape[1], _MOST_OUTPUTS)
    largest = np.argsort(-exact[-1], kind="stable")[:count]
    keep = slice(None, None, max(1, time.size // _MOST_POINTS))
    with matplotlib.rc_context(STYLE):
        figure, panel = new_figure(1, 1, width=width, height=3.6)
        coloured = list(styled(largest.tolist(), _COLOURS))
        for output, colour in coloured:
            panel.plot(time[keep], exact[keep, output], color=colour, lw=2.4, ls=(0, (1, 1)))
            panel.plot(time[keep], heard[keep, output], color=colour, lw=1.1)
        title = "Output" if exact.shape[1] == 1 else "Outputs"
        of = "" if count == exact.shape[1] else f", the {count} of {exact.shape[1]} that are largest in the end"
        title = fitted(f"{title}{of}: float64 wide and dotted, spikes thin", width - 0.6)
        panel.set(title=title, xlabel="time (s of the network)")
        panel.margins(x=0.01)
        if count > 1:
            _name_ends(panel, float(time[-1]), [(float(heard[-1, k]), str(k), colour) for k, colour in coloured])
        return svg_of(figure)


def error_plot(curves: Sequence[Curve]) -> str:
    """Draw errors over the number of neurons with 1/√m beside them, each curve with its name at its end.

    Args:
        curves: The errors; the line 1/√m goes through the first of them.

    Raises:
        DesignError: There are more than 15 curves.
    """
    with matplotlib.rc_context(STYLE):
        figure, panel = new_figure(1, 1, width=8.0, height=4.4)
        first = curves[0]
        most = max(float(curve.neurons[-1]) for curve in curves)
        theory = np.array([first.neurons[0], most])
        line = np.exp(np.mean(np.log(first.values.mean(axis=1) * np.sqrt(first.neurons)))) / np.sqrt(theory)
        panel.loglog(theory, line, color=IDEAL, ls=(0, (1, 1.5)), lw=1.4)
        ends = []
        for curve, (colour, dashes) in styled(curves, _LINES):
            mean = curve.values.mean(axis=1)
            panel.loglog(curve.neurons, mean, color=colour, ls=dashes, marker="o", ms=3.5, lw=1.2)
            panel.fill_between(
                curve.neurons, curve.values.min(axis=1), curve.values.max(axis=1), color=colour, alpha=0.15, lw=0.0
            )
            ends.append((float(curve.neurons[-1]), float(mean[-1]), curve.label, colour))
        ends.append((most, float(line[-1]), "∝ 1/√m", SOFT))
        panel.set(title="RMS error of the decoded window against the ideal memory", xlabel="neurons m")
        for last in sorted({x for x, *_ in ends}):
            _name_ends(panel, last, [(y, label, colour) for x, y, label, colour in ends if x == last])
        _thousands(panel)
        panel.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        panel.yaxis.set_minor_locator(NullLocator())
        return svg_of(figure)


def accuracy_plot(curves: Sequence[Curve], ideal: float, title: str) -> str:
    """Draw accuracies over the number of neurons, each curve with its name beside it, and that of the float network.

    Args:
        curves: The accuracies, from 0 to 1.
        ideal: The accuracy in float64.
        title: The title, which says what is classified.

    Raises:
        DesignError: There are more than 15 curves.
    """
    with matplotlib.rc_context(STYLE):
        figure, panel = new_figure(1, 1, width=8.0, height=3.8)
        panel.axhspan(100.0 * ideal - 2.0, 100.0 * ideal, color=BAND, lw=0.0)
        panel.axhline(100.0 * ideal, color=FLOAT, lw=1.0)
        for curve, (colour, dashes) in styled(curves, _LINES):
            mean = 100.0 * curve.values.mean(axis=1)
            panel.semilogx(curve.neurons, mean, color=colour, ls=dashes, marker="o", ms=3.5, lw=1.2, label=curve.label)
            low, high = 100.0 * curve.values.min(axis=1), 100.0 * curve.values.max(axis=1)
            panel.fill_between(curve.neurons, low, high, color=colour, alpha=0.15, lw=0.0)
            if len(curves) == 2 and curve.neurons.size > 1:  # one name to the left of its curve, one to the right
                side = -1 if curve is curves[0] else 1
                panel.annotate(
                    curve.label,
                    (curve.neurons[1], mean[1]),
                    xytext=(9 * side, -2 * side),
                    textcoords="offset points",
                    ha="right" if side < 0 else "left",
                    va="center",
                    color=colour,
                )
        panel.set(title=title, xlabel="neurons", ylabel="accuracy (%)")
        panel.set_ylim(top=100.5)
        panel.annotate(
            f"float64, {100.0 * ideal:.1f} %; two points below it",
            (0.0, 100.0 * ideal - 2.0),
            xycoords=("axes fraction", "data"),
            xytext=(4, -3),
            textcoords="offset points",
            va="top",
            color=SOFT,
            fontsize=8.5,
        )
        if len(curves) != 2:
            panel.legend(loc="lower right")
        _thousands(panel)
        return svg_of(figure)


def _name_ends(panel: Axes, x: float, ends: Sequence[tuple[float, str, object]]) -> None:
    """Write the names of curves to the right of their ends (height, name, colour), apart where they would overlap."""
    panel.get_xlim(), panel.get_ylim()  # settles the limits, which the transformations below depend on
    both = panel.transAxes.inverted()
    heights = [float(both.transform(panel.transData.transform((x, y)))[1]) for y, _, _ in ends]
    order = np.argsort(heights)
    placed = np.array(heights)[order]
    for _ in range(100):
        for k in range(len(placed) - 1):
            short = _LEAST_GAP - (placed[k + 1] - placed[k])
            if short > 1e-9:
                placed[k] -= 0.5 * short
                placed[k + 1] += 0.5 * short
    for k, height in zip(order, placed, strict=True):
        _, label, colour = ends[k]
        panel.annotate(
            label,
            (x, float(height)),
            xycoords=("data", "axes fraction"),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontsize=8.5,
            annotation_clip=False,
        )


def _thousands(panel: Axes) -> None:
    """Label the axis of neurons with a thin space before each three digits."""
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}".replace(",", "\u2009")))
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.grid(visible=False, which="minor")
