"""A comparison in words and as a page: the finding, a row for each agent, and the pairs.

The sentences in this module also appear on the screen and in the document; sentences that appear
only on the page are in its template.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from sandbox import text
from sandbox.comparison.agent_result import AgentResult, plain
from sandbox.comparison.pairs import FEW, QUESTIONS, SCORE
from sandbox.comparison.results import figure
from sandbox.comparison.run_scores import CPU, OVERSHOOT, SHARE
from sandbox.comparison.task_results import TaskScale
from sandbox.comparison.view import Compared
from sandbox.config.model import show_value
from sandbox.runs.paper import figure_files, table_files
from sandbox.stats import aggregates
from sandbox.stats.aggregates import MIN_RUNS
from sandbox.stats.time_to_threshold import threshold
from sandbox.store.comparisons import PAGE
from sandbox.store.measurements import LEARNED
from sandbox.text import Document
from sandbox.visual import html

Cells = dict[str, str]
"""What a row of a table shows, by column."""
Row = Callable[[AgentResult], Cells]
"""An agent's cells, plain text by column."""
SECONDS_DIGITS = 3
"""Significant digits of measured seconds."""


def page(comparison: Compared, folder: Path) -> str:
    """The whole page.

    Args:
        comparison: the comparison.
        folder: the page's folder, for its links to runs.
    """
    results, optimum = comparison.results, comparison.results.optimum
    reached = None if optimum is None else threshold(optimum, SHARE, results.higher_is_better)
    return html.render(
        "comparison.html",
        threshold=reached,
        run_links=lambda agent: [
            (html.folder_link(run.path, folder), run.record.seed, run.status)
            for run in comparison.runs[agent.label]
        ],
        **_shared(comparison, partial(cells, comparison)),
    )


def tasks_page(
    comparison: Compared,
    tasks: Mapping[str, Compared],
    scales: Mapping[str, TaskScale],
    folder: Path,
) -> str:
    """The page of several tasks.

    Args:
        comparison: over all tasks.
        tasks: the comparison on each task, by its label.
        scales: of each task.
        folder: as for `page`.
    """
    return html.render(
        "tasks.html",
        tasks=tasks,
        scales=scales,
        task_rows=lambda task: _rows(
            tasks[task], partial(_normalised_cells, tasks[task], scales[task])
        ),
        address=lambda one: f"{html.folder_link(one.folder, folder)}{PAGE}",
        **_shared(comparison, tasks_cells),
    )


def tasks_cells(one: AgentResult) -> Cells:
    """An agent's row over several tasks, plain text by column."""
    return {**_who(one), **_means(one), "optimality gap": value_text(one.aggregates()["gap"])}


def _who(one: AgentResult) -> Cells:
    runs = len(one.runs)
    return {
        "agent": one.label,
        "seeds": str(runs) if runs == one.wanted else f"{runs} of {one.wanted}",
    }


def _means(one: AgentResult) -> Cells:
    document = one.aggregates()
    names = {"IQM": "iqm", "mean": "mean", "median": "median"}
    return {title: value_text(document[name]) for title, name in names.items()}


def _normalised_cells(comparison: Compared, scale: TaskScale, one: AgentResult) -> Cells:
    """An agent's row on one of several tasks."""
    normalised = value_text(plain(scale.normalised(one.iqm)))
    return {**cells(comparison, one), "normalised": normalised}


def _rows(comparison: Compared, row: Row) -> list[tuple[str, Cells]]:
    """Rank and cells of each agent, best first."""
    ranked = comparison.results.ranked
    ranks = text.ranks(one.iqm.value for one in ranked)
    return [(rank, row(one)) for rank, one in zip(ranks, ranked, strict=True)]


def exported(
    comparison: Compared,
    tasks: Mapping[str, Compared],
    row: Row,
    scales: Mapping[str, TaskScale] | None = None,
) -> dict[str, bytes]:
    """The files of an export, by name.

    Args:
        comparison: the comparison.
        tasks: the comparison on each task, by its label.
        row: an agent's cells.
        scales: of the tasks, where there are several.
    """
    pairs, figures = comparison.pairs, comparison.figures
    runs: list[Document] = []
    settings: list[Document] = []
    for task, single in tasks.items():
        for result in single.table:
            own = {"task": task, "agent": result["agent"]}
            runs += [{**own, **_flat_row(run)} for run in result["by_seed"]]
        for one in single.agents:
            own = {"task": task, "agent": one.label}
            options = text.flat(one.config).items()
            settings += [{**own, "option": name, "value": show_value(is_)} for name, is_ in options]
    tables = {
        "agents": (
            list(map(_flat_row, comparison.table)),
            [row(one) for one in comparison.results.ranked],
        ),
        "pairs": (list(map(_flat_row, pairs)), list(map(_pair_cells, pairs))),
        "runs": (runs, []),
        "settings": (settings, []),
    }
    described = html.render(
        "methods.md",
        comparison=comparison,
        singles=tasks,
        scales=scales,
        finding=finding(comparison),
        figures=figures,
        tables=tables,
        resamples=aggregates.RESAMPLES,
        min_runs=MIN_RUNS,
        figure_text=figure,
    )
    files = {"methods.md": described.encode()}
    for name, chart in figures.items():
        files |= figure_files(name, chart)
    for name, table in tables.items():
        files |= table_files(name, *table)
    return files


