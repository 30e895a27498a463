"""Curves are read as they grow, thinned without losing a peak, and never all read again."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sandbox import run
from sandbox.runs.view import Run
from sandbox.store.folder import RunFolder
from sandbox.web.curves import SMOOTHING, STRETCHES, Curves, ThinnedCurve, ThinnedLine, band_of
from sandbox.web.export import run_page
from sandbox.web.facts import settings

RNG = np.random.default_rng(0)


def filled(values, sizes):
    curve = ThinnedCurve()
    for piece in np.split(values, np.cumsum(sizes)):
        curve.add(piece)
    return curve


@pytest.mark.parametrize("rows", [1, 2, 249, 250, 251, 500, 501, 10_000, 123_457])
def test_a_long_curve_keeps_its_extremes_in_500_points(rows):
    values = RNG.normal(size=rows)
    values[rows // 3], values[rows // 2] = 50.0, -50.0
    curve = filled(values, RNG.integers(1, 400, size=40))
    index, shown = curve.points
    assert len(index) <= 2 * STRETCHES
    assert curve.count == rows
    np.testing.assert_array_equal(shown, values[index])
    assert np.all(np.diff(index) > 0)
    assert {values.min(), values.max()} <= set(shown)
    width = 1
    while rows > width * STRETCHES:
        width *= 2
    if len(index) > STRETCHES and width > 1:
        for begin in range(0, rows, width):
            stretch = values[begin : begin + width]
            kept = shown[(index >= begin) & (index < begin + width)]
            assert {stretch.min(), stretch.max()} <= set(kept)


def test_how_a_curve_arrives_changes_nothing():
    values = RNG.normal(size=5000)
    one, other = filled(values, []), filled(values, [1] * 300 + [7] * 100)
    for share in (0.0, 0.1):
        for a, b in zip(one.smooth(share), other.smooth(share), strict=True):
            np.testing.assert_allclose(a, b)


def test_a_smoothed_line_is_the_mean_around_each_place():
    values = RNG.normal(size=STRETCHES)
    rows, smooth = filled(values, [3, 50]).smooth(5 / STRETCHES)
    np.testing.assert_array_equal(rows, np.arange(STRETCHES))
    expected = [values[max(0, at - 2) : at + 3].mean() for at in range(STRETCHES)]
    np.testing.assert_allclose(smooth, expected)
    np.testing.assert_allclose(
        filled(np.arange(100.0), []).smooth(0.1)[1][10:-10], np.arange(10, 90)
    )


def test_a_row_without_a_value_leaves_a_gap():
    curve = filled(np.array([1.0, np.nan, 3.0]), [])
    assert curve.points[0].tolist() == [0, 2] and curve.count == 3


def test_a_curve_without_any_value_is_no_line(followed):
    folder, append = followed
    append({"stream": "learn", "episode": [*range(500)], "regret": [None] * 500, "x": [1.0] * 500})
    curves = Curves(folder, "episode")
    curves.follow()
    assert len(curves.line("learn", "regret", SMOOTHING).x) == 0
    assert list(curves.lines) == [("learn", "x")]


@pytest.mark.parametrize("unit, column", [("env step", "env_steps"), ("epoch", "epoch")])
def test_the_column_of_the_unit_is_the_axis(followed, unit, column):
    folder, append = followed
    append({"stream": "learn", column: [20, 31, 60], "return": [20.0, 11.0, 29.0]})
    append({"stream": "other", "return": [1.0, 2.0]})
    curves = Curves(folder, unit)
    curves.follow()
    assert curves.names == {"learn": ["return"], "other": ["return"]}
    assert curves.line("learn", "return").x.tolist() == [20.0, 31.0, 60.0]
    assert curves.line("other", "return").x.tolist() == [1.0, 2.0]  # it has rows alone
    assert curves.done == 60.0


@pytest.fixture
def followed(tmp_path):
    """A run's folder, and a function that appends blocks to its metrics."""
    folder = RunFolder(tmp_path / "maze" / "one")
    folder.path.mkdir(parents=True)

    def append(*blocks):
        with folder.metrics_path.open("ab") as file:
            for block in blocks:
                file.write(
                    block if isinstance(block, bytes) else json.dumps(block).encode() + b"\n"
                )

    return folder, append


