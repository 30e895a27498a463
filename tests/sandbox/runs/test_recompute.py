"""`verify --recompute`: a run that is computed again has the same bytes, or the answer names the
first value that differs and what explains it."""

from __future__ import annotations

import hashlib
import json
import os

import orjson
import pytest

from sandbox import run
from sandbox.errors import StoreError, UsageError
from sandbox.observer import Observer
from sandbox.registry.registry import registry
from sandbox.runs import api, provenance
from sandbox.runs.loop import Settings
from sandbox.runs.recompute import recompute
from sandbox.store import Store
from tests.conftest import marked, needs_extra, skip_without_library
from tests.sandbox.runs.conftest import rewrite, walked

LABS = [entry.name for entry in registry().entries("lab", outside=False)]
IMAGES = {"dataset": "digits", "epochs": 1}
SMALL = {"mnist": IMAGES, "autoencoder": IMAGES, "music": {"epochs": 1}, "maze": {"episodes": 60}}
"""Options that keep a run of the preset `quick` short."""


def small(lab, **options):
    """A short run of a lab."""
    try:
        return run(lab, preset="quick", **{**SMALL.get(lab, {}), **options})
    except UsageError as error:
        if "which is not installed: python -m pip install" not in str(error):
            raise
        pytest.skip(str(error))


def forge_metrics(made, change):
    """Change metrics.jsonl, and every digest of it: in run.json and in the checkpoints."""
    path = made.path / "metrics.jsonl"
    old = hashlib.sha256(path.read_bytes()).hexdigest()
    size = path.stat().st_size
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(change(lines)))
    new = hashlib.sha256(path.read_bytes()).hexdigest()
    mark = {"size": path.stat().st_size, "sha256": new}
    rewrite(made, files={**made.record.files, "metrics.jsonl": mark})
    for state in made.path.glob("checkpoints/*/state.json"):
        text = state.read_text().replace(old, new)
        state.write_text(text.replace(f'"metrics": {size},', f'"metrics": {mark["size"]},'))
        sums = json.loads(state.with_name("sums.json").read_text())
        sums["state.json"] = hashlib.sha256(state.read_bytes()).hexdigest()
        state.with_name("sums.json").write_text(json.dumps(sums))


def changed_block(number, column, row, value):
    def change(lines):
        block = orjson.loads(lines[number - 1])
        block[column][row - 1] = value
        lines[number - 1] = orjson.dumps(block) + b"\n"
        return lines

    return change


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("lab", marked(LABS))
def test_a_run_of_every_lab_is_computed_again_with_the_same_bytes_and_is_not_touched(store, lab):
    made = small(lab)
    before = contents(made.path)
    answer = recompute(made.folder)
    assert answer["same"] and answer["complete"], answer
    assert answer["differences"] == answer["problems"] == answer["changed"] == []
    assert answer["not_compared"] == [] and answer["done_units"] == made.record.done_units
    assert contents(made.path) == before


@pytest.mark.parametrize(
    ("lab", "options"),
    marked(
        [
            ("maze", {"agent": "sb3-dqn", "episodes": 4}),
            ("gym", {"env": "CartPole-v1", "agent": "sb3-ppo", "episodes": 2}),
            ("maze", {"agent": "dyna-q", "seeds": 3}),
            ("maze", {"agent": "sarsa", "seeds": 3, "full_metrics": True, "seed": 7}),
        ],
        lambda case: needs_extra(case[1]["agent"]),
    ),
    ids=lambda value: value if isinstance(value, str) else str(value["agent"]),
)
def test_agents_of_stable_baselines3_and_many_seeds_are_computed_again(store, lab, options):
    skip_without_library(options["agent"])
    answer = recompute(small(lab, **options).folder)
    assert answer["same"] and answer["complete"], answer


def test_the_first_differing_block_and_column_are_named_with_both_values(finished):
    true = orjson.loads((finished.path / "metrics.jsonl").read_bytes().splitlines()[3])
    forge_metrics(finished, changed_block(4, "position", 2, 99.5))
    answer = recompute(finished.folder)
    assert answer["problems"] == [] and not answer["same"] and answer["complete"]
    assert answer["differences"] == [
        {
            "part": "metrics",
            "block": 4,
            "stream": "walk",
            "column": "position",
            "row": 2,
            "run": 99.5,
            "recomputed": true["position"][1],
        }
    ]


