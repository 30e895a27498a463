"""`run LAB`: options are made from the configurations of the lab and of what the words choose."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import click

from sandbox.cli.arguments import normalized, picked, spread
from sandbox.cli.options import (
    ConfigOption,
    config_layer,
    config_parameters,
    layers_given,
    max_time_option,
    own_options,
    render_option,
    request_options,
    requested,
    stay_option,
    track_option,
    watch_option,
)
from sandbox.config.model import Layer, choice_fields
from sandbox.config.resolve import chosen, in_force
from sandbox.errors import PluginError
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

    def about(self, name: str, lab: Lab) -> str:
        """The help of a lab's command."""
        return (type(lab).__doc__ or "").strip()

    def own_options(self, lab: Lab) -> list[click.Parameter]:
        """The options of the command itself, whatever the lab."""
        return own_options(
            click.option(
                "--full-metrics",
                is_flag=True,
                help="With --seeds, keep every seed's own metrics too.",
            ),
            render_option,
            watch_option,
            stay_option,
            max_time_option,
            track_option,
            *request_options(
                lab,
                1,
                "Learn N seeds together, from --seed on; metrics become bands.",
                pictures=True,
            ),
        )

    def lab_options(self, name: str, lab: Lab, words: list[str]) -> list[ConfigOption]:
        """The lab's own options, given what the command line chooses.

        Args:
            name: the lab's name.
            lab: the lab.
            words: the command line after it, already with `-` for `_`.
        """
        fields = choice_fields(lab.Config)
        given = picked(words, ["preset", "config", *fields])
        preset, file = preset_of(lab, name, given.pop("preset", "default")), given.pop("config", "")
        layers = [preset, *layers_given(file, {})]
        return config_parameters(lab.Config, chosen(lab.Config, layers) | given)

    def values_in_effect(
        self, name: str, lab: Lab, given: Layer, layer: Layer
    ) -> Mapping[str, Layer]:
        """Configurations, plain: of the agents that are compared, or one by "".

        Args:
            name: the lab's name.
            lab: the lab.
            given: options of the command itself.
            layer: options of the lab.
        """
        preset = preset_of(lab, name, given.get("preset", "default"))
        return {"": in_force(lab.Config, [preset, *layers_given(given.get("file"), layer)])}

    def execute(self, name: str, layer: Layer, values: Layer) -> int:
        """Execute the command and return the exit code.

        Args:
            name: the lab's name.
            layer: options of the lab.
            values: options of the command itself, by the names of their parameters.
        """
        from sandbox.cli.rendering import settings_given
        from sandbox.cli.report import print_executed
        from sandbox.runs import api

        request = requested(name, layer, values)
        resolved(request)  # everything wrong is reported before a window opens or a folder is made
        settings = settings_given(values)
        return print_executed(
            lambda: api.start(request, values["store"], settings),
            settings.viewer,
            as_json=values["as_json"],
        )

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of the lab named first; its options depend on the other words."""
        entry = registry().find("lab", args[0])
        words = normalized(args[1:])
        words = spread(words, self.several) if self.several else words
        return entry.name, LabCommand(self, entry.name, words), words


@click.group(cls=LabCommands, no_args_is_help=True)
def run() -> None:
    """Run a lab: learn, measure, make pictures, and keep everything."""


class LabCommand(click.Command):
    """A command on a lab. Its help has sections, and shows the values in effect as defaults.

    Args:
        group: the command that this is one lab's part of.
        name: the lab's.
        words: the command line after it, with `-` for `_` in the names of options.
    """

    def __init__(self, group: LabCommands, name: str, words: list[str]) -> None:
        lab = registry().lab(name)
        self._own, self._of_lab = group.own_options(lab), group.lab_options(name, lab, words)
        taken = {word for parameter in self._own for word in parameter.opts}
        for parameter in self._of_lab:
            if (word := parameter.opts[0]) in taken:
                raise PluginError(
                    f"Lab '{name}' has a setting for which '{word}' would stand, an option of the "
                    "command itself; rename it."
                )
        super().__init__(name, params=[*self._own, *self._of_lab], help=group.about(name, lab))
        self.callback = lambda **values: group.execute(
            name, config_layer(self._of_lab, values), values
        )
        self._values_in_effect = partial(group.values_in_effect, name, lab)
        self._words = list(words)  # for help, which is shown before they are processed

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
        with_all = self._values_in_effect(given, config_layer(self._of_lab, given))
        with_choices = self._values_in_effect(given, config_layer(choices, given))
        for parameter in self._of_lab:
            is_given = given.get(parameter.name or "") is not None
            parameter.show_defaults(with_choices if is_given else with_all)
