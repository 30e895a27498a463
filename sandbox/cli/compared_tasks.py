"""`compare LAB --agents A B …`, and `compare --tasks C D … --agents A B …`, whose options are those
that all labs of the tasks have."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

from sandbox.cli.arguments import again, normalized, spread, words
from sandbox.cli.commands.compare import (
    FEW,
    ComparedLabs,
    echo,
    made,
    options_of_agents,
    print_agents,
    several,
)
from sandbox.cli.commands.run import LabCommand
from sandbox.cli.options import ConfigOption, own_options, requested
from sandbox.cli.output import next_commands, print_json, shown_path
from sandbox.config.model import Layer, option_name, show_value
from sandbox.errors import SandboxError, UsageError
from sandbox.lab import Lab
from sandbox.registry.registry import registry
from sandbox.text import flat

if TYPE_CHECKING:
    from sandbox.comparison.tasks import Task, TasksComparison

OWN = ("--tasks", "--optimum", "--output")
"""Options without a meaning for a single task; each takes a value."""


def tasks_command(given: list[str]) -> click.Command:
    """The command of a comparison on several tasks.

    Args:
        given: the command line after `compare`, with one value after each --tasks and --agents.

    Raises:
        UsageError: when no task can be read.
    """
    from sandbox.comparison.tasks import task_of

    tasks: list[Task] = []
    problems: list[str] = []
    for word in several([value for name, value in pairwise(given) if name == "--tasks"]):
        try:
            tasks.append(task_of(word))
        except SandboxError as error:  # reported later, with all other errors
            problems.append(f"{word}: {error}")
    if not tasks:
        problems = problems or ["--tasks: name at least one, such as `--tasks maze empty-grid`"]
        raise UsageError("\n".join(problems))
    return LabCommand(ComparedTasks(tasks), tasks[0].lab, given)


class ComparedTasks(ComparedLabs):
    """Makes the command for some tasks, as if they were one lab.

    Args:
        tasks: those that can be read, at least one.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        super().__init__()
        self.tasks = tasks

    def about(self, name: str, lab: Lab) -> str:
        """The help of the command."""
        return (
            "Compare agents on several tasks. Scores are normalised: 0 is the score of uniformly "
            f"random actions, 1 the optimum. Tasks: {', '.join(one.label for one in self.tasks)}."
        )

    def own_options(self, lab: Lab) -> list[click.Parameter]:
        """The options of a comparison, and those of several tasks."""
        return [
            *own_options(
                click.option(
                    "--tasks",
                    multiple=True,
                    metavar="TASK...",
                    help="LAB, LAB:ENVIRONMENT, LAB:PRESET, or files with `lab` and its settings; "
                    "LABEL=TASK names one.",
                ),
                click.option(
                    "--optimum",
                    multiple=True,
                    metavar="TASK=SCORE",
                    help="The score that becomes 1, where the optimum is unknown; may be repeated.",
                ),
            ),
            *[one for one in super().own_options(lab) if one.name != "given"],
        ]

    def lab_options(self, name: str, lab: Lab, words: list[str]) -> list[ConfigOption]:
        """The options that all labs have, but those of environments; and those of all agents."""
        of_labs: list[dict[str, ConfigOption]] = []
        of_agents: dict[str, ConfigOption] = {}
        for task in self.tasks:
            preset = ["--preset", task.preset] if task.preset else []
            with contextlib.suppress(UsageError):  # reported later, with all other errors
                every = super().lab_options(task.lab, registry().lab(task.lab), [*words, *preset])
                by_name = {one.option.name: one for one in every}
                agents = {key: one for key, one in by_name.items() if one.option.path[0] == "agent"}
                of_agents = agents | of_agents
                of_labs.append(
                    {
                        key: one
                        for key, one in by_name.items()
                        if one.option.path[0] not in ("agent", "env")
                    }
                )
        shared = of_labs[0].keys() if of_labs else set()
        for options in of_labs:
            shared = shared & options.keys()
        return [of_labs[0][key] for key in sorted(shared)] + list(of_agents.values())

    def values_in_effect(
        self, name: str, lab: Lab, given: Mapping[str, Any], layer: Layer
    ) -> Mapping[str, Layer]:
        """The configurations of the agents on each task."""
        every: dict[str, Layer] = {}
        for task in self.tasks:
            on_task = {**given, **({"preset": task.preset} if task.preset else {})}
            with contextlib.suppress(UsageError):
                values = super().values_in_effect(
                    task.lab, registry().lab(task.lab), on_task, {**task.layer, **layer}
                )
                every |= {f"{agent} on {task.label}": one for agent, one in values.items()}
        return every

    def execute(self, name: str, layer: dict[str, Any], values: dict[str, Any]) -> int:
        """Run the comparison and return the exit code."""
        from sandbox.comparison.request import ComparisonRequest
        from sandbox.comparison.tasks import TasksRequest, compare_on_tasks

        shared = ComparisonRequest(
            requested("", layer, values),
            several(values["agents"]),
            options_of_agents(values["own"]),
        )
        wanted = TasksRequest(
            shared,
            several(values["tasks"]),
            _optima(values["optimum"]),
            {task.label: _alone(task) for task in self.tasks},
        )
        comparison = made(compare_on_tasks, wanted, values)
        return 130 if comparison is None else _print(comparison, values["as_json"])


