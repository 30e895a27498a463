"""Executes a sweep: asks for trials, submits their runs, collects the outcomes.

New and resumed sweeps are executed in the same way: the trials in sweep.json are opened in order,
and only their unfinished runs are submitted.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from sandbox.config.model import Layer
from sandbox.execution.jobs import STREAMS, Job, RunOutcome
from sandbox.execution.scheduler import run_jobs
from sandbox.execution.workers import Executor
from sandbox.lab import Lab
from sandbox.runs.loop import Settings
from sandbox.runs.request import Request, label_of, preset_of
from sandbox.store.sweeps import SweepFolder, SweepRecord, Trial, run_id
from sandbox.sweeps.results import checked_objective, figure
from sandbox.sweeps.space import Point, draw
from sandbox.sweeps.study import Study, TrialPruner, sampler
from sandbox.text import now, unit_columns


@dataclass
class Tally:
    """How far a sweep is; runs, not trials.

    Attributes:
        total: number of runs known so far; pruned trials skip some of their runs.
        done: runs that ended in any way, now or before.
        failed, pruned, running: how many of each.
        seconds: time since this process started or resumed the sweep.
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
        """Time until the end, at the pace so far; None before any run ended."""
        if not self.done_now:
            return None
        return self.seconds / self.done_now * (self.total - self.done)


@dataclass
class OpenTrial:
    """A trial whose runs are not all done.

    Attributes:
        trial: the trial.
        outcomes: outcomes of the runs that ended, by id.
    """

    trial: Trial
    outcomes: dict[str, RunOutcome] = field(default_factory=dict)


