"""How the control labs' claims are measured: one training run for a setting and a seed, and figures read off it.

The agent learns on the model directly, with no store and no metrics in between: the same run as `run LAB --seed N` makes, in some
hundredths of a second. A figure is a function of setting and seed alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from agents.planning import evaluation, probabilities
from agents.planning import solvers as planning
from envs.mdp import TabularMDP
from sandbox.config.resolve import resolve
from sandbox.registry.registry import registry
from sandbox.seeding import generator

LAST = 100
"""Reports state means over this many last episodes."""
BINS = 100
"""Points of a kept learning curve."""
DISCOUNT = 0.9

COMBINATIONS = (
    ("q-learning", "epsilon-greedy", "Q-learning + ε-greedy"),
    ("q-learning", "softmax", "Q-learning + softmax"),
    ("sarsa", "epsilon-greedy", "SARSA + ε-greedy"),
    ("sarsa", "softmax", "SARSA + softmax"),
)
"""The report's four: agent, policy, name."""

Options = tuple[tuple[str, Any], ...]


def combinations(base: Setting) -> list[tuple[str, Setting]]:
    """A setting with each of the four combinations, by name."""
    return [
        (name, replace(base, agent=agent).but(policy=policy))
        for agent, policy, name in COMBINATIONS
    ]


@dataclass(frozen=True)
class Setting:
    """Everything but the seed.

    Attributes:
        env: the environment's name in the registry.
        agent: the agent's.
        episodes: of learning.
        options: of the agent, over its defaults, as (name, value).
        world: of the environment, likewise.
    """

    env: str
    agent: str
    episodes: int
    options: Options = ()
    world: Options = ()

    def but(self, **options: Any) -> Setting:
        """The same with other options of the agent."""
        return replace(self, options=tuple({**dict(self.options), **options}.items()))

    def within(self, **world: Any) -> Setting:
        """The same with other options of the environment."""
        return replace(self, world=tuple({**dict(self.world), **world}.items()))


class TrainingOutcome(NamedTuple):
    """What is kept of a run."""

    last: float
    """Mean reward per step of the last 100 episodes."""
    curve: np.ndarray
    """Mean reward per step of equal stretches of episodes: float32 [BINS]."""
    arrived: np.ndarray
    """Whether it stood on the goal in an episode: bool [episodes]."""
    q: np.ndarray
    """float64 [states, actions]."""


def env(name: str, world: Options = ()) -> Any:
    """An environment; equal ones share one, which nobody steps."""
    return _env(name, world)


def model(setting: Setting) -> TabularMDP:
    """The exact model of a setting's environment."""
    return _model(setting.env, setting.world)


def fresh(setting: Setting, seed: int) -> tuple[Any, np.random.Generator]:
    """An agent that has learned nothing, and the environment's generator: those of `run LAB --seed N`."""
    agent_class = registry().load("agent", setting.agent)
    config = resolve(agent_class.Config, [dict(setting.options)], setting.agent)
    world = model(setting)
    return agent_class(
        config, world.states, world.actions, generator(seed, "agent"), episodes=setting.episodes
    ), generator(seed, "env")


@cache
def outcome(setting: Setting, seed: int) -> TrainingOutcome:
    """One run of learning; kept, because several figures and pictures are read off the same runs."""
    agent, rng = fresh(setting, seed)
    return read(agent, agent.learn_model(model(setting), rng, setting.episodes))


def read(agent: Any, *stretches: Any) -> TrainingOutcome:
    """What is kept of stretches of episodes, learned one after the other by one agent."""
    rewards = np.concatenate(
        [stretch.return_ / stretch.length for stretch in stretches]
    )  # [episodes]
    arrived = np.concatenate([stretch.steps_to_goal >= 0 for stretch in stretches])  # [episodes]
    curve = np.array(
        [part.mean() for part in np.array_split(rewards, min(BINS, len(rewards)))], dtype=np.float32
    )  # [BINS]
    return TrainingOutcome(float(rewards[-LAST:].mean()), curve, arrived, agent.q.copy())


@cache
def changed_midway(
    setting: Setting, episodes: int, change: Callable[[np.ndarray], None], seed: int
) -> tuple[TrainingOutcome, np.ndarray]:
    """A run whose table is changed by somebody else after so many episodes, and the table [states, actions] as it was before that."""
    agent, rng = fresh(setting, seed)
    before = agent.learn_model(model(setting), rng, episodes)
    found = agent.q.copy()
    change(agent.q)
    return read(
        agent, before, agent.learn_model(model(setting), rng, setting.episodes - episodes)
    ), found


# -- figures of one run


def last_mean(setting: Setting) -> Callable[[int], float]:
    """Mean reward per step of the last 100 episodes: the reports' figure."""
    return lambda seed: outcome(setting, seed).last


def learns(setting: Setting, enough: float) -> Callable[[int], float]:
    """1 if that mean is at least `enough`, else 0."""
    return lambda seed: float(outcome(setting, seed).last >= enough)


def value_of(setting: Setting, state: int) -> Callable[[int], float]:
    """max over actions of Q in a state."""
    return lambda seed: float(outcome(setting, seed).q[state].max())


def moves(setting: Setting) -> Callable[[int], float]:
    """Moves of the greedy policy from start to goal; the length of an episode when it does not come there."""

    def measure(seed: int) -> float:
        steps = evaluation.evaluate(
            model(setting), probabilities.greedy(outcome(setting, seed).q), model(setting).horizon
        ).steps_to_goal
        return float(model(setting).horizon if steps is None else steps)

    return measure


def converged(setting: Setting, enough: float) -> Callable[[int], float]:
    """The episode from which the curve stays at `enough` reward per step or above; all episodes if it never does.

    The curve has 100 points, so the answer is a multiple of a hundredth of all episodes.
    """

    def measure(seed: int) -> float:
        curve = outcome(setting, seed).curve
        below = np.flatnonzero(curve < enough)
        return float((below[-1] + 1) * setting.episodes / len(curve)) if len(below) else 0.0

    return measure


def earlier(
    sooner: Callable[[int], float], later: Callable[[int], float]
) -> Callable[[int], float]:
    """How much lower the first figure is than the second, in runs of one seed."""
    return lambda seed: later(seed) - sooner(seed)


# -- exact figures


def exactly(value: Callable[[], float]) -> Callable[[int], float]:
    """A figure that no seed changes."""
    return lambda seed: value()


def best_per_step(setting: Setting) -> float:
    """The best possible expected return of an episode, by its length."""
    world = model(setting)
    return float(world.start @ planning.finite_horizon(world, world.horizon).value / world.horizon)


def shortest(setting: Setting) -> float:
    """Moves from start to goal on the shortest way."""
    return float(env(setting.env, setting.world).layout.shortest_path_length)


def bands(setting: Setting, seeds: int) -> np.ndarray:
    """Learning curves of the seeds 0, 1, …: float32 [seeds, BINS]."""
    return np.stack([outcome(setting, seed).curve for seed in range(seeds)])


@cache
def _env(name: str, world: Options) -> Any:
    env_class = registry().load("env", name)
    return env_class(config=resolve(env_class.Config, [dict(world)], name))


@cache
def _model(name: str, world: Options) -> TabularMDP:
    made: TabularMDP = _env(name, world).model
    return made
