"""The plot of learning curves."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib

from lmu_hw.cli.plots import FIXED, FLOAT, SPICE, STYLE, new_figure, svg_of
from lmu_hw.training.tasks.base import Curve


def curves_plot(curves: Mapping[str, Curve], metric: str) -> str:
    """Loss and validation score after each epoch.

    Args:
        curves: by model.
        metric: name of the score.
    """
    with matplotlib.rc_context(STYLE):
        figure, (left, right) = new_figure(1, 2, width=10.0, height=3.4)
        worst = 0.0
        for (name, curve), colour in zip(curves.items(), (FLOAT, FIXED, SPICE), strict=False):
            epochs = [row["epoch"] for row in curve]
            left.semilogy(epochs, [row["loss"] for row in curve], color=colour, label=name)
            shown = [1.0 - row[metric] if metric == "accuracy" else row[metric] for row in curve]
            right.plot(epochs, shown, color=colour, label=name)
            worst = max(worst, *shown)
        left.set(title="Training loss", xlabel="epoch", ylabel="loss")
        wrong = "share of errors" if metric == "accuracy" else metric
        right.set(title="Validation", xlabel="epoch", ylabel=wrong, yscale="log" if worst > 0.0 else "linear")
        right.legend(loc="upper right")
        return svg_of(figure)