@pytest.mark.parametrize(
    ("change", "block", "column", "values"),
    [
        (lambda lines: lines[:5], 6, "stream", ("missing", "walk")),
        (lambda lines: [*lines, lines[0]], 7, "stream", ("walk", "missing")),
        (lambda lines: [lines[0].replace(b"walk", b"talk"), *lines[1:]], 1, "stream", None),
        (lambda lines: [lines[0].replace(b"[1,", b"[1.0,"), *lines[1:]], 1, "step", (1.0, 1)),
        (lambda lines: [lines[0].replace(b"[1,", b"[null,"), *lines[1:]], 1, "step", (None, 1)),
        (lambda lines: [b'{"stream":"walk"}\n', *lines[1:]], 1, "step", ("missing", 1)),
        (lambda lines: [b"[]\n", *lines[1:]], 1, None, None),
    ],
)
def test_metrics_that_were_cut_lengthened_or_written_differently_differ(
    finished, change, block, column, values
):
    forge_metrics(finished, change)
    answer = recompute(finished.folder)
    (first, *_) = answer["differences"]
    assert not answer["same"] and first["part"] == "metrics" and first["block"] == block
    assert column is None or first["column"] == column
    assert values is None or (first["run"], first["recomputed"]) == values


def test_the_same_values_with_other_bytes_are_not_the_same(finished):
    forge_metrics(finished, lambda lines: [lines[0].replace(b",", b", "), *lines[1:]])
    answer = recompute(finished.folder)
    (only,) = answer["differences"]
    assert only["part"] == "metrics" and only["run"] != only["recomputed"] and not answer["same"]


def test_a_forged_score_is_named_although_its_digest_was_written_anew(store, say):
    made = small("maze", agent="sarsa", pictures=False)
    rewrite(
        made,
        summary={**made.summary, "reward_per_step": 0.75},
        score={**made.record.score, "value": 0.75},
    )
    assert say("verify", made.id).code == 0
    answer = recompute(made.folder)
    assert [(one["part"], one["name"], one["run"]) for one in answer["differences"]] == [
        ("summary", "reward_per_step", 0.75),
        ("score", "value", 0.75),
    ]
    said = say("verify", "--recompute", made.id)
    assert said.code == 1 and "Sources, libraries, processor and threads are the" in said.out
    assert "Differs: summary, name reward_per_step: 0.75 in the run, " in said.out
    assert f"python -m sandbox show {made.id}" in said.out


def test_durations_are_no_part_of_the_promise(finished):
    durations = {"learning_seconds": 1e6, "steps_per_second": 1.0}
    rewrite(finished, summary={**finished.summary, **durations})
    assert recompute(finished.folder)["same"]


@pytest.mark.parametrize("name", ["end.json", "episode.gif"])
def test_a_forged_artifact_is_named(finished, say, name):
    finished.folder.artifacts.write(name, b"better")
    assert recompute(finished.folder)["problems"]  # its digest was not written anew
    rewrite(finished, artifacts=finished.folder.artifacts.listing())
    answer = recompute(finished.folder)
    (only,) = answer["differences"]
    assert (only["part"], only["name"]) == ("artifacts", name) and answer["problems"] == []
    out = say("verify", "--recompute", finished.id).out
    assert ("Only pictures differ" in out) == (name == "episode.gif")  # no version explains these
    assert ("are the recorded ones" in out) == (name == "end.json")


def test_an_artifact_that_was_removed_is_missed_and_one_that_was_added_is_not_compared(finished):
    (finished.path / "artifacts" / "end.json").unlink()
    finished.folder.artifacts.write("watch.gif", b"GIF89a")
    rewrite(finished, artifacts=finished.folder.artifacts.listing())
    answer = recompute(finished.folder)
    (only,) = answer["differences"]
    assert only["name"] == "end.json" and only["run"] == "missing"
    assert answer["not_compared"] == ["watch.gif"]


def test_pictures_that_cannot_be_made_again_are_not_the_same(finished, monkeypatch):
    def fail(*args):
        raise OSError("no screen")

    monkeypatch.setattr(type(registry().lab("walk")), "pictures", fail)
    answer = recompute(finished.folder)
    assert not answer["same"] and any("no screen" in one for one in answer["warnings"])


