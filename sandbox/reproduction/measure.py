"""Measures the claims of reports: which, with how many runs, within which time.

A figure depends on the claim and on the seeds alone, which are 0, 1, 2 …: how many threads measure, and in which order, changes nothing.
Only a time budget can cut the seeds short, and what it cut is said.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from sandbox.errors import PluginError, SandboxError, UnknownNameError, UsageError
from sandbox.registry.registrar import canonical
from sandbox.registry.registry import registry
from sandbox.reproduction import judge as verdicts
from sandbox.reproduction.claim import Claim, ClaimPicture
from sandbox.reproduction.judge import MeasuredFigure

SEEDS = 200
QUICK_SEEDS = 40
"""The fewest runs that can say where one more falls are 39."""


class Wanted(NamedTuple):
    """A claim that is to be measured."""

    lab: str
    claim: Claim


@dataclass
class ReproductionRequest:
    """What to measure and how.

    Attributes:
        wanted: the claims, in the order in which they are measured and shown.
        seeds: runs of each; None takes 200, and more where a finding of several figures needs more.
        quick: fewer runs.
        budget: seconds, or None for as long as it takes.
        threads: how many measure at once.
    """

    wanted: list[Wanted]
    seeds: int | None = None
    quick: bool = False
    budget: float | None = None
    threads: int = 1

    def runs(self, claim: Claim, figures: int) -> int:
        """How many runs this claim gets."""
        if claim.exact:
            return 1
        if self.seeds is not None:
            return self.seeds
        if claim.runs is not None:
            return (
                verdicts.runs_for(claim, figures)
                if self.quick
                else max(claim.runs, verdicts.runs_for(claim, figures))
            )
        return QUICK_SEEDS if self.quick else max(SEEDS, verdicts.runs_for(claim, figures))


@dataclass
class Reproduction:
    """What was measured.

    Attributes:
        plan: what was asked for.
        rows: one for each claim, in order.
        notes: paragraphs by (lab, claim id).
        pictures: by (lab, claim id).
        problems: what could not be drawn or said, and why.
        seconds: how long it all took.
    """

    plan: ReproductionRequest
    rows: list[MeasuredFigure]
    notes: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    pictures: dict[tuple[str, str], list[ClaimPicture]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def failed(self) -> list[MeasuredFigure]:
        """Claims that should hold and do not."""
        return [row for row in self.rows if row.fails]

    @property
    def left_out(self) -> list[MeasuredFigure]:
        """Claims that were not measured."""
        return [row for row in self.rows if row.verdict == "left out"]

    def findings(self) -> Iterator[tuple[str, str, list[MeasuredFigure]]]:
        """(lab, claim id, its rows), in order."""
        groups: dict[tuple[str, str], list[MeasuredFigure]] = {}
        for row in self.rows:
            groups.setdefault((row.lab, row.claim.id), []).append(row)
        for (lab, claim), rows in groups.items():
            yield lab, claim, rows


def select(words: Sequence[str]) -> list[Wanted]:
    """The claims that some words name.

    Args:
        words: labs and ids of claims, upper or lower case; none means everything. A lab brings the claims of the labs that its report
            covers too.

    Raises:
        UnknownNameError: naming the nearest lab or claim.
        UsageError: when a lab has no claims.
    """
    known = _labs_with_claims()
    wanted: list[Wanted] = []
    for word in words or list(known):
        wanted += [one for one in _named(word, known) if one not in wanted]
    if not wanted:
        raise UsageError(
            "No lab has claims yet. A lab that has `claims`, a sequence of sandbox.Claim, can be reproduced."
        )
    return wanted


def reproduce(
    plan: ReproductionRequest, progress: Callable[[MeasuredFigure, int, int], None] | None = None
) -> Reproduction:
    """Measure, and let the labs explain and draw.

    Args:
        plan: what to measure.
        progress: is told each claim when it is measured, how many are, and of how many.

    Raises:
        SandboxError: when a claim's `measure` fails, naming claim and seed.
        UsageError: when a single finding was asked for and something that it needs is missing; of several it is left out.
    """
    begun = time.monotonic()
    deadline = None if plan.budget is None else begun + plan.budget
    figures = {
        lab: verdicts.judged_figures([one.claim for one in plan.wanted if one.lab == lab])
        for lab in {one.lab for one in plan.wanted}
    }
    made = Reproduction(plan, [])
    with ThreadPoolExecutor(plan.threads, thread_name_prefix="claim") as pool:
        for lab, claim in plan.wanted:
            row = _measure(
                lab,
                claim,
                plan.runs(claim, figures[lab][claim.id]),
                figures[lab][claim.id],
                plan,
                pool,
                deadline,
            )
            made.rows.append(row)
            if progress is not None:
                progress(row, len(made.rows), len(plan.wanted))
    for lab, claim_id, rows in made.findings():
        _explain(made, lab, claim_id, rows, deadline)
    made.seconds = time.monotonic() - begun
    return made


def measure_runs(
    claim: Claim, runs: int, threads: int, pool: ThreadPoolExecutor, deadline: float | None = None
) -> np.ndarray:
    """What the claim's `measure` says of the seeds 0, 1, 2 …: float64 [runs], fewer when the deadline came first."""
    values = [_one(claim, 0)]  # alone, so that what has to be compiled is compiled once
    seeds = iter(range(1, runs))
    waiting: list[Future[float]] = [
        pool.submit(_one, claim, seed) for seed in islice(seeds, 2 * threads)
    ]
    try:
        while waiting:
            values.append(waiting.pop(0).result())
            late = deadline is not None and time.monotonic() > deadline
            waiting += [] if late else [pool.submit(_one, claim, seed) for seed in islice(seeds, 1)]
    finally:
        for future in waiting:
            future.cancel()
    return np.array(values, dtype=np.float64)


