"""The site of docs/: all pages are in its table of contents, anchors and pictures are there, and it
is built from what lies here alone."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sandbox
import sandbox.testing
from tests.conftest import ROOT

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
NAVIGATION = re.findall(
    r"^ +- [^:]+: (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE
)
SHOWN = re.compile(r"!\[[^\]]+\]\(([^)]+)\)")
LOADED = re.compile(
    r"<(?:script|img|iframe|source|video|link)\b[^>]*?\b(?:src|href)=[\"']?(?:https?:)?//[^>]*>"
)


def module(name):
    """A script of docs/, imported."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def anchors(page):
    """The anchors of a page's headings, as MkDocs makes them."""
    text = re.sub(
        r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = [
        unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
        for heading in headings
    ]
    return {
        re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())
        for heading in plain
    }


def test_every_page_is_in_the_table_of_contents_once():
    made = set(module("site_hooks").PAGES)
    written = {page.relative_to(DOCS).as_posix() for page in PAGES[1:]}
    assert not made & written
    assert sorted(NAVIGATION) == sorted(made | written)


def test_every_page_made_from_a_file_has_one():
    for source in module("site_hooks").PAGES.values():
        assert (ROOT / source).is_file(), source


def test_every_public_name_is_in_the_reference():
    pages = "".join(page.read_text(encoding="utf-8") for page in (DOCS / "reference").iterdir())
    directives = set(re.findall(r"^::: (\S+)$", pages, re.MULTILINE))
    assert {f"sandbox.{name}" for name in sandbox.__all__} <= directives
    assert "sandbox.testing" in directives  # all that its __all__ names


@pytest.mark.extras
@pytest.mark.parametrize("style", ["Args:\n    {}: {}", "Attributes:\n    {}: {}\n    c: last"])
def test_an_entry_of_several_arguments_becomes_one_of_each(style):
    pytest.importorskip("griffe", reason="the site needs griffe: python -m pip install '.[docs]'")
    translated = module("docstrings").translated
    words = "both ends,\n        in pixels."
    each = style.format("low", words).replace(f"low: {words}", f"low: {words}\n    high: {words}")
    assert translated(style.format("low, high", words)) == each
    assert translated("Example:\n    >>> 1") == "Examples:\n    >>> 1"


def test_links_with_anchors_lead_to_headings():
    found = 0
    for page in PAGES:
        for target, anchor in re.findall(
            r"\]\(([^)#]*)#([^)]+)\)", page.read_text(encoding="utf-8")
        ):
            if not target.startswith("http"):
                found += 1
                assert anchor in anchors(page.parent / target if target else page), (
                    f"{page.name}: {target}#{anchor}"
                )
    assert found


def test_every_file_of_the_sources_that_a_page_names_is_there():
    named = re.compile(
        r"`((?:sandbox|envs|agents|plugins|docs|benchmarks|tests)/[\w/]+(?:\.py|\.md|/))`"
    )
    found = {name for page in PAGES for name in named.findall(page.read_text(encoding="utf-8"))}
    assert found and not [name for name in found if not (ROOT / name).exists()]


def test_every_picture_is_made_by_one_command_and_shown():
    made = [image for source in module("make_images").SOURCES.values() for image in source.pictures]
    there = [path.name for path in (DOCS / "images").iterdir()]
    shown = {
        Path(target).name
        for page in PAGES
        for target in SHOWN.findall(page.read_text(encoding="utf-8"))
    }
    assert sorted(made) == sorted(there)
    assert shown == set(made)


def test_a_picture_is_made_by_a_run_of_its_lab(store, tmp_path, capsys):
    make_images = module("make_images")
    assert make_images.make(["empty-grid"], tmp_path / "images") == []
    made = {path.name: path for path in (tmp_path / "images").iterdir()}
    assert set(made) == set(make_images.SOURCES["empty-grid"].pictures)
    for name, path in made.items():
        with Image.open(path) as picture, Image.open(DOCS / "images" / name) as kept:
            assert picture.size == kept.size
            assert np.asarray(picture.convert("L")).mean() > 128, f"{name} is dark"


