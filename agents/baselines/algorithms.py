"""Agent classes by the name of their algorithm (`DQN`), created on demand.

Their options come from the signature of the algorithm's constructor.
"""

from __future__ import annotations

import importlib
import inspect
import re
import types
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BeforeValidator, Field, create_model

from agents.baselines.config import BaselineConfig
from agents.baselines.known import KNOWN, PACKAGES
from sandbox.config.model import show_value
from sandbox.extras import missing
from sandbox.tables import read_table

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

    from agents.baselines.agent import BaselineAgent

OURS = {
    "self",
    "env",
    "policy",
    "policy_kwargs",
    "seed",
    "device",
    "verbose",
    "tensorboard_log",
    "optimize_memory_usage",
    "action_noise",
}
"""Arguments that the sandbox sets itself, or offers as options of their own."""
LIMITS = read_table(__file__, "limits.toml")
"""Limits that Stable-Baselines3 does not check, or checks only during learning, by argument."""
BATCHES_OF_TWO = {"PPO"}
"""Algorithms that normalise advantages within a batch, which needs two of them."""
BEYOND = r"(?<=[a-z)])\. |,? it can be a function| \(?(?:see|cf|i\.e\.) "
"""Where the first sentence about an argument ends, or what can be left out of it begins."""
ADDED = {
    "train_freq": "; 1,episode counts episodes",
    "gradient_steps": "; -1: as many as steps were collected",
}
"""What the library says of an argument after its first sentence."""
PLAIN = (bool, int, float, str, type(None))


def __getattr__(name: str) -> Any:
    """The agent's class for an algorithm's name."""
    agent = next((agent for agent, known in KNOWN.items() if known.algorithm == name), None)
    if agent is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return agent_class(agent)


@cache
def agent_class(name: str) -> type[BaselineAgent]:
    """The class of an agent.

    Args:
        name: in the registry ("sb3-dqn").

    Raises:
        UsageError: when the library of its algorithm is not installed.
    """
    algorithm = algorithm_class(name)
    from agents.baselines.agent import BaselineAgent, QuantileAgent, ValueAgent

    bases = {"DQN": ValueAgent, "QRDQN": QuantileAgent}
    return type(
        f"Sb3{algorithm.__name__}",
        (bases.get(algorithm.__name__, BaselineAgent),),
        {"name": name, "algorithm": algorithm, "Config": config_class(name)},
    )


def algorithm_class(name: str) -> type[BaseAlgorithm]:
    """The algorithm behind an agent's name; see `agent_class`."""
    known = KNOWN[name]
    try:
        return getattr(importlib.import_module(known.module), known.algorithm)
    except (ImportError, AttributeError) as error:
        if (
            isinstance(error, ImportError)
            and error.name
            and error.name.split(".")[0] not in (known.module, "torch")
        ):
            raise
        raise missing(f"Agent '{name}'", "sb3", PACKAGES[known.module]) from error


@cache
def config_class(name: str) -> type[BaselineConfig]:
    """The configuration class of an agent: options of the adapter, and the arguments of the
    algorithm's constructor."""
    algorithm = algorithm_class(name)
    parameters = inspect.signature(algorithm.__init__).parameters
    networks = ("auto", *algorithm.policy_aliases)
    which = "which kind of network; auto: by what is observed"
    fields: dict[str, Any] = {"policy": (Literal[networks], Field("auto", description=which))}
    for argument, parameter in parameters.items():
        if argument in OURS or argument.startswith("_") or argument.endswith(("_class", "_kwargs")):
            continue
        field = _field(algorithm, argument, parameter)
        if field is not None:
            fields[argument] = field
    policy = algorithm.policy_aliases["MlpPolicy"]
    quantiles = inspect.signature(policy.__init__).parameters.get("n_quantiles")
    if quantiles is not None:
        fields["n_quantiles"] = _field(policy, "n_quantiles", quantiles)
    if "action_noise" in parameters:
        noise = "standard deviation of the noise added to actions, which lie between -1 and 1"
        fields["action_noise_std"] = (float, Field(0.0, ge=0, le=10, description=noise))
    valued = "exploration_fraction" in fields
    if valued:
        optimism = (
            "all action values at the start, which makes it an optimistic linear DQN; none: as the "
            "network is drawn"
        )
        fields["initial_value"] = (float | None, Field(None, description=optimism))
    config = create_model(f"{name} options", __base__=BaselineConfig, **fields)
    config.agent, config.valued = name, valued
    if "Discrete" not in KNOWN[name].actions:
        config.without_effect = {
            "count_bonus": "continuous actions cannot be counted; leave it out"
        }
    return config


def _field(
    algorithm: type[Any], argument: str, parameter: inspect.Parameter
) -> tuple[Any, Any] | None:
    """Type and field of one argument of an algorithm or policy; None if it takes no plain value."""
    default, description = parameter.default, _described(algorithm, argument)
    if argument == "train_freq":
        return Annotated[int | tuple[int, str], BeforeValidator(_train_freq)], Field(
            default, description=description
        )
    kinds = _plain_kinds(parameter.annotation)
    if default is inspect.Parameter.empty or not kinds:
        return None
    limits: dict[str, Any] = dict(LIMITS.get(argument, {}))
    if argument == "batch_size" and algorithm.__name__ in BATCHES_OF_TWO:
        limits["ge"] = 2
    numbers = [kind for kind in kinds if kind in (int, float)]
    if isinstance(default, float) and float not in numbers:
        kinds = tuple(float if kind is int else kind for kind in kinds)
    if str in kinds and numbers:
        return Annotated[float | str, BeforeValidator(_number_or_auto)], Field(
            default, description=description + ", or auto"
        )
    return Union[kinds], Field(default, description=description, **limits)  # noqa: UP007


def _plain_kinds(annotation: object) -> tuple[Any, ...]:
    """The parts of an annotation that can be written on the command line."""
    parts = (
        get_args(annotation)
        if get_origin(annotation) in (Union, types.UnionType)
        else (annotation,)
    )
    return tuple(part for part in parts if part in PLAIN)


def _described(algorithm: type[Any], argument: str) -> str:
    """The first sentence of the library's documentation of an argument."""
    match = re.search(
        rf":param {argument}:(.*?)(?=\n\s*:param|\n\s*\n|\Z)", algorithm.__doc__ or "", re.DOTALL
    )
    text = re.sub(r"\s+", " ", match.group(1)).strip() if match else ""
    text = re.split(BEYOND, text.replace("``", ""))[0].rstrip(".,: ")
    text = text[:1].lower() + text[1:] if not text[:2].isupper() else text
    known = 0 < len(text) <= 160
    return (text if known else f"{argument} of {algorithm.__name__}") + ADDED.get(argument, "")


def _train_freq(value: Any) -> Any:
    """A number of steps, or a pair of a number and a unit."""
    text = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    match = re.fullmatch(r"[(\[ ]*0*([1-9]\d*)(?: *, *(step|episode))?[)\] ]*", text)
    if match is None:
        raise ValueError(
            f"{show_value(value)} is neither a whole number of steps, 1 or more, nor a number and "
            "a unit, like 1,episode"
        )
    return (int(match[1]), "episode") if match[2] == "episode" else int(match[1])


def _number_or_auto(value: Any) -> Any:
    """A number, or "auto"."""
    try:
        return value if value == "auto" else float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{show_value(value)} is neither a number nor auto") from None
