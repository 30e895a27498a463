"""`compare LAB --agents A B …`: the options of a lab, and of all agents named, are made from their configurations."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sandbox.cli.commands.run import ByAgent, LabCommand, LabCommands, lab_parameters
from sandbox.cli.options import (
    ConfigOption,
    again,
    command_line,
    config_layer,
    config_parameters,
    json_option,
    normalized,
    own_options,
    store_option,
)
from sandbox.config.model import choice_kind, nested
from sandbox.config.resolve import choice_kind_of, finder_of, merge, read_file, registered_config
from sandbox.errors import SandboxError, UsageError
from sandbox.registry.registrar import Entry, canonical
from sandbox.registry.registry import registry
from sandbox.runs.api import MOST_THREADS

if TYPE_CHECKING:
    from sandbox.comparison.api import Comparison, ComparisonProgress


FEW = 10
"""Seeds below which more are proposed."""


class ComparedLabs(LabCommands):
    """One command for each lab, made when it is asked for."""

    verb = "compare"

    def labs(self) -> list[Entry]:
        """The labs that have agents."""
        return [entry for entry in registry().entries("lab") if has_agents(entry)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of the lab named first; its options depend on the agents named."""
        entry = registry().find("lab", args[0])
        words, agents = taken_agents(normalized(args[1:]))
        return entry.name, lab_command(entry.name, agents, words), words


def has_agents(entry: Entry) -> bool:
    """Whether a lab's configuration picks an agent; a lab that cannot be loaded has none."""
    if entry.agents is not None:
        return entry.agents
    try:
        return choice_kind_of(registry().lab(entry.name).Config, "agent") == "agent"
    except SandboxError:
        return False


@click.group(cls=ComparedLabs, no_args_is_help=True)
def compare() -> None:
    """Compare agents on a lab: each learns with every seed; finished runs are used again.

    python -m sandbox compare maze --agents sarsa q-learning --seeds 10
    """


def taken_agents(words: list[str]) -> tuple[list[str], list[str]]:
    """The words without `--agents A B …`, and the agents: all words until the next option, also with commas between."""
    rest: list[str] = []
    agents: list[str] = []
    taking = False
    for word in words:
        if word == "--agents" or word.startswith("--agents="):
            taking = True
            agents += word.partition("=")[2].split(",")
        elif taking and not word.startswith("-"):
            agents += word.split(",")
        else:
            taking = False
            rest.append(word)
    return rest, [agent for agent in agents if agent]


def lab_command(name: str, agents: Sequence[str], words: list[str]) -> click.Command:
    """The command that compares agents on one lab.

    Args:
        name: the lab's name.
        agents: as they were named.
        words: the command line behind the lab, without the agents.
    """
    lab = registry().lab(name)
    parameters = [one for one in lab_parameters(name, lab, words) if one.option.path[0] != "agent"]
    parameters += _agent_parameters(lab.Config, agents)
    presets = "|".join(dict.fromkeys(["default", *lab.presets]))
    own = own_options(
        click.option(
            "--agents", metavar="NAME...", help="Who: names, LABEL=NAME, or configuration files."
        ),
        click.option(
            "--seeds",
            type=int,
            default=10,
            show_default=True,
            metavar="N",
            help="Runs of each agent.",
        ),
        click.option("--seed", type=int, default=0, show_default=True, help="The first seed."),
        click.option(
            "--set",
            "own",
            multiple=True,
            metavar="LABEL.OPTION=VALUE",
            help="An option of one agent; may be repeated.",
        ),
        click.option(
            "--preset",
            metavar=presets,
            default="default",
            show_default=True,
            help="Settings to begin with.",
        ),
        click.option(
            "--config",
            "file",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Settings of all, over the preset.",
        ),
        click.option(
            "--fresh", is_flag=True, help="Make all runs anew instead of using finished ones."
        ),
        click.option(
            "--pictures/--no-pictures",
            default=False,
            show_default=True,
            help="Whether new runs make pictures.",
        ),
        click.option(
            "--output",
            metavar="DIR",
            type=click.Path(path_type=Path, file_okay=False),
            help="Folder of page and document.",
        ),
        click.option(
            "--workers",
            type=click.IntRange(0, MOST_THREADS),
            default=0,
            metavar="N",
            help="Processes to start (Dask) [default: none].",
        ),
        click.option(
            "--scheduler",
            default="",
            metavar="tcp://HOST:PORT",
            help="A running Dask cluster; the store must be on a shared folder.",
        ),
        click.option(
            "--track",
            multiple=True,
            metavar="NAME",
            help="An observer to tell of every new run; may be repeated.",
        ),
        click.option(
            "--threads",
            type=click.IntRange(1, MOST_THREADS),
            metavar="N",
            help="For numerical libraries [default: all cores].",
        ),
        click.option(
            "--device",
            type=click.Choice(["cpu", "cuda", "mps", "auto"]),
            default="cpu",
            show_default=True,
            help="For labs that can.",
        ),
        click.option(
            "--data",
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            metavar="DIR",
            help="Folder of data files.",
        ),
        store_option,
        json_option,
    )

    def carry_out(**values: Any) -> int:
        return _carry_out(name, agents, config_layer(parameters, values), values)

    def settings(given: Mapping[str, Any], layer: Mapping[str, Any]) -> ByAgent:
        from sandbox.comparison.request import Wish, values_in_force

        layers = [read_file(Path(given["file"])), layer] if given.get("file") else [layer]
        of_one = _own_options(given.get("own", ()))
        return values_in_force(Wish(name, agents, given.get("preset", "default"), layers, of_one))

    about = f"Compare agents on the lab {name}."
    return LabCommand(name, own, parameters, carry_out, about, settings)


