"""Figures in the house's style: what stands on them is inside."""

from __future__ import annotations

import pytest

from sandbox.visual import plots


@pytest.mark.parametrize("values", [(0.6, 2.0), (0.09, 0.2), (3e-6, 8e-6), (1.0, 1e9)])
def test_the_label_of_a_logarithmic_axis_is_inside_the_figure(values):
    settings = {"xlabel": "epoch", "ylabel": "mean squared error", "title": "How it learned"}
    with plots.single(**settings, yscale="log") as (figure, axes):
        axes.plot([1, 2], values)
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    assert axes.yaxis.label.get_window_extent(renderer).x0 > 0
