"""Where a control experiment learns: on the exact model of an environment, or in the environment itself, one `env.step` after the other.

Whatever the world, learning draws from the generator it was given and from no other; evaluating draws from a generator of its own, so it
changes nothing of what is learned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from agents.planning import evaluation
from agents.planning.evaluation import Evaluation
from agents.tabular.stepping import StepWorld as Steps
from sandbox.seeding import generator

if TYPE_CHECKING:
    import gymnasium

    from agents.tabular.base import Episodes
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

    def try_out(self, agent: Any, episodes: int) -> GreedyTrial | None:
        """Greedy episodes in the real environment, held against the model; None where the environment is its model."""
        ...


class GreedyTrial(NamedTuple):
    """Real episodes of a policy, beside what a model foretold of them."""

    played: Evaluation
    """What they earned."""
    difference: str
    """The first step that the model did not foretell, in words; empty where it foretold all."""


def try_out(
    env: gymnasium.Env[Any, Any],
    agent: Any,
    horizon: int,
    episodes: int,
    seed: int,
    model: TabularMDP | None,
) -> GreedyTrial:
    """Play some greedy episodes in an environment, and follow them on its model.

    The model gets a generator in the state of the environment's own, so that it can foretell what the environment draws.

    Args:
        env: with Discrete spaces; it is reset.
        agent: acts on states; its ties are broken by a generator of the trial's own.
        horizon: steps after which an episode is cut.
        episodes: how many, >= 1.
        seed: of all that is drawn.
        model: what is said of the environment, or None to only play.
    """
    rng = generator(seed, "evaluation")
    twin = generator(seed, "evaluation")
    ties = rng if model is None else generator(seed, "ties")
    world = Steps(env)
    env.reset(seed=seed % 2**32)
    env.unwrapped.np_random = rng
    returns, lengths, difference = np.zeros(episodes), np.zeros(episodes, dtype=np.int64), ""
    for number in range(episodes):
        state, over = world.reset(), False
        if model is not None and not difference and (foretold := model.sample_start(twin)) != state:
            difference = f"an episode began in state {state}, not in state {foretold}"
        while not over and lengths[number] < horizon:
            action = agent.act(state, rng=ties, step=int(lengths[number]))
            following, reward, terminated, truncated = world.step(action)
            if model is not None and not difference:
                outcome = model.sample_outcome(state, action, twin)
                at = (state, action, outcome)
                expected = (
                    int(model.next_state[at]),
                    float(model.reward[at]),
                    bool(model.terminated[at]),
                )
                if expected != (following, reward, terminated):
                    happened = (
                        f"state {following}, reward {reward:g}{', the end' if terminated else ''}"
                    )
                    wanted = f"state {expected[0]}, reward {expected[1]:g}{', the end' if expected[2] else ''}"
                    difference = (
                        f"state {state}, action {action} led to {happened}, not to {wanted}"
                    )
            state, over = following, terminated or truncated
            returns[number] += reward
            lengths[number] += 1
    return GreedyTrial(evaluation.sampled(returns, lengths, horizon), difference)


class ModelWorld:
    """An environment whose exact model is known: learning is compiled, evaluation exact.

    Args:
        env: the environment; learning does not step it.
        model: its model, which cuts episodes.
        rng: draws starts and outcomes.
        seed: of the episodes that are tried out in the environment; None where it steps through the model itself.
    """

    def __init__(
        self, env: Any, model: TabularMDP, rng: np.random.Generator, seed: int | None = None
    ) -> None:
        self.env, self.rng, self._seed = env, rng, seed
        self.model: TabularMDP | None = model
        self._exact = model
        self.states, self.actions, self.horizon = model.states, model.actions, model.horizon

    def learn(self, agent: Any, episodes: int) -> Episodes:
        """See `agents.tabular.base.TabularAgent.learn_model`."""
        learned: Episodes = agent.learn_model(self._exact, self.rng, episodes)
        return learned

    def evaluate(self, agent: Any) -> Evaluation:
        """Exact; see `agents.planning.evaluation.evaluate`."""
        return evaluation.evaluate(self._exact, agent.played_policy(), self.horizon)

    def try_out(self, agent: Any, episodes: int) -> GreedyTrial | None:
        """See `World.try_out`."""
        return (
            None
            if self._seed is None
            else try_out(self.env, agent, self.horizon, episodes, self._seed, self._exact)
        )


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
        self._known: tuple[int, Evaluation] | None = (
            None  # episodes learned, and what the policy earned then
        )
        env.reset(seed=seed % 2**32)
        env.unwrapped.np_random = rng

    def learn(self, agent: Any, episodes: int) -> Episodes:
        """See `agents.tabular.base.TabularAgent.learn_env`."""
        learned: Episodes = agent.learn_env(self.env, episodes)
        return learned

    def evaluate(self, agent: Any) -> Evaluation:
        """Exact on the model if there is one, else the mean over some episodes; they are drawn alike at every evaluation."""
        if self.model is not None:
            return evaluation.evaluate(self.model, agent.played_policy(), self.horizon)
        if self._known is None or self._known[0] != agent.episodes_done:
            self._known = agent.episodes_done, self._sampled(agent)
        return self._known[1]

    def try_out(self, agent: Any, episodes: int) -> GreedyTrial | None:
        """See `World.try_out`."""
        if self.model is None:
            return None
        return try_out(self._trial, agent, self.horizon, episodes, self._seed, self.model)

    def _sampled(self, agent: Any) -> Evaluation:
        return try_out(self._trial, agent, self.horizon, self._episodes, self._seed, None).played
