"""Whether one of two agents is better or faster: an exact test for each pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from sandbox import text
from sandbox.comparison.agent_result import NAN, AgentResult, plain
from sandbox.seeding import generator
from sandbox.stats import aggregates, significance, time_to_threshold
from sandbox.stats.aggregates import MIN_RUNS
from sandbox.stats.intervals import Estimate, Interval
from sandbox.stats.time_to_threshold import Arrival
from sandbox.text import Document

SCORE, SPEED = "final score", "steps to 95 %"
QUESTIONS = (SCORE, SPEED)
FEW = "too few seeds"
"""The beginning of the verdict where no verdict is possible."""


@dataclass(frozen=True)
class Pair:
    """Two agents and one question.

    Attributes:
        question: `SCORE` or `SPEED`.
        one, other: labels.
        probability: that a run of `one` does better than a run of `other`, with its interval.
        p: two-sided p-value of an exact permutation test; None where nothing can be compared.
        corrected: p corrected for all pairs and questions together (Holm).
        least: the smallest corrected p that is possible with this number of runs; reached when the
            runs of the two agents do not overlap.
        needed: number of seeds per agent with which a verdict is possible.
        seeds: seeds of each agent on which all this rests, where seeds were added until pairs were
            decided (then corrected for all looks too); else 0.
        apart: interval of the difference of interquartile means, first less second; None where it
            is not known.
        margin: the largest difference that counts as none, where equality is shown; else None.
    """

    question: str
    one: str
    other: str
    probability: Estimate
    p: float | None
    corrected: float | None = None
    least: float = 1.0
    needed: int = 0
    seeds: int = 0
    apart: Interval | None = None
    margin: float | None = None

    @property
    def winner(self) -> str:
        """The label of the one that is shown to be better or faster; "" for neither."""
        if self.corrected is None or self.corrected >= significance.ALPHA:
            return ""
        return self.one if self.probability.value > 0.5 else self.other

    @property
    def verdict(self) -> str:
        """In words."""
        if self.winner:
            return f"{self.winner} is {'better' if self.question == SCORE else 'faster'}"
        if self.margin is not None:
            return f"equal within {text.number(self.margin, 4)}"
        if self.p is None:
            return "cannot be compared"
        if self.seeds and self.question == SCORE:
            return f"undecided after {self.seeds} seeds"
        if self.least >= significance.ALPHA:
            return f"{FEW}, {self.needed} of each may tell"
        return "no difference shown"

    def document(self) -> Document:
        """Plain values."""
        return {
            "question": self.question,
            "one": self.one,
            "other": self.other,
            "probability_of_improvement": plain(self.probability),
            "p": self.p,
            "p_corrected": self.corrected,
            "verdict": self.verdict,
            **(
                {"seeds": self.seeds, "difference": self.apart and [*self.apart]}
                if self.seeds
                else {}
            ),
        }


def asked(agents: Sequence[AgentResult]) -> list[tuple[str, AgentResult, AgentResult]]:
    """For each question, every pair; speed only where it is known for all measured agents."""
    pairs = [(SCORE, one, other) for one, other in combinations(agents, 2)]
    measured = [one for one in agents if not one.given]
    if all(one.steps is not None for one in measured):
        pairs += [(SPEED, one, other) for one, other in combinations(measured, 2)]
    return pairs


def p_value(question: str, one: AgentResult, other: AgentResult) -> float | None:
    """Two-sided p-value of "both are alike"; None where nothing can be compared."""
    if question == SPEED:
        return time_to_threshold.log_rank_p(_arrivals(one), _arrivals(other))
    return significance.rank_sum_by_task(one.oriented, other.oriented)


def pair_of(question: str, one: AgentResult, other: AgentResult) -> Pair:
    """Two agents and a question, not yet corrected for others."""
    probability = (_by_score if question == SCORE else _by_steps)(one, other)
    p = p_value(question, one, other)
    return Pair(question, one.label, other.label, probability, p)


def pairs_of(agents: Sequence[AgentResult]) -> list[Pair]:
    """For each question, every pair; speed only where it is known for all measured agents.

    Args:
        agents: the agents that have a finished run.
    """
    pairs = [pair_of(*question) for question in asked(agents)]
    p_values = [pair.p for pair in pairs if pair.p is not None]
    holm = iter(significance.holm(p_values))
    tests = len(p_values)
    tasks = agents[0].scores.shape[1]
    needed = significance.seeds_needed(tests, tasks) if tests else 0
    counts = {one.label: len(one.runs) for one in agents}
    return [
        replace(
            pair,
            corrected=None if pair.p is None else next(holm),
            least=min(
                1.0,
                significance.least_p(counts[pair.one], counts[pair.other], tasks) * max(1, tests),
            ),
            needed=needed,
        )
        for pair in pairs
    ]


def _by_score(one: AgentResult, other: AgentResult) -> Estimate:
    """The probability that a run of the first scores better."""
    left, right = one.oriented, other.oriented
    if min(len(left), len(right)) < MIN_RUNS:
        return Estimate(aggregates.improvement(left, right), NAN, NAN)
    random = generator(0, f"compare {SCORE} {one.label} {other.label}")
    level = aggregates.level_for(left, right)
    return aggregates.improvement_estimate(left, right, random, level=level)


def _by_steps(one: AgentResult, other: AgentResult) -> Estimate:
    """The probability that a run of the first arrives sooner."""
    followed = time_to_threshold.followed_alike(_arrivals(one), _arrivals(other))
    won = time_to_threshold.sooner(*followed)  # [runs, runs]
    if min(won.shape) < MIN_RUNS:
        return Estimate(float(won.mean()), NAN, NAN)
    random = generator(0, f"compare {SPEED} {one.label} {other.label}")
    return aggregates.wins_estimate(won, random)


def _arrivals(agent: AgentResult) -> list[Arrival]:
    return [run.steps for run in agent.runs if run.steps is not None]
