"""What every agent of Stable-Baselines3 can be told, beside the arguments of its own constructor. Loads no torch."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from agents.baselines.known import KNOWN, fitting
from sandbox.config.model import LabConfig

LINEAR = "linear"
INSTEAD = "for another network: --agent.initial-value none --agent.optimizer adam --agent.learning-rate 0.001"
WIDEST = 65_536


class BaselineConfig(LabConfig):
    """Options of the adapter; the class made for an algorithm adds its constructor's arguments."""

    agent: ClassVar[str]
    """The agent's name in the registry."""
    experiments: ClassVar[dict[str, str]] = {
        "grid": "agents.baselines.experiment:in_grid",
        "gym": "agents.baselines.experiment:in_gym",
    }
    """What makes its experiment in a lab of grids, and in any Gymnasium environment: module:function."""
    valued: ClassVar[bool] = False
    """Whether it learns values of actions, and can begin with optimistic ones."""

    total_timesteps: int = Field(
        100_000,
        ge=1,
        le=10**10,
        description="steps of learning, unless the lab's episodes end before",
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
                f"'{wrong[0]}' is no number of units, 1 to {WIDEST}; it is given like 64,64, or as linear for no hidden layer"
            )
        return value if value is None else [int(part) for part in value]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        """Refuse what Stable-Baselines3 would refuse, or take without effect."""
        problems = list(self._problems())
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _problems(self) -> list[str]:
        found = []
        initial = getattr(self, "initial_value", None)
        if initial is not None and self.net_arch != LINEAR:
            found.append(
                f"agent.initial-value needs agent.net-arch linear, since hidden layers mix the values of states; {INSTEAD}"
            )
        batch, rollout = getattr(self, "batch_size", None), self.rollout
        if rollout is not None and batch is not None and batch > rollout:
            found.append(
                f"agent.batch-size = {batch} is more than a rollout of n-steps x n-envs = {rollout} steps"
            )
        if rollout == 1 and getattr(self, "normalize_advantage", None):
            found.append(
                "agent.normalize-advantage needs a rollout of at least 2 steps: n-steps x n-envs is 1"
            )
        frequency: Any = getattr(self, "train_freq", None)
        if self.n_envs > 1 and isinstance(frequency, tuple):
            found.append("agent.train-freq counts episodes only with agent.n-envs 1")
        quantiles: Any = getattr(self, "n_quantiles", None)
        dropped: Any = getattr(self, "top_quantiles_to_drop_per_net", None)
        if quantiles is not None and dropped is not None and dropped >= quantiles:
            found.append(
                f"agent.top-quantiles-to-drop-per-net = {dropped}: it should be less than agent.n-quantiles ({quantiles})"
            )
        return found

    @property
    def rollout(self) -> int | None:
        """Steps that an on-policy algorithm collects before it learns; None for the others."""
        steps = getattr(self, "n_steps", None)
        return None if steps is None or hasattr(self, "buffer_size") else steps * self.n_envs

    def misfit(self, observation: Any, actions: Any) -> str:
        """Why the agent cannot learn where observations and actions are of these Gymnasium spaces; "" when it can."""
        kind = type(actions).__name__
        known = KNOWN[self.agent]
        if kind not in known.actions:
            others = fitting(kind)
            instead = f" Agents that take those: {', '.join(others)}." if others else ""
            return f"{self.agent} takes actions that are {' or '.join(known.actions)}; here they are {actions}.{instead}"
        shape, policy = getattr(observation, "shape", None), getattr(self, "policy", "auto")
        seen = type(observation).__name__
        if why := unseen(observation) or _uncounted(actions):
            return why
        if (policy == "MultiInputPolicy") != (seen == "Dict") and policy != "auto":
            return f"agent.policy {policy} does not take observations that are {seen}; leave it to auto."
        if policy == "CnnPolicy" and not is_image(observation):
            return f"agent.policy CnnPolicy takes images, uint8 of at least 36 x 36 pixels; here observations are {seen} {list(shape or [])}."
        if getattr(self, "initial_value", None) is not None and seen != "Discrete":
            return f"agent.initial-value needs observations that are numbered states, here they are {seen}; {INSTEAD}"
        if self.normalize in ("observations", "both") and (seen != "Box" or is_image(observation)):
            return f"agent.normalize {self.normalize} takes observations that are a Box of numbers; here they are {seen}."
        if getattr(self, "use_sde", False) and kind != "Box":
            return f"agent.use-sde explores continuous actions; here they are {kind}."
        return ""


SEEN = ("Discrete", "Box", "MultiDiscrete", "MultiBinary")


def unseen(observation: Any) -> str:
    """Why no agent with a network takes observations of this Gymnasium space; "" when they do."""
    taken = f"Stable-Baselines3 takes observations that are {', '.join(SEEN)} or a Dict of those"
    parts = dict(observation.spaces) if type(observation).__name__ == "Dict" else {"": observation}
    for name, part in parts.items():
        if type(part).__name__ not in SEEN:
            what = f"its part '{name}' is" if name else "they are"
            return f"{taken}; here {what} {part}."
    for name, part in parts.items():
        if name and _is_picture(part) and not is_image(part):
            size = " x ".join(map(str, part.shape))
            return (
                f"The part '{name}' of the observations, {size} of uint8, is a picture to "
                "Stable-Baselines3, whose network for pictures needs at least 36 x 36 pixels."
            )
    return next(filter(None, map(_uncounted, parts.values())), "")


def _uncounted(space: Any) -> str:
    if type(space).__name__ != "Discrete" or space.start == 0:
        return ""
    return f"Stable-Baselines3 counts states and actions from 0; here there is {space}."


def _is_picture(space: Any) -> bool:
    """Whether Stable-Baselines3 takes a part of a Dict for a picture of any size."""
    if type(space).__name__ != "Box" or len(space.shape) != 3 or str(space.dtype) != "uint8":
        return False
    return bool((space.low == 0).all() and (space.high == 255).all())


def is_image(space: Any) -> bool:
    """Whether a space is one of images that the network for images can take."""
    shape = getattr(space, "shape", None) or ()
    return (
        str(getattr(space, "dtype", "")) == "uint8" and len(shape) == 3 and sorted(shape)[-2] >= 36
    )
