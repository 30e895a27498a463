"""run.json: everything about a run, as one document.

It is replaced atomically at each change of status, only by the run's own process.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from sandbox.errors import StoreError
from sandbox.store import documents
from sandbox.store.files import door, write_whole
from sandbox.text import CONTROL, Document, number, plain, plural, seeds

STATUSES = ("running", "finished", "interrupted", "timed-out", "failed", "lost")
"""Statuses of a run. `lost` is never written: readers report it for a run whose run.json says
`running` although its process has ended.
"""

FORMAT = 2
"""Of run.json. 1: before November 2026, without `digest` and `files`."""

_PART = rf"(?!\.\.?(?:/|$))[^/\\:\n{CONTROL.pattern[1:-1]}]+"
ARTIFACT_NAME = re.compile(rf"{_PART}(?:/{_PART})*")
"""Names of files and folders with `/` between them; none leads elsewhere or steers a terminal."""


@dataclass(frozen=True)
class Artifact:
    """A file that a run wrote.

    Attributes:
        name: its path below `artifacts/`, with `/`.
        size: in bytes.
        sha256: of its content, hexadecimal.
    """

    name: str
    size: int
    sha256: str


@dataclass
class RunRecord:
    """The content of run.json.

    Attributes:
        id: the name of the run's folder.
        lab: the lab's name.
        config: the configuration as resolved: defaults, preset, file and command line together.
        preset: the preset's name.
        seed: the run's seed, or the first of many.
        seeds: how many seeds learn together: `seed`, `seed` + 1, …
        full_metrics: whether each of many seeds keeps its own metrics.
        status: one of `STATUSES`.
        unit: what `done_units` counts.
        done_units: units of work done when this was written.
        resumed: how often the run was resumed.
        created, ended: ISO 8601 with offset; `ended` is "" while it runs.
        host, pid: where it runs or ran.
        command: the exact command line, or "".
        versions: versions of Python, the sandbox and the libraries in use.
        sources: SHA-256 of the sandbox's sources and the plugin's.
        commit: git commit of the sources, or "".
        processor: its "model", and the "target" that code was compiled for; empty in runs written
            before it was kept.
        threads, device: what numerical libraries used.
        summary: figures; empty until the run ends.
        score: what the run is judged by, the fields of a `sandbox.Score`; empty until the run ends,
            and where its lab declares none.
        pictured: whether the pictures were drawn.
        artifacts: the files in `artifacts/`.
        error: why it failed, or "".
        warnings: what went wrong without ending the run.
        plugin: the plugin that brought the lab, and the file if it was given with -p.
        data: folder given with --data, or "".
        files: size and SHA-256 of metrics.jsonl and times.jsonl when the run ended; empty while it
            works.
        intact: whether the document is what was written; None for one of format 1, which has no
            digest. This field is not written.
    """

    id: str
    lab: str
    config: Document
    preset: str = "default"
    seed: int = 0
    seeds: int = 1
    full_metrics: bool = False
    status: str = "running"
    unit: str = ""
    done_units: int = 0
    limit: int | None = None
    resumed: int = 0
    created: str = ""
    ended: str = ""
    host: str = ""
    pid: int = 0
    command: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    sources: str = ""
    commit: str = ""
    processor: dict[str, str] = field(default_factory=dict)
    threads: int = 1
    device: str = "cpu"
    plugin: str = ""
    data: str = ""
    summary: Document = field(default_factory=dict)
    score: Document = field(default_factory=dict)
    pictured: bool = False
    artifacts: list[Artifact] = field(default_factory=list)
    error: str = ""
    warnings: list[str] = field(default_factory=list)
    files: Document = field(default_factory=dict)
    format: int = FORMAT
    intact: bool | None = field(default=None, compare=False, init=False)

    @property
    def agent(self) -> str | None:
        """The agent's name, for labs that have one."""
        agent = self.config.get("agent")
        return agent.get("name") if isinstance(agent, dict) else None

    @property
    def fingerprint(self) -> str:
        """SHA-256, hexadecimal, of what decides the run's numbers.

        How a run is executed (rendering, store, workers, checkpoints, pictures, observers) and its
        sources are not part of it, so that a run executed in another way can be reused.
        """
        parts = [
            self.lab,
            self.config,
            self.seed,
            self.seeds,
            self.full_metrics,
            self.device,
            self.data,
        ]
        return _sha256(parts)

    @property
    def reason(self) -> str:
        """Why it failed, in one line: the last one of the error; "" if it did not."""
        return next(reversed(self.error.strip().splitlines()), "")

    @property
    def title(self) -> str:
        """The run in a few words: its lab, its agent if it has one, and its seeds."""
        agent = [self.agent] if self.agent else []
        return " · ".join([self.lab, *agent, seeds(self.seed, self.seeds)])

    def progress(self, done: int) -> str:
        """How far the run is, for people: "episode 300 of 1000, resumed 2 times".

        Args:
            done: units of work done.
        """
        of = f" of {number(self.limit)}" if self.limit else ""
        resumed = f", resumed {plural(self.resumed, 'time')}" if self.resumed else ""
        return f"{self.unit} {number(done)}{of}{resumed}"

    def to_json(self) -> bytes:
        """The document, indented for readers, with its digest."""
        document = asdict(self) | {"format": FORMAT}
        del document["intact"]
        return _written(document)

    def write(self, path: Path) -> None:
        """Replace the document at `path`, whole or not at all."""
        write_whole(path, self.to_json())

    @classmethod
    def read(cls, path: Path, *, digest: bool = True) -> RunRecord:
        """The document at `path`.

        Args:
            path: the path of run.json.
            digest: as in `parse`.

        Raises:
            StoreError: when it is missing, damaged, or of a newer format.
        """
        folder, name = door(path)
        try:
            return cls.parse(folder.read(name, documents.MOST_BYTES), path, digest=digest)
        except FileNotFoundError:
            raise StoreError(
                f"{path} is not there: the run died as it began. `python -m sandbox delete "
                f"{path.parent.name}` removes it."
            ) from None
        except OSError as error:
            raise StoreError(f"Cannot read {path}: {error.strerror}.") from error

    @classmethod
    def parse(cls, content: bytes, path: Path, *, digest: bool = True) -> RunRecord:
        """A document that was read from `path`.

        Args:
            content: the document's content.
            path: the path that errors name.
            digest: whether to compute its SHA-256, which takes most of the time; without it,
                `intact` stays None.

        Raises:
            StoreError: as `read` does.
        """
        try:
            record = _schema().validate_json(_printable(content), strict=True)
            record.intact = _is_intact(content) if digest else None
            wrong = _impossible_field(record)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            _refuse_newer(content, path)
            raise _damaged(path, _first_problem(error)) from error
        if record.format > FORMAT:
            _refuse_newer(content, path)
        if wrong:
            raise _damaged(path, f"`{wrong}` is not what it should be")
        return record


