"""A lab's table of claims: rows of values in `claims.toml` beside its code, measures by name.

The file holds findings, each with one figure or several. A figure inherits the fields that it lacks
from its finding, and a finding from the table `common`:

    common = {min_seeds = 20, unit = "mean squared error"}

    [[finding]]
    id = "I1"
    says = "Order 2 generalises better than order 9."
    kind = "order"
    measure = "more_than"
    arguments = ["nine", "two"]

    [[finding.figure]]
    part = "test error of order 9 less that of order 2"
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from functools import partial
from importlib.resources import files

from sandbox.errors import PluginError
from sandbox.reproduction.claim import Claim
from sandbox.text import Document

Measures = Mapping[str, Callable[..., float]]


def read_claims(package: str, measures: Measures, **texts: object) -> tuple[Claim, ...]:
    """The claims in the file `claims.toml` of a package, in the order of the file.

    A row holds the fields of `Claim`; `reported` may be left out. Its `measure` is the name of a
    function that is called with the row's `arguments` and the seed, in this order; of an `exact`
    row with the arguments alone.

    Args:
        package: the package that holds the file ("plugins.intro").
        measures: functions by name.
        texts: replacements for `{name}` in the texts of the rows.

    Returns:
        One claim for each figure.

    Raises:
        PluginError: when a row names a function or a field that does not exist, or lacks a required
            field.
    """
    table = tomllib.loads(files(package).joinpath("claims.toml").read_text(encoding="utf-8"))
    try:
        return tuple(
            _claim({"reported": None} | table.get("common", {}) | finding | figure, measures, texts)
            for finding in table["finding"]
            for figure in finding.pop("figure", [{}])
        )
    except (KeyError, TypeError) as error:
        raise PluginError(f"The table claims.toml of {package} is wrong: {error}.") from error


def _claim(row: Document, measures: Measures, texts: Mapping[str, object]) -> Claim:
    measure = partial(measures[row.pop("measure")], *row.pop("arguments", ()))
    for name, value in row.items():
        if isinstance(value, str):
            row[name] = value.format_map(texts)
    if row.get("exact"):
        return Claim(measure=lambda _seed: measure(), **row)
    return Claim(measure=measure, **row)
