"""How a reproduction is written down: as words for a table, as one JSON document, as one HTML page.

All three say the same: they are made from the same rows, and nothing is computed here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sandbox import stats
from sandbox.reproduction import judge as verdicts
from sandbox.reproduction.claim import ClaimPicture
from sandbox.reproduction.judge import MeasuredFigure
from sandbox.reproduction.measure import Reproduction
from sandbox.runs import provenance
from sandbox.stats import Interval
from sandbox.text import MISSING, number, plural
from sandbox.visual import html as report

PAGE, DOCUMENT = "reproduce.html", "reproduce.json"
COLUMNS = ("claim", "figure", "report", "ours", "95 % of runs", "runs", "verdict")
TONES = {
    "agrees": "good",
    "holds": "mute",
    "differs": "bad",
    "corrected": "info",
    "too few runs": "mute",
    "measured": "mute",
    "left out": "mute",
}
SIGNS = {
    "agrees": "✓",
    "holds": "=",
    "differs": "✗",
    "corrected": "≠",
    "too few runs": "?",
    "measured": "·",
    "left out": "–",
}
WEIGHT = ["differs", "too few runs", "left out", "corrected", "agrees", "holds", "measured"]
"""A finding's verdict is the first of these that one of its rows has."""


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
    return min((row.verdict for row in rows), key=WEIGHT.index)


def tally(made: Reproduction) -> str:
    """How many findings came out how, in words."""
    found = [verdict_of(rows) for _, _, rows in made.findings()]
    often = sorted(set(found), key=found.count, reverse=True)
    counted = [
        f"{found.count(verdict)} {_as_verb(verdict, found.count(verdict))}" for verdict in often
    ]
    total = f"{plural(len(found), 'finding')} with {plural(len(made.rows), 'figure')}"
    return f"{total}: {', '.join(counted)}"


def _as_verb(verdict: str, count: int) -> str:
    if verdict == "too few runs":
        return "with too few runs to tell"
    return (
        verdict.removesuffix("s")
        if verdict in ("agrees", "differs", "holds") and count > 1
        else verdict
    )


def document(made: Reproduction) -> dict[str, Any]:
    """The JSON document: numbers as they are, NaN never."""
    plan = made.plan
    return {
        "labs": list(dict.fromkeys(one.lab for one in plan.wanted)),
        "quick": plan.quick,
        "seeds": plan.seeds,
        "budget": plan.budget,
        "seconds": round(made.seconds, 3),
        "holds": not made.failed,
        "left_out": [verdicts.name(row.claim) for row in made.left_out],
        "problems": made.problems,
        "versions": provenance.versions(),
        "claims": [
            {
                "id": claim,
                "lab": lab,
                "says": rows[0].claim.says,
                "verdict": verdict_of(rows),
                "notes": made.notes.get((lab, claim), []),
                "figures": [_figure(row) for row in rows],
            }
            for lab, claim, rows in made.findings()
        ],
    }


def write(made: Reproduction, folder: Path, title: str, command: str) -> None:
    """Write page and document into a folder, each whole or not at all.

    Args:
        made: what was measured.
        folder: is made when it is not there.
        title: of the page.
        command: how it can be done again.
    """
    import json

    from sandbox.store.files import plain, write_whole

    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document(made), indent=2, ensure_ascii=False, default=plain, allow_nan=False)
    write_whole(folder / DOCUMENT, text.encode() + b"\n", sync=False)
    write_whole(folder / PAGE, report.page(title, _body(made, title, command)).encode(), sync=False)


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
    if row.claim.kind in ("proportion", "order") and not row.claim.exact:
        return f"{row.estimate * row.runs:g} of {row.runs} ({_share(row.estimate)})"
    return number(row.estimate)


def _interval(row: MeasuredFigure) -> str:
    if not row.runs or row.claim.exact:
        return ""
    text = _share if row.claim.kind in ("proportion", "order") else number
    return f"{text(row.interval.low)} … {text(row.interval.high)}"


def _figure(row: MeasuredFigure) -> dict[str, Any]:
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
        "estimate": _plain(row.estimate),
        "interval": [_plain(end) for end in row.interval],
        "judged_interval": [_plain(end) for end in row.judged],
        "lowest_and_highest": [_plain(end) for end in row.spread],
        "verdict": row.verdict,
        "agrees_alone": row.alone,
        "two_peaks": None if row.peaks is None else [peak._asdict() for peak in row.peaks],
        "note": row.note,
        "about": claim.notes,
        "seconds": round(row.seconds, 3),
    }


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _body(made: Reproduction, title: str, command: str) -> Iterator[str]:
    yield _head(made, title, command)
    for lab, claim, rows in made.findings():
        yield _section(made, lab, claim, rows)
    yield _how_to_read()


def _head(made: Reproduction, title: str, command: str) -> str:
    links = "".join(
        f'<a href="#{report.text(_anchor(lab, claim))}">{report.text(claim)} {SIGNS[verdict_of(rows)]}</a>'
        for lab, claim, rows in made.findings()
    )
    runs = sorted({row.runs for row in made.rows if row.runs and not row.claim.exact})
    seeds = f"{runs[0]} to {runs[-1]}" if len(runs) > 1 else f"{runs[0]}" if runs else "no"
    lines = [
        f"<h1>{report.text(title)}</h1>",
        report.paragraph(
            f"{tally(made)}. {seeds} runs of each sampled figure, {made.seconds:.0f} s."
        ),
    ]
    if made.plan.quick:
        lines.append(
            report.paragraph(
                "Quick: fewer runs than a verdict should rest on. Without --quick there are more."
            )
        )
    if made.left_out:
        lines.append(
            report.paragraph(
                f"Left out: {', '.join(verdicts.name(row.claim) for row in made.left_out)}."
            )
        )
    edge = [
        verdicts.name(row.claim)
        for row in made.rows
        if row.verdict == "agrees" and row.alone is False
    ]
    if edge:
        lines.append(
            report.paragraph(
                f"By the plain 95 % of a single figure these would differ: {'; '.join(edge)}. They agree only by the wider joint interval."
            )
        )
    lines += [report.paragraph(problem) for problem in made.problems]
    lines += [
        f"<nav>{links}</nav>",
        f"<p><small>Made again by: <code>{report.text(command)}</code></small></p>",
    ]
    return '<header class="page">' + "\n".join(lines) + "</header>"