@cache
def _schema() -> TypeAdapter[RunRecord]:
    return TypeAdapter(RunRecord)


def _printable(content: bytes) -> bytes:
    """The same document with printable texts; most documents pass a quick test unparsed."""
    if content.isascii() and b"\\u" not in content and b"\x7f" not in content:
        return content
    return json.dumps(documents.shown(documents.parse(content))).encode()


def _is_intact(content: bytes) -> bool | None:
    document = documents.parse(content)
    has_digest = document.get("format", 0) > 1 or "digest" in document or "files" in document
    return _digest(document) == document.get("digest") if has_digest else None


def _refuse_newer(content: bytes, path: Path) -> None:
    with contextlib.suppress(ValueError, TypeError):
        written = documents.parse(content).get("format", 0)
        if written > FORMAT:
            raise StoreError(
                f"{path} was written by a newer sandbox (format {written}); update the sandbox to "
                "read it."
            )


def _first_problem(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return documents.first_problem(error)
    return f"{type(error).__name__}: {error}"


def _damaged(path: Path, what: str) -> StoreError:
    return StoreError(
        f"{path} is damaged ({what}). The other files of the run are untouched; `python -m sandbox "
        "delete` removes the folder."
    )


def with_artifacts(content: bytes, added: Iterable[Artifact]) -> bytes:
    """A run.json with some artifacts added, or replaced where it has their names.

    Everything else stays as it was written.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: when the content is not a run.json.
    """
    document = documents.parse(content)
    known = {one["name"]: one for one in document.get("artifacts", [])}
    known |= {one.name: asdict(one) for one in added}
    document["artifacts"] = [known[name] for name in sorted(known)]
    return _written(document)


def _digest(document: Document) -> str:
    """SHA-256 of a document without its digest, independent of the order of entries and of
    whitespace.
    """
    return _sha256({name: value for name, value in document.items() if name != "digest"})


def _sha256(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _written(document: Document) -> bytes:
    text = json.dumps(document, ensure_ascii=False, default=plain)
    document = json.loads(
        text.encode(errors="replace")
    )  # as it will be read; a lone surrogate becomes "?"
    if document.get("format", 0) > 1:
        document["digest"] = _digest(document)
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _impossible_field(record: RunRecord) -> str:
    """The first field whose value has the right type but is impossible; or ""."""
    counts = (record.seed, record.seeds, record.done_units, record.limit or 0, record.resumed)
    possible = {
        "seed, seeds, done_units, limit, resumed": all(abs(count) < 2**63 for count in counts),
        "status": record.status in STATUSES,
        "created": _is_moment(record.created),
        "ended": _is_moment(record.ended),
        "artifacts": all(is_artifact_name(one.name) for one in record.artifacts),
        "config": record.agent is None or isinstance(record.agent, str),
        "files": all(map(_is_mark, record.files.values())),
        "score": all(
            type(value) in SCORE_TYPES.get(name, (type(value),))
            for name, value in record.score.items()
        ),
    }
    return next((name for name, holds in possible.items() if not holds), "")


_NUMBER = (int, float, type(None))
SCORE_TYPES: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "optimum_is": (str,),
    "unit": (str,),
    "higher_is_better": (bool,),
    "value": _NUMBER,
    "optimum": _NUMBER,
    "standard_error": _NUMBER,
    "episodes": (int, type(None)),
}
"""What the fields of a score may be in run.json; NaN is null there."""


def _is_mark(one: object) -> bool:
    return (
        isinstance(one, dict)
        and type(one.get("size")) is int
        and isinstance(one.get("sha256"), str)
    )


def _is_moment(text: str) -> bool:
    try:
        return not text or 1 < datetime.fromisoformat(text).year < 9999  # in any time zone
    except ValueError:
        return False


def is_artifact_name(name: str) -> bool:
    """Whether a name stays inside the run's folder, on every system, and can be shown."""
    return ARTIFACT_NAME.fullmatch(name) is not None
