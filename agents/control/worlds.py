"""Worlds in which control experiments learn: the exact model of an environment, or `env.step`.

In every world learning draws only from the generator given to it; evaluation draws from a separate
generator, so it does not affect learning.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from agents.agent import Agent
from agents.planning import evaluation
from agents.planning.evaluation import Evaluation
from agents.tabular.base import Episodes, TabularAgent
from agents.tabular.stepping import StepWorld as Steps
from envs import states
from envs.aliases import Env
from envs.mdp import TabularMDP
from sandbox.lab import State
from sandbox.seeding import generator

A = TypeVar("A", bound=Agent)
RANDOM_EPISODES = 1000
"""Episodes of random actions that are sampled."""


class GreedyTrial(NamedTuple):
    """Episodes of a greedy policy in the environment, compared with its model.

    Attributes:
        played: the evaluation of these episodes.
        difference: a description of the first step that the model did not predict; "" if there is
            none.
    """

    played: Evaluation
    difference: str


def try_out(
    env: Env,
    act: Callable[..., int],
    horizon: int,
    episodes: int,
    seed: int,
    model: TabularMDP | None,
) -> GreedyTrial:
    """Play some greedy episodes in an environment, and compare them with its model.

    The model uses a copy of the environment's generator in the same state, so that it can predict
    the environment's random outcomes.

    Args:
        env: with Discrete spaces; it is reset.
        act: returns the greedy action for a state, for `rng`, which breaks ties, and for `step`,
            the number of steps so far in the episode.
        horizon: steps after which an episode is truncated.
        episodes: how many, >= 1.
        seed: seed of all random numbers.
        model: the model to compare with the environment, or None to only play.
    """
    rng, twin = generator(seed, "evaluation"), generator(seed, "evaluation")
    ties = rng if model is None else generator(seed, "ties")
    world = Steps(env)
    env.reset(seed=seed % 2**32)
    env.unwrapped.np_random = rng
    returns, lengths, difference = np.zeros(episodes), np.zeros(episodes, dtype=np.int64), ""
    for number in range(episodes):
        state, over = world.reset(), False
        if model is not None and not difference and (start := model.sample_start(twin)) != state:
            difference = f"an episode began in state {state}, not in state {start}"
        while not over and lengths[number] < horizon:
            action = act(state, rng=ties, step=int(lengths[number]))
            step = world.step(action)
            if model is not None and not difference:
                expected = model.transition(state, action, twin)
                if expected != step[:3]:
                    difference = (
                        f"state {state}, action {action} led to {_shown(*step[:3])}, "
                        f"not to {_shown(*expected)}"
                    )
            state, reward, over = step[0], step[1], step[2] or step[3]
            returns[number] += reward
            lengths[number] += 1
    return GreedyTrial(evaluation.sampled(returns, lengths, horizon), difference)


def _shown(state: int, reward: float, terminated: bool) -> str:
    return f"state {state}, reward {reward:g}{', the end' if terminated else ''}"


def joined(parts: Sequence[Episodes]) -> Episodes:
    """Episodes that were learned in parts, at least one."""
    return Episodes(*map(np.concatenate, zip(*parts, strict=True)))


def play_randomly(env: Env, horizon: int) -> Evaluation:
    """The evaluation of uniformly random actions from sampled episodes, the same at every call.

    Args:
        env: its actions have bounds; it is reset.
        horizon: steps after which an episode is truncated.
    """
    env.action_space.seed(0)
    env.reset(seed=0)
    seeds = [None] * RANDOM_EPISODES
    return play(env, lambda _: env.action_space.sample(), horizon, seeds)


def play(
    env: Env, act: Callable[[Any], Any], horizon: int, seeds: Iterable[int | None]
) -> Evaluation:
    """The evaluation of sampled episodes.

    Args:
        env: it is reset.
        act: chooses an action, from the observation.
        horizon: steps after which an episode is truncated.
        seeds: of each episode; None continues the environment's generator.
    """
    results = []
    for seed in seeds:
        observation, _ = env.reset(seed=seed)
        total, steps, over = 0.0, 0, False
        while not over and steps < horizon:
            observation, reward, terminated, truncated, _ = env.step(act(observation))
            total, steps, over = total + float(reward), steps + 1, bool(terminated or truncated)
        results.append((total, steps))
    returns, lengths = np.array(results, dtype=np.float64).T
    return evaluation.sampled(returns, lengths, horizon)


class World(ABC, Generic[A]):
    """Where an agent learns and is evaluated.

    Attributes:
        env: the environment, for reading its attributes.
        model: its exact model, or None where it is unknown. With it the optimum can be computed,
            and policies are evaluated without sampling.
        horizon: steps after which an episode is truncated, >= 1.
        steps_env: whether the agent learns through `env.step` rather than on the model.
    """

    env: Any
    model: TabularMDP | None
    horizon: int
    steps_env = False
    trial: Any = None
    """The environment in which greedy episodes are compared with the model; None if `env` itself
    steps through the model."""
    seed = 0
    """Seed of these episodes."""

    def memory(self) -> State:
        """The state of the environments that learning steps, as far as it is known."""
        return {}

    def recall(self, memory: State) -> bool:
        """Continue from what `memory` returned.

        Returns:
            False if the episodes that had begun are lost.
        """
        return True

    @abstractmethod
    def policy(self, agent: A) -> np.ndarray:
        """The greedy policy on the model's states: float64 [states, actions]."""

    def evaluate(self, agent: A) -> Evaluation:
        """The exact evaluation of the agent's greedy policy on the model."""
        assert self.model is not None
        return evaluation.evaluate(self.model, self.policy(agent), self.horizon)

    def evaluate_random(self) -> Evaluation:
        """The evaluation of uniformly random actions: exact where the model is known."""
        if self.model is None:
            return play_randomly(self.env if self.trial is None else self.trial, self.horizon)
        chances = np.full((self.model.states, self.model.actions), 1 / self.model.actions)
        return evaluation.evaluate(self.model, chances, self.horizon)

    def try_out(self, agent: A, episodes: int) -> GreedyTrial | None:
        """Greedy episodes in the real environment, compared with the model.

        Args:
            agent: acts on states.
            episodes: how many.

        Returns:
            None if the environment steps through its model, or has no model.
        """
        if self.trial is None or self.model is None:
            return None
        act: Any = agent.act  # type: ignore[attr-defined]
        return try_out(self.trial, act, self.horizon, episodes, self.seed, self.model)


