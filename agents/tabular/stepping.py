"""Learning through `env.step`: the loop of `agents.tabular.kernels.learn`, with calls of
Gymnasium's `env.step`.

It draws the same random numbers as the compiled loop, in the same order, and calls the same
compiled rule and policy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Protocol

import gymnasium
import numpy as np

from agents.tabular.compiling import (
    compiled_policy,
    compiled_probabilities,
    compiled_rule,
    direct,
    is_short,
)
from agents.tabular.kernels import Log, Own, Step, step_size
from sandbox.errors import UsageError

if TYPE_CHECKING:
    from agents.tabular.changes import Update
    from agents.tabular.config import TabularConfig
    from envs.aliases import Env, Space


class StepWorld:
    """An environment with Discrete spaces, its states and actions counted from 0.

    Args:
        env: the environment.

    Raises:
        UsageError: when a space is not Discrete.
    """

    def __init__(self, env: Env) -> None:
        self.env = env
        self.states, self._first_state = _counted("observations", env.observation_space)
        self.actions, self._first_action = _counted("actions", env.action_space)
        model = getattr(env.unwrapped, "model", None)
        goal = getattr(model, "goal", None)
        limits = (env.spec.max_episode_steps if env.spec else 0, getattr(model, "horizon", 0))
        self.horizon = min((limit for limit in limits if limit), default=0)  # steps; 0: no limit
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


def _counted(what: str, space: Space) -> tuple[int, int]:
    """The number of elements of a Discrete space, and the first of them."""
    if not isinstance(space, gymnasium.spaces.Discrete):
        raise UsageError(
            "A tabular agent learns where observations and actions are Discrete; "
            f"the {what} of this environment are {space}."
        )
    return int(space.n), int(space.start)


class StepWatch(Protocol):
    """Applies the rule in place of the loop, and sees every step."""

    def __call__(self, update: Update, step: Step, total: float) -> None:
        """Call `update` once, on what the agent owns.

        Args:
            update: the agent's rule.
            step: the step.
            total: the return so far.
        """


class StepLearner(Protocol):
    """The part of a tabular agent that the loop uses."""

    config: TabularConfig
    next_first: ClassVar[bool]
    rule: ClassVar[Callable[..., None]]
    rng: np.random.Generator
    watch: StepWatch | None

    def own(self) -> Own:
        """The arrays that its rule takes."""
        ...


def callable_rule(rule: Callable[..., None]) -> Callable[..., None]:
    """A compiled rule, in the form that is fastest to call from Python."""
    return direct(compiled_rule(rule))


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
        number: the episode's index in `log`.
    """
    config, own, rng, watch = agent.config, agent.own(), agent.rng, agent.watch
    q, counts, power = own.q, own.counts, config.alpha_division
    policy, first_ties = direct(compiled_policy(config.policy_name)), config.ties == "first"
    rule, short = callable_rule(type(agent).rule), is_short(type(agent).rule)
    fill_probabilities = None if short else compiled_probabilities(config.policy_name)

    def update(own: Own, step: Step, rng: np.random.Generator) -> None:
        if short:
            rule(own.q, step)
        else:
            rule(own, step, fill_probabilities, rng)

    state = world.reset()
    log.start[number] = state
    log.visits[state] += 1
    arrival = 0 if world.goal[state] else -1
    action = policy(q, counts, state, epsilon, first_ties, rng)
    total, time, ended = 0.0, 0, False
    while not ended:
        next_state, reward, terminated, truncated = world.step(action)
        total += reward
        log.visits[next_state] += 1
        counts[state, action] += 1
        if arrival < 0 and world.goal[next_state]:
            arrival = time + 1
        ended = terminated or truncated
        next_action = 0
        if agent.next_first and not terminated:
            next_action = policy(q, counts, next_state, epsilon, first_ties, rng)
        step = Step(
            time=time,
            state=state,
            action=action,
            reward=reward,
            next_state=next_state,
            next_action=next_action,
            terminated=terminated,
            ended=ended,
            alpha=step_size(alpha, counts[state, action], power) if power > 0.0 else alpha,
            discount=config.discount,
            epsilon=epsilon,
            first_ties=first_ties,
        )
        if watch is None:
            update(own, step, rng)
        else:
            watch(update, step, total)
        if not agent.next_first and not ended:
            next_action = policy(q, counts, next_state, epsilon, first_ties, rng)
        state, action, time = next_state, next_action, time + 1
    log.return_[number], log.length[number], log.steps_to_goal[number] = total, time, arrival
