"""Claims: the verdict of every kind, budgets, exit codes, and a self-contained page."""

from __future__ import annotations

import json
import os
import re
import tempfile
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from sandbox.errors import SandboxError, UsageError
from sandbox.reproduction import judge as verdicts
from sandbox.reproduction import report
from sandbox.reproduction.claim import Claim
from sandbox.reproduction.measure import (
    Reproduction,
    ReproductionRequest,
    Wanted,
    reproduce,
    select,
)

FOLDER = tempfile.TemporaryDirectory(prefix="claimed-")
TOY = Path(FOLDER.name)  # one file for all tests of a process: a plugin is loaded once
PLUGIN = """
from sandbox import Claim, Lab, LabConfig, hookimpl

@hookimpl
def sandbox_register(registry):
    registry.lab("claimed", "claimedlab:ClaimedLab")

class ClaimedLab(Lab):
    Config, presets = LabConfig, {}
    claims = (
        Claim("C1", "seeds are small <b>", 20.0, "equal", lambda seed: float(seed % 40), cost=1e-6),
        Claim("C2", "seeds are huge", 1e6, "equal", lambda seed: float(seed % 40), cost=1e-6),
    )
    folders = []
    def claims_for(self, data):
        self.folders.append(data)
        return self.claims
    def claim_pictures(self, claim, seeds, data=None):
        self.folders.append(data)
        return iter(())
    def build(self, config, context): raise NotImplementedError
"""


def claim(kind="equal", reported=0.5, **more):
    return Claim("X1", "something", reported, kind, lambda seed: float(seed), **more)


RUNS = np.linspace(0, 1, 200)
YES = np.ones(200)


@pytest.mark.parametrize(
    ("made", "values", "verdict"),
    [
        (claim(), RUNS, "agrees"),
        (claim(reported=1.2), RUNS, "differs"),
        (claim(reported=1.2, margin=0.3), RUNS, "agrees"),
        (claim(reported=1.2, should_hold=False), RUNS, "corrected"),
        (claim(own=True), RUNS, "holds"),
        (claim(reported=1.2, own=True), RUNS, "differs"),
        (claim(reported=None), RUNS, "measured"),
        (claim("at least", 0.0), RUNS, "agrees"),
        (claim("at least", 0.5), RUNS, "differs"),
        (claim("at most", 1.0), RUNS, "agrees"),
        (claim("at most", 0.5), RUNS, "differs"),
        (claim("proportion", 1.0), YES, "agrees"),
        (claim("proportion", 0.0), np.arange(200) < 11, "differs"),
        (claim("order", None), YES, "agrees"),
        (claim("order", None), -YES, "differs"),
        (claim("order", None), 0 * YES, "differs"),
        (claim(exact=True), [0.5], "agrees"),
        (claim(exact=True), [0.6], "differs"),
        (claim(reported=1.2), RUNS[:20], "too few runs"),
        (claim(min_seeds=300), RUNS, "too few runs"),
        (claim(reported=2.5, runs=3), [1.0, 2.0, 3.0], "agrees"),
        (claim("at most", 7.0, runs=3), [1.0, 2.0, 3.0], "agrees"),
        (claim("at most", 6.9, runs=3), [1.0, 2.0, 3.0], "too few runs"),
        (claim("at most", 2.9, runs=3), [1.0, 2.0, 3.0], "differs"),
        (claim("at least", 0.9, runs=3), [1.0, 2.0, 3.0], "too few runs"),
        (claim("at least", 1.1, runs=3), [1.0, 2.0, 3.0], "differs"),
        (claim(reported=7.0, runs=3), [1.0, 2.0], "too few runs"),
    ],
)
def test_every_kind_has_its_verdict(made, values, verdict):
    row = verdicts.judge(made, np.asarray(values, dtype=float))
    assert row.verdict == verdict


def test_verdicts_that_are_equally_frequent_are_counted_in_the_order_of_the_findings():
    made = [
        Claim("C1", "says", 2.0, "equal", float, own=True),
        Claim("C2", "says", 0.5, "equal", float),
        Claim("C3", "says", 2.0, "equal", float, should_hold=False),
        Claim("C4", "says", None, "equal", float),
        Claim("C5", "says", 0.5, "equal", float, own=True),
    ]
    rows = [verdicts.judge(one, RUNS) for one in made]
    shown = report.tally(Reproduction(ReproductionRequest([]), rows))
    assert shown == (
        "5 findings with 5 figures: 1 differs, 1 agrees, 1 corrected, 1 measured, 1 holds"
    )


