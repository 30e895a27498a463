"""Runs for claims: finished experiments without a run folder, one at a time in each process."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agents.supervised.config import TrainingConfig
from envs.datasets.images import folder_of
from sandbox.lab import Context
from sandbox.runs.api import Request, resolved, threads_of
from sandbox.runs.work import work_of
from sandbox.seeding import Generators

_LOCK = threading.Lock()
"""torch has one generator for the whole process."""


def finished(
    lab: str, preset: str, settings: Mapping[str, Any], seed: int, folder: Path | None = None
) -> Any:
    """Run an experiment of a lab to its end; the result is not cached.

    Args:
        lab: its name.
        preset: one of its presets.
        settings: settings that override the preset's.
        seed: the seed of the run.
        folder: of data files; where it has no MNIST, the images of the user's cache are taken, and
            downloaded if they are missing.
    """
    with _LOCK:
        data = None if folder is None else folder_of("mnist", folder)
        _, lab_object, config = resolved(Request(lab, preset, [settings], data=data))
        assert isinstance(config, TrainingConfig)
        threads = threads_of(lab_object, config)
        context = Context(  # without artifacts
            seed,
            Generators(seed),
            None,  # type: ignore[arg-type]
            data=data,
            threads=threads,
        )
        work = work_of(lab_object, context)
        experiment = work.build(lambda context: lab_object.build(config, context))
        while not experiment.done:
            work.advance()
        return experiment
