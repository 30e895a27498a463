"""Tables of claims: what a row takes from its finding and from the table, and what is refused."""

from __future__ import annotations

import sys

import pytest

from sandbox.errors import PluginError
from sandbox.reproduction.table import read_claims

TABLE = """
common = {unit = "m", min_seeds = 3, cost = 0.5}

[[finding]]
id = "T1"
says = "Two figures."
kind = "at most"
notes = "On {where}."
measure = "scaled"

[[finding.figure]]
part = "twice"
reported = 2.0
arguments = [2]

[[finding.figure]]
part = "thrice"
unit = "km"
arguments = [3]

[[finding]]
id = "T2"
says = "One figure."
kind = "equal"
reported = 7
exact = true
measure = "seven"
"""
MEASURES = {"scaled": lambda factor, seed: float(factor * seed), "seven": lambda: 7.0}


@pytest.fixture
def package(tmp_path, monkeypatch):
    (tmp_path / "tabled").mkdir()
    (tmp_path / "tabled" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tabled", raising=False)
    return tmp_path / "tabled" / "claims.toml"


def test_a_figure_takes_what_it_leaves_out_from_its_finding_and_the_table(package):
    package.write_text(TABLE)
    twice, thrice, seven = read_claims("tabled", MEASURES, where="the moon")
    assert [one.id for one in (twice, thrice, seven)] == ["T1", "T1", "T2"]
    assert (twice.part, twice.unit, thrice.unit, seven.unit) == ("twice", "m", "km", "m")
    assert (twice.reported, thrice.reported, seven.reported) == (2.0, None, 7)
    assert twice.notes == "On the moon." and twice.min_seeds == seven.min_seeds == 3
    assert (twice.measure(5), thrice.measure(5), seven.measure(0)) == (10.0, 15.0, 7.0)


@pytest.mark.parametrize(
    ("written", "instead", "names"),
    [
        ('measure = "seven"', 'measure = "eight"', "eight"),
        ("reported = 7", "reportet = 7", "reportet"),
        ("{where}", "{whence}", "whence"),
        ('says = "One figure."', "", "says"),
    ],
)
def test_a_wrong_row_is_refused_and_named(package, written, instead, names):
    package.write_text(TABLE.replace(written, instead))
    with pytest.raises(PluginError, match=f"claims.toml of tabled.*{names}"):
        read_claims("tabled", MEASURES, where="the moon")