def _measure(
    lab: str,
    claim: Claim,
    runs: int,
    figures: int,
    plan: ReproductionRequest,
    pool: ThreadPoolExecutor,
    deadline: float | None,
) -> MeasuredFigure:
    begun = time.monotonic()
    left = float("inf") if deadline is None else deadline - begun
    if left <= 0 or (claim.exact and claim.cost > left):
        return verdicts.left_out(claim, lab, "the time budget was used up")
    least = min(runs, verdicts.runs_for(claim, 1))
    if claim.cost * least / plan.threads > left:
        return verdicts.left_out(
            claim,
            lab,
            f"{least} runs take about {claim.cost * least / plan.threads:.0f} s, more than was left",
        )
    try:
        values = measure_runs(claim, runs, plan.threads, pool, deadline)
    except (
        UsageError
    ) as error:  # an extra or a file of data is missing: others can be measured all the same
        if len({one.claim.id for one in plan.wanted}) == 1:
            raise
        return verdicts.left_out(claim, lab, str(error).rstrip("."))
    row = verdicts.judge(claim, values, figures, lab, time.monotonic() - begun)
    if len(values) < runs:
        row = verdicts.noted(row, f"the time budget cut it to {len(values)} of {runs} runs")
    return row


def _one(claim: Claim, seed: int) -> float:
    try:
        return float(claim.measure(seed))
    except SandboxError:
        raise
    except Exception as error:
        raise SandboxError(
            f"Claim {verdicts.name(claim)} cannot be measured with seed {seed}: {type(error).__name__}: {error}"
        ) from error


def _explain(
    made: Reproduction,
    lab_name: str,
    claim_id: str,
    rows: Sequence[MeasuredFigure],
    deadline: float | None,
) -> None:
    """Notes and pictures; what fails here is kept as a problem and fails nothing."""
    measured = [row for row in rows if row.runs]
    if not measured:
        return
    lab = registry().lab(lab_name)
    key = (lab_name, claim_id)
    try:
        made.notes[key] = list(
            lab.claim_notes(claim_id, {row.claim.part: row.estimate for row in measured})
        )
        made.pictures[key] = []
        for picture in lab.claim_pictures(claim_id, max(row.runs for row in measured)):
            made.pictures[key].append(picture)
            if deadline is not None and time.monotonic() > deadline:
                made.problems.append(
                    f"{claim_id}: the time budget was used up before all of its figures were drawn."
                )
                return
    except Exception as error:
        made.problems.append(
            f"{claim_id}: its notes and figures are not complete. {type(error).__name__}: {error}"
        )


def _labs_with_claims() -> dict[str, Any]:
    """Labs by name; one that cannot be loaded has none (`plugins` tells about it)."""
    found = {}
    for entry in registry().entries("lab"):
        try:
            lab = registry().lab(entry.name)
        except PluginError:
            continue
        if lab.claims:
            found[entry.name] = lab
    return found


def _named(word: str, known: dict[str, Any]) -> list[Wanted]:
    lab = canonical(word.lower())
    if lab in known:
        names = [canonical(other) for other in known[lab].report_labs]
        return [
            Wanted(name, claim)
            for name in [*names, lab]
            if name in known
            for claim in known[name].claims
        ]
    found = [
        Wanted(name, claim)
        for name, lab in known.items()
        for claim in lab.claims
        if claim.id.lower() == word.lower()
    ]
    if not found:
        if any(entry.name == lab for entry in registry().entries("lab")):
            raise UsageError(
                f"Lab '{lab}' has no claims to be reproduced. Labs that have: {', '.join(known)}."
            )
        ids = {claim.id for lab in known.values() for claim in lab.claims}
        raise UnknownNameError("lab or claim", word, [*known, *ids])
    return found
