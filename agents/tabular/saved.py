"""Saves an agent in one file: an .npz with arrays and a line of JSON and without pickle, so that
loading a file never runs code.

A loaded agent acts and continues to learn as the saved one would have: its generator is saved with
it.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from agents.agent import Agent
from sandbox.config.model import dump
from sandbox.errors import ConfigError, SandboxError, UnknownNameError
from sandbox.store.files import whole_file

Saved = TypeVar("Saved", bound=Agent)
FORMAT = "sandbox tabular agent 2"
BIT_GENERATORS = {"PCG64": np.random.PCG64, "PCG64DXSM": np.random.PCG64DXSM}
"""Bit generators whose state consists of integers only."""


def save(agent: Any, path: Path) -> None:
    """Write an agent to `path`, atomically.

    Raises:
        SandboxError: when the state of its generator cannot be saved.
        OSError: when the file cannot be written.
    """
    generator = agent.rng.bit_generator.state
    if generator["bit_generator"] not in BIT_GENERATORS:
        raise SandboxError(
            f"The state of a {generator['bit_generator']} generator cannot be saved; use one of "
            f"{', '.join(BIT_GENERATORS)}."
        )
    state = agent.state()
    arrays = {key: value for key, value in state.items() if isinstance(value, np.ndarray)}
    about = {
        "format": FORMAT,
        "agent": agent.name,
        "config": dump(agent.config),
        "states": agent.states,
        "actions": agent.actions,
        "episodes": agent.episodes,
        "generator": generator,
        "values": {key: value for key, value in state.items() if key not in arrays},
    }
    with whole_file(path) as file:
        np.savez(file, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]


def load(path: Path, expected: type[Saved]) -> Saved:
    """The agent that `save` wrote.

    Args:
        path: the file.
        expected: the agent's class or a base class; subclasses are looked up in the registry by
            name.

    Raises:
        SandboxError: when the file is damaged, was not written by `save`, or holds an agent that is
            not an `expected`.
    """
    try:
        about, arrays = _read(path)
    except FileNotFoundError as error:
        raise SandboxError(f"No file {path}; an agent's `save` writes one.") from error
    except Exception as error:  # zipfile, zlib, struct, json and NumPy raise nearly anything
        raise SandboxError(
            f"{path} is damaged, or no saved agent ({type(error).__name__}: {error}). "
            "Save the agent again, or take it from its run."
        ) from error
    kind = _class(about["agent"], expected, path)
    try:
        bits = BIT_GENERATORS[about["generator"]["bit_generator"]]()
        bits.state = about["generator"]
        rng = np.random.Generator(bits)
        agent: Saved = kind(
            kind.Config(**about["config"]),
            about["states"],
            about["actions"],
            rng,
            episodes=about["episodes"],
        )
        agent.restore({**arrays, **about["values"]})  # type: ignore[attr-defined]
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        raise SandboxError(
            f"{path} holds an agent that this version cannot restore ({type(error).__name__}: "
            f"{error}). Train it again with this version."
        ) from error
    return agent


def _read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    file = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
    if not isinstance(file, np.lib.npyio.NpzFile):
        raise ValueError("a bare array")
    arrays = dict(file)  # reading checks every member's CRC
    about = json.loads(str(arrays.pop("about")))
    if about["format"] != FORMAT or not isinstance(about["agent"], str):
        raise ValueError(f"its format is not '{FORMAT}'")
    return about, arrays


def _class(name: str, expected: type[Saved], path: Path) -> Any:
    """The class of the agent called `name`: `expected` itself if it has that name, else the
    registered class."""
    if expected.name == name:
        return expected
    from sandbox.registry.registry import registry

    try:
        kind = registry().load("agent", name)
    except UnknownNameError as error:
        raise SandboxError(
            f"{path} holds an agent '{name}'. {error} Load the plugin that has it with -p FILE."
        ) from error
    if not issubclass(kind, expected):
        raise SandboxError(
            f"{path} holds an agent '{name}', not '{expected.name}'. Load it with "
            f"TabularAgent.load."
        )
    return kind
