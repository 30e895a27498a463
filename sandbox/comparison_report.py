"""A comparison as one HTML page: what came out, how sure that is, and how every figure came about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sandbox import aggregates, report
from sandbox.aggregates import MIN_RUNS
from sandbox.measured import SHARE
from sandbox.reaching import threshold
from sandbox.standings import QUESTIONS, SCORE, Standing
from sandbox.stats import Estimate

if TYPE_CHECKING:
    from sandbox.comparison import Comparison

CAPTIONS = {
    "learning_curves": "Interquartile mean over seeds of the greedy policy's score, against the env steps learned; each seed counts with its last "
    "evaluation so far.",
    "scores": "Each mark is one seed; the upright stroke is the interquartile mean.",
    "performance_profile": "The share of seeds that end above each score: the higher the curve, the better. Where curves cross, neither agent is "
    "better throughout.",
}
BAND = " The shaded band is the 95 % bootstrap interval at each point."
BAR = " The bar is its 95 % bootstrap interval."
COLUMNS = ("agent", "seeds", "IQM", "mean", "median", "gap to optimum", "came to 95 %", "steps to 95 %", "seconds to 95 %")


def page(made: Comparison) -> str:
    """The whole page."""
    who = ", ".join(made.runs)
    body = [_head(made, who), _table_section(made), *_pictures(made), _pairs(made), _settings(made), _method(made)]
    return report.page(f"{who} on {made.lab}", body)


def inline(made: Comparison) -> str:
    """Table and figures for a notebook."""
    figures = "".join(report.figure(figure, caption(made, name)) for name, figure in made.figures.items())
    return _table(made) + figures


def caption(made: Comparison, name: str) -> str:
    """What a figure shows; it speaks of intervals only where there are any."""
    drawn = any(len(one.runs) >= MIN_RUNS for one in made.standings.agents)
    return CAPTIONS[name] + ((BAR if name == "scores" else BAND) if drawn else " No interval is drawn: there are too few seeds for one.")


def answers(made: Comparison) -> list[str]:
    """What came out, in sentences: for each question who is better, and between whom no difference was shown."""
    sentences = []
    for question in QUESTIONS:
        pairs = [pair for pair in made.standings.pairs if pair.question == question]
        shown = [
            pair.verdict + f" than {pair.other if pair.verdict.startswith(f'{pair.one} is') else pair.one}"
            for pair in pairs
            if " is " in pair.verdict
        ]
        rest = [f"{pair.one} and {pair.other}" for pair in pairs if " is " not in pair.verdict]
        about = made.standings.score.replace("_", " ") if question == SCORE else question
        few = any(pair.verdict.startswith("too few") for pair in pairs)
        open_ = f"{'too few seeds to tell between' if few else 'no difference shown between'} {'; '.join(rest)}" if rest else ""
        if pairs:
            sentences.append(f"{about.capitalize()}: {'; '.join([*shown, *([open_] if open_ else [])])}.")
    return sentences


def cells(made: Comparison, one: Standing) -> dict[str, str]:
    """An agent's row, plain text."""
    whole = len(one.runs)
    return {
        "agent": one.label,
        "seeds": str(whole) if whole == one.wanted else f"{whole} of {one.wanted}",
        "IQM": interval(one.iqm),
        "mean": interval(one.mean),
        "median": interval(one.median),
        "gap to optimum": interval(one.gap) if one.gap else "unknown",
        "came to 95 %": f"{one.reached} of {whole}" if one.reached is not None else "unknown",
        "steps to 95 %": _steps(one),
        "seconds to 95 %": "unknown"
        if one.reached is None
        else figure(one.median_seconds)
        if one.median_seconds is not None
        else "not reached",
    }


def _steps(one: Standing) -> str:
    if one.steps is None or one.reached is None:
        return "unknown"
    return "not reached" if one.reached == 0 else interval(one.steps)


def figure(value: float) -> str:
    """A number for people: three or four digits that matter."""
    if value == 0:
        return "0"
    return (
        f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
        if abs(value) >= 1000
        else f"{value:.4g}"
        if abs(value) >= 0.1
        else f"{value:.2g}"
    )


def interval(value: Estimate) -> str:
    """A figure with its interval, where it has one."""
    return figure(value.value) if np.isnan(value.low) else f"{figure(value.value)} [{figure(value.low)}, {figure(value.high)}]"