class SampledWorld(World[A]):
    """A world whose model may be unknown: without one, policies are evaluated by sampling."""

    _sampled: tuple[object, Evaluation] | None = None
    """The version of the agent's policy that was last sampled, and its evaluation."""
    _unplayed: State | None = None
    """The state in which the environment of evaluations begins each of them."""

    @abstractmethod
    def learned(self, agent: A) -> object:
        """A version of the agent's policy: equal as long as the policy has not changed."""

    @abstractmethod
    def sample(self, agent: A) -> Evaluation:
        """The evaluation of some greedy episodes, with the same random numbers at every call."""

    def _begin_trial(self, trial: Env, twin: Env) -> None:
        """Let every evaluation begin in the same state of its environment, where that has one;
        so a resumed run, which has seen fewer evaluations, gets the same results.

        Args:
            trial: the environment of evaluations.
            twin: the one that the agent learns in, made in the same way, and reset before.
        """
        if self._unplayed:
            states.load_state_dict(trial, self._unplayed)
        elif states.state_dict(twin):
            trial.reset(seed=0)
            self._unplayed = states.state_dict(trial)

    def evaluate(self, agent: A) -> Evaluation:
        """See `World.evaluate`; a mean of episodes where no model is known."""
        if self.model is not None:
            return super().evaluate(agent)
        learned = self.learned(agent)
        if self._sampled is None or self._sampled[0] != learned:
            self._sampled = learned, self.sample(agent)
        return self._sampled[1]


