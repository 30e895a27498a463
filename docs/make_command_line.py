"""Writes docs/command_line.md from the program's own help: `python docs/make_command_line.py`, or
`… -` to print it.

Every word in the blocks is what `--help` says, on a screen of 100 columns and without plugins from
outside.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

os.environ["SANDBOX_PLUGINS"] = "none"

from click.testing import CliRunner

from sandbox.cli import COMMANDS, cli
from sandbox.registry.registry import registry

PAGE = Path(__file__).with_name("command_line.md")
COLUMNS = 100
PROGRAM = "python -m sandbox"
EXAMPLE = {"sweep": "maze", "compare": "maze", "solve": "maze", "play": "maze", "new": "plugin"}
"""Commands whose options depend on the word that follows, and the word that stands for all."""
START = """# Command line

This page shows what `--help` says; `python docs/make_command_line.py` generates it. Options may be
written with `-` or `_`, and `RUN` is an id, the unique beginning of one, a folder, or `last`. Exit
codes: 0 done, 1 the run or a check failed, 2 wrong usage, 130 interrupted.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([START, *_sections()]).rstrip() + "\n"


def _sections() -> Iterator[str]:
    """A section for each command, and one for each lab."""
    yield _block()
    commands = [entry.name for entry in registry().entries("command", outside=False)]
    for name in [*COMMANDS, *commands]:
        if name == "run":
            yield f"## run\n\n{_block('run')}\n{''.join(_labs())}"
        elif name in EXAMPLE:
            yield f"## {name}\n\n{_block(name)}\n{_block(name, EXAMPLE[name])}"
        else:
            yield f"## {name}\n\n{_block(name)}"


def _labs() -> Iterator[str]:
    """The options that every run has, then each lab's own."""
    names = [entry.name for entry in registry().entries("lab", outside=False)]
    parts = {name: _help("run", name).split("\nRun:\n") for name in names}
    shared = [
        line
        for line in parts["maze"][1].splitlines(keepends=True)
        if not line.startswith("  --preset")
    ]
    yield f"\n### Options of every run\n\n```text\n{''.join(_from_option(shared))}```\n"
    for name, (own, rest) in parts.items():
        preset = next(line for line in rest.splitlines() if line.startswith("  --preset"))
        shown = preset.replace("  Settings to begin with.", "").rstrip()
        yield f"\n### run {name}\n\n```text\n{own}\n{shown}\n```\n"
    yield "\nOptions that begin with `--agent.` belong to the agent: "
    yield "`python -m sandbox run maze --agent dyna-q --help` shows those of another.\n"


def _from_option(lines: list[str]) -> list[str]:
    """Without what the option before left over."""
    return lines[next(number for number, line in enumerate(lines) if line.startswith("  -")) :]


def _block(*words: str) -> str:
    return f"```text\n{_help(*words)}```\n"


def _help(*words: str) -> str:
    """What a command says of itself."""
    said = CliRunner().invoke(
        cli, [*words, "--help"], prog_name=PROGRAM, terminal_width=COLUMNS, catch_exceptions=False
    )
    if said.exit_code:
        raise SystemExit(f"`{PROGRAM} {' '.join(words)} --help` failed: {said.output}")
    return "\n".join(line.rstrip() for line in said.output.splitlines()) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["-"]:
        sys.stdout.write(page())
    else:
        PAGE.write_text(page(), encoding="utf-8")