def test_a_run_without_pictures_is_compared_without_them(store, walk):
    answer = recompute(walked(store, Settings(pictures=False)).folder)
    assert answer["same"] and answer["complete"] and answer["not_compared"] == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"sources": "0" * 64}, "the sources of the sandbox or of the plugin"),
        ({"versions": {"python": "2.7.18"}}, "python 2.7.18 -> "),
        ({"versions": {"": "1", "nothing-of-that-name": "2"}}, "not installed"),
    ],
)
def test_changed_sources_and_libraries_are_told_apart_from_a_forgery(finished, say, changes, named):
    rewrite(finished, **changes)
    answer = recompute(finished.folder)
    assert answer["same"] and any(named in one for one in answer["changed"])
    said = say("verify", "--recompute", finished.id, "-p", registry().plugins["walk"].source)
    assert said.code == 0 and "They are the same although this is not as recorded: " in said.out
    rewrite(finished, summary={**finished.summary, "position": 99.0})
    said = say("verify", "--recompute", finished.id)
    assert said.code == 1 and "A difference may come from what is not as recorded: " in said.out
    assert named in said.out and "are the recorded ones" not in said.out


def test_another_processor_is_named_where_it_matters(store, say, monkeypatch):
    made = small("intro")
    monkeypatch.setattr(provenance, "processor", lambda: {"model": "x", "target": "z80"})
    (changed,) = recompute(made.folder)["changed"]
    assert changed == f"processor {made.record.processor['target']} -> z80"
    assert recompute(small("maze", pictures=False).folder)["changed"] == []


def test_files_that_were_changed_without_their_digests_are_told_apart(finished, say):
    path = finished.path / "metrics.jsonl"
    path.write_bytes(path.read_bytes().replace(b"1", b"2", 1))
    said = say("verify", "--recompute", finished.id)
    assert said.code == 1 and "Differs: metrics, block 1" in said.out
    assert "Damaged: metrics.jsonl is not what was written" in said.out
    assert "Some of the run's files are not what was written." in said.out
    assert "are the recorded ones" not in said.out


def test_units_compute_the_beginning_and_compare_only_that(finished):
    forge_metrics(finished, changed_block(4, "position", 2, 99.5))
    answer = recompute(finished.folder, units=25)
    assert answer["same"] and not answer["complete"]
    assert (answer["blocks"], answer["done_units"], answer["unit"]) == (3, 30, "step")
    assert not recompute(finished.folder, units=31)["same"]
    assert recompute(finished.folder, units=10**9)["complete"]


@pytest.mark.parametrize("how", [{"max_time": 0.0}, {"max_time": 0.05}])
def test_a_run_that_was_stopped_is_compared_as_far_as_it_came(store, walk, how):
    stopped = walked(store, Settings(checkpoint_seconds=0, **how), pause=0.02)
    assert stopped.status == "timed-out"
    answer = recompute(stopped.folder)
    assert answer["same"] and not answer["complete"]
    assert answer["done_units"] == stopped.record.done_units < 60
    forge_metrics(stopped, changed_block(1, "position", 1, -1.5))
    assert recompute(stopped.folder)["differences"][0]["run"] == -1.5


def test_a_run_that_was_killed_while_it_wrote_a_line_is_compared_up_to_it(finished):
    path = finished.path / "metrics.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    rewrite(finished, status="running", host="", files={})
    assert finished.status == "lost"
    answer = recompute(finished.folder)
    assert answer["blocks"] == 5 and answer["differences"] == []


def test_a_run_that_failed_is_compared_as_far_as_it_came(store, walk):
    with pytest.raises(Exception, match="stumbled"):
        walked(store, fail_at=35)
    folder = Store(store).find("last")
    answer = recompute(folder)
    assert answer["same"] and answer["blocks"] == 3


def test_a_run_that_fails_only_when_it_is_computed_again_differs(finished, monkeypatch):
    def fail(*args):
        raise ValueError("no such step")

    monkeypatch.setattr(type(finished.experiment), "advance", fail)
    answer = recompute(finished.folder)
    assert answer["differences"][-1]["part"] == "error" and not answer["same"]
    assert "no such step" in answer["differences"][-1]["recomputed"]


