"""Plots of spikes: rasters, and errors and accuracies over neurons."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib
import numpy as np
from numpy.typing import NDArray

from lmu_hw.cli.plots import BOUND, FIXED, FLOAT, IDEAL, SPICE, STYLE, new_figure, svg_of
from lmu_hw.legendre import Array

_COLOURS = (FIXED, SPICE, "#009e73", BOUND, "#7b4ea3")
_MOST_ROWS, _MOST_MARKS = 240, 20_000


def raster_plot(time: Array, neuron: NDArray[np.int64], neurons: int, ensembles: int, span: tuple[float, float]) -> str:
    """Who fires when: a mark for each spike, ensemble above ensemble; of many neurons, evenly chosen ones.

    Args:
        time: of each spike, s, shape (spikes,).
        neuron: number of each, shape (spikes,).
        neurons: how many there are.
        ensembles: how many of equal size they form.
        span: first and last time shown, s.
    """
    size = neurons // ensembles
    shown = min(size, max(1, _MOST_ROWS // ensembles))
    chosen = np.unique(np.linspace(0, size - 1, shown).round().astype(np.int64))
    place = np.full(size, -1, dtype=np.int64)
    place[chosen] = np.arange(chosen.size)
    inside = (time >= span[0]) & (time <= span[1])
    row = place[neuron % size]
    keep = np.flatnonzero(inside & (row >= 0))
    keep = keep[:: max(1, -(-keep.size // _MOST_MARKS))]
    height = row[keep] + (neuron[keep] // size) * chosen.size
    with matplotlib.rc_context(STYLE):
        figure, panel = new_figure(1, 1, width=10.0, height=3.6)
        panel.plot(time[keep], height, linestyle="", marker="|", markersize=2.0, color=FLOAT, rasterized=False)
        for ensemble in range(1, ensembles):
            panel.axhline(ensemble * chosen.size - 0.5, color=IDEAL, lw=0.6)
        panel.set(
            title=f"Spikes of {chosen.size * ensembles} of {neurons} neurons, ensemble above ensemble",
            xlabel="time (s)",
            ylabel="ensemble",
            xlim=span,
            ylim=(-0.5, ensembles * chosen.size - 0.5),
        )
        panel.set_yticks([(k + 0.5) * chosen.size - 0.5 for k in range(ensembles)], [str(k) for k in range(ensembles)])
        panel.grid(visible=False)
        return svg_of(figure)


def error_plot(curves: Mapping[str, tuple[Array, Array]]) -> str:
    """Errors over neurons with 1/√m beside them.

    Args:
        curves: by name, neurons of shape (n,) and errors of shape (n, seeds).
    """
    with matplotlib.rc_context(STYLE):
        figure, panel = new_figure(1, 1, width=6.4, height=4.2)
        for (name, (neurons, errors)), colour in zip(curves.items(), _COLOURS, strict=False):
            panel.loglog(neurons, errors.mean(axis=1), color=colour, marker="o", ms=3.5, label=name)
            panel.fill_between(neurons, errors.min(axis=1), errors.max(axis=1), color=colour, alpha=0.2, lw=0.0)
        neurons, errors = next(iter(curves.values()))
        panel.loglog(
            neurons, errors[0].mean() * np.sqrt(neurons[0] / neurons), color=IDEAL, ls=":", lw=1.0, label="∝ 1/√m"
        )
        panel.set(title="The decoded window against the ideal memory's", xlabel="neurons m", ylabel="RMS error")
        panel.legend(loc="lower left")
        return svg_of(figure)


def accuracy_plot(curves: Mapping[str, tuple[Array, Array]], ideal: float) -> str:
    """Accuracies over neurons.

    Args:
        curves: by what is in spikes, neurons of shape (n,) and accuracies of shape (n, seeds).
        ideal: accuracy in float64.
    """
    with matplotlib.rc_context(STYLE):
        figure, panel = new_figure(1, 1, width=6.4, height=3.6)
        for (name, (neurons, scores)), colour in zip(curves.items(), _COLOURS, strict=False):
            panel.semilogx(neurons, 100.0 * scores.mean(axis=1), color=colour, marker="o", ms=3.5, label=name)
        panel.axhline(100.0 * ideal, color=FLOAT, lw=1.0, label="float64")
        panel.axhline(100.0 * ideal - 2.0, color=IDEAL, lw=1.0, ls=":", label="two points below")
        panel.set(title="Digits in spikes", xlabel="neurons", ylabel="accuracy (%)")
        panel.legend(loc="lower right")
        return svg_of(figure)
