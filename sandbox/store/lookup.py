"""What a name in the store means: a run, a sweep or a comparison."""

from __future__ import annotations

from sandbox.errors import UnknownNameError, UsageError
from sandbox.store import comparisons, sweeps
from sandbox.store.comparisons import ComparisonFolder
from sandbox.store.folder import RunFolder
from sandbox.store.store import Store
from sandbox.store.sweeps import SweepFolder


def find(store: Store, name: str) -> RunFolder | SweepFolder | ComparisonFolder:
    """The run that `name` means, else the sweep, else the comparison.

    Args:
        store: where it stands.
        name: an id, a unique beginning of one, or a folder; `last` is the last run.

    Raises:
        UnknownNameError: when there is none.
        UsageError: when several begin so.
    """
    try:
        return store.find(name)
    except UnknownNameError as error:
        sweep, comparison = sweeps.find(store, name), comparisons.find(store, name)
        if sweep is not None and comparison is not None:
            raise UsageError(
                f"'{name}' could be the sweep {sweep.id} or the comparison {comparison.id}.",
            ) from None
        found = sweep or comparison
        if found is None:
            hint = "`python -m sandbox list` shows runs; see `list sweeps`, `list comparisons` too."
            raise UnknownNameError("run, sweep or comparison", name, error.known, hint) from None
        return found
    except UsageError as error:  # several runs begin so; if they are a sweep's, it may be meant
        sweep = sweeps.find(store, name)
        if sweep is None:
            raise
        raise UsageError(f"{error} The sweep {sweep.id} begins so too.") from None
