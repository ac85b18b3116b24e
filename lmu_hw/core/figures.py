"""Figures that need no window system: one style, the same bytes for the same data, and SVG in notebooks."""

from __future__ import annotations

import io
import logging
import re
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatterMathtext, LogFormatterSciNotation, MaxNLocator

from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError

_T = TypeVar("_T")
_S = TypeVar("_S")

COLOURS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "ink": ("#1f2429", "#e6e9ec"),
        "soft": ("#59626d", "#a3adb8"),
        "grid": ("#e4e7eb", "#30363d"),
        "band": ("#eef1f4", "#272e36"),
        "float": ("#2b2f36", "#eceef1"),
        "fixed": ("#0072b2", "#5cb3e6"),
        "spice": ("#bd4f00", "#f59a4c"),
        "bound": ("#b3261e", "#ff7b72"),
        "ideal": ("#7f8993", "#8b949e"),
        "green": ("#007a59", "#3fc79a"),
        "violet": ("#7b4ea3", "#c19af0"),
        "pink": ("#b0588a", "#f09ac8"),
        "ochre": ("#8c6d1f", "#d9b44a"),
        "input": ("#e3eaf0", "#22303d"),
        "coefficients": ("#c6d5e3", "#2d4356"),
        "internal": ("#a6bfd4", "#3a5770"),
        "accumulation": ("#84a8c6", "#496e8c"),
        "feedback": ("#5f8fb6", "#5d8aab"),
        "output": ("#3f749f", "#78a8cb"),
    }
)
"""Every colour of a figure by its name, on light and on dark ground.

Curves and texts have a contrast of at least 4.5 to either ground, and "ideal", which is never a text, of at least 3.
The grid, the band and the parts of a bound may be paler: values are read off at axes and at the outlines of bars.
"""

FLOAT, FIXED, SPICE, BOUND, IDEAL, SOFT, INK, GREEN, VIOLET, BAND = (
    COLOURS[name][0] for name in ("float", "fixed", "spice", "bound", "ideal", "soft", "ink", "green", "violet", "band")
)
NARROW, WIDE, DESK = 3.6, 7.6, 10.0
"""Widths of figures in inches: for a telephone, for a page, and alone. A figure 3.6 in wide has 346 CSS pixels."""

FONTS = "'DejaVu Sans', Verdana, sans-serif"
"""The font of figures, whose texts stay texts; Verdana has the same widths where there is no DejaVu."""

logging.getLogger("matplotlib").setLevel(logging.ERROR)  # building its font cache is not worth a message
STYLE: Any = {
    "svg.hashsalt": "lmu-hw",
    "svg.fonttype": "none",  # texts that can be selected, searched and read aloud
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "text.color": INK,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 9.0,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": SOFT,
    "axes.grid": True,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": COLOURS["grid"][0],
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 9.0,
    "lines.linewidth": 1.3,
    "path.simplify_threshold": 0.1,
}
BUDGET_SHADES: Mapping[str, str] = {
    name: COLOURS[name][0] for name in ("input", "coefficients", "internal", "accumulation", "feedback", "output")
}
"""One shade for each part of an `ErrorBudget`, the first at the foot of the bar."""

BAR_EDGE: Mapping[str, Any] = {"edgecolor": SOFT, "linewidth": 0.5}
"""The outline of stacked bars, without which neighbours of similar shades would not be told apart."""

LINES: Mapping[str, Mapping[str, Any]] = {
    "float": {"color": FLOAT, "lw": 2.2},
    "fixed": {"color": FIXED, "lw": 1.1, "ls": "-"},
    "SPICE": {"color": SPICE, "lw": 1.2, "ls": (0, (4, 2))},
    "spiking": {"color": FIXED, "lw": 1.1, "ls": "-"},
    "spikes, Verilog": {"color": SPICE, "lw": 0.9},
    "spikes, software": {"color": GREEN, "lw": 0.9, "ls": (0, (4, 2))},
    "continuous": {"color": FLOAT, "lw": 1.8},
    "sampled": {"color": FIXED, "lw": 1.2, "ls": (0, (4, 2))},
    "circuit": {"color": SPICE, "lw": 1.2, "ls": (0, (1, 1.2))},
}
"""The line of each form of a memory."""

