"""Plots of a network's outputs in its different forms."""

from __future__ import annotations

import matplotlib
import numpy as np

from lmu_hw.cli.plots import FIXED, FLOAT, IDEAL, STYLE, new_figure, svg_of
from lmu_hw.cli.report import FigureData
from lmu_hw.sim.cosim.network import NetworkCosim

_MOST_POINTS = 5_000
_MOST_STEPS = 1_000


def network_figures(result: NetworkCosim) -> list[FigureData]:
    """Draw every output in fixed point against float, and over time where there is an output for each step."""
    same = (
        " The Verilog gives the words of the integer model, so its outputs are those of the fixed form."
        if result.digital.passed
        else ""
    )
    figures = [
        FigureData(
            "Outputs, fixed against float",
            "Each point is one output; on the line both forms agree. To the right, how often they differ by how much."
            + same,
            _scatter(result),
        )
    ]
    if result.outputs_float.ndim == 3:
        caption = "The first outputs of the first sequence." + same
        figures.append(FigureData("Outputs over time", caption, _over_time(result)))
    return figures


def _scatter(result: NetworkCosim) -> str:
    exact, fixed = result.outputs_float.ravel(), result.outputs_fixed.ravel()
    keep = slice(None, None, max(1, exact.size // _MOST_POINTS))
    low, high = float(min(exact.min(), fixed.min())), float(max(exact.max(), fixed.max()))
    with matplotlib.rc_context(STYLE):
        figure, (left, right) = new_figure(1, 2, width=10.0, height=3.8)
        left.plot([low, high], [low, high], color=IDEAL, lw=1.0)
        left.plot(exact[keep], fixed[keep], ".", color=FIXED, ms=3.0)
        left.set(title="Outputs", xlabel="float", ylabel="fixed")
        right.hist(fixed - exact, bins=min(60, max(10, exact.size // 10)), color=FIXED)
        right.set(title="Deviation", xlabel="fixed − float", ylabel="outputs")
        return svg_of(figure)


def _over_time(result: NetworkCosim) -> str:
    exact, fixed = (outputs[0, :_MOST_STEPS] for outputs in (result.outputs_float, result.outputs_fixed))
    shown = min(exact.shape[1], 4)
    with matplotlib.rc_context(STYLE):
        figure, grid = new_figure(shown, 1, width=10.0, height=0.8 + 1.6 * shown, sharex=True)
        for i, panel in enumerate(np.atleast_1d(np.asarray(grid)).ravel()):
            panel.plot(exact[:, i], color=FLOAT, label="float")
            panel.plot(fixed[:, i], color=FIXED, ls="--", label="fixed")
            panel.set_title(f"output {i}")
        panel.set_xlabel("step")
        panel.legend(loc="upper right")
        return svg_of(figure)
