"""The files that a sweep writes: ranking.json, the best configuration, figures and one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.config.model import option_name, show_value
from sandbox.store.files import write_whole
from sandbox.store.sweeps import RANKING as RANKING
from sandbox.sweeps.results import Result
from sandbox.text import Document, number, plural, to_json
from sandbox.visual import html

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sandbox.sweeps.view import Sweep

PAGE, BEST = "report.html", "best.json"
COORDINATES, IMPORTANCE = "parallel_coordinates.png", "importance.png"
SHOWN = 100
"""Trials in the page's table; ranking.json has all."""
FEW_TRIALS = 20
"""With fewer finished trials, the importance of parameters carries a caution."""


def write(sweep: Sweep) -> None:
    """Rewrite all files from the sweep's current state; empty figures are left out."""
    path = sweep.path
    write_whole(path / RANKING, to_json(sweep.document()).encode())
    if sweep.best is not None:
        write_whole(path / BEST, to_json(sweep.best_config).encode())
    pictures = {name: html.picture_bytes(figure) for name, figure in figures(sweep).items()}
    for name, content in pictures.items():
        write_whole(path / name, content)
    write_whole(path / PAGE, page(sweep, pictures).encode())


def figures(sweep: Sweep) -> dict[str, Figure]:
    """The figures that have something to show, by file name."""
    from sandbox.sweeps import plots

    record, results = sweep.record, sweep.finished
    drawn: dict[str, Figure] = {}
    if len(results) > 1 and any(one.params for one in results):
        drawn[COORDINATES] = plots.parallel_coordinates(
            results, record.objective, record.direction, f"{record.lab}: {len(results)} trials"
        )
    if sweep.importance:
        drawn[IMPORTANCE] = plots.importance_chart(
            sweep.importance,
            record.objective,
            f"{record.lab}: importance over {plural(len(results), 'trial')}",
        )
    return drawn


def page(sweep: Sweep, pictures: dict[str, bytes]) -> str:
    """The page.

    Args:
        sweep: the sweep.
        pictures: PNG by file name.
    """
    everywhere = {} if len(sweep.ranking) < 2 else _common(sweep.ranking)
    ranking = sweep.with_ranks
    return html.render(
        "sweep.html",
        sweep=sweep,
        ties=[one.number for rank, one in ranking[1:] if rank and rank == ranking[0][0]],
        names=[name for name in sweep.columns if name not in everywhere],
        everywhere=everywhere,
        ranking=ranking,
        shown=SHOWN,
        ranking_file=RANKING,
        best_file=BEST,
        coordinates=pictures.get(COORDINATES),
        importance=pictures.get(IMPORTANCE),
        few_trials=FEW_TRIALS,
        run_links=lambda result: _run_links(sweep, result),
        option_name=option_name,
        cell=cell,
    )


def cell(value: object) -> str:
    """A parameter's value for a table, to four significant digits; ranking.json has all."""
    return number(value, 4, scale=0) if isinstance(value, float) else show_value(value)


def _common(results: list[Result]) -> Document:
    """The parameters that have the same value in all trials."""
    first, *others = results
    return {
        name: value
        for name, value in first.params.items()
        if all((name, value) in one.params.items() for one in others)
    }


def _run_links(sweep: Sweep, result: Result) -> list[tuple[str, int, str]]:
    """Address, seed and status of a trial's runs; no address for one that has not begun."""
    folder, lab, first = sweep.folder, sweep.record.lab, sweep.record.seed
    return [
        (
            "" if status == "waiting" else html.folder_link(folder.run(lab, run).path, sweep.path),
            seed,
            status,
        )
        for seed, (run, status) in enumerate(zip(result.runs, result.statuses, strict=True), first)
    ]
