"""The experiment of agents with a table: learn in blocks of episodes, evaluate, keep snapshots.

Block boundaries depend on the configuration alone: a block ends when its episodes amount to a fixed
number of steps, and whenever a snapshot or an evaluation is due. Those that are due at a number of
env steps take place at the end of the episode in which it is reached.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from agents.control.base import (
    SNAPSHOT_BYTES,
    AgentExperiment,
    TableSnapshot,
    snapshot_columns,
)
from agents.control.config import ControlConfig
from agents.control.worlds import TableWorld, joined
from agents.snapshots import SNAPSHOTS, snapshot_times
from agents.tabular.base import Episodes
from envs.aliases import Env
from sandbox.frames import StepView
from sandbox.lab import Block, Context, Frame, State, Summary
from sandbox.registry.registry import registry
from sandbox.text import number

BLOCK_STEPS = 1_000_000
"""Approximate number of compiled learning steps in a block: some hundredths of a second."""
TOGETHER_STEPS = 100_000
"""The same for each of many seeds that learn together; a block of 1000 seeds takes seconds."""
NEVER = 2**62
"""More episodes, or env steps, than a run has."""
ROUNDING = 1e-9
"""Scores whose relative difference is smaller count as equal."""


class ControlExperiment(AgentExperiment):
    """A tabular agent that learns in one environment.

    Args:
        config: the lab's configuration.
        context: its generator "agent" draws actions and breaks ties.
        world: the newly built world; it draws starts and slips from the context's generator "env".
        watched: whether to take snapshots, and to evaluate the greedy policy at each of them;
            neither affects learning.
    """

    world: TableWorld
    env_steps: int
    unit = "episode"
    figures = "agents.control.pictures"
    headline: Sequence[str] = ("reward_per_step", "epsilon")

    def __init__(
        self, config: ControlConfig, context: Context, world: TableWorld, watched: bool = True
    ) -> None:
        super().__init__(config, world)
        planned = config.planned_episodes(world.horizon)
        self.agent = registry().load("agent", config.agent.name)(
            config.agent.options,
            world.states,
            world.actions,
            context.rng("agent"),
            episodes=planned,
        )
        self.agent.prepare(on_model=world.model is not None)
        self.limit = config.episodes
        self.env_steps = 0
        room = SNAPSHOT_BYTES // (4 * world.states * world.actions)
        self._due = snapshot_times(planned, min(SNAPSHOTS, max(2, room))) if watched else []
        self._due_steps: list[int] = []
        if config.env_steps is not None:
            self.agent.stride = world.horizon
            self._due_steps = [
                min(world.horizon * episode, config.env_steps) for episode in self._due
            ]
            self._due = []
            if world.model is not None and not world.model.terminated.any():
                self.limit = planned
        if not watched:
            self.every = 0
        elif self.every and world.model is not None:
            world.evaluate(self.agent)  # compiled, or read from the cache, before it is timed
        steps = BLOCK_STEPS if watched else TOGETHER_STEPS
        self._block_episodes = max(1, steps // max(1, world.horizon))
        self.snapshots: list[TableSnapshot] = []
        self._keep_snapshot()

    def _keep_snapshot(self) -> None:
        agent = self.agent
        self.snapshots.append(
            TableSnapshot(self.done_units, float(agent.epsilon()), agent.q.astype(np.float32))
        )

    @property
    def notes(self) -> Sequence[str]:
        """Why the finished agent stays below the optimum, if the agent can tell, or that it knows
        no numbers."""
        if not np.isfinite(self.agent.q).all():
            why = "its rule divides by zero, or its step size is too large"
            return (f"Values of {self.config.agent.name} are infinite or NaN: {why}.",)
        why = self.agent.shortfall() if self.done else ""
        score = self.score() if why else None
        if score is None or score.optimum is None:
            return ()
        if score.optimum - score.value <= ROUNDING * max(1.0, abs(score.optimum)):
            return ()
        earned, best = number(score.value, 4), number(score.optimum, 4)
        return (f"{self.config.agent.name} earns {earned} of {best}: {why}.",)

    @property
    def done_units(self) -> int:
        """Episodes learned so far."""
        return int(self.agent.episodes_done)

    @property
    def done(self) -> bool:
        """Whether all episodes, or all env steps, are learned."""
        return super().done or self.env_steps >= (self.config.env_steps or NEVER)

    def advance(self) -> Sequence[Block]:
        """Learn one block of episodes; where one is due, evaluate the greedy policy."""
        before = self.env_steps
        with self._learning():
            learned = self._learn()
        steps = before + np.cumsum(learned.length)
        self.env_steps = int(steps[-1])
        self._remember(learned.return_)
        columns = {"episode": learned.episode, "env_steps": steps, "return": learned.return_}
        blocks = [Block("learn", columns | self._learn_columns(learned))]
        snapshot = self.done_units in self._due or any(
            before < point <= self.env_steps for point in self._due_steps
        )
        if snapshot or (self.done and self._due_steps):
            self._keep_snapshot()
        points = [self.env_steps] if snapshot else []
        if self.every:
            end = min(self.env_steps, self.config.env_steps or NEVER)
            points = self._points(before, end)
            points += [end] * (self.done and end not in points)
        if points:
            blocks.append(self._evaluation(self.done_units, points))
        return blocks

    def _learn(self) -> Episodes:
        """A block of episodes; what is due at a number of env steps ends it early."""
        done, steps = self.done_units, self.env_steps
        parts: list[Episodes] = []
        last = next((episode for episode in self._due if episode > done), self.limit or NEVER)
        left = min(self._block_episodes, last - done)  # episodes
        due = min([self.config.env_steps or NEVER, *(p for p in self._due_steps if p > steps)])
        if self.every:
            due = min(due, (steps // self.every + 1) * self.every)
        while left and steps < due:
            self.agent.most_steps = due - steps
            part = self.world.learn(self.agent, left if self.agent.watch is None else 1)
            left, steps = left - len(part.length), steps + int(part.length.sum())
            parts.append(part)
        return joined(parts)

    def _learn_columns(self, learned: Episodes) -> dict[str, np.ndarray]:
        """Columns of the stream "learn" after episode, env_steps and return: [episodes]."""
        arrival = learned.steps_to_goal
        return {
            "reward_per_step": self.episode_scores(learned.return_),
            "length": learned.length,
            "steps_to_goal": np.where(arrival >= 0, arrival, np.nan),
            "epsilon": learned.epsilon,
            "regret": self._regrets(learned.return_, learned.start),
        }

    def state(self) -> State:
        """Agent, counters and snapshots, and the environment's state if it is stepped and has one;
        the context saves the generators."""
        memory = self.world.memory() if self.env_steps else {}
        return {
            "agent": self.agent.state(),
            "env_steps": self.env_steps,
            "last": self._last,
            "snapshots": snapshot_columns(self.snapshots),
            **({"world": memory} if memory else {}),
        }

    def restore(self, state: State) -> None:
        """Restore what `state` returned."""
        self.agent.restore(state["agent"])
        self.world.recall(state.get("world", {}))
        self.env_steps, self._last = state["env_steps"], state["last"]
        kept = state["snapshots"]
        columns = zip(kept["episode"], kept["epsilon"], kept["q"], strict=True)
        self.snapshots = [TableSnapshot(*values) for values in columns]

    def counts(self) -> Summary:
        """Numbers of episodes and steps, and the agent's findings."""
        return {
            "episodes": self.done_units,
            "env_steps": self.env_steps,
            **self.overshoot(),
            **self.agent.findings(),
        }

    def watch_steps(self, title: str, view: StepView) -> bool:
        """See `Experiment.watch_steps`; the agent learns through `env.step` while it is watched."""
        from agents.control.steps import StepFrames

        stage = self.stage()
        if not self.agent.learns or stage is None:
            return False
        self.world.watched(stage)
        self.agent.watch = StepFrames(self, title, view, stage)
        return True

    def stage(self) -> Env | None:
        """A copy of the environment in which learning can be watched, or None."""
        return type(self.env)(config=self.env.config)

    def frames(self, name: str, rng: np.random.Generator, history: bool) -> Iterator[Frame]:
        """Frames of episodes in the grid, played on its model."""
        from agents.control import replay

        tables = [snapshot.q for snapshot in self.snapshots] if history else [self.agent.q]
        known = replay.knowledge(self, rng, history)
        title = f"{name} · {self.config.agent.name}"
        return replay.grid_frames(self, known, (q.max(axis=1) for q in tables), rng, title)
