"""Many seeds learn in blocks of minutes; a run whose time is over puts a block down in the middle,
and a resume goes on there."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from agents.control import many_seeds as many
from sandbox import resume, run
from sandbox.runs import loop

TIMES = ("learning_seconds", "steps_per_second")
FEW = {"preset": "quick", "episodes": 300, "seeds": 7, "pictures": False}
LABS = {"maze": {"agent": "sarsa"}, "gym": {"agent": "q-learning", "env": "FrozenLake-v1"}}


class Later(Future):
    """Done when it is asked for."""

    def __init__(self, call):
        super().__init__()
        self.call = call

    def result(self, timeout=None):
        if not self.done():
            self.set_result(self.call())
        return super().result(timeout)


class OneByOne:
    """A pool in which nothing is done ahead."""

    def __init__(self, *_, **__):
        self.futures = []

    def submit(self, call):
        self.futures.append(Later(call))
        return self.futures[-1]

    def shutdown(self, cancel_futures):
        for future in self.futures:
            future.cancel()


def figures(run):
    return {name: value for name, value in run.summary.items() if name not in TIMES}


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("lab", LABS)
def test_a_block_put_down_in_the_middle_is_taken_up_there(store, monkeypatch, lab, full):
    options = {**FEW, **LABS[lab], "full_metrics": full}
    undisturbed = run(lab, **options)
    monkeypatch.setattr(many, "ThreadPoolExecutor", OneByOne)
    monkeypatch.setattr(
        loop.Loop, "_on_time", lambda self: self.work.experiment is None
    )  # enough to prepare all, and for one seed at a time
    stopped = run(lab, **options, max_time=1e-9)
    stops = 1
    assert (
        stopped.status == "timed-out"
        and stopped.record.done_units == 0
        and not (stopped.path / "metrics.jsonl").read_bytes()
    )
    while stopped.status != "finished":
        stopped = resume(stopped.id, max_time=1e-9)
        stops += 1
        assert stops < 10_000
    assert stops >= FEW["seeds"]
    assert (stopped.path / "metrics.jsonl").read_bytes() == (
        undisturbed.path / "metrics.jsonl"
    ).read_bytes()
    assert figures(stopped) == figures(undisturbed) and not stopped.record.warnings


def test_a_run_whose_time_is_over_before_it_learned_says_so(store, monkeypatch):
    monkeypatch.setattr(loop, "GRACE_SECONDS", 0.0)
    stopped = run("maze", **FEW, max_time=1e-9)
    (warning,) = stopped.record.warnings
    assert stopped.status == "timed-out" and "0 of 7 seeds were prepared" in warning
    ended = resume(stopped.id)
    assert ended.status == "finished" and ended.summary["seeds"] == 7


def test_what_is_hardly_late_is_not_put_down(store, monkeypatch):
    monkeypatch.setattr(loop, "GRACE_SECONDS", 600.0)
    stopped = run("maze", **FEW, max_time=1e-9)
    assert stopped.status in ("timed-out", "finished") and stopped.record.done_units > 0


def test_a_run_that_is_late_is_not_asked_for_one_more_block(store, monkeypatch):
    """The time of a run counts from its beginning, preparation included; else a late one would
    crawl on, seed by seed."""
    monkeypatch.setattr(many, "ThreadPoolExecutor", OneByOne)
    monkeypatch.setattr(loop.Loop, "_on_time", lambda self: self.work.experiment is None)
    stopped = run("maze", **FEW, max_time=3600)
    assert (
        stopped.status == "timed-out"
        and len((stopped.path / "times.jsonl").read_text().splitlines()) == 1
    )