def test_an_unknown_source_of_pictures_is_named(capsys):
    assert module("make_images").main(["mace"]) == 2
    assert "There is no source mace. There are maze, " in capsys.readouterr().err


@pytest.fixture
def build(tmp_path):
    """Build the site, strictly, from a copy of its sources: build("runs.md", "a line more")."""
    for library in ("material", "mkdocstrings_handlers.python"):
        pytest.importorskip(
            library, reason=f"the site needs {library}: python -m pip install '.[docs]'"
        )
    copy = tmp_path / "copy"
    shutil.copytree(DOCS, copy / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("mkdocs.yml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, copy / name)
    for package in ("sandbox", "envs", "agents"):  # their docstrings become the reference
        shutil.copytree(
            ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__")
        )

    def call(page="index.md", more=""):
        with (copy / "docs" / page).open("a", encoding="utf-8") as file:
            file.write(f"\n{more}\n")
        environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
        words = [
            sys.executable,
            "-m",
            "mkdocs",
            "build",
            "--strict",
            "--site-dir",
            str(tmp_path / "site"),
        ]
        return subprocess.run(
            words,
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return call


@pytest.mark.extras
def test_the_site_is_built_and_loads_nothing_from_elsewhere(build, tmp_path):
    done = build()
    assert done.returncode == 0, done.stderr
    for page in NAVIGATION:
        text = (tmp_path / "site" / page).with_suffix(".html").read_text(encoding="utf-8")
        assert "<h1" in text, page
        assert not LOADED.findall(text), page
    assert not re.findall(
        r"url\([\"']?(?:https?:)?//",
        "".join(path.read_text() for path in (tmp_path / "site").rglob("*.css")),
    )
    assert not list((tmp_path / "site").rglob("*.py"))
    run = (tmp_path / "site" / "reference" / "run.html").read_text(encoding="utf-8")
    assert 'id="sandbox.run"' in run and "Parameters:" in run and "Examples:" in run
    checks = (tmp_path / "site" / "reference" / "testing.html").read_text(encoding="utf-8")
    missing = [name for name in sandbox.testing.__all__ if f'testing.{name}"' not in checks]
    assert not missing


@pytest.mark.extras
@pytest.mark.parametrize(
    "link",
    [
        "[gone](gone.md)",
        "[gone](runs.md#gone)",
        "![gone](images/gone.png)",
        "[gone](../LICENSE)",
        "[gone][sandbox.gone]",
    ],
)
def test_a_link_that_leads_nowhere_stops_the_building(build, link):
    done = build("index.md", link)
    assert done.returncode == 1
    assert re.findall(r"[\w./#]+", link)[-1] in done.stderr


def test_what_would_be_loaded_from_elsewhere_is_noticed():
    assert LOADED.search('<script async src="https://example.org/a.js"></script>')
    assert LOADED.search("<link rel=stylesheet href=//fonts.example.org/css>")
    assert not LOADED.search('<a href="https://example.org">there</a>')


def lines_of(path, name):
    """How many lines the functions or classes of a file that have this name have."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    found = [
        node.end_lineno - node.lineno + 1
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name
    ]
    assert found, f"{path} has no {name}"
    return sum(found)


def test_the_walks_through_the_code_are_short_and_lead_to_functions():
    text = (DOCS / "design.md").read_text(encoding="utf-8")
    walks = re.findall(r"^## Walk .*?(?=^## )", text, re.MULTILINE | re.DOTALL)
    assert len(walks) == 2
    for walk in walks:
        stops = re.findall(r"^\| `(\w+)` \| `([\w/]+\.py)` \|", walk, re.MULTILINE)
        assert len(stops) >= 9 and sum(lines_of(path, name) for name, path in stops) < 1000
