"""Agents that are given the exact model: they solve it before their first step, and then follow the
solution.

They do not learn from steps; their scores are the reference for the learning agents. Each reports
whether its solver converged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from agents.planning import solvers as planning
from agents.planning.probabilities import shares
from agents.tabular.base import Episodes, TabularAgent
from agents.tabular.config import PolicyName, TabularConfig, no_step_size
from agents.tabular.schedules import ScheduleName
from sandbox.errors import UsageError
from sandbox.lab import State, Summary

if TYPE_CHECKING:
    from agents.tabular.kernels import Step
    from envs.aliases import Env
    from envs.mdp import TabularMDP


def nothing(q: np.ndarray, step: Step) -> None:
    """A rule that learns nothing from a step."""


class PlannerConfig(TabularConfig):
    """Options of agents with an exact model in addition to the common ones."""

    without_effect: ClassVar[Mapping[str, str]] = {
        **no_step_size("a planner learns nothing from its steps"),
        "initial_value": "a planner's values are the solution's",
    }

    policy: PolicyName = Field(
        "greedy", description="how actions are picked in the episodes that are played"
    )
    tolerance: float = Field(1e-10, gt=0, description="largest error of a value")
    max_sweeps: int = Field(
        100_000, ge=1, description="sweeps over all states after which the solver gives up"
    )


class ModifiedConfig(PlannerConfig):
    """Options of `modified-policy-iteration` in addition to the common ones."""

    evaluation_sweeps: int = Field(
        20,
        ge=0,
        le=10**6,
        description="sweeps that evaluate a policy before it is improved again",
    )


class EpsilonSoftConfig(PlannerConfig):
    """Options of `epsilon-soft` in addition to the common ones; it plans for the ε of the first
    episode, `epsilon`."""

    policy: PolicyName = Field(
        "epsilon-greedy",
        description="how actions are picked in the episodes that are played",
    )
    epsilon: float = Field(
        0.1, ge=0, le=1, description="how often another action is taken than the chosen one"
    )
    epsilon_schedule: ScheduleName = Field(
        "constant", description="how epsilon changes from episode to episode"
    )


class Planner(TabularAgent):
    """Base of the agents below: solves each model that it is given once, and follows the
    solution."""

    Config = PlannerConfig
    config: PlannerConfig
    rule = staticmethod(nothing)
    needs_model = True
    learns = False

    converged: bool | None = None
    """Whether the solver converged; None before the first model."""
    sweeps: int | None = None
    """Number of sweeps over all states."""
    residual: float | None = None
    """Largest change of a value in the last sweep, or the largest change in one more sweep."""
    _planned: TabularMDP | None = None  # the model whose solution it follows

    solver = staticmethod(planning.value_iteration)
    """A function of a model, the discount, the tolerance, and the largest number of sweeps."""

    def solve(self, model: TabularMDP) -> planning.Solution:
        """The solution of a model."""
        config = self.config
        return self.solver(model, config.discount, config.tolerance, config.max_sweeps)

    def plan(self, model: TabularMDP) -> None:
        """Solve a model, if it is new; the table of action values becomes the solution's.

        Raises:
            UsageError: when the model has another number of states or actions, or has no optimum
                (possible only with a discount of 1).
        """
        if self._planned is model:
            return
        self._check_size(model.states, model.actions)
        solution = self.solve(model)
        planning.refuse_divergence(model, solution, self.config.discount)
        self.q = np.ascontiguousarray(solution.q, dtype=np.float64)
        self.converged, self.sweeps = solution.converged, solution.sweeps
        self.residual = solution.residual
        self._planned = model

    def learn_model(
        self, model: TabularMDP, env_rng: np.random.Generator, episodes: int
    ) -> Episodes:
        """Plan, and run some episodes; see `TabularAgent.learn_model`."""
        self.plan(model)
        return super().learn_model(model, env_rng, episodes)

    def learn_env(self, env: Env, episodes: int) -> Episodes:
        """Plan on the environment's model, and run some episodes through `env.step`.

        Raises:
            UsageError: when the environment has no exact model.
        """
        model = getattr(env.unwrapped, "model", None)
        if model is None:
            raise UsageError(
                f"Agent '{self.name}' plans on an exact model, and {env.unwrapped} has none (no "
                f"attribute 'model'). "
                "Agents that learn their model are dyna-q, prioritized-sweeping and r-max; "
                "q-learning needs none."
            )
        self.plan(model)
        return super().learn_env(env, episodes)

    def shortfall(self) -> str:
        """Its objective differs from the one that is scored; why."""
        return (
            f"it maximises rewards discounted by {self.config.discount:g}, with one action for "
            f"each state, while the best possible counts "
            "every reward alike and may count the steps left"
        )

    def findings(self) -> Summary:
        """Whether the solver converged, its sweeps, and its residual."""
        return {"converged": self.converged, "sweeps": self.sweeps, "residual": self.residual}

    def state(self) -> State:
        """The table, and the solver's findings."""
        return {**super().state(), **self.findings()}

    def restore(self, state: State) -> None:
        """Restore what `state` returned; the next model is solved again."""
        super().restore(state)
        for name in self.findings():
            setattr(self, name, state[name])
        self._planned = None


class ValueIteration(Planner):
    """The optimal policy, by value iteration."""

    name = "value-iteration"


class PolicyIteration(Planner):
    """The optimal policy, by alternating exact policy evaluation and policy improvement."""

    name = "policy-iteration"
    follows_processor = True  # its linear systems are solved with BLAS
    solver = staticmethod(planning.policy_iteration)


class ModifiedPolicyIteration(Planner):
    """The optimal policy, with a few evaluation sweeps between policy improvements."""

    name = "modified-policy-iteration"
    Config = ModifiedConfig
    config: ModifiedConfig

    def solve(self, model: TabularMDP) -> planning.Solution:
        """See `agents.planning.solvers.modified_policy_iteration`."""
        config = self.config
        return planning.modified_policy_iteration(
            model, config.discount, config.tolerance, config.max_sweeps, config.evaluation_sweeps
        )


class EpsilonSoft(Planner):
    """The best ε-soft policy. `policy()` is its greedy action in each state, without the
    exploration."""

    name = "epsilon-soft"
    Config = EpsilonSoftConfig
    config: EpsilonSoftConfig

    def solve(self, model: TabularMDP) -> planning.Solution:
        """See `agents.planning.solvers.best_epsilon_soft`.

        Raises:
            UsageError: when ε is so large that the chosen action is less probable than the others.
        """
        config = self.config
        main, rest = shares(self.actions, config.epsilon, config.epsilon_convention)
        if main < rest:
            raise UsageError(
                f"epsilon {config.epsilon:g} with {self.actions} actions: the chosen one would be "
                f"taken less often than any other. "
                f"At most {1 - 1 / self.actions:g} makes sense."
            )
        return planning.best_epsilon_soft(
            model,
            config.discount,
            config.epsilon,
            config.epsilon_convention,
            config.tolerance,
            config.max_sweeps,
        )
