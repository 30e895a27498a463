"""Numbers for people can be pasted where they are needed, and say neither more nor less than is
known."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from sandbox.text import (
    figures,
    finite,
    flat,
    number,
    plural,
    plus_minus,
    ranks,
    seeds,
    size,
    to_json,
)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (-7, "-7"),
        (166992, "166992"),
        (999_999, "999999"),
        (3_360_000, "3_360_000"),
        (np.int64(-10_287_428), "-10_287_428"),
        (3_755_202_344_852_104, "3.7552e15"),
        (10**400, "1e400"),
        (0.75, "0.75"),
        (126.0, "126"),
        (0.0006123, "0.0006123"),
        (1 / 3, "0.33333"),
        (2780.4321, "2780.4"),
        (42042.06, "42042"),
        (999_999.9, "1e6"),
        (3755202344852104.0, "3.7552e15"),
        (-1.5e-5, "-1.5e-5"),
        (0.0001, "0.0001"),
        (np.float32(0.25), "0.25"),
        (-5.2e-18, "0"),
        (-0.0, "0"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "–"),
        (None, "–"),
        (True, "yes"),
        ("10,10 relu", "10,10 relu"),
    ],
)
def test_a_number_as_people_see_it(value, shown):
    assert number(value) == shown


def test_every_number_can_be_pasted_into_python_and_loses_only_what_five_digits_lose():
    rng = np.random.default_rng(0)
    for value in rng.normal(size=500) * 10.0 ** rng.integers(-11, 20, 500):
        shown = number(value)
        assert "," not in shown and not any(sign.isspace() for sign in shown) and len(shown) <= 11
        assert float(shown) == pytest.approx(value, rel=5.1e-5)
    for value in rng.integers(-(10**14), 10**14, 500).tolist():
        assert int(number(value)) == value


def test_what_is_rounding_beside_its_column_is_zero_and_what_is_not_is_kept():
    assert number(3e-10, scale=1000.0) == "0" and number(3e-8, scale=1000.0) == "3e-8"
    assert number(1e-15, scale=1e-14) == "1e-15" and number(0.0, scale=0.0) == "0"


def test_digits_follow_the_error():
    assert plus_minus(0.23333, 0.0123) == "0.233 ± 0.012"
    assert plus_minus(0.25, 0.43301) == "0.25 ± 0.43"
    assert plus_minus(42042.06, 1290.4) == "42042 ± 1290"
    assert plus_minus(0.75, 0.0) == "0.75 ± 0"
    assert plus_minus(-1.5, math.nan) == "-1.5 ± –"
    assert plus_minus(3.7552e15, 1.21e14) == "3.7552e15 ± 1.2e14"


def test_one_is_no_plural():
    assert [plural(count, "checkpoint") for count in (0, 1, 2)] == [
        "0 checkpoints",
        "1 checkpoint",
        "2 checkpoints",
    ]
    assert (
        plural(2, "entry", "entries") == "2 entries"
        and plural(1_000_000, "run") == "1_000_000 runs"
    )
    assert (
        seeds(3, 1) == "seed 3"
        and seeds(0, 20) == "seeds 0 to 19"
        and seeds(5, 2) == "seeds 5 to 6"
    )


def test_figures_leave_out_what_has_no_value():
    assert dict(figures({"best_epoch": None, "test_mse": 1.5, "stopped_early": False})) == {
        "test mse": "1.5",
        "stopped early": "no",
    }


def test_settings_become_flat_and_documents_finite():
    assert flat({"agent": {"name": "sarsa", "alpha": 0.1}, "episodes": 5}) == {
        "agent.name": "sarsa",
        "agent.alpha": 0.1,
        "episodes": 5,
    }
    assert finite({"a": [1.0, math.nan, (math.inf,)], "b": {"c": -math.inf}}) == {
        "a": [1.0, None, [None]],
        "b": {"c": None},
    }
    assert [size(count) for count in (999, 1000, 2_500_000)] == ["999 B", "1.0 kB", "2.5 MB"]


def test_equal_values_share_a_rank_and_no_value_has_none():
    assert ranks([0.3, 0.1 + 0.2, 0.2, 0.1, 0.1, 0.1, None, None]) == [
        *("1–2", "1–2", "3"),
        *("4–6", "4–6", "4–6"),
        *("", ""),
    ]
    assert ranks([]) == []


def test_json_has_no_nan_wherever_it_hides():
    document = {"ä": [np.float64("nan"), 1], "path": Path("a"), "count": np.int64(3)}
    assert to_json(document, None) == '{"ä": [null, 1], "path": "a", "count": 3}\n'
    assert json.loads(to_json({"array": np.array([1.0, np.inf])})) == {"array": [1.0, None]}
