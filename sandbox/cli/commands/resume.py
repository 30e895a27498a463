"""`resume RUN`: continue a run where it stopped."""

from __future__ import annotations

from typing import Any

import click

from sandbox.cli.options import (
    WORKERS,
    checkpoint_option,
    json_option,
    max_time_option,
    pictures_option,
    render_option,
    run_argument,
    stay_option,
    store_option,
    watch_option,
)
from sandbox.store import Store, verify


@click.command()
@run_argument
@max_time_option
@checkpoint_option
@render_option
@watch_option
@stay_option
@pictures_option(True)
@click.option(
    "--track",
    multiple=True,
    metavar="NAME",
    help="An observer to tell of everything, also what it missed; may be repeated.",
)
@click.option(
    "--workers",
    type=WORKERS,
    metavar="N",
    help="Of a sweep: processes to start [default: as before].",
)
@click.option(
    "--scheduler",
    metavar="tcp://HOST:PORT",
    help="Of a sweep: a running Dask cluster [default: as before].",
)
@click.option(
    "--allow-changed",
    is_flag=True,
    help="Go on although the code or a library is not what the run began with.",
)
@click.option(
    "--repair",
    is_flag=True,
    help="Compute again what is damaged in a finished run, from what is whole.",
)
@store_option
@json_option
def resume(
    run: str,
    track: tuple[str, ...],
    workers: int | None,
    scheduler: str | None,
    allow_changed: bool,
    repair: bool,
    store: Store,
    as_json: bool,
    **how: Any,
) -> int:
    """Continue RUN (an id, the beginning of one, a folder, or `last`), or a sweep, where it
    stopped.

    A run that was killed ends with the same bytes as one that was never stopped.
    """
    from sandbox.cli.rendering import settings_given
    from sandbox.cli.report import print_executed
    from sandbox.runs import api
    from sandbox.store.sweeps import SweepFolder

    sweep = SweepFolder.find(store, run)
    if sweep is not None:
        from sandbox.cli.commands.sweep import print_sweep
        from sandbox.cli.sweep_progress import sweep_progress
        from sandbox.sweeps.api import resume_sweep

        with sweep_progress(quiet=as_json) as progress:
            resumed = resume_sweep(
                sweep,
                workers=workers,
                scheduler=scheduler,
                allow_changed=allow_changed,
                progress=progress,
            )
        return print_sweep(resumed, as_json=as_json)
    folder = store.find(run)
    before = folder.read()
    done = before.status == "finished" and before.pictured
    if done and not (track or as_json or repair or verify.check(folder)["problems"]):
        click.echo(f"Run {before.id} is finished; there is nothing left to do.", err=True)
    settings = settings_given({**how, "as_json": as_json})
    return print_executed(
        lambda: api.proceed(
            folder, settings, allow_changed=allow_changed, track=track, repair=repair
        ),
        settings.viewer,
        as_json=as_json,
    )
