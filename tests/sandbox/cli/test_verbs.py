"""Commands on finished runs are commands like any other: listed, with options and help, found after
a slip."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from sandbox.cli.commands.compare import has_agents
from sandbox.config.resolve import choice_kind_of
from sandbox.registry.registry import BUILT_IN, registry
from tests.conftest import ROOT, TOYS

QUIET = ("--render", "none", "--no-pictures")
OWN = {
    "generate": ("--seed-file", "--steps", "--mode", "--temperature", "--output", "--store"),
    "predict": ("IMAGE...", "--store", "--json"),
}
HEAVY = "{'torch', 'numba', 'pygame', 'matplotlib', 'stable_baselines3', 'pretty_midi', 'symusic', 'sklearn'}"


@pytest.mark.parametrize("verb", OWN)
def test_help_lists_a_verb_and_the_verb_has_help_of_its_own(say, verb):
    (line,) = re.findall(rf"^  {verb} .*$", say("--help").out, re.MULTILINE)
    assert line.strip().endswith(registry().find("command", verb).summary)
    told = say(verb, "--help")
    assert told.code == 0 and "[REST]" not in told.out and "RUN" in told.out
    for option in OWN[verb]:
        assert option in told.out
    assert f"\n## {verb}\n" in (ROOT / "docs" / "command_line.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "words",
    [["--help"], ["generate", "--help"], ["predict", "--help"], ["compare", "--help"]],
)
def test_help_loads_nothing_heavy(words):
    code = f"import sys, sandbox.cli as c; c.main({words}); print('HEAVY', sorted({HEAVY} & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert "HEAVY []" in done.stderr


def test_help_of_all_imports_no_lab():
    code = "import sys, sandbox.cli as c; c.main(['--help']); print([name for name in sys.modules if name.endswith('.lab') and 'plugins' in name])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("generaet", "generate"), ("pedict", "predict"), ("shuot", "shout")],
)
def test_a_verb_is_proposed_after_a_slip(say, walk, typed, meant):
    assert f"No command '{typed}'. Did you mean '{meant}'?" in say(typed).err


@pytest.mark.parametrize("words", [["generate"], ["predict", "last", "digit.png"]])
def test_a_run_of_another_lab_is_refused(say, walk, words):
    say("run", "walk", *QUIET)
    said = say(*words)
    lab = {"generate": "music", "predict": "mnist"}[words[0]]
    assert said.code == 2 and f"is one of lab 'walk', not of '{lab}'" in said.err
    assert (
        f"`python -m sandbox list --lab {lab}`" in said.err and say("list", "--lab", lab).code == 0
    )


def test_an_option_that_is_none_gets_the_nearest(say):
    said = say("generate", "last", "--temprature", "1")
    assert said.code == 2 and "Did you mean '--temperature'?" in said.err


def test_the_actions_of_a_plugin_s_lab_are_verbs_with_its_words_as_they_are(say, walk):
    say("run", "walk", *QUIET)
    assert say("shout", "last", "--loud", "-3").out.strip().endswith("shouts --loud -3")
    assert "Shout." in say("shout", "--help").out


def test_a_plugin_registers_a_command_on_its_runs_with_options_of_its_own(
    say,
    walk,
    tmp_path,
    store,
):
    (tmp_path / "teller.py").write_text(
        "import click\n"
        "from sandbox import hookimpl\n"
        "from sandbox.cli.verb import of_run\n\n\n"
        "@hookimpl\n"
        "def sandbox_register(registry):\n"
        "    registry.command('tell', 'teller:tell', summary='Tell of a walk.')\n\n\n"
        "@click.command('tell')\n"
        "@of_run('walk')\n"
        "@click.option('--times', type=int, default=1, show_default=True, help='How often.')\n"
        "def tell(run, times):\n"
        "    '''Tell of RUN.'''\n"
        "    click.echo(f'{run.id} ' * times)\n"
    )
    document = say("run", "walk", "--json", *QUIET).document
    plugin = ("-p", tmp_path / "teller.py")
    assert re.search(r"^  tell +Tell of a walk\.$", say(*plugin, "--help").out, re.MULTILINE)
    assert "How often.  [default: 1]" in say(*plugin, "tell", "--help").out
    said = say(*plugin, "tell", "last", "--times", "2", "--store", store)
    assert said.out.split() == [document["run"]] * 2
    assert say(*plugin, "tell", document["folder"]).out.split() == [document["run"]]


def test_compare_lists_the_labs_that_have_agents_and_no_other(say):
    told = say("compare", "--help").out.partition("Labs:")[2]
    assert {"empty-grid", "gym", "maze"} <= set(re.findall(r"^  (\S+) ", told, re.MULTILINE))
    for lab in ("mnist", "music", "intro", "regression", "autoencoder"):
        assert lab not in told
    refused = say("compare", "mnist", "--agents", "sarsa")
    assert refused.code == 2 and "`python -m sandbox compare --help`" in refused.err


def test_what_a_built_in_lab_is_registered_to_have_it_has():
    for entry in registry().entries("lab", outside=False):
        if entry.plugin in BUILT_IN:
            assert entry.agents is (
                choice_kind_of(registry().lab(entry.name).Config, "agent") == "agent"
            ), entry.name


def test_a_lab_that_does_not_say_is_asked(walk):
    registry().add_file(TOYS / "race.py")
    race, plain = registry().find("lab", "race"), registry().find("lab", "walk")
    assert race.agents is None and has_agents(race) and not has_agents(plain)
