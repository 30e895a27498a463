"""A learned algorithm in two files: model.safetensors with the networks and normalisation
statistics, model.json with the agent's options and spaces.

No pickle: loading builds the networks from the options, and never runs code from the file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from stable_baselines3.common.vec_env import DummyVecEnv

from agents.baselines.known import KNOWN
from envs.aliases import Env, Space
from sandbox.config.model import dump
from sandbox.config.resolve import resolve
from sandbox.errors import SandboxError
from sandbox.registry.registry import registry
from sandbox.text import Document

FORMAT = "sandbox sb3 agent 1"
WEIGHTS, ABOUT = "model.safetensors", "model.json"
STATISTICS = "statistics."


def contents(agent: Any) -> tuple[dict[str, torch.Tensor], Document]:
    """The tensors and the plain values of an agent, as they are written."""
    tensors = {
        name: tensor.detach().cpu().clone().contiguous()
        for name, tensor in agent.model.policy.state_dict().items()
    }
    env = agent.model.get_vec_normalize_env()
    if env is not None and env.norm_obs:
        for name in ("mean", "var"):
            tensors[STATISTICS + name] = torch.as_tensor(np.array(getattr(env.obs_rms, name)))
    about = {
        "format": FORMAT,
        "agent": agent.name,
        "config": dump(agent.config),
        "observation": _plain_space(agent.observation_space),
        "action": _plain_space(agent.action_space),
        "env_steps": int(agent.model.num_timesteps),
    }
    if hasattr(agent.model, "exploration_rate"):
        about["exploration_rate"] = float(agent.model.exploration_rate)
    return tensors, about


def save(agent: Any, folder: Path) -> None:
    """Write both files.

    Raises:
        OSError: when they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors, about = contents(agent)
    save_file(tensors, folder / WEIGHTS)
    (folder / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def load_agent(folder: Path | str) -> Any:
    """Load an agent from a folder: it acts like the saved one but cannot continue to learn
    (`resume` of its run can).

    Args:
        folder: folder with model.safetensors and model.json, the artifacts of a run.

    Raises:
        SandboxError: when a file is missing, damaged, or of another kind.
    """
    folder = Path(folder)
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        if about.get("format") != FORMAT or about["agent"] not in KNOWN:
            raise ValueError(f"its format is not '{FORMAT}'")
        tensors = load((folder / WEIGHTS).read_bytes())
        observation, action = _space(about["observation"]), _space(about["action"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise SandboxError(
            f"{folder} holds no saved agent that can be read ({type(error).__name__}: {error})."
        ) from error
    kind = registry().load("agent", about["agent"])
    options = {**about["config"], "n_envs": 1}
    if "buffer_size" in options:
        options["buffer_size"] = 1  # nothing is collected
    statistics = {
        name.removeprefix(STATISTICS): tensors.pop(name)
        for name in list(tensors)
        if name.startswith(STATISTICS)
    }
    generator = torch.random.get_rng_state()
    try:
        agent = kind(
            resolve(kind.Config, [options], f"agent in {folder}"),
            DummyVecEnv([lambda: _Nowhere(observation, action)]),
            seed=0,
        )
        agent.model.policy.load_state_dict(tensors)
    except RuntimeError as error:
        raise SandboxError(
            f"{folder / WEIGHTS} does not fit the networks that {ABOUT} describes: {error}"
        ) from error
    finally:
        torch.random.set_rng_state(generator)
    for name, tensor in statistics.items():
        setattr(agent.model.get_vec_normalize_env().obs_rms, name, tensor.numpy())
    agent.model.num_timesteps = about.get("env_steps", 0)
    if "exploration_rate" in about:
        agent.model.exploration_rate = about["exploration_rate"]
    return agent


class _Nowhere(Env):
    """An environment with spaces only, for loading; it cannot be stepped."""

    def __init__(self, observation: Space, action: Space) -> None:
        self.observation_space, self.action_space = observation, action


def _plain_space(space: Space) -> Document:
    """A space as plain values."""
    if isinstance(space, spaces.Discrete):
        return {"kind": "Discrete", "n": int(space.n)}
    if isinstance(space, spaces.Box):
        bounds = {name: _plain_bound(getattr(space, name)) for name in ("low", "high")}
        return {"kind": "Box", "shape": list(space.shape), "dtype": str(space.dtype), **bounds}
    if isinstance(space, spaces.MultiDiscrete):
        return {"kind": "MultiDiscrete", "nvec": space.nvec.tolist()}
    if isinstance(space, spaces.MultiBinary):
        return {"kind": "MultiBinary", "n": space.n if isinstance(space.n, int) else list(space.n)}
    if isinstance(space, spaces.Dict):
        return {
            "kind": "Dict",
            "spaces": {name: _plain_space(part) for name, part in space.spaces.items()},
        }
    raise SandboxError(f"A space {space} cannot be written down.")


def _plain_bound(bound: np.ndarray) -> Any:
    """A bound as one number if all entries are equal, else all entries; infinity as text, because
    JSON has no number for it.
    """
    flat = bound.reshape(-1)
    words = [number if np.isfinite(number) else str(number) for number in flat.tolist()]
    return words[0] if len(words) and (flat == flat[0]).all() else words


def _space(plain: Document) -> Space:
    """The space that `_plain_space` described."""
    kind = plain["kind"]
    if kind == "Discrete":
        return spaces.Discrete(plain["n"])
    if kind == "Box":
        shape, dtype = tuple(plain["shape"]), np.dtype(plain["dtype"])
        bounds = (np.array(plain[name], dtype=np.float64) for name in ("low", "high"))
        low, high = (one.reshape(shape) if one.ndim else np.full(shape, one) for one in bounds)
        return spaces.Box(low.astype(dtype), high.astype(dtype), shape, dtype.type)
    if kind == "MultiDiscrete":
        return spaces.MultiDiscrete(plain["nvec"])
    if kind == "MultiBinary":
        return spaces.MultiBinary(plain["n"])
    if kind == "Dict":
        return spaces.Dict({name: _space(part) for name, part in plain["spaces"].items()})
    raise ValueError(f"no space is called {kind!r}")
