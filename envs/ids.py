"""Configurations for Gymnasium ids: the parameters of an environment's constructor become options.

Only ids registered with Gymnasium are known. As in `gymnasium.make`, `module:Env-v0` first imports
a module that registers more; looking up a name imports nothing else.
"""

from __future__ import annotations

import importlib
import inspect
import types
from functools import cache
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

import gymnasium
from gymnasium.envs.registration import EnvSpec, load_env_creator
from pydantic import BaseModel, Field, create_model

import envs  # noqa: F401 - registers our own
from envs.aliases import Env
from sandbox.config.model import LabConfig, show_value
from sandbox.errors import UnknownNameError, UsageError, error_text, nearest
from sandbox.registry.registrar import canonical
from sandbox.registry.registry import registry

DEFAULT_LIMIT = 1000
"""Time limit, in steps, for environments without one."""
PLAIN = (bool, int, float, str, type(None))
NOT_OPTIONS = {"self", "render_mode", "max_episode_steps", "name", *dir(BaseModel)}
"""Parameters of a constructor that are not options."""


class GymnasiumConfig(LabConfig):
    """Options of every environment; the class made for an id adds the parameters of its
    constructor.
    """

    id: ClassVar[str]
    """The argument for `gymnasium.make`: an id, or `module:id`."""

    max_episode_steps: int
    """Steps after which an episode is truncated."""


def names() -> list[str]:
    """All registered ids."""
    return sorted(gymnasium.registry)


def spec_of(name: str) -> EnvSpec:
    """The EnvSpec registered under an id; `-` and `_` are treated alike.

    Args:
        name: the id, or `module:id`; the module is imported.

    Raises:
        UnknownNameError: naming the nearest id.
        UsageError: when the module cannot be imported.
    """
    module, _, name = name.rpartition(":")
    if module:
        _import(module)
    spec = _registered(name)
    if spec is None:
        registry().load_outside()  # plugins of other distributions may register more
        spec = _registered(name)
    if spec is not None:
        return spec
    hint = (
        "`python -c 'import gymnasium; gymnasium.pprint_registry()'` shows all. "
        "`--env MODULE:ID` imports a module that registers more; a plugin given with -p may do so."
    )
    near = nearest(name, gymnasium.registry)
    raise UnknownNameError("Gymnasium environment", name, [near] if near else [], hint)


def _import(module: str) -> None:
    try:
        importlib.import_module(module)
    except Exception as error:  # a foreign module, with its own requirements
        raise UsageError(
            f"The module '{module}' cannot be imported: {error_text(error)}"
        ) from error


def _registered(name: str) -> EnvSpec | None:
    known = {canonical(one): one for one in gymnasium.registry}
    return gymnasium.registry.get(known.get(canonical(name), ""))


def config_of(kind: str, name: str) -> type[GymnasiumConfig]:
    """The configuration class of an id; the lookup function for `sandbox.config.model.Choice`.

    Args:
        kind: ignored: all are environments.
        name: Gymnasium's id, or `module:id`.

    Raises:
        UnknownNameError: naming the nearest id.
        UsageError: when the environment's module cannot be imported.
    """
    module, colon, _ = name.rpartition(":")
    return _config(module + colon + spec_of(name).id)


@cache
def _config(name: str) -> type[GymnasiumConfig]:
    spec = spec_of(name)
    fields: dict[str, Any] = {
        "max_episode_steps": (
            int,
            Field(
                spec.max_episode_steps or DEFAULT_LIMIT,
                ge=1,
                le=10**9,
                description="steps after which an episode is truncated"
                + ("" if spec.max_episode_steps else "; the environment itself has no limit"),
            ),
        )
    }
    for parameter, (kind, default) in _parameters(spec).items():
        fields[parameter] = (kind, Field(default, description=f"{parameter} of {name}"))
    module = _creator(spec).__module__  # whose sources a run depends on
    config = create_model(f"{name} options", __base__=GymnasiumConfig, __module__=module, **fields)
    config.id = name
    return config


def _parameters(spec: EnvSpec) -> dict[str, tuple[Any, Any]]:
    """Type and default of each parameter that can be given as text."""
    creator = _creator(spec)
    try:
        hints = get_type_hints(creator.__init__ if inspect.isclass(creator) else creator)
    except (NameError, TypeError, AttributeError):  # names that exist only for type checkers
        hints = {}
    parameters = {}
    for name, parameter in inspect.signature(creator).parameters.items():
        default = spec.kwargs.get(name, parameter.default)
        skipped = (
            name in NOT_OPTIONS
            or name.startswith("_")
            or parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        )
        if skipped or default is inspect.Parameter.empty:
            continue
        kind = hints.get(name, type(default) if default is not None else None)
        if isinstance(default, float) and kind is int:
            kind = float
        if default is None and kind is not None:  # `desc: list[str] = None`
            kind = kind | None
        if kind is not None and _can_be_typed(kind):
            parameters[name] = (kind, default)
    return parameters


def _creator(spec: EnvSpec) -> Any:
    """The environment's class or factory function."""
    try:
        return (
            load_env_creator(spec.entry_point)
            if isinstance(spec.entry_point, str)
            else spec.entry_point
        )
    except Exception as error:  # a foreign module, with its own requirements
        raise UsageError(
            f"Environment '{spec.id}' cannot be imported: {error_text(error)}"
        ) from error


def _can_be_typed(kind: object) -> bool:
    """Whether values of a type can be given on the command line."""
    if get_origin(kind) in (Union, types.UnionType):
        return all(_can_be_typed(part) for part in get_args(kind))
    if get_origin(kind) in (tuple, list):
        return all(part is Ellipsis or part in PLAIN for part in get_args(kind))
    return kind in PLAIN or get_origin(kind) is Literal


def changed_options(config: GymnasiumConfig) -> dict[str, Any]:
    """The constructor's parameters whose values differ from the defaults."""
    return {
        name: value
        for name, value in config
        if name != "max_episode_steps" and value != type(config).model_fields[name].default
    }


def make(config: GymnasiumConfig, render_mode: str | None = None) -> Env:
    """Create the environment of a configuration, truncated after `max_episode_steps`.

    Args:
        config: an instance of the class that `config_of` returned.
        render_mode: as in Gymnasium.

    Raises:
        UsageError: when the environment cannot be created with these options.
    """
    options = changed_options(config)
    shown = (
        {"render_mode": render_mode} if render_mode else {}
    )  # some constructors do not have this parameter
    try:
        made = gymnasium.make(
            config.id,
            max_episode_steps=config.max_episode_steps,
            disable_env_checker=True,
            **shown,
            **options,
        )
        _ = made.observation_space, made.action_space  # a class may have forgotten them
        return made
    except Exception as error:  # third-party constructors may raise anything
        given = ", ".join(f"{name}={show_value(value)}" for name, value in options.items())
        raise UsageError(
            f"Environment '{config.id}' cannot be made{f' with {given}' if given else ''}: "
            f"{error_text(error)}"
        ) from error
