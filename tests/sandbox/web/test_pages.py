"""What the pages do, without a browser: NiceGUI's own client of a test."""

from __future__ import annotations

import asyncio
import json

import pytest

from sandbox import run
from sandbox.errors import UsageError
from sandbox.store.store import Store
from tests.sandbox.web.conftest import until

pytestmark = pytest.mark.extras


@pytest.fixture(autouse=True)
def _needs_nicegui():
    pytest.importorskip("nicegui")


@pytest.fixture
def visit(store):
    """Play a scenario with a user of the store's pages: visit(scenario)."""

    def play(scenario):
        from nicegui import Client
        from nicegui.testing.user_simulation import user_simulation

        from sandbox.web import site
        from sandbox.web.service import Service

        async def playing():
            async with user_simulation() as user:
                service = Service(Store(store))
                site.register(service)
                try:
                    await scenario(user, service)
                except Exception as error:  # the simulation ends first: else its timers never do
                    return error
                finally:
                    Client.page_routes.clear()  # else their modules are forgotten, ours among them

        if (failure := asyncio.run(playing())) is not None:
            raise failure

    return play


async def eventually(true):
    """Wait until `true()` is so, for at most 20 seconds."""
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.1)


def field(user, label):
    """The one field with a label."""
    from nicegui import ui

    return next(
        element
        for kind in (ui.input, ui.select)
        for element in user.find(kind=kind).elements
        if element.props.get("label") == label
    )


def test_a_wrong_value_is_told_beside_its_field(visit):
    async def scenario(user, service):
        await user.open("/new?lab=maze")
        alpha = field(user, "alpha")
        assert alpha.error is None
        alpha.set_value("7")
        await user.should_see("less than or equal to 1")
        assert "7" not in (field(user, "discount").error or "")
        alpha.set_value("0.5")
        await user.should_not_see("less than or equal to 1")
        await user.should_see("python -m sandbox run maze --agent.alpha=0.5")
        field(user, "seed").set_value("x")
        await user.should_see("it should be a whole number")

    visit(scenario)


def test_what_is_chosen_brings_options_of_its_own(visit):
    async def scenario(user, service):
        await user.open("/new?lab=maze")
        assert {"planning-steps", "trace-decay"}.isdisjoint(labels(user))
        field(user, "alpha").set_value("0.5")
        field(user, "agent").set_value("dyna-q")
        await user.should_see("python -m sandbox run maze --agent.alpha=0.5 --agent=dyna-q")
        assert "planning-steps" in labels(user)
        field(user, "preset").set_value("quick")
        await user.should_see("--preset=quick")
        assert field(user, "episodes").props["placeholder"] == "1000"

    visit(scenario)


def labels(user):
    from nicegui import ui

    kinds = (ui.input, ui.select)
    return {one.props.get("label") for kind in kinds for one in user.find(kind=kind).elements}


def test_start_runs_it_as_a_process_of_its_own(visit, store):
    async def scenario(user, service):
        await user.open("/new?lab=maze&")
        field(user, "preset").set_value("quick")
        field(user, "seed").set_value("3")
        await user.should_see("--seed=3")
        user.find("Start").click()

        async def begun():
            while not service.rows():
                await asyncio.sleep(0.1)

        await asyncio.wait_for(begun(), 60)

    visit(scenario)
    (row,) = until(lambda: [row for row in Store(store).rows() if row.status == "finished"])
    assert (row.seed, row.preset) == (3, "quick")


def test_a_run_is_told(visit, store):
    finished = run("maze", preset="quick", agent={"name": "sarsa", "alpha": 0.5})

    async def scenario(user, service):
        await user.open(f"/runs/maze/{finished.id}")
        for text in ("maze · sarsa · seed 0", "finished", "best possible", "steps to goal"):
            await user.should_see(text)
        await user.should_see("agent.alpha")
        await user.open("/runs/maze/nothing")
        await user.should_see("No run 'maze/nothing'.")
        await user.should_not_see("Delete")
        await user.open("/runs/sweeps/nothing")
        await user.should_see("No run 'sweeps/nothing'.")

    visit(scenario)


def test_single_values_are_a_table_and_curves_without_values_are_left_out(visit, store):
    finished = run("maze", preset="quick", pictures=False)
    blocks = [
        {"stream": "test", "episode": [1000], "height": [0.25]},
        {"stream": "growing", "episode": [1, 2], "width": [1.0, 2.0]},
        {"stream": "nothing", "episode": [*range(200)], "depth": [None] * 200},
    ]
    with (finished.path / "metrics.jsonl").open("a") as file:
        file.writelines(json.dumps(block) + "\n" for block in blocks)

    async def scenario(user, service):
        from nicegui import ui

        await user.open(f"/runs/maze/{finished.id}")
        await user.should_see("Single values")
        charts = user.find(kind=ui.echart).elements
        titles = [child.text for child in user.find(kind=ui.label).elements]
        assert "width" in titles and "height" not in titles and "depth" not in titles
        assert all(chart.options["series"] for chart in charts)
        tables = [one.content for one in user.find(kind=ui.html).elements]
        (table,) = [one for one in tables if "height" in one]
        for cell in ("height", "test", "1000", "0.25"):
            assert f"<td>{cell}</td>" in table
        assert "width" not in table

    visit(scenario)


