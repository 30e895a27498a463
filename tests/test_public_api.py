"""Everything in `sandbox.__all__` says what it is, with an example that runs."""

from __future__ import annotations

import doctest
import inspect
import re

import pytest

import sandbox


def example(name: str) -> doctest.DocTest:
    """The example in the docstring of a public name."""
    return doctest.DocTestParser().get_doctest(
        inspect.cleandoc(getattr(sandbox, name).__doc__), {}, name, None, 0
    )


@pytest.mark.parametrize("name", sandbox.__all__)
def test_a_public_name_has_an_example_that_runs(store, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    made = example(name)
    assert len(made.examples) >= 2, f"sandbox.{name} has no example"
    told: list[str] = []
    outcome = doctest.DocTestRunner(verbose=False).run(made, out=told.append)
    assert outcome.failed == 0, "".join(told)


@pytest.mark.parametrize(
    "name", [name for name in sandbox.__all__ if inspect.isfunction(getattr(sandbox, name))]
)
def test_a_public_function_says_what_it_takes(name):
    function = getattr(sandbox, name)
    text = inspect.cleandoc(function.__doc__)
    named = re.findall(
        r"^    ([*\w, ]+):", text.partition("Args:\n")[2].partition("\n\n")[0], re.MULTILINE
    )
    told = {name.strip(" *") for names in named for name in names.split(",")}
    assert set(inspect.signature(function).parameters) == told
    assert "Raises:" in text or name == "Choice"
