"""`sweep LAB`: one lab, many configurations; options of the lab hold for all of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sandbox.cli.commands.run import LabCommands
from sandbox.cli.options import (
    own_options,
    request_options,
    requested,
    worker_options,
)
from sandbox.cli.output import (
    heading,
    next_commands,
    paragraph,
    print_json,
    shown_path,
    table,
)
from sandbox.config.model import Layer, option_name
from sandbox.lab import Lab
from sandbox.sweeps import report as sweep_report
from sandbox.text import plural

if TYPE_CHECKING:
    from sandbox.sweeps.view import Sweep

SHOWN = 10
"""Trials in the table on the screen."""
SHOWN_REASONS = 3
"""Reasons why runs failed, the most frequent first."""


class SweepCommands(LabCommands):
    """One command for each lab; `--grid` takes all axes up to the next option."""

    verb, several = "sweep", "--grid"

    def about(self, name: str, lab: Lab) -> str:
        """The help of a lab's command."""
        return f"Run `{name}` with many configurations. {super().about(name, lab)}"

    def own_options(self, lab: Lab) -> list[click.Parameter]:
        """The options of every sweep, whatever the lab."""
        return own_options(
            click.option(
                "--grid",
                multiple=True,
                metavar="OPTION=VALUE,… …",
                help="Every combination: agent.alpha=0.1,0.5 agent.policy=…",
            ),
            click.option(
                "--random",
                type=int,
                metavar="N",
                help="N draws from the lab's own search space, seeded by --seed.",
            ),
            click.option(
                "--tpe",
                type=int,
                metavar="N",
                help="N draws from it, each informed by those before (Optuna).",
            ),
            click.option(
                "--objective",
                default="",
                show_default=False,
                metavar="summary.NAME",
                help="What is compared [default: the lab's own, else its score].",
            ),
            click.option(
                "--direction",
                default="",
                show_default=False,
                metavar="maximize|minimize",
                help="[default: the one that the lab declares for the objective]",
            ),
            click.option(
                "--prune",
                default="",
                show_default=False,
                metavar="median|halving",
                help="Give up hopeless trials early, by the evaluations of their first seed.",
            ),
            *worker_options,
            *request_options(lab, 1, "Runs of each configuration.", pictures=False, threads=1),
        )

    def execute(self, name: str, layer: Layer, values: Layer) -> int:
        """Run the sweep and return the exit code."""
        from sandbox.cli.sweep_progress import sweep_progress
        from sandbox.execution.scheduler import Workers
        from sandbox.runs.loop import Settings
        from sandbox.sweeps.api import SweepRequest, begin
        from sandbox.sweeps.space import parse_axes

        wanted = SweepRequest(
            requested(name, layer, values),
            parse_axes(values["grid"]) if values["grid"] else None,
            values["random"],
            values["tpe"],
            values["objective"],
            values["direction"],
            values["prune"],
        )
        settings = Settings(values["checkpoint_every"], pictures=values["pictures"])
        workers = Workers(values["workers"], values["scheduler"])
        with sweep_progress(quiet=values["as_json"]) as progress:
            swept = begin(wanted, values["store"], settings, workers, progress)
        return print_sweep(swept, as_json=values["as_json"])


@click.group(cls=SweepCommands, no_args_is_help=True)
def sweep() -> None:
    """Run a lab with many configurations, rank them, and say what mattered."""


def print_sweep(sweep: Sweep, *, as_json: bool) -> int:
    """Print a sweep's results and return the exit code.

    Args:
        sweep: the sweep.
        as_json: as one JSON document.
    """
    statuses = [status for one in sweep.ranking for status in one.statuses]
    failed = sum(map(statuses.count, ("failed", "damaged", "lost")))
    if as_json:
        print_json(sweep.document())
    else:
        _print(sweep, failed)
    if sweep.status in ("failed", "lost") or (failed and sweep.status == "finished"):
        return 1
    return 130 if sweep.status == "interrupted" else 0


def _print(sweep: Sweep, failed: int) -> None:
    heading(f"{sweep.record.lab} · {sweep.described} · {sweep.status}")
    _print_table(sweep)
    if len(sweep.ranking) > SHOWN:
        more = shown_path(sweep.path / sweep_report.RANKING)
        click.echo(f"… and {len(sweep.ranking) - SHOWN} more in {more}")
    if sweep.importance:
        shares = ", ".join(
            f"{option_name(name)} {100 * share:.0f} %"
            for name, share in list(sweep.importance.items())[:5]
        )
        trials = len(sweep.finished)
        few = f"; uncertain with {trials} trials" if trials < sweep_report.FEW_TRIALS else ""
        paragraph(f"Importance (share of the variance{few}): {shares}")
    if failed:
        red = click.style(f"{plural(failed, 'run')} failed", fg="red")
        click.echo(f"{red}; `show RUN` tells more, `resume` tries again.")
        for reason, count in list(sweep.failures.items())[:SHOWN_REASONS]:
            paragraph(f"  {count} × {reason}")
    if sweep.record.error:
        click.echo(f"Note: {sweep.record.error}")
    results = (path for path in sweep.path.iterdir() if path.suffix in (".json", ".html", ".png"))
    names = ", ".join(sorted(path.name for path in results))
    paragraph(f"Kept in {shown_path(sweep.path)}: {names}")
    _print_next(sweep, failed)


def _print_table(sweep: Sweep) -> None:
    names, aim = sweep.columns, sweep.value_heading
    rows = [
        [rank]
        + [sweep_report.cell(one.params[name]) if name in one.params else "" for name in names]
        + [one.text, str(one.number)]
        for rank, one in sweep.with_ranks[:SHOWN]
    ]
    numeric = [
        option_name(name)
        for name in names
        if all(isinstance(one.params.get(name, 0), (int, float)) for one in sweep.ranking)
    ]
    headings = ["rank", *map(option_name, names), aim, "trial"]
    table(headings, rows, right=["rank", aim, "trial", *numeric])


def _print_next(sweep: Sweep, failed: int) -> None:
    commands: list[tuple[list[str], str]] = []
    if sweep.status != "finished" or failed:
        commands.append((["resume", sweep.id], "finish the remaining runs"))
    if sweep.best is not None:
        best = ["run", sweep.record.lab, "--config", shown_path(sweep.path / sweep_report.BEST)]
        data = sweep.record.how.data
        best += ["--data", shown_path(Path(data))] if data else []
        commands.append((best, "the best configuration, with pictures"))
        commands.append((["show", sweep.best.runs[0]], "its first run here"))
    next_commands(*commands or [(["list"], "all runs")])
