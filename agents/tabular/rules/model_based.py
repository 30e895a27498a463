"""Agents that learn a model of the environment and plan with it. Their update rules are in
`agents.tabular.rules.model_rules`.

A model is learned from steps alone; agents that are given the exact one are in
`agents.tabular.rules.planners`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from agents.planning import probabilities
from agents.tabular.base import Episodes, Numbers, TabularAgent
from agents.tabular.config import PolicyName, TabularConfig, no_step_size
from agents.tabular.rules import model_rules
from sandbox.errors import SandboxError, UsageError

if TYPE_CHECKING:
    from agents.tabular.kernels import Log

LARGEST = 2**30
"""Largest size of an agent's arrays, in bytes."""


class ModelBasedConfig(TabularConfig):
    """Options of agents with a learned model in addition to the common ones."""

    outcomes: int = Field(
        8,
        ge=1,
        le=10**6,
        description="room of the learned model: different outcomes of a pair, on average",
    )


class DynaConfig(ModelBasedConfig):
    """Options of `dyna-q` in addition to the common ones."""

    planning_steps: int = Field(
        10, ge=0, le=10**6, description="updates from the learned model after every step"
    )
    believes: Literal["all", "last"] = Field(
        "all",
        description="the model of a pair: all its outcomes, as often as they came, or the last one "
        "(the book: a certain world, which may change)",
    )


class DynaPlusConfig(DynaConfig):
    """Options of `dyna-q-plus` in addition to the common ones."""

    kappa: float = Field(
        1e-4,
        ge=0,
        description="in planning, kappa times the root of the steps since a pair was tried is "
        "added to its reward",
    )


class SweepingConfig(ModelBasedConfig):
    """Options of `prioritized-sweeping` in addition to the common ones."""

    alpha: float = Field(
        1.0,
        gt=0,
        le=1,
        description="step size of an update; 1 is right where the model is an expectation",
    )
    planning_steps: int = Field(
        10, ge=0, le=10**6, description="updates from the queue after every step"
    )
    threshold: float = Field(
        1e-4,
        ge=0,
        description="a pair is queued if an update would change its value by more than this",
    )


class RMaxConfig(ModelBasedConfig):
    """Options of `r-max` in addition to the common ones; the optimistic value of unknown pairs is
    `initial_value`, an upper bound of all returns."""

    without_effect: ClassVar[Mapping[str, str]] = no_step_size(
        "r-max plans exactly with what it knows"
    )

    policy: PolicyName = Field(
        "greedy",
        description="how actions are picked while learning; optimism explores enough",
    )
    known: int = Field(
        20,
        ge=1,
        le=10**6,
        description="visits after which a pair is known; 1 is enough where nothing is by chance",
    )
    tolerance: float = Field(
        1e-6,
        gt=0,
        description="planning ends when no value changed by more than this in a sweep",
    )
    max_sweeps: int = Field(1000, ge=1, le=10**6, description="planning ends after so many sweeps")


class UcbViConfig(ModelBasedConfig):
    """Options of `ucb-vi` in addition to the common ones."""

    without_effect: ClassVar[Mapping[str, str]] = {
        **no_step_size("ucb-vi plans exactly with what it knows"),
        "initial_value": "values begin as the most that is left of an episode; see highest_return",
    }

    policy: PolicyName = Field(
        "greedy",
        description="how actions are picked while learning; the bonus explores enough",
    )
    discount: float = Field(1.0, gt=0, le=1, description="worth of a reward one step later (gamma)")
    initial_value: float | None = Field(
        0.0, description="none is needed: values begin as the most that is left"
    )
    horizon: int | None = Field(
        None,
        ge=1,
        le=10**6,
        description="steps planned ahead; none: the time limit of an episode, or 100 without one",
    )
    highest_return: float | None = Field(
        None,
        description="from no state on an episode brings more; none: 1 for each step left",
    )
    value_range: float | None = Field(
        1.0,
        gt=0,
        description="how far apart the returns of episodes can lie (B); none: 1 for each step "
        "planned ahead",
    )
    bonus: float = Field(
        0.01,
        ge=0,
        description="weight c of the bonus c B L / √N; 7 in the paper, smaller ones learn sooner",
    )
    failure: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="how likely the bonus may be too small (delta), where its weight is 7",
    )


