"""Run: a run in the store, with its record, metrics, artifacts, experiment and agent."""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from sandbox.config.model import LabConfig, choice_kind, choices
from sandbox.config.resolve import config_of_choice, resolve
from sandbox.errors import CheckpointError, UnknownNameError
from sandbox.lab import Context, Experiment, Lab, Summary
from sandbox.registry.registry import registry
from sandbox.runs.work import Work, build, work_of
from sandbox.score import Score, score_of
from sandbox.seeding import Generators
from sandbox.store import Metrics, RunFolder, RunRecord
from sandbox.store.files import Directory
from sandbox.text import Document
from sandbox.visual import html

KINDS = {".png": "image/png", ".gif": "image/gif", ".svg": "image/svg+xml"}
"""Endings of pictures, and what they are."""


class Run:
    """A run in the store, as it was when it was first read; `load` it again to see what came since.

    Args:
        folder: its folder.
        experiment: the run's experiment, if the run has just ended.

    Example:
        >>> from sandbox import load, run
        >>> run("maze", agent="sarsa", episodes=1500, pictures=False).status
        'finished'
        >>> again = load("last")
        >>> again.agent.q.shape  # [states, actions]
        (100, 5)
        >>> ("stay", "right", "left", "down", "up")[again.agent.act(99)]  # the start cell
        'up'
        >>> again.metrics.frame("learn").columns[0]  # for pandas
        'episode'
    """

    def __init__(self, folder: RunFolder, experiment: Experiment | None = None) -> None:
        self.folder = folder
        self._experiment = experiment

    @property
    def id(self) -> str:
        """The run's id."""
        return self.folder.id

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.folder.path

    @cached_property
    def record(self) -> RunRecord:
        """What run.json says."""
        return self.folder.read()

    @property
    def status(self) -> str:
        """running, finished, interrupted, timed-out, failed or lost."""
        return self.record.status

    @property
    def summary(self) -> Summary:
        """The scores; empty before the run is finished."""
        return self.record.summary

    @property
    def score(self) -> Score | None:
        """The score that the run is judged by; None before the run is finished, or without a
        number.
        """
        return score_of(self.record.score, self.record.summary)

    @property
    def config(self) -> Document:
        """The configuration as resolved, nested plain values."""
        return self.record.config

    @cached_property
    def metrics(self) -> Metrics:
        """The metrics: `run.metrics["reward_per_step"]` or `run.metrics.columns("learn")`."""
        return self.folder.metrics()

    @cached_property
    def lab(self) -> Lab:
        """The lab, as an instance."""
        return rebuilt(self.record)[0]

    @cached_property
    def experiment(self) -> Experiment:
        """The experiment as it was at the last checkpoint.

        Raises:
            CheckpointError: when no checkpoint can be read.
        """
        if self._experiment is not None:
            return self._experiment
        from sandbox.store import checkpoint

        newest = next(checkpoint.newest_first(self.folder.checkpoints, lambda _: None), None)
        if newest is None:
            raise CheckpointError(
                f"Run {self.id} has no checkpoint yet; `--checkpoint-every` says how often it "
                "writes one."
                if self.status == "running"
                else f"Run {self.id} has no checkpoint that can be read. `python -m sandbox resume "
                f"{self.id}` starts it again."
            )
        work = self.fresh()
        work.restore(*newest)
        assert work.experiment is not None
        return work.experiment

    def fresh(self) -> Work:
        """Its work as it was at its beginning, from configuration and seed alone."""
        lab, config = rebuilt(self.record)
        context = context_of(self.folder, self.record)
        config.check_available(context.data, context.artifacts.folder)
        work = work_of(lab, context)
        work.build(lambda context: build(lab, config, context, self.record.seeds))
        return work

    @property
    def agent(self) -> Any:
        """The learned agent, for labs that have one: `run.agent.act(observation)`."""
        return self.experiment.agent  # type: ignore[attr-defined]

    @property
    def artifacts(self) -> list[Path]:
        """Paths of all artifacts of the run."""
        return [self.folder.artifacts.folder / artifact.name for artifact in self.record.artifacts]

    @property
    def figures(self) -> dict[str, Picture]:
        """Its pictures and animations by name; a notebook shows them if they are the last
        expression of a cell.
        """
        return {
            path.name: Picture(self.folder.directory, path.relative_to(self.path).as_posix())
            for path in self.artifacts
            if path.suffix in KINDS
        }

    def document(self) -> Document:
        """The run as one JSON document."""
        record = self.record
        document = {
            "run": record.id,
            "folder": str(self.path.resolve()),
            "status": record.status,
            "lab": record.lab,
            "agent": record.agent,
            "preset": record.preset,
            "seed": record.seed,
            "config": record.config,
            "summary": record.summary,
            "score": record.score,
            "artifacts": list(map(asdict, record.artifacts)),
        }
        optional = {"error": record.error, "warnings": record.warnings}
        return document | {name: value for name, value in optional.items() if value}

    def __repr__(self) -> str:
        return f"<Run {self.id}: {self.record.lab}, {self.status}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the scores, and every picture."""
        return html.render("run.html", run=self)


class Picture:
    """A picture or animation of a run, which a notebook shows inline.

    Args:
        folder: the run's.
        name: path of a PNG, GIF or SVG in that folder; symbolic links are not followed.
    """

    def __init__(self, folder: Directory, name: str) -> None:
        self._folder, self._name = folder, name
        self.path = folder.path / name

    def __repr__(self) -> str:
        return f"<Picture {self.path}>"

    def _repr_html_(self) -> str:
        return html.render("picture.html", picture=self)

    @property
    def uri(self) -> str:
        """The picture as a data URI."""
        return html.data_uri(self._folder.read(self._name), KINDS[self.path.suffix])


def rebuilt(record: RunRecord) -> tuple[Lab, LabConfig]:
    """The lab and the validated configuration of a run in the store.

    Raises:
        UnknownNameError: when the plugin of its lab, agent or environment is not loaded.
    """
    kind, name, maker = "lab", record.lab, record.plugin
    try:
        lab = registry().lab(name)
        maker = f"`{record.command or 'sandbox.run'}`"
        for info, name in choices(lab.Config, record.config):
            kind = choice_kind(info) or ""
            config_of_choice(info, name)
    except UnknownNameError as error:
        hint = f"Run {record.id} was made by {maker}; install the plugin, or give its file with -p."
        raise UnknownNameError(kind, name, [], hint) from error
    return lab, resolve(lab.Config, [record.config], f"run {record.id}")


def context_of(folder: RunFolder, record: RunRecord) -> Context:
    """What the experiment of a run in the store may touch."""
    data = Path(record.data) if record.data else None
    return Context(
        record.seed,
        Generators(record.seed),
        folder.artifacts,
        data,
        record.device,
        record.threads,
        record.full_metrics,
    )
