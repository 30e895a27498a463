"""Exports for papers: figures with the data that they show, tables, a text; nothing is replaced
that no export made."""

from __future__ import annotations

import csv
import re

import pytest

import sandbox
from sandbox.errors import UsageError
from sandbox.runs.paper import LATEX, exported_before, table_files, write_export
from tests.conftest import TOYS

FIGURES = ("learning_curves", "scores_in_time", "scores", "performance_profile")
LAME = {"lame": {"pace": 0.5}}
TABLES = ("agents", "pairs", "runs", "settings")


@pytest.fixture(autouse=True)
def race():
    """The toy lab with agents of known scores."""
    from sandbox.registry.registry import registry

    registry().add_file(TOYS / "race.py")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A comparison of the toy's agents, one of them with a name that LaTeX would stumble over."""
    from sandbox.registry.registry import registry

    registry().add_file(TOYS / "race.py")
    root = tmp_path_factory.mktemp("paper")
    return sandbox.compare("race", ["$h_a%re=hare", "tortoise"], seeds=3, store=root / "runs")


@pytest.fixture(scope="module")
def folder(made, tmp_path_factory):
    """An export of it."""
    folder = tmp_path_factory.mktemp("export") / "out"
    made.export(folder)
    return folder


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def rows(folder, name):
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_an_export_has_figures_their_data_tables_and_a_text_with_the_same_bytes(
    made, folder, tmp_path
):
    made.export(folder)  # its own files are replaced
    made.export(tmp_path / "two")
    files = contents(folder)
    assert files == contents(tmp_path / "two")
    wanted = {f"{name}.{kind}" for name in FIGURES for kind in ("pdf", "svg", "csv")}
    wanted |= {f"{name}.csv" for name in TABLES} | {"agents.tex", "pairs.tex"}
    assert set(files) == wanted | {"methods.md", "export.json"}
    for name in FIGURES:
        assert (
            files[f"{name}.pdf"].startswith(b"%PDF") and b"CreationDate" not in files[f"{name}.pdf"]
        )
        assert b"<dc:date>" not in files[f"{name}.svg"] and b"<svg" in files[f"{name}.svg"]


def test_every_figure_has_the_data_that_it_shows(made, folder):
    assert all(figure.rows for figure in made.figures.values())
    curves, figure = rows(folder, "learning_curves"), made.figures["learning_curves"]
    for line in figure.axes[0].lines[:2]:
        label = line.get_label().replace(r"\$", "$")
        drawn = [
            (float(row["env_steps"]), float(row["iqm"])) for row in curves if row["agent"] == label
        ]
        assert drawn == [tuple(point) for point in line.get_xydata()]
        assert all(float(row["low"]) <= float(row["iqm"]) <= float(row["high"]) for row in curves)
    scores = [(row["agent"], float(row["score"])) for row in rows(folder, "scores")]
    assert sorted(scores) == sorted(
        (label, run.summary["score"]) for label, runs in made.runs.items() for run in runs
    )
    shares = [row for row in rows(folder, "performance_profile") if row["agent"] == "tortoise"]
    assert float(shares[0]["share"]) == 1.0 and float(shares[-1]["share"]) == 0.0


def test_tables_hold_the_figures_of_the_document(made, folder):
    first, best = rows(folder, "agents")[0], made.table[0]
    assert first["agent"] == best["agent"] and float(first["iqm.value"]) == best["iqm"]["value"]
    assert [float(first["iqm.low"]), float(first["iqm.high"])] == best["iqm"]["interval"]
    assert len(rows(folder, "runs")) == 6 and rows(folder, "pairs")[0]["verdict"]
    settings = {(row["agent"], row["option"]): row["value"] for row in rows(folder, "settings")}
    assert settings["tortoise", "laps"] == "40" and settings["$h_a%re", "agent.nap"] == "10"
    latex = (folder / "agents.tex").read_text()
    assert r"\toprule" in latex and r"\$h\_a\%re &" in latex and r"reached 95 \%" in latex
    body = re.findall(r"^.* \\\\$", latex, re.MULTILINE)
    assert len(body) == 3 and len({line.count(" & ") for line in body}) == 1


def test_the_text_states_method_seeds_budget_and_versions(made, folder):
    text = (folder / "methods.md").read_text()
    for part in (
        "3 seeds each (0 to 2)",
        "tortoise: 280 env steps of learning (median), 3 finished runs",
        "bootstrap intervals with 10000 resamples",
        "Holm 1979",
        "Note: 3 seeds are few",
        "- numpy ",
        f"SHA-256 of the sources: {made.sources}",
    ):
        assert part in text, text


def test_the_text_names_the_tables_that_are_latex_and_what_the_bands_are(folder):
    from sandbox.comparison.plots import CURVE_RESAMPLES
    from sandbox.stats.aggregates import PROFILE_RESAMPLES

    text = (folder / "methods.md").read_text()
    latex = sorted(path.stem for path in folder.glob("*.tex"))
    assert latex == ["agents", "pairs"] and "the first two are LaTeX" in text
    assert f"bands pointwise intervals of {CURVE_RESAMPLES} resamples" in text
    assert f"pointwise intervals of {PROFILE_RESAMPLES} resamples" in text