_CHARACTER = 0.08  # inches, a little more than the mean of the font at 9.5 points
_KEY = 0.5  # inches: the sample of a legend's entry, with the space around it
_MOST_POINTS = 2000
_MOST_OUTPUT_POINTS = 5_000
_MOST_STATES = 6


class Plot(Figure):
    """A figure in this project's style, which notebooks show as SVG without `pyplot`.

    `savefig` writes it to a file in any format that Matplotlib knows.
    """

    def svg(self) -> str:
        """The figure as SVG text without anything that changes from run to run."""
        with matplotlib.rc_context(STYLE):
            return svg_of(self)

    def _repr_svg_(self) -> str:
        return self.svg()


def new_figure(rows: int, columns: int, *, width: float, height: float, **layout: Any) -> tuple[Plot, Any]:
    """Make a figure of width × height inches, and return it with its panels."""
    figure = Plot(figsize=(width, height), layout="constrained")
    ratios = layout.pop("width_ratios", None)
    grid = figure.subplots(rows, columns, gridspec_kw={"width_ratios": ratios} if ratios else None, **layout)
    return figure, grid


def svg_of(figure: Figure) -> str:
    """Return the figure as SVG text without anything that changes from run to run; its texts are texts."""
    for panel in figure.axes:
        for axis in (panel.xaxis, panel.yaxis):  # 10⁻³ as one text, not as four pieces of a formula
            if isinstance(axis.get_major_formatter(), LogFormatterMathtext):
                axis.set_major_formatter(_Powers())
                axis.set_minor_formatter(_Powers(labelOnlyBase=False))
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return buffer.getvalue().replace("'DejaVu Sans'", FONTS)


class _Powers(LogFormatterSciNotation):
    """Labels of a logarithmic axis such as 10⁻³ and 2·10⁻³, in plain characters."""

    def __call__(self, x: float, pos: Any = None) -> str:
        text = super().__call__(x, pos)
        text = re.sub(r"\^\{([^}]*)\}", lambda found: found[1].replace("−", "-").translate(_SUPERSCRIPTS), text)
        return re.sub(r"[${}]|\\mathdefault", "", text.replace(r"\times", "·"))


_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def columns_in(width: float, panels: int, least: float) -> int:
    """The number of panels side by side in a figure of `width` inches, if each is to have `least` inches."""
    return max(1, min(panels, int(width / least)))


def fitted(text: str, width: float) -> str:
    """A title in lines that fit into `width` inches."""
    return "\n".join(textwrap.wrap(text, max(12, int(width / _CHARACTER))))


def legend_above(figure: Figure, panels: Sequence[Axes], width: float) -> None:
    """Put the legend of all panels above them, where it covers no curve, in as many columns as the figure is wide."""
    entries = {
        label: handle for panel in panels for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    if not entries:
        return
    # Columns are as wide as their longest entry, so the longest of all is a safe measure.
    each = _KEY + _CHARACTER * max(map(len, entries))
    figure.legend(
        list(entries.values()),
        list(entries),
        loc="outside upper left",
        ncols=max(1, min(len(entries), int(width / each))),
        borderpad=0.2,
        borderaxespad=0.2,
        columnspacing=1.2,
    )


def styled(items: Collection[_T], styles: Sequence[_S]) -> Iterator[tuple[_T, _S]]:
    """Pair each item of a plot with a style of its own.

    Raises:
        DesignError: There are more items than styles, so that some could not be drawn.
    """
    if len(items) > len(styles):
        raise DesignError("curves of a plot", f"at most {len(styles)}, which have styles of their own", len(items))
    return zip(items, styles, strict=False)


def panels_of(grid: Any) -> Sequence[Axes]:
    """The panels of a grid in one sequence, row by row."""
    return list(np.atleast_1d(np.asarray(grid, dtype=object)).ravel())


def time_unit(longest: float) -> tuple[float, str]:
    """The factor from seconds to the unit in which times up to `longest` read well, and the unit's name."""
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "µs")):
        if longest * factor >= 1.0:
            return factor, unit
    return 1e9, "ns"


