"""Measurements for the control labs' claims: the run of a setting with a seed, and values computed
from it.

The agent learns on the model directly, without a store or metrics: the same run as that of
`run LAB --seed N`, in some hundredths of a second. A value depends only on setting and seed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np

from agents.control.worlds import joined
from agents.planning import evaluation, probabilities
from agents.planning import solvers as planning
from agents.tabular.base import Episodes, TabularAgent
from envs.grid import GridEnv
from envs.layouts import Layout
from envs.mdp import TabularMDP
from sandbox.config.resolve import resolve
from sandbox.registry.registry import registry
from sandbox.reproduction.table import Measures
from sandbox.seeding import generator

LAST = 100
"""Reports state means over this many last episodes."""
BINS = 100
"""Number of points of a stored learning curve."""
DISCOUNT = 0.9

COMBINATIONS = (
    ("q-learning", "epsilon-greedy", "Q-learning + ε-greedy"),
    ("q-learning", "softmax", "Q-learning + softmax"),
    ("sarsa", "epsilon-greedy", "SARSA + ε-greedy"),
    ("sarsa", "softmax", "SARSA + softmax"),
)
"""The report's four: agent, policy, name."""

Options = tuple[tuple[str, Any], ...]


def combinations(base: Setting) -> dict[str, Setting]:
    """A setting with each of the four combinations, by name."""
    return {
        name: replace(base, agent=agent).but(policy=policy) for agent, policy, name in COMBINATIONS
    }


@dataclass(frozen=True)
class Setting:
    """Everything that defines a run except its seed.

    Attributes:
        env: the environment's name in the registry.
        agent: the agent's name in the registry.
        episodes: number of learning episodes.
        options: options of the agent that differ from its defaults, as (name, value).
        world: options of the environment, likewise.
    """

    env: str
    agent: str
    episodes: int
    options: Options = ()
    world: Options = ()

    def but(self, **options: Any) -> Setting:
        """A copy with other options of the agent."""
        return replace(self, options=tuple({**dict(self.options), **options}.items()))

    def within(self, **world: Any) -> Setting:
        """A copy with other options of the environment."""
        return replace(self, world=tuple({**dict(self.world), **world}.items()))


def read_settings(package: str) -> dict[str, Setting]:
    """The settings in the table `settings` of a package's `claims.toml`, by name.

    A row holds the fields of `Setting`; with `like` it starts from the named earlier row and
    changes some fields. "NAME: COMBINATION" is the setting with one of the four combinations of
    agent and policy.
    """
    text = files(package).joinpath("claims.toml").read_text(encoding="utf-8")
    settings: dict[str, Setting] = {}
    for name, row in tomllib.loads(text)["settings"].items():
        options, world = row.pop("options", {}), row.pop("world", {})
        base = settings[row["like"]] if "like" in row else Setting(**row)
        settings[name] = base.but(**options).within(**world)
    for name, base in list(settings.items()):
        settings |= {f"{name}: {which}": one for which, one in combinations(base).items()}
    return settings


def by_name(settings: Mapping[str, Setting], measures: Measures) -> Measures:
    """Wrap measures so that they take settings by name.

    Args:
        settings: the result of `read_settings`.
        measures: functions of settings, other values and the seed, in this order, by name.
    """

    def call(measure: Callable[..., float], *arguments: object) -> float:
        return measure(
            *(settings.get(one, one) if isinstance(one, str) else one for one in arguments)
        )

    return {name: partial(call, measure) for name, measure in measures.items()}


class TrainingOutcome(NamedTuple):
    """The cached results of a run."""

    last: float
    """Mean reward per step of the last 100 episodes."""
    curve: np.ndarray
    """Mean reward per step in equal stretches of episodes: float32 [BINS]."""
    arrived: np.ndarray
    """Whether it reached the goal in an episode: bool [episodes]."""
    q: np.ndarray
    """float64 [states, actions]."""


@cache
def _env(name: str, world: Options) -> GridEnv:
    env_class = registry().load("env", name)
    return env_class(config=resolve(env_class.Config, [dict(world)], name))


def layout(setting: Setting) -> Layout:
    """The layout of a setting's environment."""
    return _env(setting.env, setting.world).layout


def model(setting: Setting) -> TabularMDP:
    """The exact model of a setting's environment; settings with equal environments share it."""
    return _env(setting.env, setting.world).model


def fresh(setting: Setting, seed: int) -> tuple[TabularAgent, np.random.Generator]:
    """A fresh agent and the environment's generator, as in `run LAB --seed N`.

    Args:
        setting: the setting of the run.
        seed: the seed of the run, >= 0.
    """
    agent_class = registry().load("agent", setting.agent)
    config = resolve(agent_class.Config, [dict(setting.options)], setting.agent)
    world = model(setting)
    return agent_class(
        config, world.states, world.actions, generator(seed, "agent"), episodes=setting.episodes
    ), generator(seed, "env")


