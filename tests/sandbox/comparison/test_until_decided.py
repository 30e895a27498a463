"""`compare --until-decided`: seeds are added to known scores, and the page says what they decided."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import sandbox
from sandbox.comparison import report
from sandbox.comparison.agent_result import AgentResult
from sandbox.comparison.planned import Interrupted
from sandbox.comparison.results import results_from
from sandbox.comparison.run_scores import RunScores
from sandbox.comparison.until_decided import UntilDecided
from sandbox.errors import UsageError
from sandbox.score import Score
from sandbox.store.store import Store
from tests.conftest import TOYS

AGENTS = ["hare", "tortoise", "quick=tortoise"]
"""The tortoises end with the optimum 10 in every run, the hare with about 5."""
QUICK = {"quick": {"pace": 1.5}}


@pytest.fixture
def race():
    """The toy lab with agents of known scores."""
    from sandbox.registry.registry import registry

    registry().add_file(TOYS / "race.py")


def race_of(agents=AGENTS, **options):
    return sandbox.compare("race", agents, agent_options=QUICK, until_decided=True, **options)


def test_seeds_are_added_for_agents_that_are_not_decided_against_all(race, store, say):
    made = race_of()
    assert {label: len(runs) for label, runs in made.runs.items()} == {
        "hare": 10,
        "tortoise": 30,
        "quick": 30,
    }
    pairs = {(pair["question"], pair["one"], pair["other"]): pair for pair in made.pairs}
    won = pairs["final score", "hare", "tortoise"]
    assert won["verdict"] == "tortoise is better" and won["seeds"] == 10
    # 1.08e-5 is least with ten of each; the shares of Holm, the look and differences
    assert won["p_corrected"] == pytest.approx(2 / 184756 * 6 * (10 + 20 + 30 + 40 + 50) / 10 / 0.8)
    level = pairs["final score", "tortoise", "quick"]
    assert level["verdict"] == "equal within 0.1" and level["seeds"] == 30
    assert level["difference"] == [0.0, 0.0]
    assert pairs["steps to 95 %", "tortoise", "quick"]["verdict"] == "quick is faster"
    document = made.document()
    assert document["until_decided"] == {
        "margin": 0.01,
        "difference": 0.1,
        "looks": [10, 20, 30],
        "planned_looks": [10, 20, 30, 40, 50],
        "runs": 70,
        "most_runs": 150,
        "undecided": [],
    }
    assert [one.label for one in made.results.ranked][-1] == "hare"
    assert report.cells(made, made.results.agents[0])["seeds"] == "10"
    assert made.seeds == list(range(30))
    said = say(
        *("compare", "race", "--agents", *AGENTS, "--set", "quick.pace=1.5", "--until-decided")
    )
    assert said.code == 0 and "All 30 runs are there already" in said.err
    screen = " ".join(said.out.split())
    assert "equal within 0.1: tortoise and quick" in screen
    assert "3 looks of 5, after 10, 20, 30 seeds. 70 runs were needed, 80 fewer than 150" in screen
    assert "within ±0.1, 1 % of the optimum" in screen
    shown = say("show", made.id)
    assert "80 fewer than 150" in " ".join(shown.out.split())
    page = (made.folder / "index.html").read_text()
    assert "up to 30 seeds each" in page and "difference of IQM" in page and "AdaStop" in page
    assert "[0, 0]" in page and "80 fewer than 150" in page


def test_a_stopped_comparison_is_finished_by_the_same_call_and_asked_again_has_the_same_bytes(
    race, store
):
    def stop(progress):
        if progress.label and len(Store().rows()) > 35:  # in the second group
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        race_of(progress=stop)
    assert 35 < len(Store().rows()) < 40
    finished = race_of()
    assert finished.reused >= 35 and len(Store().rows()) == 70
    again = race_of()
    assert again.id == finished.id and again.reused == 70
    assert {**finished.document(), "reused": 70} == again.document()
    files = {path: path.read_bytes() for path in again.folder.iterdir()}
    for path in files:
        path.unlink()
    race_of()
    assert {path: path.read_bytes() for path in again.folder.iterdir()} == files
    assert len(Store().rows()) == 70
    wider = race_of(margin=0.02)
    assert wider.reused == 70 and wider.id != finished.id


def test_it_shares_its_runs_with_comparisons_of_a_fixed_number_of_seeds(race, store):
    fixed = sandbox.compare("race", AGENTS[:2], seeds=10)
    made = sandbox.compare("race", AGENTS[:2], until_decided=True)
    assert made.reused == 20 and made.id != fixed.id
    assert {label: len(runs) for label, runs in made.runs.items()} == {"hare": 10, "tortoise": 10}
    assert [run.id for run in made.runs["hare"]] == [run.id for run in fixed.runs["hare"]]
    assert "AdaStop" not in fixed.to_html() and "until_decided" not in fixed.document()
    assert "seeds" not in fixed.pairs[0] and "seeds" in made.pairs[0]


def test_pairs_that_stay_undecided_say_so_and_more_seeds_are_proposed(race, store, say):
    said = say(
        *("compare", "race", "--agents", "hare", "late=hare", "--set", "late.nap=11"),
        *("--until-decided", "--seeds", 4, "--max-seeds", 6),
    )
    assert said.code == 0 and "undecided after 6 seeds: hare and late" in said.out
    assert "--max-seeds 25" in said.out
    assert "from 25 seeds on: raise --max-seeds" in " ".join(said.out.split())


def test_runs_that_failed_show_nothing(race, store):
    made = sandbox.compare(
        "race", ["tortoise", "faller"], until_decided=True, seeds=20, max_seeds=60
    )
    assert [len(runs) for runs in made.runs.values()] == [60, 60]
    assert made.pairs[0]["verdict"] == "equal within 0.1"  # with 30 finished runs of the faller
    assert made.pairs[0]["seeds"] == 60


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--until-decided", "--margin", 0], "--margin 0: it should be a share between 0 and 1"),
        (["--until-decided", "--margin", "nan"], "--margin nan: it should be a share"),
        (["--until-decided", "--max-seeds", 9], "--max-seeds 9: it should be from 10"),
        (["--until-decided", "--max-seeds", 1001], "to 1000"),
        (["--margin", 0.02], "belong to --until-decided. Add it, or leave them out"),
        (["--max-seeds", 20], "belong to --until-decided"),
    ],
)
def test_wrong_numbers_are_refused_with_a_remedy(race, store, say, more, said):
    answer = say("compare", "race", "--agents", "hare", "tortoise", *more)
    assert answer.code == 2 and said in answer.err, answer.err
    assert not store.exists()


def test_wrong_numbers_are_refused_in_python_too(race, store):
    with pytest.raises(UsageError, match="belong to --until-decided"):
        sandbox.compare("race", AGENTS, max_seeds=20)
    with pytest.raises(UsageError, match="--max-seeds 5"):
        race_of(max_seeds=5)


# -- results of measured scores


def agent(label, scores, optimum, higher=True):
    return AgentResult(
        label,
        [
            RunScores(
                *(str(seed), seed, Score("score", float(value), optimum, higher_is_better=higher)),
                *(None, None, None, None, "here", {}),
            )
            for seed, value in enumerate(scores)
        ],
        len(scores),
    )


def looked(agents, **plan):
    return results_from(agents, until=UntilDecided(10, 0, **plan))


def test_without_an_optimum_the_margin_is_a_share_of_the_best_scores_and_the_page_says_so():
    rng = np.random.default_rng(0)
    two = [agent(label, -200 + 0.01 * rng.normal(size=50), None) for label in "ab"]
    for optimum in (None, 0.0):
        agents = [
            replace(
                one,
                runs=[replace(run, score=replace(run.score, optimum=optimum)) for run in one.runs],
            )
            for one in two
        ]
        made = looked(agents)
        assert made.looks.margin == pytest.approx(2.0, rel=1e-3)
        assert made.pairs[0].verdict.startswith("equal within ") and made.pairs[0].seeds == 30
        assert "the largest interquartile mean of 10 seeds" in made.warnings[1]
        assert "--margin changes it" in made.warnings[1]


def test_a_smaller_score_can_be_the_better_one():
    rng = np.random.default_rng(1)
    made = looked(
        [
            agent("a", rng.normal(5, 1, 10), 1.0, higher=False),
            agent("b", rng.normal(9, 1, 10), 1.0, higher=False),
        ]
    )
    assert made.pairs[0].verdict == "a is better" and made.pairs[0].seeds == 10


def test_pairs_keep_the_figures_of_the_look_that_decided():
    rng = np.random.default_rng(2)
    high, low = rng.normal(9, 0.1, 50), rng.normal(5, 0.1, 50)
    like = rng.normal(9, 0.1, 50)
    made = looked([agent("a", high, 10.0), agent("b", like, 10.0), agent("c", low[:10], 10.0)])
    first = looked(
        [agent(label, some[:10], 10.0) for label, some in (("a", high), ("b", like), ("c", low))]
    )
    assert made.pairs[1] == first.pairs[1] and made.pairs[1].seeds == 10
    assert made.pairs[0].seeds > 10 and first.looks.undecided == ["a", "b"]


def test_equal_agents_are_named_together_in_the_finding():
    level = [agent(label, np.full(30, 7.0), None) for label in "ab"]
    made = type("Made", (), {"results": looked(level)})
    assert report.finding(made) == (
        "a and b have the best score, equal within 0.07: a 7 [7, 7] and b 7 [7, 7] "
        "(interquartile means)."
    )


def test_given_results_take_part_and_never_get_more_seeds(race, store, tmp_path):
    rows = [f"turtle,race,{seed},280,10" for seed in range(40)]
    rows += [f"snail,race,{seed},280,1" for seed in range(10)]
    theirs = tmp_path / "theirs.csv"
    theirs.write_text("\n".join(["agent,task,seed,env_steps,score", *rows]) + "\n")
    made = sandbox.compare("race", ["tortoise"], until_decided=True, given=[theirs])
    verdicts = {(pair["one"], pair["other"]): pair["verdict"] for pair in made.pairs}
    assert verdicts == {
        ("tortoise", "turtle (given)"): "equal within 0.1",
        ("tortoise", "snail (given)"): "tortoise is better",
        ("turtle (given)", "snail (given)"): "turtle (given) is better",
    }
    assert len(made.runs["tortoise"]) == 30
    assert json.loads((made.folder / "comparison.json").read_text())["until_decided"]["runs"] == 30
