"""`compare`: agents x seeds on one lab, each an ordinary run; finished ones are used again, and what came out stands side by side.

The statistics are computed from the runs' own files whenever a comparison is made; nothing but the page and its document is kept, in
`comparisons/ID/` of the store. There is no run.json in it, so listings of runs do not see it. The same comparison has the same id.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sandbox.comparison import report as comparison_report
from sandbox.comparison.request import Contender, Wish, contenders
from sandbox.comparison.view import Compared
from sandbox.errors import ConfigError, SandboxError, StoreError, UsageError
from sandbox.execution.scheduler import carry_out, executor_for
from sandbox.execution.workers import WorkersLost
from sandbox.lab import Context
from sandbox.registry.registry import registry
from sandbox.runs import api
from sandbox.runs.loop import Settings
from sandbox.runs.signature import refuse_changed, sources_of
from sandbox.runs.view import Run
from sandbox.seeding import Generators
from sandbox.store import comparisons, documents
from sandbox.store.artifacts import Artifacts
from sandbox.store.files import Directory, write_whole
from sandbox.store.fingerprint import fingerprint
from sandbox.store.folder import RunFolder
from sandbox.store.index import Row
from sandbox.store.record import RunRecord
from sandbox.store.store import Store
from sandbox.text import to_json

FOLDER, PAGE, DOCUMENT = comparisons.FOLDER, comparisons.PAGE, comparisons.DOCUMENT
UNFINISHED = ("interrupted", "timed-out", "lost")


@dataclass
class ComparisonProgress:
    """How far a comparison is.

    Attributes:
        total: runs in all.
        reused: finished runs that were found.
        done: runs that ended, found ones included.
        label, seed: of the run that ended last; "" and 0 before.
    """

    total: int
    reused: int = 0
    done: int = 0
    label: str = ""
    seed: int = 0


@dataclass(frozen=True)
class PlannedRun:
    """One run of a comparison, as it is planned.

    Attributes:
        contender: whose.
        request: what to run.
        fingerprint, sources: what it would compute, and with which sources.
    """

    contender: Contender
    request: api.Request
    fingerprint: str
    sources: str


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in the middle of a comparison; the same comparison asked for again finishes it.

    Args:
        progress: how far it came.
    """

    def __init__(self, progress: ComparisonProgress) -> None:
        self.progress = progress
        super().__init__(f"{progress.done} of {progress.total} runs are done.")


class Comparison(Compared):
    """Agents side by side, with a page and a document in the store."""

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """The page, one self-contained file; also written to `path` if one is given."""
        page = comparison_report.page(self, None if path is None else Path(path).parent)
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page

    def document(self) -> dict[str, Any]:
        """All of it as one JSON document."""
        return {
            **{
                "comparison": self.id,
                "folder": str(self.folder.resolve()),
                "lab": self.lab,
                "preset": self.preset,
            },
            **{
                "seeds": self.seeds,
                "command": self.command,
                "sources": self.sources,
                "reused": self.reused,
            },
            "finding": comparison_report.finding(self),
            **self.standings.document(),
            "agents": self.table,
            "pairs": self.pairs,
            "configs": {one.label: one.config for one in self.contenders},
            "runs": {
                label: [
                    {"run": run.id, "seed": run.record.seed, "status": run.status} for run in runs
                ]
                for label, runs in self.runs.items()
            },
            "warnings": self.warnings,
        }

    def write(self) -> None:
        """Write page and document into the folder, unless they stand there already.

        Raises:
            SandboxError: when that cannot be done.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            document = to_json(self.document()).encode()
            page, kept = self.folder / PAGE, self.folder / DOCUMENT
            if page.exists() and self._kept() == document:
                return  # the page shows nothing that is not in the document, so it would be the same
            write_whole(page, self.to_html().encode(), sync=False)
            write_whole(kept, document, sync=False)  # behind the page: it vouches for it
        except OSError as error:
            raise SandboxError(
                f"Cannot write to {self.folder}: {error.strerror}. Choose another folder with --output."
            ) from error

    def _kept(self) -> bytes:
        """The document that stands in the folder; nothing where there is none that can be read."""
        try:
            return Directory(self.folder).read(DOCUMENT, documents.MOST_BYTES)
        except (OSError, StoreError):
            return b""

    def __repr__(self) -> str:
        return (
            f"<Comparison {self.id}: {', '.join(self.runs)} on {self.lab}, {len(self.seeds)} seeds>"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: the table and the figures."""
        return comparison_report.inline(self)


