"""The state of an algorithm of Stable-Baselines3, as arrays and plain values: no pickle.

It covers networks, optimisers, replay buffer, normalisation statistics, counts of tried pairs,
counters and the algorithm's own generators. The experiment saves the global generators of torch,
NumPy and Python.
The state is captured after training and before the next rollout, when the rollout buffer of an
on-policy algorithm is no longer needed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecNormalize, unwrap_vec_wrapper

from agents.baselines.exploration import LearnedRewards
from sandbox.lab import State

PLAIN = (bool, int, float)
LAST = ("_last_obs", "_last_original_obs", "_last_episode_starts")
"""What an algorithm remembers of the last step."""


def capture(model: BaseAlgorithm) -> State:
    """The state of an algorithm.

    Args:
        model: an algorithm whose learning has begun.
    """
    parts, tensors = model._get_torch_save_params()
    assert model.ep_info_buffer is not None and model.ep_success_buffer is not None
    learned = _learned_rewards(model)
    return {
        **({} if learned is None else {"learned_rewards": learned.memory()}),
        "plain": {
            name: value
            for name, value in vars(model).items()
            if type(value) in PLAIN or isinstance(value, np.generic)
        },
        "parts": {name: _part(_attribute(model, name)) for name in parts},
        "tensors": {name: _array(_attribute(model, name)) for name in tensors},
        "last": {name: _copied(getattr(model, name)) for name in LAST},
        "episodes": [[float(episode["r"]), int(episode["l"])] for episode in model.ep_info_buffer],
        "successes": [float(success) for success in model.ep_success_buffer],
        "buffer": _buffer(getattr(model, "replay_buffer", None)),
        "normalizer": _normalizer(model.get_vec_normalize_env()),
        "action_space": model.action_space.np_random.bit_generator.state,
    }


def recall(model: BaseAlgorithm, state: State) -> None:
    """Restore the state that `capture` returned into a new algorithm of the same configuration.

    Args:
        model: newly built, with its learning set up.
        state: what `capture` returned.
    """
    for name, value in state["plain"].items():
        setattr(model, name, value)
    for name, part in state["parts"].items():
        _recall_part(_attribute(model, name), part)
    for name, array in state["tensors"].items():
        tensor = _attribute(model, name)
        with torch.no_grad():
            tensor.copy_(torch.as_tensor(array))
    for name, value in state["last"].items():
        setattr(model, name, _copied(value))
    assert model.ep_info_buffer is not None and model.ep_success_buffer is not None
    episodes = ({"r": total, "l": length, "t": 0.0} for total, length in state["episodes"])
    model.ep_info_buffer = deque(episodes, maxlen=model.ep_info_buffer.maxlen)
    model.ep_success_buffer = deque(state["successes"], maxlen=model.ep_success_buffer.maxlen)
    _recall_buffer(getattr(model, "replay_buffer", None), state["buffer"])
    _recall_normalizer(model.get_vec_normalize_env(), state["normalizer"])
    model.action_space.np_random.bit_generator.state = state["action_space"]
    learned = _learned_rewards(model)
    if learned is not None:
        learned.recall(state["learned_rewards"])


def _learned_rewards(model: BaseAlgorithm) -> LearnedRewards | None:
    assert model.env is not None
    return unwrap_vec_wrapper(model.env, LearnedRewards)


def _attribute(model: BaseAlgorithm, path: str) -> Any:
    """An attribute by its path, like "policy.optimizer"."""
    return reduce(getattr, path.split("."), model)


def _array(tensor: torch.Tensor) -> np.ndarray:
    return np.array(tensor.detach().cpu().numpy())


def _each(value: Any, kind: type, function: Callable[[Any], Any]) -> Any:
    """Apply `function` to each value of a type in nested dictionaries; other values are
    unchanged."""
    if isinstance(value, dict):
        return {name: _each(part, kind, function) for name, part in value.items()}
    return function(value) if isinstance(value, kind) else value


def _copied(value: Any) -> Any:
    """A copy of observations: an array, arrays by name, or None."""
    return _each(value, np.ndarray, np.array)


def _part(part: torch.nn.Module | torch.optim.Optimizer) -> State:
    """The state of a network or an optimiser."""
    whole = part.state_dict()
    if isinstance(part, torch.nn.Module):
        return {name: _array(tensor) for name, tensor in whole.items()}
    return {
        "state": {
            str(number): _each(of_one, torch.Tensor, _array)
            for number, of_one in whole["state"].items()
        },
        "rates": [float(group["lr"]) for group in whole["param_groups"]],
    }


def _recall_part(part: torch.nn.Module | torch.optim.Optimizer, state: State) -> None:
    if isinstance(part, torch.nn.Module):
        part.load_state_dict(_each(state, np.ndarray, torch.as_tensor))
        return
    whole = part.state_dict()
    for group, rate in zip(whole["param_groups"], state["rates"], strict=True):
        group["lr"] = rate
    whole["state"] = {
        int(number): _each(of_one, np.ndarray, torch.as_tensor)
        for number, of_one in state["state"].items()
    }
    part.load_state_dict(whole)


def _buffer(buffer: ReplayBuffer | None) -> State | None:
    """The filled part of a replay buffer."""
    if buffer is None:
        return None
    filled = buffer.buffer_size if buffer.full else buffer.pos
    return {
        "pos": int(buffer.pos),
        "full": bool(buffer.full),
        "arrays": _each(_rings(buffer), np.ndarray, lambda ring: ring[:filled].copy()),
    }


def _rings(buffer: ReplayBuffer) -> dict[str, Any]:
    """The arrays of a replay buffer [size, envs, …]; Dict observations are arrays by name."""

    def is_ring(value: object) -> bool:
        return isinstance(value, np.ndarray) and value.ndim > 0 and len(value) == buffer.buffer_size

    return {
        name: value
        for name, value in vars(buffer).items()
        if is_ring(value)
        or (isinstance(value, dict) and value and all(map(is_ring, value.values())))
    }


def _recall_buffer(buffer: ReplayBuffer | None, state: State | None) -> None:
    if buffer is None or state is None:
        return
    buffer.pos, buffer.full = state["pos"], state["full"]
    for name, ring in _rings(buffer).items():
        kept = state["arrays"][name]
        pairs = (
            [(ring[key], kept[key]) for key in ring] if isinstance(ring, dict) else [(ring, kept)]
        )
        for part, old in pairs:
            part[: len(old)] = old


def _statistics(env: VecNormalize) -> dict[str, RunningMeanStd | None]:
    """Its running statistics: of observations, where it normalises them, and of returns."""
    return {"observations": getattr(env, "obs_rms", None), "returns": env.ret_rms}


def _normalizer(env: VecNormalize | None) -> State | None:
    """The running statistics of a VecNormalize."""
    if env is None:
        return None
    return {
        **{name: _moments(statistics) for name, statistics in _statistics(env).items()},
        "discounted": env.returns.copy(),
        "observation": _copied(env.old_obs),
        "reward": _copied(env.old_reward),
    }


def _moments(statistics: RunningMeanStd | None) -> State | None:
    if statistics is None:
        return None
    mean, var = np.array(statistics.mean), np.array(statistics.var)
    return {"mean": mean, "var": var, "count": float(statistics.count)}


def _recall_normalizer(env: VecNormalize | None, state: State | None) -> None:
    if env is None or state is None:
        return
    for name, statistics in _statistics(env).items():
        if statistics is not None:
            vars(statistics).update(_copied(state[name]))
    env.returns = np.array(state["discounted"])
    env.old_obs, env.old_reward = _copied(state["observation"]), _copied(state["reward"])
