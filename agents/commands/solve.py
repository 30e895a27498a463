"""`solve ENV`: the exact optimum of an environment, from its model."""

from __future__ import annotations

from typing import Any

import click
import numpy as np

from agents.commands import EnvironmentCommands
from sandbox.cli.arguments import given_below, option_given
from sandbox.cli.options import json_option, own_options
from sandbox.cli.output import heading, next_commands, pairs, print_json
from sandbox.text import figures, number

ARROWS = "·→←↓↑"
"""Stay, right, left, down, up."""
LEGEND = {"G": "G goal", "#": "# wall", "O": "O hole"}


def _options() -> list[click.Parameter]:
    return own_options(
        click.option(
            "--discount",
            type=click.FloatRange(0, 1, min_open=True),
            default=0.9,
            show_default=True,
            help="Worth of a reward one step later (γ).",
        ),
        click.option(
            "--epsilon",
            type=click.FloatRange(0, 1),
            help="Also the best policy that explores: one action with 1-ε, each other with ε/(A-1).",
        ),
        click.option(
            "--tolerance",
            type=click.FloatRange(0, min_open=True),
            default=1e-10,
            show_default=True,
            help="Largest change of a value in the last sweep.",
        ),
        click.option(
            "--max-sweeps",
            type=click.IntRange(1),
            default=100_000,
            show_default=True,
            help="Give up after so many sweeps.",
        ),
        json_option,
    )


def carry_out(name: str, env_class: Any, config: Any, values: dict[str, Any]) -> int:
    """Solve one environment and print what was found; exit code 1 if value iteration did not converge."""
    from agents.commands.gymnasium_env import GymnasiumEnv
    from agents.planning import probabilities
    from agents.planning import solvers as planning

    env = env_class(config=config)
    model, discount = env.model, values["discount"]
    limits = {"tolerance": values["tolerance"], "max_sweeps": values["max_sweeps"]}
    best = planning.value_iteration(model, discount, **limits)
    planning.refuse_divergence(model, best, discount)
    document: dict[str, Any] = {
        "env": name,
        "discount": discount,
        **_scores(model, best, probabilities.one_hot(best.policy, model.actions)),
    }
    if model.horizon:
        document |= _whole_episode(
            model, per_step=hasattr(env, "layout"), stationary=isinstance(env, GymnasiumEnv)
        )
    soft = None
    if values["epsilon"] is not None:
        soft = planning.best_epsilon_soft(model, discount, values["epsilon"], **limits)
        document["epsilon_soft"] = {
            "epsilon": values["epsilon"],
            **_scores(
                model,
                soft,
                probabilities.soften(
                    probabilities.one_hot(soft.policy, model.actions), values["epsilon"]
                ),
            ),
        }
    if values["as_json"]:
        print_json(document)
    else:
        _print(name, env, document, best, soft)
    return 0 if best.converged and (soft is None or soft.converged) else 1


def _scores(model: Any, solution: Any, policy: np.ndarray) -> dict[str, Any]:
    """What the solution is worth at the start, and what an episode of its policy brings.

    Args:
        model: the exact model.
        solution: with `value`, `converged`, `sweeps`, `residual`.
        policy: action probabilities, float [states, actions].
    """
    from agents.planning import solvers as planning

    episode = planning.evaluate(model, policy, model.horizon)
    steps = episode.steps_to_goal
    goal = {
        "steps_to_goal": int(steps) if steps is not None and float(steps).is_integer() else steps,
        "goal_probability": episode.goal_probability,
    }
    return {
        "value_start": planning.value_at_start(model, solution.value),
        **(goal if model.goal.any() else {}),
        "reward_per_step": episode.reward_per_step,
        "episode_return": episode.expected_return,
        "converged": solution.converged,
        "sweeps": solution.sweeps,
        "residual": solution.residual,
    }


EPISODE = ("episode_limit", "optimal_return", "optimal_reward_per_step", "best_stationary")
"""Figures of an episode that is cut, which no discount changes."""