@dataclass
class SweepRunner:
    """Executes one sweep.

    Attributes:
        folder: its folder, locked by the caller.
        record: what was planned; kept up to date on disk.
        lab: the lab.
        executor: executes the runs.
        progress: called with the tally whenever it changes.
        again: whether to retry runs that failed.
        allow_changed: whether to resume runs that began under other versions.
        reported: whether any run reported values to the pruner.
    """

    folder: SweepFolder
    record: SweepRecord
    lab: Lab
    executor: Executor
    progress: Callable[[Tally], None]
    again: bool = False
    allow_changed: bool = False
    reported: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        record = self.record
        self._adaptive = record.search["kind"] == "tpe"
        self._parallel = bool(record.workers or record.scheduler)
        """Whether several trials are under way at a time: only on workers, where completion order
        is nondeterministic."""
        self._trials = int(record.search["trials"]) if self._adaptive else len(record.trials)
        self.tally = Tally(total=self._trials * record.seeds, objective=record.objective)
        self._queue: deque[str] = deque()
        self._open: set[int] = set()
        """Numbers of the trials whose runs are not all done."""
        self._trial_of: dict[str, OpenTrial] = {}
        self._next = 0
        self._begun = time.monotonic()

    def run(self) -> None:
        """Execute the sweep to its end, or until it is asked to stop; the record says how it ended.

        Raises:
            SandboxError: when runs cannot even be tried; what ended before is kept.
        """
        record = self.record
        self._study = self._new_study()
        # draws and pruning depend on the runs before, so no run is queued for a busy slot
        per_slot = 1 if self._adaptive or record.prune else 2
        try:
            ended = run_jobs(
                self._next_job,
                self._take,
                self.executor,
                self.folder.stop_path,
                per_slot=per_slot,
                show=self._show,
            )
            record.status = "finished" if ended else "interrupted"
        except KeyboardInterrupt:
            record.status = "interrupted"
            raise
        except BaseException as error:
            record.status, record.error = "failed", str(error)
            raise
        finally:
            self.folder.stop_path.touch()  # no run of this sweep continues without this process
            record.ended = now()
            self.folder.write(record)

    # -- what comes next

    def _next_job(self) -> Job | None:
        while not self._queue:
            if self._next == len(self.record.trials) and not self._draw_trial():
                return None
            self._open_trial(self.record.trials[self._next])
            self._next += 1
        return self._job(self._queue.popleft())

    def _open_trial(self, trial: Trial) -> None:
        opened = OpenTrial(trial)
        self._open.add(trial.number)
        self._trial_of |= dict.fromkeys(trial.runs, opened)
        runs = [run for run in trial.runs if not self._ended_before(opened, run)]
        if not trial.pruned:  # the other seeds start only if the pruner keeps the first
            first_decides = self.record.prune and runs[:1] == trial.runs[:1]
            self._queue.extend(runs[:1] if first_decides else runs)
        self._close_if_done(opened)

    def _ended_before(self, opened: OpenTrial, run: str) -> bool:
        """Take the outcome of a run that ended before; False when it has yet to be executed."""
        folder = self.folder.run(self.record.lab, run)
        if not folder.record_path.exists():
            return False
        outcome = RunOutcome.of(folder.read())
        ended = outcome.status == "finished" or (outcome.status == "failed" and not self.again)
        if ended:
            self._count(opened, outcome)
        return ended

    def _draw_trial(self) -> bool:
        """Draw one more trial; False when enough trials were drawn, or enough are running."""
        record, number = self.record, len(self.record.trials)
        at_once = max(1, round(self.executor.slots() / record.seeds)) if self._parallel else 1
        if self._study is None or number >= self._trials or len(self._open) >= at_once:
            return False
        trial = self._study.ask(sampler("tpe", record.seed, number, parallel=self._parallel))
        preset = preset_of(self.lab, record.lab, record.preset)
        point = draw(self.lab, preset, record.layers, trial, f"lab '{record.lab}'")
        record.trials.append(planned(record, number, point))
        self.folder.write(record)
        return True

    def _job(self, run: str) -> Job:
        record, how, trial = self.record, self.record.how, self._trial_of[run].trial
        request = Request(
            record.lab,
            record.preset,
            layers_of(record, trial),
            record.seed + trial.runs.index(run),
            threads=how.threads,
            device=how.device,
            data=Path(how.data) if how.data else None,
            command=record.command,
            id=run,
        )
        pruner = None
        if record.prune and run == trial.runs[0]:
            journal = str(self.folder.journal_path.resolve())
            pruner = TrialPruner(journal, trial.number, record.prune, record.objective)
        return Job(
            request,
            str(self.folder.store.root.resolve()),
            Settings(how.checkpoint_seconds, pictures=how.pictures, animation=how.pictures),
            str(self.folder.stop_path.resolve()),
            self.again,
            self.allow_changed,
            pruner,
        )

    # -- outcomes

    def _take(self, job: Job, outcome: RunOutcome) -> None:
        """Take the outcome of a run that ended now."""
        opened = self._trial_of[job.request.id]
        self.reported = self.reported or outcome.reported
        self._count(opened, outcome)
        self.tally.done_now += 1
        runs = opened.trial.runs
        others = [run for run in runs if run not in opened.outcomes]
        if outcome.pruned:
            opened.trial.pruned = True
            self.tally.pruned += 1
            self.tally.total -= len(others)
            self.folder.write(self.record)
        elif self.record.prune and job.request.id == runs[0]:
            self._queue.extend(others)
        self._close_if_done(opened)

    def _count(self, opened: OpenTrial, outcome: RunOutcome) -> None:
        opened.outcomes[outcome.run] = outcome
        self.tally.done += 1
        self.tally.failed += outcome.status not in ("finished", "interrupted")
        if outcome.status == "finished":
            self._check_objective(outcome)

    def _check_objective(self, outcome: RunOutcome) -> None:
        """Check that the run has the objective; where none was named, it is the lab's own, or else
        the run's score."""
        record, score = self.record, outcome.score  # its value may be no finite number
        if record.objective:
            checked_objective(record.objective, outcome.summary)
            return
        own = self.lab.objective.removeprefix("summary.")
        direction = self.lab.direction_of(own)
        if own in outcome.summary and direction:
            objective = own
        else:
            objective = checked_objective(score.get("name", ""), outcome.summary)
            direction = "maximize" if score.get("higher_is_better", True) else "minimize"
            if own not in outcome.summary and own:
                record.error = f"The runs have no {own}, so {objective} is compared, their score."
            elif not score and not record.direction:
                record.error = (
                    f"Lab '{record.lab}' declares no score, so more of '{objective}' counts as "
                    "better; --direction minimize turns it."
                )
        record.objective = self.tally.objective = objective
        record.direction = record.direction or direction
        self.folder.write(record)

    def _close_if_done(self, opened: OpenTrial) -> None:
        trial = opened.trial
        if not trial.pruned and len(opened.outcomes) < len(trial.runs):
            return
        self._open.discard(trial.number)
        known = [
            value
            for one in opened.outcomes.values()
            if (value := figure(one.summary, self.record.objective)) is not None
        ]
        mean = fmean(known) if not trial.pruned and len(known) == len(trial.runs) else None
        if mean is not None:
            pick, best = max if self.record.direction == "maximize" else min, self.tally.best
            self.tally.best = mean if best is None else pick(best, mean)
        if self._study is not None:
            self._study.tell(trial.number, mean, pruned=trial.pruned)

    def _new_study(self) -> Study | None:
        """Optuna's study with the trials so far; None where nothing needs it."""
        record = self.record
        if not self._adaptive and not record.prune:
            return None
        journal = self.folder.journal_path if record.prune else None
        study = Study(record.direction, record.prune, journal)
        for trial in record.trials:
            study.add(trial.params, trial.distributions, self._reported_before(trial))
        return study

    def _reported_before(self, trial: Trial) -> dict[int, float]:
        """Objectives that a trial's first run reported before this process began, by units of
        work."""
        folder = self.folder.run(self.record.lab, trial.runs[0])
        if not self.record.prune or not folder.record_path.exists():
            return {}
        units, objective = unit_columns(folder.read().unit), self.record.objective
        reported: dict[int, float] = {}
        for stream in STREAMS:
            columns = folder.metrics().columns(stream, [*units, objective])
            values, steps = columns.pop(objective, None), [*columns.values()]
            if values is not None and steps:
                pairs = zip(steps[0], values, strict=True)
                reported |= {int(step): float(value) for step, value in pairs}
        return reported

    def _show(self, handed_out: int) -> None:
        self.tally.seconds = time.monotonic() - self._begun
        self.tally.running = min(handed_out, self.executor.slots())  # the others wait
        self.progress(self.tally)


def layers_of(record: SweepRecord, trial: Trial) -> list[Layer]:
    """The layers of settings that a trial puts over the preset, weakest first.

    Settings that all trials share override drawn values, but not the axes of a grid.
    """
    if record.search["kind"] == "grid":
        return [*record.layers, trial.settings]
    return [trial.settings, *record.layers]


def planned(record: SweepRecord, number: int, point: Point) -> Trial:
    """A point of the space as a trial of the sweep, with the ids of its runs."""
    label = label_of(point.config, record.preset)
    runs = [run_id(record.id, label, number, record.seed + seed) for seed in range(record.seeds)]
    return Trial(number, point.params, point.settings, runs, point.distributions)