def thinned(count: int) -> slice:
    """Which of `count` points are drawn, so that no curve has more than a few thousand."""
    return slice(None, None, max(1, count // _MOST_POINTS))


def system_figure(order: int, curves: Mapping[str, tuple[Array, Array]], growth: Array | None = None) -> Plot:
    """Draw the error of the delay over frequency, and the states after a step of the input.

    Args:
        order: The number of states.
        curves: The frequencies in cycles per window and the errors |readout − ideal delay| there, by label.
        growth: The states over one and a half windows after the step, of shape (steps, order); None draws no states.
    """
    with matplotlib.rc_context(STYLE):
        columns = 1 if growth is None else 2
        figure, grid = new_figure(1, columns, width=5.0 * columns, height=3.6)
        left, *others = panels_of(grid)
        for (label, (cycles, error)), (colour, line) in styled(curves.items(), ((FLOAT, "-"), (FIXED, "--"))):
            left.loglog(cycles, np.maximum(error, 1e-17), color=colour, ls=line, label=label)
        left.axvline(order / np.pi, color=IDEAL, lw=1.0, ls=":")
        left.annotate("order/π", (order / np.pi, 1.0), xytext=(3, 2), textcoords="offset points", color=SOFT)
        left.set(title="Error of the readout at θ", xlabel="cycles per window", ylabel="|readout − ideal delay|")
        left.set_ylim(1e-16, 5.0)
        left.legend(loc="lower right")
        if growth is not None:
            (right,) = others
            time = np.linspace(0.0, 1.5, growth.shape[0])
            for i in range(min(order, _MOST_STATES)):
                right.plot(time, growth[:, i], color=_shade(i, min(order, _MOST_STATES)), label=f"m{_sub(i)}")
            right.set(title="States after a step of the input", xlabel="time / θ", ylabel="state")
            right.legend(loc="lower right", ncols=3)
        return figure


def states_figure(time: Array, forms: Mapping[str, Array], *, width: float = DESK) -> Plot:
    """Draw the first states over time, each in a panel of its own.

    Args:
        time: The times in seconds, of shape (T,).
        forms: The states of each form, a key of `LINES`, of shape (T, order).
        width: The width of the figure in inches; panels that do not fit side by side stand below each other.
    """
    shown = min(next(iter(forms.values())).shape[1], _MOST_STATES)
    columns = columns_in(width, min(shown, 3), 2.4)
    rows = -(-shown // columns)
    factor, unit = time_unit(float(time[-1]))
    keep = thinned(time.size)
    with matplotlib.rc_context(STYLE):
        figure, grid = new_figure(
            rows, columns, width=width, height=0.6 + (1.75 if columns > 1 else 1.4) * rows, sharex=True
        )
        panels = panels_of(grid)
        for i, panel in enumerate(panels):
            if i >= shown:
                panel.set_visible(False)
                continue
            for form, states in forms.items():
                panel.plot(factor * time[keep], states[keep, i], label=form, **LINES[form])
            panel.set_title(f"state {i}")
            if i >= shown - columns:
                panel.set_xlabel(f"time ({unit})")
                panel.tick_params(labelbottom=True)
        legend_above(figure, panels[:1], width)
        return figure


def deviation_figure(exact: Array, fixed: Array, *, width: float = DESK) -> Plot:
    """Draw every output of a network in fixed point against float, and how often they differ by how much.

    Args:
        exact: The outputs in float64, of any shape.
        fixed: The outputs in fixed point, of the same shape.
        width: The width of the figure in inches.
    """
    exact, fixed = exact.ravel(), fixed.ravel()
    keep = slice(None, None, max(1, exact.size // _MOST_OUTPUT_POINTS))
    low, high = float(min(exact.min(), fixed.min())), float(max(exact.max(), fixed.max()))
    columns = columns_in(width, 2, 3.0)
    with matplotlib.rc_context(STYLE):
        figure, grid = new_figure(2 // columns, columns, width=width, height=3.8 if columns == 2 else 5.6)
        left, right = panels_of(grid)
        left.plot([low, high], [low, high], color=IDEAL, lw=1.0)
        left.plot(exact[keep], fixed[keep], ".", color=FIXED, ms=3.0)
        left.set(title="Outputs", xlabel="float", ylabel="fixed")
        right.hist(fixed - exact, bins=min(60, max(10, exact.size // 10)), color=FIXED)
        right.set(title="Deviation", xlabel="fixed − float", ylabel="outputs")
        right.xaxis.set_major_locator(MaxNLocator(5))  # the labels are long
        return figure


def budget_figure(parts: Mapping[str, Array], noise: Array | None, read: str) -> Plot:
    """Draw the bound on the error of everything that is read, by source, and the predicted noise.

    Args:
        parts: The parts of the bound by name, a key of `BUDGET_SHADES`, of shape (outputs,) each.
        noise: The predicted standard deviation, shape (outputs,); None draws none.
        read: What is read, "state" or "readout".
    """
    with matplotlib.rc_context(STYLE):
        figure, panel = new_figure(1, 1, width=6.4, height=3.4)
        index = np.arange(next(iter(parts.values())).size)
        base = np.zeros(index.size)
        for name, part in parts.items():
            if part.max() > 0.0:
                panel.bar(
                    index, part, bottom=base, width=0.8, color=BUDGET_SHADES[name], label=f"bound: {name}", **BAR_EDGE
                )
                base = base + part
        if noise is not None:
            size = 5.0 if index.size <= 32 else 2.5
            panel.plot(index, noise, "o", color=BOUND, ms=size, label="predicted noise (standard deviation)")
        panel.set(title="Bound on |fixed − float|, by source", xlabel=read, ylabel="error")
        panel.set_xlim(-0.8, index.size - 0.2)
        if base.max() > 0.0:
            panel.set_ylim(0.0, 1.5 * base.max())
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.legend(loc="upper left", ncols=2, fontsize=7.5, columnspacing=1.0)
        return figure


def front_figure(
    curves: Mapping[str, Array], *, target: float | None = None, chosen: tuple[float, float] | None = None
) -> Plot:
    """Draw the deviation of designs over their work per sample, a curve for each datapath.

    Args:
        curves: Work and NRMSE of the designs of each curve, shape (designs, 2), by its label.
        target: The NRMSE that was asked for; None draws no line.
        chosen: Work and NRMSE of the chosen design; None marks none.
    """
    with matplotlib.rc_context(STYLE):
        figure, panel = new_figure(1, 1, width=6.4, height=4.0)
        colours = (FIXED, SPICE, GREEN, VIOLET, FLOAT, IDEAL, COLOURS["pink"][0], COLOURS["ochre"][0])
        for (label, points), colour in styled(curves.items(), colours):
            panel.loglog(*points.T, color=colour, marker=".", ms=3.5, lw=1.0, label=label)
        if target is not None:
            panel.axhline(target, color=IDEAL, lw=1.0, ls=":")
        if chosen is not None:
            panel.plot(*([each] for each in chosen), marker="o", ms=8, mfc="none", mec=BOUND, mew=1.5, ls="")
        panel.set(title="Fidelity and its price", xlabel="multiplications × widths of both factors, bit² per sample")
        panel.set_ylabel("NRMSE of the decoded window")
        panel.legend(loc="upper right")
        return figure


def curves_figure(title: str, xlabel: str, ylabel: str, curves: Mapping[str, tuple[Array, Array]], **axes: Any) -> Plot:
    """Draw labelled curves into one panel.

    Args:
        title, xlabel, ylabel: The labels of the panel.
        curves: Abscissas and ordinates of each curve, by its label.
        axes: Further properties of the panel, such as `yscale`.
    """
    with matplotlib.rc_context(STYLE):
        figure, panel = new_figure(1, 1, width=6.4, height=3.4)
        for (label, (x, y)), colour in styled(curves.items(), (FLOAT, FIXED, SPICE, BOUND, GREEN, VIOLET)):
            panel.plot(x, y, color=colour, label=label)
        panel.set(title=title, xlabel=xlabel, ylabel=ylabel, **axes)
        if len(curves) > 1:
            panel.legend(loc="best")
        return figure


def histogram_figure(title: str, xlabel: str, ylabel: str, values: Array, lines: Mapping[str, float]) -> Plot:
    """Draw how often values occur, with vertical lines at some of them.

    Args:
        title, xlabel, ylabel: The labels of the panel.
        values: The values, shape (n,); those that are not finite are left out.
        lines: The places of the lines, by label.
    """
    with matplotlib.rc_context(STYLE):
        figure, panel = new_figure(1, 1, width=6.4, height=3.4)
        finite = values[np.isfinite(values)]
        panel.hist(finite, bins=min(60, max(10, finite.size // 10)), color=FIXED)
        for (label, x), dash in styled(lines.items(), ("--", ":", "-.")):
            panel.axvline(x, color=BOUND, ls=dash, label=label)
        panel.set(title=title, xlabel=xlabel, ylabel=ylabel)
        if lines:
            panel.legend(loc="best")
        return figure


def points_figure(title: str, xlabel: str, ylabel: str, x: Any, y: Any) -> Plot:
    """Draw a dot for each pair of values, shape (n,) each."""
    with matplotlib.rc_context(STYLE):
        figure, panel = new_figure(1, 1, width=6.4, height=3.4)
        panel.plot(x, y, ".", color=FLOAT, ms=2.0)
        panel.set(title=title, xlabel=xlabel, ylabel=ylabel)
        return figure


def bar_figure(title: str, names: Sequence[str], parts: Mapping[str, Sequence[float]], unit: str) -> Plot:
    """Draw horizontal bars, the first one at the top.

    Args:
        title: The title.
        names: The name of each bar.
        parts: The lengths of the bars' parts, by the name of the part.
        unit: What the lengths count.
    """
    with matplotlib.rc_context(STYLE):
        figure, panel = new_figure(1, 1, width=6.4, height=1.2 + 0.35 * len(names))
        base = np.zeros(len(names))
        for (name, lengths), shade in styled(parts.items(), tuple(BUDGET_SHADES.values())[::-1]):
            panel.barh(range(len(names)), lengths, left=base, color=shade, label=name, **BAR_EDGE)
            base = base + np.asarray(lengths, dtype=np.float64)
        panel.set_yticks(range(len(names)), names)
        panel.invert_yaxis()
        panel.set(title=title, xlabel=unit)
        if len(parts) > 1:
            panel.legend(loc="best")
        return figure


def signal_figure(time: Array, samples: Array, unit: str) -> Plot:
    """Draw samples over time; of a long recording the lowest and the highest of each short span.

    Args:
        time: The times, shape (T,), in `unit`.
        samples: The samples, shape (T,).
        unit: The label of the times.
    """
    with matplotlib.rc_context(STYLE):
        figure, panel = new_figure(1, 1, width=8.0, height=2.6)
        span = -(-samples.size // _MOST_POINTS)
        if span == 1:
            panel.plot(time, samples, color=FLOAT)
        else:
            starts = np.arange(0, samples.size, span)
            low, high = np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)
            panel.fill_between(time[starts], low, high, step="post", color=FLOAT, lw=0.3)
        panel.set(xlabel=unit, ylabel="sample")
        panel.margins(x=0.01)
        return figure


def _shade(i: int, count: int) -> Any:
    return matplotlib.colormaps["viridis"](0.9 * i / max(1, count - 1))


def _sub(i: int) -> str:
    return "".join("₀₁₂₃₄₅₆₇₈₉"[int(digit)] for digit in str(i))