def _head(made: Comparison, who: str) -> str:
    seeds = f"{len(made.seeds)} seeds ({made.seeds[0]} to {made.seeds[-1]})" if len(made.seeds) > 1 else f"1 seed ({made.seeds[0]})"
    lines = [f"{who} on the lab {made.lab}, {seeds}, preset {made.preset}.", *answers(made)]
    if made.command:
        lines.append(f"`{made.command}`")
    notes = "".join(report.paragraph(warning) for warning in made.warnings)
    limits = f'<div class="notes">{notes}</div>' if notes else ""
    return f'<header class="page"><h1>Comparison on {report.text(made.lab)}</h1>{"".join(map(report.paragraph, lines))}{limits}</header>'


def _table_section(made: Comparison) -> str:
    budget = made.standings.agents[0].budget
    cut = (
        f" Steps are means cut at {figure(budget)}, which every run had: a run that did not come to 95 % counts with all of them."
        if budget == budget
        else ""
    )
    words = f"Scores are the {made.standings.score.replace('_', ' ')} at the end; in brackets 95 % bootstrap intervals.{cut} Seconds are medians."
    return f"<section><h2>What came out</h2>{_table(made)}{report.paragraph(words)}</section>"


def _table(made: Comparison) -> str:
    rows = [[report.text(cells(made, one)[column]) for column in COLUMNS] for one in made.standings.ranked]
    return report.table(COLUMNS, rows, right=COLUMNS[1:])


def _pictures(made: Comparison) -> list[str]:
    drawn = [report.figure(figure, caption(made, name)) for name, figure in made.figures.items()]
    return [f"<section>{picture}</section>" for picture in drawn]


def _pairs(made: Comparison) -> str:
    rows: list[list[str] | str] = []
    question = ""
    for pair in made.standings.pairs:
        if pair.question != question:
            question = pair.question
            rows.append(report.text(question))
        tone = "good" if " is " in pair.verdict else "mute"
        rows.append(
            [
                report.text(f"{pair.one} before {pair.other}"),
                report.text(interval(pair.probability)),
                report.text(f"{pair.p:.3g}"),
                report.text(f"{pair.corrected:.3g}"),
                report.badge(pair.verdict, tone),
            ]
        )
    if not rows:
        return ""
    words = (
        "The probability that a run of the first does better than one of the second, ties counted half. The verdict rests on p, corrected for "
        "all of these tests together: it takes less than 0.05."
    )
    columns = ["pair", "probability", "p", "p, corrected", "verdict"]
    return f"<section><h2>Pair by pair</h2>{report.table(columns, rows, right=columns[1:4])}{report.paragraph(words)}</section>"


def _settings(made: Comparison) -> str:
    from sandbox.comparison import shown_options

    rows = []
    for one in made.contenders:
        runs = made.runs[one.label]
        ids = ", ".join(run.id for run in runs)
        given = report.text(shown_options(one) or "its defaults")
        rows.append(
            [
                report.text(one.label),
                report.text(one.agent),
                given,
                f"<details><summary>{len(runs)} runs</summary>{report.text(ids)}</details>",
            ]
        )
    table = report.table(["agent", "kind", "options", "runs"], rows)
    words = (
        "All face the same task with the same settings; an agent that was tuned for it has an advantage over one with its defaults. "
        f"{made.reused} of {sum(map(len, made.runs.values()))} runs were there before and were used again: same configuration, same sources "
        f"(SHA-256 {made.sources[:12]}…)."
    )
    return f"<section><h2>Settings</h2>{table}{report.paragraph(words)}</section>"


def _method(made: Comparison) -> str:
    lines = [
        f"IQM: the interquartile mean, of the middle half of the seeds' scores. Intervals are stratified percentile bootstrap intervals "
        f"({aggregates.RESAMPLES} resamples), as in Agarwal et al. (2021), `Deep reinforcement learning at the edge of the statistical precipice`. "
        f"They speak of other seeds on this one task, not of other tasks. With less than {MIN_RUNS} seeds there are none: the spread between seeds "
        "cannot be told from one or two.",
        "Gap to optimum: how much is missing to the best possible score on average, max(0, optimum - score), in units of the score.",
        "p: two-sided exact rank-sum test (Mann & Whitney 1947) with ties, which supposes nothing but independent runs; corrected after Holm (1979).",
    ]
    optimum = made.standings.optimum
    if optimum is not None:
        lines.append(
            f"Coming to 95 %: at the first evaluation from which on every evaluation of the run is at least {figure(threshold(optimum, SHARE))} "
            f"(the optimum {figure(optimum)} less 5 % of its size). The run was there some time after the evaluation before; the document has both. "
            "Seconds are those of the work until then: learning, evaluating and, in a process's first run, compiling; they differ from machine to machine."
        )
    return f"<section><h2>How it was measured</h2>{''.join(map(report.paragraph, lines))}</section>"
