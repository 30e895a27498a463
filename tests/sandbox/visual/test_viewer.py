"""A run in a window: what a person sees of it, on SDL's driver that draws into nothing."""

from __future__ import annotations

import pytest

from sandbox.runs import api
from sandbox.runs.loop import Settings
from sandbox.store import Store
from sandbox.visual.viewer import Viewer
from sandbox.visual.window import load_pygame

pygame = load_pygame()


@pytest.fixture(autouse=True)
def dummy(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setattr("plugins.gym.lab.GymLab.fps", 1e6)
    monkeypatch.setattr("agents.control.lab.ControlLab.fps", 1e6)
    yield
    pygame.display.quit()  # environments of Gymnasium start it


def watched(store, lab, viewer=None, **options):
    settings = Settings(pictures=False, viewer=viewer or Viewer())
    return api.start(api.Request(lab, "default", [options]), Store(store), settings)


@pytest.mark.parametrize(
    ("env", "options"),
    [("FrozenLake-v1", {}), ("CartPole-v1", {"discretiser": {"cuts": "quantile", "bins": (3,)}})],
)
def test_the_window_stays_open_while_gymnasium_closes_its_environments(tmp_path, env, options):
    """Their `close` calls `pygame.quit()`."""
    run = watched(tmp_path, "gym", env={"name": env}, episodes=60, **options)
    assert run.status == "finished" and run.record.warnings == []
    assert pygame.display.get_surface() is None
