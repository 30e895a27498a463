"""Many grids in one NumPy step: each sub-environment behaves exactly like a single environment,
draw by draw.

gymnasium.make_vec("sandbox/Maze-v0", num_envs=4096, vectorization_mode="vector_entry_point",
slip=0.1, autoreset_mode="SameStep")
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from envs.aliases import Info
from envs.config import GridConfig
from envs.grid import ACTIONS, KNOWN_ACTIONS, TRAIL, EmptyGridEnv, GridEnv, MazeEnv
from envs.streams import Streams
from envs.vector_arguments import autoreset_mode_of, check_mask, positive, seeds_of
from sandbox.errors import UsageError
from sandbox.lab import State


class GridVectorEnv(VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """Sub-environments that share one model; equivalent to Gymnasium's SyncVectorEnv of `num_envs`
    `GridEnv`.

    Each sub-environment has its own generator, created at its first draw. Ended
    episodes are treated as `autoreset_mode` says (https://farama.org/Vector-Autoreset-Mode):

    - NEXT_STEP: the next step ignores the action and begins a new episode; its reward is 0.
    - SAME_STEP: a new episode begins at once; `infos["final_obs"]` holds the last observations
      where `infos["_final_obs"]` is True.
    - DISABLED: nothing happens until `reset(options={"reset_mask": …})`; a further step
      raises ResetNeeded.

    Args:
        num_envs: how many, 1 or more.
        render_mode: "rgb_array", "ansi" or None; `render` then returns a tuple with a picture of
            every sub-environment.
        autoreset_mode: an AutoresetMode or its value: "NextStep", "SameStep", "Disabled".
        max_episode_steps: truncates earlier than `episode_length`, as Gymnasium's TimeLimit does;
            None and -1 do not.
        config: all options in one object; alternatively give them as keywords.
        options: fields of the configuration.

    Attributes:
        states: the state of each sub-environment, int64 [envs]; do not write to it.
        arrived: the states that the last step led to, int64 [envs]: for an ended episode its last
            state, not the first state of the next.

    Raises:
        UsageError: num_envs or a mode is wrong.
        ConfigError: an option or the layout is wrong.
    """

    single: ClassVar[type[GridEnv]] = GridEnv
    """The single environment that each sub-environment is equivalent to."""
    metadata: dict[str, Any] = {  # noqa: RUF012
        "render_modes": ["rgb_array", "ansi"],
        "render_fps": GridEnv.metadata["render_fps"],
    }

    def __init__(
        self,
        num_envs: int = 1,
        render_mode: str | None = None,
        *,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        max_episode_steps: int | None = None,
        config: GridConfig | None = None,
        **options: Any,
    ) -> None:
        self.num_envs = positive("num_envs", num_envs)
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            hint = (
                " To watch, wrap it in gymnasium.wrappers.vector.HumanRendering."
                if render_mode == "human"
                else ""
            )
            raise UsageError(
                f"No render mode '{render_mode}' for many. Known: "
                f"{', '.join(self.metadata['render_modes'])}.{hint}"
            )
        self._mode = autoreset_mode_of(autoreset_mode)
        one = self.single(config=config, **options)
        self._one = one
        self.config, self.layout, self.model = one.config, one.layout, one.model
        self.render_mode = render_mode
        self.metadata = {**self.metadata, "autoreset_mode": self._mode}
        self.single_observation_space = one.observation_space
        self.single_action_space = one.action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

        limits = [self.model.horizon]
        if max_episode_steps is not None and max_episode_steps != -1:
            limits.append(positive("max_episode_steps", max_episode_steps))
        # steps of an episode; from -1 it never reaches 0
        self._horizon = min(filter(None, limits), default=-1)
        self._draws_starts = self.model.always_draw or len(self.model.start_states) > 1
        self._draws_outcomes = bool((self.model.cumulative[..., 0] < 1.0).any())
        self._streams = Streams(self.num_envs)
        self._begun = False
        self.states = np.full(self.num_envs, self.layout.state(self.layout.start))  # int64 [envs]
        self.arrived = self.states  # int64 [envs]
        self._left = np.zeros(self.num_envs, dtype=np.int64)  # [envs], steps until truncation
        self._over = np.zeros(
            self.num_envs, dtype=bool
        )  # [envs], whose episode has ended, with no new one yet
        self._story = _Story(self.num_envs) if render_mode is not None else None

    @property  # type: ignore[misc]  # as in SyncVectorEnv
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """The generator of each sub-environment.

        After this property is read, `step` draws numbers one at a time, which is slower, until the
        next seed.
        """
        return self._streams.lend()

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """The seed of each sub-environment."""
        return self._streams.seeds()

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: Info | None = None,
    ) -> tuple[np.ndarray, Info]:
        """Begin episodes.

        Args:
            seed: an int n seeds sub-environment i with n + i; a list holds one seed or None for
                each. None continues all streams.
            options: {"reset_mask": bool [envs]} resets only those. (SyncVectorEnv removes it from
                the caller's dictionary, which breaks wrappers that read it; here it is not
                removed.)

        Returns:
            Observations int64 [envs], of all (images uint8 [envs, height, width, 3]); and {}.
        """
        seeds = seeds_of(seed, self.num_envs)
        mask = (options or {}).get("reset_mask")
        if mask is None:
            mask = np.ones(self.num_envs, dtype=bool)
        else:
            check_mask(mask, self.num_envs)
            if not self._begun:
                raise ResetNeeded(
                    "reset_mask leaves some episodes as they are, but none has begun. Call "
                    "reset() without it first."
                )
        if seeds is not None:
            self._streams.seed(seeds, mask)
        state = self.states.copy()
        self._begin(state, mask)
        self.states, self._over, self._begun = state, self._over & ~mask, True
        return self._observed(state), {}

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, Info]:
        """Take one action in each sub-environment.

        Args:
            actions: integers [envs].

        Returns:
            Observations int64 [envs], rewards float64 [envs], terminated and truncated bool [envs],
            infos.

        Raises:
            InvalidAction: an action is not a number from 0 to 4; no state has changed.
            ResetNeeded: an episode has not begun, or is over and is not reset automatically.
        """
        over = (
            self._over if self._over.any() else None
        )  # bool [envs]; None if all continue, which is faster
        if not self._begun or (over is not None and self._mode is AutoresetMode.DISABLED):
            raise ResetNeeded(self._no_episode())
        entry = self._outcome(self._checked(actions, over), over)
        state = self.model.next_state.ravel().take(entry)  # [envs]
        reward = self.model.reward.ravel().take(entry)
        terminated = self.model.terminated.ravel().take(entry)
        self._left -= 1
        truncated = self._left == 0
        if self._story is not None:
            self._story.add(self.states, reward, over)
        if over is not None:
            reward[over], terminated[over], truncated[over] = 0.0, False, False
            self._begin(state, over)
        self._over = terminated | truncated
        infos: Info = {}
        self.arrived = state
        if self._mode is AutoresetMode.SAME_STEP and self._over.any():
            self.arrived = state.copy()
            infos = _final(self._one.observe(state[self._over]), self._over)
            self._begin(state, self._over)
            self._over = np.zeros(self.num_envs, dtype=bool)
        self.states = state
        return self._observed(state), reward, terminated, truncated, infos

    def _observed(self, states: np.ndarray) -> np.ndarray:
        """The observations of these states, int64 [envs], as an array that the caller may keep."""
        return states.copy() if self.config.observation == "state" else self._one.observe(states)

    def memory(self) -> State:
        """Arrays and plain values for `recall`: all states, and the generators."""
        generators = [generator.bit_generator.state for generator in self.np_random]
        return {
            "state": self.states.copy(),
            "left": self._left.copy(),
            "over": self._over.copy(),
            "generators": generators,
        }

    def recall(self, memory: State) -> None:
        """Restore what `memory` returned, in environments of the same configuration."""
        self.states, self._left, self._over = (
            np.array(memory[name]) for name in ("state", "left", "over")
        )
        for generator, state in zip(self.np_random, memory["generators"], strict=True):
            generator.bit_generator.state = state
        self._begun = True

    def render(self) -> tuple[Any, ...] | None:
        """A picture of every sub-environment: uint8 [height, width, 3] or text each, according to
        `render_mode`; None without a render mode.
        """
        if self._story is None:
            gymnasium.logger.warn(
                "render() shows nothing without a render mode: make the environments with "
                "render_mode='rgb_array'."
            )
            return None
        positions = [self.layout.position(state) for state in self.states.tolist()]
        if self.render_mode == "ansi":
            return tuple(self.layout.to_text(agent=position) for position in positions)
        frames = []
        for number, position in enumerate(positions):
            trail = tuple(
                self.layout.position(state)
                for state in self._story.trail[:, number].tolist()
                if state >= 0
            )
            steps, total = int(self._story.steps[number]), float(self._story.total[number])
            status = f"step {steps} · return {total:g}"
            frames.append(self._one.moment(position, trail, status).draw())
        return tuple(frames)

    def _begin(self, state: np.ndarray, where: np.ndarray) -> None:
        """Begin episodes where `where`, bool [envs], is True: their starts are written into
        `state`, int64 [envs]."""
        model = self.model
        if self._draws_starts:
            chance = self._streams.draw(where)[where]
            state[where] = model.start_states[
                np.searchsorted(model.start_cumulative, chance, side="right")
            ]
        else:
            state[where] = model.start_states[0]
        self._left[where] = self._horizon
        if self._story is not None:
            self._story.forget(where)

    def _outcome(self, actions: np.ndarray, over: np.ndarray | None) -> np.ndarray:
        """Index of each action's outcome in the model's flattened arrays: int64 [envs]."""
        outcomes = self.model.outcomes
        entry = (self.states * len(ACTIONS) + actions) * outcomes  # [envs]
        if not self._draws_outcomes:
            return entry
        cumulative = self.model.cumulative.ravel()
        first = cumulative.take(entry)
        chancy = first < 1.0
        chance = self._streams.draw(
            chancy if over is None else chancy & ~over
        )  # below 1, so a certain outcome (cumulative 1) is never passed over
        chosen = entry + (chance >= first)
        for outcome in range(1, outcomes - 1):
            chosen += chance >= cumulative.take(entry + outcome)
        return chosen

    def _checked(self, actions: np.ndarray, over: np.ndarray | None) -> np.ndarray:
        """The actions as int64 [envs] after checking them; where an episode is reset, the given
        action is ignored.
        """
        array = np.asarray(actions)
        if array.shape != (self.num_envs,) or array.dtype.kind not in "iu":
            raise InvalidAction(
                f"Actions of the shape {array.shape}, {array.dtype}: expected ({self.num_envs},), "
                "integers."
            )
        array = array.astype(np.int64, copy=False)
        if array.min() >= 0 and array.max() < len(ACTIONS):
            return array
        wrong = (array < 0) | (array >= len(ACTIONS))
        if over is not None:
            array, wrong = np.where(over, 0, array), wrong & ~over
        if wrong.any():
            first = int(np.argmax(wrong))
            raise InvalidAction(
                f"No action {array[first]} (sub-environment {first}). "
                f"The actions are {KNOWN_ACTIONS}."
            )
        return array

    def _no_episode(self) -> str:
        """The error message when there is no episode to step in."""
        if not self._begun:
            return "There is no episode to step in: it has not begun. Call reset() first."
        count, first = int(self._over.sum()), int(np.argmax(self._over))
        return (
            f"{count} of {self.num_envs} episodes are over, the first of them in sub-environment "
            f"{first}, and autoreset is disabled. "
            "Call reset(options={'reset_mask': terminated | truncated}) first."
        )


class MazeVectorEnv(GridVectorEnv):
    """Many of `envs.grid.MazeEnv`. Gymnasium id: sandbox/Maze-v0."""

    single = MazeEnv


class EmptyGridVectorEnv(GridVectorEnv):
    """Many of `envs.grid.EmptyGridEnv`. Gymnasium id: sandbox/EmptyGrid-v0."""

    single = EmptyGridEnv


class _Story:
    """The trails, steps and returns of the current episodes, for pictures; kept only with a render
    mode."""

    def __init__(self, count: int) -> None:
        self.trail = np.full(
            (TRAIL, count), -1
        )  # int64 [TRAIL, envs], states, oldest first; -1: none
        self.steps = np.zeros(count, dtype=np.int64)  # [envs]
        self.total = np.zeros(count)  # [envs], return

    def add(self, left: np.ndarray, reward: np.ndarray, over: np.ndarray | None) -> None:
        """Add one step: previous states int64 [envs], rewards float64 [envs]; ignored where the
        episode is over.
        """
        moved = slice(None) if over is None else ~over
        self.trail[:-1, moved] = self.trail[1:, moved]
        self.trail[-1, moved] = left[moved]
        self.steps[moved] += 1
        self.total[moved] += reward[moved]

    def forget(self, where: np.ndarray) -> None:
        """Reset the records where True, bool [envs]."""
        self.trail[:, where], self.steps[where], self.total[where] = -1, 0, 0.0


def _final(observations: np.ndarray, over: np.ndarray) -> Info:
    """The infos of episodes that ended and were reset in the same step, in Gymnasium's layout.

    Args:
        observations: the last observations of the episodes that ended, [ended, …].
        over: which episodes ended, bool [envs].
    """
    last = np.full(len(over), None, dtype=object)  # [envs]
    ended = observations.tolist() if observations.ndim == 1 else observations
    for number, observation in zip(np.flatnonzero(over).tolist(), ended, strict=True):
        last[number] = observation
    return {
        "final_obs": last,
        "_final_obs": over.copy(),
        "final_info": {},
        "_final_info": over.copy(),
    }
