"""Carries out several runs, one after the other, in this process.

Each is an ordinary run in the store. A run that fails stops none of the others; Ctrl-C stops the one at work and those that were to follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sandbox import api
from sandbox.errors import RunFailed
from sandbox.loop import Settings
from sandbox.runs import Run
from sandbox.store.store import Store


def carry_out(
    requests: Sequence[api.Request], store: Store, settings: Settings, progress: Callable[[Run], None] = lambda _: None
) -> list[Run]:
    """Carry out several runs.

    Args:
        requests: what to run.
        store: where the runs go.
        settings: how to carry them out.
        progress: told of each run that ended.

    Returns:
        The runs in the order of their requests, whatever their status; fewer when one was interrupted, which is the last then.

    Raises:
        SandboxError: when a run could not even be tried.
    """
    made: list[Run] = []
    for request in requests:
        try:
            run = api.start(request, store, settings)
        except RunFailed as failed:
            run = failed.run
        made.append(run)
        progress(run)
        if run.status == "interrupted":
            break
    return made
