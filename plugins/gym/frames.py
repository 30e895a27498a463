"""Episodes as the environment draws them itself, with a line below that says what is going on.

Every animation plays an environment of its own with a generator of its own: what learns does not notice.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from envs import ids
from envs.render import captioned
from plugins.gym import fitting
from sandbox.errors import UsageError
from sandbox.text import number

LONGEST = 300
"""Frames of an episode that is watched by itself."""
SHORT = 40
"""Frames of each episode where many are watched."""


@dataclass(frozen=True)
class ShownStep:
    """One picture.

    Attributes:
        pixels: as the environment drew them, uint8 [height, width, 3].
        status: the line below.
    """

    pixels: np.ndarray
    status: str

    def draw(self, hidden: frozenset[str] = frozenset()) -> np.ndarray:
        """The picture with its line, uint8 [height + 32, width, 3]; it has no layers to hide."""
        return captioned(self.pixels, self.status)


def episode_now(experiment: Any, rng: np.random.Generator) -> Iterator[ShownStep]:
    """One episode as the agent behaves now: with its exploration while it learns, greedy once it is done."""
    done = experiment.done
    knowledge = (
        experiment.done_units,
        0.0 if done else float(experiment.agent.epsilon()),
        experiment.agent.q,
    )
    return _closing(
        experiment,
        lambda env: islice(_episode(experiment, env, knowledge, rng, explore=not done), LONGEST),
    )


def episodes_then(experiment: Any, rng: np.random.Generator) -> Iterator[ShownStep]:
    """How it learned: an episode for each snapshot, the last one greedy."""

    def all_of_them(env: Any) -> Iterator[ShownStep]:
        for snapshot in experiment.snapshots:
            yield from islice(
                _episode(
                    experiment,
                    env,
                    (snapshot.episode, snapshot.epsilon, snapshot.q),
                    rng,
                    explore=True,
                ),
                SHORT,
            )
        last = experiment.snapshots[-1]
        yield from islice(
            _episode(experiment, env, (last.episode, last.epsilon, last.q), rng, explore=False),
            LONGEST,
        )

    return _closing(experiment, all_of_them)


def greedy_episode(experiment: Any, rng: np.random.Generator) -> Iterator[ShownStep]:
    """One episode of an agent with a network, which sees what the environment itself says."""
    options = experiment.config.env.options
    modes = list((experiment.env.metadata or {}).get("render_modes", []))
    if "rgb_array" not in modes:
        raise UsageError(
            f"{options.id} draws no pictures of itself (render modes: {', '.join(modes) or 'none'})."
        )
    env = ids.make(options, "rgb_array")
    try:
        observation, _ = env.reset(seed=int(rng.integers(2**31)))
        total, over = 0.0, False
        for step in range(LONGEST):
            status = f"env step {number(experiment.env_steps)} · step {step} · greedy · return {number(total, 4)}"
            yield ShownStep(np.ascontiguousarray(env.render(), dtype=np.uint8), status)
            if over:
                return
            observation, reward, terminated, truncated, _ = env.step(
                experiment.agent.act(observation)
            )
            total, over = total + float(reward), bool(terminated or truncated)
    finally:
        env.close()


def _closing(experiment: Any, play: Any) -> Iterator[ShownStep]:
    """Frames of an environment that is closed afterwards.

    Raises:
        UsageError: when the environment cannot draw itself.
    """
    config = experiment.config
    modes = fitting.render_modes(config)
    if "rgb_array" not in modes:
        raise UsageError(
            f"{config.env.options.id} draws no pictures of itself (render modes: {', '.join(modes) or 'none'})."
        )
    os.environ.setdefault(
        "SDL_AUDIODRIVER", "dummy"
    )  # pygame looks for a loudspeaker, and complains where there is none
    env = fitting.numbered(config, "rgb_array")
    try:
        yield from play(env)
    finally:
        env.close()


def _episode(
    experiment: Any,
    env: Any,
    knowledge: tuple[int, float, np.ndarray],
    rng: np.random.Generator,
    explore: bool,
) -> Iterator[ShownStep]:
    episode, epsilon, q = knowledge
    agent = copy.copy(experiment.agent)  # a second one, that knows what this one knew then
    agent.q, agent.episodes_done = np.asarray(q, dtype=np.float64), episode
    state, _ = env.reset(seed=int(rng.integers(2**31)))
    mode, total, step, over = f"ε {number(epsilon, 3)}" if explore else "greedy", 0.0, 0, False
    while True:
        status = f"episode {number(episode)} · step {step} · {mode} · return {number(total, 4)}"
        yield ShownStep(np.ascontiguousarray(env.render(), dtype=np.uint8), status)
        if over:
            return
        state, reward, terminated, truncated, _ = env.step(
            agent.act(state, explore=explore, rng=rng)
        )
        total, step, over = total + reward, step + 1, terminated or truncated
