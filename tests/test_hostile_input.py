"""Values, names and files that nobody should give: each is refused in a sentence, with exit code 1
or 2, and nothing is made."""

from __future__ import annotations

import os
import subprocess
from functools import partial

import numpy as np
import pytest

from sandbox import compare, compare_tasks, run, sweep
from sandbox.errors import UsageError
from sandbox.runs.loop import Settings
from sandbox.store.store import Store
from tests.conftest import ROOT, command, marked

LARGE = ["1e309", "1" + "0" * 30, "nan", "inf", "-inf", "-1", "1.5", ""]
NO_TEXT = "\udcff\udcfe"
"""What bytes that are not UTF-8 become in sys.argv."""
LOOP, DEEP = "loop", 100_000


def refused(said, *parts, codes=(1, 2)):
    assert said.code in codes and "Error: " in said.err and "Traceback" not in said.err, said.err
    assert all(part in said.err for part in parts), said.err


@pytest.mark.parametrize("value", LARGE)
@pytest.mark.parametrize(
    "option",
    [
        "--episodes",
        "--seed",
        "--seeds",
        "--threads",
        "--agent.planning-steps",
        "--env.episode-length",
    ],
)
def test_a_number_beyond_reason(say, store, option, value):
    if (option, value) not in {("--seed", LARGE[-1])}:
        refused(
            say("run", "maze", "--agent", "dyna-q", f"{option}={value}", "--render", "none"),
            option.lstrip("-"),
        )
        assert not store.exists()


@pytest.mark.parametrize(
    "words",
    [
        ["compare", "maze", "--agents", "sarsa"],
        ["sweep", "maze", "--grid", "agent.alpha=0.1"],
        ["sweep", "maze"],
    ],
)
@pytest.mark.parametrize("value", ["1" + "0" * 30, "1e309", "-1", "1000001"])
def test_more_seeds_or_trials_than_there_can_be(say, store, words, value):
    option = "--seeds" if words[-1] != "maze" else "--random"
    refused(say(*words, option, value), option)
    assert not store.exists()


@pytest.mark.parametrize("value", ["nan", "-1", "later"])
@pytest.mark.parametrize("option", ["--max-time", "--checkpoint-every"])
@pytest.mark.parametrize(
    "words", [["run", "maze"], ["sweep", "maze", "--grid", "agent.alpha=0.1"], ["resume", "last"]]
)
def test_a_time_that_is_none(say, store, words, option, value):
    if words[0] != "sweep" or option != "--max-time":
        refused(say(*words, option, value), option)
        assert not store.exists()


def test_a_time_that_is_none_in_python():
    for name in ("max_time", "checkpoint_seconds"):
        with pytest.raises(UsageError, match=f"{name} = nan"):
            Settings(**{name: float("nan")})


@pytest.mark.parametrize("value", [True, np.True_, 2.0, "3", None, [0, 1]])
@pytest.mark.parametrize("name", ["seed", "seeds"])
@pytest.mark.parametrize(
    "call",
    [
        partial(run, "maze"),
        partial(sweep, "maze", grid={"agent.alpha": [0.1]}),
        partial(compare, "maze", ["sarsa"]),
        partial(compare_tasks, ["maze"], ["sarsa"]),
    ],
)
def test_a_seed_that_is_no_whole_number_in_python(store, call, name, value):
    with pytest.raises(UsageError, match=f"--{name} .*it should be a whole number"):
        call(**{name: value}, episodes=1)
    assert not store.exists()


@pytest.mark.parametrize("value", [True, 1.5, "3", [1]])
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("workers", partial(compare, "maze", ["sarsa"])),
        ("workers", partial(sweep, "maze", grid={"agent.alpha": [0.1]})),
        ("random", partial(sweep, "maze")),
        ("tpe", partial(sweep, "maze")),
        ("max_seeds", partial(compare, "maze", ["sarsa", "q-learning"], until_decided=True)),
    ],
)
def test_a_count_that_is_no_whole_number_in_python(store, name, call, value):
    option = name.replace("_", "-")
    with pytest.raises(UsageError, match=f"--{option} .*it should be a whole number"):
        call(**{name: value}, config={"episodes": 1})
    assert not store.exists()


