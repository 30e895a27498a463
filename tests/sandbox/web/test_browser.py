"""The page in a real browser: no request leaves this machine, and nothing is written to the console.

SANDBOX_CHROMIUM names a chromium; else the one on the path is used.
"""

from __future__ import annotations

import json
import os
import shutil
from urllib.parse import parse_qs, urlsplit

import pytest

from sandbox import compare, run
from sandbox.store.store import Store
from sandbox.sweeps.api import sweep
from tests.sandbox.web.conftest import serving, until
from tests.sandbox.web.test_server import HOSTILE

pytestmark = pytest.mark.extras


@pytest.fixture(scope="module")
def browser():
    pytest.importorskip("nicegui")
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = os.environ.get("SANDBOX_CHROMIUM") or shutil.which("chromium")
    if not chromium:
        pytest.skip("no chromium")
    with playwright.sync_playwright() as play:
        one = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield one
        one.close()


@pytest.fixture
def open_page(browser, store):
    """Opens an address of a server of the test's store; fails on a complaint at the end."""
    complaints = []
    with serving(store) as server:
        context = browser.new_context(viewport={"width": 1300, "height": 900})
        context.set_default_timeout(60_000)

        def look(page):
            page.on(
                "console",
                lambda one: (
                    complaints.append(one.text) if one.type in ("error", "warning") else None
                ),
            )
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("websocket", lambda one: request(one.url))

        def request(url):
            parts = urlsplit(url)
            if parts.scheme not in ("data", "blob") and parts.netloc != server.host:
                complaints.append(f"a request left this machine: {url}")

        context.on("request", lambda one: request(one.url))

        def visit(path):
            page = context.new_page()
            look(page)
            page.goto(server.address.rstrip("/") + path)
            return page

        yield visit
        context.close()
    assert complaints == []


def row(page, name):
    return page.locator(f'.ag-row[row-id="maze/{name}"]').first


def choose(page, name):
    row(page, name).locator("input").click()


def view(page):
    """The table's state in the address, as text."""
    return parse_qs(page.evaluate("location.search").removeprefix("?")).get("view", [""])[0]


def test_runs_are_listed_searched_chosen_and_overlaid(open_page, store):
    runs = [run("maze", preset="quick", seed=seed, pictures=False) for seed in (0, 1)]
    other = run("intro", preset="quick", pictures=False)
    page = open_page("/")
    page.get_by_text("3 runs").wait_for()
    page.get_by_placeholder("search").fill("maze")
    page.locator(f'.ag-row[row-id="intro/{other.id}"]').wait_for(state="detached")
    for one in runs:
        choose(page, one.id)
    page.get_by_text("2 runs chosen").wait_for()
    chosen = until(lambda: json.loads(view(page) or "{}").get("rowSelection"))
    assert set(chosen) <= {f"maze/{one.id}" for one in runs}
    third = run("maze", preset="quick", seed=2, pictures=False)
    row(page, third.id).wait_for()  # it appears by itself, and the choice stays
    page.get_by_text("2 runs chosen").wait_for()
    page.get_by_role("button", name="Compare").click()
    page.get_by_text("2 runs compared").wait_for()
    page.locator("canvas").wait_for()
    page.get_by_role("link", name=runs[0].id).click()
    page.get_by_text("maze · sarsa · seed 0").wait_for()
    page.get_by_text("best possible").wait_for()


def test_a_view_is_opened_again_from_its_address(open_page, store):
    runs = [run("maze", preset="quick", seed=seed, pictures=False) for seed in (0, 1)]
    page = open_page("/")
    choose(page, runs[0].id)
    page.locator('.ag-header-cell[col-id="seed"] .ag-header-cell-label').click()
    until(lambda: '"asc"' in view(page) and "rowSelection" in view(page))
    again = open_page("/" + page.evaluate("location.search"))
    again.get_by_text("1 run chosen").wait_for()
    first = again.locator(".ag-center-cols-container .ag-row").first
    assert first.get_attribute("row-id") == f"maze/{runs[0].id}"


def test_a_selection_is_deleted_after_asking(open_page, store):
    runs = [run("maze", preset="quick", seed=seed, pictures=False) for seed in (0, 1)]
    page = open_page("/")
    choose(page, runs[0].id)
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Cancel").click()
    page.locator(".q-dialog").wait_for(state="detached")
    assert runs[0].path.is_dir()
    page.get_by_role("button", name="Delete").click()
    page.locator(".q-dialog").get_by_role("button", name="Delete").click()
    row(page, runs[0].id).wait_for(state="detached")
    assert not runs[0].path.is_dir() and runs[1].path.is_dir()