def _flat_row(document: Document) -> Document:
    """Plain values in one row: an interval is two columns, what has rows of its own is left out."""
    row: Document = {}
    for name, value in text.flat(document).items():
        if name.endswith(("interval", "difference")):
            low, high = value or (None, None)
            name = name.removesuffix("interval").replace("difference", "difference.")
            row |= {f"{name}low": low, f"{name}high": high}
        elif not isinstance(value, list):
            row[name] = value
    return row


def _pair_cells(pair: Document) -> Cells:
    return {
        "agent": pair["one"],
        "compared with": pair["other"],
        "question": pair["question"],
        "P(first better)": value_text(
            None if pair["p"] is None else pair["probability_of_improvement"]
        ),
        "p, corrected": text.number(pair["p_corrected"], 3),
        "verdict": pair["verdict"],
    }


def inline(comparison: Compared, row: Row, template: str = "comparison_inline.html") -> str:
    """Table and figures for a notebook.

    Args:
        comparison: the comparison.
        row: an agent's cells.
        template: says which of them are shown.
    """
    return html.render(template, **_shared(comparison, row))


def _shared(comparison: Compared, row: Row) -> Document:
    """The template's values for table and figures."""
    ranked = comparison.results.ranked
    return {
        "comparison": comparison,
        "finding": finding(comparison),
        "results": comparison.results,
        "rows": _rows(comparison, row),
        "score_marks": score_marks(comparison),
        "resamples": aggregates.RESAMPLES,
        "min_runs": MIN_RUNS,
        "has_intervals": any(len(one.runs) >= MIN_RUNS for one in ranked),
        "lines": lines,
        "figure_text": figure,
        "value_text": value_text,
    }


def finding(comparison: Compared) -> str:
    """The answer in one sentence.

    Which agents reach the optimum, and after how many env steps; or which one scores best.
    """
    ranked, optimum = comparison.results.ranked, comparison.results.optimum
    if optimum is None or any(one.arrived is None for one in ranked):
        return _best(comparison)
    usual = [one for one in ranked if one.arrived is not None and 2 * one.arrived > len(one.runs)]
    rest = [one for one in ranked if one not in usual]
    exact = bool(usual) and all(
        one.gap is not None and abs(one.gap.value) <= 1e-9 * max(1.0, abs(optimum)) for one in usual
    )
    goal = f"the optimum {figure(optimum)}" if exact else f"95 % of the optimum {figure(optimum)}"
    if not usual:
        subject = "None of them reaches" if len(rest) > 1 else f"{rest[0].label} does not reach"
        most = " in most runs" if any(one.arrived for one in rest) else ""
        return f"{subject} {goal} and stays there{most}."
    usual.sort(key=lambda one: one.steps.median if one.steps else 0.0)
    times = ", ".join(
        f"{one.label if len(usual) > 1 else ''} after {figure(one.steps.median)} env steps".strip()
        for one in usual
        if one.steps
    )
    subject = f"{_listed(usual)} {'reaches' if len(usual) == 1 else 'reach'}"
    if not rest and len(usual) > 1:
        subject = "Both reach" if len(usual) == 2 else "All reach"
    share = "" if all(one.arrived == len(one.runs) for one in usual) else " in most runs"
    colon = ":" if len(usual) > 1 else ""
    return f"{subject} {goal}{share}{colon} {times} (median){_missing(rest)}."


def _missing(rest: list[AgentResult]) -> str:
    """The agents for which no run, some runs or half of the runs reach the optimum."""
    never = [one for one in rest if not one.arrived]
    half = [one for one in rest if one.arrived and 2 * one.arrived == len(one.runs)]
    seldom = [one for one in rest if one.arrived and one not in half]
    missing = f"; {_listed(never)} {'does' if len(never) == 1 else 'do'} not" if never else ""
    for whose, some in (("most", seldom), ("half of the", half)):
        missing += f"; {whose} runs of {_listed(some)} do not" if some else ""
    return missing


