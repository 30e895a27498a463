"""Verdicts: whether what a report says and what we measure agree.

A report's figure is ONE run. It is compared with where single runs of ours fall, never with the interval of our mean. A finding with k
figures is one statement: its intervals are so wide that all k figures fall inside with 95 % together, not each on its own. Where runs fall
into two groups, a figure between them is none of ours, however wide the interval that holds both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from sandbox import stats
from sandbox.errors import SandboxError
from sandbox.reproduction.claim import Claim
from sandbox.stats import Interval, Peak

Verdict = Literal["agrees", "holds", "differs", "corrected", "too few runs", "measured", "left out"]
"""holds: a statement of our own, made after first trials, is still true: a guard, no test of the report; corrected: differs, and we say so ourselves (`should_hold` is False); measured: there is nothing to compare with."""

TINY = 1e-9
"""Differences that are rounding alone."""
FEWEST = 3
"""Runs of which a standard deviation is taken, at least."""


@dataclass(frozen=True)
class MeasuredFigure:
    """A claim and what our runs say of it.

    Attributes:
        claim: what was measured.
        lab: whose claim it is.
        runs: how many.
        estimate: median of the runs; share of runs ("proportion", "order"); or the exact figure. NaN when left out.
        interval: where one more run falls with 95 % (with few runs: their lowest and highest, or, where a claim says how many runs it
            takes, the interval of a normal distribution); of a share, Wilson's 95 % interval.
        judged: the wider interval that the verdict rests on, for all figures of the finding together.
        spread: lowest and highest run.
        verdict: see `Verdict`.
        note: what limits the verdict.
        peaks: the two groups that runs fall into, or None.
        seconds: how long measuring took.
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
    peaks: tuple[Peak, Peak] | None = None

    @property
    def alone(self) -> bool | None:
        """Whether it agrees with the plain 95 % interval of a single figure too; None where nothing is compared."""
        return (
            None
            if self.verdict in ("measured", "left out")
            else _holds(self.claim, self.interval, self.peaks)
        )

    @property
    def fails(self) -> bool:
        """Whether a claim that should hold does not."""
        return self.verdict == "differs"


def together(figures: int) -> float:
    """The level of each of several intervals that hold together with 95 % (Šidák 1967, independent figures)."""
    return float(stats.LEVEL ** (1 / max(1, figures)))


def judged_figures(claims: list[Claim]) -> dict[str, int]:
    """How many sampled figures are judged together, by id of the finding."""
    counts: dict[str, int] = {}
    for claim in claims:
        counts[claim.id] = counts.get(claim.id, 0) + int(_sampled(claim))
    return counts


def runs_for(claim: Claim, figures: int) -> int:
    """Fewest runs that allow every verdict on this claim, when it is one of so many figures of a finding."""
    if claim.exact:
        return 1
    if claim.runs is not None:
        return max(claim.min_seeds, FEWEST)
    needed = stats.runs_needed(together(figures)) if _sampled(claim) else stats.runs_needed()
    return max(claim.min_seeds, needed)


def judge(
    claim: Claim, values: np.ndarray, figures: int = 1, lab: str = "", seconds: float = 0.0
) -> MeasuredFigure:
    """Compare.

    Args:
        claim: what the report says.
        values: what each run of ours says, float [runs].
        figures: how many figures of the same finding are judged together.
        lab: whose claim it is.
        seconds: how long measuring took.

    Raises:
        SandboxError: when there is no value, one is NaN, or one of a proportion is neither 0 nor 1.
    """
    values = np.asarray(values, dtype=np.float64)  # [runs]
    if not np.isfinite(values).all() or not len(values):
        raise SandboxError(
            f"Claim {name(claim)}: {int((~np.isfinite(values)).sum())} of {len(values)} runs have no finite figure."
        )
    spread = Interval(float(values.min()), float(values.max()))
    level = together(figures) if _sampled(claim) else stats.LEVEL
    if claim.exact:
        estimate, interval = float(values[0]), Interval(float(values[0]), float(values[0]))
        judged = interval
    elif claim.kind in ("proportion", "order"):
        successes = _successes(claim, values)
        estimate = successes / len(values)
        interval, judged = (
            stats.wilson(successes, len(values)),
            stats.wilson(successes, len(values), level),
        )
    else:
        estimate = float(np.median(values))
        interval, judged = _predicted(claim, values, stats.LEVEL), _predicted(claim, values, level)
    peaks = stats.two_peaks(values) if claim.kind not in ("proportion", "order") else None
    verdict, note = _verdict(claim, judged, len(values), level, peaks)
    if verdict == "agrees" and not _holds(claim, interval, peaks):
        note = f"outside the 95 % of one figure, inside that of all {figures} figures together"
    if peaks is not None:
        note = "; ".join(filter(None, [note, _described(peaks, claim)]))
    return MeasuredFigure(
        claim, lab, len(values), estimate, interval, judged, spread, verdict, note, seconds, peaks
    )