@pytest.mark.parametrize("value", ["x", None, [0.1], np.float32(2.0)])
def test_a_margin_that_is_no_share_in_python(store, value):
    with pytest.raises(UsageError, match="--margin .*: it should be a share between 0 and 1"):
        compare("maze", ["sarsa", "q-learning"], until_decided=True, margin=value)
    assert not store.exists()


def test_the_values_of_a_grid_in_python(store):
    made = sweep("maze", preset="quick", grid={"agent.alpha": 0.1})
    assert made.best.params == {"agent.alpha": 0.1}
    with pytest.raises(UsageError, match="it should be values by option"):
        sweep("maze", grid=["agent.alpha=0.1"])


def test_seeds_of_numpy_are_whole_numbers(store):
    seeds = {"seed": np.uint8(3), "seeds": np.int64(2)}
    made = run("maze", preset="quick", pictures=False, **seeds)
    assert (made.record.seed, made.record.seeds) == (3, 2)


@pytest.mark.parametrize("value", ["3", True, [1], None])
@pytest.mark.parametrize("name", ["max_time", "checkpoint_every"])
def test_a_time_that_is_no_number_in_python(store, name, value):
    if (name, value) != ("max_time", None):
        with pytest.raises(UsageError, match="it should be a time in seconds"):
            run("maze", episodes=1, **{name: value})
        assert not store.exists()


def test_times_of_numpy_are_numbers():
    assert Settings(np.float32(1.5), np.int64(3)).max_time == 3


@pytest.mark.parametrize("value", [10**400, float("inf"), float("nan")])
def test_a_number_beyond_reason_in_python(store, value):
    with pytest.raises(UsageError, match="episodes"):
        run("maze", episodes=value)
    assert not store.exists()


@pytest.mark.parametrize(
    "content",
    ['{"episodes": 1e309}', f'{{"episodes": 1{"0" * 400}}}', f'{{"episodes": 1{"0" * 5000}}}'],
)
def test_a_number_beyond_reason_in_a_file(say, tmp_path, content):
    (tmp_path / "c.json").write_text(content)
    refused(say("run", "maze", "--config", tmp_path / "c.json"))


@pytest.mark.parametrize(
    "opening",
    ["[", '{"a":', '{"agent":', "a = [", "a = {b = "],
    ids=["list", "table", "agent", "toml", "inline"],
)
def test_a_configuration_nested_without_end(say, tmp_path, opening):
    file = tmp_path / ("c.toml" if "=" in opening else "c.json")
    file.write_text(opening.split("[")[0] + "[" * DEEP if opening.endswith("[") else opening * DEEP)
    refused(say("run", "maze", "--config", file), "c.")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="has no such devices")
@pytest.mark.parametrize("device", ["zero", "full"])
def test_a_device_in_place_of_a_file(say, tmp_path, device):
    for ending in ("json", "toml"):
        (tmp_path / f"c.{ending}").symlink_to(f"/dev/{device}")
        refused(say("run", "maze", "--config", tmp_path / f"c.{ending}"), "more than 64 MiB")
    refused(say("run", "maze", "--env.layout", f"/dev/{device}"), "more than 64 MiB")
    refused(say("run", "maze", "-p", f"/dev/{device}"), "no plugin file")
    refused(
        say(
            "run",
            "intro",
            "--train",
            f"/dev/{device}",
            "--test",
            f"/dev/{device}",
            "--render",
            "none",
        ),
        "more than 64 MiB",
    )


@pytest.fixture
def loop(tmp_path):
    for ending in ("", ".json", ".py"):
        (tmp_path / f"{LOOP}{ending}").symlink_to(tmp_path / f"{LOOP}{ending}")
    return str(tmp_path / LOOP)


def test_a_link_that_leads_to_itself(say, store, loop):
    refused(say("run", "maze", "--env.layout", loop), "env.layout")
    refused(say("run", "maze", "--config", f"{loop}.json"), "Cannot read")
    refused(say("-p", f"{loop}.py", "run", "maze"), "no plugin file")
    for words in (
        ["list"],
        ["run", "maze", "--render", "none"],
        ["show"],
        ["verify"],
        ["sweep", "maze", "--grid", "agent.alpha=0.1"],
    ):
        refused(say(*words, "--store", loop), "There can be no store", "--store DIR")
    assert not store.exists()


