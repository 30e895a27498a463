"""Pages are whole, load nothing, link to the runs, and show hostile text as text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import unquote

import jinja2
import numpy as np
import pytest

import sandbox
from sandbox.registry.registry import registry
from sandbox.reproduction import report as reproduction_report
from sandbox.reproduction.claim import Claim, ClaimPicture
from sandbox.reproduction.measure import ReproductionRequest, Wanted, reproduce
from sandbox.sweeps import report as sweep_report
from sandbox.visual import html
from tests.conftest import TOYS

HOSTILE = "<script>alert(1)</script>\"'`&<img src=x onerror=alert(1)>$\\frac$"
VOID = {"meta", "img", "line", "rect", "path", "wbr"}


class Page(HTMLParser):
    """The elements of a page, checked to be closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.links, self.words = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        values = dict(attrs)
        self.links += [values[name] for name in ("href", "src") if name in values]
        assert not any(name.startswith("on") for name in values)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", "".join(self.words))


def checked(text):
    """A page without scripts and addresses of elsewhere, which shows the hostile text as it is."""
    page = Page(text)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert not [link for link in page.links if re.match(r"(?!data:)\w+:|//", link)]
    assert not re.search(r"@import|url\(", text)
    assert all(link.startswith("data:image/") for link in page.links if "onerror" in link)
    assert HOSTILE.replace("`", "") in page.text.replace("`", "")
    return page


def folders(page, place):
    """The folders that a page in some place links to."""
    links = [link for link in page.links if not link.startswith(("data:", "#")) and "/" in link]
    return [(place / unquote(link)).resolve() for link in links]


def test_a_sweep(store):
    registry().add_file(TOYS / "valley.py")
    made = sandbox.sweep("valley", grid={"x": [0, 1, 2, 3], "y": [0, 5]}, seeds=2, epochs=4)
    page = Page((made.path / "report.html").read_text())
    runs = [run.path.resolve() for result in made.ranking for run in made.runs(result)]
    assert folders(page, made.path) == runs and len(runs) == 16
    made.record.command = made.record.error = HOSTILE
    made.ranking = [replace(one, params={**one.params, HOSTILE: HOSTILE}) for one in made.ranking]
    checked(sweep_report.page(made, {}))


def test_equal_trials_share_a_rank_and_few_trials_carry_a_caution(store):
    registry().add_file(TOYS / "valley.py")
    made = sandbox.sweep("valley", grid={"x": [0, 1, 2]}, epochs=2)
    best, second, third = made.ranking
    made.ranking = [best, replace(second, value=best.value * (1 + 1e-15)), third]
    picture = html.picture_bytes(b"\x89PNG")
    few = Page(sweep_report.page(made, {sweep_report.IMPORTANCE: picture})).text
    assert "1–2" in few and "2 of 3 finished configurations share the best" in few
    assert f"The other is trial {second.number}." in few
    assert "Caution: with only 3 finished trials" in few
    made.ranking = [best] * 20
    assert "Caution" not in sweep_report.page(made, {sweep_report.IMPORTANCE: picture})


def test_a_comparison(store):
    registry().add_file(TOYS / "race.py")
    made = sandbox.compare("race", agents=[f"{HOSTILE}=hare", "tortoise"], seeds=3)
    page = checked((made.folder / "index.html").read_text())
    runs = [run.path.resolve() for runs in made.runs.values() for run in runs]
    assert folders(page, made.folder) == runs
    checked(made._repr_html_().replace("\n", " "))


def test_a_comparison_written_elsewhere_links_to_the_runs_from_there(store, tmp_path):
    registry().add_file(TOYS / "race.py")
    made = sandbox.compare("race", agents=["hare"], seeds=1)
    place = tmp_path / "other" / "folder"
    place.mkdir(parents=True)
    made.to_html(place / "page.html")
    page = Page((place / "page.html").read_text())
    assert folders(page, place) == [made.runs["hare"][0].path.resolve()]


def test_the_figures_of_an_agent_stand_below_one_another(store):
    """Eight columns fit beside one another because brackets stand below their figure."""
    from sandbox.comparison.report import lines

    assert lines("24192 (> 18312) [18312, 24192]") == ["24192", "(> 18312)", "[18312, 24192]"]
    assert lines("not reached") == ["not reached"]
    registry().add_file(TOYS / "race.py")
    page = sandbox.compare("race", agents=["hare", "tortoise"], seeds=3).to_html()
    assert "140<small>(&gt; 126)</small><small>[140, 140]</small>" in page


def test_a_reproduction():
    def measured(seed):
        return float(seed % 7)

    claims = [
        Claim("<b>", HOSTILE, 3.0, "equal", measured, notes=HOSTILE, part=HOSTILE, unit=HOSTILE),
        Claim("<b>", HOSTILE, None, "equal", measured, part="not stated"),
        Claim("exact", HOSTILE, 0.0, "equal", measured, exact=True),
    ]
    wanted = [Wanted("intro", claim) for claim in claims]
    made = reproduce(ReproductionRequest(wanted, seeds=40))
    made.notes["intro", "<b>"] = [HOSTILE]
    made.problems.append(HOSTILE)
    made.pictures["intro", "<b>"] = [
        ClaimPicture(HOSTILE, HOSTILE, kind) for kind in (b"GIF89a", b"\x89PNG")
    ]
    page = checked(reproduction_report.page(made, HOSTILE, HOSTILE))
    assert page.tags.count("svg") == 2  # not of the exact figure
    anchors = [link[1:] for link in page.links if link.startswith("#")]
    text = reproduction_report.page(made, "", "")
    assert anchors == ["finding-1", "finding-2"] and all(f'id="{one}"' in text for one in anchors)


def test_charts_of_equal_and_of_far_figures_stay_in_their_cell():
    for reported, values in ((3.0, np.full(40, 3.0)), (1e9, np.linspace(0, 1, 40))):
        claim = Claim("X", "x", reported, "equal", lambda seed, v=values: float(v[seed]))
        (row,) = reproduce(ReproductionRequest([Wanted("intro", claim)], seeds=40)).rows
        assert all(0 <= place <= 1 for place in reproduction_report._strip(row))


def test_a_run_in_a_notebook(store):
    registry().add_file(TOYS / "valley.py")
    run = sandbox.run("valley", epochs=2)
    run.record.summary[HOSTILE] = HOSTILE
    checked(run._repr_html_())


def test_a_value_that_a_template_lacks_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        html.render("picture.html")


def test_documents_of_hostile_names_are_json(store):
    registry().add_file(TOYS / "race.py")
    made = sandbox.compare("race", agents=[f"{HOSTILE}=hare"], seeds=1)
    document = json.loads((made.folder / "comparison.json").read_text(encoding="utf-8"))
    assert document["agents"][0]["agent"] == HOSTILE


def test_a_finding_has_all_its_statements_and_no_figure_another_ones_unit():
    claims = [
        Claim("F", "First.", 3.0, "equal", lambda seed: 3.0, part="one", unit="metres"),
        Claim("F", "Second.", 3.0, "equal", lambda seed: 3.0, part="two"),
        Claim("F", "Second.", 3.0, "equal", lambda seed: 3.0, part="three"),
    ]
    made = reproduce(ReproductionRequest([Wanted("intro", one) for one in claims], seeds=40))
    text = Page(reproduction_report.page(made, "", "")).text
    assert text.count("First. Second.") == 2
    assert re.search("metres one .* without a unit two .* three", text)
    assert reproduction_report.document(made)["claims"][0]["says"] == "First. Second."