def _agent_parameters(config: Any, agents: Sequence[str]) -> list[ConfigOption]:
    """The options of all agents named, each once; who is unknown is said later, with everything else that is wrong."""
    info = config.model_fields.get("agent")
    if info is None or choice_kind(info) != "agent":
        return []
    find = finder_of(info, registered_config)
    made: dict[str, ConfigOption] = {}
    for word in agents or [info.default]:
        try:
            for parameter in config_parameters(
                find("agent", canonical(_agent_of(word))), {}, ("agent",)
            ):
                made.setdefault(parameter.option.name, parameter)
        except SandboxError:
            continue
    return list(made.values())


def _agent_of(word: str) -> str:
    """The agent's name that a word of --agents means."""
    name = word.rpartition("=")[2]
    if not name.endswith((".toml", ".json")):
        return name
    agent = read_file(Path(name)).get("agent", "")
    return str(agent.get("name", "")) if isinstance(agent, Mapping) else str(agent)


def _own_options(words: Sequence[str]) -> dict[str, Any]:
    """`sarsa.alpha=0.1` as {"sarsa": {"alpha": "0.1"}}.

    Raises:
        UsageError: naming all that are not like this.
    """
    wrong = [word for word in words if "=" not in word or "." not in word.partition("=")[0]]
    if wrong:
        raise UsageError(
            f"--set {', '.join(wrong)}: expected LABEL.OPTION=VALUE, such as --set sarsa.alpha=0.1"
        )
    own: dict[str, Any] = {}
    for word in words:
        path, _, value = word.partition("=")
        label, _, option = path.partition(".")
        own = merge(own, nested((label, *option.replace("-", "_").split(".")), value))
    return own


def _carry_out(
    name: str, agents: Sequence[str], layer: dict[str, Any], values: dict[str, Any]
) -> int:
    from sandbox.comparison.api import Interrupted, carried
    from sandbox.comparison.request import Wish
    from sandbox.runs import api
    from sandbox.runs.loop import Settings
    from sandbox.store.store import Store

    layers = [read_file(values["file"])] if values["file"] else []
    own = _own_options(values["own"])
    wish = Wish(
        name, agents, values["preset"], [*layers, layer], own, values["device"], values["data"]
    )
    request = api.Request(
        name,
        seed=values["seed"],
        threads=values["threads"],
        track=values["track"],
        command=command_line(),
    )
    settings = Settings(pictures=values["pictures"])
    try:
        made = carried(
            wish,
            request,
            values["seeds"],
            Store(values["store"]),
            settings,
            fresh=values["fresh"],
            output=values["output"],
            workers=values["workers"],
            scheduler=values["scheduler"],
            progress=None if values["as_json"] else _progress(),
        )
    except Interrupted as stopped:
        again = "the same command without --fresh" if values["fresh"] else "the same command"
        click.echo(
            f"\nStopped: {stopped.progress.done} of {stopped.progress.total} runs are done and kept; {again} goes on.",
            err=True,
        )
        return 130
    return _print(made, values["as_json"])