def test_groups_of_runs_show_the_span_of_their_scores(visit, store):
    runs = [run("maze", preset="quick", seed=seed, pictures=False) for seed in (0, 1)]
    scores = {one.score.value for one in runs}
    assert len(scores) == 1  # both reach the optimum: it is named once

    async def scenario(user, service):
        from nicegui import ui

        await user.open("/?group=lab")
        await user.should_see("Runs")
        (table,) = [
            one.content for one in user.find(kind=ui.html).elements if "maze" in one.content
        ]
        assert "<td>0.75</td>" in table and " to " not in table

    visit(scenario)


def test_chosen_runs_are_told_apart_by_what_differs(visit, store):
    runs = [
        run("maze", preset="quick", seed=seed, agent={"name": "sarsa", "alpha": alpha})
        for alpha in (0.25, 0.5)
        for seed in (0, 1)
    ]
    from sandbox.web.compare_page import ComparePage, View
    from sandbox.web.service import Service

    page = ComparePage(
        Service(Store(store)), [f"maze/{one.id}" for one in runs] + ["maze/gone"], View()
    )
    page.read()
    paths = [f"maze/{one.id}" for one in runs]
    assert set(page.differing()) == {"agent.alpha", "seed"}
    assert page.labels(seeds=True) == {
        "agent.alpha 0.25": paths[:2],
        "agent.alpha 0.5": paths[2:],
    }
    assert page.labels(seeds=False) == {
        f"agent.alpha {alpha}, seed {seed}": [path]
        for (alpha, seed), path in zip(
            [(0.25, 0), (0.25, 1), (0.5, 0), (0.5, 1)], paths, strict=True
        )
    }

    async def scenario(user, service):
        await user.open("/compare?runs=" + ",".join(paths))
        await user.should_see("4 runs compared", retries=100)
        await user.open("/compare?runs=maze/gone,..%2Fx")
        await user.should_see("None of these runs is in the store.")

    visit(scenario)


def test_a_label_names_no_more_settings_than_tell_the_runs_apart(store):
    from sandbox.web.compare_page import ComparePage, View
    from sandbox.web.service import Service

    agents = (
        {"name": "sarsa"},
        {"name": "sarsa-lambda", "trace_decay": 0.5},
        {"name": "n-step-sarsa"},
    )
    runs = [run("maze", preset="quick", agent=agent, pictures=False) for agent in agents]
    paths = [f"maze/{one.id}" for one in runs]
    page = ComparePage(Service(Store(store)), paths, View())
    page.read()
    assert len(page.differing()) > 1
    assert page.labels(seeds=True) == {
        f"agent {agent['name']}": [path] for agent, path in zip(agents, paths, strict=True)
    }


def test_runs_with_different_units_are_compared_over_one_that_they_share(visit, store):
    runs = [run("maze", preset="quick", seed=seed, pictures=False) for seed in (0, 1)]
    document = json.loads((runs[1].path / "run.json").read_bytes())
    document["unit"] = "env step"  # as a run of Stable-Baselines3 has it
    del document["digest"]
    (runs[1].path / "run.json").write_text(json.dumps(document))

    async def scenario(user, service):
        from nicegui import ui

        await user.open("/compare?runs=" + ",".join(f"maze/{one.id}" for one in runs))
        await user.should_see("2 runs compared", retries=100)
        (chart,) = user.find(kind=ui.echart).elements
        await eventually(lambda: chart.options.get("xAxis"))
        assert chart.options["xAxis"]["name"] == "env step"
        ends = {lines["source"][0][-1] for lines in chart.options["dataset"]}
        assert ends == {runs[0].summary["env_steps"]}

    visit(scenario)


def test_the_address_keeps_what_a_comparison_shows(visit, monkeypatch):
    runs = [run("maze", preset="quick", seed=seed, pictures=False) for seed in (0, 1)]
    address = "/compare?runs=" + ",".join(f"maze/{one.id}" for one in runs)
    addresses = []
    monkeypatch.setattr(
        "nicegui.functions.navigate.History.replace", lambda self, url: addresses.append(url)
    )

    async def scenario(user, service):
        from nicegui import ui

        async def shown(column):
            await user.should_see("2 runs compared", retries=100)
            (select,) = user.find(kind=ui.select).elements
            await eventually(lambda: select.value == column)
            return select, next(iter(user.find(kind=ui.switch).elements))

        await user.open(address)
        select, bands = await shown("evaluate/reward_per_step")
        (smoothing,) = user.find(kind=ui.slider).elements
        assert bands.value is True and smoothing.value == 0.04
        bands.set_value(False)
        smoothing.set_value(0.1)
        select.set_value("learn/reward_per_step")
        end = "&curve=learn%2Freward_per_step&bands=False&smoothing=0.1"
        await eventually(lambda: addresses and addresses[-1].endswith(end))
        await user.open(addresses[-1])
        select, bands = await shown("learn/reward_per_step")
        (smoothing,) = user.find(kind=ui.slider).elements
        assert bands.value is False and smoothing.value == 0.1
        await user.open(address + "&curve=no/thing&smoothing=nan")
        await shown("evaluate/reward_per_step")
        (smoothing,) = user.find(kind=ui.slider).elements
        assert smoothing.value == 0.04

    visit(scenario)