def compare(
    lab: str,
    agents: Sequence[str],
    *,
    seeds: int = 10,
    seed: int = 0,
    preset: str = "default",
    config: Mapping[str, Any] | None = None,
    agent_options: Mapping[str, Mapping[str, Any]] | None = None,
    fresh: bool = False,
    pictures: bool = False,
    store: str | os.PathLike[str] | None = None,
    output: str | os.PathLike[str] | None = None,
    track: Sequence[str] = (),
    workers: int = 0,
    scheduler: str = "",
    progress: Callable[[ComparisonProgress], None] | None = None,
    **options: Any,
) -> Comparison:
    """Compare agents on a lab: each learns with every seed, and what came out stands side by side.

    Args:
        lab: its name ("maze").
        agents: names; "LABEL=NAME" gives another name to one, so that the same agent can stand there twice; a .toml or .json file brings its
            settings along.
        seeds, seed: how many each learns with, >= 1 (from 3 on there are intervals), and the first of them.
        preset: one of the lab's presets.
        config: settings of all, nested; options under "agent" go to every agent that has them.
        agent_options: options of single agents: `{"sarsa": {"alpha": 0.1}}`.
        fresh: whether to make all runs anew instead of using finished ones.
        pictures: whether new runs make pictures.
        store, output: folder of runs (None: SANDBOX_STORE, else `runs` here), and of page and document (None: `comparisons/ID` in it).
        track: names of observers, told of every new run.
        workers, scheduler: processes to start for new runs (Dask), or the address of a cluster that shares the store's folder.
        progress: told at the beginning and after each run.
        **options: single settings of the lab, over `config`: `episodes=100`.

    Returns:
        The comparison; page and document are written.

    Raises:
        UsageError: with everything that is wrong; nothing was started then.
        Interrupted: Ctrl-C; the same call finishes it.

    Example:
        >>> from sandbox import compare
        >>> len(compare("empty-grid", ["sarsa", "q-learning"], seeds=3, episodes=300).table)
        2
    """
    wish = Wish(lab, agents, preset, [config or {}, options], agent_options or {})
    request = api.Request(lab, preset, seed=seed, track=track)
    how = {
        "fresh": fresh,
        "output": output,
        "workers": workers,
        "scheduler": scheduler,
        "progress": progress,
    }
    return carried(wish, request, seeds, Store(store), Settings(pictures=pictures), **how)  # type: ignore[arg-type]


def carried(
    wish: Wish,
    request: api.Request,
    seeds: int,
    store: Store,
    settings: Settings,
    *,
    fresh: bool = False,
    output: str | os.PathLike[str] | None = None,
    workers: int = 0,
    scheduler: str = "",
    progress: Callable[[ComparisonProgress], None] | None = None,
) -> Comparison:
    """Make a comparison; see `compare`.

    Args:
        wish: who is compared, where.
        request: what all runs share: the first seed, threads, observers, command.
        seeds: how many runs of each.
        store: where the runs go.
        settings: how new runs are carried out.
        fresh, output, workers, scheduler, progress: as of `compare`.
    """
    who, remarks = _checked(wish, request.seed, seeds)
    entry = registry().find("lab", wish.lab)
    numbers = list(range(request.seed, request.seed + seeds))
    members = [_member(entry.name, one, number, wish, request) for one in who for number in numbers]
    if len({one.fingerprint for one in members}) < len(members):
        raise UsageError(
            "Two of the agents have the same settings, so they would be the same runs. Change an option of one with --set."
        )
    name = f"{entry.name}-{hashlib.sha256('|'.join([one.contender.label + one.fingerprint + one.sources for one in members]).encode()).hexdigest()[:10]}"
    folder = Path(output) if output is not None else store.root / FOLDER / name
    runs, reused = _runs(
        members, store, settings, fresh, progress or (lambda _: None), workers, scheduler
    )
    by_label: dict[str, list[Run]] = {one.label: [] for one in who}
    for member, run in zip(members, runs, strict=True):
        by_label[member.contender.label].append(run)
    remarks = [*remarks, *_warnings_of(by_label)]
    made = Comparison(
        name,
        entry.name,
        wish.preset,
        who,
        numbers,
        by_label,
        reused,
        remarks,
        folder,
        request.command,
        members[0].sources,
    )
    made.write()
    return made


def _warnings_of(runs: Mapping[str, Sequence[Run]]) -> list[str]:
    """What the runs themselves warn of, once for each agent."""
    return [
        f"{label}: {warning}"
        for label, some in runs.items()
        for warning in dict.fromkeys(warning for run in some for warning in run.record.warnings)
        if not warning.startswith("Traceback")
    ]