class TableWorld(World["TabularAgent"]):
    """A world for tabular agents.

    Attributes:
        states: how many.
        actions: how many.
    """

    states: int
    actions: int
    rng: np.random.Generator
    _stage: Env

    @abstractmethod
    def learn_unseen(self, agent: TabularAgent, episodes: int) -> Episodes:
        """Let an agent learn some episodes."""

    def learn(self, agent: TabularAgent, episodes: int) -> Episodes:
        """Let an agent learn some episodes: through `env.step` as long as it is watched."""
        parts: list[Episodes] = []
        while agent.watch is not None and len(parts) < episodes:
            parts.append(agent.learn_env(self._stage, 1))
        if len(parts) < episodes:
            parts.append(self.learn_unseen(agent, episodes - len(parts)))
        return joined(parts)

    def watched(self, stage: Env) -> None:
        """Let watched episodes happen in a freshly made copy of the environment."""
        stage.reset(seed=self.seed % 2**32)
        stage.unwrapped.np_random = self.rng
        self._stage = stage

    def policy(self, agent: TabularAgent) -> np.ndarray:
        """See `World.policy`; [steps, states, actions] for agents whose policy depends on the
        step."""
        return agent.played_policy()


class ModelWorld(TableWorld):
    """An environment whose exact model is known: learning is compiled, evaluation exact.

    Args:
        env: the environment; learning does not step it.
        model: its model, which truncates episodes.
        rng: draws starts and outcomes.
        seed: seed of the comparison episodes in the environment; None if the environment itself
            steps through the model.
    """

    model: TabularMDP

    def __init__(
        self,
        env: Env,
        model: TabularMDP,
        rng: np.random.Generator,
        seed: int | None = None,
    ) -> None:
        self.env, self.model, self.rng = env, model, rng
        if seed is not None:
            self.trial, self.seed = env, seed
        self.states, self.actions, self.horizon = model.states, model.actions, model.horizon

    def learn_unseen(self, agent: TabularAgent, episodes: int) -> Episodes:
        """See `agents.tabular.base.TabularAgent.learn_model`."""
        return agent.learn_model(self.model, self.rng, episodes)


class EnvWorld(TableWorld, SampledWorld["TabularAgent"]):
    """An environment that is learned through `env.step`.

    Args:
        env: the environment, with Discrete spaces and a time limit.
        rng: becomes the environment's `np_random`. Other random sources of the environment are
            seeded with `seed`; their state is saved only if it is part of the environment's, see
            `envs.states`.
        horizon: steps after which an episode is truncated.
        trial: a second copy of the environment, for evaluation.
        seed: seed of evaluations, and of other random sources of the environment.
        evaluation_episodes: how many episodes an evaluation samples if no model is known.
        model: the exact model if it is known; the agent does not learn on it.
    """

    steps_env = True

    def __init__(
        self,
        env: Env,
        rng: np.random.Generator,
        horizon: int,
        trial: Env,
        *,
        seed: int,
        evaluation_episodes: int,
        model: TabularMDP | None = None,
    ) -> None:
        steps = Steps(env)
        self.env, self.model = env, model
        self.horizon = horizon if model is None else model.horizon
        self.states, self.actions, self.rng = steps.states, steps.actions, rng
        self.trial, self.seed, self._episodes = trial, seed, evaluation_episodes
        env.reset(seed=seed % 2**32)
        env.unwrapped.np_random = rng

    def watched(self, stage: Env) -> None:
        """See `TableWorld.watched`; later episodes happen there too, since the environment may have
        a hidden state."""
        memory = self.memory()
        super().watched(stage)
        self.env = stage
        self.recall(memory)
        stage.unwrapped.np_random = self.rng

    def learn_unseen(self, agent: TabularAgent, episodes: int) -> Episodes:
        """See `agents.tabular.base.TabularAgent.learn_env`."""
        return agent.learn_env(self.env, episodes)

    def memory(self) -> State:
        """See `World.memory`."""
        return states.state_dict(self.env) or {}

    def recall(self, memory: State) -> bool:
        """See `World.recall`; between two episodes nothing is lost."""
        if memory:
            states.load_state_dict(self.env, memory)
        return True

    def try_out(self, agent: TabularAgent, episodes: int) -> GreedyTrial | None:
        """See `World.try_out`."""
        if self.model is not None:
            self._begin_trial(self.trial, self.env)
        return super().try_out(agent, episodes)

    def learned(self, agent: TabularAgent) -> int:
        """See `SampledWorld.learned`."""
        return agent.episodes_done

    def sample(self, agent: TabularAgent) -> Evaluation:
        """See `SampledWorld.sample`."""
        self._begin_trial(self.trial, self.env)
        trial = try_out(self.trial, agent.act, self.horizon, self._episodes, self.seed, None)
        return trial.played
