"""Prints results: tables, small text charts, and the next useful commands."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TextIO

import click

from sandbox.cli.arguments import option_given
from sandbox.registry.registry import registry
from sandbox.text import CONTROL, figures, number, plural, plus_minus, to_json, words

if TYPE_CHECKING:
    import numpy as np

    from sandbox.runs.view import Run
    from sandbox.store import RunFolder

BARS = "▁▂▃▄▅▆▇█"
NARROWEST = 40
"""Columns below which nothing is broken any further."""
ALONE = ("show", "list", "verify", "delete")
"""Commands that need no plugin to be loaded."""
WITHOUT_STORE = ("solve", "plugins", "new", "-p")
"""Commands that take no store."""
STDOUT, STDERR = 1, 2
"""Descriptors."""


_documents: list[IO[str]] = []
"""Standard output, while everything else that is printed goes to standard error."""


@contextlib.contextmanager
def only_documents() -> Iterator[None]:
    """Reserve standard output for `print_json`: the output of plugins, and of processes that they
    start, goes to standard error.
    """
    with _apart(sys.stdout) as stream:
        _documents.append(stream)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                yield
        finally:
            _documents.pop()


@contextlib.contextmanager
def _apart(stream: TextIO) -> Iterator[IO[str]]:
    """Standard output under a new descriptor, while descriptor 1 leads to standard error; any other
    stream unchanged.
    """
    try:
        os.fstat(STDERR)
        own = stream.fileno() == STDOUT
    except (OSError, ValueError, AttributeError):  # captured by a test, or closed
        own = False
    if not own:
        yield stream
        return
    stream.flush()
    kept = os.dup(STDOUT)
    os.dup2(STDERR, STDOUT)
    try:
        with open(
            kept, "w", encoding=stream.encoding, errors=stream.errors, closefd=False
        ) as documents:
            yield documents
    finally:
        with contextlib.suppress(OSError, ValueError):
            stream.flush()  # what was written past the redirection
        os.dup2(kept, STDOUT)
        os.close(kept)


def print_json(document: object, indent: int | None = 2) -> None:
    """One JSON document on standard output."""
    text = to_json(document, indent)
    stream = _documents[-1] if _documents else sys.stdout
    escaped = CONTROL.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
    click.echo(escaped, file=stream, nl=False)  # JSON escapes those below 32 itself


def width() -> int | None:
    """Columns of the screen that standard output goes to; None where it goes to a file or a
    program, which may be wide.
    """
    return max(shutil.get_terminal_size().columns, NARROWEST) if sys.stdout.isatty() else None


def wrapped(text: str, room: int | None) -> list[str]:
    """A text as lines that fit; broken at spaces only, so that no number and no name is torn apart.

    Args:
        text: one paragraph.
        room: available columns; None for no limit.
    """
    if room is None or len(text) <= room:
        return [text]
    return textwrap.wrap(text, max(room, 1), break_long_words=False, break_on_hyphens=False) or [""]


def rounded(value: float, error: float | None) -> str:
    """A number next to one with a standard error: no more digits than the error justifies, or four
    without an error.
    """
    return number(value, 4) if not error else plus_minus(value, error).partition(" ")[0]


def summary_rows(run: Run) -> list[tuple[str, str]]:
    """The figures of a run, by name; the score's row says how it was sampled."""
    rows, judged = dict(figures(run.summary)), run.score
    if judged is not None and judged.episodes is not None and words(judged.name) in rows:
        rows[words(judged.name)] = (
            f"{judged.text} (standard error, {plural(judged.episodes, 'episode')})"
        )
        for kind in ("iqm", "low", "high"):  # over seeds
            if isinstance(value := run.summary.get(f"{judged.name}_{kind}"), float):
                rows[words(f"{judged.name}_{kind}")] = rounded(value, judged.standard_error)
    return list(rows.items())


def fitting(parts: Sequence[str], between: str, room: int) -> str:
    """As many of the first parts as fit; no part is cut, since half a number is another number."""
    while len(parts) > 1 and len(between.join(parts)) > room:
        parts = parts[:-1]
    return between.join(parts)


def paragraph(text: str) -> None:
    """Print a text in lines that fit on the screen."""
    click.echo("\n".join(wrapped(text, width())))


def pairs(rows: Iterable[tuple[str, str]], whole: Sequence[str] = ()) -> None:
    """Print names and values in two columns; long values continue on the next line.

    Args:
        rows: names and values.
        whole: names whose values stay on one line, since they are there to be copied.
    """
    rows = list(rows)
    broad = max((len(name) for name, _ in rows), default=0)
    columns = width()
    room = columns - broad - 4 if columns else None
    for name, value in rows:
        first, *more = [value] if name in whole else wrapped(value, room)
        click.echo(f"  {name:<{broad}}  {first}".rstrip())
        for line in more:
            click.echo(f"  {'':<{broad}}  {line}")


