"""What a run lacks, a library or a file, is said in one sentence before anything is made; so too
where a run or a sweep goes on."""

from __future__ import annotations

import json
import re
import shutil
import sys
import urllib.request

import numpy as np
import pytest

from sandbox.errors import UsageError
from sandbox.registry.registry import BUILT_IN, registry
from sandbox.runs.api import Request, resolved
from tests.conftest import ROOT

INSTALL = 'python -m pip install "sandbox-lab[{}]"'
NEEDS = {
    "mnist": ("torch", "torch"),
    "autoencoder": ("torch", "torch"),
    "music": ("pretty_midi", "music"),
}
"""Labs that need an extra: a library of it, and the extra."""
POINTS = ("--train", "train.txt", "--test", "test.txt")


def one_sentence(said, *parts):
    """The command line refused, with one sentence that holds all parts."""
    assert said.code == 2 and said.out == "" and "Traceback" not in said.err
    message = said.err.removeprefix("Error: ").strip()
    assert "\n" not in message and not re.search(r"\w[.!] +[A-Z]", message), message
    for part in parts:
        assert part in message


@pytest.fixture
def without(monkeypatch):
    """Makes a library look as if it was not installed, also to what has imported it before."""

    def hidden(name):
        for module in [*sys.modules]:
            if module.startswith("agents.baselines"):
                monkeypatch.delitem(sys.modules, module)
            elif module.startswith(f"{name}."):
                monkeypatch.setitem(sys.modules, module, None)
        monkeypatch.setitem(sys.modules, name, None)

    return hidden


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No data in the cache, and no network."""
    pytest.importorskip("torchvision")
    monkeypatch.setenv("SANDBOX_DATA", str(tmp_path / "cache"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setattr(urllib.request, "_opener", None)  # it keeps the proxies of its first use
    return tmp_path / "cache"


def test_a_comparison_with_options_of_an_agent_that_is_not_installed_names_its_library(
    say, store, without
):
    without("stable_baselines3")
    options = ["--agent.total-timesteps", 200, "--seeds", 1]
    said = say("compare", "maze", "--agents", "sb3-dqn", "sarsa", *options)
    one_sentence(said, "sb3-dqn", "stable-baselines3", INSTALL.format("sb3"))


@pytest.mark.extras
@pytest.mark.parametrize("lab", NEEDS)
@pytest.mark.parametrize(
    "command",
    [["run"], ["run", "--json"], ["sweep", "--grid", "learning-rate=0.01,0.001"]],
)
def test_a_lab_without_its_library_names_the_line_that_installs_it(
    say,
    store,
    without,
    lab,
    command,
):
    library, extra = NEEDS[lab]
    if lab == "music":
        pytest.importorskip("torch")  # which it would name first
    without(library)
    verb, *words = command
    one_sentence(
        say(verb, lab, *words),
        f"Lab '{lab}' needs {library}",
        INSTALL.format(extra),
        sys.prefix,
    )
    assert not store.exists()


@pytest.mark.extras
@pytest.mark.parametrize("command", [["run", "--agent"], ["compare", "--agents"]])
def test_an_agent_without_its_library_does_too(say, store, without, command):
    from agents.baselines import algorithms

    pytest.importorskip("stable_baselines3")
    algorithms.config_class.cache_clear()
    algorithms.agent_class.cache_clear()
    vars(algorithms).pop(
        "DQN", None
    )  # which a test may have put there in place of what is looked up
    without("stable_baselines3")
    verb, option = command
    said = say(verb, "maze", option, "sb3-dqn")
    one_sentence(said, "Agent 'sb3-dqn' needs stable-baselines3", INSTALL.format("sb3"))
    assert not store.exists()


@pytest.mark.extras
def test_a_search_of_images_without_skorch(say, store, without):
    pytest.importorskip("torch")
    without("skorch")
    one_sentence(
        say("run", "mnist", "--preset", "quick-search"),
        "needs skorch",
        INSTALL.format("torch"),
    )
    assert not store.exists()


@pytest.mark.extras
@pytest.mark.parametrize("lab", ["mnist", "autoencoder"])
@pytest.mark.parametrize("command", [["run"], ["sweep", "--grid", "learning-rate=0.01,0.001"]])
def test_images_that_are_not_there_and_cannot_be_downloaded(say, store, offline, lab, command):
    verb, *words = command
    instead = f"`python -m sandbox run {lab} --dataset digits`"
    one_sentence(
        say(verb, lab, *words),
        "(Connection refused)",
        str(offline),
        "--data DIR",
        instead,
    )
    assert not store.exists()


@pytest.mark.extras
def test_images_that_are_not_in_the_folder_that_was_named(say, store, tmp_path):
    pytest.importorskip("torch")
    said = say("run", "mnist", "--data", tmp_path)
    one_sentence(
        said,
        f"mnist is not in {tmp_path}:",
        "train-images-idx3-ubyte",
        "--dataset digits`",
    )
    assert not store.exists()


@pytest.mark.parametrize("lab", ["regression", "intro"])
@pytest.mark.parametrize("command", [["run"], ["sweep", "--grid", "train-points=10,20"]])
def test_points_that_are_not_there(say, store, tmp_path, monkeypatch, lab, command):
    monkeypatch.chdir(tmp_path)
    verb, *words = command
    said = say(verb, lab, *words, *POINTS)
    one_sentence(
        said,
        str(tmp_path / "train.txt"),
        "No such file",
        f"`python -m sandbox run {lab}`",
    )
    assert not store.exists()


@pytest.mark.extras
@pytest.mark.parametrize("words", [["--dataset", "folder"], ["--data", "."]])
def test_pieces_that_are_not_there(say, store, tmp_path, monkeypatch, words):
    pytest.importorskip("pretty_midi")
    monkeypatch.chdir(tmp_path)
    one_sentence(
        say("run", "music", *words),
        "--data DIR",
        "`python -m sandbox run music --dataset etudes`",
    )
    assert not store.exists()


def test_what_is_typed_instead_works(say):
    """The commands that the sentences name."""
    for lab in ("regression", "intro"):
        assert say("run", lab, "--preset", "quick", "--no-pictures").code == 0


def written(tmp_path):
    for name in ("train.txt", "test.txt"):
        (tmp_path / name).write_text("".join(f"{x / 10},{x * x}\n" for x in range(12)))


@pytest.mark.extras
def test_a_run_that_goes_on_without_its_data_stays_what_it_was(say, store, tmp_path):
    pytest.importorskip("pretty_midi")
    scipy = pytest.importorskip("scipy.io")
    pieces = np.empty((1, 2), dtype=object)
    pieces[0, :] = [np.eye(40, 88), np.eye(50, 88)]
    file = tmp_path / "rolls.mat"
    scipy.savemat(file, {f"{split}data": pieces for split in ("train", "valid", "test")})
    words = ["--data", file, "--dataset", "folder", "--epochs", "1", "--max-time", "1e-9"]
    stopped = say("run", "music", *words, "--json").document
    path = store / "music" / stopped["run"] / "run.json"
    before = path.read_bytes()
    file.rename(tmp_path / "away.mat")
    one_sentence(say("resume", stopped["run"]), str(file))
    assert path.read_bytes() == before and json.loads(before)["status"] == "timed-out"
    (tmp_path / "away.mat").rename(file)
    assert say("resume", stopped["run"], "--no-pictures").code == 0


@pytest.mark.parametrize("lab", ["regression", "intro"])
def test_a_run_that_kept_its_data_goes_on_without_the_files(say, tmp_path, monkeypatch, lab):
    monkeypatch.chdir(tmp_path)
    written(tmp_path)
    more = ["--epochs", "3000"] if lab == "regression" else []
    stopped = say("run", lab, *POINTS, "--max-time", "1e-9", *more, "--json").document
    assert stopped["status"] == "timed-out"
    (tmp_path / "train.txt").unlink()
    assert say("resume", stopped["run"], "--no-pictures").code == 0


@pytest.mark.extras
def test_a_run_that_goes_on_without_its_library_names_it(say, store, without):
    """Rather than calling it another version."""
    pytest.importorskip("torch")
    stopped = say("run", "mnist", "--preset", "quick", "--max-time", "1e-9", "--json").document
    without("torch")
    one_sentence(say("resume", stopped["run"]), "Lab 'mnist' needs torch", INSTALL.format("torch"))
    assert say("show", stopped["run"], "--json").document["status"] == "timed-out"


def test_a_sweep_that_goes_on_asks_for_what_its_unfinished_runs_need(
    say,
    store,
    tmp_path,
    monkeypatch,
):
    monkeypatch.chdir(tmp_path)
    written(tmp_path)
    made = say("sweep", "intro", *POINTS, "--grid", "ridge=0.1,1", "--json")
    assert made.code == 0, made.err
    (tmp_path / "train.txt").unlink()
    assert say("resume", made.document["sweep"], "--json").code == 0
    shutil.rmtree(store / "intro" / made.document["ranking"][0]["runs"][0])
    one_sentence(say("resume", made.document["sweep"]), str(tmp_path / "train.txt"))


def test_a_library_of_a_lab_in_a_file_is_asked_for_through_its_configuration(
    say,
    store,
    tmp_path,
    monkeypatch,
):
    """A plugin says what it needs by one method; what it was given by `--data` is passed on, also
    to what was chosen."""
    (tmp_path / "needy.py").write_text(
        "from sandbox import Lab, LabConfig, hookimpl\n"
        "from sandbox.errors import UsageError\n\n\n"
        "@hookimpl\ndef sandbox_register(registry):\n    registry.lab('needy', 'needy:NeedyLab')\n\n\n"
        "class Inner(LabConfig):\n"
        "    def check_available(self, data=None, kept=None):\n"
        "        raise UsageError(f'no star chart in {data}: draw one')\n\n\n"
        "class NeedyConfig(LabConfig):\n    stars: Inner = Inner()\n\n\n"
        "class NeedyLab(Lab):\n    Config, presets = NeedyConfig, {}\n"
        "    def build(self, config, context):\n        raise AssertionError('never built')\n"
    )
    one_sentence(
        say("-p", tmp_path / "needy.py", "run", "needy", "--data", tmp_path),
        f"no star chart in {tmp_path}: draw one",
    )
    assert not store.exists()


def test_the_readme_says_which_extra_a_lab_needs(without):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| (.*?) \| `(\w+)` \| `python -m pip install \"\.\[\2\]\"` \|$",
        text,
        re.MULTILINE,
    )
    told = {lab: extra for cell, extra in rows for lab in re.findall(r"\[`([\w-]+)`\]", cell)}
    assert told == {lab: extra for lab, (_, extra) in NEEDS.items()}
    for library, _ in NEEDS.values():
        without(library)
    labs = [entry.name for entry in registry().entries("lab") if entry.plugin in BUILT_IN]
    assert set(labs) == set(re.findall(r"\[`([\w-]+)`\]\(docs/", text))
    for lab in labs:
        try:
            resolved(
                Request(
                    lab,
                    layers=[{"dataset": "digits"}] if NEEDS.get(lab, "")[1:] == ("torch",) else [],
                )
            )
        except UsageError as error:
            assert INSTALL.format(told[lab]) in str(error)
        else:
            assert lab not in told


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["run", "maze"], "leave it out"),
        (["run", "gym", "--env", "FrozenLake-v1"], "leave it out"),
        (["sweep", "maze", "--grid", "episodes=10,20"], "leave it out"),
        (["compare", "maze", "--agents", "sarsa", "q-learning"], "leave it out"),
        (["run", "intro"], "--train FILE --test FILE"),
        (["run", "regression"], "--train FILE --test FILE"),
        pytest.param(
            ["run", "mnist", "--preset", "quick"], "--dataset mnist", marks=pytest.mark.extras
        ),
        pytest.param(
            ["run", "music", "--dataset", "etudes"],
            "leave out --dataset etudes",
            marks=pytest.mark.extras,
        ),
    ],
)
def test_a_folder_of_data_that_nothing_would_read_is_refused(say, store, tmp_path, words, remedy):
    if words[1] in ("mnist", "music"):
        pytest.importorskip("torch")
        pytest.importorskip("pretty_midi")
    said = say(*words, "--data", tmp_path)
    assert said.code == 2 and not said.out
    assert f"--data {tmp_path} would not be read" in said.err and remedy in said.err
