"""A group-sequential test of agents: after each group of seeds, which pairs are decided.

The model is AdaStop (Mathieu, Della Vecchia, Shilova, Centa de Medeiros, Kohler, Maillard & Preux
2023, "AdaStop: adaptive statistical testing for sound comparisons of deep RL agents"). Ours tests
ranks and not means, controls the error whichever agents are equal, and can also show that two are.

The probability of any wrong decision, over all pairs and looks, is at most `DIFFERENCE` +
`EQUALITY`:

- A difference between agents whose scores have the same distribution: each look spends a part of
  `DIFFERENCE` in proportion to its seeds, which Holm's correction (1979) divides among the tests.
  Tests that showed a difference leave the correction, as Holm's rejected hypotheses do. A test of
  the first n seeds, n fixed in advance, is valid whichever agents went on, so the sum over looks
  bounds the error.
- Equality of agents whose interquartile means differ by more than the margin: with probability
  1 - `EQUALITY`, the intervals of all agents contain their means at all looks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sandbox.stats.intervals import Interval, numbers
from sandbox.stats.significance import ALPHA, holm

DIFFERENCE, EQUALITY = 0.04, 0.01
"""Shares of the family-wise error; they add up to `ALPHA`."""
FEWEST_EQUAL = 25
"""Seeds before which no error is spent on equality: even equal scores of fewer seeds show none."""
POINTS, FIRST = 8, 0.6
"""Quantiles that bound an interquartile mean, and the first one's share of the error."""


class Decision(NamedTuple):
    """What is known of one test.

    Attributes:
        seeds: seeds of each agent at the look that decided, or at the last one.
        p: two-sided p-value at that look; None where nothing could be compared.
        corrected: p corrected for all tests and looks; below `ALPHA`, a difference is shown.
        apart: interval of the first agent's interquartile mean less the second's, at that look.
        equal: whether it lies inside the margin, and no difference is shown.
    """

    seeds: int = 0
    p: float | None = None
    corrected: float = 1.0
    apart: Interval = Interval(-np.inf, np.inf)
    equal: bool = False

    @property
    def decided(self) -> bool:
        """Whether a difference or equality is shown."""
        return self.equal or self.corrected < ALPHA


def decide(
    tests: Sequence[tuple[str, str]],
    pairs: int,
    available: Mapping[str, int],
    counts: Sequence[int],
    margin: float,
    p_value: Callable[[int, int], float | None],
    scores: Callable[[str, int], ArrayLike],
) -> tuple[list[Decision], list[str]]:
    """The decisions after all looks for which there are seeds.

    An agent continues to the next look while one of its pairs is undecided.

    Args:
        tests: the two agents of each test.
        pairs: how many of the tests, the first ones, must be decided: tests of scores, each pair
            once. The others are tested as long as both agents continue.
        available: seeds of each agent; 0 for an agent that has the same scores at every look.
        counts: seeds at each look, rising.
        margin: largest difference of interquartile means that counts as none, >= 0.
        p_value: place of a test, seeds -> two-sided p-value, valid for every number of seeds.
        scores: agent, seeds -> scores of its first seeds, float [runs].

    Returns:
        A decision for each test, and the agents that need more seeds.
    """
    made = [Decision()] * len(tests)
    late = sum(count >= FEWEST_EQUAL for count in counts)
    error = EQUALITY / len(available) / max(1, late)
    for count in (*counts, sys.maxsize):
        needed = {
            agent
            for test, one in zip(tests[:pairs], made, strict=False)
            for agent in test
            if not one.decided
        }
        active = [agent for agent, seeds in available.items() if seeds and agent in needed]
        if not active or min(available[agent] for agent in active) < count:
            break
        present = {agent for agent, seeds in available.items() if agent in active or not seeds}
        p_values = {
            place: p_value(place, count)
            for place, test in enumerate(tests)
            if present.issuperset(test) and not made[place].decided
        }
        every = holm(
            [
                0.0 if one.corrected < ALPHA else 1.0 if (p := p_values.get(place)) is None else p
                for place, one in enumerate(made)
            ]
        )
        times = sum(counts) / count * ALPHA / DIFFERENCE
        means = {agent: iqm_interval(scores(agent, count), error) for agent in present}
        for place, p in p_values.items():
            one, other = (means[agent] for agent in tests[place])
            apart = Interval(one.low - other.high, one.high - other.low)
            known = Decision(count, p, min(1.0, times * every[place]), apart)
            inside = -margin <= apart.low and apart.high <= margin and not known.decided
            equal = inside and count >= FEWEST_EQUAL and place < pairs
            made[place] = known._replace(equal=equal)
    return made, active


def iqm_interval(scores: ArrayLike, error: float) -> Interval:
    """An interval of the interquartile mean that holds for every distribution, also with ties.

    The mean is 2 ∫ Q(u) du from 1/4 to 3/4, and Q rises: its values at the left ends of `POINTS`
    equal pieces bound the mean from below. The k-th lowest of n scores exceeds Q(u) only if fewer
    than k scores are at most Q(u), with probability P(B < k) at most, B binomial with n and u
    (David & Nagaraja 2003, section 7.1). k is the largest whose probability is below the piece's
    share of the error. The bound from above mirrors this one.

    Args:
        scores: of independent runs, float [runs].
        error: probability that the interval does not contain the mean, in (0, 1); half a side.

    Returns:
        The interval; infinite where there are too few runs.

    Raises:
        SandboxError: when there is no score, or one is not finite.
    """
    from scipy.stats import binom

    ordered = np.sort(numbers(scores))  # [runs]
    quantiles = 0.25 + 0.5 * np.arange(POINTS) / POINTS
    shares = np.append(FIRST, np.full(POINTS - 1, (1 - FIRST) / (POINTS - 1)))
    ranks = binom.ppf(shares * error / 2, len(ordered), quantiles).astype(int)
    if ranks.min() < 1:
        return Interval(-np.inf, np.inf)
    return Interval(float(ordered[ranks - 1].mean()), float(ordered[-ranks].mean()))