def heading(text: str) -> None:
    """Print a heading, in lines that fit on the screen."""
    for line in wrapped(text, width()):
        click.secho(line, bold=True)


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    right: Sequence[str] = (),
    spare: Sequence[str] = (),
) -> None:
    """Print a table; if it is too wide for the screen, its longest texts take several lines.

    Args:
        columns: the headings.
        rows: values; values that are not text are shown as numbers.
        right: columns that are aligned to the right.
        spare: columns that are left out, one by one, where the whole table is too wide.
    """
    cells = [list(columns)]
    cells += [[value if isinstance(value, str) else number(value) for value in row] for row in rows]
    for name in spare:
        if 0 < (width() or 0) < table_width(cells):
            place = cells[0].index(name)
            cells = [[*row[:place], *row[place + 1 :]] for row in cells]
    widths = _widths(cells)
    sides = [">" if column in right else "<" for column in cells[0]]

    def lines(row: Sequence[str]) -> str:
        parts = [wrapped(value, room) for value, room in zip(row, widths, strict=True)]
        filled = zip_longest(*parts, fillvalue="")
        return "\n".join(
            "  ".join(
                f"{value:{side}{room}}"
                for value, side, room in zip(line, sides, widths, strict=True)
            ).rstrip()
            for line in filled
        )

    click.secho(lines(cells[0]), bold=True)
    if cells[1:]:
        click.echo("\n".join(map(lines, cells[1:])))


def table_width(rows: Sequence[Sequence[str]]) -> int:
    """Characters that a table of these cells needs, where no text is wrapped."""
    return sum(max(map(len, column)) + 2 for column in zip(*rows, strict=True)) - 2


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """Widths of columns that fit on the screen together, if they can: the widest gives up room
    first, down to its longest word.
    """
    by_column = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in by_column]
    least = [
        max(len(word) for text in column for word in text.split() or [""]) for column in by_column
    ]
    room = width()
    while room and sum(widths) + 2 * (len(widths) - 1) > room:
        places = [place for place in range(len(widths)) if widths[place] > least[place]]
        if not places:
            break
        widths[max(places, key=lambda place: widths[place])] -= 1
    return widths


def known_mean(values: Sequence[float] | np.ndarray) -> float:
    """The mean of the finite values; NaN without any."""
    import numpy as np

    values = np.asarray(values, dtype=np.float64)
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan


def sparkline(values: np.ndarray, width: int = 60) -> str:
    """A line of text that rises and falls with the values: means of equal stretches, scaled from
    lowest to highest.
    """

    import numpy as np

    if not np.isfinite(values).any():
        return ""
    means = np.array(list(map(known_mean, np.array_split(values, min(width, len(values))))))
    low, high = np.nanmin(means), np.nanmax(means)
    scale = (
        (means - low) / (high - low) if high > low else means * 0 + 0.5
    )  # a missing value has no bar
    return "".join(
        " " if np.isnan(level) else BARS[min(int(level * len(BARS)), len(BARS) - 1)]
        for level in scale
    )


def next_commands(*commands: tuple[Sequence[str], str]) -> None:
    """Name the next useful commands, each with what it does, complete as they can be typed.

    Plugins that were given with `-p` are given again, and so is a store. A command is never broken,
    so that it can be copied; without room beside it, the explanation is printed below.

    Args:
        commands: the words of a command after `python -m sandbox`, and what it does.
    """
    click.echo()
    typed = [
        shlex.join(["python", "-m", "sandbox", *command, *_given_again(command)])
        for command, _ in commands
    ]
    summaries = [what for _, what in commands]
    longest, columns = max(map(len, typed)), width()
    beside = columns is None or longest + 2 + max(map(len, summaries)) <= columns
    for line, what in zip(typed, summaries, strict=True):
        shown = click.style(line, fg="cyan") if sys.stdout.isatty() else line
        click.echo(
            f"{shown}{' ' * (longest - len(line))}  {what}" if beside else f"{shown}\n    {what}"
        )


def print_written(run: Run, path: Path, as_json: bool, why: str) -> None:
    """Say that a file of a run was written.

    Args:
        why: what `show` has beside it.
    """
    if as_json:
        print_json({"run": run.id, "file": str(path.resolve()), "size": path.stat().st_size})
    else:
        click.echo(f"Written: {shown_path(path.resolve())}")
        next_commands((["show", typed(run.folder)], why))


def typed(folder: RunFolder) -> str:
    """How to name a run in a command: by its folder where that was given, else by its id."""
    from sandbox.cli.arguments import words as given

    place = os.path.realpath(folder.path)
    return next((word for word in given() if os.path.realpath(word) == place), folder.id)


def _given_again(command: Sequence[str]) -> list[str]:
    """`-p FILE` for each plugin that came in one file, and `--store DIR`, where the command needs
    them and does not name them.
    """
    again: list[str] = []
    store, named = option_given("store"), [word.partition("=")[0] for word in command]
    if store and command[0] not in WITHOUT_STORE and "--store" not in named:
        again += ["--store", store]
    alone = command[0] in ALONE and "--recompute" not in command
    if not alone and "-p" not in command:
        again += [word for file in registry().files for word in ("-p", shown_path(Path(file)))]
    return again


def shown_path(path: Path) -> str:
    """A path as short as it can be typed from here."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)
    return relative if not relative.startswith("..") else str(path)
