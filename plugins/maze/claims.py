"""G3 to G7: the findings of Lab 06's report in the maze, and the answer to its open question (G4).

The table claims.toml lists the claims; this module has the measures that only the maze needs.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from agents.control import claims
from agents.control.claims import Setting
from agents.planning import solvers as planning
from agents.planning import thresholds
from sandbox.reproduction.table import read_claims

SETTINGS = claims.read_settings("plugins.maze")
MAZE, FAILING, BREAKABLE = (SETTINGS[name] for name in ("maze", "failing", "breakable"))
LEARNED = 0.5
"""A run has learned the way if its reward per step over the last 100 episodes is at least this."""
START = 99
"""The state in which episodes begin."""


@cache
def threshold() -> float:
    """The largest ε at which the best ε-soft policy walks to the goal: 0.0671."""
    return thresholds.largest_walking_epsilon(claims.model(MAZE), claims.DISCOUNT)


@cache
def crossing() -> int:
    """The first episode whose ε is below the threshold: 1113."""
    return thresholds.episode_below(threshold(), 0.8, 0.001, MAZE.episodes)


@cache
def best_values(epsilon: float) -> np.ndarray:
    """The value of each cell under the best policy that explores with ε: float [states]."""
    best = planning.best_epsilon_soft(
        claims.model(MAZE), claims.DISCOUNT, epsilon, tolerance=thresholds.TOLERANCE
    )
    return best.value


def goal_value() -> float:
    """The value of the goal cell under the best policy that explores with ε 0.8."""
    return float(best_values(0.8)[0])


def at_penalty(penalty: float) -> Setting:
    """The maze whose walls can be broken through, at a wall penalty."""
    return BREAKABLE.within(wall_penalty=penalty)


def best_route(penalty: float) -> float:
    """Number of moves of the best route at a wall penalty."""
    return thresholds.best_moves(claims.model(at_penalty(penalty)), claims.DISCOUNT)


@cache
def breaks(low: float, high: float, route: int) -> float:
    """The wall penalty above which the best route has at most `route` moves.

    Args:
        low: a penalty at which the best route is longer.
        high: a penalty at which it is not.
        route: number of moves.
    """
    return thresholds.bisect(lambda penalty: best_route(penalty) <= route, low, high)


def last_at_penalty(penalty: float, seed: int) -> float:
    """Mean reward per step of the last 100 episodes at a wall penalty."""
    return claims.last_mean(at_penalty(penalty), seed)


def restore_optimism(q: np.ndarray) -> None:
    """Set Q [states, actions] to its initial value, 1 / (1 - γ)."""
    q[:] = 1 / (1 - claims.DISCOUNT)


def changed(seed: int) -> tuple[claims.TrainingOutcome, np.ndarray]:
    """The failing run, its Q reset to the initial value at the crossing; and Q before the reset."""
    return claims.changed_midway(FAILING, crossing() - 1, restore_optimism, seed)


def learns_with_optimism(seed: int) -> float:
    """1 if the run whose optimism is restored learns the way, else 0."""
    return float(changed(seed)[0].last >= LEARNED)


def expected_at_start(seed: int) -> float:
    """Highest Q of the start cell at the crossing."""
    return float(changed(seed)[1][START].max())


def optimism_left(seed: int) -> float:
    """Highest Q minus the exact value at the crossing, mean over free cells."""
    free = claims.layout(MAZE).free.ravel()  # [states]
    return float((changed(seed)[1].max(axis=1) - best_values(threshold()))[free].mean())


def was_there(seed: int) -> float:
    """1 if the failing run stood on the goal before the crossing, else 0."""
    return float(claims.outcome(FAILING, seed).arrived[: crossing() - 1].any())


def value_of_walls(setting: Setting, seed: int) -> float:
    """The highest Q of a wall cell, for the wall where it is furthest from the initial 10."""
    walls = ~claims.layout(setting).walkable.ravel()  # [states]
    values = claims.outcome(setting, seed).q.max(axis=1)[walls]
    return float(values[np.abs(values - 10).argmax()])


CLAIMS = read_claims("plugins.maze", claims.by_name(SETTINGS, {**vars(claims), **globals()}))


def reported(beginning: str) -> dict[str, float | None]:
    """The report's figures of claims whose part starts with a text, by the rest of the part."""
    return {
        claim.part.removeprefix(beginning): claim.reported
        for claim in CLAIMS
        if claim.part.startswith(beginning)
    }


GIVEN_BACK = "only the optimism given back: Q = 10 again at that episode"
EXPERIMENTS = {
    claim.part: claim.reported
    for claim in CLAIMS
    if claim.part in SETTINGS and claim.kind == "proportion"
}
"""Settings that differ from the failing one in one thing, and the share of runs that learn."""