def _whole_episode(model: Any, per_step: bool, stationary: bool) -> dict[str, Any]:
    """What can be had of an episode that is cut after the time limit, without a discount.

    Args:
        model: the exact model, with a time limit.
        per_step: whether the labs divide the return by the steps of an episode.
        stationary: whether to look for the best policy that does not count steps too.
    """
    from agents.control.base import best_returns
    from agents.planning import solvers as planning
    from agents.planning.stationary import best_stationary

    worth = best_returns(model)
    optimum = None if worth is None else planning.value_at_start(model, worth)
    found: dict[str, Any] = {"episode_limit": model.horizon, "optimal_return": optimum}
    if per_step:
        found["optimal_reward_per_step"] = None if optimum is None else optimum / model.horizon
    if stationary:
        best = None if optimum is None else best_stationary(model, optimum)
        found["best_stationary"] = None if best is None else best[0]
    return found


def _print(name: str, env: Any, document: dict[str, Any], best: Any, soft: Any) -> None:
    heading(f"{name}: the best policy (discount {number(document['discount'])}, infinite horizon)")
    if drawn := _map(env, best.policy):
        click.echo(drawn)
    if hasattr(env, "layout"):
        click.echo(
            f"  ({ARROWS[0]} stay, {ARROWS[1:]} move; {', '.join(LEGEND[cell] for cell in LEGEND if cell in env.layout.to_text())})"
        )
    pairs(
        figures(
            {
                key: value
                for key, value in document.items()
                if key not in ("env", "discount", "epsilon_soft", *EPISODE)
            }
        )
    )
    if "episode_limit" in document:
        _print_episode(name, document)
    if soft is not None:
        heading(
            f"{name}: the best policy that explores with ε = {number(document['epsilon_soft']['epsilon'])}"
        )
        if drawn := _map(env, soft.policy):
            click.echo(drawn)
        pairs(
            figures(
                {key: value for key, value in document["epsilon_soft"].items() if key != "epsilon"}
            )
        )
    if not best.converged:
        click.echo(
            f"Warning: value iteration did not converge in {best.sweeps} sweeps: raise --max-sweeps.",
            err=True,
        )
    if hasattr(env, "layout"):
        options = given_below("--env.")
        next_commands(
            (["run", name, *options, *_learner()], "learn it"),
            (["play", name, *options], "walk it yourself"),
        )
    else:
        next_commands(
            (["run", "gym", "--env", name, *given_below("--env."), *_learner()], "learn it")
        )


def _print_episode(name: str, document: dict[str, Any]) -> None:
    from agents.control.base import BEST_RETURN

    heading(f"{name}: {BEST_RETURN.format(number(document['episode_limit']))}")
    if document["optimal_return"] is None:
        click.echo("  not computed: it would take too long")
    pairs(figures({key: document[key] for key in EPISODE[1:] if key in document}))


def _learner() -> list[str]:
    """The words that name an agent which learns with the same discount and exploration."""
    given = {option: option_given(f"--{option}") for option in ("discount", "epsilon")}
    return [
        "--agent",
        "q-learning",
        *(
            word
            for option, value in given.items()
            if value
            for word in (f"--agent.{option}", value)
        ),
    ]


def _map(env: Any, policy: np.ndarray) -> str:
    """The grid as text with an arrow in every free cell; empty where there is no grid."""
    if not hasattr(env, "layout"):
        from agents.commands.gymnasium_env import arrow_map

        return "" if env.view is None else arrow_map(env.view, policy)
    cells = env.layout.to_text().splitlines()
    if max(len(cells), len(cells[0])) > 60:
        return ""
    columns = len(cells[0])
    free = env.layout.walkable.ravel()
    rows = [
        "".join(
            _sign(cells, free, policy, row * columns + column, columns) for column in range(columns)
        )
        for row in range(len(cells))
    ]
    return "\n".join("  " + " ".join(row) for row in rows)


def _sign(cells: list[str], free: np.ndarray, policy: np.ndarray, state: int, columns: int) -> str:
    cell = cells[state // columns][state % columns]
    if cell == "G":
        return "G"
    return ARROWS[policy[state]] if free[state] else cell


solve = EnvironmentCommands(
    "solve",
    carry_out=carry_out,
    own=_options(),
    no_args_is_help=True,
    help="The exact optimum of ENV: value iteration on its model, then what an episode of the best policy brings.",
)
