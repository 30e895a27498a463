"""Verdicts: whether the figures of a report agree with our measurements.

A report's figure is ONE run. It is compared with the distribution of our single runs, never with
the interval of our mean. A finding with k figures is one statement: its intervals are so wide that
all k figures fall inside with 95 % together. Where runs fall into two groups, a figure between them
counts as different, although one interval contains both groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sandbox.errors import SandboxError
from sandbox.reproduction.claim import Claim
from sandbox.stats import intervals as stats
from sandbox.stats.intervals import Interval, Peak
from sandbox.text import number

Verdict = Literal["agrees", "holds", "differs", "corrected", "too few runs", "measured", "left out"]
"""holds: a statement of our own, made after first trials, is still true (a guard, no test of the
report); corrected: differs, and we say so ourselves (`should_hold` is False); measured: there is
nothing to compare with."""

Peaks = tuple[Peak, Peak]
TINY = 1e-9
"""Smaller differences are rounding."""
FEWEST = 3
"""Fewest runs for a standard deviation."""


@dataclass(frozen=True)
class MeasuredFigure:
    """A claim and what we measured for it.

    Attributes:
        claim: what was measured.
        lab: the claim's lab.
        runs: how many.
        estimate: median of the runs; share of runs ("proportion", "order"); or the exact figure.
            NaN when left out.
        interval: 95 % prediction interval of one more run (with few runs: their lowest and highest,
            or, where a claim sets the number of runs, the interval of a normal distribution); for a
            share, Wilson's 95 % interval.
        judged: the wider interval that the verdict rests on, for all figures of the finding
            together.
        spread: lowest and highest run.
        verdict: see `Verdict`.
        note: what limits the verdict.
        seconds: duration of the measurement.
        peaks: the two groups that runs fall into, or None.
    """

    claim: Claim
    lab: str
    runs: int
    estimate: float
    interval: Interval
    judged: Interval
    spread: Interval
    verdict: Verdict
    note: str = ""
    seconds: float = 0.0
    peaks: Peaks | None = None

    @property
    def alone(self) -> bool | None:
        """Whether it agrees with the 95 % interval of a single figure too; None: not compared."""
        if self.verdict in ("measured", "left out"):
            return None
        return _holds(self.claim, self.interval, self.peaks)

    @property
    def joint_only(self) -> bool:
        """Whether it agrees with the joint interval only."""
        return self.verdict == "agrees" and not self.alone


def together(figures: int) -> float:
    """The level of each of several independent intervals for 95 % together (Šidák 1967)."""
    return float(stats.LEVEL ** (1 / max(1, figures)))


def runs_for(claim: Claim, figures: int) -> int:
    """Fewest runs that allow every verdict on a claim whose finding has this many figures."""
    if claim.exact:
        return 1
    if claim.runs is not None:
        return max(claim.min_seeds, FEWEST)
    needed = stats.runs_needed(together(figures)) if claim.is_sampled else stats.runs_needed()
    return max(claim.min_seeds, needed)


def judge(
    claim: Claim, values: np.ndarray, figures: int = 1, lab: str = "", seconds: float = 0.0
) -> MeasuredFigure:
    """Compare a claim with our runs.

    Args:
        claim: what the report says.
        values: the figure of each of our runs, float [runs].
        figures: how many figures of the same finding are judged together.
        lab: the claim's lab.
        seconds: duration of the measurement.

    Raises:
        SandboxError: when there is no value, one is NaN, or one of a proportion is neither 0 nor 1.
    """
    values = np.asarray(values, dtype=np.float64)  # [runs]
    runs = len(values)
    if not np.isfinite(values).all() or not runs:
        raise SandboxError(
            f"Claim {claim.title}: {int((~np.isfinite(values)).sum())} of {runs} runs "
            "have no finite figure."
        )
    spread = Interval(float(values.min()), float(values.max()))
    levels = stats.LEVEL, together(figures) if claim.is_sampled else stats.LEVEL
    if claim.exact:
        estimate = float(values[0])
        interval = judged = Interval(estimate, estimate)
    elif claim.is_share:
        successes = _successes(claim, values)
        estimate = successes / runs
        interval, judged = (stats.wilson(successes, runs, one) for one in levels)
    else:
        estimate = float(np.median(values))
        interval, judged = (_predicted(claim, values, one) for one in levels)
    peaks = None if claim.is_share else stats.two_peaks(values)
    verdict, note = _verdict(claim, judged, runs, levels[1], peaks)
    alone = verdict in ("agrees", "differs") and _holds(claim, interval, peaks)
    few = _normal(claim, runs, levels[1])
    if verdict == "differs" and few and _holds(claim, spread, peaks):
        note = f"all {runs} runs agree, but are too few to say where one more falls"
        verdict = "too few runs"
    if verdict == "agrees" and not alone:
        note = f"outside the 95 % of one figure, inside that of all {figures} figures together"
    if peaks is not None:
        note = "; ".join(filter(None, [note, _described(peaks, claim)]))
    return MeasuredFigure(
        claim, lab, runs, estimate, interval, judged, spread, verdict, note, seconds, peaks
    )


def left_out(claim: Claim, lab: str, why: str) -> MeasuredFigure:
    """A claim that was not measured."""
    nothing = Interval(float("nan"), float("nan"))
    return MeasuredFigure(claim, lab, 0, float("nan"), nothing, nothing, nothing, "left out", why)


def _successes(claim: Claim, values: np.ndarray) -> float:
    """Number of runs for which the claim is true; a tie in order counts as half a run."""
    if claim.kind == "order":
        return float((values > 0).sum() + 0.5 * (values == 0).sum())
    if not np.isin(values, (0.0, 1.0)).all():
        raise SandboxError(
            f"Claim {claim.title} is a proportion: `measure` must return 0 or 1 for a run, "
            f"not {number(values[~np.isin(values, (0, 1))][0])}."
        )
    return float(values.sum())


def _predicted(claim: Claim, values: np.ndarray, level: float) -> Interval:
    """The prediction interval of one more run; for too few runs their range, which is narrower."""
    if len(values) >= stats.runs_needed(level):
        return stats.prediction_interval(values, level)
    if _normal(claim, len(values), level):
        return stats.normal_prediction_interval(values, level)
    return Interval(float(values.min()), float(values.max()))


def _normal(claim: Claim, runs: int, level: float) -> bool:
    """Whether a normal distribution is assumed, because the claim asks for so few runs."""
    return claim.runs is not None and FEWEST <= runs < stats.runs_needed(level)


def _described(peaks: Peaks, claim: Claim) -> str:
    """Two peaks in words, and in which of them the report's figure lies."""
    groups = "runs fall into two groups, " + " and ".join(
        f"{_percent(peak)} {_range(peak)}" for peak in peaks
    )
    if claim.kind != "equal" or claim.reported is None:
        return groups
    inside = [_percent(peak) for peak in peaks if _inside(claim, peak)]
    if len(inside) > 1:
        return f"{groups}; the report cannot tell them apart"
    where = f"is one of the {inside[0]}" if inside else "lies in neither"
    return f"{groups}; the report's figure {where}"


