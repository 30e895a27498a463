"""Commands that work on any of our environments, and what they share: an environment named on the command line, with its options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from sandbox.cli.options import config_layer, config_parameters, normalized
from sandbox.config import resolve
from sandbox.registry import registry


class EnvironmentCommands(click.Group):
    """One command for each registered environment; its options are those of `run`: `--env.OPTION`.

    Args:
        carry_out: called with the environment's name, its class, its configuration, and the values of the own options.
        own: options that do not belong to the environment.
    """

    def __init__(self, *arguments: Any, carry_out: Callable[..., int], own: list[click.Parameter], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._carry_out, self._own = carry_out, own

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The environments' names."""
        return [entry.name for entry in registry().entries("env")]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The environments with their summaries, without importing them."""
        with formatter.section("Environments"):
            formatter.write_dl([(entry.name, entry.summary) for entry in registry().entries("env")])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of the environment named first."""
        entry = registry().find("env", args[0])
        env_class = registry().load("env", entry.name)
        parameters = config_parameters(env_class.Config, {}, prefix=("env",))

        def carry_out(**values: Any) -> int:
            layer = config_layer(parameters, values).get("env", {})
            config = resolve(env_class.Config, [layer], f"environment '{entry.name}'", prefix="env.")
            return self._carry_out(
                entry.name, env_class, config, {name: value for name, value in values.items() if not name.startswith("config_")}
            )

        own_help = (self.help or "").replace("ENV", entry.name)
        return (
            entry.name,
            click.Command(entry.name, params=[*self._own, *parameters], callback=carry_out, help=own_help),
            normalized(args[1:]),
        )
