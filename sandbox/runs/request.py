"""The request: a lab, settings, seeds and where to compute. A sweep is a request and a space, a
comparison is a request and agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.config.model import LabConfig
from sandbox.config.resolve import resolve
from sandbox.errors import UnknownNameError, UsageError
from sandbox.lab import Lab
from sandbox.registry.registrar import Entry
from sandbox.registry.registry import registry

MOST_SEEDS = 1_000_000
"""Of one run, sweep or comparison."""
MOST_THREADS = 1024
"""Of one run, and worker processes."""


@dataclass(frozen=True)
class Request:
    """What to run.

    Attributes:
        lab: the lab's name.
        preset: one of the lab's presets.
        layers: settings that override the preset, weakest first.
        seed: >= 0; of many seeds the first.
        seeds: how many seeds learn together in a run, or one after the other in a sweep or
            comparison, >= 1.
        full_metrics: whether each of many seeds that learn together keeps its own metrics.
        threads: for numerical libraries; None lets the lab choose, else takes the cores that this
            process may use.
        device: "cpu", "cuda", "mps", or "auto".
        data: folder of data files, or None.
        track: names of observers; "NAME=TEXT" passes a text on to one that takes it.
        command: the command line, for the record.
        id: of the run, when a sweep or comparison chose it before; "" makes one.
    """

    lab: str
    preset: str = "default"
    layers: Sequence[Mapping[str, Any]] = field(default_factory=list)
    seed: int = 0
    seeds: int = 1
    full_metrics: bool = False
    threads: int | None = None
    device: str = "cpu"
    data: Path | None = None
    track: Sequence[str] = ()
    command: str = ""
    id: str = ""


def resolved(request: Request) -> tuple[Entry, Lab, LabConfig]:
    """The lab's entry, a fresh instance, and its validated configuration.

    Raises:
        UsageError: when the lab, the preset or a value is wrong, or when a library or a file of
            data is missing.
    """
    if not 0 <= request.seed < 2**63:
        raise UsageError(f"--seed {request.seed}: a seed is 0 or more, and below 2^63.")
    if not 1 <= request.seeds <= MOST_SEEDS:
        raise UsageError(
            f"--seeds {request.seeds}: at least one seed learns, and at most {MOST_SEEDS} do."
        )
    if not 1 <= (request.threads or 1) <= MOST_THREADS:
        raise UsageError(f"--threads {request.threads}: it should be from 1 to {MOST_THREADS}.")
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
    config.check_available(request.data)
    if request.seeds > 1 and (why := lab.not_together(config)):
        raise UsageError(f"--seeds {request.seeds}: {why}")
    return entry, lab, config


def preset_of(lab: Lab, lab_name: str, name: str) -> Mapping[str, Any]:
    """The settings of a lab's preset; every lab has "default".

    Raises:
        UnknownNameError: when there is no such preset.
    """
    presets = {"default": {}, **lab.presets}
    if name not in presets:
        raise UnknownNameError("preset", name, presets, f"They belong to lab '{lab_name}'.")
    return dict(presets[name])
