"""The experiment that all control labs share: learn in blocks of episodes, evaluate exactly, keep snapshots, show.

Block boundaries depend on the configuration alone: a block ends after a fixed number of steps' worth of episodes, and wherever a
snapshot is due.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import count
from typing import Any

import numpy as np

from agents.control.config import ControlConfig
from agents.control.worlds import World
from agents.planning import solvers as planning
from envs.mdp import TabularMDP
from sandbox.lab import Block, Context, Experiment, State, Summary
from sandbox.registry.registry import registry
from sandbox.score import Score
from sandbox.text import number

BLOCK_STEPS = 1_000_000
"""About as many steps of compiled learning make one block: some hundredths of a second."""
TOGETHER_STEPS = 100_000
"""The same for each of many seeds that learn together, so that a thousand of them make a block of seconds."""
SNAPSHOTS = 30
SNAPSHOT_BYTES = 64_000_000
"""All snapshots together stay below this; very large grids keep fewer."""
LAST = 100
"""Reports state means over this many last episodes."""
ROUNDING = 1e-9
"""Scores that differ by less, relative to their size, are the same."""
BEST_RETURN = "the highest expected return of an episode of {} steps, undiscounted"
OPTIMUM_WORK = 10**10
"""Above so many elementary steps the exact optimum is not computed, and regret is "none"."""


def snapshot_episodes(episodes: int, at_most: int = SNAPSHOTS) -> list[int]:
    """After which episodes a snapshot is taken: geometrically spaced from 1 to the last, whole numbers, rising."""
    spaced = np.geomspace(1, episodes, max(2, at_most))
    return sorted({round(float(value)) for value in spaced} | {1, episodes})


@lru_cache(maxsize=1)
def best_returns(model: TabularMDP) -> np.ndarray | None:
    """The best possible return of an episode from each state, undiscounted, until it is cut; None where that takes too long.

    Seeds that learn together share one model, and its optimum.

    Args:
        model: the world.

    Returns:
        float64 [states], or None.
    """
    work = model.next_state.size * model.horizon
    return planning.finite_horizon(model, model.horizon).value if work <= OPTIMUM_WORK else None


class ControlExperiment(Experiment):
    """Learning in one world.

    Args:
        config: has `agent` and `episodes`.
        context: gives the generator "agent" (actions, ties).
        world: the environment, freshly made, or its model; it draws from the context's generator "env" (starts, slips).
        watched: whether to keep snapshots, and to evaluate the greedy policy where one is taken; neither changes what is learned.
    """

    limit: int
    env_steps: int
    learned_seconds: float
    unit = "episode"
    headline = ("reward_per_step", "epsilon")

    banded: tuple[str, ...] = (
        "return",
        "reward_per_step",
        "steps_to_goal",
        "regret",
        "greedy_return",
    )
    """Columns that differ from seed to seed."""

    def __init__(
        self, config: ControlConfig, context: Context, world: World, watched: bool = True
    ) -> None:
        self.config = config
        self.world = world
        self.env: Any = world.env
        self.model: Any = world.model  # a TabularMDP, or None where nobody knows it
        agent_class = registry().load("agent", config.agent.name)
        options: Any = config.agent.options
        self.agent = agent_class(
            options, world.states, world.actions, context.rng("agent"), episodes=config.episodes
        )
        self.agent.prepare()
        self.limit = config.episodes
        self.env_steps = 0
        self.learned_seconds = 0.0
        self.best = None if self.model is None else best_returns(self.model)  # [states] or None
        room = SNAPSHOT_BYTES // (4 * world.states * world.actions)
        self._due = (
            snapshot_episodes(config.episodes, min(SNAPSHOTS, max(2, room))) if watched else []
        )
        self._block_episodes = max(
            1, (BLOCK_STEPS if watched else TOGETHER_STEPS) // max(1, world.horizon)
        )
        self._last: np.ndarray = np.empty(0)  # reward per step of the last episodes
        self.snapshots: list[Snapshotted] = [
            Snapshotted(0, self._epsilon(), self.agent.q.astype(np.float32))
        ]

    @property
    def notes(self) -> Sequence[str]:
        """What whoever runs this should know: sentences that become warnings of the run."""
        why = self.agent.shortfall() if self.done else ""
        score = self.score() if why else None
        if (
            score is None
            or score.optimum is None
            or score.optimum - score.value <= ROUNDING * max(1.0, abs(score.optimum))
        ):
            return ()
        return (
            f"{self.config.agent.name} earns {number(score.value, 4)} of {number(score.optimum, 4)}: {why}.",
        )

    @property
    def done_units(self) -> int:
        """Episodes learned so far."""
        return int(self.agent.episodes_done)

    def advance(self) -> Sequence[Block]:
        """Learn one block of episodes; where a snapshot is due, also evaluate the greedy policy exactly."""
        done = self.done_units
        due = next((episode for episode in self._due if episode > done), self.limit)
        begun = time.perf_counter()
        learned = self.world.learn(self.agent, min(self._block_episodes, due - done))
        self.learned_seconds += time.perf_counter() - begun
        blocks = [self._learn_block(learned)]
        if self.done_units in self._due:
            self.snapshots.append(
                Snapshotted(due, self._epsilon(), self.agent.q.astype(np.float32))
            )
            blocks.append(self._evaluate_block())
        return blocks

    def state(self) -> State:
        """Agent, counters and snapshots; the generators are the context's."""
        return {
            "agent": self.agent.state(),
            "env_steps": self.env_steps,
            "last": self._last,
            "snapshots": {
                "episode": [snapshot.episode for snapshot in self.snapshots],
                "epsilon": [snapshot.epsilon for snapshot in self.snapshots],
                "q": np.stack([snapshot.q for snapshot in self.snapshots]),
            },
        }

    def restore(self, state: State) -> None:
        """Take up what `state` returned."""
        self.agent.restore(state["agent"])
        self.env_steps, self._last = state["env_steps"], state["last"]
        kept = state["snapshots"]
        self.snapshots = [
            Snapshotted(*values)
            for values in zip(kept["episode"], kept["epsilon"], kept["q"], strict=True)
        ]

    def score(self) -> Score:
        """The greedy policy's expected reward per step of an episode, exact."""
        horizon, optimum = self.world.horizon, self.optimum()
        value = self.world.evaluate(self.agent).reward_per_step
        best = None if optimum is None else optimum / horizon
        return Score(
            "reward_per_step",
            value,
            best,
            f"{BEST_RETURN.format(horizon)}, by {horizon} steps",
            unit="reward per step",
        )

    def summary(self) -> Summary:
        """The greedy policy's scores, exact (no sampling), beside the best possible; returns in units of reward, lengths in steps."""
        greedy = self.world.evaluate(self.agent)
        optimum = self.optimum()
        return {
            "reward_per_step": greedy.reward_per_step,
            "greedy_return": greedy.expected_return,
            "steps_to_goal": _whole(greedy.steps_to_goal),
            "optimum": None if optimum is None else optimum / self.world.horizon,
            "optimal_return": optimum,
            "regret": None if optimum is None else optimum - greedy.expected_return,
            f"reward_per_step_last_{LAST}": float(self._last.mean()) if len(self._last) else None,
            "episodes": self.done_units,
            "env_steps": self.env_steps,
            **self.agent.findings(),
        }

    def optimum(self) -> float | None:
        """The best expected return of an episode, or None when it is too large to compute."""
        return None if self.best is None else float(self.model.start @ self.best)

    def values(self, q: np.ndarray | None = None) -> np.ndarray:
        """max over actions of Q: float [states]."""
        best: np.ndarray = (self.agent.q if q is None else q).max(axis=1)
        return best

    def _epsilon(self) -> float:
        return float(self.agent.epsilon())

    def _learn_block(self, learned: Any) -> Block:
        per_step = learned.return_ / self.world.horizon
        steps = self.env_steps + np.cumsum(learned.length)
        self.env_steps = int(steps[-1])
        self._last = np.concatenate([self._last, per_step])[-LAST:]
        regret = (
            np.full(len(per_step), np.nan)
            if self.best is None
            else self.best[learned.start] - learned.return_
        )
        return Block(
            "learn",
            {
                "episode": learned.episode,
                "env_steps": steps,
                "return": learned.return_,
                "reward_per_step": per_step,
                "length": learned.length,
                "steps_to_goal": np.where(
                    learned.steps_to_goal >= 0, learned.steps_to_goal, np.nan
                ),
                "epsilon": learned.epsilon,
                "regret": regret,
            },
        )

    def _evaluate_block(self) -> Block:
        greedy = self.world.evaluate(self.agent)
        optimum = self.optimum()
        return Block(
            "evaluate",
            {
                "episode": [self.done_units],
                "env_steps": [self.env_steps],
                "greedy_return": [greedy.expected_return],
                "reward_per_step": [greedy.reward_per_step],
                "steps_to_goal": [
                    float("nan") if greedy.steps_to_goal is None else greedy.steps_to_goal
                ],
                "regret": [float("nan") if optimum is None else optimum - greedy.expected_return],
            },
        )


class Snapshotted:
    """What the agent knew after some episode.

    Args:
        episode: episodes learned.
        epsilon: exploration then.
        q: float32 [states, actions].
    """

    def __init__(self, episode: int, epsilon: float, q: np.ndarray) -> None:
        self.episode, self.epsilon, self.q = episode, epsilon, q


def walk(model: TabularMDP, act: Any, rng: np.random.Generator) -> Iterator[tuple[int, int, float]]:
    """One episode on the model: yields (state, steps so far, return so far), the start first.

    Args:
        model: the world.
        act: (state, steps before) -> action.
        rng: draws starts and outcomes.
    """
    state = model.sample_start(rng)
    total = 0.0
    yield state, 0, total
    for step in count(1):
        action = act(state, step - 1)
        outcome = model.sample_outcome(state, action, rng)
        total += float(model.reward[state, action, outcome])
        ends = bool(model.terminated[state, action, outcome])
        state = int(model.next_state[state, action, outcome])
        yield state, step, total
        if ends or step == model.horizon:
            return


def _whole(value: float | None) -> float | int | None:
    """A whole number as an int: 42, not 42.0."""
    return int(value) if value is not None and float(value).is_integer() else value