def _optima(given: Sequence[str]) -> dict[str, float]:
    """`gym:cartpole=500` as {"gym:cartpole": 500.0}.

    Raises:
        UsageError: naming all words that do not have this form.
    """
    optima, wrong = dict[str, float](), list[str]()
    for word in given:
        label, _, value = word.rpartition("=")
        try:
            optima[label] = float(value)
        except ValueError:
            label = ""
        wrong += [word] * (not label)
    if wrong:
        raise UsageError(
            f"--optimum {', '.join(wrong)}: expected TASK=SCORE, such as --optimum gym:cartpole=500"
        )
    return optima


def _alone(task: Task) -> str:
    """The command line that compares on one task alone, with the words of this one."""
    rest: list[str] = []
    following = iter(spread(normalized(words()[1:]), "--tasks"))
    for word in following:
        option, equals, _ = word.partition("=")
        if option not in OWN:
            rest.append(word)
        elif not equals:
            next(following, None)
    rest += ["--preset", task.preset] if task.preset else []
    for path, value in flat(task.layer).items():
        rest.append(f"--{option_name(path).removesuffix('.name')}={show_value(value)}")
    return shlex.join(["python", "-m", "sandbox", "compare", task.lab, *rest])


def _print(comparison: TasksComparison, as_json: bool) -> int:
    from sandbox.comparison.report import answers, tasks_cells
    from sandbox.comparison.results import figure
    from sandbox.store.comparisons import DOCUMENT, PAGE

    every = [run for one in comparison.tasks.values() for runs in one.runs.values() for run in runs]
    page = (comparison.folder / PAGE).resolve()
    if as_json:
        print_json({**comparison.document(), "page": str(page)})
    else:
        finding, *others = answers(comparison)
        echo(finding, bold=True)
        click.echo()
        print_agents([tasks_cells(one) for one in comparison.results.ranked])
        click.echo()
        scales = [
            f"{task} {scale.random.text} and {figure(scale.best)}"
            for task, scale in comparison.scales.items()
        ]
        echo(f"Scores that become 0 (random actions) and 1 (optimum): {'; '.join(scales)}.")
        for sentence in others + [f"Note: {warning}" for warning in comparison.warnings]:
            echo(sentence)
        click.echo(f"Page: {shown_path(page)}   Document: {shown_path(page.with_name(DOCUMENT))}")
        more = again({"--seeds": str(FEW)}, without=["--fresh"]), "the same with more seeds"
        whole = ["show", comparison.id], "the same again"
        next_commands(*[more] * (len(comparison.seeds) < FEW), whole)
    return 1 if any(run.status != "finished" for run in every) else 0


class Comparing(ComparedLabs):
    """One command for each lab that has agents, and one for several tasks."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Words that begin with an option are those of several tasks."""
        given = any(word.partition("=")[0] == "--tasks" for word in args)
        return super().parse_args(ctx, ["--", *args] if given else args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """See `LabCommands.resolve_command`; without a lab, the command of several tasks."""
        words = spread(spread(normalized(args), "--agents"), "--tasks")
        if "--tasks" not in words:
            return super().resolve_command(ctx, args)
        if not args[0].startswith("-"):
            raise UsageError(
                f"compare {args[0]} --tasks: the labs are among the tasks. Leave '{args[0]}' out, "
                f"or say `--tasks {args[0]} …`."
            )
        return "--tasks", tasks_command(words), words


@click.group(cls=Comparing, no_args_is_help=True)
def compare() -> None:
    """Compare agents on a lab: each learns with every seed; finished runs are used again.

    python -m sandbox compare maze --agents sarsa q-learning --seeds 10

    On several tasks together, with scores normalised by random actions and the optimum:

    python -m sandbox compare --tasks maze empty-grid gym:Taxi-v4 --agents sarsa q-learning
    """
