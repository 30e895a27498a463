"""What stands on a screen of 80, 100 or 120 columns: tables and commands that fit, and figures
while a run works."""

from __future__ import annotations

import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from sandbox import Block
from sandbox.cli import output, progress
from sandbox.cli.commands import show
from sandbox.config.resolve import resolve
from sandbox.errors import UsageError
from sandbox.lab import Context
from sandbox.registry.registry import registry
from sandbox.seeding import Generators
from sandbox.store.artifacts import Artifacts
from tests.conftest import marked, needs_extra

LABS = [entry.name for entry in registry().entries("lab", outside=False)]
FIGURE = r"-?[\d._]+(?:e-?\d+)?"


@pytest.fixture
def screen(monkeypatch):
    """Makes standard output a screen with so many columns: screen(80)."""

    def of(columns):
        for module in (output, show):
            monkeypatch.setattr(module, "width", lambda: columns)
        return columns

    return of


@pytest.fixture(params=[80, 100, 120])
def columns(request, screen):
    return screen(request.param)


def test_a_table_fits_and_breaks_at_spaces_alone(columns, capsys):
    numbers = ["1.2345e15", "166992", "3_360_000"]
    rows = [
        [
            "20261126-021952-q-learning-1c00315e",
            "a result of many words that has to give way " * 2,
            one,
        ]
        for one in numbers
    ]
    output.table(["run", "what came out", "steps"], rows, right=["steps"])
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= columns
    assert set(numbers) <= set(shown.split()) and shown.count("q-learning-1c00315e") == 3


def test_a_table_gives_up_its_spare_columns_first(screen, capsys):
    screen(60)
    output.table(
        ["run", "agent", "result"], [["r" * 40, "q-learning", "score 0.75"]], spare=["agent"]
    )
    output.table(
        ["run", "agent", "result"], [["r" * 20, "q-learning", "score 0.75"]], spare=["agent"]
    )
    narrow, wide = capsys.readouterr().out.split("run ")[1:]
    assert "agent" not in narrow and "q-learning" not in narrow and "agent" in wide


def test_only_a_screen_has_a_width(monkeypatch, capsys):
    """Shells and GNU readline leave COLUMNS behind for the programs that they start, also where
    their output goes into a pipe."""
    monkeypatch.setenv("COLUMNS", "90")
    assert output.width() is None
    output.table(["run", "result"], [["one", "word " * 60]])
    output.paragraph("word " * 60)
    assert max(map(len, capsys.readouterr().out.splitlines())) > 250
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: True))
    assert output.width() == 90


def test_a_command_stays_on_its_line_so_that_it_can_be_copied(columns, capsys):
    command = "run maze --config runs/sweeps/20261126-021941-maze-d771/best.json --agent.alpha 0.25"
    output.next_commands((command.split(), "the best configuration"), (["list"], "all runs"))
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith(f"python -m sandbox {command}") for line in lines)
    assert all(len(line) <= columns for line in lines if not line.startswith("python"))


@pytest.mark.parametrize("words", [["intro"], ["maze", "--preset", "quick", "--seeds", 20]])
def test_a_run_and_what_is_shown_of_it_fit(words, columns, say):
    ran = say("run", *words, "--render", "none", "--no-pictures")
    shown, listed, checked = say("show"), say("list"), say("verify")
    for said in (ran, shown, listed, checked):
        assert said.code == 0
        lines = [
            line for line in said.out.splitlines() if "python -m" not in line and "runs" not in line
        ]
        assert lines and max(map(len, lines)) <= columns, max(lines, key=len)
    assert (
        not re.search(r"\bnone\b", ran.out.split("python -m")[0])
        and "1 checkpoints" not in checked.out
    )
    assert not re.search(
        "[\N{NARROW NO-BREAK SPACE}\N{NO-BREAK SPACE}]", ran.out + ran.err + shown.out + listed.out
    )


COMMANDS = [
    ["sweep", "intro", "--preset", "quick", "--random", 3],
    ["solve", "FrozenLake-v1", "--epsilon", 0.1],
    ["play", "maze", "--moves", "wwww"],
    ["plugins"],
    ["list", "agents"],
    ["list", "datasets"],
]


@pytest.mark.parametrize(
    "words",
    marked(COMMANDS, lambda words: "--random" in words),
    ids=[" ".join(map(str, words[:2])) for words in COMMANDS],
)
def test_what_other_commands_say_fits(words, columns, say):
    if "--random" in words:
        pytest.importorskip("optuna")
    said = say(*words)
    lines = [
        line
        for line in said.out.splitlines()
        if not line.startswith("python -m") and " " in line.strip()
    ]  # paths are whole
    assert said.code == 0 and len(lines) > 3 and max(map(len, lines)) <= columns, max(
        lines, key=len
    )
    assert not re.search(r"\d[ ,\N{NARROW NO-BREAK SPACE}\N{NO-BREAK SPACE}]\d{3}\b", said.out)


