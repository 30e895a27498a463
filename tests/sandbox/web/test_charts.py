"""Charts: what is drawn of which numbers."""

from __future__ import annotations

import io

import numpy as np
import pytest

from sandbox.web import charts
from sandbox.web.curves import ThinnedLine
from sandbox.web.facts import notes


def drawn(options, place):
    """Places and values of one series."""
    series = options["series"][place]
    rows = options["dataset"][series["datasetIndex"]]["source"]
    return rows[series["encode"]["x"]], rows[series["encode"]["y"]]


def test_lines_over_the_same_places_share_them():
    x = np.array([1.0, 2.0])
    lines = {
        "a": ThinnedLine(x, x * 2),
        "b": ThinnedLine(x.copy(), x * 3),
        "c": ThinnedLine(x + 1, np.array([1, np.nan])),
    }
    options = charts.curves(lines, "episode", optimum=4.0)
    assert len(options["dataset"]) == 2
    assert [drawn(options, place) for place in range(3)] == [
        ([1, 2], [2, 4]),
        ([1, 2], [3, 6]),
        ([2, 3], [1, None]),
    ]
    assert options["series"][2]["markLine"]["data"] == [{"yAxis": 4.0}]
    assert options["legend"]["show"] and options["xAxis"]["name"] == "episode"


def test_a_band_is_stacked_from_its_lower_edge():
    x = np.array([1.0, 2.0])
    band = ThinnedLine(x, np.array([0.0, 1.0]), (np.array([-2.0, 0.0]), np.array([3.0, 1.5])))
    options = charts.curves({"a": band}, "epoch")
    assert [drawn(options, place)[1] for place in range(3)] == [[-2, 0], [5, 1.5], [0, 1]]
    assert options["series"][0]["stack"] == options["series"][1]["stack"]
    assert "stack" not in options["series"][2] and not options["legend"]["show"]


def test_names_of_runs_are_never_keys():
    x = np.array([1.0, 2.0])
    options = charts.curves({":formatter": ThinnedLine(x, x)}, ":unit")

    def keys(value):
        if isinstance(value, dict):
            yield from value
            for inner in value.values():
                yield from keys(inner)
        if isinstance(value, list):
            for inner in value:
                yield from keys(inner)

    for one in (
        options,
        charts.parallel({":a": [1, 2], ":b": ["x", "y"]}, [1.0, 2.0], ":goal"),
        charts.heat_map([":a", ":b"], {(":x", ":y"): 1.0}, ":goal"),
        charts.piano_roll({":hand": [(0.0, 1.0, 60)]}),
    ):
        assert not [key for key in keys(one) if key.startswith(":")]


def test_a_setting_that_is_no_number_has_an_axis_of_words():
    options = charts.parallel(
        {"alpha": [0.1, 0.5], "policy": ["softmax", "greedy"]}, [1.0, 2.0], "goal"
    )
    assert [axis["type"] for axis in options["parallelAxis"]] == ["value", "category", "value"]
    assert options["parallelAxis"][1]["data"] == ["softmax", "greedy"]
    assert options["series"][0]["data"] == [[0.1, "softmax", 1.0], [0.5, "greedy", 2.0]]
    assert (options["visualMap"]["min"], options["visualMap"]["max"]) == (1.0, 2.0)


def test_a_heat_map_has_a_cell_for_each_pair():
    cells = {("0.1", "a"): 1.0, ("0.5", "b"): 3.0}
    options = charts.heat_map(["alpha", "policy"], cells, "goal")
    assert options["xAxis"]["data"] == ["0.1", "0.5"] and options["yAxis"]["name"] == "policy"
    assert options["series"][0]["data"] == [[0, 0, 1.0], [1, 1, 3.0]]


@pytest.mark.extras
def test_the_notes_of_a_midi_file_become_bars():
    pretty_midi = pytest.importorskip("pretty_midi")
    music = pretty_midi.PrettyMIDI()
    hand = pretty_midi.Instrument(0)
    hand.notes.append(pretty_midi.Note(100, 60, 0.5, 1.0))
    music.instruments.append(hand)
    file = io.BytesIO()
    music.write(file)
    hands = notes(file.getvalue())
    assert hands == {"1": [(0.5, 1.0, 60)]}
    (series,) = charts.piano_roll(hands)["series"]
    assert series["name"] == "instrument 1"
    assert series["data"] == [(0.5, 60), (1.0, 60), (None, None)]
    assert notes(file.getvalue()[:20]) == notes(b"") == {}


def test_equal_scores_have_no_bar_of_colours():
    for scores, shown in (([2.0, 2.0], False), ([2.0, 3.0], True)):
        assert charts.parallel({"a": [1, 2]}, scores, "goal")["visualMap"]["show"] is shown


def test_numbers_of_a_heat_map_are_in_order_and_short():
    cells = {(0.7332913053340349, "b"): 1.0, (0.023544515790738685, "a"): 3.0}
    options = charts.heat_map(["alpha", "policy"], cells, "goal")
    assert options["xAxis"]["data"] == ["0.02354", "0.7333"]
    assert options["yAxis"]["data"] == ["b", "a"]
    assert options["series"][0]["data"] == [[1, 0, 1.0], [0, 1, 3.0]]
