"""`solve ENV`: the exact optimum of an environment, from its model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from agents.commands import EnvironmentCommands
from sandbox.cli.arguments import given_below, option_given
from sandbox.cli.options import json_option, own_options
from sandbox.cli.output import heading, next_commands, pairs, print_json
from sandbox.text import Document, figures, number

if TYPE_CHECKING:
    from agents.commands.environments import SolvableEnv
    from agents.planning.solvers import Solution
    from envs.mdp import TabularMDP


OPTIONS = own_options(
    click.option(
        "--discount",
        type=click.FloatRange(0, 1, min_open=True),
        default=0.9,
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
        help="Largest change of a value in the last sweep.",
    ),
    click.option(
        "--max-sweeps",
        type=click.IntRange(1),
        default=100_000,
        help="Give up after so many sweeps.",
    ),
    json_option,
)


def execute(name: str, env_class: Any, config: Any, values: dict[str, Any]) -> int:
    """Solve one environment and print its optimum; exit code 1 without convergence."""
    from agents.commands.environments import OwnEnv, SolvableEnv
    from agents.planning import probabilities
    from agents.planning import solvers as planning

    env: SolvableEnv = (
        env_class(config)
        if issubclass(env_class, SolvableEnv)
        else OwnEnv(name, env_class(config=config))
    )
    model, discount, epsilon = env.model, values["discount"], values["epsilon"]
    limits = {"tolerance": values["tolerance"], "max_sweeps": values["max_sweeps"]}
    best = planning.value_iteration(model, discount, **limits)
    planning.refuse_divergence(model, best, discount)
    document = {"env": name, "discount": discount}
    document |= _scores(model, best, best.policy, env.episodic)
    if model.horizon:
        document |= _whole_episode(model, env.episodic)
    soft = None
    if epsilon is not None:
        soft = planning.best_epsilon_soft(model, discount, epsilon, **limits)
        chosen = probabilities.one_hot(soft.policy, model.actions)
        scores = _scores(model, soft, probabilities.soften(chosen, epsilon), env.episodic)
        document["epsilon_soft"] = {"epsilon": epsilon, **scores}
    if values["as_json"]:
        print_json(document)
    else:
        _print(name, env, document, best, soft)
    return 0 if best.converged and (soft is None or soft.converged) else 1


def _scores(model: TabularMDP, solution: Solution, policy: np.ndarray, episodic: bool) -> Document:
    """The solution's value at the start, and the expected results of an episode of its policy.

    Args:
        model: the exact model.
        solution: with `value`, `converged`, `sweeps`, `residual`.
        policy: actions, int [states], or their probabilities, float [states, actions].
        episodic: whether episodes end by themselves: then the return is not divided by the limit.
    """
    from agents.planning import evaluation

    episode = evaluation.evaluate(model, policy, model.horizon)
    steps = episode.steps_to_goal
    goal = {
        "steps_to_goal": int(steps) if steps is not None and float(steps).is_integer() else steps,
        "goal_probability": episode.goal_probability,
    }
    return {
        "value_start": evaluation.value_at_start(model, solution.value),
        **(goal if model.goal.any() else {}),
        **({} if episodic else {"reward_per_step": episode.reward_per_step}),
        "episode_return": episode.expected_return,
        "converged": solution.converged,
        "sweeps": solution.sweeps,
        "residual": solution.residual,
    }


EPISODE = ("episode_limit", "optimal_return", "optimal_reward_per_step", "best_stationary")
"""Results of a truncated episode, which do not depend on the discount."""


def _whole_episode(model: TabularMDP, episodic: bool) -> Document:
    """The best undiscounted return of an episode that is truncated.

    Args:
        model: the exact model, with a time limit.
        episodic: whether to search for the best stationary policy too; otherwise the return is
            divided by the steps of an episode.
    """
    from agents.control.base import best_returns
    from agents.control.episodic import stationary_return
    from agents.planning import evaluation

    worth = best_returns(model)
    optimum = None if worth is None else evaluation.value_at_start(model, worth)
    document: Document = {"episode_limit": model.horizon, "optimal_return": optimum}
    if not episodic:
        per_step = None if optimum is None else optimum / model.horizon
        return document | {"optimal_reward_per_step": per_step}
    return document | {"best_stationary": stationary_return(model)}


def _print(
    name: str,
    env: SolvableEnv,
    document: Document,
    best: Solution,
    soft: Solution | None,
) -> None:
    heading(f"{name}: the best policy (discount {number(document['discount'])}, infinite horizon)")
    left_out = ("env", "discount", "epsilon_soft", *EPISODE)
    _print_policy(env.map(best.policy), env.legend, document, left_out)
    if "episode_limit" in document:
        _print_episode(name, document)
    if soft is not None:
        scores = document["epsilon_soft"]
        heading(f"{name}: the best policy that explores with ε = {number(scores['epsilon'])}")
        _print_policy(env.map(soft.policy), "", scores, ("epsilon",))
    if not best.converged:
        click.echo(
            f"Warning: value iteration did not converge in {best.sweeps} sweeps: "
            "raise --max-sweeps.",
            err=True,
        )
    options = given_below("--env.")
    # the lab `gym` has another discount than `solve` and our grids
    discount = option_given("discount") or str(document["discount"]) * env.episodic
    proposed = [(["run", *env.lab, *options, *_learner(discount)], "learn it")]
    if not env.episodic:
        proposed.append((["play", name, *options], "walk it yourself"))
    next_commands(*proposed)


def _print_policy(drawn: str, legend: str, scores: Document, left_out: Sequence[str]) -> None:
    if drawn:
        click.echo(drawn)
    if legend:
        click.echo(f"  {legend}")
    pairs(figures({key: value for key, value in scores.items() if key not in left_out}))


def _print_episode(name: str, document: Document) -> None:
    from agents.control.base import BEST_RETURN

    heading(f"{name}: {BEST_RETURN.format(number(document['episode_limit']))}")
    if document["optimal_return"] is None:
        click.echo("  not computed: it would take too long")
    pairs(figures({key: document[key] for key in EPISODE[1:] if key in document}))


def _learner(discount: str) -> list[str]:
    """Command-line arguments for an agent that learns the policy: SARSA if it explores with an ε,
    else Q-learning; with a discount, unless it is ""."""
    epsilon = option_given("epsilon")
    explores = float(epsilon or 0) > 0
    words = ["--agent", "sarsa" if explores else "q-learning"]
    if discount:
        words += ["--agent.discount", discount]
    if explores:
        words += ["--agent.policy", "epsilon-greedy", "--agent.epsilon", epsilon]
        words += ["--agent.epsilon-schedule", "constant", "--agent.epsilon-convention", "others"]
    return words


solve = EnvironmentCommands(
    "solve",
    execute=execute,
    own=OPTIONS,
    about="The exact optimum of ENV: value iteration on its model, then what an episode of the "
    "best policy brings.",
)
