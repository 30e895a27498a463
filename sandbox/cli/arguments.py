"""The words of the command line: read before click parses them, repeated in the next command."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Collection, Mapping, Sequence

import click


def normalized(arguments: Sequence[str]) -> list[str]:
    """The words with `-` for `_` in the names of options; words after `--` stay as they are."""
    rest = list(arguments)
    stop = rest.index("--") if "--" in rest else len(rest)
    return [_normal(word) for word in rest[:stop]] + rest[stop:]


def _normal(word: str) -> str:
    name, equals, value = word.partition("=")
    return name.replace("_", "-") + equals + value if word.startswith("--") else word


def spread(arguments: Sequence[str], option: str) -> list[str]:
    """`--grid A B` as `--grid A --grid B`, which click reads as several values.

    Args:
        arguments: the words of a command line.
        option: takes all words until the next option: "--grid".
    """
    rest: list[str] = []
    inside = False
    for word in arguments:
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            rest += [option, word] if inside else [word]
        else:
            inside = name == option
            rest += [word] if not inside else [option, value] if equals else []
    return [*rest, option] if arguments[-1:] == [option] else rest


def taken_out(
    arguments: Sequence[str], names: Collection[str]
) -> tuple[list[str], list[tuple[str, str | None]]]:
    """The words without some options, and these options with their values.

    Words after `--` stay as they are.

    Args:
        arguments: the words of a command line.
        names: options that have a value: "--agent".

    Returns:
        The other words, and name and value of each option; None for a value that is missing.
    """
    rest: list[str] = []
    taken: list[tuple[str, str | None]] = []
    following = iter(arguments)
    for word in following:
        name, equals, value = word.partition("=")
        if word == "--":
            rest += [word, *following]
        elif name in names:
            taken.append((name, value if equals else next(following, None)))
        else:
            rest.append(word)
    return rest, taken


def picked(arguments: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """The last value of each of some options ("agent"), read before the command line is parsed."""
    _, taken = taken_out(arguments, [f"--{name}" for name in names])
    return {name[2:]: value for name, value in taken if value is not None}


def command_line() -> str:
    """The exact command line, as it can be typed again."""
    program = os.path.basename(sys.argv[0])
    head = [program] if program == "sandbox" else ["python", "-m", "sandbox"]
    return shlex.join([*head, *words()])


def words() -> list[str]:
    """The words after `python -m sandbox`, as they were given."""
    context = click.get_current_context(silent=True)
    given = context.find_root().obj if context is not None else None
    return list(given) if isinstance(given, list) else sys.argv[1:]


def option_given(name: str) -> str:
    """The value that an option ("store") was last given on the command line; "" for none."""
    return picked(words(), [name]).get(name, "")


def given_below(prefix: str) -> list[str]:
    """The options on the command line with a prefix in their names ("--env."), and their values."""
    kept: list[str] = []
    waiting = False  # for the value of the option before
    for word in words():
        if word.startswith(prefix) or (waiting and not word.startswith("--")):
            kept.append(word)
        waiting = word.startswith(prefix) and "=" not in word
    return kept


def again(given: Mapping[str, str], without: Sequence[str] = ()) -> list[str]:
    """The words of this command, with other values of some options.

    Args:
        given: option -> value, replaced in its place, else added: {"--seeds": "10"}; "" leaves the
            option out.
        without: flags that are left out.
    """
    rest, _ = taken_out(words(), given)
    kept = [word for word in rest if word not in without]
    return kept + [part for option in given.items() if option[1] for part in option]
