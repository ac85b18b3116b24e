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

from lmu_hw.cli.plots import BOUND, FIXED, FLOAT, IDEAL, SPICE, STYLE, new_figure, svg_of
from lmu_hw.core.legendre import Array

_COLOURS = (FIXED, SPICE, "#009e73", BOUND, "#7b4ea3")
_MOST_ROWS, _MOST_MARKS, _MOST_NAMED = 240, 20_000, 16
_MOST_OUTPUTS, _MOST_POINTS = 3, 2000
_GOLDEN = 0.5 * (5.0**0.5 - 1.0)


@dataclass(frozen=True, eq=False)
class Curve:
    """Something measured over neurons.

    Attributes:
        label: what was measured.
        neurons: shape (n,).
        values: shape (n, seeds).
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
    height: float = 3.6,
    most_rows: int = _MOST_ROWS,
) -> str:
    """Who fires when: a mark for each spike, ensemble above ensemble; of many neurons, evenly chosen ones.

    Args:
        time: of each spike, s, shape (spikes,).
        neuron: number of each, shape (spikes,).
        neurons: how many there are.
        ensembles: how many of equal size they form.
        span: first and last time shown, s.
        height: inches.
        most_rows: neurons that are shown at most.
    """
    with matplotlib.rc_context(STYLE):
        figure, panel = new_figure(1, 1, width=10.0, height=height)
        draw_raster(panel, time, neuron, neurons, ensembles, span, most_rows)
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
    """The raster of `raster_plot` in a panel."""
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
    """Where in its step a spike is drawn, as a share of it: those of a neuron in one step evenly, those of different
    neurons out of step.

    Args:
        step: of each spike, in order, shape (spikes,).
        neuron: number of each, in order within a step, shape (spikes,).
    """
    if not step.size:
        return np.zeros(0)
    first = np.flatnonzero(np.append(True, (np.diff(step) != 0) | (np.diff(neuron) != 0)))
    count = np.diff(np.append(first, step.size))
    rank = np.arange(step.size) - np.repeat(first, count)
    return np.asarray((rank + (neuron * _GOLDEN) % 1.0) / np.repeat(count, count))


def outputs_plot(time: Array, forms: Mapping[str, Array]) -> str:
    """The largest outputs of a network over time, a colour for each: wide and pale in float64, thin in spikes.

    Args:
        time: shape (T,).
        forms: outputs by form, "float" and "spiking", shape (T, outputs) each.
    """
    exact, heard = forms["float"], forms["spiking"]
    count = min(exact.shape[1], _MOST_OUTPUTS)
    largest = np.argsort(-exact[-1], kind="stable")[:count]
    keep = slice(None, None, max(1, time.size // _MOST_POINTS))
    with matplotlib.rc_context(STYLE):
        figure, panel = new_figure(1, 1, width=10.0, height=3.6)
        for output, colour in zip(largest, _COLOURS, strict=False):
            panel.plot(time[keep], exact[keep, output], color=colour, lw=4.0, alpha=0.3, solid_capstyle="round")
            panel.plot(time[keep], heard[keep, output], color=colour, lw=1.1)
        title = "Output" if exact.shape[1] == 1 else "Outputs"
        of = "" if count == exact.shape[1] else f", the {count} of {exact.shape[1]} that are largest in the end"
        panel.set(title=f"{title}{of}: float64 wide and pale, spikes thin", xlabel="time (s of the network)")
        panel.margins(x=0.01)
        if count > 1:
            ends = [(float(heard[-1, k]), str(k), c) for k, c in zip(largest, _COLOURS, strict=False)]
            _name_ends(panel, float(time[-1]), ends)
        return svg_of(figure)


def error_plot(curves: Sequence[Curve]) -> str:
    """Errors over neurons with 1/√m beside them, each curve with its name at its end.

    Args:
        curves: the first one is what 1/√m is drawn through.
    """
    with matplotlib.rc_context(STYLE):
        figure, panel = new_figure(1, 1, width=8.0, height=4.4)
        first = curves[0]
        most = max(float(curve.neurons[-1]) for curve in curves)
        theory = np.array([first.neurons[0], most])
        line = np.exp(np.mean(np.log(first.values.mean(axis=1) * np.sqrt(first.neurons)))) / np.sqrt(theory)
        panel.loglog(theory, line, color=IDEAL, ls=(0, (1, 1.5)), lw=1.4)
        ends = []
        for curve, colour in zip(curves, _COLOURS, strict=False):
            mean = curve.values.mean(axis=1)
            panel.loglog(curve.neurons, mean, color=colour, marker="o", ms=3.5, lw=1.2)
            panel.fill_between(
                curve.neurons, curve.values.min(axis=1), curve.values.max(axis=1), color=colour, alpha=0.15, lw=0.0
            )
            ends.append((float(curve.neurons[-1]), float(mean[-1]), curve.label, colour))
        ends.append((most, float(line[-1]), "∝ 1/√m", "#6b7580"))
        panel.set(title="RMS error of the decoded window against the ideal memory", xlabel="neurons m")
        for last in sorted({x for x, *_ in ends}):
            _name_ends(panel, last, [(y, label, colour) for x, y, label, colour in ends if x == last])
        _thousands(panel)
        panel.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        panel.yaxis.set_minor_locator(NullLocator())
        return svg_of(figure)


def accuracy_plot(curves: Sequence[Curve], ideal: float, title: str) -> str:
    """Accuracies over neurons, each curve with its name beside it, and the float network's.

    Args:
        curves: accuracies from 0 to 1.
        ideal: accuracy in float64.
        title: says what is classified.
    """
    with matplotlib.rc_context(STYLE):
        figure, panel = new_figure(1, 1, width=8.0, height=3.8)
        panel.axhspan(100.0 * ideal - 2.0, 100.0 * ideal, color="#eef1f4", lw=0.0)
        panel.axhline(100.0 * ideal, color=FLOAT, lw=1.0)
        for curve, colour in zip(curves, _COLOURS, strict=False):
            mean = 100.0 * curve.values.mean(axis=1)
            panel.semilogx(curve.neurons, mean, color=colour, marker="o", ms=3.5, lw=1.2, label=curve.label)
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
            color="#59626d",
            fontsize=8.5,
        )
        if len(curves) != 2:
            panel.legend(loc="lower right")
        _thousands(panel)
        return svg_of(figure)


def _name_ends(panel: Axes, x: float, ends: Sequence[tuple[float, str, object]], gap: float = 0.055) -> None:
    """Names of curves to the right of their ends (height, name, colour), moved apart where they would overlap."""
    panel.get_xlim(), panel.get_ylim()  # settles the limits, which what follows goes by
    both = panel.transAxes.inverted()
    heights = [float(both.transform(panel.transData.transform((x, y)))[1]) for y, _, _ in ends]
    order = np.argsort(heights)
    placed = np.array(heights)[order]
    for _ in range(100):
        for k in range(len(placed) - 1):
            short = gap - (placed[k + 1] - placed[k])
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
    """Numbers of neurons with a space before each three digits."""
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}".replace(",", "\u2009")))
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.grid(visible=False, which="minor")
