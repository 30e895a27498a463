"""Measures the claims of reports: which, with how many runs, within which time.

A figure depends on the claim and the seeds 0, 1, 2 … alone, not on the number of threads. Only a
time budget can reduce the number of seeds; the report then states it.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import NamedTuple

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


Finding = tuple[str, str]
"""A lab and the id of its claim."""


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
        data: folder of data files from which `wanted` was selected, for the pictures.
    """

    wanted: list[Wanted]
    seeds: int | None = None
    quick: bool = False
    budget: float | None = None
    threads: int = 1
    data: Path | None = None

    def runs(self, claim: Claim, figures: int) -> int:
        """How many runs this claim gets.

        Args:
            claim: the claim.
            figures: number of figures of its finding, which are judged together.
        """
        if claim.exact:
            return 1
        if self.seeds is not None:
            return self.seeds
        needed = verdicts.runs_for(claim, figures)
        if self.quick:
            return QUICK_SEEDS if claim.runs is None else needed
        return max(claim.runs or SEEDS, needed)

    @cached_property
    def judged(self) -> Counter[Finding]:
        """How many sampled figures of a finding are judged together."""
        return Counter((lab, claim.id) for lab, claim in self.wanted if claim.is_sampled)

    def seconds(self) -> float:
        """Approximate processor time of all runs, s; what figures share is counted once."""
        costs: dict[tuple[str, str], float] = {}
        for lab, claim in self.wanted:
            key = lab, claim.shared or claim.title
            cost = claim.cost * self.runs(claim, self.judged[lab, claim.id])
            costs[key] = max(cost, costs.get(key, 0.0))
        return sum(costs.values())


