"""Learning through `env.step`: the loop of `agents.tabular.kernels.learn`, one call of Gymnasium at a time.

It draws what the compiled loop draws, in the same order, and calls the same compiled rule and policy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import gymnasium
import numpy as np

from agents.tabular.kernels import Log, compiled_rule, is_short, step_size
from agents.tabular.policies import compiled
from sandbox.errors import UsageError

if TYPE_CHECKING:
    from agents.tabular.config import TabularConfig


class StepWorld:
    """An environment with Discrete spaces, its states and actions counted from 0.

    Args:
        env: the environment.

    Raises:
        UsageError: when a space is not Discrete.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        for what, space in (("observations", env.observation_space), ("actions", env.action_space)):
            if not isinstance(space, gymnasium.spaces.Discrete):
                raise UsageError(
                    f"A tabular agent learns where observations and actions are Discrete; the {what} of this environment are {space}."
                )
        self.env = env
        self.states, self.actions = int(env.observation_space.n), int(env.action_space.n)  # type: ignore[attr-defined]
        self._first_state, self._first_action = (
            int(env.observation_space.start),  # type: ignore[attr-defined]
            int(env.action_space.start),  # type: ignore[attr-defined]
        )
        model = getattr(env.unwrapped, "model", None)
        goal = getattr(model, "goal", None)
        limits = (getattr(env.spec, "max_episode_steps", None), getattr(model, "horizon", None))
        self.horizon = min(
            (limit for limit in limits if limit), default=0
        )  # steps until an episode is cut, 0 if nobody says
        self.goal = np.zeros(self.states, dtype=bool) if goal is None else goal  # bool [states]

    def reset(self) -> int:
        """The first state of an episode."""
        observation, _ = self.env.reset()
        return int(observation) - self._first_state

    def step(self, action: int) -> tuple[int, float, bool, bool]:
        """(next_state, reward, terminated, truncated)."""
        observation, reward, terminated, truncated, _ = self.env.step(action + self._first_action)
        return (
            int(observation) - self._first_state,
            float(reward),
            bool(terminated),
            bool(truncated),
        )


class StepLearner(Protocol):
    """What a tabular agent shows of itself to the loop."""

    config: TabularConfig
    next_first: ClassVar[bool]
    rule: ClassVar[Callable[..., None]]
    rng: np.random.Generator

    def remembered(self) -> tuple[np.ndarray, ...]:
        """Its tables, as its rule takes them."""
        ...


def learn_episode(
    agent: StepLearner, world: StepWorld, epsilon: float, alpha: float, log: Log, number: int
) -> None:
    """Learn one episode.

    Args:
        agent: its table is changed in place.
        world: where it learns.
        epsilon: exploration.
        alpha: step size.
        log: is written to.
        number: the episode's place in `log`.
    """
    config = agent.config
    q, memory, rows, counts, settings, scratch = agent.remembered()
    discount, next_first, power, rng = (
        config.discount,
        agent.next_first,
        config.alpha_division,
        agent.rng,
    )
    (policy, chances), first_ties = compiled(config.policy_name), config.ties == "first"
    rule, short = compiled_rule(type(agent).rule), is_short(type(agent).rule)
    state = world.reset()
    log.start[number] = state
    log.visits[state] += 1
    arrival = 0 if world.goal[state] else -1
    action = policy(q, counts, state, epsilon, first_ties, rng)
    total, steps, ended = 0.0, 0, False
    while not ended:
        next_state, reward, terminated, truncated = world.step(action)
        steps += 1
        total += reward
        log.visits[next_state] += 1
        counts[state, action] += 1
        if arrival < 0 and world.goal[next_state]:
            arrival = steps
        ended = terminated or truncated
        next_action = 0
        if next_first and not terminated:
            next_action = policy(q, counts, next_state, epsilon, first_ties, rng)
        size = step_size(alpha, counts[state, action], power) if power > 0.0 else alpha
        if short:
            rule(q, state, action, reward, next_state, next_action, terminated, size, discount)
        else:
            happened = (
                steps - 1,
                state,
                action,
                reward,
                next_state,
                next_action,
                terminated,
                ended,
            )
            rule(
                q,
                memory,
                rows,
                counts,
                settings,
                scratch,
                *happened,
                size,
                discount,
                epsilon,
                chances,
                first_ties,
                rng,
            )
        if not next_first and not ended:
            next_action = policy(q, counts, next_state, epsilon, first_ties, rng)
        state, action = next_state, next_action
    log.return_[number], log.length[number], log.steps_to_goal[number] = total, steps, arrival
