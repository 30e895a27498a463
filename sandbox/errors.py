"""Errors that a person is meant to read.

Every error here says what happened, shows the value, names the nearest valid one and ends with what
to do next. The command line prints the message alone; a traceback means that the fault is ours.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


class SandboxError(Exception):
    """An error that the user can fix. `exit_code` is what the command line returns: 1 the run or a
    check failed, 2 wrong usage.

    Example:
        >>> from sandbox import SandboxError, run
        >>> try:
        ...     run("maize")
        ... except SandboxError as error:
        ...     print(error, error.exit_code)
        No lab 'maize'. Did you mean 'maze'? `python -m sandbox list labs` shows all. 2
    """

    exit_code = 1

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, or what another process receives, is made without calling `__init__`."""
        return type(self).__new__, (type(self), *self.args), self.__dict__


class UsageError(SandboxError):
    """The request itself is wrong; nothing was started."""

    exit_code = 2


class UnknownNameError(UsageError, KeyError):
    """A name that does not exist.

    Args:
        kind: what was looked for, in the singular ("agent").
        name: the name that was given.
        known: the names that exist.
        hint: what to do when no known name is similar.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        self.known = sorted(known)
        near = did_you_mean(name, self.known)
        if self.known and not near:
            near = f" Known: {', '.join(self.known)}."
        super().__init__(f"No {kind} '{name}'.{near} {hint}".rstrip())

    def __str__(self) -> str:  # KeyError would show the repr
        return str(self.args[0])


class ConfigError(UsageError, ValueError):
    """One or more wrong values in a configuration; all of them are listed.

    Args:
        title: what the configuration belongs to ("lab 'maze'").
        problems: one sentence for each wrong value.
    """

    def __init__(self, title: str, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        if len(self.problems) == 1:
            message = f"{title}: {self.problems[0]}"
        else:
            message = f"{title}: {len(self.problems)} wrong values\n" + "\n".join(
                f"  - {problem}" for problem in self.problems
            )
        super().__init__(message)


class PluginError(SandboxError):
    """A plugin that cannot be used: it raised, or claims a name that is taken."""


class StoreError(SandboxError):
    """The run store cannot be read or written."""


class LinkError(StoreError):
    """A link in place of a run's own file or folder: it is never followed, since its target may be
    anywhere.

    Args:
        path: the path of the link.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is a link, and nothing in a run's folder is followed through a link. If you "
            "trust it, put a copy of what it leads to in its place; else remove it."
        )


class CheckpointError(StoreError):
    """A checkpoint that is damaged, or does not fit."""


class OutOfTime(SandboxError):
    """The run's time is over, and it has nothing yet that could be kept."""


class RunFailed(SandboxError):
    """A run that ended with status `failed`; what it had is kept.

    Args:
        message: what happened.
        run: the run, a `sandbox.Run`.
    """

    def __init__(self, message: str, run: Any) -> None:
        self.run = run
        super().__init__(message)


def error_message(error: BaseException) -> str:
    """The message of an error, also of one whose `__str__` raises."""
    try:
        return str(error)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return "it cannot say what it is"


def error_text(error: BaseException) -> str:
    """The type and the message of an error."""
    return f"{type(error).__name__}: {error_message(error)}".removesuffix(": ")


def reason_of(error: Exception) -> str:
    """The operating system's words where an error has some, without number and path; else its
    message."""
    return getattr(error, "strerror", None) or str(error)


def did_you_mean(name: str, known: Iterable[str], before: str = "") -> str:
    """The end of a message about an unknown name.

    Args:
        before: what a user types before each known name, such as `--`.

    Returns:
        " Did you mean 'NAME'?", or nothing where no known name is near.
    """
    close = nearest(name, known)
    return f" Did you mean '{before}{close}'?" if close else ""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was most likely meant, or None when none is close.

    Case is ignored, and `_` counts as `-`. Names within a few typing errors come first, then names
    that share most of their letters in the same order.
    """
    spelled = {_plain(candidate): candidate for candidate in known}
    typed = _plain(name)
    close: list[str] = []
    slips = max(1, len(typed) // 3)
    letters = Counter(typed)
    for candidate in spelled:
        theirs = Counter(candidate)
        if (letters - theirs).total() + (theirs - letters).total() > slips:
            continue  # each letter that only one of them has costs a slip
        distance = edit_distance(typed, candidate)
        if distance < slips:
            close, slips = [], distance
        if distance == slips:
            close.append(candidate)
    among, cutoff = (close, 0.0) if close else (list(spelled), 0.55)
    matches = difflib.get_close_matches(typed, among, n=1, cutoff=cutoff)
    return spelled[matches[0]] if matches else None


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def edit_distance(one: str, other: str) -> int:
    """The number of insertions, deletions and swaps of neighbouring letters between two words.

    A substitution counts twice. Source: optimal string alignment (Damerau 1964): no letter takes
    part in two of these.
    """
    above: list[int] = []
    row = list(range(len(other) + 1))
    for line, letter in enumerate(one, 1):
        two_above, above, row = above, row, [line]
        for column, wanted in enumerate(other, 1):
            cost = above[column - 1] if letter == wanted else min(above[column], row[-1]) + 1
            if min(line, column) > 1 and (letter, wanted) == (other[column - 2], one[line - 2]):
                cost = min(cost, two_above[column - 2] + 1)
            row.append(cost)
    return row[-1]
