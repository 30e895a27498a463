"""The labs' parts of a run's page, without a browser, and what a hostile run makes of them."""

from __future__ import annotations

import asyncio
import base64
import io
import shutil

import numpy as np
import pytest
from PIL import Image

from sandbox import run
from sandbox.lab import Lab
from sandbox.registry.registry import registry
from sandbox.seeding import generator
from tests.sandbox.web.test_pages import _needs_nicegui, visit  # noqa: F401 - fixtures

pytestmark = pytest.mark.extras


def pixels(source):
    """The picture in a data URI."""
    kind, _, content = source.partition(",")
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB"))


def elements(user, kind):
    return sorted(user.find(kind=kind).elements, key=lambda one: one.id)


async def until(true, seconds=90):
    async def waiting():
        while not true():
            await asyncio.sleep(0.02)

    await asyncio.wait_for(waiting(), seconds)


def mouse(image, x, y, buttons=1):
    """An event of the browser on a picture that tells where the mouse is."""
    (listener,) = (one for one in image._event_listeners.values() if one.type == "mouse")
    event = {"image_x": x, "image_y": y, "buttons": buttons}
    image._handle_event({"listener_id": listener.id, "args": event})


async def opened(user, made):
    """The part of a run's page, opened; its pictures that tell where the mouse is."""
    from nicegui import ui

    await user.open(f"/runs/{made.record.lab}/{made.id}")
    user.find("Open").click()
    await user.should_see(kind=ui.interactive_image)
    return elements(user, ui.interactive_image)[0]


def test_only_labs_with_a_part_have_one(visit, store):  # noqa: F811
    made = run("regression", preset="quick", pictures=False)
    assert not registry().lab("regression").offers("page")
    assert all(registry().lab(name).offers("page") for name in ("maze", "gym"))

    async def scenario(user, service):
        await user.open(f"/runs/regression/{made.id}")
        await user.should_see("How it learned")
        await user.should_not_see("Try it")

    visit(scenario)


@pytest.mark.parametrize("lab", ["regression", "maze"])
def test_the_frames_of_a_run_are_shown_one_after_the_other(visit, store, lab):  # noqa: F811
    from sandbox.web.parts.cards import thinned

    made = run(lab, preset="quick", pictures=False)
    rng = generator(0, "watch")
    frames = list(made.lab.frames(made.experiment, rng, history=True))
    expected = thinned(frames)
    assert expected[-1] is frames[-1] and len(expected) <= 500

    async def scenario(user, service):
        from nicegui import ui

        await user.open(f"/runs/{lab}/{made.id}")
        user.find("Watch").click()
        await user.should_see("Play, pause", retries=900)
        slider = elements(user, ui.slider)[-1]
        assert slider.props["max"] == len(expected) - 1
        (image,) = elements(user, ui.image)
        assert image.props["alt"]
        await until(lambda: image.source)  # it plays
        seen = [pixels(image.source)]
        slider.set_value(len(expected) - 1)  # and ends there
        await asyncio.sleep(3.0)
        seen.append(pixels(image.source))
        assert seen[0].shape == expected[0].draw().shape and (seen[0] != seen[1]).any()
        if lab == "regression":  # its frames do not depend on draws
            assert np.array_equal(seen[1], expected[-1].draw())

    visit(scenario)


