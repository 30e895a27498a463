"""The processor stands in run.json, and a run whose numbers follow it is not resumed on another one
unasked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox import load, resume, run
from sandbox.errors import UsageError
from sandbox.registry.registry import registry
from sandbox.runs import provenance
from sandbox.store.record import RunRecord

OTHER = {"model": "Another one", "target": "z80"}


def moved(stopped):
    """The same run as if it had begun on another processor."""
    record = stopped.folder.read()
    record.processor = OTHER
    record.write(stopped.folder.record_path)
    return stopped.id


def test_the_processor_and_the_threads_are_kept_and_shown(say):
    made = run("intro", pictures=False)
    kept = json.loads((made.path / "run.json").read_text())
    assert kept["processor"] == provenance.processor() and set(kept["processor"]) == {
        "model",
        "target",
    }
    assert all(kept["processor"].values()) and kept["threads"] >= 1
    shown = say("show", made.id)
    assert (
        f"on       {kept['processor']['model']} ({kept['processor']['target']}), " in shown.out
        and "thread" in shown.out
    )
    assert say("show", made.id, "--json").document["record"]["processor"] == kept["processor"]


def test_a_record_from_before_is_read_without_a_processor(tmp_path, store):
    made = run("intro", pictures=False)
    document = json.loads((made.path / "run.json").read_text())
    del document["processor"]
    assert RunRecord.parse(json.dumps(document).encode(), tmp_path).processor == {}


def test_a_lab_that_follows_the_processor_is_not_resumed_on_another(store):
    name = moved(run("intro", steps=1000, max_time=1e-9, pictures=False))
    here = provenance.processor()["target"]
    with pytest.raises(UsageError, match=f"processor z80 -> {here}.*--allow-changed"):
        resume(name)
    ended = resume(name, allow_changed=True)
    assert ended.status == "finished" and f"processor z80 -> {here}" in ended.record.warnings[0]


def test_a_tabular_agent_is_resumed_on_any_processor(store):
    name = moved(run("maze", preset="quick", max_time=1e-9, pictures=False))
    assert resume(name).record.warnings == []


def test_a_planner_that_solves_with_blas_is_not_resumed_on_another_processor(store):
    """Its table differs in the last digit with other kernels of OpenBLAS; see benchmarks/digests.py."""
    name = moved(run("maze", agent="policy-iteration", max_time=1e-9, pictures=False))
    with pytest.raises(UsageError, match="processor z80"):
        resume(name)


@pytest.mark.extras
def test_an_agent_of_a_lab_may_follow_the_processor_alone(store):
    pytest.importorskip("stable_baselines3")
    name = moved(run("maze", agent="sb3-dqn", episodes=20, max_time=1e-9, pictures=False))
    with pytest.raises(UsageError, match="processor z80"):
        resume(name)


@pytest.mark.parametrize("lab", ["intro", "regression", "mnist", "autoencoder", "music"])
def test_labs_whose_numbers_were_seen_to_differ_say_so(lab):
    assert registry().lab(lab).follows_processor


def test_other_vectors_and_another_number_of_cores_change_no_byte_of_a_tabular_run(
    in_process, tmp_path, store
):
    """Numba compiles for a processor without AVX, OpenBLAS takes its oldest kernels."""
    words = ["run", "maze", "--preset", "quick", "--env.slip", "0.1", "--no-pictures", "--json"]
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    plain = in_process(*words, **cache)
    other = in_process(
        *words,
        "--threads",
        1,
        NUMBA_CPU_NAME="generic",
        OPENBLAS_CORETYPE="Nehalem",
        OPENBLAS_NUM_THREADS="1",
        **cache,
    )
    one, two = (load(said.document["run"]) for said in (plain, other))
    assert two.record.processor["target"] == "generic" != one.record.processor["target"]
    assert one.folder.metrics_path.read_bytes() == two.folder.metrics_path.read_bytes()
    timeless = [
        {name: value for name, value in each.summary.items() if "second" not in name}
        for each in (one, two)
    ]
    assert timeless[0] == timeless[1]


def test_the_width_of_the_vectors_changes_no_byte_of_a_regression(in_process, tmp_path, store):
    """Numba compiles for this processor, and for one whose vectors hold four numbers."""
    if "fma" not in Path("/proc/cpuinfo").read_text().split():
        pytest.skip("this processor has no FMA")
    words = ["run", "regression", "--preset", "quick", "--no-pictures", "--json"]
    narrow = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": ""}
    one, two = (
        load(in_process(*words, NUMBA_CACHE_DIR=str(tmp_path / "cache"), **more).document["run"])
        for more in ({}, narrow)
    )
    assert two.record.processor["target"] == "haswell"
    assert one.folder.metrics_path.read_bytes() == two.folder.metrics_path.read_bytes()