def test_only_what_was_appended_is_read(followed, monkeypatch):
    folder, append = followed
    curves = Curves(folder, "episode")
    assert not curves.follow() and curves.names == {}
    append({"stream": "learn", "episode": [1, 2], "return": [5.0, None]})
    assert curves.follow()
    seen = []
    real = type(folder.directory).open

    def watched(self, name):
        file = real(self, name)
        seek = file.seek
        file_read = []

        class Reader:
            def __enter__(self):
                return self

            def __exit__(self, *error):
                file.close()

            def seek(self, place):
                return seek(place)

            def __iter__(self):
                for line in file:
                    file_read.append(len(line))
                    seen.append(len(line))
                    yield line

        return Reader()

    monkeypatch.setattr(type(folder.directory), "open", watched)
    before = folder.metrics_path.stat().st_size
    append({"stream": "learn", "episode": [3], "return": [7.0]})
    assert curves.follow()
    assert sum(seen) == folder.metrics_path.stat().st_size - before
    assert curves.read_bytes == folder.metrics_path.stat().st_size
    line = curves.line("learn", "return")
    assert (line.x.tolist(), line.y.tolist()) == ([1.0, 3.0], [5.0, 7.0])
    assert curves.done == 3
    seen.clear()
    assert not curves.follow() and seen == []


def test_a_line_that_is_still_being_written_waits(followed):
    folder, append = followed
    curves = Curves(folder, "episode")
    append({"stream": "learn", "episode": [1], "return": [1.0]}, b'{"stream": "learn", "epis')
    curves.follow()
    append(b'ode": [2], "return": [2.0]}\n')
    curves.follow()
    assert curves.line("learn", "return").y.tolist() == [1.0, 2.0]


def test_a_resumed_run_is_read_anew(followed):
    folder, append = followed
    curves = Curves(folder, "episode")
    append({"stream": "learn", "episode": [1, 2], "return": [1.0, 9.0]})
    curves.follow()
    folder.metrics_path.write_bytes(b"")
    append({"stream": "learn", "episode": [1, 2, 3], "return": [1.0, 2.0, 3.0]})
    curves.follow(resumed=1)
    assert curves.line("learn", "return").y.tolist() == [1.0, 2.0, 3.0]


def test_damaged_blocks_are_passed_over(followed):
    folder, append = followed
    append(b"nonsense\n", [1], {"stream": "a", "x": [[1, 2]], "y": ["text"], "z": 3})
    append({"stream": "a", "x": [1, 2], "y": [1]}, {"stream": "a", "x": [3], ":z": [4]})
    curves = Curves(folder, "episode")
    assert curves.follow()
    assert curves.names == {"a": ["x", "y", ":z"]}
    assert curves.line("a", "x").x.tolist() == [1.0, 2.0, 3.0]
    assert curves.line("a", ":z").x.tolist() == [3.0]
    assert len(curves.line("nowhere", "x").x) == len(curves.line("a", "nothing").x) == 0


def test_many_seeds_are_one_curve_with_a_band(followed):
    folder, append = followed
    columns = {
        f"return_{end}": [value, value]
        for end, value in {"mean": 1, "iqm": 2, "low": 0, "high": 4}.items()
    }
    append({"stream": "learn", "episode": [1, 2], **columns, "return_rate_low": [1, 2]})
    curves = Curves(folder, "episode")
    curves.follow()
    assert curves.names == {"learn": ["return", "return_rate_low"]}
    line = curves.line("learn", "return")
    assert line.y.tolist() == [2, 2]
    assert [edge.tolist() for edge in line.band] == [[0, 0], [4, 4]]


def test_a_band_without_an_edge_is_a_line(followed):
    folder, append = followed
    columns = {"return_mean": [1, 2], "return_low": [None, None], "return_high": [3, 4]}
    append({"stream": "learn", "episode": [1, 2], **columns})
    curves = Curves(folder, "episode")
    curves.follow()
    line = curves.line("learn", "return")
    assert (line.y.tolist(), line.band) == ([1, 2], None)


def test_runs_that_differ_in_the_seed_become_a_band():
    x = np.array([1.0, 2.0, 3.0])
    short = ThinnedLine(x[:2], np.array([2.0, 3.0]))
    band = band_of(
        [
            ThinnedLine(x, np.array([0.0, 1.0, 2.0])),
            ThinnedLine(x, np.array([4.0, 5.0, 9.0])),
            short,
        ]
    )
    assert band.y.tolist() == [2.0, 3.0, 5.5]
    assert [edge.tolist() for edge in band.band] == [[0.0, 1.0, 2.0], [4.0, 5.0, 9.0]]
    assert band_of([short]).band is None and len(band_of([]).x) == 0


def test_a_page_in_one_file_loads_no_other(tmp_path, say):
    finished = run(
        "maze", preset="quick", agent={"name": "sarsa", "alpha": 0.5}, store=tmp_path / "runs"
    )
    said = say(
        "show", finished.id, "--html", "--store", tmp_path / "runs", "--output", tmp_path / "x.html"
    )
    assert said.code == 0
    page = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert page == run_page(Run(finished.folder))
    assert page.count("<img ") == 2 + len(finished.figures)
    assert all(part.startswith("data:image/") for part in page.split('src="')[1:])
    assert not any(word in page for word in ("<script", "<link", "href=", "url(", "@import"))
    changed = page[page.index("differs from the default") : page.index("settings with the default")]
    assert "agent.alpha" in changed and "<b>0.5</b>" in changed and "agent.discount" not in changed


