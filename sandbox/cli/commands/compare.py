"""`compare LAB --agents A B …`: options come from the configurations of lab and agents."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import click

from sandbox.cli.arguments import normalized, spread
from sandbox.cli.commands.run import LabCommands
from sandbox.cli.comparison_output import print_comparison
from sandbox.cli.options import (
    FOLDER,
    ConfigOption,
    config_parameters,
    layers_given,
    own_options,
    request_options,
    requested,
    track_option,
    worker_options,
)
from sandbox.cli.sweep_progress import counter
from sandbox.comparison import MARGIN, MAX_SEEDS
from sandbox.config.model import LabConfig, Layer
from sandbox.config.resolve import choice_kind_of, layer_of
from sandbox.errors import SandboxError, UsageError
from sandbox.lab import Lab
from sandbox.registry.registrar import Entry
from sandbox.registry.registry import registry
from sandbox.runs.request import Request
from sandbox.text import Document, plural

if TYPE_CHECKING:
    from sandbox.comparison.api import Comparison
    from sandbox.comparison.planned import ComparisonProgress


class ComparedLabs(LabCommands):
    """One command for each lab that has agents."""

    verb, several = "compare", "--agents"

    def labs(self) -> list[Entry]:
        """The labs that have agents."""
        return [entry for entry in registry().entries("lab") if has_agents(entry)]

    def about(self, name: str, lab: Lab) -> str:
        """The help of a lab's command."""
        return f"Compare agents on the lab {name}."

    def own_options(self, lab: Lab) -> list[click.Parameter]:
        """The options of every comparison, whatever the lab."""
        return own_options(
            click.option(
                "--agents",
                multiple=True,
                metavar="NAME...",
                help="What to compare: names, NAME:stock, LABEL=NAME, or configuration files.",
            ),
            click.option(
                "--set",
                "own",
                multiple=True,
                metavar="LABEL.OPTION=VALUE",
                help="An option of one agent; may be repeated.",
            ),
            click.option(
                "--given",
                multiple=True,
                metavar="FILE",
                help="Results of others as CSV, shown beside the runs; may be repeated.",
            ),
            click.option(
                "--tasks",
                multiple=True,
                metavar="TASK...",
                help="Instead of LAB: compare on several tasks, with normalised scores. Labs, "
                "LAB:ENVIRONMENT, LAB:PRESET, LABEL=TASK, or configuration files with `lab`.",
            ),
            click.option(
                "--optimum",
                "optima",
                multiple=True,
                metavar="TASK=SCORE",
                help="The score that counts as 1, where a task's optimum is unknown; may be "
                "repeated.",
            ),
            click.option(
                "--until-decided",
                is_flag=True,
                help="Add --seeds at a time until every pair of agents is decided.",
            ),
            click.option(
                "--margin",
                type=float,
                default=MARGIN,
                help="Difference that counts as none, a share of the optimum.",
            ),
            click.option(
                "--max-seeds",
                type=int,
                default=MAX_SEEDS,
                metavar="N",
                help="Most runs of each agent, with --until-decided.",
            ),
            click.option(
                "--fresh",
                is_flag=True,
                help="Run everything again instead of reusing finished runs.",
            ),
            click.option(
                "--output",
                metavar="DIR",
                type=FOLDER,
                help="Folder of page and document.",
            ),
            click.option(
                "--export",
                metavar="DIR",
                type=FOLDER,
                help="Figures (PDF, SVG), their data, tables (CSV, LaTeX) and a text for a paper.",
            ),
            track_option,
            *worker_options,
            *request_options(lab, 10, "Runs of each agent.", pictures=False),
        )

    def lab_options(self, name: str, lab: Lab, words: list[str]) -> list[ConfigOption]:
        """The options of the lab and of all agents named."""
        every = super().lab_options(name, lab, words)
        agents = [value for word, value in pairwise(words) if word == self.several]
        of_lab = [option for option in every if option.option.path[0] != "agent"]
        of_agents, problems = _agent_parameters(lab.Config, _several(agents))
        known = {f"--{option.option.name}" for option in of_agents}
        given = {word.partition("=")[0] for word in words if word.startswith("--agent.")}
        if problems and given - known:  # the options of an agent that is not there are unknown
            raise UsageError("\n".join(problems))
        return of_lab + of_agents

    def values_in_effect(
        self, name: str, lab: Lab, given: Layer, layer: Layer
    ) -> Mapping[str, Layer]:
        """The configurations of the agents that are compared, by label."""
        from sandbox.comparison.request import ComparisonRequest, values_in_force

        layers = layers_given(given.get("file"), layer)
        request = Request(name, given.get("preset", "default"), layers)
        agents, own = _several(given.get("agents", ())), _own_options(given.get("own", ()))
        return values_in_force(ComparisonRequest(request, agents, own))

    def execute(self, name: str, layer: Layer, values: Layer) -> int:
        """Run the comparison and return the exit code."""
        from sandbox.comparison.api import compare_agents
        from sandbox.comparison.planned import Interrupted
        from sandbox.comparison.request import ComparisonRequest
        from sandbox.comparison.tasks import compare_on_tasks
        from sandbox.comparison.until_decided import seed_plan
        from sandbox.execution.scheduler import Workers
        from sandbox.runs.loop import Settings
        from sandbox.runs.paper import exported_before

        request = requested(name, layer, values)
        wanted = ComparisonRequest(
            request,
            _several(values["agents"]),
            _own_options(values["own"]),
            values["given"],
            _several(values["tasks"]),
            _optima(values["optima"]),
            seed_plan(values["until_decided"], request, values["margin"], values["max_seeds"]),
        )
        if values["export"] is not None:
            exported_before(values["export"])  # a foreign folder is refused before anything runs
        make: Callable[..., Comparison] = compare_on_tasks if wanted.tasks else compare_agents
        try:
            comparison = make(
                wanted,
                values["store"],
                Settings(values["checkpoint_every"], pictures=values["pictures"]),
                Workers(values["workers"], values["scheduler"]),
                fresh=values["fresh"],
                output=values["output"],
                progress=None if values["as_json"] else _progress(),
            )
        except Interrupted as stopped:
            done, total = stopped.progress.done, stopped.progress.total
            same = "the same command without --fresh" if values["fresh"] else "the same command"
            click.echo(
                f"\nStopped: {done} of {total} runs are done and kept; {same} continues.", err=True
            )
            return 130
        if values["export"] is not None:
            comparison.export(values["export"])
        return print_comparison(comparison, values["as_json"], values["export"])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """With --tasks, the options are those of the first task's lab."""
        words = spread(normalized(args), "--tasks")
        if any(word.partition("=")[0] == "--tasks" for word in args):
            if not args[0].startswith("-"):
                raise UsageError(
                    f"compare {args[0]} --tasks: the labs are among the tasks. Leave '{args[0]}' "
                    f"out, or say `--tasks {args[0]} …`."
                )
            tasks = [value for word, value in pairwise(words) if word == "--tasks"]
            args = [_first_lab(_several(tasks)), *words]
        return super().parse_args(ctx, args)


