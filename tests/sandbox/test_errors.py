"""An error comes out of another process as it went in."""

from __future__ import annotations

import copy
import pickle

import pytest

from envs.layouts import LayoutError, parse
from sandbox import compare, load, resume, run
from sandbox.comparison.planned import Interrupted
from sandbox.errors import ConfigError, LinkError, RunFailed, UnknownNameError
from sandbox.store import Store


def linked():
    folder = run("walk", steps=20).path
    (folder / "run.json").rename(folder / "other.json")
    (folder / "run.json").symlink_to(folder / "other.json")
    Store().find(folder.name).read()


def stopped():
    def stop(progress):
        if progress.done:
            raise KeyboardInterrupt

    compare("empty-grid", ["sarsa"], seeds=2, episodes=1, progress=stop)


CALLS = [
    (UnknownNameError, lambda: run("maize")),
    (UnknownNameError, lambda: load("nothing")),
    (UnknownNameError, lambda: resume("nothing")),
    (ConfigError, lambda: run("walk", steps=-1, size=-1)),
    (RunFailed, lambda: run("walk", fail_at=5)),
    (LinkError, linked),
    (LayoutError, lambda: parse("S#?\n..G\n")),
    (Interrupted, stopped),
]


@pytest.mark.parametrize(("kind", "call"), CALLS)
@pytest.mark.parametrize(
    "copied",
    [lambda error: pickle.loads(pickle.dumps(error)), copy.deepcopy],
    ids=["pickle", "copy"],
)
def test_an_error_is_copied_whole(store, walk, kind, call, copied):
    with pytest.raises(kind) as caught:
        call()
    error = caught.value
    again = copied(error)
    assert type(again) is kind and str(again) == str(error) and again.args == error.args
    assert {name: repr(value) for name, value in vars(again).items()} == {
        name: repr(value) for name, value in vars(error).items()
    }
