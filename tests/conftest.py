"""What tests share: a store of their own, the command line in this process or in another, and a toy
plugin."""

from __future__ import annotations

import errno
import json
import os
import random
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
TOYS = Path(__file__).resolve().parent / "toys"

# No test depends on the machine's speed. Where CI is set, the examples are the same in each run, so
# that a failure is the commit's; everywhere else Hypothesis goes on searching.
settings.register_profile("untimed", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("untimed")
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"
# Tests keep all cores busy: a second thread of PyTorch or of a BLAS waits for a core, and spins
# meanwhile, which made small models up to ten times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that is skipped for want of a library carries the marker by which CI finds it."""
    report = yield
    wanting = call.excinfo is not None and re.search(
        r"could not import|which is not installed|pip install", str(call.excinfo.value)
    )
    if report.skipped and wanting and item.get_closest_marker("extras") is None:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} is skipped without a library: mark it `extras`."
    return report


@pytest.fixture(autouse=True)
def seeded():
    """What a test draws from the generators that all share does not depend on the tests before."""
    random.seed(0)
    np.random.seed(0)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


def forgetting_plugins():
    """Forget the plugins in one file that were added meanwhile: the next test's commands would name
    them."""
    from sandbox.registry.registry import registry

    known = registry()
    before = set(known.plugins)
    yield
    for name in set(known.plugins) - before:
        if known.plugins[name].source.endswith(".py"):
            forget_plugin(name)


def forget_plugin(name):
    """Forget a plugin in one file: what follows is as in a new process."""
    from sandbox.registry.registry import registry

    known = registry()
    plugin = known.plugins.pop(name)
    for entry in plugin.entries:
        known._entries.pop((entry.kind, entry.name), None)
    if known._manager.has_plugin(name):
        known._manager.unregister(name=name)
    sys.modules.pop(Path(plugin.source).stem, None)


_of_one_module = pytest.fixture(autouse=True, scope="module")(forgetting_plugins)
_of_one_test = pytest.fixture(autouse=True)(forgetting_plugins)


@dataclass
class Said:
    """What a command line answered."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as one JSON document."""
        return json.loads(self.out)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store of the test's own, found by every command."""
    root = tmp_path / "runs"
    monkeypatch.setenv("SANDBOX_STORE", str(root))
    return root


@pytest.fixture
def say(store, capsys):
    """Call the command line in this process: say("run", "walk", "--steps", 20)."""
    from sandbox.cli import main

    def call(*words: Any) -> Said:
        capsys.readouterr()
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return call


@pytest.fixture
def walk():
    """The toy plugin, loaded."""
    from sandbox.registry.registry import registry

    registry().add_file(TOYS / "walk.py")
    return TOYS / "walk.py"


def forbid(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let nobody read a file or folder of that name in a store, as if it were another user's;
    permissions would not stop root.
    """
    from sandbox.store.open_folder import OpenFolder

    real_open, real_stat = OpenFolder.open, os.stat

    def refuse_below(path: Path, inner: str) -> None:
        if name in (inner, path.name):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), inner)

    def opened(folder: OpenFolder, inner: str, flags: int) -> int:
        refuse_below(folder.path, inner)
        return real_open(folder, inner, flags)

    def status(path: Any, **options: Any) -> os.stat_result:
        if isinstance(path, str):
            refuse_below(Path(path).parent, "")
        return real_stat(path, **options)

    monkeypatch.setattr(OpenFolder, "open", opened)
    monkeypatch.setattr(os, "stat", status)


def extract(archive: Path, folder: Path) -> None:
    """Unpack an archive of a fixture; older releases of Python 3.11 have no filters."""
    with tarfile.open(archive) as file:
        if hasattr(tarfile, "data_filter"):
            file.extraction_filter = tarfile.data_filter
        file.extractall(folder)


EXTRA_LABS = ("autoencoder", "mnist", "music")
"""Labs that run only where libraries of an extra are installed."""


def needs_extra(name: str) -> bool:
    """Whether a lab or an agent needs a library of an extra."""
    from agents.baselines.known import KNOWN

    return name in EXTRA_LABS or name in KNOWN


def marked(values: Iterable[Any], extra: Callable[[Any], bool] = needs_extra) -> list[Any]:
    """Values of a parameter, or tuples for several: those that need an extra have its marker.

    The others are tested where no extra is installed, and not a second time where all are.
    """
    return [
        pytest.param(
            *(one if isinstance(one, tuple) else (one,)),
            marks=[pytest.mark.extras] if extra(one) else [],
        )
        for one in values
    ]


def skip_without_library(agent: str) -> None:
    """Skip the test where the library that an agent comes from is not installed."""
    from agents.baselines.known import KNOWN

    if agent in KNOWN:
        pytest.importorskip(KNOWN[agent].module)


def configured(lab: str, preset: str = "default", layers: Any = ()) -> Any:
    """The configuration of a run, whose data and libraries need not be there."""
    from sandbox.config.resolve import resolve
    from sandbox.registry.registry import registry
    from sandbox.runs import api

    made = registry().lab(lab)
    return resolve(made.Config, [api.preset_of(made, lab, preset), *layers], f"lab '{lab}'")


def command(*words: Any) -> list[str]:
    """A command line of the sandbox for a process of its own."""
    return [sys.executable, "-m", "sandbox", *map(str, words)]


@pytest.fixture
def in_process(store, tmp_path):
    """Call the command line in a process of its own: in_process("run", "maze")."""

    def call(*words: Any, cwd: Path | None = None, **environment: str) -> Said:
        done = subprocess.run(
            command(*words),
            capture_output=True,
            text=True,
            cwd=cwd or ROOT,
            env={**os.environ, **environment},
            timeout=300,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def drift():
    """Environments that keep something from one episode to the next."""
    import gymnasium

    from envs import ids
    from sandbox.registry.registry import registry

    registry().add_file(TOYS / "drift.py")
    yield
    for name in ("toys/Drift-v0", "toys/Saved-v0"):
        gymnasium.registry.pop(name, None)
    ids._config.cache_clear()