def _first_lab(tasks: Sequence[str]) -> str:
    """The lab of the first task that can be read.

    Raises:
        UsageError: when no task names a lab.
    """
    from sandbox.comparison.tasks import NO_TASKS, task_of

    problems = []
    for word in tasks:
        try:
            return task_of(word).lab
        except SandboxError as error:  # if another can be read, it is reported with all errors
            problems.append(f"{word}: {error}")
    raise UsageError("\n".join(problems) or NO_TASKS)


def _several(words: Sequence[str]) -> list[str]:
    """The values of --agents or --tasks, with spaces or commas between them."""
    return [value for word in words for value in word.split(",") if value]


def _optima(words: Sequence[str]) -> Document:
    """`gym:cartpole=500` as {"gym:cartpole": 500.0}; what is no number is refused later."""
    optima: Document = {}
    for word in words:
        label, _, value = word.rpartition("=")
        optima[label] = value
        with contextlib.suppress(ValueError):
            optima[label] = float(value)
    return optima


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

    python -m sandbox compare --tasks maze empty-grid gym:Taxi-v4 --agents sarsa q-learning
    """


def _agent_parameters(
    config: type[LabConfig], agents: Sequence[str]
) -> tuple[list[ConfigOption], list[str]]:
    """The options of all agents named, each once, and what is wrong with agents; that is reported
    later, with all other errors."""
    from sandbox.comparison.request import known_agents

    by_name: dict[str, ConfigOption] = {}
    problems: list[str] = []
    for _, model in known_agents(config, agents, problems):
        with contextlib.suppress(SandboxError):
            for parameter in config_parameters(model, {}, ("agent",)):
                by_name.setdefault(parameter.option.name, parameter)
    return list(by_name.values()), problems


def _own_options(words: Sequence[str]) -> Document:
    """`sarsa.alpha=0.1` as {"sarsa": {"alpha": "0.1"}}.

    Raises:
        UsageError: naming all words that do not have this form.
    """
    wrong = [word for word in words if "=" not in word or "." not in word.partition("=")[0]]
    if wrong:
        raise UsageError(
            f"--set {', '.join(wrong)}: expected LABEL.OPTION=VALUE, such as --set sarsa.alpha=0.1"
        )
    own = []
    for word in words:
        path, _, value = word.partition("=")
        label, _, option = path.partition(".")
        own.append(((label, *option.replace("-", "_").split(".")), value))
    return layer_of(own)


def _progress() -> Callable[[ComparisonProgress], None]:
    """Shows on standard error how far a comparison is."""
    line = counter("runs done")

    def show(progress: ComparisonProgress) -> None:
        total, reused = progress.total, progress.reused
        if progress.label:
            line(progress.done, total, f"{progress.label}, seed {progress.seed}")
        elif total == reused:
            click.echo(f"All {total} runs are there already.", err=True)
        else:
            there = f"{reused} of {total} runs are there already; " if reused else ""
            click.echo(f"{there}{plural(total - reused, 'run')} to make", err=True)

    return show
