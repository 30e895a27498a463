"""One check of the states of environments, for use in tests."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gymnasium

from envs import states
from sandbox.store import checkpoint
from sandbox.testing.promises import NotConforming, fingerprint, require


def check_state(make: Callable[[], gymnasium.Env[Any, Any]], *, steps: int = 200) -> None:
    """Check that an environment continues from a saved state as if it had not been saved.

    Random actions are played. At several moments the state goes through a checkpoint on disk into a
    new environment, and both play on with the same actions.

    Args:
        make: makes an environment: its class, or `lambda: gymnasium.make(…)`. With the render mode
            "rgb_array" pictures are compared too.
        steps: played after each of the moments, best more than an episode has.

    Raises:
        NotConforming: when a state is unknown, or when observations, rewards, ends, infos or
            pictures differ.
        CheckpointError: when a state holds something else than arrays and plain values.
    """
    with make() as env:
        env.reset(seed=1)
        env.action_space.seed(2)
        for moment in range(5):
            state = states.state_dict(env)
            require(state is not None, f"{env} has no state, or one of its wrappers has none")
            with make() as other, tempfile.TemporaryDirectory() as folder:
                path = checkpoint.save(Path(folder) / "checkpoints", moment, {"state": state})
                other.reset(seed=3)
                states.load_state_dict(other, checkpoint.load(path)["state"])
                actions = [env.action_space.sample() for _ in range(steps)]
                for one, two in zip(_play(env, actions), _play(other, actions), strict=True):
                    if fingerprint(one) != fingerprint(two):
                        raise NotConforming(
                            f"After a restored state a step gives {two}, not {one}."
                        )


def _play(env: gymnasium.Env[Any, Any], actions: Sequence[Any]) -> list[list[Any]]:
    """Everything that can be seen of the steps with these actions."""
    seen = []
    for action in actions:
        picture = env.render() if env.render_mode else None
        step = [*env.step(action)]
        if step[2] or step[3]:
            step += env.reset()
        seen.append([picture, *step])
    return seen
