"""`play ENV`: play an environment with the keyboard, and compare the return with the optimum."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from agents.commands import EnvironmentCommands
from sandbox.cli.arguments import given_below
from sandbox.cli.options import json_option, output_option, own_options, store_option
from sandbox.cli.output import next_commands, pairs, paragraph, print_json
from sandbox.errors import UsageError
from sandbox.text import figures, number, plural

if TYPE_CHECKING:
    from envs.config import GridConfig
    from envs.grid import GridEnv
    from envs.render.snapshot import Snapshot

KEYS = {
    "space": 0,
    "right": 1,
    "left": 2,
    "down": 3,
    "up": 4,
    ".": 0,
    "d": 1,
    "a": 2,
    "s": 3,
    "w": 4,
}
"""Actions by the window's names of the keys."""
HELP = "arrows: move · space: stay · o: the optimal action · r: again · q: end"
WINDOW_KEYS = (
    ("arrows", "move"),
    ("space", "stay"),
    ("o", "the optimal action"),
    ("r", "again"),
    ("s", "save a picture"),
    ("h", "these keys"),
    ("q", "end"),
)


OPTIONS = own_options(
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        help="Of starts and slips.",
    ),
    click.option(
        "--moves",
        metavar="TEXT",
        help="Play these moves without a window: letters w a s d, and . for staying.",
    ),
    output_option("Folder of pictures saved with the key s", "plays in the store", folder=True),
    store_option,
    json_option,
)


def execute(name: str, env_class: type[GridEnv], config: GridConfig, values: dict[str, Any]) -> int:
    """Let a person play; prints the return and the optimum at the end."""
    config = config.model_copy(update={"observation": "state"})  # a person sees the grid
    env = env_class(config=config, render_mode="rgb_array" if values["moves"] is None else None)
    if values["moves"] is not None:
        walk = _play_moves(env, values["moves"], values["seed"])
    else:
        pictures = values["output"] or values["store"].root / "plays"
        walk = _play_in_window(env, name, values["seed"], pictures)
    document = {
        "env": name,
        "steps": walk.steps,
        "return": walk.total,
        "steps_to_goal": walk.reached,
        "optimum": walk.optimum,
        "episode_length": env.model.horizon,
    }
    if values["as_json"]:
        print_json(document)
        return 0
    pairs(figures({key: value for key, value in document.items() if key != "env"}))
    paragraph(walk.verdict())
    options = given_below("--env.")
    next_commands(
        (["solve", name, *options], "the best way"),
        (["run", name, *options, "--agent", "sarsa"], "let an agent learn it"),
    )
    return 0


def _play_moves(env: GridEnv, moves: str, seed: int) -> _Walk:
    """Play moves given as text."""
    unknown = sorted(set(moves) - set("wasd. "))
    if unknown:
        raise UsageError(
            f"--moves: unknown move '{unknown[0]}'; known are w (up), a (left), s (down), d "
            "(right) and . (stay)."
        )
    walk = _Walk(env, seed)
    for move in moves.replace(" ", ""):
        walk.step(KEYS[move])
        if walk.over:
            break
    return walk


def _play_in_window(
    env: GridEnv,
    name: str,
    seed: int,
    pictures: Path,
) -> _Walk:
    """Play in a window until the episode is over, or the window is closed."""
    from sandbox.visual.screen import require_screen
    from sandbox.visual.window import Window, WindowClosed

    require_screen("Use `--moves wasd` to play without a window")
    walk, asked = _Walk(env, seed), False
    click.echo(HELP, err=True)
    window = Window(f"{name} · {HELP}", fps=30)
    window.save_to, window.key_help, window.note = pictures, WINDOW_KEYS, name
    try:
        while True:
            key = window.wait_key(walk.snapshot(asked))
            asked = asked != (key == "o")
            if key == "r":
                walk = _Walk(env)
            elif key in KEYS and not walk.over:
                walk.step(KEYS[key])
            elif walk.over and key != "o":
                break
    except WindowClosed:
        click.echo("Window closed.", err=True)
    finally:
        window.close()
    return walk


class _Walk:
    """One episode played by a person; a seed seeds the environment's generator.

    Raises:
        UsageError: when the optimum would take too long to compute.
    """

    def __init__(self, env: GridEnv, seed: int | None = None) -> None:
        from agents.control.base import best_returns

        best = best_returns(env.model)
        if best is None:
            raise UsageError(
                f"The best possible return of {plural(env.model.horizon, 'step')} would take too "
                "long to compute; give a smaller --env.episode-length."
            )
        self._env, self._bumped = env, False
        self._state, _ = env.reset(seed=seed)
        self.optimum = float(best[self._state])  # expected, from this start
        self._best = "best expected" if env.model.outcomes > 1 else "best possible"
        self.total, self.steps, self.over = 0.0, 0, False
        self.reached: int | None = 0 if env.model.goal[self._state] else None

    def step(self, action: int) -> None:
        """Take one action."""
        from envs.grid import BUMP_REWARD, STAY

        state, reward, terminated, truncated, _ = self._env.step(action)
        self._bumped = action != STAY and state == self._state and reward == BUMP_REWARD
        self._state = state
        self.total += reward
        self.steps += 1
        self.over = terminated or truncated
        if self.reached is None and self._env.model.goal[state]:
            self.reached = self.steps

    def verdict(self) -> str:
        """The return compared with the optimum, in a sentence."""
        whole, optimum = self._env.model.horizon, number(self.optimum)
        if self.steps < whole:
            return (
                f"{'The episode ended' if self.over else 'You stopped'} after {self.steps} of "
                f"{plural(whole, 'step')} with {number(self.total)}; the {self._best} in a whole "
                f"episode is {optimum}."
            )
        short = self.optimum - self.total
        if abs(short) <= 1e-9:
            return f"That is the {self._best}."
        side = "short of" if short > 0 else "above"
        return f"{number(abs(short))} {side} the {self._best}, {optimum}."

    def snapshot(self, asked: bool) -> Snapshot:
        """The present moment: a bump is marked, and the optimal action is named, with those of the
        other cells as arrows, if it is asked for.

        Args:
            asked: whether to show the optimal action, which depends on the number of steps left.
        """
        from agents.planning import solvers as planning
        from envs.grid import ACTIONS, BUMP_REWARD

        model = self._env.model
        left = 0 if self.over else model.horizon - self.steps
        words = [f"bump! {number(BUMP_REWARD)}"] if self._bumped else []
        policy = None
        if asked and left:
            best = planning.finite_horizon(model, left).policy  # [states]
            policy = np.eye(len(ACTIONS))[best]
            words.append(f"optimal: {ACTIONS[best[self._state]]}")
        words += [f"return {number(self.total)}", f"{self._best} {number(self.optimum)}"]
        status = " · ".join([*words, f"{plural(left, 'step')} left"])
        marked = (self._env.position,) if self._bumped else ()
        return replace(self._env.snapshot(status=status), policy=policy, marked=marked)


play = EnvironmentCommands(
    "play",
    execute=execute,
    own=OPTIONS,
    refusal="`play` walks the sandbox's own grids. `python -m sandbox run gym --env ENV --render "
    "human` shows how an agent learns ENV.",
    about=f"Walk ENV with the keyboard: {HELP}. The return and the optimum are shown.",
)
