"""Options of grid environments. A configuration is always valid: its layout is built when the
configuration is created.

Cheap to import, because the command line's help imports it.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from envs import layouts
from envs.layouts import MADE_TO_MEASURE, NAMED, Layout, LayoutError, Position
from envs.random_mazes import Kind, random_maze
from sandbox.config.model import LabConfig
from sandbox.errors import did_you_mean, reason_of
from sandbox.input_files import read_text

NAMES = (*NAMED, *MADE_TO_MEASURE)
"""All names that the option `layout` accepts."""


class GridConfig(LabConfig):
    """Cells, rewards and length of an episode."""

    layout: str = Field(
        "maze",
        description=f"{', '.join(NAMES)}; or a text file; or the rows themselves, separated by '/'",
    )
    size: int = Field(
        10, ge=2, le=1000, description="rows and columns of the layouts empty and random"
    )
    layout_seed: int = Field(0, ge=0, description="which of the random mazes")
    kind: Kind = Field(
        "perfect", description="random mazes: one way only, loops, or scattered walls"
    )
    density: float = Field(
        0.3,
        ge=0,
        le=0.4,
        description="share of walls in an open random maze, at most as many as leave it connected",
    )
    start: Position | None = Field(
        None, description="row,column of the start instead of the layout's own"
    )
    goal: Position | None = Field(
        None, description="row,column of the only goal instead of the layout's own"
    )
    random_start: bool = Field(
        False, description="start each episode in any cell that is no wall and no hole"
    )
    episode_length: int | None = Field(
        None, ge=1, le=10**9, description="steps of an episode; none: four times the shortest way"
    )
    walls: Literal["solid", "surmountable"] = Field(
        "solid", description="whether all walls of the layout can be crossed"
    )
    wall_penalty: float = Field(
        -4.0, le=0, description="reward for moving into a surmountable wall"
    )
    sand_penalty: float = Field(-0.5, le=0, description="reward for moving into sand")
    hole_penalty: float = Field(-5.0, le=0, description="reward for falling into a hole")
    holes: Literal["restart", "end"] = Field(
        "restart", description="a hole returns to the start, or ends the episode"
    )
    slip: float = Field(
        0.0, ge=0, lt=1, description="probability that a move slips to a right angle"
    )
    observation: Literal["state", "image"] = Field(
        "state", description="what is seen: the number of the cell, or a small picture of the grid"
    )
    allow_unsolvable: bool = Field(False, description="accept a layout without a way to the goal")

    @field_validator("layout", mode="after")
    @classmethod
    def _text_of_file(cls, value: str) -> str:
        """Replace a file's name by its text, so that the configuration stays complete when the file
        changes.
        """
        name = value.strip(" ").lower().replace("_", "-")
        if name in NAMES:
            return name
        return value if _looks_like_rows(value) else _read(value)

    @model_validator(mode="after")
    def _sound(self) -> GridConfig:
        """Refuse options without effect and invalid layouts; set the default episode length."""
        self._refuse_idle_options()
        layout = self.build_layout()
        if not self.allow_unsolvable:
            layouts.check_solvable(layout)
        if self.episode_length is None:
            shortest = layout.shortest_path_length or layout.rows + layout.columns
            self.__dict__["episode_length"] = 4 * shortest  # the model is frozen from here on
        return self

    def build_layout(self) -> Layout:
        """The layout of this configuration; equal configurations share one object."""
        return _layout(
            self.layout,
            self.size,
            self.layout_seed,
            self.kind,
            self.density,
            self.start,
            self.goal,
            self.walls,
        )

    def spaces(self) -> tuple[Any, Any]:
        """The Gymnasium spaces of observations and actions."""
        import numpy as np
        from gymnasium.spaces import Box, Discrete

        layout = self.build_layout()
        if self.observation == "state":
            return Discrete(layout.cells.size), Discrete(5)
        from envs.images import shape

        return Box(0, 255, shape(layout), np.uint8), Discrete(5)

    def _refuse_idle_options(self) -> None:
        """Refuse options that this layout ignores, unless they have their defaults."""
        needs = {
            "size": ("layout empty or random", self.layout in MADE_TO_MEASURE),
            "layout_seed": ("layout random", self.layout == "random"),
            "kind": ("layout random", self.layout == "random"),
            "density": (
                "layout random of kind open",
                self.layout == "random" and self.kind == "open",
            ),
        }
        values, fields = dict(self), type(self).model_fields
        idle = [
            f"{name.replace('_', '-')} = {values[name]} counts only for {needed}"
            for name, (needed, met) in needs.items()
            if not met and values[name] != fields[name].default
        ]
        if idle:
            shown = self.layout if self.layout in NAMES else "one given as text"
            raise ValueError(f"{'; '.join(idle)}; the layout here is {shown}.")


class MazeConfig(GridConfig):
    """The report's maze (REPORTS, G3): 42 moves, episodes of 168 steps, which is four times the
    shortest path.
    """


class EmptyGridConfig(GridConfig):
    """The report's empty grid (REPORTS, G2): start (7, 7), goal (2, 2), episodes of 50 steps."""

    layout: str = Field("empty", description=GridConfig.model_fields["layout"].description)
    episode_length: int | None = Field(
        50, ge=1, le=10**9, description=GridConfig.model_fields["episode_length"].description
    )


@lru_cache(maxsize=16)
def _layout(
    layout: str,
    size: int,
    seed: int,
    kind: Kind,
    density: float,
    start: Position | None,
    goal: Position | None,
    walls: str,
) -> Layout:
    """The layout for these fields; the last few are cached, because a large maze takes a second to
    generate.
    """
    if layout == "empty":
        return layouts.empty(size, start, goal)
    if layout == "random":
        grid = random_maze(size, seed, kind, density, start, goal)
    else:
        grid = layouts.parse(NAMED.get(layout, layout), start, goal)
    return grid.surmountable() if walls == "surmountable" else grid


def _looks_like_rows(value: str) -> bool:
    """Whether `value` is meant as rows of cells, valid or not, rather than as a file's name."""
    strange = sum(symbol not in layouts.ALPHABET and symbol != "/" for symbol in value)
    return "\n" in value or strange == 0 or ("/" in value and 2 * strange < len(value))


def _read(path: str) -> str:
    """The text of a layout file.

    Raises:
        LayoutError: it cannot be read, or is not text.
    """
    try:
        text = read_text(os.path.expanduser(path))
    except FileNotFoundError:
        hint = did_you_mean(path, NAMES) or f" Names are {', '.join(NAMES)}."
        raise LayoutError(f"no layout and no file is called '{path}'.{hint}") from None
    except (OSError, ValueError) as error:
        raise LayoutError(f"cannot read '{path}' as text: {reason_of(error)}") from error
    return text if _looks_like_rows(text) else f"{text}\n"
