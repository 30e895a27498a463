"""Score: the figure that a run is judged by, declared by its experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.text import is_number, sampled


@dataclass(frozen=True)
class Score:
    """What a run is judged by: declared by its experiment, and read by listings, curves,
    comparisons and sweeps.

    `value` and `optimum` have one definition, denominator included. The stream "evaluate" has a
    column of the same name where the score is followed while it learns.

    Attributes:
        name: as in the summary ("reward_per_step").
        value: the run's value; NaN before there is one.
        optimum: the best possible value, or None where it is unknown.
        optimum_is: which optimum is meant, in words ("highest expected return of an episode of 168
            steps, undiscounted").
        higher_is_better: whether more is better.
        unit: the value's unit ("reward per step").
        standard_error: standard error of a sampled value; None where the value is exact.
        episodes: how many episodes were sampled; None where it is exact.

    Example:
        >>> from sandbox import run
        >>> score = run("maze", agent="sarsa", episodes=1500, pictures=False).score
        >>> score.name, score.value, score.optimum, score.higher_is_better
        ('reward_per_step', 0.75, 0.75, True)
    """

    name: str
    value: float
    optimum: float | None = None
    optimum_is: str = ""
    higher_is_better: bool = True
    unit: str = ""
    standard_error: float | None = None
    episodes: int | None = None

    @property
    def text(self) -> str:
        """The value for people; a sampled one has no more digits than its standard error
        justifies.
        """
        return sampled(self.value, self.standard_error)

    def above_optimum(self, errors: float = 5.0) -> bool:
        """Whether the value is better than the best possible one, by more than rounding and
        `errors` standard errors.
        """
        if self.optimum is None:
            return False
        gain = (self.value - self.optimum) * (1 if self.higher_is_better else -1)
        return gain > errors * (self.standard_error or 0.0) + 1e-9 * max(1.0, abs(self.optimum))


def score_of(declared: Mapping[str, Any], summary: Mapping[str, Any]) -> Score | None:
    """The score that a record holds.

    Args:
        declared: what the experiment declared, as plain values; empty where it declares none, and
            in records written before experiments could. The score is the first number of the
            summary then, and more is better.
        summary: the run's summary.

    Returns:
        None where there is no finite number.
    """
    if declared:
        known = {
            name: value for name, value in declared.items() if name in Score.__dataclass_fields__
        }
        return Score(**known) if is_number(known.get("value")) else None
    name, value = next(iter(summary.items()), ("", None))
    if not is_number(value):
        return None
    optima = {key.removeprefix("optimal_"): value for key, value in summary.items()}
    optimum = next(
        (optima[of] for of in optima if f"optimal_{of}" in summary and name.endswith(of)),
        summary.get("optimum"),
    )
    return Score(name, float(value), float(optimum) if is_number(optimum) else None)