def test_several_figures_are_judged_together_and_the_plain_interval_is_told():
    values = np.arange(400.0)
    made = claim(reported=3.0)  # 95 % of single runs lie above it, all eight together do not
    assert verdicts.judge(made, values).verdict == "differs"
    row = verdicts.judge(made, values, figures=8)
    assert row.verdict == "agrees" and row.alone is False and "outside the 95 %" in row.note
    assert verdicts.together(8) ** 8 == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("reported", "verdict", "where"),
    [
        (-0.0006, "agrees", "one of the 94 %"),
        (0.71, "agrees", "one of the 6 %"),
        (0.3, "differs", "lies in neither"),
    ],
)
def test_a_figure_between_two_peaks_is_none_of_ours(reported, verdict, where):
    values = np.concatenate([np.linspace(-0.0009, 0.0002, 188), np.linspace(0.70, 0.7485, 12)])
    row = verdicts.judge(Claim("X1", "two ends", reported, "equal", lambda seed: 0.0), values)
    assert (
        row.verdict == verdict and where in row.note and row.peaks[1].share == pytest.approx(0.06)
    )
    assert row.interval.low < 0.3 < row.interval.high, (
        "the interval alone would say that 0.3 agrees"
    )


def test_few_runs_that_all_agree_do_not_differ_because_their_interval_is_wide():
    """Three codes of one number had 0.045 to 0.049, the report 0.0501."""
    few = claim("at most", 0.0501, runs=3)
    values = np.array([0.0465, 0.0469, 0.04733])
    assert verdicts.judge(few, values).verdict == "agrees"
    together = verdicts.judge(few, values, figures=10)
    assert together.verdict == "too few runs"
    assert together.note == "all 3 runs agree, but are too few to say where one more falls"
    assert verdicts.judge(few, values + 0.004, figures=10).verdict == "differs"


def test_a_claim_whose_runs_take_minutes_says_how_many_there_are():
    few = claim(runs=5)
    assert (
        ReproductionRequest([]).runs(few, 1) == 5
        and ReproductionRequest([], quick=True).runs(few, 1) == 3
        and ReproductionRequest([], seeds=7).runs(few, 1) == 7
    )
    assert ReproductionRequest([]).runs(claim(), 1) == 200


@pytest.mark.parametrize(
    ("made", "values"), [(claim(), [np.nan]), (claim(), []), (claim("proportion"), [0.5])]
)
def test_figures_that_are_none_are_refused(made, values):
    with pytest.raises(SandboxError):
        verdicts.judge(made, np.array(values))


@pytest.fixture
def claimed():
    from sandbox.registry.registry import registry

    path = TOY / "claimedlab.py"
    path.write_text(PLUGIN)
    registry().add_file(path)


def test_a_claim_that_does_not_hold_makes_exit_code_1(say, claimed, tmp_path):
    assert say("reproduce", "C1", "--seeds", 80, "--out", tmp_path / "a").code == 0
    said = say("reproduce", "claimed", "--seeds", 80, "--out", tmp_path / "b")
    assert said.code == 1 and "Differs" in said.out
    document = say(
        "reproduce", "claimed", "--seeds", 80, "--out", tmp_path / "b", "--json"
    ).document
    assert document["holds"] is False and [one["verdict"] for one in document["claims"]] == [
        "agrees",
        "differs",
    ]
    written = json.loads((tmp_path / "b" / "reproduce.json").read_text())
    assert [one["verdict"] for one in written["claims"]] == ["agrees", "differs"]


def test_what_cannot_be_measured_here_is_left_out_of_several_and_refused_alone():
    def needs(seed):
        raise UsageError("Lab 'x' needs PyTorch, which is not installed.")

    missing, there = (
        Claim("X1", "needs an extra", 1.0, "equal", needs),
        Claim("X2", "does not", 1.0, "equal", lambda seed: 1.0),
    )
    made = reproduce(
        ReproductionRequest([Wanted("intro", missing), Wanted("intro", there)], seeds=40)
    )
    assert [row.verdict for row in made.rows] == [
        "left out",
        "agrees",
    ] and "needs PyTorch" in made.rows[0].note
    with pytest.raises(UsageError, match="needs PyTorch"):
        reproduce(ReproductionRequest([Wanted("intro", missing)], seeds=40))


def test_a_folder_of_data_is_where_claims_look(say, claimed, tmp_path, monkeypatch):
    from sandbox.registry.registry import registry

    folders = registry().lab("claimed").folders
    monkeypatch.setenv("SANDBOX_DATA", "elsewhere")
    words = ("reproduce", "C1", "--seeds", 80, "--out", tmp_path / "a")
    for more, folder in (((), Path("elsewhere")), (("--data", tmp_path), tmp_path)):
        folders.clear()
        assert say(*words, *more).code == 0
        assert set(folders) == {folder} and len(folders) == 2
    assert os.environ["SANDBOX_DATA"] == "elsewhere"
    assert say("reproduce", "C1", "--data", tmp_path / "none").code == 2