def _checked(wish: Wish, seed: int, seeds: int) -> tuple[list[Contender], list[str]]:
    """The contenders; a wrong number of seeds is said together with what is wrong with them."""
    wrong = []
    if not 1 <= seeds <= api.MOST_SEEDS:
        wrong.append(
            f"--seeds {seeds}: each agent learns with 1 to {api.MOST_SEEDS} seeds; from 3 on there are intervals"
        )
    if not 0 <= seed < 2**62:
        wrong.append(f"--seed {seed}: a seed is 0 or more")
    try:
        found = contenders(wish)
    except ConfigError as error:
        raise ConfigError(f"comparison on lab '{wish.lab}'", [*wrong, *error.problems]) from None
    if wrong:
        raise ConfigError(f"comparison on lab '{wish.lab}'", wrong)
    return found


def _member(lab: str, one: Contender, seed: int, wish: Wish, request: api.Request) -> PlannedRun:
    asked = replace(
        request,
        lab=lab,
        preset=wish.preset,
        layers=one.layers,
        seed=seed,
        seeds=1,
        device=wish.device,
        data=wish.data,
    )
    data = str(wish.data.resolve()) if wish.data else ""
    record = RunRecord(id="", lab=lab, config=one.config, seed=seed, device=wish.device, data=data)
    return PlannedRun(one, asked, fingerprint(record), sources_of(record))


def _runs(
    members: Sequence[PlannedRun],
    store: Store,
    settings: Settings,
    fresh: bool,
    tell: Callable[[ComparisonProgress], None],
    workers: int,
    scheduler: str,
) -> tuple[list[Run], int]:
    """A run of each member, found, gone on with, or made; and how many were found finished."""
    rows = {} if fresh else store.matching({one.fingerprint: one.sources for one in members})
    found = {
        one.fingerprint: run
        for one in members
        if (run := _finished(rows.get(one.fingerprint, []), store))
    }
    missing = [one for one in members if one.fingerprint not in found]
    _refuse_unbuildable(missing)
    progress = ComparisonProgress(len(members), len(found), len(found))
    tell(progress)
    stopped = {
        one.fingerprint: name
        for one in missing
        if (name := _stopped(rows.get(one.fingerprint, []), store))
    }
    waiting = sorted(
        missing, key=lambda one: one.fingerprint not in stopped
    )  # what was begun is finished first
    requests = [replace(one.request, id=stopped.get(one.fingerprint, "")) for one in waiting]

    def ended(number: int, run: Run) -> None:
        found[waiting[number].fingerprint] = run
        member = waiting[number]
        progress.done, progress.label, progress.seed = (
            progress.done + 1,
            member.contender.label,
            member.request.seed,
        )
        tell(progress)

    if waiting:
        lab = registry().lab(waiting[0].request.lab)
        try:
            with executor_for(lab, workers, scheduler, store, in_threads=False) as executor:
                made = carry_out(requests, store, settings, ended, executor)
        except KeyboardInterrupt:
            raise Interrupted(progress) from None
        except WorkersLost as error:
            at = f" at {scheduler}" if scheduler else ""
            raise SandboxError(
                f"The Dask scheduler{at} is gone after {progress.done} of {progress.total} runs. The same command takes up what was begun; "
                f"without --scheduler and --workers it runs here."
            ) from error
        if None in made:
            raise Interrupted(progress)
    return [found[one.fingerprint] for one in members], progress.reused


def _finished(rows: Sequence[Row], store: Store) -> Run | None:
    """The last of the runs that finished."""
    finished = [row for row in rows if row.status == "finished"]
    return Run(RunFolder(store.root / finished[-1].path)) if finished else None


def _stopped(rows: Sequence[Row], store: Store) -> str | None:
    """The id of the last of the runs that can go on; one that began under other libraries is begun anew instead."""
    stopped = [row for row in rows if row.status in UNFINISHED]
    if not stopped:
        return None
    folder = RunFolder(store.root / stopped[-1].path)
    try:
        refuse_changed(folder.read(), allow=False)
    except SandboxError:
        return None
    return folder.id


def _refuse_unbuildable(missing: Sequence[PlannedRun]) -> None:
    """Build each agent's experiment once, so that one that does not fit is known before the first run begins.

    Raises:
        UsageError: with all that do not fit.
    """
    problems = []
    for label, member in {one.contender.label: one for one in reversed(missing)}.items():
        with tempfile.TemporaryDirectory() as scratch:
            try:
                _, lab, config = api.resolved(member.request)
                seed = member.request.seed
                lab.build(
                    config,
                    Context(
                        seed,
                        Generators(seed),
                        Artifacts(Path(scratch)),
                        member.request.data,
                        member.request.device,
                    ),
                )
            except SandboxError as error:
                problems.append(f"{label}: {error}")
            except Exception as error:
                problems.append(f"{label} does not fit this lab: {type(error).__name__}: {error}")
    if problems:
        raise ConfigError(f"comparison on lab '{missing[0].request.lab}'", problems[::-1])
