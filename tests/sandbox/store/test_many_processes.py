"""Many processes at one store: nothing is lost and nobody waits for the index."""

from __future__ import annotations

import json
import os
import subprocess

from sandbox.store import Store
from sandbox.store.verify import check
from tests.conftest import ROOT, TOYS, command

PROCESSES = 16


def test_sixteen_processes_starting_at_once_in_a_fresh_store_make_sixteen_whole_runs(store):
    words = command(
        "run",
        "walk",
        "-p",
        TOYS / "walk.py",
        "--steps",
        "50",
        "--render",
        "none",
        "--json",
        "--store",
        store,
    )
    lister = command("list", "--json", "--store", store)
    runs = [
        subprocess.Popen(
            [*words, "--seed", str(seed)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=os.environ,
        )
        for seed in range(PROCESSES)
    ]
    readers = [
        subprocess.Popen(lister, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
        for _ in range(3)
    ]
    answers = [process.communicate(timeout=300) for process in runs]
    assert [process.returncode for process in runs] == [0] * PROCESSES, answers
    for reader in readers:
        out, err = reader.communicate(timeout=300)
        assert reader.returncode == 0, err
        json.loads(out)
    ids = {json.loads(out)["run"] for out, _ in answers}
    found = Store(store)
    rows = found.rows()
    assert len(ids) == PROCESSES and {row.id for row in rows} == ids
    assert sorted(row.seed for row in rows) == list(range(PROCESSES))
    assert {row.status for row in rows} == {"finished"}
    assert [check(folder)["problems"] for folder in found.folders()] == [[]] * PROCESSES
