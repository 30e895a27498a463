"""The request: a lab, settings, seeds and where to compute. A sweep is a request and a space, a
comparison is a request and agents."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.config.model import Chosen, LabConfig, Layer, dump
from sandbox.config.resolve import resolve
from sandbox.errors import UnknownNameError, UsageError
from sandbox.input_files import listed
from sandbox.lab import Lab
from sandbox.registry.registrar import Entry
from sandbox.registry.registry import registry

MOST_SEEDS = 1_000_000
"""Of one run, sweep or comparison."""
MOST_THREADS = 1024
"""Of one run, and worker processes."""

DEVICES = ("cpu", "cuda", "mps", "auto")


def whole_number(option: str, value: Any) -> int:
    """A value as an int, NumPy's kinds included.

    Raises:
        UsageError: when it is not a whole number; names the option.
    """
    with suppress(TypeError):
        if not isinstance(value, bool):
            return operator.index(value)
    raise UsageError(f"{option} {value!r}: it should be a whole number.")


@dataclass(frozen=True)
class Request:
    """What to run.

    Attributes:
        lab: the lab's name.
        preset: one of the lab's presets.
        layers: settings that override the preset, weakest first.
        seed: the first seed, >= 0.
        seeds: how many seeds learn together in a run, or one after the other in a sweep or
            comparison, >= 1.
        full_metrics: whether each of many seeds that learn together keeps its own metrics.
        threads: for numerical libraries; None lets the lab choose. A lab that does not choose gets
            all cores that this process may use.
        device: "cpu", "cuda", "mps", or "auto".
        data: folder of data files, or the one file that a lab reads; None for what the lab finds.
        track: names of observers; "NAME=TEXT" passes a text on to one that takes it.
        command: the command line, for the record.
        id: the run's id, if a sweep or comparison has already chosen it; "" creates one.
    """

    lab: str
    preset: str = "default"
    layers: Sequence[Layer] = field(default_factory=list)
    seed: int = 0
    seeds: int = 1
    full_metrics: bool = False
    threads: int | None = None
    device: str = "cpu"
    data: Path | None = None
    track: Sequence[str] = ()
    command: str = ""
    id: str = ""

    def __post_init__(self) -> None:
        for name in ("seed", "seeds", "threads"):
            if name != "threads" or self.threads is not None:
                object.__setattr__(self, name, whole_number(f"--{name}", vars(self)[name]))
        if self.device not in DEVICES:
            raise UsageError(f"--device {self.device!r}: it should be {', '.join(DEVICES)}.")
        if self.data is not None and not self.data.exists():
            raise UsageError(f"--data {self.data}: there is no such file or folder.")
        for layer in self.layers:
            if not isinstance(layer, Mapping):
                raise UsageError(
                    f'config = {layer!r}: it should be settings by name: {{"episodes": 100}}.'
                )
        object.__setattr__(self, "track", listed(self.track))

    @property
    def data_place(self) -> str:
        """Where the data are, as records keep it; "" without a folder."""
        return str(self.data.resolve()) if self.data else ""

    def wrong_numbers(self) -> list[str]:
        """A sentence, without its full stop, for each number that is out of its range."""
        ranges = {
            "--seed": (self.seed, 0, 2**63 - min(max(self.seeds, 1), MOST_SEEDS)),
            "--seeds": (self.seeds, 1, MOST_SEEDS),
            "--threads": (1 if self.threads is None else self.threads, 1, MOST_THREADS),
        }
        return [
            f"{option} {value}: it should be from {least} to {most}"
            for option, (value, least, most) in ranges.items()
            if not least <= value <= most
        ]

    def check_numbers(self) -> None:
        """Raise UsageError for the first number that is out of its range."""
        for wrong in self.wrong_numbers():
            raise UsageError(f"{wrong}.")


def label_of(config: LabConfig, preset: str) -> str:
    """What a run's id is formed from: its agent, or else its preset."""
    agent = dict(config).get("agent")
    return agent.name if isinstance(agent, Chosen) else preset


def resolved(request: Request) -> tuple[Entry, Lab, LabConfig]:
    """The lab's entry, a fresh instance, and its validated configuration.

    Raises:
        UsageError: when the lab, the preset or a value is wrong, or when a library or a file of
            data is missing.
    """
    request.check_numbers()
    entry = registry().find("lab", request.lab)
    lab = registry().lab(entry.name)
    if request.seeds > 1 and not lab.offers("build_many"):
        raise UsageError(
            f"Lab '{entry.name}' learns one seed at a time. Run it once for each --seed."
        )
    config = resolve(
        lab.Config,
        [preset_of(lab, entry.name, request.preset), *request.layers],
        f"lab '{entry.name}'",
    )
    config = resolve(lab.Config, [dump(config)], f"lab '{entry.name}'")  # as its record is read
    config.check_available(request.data)
    if request.seeds > 1 and (why := lab.not_together(config)):
        raise UsageError(f"--seeds {request.seeds}: {why}")
    return entry, lab, config


def preset_of(lab: Lab, lab_name: str, name: str) -> Layer:
    """The settings of a lab's preset; every lab has "default".

    Raises:
        UnknownNameError: when there is no such preset.
    """
    presets = {"default": {}, **lab.presets}
    if name not in presets:
        raise UnknownNameError("preset", name, presets, f"They belong to lab '{lab_name}'.")
    return dict(presets[name])
