"""Carries a sweep from wherever it stands to its end: hands runs to an executor, takes their outcomes, asks for new trials.

A sweep that begins and one that goes on take the same way: every trial in sweep.json is opened in its order, and of its runs only those
are handed out that are not finished yet.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import Any

from sandbox.config.model import dump
from sandbox.execution.workers import STREAMS, Executor, Job, RunOutcome, outcome_of, plugin_files
from sandbox.runs import api
from sandbox.runs.loop import Settings
from sandbox.runs.stopping import StopRequest
from sandbox.score import score_of
from sandbox.store.sweeps import SweepFolder, SweepRecord, Trial, run_id
from sandbox.sweeps.results import checked_objective, figure
from sandbox.sweeps.space import Point, draw
from sandbox.sweeps.study import Study, TrialPruning, sampler

POLL_SECONDS = 0.2


@dataclass
class Tally:
    """How far a sweep is; runs, not trials.

    Attributes:
        total: runs in all, as far as is known: pruned trials leave some out.
        done: runs that ended in any way, now or before.
        failed, pruned, running: how many of each.
        seconds: since this process took the sweep up.
        done_now: runs that ended since then.
        best: the best mean of a trial so far, or None.
        objective: its name.
    """

    total: int = 0
    done: int = 0
    failed: int = 0
    pruned: int = 0
    running: int = 0
    seconds: float = 0.0
    done_now: int = 0
    best: float | None = None
    objective: str = ""

    @property
    def left_seconds(self) -> float | None:
        """Time until the end, at the pace so far; None before anything ended."""
        return (
            None if not self.done_now else self.seconds / self.done_now * (self.total - self.done)
        )


@dataclass
class Open:
    """A trial whose runs are not all done.

    Attributes:
        trial: the trial.
        outcomes: of the runs that ended, by id.
        held: runs that wait for the first seed's verdict.
    """

    trial: Trial
    outcomes: dict[str, RunOutcome] = field(default_factory=dict)
    held: list[str] = field(default_factory=list)


class Conductor:
    """One sweep at work.

    Args:
        folder: its folder, locked by the caller.
        record: what was planned; kept up to date on disk.
        lab: the lab.
        executor: who carries out the runs.
        progress: told how far it is, whenever that changes.
        again: whether to try runs that failed once more.
        allow_changed: whether to go on with runs that began under other versions.
    """

    def __init__(
        self,
        folder: SweepFolder,
        record: SweepRecord,
        lab: Any,
        executor: Executor,
        progress: Callable[[Tally], None] = lambda _: None,
        again: bool = False,
        allow_changed: bool = False,
    ) -> None:
        self.folder, self.record, self.lab, self.executor, self.progress = (
            folder,
            record,
            lab,
            executor,
            progress,
        )
        self.again, self.allow_changed = again, allow_changed
        self.tally = Tally(total=self._trials() * record.seeds, objective=record.objective)
        self.reported = False
        """Whether any run said, while it went, how well it did."""
        self._queue: deque[tuple[Open, str]] = deque()
        self._open: dict[int, Open] = {}
        self._next = 0
        self._study = self._made_study()

    def run(self) -> None:
        """Carry the sweep to its end, or until it is told to stop; the record says how it ended.

        Raises:
            SandboxError: when runs cannot even be tried; what ended before is kept.
        """
        begun = time.monotonic()
        stop, pending = StopRequest(), dict[Future[RunOutcome], tuple[Open, str]]()
        told = False
        try:
            with stop.listening():
                while True:
                    while (
                        not stop.reason
                        and len(pending) < self._room()
                        and (next_ := self._next_run())
                    ):
                        self._show(begun, len(pending) + 1)
                        pending[self.executor.submit(self._job(*next_))] = next_
                    if not pending:
                        break
                    done, _ = wait(pending, POLL_SECONDS, FIRST_COMPLETED)
                    for future in done:
                        opened, run = pending.pop(future)
                        if self._take(opened, run, outcome_of(future, run)):
                            stop.request("interrupted")
                    if stop.reason and not told:
                        told = True
                        self.folder.stop_path.touch()
                        self.executor.stop()
                        for future in [one for one in pending if one.cancel()]:
                            del pending[future]
                    self._show(begun, len(pending))
            self.record.status = "interrupted" if stop.reason else "finished"
        except KeyboardInterrupt:
            self.record.status = "interrupted"
            raise
        except BaseException as error:
            self.record.status, self.record.error = "failed", str(error)
            raise
        finally:
            self.folder.stop_path.touch()  # nothing of this sweep goes on without its conductor
            self.record.ended = datetime.now().astimezone().isoformat()
            self.folder.write(self.record)

    # -- what comes next

    def _trials(self) -> int:
        return (
            int(self.record.search["trials"])
            if self.record.search["kind"] == "tpe"
            else len(self.record.trials)
        )

    def _adaptive(self) -> bool:
        return self.record.search["kind"] == "tpe"

    def _room(self) -> int:
        """How many runs to hand out at a time: a second one for each slot waits its turn, unless what is drawn depends on the first."""
        slots = self.executor.slots()
        return slots if self._adaptive() or self.record.prune or slots == 1 else 2 * slots

    def _next_run(self) -> tuple[Open, str] | None:
        while not self._queue:
            if not self._open_next():
                return None
        return self._queue.popleft()

    def _open_next(self) -> bool:
        """Open the next trial, planned or asked for; False when there is none, or none yet."""
        if self._next == len(self.record.trials) and not self._ask():
            return False
        trial = self.record.trials[self._next]
        self._next += 1
        opened = self._open[trial.number] = Open(trial)
        runs = [run for run in trial.runs if not self._known(opened, run)]
        if trial.pruned:
            runs = []
        self._queue.extend(
            (opened, run) for run in (runs[:1] if self._first_decides(opened) else runs)
        )
        opened.held = runs[1:] if self._first_decides(opened) else []
        self._close_if_done(opened)
        return True

    def _first_decides(self, opened: Open) -> bool:
        """Whether the other seeds wait until the first one's run was not given up."""
        return bool(self.record.prune) and opened.trial.runs[0] not in opened.outcomes

    def _known(self, opened: Open, run: str) -> bool:
        """Take what a run that ended before came to; False when it still has to be carried out."""
        folder = self.folder.run(self.record.lab, run)
        if not folder.record_path.exists():
            return False
        record = folder.read()
        if record.status != "finished" and not (record.status == "failed" and not self.again):
            return False
        opened.outcomes[run] = RunOutcome(run, record.status, record.summary, score=record.score)
        self.tally.done += 1
        self.tally.failed += record.status == "failed"
        if record.status == "finished":
            self._judge_objective(record.summary, record.score)
        return True

    def _ask(self) -> bool:
        """Draw one more trial, as long as there are to be more and the sweep is not busy with others."""
        number = len(self.record.trials)
        if not self._adaptive() or number >= self._trials():
            return False
        at_once = (
            max(1, round(self.executor.slots() / self.record.seeds)) if self._parallel() else 1
        )
        if len(self._open) >= at_once:
            return False
        assert self._study is not None
        trial = self._study.ask(sampler("tpe", self.record.seed, number, parallel=self._parallel()))
        title = f"lab '{self.record.lab}'"
        preset = api.preset(self.lab, self.record.lab, self.record.preset)
        self.record.trials.append(
            planned(self.record, number, draw(self.lab, preset, self.record.layers, trial, title))
        )
        self.folder.write(self.record)
        return True

    def _parallel(self) -> bool:
        """Whether several trials are under way at a time: only on workers, where the order of their ends is nobody's choice."""
        return bool(self.record.workers or self.record.scheduler)

    def _job(self, opened: Open, run: str) -> Job:
        record, trial = self.record, opened.trial
        seed = record.seed + trial.runs.index(run)
        how = record.how
        request = api.Request(
            record.lab,
            record.preset,
            layers_of(record, trial),
            seed,
            threads=how["threads"],
            device=how["device"],
            data=Path(how["data"]) if how["data"] else None,
            command=record.command,
            id=run,
        )
        settings = Settings(
            how["checkpoint_seconds"], pictures=how["pictures"], animation=how["pictures"]
        )
        pruning = None
        if record.prune and run == trial.runs[0]:
            pruning = TrialPruning(
                str(self.folder.journal_path.resolve()),
                trial.number,
                record.prune,
                record.objective,
            )
        root = str(self.folder.store.root.resolve())
        stop_file = str(self.folder.stop_path.resolve())
        return Job(
            request,
            root,
            settings,
            plugin_files(),
            record.sources,
            stop_file,
            self.again,
            self.allow_changed,
            pruning,
        )

    # -- what came of it

    def _take(self, opened: Open, run: str, outcome: RunOutcome) -> bool:
        """Take a run's outcome; says whether it was put down because somebody wants the sweep to stop."""
        self.reported = self.reported or outcome.reported
        if outcome.status == "interrupted" and not outcome.pruned:
            return True
        opened.outcomes[run] = outcome
        self.tally.done += 1
        self.tally.done_now += 1
        self.tally.failed += outcome.status not in ("finished", "interrupted")
        if outcome.status == "finished":
            self._judge_objective(outcome.summary, outcome.score)
        if outcome.pruned:
            opened.trial.pruned = True
            self.tally.pruned += 1
            self.tally.total -= len(opened.held)
            opened.held = []
            self.folder.write(self.record)
        else:
            self._queue.extend((opened, held) for held in opened.held)
            opened.held = []
        self._close_if_done(opened)
        return False

    def _judge_objective(self, summary: dict[str, Any], declared: dict[str, Any]) -> None:
        """Check the objective against the first result; where none was named, it is the run's score."""
        record = self.record
        score = score_of(declared, summary)
        named = checked_objective(
            record.objective or (score.name if score is not None else ""), summary
        )
        if not record.objective:
            record.objective = self.tally.objective = named
            higher = score is None or score.higher_is_better
            if not declared and not record.direction:
                record.error = f"Lab '{record.lab}' declares no score, so more of '{named}' counts as better; --direction minimize turns it."
            record.direction = record.direction or ("maximize" if higher else "minimize")
            self.folder.write(record)

    def _close_if_done(self, opened: Open) -> None:
        trial = opened.trial
        if not trial.pruned and len(opened.outcomes) < len(trial.runs):
            return
        self._open.pop(trial.number, None)
        values = [
            figure(outcome.summary, self.record.objective) for outcome in opened.outcomes.values()
        ]
        known = [value for value in values if value is not None]
        mean = fmean(known) if not trial.pruned and len(known) == len(trial.runs) else None
        if mean is not None:
            pick = max if self.record.direction == "maximize" else min
            self.tally.best = mean if self.tally.best is None else pick(self.tally.best, mean)
        if self._study is not None:
            self._study.tell(trial.number, mean, pruned=trial.pruned)

    def _made_study(self) -> Study | None:
        """Optuna's view of the sweep, with the trials there are; None where nothing needs it."""
        if not self._adaptive() and not self.record.prune:
            return None
        study = Study(
            self.record.direction,
            self.record.prune,
            self.folder.journal_path if self.record.prune else None,
        )
        for trial in self.record.trials:
            study.add(trial.params, trial.distributions, self._reported_before(trial))
        return study

    def _reported_before(self, trial: Trial) -> dict[int, float]:
        """What the trial's first run said of itself before this process took the sweep up: the objective by units of work."""
        folder = self.folder.run(self.record.lab, trial.runs[0])
        if not self.record.prune or not folder.record_path.exists():
            return {}
        unit, column = folder.read().unit.replace(" ", "_"), self.record.objective
        said: dict[int, float] = {}
        for stream in STREAMS:
            columns = folder.metrics().columns(stream, [unit, column])
            if unit in columns and column in columns:
                said |= {
                    int(at): float(value)
                    for at, value in zip(columns[unit], columns[column], strict=True)
                }
        return said

    def _show(self, begun: float, running: int) -> None:
        self.tally.seconds = time.monotonic() - begun
        self.tally.running = min(running, self.executor.slots())  # the others wait their turn
        self.progress(self.tally)


def layers_of(record: SweepRecord, trial: Trial) -> list[Mapping[str, Any]]:
    """Settings of a trial over the preset, weakest first.

    What was given for all overrides what was drawn, but no axis of a grid.
    """
    if record.search["kind"] == "grid":
        return [*record.layers, trial.settings]
    return [trial.settings, *record.layers]


def planned(record: SweepRecord, number: int, point: Point) -> Trial:
    """A point as a trial of the sweep, its runs named."""
    agent = dump(point.config).get("agent")
    label = agent["name"] if isinstance(agent, dict) else record.preset
    runs = [run_id(record.id, label, number, record.seed + seed) for seed in range(record.seeds)]
    return Trial(number, point.params, point.settings, runs, point.distributions)
