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


def keys(monkeypatch, *pressed):
    """Presses keys while a window waits for one; returns what it showed."""
    shown, left = [], list(pressed)

    def events(self, seconds):
        shown.append(self.note)
        if not left:
            raise AssertionError("the window waits although nobody is there")
        key = left.pop(0)
        if key == "q":
            self._leave()
        return [key]

    monkeypatch.setattr("sandbox.visual.window.Window._keys", events)
    return shown


def test_with_stay_the_last_walk_can_be_seen_again_and_pictures_are_kept(tmp_path, monkeypatch):
    viewer = Viewer(stay=True)
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    run = watched(tmp_path, "maze", viewer, episodes=100)
    assert pygame.display.get_surface() is not None and run.status == "finished"
    walked = []
    monkeypatch.setattr("sandbox.visual.window.Window.show", lambda self, _: walked.append(1))
    notes = keys(monkeypatch, "r", "s", "q")
    viewer.stay()
    assert pygame.display.get_surface() is None
    assert set(notes) == {"finished · r: again"} and len(walked) == 169
    assert [one.name for one in run.folder.read().artifacts if one.name.endswith("-001.png")]


def test_without_stay_the_window_closes_by_itself(tmp_path):
    viewer = Viewer()
    assert watched(tmp_path, "maze", viewer, episodes=100).status == "finished"
    assert pygame.display.get_surface() is None
    viewer.stay()  # returns at once


@pytest.mark.parametrize(
    ("terminal", "words", "stays"),
    [
        (True, [], True),
        (False, [], False),
        (False, ["--stay"], True),
        (True, ["--no-stay"], False),
    ],
)
@pytest.mark.parametrize("verb", ["run", "resume"])
def test_a_window_stays_on_a_terminal_or_on_request(
    say, store, monkeypatch, terminal, words, stays, verb
):
    made = []

    class Seen(Viewer):
        def __init__(self, stay):
            made.append(stay)

        def show(self, run):
            pass

        def stay(self):
            made.append("stayed")

    monkeypatch.setattr("sandbox.visual.viewer.Viewer", Seen)
    monkeypatch.setattr("sandbox.visual.window.require_screen", lambda: None)
    monkeypatch.setattr("sandbox.cli.rendering.on_terminal", lambda: terminal)
    first = ["run", "maze", "--episodes", "20", "--no-pictures", "--max-time", "0"]
    if verb == "resume":
        assert say(*first, "--render", "none").code == 0
    said = say(*(first if verb == "run" else ["resume"]), "--render", "human", *words)
    assert said.code == 0, said.err
    assert made == [stays, "stayed"]


def test_the_curve_below_the_frames_has_all_episodes_also_of_a_resumed_run(tmp_path):
    class Drawn(Viewer):
        def _with_curve(self, run, frame):
            curves.append(super()._with_curve(run, frame).curve)
            return frame

    curves = []
    run = watched(tmp_path, "maze", Drawn(), episodes=300)
    assert curves[-1].optimum == pytest.approx(0.75)
    assert curves[-1].names == ("episode", "reward per step")
    assert curves[-1].y.tolist() == run.metrics["learn/reward_per_step"].tolist()
    part = Settings(pictures=False, max_time=0.0)
    stopped = api.start(api.Request("maze", "default", [{"episodes": 300}]), Store(tmp_path), part)
    assert stopped.status == "timed-out"
    api.proceed(stopped.folder, Settings(pictures=False, viewer=Drawn()))
    assert curves[-1].x.tolist() == list(range(1, 301))
