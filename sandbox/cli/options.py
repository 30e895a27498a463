"""Options that several commands share, and options built from configurations."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import click

from sandbox.cli.arguments import command_line
from sandbox.config.model import LabConfig, Layer, show_value
from sandbox.config.options import Option, options
from sandbox.config.resolve import layer_of, read_file
from sandbox.lab import Lab
from sandbox.runs.request import DEVICES, MOST_THREADS, Request
from sandbox.store import Store
from sandbox.text import Document

Decorator = Callable[[Any], Any]
"""An option of click, written over a function."""


class Seconds(click.FloatRange):
    """A time in seconds, at least `min`; infinity is allowed, NaN is not."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, in the range."""
        seconds = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value} is no time in seconds.", param, ctx)
        return seconds


SECONDS = Seconds(min=0)
FOLDER = click.Path(path_type=Path, file_okay=False)
THREADS, WORKERS = (click.IntRange(least, MOST_THREADS) for least in (1, 0))


class OutputOption(click.Option):
    """`--output`. Its older name `--out` works too, hidden from help."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The option under its own name alone."""
        record = super().get_help_record(ctx)
        return record and (record[0].replace(", --out", ""), record[1])


def output_option(what: str, default: str, *, folder: bool = False) -> Decorator:
    """Where a command's files go.

    Args:
        what: what is written there.
        default: where it is written without the option.
        folder: whether it is a folder rather than a file.
    """

    def refuse_folder(
        ctx: click.Context, param: click.Parameter, value: Path | None
    ) -> Path | None:
        if value is not None and not folder and os.path.isdir(value):
            raise click.BadParameter(f"{value} is a folder: name a file in it.", ctx, param)
        return value

    return click.option(
        "--output",
        "--out",
        cls=OutputOption,
        callback=refuse_folder,
        metavar="DIR" if folder else "FILE",
        type=click.Path(path_type=Path, file_okay=not folder),
        help=f"{what} [default: {default}].",
    )


run_argument = click.argument("run", default="last")
store_option = click.option(
    "--store",
    metavar="DIR",
    callback=lambda _context, _option, place: Store(place),
    help="Folder of runs [default: $SANDBOX_STORE, else runs].",
)
json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON document on standard output and nothing else there.",
)
max_time_option = click.option(
    "--max-time",
    type=SECONDS,
    metavar="SECONDS",
    help="Stop after this time; `resume` continues.",
)
checkpoint_option = click.option(
    "--checkpoint-every",
    type=SECONDS,
    metavar="SECONDS",
    default=30.0,
    help="Time between checkpoints of a run.",
)
render_option = click.option(
    "--render",
    type=click.Choice(["auto", "human", "gif", "none"]),
    default="auto",
    help="A window, a GIF, or nothing.",
)
stay_option = click.option(
    "--stay/--no-stay",
    default=None,
    help="Keep the window open at the end [default: on a terminal].",
)
watch_option = click.option(
    "--watch",
    type=click.Choice(["episodes", "steps"]),
    default="episodes",
    help="What the window shows of learning: episodes now and then, or single updates.",
)
track_option = click.option(
    "--track",
    multiple=True,
    metavar="NAME",
    help="An observer of each run, such as tensorboard; may be repeated.",
)
worker_options = (
    click.option(
        "--workers",
        type=WORKERS,
        default=0,
        show_default=False,
        metavar="N",
        help="Processes to start [default: none].",
    ),
    click.option(
        "--scheduler",
        default="",
        show_default=False,
        metavar="tcp://HOST:PORT",
        help="A running Dask cluster; the store must be on a shared folder.",
    ),
)


def data_option(default: str = "") -> Decorator:
    """The folder of data files; `default` says in the help where they are without the option."""
    return click.option(
        "--data",
        type=click.Path(path_type=Path, exists=True),
        metavar="PATH",
        help=f"Folder of data files, or the one file that a lab reads{default}.",
    )


def pictures_option(default: bool) -> Decorator:
    """Whether runs make pictures."""
    return click.option(
        "--pictures/--no-pictures",
        default=default,
        help="Make pictures at the end of each run.",
    )


