"""`compare --until-decided`: shares of wrong decisions, power, and the seeds that it saves.

Comparisons are simulated with scores like those of the labs, between 0 and an optimum of 0.75, in
groups of 10 seeds up to 50, with a margin of 1 %. p-values that are far from any decision come from
the normal approximation, all others from the exact test that a comparison uses.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.stats import norm, rankdata

from benchmarks.measure import Figure
from sandbox.stats.intervals import wilson
from sandbox.stats.sequential import decide
from sandbox.stats.significance import ALPHA, holm, rank_sum_by_task

OPTIMUM, MARGIN, GROUP, MOST = 0.75, 0.0075, 10, 50
COMPARISONS = 2000
CLEAR = (1e-6, 0.03)
"""Below and above these approximate p, the exact one decides, and does not: 0.00027 always decides
of up to 10 pairs, 0.0134 never."""
EXACT: dict[tuple[bytes, float], float] = {}
"""Exact p-values by all ranks in order, and the rank sum of the first agent."""

Scores = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]
"""Generator, [comparisons, seeds] -> scores."""


def peaks(share: float) -> Scores:
    """The optimum in this share of the runs, else 0."""
    return lambda rng, size: OPTIMUM * (rng.random(size) < share)


def bell(mean: float = 0.5, spread: float = 0.1) -> Scores:
    """Normal scores."""
    return lambda rng, size: rng.normal(mean, spread, size)


EQUAL: dict[str, Scores] = {
    "normal": bell(),
    "two peaks": peaks(0.5),
    "rare failures": peaks(0.9),
    "no spread": peaks(1.0),
    "ties": lambda rng, size: np.clip(rng.normal(0.6, 0.15, size), 0, OPTIMUM).round(1),
    "skewed": lambda rng, size: OPTIMUM - rng.exponential(0.2, size),
}
"""Distributions that all agents share."""


class Outcome(NamedTuple):
    """What was decided in simulated comparisons.

    Attributes:
        shown: whether a difference was shown, with the sign of the first agent's advantage: int
            [comparisons, pairs].
        equal: whether equality was shown, bool [comparisons, pairs].
        seeds: seeds of each agent, [comparisons, agents].
        fixed: `shown` with all seeds and Holm's correction, [comparisons, pairs].
    """

    shown: np.ndarray
    equal: np.ndarray
    seeds: np.ndarray
    fixed: np.ndarray


def simulated(agents: list[Scores], comparisons: int, seed: int) -> Outcome:
    """The outcome of comparisons of these agents, in the order of `itertools.combinations`."""
    rng = np.random.default_rng(seed)
    scores = np.stack([one(rng, (comparisons, MOST)) for one in agents], axis=1)
    pairs, counts = list(combinations(range(len(agents)), 2)), range(GROUP, MOST + 1, GROUP)
    ranked = {
        (place, count): _ranked(scores[:, one, :count], scores[:, other, :count])
        for place, (one, other) in enumerate(pairs)
        for count in counts
    }

    def p_value(row: int, place: int, count: int) -> float:
        ranks, approximate = ranked[place, count]
        if not CLEAR[0] < approximate[row] < CLEAR[1]:
            return float(approximate[row])
        every = ranks[row]
        key = np.sort(every).tobytes(), float(every[:count].sum())
        if key not in EXACT:
            EXACT[key] = rank_sum_by_task(every[:count, None], every[count:, None])
        return EXACT[key]

    made = Outcome(
        *(np.zeros((comparisons, len(pairs)), dtype=int) for _ in range(2)),
        np.zeros((comparisons, len(agents)), dtype=int),
        np.zeros((comparisons, len(pairs)), dtype=int),
    )
    names = [str(one) for one in range(len(agents))]
    for row in range(comparisons):
        decisions, _ = decide(
            [(names[one], names[other]) for one, other in pairs],
            len(pairs),
            dict.fromkeys(names, MOST),
            counts,
            MARGIN,
            lambda place, count, row=row: p_value(row, place, count),
            lambda name, count, row=row: scores[row, int(name), :count],
        )
        for place, (one, other) in enumerate(pairs):
            decision, ranks = decisions[place], ranked[place, decisions[place].seeds][0][row]
            made.equal[row, place] = decision.equal
            if decision.corrected < ALPHA:
                made.shown[row, place] = _sign(ranks)
            for agent in (one, other):
                made.seeds[row, agent] = max(made.seeds[row, agent], decision.seeds)
        every = holm([p_value(row, place, MOST) for place in range(len(pairs))])
        for place, p in enumerate(every):
            made.fixed[row, place] = _sign(ranked[place, MOST][0][row]) * (p < ALPHA)
    return made


def _ranked(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ranks [comparisons, both], and approximate two-sided p-values of the rank sums."""
    ranks = rankdata(np.concatenate([one, other], axis=1), axis=1)
    count, total = one.shape[1], ranks.shape[1]
    middle = (total + 1) / 2
    spread = np.sqrt(count**2 / (total * (total - 1)) * ((ranks - middle) ** 2).sum(axis=1))
    away = np.abs(ranks[:, :count].sum(axis=1) - count * middle)
    return ranks, 2 * norm.sf(away / np.maximum(spread, 1e-9))