def test_a_cell_tells_its_action_values_and_paint_is_solved_again(visit, store):  # noqa: F811
    made = run("maze", preset="quick", pictures=False)
    agent, before = made.experiment.agent, (made.path / "run.json").read_bytes()

    async def scenario(user, service):
        from nicegui import ui

        from agents.pages import grid
        from envs.grid import ACTIONS
        from envs.render.snapshot import cell_at
        from sandbox.text import number

        boards = []
        start = grid.GridBoard.__init__
        grid.GridBoard.__init__ = lambda self, part: (boards.append(self), start(self, part))[1]
        try:
            image = await opened(user, made)
        finally:
            grid.GridBoard.__init__ = start
        (board,) = boards
        await until(lambda: image.source)
        layout = made.experiment.env.layout
        center = {
            cell_at(layout, (x, y)): (x, y) for x in range(0, 480, 8) for y in range(0, 520, 8)
        }
        assert len(center) == 101 and None in center
        mouse(image, *center[3, 5])
        await until(lambda: board._now.status)
        q = agent.q[layout.state((3, 5))]
        told = [f"{name} {number(float(one))}" for name, one in zip(ACTIONS, q, strict=True)]
        assert board._now.status == " · ".join(["Q(3, 5)", *told])
        assert list(board._now.marked) == [(3, 5)]
        first = image.source
        toggle = elements(user, ui.toggle)[0]
        toggle.set_value("floor")
        mouse(image, *center[0, 1])  # a wall between the goal and the rest
        await until(lambda: board._now.title.startswith("the optimum"))
        await until(lambda: image.source != first)
        assert board._now.layout.cells[0, 1] == 0 and layout.cells[0, 1] == 1
        value = board._now.values[layout.state((0, 2))]  # two moves, then +1 for ever
        assert value == pytest.approx(0.9**2 / (1 - 0.9))
        toggle.set_value("wall")
        mouse(image, *center[layout.start])
        await user.should_see("the start falls on a wall")
        assert board._now.title.startswith("the optimum")
        (switch,) = [one for one in elements(user, ui.switch) if "arrow keys" in one.text]
        switch.set_value(True)
        key = elements(user, ui.keyboard)[0]
        held = {"action": "keydown", "altKey": False, "ctrlKey": False, "shiftKey": False, "metaKey": False,
                "repeat": False, "location": 0, "key": "ArrowRight", "code": "ArrowRight"}  # fmt: skip
        (listener,) = key._event_listeners.values()
        key._handle_event({"listener_id": listener.id, "args": held})
        await until(lambda: board._now.status == "return -1")  # the border
        assert board._now.agent == layout.start

    visit(scenario)
    assert (made.path / "run.json").read_bytes() == before


def test_a_dragged_point_is_fitted(visit, store):  # noqa: F811
    made = run("intro", preset="quick", pictures=False)

    async def scenario(user, service):
        from nicegui import ui

        image = await opened(user, made)
        await until(lambda: image.source)
        first, (order,) = (
            image.source,
            [one for one in elements(user, ui.slider) if one.props["max"] == 9],
        )
        assert image.props["aria-label"] and order.props["aria-label"] == "order of the polynomial"
        mouse(image, 300, 200)
        await until(lambda: image.source != first)
        second = image.source
        mouse(image, 310, 60)
        await until(lambda: image.source != second)
        third = image.source
        mouse(image, 310, 200, buttons=0)  # released: the point stays
        order.set_value(0)
        await until(lambda: image.source != third)
        flat = (np.abs(pixels(image.source).astype(int) - (213, 94, 0)) < 6).all(axis=2)
        rows = np.flatnonzero(flat.any(axis=1))
        assert len(rows) <= 4  # a constant is a level line

    visit(scenario)


def trained(lab, **config):
    pytest.importorskip("torch")
    return run(lab, preset="quick", config=config, pictures=True)


def test_the_code_at_the_mouse_is_decoded(visit, store):  # noqa: F811
    made = trained("autoencoder", epochs=2, code_size=2, morphs=("2-0",))

    async def scenario(user, service):
        from nicegui import ui

        from envs.render.chart import Chart
        from plugins.autoencoder.codes import decode
        from plugins.autoencoder.figures import code_space

        image = await opened(user, made)
        await until(lambda: image.source)
        decoded = elements(user, ui.image)[0]
        mouse(image, 300, 200, buttons=0)
        await until(lambda: decoded.source)
        folder = made.folder.artifacts.folder
        codes, labels = (np.load(folder / name) for name in ("codes.npy", "code_classes.npy"))
        assert np.array_equal(labels, made.experiment.splits.test.arrays()[1])
        chart = Chart(code_space(codes, labels, tuple("0123456789")))
        assert np.array_equal(pixels(image.source), chart.pixels)
        x, y = chart.units((300, 200))
        assert chart.places(np.array([x]), np.array([y]))[0] == pytest.approx([300, 200])
        expected = decode(made.experiment.model, np.array([[x, y]]))[0]
        assert np.abs(pixels(decoded.source)[..., 0] / 255 - (1 - expected)).max() < 0.01

    visit(scenario)


