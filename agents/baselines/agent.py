"""An algorithm of Stable-Baselines3 as an agent that returns actions, values and policies.

Acting and evaluating never use the random generators of learning.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from agents.agent import Agent
from agents.baselines.config import LINEAR, BaselineConfig
from agents.baselines.exploration import LearnedRewards
from envs.aliases import Space
from sandbox.errors import UsageError

Observations = np.ndarray | dict[str, np.ndarray]
"""A batch as an environment gives it: [batch, …], or arrays by name."""
ACTIVATIONS = {
    "relu": torch.nn.ReLU,
    "tanh": torch.nn.Tanh,
    "elu": torch.nn.ELU,
    "silu": torch.nn.SiLU,
}
OPTIMIZERS = {"adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop, "sgd": torch.optim.SGD}
OURS = frozenset(BaselineConfig.model_fields) | {
    "action_noise_std",
    "initial_value",
    "n_quantiles",
    "policy",
}
"""Options that are not arguments of the constructor."""


class BaselineAgent(Agent):
    """An algorithm with its networks; the subclass defines which algorithm.

    Args:
        config: its options.
        env: the environments it learns in; an agent that does not learn uses only their spaces.
        seed: seed of random actions; all other random numbers come from the global generators.
        device: "cpu", "cuda" or "mps".

    Raises:
        UsageError: when Stable-Baselines3 refuses an option.
    """

    algorithm: ClassVar[Any]
    """The class in Stable-Baselines3."""
    Config: ClassVar[type[BaselineConfig]]
    experiments = {  # noqa: RUF012
        "grid": "agents.baselines.experiment:in_grid",
        "gym": "agents.baselines.experiment:in_gym",
    }
    follows_processor = True

    def __init__(self, config: BaselineConfig, env: VecEnv, seed: int, device: str = "cpu") -> None:
        self.config: Any = config
        self.observation_space, self.action_space = env.observation_space, env.action_space
        if config.count_bonus or config.reward_floor is not None:
            env = LearnedRewards(env, config.count_bonus, config.reward_floor)
        if config.normalize != "none":
            env = VecNormalize(
                env,
                norm_obs=config.normalize in ("observations", "both"),
                norm_reward=config.normalize in ("rewards", "both"),
                gamma=config.value("gamma", 0.99),
            )
        try:
            self.model = self.algorithm(
                config.network(env.observation_space),
                env,
                device=device,
                **self._arguments(env),
            )
        except (ValueError, AssertionError, TypeError, MemoryError) as error:
            raise UsageError(
                f"Stable-Baselines3 refuses these options of '{self.name}': {error}"
            ) from error
        self.model.set_logger(Logger(folder=None, output_formats=[]))
        self.model.action_space.seed(seed)

    @classmethod
    def misfit(cls, options: Any, observations: Space, actions: Space) -> str:
        """See `agents.baselines.config.BaselineConfig.misfit`."""
        why: str = options.misfit(observations, actions)
        return why

    def _arguments(self, env: VecEnv) -> dict[str, Any]:
        """The constructor's arguments."""
        config = self.config
        arguments = {name: value for name, value in config if name not in OURS}
        if config.learning_rate_schedule == "linear":
            arguments["learning_rate"] = LinearSchedule(config.learning_rate, 0.0, 1.0)
        noise = config.value("action_noise_std", 0.0)
        if noise:
            size: Any = env.action_space.shape
            arguments["action_noise"] = NormalActionNoise(np.zeros(size), np.full(size, noise))
        network: dict[str, Any] = {}
        if config.net_arch is not None:
            network["net_arch"] = [] if config.net_arch == LINEAR else list(config.net_arch)
        if config.activation != "default":
            network["activation_fn"] = ACTIVATIONS[config.activation]
        if config.optimizer != "default":
            network["optimizer_class"] = OPTIMIZERS[config.optimizer]
        if quantiles := config.value("n_quantiles"):
            network["n_quantiles"] = quantiles
        return arguments | ({"policy_kwargs": network} if network else {})

    def act(
        self, observation: Any, explore: bool = False, rng: np.random.Generator | None = None
    ) -> Any:
        """An action for an observation of the environment; the agent does not learn.

        Args:
            observation: a state, an array, or arrays by name.
            explore: whether to explore as during learning, for Discrete actions; else the action is
                greedy.
            rng: draws the exploring action; needed only with `explore`.

        Returns:
            An int for Discrete actions, else an array.
        """
        batch = (
            {name: np.asarray(part)[None] for name, part in observation.items()}
            if isinstance(observation, dict)
            else np.asarray(observation)[None]
        )
        discrete = isinstance(self.model.action_space, spaces.Discrete)
        if explore and discrete:
            if rng is None:
                raise UsageError(
                    "An exploring action is drawn: give `act` a generator, "
                    "rng=numpy.random.default_rng(0)."
                )
            chances = self.chances(batch)[0]
            return int(rng.choice(len(chances), p=chances))
        action = self.greedy(batch)[0]
        return int(action) if discrete else action

    def greedy(self, observations: Observations) -> np.ndarray:
        """Greedy actions for a batch of observations of the environment: [batch, …]."""
        actions, _ = self.model.policy.predict(self._normalized(observations), deterministic=True)
        return np.asarray(actions)

    def chances(self, observations: Observations) -> np.ndarray:
        """Action probabilities of the behaviour policy, for Discrete actions: float64 [batch,
        actions]."""
        with torch.no_grad():
            distribution: Any = self.model.policy.get_distribution(self._tensor(observations))
            chances = distribution.distribution.probs.cpu().numpy().astype(np.float64)
        return np.asarray(chances / chances.sum(axis=1, keepdims=True))

    def worth(self, observations: Observations) -> np.ndarray | None:
        """The estimated discounted value of each observation.

        Returns:
            float64 [batch]; None for algorithms that only estimate values of state-action pairs.
        """
        with torch.no_grad():
            values = self._values(self._tensor(observations))
        return None if values is None else np.asarray(values.cpu().numpy(), dtype=np.float64)

    def _values(self, tensor: torch.Tensor) -> torch.Tensor | None:
        if not isinstance(self.model, OnPolicyAlgorithm):
            return None
        return self.model.policy.predict_values(tensor).flatten()

    def _tensor(self, observations: Observations) -> Any:
        return self.model.policy.obs_to_tensor(self._normalized(observations))[0]

    def epsilon(self, steps: int | None = None) -> float:
        """Probability of a random action after so many steps, by default those until now; NaN
        for algorithms that explore in another way."""
        return float("nan")

    def save(self, folder: Path | str) -> None:
        """Write into a folder what the agent needs to act; see `agents.baselines.saved`."""
        from agents.baselines import saved

        saved.save(self, Path(folder))

    def _normalized(self, observations: Observations) -> Observations:
        env = self.model.get_vec_normalize_env()
        return observations if env is None else env.normalize_obs(observations)