def _sign(ranks: np.ndarray) -> int:
    """1 where the first half of the ranks is higher, else -1."""
    half = len(ranks) // 2
    return 1 if ranks[:half].sum() > ranks[half:].sum() else -1


def wrong_share(wrong: np.ndarray, name: str, note: str = "") -> Figure:
    """The share of comparisons with a wrong decision, with its Wilson interval.

    Args:
        wrong: whether each decision is wrong, [comparisons, pairs].
        name, note: as in `Figure`.
    """
    count, every = int(wrong.any(axis=1).sum()), len(wrong)
    low, high = (100 * end for end in wilson(count, every))
    note = f"{count} of {every}, 95 % interval {low:.2f} to {high:.2f} %{note}"
    return Figure(f"wrong: {name}", 100 * count / every, "%", 5.0, "at most", note)


def _saved(made: Outcome) -> str:
    return f"{100 * (1 - made.seeds.mean() / MOST):.0f} % of the runs saved"


def errors(comparisons: int) -> list[Figure]:
    """Wrong decisions where agents are equal, where some are, and just outside the margin."""
    figures = []
    for agents in (2, 3, 5):
        for name, scores in EQUAL.items():
            made = simulated([scores] * agents, comparisons, agents)
            decided = f"; {100 * made.equal.all(axis=1).mean():.0f} % shown equal, {_saved(made)}"
            figures.append(wrong_share(made.shown != 0, f"{agents} equal agents, {name}", decided))
    some = simulated([bell()] * 3 + [bell(0.7)] * 2, comparisons, 6)
    alike = [one // 3 == other // 3 for one, other in combinations(range(5), 2)]
    figures.append(wrong_share(some.shown[:, alike] != 0, "3 equal agents and 2 better ones"))
    # An interquartile mean is the optimum until a quarter of the runs fails, then falls fast.
    near = {
        "failing in 26 % of the runs, and never": [peaks(0.74), peaks(1.0)],
        "0.5 and 0.5 + 1.1 margins, small spread": [
            bell(0.5, 0.001),
            bell(0.5 + 1.1 * MARGIN, 0.001),
        ],
    }
    for name, two in near.items():
        made = simulated(two, comparisons, 7)
        figures.append(wrong_share((made.equal != 0) | (made.shown > 0), name))
    spreads = {
        "half the optimum in all runs, and the optimum in half of them": [
            lambda rng, size: np.full(size, OPTIMUM / 2),
            peaks(0.5),
        ],
        "standard deviations of 0.02 and 0.2": [bell(0.5, 0.02), bell(0.5, 0.2)],
    }
    for name, two in spreads.items():
        made = simulated(two, comparisons, 10)
        named, fixed = (100 * (one != 0).mean() for one in (made.shown, made.fixed))
        note = f"{fixed:.0f} % with {MOST} seeds at once"
        figures.append(Figure(f"one is named better, {name}", named, "%", note=note))
    return figures


def power(comparisons: int) -> list[Figure]:
    """How often a true difference is shown, against all 50 seeds at once, and the runs saved."""
    cases = {
        "0.5 standard deviations": [bell(), bell(0.55)],
        "0.75 standard deviations": [bell(), bell(0.575)],
        "1 standard deviation": [bell(), bell(0.6)],
        "2 standard deviations": [bell(), bell(0.7)],
        "the optimum in 5 and in 8 of 10 runs": [peaks(0.5), peaks(0.8)],
        "the optimum in 2 and in 8 of 10 runs": [peaks(0.2), peaks(0.8)],
        "1 standard deviation, 5 agents, one of them better": [bell()] * 4 + [bell(0.6)],
    }
    figures = []
    for name, agents in cases.items():
        made = simulated(agents, comparisons, 8)
        differ = [len(agents) - 1 in pair for pair in combinations(range(len(agents)), 2)]
        shown, fixed = (100 * (one[:, differ] < 0).mean() for one in (made.shown, made.fixed))
        note = f"{fixed:.0f} % with 50 seeds at once; {_saved(made)}"
        figures.append(Figure(f"shown: {name}", shown, "%", note=note))
    for spread in (0.25, 0.5, 1.0):
        made = simulated([bell(0.5, spread * MARGIN)] * 2, comparisons, 9)
        name = f"shown equal: standard deviation of {spread:g} margins"
        figures.append(Figure(name, 100 * made.equal.mean(), "%", note=_saved(made)))
    return figures


def measure(quick: bool) -> list[Figure]:
    """Shares of wrong decisions, then of right ones."""
    comparisons = COMPARISONS // 10 if quick else COMPARISONS
    return errors(comparisons) + power(comparisons)
