"""`new plugin`: what it writes can be installed, runs, passes its own tests, and goes away without
a trace."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from sandbox.errors import UsageError
from sandbox.registry import scaffold
from sandbox.registry.registry import registry
from tests.conftest import ROOT

HERE = [
    kind
    for kind in scaffold.KINDS
    if kind != "env"
    or any(entry.name == "gym" for entry in registry().entries("lab", outside=False))
]


@pytest.fixture(autouse=True)
def no_plugins_of_other_tests(monkeypatch):
    """Forget the modules that other tests of this process left behind: their names are taken."""
    for kind in scaffold.KINDS:
        monkeypatch.delitem(sys.modules, f"my_{kind}", raising=False)
        monkeypatch.delitem(sys.modules, f"one_{kind}", raising=False)


@pytest.fixture(scope="module")
def fresh_python(tmp_path_factory):
    """A virtual environment of its own that sees the sandbox and its dependencies, and into which
    plugins are installed."""
    home = tmp_path_factory.mktemp("fresh")
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    (home.joinpath(site.stdout.strip()) / "beside.pth").write_text(
        f"{sysconfig.get_path('purelib')}\n{ROOT}\n"
    )
    return python


def call(python, *words, cwd, store):
    environment = {**os.environ, "SANDBOX_STORE": str(store), "PYTHONWARNINGS": "default"}
    done = subprocess.run(
        [python, "-m", *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", HERE)
def test_a_new_package_installs_runs_passes_its_tests_and_uninstalls(
    fresh_python, store, tmp_path, kind
):
    scaffold.write(f"my-{kind}", kind, tmp_path)
    package = tmp_path / f"my-{kind}"
    install = ("pip", "install", "--no-deps", "--no-build-isolation", "--no-index", package)
    call(fresh_python, *install, cwd=tmp_path, store=store)
    try:
        assert f"my-{kind}" in call(fresh_python, "sandbox", "plugins", cwd=tmp_path, store=store)
        assert "finished" in call(
            fresh_python,
            "sandbox",
            *scaffold.try_it(f"my-{kind}", kind).split(),
            "--render",
            "none",
            cwd=tmp_path,
            store=store,
        )
        assert " passed" in call(
            fresh_python, "pytest", "-q", "-p", "no:cacheprovider", cwd=package, store=store
        )
    finally:
        call(fresh_python, "pip", "uninstall", "-y", f"my-{kind}", cwd=tmp_path, store=store)
    assert f"my-{kind}" not in call(fresh_python, "sandbox", "plugins", cwd=tmp_path, store=store)


@pytest.mark.parametrize("kind", HERE)
def test_a_new_file_runs_with_p(in_process, tmp_path, kind):
    (path,) = scaffold.write(f"one-{kind}", kind, tmp_path, one_file=True)
    said = in_process(
        "-p",
        path,
        *scaffold.try_it(f"one-{kind}", kind).split(),
        "--render",
        "none",
        "--json",
        cwd=tmp_path,
        PYTHONPATH=str(ROOT),
    )
    assert said.code == 0, said.err
    assert said.document["status"] == "finished" and not said.document.get("warnings")


@pytest.mark.parametrize("kind", scaffold.KINDS)
@pytest.mark.parametrize("one_file", [True, False])
def test_what_is_written_is_formatted_and_names_no_template(tmp_path, kind, one_file):
    paths = scaffold.write(f"my-{kind}", kind, tmp_path, one_file)
    for path in paths:
        text = path.read_text()
        assert "example" not in text.lower() and "# -- hook" not in text, path
    python = [str(path) for path in paths if path.suffix == ".py"]
    checked = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--check", "--line-length", "140", *python],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_what_is_there_is_never_overwritten(say, tmp_path):
    assert say("new", "plugin", "my-lab", "--in", tmp_path).code == 0
    (tmp_path / "my-lab" / "README.md").write_text("mine")
    said = say("new", "plugin", "my-lab", "--in", tmp_path)
    assert said.code == 2 and "is there already; nothing was written" in said.err
    assert (tmp_path / "my-lab" / "README.md").read_text() == "mine"


@pytest.mark.parametrize("name", ["My Lab", "7up", "class", "../out", "a--b", ""])
def test_a_name_that_is_no_module_s_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="cannot name a plugin"):
        scaffold.write(name, "lab", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("one_file", [True, False])
@pytest.mark.parametrize("name", ["numpy", "random", "sys", "sandbox", "agents", "maze"])
def test_a_name_that_is_taken_is_refused(tmp_path, name, one_file):
    """A file called sandbox.py ended every later command in its folder."""
    with pytest.raises(UsageError, match=f"'{name}' is taken"):
        scaffold.write(name, "lab", tmp_path, one_file)
    assert not list(tmp_path.iterdir())


def test_a_name_that_another_agent_has_is_refused_for_an_agent_alone(tmp_path):
    with pytest.raises(UsageError, match="'q-learning' is taken"):
        scaffold.write("q-learning", "agent", tmp_path)
    assert scaffold.write("q-learning", "lab", tmp_path)


def test_a_plugin_of_one_file_may_become_a_package_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    scaffold.write("postcards", "lab", Path(), one_file=True)
    assert scaffold.write("postcards", "lab", Path("packages"))


def test_a_folder_that_cannot_be_made_is_told(say, tmp_path):
    (tmp_path / "file").write_text("")
    said = say("new", "plugin", "mine", "--in", tmp_path / "file" / "folder")
    assert said.code == 2 and "Cannot write to" in said.err and "--in" in said.err
