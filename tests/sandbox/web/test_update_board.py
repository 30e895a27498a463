"""Runs of Gymnasium's environments learn again on their page, update by update."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from envs.render.overlay import RenderedFrame
from sandbox import run
from sandbox.errors import UsageError
from tests.sandbox.web.test_boards import switch
from tests.sandbox.web.test_lab_parts import elements, opened, pixels, until
from tests.sandbox.web.test_pages import _needs_nicegui, visit  # noqa: F401 - fixtures

pytestmark = pytest.mark.extras

WORLDS = {
    "lake": {"env": {"name": "FrozenLake-v1"}},
    "stepped lake": {"env": {"name": "FrozenLake-v1"}, "use_model": False},
    "taxi": {"env": {"name": "Taxi-v4", "max_episode_steps": 20}},
    "cart": {"env": {"name": "CartPole-v1"}, "discretiser": {"bins": (3,), "cuts": "quantile"}},
}


def learned(world, episodes=3, **config):
    return run("gym", episodes=episodes, seed=5, pictures=False, **{**WORLDS[world], **config})


@pytest.fixture
def boards(monkeypatch):
    """The boards that are opened meanwhile."""
    from agents.pages.update_board import UpdateBoard

    made, start = [], UpdateBoard.__init__
    monkeypatch.setattr(
        UpdateBoard, "__init__", lambda self, part: (made.append(self), start(self, part))[1]
    )
    return made


def words(board):
    """The lines below the picture."""
    return board._now.frame.status


def press(user, key):
    """A key is pressed on the page."""
    event = {"action": "keydown", "altKey": False, "ctrlKey": False, "shiftKey": False,
             "metaKey": False, "repeat": False, "location": 0, "key": key, "code": f"Key{key.upper()}"}  # fmt: skip
    from nicegui import ui

    keyboard = elements(user, ui.keyboard)[0]
    (listener,) = keyboard._event_listeners.values()
    keyboard._handle_event({"listener_id": listener.id, "args": event})


@pytest.mark.parametrize("world", ["lake", "cart"])
def test_a_run_is_learned_again_over_the_picture_of_its_environment(visit, store, boards, world):  # noqa: F811
    made = learned(world)
    before = {path: path.read_bytes() for path in made.path.rglob("*") if path.is_file()}
    steps = list(map(int, made.metrics["length"]))
    assert steps[0] > 3

    async def scenario(user, service):
        image = await opened(user, made)
        await until(lambda: image.source)
        (board,) = boards
        seen = [words(board)]  # the first update is there without a click
        for ask in (lambda: user.find("Update").click(), lambda: press(user, "n")):
            was = board._now
            ask()
            await until(lambda was=was: board._now is not was)
            seen.append(words(board))
        for number, text in enumerate(seen, 1):
            line, status = text.split("\n")
            assert line.startswith("Q(s, ") and status.startswith(f"episode 1 · step {number} · ε ")
        for number, ask in enumerate(
            (lambda: user.find("Episode").click(), lambda: press(user, "e"))
        ):
            was = board._now
            ask()
            await until(lambda was=was: board._now is not was)
            assert f"\nepisode {number + 1} · step {steps[number]} · " in words(board)
        user.find("Episode").click()
        await until(lambda: f"episode 3 · step {steps[2]} · " in words(board))
        q = board._replay.experiment.agent.q
        assert np.array_equal(q, made.experiment.agent.q)  # to the last bit
        await until(lambda: np.array_equal(pixels(image.source), board._now.draw()))
        user.find("Episode").click()
        await user.should_see("All is learned")

    visit(scenario)
    after = {path: path.read_bytes() for path in made.path.rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.parametrize("world", WORLDS)
def test_updates_are_drawn_later_as_they_were_at_their_time(store, world):
    from agents.pages.update_replay import CompressedFrame, UpdateReplay

    made = learned(world)
    at_once = []

    class Drawn:
        watching = True

        def due(self, last):
            return True

        def show(self, frame):
            assert isinstance(frame, RenderedFrame)
            at_once.append((frame.draw(), frame.draw(frozenset({"values"}))))

        def ended(self, unit, score):
            pass

    experiment = made.fresh().experiment
    assert experiment.watch_steps("gym", Drawn())
    experiment.world.learn(experiment.agent, 1)
    again = UpdateReplay(made)
    moments = [again.next(False) for _ in at_once]
    assert len(moments) > 3
    for (plain, hidden), (frame, _) in zip(at_once, moments, strict=True):
        assert isinstance(frame, CompressedFrame)
        assert np.array_equal(frame.draw(), plain)
        assert np.array_equal(frame.draw(frozenset({"values"})), hidden)
    assert any((one != other).any() for one, other in at_once)
    ends = [
        next((word for word in ("terminated", "truncated") if word in frame.frame.status), "")
        for frame, _ in moments
    ]
    end = "truncated" if world == "taxi" else "terminated"
    assert ends == [""] * (len(ends) - 1) + [end]
    for _ in range(2):
        _, q = again.next(True)
    assert np.array_equal(q, made.experiment.agent.q)
    with pytest.raises(UsageError, match="All is learned"):
        again.next(False)


def test_pictures_take_a_part_of_the_room_that_updates_have(monkeypatch, store):
    from agents.pages import update_replay

    made = learned("cart", 1)
    steps = int(made.metrics["length"][0])
    sizes = [len(one.compressed) // 8 + q.size for one, q in moments(made, steps)]
    assert all(8 * size < 600 * 400 * 3 / 20 for size in sizes) and steps > 3
    monkeypatch.setattr(update_replay, "MOST_NUMBERS", sum(sizes[:2]))
    shown = [one.frame.status.split("\n")[1].split(" · ")[1] for one, _ in moments(made, 3)]
    assert shown == ["step 1", "step 2", f"step {steps}"]


def moments(made, count):
    from agents.pages.update_replay import UpdateReplay

    again = UpdateReplay(made)
    return [again.next(False) for _ in range(count)]


def test_of_a_whole_episode_only_the_last_update_is_drawn(monkeypatch, store):
    from agents.control import steps

    made, drawn = learned("lake"), []
    render = steps.pixels_of_env
    monkeypatch.setattr(steps, "pixels_of_env", lambda env: (drawn.append(env), render(env))[1])
    from agents.pages.update_replay import UpdateReplay

    again = UpdateReplay(made)
    for number in (1, 2):
        again.next(True)
        assert len(drawn) == number
    again.next(False)
    assert len(drawn) == 2 + int(made.metrics["length"][2])


def test_values_are_hidden_and_the_player_takes_nothing_away(visit, store, boards):  # noqa: F811
    """The player closes its environment, and with it everything that pygame holds."""
    made = learned("lake")

    async def scenario(user, service):
        image = await opened(user, made)
        await until(lambda: image.source)
        first, (board,) = pixels(image.source), boards
        switch(user, "values")[0].set_value(False)
        await until(lambda: (pixels(image.source) != first).any())
        assert np.array_equal(pixels(image.source), board._now.draw(frozenset({"values"})))
        user.find("Watch").click()
        await user.should_see("Play, pause", retries=900)
        was = board._now
        user.find("Update").click()
        await until(lambda: board._now is not was)
        await until(
            lambda: np.array_equal(pixels(image.source), board._now.draw(frozenset({"values"})))
        )

    visit(scenario)


@pytest.mark.parametrize(
    "config",
    [
        {"agent": "value-iteration"},
        {"seeds": 2},
        {"agent": "sb3-dqn", "env_steps": 64, "episodes": None},
    ],
    ids=["a planner", "many seeds", "a network"],
)
def test_what_has_no_updates_says_so(visit, store, boards, config):  # noqa: F811
    if config.get("agent", "").startswith("sb3"):
        pytest.importorskip("stable_baselines3")
    made = learned("lake", **config)

    async def scenario(user, service):
        image = await opened(user, made)
        await user.should_see("there are no updates to show", retries=900)
        await asyncio.sleep(0.2)
        await user.should_not_see("Update")
        await user.should_not_see("Learn again from the beginning")
        await user.should_not_see("arrows")
        assert not image.source and boards[0]._now is None

    visit(scenario)


def test_the_server_opens_no_window(monkeypatch, store):
    """Neither does what it starts: drawing goes into nothing, unless another driver was chosen."""
    import os
    import socket

    from sandbox.store.store import Store
    from sandbox.web.server import serve

    for chosen, expected in ((None, "dummy"), ("x11", "x11")):
        monkeypatch.setenv("SDL_VIDEODRIVER", chosen or "")
        if not chosen:
            monkeypatch.delenv("SDL_VIDEODRIVER")
        with socket.create_server(("127.0.0.1", 0)) as busy, pytest.raises(UsageError, match="use"):
            port = busy.getsockname()[1]
            serve(Store(store), "127.0.0.1", port, browser=False, tell=lambda address: None)
        assert os.environ["SDL_VIDEODRIVER"] == expected