@cache
def outcome(setting: Setting, seed: int) -> TrainingOutcome:
    """The results of one learning run; cached, because several values and pictures use the same
    runs.

    Args:
        setting: the setting of the run.
        seed: the seed of the run, >= 0.
    """
    agent, rng = fresh(setting, seed)
    return read(agent, agent.learn_model(model(setting), rng, setting.episodes))


def read(agent: TabularAgent, *stretches: Episodes) -> TrainingOutcome:
    """The results of successive stretches of episodes that one agent learned."""
    episodes = joined(stretches)
    rewards, arrived = episodes.return_ / episodes.length, episodes.steps_to_goal >= 0  # [episodes]
    curve = np.array(
        [part.mean() for part in np.array_split(rewards, min(BINS, len(rewards)))], dtype=np.float32
    )  # [BINS]
    return TrainingOutcome(float(rewards[-LAST:].mean()), curve, arrived, agent.q.copy())


@cache
def changed_midway(
    setting: Setting, episodes: int, change: Callable[[np.ndarray], None], seed: int
) -> tuple[TrainingOutcome, np.ndarray]:
    """The results of a run whose table is changed after some episodes, and the table before the
    change.

    Args:
        setting: the setting of the run.
        episodes: after which the table is changed.
        change: changes the table [states, actions] in place.
        seed: the seed of the run.
    """
    agent, rng = fresh(setting, seed)
    before = agent.learn_model(model(setting), rng, episodes)
    q = agent.q.copy()
    change(agent.q)
    after = agent.learn_model(model(setting), rng, setting.episodes - episodes)
    return read(agent, before, after), q


# -- values computed from one run


def last_mean(setting: Setting, seed: int) -> float:
    """Mean reward per step of the last 100 episodes, as in the reports.

    Args:
        setting: the setting of the run.
        seed: the seed of the run, >= 0.
    """
    return outcome(setting, seed).last


def learns(setting: Setting, enough: float, seed: int) -> float:
    """1 if `last_mean` is at least `enough`, else 0.

    Args:
        setting: the setting of the run.
        enough: reward per step.
        seed: the seed of the run, >= 0.
    """
    return float(outcome(setting, seed).last >= enough)


def value_of(setting: Setting, state: int, seed: int) -> float:
    """max over actions of Q in a state.

    Args:
        setting: the setting of the run.
        state: its number.
        seed: the seed of the run, >= 0.
    """
    return float(outcome(setting, seed).q[state].max())


def moves(setting: Setting, seed: int) -> float:
    """Moves of the greedy policy from start to goal; if it does not reach the goal, the steps of an
    episode.

    Args:
        setting: the setting of the run.
        seed: the seed of the run, >= 0.
    """
    world = model(setting)
    policy = probabilities.greedy(outcome(setting, seed).q)
    steps = evaluation.evaluate(world, policy, world.horizon).steps_to_goal
    return float(world.horizon if steps is None else steps)


def converged(setting: Setting, enough: float, seed: int) -> float:
    """The episode from which the curve stays at or above `enough` reward per step, else the last.

    The curve has 100 points, so the result is a multiple of 1/100 of all episodes.

    Args:
        setting: the setting of the run.
        enough: reward per step.
        seed: the seed of the run, >= 0.
    """
    curve = outcome(setting, seed).curve
    below = np.flatnonzero(curve < enough)
    return float((below[-1] + 1) * setting.episodes / len(curve)) if len(below) else 0.0


def earlier(sooner: Setting, later: Setting, enough: float, seed: int) -> float:
    """How many episodes earlier `sooner` has `converged` than `later`, in runs with the same seed.

    Args:
        sooner: the setting expected to converge first.
        later: the setting to compare with.
        enough: reward per step.
        seed: the seed of both runs, >= 0.
    """
    return converged(later, enough, seed) - converged(sooner, enough, seed)


# -- exact values


def best_per_step(setting: Setting) -> float:
    """The best possible expected return of an episode, divided by its length."""
    world = model(setting)
    best = planning.finite_horizon(world, world.horizon).value
    return evaluation.value_at_start(world, best) / world.horizon


def shortest(setting: Setting) -> float:
    """Moves from start to goal on the shortest way."""
    return float(layout(setting).shortest_path_length or np.inf)


def episode_steps(setting: Setting) -> float:
    """Steps after which an episode is truncated."""
    return float(model(setting).horizon)


# -- curves


def bands(setting: Setting, seeds: int) -> np.ndarray:
    """Learning curves of the seeds 0, 1, …: float32 [seeds, BINS].

    Args:
        setting: the setting of the runs.
        seeds: how many, >= 1.
    """
    return np.stack([outcome(setting, seed).curve for seed in range(seeds)])
