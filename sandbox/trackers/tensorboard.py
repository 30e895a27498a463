"""`--track tensorboard`: event files beside the metrics of a run, for `tensorboard --logdir runs`.

A resumed run writes a further file, which tells TensorBoard to forget the ones before it, and
writes everything again: nothing is doubled, and points that a killed process had not written yet
are not missing. Files sort in the order in which they were written, whatever the clock said.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import numpy as np

from sandbox.observer import ObservedRun
from sandbox.store.files import Directory
from sandbox.text import flat
from sandbox.trackers.tracker import TrackedPoints, Tracker, facts_of

FOLDER = "tensorboard"
"""In the run's folder."""


class TensorBoard(Tracker):
    """Writes one scalar for each column and row, by stream: "learn/return". `--track
    tensorboard=DIR` writes to DIR/LAB/RUN instead.
    """

    name = "tensorboard"
    library = "tensorboard"

    def open(self, run: ObservedRun) -> None:
        """A new event file."""
        from tensorboard.compat.proto.event_pb2 import SessionLog
        from tensorboard.plugins.text.summary_v2 import text_pb
        from tensorboard.summary.writer.record_writer import RecordWriter

        record = run.record
        if self.target:
            folder = Directory(Path(self.target) / record.lab / record.id)
            folder.path.mkdir(parents=True, exist_ok=True)
        else:
            run.folder.directory.make(FOLDER)
            folder = Directory(run.folder.directory.at(FOLDER))
        begun = (
            f"events.out.tfevents.{int(datetime.fromisoformat(record.created).timestamp()):010d}"
        )
        before = sum(
            name.startswith(begun) and name.endswith(f".{record.id}") for name in folder.names()
        )
        descriptor = folder.descriptor(
            f"{begun}.{before:04d}.{record.id}", os.O_WRONLY | os.O_CREAT | os.O_EXCL
        )
        self._writer = RecordWriter(os.fdopen(descriptor, "wb"))
        self._write(file_version="brain.Event:2")
        if before:
            self._write(step=0, session_log=SessionLog(status=SessionLog.START))
        facts = facts_of(record) | flat(record.config)
        text = "\n".join(f"- {name}: `{json.dumps(value)}`" for name, value in facts.items())
        self._write(step=0, summary=text_pb("config/text_summary", text))
        self._writer.flush()

    def points(self, points: TrackedPoints) -> None:
        """One event for each row."""
        names = {column: f"{points.stream}/{column}" for column in points.columns}
        for row, step in enumerate(points.step.tolist()):
            here = {names[column]: float(values[row]) for column, values in points.columns.items()}
            self._scalars(step, here)

    def flush(self) -> None:
        """Let readers see what was written."""
        self._writer.flush()

    def close(self, run: ObservedRun, scores: Mapping[str, float]) -> None:
        """The final scores, and the end of the file."""
        self._scalars(
            run.record.done_units, {f"summary/{name}": value for name, value in scores.items()}
        )
        self._writer.close()

    def _scalars(self, step: int, values: dict[str, float]) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        kept = [
            Summary.Value(tag=tag, simple_value=value)
            for tag, value in values.items()
            if np.isfinite(value)
        ]
        if kept:
            self._write(step=step, summary=Summary(value=kept))

    def _write(self, **event: object) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._writer.write(Event(wall_time=time.time(), **event).SerializeToString())
