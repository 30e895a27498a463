"""What a run uses of plugins belongs to its sources: also an environment that a plugin registers
with Gymnasium, as docs/write/environment.md says."""

from __future__ import annotations

import zipfile

import pytest

from tests.conftest import TOYS

COIN = """
import gymnasium
from sandbox import hookimpl


@hookimpl
def sandbox_register(registry):
    gymnasium.register("coin/Coin-v0", entry_point="coin:Coin", max_episode_steps=9)


class Coin(gymnasium.Env):
    observation_space = action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return 0, {}

    def step(self, action):
        return 1, 1.0, bool(self.np_random.random() < 0.5), False, {}
"""
RUN = ["gym", "--env", "coin/Coin-v0", "--episodes", "60", "--no-pictures"]


@pytest.fixture
def coin(tmp_path):
    path = tmp_path / "coin.py"
    path.write_text(COIN)
    return path


def edit(path):
    path.write_text(path.read_text().replace("1, 1.0", "1, -1.0"))


def test_a_run_is_not_resumed_in_an_environment_that_was_edited(in_process, coin):
    stopped = ["run", *RUN, "--render", "none", "--max-time", "0"]
    assert in_process(*stopped, "-p", coin).code == 0
    edit(coin)
    said = in_process("resume", "last", "-p", coin)
    assert said.code == 2 and "the sources of the sandbox or of the plugin" in said.err


def test_a_comparison_reuses_no_run_of_an_environment_that_was_edited(in_process, coin):
    compare = ["compare", *RUN[:-1], "--agents", "q-learning", "sarsa", "--seeds", "1"]
    assert "2 runs to make" in in_process(*compare, "-p", coin).err
    assert "All 2 runs are there already" in in_process(*compare, "-p", coin).err
    edit(coin)
    assert "2 runs to make" in in_process(*compare, "-p", coin).err


def test_an_archive_has_the_file_of_its_environment(in_process, coin, tmp_path):
    assert in_process("run", *RUN, "--render", "none", "-p", coin).code == 0
    said = in_process("export", "last", "--output", tmp_path / "a.zip", "-p", coin)
    assert said.code == 0, said.err
    with zipfile.ZipFile(tmp_path / "a.zip") as file:
        assert any(name.endswith("/plugin/coin.py") for name in file.namelist())


def test_an_environment_of_a_script_has_no_file_that_could_change(store):
    import gymnasium

    from sandbox import run

    names = {"__name__": "__main__"}
    exec(COIN, names)
    gymnasium.register("script/Coin-v0", entry_point=names["Coin"], max_episode_steps=9)
    try:
        made = run("gym", env={"name": "script/Coin-v0"}, episodes=9, pictures=False)
        assert made.record.sources
    finally:
        del gymnasium.registry["script/Coin-v0"]


@pytest.mark.parametrize("what", ["lab", "agent", "environment"])
def test_a_run_whose_plugin_is_not_loaded_is_shown_and_says_which_it_was(
    in_process, coin, tmp_path, what
):
    agent = tmp_path / "calm.py"
    register = '    registry.agent("calm", "agents.tabular.rules.one_step:QLearning")\n'
    agent.write_text(COIN.split("    gymnasium")[0] + register)
    plugin, words = {
        "lab": (TOYS / "walk.py", ["walk", "--steps", "5", "--no-pictures"]),
        "agent": (agent, ["maze", "--agent", "calm", "--episodes", "5", "--no-pictures"]),
        "environment": (coin, RUN),
    }[what]
    assert in_process("run", *words, "--render", "none", "-p", plugin).code == 0
    for command in (["show"], ["resume", "--no-pictures"]):
        said = in_process(*command, "last")
        assert (said.code, "sandbox list" in said.out) == (0, True), said.err
    said = in_process("watch", "last")
    assert said.code == 2 and str(plugin) in said.err and "give its file with -p" in said.err
