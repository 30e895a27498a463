"""Check of environments."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.testing.promises import require

if TYPE_CHECKING:
    import gymnasium


def check_env(make: str | Callable[..., Any], *, steps: int = 200) -> None:
    """Check an environment with Gymnasium's own check, Stable-Baselines3's where it is installed,
    and ours of seeding and drawing.

    Args:
        make: a Gymnasium id, or something called with `render_mode=None` or `"rgb_array"` that
            returns a fresh environment.
        steps: number of steps of the walks that are compared.

    Raises:
        NotConforming: when one seed gives two different walks, or a frame is not a picture.
    """
    import gymnasium
    from gymnasium.utils import env_checker

    make = partial(gymnasium.make, make) if isinstance(make, str) else make
    checked = make(render_mode="rgb_array").unwrapped
    env_checker.check_env(
        checked, skip_render_check=checked.spec is None
    )  # other render modes are made from the spec
    with contextlib.suppress(ImportError):
        from stable_baselines3.common import env_checker as sb3

        sb3.check_env(make(render_mode=None).unwrapped)
    require(
        _walk(make(render_mode=None), steps) == _walk(make(render_mode=None), steps),
        "two walks with one seed differ",
    )
    env = make(render_mode="rgb_array")
    env.reset(seed=0)
    frame = env.render()
    shape = frame.shape if isinstance(frame, np.ndarray) else ()
    require(
        isinstance(frame, np.ndarray) and frame.dtype == np.uint8 and shape[2:] == (3,),
        f"render() gives {type(frame).__name__} {shape or ''}, not uint8 [height, width, 3]",
    )
    env.close()


def _walk(env: gymnasium.Env[Any, Any], steps: int) -> list[object]:
    """Observations, rewards and ends of a walk of random actions, in a form that can be
    compared."""
    observation, _ = env.reset(seed=3)
    env.action_space.seed(4)
    met: list[object] = [np.asarray(observation).tobytes()]
    for _ in range(steps):
        observation, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        met.append(
            (np.asarray(observation).tobytes(), float(reward), bool(terminated), bool(truncated))
        )
        if terminated or truncated:
            observation, _ = env.reset()
            met.append(np.asarray(observation).tobytes())
    env.close()
    return met