def _best(comparison: Compared) -> str:
    """The agent with the best score, if a test shows that it is the best."""
    best, *others = comparison.results.ranked
    score = text.words(comparison.results.score)
    mean = f"interquartile mean of {text.plural(len(best.runs), 'seed')}"
    if (tasks := best.scores.shape[1]) > 1:
        mean += f" on {tasks} tasks"
    if not others:
        return f"{best.label} has the {score} {_iqm(best)} ({mean})."
    pairs = {
        pair.other if pair.one == best.label else pair.one: pair
        for pair in comparison.results.pairs
        if pair.question == SCORE and best.label in (pair.one, pair.other)
    }
    level = [one for one in others if pairs[one.label].winner != best.label]
    if not level:
        return f"{best.label} has the best {score}: {_iqm(best)} ({mean})."
    join = " and " if len(level) == 1 else ", "
    means = join.join(f"{one.label} {_iqm(one)}" for one in (best, *level))
    labels = _listed([best, *level])
    if any(pairs[one.label].verdict.startswith(FEW) for one in level):
        start = f"Too few seeds to tell which of {labels} has the best {score}"
    elif all(pairs[one.label].margin is not None for one in level):
        start = f"{labels} have the best {score}, {pairs[level[0].label].verdict}"
    else:
        start = f"No difference in {score} was shown between {labels}"
    return f"{start}: {means} (interquartile means)."


def _listed(some: list[AgentResult]) -> str:
    *labels, last = [one.label for one in some]
    return f"{', '.join(labels)} and {last}" if labels else last


def answers(comparison: Compared) -> list[str]:
    """The finding, then for each question the significant differences, then the others."""
    sentences = [finding(comparison)]
    for question in QUESTIONS:
        pairs = [pair for pair in comparison.results.pairs if pair.question == question]
        shown = [
            f"{pair.verdict} than {pair.other if pair.winner == pair.one else pair.one}"
            for pair in pairs
            if pair.winner
        ]
        for verdict in dict.fromkeys(pair.verdict for pair in pairs if not pair.winner):
            alike = [f"{pair.one} and {pair.other}" for pair in pairs if pair.verdict == verdict]
            shown.append(f"{verdict}: {'; '.join(alike)}")
        about = text.words(comparison.results.score) if question == SCORE else question
        if pairs:
            sentences.append(f"{about.capitalize()}: {'; '.join(shown)}.")
    return sentences


def cells(comparison: Compared, one: AgentResult) -> Cells:
    """An agent's row, plain text by column."""
    document, spent = one.document(), one.spent
    steps = "unknown" if one.env_steps is None else figure(one.env_steps)
    if over := spent.get(OVERSHOOT):
        steps += f" ({figure(over)} over)"
    learning = "unknown"
    if spent:
        seconds, cpu = (figure(spent[name], SECONDS_DIGITS) for name in (LEARNED, CPU))
        learning = f"{seconds} (CPU {cpu})"
    return {
        **_who(one),
        "env steps": steps,
        **({"seconds of learning": learning} if comparison.results.timed else {}),
        **_means(one),
        "gap to optimum": value_text(document["gap"]),
        "reached 95 %": "unknown" if one.arrived is None else f"{one.arrived} of {len(one.runs)}",
        "steps to 95 %": time_text(document["steps_to_95"]),
        "seconds to 95 %": time_text(document["seconds_to_95"], SECONDS_DIGITS),
    }


def lines(cell: str) -> list[str]:
    """A cell in several lines, the figure and then each bracket, to fit eight columns on the
    page."""
    return cell.replace(" (", "\n(").replace(" [", "\n[").split("\n")


def value_text(value: Document | None) -> str:
    """A figure of a document with its interval, or with its standard error where it has none."""
    if value is None or value.get("value") is None:
        return "unknown"
    shown, bounds, error = value["value"], value.get("interval"), value.get("standard_error")
    if bounds:
        return f"{figure(shown)} [{', '.join(map(figure, bounds))}]"
    return figure(shown) if error is None else text.plus_minus(shown, error)


def time_text(time: Document | None, digits: int = 4) -> str:
    """A median time of a document with its interval, and the time of the evaluation before it.

    The true moment lies between the two.
    """

    if time is None:
        return "unknown"
    if time.get("median") is None:
        return "not reached"
    shown = partial(figure, digits=digits)
    before, bounds = time.get("evaluated_before"), time.get("interval")
    median = shown(time["median"]) + ("" if before is None else f" (> {shown(before)})")
    if not bounds:
        return median
    high = "∞)" if bounds[1] is None else f"{shown(bounds[1])}]"
    return f"{median} [{shown(bounds[0])}, {high}"


def score_marks(comparison: Compared) -> str:
    """What the brackets or ± beside the scores mean: "in brackets 95 % intervals"."""
    agents = comparison.results.agents
    marks = ["in brackets 95 % intervals"] * any(not np.isnan(one.iqm.low) for one in agents)
    marks += ["the standard error after ±"] * any(one.error is not None for one in agents)
    return ", ".join(marks)


def _iqm(one: AgentResult) -> str:
    return value_text(one.document()["iqm"])
