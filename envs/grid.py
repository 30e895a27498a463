"""Grid worlds: a layout is converted to an exact model, and the environment steps through the
model's arrays.

The model describes everything that `step` does, so learning on the model and in the environment
give the same results.
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from operator import index
from typing import TYPE_CHECKING, Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.error import InvalidAction, ResetNeeded

from envs import layouts
from envs.aliases import Info
from envs.config import EmptyGridConfig, GridConfig, MazeConfig
from envs.images import Images
from envs.layouts import Layout, Position
from envs.mdp import TabularMDP
from sandbox.config.resolve import resolve
from sandbox.errors import UsageError

if TYPE_CHECKING:
    from envs.render.snapshot import Snapshot
    from sandbox.visual.window import Window

STAY, RIGHT, LEFT, DOWN, UP = range(5)
ACTIONS = ("stay", "right", "left", "down", "up")
KNOWN_ACTIONS = ", ".join(f"{number} {name}" for number, name in enumerate(ACTIONS))
STEPS = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))
"""(row, column) step of each action."""
SIDEWAYS = {RIGHT: (DOWN, UP), LEFT: (DOWN, UP), DOWN: (RIGHT, LEFT), UP: (RIGHT, LEFT)}
"""Directions to which a move may slip."""
GOAL_REWARD, BUMP_REWARD = 1.0, -1.0
TRAIL = 8
"""Number of cells behind the agent that are drawn."""


def build_model(layout: Layout, config: GridConfig) -> TabularMDP:
    """The exact model of a layout: state row * columns + column, actions stay, right, left, down,
    up.

    Args:
        layout: the cells.
        config: rewards, slipping, holes, starts and the length of an episode.
    """
    states, kinds = layout.cells.size, 3 if config.slip else 1
    next_state = np.empty((states, len(ACTIONS), kinds), dtype=np.int64)  # [S, A, K]
    reward = np.zeros(next_state.shape)
    terminated = np.zeros(next_state.shape, dtype=bool)
    probability = np.zeros(next_state.shape)
    goal = np.zeros(states, dtype=bool)
    goal[[layout.state(position) for position in layout.goals]] = True

    next_state[:, STAY, :] = np.arange(states)[:, None]
    reward[goal, STAY, 0] = GOAL_REWARD
    probability[:, STAY, 0] = 1.0
    for move in SIDEWAYS:
        result = _move(layout, config, STEPS[move])  # [S] each
        for intended, sides in SIDEWAYS.items():
            directions = (intended, *sides)[:kinds]
            if move not in directions:
                continue
            outcome = directions.index(move)
            at = np.s_[:, intended, outcome]
            next_state[at], reward[at], terminated[at] = result
            probability[at] = config.slip / 2 if outcome else 1.0 - config.slip
    return TabularMDP.from_outcomes(
        next_state,
        reward,
        probability=probability,
        terminated=terminated,
        start_states=np.flatnonzero(layout.free)
        if config.random_start
        else np.array([layout.state(layout.start)]),
        goal=goal,
        horizon=config.episode_length or 0,
    )


@lru_cache(maxsize=1)
def _model_of(config: GridConfig) -> TabularMDP:
    """The model of a configuration; the last one is cached, because environments of one kind are
    often created in a row.
    """
    return build_model(config.build_layout(), config)


def _move(
    layout: Layout, config: GridConfig, step: Position
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The result of one move from every cell: next state int64 [S], reward float64 [S], whether the
    episode terminates bool [S].
    """
    here = np.arange(layout.cells.size).reshape(layout.cells.shape)  # [rows, columns]
    padded = np.pad(here, 1, constant_values=-1)
    ahead = padded[
        1 + step[0] : 1 + step[0] + layout.rows, 1 + step[1] : 1 + step[1] + layout.columns
    ].ravel()  # [S], -1 behind the border
    kind = np.where(
        ahead >= 0, layout.cells.ravel()[ahead], layouts.WALL
    )  # [S], the cell ahead; the border is a wall
    gain = np.array(
        [0.0, BUMP_REWARD, config.wall_penalty, config.sand_penalty, config.hole_penalty]
    )  # in the order of the codes
    fallen = kind == layouts.HOLE
    to = np.where(kind == layouts.WALL, here.ravel(), ahead)
    if config.holes == "restart":
        return np.where(fallen, layout.state(layout.start), to), gain[kind], np.zeros_like(fallen)
    return to, gain[kind], fallen


