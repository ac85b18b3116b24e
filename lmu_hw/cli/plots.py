"""Plots as SVG text, with the same bytes for the same data; they need no window system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes

from lmu_hw.core.figures import (
    BOUND,
    BUDGET_SHADES,
    FIXED,
    FLOAT,
    IDEAL,
    LINES,
    STYLE,
    deviation_figure,
    front_figure,
    new_figure,
    panels_of,
    states_figure,
    svg_of,
    system_figure,
    time_unit,
)
from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError

if TYPE_CHECKING:
    from lmu_hw.fixed_point.search import Candidate, Search

_MOST_POINTS = 2000
_MOST_STEPS, _MOST_OUTPUTS = 1_000, 4


def system_plot(order: int, curves: Mapping[str, tuple[Array, Array]], growth: Array) -> str:
    """Draw the error of the delay over frequency and the states after a step; see `system_figure`."""
    with matplotlib.rc_context(STYLE):
        return svg_of(system_figure(order, curves, growth))


def states_plot(time: Array, forms: Mapping[str, Array]) -> str:
    """Draw the first states over time, each in a panel of its own; see `states_figure`."""
    with matplotlib.rc_context(STYLE):
        return svg_of(states_figure(time, forms))


def error_plot(time: Array, error: Array, bound: Array, sources: Mapping[str, Array]) -> str:
    """Draw the deviation of fixed from float against its proved bound, over time and state by state.

    Args:
        time: The times in seconds, of shape (T,).
        error: The deviations |fixed − float|, of shape (T, order).
        bound: The proved bound of each state, of shape (order,).
        sources: The parts of the bound by name, of shape (order,) each; every name has a shade in `BUDGET_SHADES`.

    Raises:
        DesignError: A part has no shade.
    """
    unknown = [name for name in sources if name not in BUDGET_SHADES]
    if unknown:
        raise DesignError("parts of the error bound", f"among those with a shade, {', '.join(BUDGET_SHADES)}", unknown)
    peak = error.max(axis=0)
    worst = int(np.argmax(peak / bound))
    factor, unit = time_unit(float(time[-1]))
    with matplotlib.rc_context(STYLE):
        figure, (left, right) = new_figure(1, 2, width=10.0, height=3.4)
        edges, largest = _envelope(time, error[:, worst])
        left.fill_between(
            factor * edges, largest, step="post", color=FIXED, alpha=0.75, lw=0.0, label="|fixed − float|"
        )
        left.axhline(bound[worst], color=BOUND, ls="--", label="proved bound")
        left.set(title=f"State {worst}, the nearest to its bound", xlabel=f"time ({unit})", ylabel="error")
        left.set_ylim(0.0, 1.3 * bound[worst])
        left.legend(loc="upper right", ncols=2)
        index, base = np.arange(bound.size), np.zeros(bound.size)
        for name, part in sources.items():
            if part.max() > 0.0:
                right.bar(index, part, bottom=base, width=0.8, color=BUDGET_SHADES[name], label=f"bound: {name}")
                base = base + part
        size = 5.0 if bound.size <= 32 else 2.5
        right.plot(index, peak, "o", color=BOUND, ms=size, label="measured maximum")
        right.set(title="Bound by source, and measured maximum", xlabel="state", ylabel="error")
        right.set(xlim=(-0.8, bound.size - 0.2), ylim=(0.0, 1.5 * bound.max()))
        right.xaxis.get_major_locator().set_params(integer=True)
        right.legend(loc="upper left", ncols=3, fontsize=7.5, columnspacing=1.0)
        return svg_of(figure)


def window_plot(lag: Array, past: Array, forms: Mapping[str, Array], instant: float) -> str:
    """Draw the window that the memory holds at one instant against the input that went in.

    Args:
        lag: The delays in seconds, of shape (n,).
        past: The true input that long ago, of shape (n,).
        forms: The decoded window of each form, of shape (n,).
        instant: The time of the instant in seconds.
    """
    factor, unit = time_unit(float(lag[-1]))
    with matplotlib.rc_context(STYLE):
        figure, panel = new_figure(1, 1, width=10.0, height=3.2)
        panel.plot(-factor * lag, past, color=IDEAL, lw=3.5, alpha=0.6, label="input")
        for form, window in forms.items():
            panel.plot(-factor * lag, window, label=f"decoded, {form}", **LINES[form])
        panel.set(
            title=f"What the states hold at {instant:.4g} s",
            xlabel=f"time before that instant ({unit})",
            ylabel="input",
        )
        panel.margins(x=0.01)
        panel.legend(loc="best", ncols=2)
        return svg_of(figure)


def response_plot(cycles: Array, responses: Mapping[str, Any], edge: float) -> str:
    """Draw the magnitude, the delay and the error of the readout at θ over frequency, against the ideal delay.

    Args:
        cycles: The frequencies in cycles per window, of shape (n,).
        responses: The complex response of each form, of shape (n,).
        edge: The highest frequency that the order resolves, in cycles per window.
    """
    ideal = np.exp(-2j * np.pi * cycles)
    with matplotlib.rc_context(STYLE):
        figure, panels = new_figure(1, 3, width=10.0, height=3.2)
        magnitude, delay, error = panels
        magnitude.axhline(0.0, color=IDEAL, lw=4.0, alpha=0.55, label="ideal delay")
        delay.axhline(1.0, color=IDEAL, lw=4.0, alpha=0.55)
        for form, response in responses.items():
            line = LINES[form]
            magnitude.plot(cycles, 20.0 * np.log10(np.maximum(np.abs(response), 1e-6)), label=form, **line)
            phase = np.unwrap(np.angle(response))
            delay.plot(cycles, -np.gradient(phase, cycles) / (2.0 * np.pi), **line)
            error.semilogy(cycles, np.maximum(np.abs(response - ideal), 1e-12), **line)
        for panel in panels:
            panel.axvline(edge, color=IDEAL, lw=1.0, ls=":")
            panel.set_xlabel("cycles per window")
        magnitude.set(title="Magnitude (dB)", ylim=(-12.0, 6.0))
        delay.set(title="Group delay / θ", ylim=(0.0, 2.0))
        error.set(title="|response − ideal delay|", ylim=(1e-6, 4.0))
        magnitude.legend(loc="lower left")
        return svg_of(figure)


def front_plot(result: Search, chosen: Candidate, target: float) -> str:
    """Draw the predicted deviation over the work per sample, a curve for each datapath, and mark the chosen design."""
    curves = {
        f"{method}, {datapath}": np.array([(each.work, each.nrmse) for each in group])
        for (method, datapath), group in result.by_datapath.items()
    }
    with matplotlib.rc_context(STYLE):
        return svg_of(front_figure(curves, target=target, chosen=(chosen.work, chosen.nrmse)))


def deviation_plot(exact: Array, fixed: Array) -> str:
    """Draw every output of a network in fixed point against float; see `deviation_figure`."""
    with matplotlib.rc_context(STYLE):
        return svg_of(deviation_figure(exact, fixed))


def sequence_plot(exact: Array, fixed: Array) -> str:
    """Draw the first outputs of a network over the first steps of a sequence, each in a panel of its own.

    Args:
        exact: The outputs in float64, of shape (T, outputs).
        fixed: The outputs in fixed point, of the same shape.
    """
    exact, fixed = exact[:_MOST_STEPS], fixed[:_MOST_STEPS]
    shown = min(exact.shape[1], _MOST_OUTPUTS)
    with matplotlib.rc_context(STYLE):
        figure, grid = new_figure(shown, 1, width=10.0, height=0.8 + 1.6 * shown, sharex=True)
        for i, panel in enumerate(panels_of(grid)):
            panel.plot(exact[:, i], color=FLOAT, label="float")
            panel.plot(fixed[:, i], color=FIXED, ls="--", label="fixed")
            panel.set_title(f"output {i}")
        panel.set_xlabel("step")
        panel.legend(loc="upper right")
        return svg_of(figure)


def digit_plot(image: Array, sequence: Array, label: int) -> str:
    """Draw a scanned digit beside the sequence that the memory gets."""
    with matplotlib.rc_context(STYLE):
        figure, (left, right) = new_figure(1, 2, width=10.0, height=2.3, width_ratios=[1.0, 5.0])
        left.imshow(image, cmap="gray_r", interpolation="nearest")
        left.set_title(f"a held-out {label}")
        _bare(left)
        right.step(np.arange(sequence.size), sequence, where="mid", color=FLOAT)
        right.set(title="its pixels, in the permuted order, as samples", xlabel="step", ylabel="input")
        right.margins(x=0.01)
        return svg_of(figure)


def scan_plot(images: Mapping[str, Array]) -> str:
    """Draw a row of small grey images for each form, of shape (count, side, side), from −1 (white) to 1 (black)."""
    count = len(next(iter(images.values())))
    with matplotlib.rc_context(STYLE):
        figure, grid = new_figure(len(images), count, width=10.0, height=0.88 * len(images))
        for row, (form, pictures) in zip(grid, images.items(), strict=True):
            for panel, picture in zip(row, pictures, strict=True):
                panel.imshow(picture, cmap="gray_r", vmin=-1.0, vmax=1.0, interpolation="nearest")
                _bare(panel)
            row[0].set_ylabel(form)
        return svg_of(figure)


def _bare(panel: Axes) -> None:
    """Remove the axes and the grid of a panel, so that only the picture stays."""
    panel.set(xticks=[], yticks=[])
    panel.grid(visible=False)
    panel.spines[:].set_visible(False)


def _envelope(time: Array, values: Array) -> tuple[Array, Array]:
    """The starts of at most `_MOST_POINTS` spans of time, and the maxima over them, so that no peak is lost."""
    span = -(-values.size // _MOST_POINTS)
    starts = np.arange(0, values.size, span)
    return time[starts], np.maximum.reduceat(values, starts)
