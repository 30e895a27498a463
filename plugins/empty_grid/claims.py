"""What the report of Lab 06 found in the empty grid: G1 and G2.

Ties are broken at random; taken first they give the same figures (the report does not say which it used).
"""

from __future__ import annotations

from typing import Any

from agents.control import claims
from agents.control.claims import Setting
from sandbox.reproduction.claim import Claim

GRID = Setting("empty-grid", "q-learning", 1500)
ROAMING = Setting(
    "empty-grid",
    "q-learning",
    2000,
    (("policy", "epsilon-greedy"), ("epsilon_schedule", "linear")),
    (("random_start", True),),
)
GOAL = 22
"""The state of the cell (2, 2)."""
BEST = 0.8
"""Reward per step: ten moves, then forty steps on the goal."""
SOON = 0.8 * BEST
"""What counts as having converged: four fifths of the best possible."""
REPORTED = {"linear": (0.751, 0.8, 0.747, 0.8), "exponential": (0.794, 0.8, 0.8, 0.8)}
"""Q-learning + ε-greedy, Q-learning + softmax, SARSA + ε-greedy, SARSA + softmax."""
HALF_DIGIT = 0.0005
"""The report's figures have three decimals."""


def _g1() -> list[Claim]:
    says = "Q-learning + ε-greedy from random starts learns the value of the goal: V(goal) = 1 / (1 - γ) = 10"
    value = claims.value_of(ROAMING, GOAL)
    return [
        Claim(
            "G1",
            says,
            10.0,
            "equal",
            value,
            margin=0.005,
            cost=0.01,
            part="V(goal) after 2000 episodes",
            unit="discounted reward",
        )
    ]


def _g2() -> list[Claim]:
    says = "In the empty grid all four combinations come close to the best possible 0.8, and sooner with exponential ε"
    common: dict[str, Any] = {
        "cost": 0.008,
        "unit": "reward per step, mean of the last 100 of 1500 episodes",
    }
    made = [
        Claim(
            "G2",
            says,
            BEST,
            "equal",
            claims.exactly(lambda: claims.best_per_step(GRID)),
            part="best possible",
            exact=True,
            unit="reward per step",
        )
    ]
    for schedule, figures in REPORTED.items():
        settings = claims.combinations(GRID.but(epsilon_schedule=schedule))
        made += [
            Claim(
                "G2",
                says,
                figure,
                "equal",
                claims.last_mean(setting),
                margin=HALF_DIGIT,
                part=f"{name}, {schedule} ε",
                **common,
            )
            for (name, setting), figure in zip(settings, figures, strict=True)
        ]
    for name, setting in claims.combinations(GRID):
        soon, late = (
            claims.converged(setting.but(epsilon_schedule=schedule), SOON)
            for schedule in ("exponential", "linear")
        )
        part = f"{name}: exponential ε converges sooner"
        unit = f"runs that stay above {SOON:g} reward per step from an earlier episode on"
        made.append(
            Claim(
                "G2",
                says,
                None,
                "order",
                claims.earlier(soon, late),
                cost=0.016,
                part=part,
                unit=unit,
            )
        )
    return made


CLAIMS: tuple[Claim, ...] = (*_g1(), *_g2())