def test_a_run_that_was_resumed_has_the_same_bytes_too(store, walk):
    stopped = walked(store, Settings(checkpoint_seconds=0, max_time=0.05), pause=0.02)
    assert recompute(api.proceed(stopped.folder, Settings()).folder)["same"]


def test_data_that_the_run_kept_are_given_to_it_when_their_files_are_gone(store, tmp_path):
    for name in ("train", "test"):
        rows = "\n".join(f"{x / 20} {x * x / 400}" for x in range(20))
        (tmp_path / f"{name}.txt").write_text(rows)
    files = {name: str(tmp_path / f"{name}.txt") for name in ("train", "test")}
    made = small("regression", **files, epochs=3)
    assert recompute(made.folder)["not_compared"] == []
    (tmp_path / "train.txt").unlink()
    answer = recompute(made.folder)
    assert answer["same"] and answer["not_compared"] == ["points.npz"], answer


def test_data_that_are_elsewhere_are_named(store, tmp_path):
    class Told(Observer):
        def started(self, observed):
            self.data = observed.context.data

    made, told = small("maze", pictures=False), Told()
    rewrite(made, data="/nowhere/at/all")
    assert recompute(made.folder, data=tmp_path, observers=[told])["same"]
    assert told.data == tmp_path


def test_ctrl_c_ends_the_work(finished):
    class Impatient(Observer):
        def block(self, observed, block):
            observed.stop.request("interrupted")

    with pytest.raises(KeyboardInterrupt):
        recompute(finished.folder, observers=[Impatient()])


def test_what_cannot_be_computed_again_is_refused(store, walk, say):
    with pytest.raises(Exception, match="stumbled"):
        walked(store, fail_at=0)
    said = say("verify", "--recompute", "last")
    assert said.code == 2 and "has no metrics" in said.err
    made = walked(store)
    with made.folder.writing():
        rewrite(made, status="running")
        with pytest.raises(UsageError, match="is running"):
            recompute(made.folder)
    said = say("verify", "--units", "3", made.id)
    assert said.code == 2 and "--recompute" in said.err
    assert say("verify", "--recompute", "--units", "0", made.id).code == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": -1},
        {"seeds": 10**12},
        {"threads": 10**9},
        {"lab": "nothing"},
        {"config": {"steps": -5}},
        {"config": {"agent": {"name": ["x"]}}},
        {"device": "abacus:-1"},
        {"data": "\ud800"},
    ],
)
def test_an_odd_record_is_refused_in_a_sentence_or_changes_nothing(finished, say, changes):
    rewrite(finished, **changes)
    said = say("verify", "--recompute", finished.id, "--units", 10)
    assert said.code in (0, 1, 2) and "Traceback" not in said.err + said.out
    assert said.code == 0 or "Error: " in said.err


@pytest.mark.parametrize("name", ["metrics.jsonl", "run.json"])
def test_a_link_is_not_followed(finished, tmp_path, name):
    path = finished.path / name
    path.rename(tmp_path / name)
    path.symlink_to(tmp_path / name)
    with pytest.raises(StoreError, match="is a link"):
        recompute(finished.folder)


def test_a_run_without_its_metrics_is_an_error_in_a_sentence(finished, say):
    os.unlink(finished.path / "metrics.jsonl")
    said = say("verify", "--recompute", finished.id)
    assert said.code == 1 and "Traceback" not in said.err


def test_control_characters_of_a_run_reach_the_terminal_in_no_answer(finished, say):
    forge_metrics(finished, lambda lines: [lines[0].replace(b"walk", b"\\u001b[31mw"), *lines[1:]])
    for words in (["--json"], []):
        said = say("verify", "--recompute", finished.id, *words)
        assert said.code == 1 and "\x1b" not in said.out + said.err


def test_the_answer_is_one_document_or_names_the_next_command(finished, say):
    said = say("verify", "--recompute", finished.id, "--json")
    assert said.code == 0 and said.document == recompute(finished.folder)
    said = say("verify", "--recompute", finished.path)
    assert said.code == 0 and "The same bytes: 6 blocks up to step 60, summary, score" in said.out
    assert f"python -m sandbox export {finished.path}" in said.out
