"""A verb on finished runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Action:
    """A verb on a finished run; it parses the words that follow it itself.

    Attributes:
        run: called as `run(loaded_run, arguments)` with the words that follow on the command line.
        summary: one line of help.

    Example:
        >>> from sandbox import Action
        >>> def tell(run, words):
        ...     print(run.id, run.summary, *words)
        >>> actions = {"tell": Action(tell, "Print a run's scores.")}  # python -m sandbox tell RUN
    """

    run: Callable[[Any, Sequence[str]], None]
    summary: str = ""
