"""Options that all agents of Stable-Baselines3 share, in addition to the constructor's arguments.

Does not import torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from agents.baselines.known import KNOWN, fitting
from sandbox.config.model import LabConfig, Layer

if TYPE_CHECKING:
    from envs.aliases import Space

LINEAR = "linear"
INSTEAD = (
    "for another network: --agent.initial-value none --agent.optimizer adam "
    "--agent.learning-rate 0.001"
)
WIDEST = 65_536
LATER = {"settings", "count_bonus", "reward_floor"}
"""Options that configurations saved before December 2026 do not have."""


class BaselineConfig(LabConfig):
    """Options of the adapter; the class made for an algorithm adds its constructor's arguments."""

    agent: ClassVar[str]
    """The agent's name in the registry."""
    valued: ClassVar[bool] = False
    """Whether it learns action values, which can be initialised optimistically."""

    settings: Literal["tuned", "stock"] = Field(
        "tuned",
        description="defaults of the other options; tuned: the lab's own; stock: those of "
        "Stable-Baselines3, in one environment, with the lab's number of steps",
    )
    total_timesteps: int = Field(
        100_000,
        ge=1,
        le=10**10,
        description="steps of learning, unless the lab's episodes end before; --env-steps, where "
        "given, takes its place",
    )
    n_envs: int = Field(
        1,
        ge=1,
        le=4096,
        description="environments that are stepped together; all their steps count",
    )
    net_arch: tuple[int, ...] | str | None = Field(
        None, description="units of each hidden layer, like 64,64; linear: no hidden layer"
    )
    activation: Literal["default", "relu", "tanh", "elu", "silu"] = Field(
        "default", description="between layers; default: the policy's own"
    )
    optimizer: Literal["default", "adam", "rmsprop", "sgd"] = Field(
        "default", description="of the networks; default: the policy's own"
    )
    learning_rate_schedule: Literal["constant", "linear"] = Field(
        "constant", description="linear: the learning rate falls to 0"
    )
    normalize: Literal["none", "observations", "rewards", "both"] = Field(
        "none", description="by running statistics (VecNormalize)"
    )
    count_bonus: float = Field(
        0.0,
        ge=0,
        description="beta of the bonus beta / sqrt(N(s, a)) added to rewards while learning; "
        "scores have true rewards",
    )
    reward_floor: float | None = Field(
        None,
        description="lower rewards count as this one while learning; scores have true rewards",
    )

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, given: Layer) -> Layer:
        """Options that are not given, where the lab's own defaults do not hold: with `stock`, and
        in saved configurations, which are whole, from before the options in `LATER`.
        """
        options = set(BaselineConfig.model_fields)
        saved = options - LATER <= given.keys() and not LATER & given.keys()
        if cls.original is None or not (saved or given.get("settings") == "stock"):
            return given
        stock = {
            name: field.default
            for name, field in cls.original.model_fields.items()
            if name not in ("settings", "total_timesteps")
        }
        return {**stock, **given}

    @field_validator("net_arch", mode="before")
    @classmethod
    def _widths(cls, value: Any) -> Any:
        if isinstance(value, str):
            word = value.strip("()[] ").lower()
            if word in ("none", LINEAR):
                return None if word == "none" else LINEAR
            value = [part.strip() for part in word.split(",")]
        wrong = [
            part for part in value or () if not str(part).isdigit() or not 1 <= int(part) <= WIDEST
        ]
        if wrong:
            raise ValueError(
                f"'{wrong[0]}' is no number of units, 1 to {WIDEST}; it is given like 64,64, "
                "or as linear for no hidden layer"
            )
        return value if value is None else [int(part) for part in value]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        """Refuse options that Stable-Baselines3 would refuse or ignore."""
        problems = list(self._problems())
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def described_as(self) -> str:
        """See `LabConfig.described_as`."""
        optimistic = self.value("initial_value") is not None
        return f"optimistic linear {KNOWN[self.agent].algorithm}" if optimistic else ""

    def value(self, option: str, default: Any = None) -> Any:
        """The value of an option that not every algorithm has.

        Args:
            option: its name.
            default: returned if the algorithm has no such option.
        """
        return getattr(self, option, default)

    def _problems(self) -> Iterator[str]:
        if self.value("initial_value") is not None and self.net_arch != LINEAR:
            yield (
                "agent.initial-value needs agent.net-arch linear, since hidden layers mix the "
                f"values of states; {INSTEAD}"
            )
        batch, rollout = self.value("batch_size"), self.rollout
        if rollout is not None and batch is not None and batch > rollout:
            yield (
                f"agent.batch-size = {batch} is more than a rollout of "
                f"n-steps x n-envs = {rollout} steps"
            )
        if rollout == 1 and self.value("normalize_advantage"):
            yield (
                "agent.normalize-advantage needs a rollout of at least 2 steps: "
                "n-steps x n-envs is 1"
            )
        factor = self.value("sub_sampling_factor", 1)
        if rollout and 1 < rollout <= factor:
            yield (
                f"agent.sub-sampling-factor = {factor}: it should be less than the {rollout} steps "
                "of a rollout, n-steps x n-envs"
            )
        entropy = self.value("ent_coef")
        if isinstance(entropy, float) and entropy < 0:
            yield f"agent.ent-coef = {entropy:g}: it should be at least 0, or auto"
        if self.n_envs > 1 and isinstance(self.value("train_freq"), tuple):
            yield "agent.train-freq counts episodes only with agent.n-envs 1"
        quantiles, dropped = self.value("n_quantiles"), self.value("top_quantiles_to_drop_per_net")
        if None not in (quantiles, dropped) and dropped >= quantiles:
            yield (
                f"agent.top-quantiles-to-drop-per-net = {dropped}: "
                f"it should be less than agent.n-quantiles ({quantiles})"
            )

    @property
    def rollout(self) -> int | None:
        """Steps that an on-policy algorithm collects before it learns; None for the others."""
        steps: int | None = self.value("n_steps")
        replays = self.value("buffer_size") is not None
        return None if steps is None or replays else steps * self.n_envs

    def network(self, observation: Space) -> str:
        """The policy, as an alias of the algorithm's; `auto` selects it for this observation
        space."""
        policy: str = self.value("policy", "auto")
        if policy != "auto":
            return policy
        if type(observation).__name__ == "Dict":
            return "MultiInputPolicy"
        return "CnnPolicy" if is_image(observation) else "MlpPolicy"

    def misfit(self, observation: Space, actions: Space) -> str:
        """Why the agent cannot learn with these spaces; "" when it can.

        Args:
            observation: the observation space.
            actions: the action space.
        """
        kind, seen = type(actions).__name__, type(observation).__name__
        taken, policy = KNOWN[self.agent].actions, self.value("policy", "auto")
        if kind not in taken:
            others = fitting(kind)
            instead = f" Agents that take those: {', '.join(others)}." if others else ""
            return (
                f"{self.agent} takes actions that are {' or '.join(taken)}; "
                f"here they are {actions}.{instead}"
            )
        if why := unseen(observation) or _uncounted(actions):
            return why
        if (policy == "MultiInputPolicy") != (seen == "Dict") and policy != "auto":
            return (
                f"agent.policy {policy} does not take observations that are {seen}; "
                "leave it to auto."
            )
        if policy == "CnnPolicy" and not is_image(observation):
            return (
                "agent.policy CnnPolicy takes images, uint8 of at least 36 x 36 pixels; "
                f"here observations are {seen} {list(observation.shape or [])}."
            )
        networks = get_args(type(self).model_fields["policy"].annotation)
        if (network := self.network(observation)) not in networks:
            return f"{self.agent} has no {network}, which observations that are {seen} need here."
        if seen == "Dict" and not self.rollout and self.value("n_steps", 1) > 1:
            return "agent.n-steps takes no observations that are Dict: leave it at 1."
        if self.value("initial_value") is not None and seen != "Discrete":
            return (
                "agent.initial-value needs observations that are numbered states, "
                f"here they are {seen}; {INSTEAD}"
            )
        if self.count_bonus and (seen, kind) != ("Discrete", "Discrete"):
            return (
                "agent.count-bonus counts numbered states and actions, Discrete and Discrete; here "
                f"they are {seen} and {kind}: --agent.count-bonus 0 learns without it."
            )
        if self.normalize in ("observations", "both") and (seen != "Box" or is_image(observation)):
            return (
                f"agent.normalize {self.normalize} takes observations that are a Box of numbers; "
                f"here they are {seen}."
            )
        if self.value("use_sde", False) and kind != "Box":
            return f"agent.use-sde explores continuous actions; here they are {kind}."
        return ""


