"""The command group that `solve` and `play` share: one command for each environment, with its
options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from sandbox.cli.arguments import normalized
from sandbox.cli.options import config_layer, config_parameters
from sandbox.config.resolve import resolve
from sandbox.errors import UnknownNameError, UsageError, nearest
from sandbox.registry.registry import registry


class EnvironmentCommands(click.Group):
    """One command for each registered environment; its options are those of `run`: `--env.OPTION`.

    Args:
        name: the name of the group.
        execute: the function to run: called with the environment's name, its class, its
            configuration, and the values of the command's own options.
        own: options of the command itself rather than of the environment.
        about: help of the group; in a command's help, ENV is replaced by the environment's name.
        refusal: the error for environments of Gymnasium that are not ours; "" to accept them.
    """

    def __init__(
        self,
        name: str,
        *,
        execute: Callable[..., int],
        own: list[click.Parameter],
        about: str,
        refusal: str = "",
    ) -> None:
        super().__init__(name, help=about, no_args_is_help=True)
        self._execute, self._own, self._refusal = execute, own, refusal

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The environments' names."""
        return [entry.name for entry in registry().entries("env")]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The environments with their summaries, without importing them."""
        with formatter.section("Environments"):
            formatter.write_dl([(entry.name, entry.summary) for entry in registry().entries("env")])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of the environment named first."""
        name, env_class = self._environment(args[0])
        parameters = config_parameters(env_class.Config, {}, prefix=("env",))

        def execute(**values: Any) -> int:
            layer = config_layer(parameters, values).get("env", {})
            config = resolve(env_class.Config, [layer], f"environment '{name}'", prefix="env.")
            own = {key: value for key, value in values.items() if not key.startswith("config_")}
            return self._execute(name, env_class, config, own)

        own_help = (self.help or "").replace("ENV", name)
        return (
            name,
            click.Command(name, params=[*self._own, *parameters], callback=execute, help=own_help),
            normalized(args[1:]),
        )

    def _environment(self, name: str) -> tuple[str, Any]:
        """Find one of our environments, or else one of Gymnasium's.

        Raises:
            UnknownNameError: with the most similar name, of ours or of Gymnasium's.
            UsageError: when those of Gymnasium are not accepted.
        """
        try:
            entry = registry().find("env", name)
            return entry.name, registry().load("env", entry.name)
        except UnknownNameError as error:
            from agents.commands.environments import GymnasiumEnv
            from envs import ids

            try:
                foreign = GymnasiumEnv.of(name)
            except UnknownNameError:
                near = nearest(name, [*error.known, *ids.names()])
                raise (
                    UnknownNameError(
                        "env", name, [near], "`python -m sandbox list envs` shows ours."
                    )
                    if near
                    else error
                ) from None
            if self._refusal:
                raise UsageError(self._refusal.replace("ENV", foreign.Config.id)) from None
            return foreign.Config.id, foreign
