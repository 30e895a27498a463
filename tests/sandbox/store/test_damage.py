"""One bad file hides nothing else: every command on a damaged store ends with 0, 1 or 2."""

from __future__ import annotations

import contextlib
import io
import json

import pytest

from sandbox.cli import main
from sandbox.registry.registry import registry
from tests import damage
from tests.conftest import TOYS

CASES = 250


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A small store: runs, one of them stopped, a sweep and a comparison."""
    for name in ("walk", "valley", "race"):
        registry().add_file(TOYS / f"{name}.py")
    return damage_base(tmp_path_factory.mktemp("base") / "runs")


def damage_base(store):
    quiet(["run", "walk", "--steps", "12", "--store", str(store)])
    quiet(
        ["run", "walk", "--steps", "30", "--max-time", "0", "--no-pictures", "--store", str(store)]
    )
    quiet(
        [
            "run",
            "maze",
            "--preset",
            "quick",
            "--episodes",
            "20",
            "--no-pictures",
            "--store",
            str(store),
        ]
    )
    quiet(["sweep", "valley", "--grid", "x=1,2", "--epochs", "2", "--store", str(store)])
    quiet(
        [
            "compare",
            "race",
            "--agents",
            "hare",
            "tortoise",
            "--seeds",
            "2",
            "--laps",
            "4",
            "--store",
            str(store),
        ]
    )
    return store


def quiet(words):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return main(words)


def known(store):
    runs = [path.parent.name for path in store.glob("*/*/run.json")]
    return sorted(runs), sorted(
        path.name for kind in ("sweeps", "comparisons") for path in store.glob(f"{kind}/*")
    )


@pytest.mark.parametrize("seed", range(5))
def test_every_command_survives_every_damage(base, tmp_path, seed):
    runs, groups = known(base)
    for store, done, rng in damage.cases(base, tmp_path, CASES // 5, seed):
        damage.survive(quiet, store, done, rng, runs, groups)


@pytest.mark.parametrize(
    "content",
    [
        '{"agent": {"name": ["a"]}}',
        "[" * 100_000 + "]" * 100_000,
        '{"id": "\\ud834", "lab": "walk", "config": {}}',
        '{"id": "x", "lab": "walk", "config": {}, "artifacts": [{"name": "a", "size": "big", "sha256": 5}]}',
        '{"id": "x", "lab": "walk", "config": {}, "created": "0001-01-01T00:00:00"}',
        '{"id": "x", "lab": "walk", "config": {"agent": {"name": ["a"]}}}',
        '{"id": "x", "lab": "walk", "config": {}, "versions": {"python": 3}}',
        '{"id": "x", "lab": "walk", "config": {}, "score": {"name": "a", "value": 1, "standard_error": "b"}}',
        '{"id": "x", "lab": "walk", "config": {}, "score": {"name": 1, "value": 1}}',
        "null",
    ],
)
def test_a_bad_record_is_one_row_that_can_be_shown_verified_and_deleted(
    base, tmp_path, say, content
):
    import shutil

    store = tmp_path / "runs"
    shutil.copytree(base, store)
    bad = store / "walk" / "20200101-000000-bad-0000"
    bad.mkdir()
    (bad / "run.json").write_text(content)
    rows = say("list", "--json", "--store", store).document
    assert len(rows) == len(known(base)[0]) + 1
    (row,) = (one for one in rows if one["run"] == bad.name)
    assert row["status"] == "damaged" and row["problem"]
    assert "damaged" in say("list", "--store", store).out
    assert say("show", bad.name, "--store", store).code == 1
    verified = say("verify", bad.name, "--store", store, "--json")
    assert verified.code == 1 and verified.document["problems"]
    assert say("delete", "--yes", bad.name, "--store", store).code == 0 and not bad.exists()


def test_control_characters_of_a_record_never_reach_the_terminal(base, tmp_path, say):
    import shutil

    store = tmp_path / "runs"
    shutil.copytree(base, store)
    (path,) = store.glob("maze/*/run.json")
    document = json.loads(path.read_text())
    document["warnings"] = ["\x1b[2J\x1b]0;gone\x07cleared"]
    document["command"], document["error"], document["preset"] = (
        "\x1b[31mred",
        "\x9b31mred\r\n\x08over",
        "\x1bc",
    )
    path.write_text(json.dumps(document))
    for words in (["list"], ["show", path.parent.name], ["verify"], ["list", "--json"]):
        said = say(*words, "--store", store)
        assert not any(character in said.out + said.err for character in "\x1b\x07\x9b\x08\r"), (
            words
        )