def test_many_seeds_are_said_to_be_many(say):
    ran = say(
        "run",
        "maze",
        "--preset",
        "quick",
        "--seed",
        3,
        "--seeds",
        5,
        "--render",
        "none",
        "--no-pictures",
    )
    assert ran.out.startswith("maze · sarsa · seeds 3 to 7 · finished")
    assert (
        say("show").out.startswith("maze · sarsa · seeds 3 to 7 · ")
        and " 3 to 7 " in say("list").out
    )


def test_large_and_tiny_scores_are_readable(say):
    out = say("run", "intro").out
    assert re.search(r"extrapolation mse +3\.7552e15$", out, re.MULTILINE)
    assert re.search(r"descent above minimum +0$", out, re.MULTILINE)


def test_a_figure_that_there_is_not_is_left_out(say):
    out = say("run", "regression", "--preset", "quick", "--epochs", 2, "--no-pictures").out
    assert "best epoch" not in out and re.search(r"stopped early +no$", out, re.MULTILINE)


# -- while a run works


def shown_of(experiment, blocks, capsys):
    """What the progress line said of some blocks."""
    observer = progress.RunProgress()
    run = SimpleNamespace(
        experiment=experiment, record=SimpleNamespace(unit=experiment.unit, limit=None)
    )
    for block in blocks:
        observer.block(run, block)
    return capsys.readouterr().err.splitlines()


def test_a_progress_line_leaves_out_what_does_not_fit_rather_than_half_a_number():
    parts = ["reward per step mean 0.75", "reward per step low 0.25", "reward per step high 1.25"]
    assert output.fitting(parts, "  ", 60) == "  ".join(parts[:2]) and output.fitting(
        parts, "  ", 200
    ) == "  ".join(parts)
    assert output.fitting(parts, "  ", 3) == parts[0]


@pytest.mark.parametrize("name", marked(LABS))
def test_every_lab_shows_figures_while_it_learns(name, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    if needs_extra(name):
        pytest.importorskip("torch")
    lab = registry().lab(name)
    config = resolve(lab.Config, [lab.presets["quick"]], name)
    try:
        experiment = lab.build(config, Context(0, Generators(0), Artifacts(tmp_path)))
    except UsageError as error:
        pytest.skip(str(error))
    wanted, blocks = {one.replace("_", " ") for one in experiment.headline}, []
    lines: list[str] = []
    while not experiment.done and not any(
        all(f"{one} " in line for one in wanted) for line in lines
    ):
        blocks += experiment.advance()
        lines = shown_of(experiment, blocks, capsys)
    assert wanted
    for one in wanted:
        assert re.search(rf"  {re.escape(one)} {FIGURE}(  |$)", lines[-1]), lines[-1]


def test_a_figure_of_a_rare_stream_is_not_lost_between_two_lines(capsys, monkeypatch):
    clock = iter([0.0, 10.0, 10.1, 20.0])
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    experiment = SimpleNamespace(unit="epoch", headline=("loss", "nll"), done_units=1)
    observer = progress.RunProgress()
    observer._shown = next(clock)
    run = SimpleNamespace(experiment=experiment, record=SimpleNamespace(unit="epoch", limit=3))
    for block in (
        Block("learn", {"loss": [0.5]}),
        Block("validate", {"nll": [9.25]}),
        Block("learn", {"loss": [0.25]}),
    ):
        observer.block(run, block)
    assert capsys.readouterr().err.splitlines() == [
        "epoch 1 of 3  loss 0.5",
        "epoch 1 of 3  loss 0.25  nll 9.25",
    ]


def test_a_figure_of_an_earlier_epoch_is_awaited_for_a_block_and_says_which_epoch(
    capsys, monkeypatch
):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    experiment = SimpleNamespace(unit="epoch", headline=("loss", "nll"), done_units=4)
    blocks = [
        Block("learn", {"epoch": [1], "loss": [0.5]}),
        Block("validate", {"epoch": [1], "nll": [9.25]}),
        Block("learn", {"epoch": [2], "loss": [0.25]}),
        Block("validate", {"epoch": [2], "nll": [8.5]}),
        Block("learn", {"epoch": [3], "loss": [0.125]}),
        Block("learn", {"epoch": [4], "loss": [0.0625]}),
    ]
    assert [line.partition("  ")[2] for line in shown_of(experiment, blocks, capsys)] == [
        "loss 0.5",
        "loss 0.5  nll 9.25",
        "loss 0.25  nll 8.5",
        "loss 0.0625  nll 8.5 (epoch 2)",
    ]


def test_without_a_headline_the_first_figures_of_a_block_are_shown(capsys, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    experiment = SimpleNamespace(unit="env step", headline=None, done_units=2)
    columns = {
        "env_steps": [1, 2],
        "word": ["a", "b"],
        "score": [1.0, np.nan],
        "empty": [np.nan, np.nan],
        "third": [3, 3],
    }
    assert shown_of(experiment, [Block("learn", columns)], capsys) == [
        "env step 2  score 1  empty –"
    ]
