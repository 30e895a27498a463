"""Where a command's files go: to where `--output` says, else into the run, which lists them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from sandbox.errors import UsageError
from sandbox.runs.view import Run


@contextlib.contextmanager
def destination(run: Run, output: Path | None, *names: str) -> Iterator[list[Path]]:
    """Where to write, one path for each name; files in the run are listed when the block ends.

    Args:
        run: the run that the files belong to.
        output: the first file, beside which the others go under its name; None for the run's
            artifacts.
        names: the file names in the run, which differ in their endings.

    Raises:
        UsageError: when something cannot be written.
    """
    if output is None:
        run.folder.refuse_changed()
    try:
        if output is None:
            yield [run.folder.artifacts.path(name) for name in names]
        else:
            output.parent.mkdir(parents=True, exist_ok=True)
            yield [output] + [output.with_suffix(Path(name).suffix) for name in names[1:]]
    except OSError as error:
        place = output or run.folder.artifacts.folder / names[0]
        raise UsageError(
            f"Cannot write {place}: {error.strerror}. Choose another place with --output.",
        ) from error
    if output is None:
        run.folder.list_artifacts(names)