@dataclass
class Reproduction:
    """What was measured.

    Attributes:
        plan: what was asked for.
        rows: one for each claim, in order.
        notes: paragraphs by (lab, claim id).
        pictures: by (lab, claim id).
        problems: the pictures and notes that failed, and why.
        seconds: how long it all took.
    """

    plan: ReproductionRequest
    rows: list[MeasuredFigure]
    notes: dict[Finding, list[str]] = field(default_factory=dict)
    pictures: dict[Finding, list[ClaimPicture]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def failed(self) -> list[MeasuredFigure]:
        """Claims that should hold and do not."""
        return [row for row in self.rows if row.verdict == "differs"]

    @property
    def left_out(self) -> list[MeasuredFigure]:
        """Claims that were not measured."""
        return [row for row in self.rows if row.verdict == "left out"]

    def findings(self) -> Iterator[tuple[str, str, list[MeasuredFigure]]]:
        """(lab, claim id, its rows), in order."""
        groups: dict[Finding, list[MeasuredFigure]] = {}
        for row in self.rows:
            groups.setdefault((row.lab, row.claim.id), []).append(row)
        for key, rows in groups.items():
            yield (*key, rows)


def select(words: Sequence[str], data: Path | None = None) -> list[Wanted]:
    """The claims that the words name.

    Args:
        words: labs and ids of claims, upper or lower case; none means everything. A lab includes
            the claims of the other labs that its report covers.
        data: folder of data files, on which a lab's claims may depend.

    Raises:
        UnknownNameError: naming the nearest lab or claim.
        UsageError: when a lab has no claims.
    """
    claims = _claims_by_lab(data)
    wanted: list[Wanted] = []
    for word in words or list(claims):
        wanted += [one for one in _named(word, claims) if one not in wanted]
    if not wanted:
        raise UsageError(
            "No lab has claims yet. A lab that has `claims`, a sequence of sandbox.Claim, can be "
            "reproduced."
        )
    return wanted


def reproduce(
    plan: ReproductionRequest, progress: Callable[[MeasuredFigure, int, int], None] | None = None
) -> Reproduction:
    """Measure claims, with the labs' notes and pictures.

    Args:
        plan: what to measure.
        progress: called with each figure, the number measured so far, and the total.

    Raises:
        SandboxError: when a claim's `measure` fails, naming claim and seed.
        UsageError: when a single finding is requested and something that it needs is missing; with
            several findings, that one is left out.
    """
    begun = time.monotonic()
    deadline = math.inf if plan.budget is None else begun + plan.budget
    reproduction = Reproduction(plan, [])
    with ThreadPoolExecutor(plan.threads, thread_name_prefix="claim") as pool:
        computed: set[tuple[str, str]] = set()
        for lab, claim in plan.wanted:
            cost = 0.0 if (lab, claim.shared) in computed else claim.cost
            row = _measure(lab, claim, cost, plan, pool, deadline)
            if row.runs and claim.shared:
                computed.add((lab, claim.shared))
            reproduction.rows.append(row)
            if progress is not None:
                progress(row, len(reproduction.rows), len(plan.wanted))
    for lab, claim_id, rows in reproduction.findings():
        _explain(reproduction, lab, claim_id, rows, deadline)
    reproduction.seconds = time.monotonic() - begun
    return reproduction


def measure_runs(
    claim: Claim, runs: int, threads: int, pool: ThreadPoolExecutor, deadline: float
) -> np.ndarray:
    """The figures of the seeds 0, 1, 2 …: float64 [runs], fewer when the deadline came first.

    Args:
        claim: the claim.
        runs: how many, >= 1.
        threads: number of threads of the pool.
        pool: calls the claim's `measure`.
        deadline: when to stop, in seconds of `time.monotonic`.
    """
    values = [_figure(claim, 0)]  # first and alone, so that code is compiled only once
    seeds = iter(range(1, runs))
    waiting = deque(pool.submit(_figure, claim, seed) for seed in islice(seeds, 2 * threads))
    try:
        while waiting:
            values.append(waiting.popleft().result())
            if time.monotonic() <= deadline:
                waiting.extend(pool.submit(_figure, claim, seed) for seed in islice(seeds, 1))
    finally:
        for future in waiting:
            future.cancel()
    return np.array(values, dtype=np.float64)


def _measure(
    lab: str,
    claim: Claim,
    cost: float,
    plan: ReproductionRequest,
    pool: ThreadPoolExecutor,
    deadline: float,
) -> MeasuredFigure:
    """One figure; `cost` is what a run takes beyond what others have computed, in seconds."""
    begun, figures = time.monotonic(), plan.judged[lab, claim.id]
    left, runs = deadline - begun, plan.runs(claim, figures)
    least = min(runs, verdicts.runs_for(claim, 1))
    needed = cost * least / plan.threads
    if left <= 0 or (claim.exact and cost > left):
        return verdicts.left_out(claim, lab, "the time budget was used up")
    if needed > left:
        why = f"{least} runs take about {needed:.0f} s, more than was left"
        return verdicts.left_out(claim, lab, why)
    try:
        values = measure_runs(claim, runs, plan.threads, pool, deadline)
    except UsageError as error:  # an extra or a file of data is missing: others can be measured
        if len({one.claim.id for one in plan.wanted}) == 1:
            raise
        return verdicts.left_out(claim, lab, str(error).rstrip("."))
    row = verdicts.judge(claim, values, figures, lab, time.monotonic() - begun)
    if len(values) < runs:
        remark = f"the time budget cut it to {len(values)} of {runs} runs"
        return replace(row, note=f"{row.note}; {remark}" if row.note else remark)
    return row


def _figure(claim: Claim, seed: int) -> float:
    try:
        return float(claim.measure(seed))
    except SandboxError:
        raise
    except Exception as error:
        raise SandboxError(
            f"Claim {claim.title} cannot be measured with seed {seed}: "
            f"{type(error).__name__}: {error}"
        ) from error


def _explain(
    reproduction: Reproduction,
    lab_name: str,
    claim_id: str,
    rows: Sequence[MeasuredFigure],
    deadline: float,
) -> None:
    """Add notes and pictures; a failure here becomes a problem in the report and fails nothing."""
    measured = [row for row in rows if row.runs]
    if not measured:
        return
    lab, key = registry().lab(lab_name), (lab_name, claim_id)
    estimates = {row.claim.part: row.estimate for row in measured}
    try:
        reproduction.notes[key] = list(lab.claim_notes(claim_id, estimates))
        pictures = reproduction.pictures[key] = []
        seeds = max(row.runs for row in measured)
        for picture in lab.claim_pictures(claim_id, seeds, reproduction.plan.data):
            pictures.append(picture)
            if time.monotonic() > deadline:
                reproduction.problems.append(
                    f"{claim_id}: the time budget was used up before all of its figures were drawn."
                )
                return
    except Exception as error:
        reproduction.problems.append(
            f"{claim_id}: its notes and figures are not complete. {type(error).__name__}: {error}"
        )


def _claims_by_lab(data: Path | None) -> dict[str, Sequence[Claim]]:
    """Claims by lab; a lab that cannot be loaded has none (`plugins` reports it)."""
    by_lab = {}
    for entry in registry().entries("lab"):
        with contextlib.suppress(PluginError):
            if claims := registry().lab(entry.name).claims_for(data):
                by_lab[entry.name] = claims
    return by_lab


def _named(word: str, claims: Mapping[str, Sequence[Claim]]) -> list[Wanted]:
    lab = canonical(word.lower())
    if lab in claims:
        labs = [*map(canonical, registry().lab(lab).report_labs), lab]
        return [Wanted(name, claim) for name in labs for claim in claims.get(name, ())]
    every = [Wanted(name, claim) for name, some in claims.items() for claim in some]
    wanted = [one for one in every if one.claim.id.lower() == word.lower()]
    if not wanted:
        if any(entry.name == lab for entry in registry().entries("lab")):
            raise UsageError(
                f"Lab '{lab}' has no claims to be reproduced. Labs that have: {', '.join(claims)}."
            )
        raise UnknownNameError("lab or claim", word, [*claims, *{one.claim.id for one in every}])
    return wanted