SEEN = ("Discrete", "Box", "MultiDiscrete", "MultiBinary")


def unseen(observation: Space) -> str:
    """Why no agent with a network can take observations of this space; "" if one can."""
    taken = (
        f"Stable-Baselines3 takes observations that are {', '.join(SEEN)}, a Dict of those "
        "or, as an array here, a Tuple of Discrete"
    )
    if is_tuple(observation):
        return ""
    parts = {"": observation}
    if type(observation).__name__ == "Dict":
        parts = dict(observation.spaces)  # type: ignore[attr-defined]
    for name, part in parts.items():
        if type(part).__name__ not in SEEN:
            what = f"its part '{name}' is" if name else "they are"
            return f"{taken}; here {what} {part}."
    for name, part in parts.items():
        if name and _is_picture(part) and not is_image(part):
            size = " x ".join(map(str, part.shape or ()))
            return (
                f"The part '{name}' of the observations, {size} of uint8, is a picture to "
                "Stable-Baselines3, whose network for pictures needs at least 36 x 36 pixels."
            )
    return next(filter(None, map(_uncounted, parts.values())), "")


def is_tuple(space: Space) -> bool:
    """Whether a space holds tuples of numbers that are counted from 0."""
    from gymnasium.spaces import Discrete, Tuple

    return isinstance(space, Tuple) and all(
        isinstance(part, Discrete) and part.start == 0 for part in space
    )


def _uncounted(space: Space) -> str:
    import numpy as np
    from gymnasium.spaces import Discrete, MultiDiscrete

    if not isinstance(space, Discrete | MultiDiscrete):
        return ""
    how = "from 0" if np.any(space.start) else "in one row" if np.ndim(space.start) > 1 else ""
    return how and f"Stable-Baselines3 counts states and actions {how}; here there is {space}."


def _is_picture(space: Space) -> bool:
    """Whether Stable-Baselines3 treats a part of a Dict space as an image, whatever its size."""
    from gymnasium.spaces import Box

    if not isinstance(space, Box) or len(space.shape) != 3 or space.dtype != "uint8":
        return False
    return bool((space.low == 0).all() and (space.high == 255).all())


def is_image(space: Space) -> bool:
    """Whether a space holds images that Stable-Baselines3's CNN can take."""
    shape = space.shape or ()
    return space.dtype == "uint8" and len(shape) == 3 and sorted(shape)[-2] >= 36