def _percent(peak: Peak) -> str:
    return f"{number(100 * peak.share, 3)} %"


def _range(peak: Peak) -> str:
    low, high = number(peak.low), number(peak.high)
    return f"at {low}" if low == high else f"from {low} to {high}"


def _inside(claim: Claim, peak: Peak) -> bool:
    assert claim.reported is not None
    slack = claim.margin + TINY
    return peak.low - slack <= claim.reported <= peak.high + slack


def _verdict(
    claim: Claim, judged: Interval, runs: int, level: float, peaks: Peaks | None
) -> tuple[Verdict, str]:
    if claim.reported is None and claim.kind != "order":
        return "measured", ""
    least = 1 if claim.exact else claim.min_seeds
    if runs < least:
        return "too few runs", f"{runs} runs; this claim needs {least}"
    if _holds(claim, judged, peaks):
        return ("holds" if claim.own else "agrees"), ""
    single = not claim.is_share and not claim.exact
    if single and runs < stats.runs_needed(level) and not _normal(claim, runs, level):
        return (
            "too few runs",
            f"outside our {runs} runs; a verdict needs {stats.runs_needed(level)}",
        )
    return ("differs" if claim.should_hold else "corrected"), ""


def _holds(claim: Claim, judged: Interval, peaks: Peaks | None) -> bool:
    slack = claim.margin + TINY
    if claim.kind == "order":
        return judged.low > 0.5
    assert claim.reported is not None
    if claim.kind == "at least":
        return judged.low + slack >= claim.reported
    if claim.kind == "at most":
        return judged.high - slack <= claim.reported
    between = peaks is not None and not any(_inside(claim, peak) for peak in peaks)
    return not between and judged.low - slack <= claim.reported <= judged.high + slack
