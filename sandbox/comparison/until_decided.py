"""As many seeds as needed: which pairs are decided after each group of seeds.

A function of the runs' files: every look is computed again from the seeds that it had.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite
from numbers import Real

from sandbox import text
from sandbox.comparison import MARGIN, MAX_SEEDS
from sandbox.comparison.agent_result import AgentResult
from sandbox.comparison.pairs import SCORE, Pair, asked, p_value, pair_of
from sandbox.comparison.run_scores import scores
from sandbox.config.model import show_value
from sandbox.errors import UsageError
from sandbox.runs.request import Request, whole_number
from sandbox.stats import aggregates, sequential
from sandbox.stats.sequential import FEWEST_EQUAL
from sandbox.text import Document

MOST = 1000
"""Largest number of seeds until pairs are decided."""


@dataclass(frozen=True)
class UntilDecided:
    """How seeds are added.

    Attributes:
        group: seeds of the first group and of each further one, >= 1.
        first: the first seed, >= 0.
        margin: largest difference of interquartile means that counts as none, as a share of the
            optimum, in (0, 1).
        max_seeds: most seeds of an agent, >= group.
    """

    group: int
    first: int
    margin: float = MARGIN
    max_seeds: int = MAX_SEEDS

    @property
    def counts(self) -> list[int]:
        """Seeds of each agent at each look."""
        return [*range(self.group, self.max_seeds, self.group), self.max_seeds]

    def wrong_numbers(self) -> list[str]:
        """A sentence, without its full stop, for each number that is out of its range."""
        wrong = []
        if not isinstance(self.margin, Real) or not 0 < self.margin < 1:
            shown = show_value(self.margin)
            wrong += [f"--margin {shown}: it should be a share between 0 and 1, as 0.01"]
        if not self.group <= self.max_seeds <= MOST:
            wrong += [
                f"--max-seeds {self.max_seeds}: it should be from {self.group}, the seeds that are "
                f"added at a time (--seeds), to {MOST}"
            ]
        return wrong


def seed_plan(
    decided: bool, request: Request, margin: float, max_seeds: int
) -> UntilDecided | None:
    """How seeds are added; None where their number is fixed.

    Args:
        decided: whether they are added until every pair is decided.
        request: what all runs share; its seeds are the first group.
        margin, max_seeds: as in `UntilDecided`.

    Raises:
        UsageError: when a margin or a largest number is given for a fixed number of seeds.
    """
    if decided:
        return UntilDecided(
            request.seeds, request.seed, margin, whole_number("--max-seeds", max_seeds)
        )
    if (margin, max_seeds) != (MARGIN, MAX_SEEDS):
        raise UsageError(
            "--margin and --max-seeds belong to --until-decided. Add it, or leave them out."
        )
    return None


@dataclass(frozen=True)
class Looks:
    """What the looks at some agents' runs decided.

    Attributes:
        plan: how seeds were added.
        agents: agents with finished runs.
        optimum: the best possible score; None where it is not known.
    """

    plan: UntilDecided
    agents: Sequence[AgentResult]
    optimum: float | None

    @cached_property
    def _decided(self) -> tuple[list[sequential.Decision], list[str]]:
        questions = asked(self.agents)
        by_label = {one.label: one for one in self.agents}

        def p(place: int, seeds: int) -> float | None:
            question, *two = questions[place]
            return p_value(question, *(self._at(one, seeds) for one in two))

        return sequential.decide(
            [(one.label, other.label) for _, one, other in questions],
            sum(question == SCORE for question, _, _ in questions),
            {one.label: 0 if one.given else one.wanted for one in self.agents},
            self.plan.counts,
            self.margin,
            p,
            lambda label, seeds: scores(self._at(by_label[label], seeds).runs)[:, 0],
        )

    def _at(self, agent: AgentResult, seeds: int) -> AgentResult:
        """The agent with its first seeds; with all where it is given."""
        end = self.plan.first + seeds
        runs = [run for run in agent.runs if agent.given or run.seed < end]
        return replace(agent, runs=runs)

    @cached_property
    def _scale(self) -> float:
        """What the margin is a share of."""
        if self.optimum:
            return abs(self.optimum)
        first = [self._at(one, self.plan.group) for one in self.agents]
        return max(abs(float(aggregates.iqm(scores(one.runs)))) for one in first)

    @property
    def margin(self) -> float:
        """Largest difference of interquartile means that counts as none."""
        return self.plan.margin * self._scale

    @property
    def undecided(self) -> list[str]:
        """Labels of the agents that need more seeds."""
        return self._decided[1]

    @cached_property
    def pairs(self) -> list[Pair]:
        """For each question, every pair, with the seeds of the look that decided, or the last."""
        return [
            replace(
                pair_of(question, self._at(one, made.seeds), self._at(other, made.seeds)),
                corrected=None if made.p is None else made.corrected,
                least=0.0,
                seeds=made.seeds,
                apart=made.apart if question == SCORE and isfinite(sum(made.apart)) else None,
                margin=self.margin if made.equal else None,
            )
            for (question, one, other), made in zip(
                asked(self.agents), self._decided[0], strict=True
            )
        ]

    def document(self) -> Document:
        """Plain values."""
        own = [one.wanted for one in self.agents if not one.given]
        return {
            "margin": self.plan.margin,
            "difference": self.margin,
            "looks": [count for count in self.plan.counts if count <= max(own)],
            "planned_looks": self.plan.counts,
            "runs": sum(own),
            "most_runs": len(own) * self.plan.max_seeds,
            "undecided": self.undecided,
        }

    def sentences(self) -> list[str]:
        """How many looks there were, what they saved, and what counts as equal."""
        facts, plan, of = self.document(), self.plan, "of the optimum"
        looks, runs, most = facts["looks"], facts["runs"], facts["most_runs"]
        if not self.optimum:
            of = (
                f"of {text.number(self._scale, 4)}, the largest interquartile mean of {plan.group} "
                "seeds, as no optimum but 0 is known; --margin changes it"
            )
        few = f"; it can be shown from {FEWEST_EQUAL} seeds on: raise --max-seeds"
        return [
            "Seeds were added until every pair of agents was decided by the final score, up to "
            f"{plan.max_seeds} of each: {text.plural(len(looks), 'look')} of "
            f"{len(plan.counts)}, after {', '.join(map(str, looks))} seeds. {runs} runs were "
            f"needed{f', {most - runs} fewer than {most}' if runs < most else ''}.",
            "Equal means that the interval of the difference of interquartile means is within "
            f"±{text.number(self.margin, 4)}, {text.number(100 * plan.margin, 4)} % {of}"
            f"{few if plan.max_seeds < FEWEST_EQUAL else ''}.",
        ]
