"""States of environments: what all later steps depend on, as plain values for a checkpoint.

The state of an environment is that of each of its wrappers, that of the environment inside, and its
generator `np_random`. It is exact or absent: where the state of a single wrapper is unknown, so is
the whole. A class has a state if it is registered here, or if it defines `state_dict` and
`load_state_dict`; a method of a later Gymnasium with these names is found in the same way.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol, runtime_checkable

import gymnasium

from sandbox.errors import SandboxError
from sandbox.lab import State
from sandbox.tables import read_table

AnyEnv = gymnasium.Env[Any, Any]
Save = Callable[[Any], State]
Load = Callable[[Any, State], None]


@runtime_checkable
class Stateful(Protocol):
    """An environment or a wrapper that can be saved and restored at any step."""

    def state_dict(self) -> State:
        """Everything that changes in this object after its construction and first `reset`, as
        nested dicts and lists of arrays and plain values; not `np_random`, and nothing of the
        environment that it wraps."""

    def load_state_dict(self, state: State) -> None:
        """Restore what `state_dict` returned.

        Args:
            state: a copy, which may be kept; tuples have become lists.
        """


_registered: dict[str, tuple[Save, Load]] = {}
"""How a class is saved and restored, by "module:Class"."""


def register_state(kind: str, save: Save, load: Load) -> None:
    """Say how instances of a class are saved and restored, without a change of the class.

    Args:
        kind: the class as "module:Class", where it is defined; subclasses are not included, since
            they may have more state.
        save: like `Stateful.state_dict`, with the instance as its argument.
        load: like `Stateful.load_state_dict`.
    """
    _registered[kind] = save, load


def register_attributes(kind: str, *names: str) -> None:
    """Say which attributes are the state of instances of a class.

    Args:
        kind: as in `register_state`.
        names: all attributes that change after the construction and influence a later step or
            picture. They hold arrays, plain values, lists or deques.
    """
    register_state(kind, partial(_attributes, names), _set_attributes)


def state_dict(env: AnyEnv) -> State | None:
    """The state of an environment with all its wrappers.

    Args:
        env: it may be in the middle of an episode.

    Returns:
        None if the state of one of them is unknown. Generators of the spaces are not included: an
        agent draws from them, not the environment.
    """
    try:
        parts = [
            {"class": _name(layer), "state": _functions(layer)[0](layer)} for layer in _layers(env)
        ]
    except NotImplementedError:
        return None
    base = env.unwrapped
    return copy.deepcopy(
        {
            "parts": parts,
            "np_random": base.np_random.bit_generator.state,
            "np_random_seed": base.np_random_seed,
        }
    )


def load_state_dict(env: AnyEnv, state: State) -> None:
    """Restore what `state_dict` returned, also if it comes from a checkpoint.

    Args:
        env: made in the same way, and reset at least once if its first `reset` creates something.
            Its generator object stays the same.
        state: is not changed.

    Raises:
        SandboxError: when the state belongs to another environment, or to other wrappers.
    """
    state, layers = copy.deepcopy(state), list(_layers(env))
    saved, own = [part["class"] for part in state["parts"]], [_name(one) for one in layers]
    if saved != own:
        raise SandboxError(
            f"A state of {' around '.join(saved)} does not fit {' around '.join(own)}. Make the "
            "environment as it was made when its state was saved."
        )
    for layer, part in zip(layers, state["parts"], strict=True):
        _functions(layer)[1](layer, part["state"])
    base = env.unwrapped
    base.np_random.bit_generator.state = state["np_random"]
    base._np_random_seed = state["np_random_seed"]


def _layers(env: AnyEnv) -> Iterator[AnyEnv]:
    """The wrappers, from the outside, and the environment inside them."""
    while isinstance(env, gymnasium.Wrapper):
        yield env
        env = env.env
    yield env


def _name(layer: object) -> str:
    """The class of a wrapper or an environment, as "module:Class"."""
    return f"{type(layer).__module__}:{type(layer).__qualname__}"


def _functions(layer: object) -> tuple[Save, Load]:
    """How one wrapper or environment is saved and restored.

    Raises:
        NotImplementedError: when that is unknown.
    """
    name = _name(layer)
    if name in _registered:
        return _registered[name]
    if isinstance(layer, Stateful):
        return type(layer).state_dict, type(layer).load_state_dict
    raise NotImplementedError(
        f"The state of {name} is unknown: register it, or define state_dict and load_state_dict."
    )


def _attributes(names: tuple[str, ...], layer: object) -> State:
    return {
        name: list(value) if isinstance(value, deque) else value
        for name, value in vars(layer).items()
        if name in names
    }


def _set_attributes(layer: object, state: State) -> None:
    for name, value in state.items():
        now = vars(layer).get(name)
        setattr(layer, name, deque(value, now.maxlen) if isinstance(now, deque) else value)


for _kind, _names in read_table(__file__, "states.toml").items():
    register_attributes(_kind, *_names)
