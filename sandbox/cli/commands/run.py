"""`run LAB`: options are made from the configurations of the lab and of what the words choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from sandbox.cli.arguments import normalized, picked, spread
from sandbox.cli.options import (
    ConfigOption,
    config_layer,
    config_parameters,
    max_time_option,
    own_options,
    render_option,
    request_options,
    requested,
    track_option,
)
from sandbox.config.model import choice_fields
from sandbox.config.resolve import in_force, laid_over, read_file
from sandbox.lab import Lab
from sandbox.registry.registrar import Entry
from sandbox.registry.registry import registry
from sandbox.runs.request import preset_of, resolved


class LabCommands(click.Group):
    """One command for each lab, made when it is used.

    Attributes:
        verb: the command's name.
        several: an option that takes all words until the next option; "" for none.
    """

    verb, several = "run", ""

    def labs(self) -> list[Entry]:
        """The labs that the command is for."""
        return registry().entries("lab")

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The labs' names."""
        return [entry.name for entry in self.labs()]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The labs with their summaries, without importing them."""
        with formatter.section("Labs"):
            formatter.write_dl([(entry.name, entry.summary) for entry in self.labs()])
        formatter.write_paragraph()
        formatter.write_text(
            f"`python -m sandbox {self.verb} LAB --help` shows a lab's own options."
        )

    def lab_command(self, lab: str, words: list[str]) -> click.Command:
        """The command for one lab.

        Args:
            lab: its name.
            words: the command line after it, with `-` for `_` in the names of options.
        """
        return lab_command(lab, words)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of the lab named first; its options depend on the other words."""
        entry = registry().find("lab", args[0])
        words = normalized(args[1:])
        words = spread(words, self.several) if self.several else words
        return entry.name, self.lab_command(entry.name, words), words


@click.group(cls=LabCommands, no_args_is_help=True)
def run() -> None:
    """Run a lab: learn, measure, make pictures, and keep everything."""


def lab_command(name: str, words: list[str]) -> click.Command:
    """The command that runs one lab.

    Args:
        name: the lab's name.
        words: the command line after it, already with `-` for `_`.
    """
    lab = registry().lab(name)
    parameters = lab_parameters(name, lab, words)
    about, settings = (type(lab).__doc__ or "").strip(), one_configuration(name, lab)
    return LabCommand(name, _run_options(lab), parameters, _execute, about, settings)


def lab_parameters(name: str, lab: Lab, words: list[str]) -> list[ConfigOption]:
    """The lab's own options, given what the command line chooses.

    Args:
        name: the lab's name.
        lab: the lab.
        words: the command line after it, already with `-` for `_`.
    """
    given = picked(words, ["preset", "config", *choice_fields(lab.Config)])
    layers = settings_below(name, lab, given.pop("preset", "default"), given.pop("config", None))
    below = laid_over(lab.Config, layers)
    chosen = {field: below[field]["name"] for field in choice_fields(lab.Config) if field in below}
    return config_parameters(lab.Config, chosen | given)


def settings_below(
    name: str,
    lab: Lab,
    preset_name: str,
    file: str | Path | None,
) -> list[Mapping[str, Any]]:
    """The layers that are weaker than the command line: preset and file."""
    return [preset_of(lab, name, preset_name)] + ([read_file(Path(file))] if file else [])


ByAgent = Mapping[str, Mapping[str, Any]]
"""Configurations, plain: of the agents that are compared, or one by ""."""
Settings = Callable[[Mapping[str, Any], Mapping[str, Any]], ByAgent]
"""(options of the command itself, options of the lab as a layer) -> the values that hold."""


def one_configuration(name: str, lab: Lab) -> Settings:
    """The values in effect, for a command that has one configuration."""

    def settings(own: Mapping[str, Any], layer: Mapping[str, Any]) -> ByAgent:
        below = settings_below(name, lab, own.get("preset", "default"), own.get("file"))
        return {"": in_force(lab.Config, [*below, layer])}

    return settings


class LabCommand(click.Command):
    """A command on a lab. Its help has sections, and shows the values in effect as defaults.

    Args:
        name: the lab's.
        own: options of the command itself.
        of_lab: options of the lab.
        execute: executes the command and returns the exit code; it gets the lab's name, its
            options as a layer of configuration, and the options of the command.
        about: its help.
        settings: computes the values in effect.
    """

    def __init__(
        self,
        name: str,
        own: list[click.Parameter],
        of_lab: list[ConfigOption],
        execute: Callable[[str, dict[str, Any], dict[str, Any]], int],
        about: str,
        settings: Settings,
    ) -> None:
        super().__init__(name, params=[*own, *of_lab], help=about)
        self.callback = lambda **values: execute(name, config_layer(of_lab, values), values)
        self._own, self._of_lab, self._settings = own, of_lab, settings
        self._words: list[str] = []

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words; help, which is shown before they are processed, needs them too."""
        self._words = list(args)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One section for the lab itself, one for each group of its options, one for the run."""
        self._show_defaults(ctx)
        sections: dict[str, list[click.Parameter]] = {}
        for parameter in self._of_lab:
            path = parameter.option.path
            of_itself = len(path) == 1 and not parameter.option.choice
            sections.setdefault("Lab" if of_itself else path[0].capitalize(), []).append(parameter)
        help_option = self.get_help_option(ctx)
        sections["Run"] = self._own + ([help_option] if help_option else [])
        for title, parameters in sections.items():
            records = [
                record for parameter in parameters if (record := parameter.get_help_record(ctx))
            ]
            with formatter.section(title):
                formatter.write_dl(records)

    def _show_defaults(self, ctx: click.Context) -> None:
        """Show the values in effect with these words; for an option among them, its value without
        it.
        """
        given, _, _ = self.make_parser(ctx).parse_args(list(self._words))
        choices = [parameter for parameter in self._of_lab if parameter.option.choice]
        with_all = self._settings(given, config_layer(self._of_lab, given))
        with_choices = self._settings(given, config_layer(choices, given))
        for parameter in self._of_lab:
            is_given = given.get(parameter.name or "") is not None
            parameter.show_defaults(with_choices if is_given else with_all)


def _run_options(lab: Lab) -> list[click.Parameter]:
    """The options of every run, whatever the lab."""
    return own_options(
        click.option(
            "--full-metrics", is_flag=True, help="With --seeds, keep every seed's own metrics too."
        ),
        render_option,
        max_time_option,
        track_option,
        *request_options(
            lab, 1, "Learn N seeds together, from --seed on; metrics become bands.", pictures=True
        ),
    )


def _execute(name: str, layer: dict[str, Any], values: dict[str, Any]) -> int:
    from sandbox.cli.rendering import viewer_for
    from sandbox.cli.report import print_executed
    from sandbox.runs import api
    from sandbox.runs.loop import Settings
    from sandbox.store.store import Store

    request = replace(requested(name, layer, values), full_metrics=values["full_metrics"])
    resolved(request)  # everything wrong is reported before a window opens or a folder is made
    as_json = values["as_json"]
    settings = Settings(
        checkpoint_seconds=values["checkpoint_every"],
        max_time=values["max_time"],
        pictures=values["pictures"],
        animation=values["render"] != "none",
        observers=[] if as_json else [progress()],
        viewer=viewer_for(values["render"], as_json),
    )
    return print_executed(
        lambda: api.start(request, Store(values["store"]), settings), as_json=as_json
    )


def progress() -> Any:
    """The observer that shows how far a run is."""
    from sandbox.cli.progress import RunProgress

    return RunProgress()