def test_a_curve_of_few_points_shows_each_of_them(tmp_path):
    from sandbox.web.export import _figures

    finished = run("maze", preset="quick", pictures=False, store=tmp_path / "runs")
    with (finished.path / "metrics.jsonl").open("a") as file:
        file.write('{"stream": "few", "episode": [7, 9], "height": [3.0, 4.0]}\n')
    curves = Curves(finished.folder, "episode")
    curves.follow()
    drawn = {caption: figure for figure, caption in _figures(Run(finished.folder), curves)}
    (line,) = drawn["Stream few."].axes[0].get_lines()
    assert line.get_xydata().tolist() == [[7.0, 3.0], [9.0, 4.0]] and line.get_marker() == "."


def test_settings_differ_from_the_defaults_where_these_alone_would_be_refused(tmp_path):
    """CartPole needs a discretiser, so its defaults are no valid configuration."""
    discretiser = {"bins": [4], "cuts": "quantile"}
    finished = run(
        "gym",
        config={"env": {"name": "CartPole-v1"}, "discretiser": discretiser, "episodes": 2},
        pictures=False,
        store=tmp_path / "runs",
    )
    changed, others = settings(finished.record)
    assert changed == [
        ("episodes", "2", "5000"),
        ("env", "CartPole-v1", "FrozenLake-v1"),
        ("discretiser.cuts", "quantile", "uniform"),
        ("discretiser.bins", "4", "none"),
    ]
    assert dict(others)["agent"] == "q-learning" and dict(others)["agent.discount"] == "0.99"


@pytest.mark.extras
def test_a_page_in_one_file_plays_and_draws_the_music(tmp_path, monkeypatch):
    pytest.importorskip("pretty_midi")
    from sandbox.web import export, facts

    drawn = []
    monkeypatch.setattr(
        export, "_roll", lambda hands, draw=export._roll: drawn.append(draw(hands)) or drawn[-1]
    )
    finished = run("music", preset="quick", store=tmp_path / "runs")
    page = run_page(Run(finished.folder))
    ((name, hands),) = facts.music(Run(finished.folder))
    (roll,) = drawn
    assert name.endswith(".mid") and f">{name}<" in page
    assert 'src="data:audio/wav;base64,' in page
    (axes,) = roll.axes
    bars = [bar for lines in axes.collections for bar in lines.get_segments()]
    notes = [note for some in hands.values() for note in some]
    assert [(bar[0][0], bar[1][0], bar[0][1]) for bar in bars] == notes and len(notes) > 10


def test_the_file_has_a_table_of_single_values_and_no_figure_of_curves_without_values(tmp_path):
    finished = run("maze", preset="quick", pictures=False, store=tmp_path / "runs")
    blocks = [
        {"stream": "last", "episode": [7], "height": [3.0]},
        {"stream": "nothing", "episode": [*range(200)], "depth": [None] * 200},
        {"stream": "growing", "episode": [1, 2], "width": [1.0, 2.0]},
    ]
    with (finished.path / "metrics.jsonl").open("a") as file:
        file.writelines(json.dumps(block) + "\n" for block in blocks)
    page = run_page(Run(finished.folder))
    assert "<td>height</td><td>last</td><td>7</td><td>3</td>" in page
    assert "Stream growing" in page
    assert "Stream last" not in page and "Stream nothing" not in page


def test_a_page_changes_no_byte_of_a_run(tmp_path):
    finished = run("maze", preset="quick", store=tmp_path / "runs")

    def content():
        return {path: path.read_bytes() for path in finished.path.rglob("*") if path.is_file()}

    before = content()
    run_page(Run(finished.folder))
    assert content() == before


def test_of_a_run_whose_lab_is_not_there_no_setting_is_called_a_default(tmp_path):
    made = run("maze", preset="quick", episodes=2, pictures=False, store=tmp_path / "runs")
    made.record.lab = "gone"
    changed, others = settings(made.record)
    assert changed is None and dict(others)["episodes"] == "2"
    page = run_page(made)
    assert "its defaults are unknown" in page and "All settings have" not in page


def test_the_caption_names_the_dashed_line(tmp_path):
    made = run("maze", preset="quick", episodes=2, pictures=False, store=tmp_path / "runs")
    page = run_page(made)
    for stream in ("learn", "evaluate"):
        assert f"Stream {stream}. Dashed: the best possible." in page
