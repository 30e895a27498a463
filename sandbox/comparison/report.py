"""A comparison as one HTML page: what came out, how sure that is, and how every figure came about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from sandbox import text
from sandbox.comparison.results import FEW, QUESTIONS, SCORE, Standing, figure
from sandbox.comparison.run_scores import SHARE
from sandbox.comparison.view import Compared, shown_options
from sandbox.stats import Estimate, aggregates
from sandbox.stats.aggregates import MIN_RUNS
from sandbox.stats.time_to_threshold import threshold
from sandbox.visual import html as report

CAPTIONS = {
    "learning_curves": "Interquartile mean over seeds of the greedy policy's score, against the env steps learned; each seed counts with its last "
    "evaluation so far.",
    "scores": "Each mark is one seed; the upright stroke is the interquartile mean.",
    "performance_profile": "The share of seeds that end above each score: the higher the curve, the better. Where curves cross, neither agent is "
    "better throughout.",
}
BAND = " The shaded band is the 95 % bootstrap interval at each point."
BAR = " The bar is its 95 % bootstrap interval."
COLUMNS = (
    "agent",
    "seeds",
    "env steps",
    "IQM",
    "mean",
    "median",
    "gap to optimum",
    "reached 95 %",
    "steps to 95 %",
    "seconds to 95 %",
)


def page(made: Compared) -> str:
    """The whole page."""
    who = ", ".join(made.runs)
    body = [
        _head(made, who),
        _table_section(made),
        *_pictures(made),
        _pairs(made),
        _settings(made),
        _method(made),
    ]
    return report.page(f"{who} on {made.lab}", body)


def inline(made: Compared) -> str:
    """Table and figures for a notebook."""
    figures = "".join(
        report.figure(figure, caption(made, name)) for name, figure in made.figures.items()
    )
    return _table(made) + figures


def caption(made: Compared, name: str) -> str:
    """What a figure shows; it speaks of intervals only where there are any."""
    drawn = any(len(one.runs) >= MIN_RUNS for one in made.standings.agents)
    return CAPTIONS[name] + (
        (BAR if name == "scores" else BAND)
        if drawn
        else " No interval is drawn: there are too few seeds for one."
    )


def finding(made: Compared) -> str:
    """The answer in one sentence: who reaches the optimum and after how many env steps, or who scores best."""
    ranked, optimum = made.standings.ranked, made.standings.optimum
    if optimum is None or any(one.arrived is None for one in ranked):
        return _best(made)
    usual = [one for one in ranked if one.arrived is not None and 2 * one.arrived > len(one.runs)]
    rest = [one for one in ranked if one not in usual]
    exact = bool(usual) and all(
        one.gap is not None and abs(one.gap.value) <= 1e-9 * max(1.0, abs(optimum)) for one in usual
    )
    goal = f"the optimum {figure(optimum)}" if exact else f"95 % of the optimum {figure(optimum)}"
    if not usual:
        nobody = "None of them reaches" if len(rest) > 1 else f"{rest[0].label} does not reach"
        return f"{nobody} {goal} and stays there{' in most runs' if any(one.arrived for one in rest) else ''}."
    usual.sort(key=lambda one: one.steps.median if one.steps else 0.0)
    times = ", ".join(
        f"{one.label if len(usual) > 1 else ''} after {figure(one.steps.median)} env steps".strip()
        for one in usual
        if one.steps
    )
    who = f"{_listed(usual)} {'reaches' if len(usual) == 1 else 'reach'}"
    if not rest and len(usual) > 1:
        who = "Both reach" if len(usual) == 2 else "All reach"
    share = "" if all(one.arrived == len(one.runs) for one in usual) else " in most runs"
    return f"{who} {goal}{share}{':' if len(usual) > 1 else ''} {times} (median){_missing(rest)}."


def _missing(rest: list[Standing]) -> str:
    """Who does not reach it; of whom some runs do, is told apart from whom none does."""
    never = [one for one in rest if not one.arrived]
    half = [one for one in rest if one.arrived and 2 * one.arrived == len(one.runs)]
    seldom = [one for one in rest if one.arrived and one not in half]
    told = [f"{_listed(never)} {'does' if len(never) == 1 else 'do'} not"] if never else []
    told += [f"most runs of {_listed(seldom)} do not"] if seldom else []
    told += [f"half of the runs of {_listed(half)} do not"] if half else []
    return "".join(f"; {one}" for one in told)


def _best(made: Compared) -> str:
    """Who scores best, if a test says so."""
    best, *others = made.standings.ranked
    score = text.words(made.standings.score)
    if not others:
        return (
            f"{best.label} has the {score} {_score(best)} (interquartile mean of {_seeds(best)})."
        )
    pairs = {
        pair.other if pair.one == best.label else pair.one: pair
        for pair in made.standings.pairs
        if pair.question == SCORE and best.label in (pair.one, pair.other)
    }
    level = [one for one in others if pairs[one.label].winner != best.label]
    if not level:
        return f"{best.label} has the best {score}: {_score(best)} (interquartile mean of {_seeds(best)})."
    told = (
        " and ".join(f"{one.label} {_score(one)}" for one in (best, level[0]))
        if len(level) == 1
        else ""
    )
    told = told or ", ".join(f"{one.label} {_score(one)}" for one in (best, *level))
    if any(pairs[one.label].verdict.startswith(FEW) for one in level):
        return f"Too few seeds to tell which of {_listed([best, *level])} has the best {score}: {told} (interquartile means)."
    return f"No difference in {score} was shown between {_listed([best, *level])}: {told} (interquartile means)."


def _listed(some: list[Standing]) -> str:
    labels = [one.label for one in some]
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"


def _seeds(one: Standing) -> str:
    return f"{len(one.runs)} {'seed' if len(one.runs) == 1 else 'seeds'}"


def answers(made: Compared) -> list[str]:
    """The finding, then for each question who is better, and between whom no difference was shown."""
    sentences = [finding(made)]
    for question in QUESTIONS:
        pairs = [pair for pair in made.standings.pairs if pair.question == question]
        shown = [
            f"{pair.verdict} than {pair.other if pair.winner == pair.one else pair.one}"
            for pair in pairs
            if pair.winner
        ]
        for verdict in dict.fromkeys(pair.verdict for pair in pairs if not pair.winner):
            alike = [f"{pair.one} and {pair.other}" for pair in pairs if pair.verdict == verdict]
            shown.append(f"{verdict}: {'; '.join(alike)}")
        about = text.words(made.standings.score) if question == SCORE else question
        if pairs:
            sentences.append(f"{about.capitalize()}: {'; '.join(shown)}.")
    return sentences


def cells(made: Compared, one: Standing) -> dict[str, str]:
    """An agent's row, plain text."""
    whole, document = len(one.runs), one.document()
    return {
        "agent": one.label,
        "seeds": str(whole) if whole == one.wanted else f"{whole} of {one.wanted}",
        "env steps": "unknown" if one.env_steps is None else figure(one.env_steps),
        **{name: value_text(document[name.lower()]) for name in ("IQM", "mean", "median")},
        "gap to optimum": value_text(document["gap"]),
        "reached 95 %": f"{one.arrived} of {whole}" if one.arrived is not None else "unknown",
        "steps to 95 %": time_text(document["steps_to_95"]),
        "seconds to 95 %": time_text(document["seconds_to_95"]),
    }


