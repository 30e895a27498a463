"""`resume RUN`: continue a run where it stopped."""

from __future__ import annotations

from typing import Any

import click

from sandbox.cli.options import options_of


@click.command()
@click.argument("run", default="last")
@options_of("resume")
def resume(
    run: str,
    track: tuple[str, ...],
    workers: int | None,
    scheduler: str | None,
    allow_changed: bool,
    repair: bool,
    store: str | None,
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
    from sandbox.store import Store, sweeps

    sweep = sweeps.find(Store(store), run)
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
    folder = Store(store).find(run)
    before = folder.read()
    if before.status == "finished" and before.pictured and not track and not as_json and not repair:
        click.echo(f"Run {before.id} is finished; there is nothing left to do.", err=True)
    settings = settings_given({**how, "as_json": as_json})
    return print_executed(
        lambda: api.proceed(
            folder, settings, allow_changed=allow_changed, track=track, repair=repair
        ),
        settings.viewer,
        as_json=as_json,
    )