def test_a_run_is_started_followed_stopped_and_resumed(open_page, store):
    page = open_page("/new?lab=maze")
    page.get_by_label("episodes", exact=True).fill("3e6")
    page.get_by_text("--episodes=3e6").wait_for()
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/runs/maze/*")
    page.get_by_text("running", exact=True).wait_for()
    page.locator("canvas").first.wait_for()
    page.get_by_role("button", name="Open").click()  # the board waits for a checkpoint
    page.get_by_text("follow, from the first checkpoint").first.wait_for()
    board = page.get_by_label("snapshot")
    assert board.get_attribute("aria-valuemax") == "0"
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("interrupted", exact=True).wait_for()
    until(lambda: int(board.get_attribute("aria-valuemax")) > 0)
    (folder,) = Store(store).folders()
    assert folder.read().status == "interrupted"
    size = folder.metrics_path.stat().st_size
    page.get_by_role("button", name="Resume").click()
    page.get_by_text("running", exact=True).wait_for()
    until(lambda: folder.metrics_path.stat().st_size > size)  # it learns, so it can be stopped
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("interrupted", exact=True).wait_for()
    assert folder.read().resumed == 1


def test_a_started_run_is_seen_to_finish(open_page, store):
    page = open_page("/new?lab=maze")
    page.get_by_label("alpha", exact=True).fill("7")
    page.get_by_text("less than or equal to 1").wait_for()
    assert page.get_by_role("button", name="Start").is_disabled()
    page.get_by_label("alpha", exact=True).fill("0.5")
    page.get_by_text("--agent.alpha=0.5").wait_for()
    page.get_by_role("button", name="Start").click()
    page.get_by_text("finished", exact=True).wait_for()
    page.locator("figure img").first.wait_for()
    assert (
        page.locator("figure img").first.evaluate(
            "image => image.decode().then(() => image.naturalWidth)"
        )
        > 100
    )


def test_a_hostile_run_runs_no_javascript(open_page, store):
    finished = run("maze", preset="quick", pictures=False)
    block = {"stream": HOSTILE, HOSTILE: [1.0, 2.0], ":formatter": [1.0, 2.0]}
    with (finished.path / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(block) + "\n")
    document = json.loads((finished.path / "run.json").read_bytes())
    document |= {"command": HOSTILE, "error": HOSTILE, "warnings": [HOSTILE], "format": 1}
    document["config"] = {":x": "alert(1)", HOSTILE: HOSTILE}
    document["unit"] = HOSTILE
    document["score"] = {"name": ":formatter", "value": 1.0, "optimum": 2.0}
    del document["digest"]
    (finished.path / "run.json").write_text(json.dumps(document))
    said = []
    for path in (
        "/",
        "/?group=agent",
        f"/runs/maze/{finished.id}",
        f"/compare?runs=maze/{finished.id}",
    ):
        page = open_page(path)
        page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
        page.get_by_text("The sandbox").wait_for()
        page.wait_for_timeout(1500)
        for canvas in page.locator("canvas").all()[:12]:
            canvas.hover()
            page.wait_for_timeout(100)
        assert page.locator("img[src=x]").count() == 0
    page = open_page(
        "/?view="
        + '{"sort":{"sortModel":[]},":filter":"alert(1)","filter":{":filterModel":"alert(1)"}}'
    )
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.wait_for_timeout(1000)
    assert said == []


def test_a_page_that_is_open_changes_no_byte_of_a_run(open_page, store):
    finished = run("maze", preset="quick")

    def content():
        return {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}

    before = content()
    for path in (
        "/",
        f"/runs/maze/{finished.id}",
        f"/compare?runs=maze/{finished.id}",
        "/groups",
        "/new?lab=maze",
    ):
        page = open_page(path)
        page.get_by_text("The sandbox").wait_for()
        page.wait_for_timeout(1500)
    assert content() == before
    again = run("maze", preset="quick", store=store.parent / "other")
    assert (again.path / "metrics.jsonl").read_bytes() == (
        finished.path / "metrics.jsonl"
    ).read_bytes()


def test_a_digit_is_drawn_and_the_network_answers(open_page, store):
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    learned = run("mnist", preset="quick", epochs=1)
    page = open_page(f"/runs/mnist/{learned.id}")
    page.get_by_role("button", name="Open").click()
    given = page.locator(".q-img img").first
    given.wait_for()
    blank = given.get_attribute("src")

    def drawn():
        """Draw a line from top to bottom; whether the network got it."""
        page.locator(".pad").scroll_into_view_if_needed()
        pad = page.locator(".pad").bounding_box()
        page.mouse.move(pad["x"] + 140, pad["y"] + 40)
        page.mouse.down()
        for y in range(60, 260, 20):
            page.mouse.move(pad["x"] + 140, pad["y"] + y)
            page.wait_for_timeout(60)
        page.mouse.up()
        page.wait_for_timeout(1000)
        return page.locator(".q-img img").first.get_attribute("src") != blank

    until(drawn)
    page.get_by_text("What neurons look for").wait_for()
    until(lambda: page.locator(".q-img img").count() == 9)  # and the fields of eight neurons
    assert page.get_by_text(" · for ").count() == 8


def test_keys_walk_and_learn_again_after_a_button_is_pressed(open_page, store):
    learned = run("maze", preset="quick", pictures=False)
    page = open_page(f"/runs/maze/{learned.id}")
    page.get_by_role("button", name="Open").click()
    board = page.locator(".frame img").first

    def changed(key):
        """Press a key until the picture is another."""
        before = board.get_attribute("src")

        def pressed():
            page.keyboard.press(key)
            page.wait_for_timeout(500)
            return board.get_attribute("src") != before

        until(pressed, 20)

    until(lambda: (board.get_attribute("src") or "").startswith("data:image/png"))
    page.get_by_role("button", name="Update").click()
    for key in ("n", "e", "n"):
        changed(key)
    page.get_by_text("walk with the arrow keys").click()
    page.get_by_role("button", name="floor").click()
    changed("ArrowUp")


def test_the_board_is_watched_and_paused(open_page, store):
    learned = run("maze", preset="quick", pictures=False)
    page = open_page(f"/runs/maze/{learned.id}")
    page.get_by_role("button", name="Watch").click()
    slider = page.get_by_label("moment")
    slider.wait_for()

    def moment():
        return float(slider.get_attribute("aria-valuenow"))

    until(lambda: moment() > 2)
    page.get_by_role("button", name="Play, pause").click()
    page.wait_for_timeout(1000)
    stopped = moment()
    page.wait_for_timeout(1500)
    assert moment() == stopped
    page.get_by_role("button", name="Play, pause").click()
    until(lambda: moment() > stopped)


def test_a_line_moves_over_the_notes_that_are_heard(open_page, store):
    pytest.importorskip("torch")
    pytest.importorskip("pretty_midi")
    learned = run(
        "music",
        preset="quick",
        config={"epochs": 1, "dataset": "etudes", "model": {"hidden": 8}},
    )
    page = open_page(f"/runs/music/{learned.id}")
    sound = page.locator("audio")
    sound.wait_for()
    identifier = page.locator(".chart").last.get_attribute("id").removeprefix("c")

    def place():
        """Where the line of the last chart is, seconds; None before it is heard."""
        return page.evaluate(
            "id => getElement(id).chart.getOption().series"
            ".filter(one => one.id === 'cursor').map(one => one.markLine.data[0].xAxis)[0]",
            int(identifier),
        )

    assert place() is None
    sound.evaluate("sound => { sound.currentTime = 2.5; }")
    until(lambda: place() == 2.5)


def test_the_report_of_a_sweep_fits_and_enlarges_no_picture(browser, store):
    made = sweep("regression", grid={"learning-rate": [0.01, 0.05]}, preset="quick")
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto((made.path / "report.html").resolve().as_uri())
    sizes = page.evaluate("Array.from(document.images, image => [image.naturalWidth, image.width])")
    assert sizes and all(0 < shown <= natural for natural, shown in sizes)
    assert page.evaluate("document.documentElement.scrollWidth") == 1200
    page.close()


def test_a_page_in_one_file_is_as_dark_as_the_browser_and_as_wide(browser, store):
    made = compare("maze", ["sarsa", "q-learning"], seeds=1, preset="quick", episodes=20)
    shades = {}
    for scheme in ("light", "dark"):
        page = browser.new_page(viewport={"width": 400, "height": 800}, color_scheme=scheme)
        page.goto((made.folder / "index.html").resolve().as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 400
        looks = "one => [getComputedStyle(one).backgroundColor, getComputedStyle(one).color]"
        shades[scheme] = page.locator("section").first.evaluate(looks)
        page.close()
    assert shades["light"] == ["rgb(255, 255, 255)", "rgb(31, 41, 55)"]
    assert shades["dark"] == ["rgb(27, 31, 36)", "rgb(229, 231, 235)"]
