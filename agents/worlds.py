"""Where a control experiment learns: on the exact model of an environment, or in the environment itself, one `env.step` after the other.

Whatever the world, learning draws from the generator it was given and from no other; evaluating draws from a generator of its own, so it
changes nothing of what is learned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from agents import planning
from agents.planning import Evaluation
from agents.stepping import World as Steps
from sandbox.seeding import generator

if TYPE_CHECKING:
    import gymnasium

    from agents.base import Episodes
    from envs.mdp import TabularMDP


class World(Protocol):
    """What a control experiment needs of the place where it learns."""

    env: Any
    """The environment, for who wants to look at it."""
    states: int
    actions: int
    horizon: int
    """Steps after which an episode is cut, >= 1."""
    model: TabularMDP | None
    """The exact model, where it is known: then the optimum can be had, and policies can be evaluated without sampling."""

    def learn(self, agent: Any, episodes: int) -> Episodes:
        """Let an agent learn some episodes."""
        ...

    def evaluate(self, agent: Any) -> Evaluation:
        """What the agent's greedy policy earns in an episode; the same at every call until the agent learns on."""
        ...


class ModelWorld:
    """An environment whose exact model is known: learning is compiled, evaluation exact.

    Args:
        env: the environment; nobody steps it.
        model: its model, which cuts episodes.
        rng: draws starts and outcomes.
    """

    def __init__(self, env: Any, model: TabularMDP, rng: np.random.Generator) -> None:
        self.env, self.rng = env, rng
        self.model: TabularMDP | None = model
        self._exact = model
        self.states, self.actions, self.horizon = model.states, model.actions, model.horizon

    def learn(self, agent: Any, episodes: int) -> Episodes:
        """See `agents.base.TabularAgent.learn_model`."""
        learned: Episodes = agent.learn_model(self._exact, self.rng, episodes)
        return learned

    def evaluate(self, agent: Any) -> Evaluation:
        """Exact; see `agents.planning.evaluate`."""
        return planning.evaluate(self._exact, agent.policy(), self.horizon)


class EnvWorld:
    """An environment that is learned through `env.step`.

    Args:
        env: the environment, with Discrete spaces and a time limit.
        rng: becomes the environment's `np_random`. What an environment draws from elsewhere is begun by `seed`, and is not kept when a
            run is put down and taken up again.
        horizon: steps after which an episode is cut.
        trial: the same environment once more, for evaluating.
        seed: of evaluations, and of what the environment draws from elsewhere.
        evaluation_episodes: how many episodes an evaluation samples, where no model is known.
        model: the exact model, where it is known although it is not learned on.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        rng: np.random.Generator,
        horizon: int,
        trial: gymnasium.Env[Any, Any],
        *,
        seed: int,
        evaluation_episodes: int,
        model: TabularMDP | None = None,
    ) -> None:
        steps = Steps(env)
        self.env, self.model, self.horizon = env, model, horizon
        self.states, self.actions = steps.states, steps.actions
        self._trial, self._seed, self._episodes = trial, seed, evaluation_episodes
        self._known: tuple[int, Evaluation] | None = None  # episodes learned, and what the policy earned then
        env.reset(seed=seed % 2**32)
        env.unwrapped.np_random = rng

    def learn(self, agent: Any, episodes: int) -> Episodes:
        """See `agents.base.TabularAgent.learn_env`."""
        learned: Episodes = agent.learn_env(self.env, episodes)
        return learned

    def evaluate(self, agent: Any) -> Evaluation:
        """Exact on the model if there is one, else the mean over some episodes; they are drawn alike at every evaluation."""
        if self.model is not None:
            return planning.evaluate(self.model, agent.policy(), self.horizon)
        if self._known is None or self._known[0] != agent.episodes_done:
            self._known = agent.episodes_done, self._sampled(agent)
        return self._known[1]

    def _sampled(self, agent: Any) -> Evaluation:
        rng = generator(self._seed, "evaluation")
        self._trial.reset(seed=self._seed % 2**32)
        self._trial.unwrapped.np_random = rng
        world = Steps(self._trial)
        results = np.array([self._episode(world, agent, rng) for _ in range(self._episodes)])  # [episodes, (return, length)]
        total, length = results.mean(axis=0)
        return Evaluation(float(total), float(length), float(total / length), None, float("nan"))

    def _episode(self, world: Steps, agent: Any, rng: np.random.Generator) -> tuple[float, int]:
        """Return and length of one greedy episode."""
        state, total, steps, over = world.reset(), 0.0, 0, False
        while not over and steps < self.horizon:
            state, reward, terminated, truncated = world.step(agent.act(state, rng=rng))
            total, steps, over = total + reward, steps + 1, terminated or truncated
        return total, steps
