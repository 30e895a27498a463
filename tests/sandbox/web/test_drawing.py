"""The pad of a run of mnist: what is drawn, what the network takes it for, which neurons answer."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest

from sandbox import run
from tests.sandbox.web.test_lab_parts import elements, mouse, opened, pixels, until
from tests.sandbox.web.test_pages import _needs_nicegui, visit  # noqa: F401 - fixtures

pytestmark = pytest.mark.extras


def trained(**config):
    """A run with its model, without its pictures."""
    pytest.importorskip("torch")
    from agents.supervised.saving import save_model

    made = run("mnist", preset="quick", config=config, pictures=False)
    save_model(made.folder.artifacts, "mnist", made.experiment.config, made.experiment.model)
    return made


def test_a_drawn_digit_has_the_probabilities_of_the_network(visit, store):  # noqa: F811
    from agents.supervised.saving import load_model

    made = trained(epochs=3)

    async def scenario(user, service):
        from nicegui import ui

        from plugins.mnist.answers import probabilities
        from plugins.mnist.config import MnistConfig
        from plugins.mnist.network import network
        from plugins.mnist.prediction import centred

        image = await opened(user, made)
        chart = next(one for one in elements(user, ui.echart) if "class" in json.dumps(one.options))
        assert chart.options["series"][0]["data"] == [0.0] * 10
        mouse(image, 140, 40)
        for y in range(60, 240, 20):
            mouse(image, 140, y)
        await until(lambda: max(chart.options["series"][0]["data"]) > 0)
        await asyncio.sleep(2)
        ink = 1 - pixels(image.source)[..., 0].astype(np.float32) / 255
        assert ink[40:220, 138:142].min() == 1 and not ink[:, :100].any()
        model = load_model(made.folder.artifacts.folder, "mnist", MnistConfig, network)
        expected = probabilities(model, centred(ink)[None])[0]
        assert np.allclose(chart.options["series"][0]["data"], expected, atol=1e-6)
        user.find("Clear").click()
        await until(lambda: max(chart.options["series"][0]["data"]) == 0)
        assert not (pixels(image.source) < 255).any()

    visit(scenario)


def stroke(image, *places):
    """Draw a line through some places."""
    mouse(image, *places[0], buttons=0)
    for place in places:
        mouse(image, *place)


@pytest.mark.parametrize(("count", "config"), [(8, {}), (5, {"hidden": (5,), "batch_norm": True})])
def test_the_neurons_that_a_drawing_excites_most_are_shown(
    visit,  # noqa: F811
    store,
    monkeypatch,
    count,
    config,
):
    torch = pytest.importorskip("torch")
    from agents.supervised import saving
    from plugins.mnist.neurons import receptive_fields

    made = trained(epochs=1, **config)
    experiment = made.experiment
    first = experiment.model.eval()[: 3 + bool(config)]
    fields = receptive_fields(experiment.model, 1)
    loads, load = [], saving.load_model
    monkeypatch.setattr(saving, "load_model", lambda *args: (loads.append(args), load(*args))[1])

    async def scenario(user, service):
        from nicegui import ui

        from plugins.mnist.frames import COLOURS
        from plugins.mnist.prediction import centred
        from sandbox.text import number

        image = await opened(user, made)
        await user.should_not_see("What neurons look for")

        def cells():
            """Text and picture of what is shown below."""
            texts = [one for one in elements(user, ui.label) if one.text.startswith("neuron ")]
            fields = elements(user, ui.image)[1 : 1 + len(texts)]
            return [
                (text.text, pixels(one.source)) for text, one in zip(texts, fields, strict=True)
            ]

        def expected():
            """The neurons with the largest activations, by hand, and the beginning of each text."""
            ink = 1 - pixels(image.source)[..., 0].astype(np.float32) / 255
            active = first(torch.from_numpy(centred(ink)[None])).detach().numpy()[0]
            strongest = np.argsort(-active)[:count].tolist()
            return strongest, [
                f"neuron {one}\n{number(float(active[one]), 3)}" for one in strongest
            ]

        def shown():
            return [text.split(" · for ")[0] for text, _ in cells()]

        seen = []
        for places in ([(140, 40), (140, 140), (140, 240)], [(40, 60), (240, 60)]):
            stroke(image, *places)
            await until(lambda: shown() == expected()[1] not in seen)
            seen.append(shown())
            for neuron, (text, field) in zip(expected()[0], cells(), strict=True):
                assert text.split(" · for ")[1] in "0123456789"
                shade = np.rint(127.5 * (1 + fields[neuron] / np.abs(fields[neuron]).max()))
                assert np.array_equal(field, COLOURS[shade.astype(int)])
        assert len(seen[0]) == count
        assert len(loads) == 1
        user.find("Clear").click()
        await user.should_not_see("What neurons look for")
        assert cells() == []

    visit(scenario)


def test_an_answer_that_comes_after_clearing_is_not_shown(visit, store, monkeypatch):  # noqa: F811
    import threading

    from plugins.mnist import page

    made = trained(epochs=1)
    asked, cleared, shown = threading.Event(), threading.Event(), []

    def slow(pad, drawn):
        asked.set()
        cleared.wait(30)
        return drawn, None, None

    monkeypatch.setattr(page.Pad, "_answer", slow)
    monkeypatch.setattr(page.Pad, "_show", lambda pad, drawn, *rest: shown.append(drawn))

    async def scenario(user, service):
        image = await opened(user, made)
        mouse(image, 140, 40)
        await until(asked.is_set)
        user.find("Clear").click()
        cleared.set()
        await asyncio.sleep(0.3)
        assert shown == []
        mouse(image, 90, 40)
        await until(lambda: shown)
        assert shown[0][40, 90] == 0 and shown[0][40, 140] == 255

    visit(scenario)
