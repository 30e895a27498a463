"""Learning that is watched step by step: the same bytes as the compiled path, and what is shown."""

from __future__ import annotations

import re

import numpy as np
import pytest

from envs.render.snapshot import Snapshot
from plugins.gym.lab import GymLab
from sandbox.config.resolve import resolve
from sandbox.lab import Context
from sandbox.registry.registry import registry
from sandbox.seeding import Generators

WORLDS = {
    "maze": {"env": {"layout": "S..~/.#.O/...G", "slip": 0.2, "random_start": True}},
    "gym": {"env": {"name": "FrozenLake-v1"}},
    "cart": {
        "env": {"name": "CartPole-v1"},
        "discretiser": {"bins": (3,), "cuts": "quantile"},
    },
}


class Shown:
    """A view that keeps what it is shown, and stops watching after some updates."""

    def __init__(self, until: int = 10**9) -> None:
        self.watching, self.until = True, until
        self.frames: list = []
        self.ends: list[tuple[int, float]] = []

    def due(self, last: bool) -> bool:
        self.watching = self.watching and len(self.frames) < self.until
        return self.watching and len(self.frames) < 80

    def show(self, frame) -> None:
        if len(self.frames) < 3:
            frame.draw()
        self.frames.append(frame)

    def failed(self, error: Exception) -> None:
        self.watching, self.error = False, error

    def ended(self, unit: int, score: float) -> None:
        self.ends.append((unit, score))

    @property
    def lines(self) -> list[str]:
        return [frame.status.split("\n")[0] for frame in self.frames]


def learned(world: str, agent: str, view: Shown | None, episodes: int = 12, **more):
    """What was learned, in full: tables, generators and blocks."""
    lab = registry().lab("maze") if world == "maze" else GymLab()
    options = {**WORLDS[world], "agent": {"name": agent}, "episodes": episodes, **more}
    context = Context(3, Generators(3), None)
    experiment = lab.build(resolve(lab.Config, [options], "a test"), context)
    if view is not None:
        assert experiment.watch_steps("a test", view)
    blocks = []
    while not experiment.done:
        blocks += experiment.advance()
    state = {name: np.asarray(value).tobytes() for name, value in experiment.agent.state().items()}
    columns = [
        {name: np.asarray(column).tobytes() for name, column in block.columns.items()}
        for block in blocks
    ]
    return state, context.generators.state(), columns


LEARNERS = [
    entry.name
    for entry in registry().entries("agent", outside=False)
    if not entry.name.startswith("sb3-") and registry().load("agent", entry.name).learns
]


@pytest.mark.parametrize("agent", LEARNERS)
def test_every_agent_learns_the_same_bytes_watched_or_compiled(agent) -> None:
    view = Shown()
    assert learned("maze", agent, view) == learned("maze", agent, None)
    assert view.frames and len(view.ends) == 12
    assert all(re.match(r"Q\d?\(.*\) \S", line) for line in view.lines)


@pytest.mark.parametrize("world", ["gym", "cart"])
@pytest.mark.parametrize("use_model", [True, False])
def test_worlds_of_gymnasium_are_the_same_watched_or_not(world, use_model) -> None:
    view = Shown()
    watched = learned(world, "q-learning", view, use_model=use_model)
    assert watched == learned(world, "q-learning", None, use_model=use_model)
    assert len({frame.draw().shape for frame in view.frames[:20]}) == 1


@pytest.mark.parametrize("until", [1, 7, 60])
def test_one_who_stops_watching_in_the_middle_changes_nothing(until) -> None:
    view = Shown(until)
    assert learned("maze", "sarsa", view, 40) == learned("maze", "sarsa", None, 40)
    assert len(view.frames) == until and 1 <= len(view.ends) < 40


def test_a_frame_shows_the_update_its_cell_and_the_values_after_it() -> None:
    view = Shown()
    learned("maze", "q-learning", view, 3)
    for before, after in zip(view.frames, view.frames[1:], strict=False):
        assert isinstance(after, Snapshot)
        changed = np.flatnonzero(before.values != after.values)
        cells = {divmod(int(state), after.layout.columns) for state in changed}
        assert cells <= set(after.marked) and len(after.marked) <= 1
    numbers = [re.findall(r"-?\d+(?:\.\d+)?", line) for line in view.lines]
    for old, new, target, alpha in (map(float, one) for one in numbers if len(one) == 4):
        assert new == pytest.approx(old + alpha * (target - old), abs=0.01)


def test_directions_of_gymnasiums_grids_have_names() -> None:
    view = Shown()
    learned("gym", "q-learning", view)
    assert {re.search(r", (\w+)\)", line)[1] for line in view.lines} == {
        "left",
        "down",
        "right",
        "up",
    }


@pytest.mark.parametrize("agent", ["value-iteration", "policy-iteration"])
def test_planners_have_no_steps_to_watch(agent) -> None:
    lab = registry().lab("maze")
    config = resolve(lab.Config, [{"agent": {"name": agent}}], "maze")
    assert not lab.build(config, Context(0, Generators(0), None)).watch_steps("x", Shown())


def test_an_environment_that_stops_drawing_itself_changes_nothing_of_what_is_learned(monkeypatch):
    view = Shown()

    def nothing(self):
        if len(view.frames) == 5:
            raise RuntimeError("no picture")
        return np.zeros((8, 8, 3), dtype=np.uint8)

    monkeypatch.setattr("gymnasium.envs.toy_text.frozen_lake.FrozenLakeEnv.render", nothing)
    watched = learned("gym", "q-learning", view)
    assert str(view.error) == "no picture" and len(view.frames) == 5
    assert watched == learned("gym", "q-learning", None)
