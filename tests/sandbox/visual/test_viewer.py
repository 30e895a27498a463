"""A run in a window: what a person sees of it, on SDL's driver that draws into nothing."""

from __future__ import annotations

import sys

import pytest

from sandbox.runs import api
from sandbox.runs.loop import Settings
from sandbox.store import Store
from sandbox.visual.screen import load_pygame
from sandbox.visual.viewer import Viewer
from sandbox.visual.window import FASTEST, KEYS, WindowClosed

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
    run = watched(tmp_path, "gym", env={"name": env}, episodes=3, **options)
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
    run = watched(tmp_path, "maze", viewer, episodes=1)
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
    assert watched(tmp_path, "maze", viewer, episodes=1).status == "finished"
    assert pygame.display.get_surface() is None
    viewer.stay()  # returns at once


@pytest.mark.parametrize("stay", [False, True])
def test_a_run_out_of_time_closes_its_window(tmp_path, stay):
    viewer = Viewer(stay=stay)
    settings = Settings(pictures=False, viewer=viewer, max_time=0.0)
    run = api.start(api.Request("maze", "default", [{}]), Store(tmp_path), settings)
    assert run.status == "timed-out" and pygame.display.get_surface() is None
    viewer.stay()  # returns at once


def test_a_run_without_a_window_does_not_load_what_draws_in_it(say, store, monkeypatch):
    monkeypatch.setitem(sys.modules, "sandbox.visual.viewer", None)
    said = say("run", "maze", "--episodes", "1", "--no-pictures")
    assert said.code == 0, said.err


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
        def __init__(self, stay, steps):
            made.append(stay)

        def show(self, run):
            pass

        def stay(self):
            made.append("stayed")

    monkeypatch.setattr("sandbox.visual.viewer.Viewer", Seen)
    monkeypatch.setattr("sandbox.visual.screen.require_screen", lambda: None)
    monkeypatch.setattr("sandbox.cli.rendering.on_terminal", lambda: terminal)
    first = ["run", "maze", "--episodes", "20", "--no-pictures", "--max-time", "0"]
    if verb == "resume":
        assert say(*first, "--render", "none").code == 0
    said = say(
        *(first if verb == "run" else ["resume", "--no-pictures"]), "--render", "human", *words
    )
    assert said.code == 0, said.err
    assert made == [stays, "stayed"]


def test_the_curve_below_the_frames_has_all_episodes_also_of_a_resumed_run(tmp_path, monkeypatch):
    monkeypatch.setattr("sandbox.visual.window.Window.show", lambda self, frame: None)
    whole, resumed = Viewer(), Viewer()
    run = watched(tmp_path, "maze", whole, episodes=300)
    assert whole.curve.x_name == "episode" and whole.curve.y_name == "reward per step"
    assert whole.curve._optimum == pytest.approx(0.75)
    assert whole.curve.points[1].tolist() == run.metrics["learn/reward_per_step"].tolist()
    part = Settings(pictures=False, max_time=0.0)
    stopped = api.start(api.Request("maze", "default", [{"episodes": 300}]), Store(tmp_path), part)
    assert stopped.status == "timed-out"
    api.proceed(stopped.folder, Settings(pictures=False, viewer=resumed))
    assert resumed.curve.points.tolist() == whole.curve.points.tolist()


# -- learning step by step


@pytest.fixture
def hands(monkeypatch):
    """(keys to press after so many frames, the frames that were shown)."""
    todo, shown = {}, []

    def show(self, frame, steps=1):
        shown.append(frame)
        key = todo.get(len(shown))
        if key == "q":
            self.close()
            raise WindowClosed
        if key:
            self._obey(key)

    monkeypatch.setattr("sandbox.visual.window.Window.show", show)
    monkeypatch.setattr("sandbox.visual.window.Window._update_caption", lambda self: None)
    return todo, shown


def stepped(store, **options):
    """A run of which the single updates are shown, and its viewer."""
    viewer = Viewer(steps=True)
    return watched(store, "maze", viewer, **options), viewer


def essence(run):
    return run.agent.q.tobytes(), run.folder.metrics_path.read_bytes()


@pytest.mark.parametrize("leave", [None, 5])
def test_watching_steps_changes_no_byte_of_a_run(tmp_path, hands, monkeypatch, leave):
    todo, shown = hands
    monkeypatch.setattr("agents.control.lab.ControlLab.fps", 1000)
    options = {"env": {"slip": 0.1, "random_start": True}, "episodes": 30}
    plain = watched(tmp_path, "maze", Viewer(), **options)
    shown.clear()
    todo |= {leave: "f"}
    run, _ = stepped(tmp_path, **options)
    assert essence(run) == essence(plain) and run.status == "finished"
    assert len(shown) >= 5 and run.record.warnings == []


def test_a_window_closed_while_steps_are_watched_ends_the_run_which_can_be_resumed(tmp_path, hands):
    todo, _ = hands
    todo[3] = "q"
    run, _ = stepped(tmp_path, episodes=12000)
    assert run.status == "interrupted" and run.record.done_units < 12000
    todo.clear()
    resumed = api.proceed(run.folder, Settings(pictures=False))
    whole = watched(tmp_path, "maze", Viewer(), episodes=12000)
    assert essence(resumed) == essence(whole)