@pytest.mark.parametrize(
    "name", ["n" * 300, "n" * 5000, "~nouser", "~nouser/a", "a\0b", NO_TEXT], ids=range(6)
)
def test_a_name_that_no_file_can_have(say, store, name):
    refused(say("run", "maze", "--env.layout", name), "env.layout")
    refused(say("run", "maze", "--config", f"{name}.json"))
    refused(say("run", "maze", "--agent", name), "No agent")
    for words in (
        ["show", name],
        ["watch", name],
        ["verify", name],
        ["delete", name],
        ["resume", name],
        ["run", name],
        [name],
    ):
        refused(say(*words))
    assert not store.exists()
    if name.startswith("n"):
        refused(say("run", "maze", "--render", "none", "--store", name), "store")


@pytest.mark.parametrize(
    "words",
    [
        ["run", "maze", "--env.layout", NO_TEXT],
        ["run", "maze", "--agent.alpha", NO_TEXT],
        ["run", "gym", "--env", NO_TEXT],
        ["compare", "maze", "--agents", f"{NO_TEXT}=sarsa"],
        ["compare", "maze", "--agents", "sarsa", "--set", f"{NO_TEXT}.alpha=1"],
        ["sweep", "maze", "--grid", f"agent.alpha={NO_TEXT}"],
        ["run", "maze", f"--{NO_TEXT}", "1"],
        ["play", "maze", "--moves", NO_TEXT],
    ],
    ids=range(8),
)
def test_bytes_that_are_no_text(say, store, words):
    refused(say(*words))
    assert not store.exists()


@pytest.mark.skipif(os.name == "nt", reason="its command lines are text")
def test_bytes_that_are_no_text_in_a_real_command_line(in_process):
    refused(in_process("run", "maze", "--env.layout", os.fsdecode(b"\xff\xfe")), "UTF-8")


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="has no folder that nobody can write")
@pytest.mark.parametrize("more", marked([[], ["--workers", "1"]], bool))
def test_a_store_that_nobody_can_write(say, more):
    if more:
        pytest.importorskip("distributed")
    short = ["--seeds", "1", "--episodes", "5"]
    refused(
        say("compare", "maze", "--agents", "sarsa", *short, *more, "--store", "/proc/none"),
        "Cannot write to the store",
    )
    refused(
        say("sweep", "maze", "--grid", "agent.alpha=0.1", *short, *more, "--store", "/proc/none"),
        "Cannot write to the store",
    )


def test_a_store_that_became_read_only(say, store, monkeypatch):
    import errno
    import pathlib

    assert say("run", "maze", "--episodes", 5, "--no-pictures", "--render", "none").code == 0

    def refuse(self, *_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self))

    for name in ("mkdir", "touch", "unlink"):
        monkeypatch.setattr(pathlib.Path, name, refuse)
    refused(
        say("compare", "maze", "--agents", "sarsa", "--seeds", "1", "--episodes", "5"),
        "Cannot write to",
    )
    assert len(Store(store).rows()) == 1


def test_a_date_of_the_year_1(say, store):
    import json

    assert say("run", "maze", "--episodes", 5, "--no-pictures", "--render", "none").code == 0
    (folder,) = Store(store).folders()
    for date in ("0001-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        record = json.loads(folder.record_path.read_bytes())
        folder.record_path.write_text(json.dumps({**record, "created": date, "ended": date}))
        for words in (
            ["list"],
            ["list", "--json"],
            ["show", folder.id],
            ["show", folder.id, "--json"],
            ["verify"],
        ):
            said = say(*words)
            assert (
                said.code in (0, 1)
                and folder.id in said.out + said.err
                and "Traceback" not in said.err
            )


@pytest.mark.skipif(os.name == "nt", reason="its pipes close otherwise")
@pytest.mark.parametrize("words", [["list", "agents"], ["plugins"], ["solve", "maze"]])
def test_a_reader_that_goes_away_is_no_error(words):
    process = subprocess.Popen(
        command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )
    process.stdout.close()
    assert (process.stderr.read(), process.wait()) == (b"", 0)
    process.stderr.close()
