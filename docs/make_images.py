"""Makes every picture of the README and of docs/ with the program itself: `python
docs/make_images.py`.

Names of sources make only theirs (`python docs/make_images.py maze lake`), `--missing` only what is
not there yet. The labs mnist, autoencoder and music
need their extras, and the first two MNIST (in the folder SANDBOX_DATA, else it is downloaded) and
some ten minutes each.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from sandbox import SandboxError, compare, compare_tasks, run, sweep
from sandbox.extras import need
from sandbox.registry.registry import registry
from sandbox.store.artifacts import Artifacts

IMAGES = Path(__file__).parent / "images"


class Source(NamedTuple):
    """Where pictures come from.

    Attributes:
        make: given a store, makes a folder of pictures and returns it.
        pictures: image in docs/images -> file in that folder.
    """

    make: Callable[[str], Path]
    pictures: Mapping[str, str]


def ran(lab: str, **options: Any) -> Callable[[str], Path]:
    """The artifacts of a run."""

    def make(store: str) -> Path:
        made = run(lab, store=store, **options)
        if made.status != "finished" or not made.record.pictured:
            raise SandboxError(
                f"the run ended as '{made.status}' without all of its pictures. "
                + " ".join(made.record.warnings)
            )
        return made.path / "artifacts"

    return make


def claimed(lab: str, claim: str, seeds: int) -> Callable[[str], Path]:
    """The figures of a report, of so many runs."""

    def make(store: str) -> Path:
        artifacts = Artifacts(Path(store) / f"{lab}-{claim}")
        for one in registry().lab(lab).claim_pictures(claim, seeds):
            if not isinstance(one.picture, bytes):
                artifacts.save_figure(f"{one.name}.png", one.picture)
        return artifacts.folder

    return make


def compared(lab: str, agents: list[str], **options: Any) -> Callable[[str], Path]:
    """The figures of a comparison."""

    def make(store: str) -> Path:
        artifacts = Artifacts(Path(store) / f"compared-{lab}")
        for name, figure in compare(lab, agents, store=store, **options).figures.items():
            artifacts.save_figure(f"{name}.png", figure)
        return artifacts.folder

    return make


def compared_on_tasks(store: str) -> Path:
    """The figures of the comparison on docs/paper.md."""
    artifacts = Artifacts(Path(store) / "compared-tasks")
    tasks = ["maze:quick", "empty-grid", "gym:FrozenLake-v1"]
    agents = ["sarsa", "q-learning", "expected-sarsa"]
    made = compare_tasks(tasks, agents, seeds=10, episodes=300, store=store)
    for name, figure in made.figures.items():
        artifacts.save_figure(f"{name}.png", figure)
    return artifacts.folder


def swept(lab: str, **options: Any) -> Callable[[str], Path]:
    """The drawings of a sweep."""
    return lambda store: sweep(lab, store=store, **options).path


def rooms(store: str) -> Path:
    """The rooms of the house and what imports what."""
    sys.path.append(str(Path(__file__).parent.parent))
    from docs.rooms import draw

    draw().savefig(Path(store) / "rooms.png", dpi=100)
    return Path(store)


@contextmanager
def browser(store: Path) -> Iterator[Callable[[str], Any]]:
    """Opens addresses of a store's page in a chromium: SANDBOX_CHROMIUM, else the one on the
    path."""
    sys.path.append(str(Path(__file__).parent.parent))
    from tests.sandbox.web.conftest import serving

    chromium = os.environ.get("SANDBOX_CHROMIUM") or shutil.which("chromium")
    need("The pictures of the page", "test", "playwright")
    if not chromium:
        raise SandboxError("there is no chromium; SANDBOX_CHROMIUM names one.")
    from playwright.sync_api import sync_playwright

    with serving(store) as server, sync_playwright() as play:
        opened = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = opened.new_page(viewport={"width": 1200, "height": 760})

        def visit(path: str) -> Any:
            page.goto(server.address.rstrip("/") + path)
            page.locator(".ag-row, .chart canvas").first.wait_for()
            page.wait_for_timeout(3000)
            return page

        yield visit
        opened.close()


def browsed(store: str) -> Path:
    """The page in the browser."""
    runs = Path(store) / "runs"
    alphas = [0.05, 0.25, 1.0]
    made = [
        run(
            "maze", store=runs, seed=seed, episodes=2000, agent={"name": "q-learning", "alpha": one}
        )
        for one in alphas
        for seed in range(4)
    ]
    run("intro", store=runs)
    shown = run("maze", store=runs, agent="sarsa")
    chosen = ",".join(f"maze/{one.id}" for one in made)
    compared = f"/compare?runs={chosen}"
    pages = {"web_runs": "/", "web_run": f"/runs/maze/{shown.id}", "web_compare": compared}
    with browser(runs) as visit:
        for name, path in pages.items():
            visit(path).screenshot(path=Path(store) / f"{name}.png")
    return Path(store)


def parts(store: str) -> Path:
    """Parts of labs on the page: a board that learns again, and a piece that plays."""
    runs = Path(store) / "runs"
    shown = [run("maze", store=runs, agent="sarsa"), run("music", store=runs, preset="quick")]
    with browser(runs) as visit:
        page = visit(f"/runs/maze/{shown[0].id}")
        page.set_viewport_size({"width": 800, "height": 1000})
        page.get_by_role("button", name="Open").click()
        page.get_by_role("button", name="Episode").click()
        page.wait_for_timeout(3000)
        for _ in range(3):
            page.get_by_role("button", name="Episode").click()
            page.wait_for_timeout(500)
        for _ in range(40):
            page.get_by_role("button", name="Update").click()
            page.wait_for_timeout(200)
        card = page.locator(".card", has_text="Try it").last
        card.screenshot(path=Path(store) / "web_board.png")
        page = visit(f"/runs/music/{shown[1].id}")
        card = page.locator(".card", has=page.locator("audio")).last
        card.locator("audio").evaluate("sound => { sound.muted = true; sound.currentTime = 6; }")
        page.wait_for_timeout(2000)
        card.screenshot(path=Path(store) / "web_music.png")
    return Path(store)


def windows(store: str) -> Path:
    """The window, as it is drawn without a screen: an episode, and an update."""
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    from sandbox.runs import api
    from sandbox.runs.loop import Settings
    from sandbox.store import Store
    from sandbox.visual import viewer

    class Pictured(viewer.Window):
        """Saves the frames that are wanted, and does not wait."""

        def show(self, frame: Any, steps: int = 1) -> None:
            self._open(frame)
            words = f"{frame.frame.title} {frame.frame.status}"
            for name, wanted in (("window", "step 40 · ε"), ("steps", "3 · step 70 ")):
                if wanted in words:
                    self._hint_until = 0.0
                    self._draw()
                    self._pygame.image.save(
                        self._pygame.display.get_surface(), f"{store}/{name}.png"
                    )

    viewer.Window = Pictured  # type: ignore[misc]
    for steps, episodes in ((False, 600), (True, 4)):
        shown = Settings(pictures=False, viewer=viewer.Viewer(steps=steps))
        request = api.Request("maze", "default", [{"episodes": episodes}])
        api.start(request, Store(store), shown)
    return Path(store)


BREAKING = {"walls": "surmountable", "wall_penalty": -2.0}
SOURCES: dict[str, Source] = {
    "maze": Source(
        ran("maze", agent="sarsa"),
        {
            "maze.gif": "episode.gif",
            "value_map.png": "value_map.png",
            "learning_curve.png": "learning_curve.png",
        },
    ),
    "window": Source(windows, {"window.png": "window.png", "window_steps.png": "steps.png"}),
    "maze-walls": Source(
        ran("maze", agent="q-learning", episodes=1500, env=BREAKING),
        {"maze_walls.gif": "episode.gif"},
    ),
    "maze-random": Source(
        ran(
            "maze",
            agent={"name": "q-learning", "discount": 0.98},
            env={"layout": "random", "size": 20, "layout_seed": 3},
        ),
        {"maze_random.png": "value_map.png"},
    ),
    "maze-why": Source(
        claimed("maze", "G4", 60),
        {"maze_why.png": "why.png", "maze_experiments.png": "experiments.png"},
    ),
    "maze-penalty": Source(
        claimed("maze", "G5", 20), {"maze_penalty.png": "reward_against_wall_penalty.png"}
    ),
    "empty-grid": Source(
        ran("empty-grid"),
        {"empty_grid.gif": "episode.gif", "empty_grid_values.png": "value_map.png"},
    ),
    "empty-grid-curves": Source(
        claimed("empty-grid", "G2", 60), {"empty_grid_curves.png": "learning_curves_grid.png"}
    ),
    "lake": Source(
        ran("gym", preset="frozen-lake-slippery"),
        {"lake.gif": "episode.gif", "lake_values.png": "value_map.png"},
    ),
    "intro": Source(
        ran("intro"), {"intro_fits.png": "fits.png", "intro_descent.png": "descent.png"}
    ),
    "regression": Source(
        ran("regression"),
        {"regression_fit.png": "fit.png", "regression_learning.gif": "learning.gif"},
    ),
    "mnist": Source(
        ran("mnist", preset="best"),
        {
            "mnist_confusion.png": "confusion.png",
            "mnist_receptive_fields.png": "receptive_fields_2.png",
        },
    ),
    "autoencoder": Source(
        ran("autoencoder", preset="best"),
        {
            "autoencoder_reconstructions.png": "reconstructions_clean.png",
            "autoencoder_code_space.png": "code_space.png",
            "autoencoder_morph.gif": "morph_3_9.gif",
        },
    ),
    "music": Source(ran("music"), {"music_continuation.png": "continuation.png"}),
    "compare": Source(
        compared("maze", ["sarsa", "q-learning", "dyna-q"], seeds=10, episodes=1000),
        {"compare_curves.png": "learning_curves.png"},
    ),
    "tasks": Source(
        compared_on_tasks,
        {
            "tasks_aggregates.png": "aggregates.png",
            "tasks_profile.png": "performance_profile.png",
        },
    ),
    "sweep": Source(
        swept(
            "maze",
            grid={"agent.alpha": [0.1, 0.25, 0.5, 1.0], "agent.discount": [0.8, 0.9, 0.95]},
            seeds=3,
            episodes=400,
        ),
        {"sweep_parallel.png": "parallel_coordinates.png"},
    ),
    "web": Source(
        browsed,
        {f"web_{name}.png": f"web_{name}.png" for name in ("runs", "run", "compare")},
    ),
    "web-parts": Source(
        parts, {f"web_{name}.png": f"web_{name}.png" for name in ("board", "music")}
    ),
    "rooms": Source(rooms, {"rooms.png": "rooms.png"}),
}
"""Everything that is drawn, and the pages it is drawn for show."""


def make(names: Iterable[str], images: Path = IMAGES) -> list[str]:
    """Make the pictures of some sources.

    Args:
        names: keys of `SOURCES`.
        images: where they go.

    Returns:
        A sentence for each source that could not be made: an extra or data are missing.
    """
    images.mkdir(exist_ok=True)
    missed = []
    for name in names:
        sys.stdout.write(f"{name}\n")
        with tempfile.TemporaryDirectory() as store:
            try:
                folder = SOURCES[name].make(store)
            except SandboxError as error:
                missed.append(f"{name}: {error}")
                continue
            for image, file in SOURCES[name].pictures.items():
                shutil.copy(folder / file, images / image)
    return missed


def main(words: list[str]) -> int:
    """Make what the command line names, or all."""
    names = [word for word in words if word != "--missing"] or list(SOURCES)
    unknown = [name for name in names if name not in SOURCES]
    if unknown:
        sys.stderr.write(
            f"There is no source {', '.join(unknown)}. There are {', '.join(SOURCES)}.\n"
        )
        return 2
    if "--missing" in words:
        names = [
            name
            for name in names
            if not all((IMAGES / image).exists() for image in SOURCES[name].pictures)
        ]
    missed = make(names)
    sys.stderr.write("".join(f"Left out: {sentence}\n" for sentence in missed))
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
