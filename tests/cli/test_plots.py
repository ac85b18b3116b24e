"""Plots draw everything that they are given, or say why they cannot."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from lmu_hw.cli import plots, spiking_plots
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.fidelity import Band
from lmu_hw.fixed_point.search import search


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are drawn, in place of their SVG."""
    figures: list[Figure] = []

    def kept(figure: Figure) -> str:
        figures.append(figure)
        return "<svg/>"

    for module in (plots, spiking_plots):
        monkeypatch.setattr(module, "svg_of", kept)
    return figures


def test_a_part_of_the_bound_without_a_shade_is_an_error() -> None:
    ones = np.ones(2)
    with pytest.raises(DesignError, match=r"parts of the error bound must be among those with a shade, .*got .*luck"):
        plots.error_plot(ones, np.ones((2, 2)), ones, {"input": ones, "luck": ones})


def test_curves_without_a_style_are_an_error_and_not_left_out() -> None:
    curve = np.ones(3), np.ones(3)
    with pytest.raises(DesignError, match="curves of a plot must be at most 2, which have styles of their own, got 3"):
        plots.system_plot(2, dict.fromkeys("abc", curve), np.ones((4, 2)))


def test_the_front_has_a_curve_for_each_method_and_datapath(drawn: list[Figure]) -> None:
    result = search(LMUSpec(4, 1.0, 0.01), Band(1.0))
    plots.front_plot(result, result.front[0], 1e-3)
    (panel,) = drawn[0].axes
    labels = panel.get_legend_handles_labels()[1]
    assert labels == [f"{method}, {datapath}" for method, datapath in result.by_datapath]
    assert {label.partition(",")[0] for label in labels} == {str(method) for method in Discretization}


def test_more_curves_than_colours_differ_in_their_dashes(drawn: list[Figure]) -> None:
    neurons = np.array([10.0, 20.0])
    curves = [spiking_plots.Curve(str(k), neurons, np.full((2, 1), 0.9)) for k in range(7)]
    spiking_plots.accuracy_plot(curves, 1.0, "digits")
    lines = [line for line in drawn[0].axes[0].lines if line.get_label() in "0123456"]
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 7
