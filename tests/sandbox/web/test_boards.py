"""Boards and players of a run's page: they follow a run, hide layers, and learn it again."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest

from sandbox import load, run
from sandbox.errors import CheckpointError, UsageError
from sandbox.lab import Lab
from sandbox.store.store import Store
from tests.conftest import ROOT, command
from tests.sandbox.web.conftest import until
from tests.sandbox.web.test_lab_parts import elements, opened, pixels
from tests.sandbox.web.test_lab_parts import until as meanwhile
from tests.sandbox.web.test_pages import _needs_nicegui, visit  # noqa: F401 - fixtures

pytestmark = pytest.mark.extras


@pytest.fixture
def boards(monkeypatch):
    """The boards that are opened meanwhile."""
    pytest.importorskip("nicegui")
    from agents.pages import grid

    made, start = [], grid.GridBoard.__init__
    monkeypatch.setattr(
        grid.GridBoard, "__init__", lambda self, part: (made.append(self), start(self, part))[1]
    )
    return made


def switch(user, text):
    from nicegui import ui

    return [one for one in elements(user, ui.switch) if one.text.startswith(text)]


def test_a_run_is_learned_again_update_by_update(visit, store, boards):  # noqa: F811
    made = run("maze", episodes=3, seed=5, pictures=False)
    before = {path: path.read_bytes() for path in made.path.rglob("*") if path.is_file()}
    steps = list(map(int, made.metrics["length"]))

    async def scenario(user, service):
        image = await opened(user, made)
        await meanwhile(lambda: image.source)
        (board,) = boards
        seen = []
        for _ in range(3):
            was = board._now
            user.find("Update").click()
            await meanwhile(lambda was=was: board._now is not was)
            seen.append(board._now)
        assert [one.title.split(" · ")[2] for one in seen] == ["step 1", "step 2", "step 3"]
        assert seen[0].status.startswith("Q(s, ") and "· α 0.25" in seen[0].status
        assert list(seen[0].marked) == [made.experiment.env.layout.start]
        for episode in (1, 2, 3):
            user.find("Episode").click()
            end = f"maze · episode {episode} · step {steps[episode - 1]} · "
            await meanwhile(lambda end=end: board._now.title.startswith(end))
        assert np.array_equal(board._q, made.experiment.agent.q)  # to the last bit
        await meanwhile(lambda: np.array_equal(pixels(image.source), board._now.draw()))
        user.find("Episode").click()
        await user.should_see("All is learned")

    visit(scenario)
    after = {path: path.read_bytes() for path in made.path.rglob("*") if path.is_file()}
    assert after == before


def test_a_planner_has_no_updates_to_learn_again(visit, store):  # noqa: F811
    made = run("maze", agent="value-iteration", pictures=False)

    async def scenario(user, service):
        await opened(user, made)
        user.find("Update").click()
        await user.should_see("does not learn in single updates")

    visit(scenario)


@pytest.mark.parametrize(
    ("agent", "length"),
    [
        ("sarsa", {"env_steps": 700}),
        ("double-q-learning", {"episodes": 4}),
        ("monte-carlo", {"episodes": 4}),
        ("dyna-q", {"env_steps": 400}),
    ],
)
def test_the_replay_ends_with_the_table_of_the_run(store, agent, length):
    from agents.pages.update_replay import UpdateReplay

    made = run("maze", agent=agent, seed=2, pictures=False, **length)
    again = UpdateReplay(made)
    for _ in range(made.experiment.done_units):
        snapshot, q = again.next(True)
    assert np.array_equal(q, made.experiment.agent.q)
    assert np.array_equal(snapshot.values, q.max(axis=1))
    with pytest.raises(UsageError, match="All is learned"):
        again.next(False)


def test_a_run_without_a_checkpoint_says_whether_one_comes(store):
    made = load(run("maze", preset="quick", pictures=False).id)
    shutil.rmtree(made.folder.checkpoints)
    with pytest.raises(CheckpointError, match="sandbox resume"):
        made.experiment  # noqa: B018
    made.record.status = "running"
    with pytest.raises(CheckpointError, match="no checkpoint yet"):
        made.experiment  # noqa: B018


def test_updates_beyond_the_room_are_dropped_but_for_the_last(monkeypatch, store):
    from agents.pages import update_replay

    made = run("maze", episodes=1, pictures=False)
    q = made.experiment.agent.q
    monkeypatch.setattr(update_replay, "MOST_NUMBERS", 2 * q.size)
    again = update_replay.UpdateReplay(made)
    titles = [again.next(False)[0].title for _ in range(3)]
    steps = int(made.metrics["length"][0])
    assert steps > 3
    assert [title.split(" · ")[2] for title in titles] == ["step 1", "step 2", f"step {steps}"]


@pytest.mark.parametrize("button", ["Open", "Watch"])
def test_values_and_arrows_are_hidden(visit, store, boards, button):  # noqa: F811
    made = run("maze", preset="quick", pictures=False)

    async def scenario(user, service):
        from nicegui import ui

        if button == "Open":
            image = await opened(user, made)
        else:
            await user.open(f"/runs/maze/{made.id}")
            user.find("Watch").click()
            await user.should_see("Play, pause", retries=900)
            (image,) = elements(user, ui.image)
            user.find("Play, pause").click()
        await meanwhile(lambda: image.source)
        first = pixels(image.source)
        for name in ("values", "arrows"):
            switch(user, name)[0].set_value(False)
            await meanwhile(lambda first=first: (pixels(image.source) != first).any())
            first = pixels(image.source)
        if button == "Open":
            hidden = frozenset({"values", "policy"})
            assert np.array_equal(first, boards[0]._now.draw(hidden))
        user.find(button).click()  # again: what is hidden stays so
        await asyncio.sleep(1.0)
        (image,) = elements(user, ui.interactive_image if button == "Open" else ui.image)
        await meanwhile(lambda: image.source)
        assert [switch(user, name)[0].value for name in ("values", "arrows")] == [False, False]
        if button == "Open":
            assert np.array_equal(pixels(image.source), boards[1]._now.draw(hidden))

    visit(scenario)
    assert Lab.layers == {}


def test_the_board_and_the_player_follow_a_run(visit, store, boards):  # noqa: F811
    words = ["maze", "--episodes", "3e7", "--checkpoint-every", 0.2, "--render", "none"]
    process = subprocess.Popen(
        command("run", *words, "--store", store),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    )
    try:
        (folder,) = until(lambda: list(Store(store).folders()))

        async def scenario(user, service):
            from nicegui import ui

            image = await opened(user, SimpleNamespace(record=folder.read(), id=folder.id))
            (board,) = boards
            await meanwhile(lambda: image.source)
            assert len(switch(user, "follow")) == 1
            first, title = image.source, board._now.title
            await meanwhile(lambda: board._now.title != title and image.source != first)
            user.find("Watch").click()
            await user.should_see("Play, pause", retries=900)
            assert len(switch(user, "follow")) == 2
            (player,) = (one for one in elements(user, ui.slider) if "moment" in str(one.props))
            player.set_value(player.props["max"])
            user.find("Watch").click()  # again, from the first frame
            await meanwhile(lambda: 0 < player.value < player.props["max"] / 2)
            assert all(one.value for one in switch(user, "follow"))
            board._slider.set_value(1)
            await meanwhile(lambda: not board._follow.value)
            chosen = board._now.title
            assert chosen == f"episode {board._part.run.experiment.snapshots[1].episode}"
            shown, most = player.value, player.props["max"]
            await meanwhile(lambda: player.props["max"] != most)  # it grows
            assert board._now.title == chosen and shown <= player.value
            board._follow.set_value(True)
            await meanwhile(lambda: board._now.title != chosen)
            process.terminate()
            process.wait()
            await meanwhile(lambda: not board._follow.visible)
            done = folder.read().done_units
            await meanwhile(lambda: board._now.title == f"episode {done}")

        visit(scenario)
    finally:
        process.kill()
        process.wait()


def test_the_newest_frame_is_drawn_anew_where_no_frame_is_added(visit, store, monkeypatch):  # noqa: F811
    from sandbox.web.parts import cards

    made = run("regression", preset="quick", pictures=False)
    known = [
        SimpleNamespace(draw=lambda hidden, grey=grey: np.full((8, 8), grey, np.uint8))
        for grey in (10, 200)
    ]
    players, start = [], cards.Player.__init__
    monkeypatch.setattr(
        cards.Player, "__init__", lambda self, part: (players.append(self), start(self, part))[1]
    )
    monkeypatch.setattr(cards, "thinned", lambda frames: [known[0]])

    async def scenario(user, service):
        from nicegui import ui

        await user.open(f"/runs/regression/{made.id}")
        user.find("Watch").click()
        await user.should_see("Play, pause", retries=900)
        (image,) = elements(user, ui.image)
        await meanwhile(lambda: image.source and (pixels(image.source) == 10).all())
        monkeypatch.setattr(cards, "thinned", lambda frames: [known[1]])
        await players[0]._grow()
        assert (pixels(image.source) == 200).all()

    visit(scenario)


def test_a_long_animation_is_thinned_to_its_whole_length():
    pytest.importorskip("nicegui")
    from sandbox.web.parts.cards import thinned

    assert thinned(iter(())) == []
    assert thinned(range(7), 8) == list(range(7))
    for count in (8, 9, 63, 100):
        kept = thinned(range(count), 8)
        assert kept[0] == 0 and kept[-1] == count - 1 and 4 <= len(kept) <= 8
        assert len(set(np.diff(kept[:-1]).tolist())) == 1
