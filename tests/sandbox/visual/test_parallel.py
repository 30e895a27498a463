"""Parallel coordinates: where values stand on an axis, and no line under a text."""

from __future__ import annotations

import numpy as np
import pytest

from sandbox.visual.parallel import Scale, parallel_coordinates


def test_numbers_stand_by_size_or_logarithm_and_words_evenly():
    by_size, by_logarithm = Scale([0.0, 5.0, 2.5]), Scale([1e-4, 1e-2, 1e-3])
    assert [by_size(value) for value in (0.0, 2.5, 5.0)] == [0, 0.5, 1]
    assert [by_logarithm(value) for value in (1e-4, 1e-3, 1e-2)] == pytest.approx([0, 0.5, 1])
    sizes = Scale(["100,10", "25,10", "50,10"])
    assert [text for _, text in sizes.ticks()] == ["25,10", "50,10", "100,10"]
    assert np.isnan(sizes(None)) and by_size.log is False and by_logarithm.log is True


def test_few_numbers_that_would_be_written_over_one_another_stand_evenly():
    penalties = Scale([0, 1e-5, 1e-4, 1e-3])
    assert penalties.ticks() == [
        (pytest.approx(at), text)
        for at, text in ((0, "0"), (1 / 3, "1e-5"), (2 / 3, "0.0001"), (1, "0.001"))
    ]


def test_an_axis_of_numbers_that_stand_evenly_says_so_and_no_other_does():
    settings = {"alpha": [0.8, 0.92, 0.93, 0.96], "step": [1, 2, 3, 4], "kind": ["a", "b"] * 2}
    figure = parallel_coordinates(
        settings, range(4), "loss", "", higher_is_better=True, best=0, best_label="best"
    )
    noted = [text.get_text() for text in figure.axes[0].texts if "scale" in text.get_text()]
    assert noted == ["alpha\n(not to scale)"]


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_no_line_passes_under_a_value_and_what_is_not_finite_is_left_out(higher_is_better):
    rng = np.random.default_rng(0)
    settings = {
        "rate": rng.uniform(1e-4, 1, 30).tolist(),
        "kind": ["tanh", "leaky_relu", None] * 10,
    }
    values = np.append(rng.normal(size=28), [np.nan, np.inf])
    figure = parallel_coordinates(
        settings,
        values,
        "loss [nats]",
        "thirty",
        higher_is_better=higher_is_better,
        best=0,
        best_label="best",
        clip=0.9,
    )
    figure.canvas.draw()
    (axes,) = figure.axes
    boxes = [text.get_window_extent() for text in axes.texts if text.get_position()[1] >= 0]
    many, _ = axes.collections
    drawn = [axes.transData.transform(line) for line in many.get_segments()]
    assert len(drawn) == 28 + 28 - sum(kind is None for kind in settings["kind"][:28]) * 2
    for (x, y), (to, at) in drawn:
        for box in boxes:
            inside = (box.x0 < max(x, to)) and (box.x1 > min(x, to))
            assert not inside, (x, y, to, at, box)
    shown = figure.canvas.get_renderer()
    assert all(0 <= text.get_window_extent(shown).x1 <= figure.bbox.x1 for text in axes.texts)
