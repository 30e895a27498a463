"""Every command and every code block of the README and of docs/ runs as it stands."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest

from sandbox import SandboxError, run
from tests.conftest import EXTRA_LABS, ROOT, marked

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = [
    (page, number, text)
    for page in PAGES
    for number, (kind, text) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")))
    if kind == "python"
]
COMMANDS = [
    (page, line)
    for page in PAGES
    for kind, text in BLOCK.findall(page.read_text(encoding="utf-8"))
    if kind == "sh"
    for line in text.splitlines()
    if line.startswith("python -m sandbox")
]


WRITE = sorted((ROOT / "docs" / "write").glob("*.md"))
"""Pages that each hold a plugin in one file, and its test."""
CHECKS = {
    "lab": "check_lab(AlbumLab)",
    "agent": "check_agent(GapLearning)",
    "environment": "check_env(Gambler)",
    "observer": "check_observer(Best)",
    "watch": "check_lab(DriftLab)",
    "claims": "check_lab(DartsLab)",
    "many_seeds": "check_lab(RuinLab)",
    "torch": "check_lab(SineLab)",
    "grid": "check_env(Windy)",
    "state": "check_state(Bandit)",
    "page": "check_lab(DiceLab)",
}
"""What the test of an example calls."""
FIRST = ("lab", "agent", "environment", "observer", "state", "page")
"""Pages whose examples have fewer than 40 lines; those of the others have fewer than 75."""
TORCH = (*EXTRA_LABS, "torch")
"""Labs, and a page of docs/write/, that need an extra."""
EXTRA = re.compile(rf"\bsb3-|\b({'|'.join(EXTRA_LABS)})\b|--(random|tpe|track)\b")
"""In a command or a code block: it needs an extra."""


@pytest.fixture(scope="module")
def one_run(tmp_path_factory):
    """A store that holds a finished run."""
    root = tmp_path_factory.mktemp("one") / "runs"
    run("maze", preset="quick", store=root)
    return root


@pytest.fixture
def finished(one_run, store):
    """A finished run for what comes last, in the test's own store."""
    shutil.copytree(one_run, store)


