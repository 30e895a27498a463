"""The rooms of the house and which imports which, read from the sources; `python
docs/make_images.py rooms` draws them.

A room is a package in one of the four folders; files beside the rooms of a folder count as one room
of its name.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

ROOT = Path(__file__).resolve().parent.parent
ORDER = ("plugins", "agents", "envs", "sandbox")
"""The four folders; each imports itself and those after it."""
COLOURS = dict(zip(ORDER, ("#e69f00", "#56b4e9", "#009e73", "#999999"), strict=True))  # Okabe-Ito
WIDTH, HEIGHT, COLUMNS = 2.4, 0.82, 4
"""Inches of a box, and boxes in a row."""


def modules() -> dict[str, Path]:
    """Every module of the four folders: dotted name -> file."""
    files = (path for folder in ORDER for path in sorted((ROOT / folder).rglob("*.py")))
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in files
    }


MODULES = modules()


def imported(path: Path) -> Iterator[str]:
    """The modules of the house that a file imports, inside functions too.

    Of an `__init__.py`, imports under TYPE_CHECKING do not count: they are what it re-exports.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if path.name == "__init__.py":
        tree.body = [
            node
            for node in tree.body
            if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
        ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in inner if name in MODULES)
            if node.module in MODULES and not all(name in MODULES for name in inner):
                yield node.module


def room(name: str) -> str:
    """The room of a module: "sandbox.store"; "sandbox" for a file beside the rooms."""
    head = ".".join(name.split(".")[:2])
    return head if "." in head and MODULES[head].name == "__init__.py" else head.split(".")[0]


def arrows() -> dict[str, set[str]]:
    """Room -> the rooms that it imports."""
    found: dict[str, set[str]] = {}
    for name, path in MODULES.items():
        others = {room(other) for other in imported(path)}
        found.setdefault(room(name), set()).update(others - {room(name)})
    return found


def levels(found: Mapping[str, set[str]]) -> dict[str, int]:
    """The row of each room, from the bottom of its folder: above all rooms of that folder that it
    imports.

    The files beside the rooms of a folder are its bottom row.
    """
    level = dict.fromkeys(ORDER, 0)

    def height(one: str) -> int:
        if one not in level:
            folder = one.split(".")[0]
            own = [other for other in found[one] if other.split(".")[0] == folder]
            level[one] = 1 + max(map(height, own), default=0)
        return level[one]

    return {one: height(one) for one in found}


def _summary(one: str) -> str:
    if one in ORDER:
        files = sorted(path.stem for path in (ROOT / one).glob("[a-z]*.py"))
        return ", ".join(files)
    text = ast.get_docstring(ast.parse(MODULES[one].read_text(encoding="utf-8"))) or ""
    return text.split("\n")[0].split(". ")[0].rstrip(".")


def _places(found: Mapping[str, set[str]]) -> tuple[dict[str, tuple[float, float]], float]:
    """Left and lower edge of each box in inches, and the height of all."""
    level, places, bottom = levels(found), dict[str, tuple[float, float]](), 0.15
    for folder in reversed(ORDER):
        inside = [one for one in found if one.split(".")[0] == folder and _summary(one)]
        for row in sorted({level[one] for one in inside}):
            here = sorted(one for one in inside if level[one] == row)
            for start in range(0, len(here), COLUMNS):
                for column, one in enumerate(here[start : start + COLUMNS]):
                    places[one] = (1.0 + column * (WIDTH + 0.25), bottom)
                bottom += HEIGHT + 0.25
        bottom += 0.15
    return places, bottom


def draw() -> Figure:
    """The rooms as boxes; arrows lead to the rooms of the same folder that a room imports directly.

    A room may import everything in the folders below its own: such arrows are left out, and so are
    those that a longer path says already.
    """
    found = {
        one: {other for other in to if other.split(".")[0] == one.split(".")[0]} - set(ORDER)
        for one, to in arrows().items()
    }
    found |= {folder: set() for folder in ORDER}
    places, height = _places(found)
    figure = Figure(figsize=(12, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 12), ylim=(0, height))
    axes.axis("off")
    for one, to in found.items():
        for other in to - {far for near in to for far in found[near]}:
            (x, y), (to_x, to_y) = places[one], places[other]
            start, end = (x + WIDTH / 2, y), (to_x + WIDTH / 2, to_y + HEIGHT)
            style = {"arrowstyle": "-|>", "color": "#777777", "linewidth": 0.8, "shrinkB": 1}
            axes.annotate("", end, start, arrowprops=style, zorder=1)
    for one, (x, y) in places.items():
        folder, _, name = one.partition(".")
        box = FancyBboxPatch((x, y), WIDTH, HEIGHT, boxstyle="round,pad=0.02")
        box.set(facecolor="white", edgecolor=COLOURS[folder], linewidth=1.6, zorder=2)
        axes.add_patch(box)
        axes.text(
            x + 0.07, y + HEIGHT - 0.18, name or "files beside the rooms", weight="bold", zorder=3
        )
        lines = textwrap.wrap(_summary(one), 34)
        axes.text(x + 0.07, y + HEIGHT - 0.26, "\n".join(lines[:4]), size=7, va="top", zorder=3)
    for folder in ORDER:
        top = max(y for one, (_, y) in places.items() if one.split(".")[0] == folder)
        axes.text(0.1, top + HEIGHT - 0.2, f"{folder}/", weight="bold", size=11)
    return figure