class ValueAgent(BaselineAgent):
    """An algorithm that learns values of Discrete actions with an ε-greedy policy.

    With `initial_value`, every action starts with that value in every state. In a network without
    hidden layers over one-hot states, each column of weights belongs to one state. The bias is
    shared by all states and stays 0: an update in one state would lower the initial optimism
    everywhere else.
    """

    def __init__(self, config: BaselineConfig, env: VecEnv, seed: int, device: str = "cpu") -> None:
        super().__init__(config, env, seed, device)
        initial = config.value("initial_value")
        for network in () if initial is None else self._networks():
            (layer,) = [part for part in network.modules() if isinstance(part, torch.nn.Linear)]
            with torch.no_grad():
                layer.weight.fill_(initial)
                layer.bias.zero_()
            layer.bias.requires_grad_(False)

    def _networks(self) -> Sequence[torch.nn.Module]:
        """The network of action values, and the target network."""
        policy = self.model.policy
        return policy.q_net, policy.q_net_target

    def chances(self, observations: Observations) -> np.ndarray:
        """See `BaselineAgent.chances`."""
        actions = int(self.model.action_space.n)
        rate = min(self.epsilon(), 1.0 - 1e-6)  # the greedy action is always the most probable
        return rate / actions + (1.0 - rate) * np.eye(actions)[self.greedy(observations)]

    def _values(self, tensor: torch.Tensor) -> torch.Tensor:
        values: torch.Tensor = self.model.q_net(tensor).max(dim=1).values
        return values

    def epsilon(self, steps: int | None = None) -> float:
        """See `BaselineAgent.epsilon`."""
        model, rate = self.model, self.model.exploration_rate
        if steps is None:
            steps = model.num_timesteps
        else:
            rate = model.exploration_schedule(1.0 - steps / model._total_timesteps)
        return 1.0 if steps < model.learning_starts else float(rate)


class QuantileAgent(ValueAgent):
    """A `ValueAgent` whose network gives quantiles of returns."""

    def _networks(self) -> Sequence[torch.nn.Module]:
        policy = self.model.policy
        return policy.quantile_net, policy.quantile_net_target

    def _values(self, tensor: torch.Tensor) -> torch.Tensor:
        values: torch.Tensor = self.model.quantile_net(tensor).mean(dim=1).max(dim=1).values
        return values