def request_options(
    lab: Lab, seeds: int, seeds_help: str, *, pictures: bool, threads: int | None = None
) -> list[Decorator]:
    """The options of each command that runs a lab; `requested` reads them.

    Args:
        lab: the lab.
        seeds: the number of seeds without the option, >= 1.
        seeds_help: what the seeds are for.
        pictures: whether runs make pictures without the option.
        threads: threads of each run without the option; None lets the lab choose.
    """
    presets = "|".join(dict.fromkeys(["default", *lab.presets]))
    chosen = "" if threads else " [default: 1 for a small network, else all cores]"
    return [
        click.option(
            "--preset",
            metavar=presets,
            default="default",
            help="Settings to begin with.",
        ),
        click.option(
            "--config",
            "file",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Settings from a TOML or JSON file, over the preset.",
        ),
        click.option("--seed", type=int, default=0, help="The first seed, 0 or more."),
        click.option("--seeds", type=int, default=seeds, metavar="N", help=seeds_help),
        pictures_option(pictures),
        checkpoint_option,
        click.option(
            "--threads",
            type=THREADS,
            default=threads,
            metavar="N",
            help=f"For numerical libraries, in each run{chosen}.",
        ),
        click.option(
            "--device",
            type=click.Choice(DEVICES),
            default="cpu",
            help="For labs that can use one.",
        ),
        data_option(),
        store_option,
        json_option,
    ]


def layers_given(file: str | Path | None, layer: Layer) -> list[Layer]:
    """Settings over the preset, weakest first: those of a file, and those of the command line."""
    return [read_file(Path(file)), layer] if file else [layer]


def requested(lab: str, layer: Layer, values: Layer) -> Request:
    """The request that a command line makes.

    Args:
        lab: the lab's name.
        layer: options of the lab, as a layer of configuration.
        values: the values of `request_options`, by the names of their parameters.
    """
    return Request(
        lab,
        values["preset"],
        layers_given(values["file"], layer),
        values["seed"],
        values["seeds"],
        threads=values["threads"],
        device=values["device"],
        data=values["data"],
        full_metrics=values.get("full_metrics", False),
        track=values.get("track", ()),
        command=command_line(),
    )


def own_options(*decorators: Decorator) -> list[click.Parameter]:
    """Options written as decorators, as the list that `click.Command` takes."""
    command: Any = click.command()(
        reduce(lambda function, decorate: decorate(function), reversed(decorators), lambda: None)
    )
    return list(command.params)


class ConfigOption(click.Option):
    """A click option that knows its place in the configuration.

    Args:
        option: the option of the configuration.
    """

    def __init__(self, option: Option) -> None:
        self.option, name = option, option.name
        metavar = None if option.flag else option.metavar
        if option.flag:
            head, dot, tail = name.rpartition(".")
            name = f"{name}/--{head}{dot}no-{tail}"
        identifier = "config_" + "__".join(option.path)
        super().__init__([f"--{name}", identifier], default=None, metavar=metavar)
        self.show_defaults({})

    def show_defaults(self, values: Mapping[str, Layer]) -> None:
        """Show in the help the values in effect when the option is not given.

        Args:
            values: whole configurations as plain values, by compared agent, or a single one under
                "". An option that is in none of them keeps its own default.
        """
        known: Document = {}
        for agent, value in values.items():
            with contextlib.suppress(KeyError, TypeError):  # it is in a choice that was not made
                for part in self.option.setting:
                    value = value[part]
                known[agent] = value
        known = known or {"": self.option.default}
        groups: dict[str, list[str]] = {}
        for agent, value in known.items():
            groups.setdefault(show_value(value), []).append(agent)
        each = [f"{text} ({', '.join(agents)})" for text, agents in groups.items()]
        shown = ", ".join(groups if len(groups) == 1 else each)
        nothing = all(value is None for value in known.values())
        self.help = self.option.help + ("" if nothing else f" [default: {shown}]")


def config_parameters(
    config: type[LabConfig], chosen: dict[str, str], prefix: tuple[str, ...] = ()
) -> list[ConfigOption]:
    """A click option for every option of a configuration; the configuration validates the values.

    Args:
        config: the model.
        chosen: for choices, the name picked on the command line.
        prefix: before the name of every option: ("env",) gives `--env.size`.
    """
    return [ConfigOption(option) for option in options(config, chosen, path=prefix)]


def config_layer(parameters: Sequence[click.Parameter], values: Layer) -> Document:
    """The options given on the command line, as a layer of configuration."""
    given = [
        (parameter.option, value)
        for parameter in parameters
        if isinstance(parameter, ConfigOption)
        and (value := values.get(parameter.name or "")) is not None
    ]
    return layer_of((option.setting, value) for option, value in given)
