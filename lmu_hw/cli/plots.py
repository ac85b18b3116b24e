"""Plots as SVG text, with the same bytes for the same data; they need no window system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from lmu_hw.core.figures import (
    BAR_EDGE,
    BOUND,
    BUDGET_SHADES,
    DESK,
    FIXED,
    FLOAT,
    IDEAL,
    LINES,
    STYLE,
    columns_in,
    deviation_figure,
    fitted,
    front_figure,
    legend_above,
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


def states_plot(time: Array, forms: Mapping[str, Array], *, width: float = DESK) -> str:
    """Draw the first states over time, each in a panel of its own; see `states_figure`."""
    with matplotlib.rc_context(STYLE):
        return svg_of(states_figure(time, forms, width=width))


def error_plot(time: Array, error: Array, bound: Array, sources: Mapping[str, Array], *, width: float = DESK) -> str:
    """Draw the deviation of fixed from float against its proved bound, over time and state by state.

    Args:
        time: The times in seconds, of shape (T,).
        error: The deviations |fixed − float|, of shape (T, order).
        bound: The proved bound of each state, of shape (order,).
        sources: The parts of the bound by name, of shape (order,) each; every name has a shade in `BUDGET_SHADES`.
        width: The width of the figure in inches.

    Raises:
        DesignError: A part has no shade.
    """
    unknown = [name for name in sources if name not in BUDGET_SHADES]
    if unknown:
        raise DesignError("parts of the error bound", f"among those with a shade, {', '.join(BUDGET_SHADES)}", unknown)
    peak = error.max(axis=0)
    worst = int(np.argmax(peak / bound))
    factor, unit = time_unit(float(time[-1]))
    columns = columns_in(width, 2, 3.4)
    with matplotlib.rc_context(STYLE):
        figure, grid = new_figure(2 // columns, columns, width=width, height=3.6 if columns == 2 else 5.8)
        left, right = panels_of(grid)
        edges, largest = _envelope(time, error[:, worst])
        left.fill_between(factor * edges, largest, step="post", color=FIXED, lw=0.0, label="|fixed − float|")
        left.axhline(bound[worst], color=BOUND, ls="--", label="proved bound")
        left.set(title=f"State {worst}, the nearest to its bound", xlabel=f"time ({unit})", ylabel="error")
        left.set_ylim(0.0, 1.1 * bound[worst])
        index, base = np.arange(bound.size), np.zeros(bound.size)
        for name, part in sources.items():
            if part.max() > 0.0:
                shade = {"color": BUDGET_SHADES[name], **BAR_EDGE}
                right.bar(index, part, bottom=base, width=0.8, label=f"bound: {name}", **shade)
                base = base + part
        size = 5.0 if bound.size <= 32 else 2.5
        right.plot(index, peak, "o", color=BOUND, ms=size, label="measured maximum")
        right.set(title="Bound by source, and measured maximum", xlabel="state", ylabel="error")
        right.set(xlim=(-0.8, bound.size - 0.2), ylim=(0.0, 1.1 * bound.max()))
        right.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        legend_above(figure, [left, right], width)
        return svg_of(figure)


def window_plot(lag: Array, past: Array, forms: Mapping[str, Array], instant: float, *, width: float = DESK) -> str:
    """Draw the window that the memory holds at one instant against the input that went in.

    Args:
        lag: The delays in seconds, of shape (n,).
        past: The true input that long ago, of shape (n,).
        forms: The decoded window of each form, of shape (n,).
        instant: The time of the instant in seconds.
        width: The width of the figure in inches.
    """
    factor, unit = time_unit(float(lag[-1]))
    with matplotlib.rc_context(STYLE):
        figure, panel = new_figure(1, 1, width=width, height=3.2)
        panel.plot(-factor * lag, past, color=IDEAL, lw=3.5, label="input")
        for form, window in forms.items():
            panel.plot(-factor * lag, window, label=f"decoded, {form}", **LINES[form])
        panel.set(
            title=f"What the states hold at {instant:.4g} s",
            xlabel=f"time before that instant ({unit})",
            ylabel="input",
        )
        panel.margins(x=0.01)
        legend_above(figure, [panel], width)
        return svg_of(figure)


def response_plot(cycles: Array, responses: Mapping[str, Any], edge: float, *, width: float = DESK) -> str:
    """Draw the magnitude, the delay and the error of the readout at θ over frequency, against the ideal delay.

    Args:
        cycles: The frequencies in cycles per window, of shape (n,).
        responses: The complex response of each form, of shape (n,).
        edge: The highest frequency that the order resolves, in cycles per window.
        width: The width of the figure in inches.
    """
    ideal = np.exp(-2j * np.pi * cycles)
    columns = columns_in(width, 3, 2.4)
    with matplotlib.rc_context(STYLE):
        figure, grid = new_figure(
            -(-3 // columns), columns, width=width, height=3.2 if columns == 3 else 6.6, sharex=True
        )
        panels = panels_of(grid)
        magnitude, delay, error = panels
        magnitude.axhline(0.0, color=IDEAL, lw=4.0, label="ideal delay")
        delay.axhline(1.0, color=IDEAL, lw=4.0)
        for form, response in responses.items():
            line = LINES[form]
            magnitude.plot(cycles, 20.0 * np.log10(np.maximum(np.abs(response), 1e-6)), label=form, **line)
            phase = np.unwrap(np.angle(response))
            delay.plot(cycles, -np.gradient(phase, cycles) / (2.0 * np.pi), **line)
            error.semilogy(cycles, np.maximum(np.abs(response - ideal), 1e-12), **line)
        for panel in panels:
            panel.axvline(edge, color=IDEAL, lw=1.0, ls=":")
            panel.tick_params(labelbottom=True)
        for panel in panels[-columns:]:
            panel.set_xlabel("cycles per window")
        magnitude.set(title="Magnitude (dB)", ylim=(-12.0, 6.0))
        delay.set(title="Group delay / θ", ylim=(0.0, 2.0))
        error.set(title="|response − ideal delay|", ylim=(1e-6, 4.0))
        legend_above(figure, panels, width)
        return svg_of(figure)


def front_plot(result: Search, chosen: Candidate, target: float) -> str:
    """Draw the predicted deviation over the work per sample, a curve for each datapath, and mark the chosen design."""
    curves = {
        f"{method}, {datapath}": np.array([(each.work, each.nrmse) for each in group])
        for (method, datapath), group in result.by_datapath.items()
    }
    with matplotlib.rc_context(STYLE):
        return svg_of(front_figure(curves, target=target, chosen=(chosen.work, chosen.nrmse)))


def deviation_plot(exact: Array, fixed: Array, *, width: float = DESK) -> str:
    """Draw every output of a network in fixed point against float; see `deviation_figure`."""
    with matplotlib.rc_context(STYLE):
        return svg_of(deviation_figure(exact, fixed, width=width))


def sequence_plot(exact: Array, fixed: Array, *, width: float = DESK) -> str:
    """Draw the first outputs of a network over the first steps of a sequence, each in a panel of its own.

    Args:
        exact: The outputs in float64, of shape (T, outputs).
        fixed: The outputs in fixed point, of the same shape.
        width: The width of the figure in inches.
    """
    exact, fixed = exact[:_MOST_STEPS], fixed[:_MOST_STEPS]
    shown = min(exact.shape[1], _MOST_OUTPUTS)
    with matplotlib.rc_context(STYLE):
        figure, grid = new_figure(shown, 1, width=width, height=0.8 + 1.6 * shown, sharex=True)
        panels = panels_of(grid)
        for i, panel in enumerate(panels):
            panel.plot(exact[:, i], label="float", **LINES["float"])
            panel.plot(fixed[:, i], label="fixed", **LINES["fixed"])
            panel.set_title(f"output {i}")
        panel.set_xlabel("step")
        legend_above(figure, panels[:1], width)
        return svg_of(figure)


def digit_plot(image: Array, sequence: Array, label: int, *, width: float = DESK) -> str:
    """Draw a scanned digit beside the sequence that the memory gets; in a narrow figure above it."""
    beside = columns_in(width, 2, 3.0) == 2
    with matplotlib.rc_context(STYLE):
        shape: dict[str, Any] = {"width_ratios": [1.0, 5.0]} if beside else {}
        figure, grid = new_figure(*((1, 2) if beside else (2, 1)), width=width, height=2.3 if beside else 3.6, **shape)
        left, right = panels_of(grid)
        left.imshow(image, cmap="gray_r", interpolation="nearest")
        left.set_title(f"a held-out {label}")
        _bare(left)
        right.step(np.arange(sequence.size), sequence, where="mid", color=FLOAT)
        title = "its pixels, in the permuted order, as samples"
        right.set(title=fitted(title, 0.7 * width if beside else width), xlabel="step", ylabel="input")
        right.margins(x=0.01)
        return svg_of(figure)


def scan_plot(images: Mapping[str, Array], *, width: float = DESK) -> str:
    """Draw small grey images for each form, of shape (count, side, side), from −1 (white) to 1 (black).

    Each form has a row; where the figure is too narrow for all images, further rows go on with the rest of them.
    """
    count = len(next(iter(images.values())))
    columns = columns_in(width, count, 0.55)
    blocks = -(-count // columns)
    rows = blocks * len(images)
    with matplotlib.rc_context(STYLE):
        figure, grid = new_figure(rows, columns, width=width, height=0.95 * (width / columns) * rows, squeeze=False)
        for block in range(blocks):
            for k, (form, pictures) in enumerate(images.items()):
                row = grid[block * len(images) + k]
                part = pictures[block * columns : (block + 1) * columns]
                for panel in row:
                    _bare(panel)
                for panel, picture in zip(row, part, strict=False):
                    panel.imshow(picture, cmap="gray_r", vmin=-1.0, vmax=1.0, interpolation="nearest")
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