def test_threads_change_no_figure(claimed):
    rows = [
        reproduce(ReproductionRequest(select(["C1"]), 60, threads=threads)).rows[0]
        for threads in (1, 4)
    ]
    assert (rows[0].estimate, rows[0].interval) == (rows[1].estimate, rows[1].interval)


def test_a_budget_says_what_it_left_out(say, claimed, tmp_path):
    document = say(
        "reproduce", "claimed", "--budget", "0.0000001", "--out", tmp_path / "a", "--json"
    ).document
    assert document["left_out"] == ["C1", "C2"]


def test_the_next_command_measures_all_of_it_with_enough_runs(say, claimed, tmp_path):
    out = "--out", str(tmp_path / "a")
    for words in (["--budget", "0.0000001"], ["--quick"], ["--budget=0.0000001", "--seeds", "3"]):
        *_, last = say("reproduce", "C1", *words, *out).out.splitlines()
        command, _, what = last.partition("  ")
        assert command.split()[3:7] == ["reproduce", "C1", *out] and "all of it" in what


def test_a_number_of_seeds_is_not_called_quick(say, claimed, tmp_path):
    words = "reproduce", "claimed", "--quick", "--seeds", "50", "--out", tmp_path / "a"
    assert "Quick" not in say(*words).out
    assert say(*words, "--json").document["quick"] is False


def test_what_figures_share_is_counted_and_waited_for_once():
    calls = []

    def training(seed):
        calls.append(seed)
        return float(seed)

    shared = {"cost": 100.0, "runs": 3, "shared": "training"}
    claims = [
        Claim(name, "something", 1.0, "equal", training, **(shared if name != "S3" else {}))
        for name in ("S1", "S2", "S3")
    ]
    plan = ReproductionRequest([Wanted("intro", one) for one in claims], budget=400.0)
    assert plan.seconds() == 3 * 100.0 + 200 * 1.0
    done = reproduce(plan)
    assert [row.runs for row in done.rows] == [3, 3, 200]
    alone = ReproductionRequest([Wanted("intro", claims[1])], budget=250.0)
    assert "3 runs take about 300 s" in reproduce(alone).rows[0].note


def test_of_a_finding_that_is_partly_measured_the_figures_that_are_not_are_named(capsys):
    from sandbox.cli.commands.reproduce import _print_end

    def unavailable(seed):
        raise UsageError("the file is missing")

    claims = [
        Claim("L1", "one", 1.0, "equal", lambda seed: 1.0, part="here", runs=3),
        Claim("L1", "one", 1.0, "equal", unavailable, part="there", runs=3),
        Claim("L2", "two", 1.0, "equal", unavailable, part="first", runs=3),
        Claim("L2", "two", 1.0, "equal", unavailable, part="second", runs=3),
    ]
    _print_end(reproduce(ReproductionRequest([Wanted("intro", one) for one in claims])))
    assert "Left out: L1 (there), L2: the file is missing." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("lab", "seconds"),
    [
        ("mnist", 1 + 5 * 90),  # the draws; one training for all other figures
        ("autoencoder", 10 * 5 * 45 + 3 * 45),  # a training for each size, and one with noise
        ("music", 4 * 1 + 3 * 200 * 4),  # exact figures; a training for each length of windows
    ],
)
def test_a_training_that_several_figures_share_is_counted_once(lab, seconds):
    assert ReproductionRequest(select([lab])).seconds() == seconds


def test_each_reason_is_said_once_and_the_time_before_it_starts(say, claimed, tmp_path):
    said = say("reproduce", "claimed", "--budget", "0.0000001", "--out", tmp_path / "a")
    assert said.err.splitlines()[0] == "2 figures, about 0 s of processor time."
    assert said.out.count("the time budget was used up") == 1
    assert "Left out: C1, C2: the time budget was used up." in said.out


def test_the_page_parses_escapes_and_links_to_nothing_outside(say, claimed, tmp_path):
    say("reproduce", "C1", "--quick", "--out", tmp_path / "a")
    page = (tmp_path / "a" / "reproduce.html").read_text()
    parser = HTMLParser()
    parser.feed(page)
    parser.close()
    assert "&lt;b&gt;" in page and "Quick" in page
    assert not re.findall(r"https?://|<script|<link|@import", page)
    assert all(
        target.startswith(("#", "data:image/"))
        for target in re.findall(r'(?:href|src)="([^"]*)"', page)
    )


def test_an_unknown_claim_gets_the_nearest(say):
    said = say("reproduce", "mase")
    assert said.code == 2 and "Did you mean 'maze'" in said.err