def test_while_paused_every_update_is_shown_and_else_one_of_many(tmp_path, hands, monkeypatch):
    todo, shown = hands
    todo |= {1: "space", 40: "f"}
    monkeypatch.setattr("agents.control.lab.ControlLab.fps", 100)  # 300 a second, 30 drawn
    stepped(tmp_path, episodes=2)
    steps = [int(frame.frame.title.split("step ")[1].split(" ")[0]) for frame in shown[:40]]
    assert steps == list(range(10, 50))


def test_at_the_first_speed_every_update_is_shown(tmp_path, hands, monkeypatch):
    todo, shown = hands
    todo[30] = "f"
    monkeypatch.setattr("agents.control.lab.ControlLab.fps", 12)
    stepped(tmp_path, episodes=1)
    steps = [int(frame.frame.title.split("step ")[1].split(" ")[0]) for frame in shown[:30]]
    assert steps == list(range(1, 31))


@pytest.mark.parametrize("ends", ["learned", "f"])
def test_after_the_steps_the_window_is_as_without_them(tmp_path, hands, monkeypatch, ends):
    """A last walk at the speed of the steps would be over at once."""
    todo, shown = hands
    todo |= dict.fromkeys(range(1, 8), "+") | {9: ends}
    monkeypatch.setattr("agents.control.lab.ControlLab.fps", 12)
    viewer = Viewer(stay=True, steps=True)
    watched(tmp_path, "maze", viewer, episodes=3)
    window = viewer.window
    assert (window.speed, window.fastest, window.key_help) == (1.0, FASTEST, KEYS)
    assert not window.commands and len(shown) > 169
    viewer.close()


def test_the_curve_grows_with_every_episode_that_is_watched(tmp_path, hands):
    run, viewer = stepped(tmp_path, episodes=3)
    assert viewer.curve.points[0].tolist() == [1, 2, 3]
    assert viewer.curve.points[1].tolist() == run.metrics["learn/reward_per_step"].tolist()


def test_an_error_in_a_frame_ends_the_watching_and_not_the_run(tmp_path, monkeypatch):
    def fail(self, frame, steps=1):
        raise ZeroDivisionError("no frame")

    monkeypatch.setattr("sandbox.visual.window.Window.show", fail)
    monkeypatch.setattr("agents.control.lab.ControlLab.fps", 10)
    monkeypatch.setattr(Viewer, "show", lambda self, run: None)
    run, _ = stepped(tmp_path, episodes=3)
    assert run.status == "finished" and "no frame" in run.record.warnings[0]


def test_an_environment_that_cannot_draw_itself_ends_the_watching_and_not_the_run(
    tmp_path, monkeypatch
):
    lake = "gymnasium.envs.toy_text.frozen_lake.FrozenLakeEnv.render"
    monkeypatch.setattr(lake, lambda self: None)
    monkeypatch.setattr("plugins.gym.lab.GymLab.fps", 10)
    monkeypatch.setattr(Viewer, "show", lambda self, run: None)
    env = {"name": "FrozenLake-v1"}
    run = watched(tmp_path, "gym", Viewer(steps=True), env=env, episodes=3)
    assert run.status == "finished" and "no longer shown" in run.record.warnings[0]


def test_what_has_no_steps_says_so_and_shows_episodes(tmp_path, hands):
    run, _ = stepped(tmp_path, episodes=2, agent={"name": "value-iteration"})
    assert run.status == "finished" and "no single steps" in run.record.warnings[0]
    assert hands[1]


@pytest.mark.parametrize("words", [[], ["--render", "gif"], ["--render", "none"]])
def test_steps_without_a_window_are_refused_with_the_remedy(say, words):
    said = say("run", "maze", "--watch", "steps", *words)
    assert said.code == 2 and "add `--render human`" in said.err


def test_a_fit_is_shown_after_every_block_and_replayed_at_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr("plugins.regression.lab.RegressionLab.fps", 1e6)
    shown = []
    show = "sandbox.visual.window.Window.show"
    monkeypatch.setattr(show, lambda self, frame: shown.append(frame.frame.status))
    viewer = Viewer(stay=True)
    run = watched(tmp_path, "regression", viewer, epochs=100, hidden="5,4")
    assert [status.split(" · ")[0] for status in shown] == [
        f"epoch {epoch}" for epoch in (20, 40, 60, 80, 100)
    ]
    shown.clear()
    viewer.window._closed = False
    monkeypatch.setattr("sandbox.visual.window.Window.wait_key", keyed("r"))
    viewer.stay()
    assert shown[0].startswith("epoch 0 ·") and shown[-1].startswith("epoch 100 ·")
    assert len(shown) == len(run.experiment.snapshots.kept) + 1


def keyed(*pressed):
    """Keys of a person who then closes the window."""
    left = list(pressed)

    def wait_key(self):
        if not left:
            raise WindowClosed
        return left.pop(0)

    return wait_key