def value_text(value: Mapping[str, Any] | None) -> str:
    """A figure of an agent's document with its interval, or with its standard error where it has none."""
    if value is None or value.get("value") is None:
        return "unknown"
    shown, bounds, error = value["value"], value.get("interval"), value.get("standard_error")
    if bounds:
        return f"{figure(shown)} [{figure(bounds[0])}, {figure(bounds[1])}]"
    return figure(shown) if error is None else text.plus_minus(shown, error)


def time_text(time: Mapping[str, Any] | None) -> str:
    """A median time of an agent's document with its interval, and the evaluation before it: the true moment lies in between."""
    if time is None:
        return "unknown"
    if time.get("median") is None:
        return "not reached"
    before, bounds = time.get("evaluated_before"), time.get("interval")
    shown = figure(time["median"]) + ("" if before is None else f" (> {figure(before)})")
    return (
        shown
        if not bounds
        else f"{shown} [{figure(bounds[0])}, {'∞)' if bounds[1] is None else f'{figure(bounds[1])}]'}"
    )


def score_marks(made: Compared) -> str:
    """What stands beside the scores: "in brackets 95 % intervals"."""
    agents = made.standings.agents
    marks = (
        ["in brackets 95 % intervals"] if any(not np.isnan(one.iqm.low) for one in agents) else []
    )
    marks += ["behind ± the standard error"] if any(one.error is not None for one in agents) else []
    return ", ".join(marks)


def _score(one: Standing) -> str:
    return value_text(one.document()["iqm"])


def interval(value: Estimate) -> str:
    """A figure with its interval, where it has one."""
    return (
        figure(value.value)
        if np.isnan(value.low)
        else f"{figure(value.value)} [{figure(value.low)}, {figure(value.high)}]"
    )


def _head(made: Compared, who: str) -> str:
    seeds = (
        f"{len(made.seeds)} seeds ({made.seeds[0]} to {made.seeds[-1]})"
        if len(made.seeds) > 1
        else f"1 seed ({made.seeds[0]})"
    )
    first, *others = answers(made)
    lines = [first, f"{who} on the lab {made.lab}, {seeds}, preset {made.preset}.", *others]
    if made.command:
        lines.append(f"`{made.command}`")
    notes = "".join(report.paragraph(warning) for warning in made.warnings)
    limits = f'<div class="notes">{notes}</div>' if notes else ""
    return f'<header class="page"><h1>Comparison on {report.text(made.lab)}</h1>{"".join(map(report.paragraph, lines))}{limits}</header>'