class ModelAgent(TabularAgent):
    """Base of the agents below: their arrays, and the error when those are full."""

    Config = ModelBasedConfig
    config: ModelBasedConfig

    @property
    def room(self) -> int:
        """The number of outcomes that the model can hold; at least one for each pair."""
        return self.states * self.actions * min(self.config.outcomes, 2 * self.states)

    def rows_shape(self, horizon: int) -> tuple[int, int]:
        """A row of counters, then a row for each outcome."""
        return self._affordable(1 + self.room, model_rules.COLUMNS, "fewer outcomes")

    def _affordable(self, rows: int, columns: int, remedy: str) -> tuple[int, int]:
        size = 8 * rows * columns
        if size > LARGEST:
            raise UsageError(
                f"Agent '{self.name}' needs {size / 2**30:.1f} GiB for {self.states} states and "
                f"{self.actions} actions, more than "
                f"{LARGEST / 2**30:.0f}. Give it {remedy}, or use q-learning, which needs its "
                f"table alone."
            )
        return rows, columns

    def _learned(self, log: Log, epsilon: np.ndarray, alpha: np.ndarray) -> Episodes:
        missed = int(self.rows[model_rules.MISSED])
        if missed:
            pairs, needed = self.states * self.actions, self.config.outcomes * 2
            raise SandboxError(
                f"Agent '{self.name}' saw more different outcomes than its model has room for: "
                f"{self.room} for {pairs} pairs of state "
                f"and action; {missed} steps found none. Set its option outcomes to more than "
                f"{self.config.outcomes}, for instance {needed}."
            )
        return super()._learned(log, epsilon, alpha)


class DynaQ(ModelAgent):
    """Q-learning that also learns from steps simulated by its model."""

    name = "dyna-q"
    Config = DynaConfig
    config: DynaConfig
    rule = staticmethod(model_rules.dyna)

    def tables(self) -> Numbers:
        """For each pair, the row of its first outcome and the time it was last tried."""
        return 0.0, 0.0

    def settings(self) -> Numbers:
        """See the rule."""
        return self.room, self.config.planning_steps, 0.0, 0.0, self.config.believes == "last"


class DynaQPlus(DynaQ):
    """Dyna-Q with a bonus for actions not tried for a long time, for environments that change."""

    name = "dyna-q-plus"
    Config = DynaPlusConfig
    config: DynaPlusConfig

    def settings(self) -> Numbers:
        """See the rule."""
        return (
            self.room,
            self.config.planning_steps,
            self.config.kappa,
            1.0,
            self.config.believes == "last",
        )


class PrioritizedSweeping(ModelAgent):
    """Updates the pairs whose values would change most first, then their predecessors."""

    name = "prioritized-sweeping"
    Config = SweepingConfig
    config: SweepingConfig
    rule = staticmethod(model_rules.prioritized_sweeping)

    def tables(self) -> Numbers:
        """Row of a pair's first outcome, row of the first outcome that leads to a state, priority,
        and position in the queue."""
        return 0.0, 0.0, 0.0, 0.0

    def settings(self) -> Numbers:
        """See the rule."""
        return self.room, self.config.planning_steps, self.config.threshold


class RMax(ModelAgent):
    """Assumes that unknown pairs have the highest possible value, and plans exactly with the known
    ones."""

    name = "r-max"
    Config = RMaxConfig
    config: RMaxConfig
    rule = staticmethod(model_rules.r_max)

    def tables(self) -> Numbers:
        """For each pair, the row of its first outcome and its number of visits."""
        return 0.0, 0.0

    def settings(self) -> Numbers:
        """See the rule."""
        return self.room, self.config.known, self.config.tolerance, self.config.max_sweeps


class UcbVi(ModelAgent):
    """Plans every episode by backward induction with a bonus for rarely visited pairs; its regret
    in finite-horizon problems is near-optimal."""

    name = "ucb-vi"
    Config = UcbViConfig
    config: UcbViConfig
    rule = staticmethod(model_rules.ucb_vi)

    def tables(self) -> Numbers:
        """For each pair, the row of its first outcome."""
        return (0.0,)

    def rows_shape(self, horizon: int) -> tuple[int, int]:
        """A row of counters, a row for each outcome, and for each step a table with the values of
        all actions and their maximum in each state."""
        steps = self.config.horizon or horizon or 100
        return self._affordable(
            1 + self.room + steps * self.states,
            max(model_rules.COLUMNS, self.actions + 1),
            "a shorter horizon",
        )

    def settings(self) -> Numbers:
        """See the rule."""
        config = self.config
        most = (1.0, 0.0) if config.highest_return is None else (0.0, config.highest_return)
        weight = (
            (config.bonus, 0.0)
            if config.value_range is None
            else (0.0, config.bonus * config.value_range)
        )
        return self.room, *most, *weight, self.episodes / config.failure

    def table_at(self, step: int) -> np.ndarray:
        """The table of one step of an episode; after the horizon the tables repeat from the
        first."""
        tables = self._tables_of_steps()
        return self.q if tables is None else np.ascontiguousarray(tables[step % len(tables)])

    def played_policy(self) -> np.ndarray:
        """The greedy policy of each step: float64 [horizon, states, actions]."""
        tables = self._tables_of_steps()
        if tables is None:
            return self.policy()
        rows = tables.reshape(-1, self.actions)
        return probabilities.greedy(rows, self.config.ties == "first").reshape(tables.shape)

    def _tables_of_steps(self) -> np.ndarray | None:
        """Q_h for every step h: float64 [horizon, states, actions]; None before the first step."""
        if not self.rows.size or not self.rows[model_rules.BEGUN]:
            return None
        return self.rows[1 + self.room :, : self.actions].reshape(-1, self.states, self.actions)
