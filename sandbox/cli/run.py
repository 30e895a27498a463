"""`run LAB`: the options of a lab are made from its configuration and from the things chosen on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sandbox.api import preset
from sandbox.cli.options import command_line, config_layer, config_parameters, json_option, normalized, own_options, picked, store_option
from sandbox.config import choice_kind, read_file
from sandbox.errors import RunFailed
from sandbox.registry import registry


class LabCommands(click.Group):
    """One command for each lab, made when it is asked for."""

    verb = "run"

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The labs' names."""
        return [entry.name for entry in registry().entries("lab")]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The labs with their summaries, without importing them."""
        with formatter.section("Labs"):
            formatter.write_dl([(entry.name, entry.summary) for entry in registry().entries("lab")])
        formatter.write_paragraph()
        formatter.write_text(f"`python -m sandbox {self.verb} LAB --help` shows a lab's own options.")

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of the lab named first; its options depend on what the other words choose."""
        entry = registry().find("lab", args[0])
        words = normalized(args[1:])
        return entry.name, lab_command(entry.name, words), words


@click.group(cls=LabCommands, no_args_is_help=True)
def run() -> None:
    """Run a lab: learn, measure, make pictures, and keep everything."""


def lab_command(name: str, words: list[str]) -> click.Command:
    """The command that runs one lab.

    Args:
        name: the lab's name.
        words: the command line behind it, already with `-` for `_`.
    """
    lab = registry().lab(name)
    parameters = lab_parameters(name, lab, words)
    own = _run_options(lab)

    def carry_out(**values: Any) -> int:
        return _carry_out(name, config_layer(parameters, values), values)

    command = LabCommand(name, params=[*own, *parameters], callback=carry_out, help=(type(lab).__doc__ or "").strip())
    command.own, command.of_lab = own, parameters
    return command


def lab_parameters(name: str, lab: Any, words: list[str]) -> list[click.Parameter]:
    """The lab's own options, given what the command line chooses.

    Args:
        name: the lab's name.
        lab: the lab.
        words: the command line behind it, already with `-` for `_`.
    """
    choices = [field for field, info in lab.Config.model_fields.items() if choice_kind(info)]
    given = picked(words, ["preset", "config", *choices])
    layers = [preset(lab, name, given.pop("preset", "default"))]
    if "config" in given:
        layers.append(read_file(Path(given.pop("config"))))
    names = [(field, value.get("name") if isinstance(value, dict) else value) for layer in layers for field, value in layer.items()]
    chosen = {field: value for field, value in names if field in choices and isinstance(value, str)} | given
    return list(config_parameters(lab.Config, chosen))


class LabCommand(click.Command):
    """Shows its help in sections: the lab's options first, then how the run is carried out."""

    own: list[click.Parameter]
    of_lab: list[click.Parameter]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One section for the lab itself, one for each group of its options, one for the run."""
        sections: dict[str, list[click.Parameter]] = {}
        for parameter in self.of_lab:
            path = parameter.option.path  # type: ignore[attr-defined]
            title = "Lab" if len(path) == 1 and not parameter.option.choice else f"{path[0].capitalize()}"  # type: ignore[attr-defined]
            sections.setdefault(title, []).append(parameter)
        for title, parameters in [*sections.items(), ("Run", [*self.own, *_given(self.get_help_option(ctx))])]:
            records = [record for parameter in parameters if (record := parameter.get_help_record(ctx))]
            with formatter.section(title):
                formatter.write_dl(records)


def _given(option: click.Option | None) -> list[click.Parameter]:
    return [option] if option else []


def _run_options(lab: Any) -> list[click.Parameter]:
    """The options that every run has, whatever the lab."""
    presets = "|".join(dict.fromkeys(["default", *getattr(lab, "presets", {})]))

    return own_options(
        click.option("--preset", metavar=presets, default="default", show_default=True, help="Settings to begin with."),
        click.option("--seed", type=int, default=0, show_default=True, help="Of all random generators, 0 or more."),
        click.option("--seeds", type=int, default=1, metavar="N", help="Learn N seeds together, from --seed on; metrics become bands."),
        click.option("--full-metrics", is_flag=True, help="With --seeds, keep every seed's own metrics too."),
        click.option(
            "--config", "file", metavar="FILE", type=click.Path(path_type=Path), help="Settings from a TOML or JSON file, over the preset."
        ),
        click.option(
            "--render",
            type=click.Choice(["auto", "human", "gif", "none"]),
            default="auto",
            show_default=True,
            help="A window, a GIF, or nothing.",
        ),
        click.option("--pictures/--no-pictures", default=True, show_default=True, help="Make pictures at the end."),
        click.option("--max-time", type=click.FloatRange(min=0), metavar="SECONDS", help="Stop after this time; `resume` goes on."),
        click.option(
            "--checkpoint-every",
            type=click.FloatRange(min=0),
            metavar="SECONDS",
            default=30.0,
            show_default=True,
            help="Time between checkpoints.",
        ),
        click.option("--track", multiple=True, metavar="NAME", help="An observer to tell of everything; may be repeated."),
        click.option(
            "--threads",
            type=click.IntRange(min=1),
            metavar="N",
            help="For numerical libraries [default: 1 for a small network, else all cores].",
        ),
        click.option(
            "--device",
            type=click.Choice(["cpu", "cuda", "mps", "auto"]),
            default="cpu",
            show_default=True,
            help="For labs that can use one.",
        ),
        click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="DIR", help="Folder of data files."),
        store_option,
        json_option,
    )


def _carry_out(name: str, layer: dict[str, Any], values: dict[str, Any]) -> int:
    from sandbox import api
    from sandbox.cli.rendering import viewer_for
    from sandbox.cli.report import print_run
    from sandbox.loop import Settings
    from sandbox.store.store import Store

    layers = [read_file(values["file"])] if values["file"] else []
    request = api.Request(
        name,
        values["preset"],
        [*layers, layer],
        values["seed"],
        seeds=values["seeds"],
        full_metrics=values["full_metrics"],
        threads=values["threads"],
        device=values["device"],
        data=values["data"],
        track=values["track"],
        command=command_line(),
    )
    api.resolved(request)  # everything wrong is said before a window opens or a folder is made
    as_json = values["as_json"]
    settings = Settings(
        checkpoint_seconds=values["checkpoint_every"],
        max_time=values["max_time"],
        pictures=values["pictures"],
        animation=values["render"] != "none",
        observers=[] if as_json else [progress()],
        viewer=viewer_for(values["render"], as_json),
    )
    try:
        finished = api.start(request, Store(values["store"]), settings)
    except RunFailed as error:
        if as_json and error.run is not None:
            print_run(error.run, as_json=True)
        raise
    return print_run(finished, as_json=as_json)


def progress() -> Any:
    """The observer that shows how far a run is."""
    from sandbox.cli.progress import Progress

    return Progress()