@pytest.fixture
def laid_out(tmp_path, monkeypatch):
    """Writes the files that a page of docs/write/ tells to save, importable from there; returns the
    plugin."""
    known = set(sys.modules)

    def lay_out(page):
        if page.stem in TORCH:
            pytest.importorskip("torch")
        names = re.findall(r"[Ss]ave\s+this\s+as\s+`(\w+\.py)`", page.read_text(encoding="utf-8"))
        blocks = [text for other, _, text in CODE if other == page]
        for name, text in zip(names, blocks, strict=True):
            (tmp_path / name).write_text(text, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        return tmp_path / names[0]

    yield lay_out
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def commands_of(page):
    return [line for other, line in COMMANDS if other == page]


HERE = [(page, line) for page, line in COMMANDS if page not in WRITE]
EXAMPLES = pytest.mark.parametrize(
    "page",
    marked(WRITE, lambda page: page.stem in TORCH),
    ids=[page.stem for page in WRITE],
)


def in_extra(case):
    """Whether a command or a code block, the last of a case, needs an extra."""
    return case[0].stem in TORCH or EXTRA.search(case[-1]) is not None


@pytest.mark.parametrize(("page", "line"), marked(HERE, in_extra), ids=[line for _, line in HERE])
def test_a_command_runs(say, finished, page, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = shlex.split(line, comments=True)[3:]
    if set(words[1:2]) & set(TORCH) and importlib.util.find_spec("torch") is None:
        pytest.skip(f"{words[1]} needs PyTorch: python -m pip install 'sandbox-lab[torch]'")
    said = say(*words)
    if "which is not installed: python -m pip install" in said.err:
        pytest.skip(said.err.strip())
    assert said.code == 0, said.err
    for proposed in named_next(said.out):
        followed = follow(say, proposed, monkeypatch)
        assert followed is None or followed.code == 0, f"{shlex.join(proposed)}: {followed.err}"


def named_next(out):
    """The commands that a command names at its end, each as words; one without a column of its own
    goes to the end of the line."""
    lines = re.findall(r"^python -m sandbox (.+?)(?:  .*)?$", out, re.MULTILINE)
    return [shlex.split(line) for line in lines]


FOLLOWED: set[str] = set()
NEEDS_A_SCREEN = ("play",)
"""Commands that open a window."""


def follow(say, words, monkeypatch):
    """Run a command that was named, as it stands; those that differ in ids and numbers alone once.
    None where that was done, or cannot be."""
    shape = re.sub(r"\d+", "0", re.sub(r"\d{8}-\d{6}-\S+", "RUN", shlex.join(words)))
    if shape in FOLLOWED or words[0] in NEEDS_A_SCREEN:
        return None
    FOLLOWED.add(shape)
    monkeypatch.setattr("sandbox.cli.commands.show._open_all", lambda paths: None)
    return say(*words)


def test_a_command_that_is_named_keeps_the_options_of_the_one_that_names_it(
    say, store, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    options = [
        "--preset",
        "quick",
        "--episodes",
        "30",
        "--env.layout",
        "S..~/.#.O/...G",
        "--set",
        "slow.alpha=0.05",
        "--agent.discount",
        "0.8",
    ]
    said = say(
        "compare", "maze", "--agents", "sarsa", "slow=sarsa", *options, "--seeds", "2", "--fresh"
    )
    (more,) = (words for words in named_next(said.out) if words[0] == "compare")
    assert more == ["compare", "maze", "--agents", "sarsa", "slow=sarsa", *options, "--seeds", "10"]
    again = say(*more, "--json")
    assert again.code == 0 and again.document["reused"] == 4 and len(again.document["seeds"]) == 10
    walls = ["--env.layout", "S..~/.#.O/...G", "--env.slip", "0.1"]
    solved = named_next(say("solve", "maze", *walls, "--discount", "0.8").out)
    learned = ["run", "maze", *walls, "--agent", "q-learning", "--agent.discount", "0.8"]
    assert solved == [learned, ["play", "maze", *walls]]
    lake = named_next(say("solve", "FrozenLake-v1", "--env.map_name=8x8").out)
    learned = [
        "run",
        "gym",
        "--env",
        "FrozenLake-v1",
        "--env.map_name=8x8",
        "--agent",
        "q-learning",
    ]
    assert lake == [[*learned, "--agent.discount", "0.9"]]  # of `solve`; the lab's own is 0.99


def test_a_command_that_is_named_says_in_which_store_its_run_is(say, store, tmp_path):
    elsewhere = tmp_path / "another store"
    said = say("run", "maze", "--preset", "quick", "--render", "none", "--store", elsewhere)
    proposed = named_next(said.out)
    assert proposed and all(words[-2:] == ["--store", str(elsewhere)] for words in proposed)
    assert (
        say(
            *next(
                words
                for words in proposed
                if (words[0] == "show" and "--open" not in words) or words[0] == "watch"
            )
        ).code
        == 0
    )


@EXAMPLES
def test_an_example_is_short_and_the_commands_of_its_page_run_in_order(in_process, laid_out, page):
    plugin = laid_out(page)
    longest = 40 if page.stem in FIRST else 75
    assert len(plugin.read_text(encoding="utf-8").splitlines()) < longest
    first, *others = [shlex.split(line)[3:] for line in commands_of(page)]
    assert first[0] == "run" and first[first.index("-p") + 1] == plugin.name
    said = in_process(*first, "--json", cwd=plugin.parent, PYTHONPATH=str(ROOT))
    assert said.code == 0, said.err
    assert said.document["status"] == "finished" and said.document["summary"]
    assert not said.document.get("warnings")
    for words in others:
        said = in_process(*words, cwd=plugin.parent, PYTHONPATH=str(ROOT))
        assert said.code == 0, f"{shlex.join(words)}: {said.err}"


def test_the_command_that_is_named_next_can_be_typed_as_it_stands(in_process, laid_out):
    """The agent of a file given with -p is needed again to watch it."""
    folder = laid_out(ROOT / "docs" / "write" / "agent.md").parent
    words = [
        "run",
        "maze",
        "-p",
        "gap.py",
        "--agent",
        "gap",
        "--preset",
        "quick",
        "--render",
        "none",
    ]
    out = in_process(*words, cwd=folder, PYTHONPATH=str(ROOT)).out
    (line,) = re.findall(r"^(python -m sandbox watch \S+ -p gap\.py) ", out, re.MULTILINE)
    said = in_process(
        *shlex.split(line)[3:],
        "--render",
        "gif",
        "--final",
        "--frames",
        "3",
        cwd=folder,
        PYTHONPATH=str(ROOT),
    )
    assert said.code == 0, said.err


def test_the_rule_on_the_page_of_agents_is_expected_sarsa(laid_out, monkeypatch):
    from agents.tabular.rules.one_step import ExpectedSarsa
    from envs.grid import MazeEnv

    def learned():
        model, rng = MazeEnv().model, np.random.default_rng(0)
        agent = ExpectedSarsa(ExpectedSarsa.Config(), 100, 5, rng, episodes=20)
        agent.learn_model(model, np.random.default_rng(1), 20)
        return agent.q

    known = learned()
    laid_out(ROOT / "docs" / "write" / "agent.md")
    monkeypatch.setattr(
        ExpectedSarsa, "rule", staticmethod(importlib.import_module("expected").rule)
    )
    np.testing.assert_allclose(learned(), known)


@EXAMPLES
def test_an_example_passes_the_test_on_its_page(laid_out, store, page):
    plugin = laid_out(page)
    assert CHECKS[page.stem] in plugin.with_name(f"test_{plugin.name}").read_text(encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(plugin.parent),
        ],
        **{
            "cwd": plugin.parent,
            "env": {**os.environ, "PYTHONPATH": str(ROOT)},
            "capture_output": True,
            "text": True,
        },
        timeout=300,
        check=False,
    )
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("page", "number", "text"),
    marked(CODE, in_extra),
    ids=[f"{page.name}-{number}" for page, number, _ in CODE],
)
def test_a_code_block_runs(finished, laid_out, page, number, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if page in WRITE:
        laid_out(page)
    names: dict[str, object] = {"__name__": "__docs__"}
    try:
        exec(compile(text, f"{page.name}, block {number}", "exec"), names)
    except SandboxError as error:
        if "which is not installed: python -m pip install" not in str(error):
            raise
        pytest.skip(str(error))
    assert len(names) > 2


def test_the_readme_opens_with_two_commands_that_need_only_pip():
    commands = re.findall(
        r"^python -m pip install .*$", PAGES[0].read_text(encoding="utf-8"), re.MULTILINE
    )
    assert commands == [
        "python -m pip install . && python -m sandbox run maze --agent sarsa",
        'python -m pip install ".[test]" && python -m pytest -n auto',
    ]
    assert len(PAGES[0].read_text(encoding="utf-8").splitlines()) < 80  # two screens


def test_the_page_of_commands_is_what_the_program_says():
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "make_command_line.py"), "-"],
        **{
            "cwd": ROOT,
            "env": {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
            "capture_output": True,
        },
        check=True,
    )
    page = (ROOT / "docs" / "command_line.md").read_text(encoding="utf-8")
    assert page.splitlines() == done.stdout.decode().splitlines(), (
        "python docs/make_command_line.py writes it anew"
    )


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert target.startswith("http") or (page.parent / target).exists(), (
                f"{page.name}: {target}"
            )