def test_an_export_of_added_seeds_says_how_they_were_added_and_keeps_the_differences(
    store, tmp_path
):
    options = {"until_decided": True, "agent_options": {"quick": {"pace": 1.5}}}
    made = sandbox.compare("race", ["hare", "tortoise", "quick=tortoise"], **options)
    made.export(tmp_path / "out")
    text = (tmp_path / "out" / "methods.md").read_text()
    assert "up to 30 seeds each (from 0 on, until decided)" in text and "AdaStop" in text
    pairs = rows(tmp_path / "out", "pairs")
    assert [(row["difference.low"], row["difference.high"]) for row in pairs] == [
        tuple("" if pair["difference"] is None else str(end) for end in pair["difference"] or "--")
        for pair in made.pairs
    ]
    assert ("0.0", "0.0") in {(row["difference.low"], row["difference.high"]) for row in pairs}


def test_results_of_others_are_no_seeds_of_ours_in_the_text(store, tmp_path):
    theirs = tmp_path / "theirs.csv"
    theirs.write_text("agent,task,seed,env_steps,score\nppo,race,5,280,9\nppo,race,6,280,8\n")
    made = sandbox.compare("race", ["tortoise"], seeds=3, given=[theirs])
    made.export(tmp_path / "out")
    text = (tmp_path / "out" / "methods.md").read_text()
    assert "3 seeds each (0 to 2), but for those that are given." in text


def test_a_pair_that_cannot_be_compared_has_no_probability_in_latex(store, tmp_path):
    made = sandbox.compare("race", ["hare", "lame=hare"], seeds=3, agent_options=LAME)
    made.export(tmp_path / "out")
    latex = (tmp_path / "out" / "pairs.tex").read_text()
    assert r"steps to 95 \% & unknown & -- & cannot be compared" in latex


def test_an_export_of_several_tasks_has_a_folder_for_each(store, tmp_path):
    made = sandbox.compare_tasks(["race", "race:quick"], ["hare", "tortoise"], seeds=3)
    made.export(tmp_path / "out")
    files = set(contents(tmp_path / "out"))
    for name in ("aggregates", "performance_profile", "improvement"):
        assert {f"{name}.pdf", f"{name}.svg", f"{name}.csv"} <= files
    assert {f"1-race/{name}.pdf" for name in FIGURES} <= files
    assert {"2-race-quick/methods.md", "2-race-quick/agents.tex"} <= files
    assert len(rows(tmp_path / "out", "runs")) == 12
    assert all(figure.rows for figure in made.figures.values())
    text = (tmp_path / "out" / "methods.md").read_text()
    assert "| race:quick | score | 2, exact | 10 |" in text and "Hesterberg 2015" in text
    (bar,) = [
        row
        for row in rows(tmp_path / "out", "aggregates")
        if (row["figure"], row["agent"]) == ("IQM", "hare")
    ]
    assert float(bar["value"]) == made.results.agents[0].iqm.value


def test_what_no_export_made_is_never_replaced(made, tmp_path):
    folder = tmp_path / "paper"
    folder.mkdir()
    (folder / "paper.tex").write_text("mine")
    with pytest.raises(UsageError, match="no export made what is in it"):
        made.export(folder)
    assert contents(folder) == {"paper.tex": b"mine"}
    (folder / "paper.tex").unlink()
    made.export(folder)
    (folder / "paper.tex").write_text("mine")  # beside an export, it stays
    made.export(folder)
    assert (folder / "paper.tex").read_text() == "mine"
    (folder / "agents.tex").write_text("changed by hand")
    before = contents(folder)
    with pytest.raises(UsageError, match=r"agents\.tex was changed after it was exported"):
        made.export(folder)
    assert contents(folder) == before
    (folder / "agents.tex").unlink()
    made.export(folder)
    with pytest.raises(UsageError, match=r"paper\.tex would be replaced"):
        write_export(folder, {"paper.tex": b"ours"})
    (folder / "export.json").write_text("[]")
    with pytest.raises(UsageError, match="missing or damaged"):
        exported_before(folder)


def test_a_foreign_folder_is_refused_before_anything_runs(store, say, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    words = ["compare", "race", "--agents", "hare", "--seeds", 1, "--export"]
    said = say(*words, tmp_path)
    assert said.code == 2 and "Name an empty or a new folder" in said.err and not store.exists()
    said = say(*words, tmp_path / "mine.txt")
    assert said.code == 2 and not store.exists()
    said = say(*words, tmp_path / "out")
    assert said.code == 0 and "methods.md" in said.out
    assert exported_before(tmp_path / "out").keys() >= {"methods.md", "scores.pdf"}


def test_words_are_escaped_for_latex():
    assert r"a_b & 5 % $x {y} #1 ~ ^ \ < > ± ∞".translate(LATEX) == (
        r"a\_b \& 5 \% \$x \{y\} \#1 \textasciitilde{} \textasciicircum{} \textbackslash{} $<$ $>$ "
        r"$\pm$ $\infty$"
    )
    files = table_files("t", [{"a": 1.0, "b": float("nan")}], [{"a": "[1]", "b": "-"}])
    assert files["t.csv"] == b"a,b\n1.0,\n"
    assert b"\n{}[1] & - \\\\\n" in files["t.tex"]  # else [1] would be an argument of \\
    assert "t.tex" not in table_files("t", [{"a": 1}], [])
