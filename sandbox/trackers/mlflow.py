"""`--track mlflow`: an MLflow run for each run, in the experiment `sandbox/LAB`, on any server.

The tag `sandbox.run` holds the id of the run: a resumed run continues its MLflow run, and steps
that were logged before are not logged again. The server is that of `--track mlflow=URI`, else
MLFLOW_TRACKING_URI, else MLflow's own default.
"""

from __future__ import annotations

import contextlib
import glob
import importlib
import json
import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sandbox.errors import SandboxError
from sandbox.observer import ObservedRun
from sandbox.store.files import DRAFT, temporary_name
from sandbox.text import flat
from sandbox.trackers.tracker import TrackedPoints, Tracker, facts_of

TAG = "sandbox.run"
AT_ONCE = 1000
"""Metrics in one request; MLflow takes no more."""
PARAMS_AT_ONCE = 100
LONGEST = 500
"""Characters of a parameter's value that every MLflow server takes."""
IMPATIENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
"""Defaults that the user's environment overrides: fail soon when a server is down, send no
telemetry, and print nothing, because standard output may be one JSON document.
"""
ABANDONED_SECONDS = 3600.0
"""A temporary database that is older than this was abandoned by a killed process."""
ENDS = {"finished": "FINISHED", "failed": "FAILED"}


class MLflow(Tracker):
    """Logs metrics by stream ("learn/return") against the run's unit, its configuration as
    parameters, its scores at the end.
    """

    name = "mlflow"
    library = "mlflow"

    def open(self, run: ObservedRun) -> None:
        """Find the MLflow run of this run, or create it. A fresh database is prepared here, which
        takes MLflow several seconds.
        """
        for name, value in IMPATIENT.items():
            os.environ.setdefault(name, value)
        from mlflow.entities import Param
        from mlflow.tracking import MlflowClient, get_tracking_uri

        _prepare_database(self.target or get_tracking_uri())
        record = run.record
        self._client: Any = MlflowClient(tracking_uri=self.target or None)
        experiment = self._experiment(f"sandbox/{record.lab}")
        existing = self._client.search_runs(
            [experiment], f"tags.`{TAG}` = '{record.id}'", max_results=1
        )
        self._standing: dict[str, set[int]] = {}
        self._gathered: list[Any] = []
        if existing:
            self._run: str = existing[0].info.run_id
            self._client.update_run(self._run, status="RUNNING")
            for key in existing[0].data.metrics:
                self._standing[key] = {
                    metric.step for metric in self._client.get_metric_history(self._run, key)
                }
            return
        facts = {f"sandbox.{name}": str(value) for name, value in facts_of(record).items()}
        self._run = self._client.create_run(
            experiment, tags={TAG: record.id, "mlflow.runName": record.id, **facts}
        ).info.run_id
        params = [Param(name, _short(value)) for name, value in flat(record.config).items()]
        for first in range(0, len(params), PARAMS_AT_ONCE):
            self._client.log_batch(self._run, params=params[first : first + PARAMS_AT_ONCE])

    def points(self, points: TrackedPoints) -> None:
        """Gather the rows as metrics, without those that are stored already; a request takes long,
        so it should carry many.
        """
        for column, values in points.columns.items():
            self._gather(f"{points.stream}/{column}", points.step, values)
        if len(self._gathered) >= AT_ONCE:
            self.flush()

    def close(self, run: ObservedRun, scores: Mapping[str, float]) -> None:
        """The final scores and the status."""
        for name, value in scores.items():
            self._gather(f"summary/{name}", [run.record.done_units], [value])
        self.flush()
        self._client.set_terminated(self._run, ENDS.get(run.record.status, "KILLED"))

    def flush(self) -> None:
        """Send what was gathered."""
        while self._gathered:
            self._client.log_batch(self._run, metrics=self._gathered[:AT_ONCE])
            del self._gathered[:AT_ONCE]

    def _gather(self, name: str, steps: Iterable[int], values: Iterable[float]) -> None:
        from mlflow.entities import Metric

        now, key = int(1000 * time.time()), _key(name)
        standing = self._standing.get(key, set())
        self._gathered += [
            Metric(key, float(value), now, int(step))
            for step, value in zip(steps, values, strict=True)
            if step not in standing and np.isfinite(value)
        ]

    def _experiment(self, name: str) -> str:
        """The experiment's id; two runs that begin at once may both want to make it."""
        from mlflow.exceptions import MlflowException

        known = self._client.get_experiment_by_name(name)
        if known is None:
            try:
                return self._client.create_experiment(name)
            except MlflowException:
                known = self._client.get_experiment_by_name(name)
                if known is None:
                    raise
        return known.experiment_id


def _prepare_database(uri: str) -> None:
    """Create the SQLite database of a URI unless it exists; other URIs are ignored.

    MLflow creates it in many steps and cannot resume between them. So it creates a temporary
    database beside the final path, which is renamed when complete.

    Raises:
        SandboxError: when an earlier process was killed while it created the database in place.
    """
    from sqlalchemy.engine import URL, make_url

    utils: Any = importlib.import_module("mlflow.store.db.utils")  # not typed
    url = make_url(uri) if uri.startswith("sqlite:///") else None
    used = {"_get_latest_schema_revision", "_initialize_tables", "create_sqlalchemy_engine"}
    if not used <= vars(utils).keys():
        return  # this version of MLflow has no such helpers: let it create the tables in place
    if url is None or not url.database or url.database == ":memory:" or url.query:
        return
    place = Path(url.database).absolute()
    if place.exists():
        if _is_half_made(place, utils._get_latest_schema_revision):
            raise SandboxError(
                f"{place} is incomplete: MLflow was killed while it created it, or is creating it "
                "now. Move the file away, and a new one is made."
            )
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    for old in place.parent.glob(f".{glob.escape(place.name)}.*{DRAFT}*"):
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > ABANDONED_SECONDS:
                old.unlink()
    draft = place.with_name(temporary_name(place.name))
    engine = utils.create_sqlalchemy_engine(
        URL.create("sqlite", database=str(draft)).render_as_string()
    )
    try:
        utils._initialize_tables(engine)
        engine.dispose()
        _move_where_nothing_is(draft, place)
    finally:
        engine.dispose()
        for left in (draft, draft.with_name(f"{draft.name}-journal")):
            left.unlink(missing_ok=True)


def _move_where_nothing_is(draft: Path, place: Path) -> None:
    """Move a database to its final name, unless another process has created one there."""
    try:
        os.link(draft, place)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        if not place.exists():
            draft.rename(place)


def _is_half_made(place: Path, newest: Callable[[], str]) -> bool:
    """Whether a SQLite database has tables of MLflow, but neither an experiment nor the newest
    schema.
    """
    try:
        with contextlib.closing(sqlite3.connect(f"{place.as_uri()}?mode=ro", uri=True)) as database:
            query = "SELECT name FROM sqlite_master WHERE type = 'table'"
            tables = {name for (name,) in database.execute(query)}
            if "experiments" not in tables or any(database.execute("SELECT 1 FROM experiments")):
                return False
            query = "SELECT version_num FROM alembic_version"
            return "alembic_version" not in tables or [*database.execute(query)] != [(newest(),)]
    except sqlite3.Error:  # locked, or not MLflow's: MLflow will report it
        return False


def _key(name: str) -> str:
    """A name that MLflow takes: letters, digits, and _ - . space /."""
    return re.sub(r"[^\w\-. /]", "_", name)


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
