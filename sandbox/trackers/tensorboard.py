"""`--track tensorboard`: event files beside the run's metrics, for `tensorboard --logdir runs`.

A run that goes on writes a further file, which tells TensorBoard to forget what was written behind the checkpoint: nothing stands twice.
Files sort in the order in which they were written, whatever the clock said.
"""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from sandbox.trackers.background import Beginning, Ending, Points, Tracker

FOLDER = "tensorboard"


class TensorBoard(Tracker):
    """Writes one scalar for each column and row, by stream: "learn/return". `--track tensorboard=DIR` writes to DIR/LAB/RUN instead."""

    name = "tensorboard"
    library = "tensorboard"

    def open(self, beginning: Beginning) -> None:
        """A new event file; after a resume with the step from which older files are to be forgotten."""
        from tensorboard.compat.proto.event_pb2 import SessionLog
        from tensorboard.summary.writer.record_writer import RecordWriter

        folder = Path(self.target) / beginning.lab / beginning.id if self.target else Path(beginning.folder) / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        created = int(datetime.fromisoformat(beginning.created).timestamp())
        name = f"events.out.tfevents.{created:010d}.{beginning.resumed:04d}.{beginning.id}"
        self._writer = RecordWriter(open(folder / name, "wb"))  # noqa: SIM115 - closed at the run's end
        self._write(file_version="brain.Event:2")
        if beginning.resumed:
            purge = beginning.resumed_at + 1 if beginning.resumed_at else 0
            self._write(step=purge, session_log=SessionLog(status=SessionLog.START))
        if not beginning.resumed_at:
            self._text(
                "config", "\n".join(f"- {name}: `{json.dumps(value)}`" for name, value in {**beginning.facts, **beginning.config}.items())
            )
        self._writer.flush()

    def points(self, points: Points) -> None:
        """One event for each row."""
        names = {column: f"{points.stream}/{column}" for column in points.columns}
        for row, step in enumerate(points.step.tolist()):
            here = {names[column]: float(values[row]) for column, values in points.columns.items()}
            self._scalars(step, here)

    def idle(self) -> None:
        """Let readers see what was written."""
        self._writer.flush()

    def close(self, ending: Ending) -> None:
        """The final scores, and the end of the file."""
        if ending.summary:
            self._scalars(ending.step, {f"summary/{name}": value for name, value in ending.summary.items()})
        self._writer.close()

    def _scalars(self, step: int, values: dict[str, float]) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        kept = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items() if np.isfinite(value)]
        if kept:
            self._write(step=step, summary=Summary(value=kept))

    def _text(self, tag: str, text: str) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
        from tensorboard.compat.proto.tensor_pb2 import TensorProto
        from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

        shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
        tensor = TensorProto(dtype="DT_STRING", string_val=[text.encode()], tensor_shape=shape)
        metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
        self._write(step=0, summary=Summary(value=[Summary.Value(tag=f"{tag}/text_summary", metadata=metadata, tensor=tensor)]))

    def _write(self, **event: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._writer.write(Event(wall_time=time.time(), **event).SerializeToString())
