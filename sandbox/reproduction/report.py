"""A reproduction in words for a table, as one JSON document and as one HTML page.

All three show the same rows; nothing is computed here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from sandbox.reproduction.judge import MeasuredFigure
from sandbox.reproduction.measure import Reproduction
from sandbox.runs import provenance
from sandbox.stats.intervals import Interval, runs_needed
from sandbox.store.described import ReproductionFolder
from sandbox.store.files import write_whole
from sandbox.tables import read_table
from sandbox.text import MISSING, Document, number, plural, to_json
from sandbox.visual import html

PAGE, DOCUMENT = "reproduce.html", ReproductionFolder.document
VERDICTS = read_table(__file__, "verdicts.toml")
"""How each verdict is shown; a finding has the first of these that one of its rows has."""


class Strip(NamedTuple):
    """A small chart in a table's cell: an interval as a bar, our median as a line, the report's
    figure as a diamond.

    Attributes:
        low, high: ends of the bar, in [0, 1] of the chart's width.
        middle: the line, likewise.
        mark: the diamond, or None.
    """

    low: float
    high: float
    middle: float
    mark: float | None


def cells(row: MeasuredFigure) -> dict[str, str]:
    """A row as text, by column."""
    claim = row.claim
    return {
        "claim": claim.id,
        "figure": claim.part or claim.says,
        "report": _reported(row),
        "ours": _estimate(row),
        "95 % of runs": _interval(row),
        "runs": "exact" if claim.exact and row.runs else str(row.runs),
        "verdict": row.verdict,
    }


def verdict_of(rows: Sequence[MeasuredFigure]) -> str:
    """The verdict of a finding with several rows: its worst."""
    return min((row.verdict for row in rows), key=[*VERDICTS].index)


def says_of(rows: Sequence[MeasuredFigure]) -> str:
    """What the report says in a finding: each statement of its rows once."""
    return " ".join(dict.fromkeys(row.claim.says for row in rows))


def tally(reproduction: Reproduction) -> str:
    """How many findings have which verdict, in words."""
    verdicts = [verdict_of(rows) for _, _, rows in reproduction.findings()]
    return tally_of(verdicts, len(reproduction.rows))


def tally_of(verdicts: Iterable[str], figures: int) -> str:
    """`tally` of the verdicts of findings that have so many figures together."""
    counts = Counter(verdicts)
    counted = [f"{count} {_as_verb(one, count)}" for one, count in counts.most_common()]
    findings = f"{plural(counts.total(), 'finding')} with {plural(figures, 'figure')}"
    return f"{findings}: {', '.join(counted)}"


def _as_verb(verdict: str, count: int) -> str:
    if verdict == "too few runs":
        return "with too few runs to tell"
    return verdict if count == 1 else VERDICTS[verdict].get("plural", verdict)


def document(reproduction: Reproduction) -> Document:
    """The JSON document: numbers as they are, None for NaN."""
    plan = reproduction.plan
    return {
        "labs": list(dict.fromkeys(one.lab for one in plan.wanted)),
        "quick": plan.quick,
        "seeds": plan.seeds,
        "budget": plan.budget,
        "seconds": round(reproduction.seconds, 3),
        "holds": not reproduction.failed,
        "left_out": [row.claim.title for row in reproduction.left_out],
        "problems": reproduction.problems,
        "versions": provenance.versions(),
        "claims": [
            {
                "id": claim,
                "lab": lab,
                "says": says_of(rows),
                "verdict": verdict_of(rows),
                "notes": reproduction.notes.get((lab, claim), []),
                "figures": [_figure(row) for row in rows],
            }
            for lab, claim, rows in reproduction.findings()
        ],
    }


def write(reproduction: Reproduction, folder: Path, title: str, command: str) -> None:
    """Write page and document into a folder, each whole or not at all.

    Args:
        reproduction: what was measured.
        folder: created if it does not exist.
        title: the page's title.
        command: the command line that measures it again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = to_json(document(reproduction))
    write_whole(folder / DOCUMENT, content.encode(), sync=False)
    write_whole(folder / PAGE, page(reproduction, title, command).encode(), sync=False)


def page(reproduction: Reproduction, title: str, command: str) -> str:
    """The page; arguments as in `write`."""
    return html.render(
        "reproduction.html",
        reproduction=reproduction,
        title=title,
        command=command,
        tally=tally(reproduction),
        runs_needed=runs_needed(),
        verdicts=VERDICTS,
        verdict_of=verdict_of,
        says_of=says_of,
        cells=cells,
        strip=_strip,
        is_animation=html.is_animation,
    )


def _share(value: float) -> str:
    return f"{100 * value:.1f}".removesuffix(".0") + " %"


def _reported(row: MeasuredFigure) -> str:
    claim = row.claim
    if claim.kind == "order":
        return "> 50 %"
    if claim.reported is None:
        return MISSING
    value = _share(claim.reported) if claim.kind == "proportion" else number(claim.reported)
    bound = {"at least": "≥ ", "at most": "≤ "}.get(claim.kind, "")
    return f"({bound}{value})" if claim.own else f"{bound}{value}"


def _estimate(row: MeasuredFigure) -> str:
    if not row.runs:
        return MISSING
    if row.claim.is_share and not row.claim.exact:
        return f"{number(row.estimate * row.runs, 9)} of {row.runs} ({_share(row.estimate)})"
    return number(row.estimate)


def _interval(row: MeasuredFigure) -> str:
    if not row.runs or row.claim.exact:
        return ""
    shown = _share if row.claim.is_share else number
    return f"{shown(row.interval.low)} … {shown(row.interval.high)}"


def _figure(row: MeasuredFigure) -> Document:
    claim = row.claim
    return {
        "part": claim.part,
        "unit": claim.unit,
        "kind": claim.kind,
        "exact": claim.exact,
        "own": claim.own,
        "should_hold": claim.should_hold,
        "reported": claim.reported,
        "margin": claim.margin,
        "runs": row.runs,
        "estimate": row.estimate,
        "interval": row.interval,
        "judged_interval": row.judged,
        "lowest_and_highest": row.spread,
        "verdict": row.verdict,
        "agrees_alone": row.alone,
        "two_peaks": None if row.peaks is None else [peak._asdict() for peak in row.peaks],
        "note": row.note,
        "about": claim.notes,
        "seconds": round(row.seconds, 3),
    }


def _strip(row: MeasuredFigure) -> Strip | None:
    """The row's chart, on its own scale; None for exact figures and those left out."""
    claim = row.claim
    if claim.exact or not row.runs:
        return None
    mark = 0.5 if claim.kind == "order" else claim.reported
    left, right = Interval(0.0, 1.0)
    if not claim.is_share:
        points = [one for one in (*row.interval, *row.spread, mark) if one is not None]
        left, right = min(points), max(points)
        short = max(1e-6, 8 * claim.margin) - (right - left)
        if short > 0:  # all runs equal up to rounding: a spot in the middle
            left, right = left - short / 2, right + short / 2

    def place(value: float) -> float:
        return (value - left) / (right - left)

    low, high = map(place, row.interval)
    return Strip(low, high, place(row.estimate), None if mark is None else place(mark))
