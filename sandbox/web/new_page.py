"""A form made from a lab's configuration; Start runs it as a process of its own."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from nicegui import run, ui

from sandbox.config.model import choice_fields, choice_kind, show_value, shown_settings
from sandbox.config.options import Option, options
from sandbox.config.resolve import chosen, in_force, layer_of
from sandbox.errors import ConfigError, SandboxError
from sandbox.registry.registry import registry
from sandbox.runs.request import Request, preset_of, resolved
from sandbox.web import layout
from sandbox.web.service import Service, Started

NAMED = re.compile(r"([\w.-]+)(?: = |: )")
"""The beginning of a sentence about a wrong value: its option."""
PLAIN = re.compile(r"[\w.-]+(\|[\w.-]+)+")
"""What an option takes where it is one of some words."""
OF_RUN = {"preset": "default", "seed": "0", "seeds": "1"}
"""What a run has beside the options of its lab, as it is where nothing is typed."""


async def show(service: Service, lab: str) -> None:
    """The page: all labs, or the form of one."""
    with layout.frame("New run", "New run"):
        if lab:
            try:
                form = Form(service, lab)
                form.draw()
                await form.check()
                return
            except SandboxError as error:
                layout.problem(error)
        layout.heading("New run")
        with ui.element("div").classes("charts"):
            for entry in registry().entries("lab"):
                with ui.link(target=f"/new?lab={entry.name}").classes("card"):
                    layout.heading(entry.name, 2)
                    layout.soft(entry.summary)


class Form:
    """The form of one lab.

    Args:
        service: the store.
        lab: the lab's name.
    """

    def __init__(self, service: Service, lab: str) -> None:
        self._service = service
        self._name = registry().find("lab", lab).name
        self._lab = registry().lab(lab)
        self._given: dict[str, str] = {}
        self._fields: dict[str, Any] = {}

    def draw(self) -> None:
        """The fields, the command and the button."""
        layout.heading(f"New run of {self._name}")
        layout.soft((type(self._lab).__doc__ or "").strip().partition("\n\n")[0])
        with layout.card("Run"), ui.element("div").classes("fields"):
            presets = list(dict.fromkeys(["default", *self._lab.presets]))
            self._field("preset", "settings to begin with", presets, "default")
            self._field("seed", "0 or more", [], "0")
            if self._lab.offers("build_many"):
                self._field("seeds", "how many learn together, from the seed on", [], "1")
        self._draw_options()
        with ui.element("div").classes("card start"):
            self._wrong = ui.label().classes("text-negative").style("white-space: pre-line")
            self._command = ui.label().classes("command")
            self._start = ui.button("Start", icon="play_arrow", on_click=self._begin)
            self._start.props("no-caps")

    @ui.refreshable_method
    def _draw_options(self) -> None:
        """A card for each group of options; they depend on the preset and on what is chosen."""
        preset = preset_of(self._lab, self._name, self._given.get("preset", "default"))
        config, given = self._lab.Config, self._given
        layers = [
            preset,
            {name: {"name": given[name]} for name in choice_fields(config) if name in given},
        ]
        self._options = list(options(config, chosen(config, layers)))
        known = {*OF_RUN, *(option.name for option in self._options)}
        self._given = {name: value for name, value in given.items() if name in known}
        usual = shown_settings(in_force(config, layers))
        groups: dict[str, list[Option]] = {}
        for option in self._options:
            single = len(option.path) == 1 and not option.choice
            groups.setdefault("lab" if single else option.path[0], []).append(option)
        for title, some in groups.items():
            with layout.card(title.capitalize()), ui.element("div").classes("fields"):
                for option in some:
                    self._option(option, usual)

    def _option(self, option: Option, usual: Mapping[str, str]) -> None:
        takes = "" if option.choice or option.flag else option.metavar
        words: list[str] = []
        if option.choice:
            kind = choice_kind(self._lab.Config.model_fields[option.path[0]]) or ""
            words = [entry.name for entry in registry().entries(kind)]
        elif option.flag:
            words = ["true", "false"]
        elif PLAIN.fullmatch(takes):
            words, takes = takes.split("|"), ""
        hint = f"{option.help} ({takes})" if takes else option.help
        self._field(option.name, hint, words, usual.get(option.name, show_value(option.default)))

    def _field(self, name: str, hint: str, words: list[str], usual: str) -> None:
        """One field: a list where there are words to choose from, which takes other words too."""
        label, value = name.partition(".")[2] or name, self._given.get(name)

        async def changed(event: Any) -> None:
            await self._changed(name, event.value)

        field: Any
        if words:
            words = list(dict.fromkeys([*words, *([value] if value else [])]))
            field = ui.select(
                words,
                label=label,
                value=value,
                with_input=True,
                new_value_mode="add-unique",
                clearable=True,
                on_change=changed,
            )
        else:
            field = ui.input(label, value=value or "", on_change=changed).props("debounce=300")
        field.props("outlined dense stack-label").props["hint"] = hint
        field.props["placeholder" if value is None else "data-usual"] = usual
        self._fields[name] = field

    async def _changed(self, name: str, value: str | None) -> None:
        self._given.pop(name, None)
        if value:
            self._given[name] = value
        if name == "preset" or name in choice_fields(self._lab.Config):
            self._draw_options.refresh()
        await self.check()

    def _request(self) -> Request:
        """The run that was typed."""
        layer = layer_of(
            (option.setting, self._given[option.name])
            for option in self._options
            if option.name in self._given
        )
        given = OF_RUN | self._given
        seed, seeds = (_whole(name, given[name]) for name in ("seed", "seeds"))
        return Request(self._name, given["preset"], [layer], seed, seeds)

    async def check(self) -> bool:
        """Whether the settings are right; errors are shown beside their fields."""
        problems: list[str] = []
        try:
            await run.io_bound(resolved, self._request())
        except ConfigError as error:
            problems = error.problems
        except SandboxError as error:
            problems = [str(error)]
        errors: dict[str, str] = {}
        others = []
        for sentence in problems:
            match = NAMED.match(sentence)
            if match and match[1] in self._fields:
                errors[match[1]] = sentence.removeprefix(match[0])
            else:
                others.append(sentence)
        for name, field in self._fields.items():
            field.error = errors.get(name)
        self._wrong.set_text("\n".join(others))
        self._command.set_text(shlex.join(["python", "-m", "sandbox", *self._words()]))
        self._start.set_enabled(not problems)
        return not problems

    def _words(self) -> list[str]:
        return ["run", self._name, *(f"--{name}={value}" for name, value in self._given.items())]

    async def _begin(self) -> None:
        """Start the run."""
        if not await self.check():
            return
        self._start.disable()
        with layout.notices():
            self._follow(self._service.start(self._words()))

    def _follow(self, started: Started) -> None:
        """Open the run's page once it has begun, or show why it ended."""
        ui.notify("Starting…")

        async def look() -> None:
            path = await run.io_bound(self._service.made_by, started)
            if path:
                timer.cancel()
                ui.navigate.to(layout.run_address(path))
            elif started.process.poll() is not None:
                timer.cancel()
                self._wrong.set_text(started.complaint() or "The process ended at once.")
                self._start.enable()

        timer = ui.timer(0.3, look)


def _whole(name: str, text: str) -> int:
    """A whole number that was typed.

    Raises:
        ConfigError: when it is not a whole number.
    """
    try:
        return int(float(text)) if float(text).is_integer() else int(text)
    except (ValueError, OverflowError):
        raise ConfigError(name, [f"{name} = {text}: it should be a whole number"]) from None
