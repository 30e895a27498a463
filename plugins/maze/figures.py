"""The figures of Lab 06 redrawn from the measured runs, and two that answer its open question."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from agents.control import claim_pictures, claims
from agents.control.claim_pictures import Route
from agents.control.claims import Setting
from agents.planning import evaluation, probabilities, thresholds
from agents.planning import solvers as planning
from agents.tabular import schedules
from plugins.maze.claims import (
    EXPERIMENTS,
    FAILING,
    GIVEN_BACK,
    LEARNED,
    MAZE,
    SETTINGS,
    START,
    at_penalty,
    best_values,
    breaks,
    changed,
    crossing,
    reported,
    threshold,
)
from sandbox.reproduction.claim import ClaimPicture
from sandbox.stats.intervals import wilson
from sandbox.visual import plots

TRACED = 60
"""Number of runs in which the value of the start cell is recorded."""
STRETCH = 30
"""Episodes between two records of it."""
SEED = 0
"""Seed of the runs whose value maps and episodes are shown."""
EDGE: dict[str, Any] = {"color": plots.GREY, "linestyle": ":", "linewidth": 1.4}
"""The line at which staying begins, or ceases, to pay."""


def pictures(claim: str, seeds: int, data: Path | None = None) -> Iterator[ClaimPicture]:
    """The figures of a claim, with bands over several runs.

    Args:
        claim: its id.
        seeds: number of runs in each band.
        data: without effect.
    """
    drawing = {"G4": _g4, "G5": _g5, "G7": _g7}
    if claim in drawing:
        yield from drawing[claim](seeds)


def _g4(seeds: int) -> Iterator[ClaimPicture]:
    yield ClaimPicture(
        "why",
        "Left, exact: what the start cell is worth to a policy that walks to the goal and to one "
        f"that stays, both exploring with ε. Above ε = {threshold():.4f} staying is worth more. "
        f"Right, {min(seeds, TRACED)} runs of SARSA, median and 90 %: optimism left (what it "
        "expects above what the best exploring policy would earn, mean over all cells), and what "
        "it expects at the start. Both in discounted reward. ε becomes small enough in episode "
        f"{crossing()}; by then the optimism is used up, and SARSA continues to expect what "
        "staying earns.",
        why(min(seeds, TRACED)),
    )
    yield ClaimPicture(
        "experiments",
        "What each row changes of the first; shortening the fall of ε to 300 episodes also lowers "
        "or raises its end. Bars are Wilson's 95 % intervals.",
        experiments(seeds),
    )


def _g5(seeds: int) -> Iterator[ClaimPicture]:
    yield ClaimPicture(
        "reward_against_wall_penalty",
        "The report's figure redrawn. The dotted lines are the exact penalties at which the best "
        "route for discount 0.9 changes. Which route brings most reward per step is another "
        "question: without a discount, breaking through would pay at every penalty shown.",
        penalty_figure(seeds),
    )


def _g7(seeds: int) -> Iterator[ClaimPicture]:
    moves = reported("greedy episode, ")
    routes = [route(name) for name in moves]
    title = "What each cell is worth, as the report drew it"
    caption = (
        f"Q-learning + softmax, seed {SEED}. Hatched: walls, which are never entered and keep "
        "the initial value 10. Arrows: greedy actions, a dot for staying."
    )
    yield ClaimPicture("value_maps", caption, claim_pictures.raw_maps(routes[:2], title))
    named = [one._replace(name=f"{one.name}: {len(one.states) - 1} moves") for one in routes[1:]]
    title = "Three walls, three ways: value map and greedy route"
    caption = (
        "The greedy route over its value map, for solid walls and for two wall penalties. "
        "Light grey: walls that can be broken through; framed: the one that is."
    )
    yield ClaimPicture("routes", caption, claim_pictures.route_maps(named, title))
    panels = {
        name: {"median and 90 % of runs": claims.bands(setting, seeds)}
        for name, setting in claims.combinations(MAZE).items()
    }
    title = "Learning the maze: exponential ε from 0.8 to 0.001"
    yield claim_pictures.learning_curves("learning_curves", panels, MAZE.episodes, 0.75, title)
    for one in routes:
        caption = f"{one.name}: {len(one.states) - 1} moves (the report: {moves[one.name]})"
        animation = claim_pictures.animation(one, one.name)
        yield ClaimPicture(f"episode_{one.name.replace(' ', '_')}", caption, animation)


def route(name: str) -> Route:
    """The greedy episode of a run with seed 0, until it reaches the goal."""
    setting = SETTINGS[f"greedy episode, {name}"]
    world, q = claims.model(setting), claims.outcome(setting, SEED).q
    states = [int(world.start_states[0])]
    while not world.goal[states[-1]] and len(states) <= world.horizon:
        states.append(int(world.next_state[states[-1], q[states[-1]].argmax(), 0]))
    return Route(name, claims.layout(setting), q.max(axis=1), probabilities.greedy(q), states)


def _last(setting: Setting, seeds: int) -> np.ndarray:
    """Mean reward per step of the last episodes: float [seeds]."""
    return np.array([claims.last_mean(setting, seed) for seed in range(seeds)])


def penalty_figure(seeds: int) -> Figure:
    """G5: measured, exact, and reported reward per step."""
    curve = {float(penalty): value for penalty, value in reported("wall penalty ").items()}
    penalties = np.array(list(curve))
    measured = np.array([_last(at_penalty(penalty), seeds) for penalty in curve])
    steps = [breaks(-4.5, -3.0, 32), breaks(-3.0, -2.0, 24)]
    sides = (step + side for step in steps for side in (-1e-4, 1e-4))
    fine = np.array(sorted({*np.linspace(penalties[0], penalties[-1], 51), *sides}))
    best = [_best_route_reward(float(penalty)) for penalty in fine]
    names = ["42 moves, no wall", "32 moves, one wall", "24 moves, one wall"]
    stated = {penalty: value for penalty, value in curve.items() if value is not None}
    exact = np.array([fine, best])
    return claim_pictures.penalty_curve(penalties, measured, exact, stated, steps, names)


def _best_route_reward(penalty: float) -> float:
    """Reward per step of the best policy for discount 0.9 at a wall penalty."""
    world = claims.model(at_penalty(penalty))
    best = planning.value_iteration(world, claims.DISCOUNT)
    policy = probabilities.one_hot(best.policy, world.actions)
    return evaluation.evaluate(world, policy, world.horizon).reward_per_step


def experiments(seeds: int) -> Figure:
    """G4: how many runs learn the way when one thing is changed."""
    last = {
        "as in the report": _last(FAILING, seeds),
        GIVEN_BACK: np.array([changed(seed)[0].last for seed in range(seeds)]),
    } | {name: _last(SETTINGS[name], seeds) for name in EXPERIMENTS}
    rows = [
        (name, count / seeds, wilson(count, seeds), seeds)
        for name, scores in last.items()
        for count in [int((scores >= LEARNED).sum())]
    ]
    groups = [1, 0] + [0 if share else 1 for share in EXPERIMENTS.values()]
    title = "SARSA + ε-greedy in the maze, changed"
    return claim_pictures.shares(rows, title, "runs that learn the way, %", groups)


def why(runs: int) -> Figure:
    """G4: exact values of walking and of staying against ε; remaining optimism while ε falls."""
    with plots.style():
        figure = plots.figure(11.0, 5.6, left=0.8, right=0.25, top=0.45)
        grid = figure.add_gridspec(
            3, 2, width_ratios=[1, 1.25], height_ratios=[1.5, 1.5, 1], hspace=0.14, wspace=0.22
        )
        _walk_or_stay(figure.add_subplot(grid[:, 0]))
        panels = [figure.add_subplot(grid[row, 1]) for row in range(3)]
        traces = np.array([_trace(seed) for seed in range(runs)])  # [runs, looks, 2]
        _optimism(panels[0], traces[:, :, 1])
        _start_value(panels[1], traces[:, :, 0])
        _schedule(panels[2])
        for axes in panels:
            axes.axvline(crossing(), **EDGE)
            axes.set_xlim(0, MAZE.episodes)
            axes.tick_params(labelbottom=axes is panels[2])
            axes.yaxis.set_label_coords(-0.115, 0.5)
    return figure


def _walk_or_stay(axes: Axes) -> None:
    world, discount, edge = claims.model(MAZE), claims.DISCOUNT, threshold()
    grid = np.linspace(0.0, 0.2, 81)
    for name, at, colour in (
        ("walks to the goal", edge - 1e-4, plots.BLUE),
        ("stays", edge + 1e-4, plots.VERMILION),
    ):
        chosen = probabilities.one_hot(
            planning.best_epsilon_soft(world, discount, at).policy, world.actions
        )
        worth = [
            thresholds.policy_value(world, probabilities.soften(chosen, float(epsilon)), discount)[
                START
            ]
            for epsilon in grid
        ]
        axes.plot(grid, worth, color=colour, label=name)
    axes.axvline(edge, **EDGE)
    plots.note(axes, f"ε = {edge:.4f}", (edge, 0.09), (6, 0))
    axes.set_xticks([0, 0.05, 0.1, 0.15, 0.2])
    axes.set(
        title="Does walking pay?",
        xlabel="exploration ε",
        ylabel="worth of the start cell (discounted reward)",
        xlim=(0, 0.2),
    )
    axes.legend(loc="lower left", title="policy, exploring with ε", alignment="left")


def _optimism(axes: Axes, left: np.ndarray) -> None:
    claim_pictures.band(axes, _looks(), left, plots.BLUE, "median and 90 % of runs")
    axes.axhline(0.0, color="#374151", linewidth=0.8)
    plots.note(axes, f"episode {crossing()}", (crossing(), 11.0), (6, 0))
    axes.set(
        title="Optimism is gone when it begins to pay", ylabel="optimism left", ylim=(-1.5, 15)
    )


def _start_value(axes: Axes, values: np.ndarray) -> None:
    claim_pictures.band(axes, _looks(), values, plots.BLUE, "SARSA, highest Q")
    axes.plot(
        _looks(),
        _best_values()[:, START],
        color=plots.VERMILION,
        linestyle="--",
        linewidth=1.5,
        label="best at that ε, exact",
    )
    axes.set(ylabel="worth of the start", ylim=(-1.0, 0.3))
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.05))


def _schedule(axes: Axes) -> None:
    axes.semilogy(np.arange(1, MAZE.episodes + 1), _epsilons(), color=plots.GREEN)
    axes.axhline(threshold(), **EDGE)
    plots.note(axes, f"ε = {threshold():.4f}", (2500, threshold()), (0, 5))
    axes.set_yticks([0.001, 0.01, 0.1, 0.8], ["0.001", "0.01", "0.1", "0.8"])
    axes.minorticks_off()
    axes.set(xlabel="episode", ylabel="exploration ε")


def _epsilons() -> np.ndarray:
    """ε of each episode: float [episodes]."""
    return schedules.values("exponential", 0.8, 0.001, MAZE.episodes, 0, MAZE.episodes)


def _looks() -> np.ndarray:
    """Numbers of learned episodes after which Q is inspected (the "looks")."""
    return np.arange(0, MAZE.episodes, STRETCH)


@cache
def _best_values() -> np.ndarray:
    """Exact values of the best policy that explores with the look's ε: float [looks, states]."""
    return np.array([best_values(float(epsilon)) for epsilon in _epsilons()[_looks()]])


def _trace(seed: int) -> np.ndarray:
    """Highest Q of the start cell, and remaining optimism, of a failing run: float [looks, 2]."""
    agent, rng = claims.fresh(FAILING, seed)
    free = claims.layout(MAZE).free.ravel()  # [states]
    seen = []
    for best in _best_values():
        values = agent.q.max(axis=1)
        seen.append((values[START], (values - best)[free].mean()))
        agent.learn_model(claims.model(MAZE), rng, STRETCH)
    return np.array(seen)