def _table_section(made: Compared) -> str:
    optimum = made.standings.optimum
    meant = (
        f" The best possible, {figure(optimum)}, is {made.standings.optimum_is}."
        if optimum is not None and made.standings.optimum_is
        else ""
    )
    marks = score_marks(made)
    prose = (
        f"Scores are the {text.words(made.standings.score)} at the end{f', {marks}' if marks else ''}.{meant} Times are Kaplan-Meier medians: "
        "a run that did not reach 95 % of the optimum is censored where it ended. In round brackets the evaluation before, at which it "
        "was not there yet; in square brackets the 95 % interval, open at the right where too few runs arrived."
    )
    return f"<section><h2>Results</h2>{_table(made)}{report.paragraph(prose)}</section>"


def _table(made: Compared) -> str:
    rows = [
        [_in_lines(cells(made, one)[column]) for column in COLUMNS] for one in made.standings.ranked
    ]
    return report.table(COLUMNS, rows, right=COLUMNS[1:])


def _in_lines(cell: str) -> str:
    """A cell with what is in brackets below its figure: ten columns of intervals have no room beside one another."""
    first, *others = re.split(r" (?=[(\[])", cell)
    return report.text(first) + "".join(f"<small>{report.text(one)}</small>" for one in others)


def _pictures(made: Compared) -> list[str]:
    drawn = [report.figure(figure, caption(made, name)) for name, figure in made.figures.items()]
    return [f"<section>{picture}</section>" for picture in drawn]


def _pairs(made: Compared) -> str:
    rows: list[list[str] | str] = []
    question = ""
    for pair in made.standings.pairs:
        if pair.question != question:
            question = pair.question
            rows.append(report.text(question))
        tone = "good" if pair.winner else "mute"
        rows.append(
            [
                report.text(f"P({pair.one} better than {pair.other})"),
                report.text("unknown" if pair.p is None else interval(pair.probability)),
                report.text("none" if pair.p is None else f"{pair.p:.3g}"),
                report.text("none" if pair.corrected is None else f"{pair.corrected:.3g}"),
                report.badge(pair.verdict, tone),
            ]
        )
    if not rows:
        return ""
    prose = (
        "The probability that a run of the first does better than one of the second, ties counted half. The verdict rests on p, corrected for "
        "all of these tests together: it takes less than 0.05. Times are compared as far as both agents were followed; where neither "
        "arrived until then, they cannot be compared."
    )
    columns = ["pair", "probability", "p", "p, corrected", "verdict"]
    return f"<section><h2>Pairs</h2>{report.table(columns, rows, right=columns[1:4])}{report.paragraph(prose)}</section>"


def _settings(made: Compared) -> str:
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
    prose = (
        "All face the same task with the same settings; an agent that was tuned for it has an advantage over one with its defaults. "
        f"Reused {made.reused} of {sum(map(len, made.runs.values()))} earlier runs: same configuration, same sources "
        f"(SHA-256 {made.sources[:12]}…)."
    )
    return f"<section><h2>Settings</h2>{table}{report.paragraph(prose)}</section>"


def _method(made: Compared) -> str:
    lines = [
        f"IQM: the interquartile mean, of the middle half of the seeds' scores. Intervals are stratified percentile bootstrap intervals "
        f"({aggregates.RESAMPLES} resamples), as in Agarwal et al. (2021), `Deep reinforcement learning at the edge of the statistical precipice`. "
        f"They speak of other seeds on this one task, not of other tasks. With less than {MIN_RUNS} seeds there are none: the spread between seeds "
        "cannot be told from one or two.",
        "Gap to optimum: how much is missing to the best possible score on average, max(0, optimum - score), in units of the score.",
        "p of scores: two-sided exact rank-sum test (Mann & Whitney 1947) with ties. p of steps: two-sided exact permutation test of log-rank "
        "scores (Peto & Peto 1972), in which an arrival counts at its evaluation; of agents evaluated at other points, the later one's counts at the evaluation before. Both suppose nothing but "
        "independent runs, and are corrected together after Holm (1979).",
    ]
    optimum = made.standings.optimum
    if optimum is not None:
        lines.append(
            f"Reaching 95 %: at the first evaluation from which on every evaluation of the run is at least as good as "
            f"{figure(threshold(optimum, SHARE, made.standings.higher_is_better))} (the optimum {figure(optimum)} less 5 % of its size). Intervals of "
            "median times invert the sign test; an end is open where so few runs, or runs that did not arrive, leave it open. "
            "Seconds are those of the work until then, their median with as many arrivals as that of the steps: learning, evaluating and, "
            "in a process's first run, compiling; they differ from machine to machine."
        )
    return f"<section><h2>How it was measured</h2>{''.join(map(report.paragraph, lines))}</section>"