def test_groups_are_listed_and_a_sweep_is_drawn(visit, say):
    said = say("sweep", "maze", "--grid", "agent.alpha=0.25,0.5", "--grid", "agent.discount=0.8,0.9",
               "--preset", "quick", "--json")  # fmt: skip
    name = said.document["sweep"]

    async def scenario(user, service):
        from nicegui import ui

        await user.open("/groups")
        await user.should_see(name)
        await user.open(f"/sweeps/{name}")
        await user.should_see("Sweep of maze")
        lines, cells = [one.options for one in user.find(kind=ui.echart).elements]
        if lines["series"][0]["type"] != "parallel":
            lines, cells = cells, lines
        assert [axis["name"] for axis in lines["parallelAxis"]][:2] == [
            "agent.alpha",
            "agent.discount",
        ]
        assert len(lines["series"][0]["data"]) == len(cells["series"][0]["data"]) == 4
        await user.open("/sweeps/nothing")
        await user.should_see("No sweep 'nothing'.")

    visit(scenario)


@pytest.mark.parametrize("damage", [None, "", '{"claims": [1], "labs": 2}'])
def test_a_reproduction_is_listed_with_its_finding(visit, say, store, damage):
    said = say("reproduce", "I2", "--quick")
    assert said.code == 0
    (page,) = store.glob("reproductions/*/reproduce.html")
    if damage is not None:
        page.with_name("reproduce.json").write_text(damage)

    async def scenario(user, service):
        from nicegui import ui

        await user.open("/groups")
        await user.should_see("Reproductions", retries=100)
        tables = [one.content for one in user.find(kind=ui.html).elements]
        (table,) = [one for one in tables if page.parent.name in one]
        assert ("1 finding with 1 figure: 1 agrees" in table) == (damage is None)
        assert ("<td>intro</td>" in table) == (damage is None)

    visit(scenario)


def test_hidden_runs_come_back(store):
    from sandbox.web.service import Service

    finished = run("maze", preset="quick", pictures=False)
    service = Service(Store(store))
    assert [row["run"] for row in service.table()] == [finished.id]
    service.hide({finished.id})
    assert service.table() == [] and Service(Store(store)).hidden() == {finished.id}
    service.reveal()
    assert [row["run"] for row in service.table()] == [finished.id]
    (store / "hidden.json").write_text("[nonsense")
    assert service.hidden() == set()


def test_a_long_curve_of_a_finished_run_is_compared_whole(visit, monkeypatch, store):
    finished = run("maze", preset="quick", pictures=False)
    with (finished.path / "metrics.jsonl").open("a") as file:
        for block in range(20):
            row = {"stream": "learn", "episode": [9000 + block], "reward_per_step": [0.5]}
            file.write(json.dumps(row) + "\n")
    monkeypatch.setattr("sandbox.web.curves.AT_ONCE", 30_000)

    async def scenario(user, service):
        from nicegui import ui

        await user.open(f"/compare?runs=maze/{finished.id}")
        await user.should_see("1 run compared")
        (select,) = user.find(kind=ui.select).elements
        select.set_value("learn/reward_per_step")
        (chart,) = user.find(kind=ui.echart).elements

        async def drawn():
            while not chart.options.get("dataset") or last() < 9019:
                await asyncio.sleep(0.1)

        def last():
            return chart.options["dataset"][-1]["source"][0][-1]

        await asyncio.wait_for(drawn(), 20)

    visit(scenario)


def test_a_comparison_that_is_written_later_owns_its_runs(say, store):
    from sandbox.web.service import Service

    said = say("compare", "maze", "--agents", "sarsa", "q-learning", "--seeds", 2,
               "--preset", "quick", "--json")  # fmt: skip
    assert said.code == 0
    (document,) = store.glob("comparisons/*/comparison.json")
    document.rename(store / "kept")
    service = Service(Store(store))
    assert {row["group"] for row in service.table()} == {""}
    (store / "kept").rename(document)
    assert {row["group"] for row in service.table()} == {f"comparison {document.parent.name}"}


def test_a_run_that_cannot_be_deleted_stays_on_the_screen(visit, monkeypatch, store):
    finished = run("maze", preset="quick", pictures=False)

    async def scenario(user, service):
        from nicegui import ui
        from nicegui.testing.user_interaction import UserInteraction

        def refuse(path):
            raise UsageError("It is being read.")

        monkeypatch.setattr(service, "delete", refuse)
        await user.open(f"/runs/maze/{finished.id}")
        user.find(kind=ui.button, content="Delete").click()
        await user.should_see("Cancel")
        before = user.client
        for button in user.find(kind=ui.button, content="Delete").elements:
            if button.props.get("color") == "negative":
                UserInteraction(user, {button}, None).click()
        await user.should_see("It is being read.")
        await asyncio.sleep(0.5)
        assert user.client is before

    visit(scenario)
