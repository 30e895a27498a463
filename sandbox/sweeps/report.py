"""What a sweep leaves in its folder: ranking.json, the best configuration, drawings, and one self-contained page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sandbox.config.model import option_name, show_value
from sandbox.store.files import plain, write_whole
from sandbox.store.sweeps import RANKING as RANKING
from sandbox.sweeps.results import Result
from sandbox.text import number, plural, plus_minus, words
from sandbox.visual import html as report

if TYPE_CHECKING:
    from sandbox.sweeps.view import Sweep

PAGE, BEST = "report.html", "best.json"
COORDINATES, IMPORTANCE = "parallel_coordinates.png", "importance.png"
SHOWN = 100
"""Trials in the page's table; ranking.json has all."""


def write(sweep: Sweep) -> None:
    """Write everything anew, as the sweep stands now; a drawing that says nothing is left out."""
    path = sweep.path
    write_whole(path / RANKING, _json(sweep.document()))
    if sweep.best is not None:
        write_whole(path / BEST, _json(sweep.best_config))
    pictures = {name: report.picture_bytes(figure) for name, figure, _ in drawings(sweep)}
    for name, content in pictures.items():
        write_whole(path / name, content)
    captions = {COORDINATES: COORDINATES_CAPTION, IMPORTANCE: IMPORTANCE_CAPTION}
    figures = [report.figure(content, captions[name]) for name, content in pictures.items()]
    write_whole(
        path / PAGE,
        report.page(title(sweep), [*_head(sweep), _table(sweep), *_figures(figures)]).encode(),
    )


COORDINATES_CAPTION = (
    "Every finished trial is a line through its parameters, left to right, to its objective on "
    "the right, whose colour it has. Lines through the same word are drawn a little apart. The "
    "best trial is orange, with a dot on each axis."
)
IMPORTANCE_CAPTION = (
    "How much of the objective's variance over these trials each parameter explains, alone and with others (fANOVA, Hutter et al. 2014). "
    "It speaks of the values that were tried, not of all there could be."
)


def drawings(sweep: Sweep) -> Iterator[tuple[str, Any, str]]:
    """File name, figure and caption of each drawing that has something to show."""
    from sandbox.sweeps import plots as sweep_plots

    record, whole = sweep.record, [one for one in sweep.ranking if one.value is not None]
    if len(whole) > 1 and any(one.params for one in whole):
        drawn = sweep_plots.parallel_coordinates(
            whole, record.objective, record.direction, f"{record.lab}: {len(whole)} trials"
        )
        yield COORDINATES, drawn, COORDINATES_CAPTION
    if sweep.importance:
        yield (
            IMPORTANCE,
            sweep_plots.importance_chart(
                sweep.importance, record.objective, f"{record.lab}: what mattered"
            ),
            IMPORTANCE_CAPTION,
        )


def title(sweep: Sweep) -> str:
    """A heading for people."""
    return f"Sweep of {sweep.record.lab}"


def described(sweep: Sweep) -> str:
    """In one sentence, what was tried and what is compared."""
    record = sweep.record
    kind = {"grid": "a grid of", "random": "random search,", "tpe": "TPE,"}[record.search["kind"]]
    seeds = f"{record.seeds} seeds each" if record.seeds > 1 else "one seed each"
    aim = f"; {words(record.objective)} to {record.direction}" if record.objective else ""
    return f"{kind} {plural(len(record.trials), 'configuration')}, {seeds}{aim}"


def columns(sweep: Sweep) -> list[str]:
    """The options that any trial sets, in the order of their first occurrence."""
    return list(dict.fromkeys(name for one in sweep.ranking for name in one.params))


def value_heading(sweep: Sweep) -> str:
    """The objective, and what stands behind ±: elsewhere that is a standard error."""
    spread = (
        " (mean ± standard deviation)"
        if any(one.spread is not None for one in sweep.ranking)
        else ""
    )
    return f"{words(sweep.record.objective) or 'objective'}{spread}"


def value_text(result: Result) -> str:
    """The objective with its spread over seeds, or why there is none."""
    if result.value is None:
        return result.status
    return (
        number(result.value) if result.spread is None else plus_minus(result.value, result.spread)
    )


def _head(sweep: Sweep) -> Iterator[str]:
    record = sweep.record
    lines = [
        f"<h1>{report.text(title(sweep))}</h1>",
        report.paragraph(f"{described(sweep)[0].upper()}{described(sweep)[1:]}. {record.status}."),
    ]
    if sweep.best is not None:
        shown = ", ".join(
            f"`{option_name(name)} = {show_value(value)}`"
            for name, value in sweep.best.params.items()
        )
        over = (
            "" if sweep.best.spread is None else f" (standard deviation over {record.seeds} seeds)"
        )
        lines.append(
            report.paragraph(
                f"Best: trial {sweep.best.number} with {shown or 'the preset'}: {value_text(sweep.best)}{over}."
            )
        )
        lines.append(
            report.paragraph(
                f"Run it again: `python -m sandbox run {record.lab} --config {BEST}` (in this folder)."
            )
        )
    if record.command:
        lines.append(report.paragraph(f"Made by `{record.command}`."))
    if record.error:
        lines.append(report.paragraph(record.error))
    yield f'<header class="page">{"".join(lines)}</header>'


def _table(sweep: Sweep) -> str:
    record, names = sweep.record, columns(sweep)
    shown = sweep.ranking[:SHOWN]
    objective = value_heading(sweep)
    rows = [
        [
            str(place) if one.value is not None else "",
            *(report.text(cell(one.params[name])) if name in one.params else "" for name in names),
            report.text(value_text(one)),
            f"{number(one.low)} … {number(one.high)}"
            if one.low is not None and record.seeds > 1
            else "",
            str(one.number),
        ]
        for place, one in enumerate(shown, 1)
    ]
    heads = ["rank", *map(option_name, names), objective, "seeds from … to", "trial"]
    if record.seeds == 1:
        heads.remove("seeds from … to")
        rows = [[*row[:-2], row[-1]] for row in rows]
    more = (
        f"<p>The first {SHOWN} of {len(sweep.ranking)}; {RANKING} has all.</p>"
        if len(sweep.ranking) > SHOWN
        else ""
    )
    table = report.table(heads, rows, right=[objective, "rank", "trial", "seeds from … to"])
    return f"<section><h2>Ranking</h2>{table}{more}</section>"


def _figures(figures: list[str]) -> Iterator[str]:
    if figures:
        yield f"<section><h2>Parameters</h2>{''.join(figures)}</section>"


def _json(document: Any) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False, default=plain) + "\n").encode()


def cell(value: Any) -> str:
    """A parameter's value for a table: four significant digits; ranking.json has all."""
    return number(value, 4, scale=0) if isinstance(value, float) else show_value(value)
