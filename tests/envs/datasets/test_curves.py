"""Points of a function: files that are read, files that are refused with the line, and made-up
points."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from envs.datasets import curves
from sandbox.errors import UsageError


def written(tmp_path, text):
    path = tmp_path / "points.txt"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "1,2\n3,-4e0\n",
        "1;2\n3;-4\n",
        "# x y\n\n 1   2 # first\n3\t-4",
        "1, 2\r\n3 ,-4\r\n",
        "\ufeff1,2\n3,-4\n",
    ],
)
def test_two_columns_are_read_whatever_stands_between(tmp_path, text):
    points = curves.read(written(tmp_path, text))
    np.testing.assert_array_equal(points.x, [1, 3])
    np.testing.assert_array_equal(points.y, [2, -4])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1,2\n3,nan\n", "line 2: y is nan; points must be finite"),
        ("1,2\ninf,1\n", "line 2: x is inf"),
        ("1,2\n\n3\n", "line 3: 1 column in '3'"),
        ("1,2,3\n", "line 1: 3 columns"),
        ("1,2\n3,\n", "line 2: y is '', which is no number"),
        ("a b\n", "line 1: x is 'a'"),
        ("", "is empty"),
        ("# nothing\n\n", "is empty"),
        ("1,2\n", "holds one point"),
        ("2,1\n2,3\n\n2,4\n", "x is 2 in every line up to line 4"),
    ],
)
def test_what_is_no_function_is_refused_with_its_line(tmp_path, text, says):
    with pytest.raises(UsageError, match=says):
        curves.read(written(tmp_path, text))


def test_a_missing_and_a_binary_file_are_refused(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        curves.read(tmp_path / "nothing.txt")
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="no text file"):
        curves.read(binary)


def test_made_up_points_scatter_around_the_function_in_two_stretches():
    points = curves.generate(np.random.default_rng(0), 20_000)
    noise = points.y - curves.smooth(points.x)
    assert abs(noise.mean()) < 4 * curves.NOISE / np.sqrt(20_000)
    assert noise.std() == pytest.approx(curves.NOISE, rel=0.03)
    assert ((points.x >= -3.9) & (points.x <= 2)).all() and not (
        (points.x > -3) & (points.x < -1.9)
    ).any()
    assert (points.x < -3).mean() == pytest.approx(0.2, abs=0.02)
    np.testing.assert_array_equal(points.y, curves.generate(np.random.default_rng(0), 20_000).y)


@pytest.mark.skipif(
    "SANDBOX_TEST_DATA" not in os.environ, reason="SANDBOX_TEST_DATA names no folder of data"
)
def test_the_real_points_are_read_whole():
    folder = Path(os.environ["SANDBOX_TEST_DATA"]) / "function-estimation"
    train, test = (curves.read(folder / name) for name in ("training_set.txt", "test_set.txt"))
    assert (len(train.x), len(test.x)) == (120, 25)
    assert train.y.max() == pytest.approx(25.37988595, abs=1e-6)