def test_a_piece_is_continued_from_a_bar(visit, store, monkeypatch):  # noqa: F811
    made = trained("music", epochs=1, dataset="etudes", model={"hidden": 8})
    calls = []

    async def scenario(user, service):
        from nicegui import ui

        monkeypatch.setattr(ui.echart, "run_chart_method", lambda *call: calls.append(call))
        from sandbox.web.facts import notes

        await user.open(f"/runs/music/{made.id}")
        user.find("Open").click()
        await user.should_see("temperature")
        elements(user, ui.number)[0].set_value(2)
        (own,) = elements(user, ui.audio)  # the run's, beside its roll and nowhere else
        assert own.source == f"/files/music/{made.id}/continuation.wav"
        assert "<audio" not in "".join(one.content for one in elements(user, ui.html))
        user.find("Continue").click()
        await until(lambda: len(elements(user, ui.audio)) == 2)
        audio = elements(user, ui.audio)[1]
        assert audio.source.startswith("data:audio/wav;base64,")
        every = [one for one in elements(user, ui.echart) if one.options.get("series")]
        chart = [one for one in every if "data" in one.options["series"][0]][-1]
        written = notes(made.folder.artifacts.read("continuation.mid"))
        played = [point for point in chart.options["series"][0]["data"] if point[0] is not None]
        bar = 4 * 60 / 100  # seconds
        begun = [note for note in written["1"] if note[1] <= bar + 1e-6]
        assert begun and [begin for begin, _, _ in begun] == pytest.approx(
            [point[0] for point in played[::2]][: len(begun)], abs=0.01
        )
        (listener,) = audio._event_listeners.values()
        assert (listener.type, calls) == ("timeupdate", [])
        audio._handle_event({"listener_id": listener.id, "args": 1.5})
        ((told, name, options),) = calls
        assert (told, name) == (chart, "setOption")
        (line,) = options["series"]
        assert line["id"] == "cursor" and line["markLine"]["data"] == [{"xAxis": 1.5}]

    visit(scenario)


@pytest.mark.parametrize("lab", ["maze", "mnist", "autoencoder", "music", "intro"])
def test_a_hostile_run_breaks_no_page(visit, store, lab, tmp_path):  # noqa: F811
    """Artifacts that are links or nonsense, checkpoints that are nonsense."""
    made = trained(lab, **({"epochs": 1} if lab not in ("maze", "intro") else {}))
    secret = tmp_path / "secret"
    secret.write_text("{}")
    for path in made.folder.artifacts.folder.rglob("*"):
        if path.suffix in (".json", ".npy", ".mid"):
            path.unlink()
            path.symlink_to(secret)
    for path in made.folder.checkpoints.rglob("*.npz"):
        path.write_bytes(b"PK nonsense")

    async def scenario(user, service):
        await user.open(f"/runs/{lab}/{made.id}")
        await user.should_see("Watch" if lab != "intro" else "Try it")
        user.find("Open").click()
        if lab == "music":
            user.find("Continue").click()
        if lab == "mnist":
            from nicegui import ui

            await user.should_see(kind=ui.interactive_image)
            mouse(elements(user, ui.interactive_image)[0], 100, 100)
        wrong = "link" if lab in ("mnist", "autoencoder", "music") else "checkpoint"
        await user.should_see(wrong, retries=100)
        await user.should_see("Results")

    visit(scenario)


def test_a_part_that_raises_is_a_card(visit, store, monkeypatch):  # noqa: F811
    made = run("maze", preset="quick", pictures=False)

    def broken(self, part):
        raise KeyError("<b>no</b>")

    monkeypatch.setattr(type(registry().lab("maze")), "page", broken)

    async def scenario(user, service):
        await user.open(f"/runs/maze/{made.id}")
        user.find("Open").click()
        await user.should_see("<b>no</b>")
        await user.should_see("Results")

    visit(scenario)
    shutil.rmtree(made.path)
    assert Lab.page(registry().lab("maze"), None) is None