class GridEnv(gymnasium.Env[Any, int]):
    """A grid of cells in which an agent moves.

    Observation: Discrete(rows * columns), row * columns + column; with `observation="image"` a
    small picture of the grid, uint8 [height, width, 3] (see `envs.images`). Actions: stay, right,
    left, down, up.

    Reward: +1 for staying on a goal; -1 for a move into the border or a solid wall, which does not
    change the cell; `wall_penalty` and `sand_penalty` for a move into a surmountable wall or sand;
    `hole_penalty` for a fall into a hole, after which the agent is at the start, or with
    `holes="end"` the episode terminates; 0 otherwise. With `slip` p a move goes in the intended
    direction with probability 1 - p, and to either side with p/2.

    The environment itself truncates an episode after `episode_length` steps, without a wrapper;
    only a hole terminates it. After its end, as before the first `reset`, `step` raises
    ResetNeeded.

    `np_random` is the only random source: it draws random starts, and slips where they are
    possible. It may be replaced.

    Args:
        render_mode: "human", "rgb_array", "ansi" or None. Closing the human window raises
            `sandbox.visual.window.WindowClosed`.
        config: all options in one object; alternatively give them as keywords.
        options: fields of the class's `Config`.

    Raises:
        ConfigError: an option or the layout is wrong.
    """

    Config: ClassVar[type[GridConfig]] = GridConfig
    metadata: dict[str, Any] = {  # noqa: RUF012 - declared as in Gymnasium
        "render_modes": ["human", "rgb_array", "ansi"],
        "render_fps": 12,
    }

    def __init__(
        self, render_mode: str | None = None, *, config: GridConfig | None = None, **options: Any
    ) -> None:
        if config is not None and options:
            raise UsageError(
                f"Give {type(self).__name__} either `config` or single options, not both: "
                f"{', '.join(options)}."
            )
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise UsageError(
                f"No render mode '{render_mode}'. Known: "
                f"{', '.join(self.metadata['render_modes'])}."
            )
        self.config: GridConfig = config or resolve(self.Config, [options], type(self).__name__)
        self.layout = self.config.build_layout()
        self.observation_space, self.action_space = self.config.spaces()
        self._images = Images(self.layout) if self.config.observation == "image" else None
        self.render_mode = render_mode
        self._model: TabularMDP | None = None
        self._window: Window | None = None
        self._state = 0
        self._left = 0  # steps until truncation; 0 before the first reset and after the end
        self._steps, self._return = 0, 0.0  # of this episode, only with a render mode
        self._trail: deque[Position] = deque(maxlen=TRAIL)

    @property
    def model(self) -> TabularMDP:
        """The exact model, built when it is first read."""
        if self._model is None:
            self._model = _model_of(self.config)
            self._open_views()
        return self._model

    def reset(self, *, seed: int | None = None, options: Info | None = None) -> tuple[Any, Info]:
        """Begin an episode.

        Args:
            seed: the seed of `np_random`; None continues its stream.
            options: ignored; accepted for compatibility with Gymnasium.
        """
        super().reset(seed=seed)
        self._state = self.model.sample_start(self.np_random)
        self._left = self.model.horizon or -1  # counts down; from -1 it never reaches 0
        self._steps, self._return = 0, 0.0
        self._trail.clear()
        if self.render_mode == "human":
            self.render()
        return self._seen(self._state), {}

    def step(self, action: int) -> tuple[Any, float, bool, bool, Info]:
        """Take one action, 0 to 4.

        Raises:
            InvalidAction: the action is not one of these numbers; the state is unchanged.
            ResetNeeded: before the first `reset`, or after the end of an episode.
        """
        if not self._left:
            raise ResetNeeded(
                "There is no episode to step in: it has not begun, or it is over. Call reset() "
                "first."
            )
        try:
            number = index(action)
        except TypeError:
            number = -1
        if not 0 <= number <= 4:
            raise InvalidAction(f"No action {action!r}. The actions are {KNOWN_ACTIONS}.")
        entry = (self._state * 5 + number) * self._outcomes
        if self._draws and (cumulative := self._cumulative)[entry] < 1.0:
            chance = self._np_random.random()  # type: ignore[union-attr]  # reset has made it
            while chance >= cumulative[entry]:
                entry += 1
        state: int = self._next_state[entry]
        reward: float = self._reward[entry]
        terminated: bool = self._terminated[entry]
        if self.render_mode is not None:
            self._trail.append(self.layout.position(self._state))
            self._steps += 1
            self._return += reward
        self._state = state
        left = self._left - 1
        self._left = 0 if terminated else left
        if self.render_mode == "human":
            self.render()
        return (
            state if self._images is None else self._images.draw(state),
            reward,
            terminated,
            left == 0,
            {},
        )

    def observe(self, states: np.ndarray) -> np.ndarray:
        """Observations of states, int64 [n]: the states themselves, or images uint8 [n, height,
        width, 3]."""
        return states if self._images is None else self._images.draw_all(states)

    def _seen(self, state: int) -> Any:
        return state if self._images is None else self._images.draw(state)

    def render(self) -> Any:
        """Render the current state according to `render_mode`: an array uint8 [height, width, 3],
        text, or None after drawing to the window.
        """
        if self.render_mode is None:
            gymnasium.logger.warn(
                f"render() shows nothing without a render mode: make {type(self).__name__} with "
                "render_mode='rgb_array'."
            )
            return None
        if self.render_mode == "ansi":
            return self.layout.to_text(agent=self.position)
        if self.render_mode == "rgb_array":
            return self.snapshot().draw()
        if self._window is None:
            from sandbox.visual.window import Window

            self._window = Window(type(self).__name__, fps=self.metadata["render_fps"])
        self._window.show(self.snapshot())
        return None

    def close(self) -> None:
        """Close the window, if there is one; the next `render` opens another."""
        if self._window is not None:
            self._window.close()
            self._window = None

    @property
    def position(self) -> Position:
        """The agent's cell (row, column); before the first episode, the layout's start."""
        return self.layout.start if self._model is None else self.layout.position(self._state)

    def snapshot(self, status: str = "") -> Snapshot:
        """A snapshot of the current state, for drawing; steps, return and trail are recorded only
        with a render mode.

        Args:
            status: text of the status line, instead of step and return.
        """
        status = status or f"step {self._steps} · return {self._return:g}"
        return self.moment(self.position, tuple(self._trail), status)

    def moment(self, agent: Position, trail: tuple[Position, ...], status: str) -> Snapshot:
        """A snapshot with the agent in any cell, for drawing.

        Args:
            agent: row and column.
            trail: cells it passed through, oldest first.
            status: the status line.
        """
        from envs.render.snapshot import Snapshot

        title = type(self).__name__
        return Snapshot(layout=self.layout, agent=agent, trail=trail, status=status, title=title)

    def _open_views(self) -> None:
        """Create flat memoryviews of the model's arrays: indexing them returns Python numbers and
        is several times faster than indexing arrays.
        """
        assert self._model is not None
        model = self._model
        self._outcomes = model.outcomes
        self._draws = bool((model.cumulative[..., 0] < 1.0).any())
        self._next_state, self._cumulative = _view(model.next_state), _view(model.cumulative)
        self._reward, self._terminated = _view(model.reward), _view(model.terminated)

    def __getstate__(self) -> dict[str, Any]:
        """For copy and pickle: everything but the window and the views, which cannot be copied."""
        return {
            name: value
            for name, value in self.__dict__.items()
            if name != "_window" and not isinstance(value, memoryview)
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _window=None)
        if self._model is not None:
            self._open_views()


def _view(array: np.ndarray) -> Any:
    """A flat memoryview of a contiguous array; its elements are read as int, float or bool."""
    return array.reshape(-1).data


class MazeEnv(GridEnv):
    """The report's maze (REPORTS, G3), or any other layout. Gymnasium id: sandbox/Maze-v0."""

    Config = MazeConfig


class EmptyGridEnv(GridEnv):
    """The report's empty grid (REPORTS, G2). Gymnasium id: sandbox/EmptyGrid-v0."""

    Config = EmptyGridConfig