def _progress() -> Callable[[ComparisonProgress], None]:
    """Says on standard error how far it is: on a terminal in one line that changes, elsewhere now and then."""
    terminal = sys.stderr.isatty()

    def told(progress: ComparisonProgress) -> None:
        if not progress.label:
            fresh = progress.total - progress.reused
            there = (
                f"{progress.reused} of {progress.total} runs are there already; "
                if progress.reused
                else ""
            )
            click.echo(
                f"{there}{fresh} {'run' if fresh == 1 else 'runs'} to make"
                if fresh
                else f"All {progress.total} runs are there already.",
                err=True,
            )
        elif terminal:
            end = "\r\x1b[K" if progress.done == progress.total else ""
            click.echo(
                f"\r\x1b[K{progress.done} of {progress.total}: {progress.label}, seed {progress.seed}{end}",
                nl=False,
                err=True,
            )
        elif progress.done % 10 == 0 and progress.done < progress.total:
            click.echo(f"{progress.done} of {progress.total} runs done", err=True)

    return told


def _print(made: Comparison, as_json: bool) -> int:
    from sandbox.cli.output import next_commands, print_json, shown_path
    from sandbox.comparison.api import DOCUMENT, PAGE

    failed = any(run.status != "finished" for runs in made.runs.values() for run in runs)
    page = (made.folder / PAGE).resolve()
    if as_json:
        print_json({**made.document(), "page": str(page)})
        return 1 if failed else 0
    _print_table(made)
    best = made.standings.ranked[0]
    click.echo(
        f"Page: {shown_path(page)}   Document: {shown_path((made.folder / DOCUMENT).resolve())}"
    )
    run = (["show", best.runs[0].run], f"a run of {best.label}")
    if len(made.seeds) < FEW:
        next_commands(
            (again({"--seeds": str(FEW)}, without=["--fresh"]), "the same with more seeds"), run
        )
    else:
        next_commands(run, (["list"], "all runs"))
    return 1 if failed else 0


def _print_table(made: Comparison) -> None:
    """The table, what it says in words, and what limits it."""
    import shutil

    from sandbox.comparison.report import answers, cells, score_marks
    from sandbox.comparison.results import figure

    width = min(max(shutil.get_terminal_size((118, 24)).columns, 60), 118)
    finding, *others = answers(made)
    click.echo(click.style(_wrapped(finding, width), bold=True))
    click.echo()
    _print_agents([cells(made, one) for one in made.standings.ranked], width)
    click.echo()
    standings = made.standings
    best = (
        ""
        if standings.optimum is None
        else f" Best possible: {figure(standings.optimum)}, {standings.optimum_is}."
    )
    marks = score_marks(made)
    click.echo(
        _wrapped(
            f"IQM: mean of the middle half of the seeds' {standings.score.replace('_', ' ')}{f'; {marks}' if marks else ''}. Mean, median, gap "
            f"and pairs are on the page.{best}",
            width,
        )
    )
    for sentence in [*others, *(f"Note: {warning}" for warning in made.warnings)]:
        click.echo(_wrapped(sentence, width))


def _wrapped(text: str, width: int) -> str:
    return click.wrap_text(text, width=width, subsequent_indent="  ")


def _print_agents(rows: list[dict[str, str]], width: int) -> None:
    """The agents as a table, or, where that is wider than the screen, each in lines of its own."""
    from sandbox.cli.output import pairs, table
    from sandbox.comparison.report import COLUMNS

    shown = [column for column in COLUMNS if column not in ("mean", "median", "gap to optimum")]
    needed = sum(max(len(column), *(len(row[column]) for row in rows)) + 2 for column in shown) - 2
    if needed <= width:
        table(shown, [[row[column] for column in shown] for row in rows], right=shown[1:])
        return
    for row in rows:
        click.echo(click.style(row["agent"], bold=True))
        pairs((column, row[column]) for column in shown[1:])