def _section(made: Reproduction, lab: str, claim: str, rows: Sequence[MeasuredFigure]) -> str:
    verdict = verdict_of(rows)
    head = f'<h2><span>{report.text(claim)}</span><span class="grow">{report.text(rows[0].claim.says)}</span>{_badge(verdict)}</h2>'
    parts = [head]
    notes = made.notes.get((lab, claim), [])
    if notes:
        parts.append(
            f'<div class="notes">{"".join(report.paragraph(note) for note in notes)}</div>'
        )
    stated = [row for row in rows if row.verdict != "measured"]
    further = [row for row in rows if row.verdict == "measured"]
    parts.append(_table(stated))
    if further:
        summary = f"{plural(len(further), 'more figure')}, not stated by the report"
        parts.append(
            f"<details><summary>{report.text(summary)}</summary>{_table(further)}</details>"
        )
    parts += _pictures(made.pictures.get((lab, claim), []))
    return f'<section id="{report.text(_anchor(lab, claim))}">' + "\n".join(parts) + "</section>"


def _table(rows: Sequence[MeasuredFigure]) -> str:
    """Rows under headings of their units."""
    columns = ["figure", "report", "ours", "95 % of runs", "", "runs", "verdict"]
    lines: list[Sequence[str] | str] = []
    unit = ""
    for row in rows:
        if row.claim.unit != unit:
            unit = row.claim.unit
            lines.append(report.text(unit))
        lines.append(_line(row))
    return report.table(columns, lines, right=["report", "ours", "runs"])


def _pictures(pictures: Sequence[ClaimPicture]) -> list[str]:
    """Figures below one another; animations side by side."""
    still = [one for one in pictures if not _moves(one)]
    moving = [report.figure(one.picture, one.caption) for one in pictures if _moves(one)]
    return [report.figure(one.picture, one.caption) for one in still] + (
        [f'<div class="row">{"".join(moving)}</div>'] if moving else []
    )


def _moves(picture: ClaimPicture) -> bool:
    return isinstance(picture.picture, bytes) and report.media_type(picture.picture) == "image/gif"


def _line(row: MeasuredFigure) -> list[str]:
    text = cells(row)
    claim = row.claim
    small = f"<small>{report.text(claim.notes)}</small>" if claim.notes else ""
    note = f"<small>{report.text(row.note)}</small>" if row.note else ""
    return [
        report.text(text["figure"]) + small,
        report.text(text["report"]),
        report.text(text["ours"]),
        report.text(text["95 % of runs"]).replace(" ", "\N{NO-BREAK SPACE}"),
        _strip(row),
        report.text(text["runs"]),
        _badge(row.verdict) + note,
    ]


def _strip(row: MeasuredFigure) -> str:
    claim = row.claim
    if claim.exact or not row.runs:
        return ""
    mark = 0.5 if claim.kind == "order" else claim.reported
    if claim.kind in ("proportion", "order"):
        ends = Interval(0.0, 1.0)
    else:
        points = [*row.interval, *row.spread, *([] if mark is None else [mark])]
        ends = Interval(min(points), max(points))
        short = max(1e-6, 8 * claim.margin) - (ends.high - ends.low)
        if short > 0:  # all runs alike: one spot in the middle, not the noise of rounding
            ends = Interval(ends.low - short / 2, ends.high + short / 2)
    return report.strip(row.interval.low, row.interval.high, row.estimate, mark, ends)


def _badge(verdict: str) -> str:
    return report.badge(f"{SIGNS[verdict]} {verdict}", TONES[verdict])


def _anchor(lab: str, claim: str) -> str:
    return f"{lab}-{claim}".lower()


def _how_to_read() -> str:
    return "\n".join(
        [
            "<section><h2>How to read this</h2>",
            report.paragraph(
                "A report's figure is one training run. It agrees when it falls where single runs of ours fall: between the quantiles that hold "
                "one more run with 95 %, widened by half a unit of the figure's last digit. A finding with several figures is one statement, so "
                "its intervals are widened until all of its figures fall inside with 95 % together; the table shows the 95 % of a single one. "
                f"Where a run takes minutes there are fewer than the {stats.runs_needed()} that say this without assuming anything: the "
                "interval is then Student's t for one more run, which assumes a normal distribution."
            ),
            report.paragraph(
                "Ours is the median of the runs. Shares are of runs, with Wilson's 95 % interval. Figures in brackets are our own statements, not the "
                "report's: written down after first trials, some with these same seeds, they “hold” or not, and test nothing of the report. “Exact” figures are computed from the model, without runs. In the small charts the bar is the interval, the line "
                "our median, the diamond the report's figure; each chart has its own scale, from the lowest to the highest run."
            ),
            report.paragraph(
                "✓ agrees · ✗ differs · ≠ corrected: the report's statement is wrong as it stands, and we say by how much · ? too few runs to "
                f"tell ({stats.runs_needed()} are the least) · “measured” has nothing to be compared with."
            ),
            "</section>",
        ]
    )