def left_out(claim: Claim, lab: str, why: str) -> MeasuredFigure:
    """A claim that was not measured."""
    nothing = Interval(float("nan"), float("nan"))
    return MeasuredFigure(claim, lab, 0, float("nan"), nothing, nothing, nothing, "left out", why)


def noted(row: MeasuredFigure, remark: str) -> MeasuredFigure:
    """The same with a further remark."""
    return replace(row, note="; ".join(filter(None, [row.note, remark])))


def name(claim: Claim) -> str:
    """The claim's id and part."""
    return f"{claim.id} ({claim.part})" if claim.part else claim.id


def _sampled(claim: Claim) -> bool:
    """Whether the claim compares a figure of the report with runs of ours."""
    return (
        not claim.exact and not claim.own and (claim.reported is not None or claim.kind == "order")
    )


def _successes(claim: Claim, values: np.ndarray) -> float:
    """Runs of which the claim is true; a tie in order is half a run."""
    if claim.kind == "order":
        return float((values > 0).sum() + 0.5 * (values == 0).sum())
    if not np.isin(values, (0.0, 1.0)).all():
        raise SandboxError(
            f"Claim {name(claim)} is a proportion: `measure` must say 0 or 1 of a run, not {values[~np.isin(values, (0, 1))][0]:g}."
        )
    return float(values.sum())


def _predicted(claim: Claim, values: np.ndarray, level: float) -> Interval:
    """Where one more run falls; of too few runs their spread, which is narrower."""
    if len(values) >= stats.runs_needed(level):
        return stats.prediction_interval(values, level)
    if _normal(claim, len(values), level):
        return stats.normal_prediction_interval(values, level)
    return Interval(float(values.min()), float(values.max()))


def _normal(claim: Claim, runs: int, level: float) -> bool:
    """Whether runs are taken to be normally distributed, since there are so few by the claim's own wish."""
    return claim.runs is not None and FEWEST <= runs < stats.runs_needed(level)


def _described(peaks: tuple[Peak, Peak], claim: Claim) -> str:
    """Two peaks in words, and in which of them the report's figure lies."""
    groups = " and ".join(
        f"{100 * peak.share:.3g} % from {peak.low:.4g} to {peak.high:.4g}" for peak in peaks
    )
    if claim.kind != "equal" or claim.reported is None:
        return f"runs fall into two groups, {groups}"
    inside = [100 * peak.share for peak in peaks if _inside(claim, peak)]
    where = (
        f"the report's figure is one of the {inside[0]:.3g} %"
        if len(inside) == 1
        else "the report's figure lies in neither"
    )
    return f"runs fall into two groups, {groups}; {where if len(inside) < 2 else 'the report cannot tell them apart'}"


def _inside(claim: Claim, peak: Peak) -> bool:
    assert claim.reported is not None
    slack = claim.margin + TINY
    return peak.low - slack <= claim.reported <= peak.high + slack


def _verdict(
    claim: Claim, judged: Interval, runs: int, level: float, peaks: tuple[Peak, Peak] | None = None
) -> tuple[Verdict, str]:
    if claim.reported is None and claim.kind != "order":
        return "measured", ""
    least = 1 if claim.exact else claim.min_seeds
    if runs < least:
        return "too few runs", f"{runs} runs; this claim needs {least}"
    if _holds(claim, judged, peaks):
        return ("holds" if claim.own else "agrees"), ""
    single = claim.kind not in ("proportion", "order") and not claim.exact
    if single and runs < stats.runs_needed(level) and not _normal(claim, runs, level):
        return (
            "too few runs",
            f"outside {runs} runs of ours, which takes {stats.runs_needed(level)} to mean something",
        )
    return ("differs" if claim.should_hold else "corrected"), ""


def _holds(claim: Claim, judged: Interval, peaks: tuple[Peak, Peak] | None = None) -> bool:
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
