"""One configuration with many seeds, learned together on all cores.

Each seed gives the same bytes as in a run of one seed. Metrics are bands over seeds for each
episode; with `--env-steps` seeds may end at different episodes, and later bands are of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np

from agents.control.base import HIGH, LOW, AgentExperiment, ShownExperiment
from sandbox.lab import Block, Context, Frame, State, Summary
from sandbox.score import Score
from sandbox.stats import aggregates
from sandbox.store import Artifacts, Metrics


class ManySeeds(ShownExperiment):
    """Experiments that differ only in their seeds, advanced block by block in threads.

    Compiled learning releases the GIL, so that the threads run on several cores.

    Args:
        experiments: one for each seed, freshly built, all of one configuration.
        contexts: their contexts, in the same order; the contexts' generators are part of the state.
        threads: number of experiments that learn at the same time.
        full: whether to keep every seed's own metrics too, as streams "learn, seed 7".
    """

    def __init__(
        self,
        experiments: Sequence[AgentExperiment],
        contexts: Sequence[Context],
        threads: int,
        full: bool = False,
    ) -> None:
        self.experiments, self.contexts, self.full = list(experiments), list(contexts), full
        first = experiments[0]
        self.config, self.unit, self.limit = first.config, first.unit, first.limit
        self.headline = [f"{first.headline[0]}_{kind}" for kind in ("mean", "low", "high")]
        self._threads = max(1, min(threads, len(self.experiments)))
        self._ready: dict[int, Sequence[Block]] = {}
        """For an interrupted block: the blocks of the seeds that have finished it."""

    @property
    def seeds(self) -> list[int]:
        """The seeds, in order."""
        return [context.seed for context in self.contexts]

    @property
    def done_units(self) -> int:
        """Units that all seeds have finished, but for those that ended before."""
        waiting = [self.experiments[number].done_units for number in self._waiting()]
        return waiting[0] if waiting else max(one.done_units for one in self.experiments)

    def _waiting(self) -> list[int]:
        """The seeds that have not ended, and not finished the present block."""
        return [
            number
            for number, experiment in enumerate(self.experiments)
            if number not in self._ready and not experiment.done
        ]

    @property
    def done(self) -> bool:
        """Whether all seeds are done."""
        return all(experiment.done for experiment in self.experiments)

    @property
    def env_steps(self) -> int:
        """Steps of learning of all seeds together."""
        return sum(experiment.env_steps or 0 for experiment in self.experiments)

    @property
    def spent(self) -> Mapping[str, float]:
        """The sums over seeds."""
        every = [experiment.spent for experiment in self.experiments]
        return {name: sum(one[name] for one in every) for name in every[0]}

    @property
    def agent(self) -> Any:
        """The agent of the first seed."""
        return self.experiments[0].agent

    @property
    def headline_optimum(self) -> float | None:
        """The same for all seeds."""
        return self.experiments[0].headline_optimum

    def advance(self) -> list[Block]:
        """The next block of every seed and their bands; empty if the time limit is reached
        first."""
        blocks = self._advanced()  # [seeds][blocks]; a seed that ended before has none
        if not blocks:
            return []
        banded = [
            bands(some, self.experiments[0].banded)
            for some in zip(*filter(None, blocks), strict=True)
        ]
        if self.full:
            banded += [
                Block(f"{block.stream}, seed {seed}", block.columns)
                for seed, one in zip(self.seeds, blocks, strict=True)
                for block in one
            ]
        return banded

    def _advanced(self) -> list[Sequence[Block]]:
        """The next blocks of every seed; empty if the time limit is reached before all seeds have
        advanced.

        An interrupt waits for the seeds that are currently learning; seeds still queued are
        cancelled.
        """
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="seed")
        begun = {
            number: pool.submit(self.experiments[number].advance) for number in self._waiting()
        }
        try:
            for future in begun.values():
                future.result()
                if not self.contexts[0].on_time():
                    break
        finally:
            pool.shutdown(cancel_futures=True)
        self._ready |= {
            number: future.result() for number, future in begun.items() if not future.cancelled()
        }
        if self._waiting():
            return []
        ready, self._ready = self._ready, {}
        return [ready.get(number, ()) for number in range(len(self.experiments))]

    def state(self) -> State:
        """The states of all seeds, generators included."""
        state = {
            "experiments": [experiment.state() for experiment in self.experiments],
            "generators": [context.generators.state() for context in self.contexts],
        }
        ready = [
            {
                "number": number,
                "blocks": [
                    {"stream": stream, "columns": dict(columns)} for stream, columns in blocks
                ],
            }
            for number, blocks in self._ready.items()
        ]
        return state | ({"ready": ready} if ready else {})

    def frames(self, name: str, rng: np.random.Generator, history: bool) -> Iterator[Frame]:
        """The frames of the first seed."""
        return self.experiments[0].frames(name, rng, history)

    def pictures(self, name: str, artifacts: Artifacts, metrics: Metrics) -> None:
        """Bands of learning curves, the final scores, and the tables of all seeds."""
        from agents.control import curves

        table, score, seeds = self.table(), self.score(), len(self.seeds)
        artifacts.save_array("q_tables.npy", np.stack([one.agent.q for one in self.experiments]))
        rows = zip(*(column.tolist() for column in table.values()), strict=True)
        cells = (["" if value != value else value for value in row] for row in rows)  # no NaN
        artifacts.write_csv("seeds.csv", table, cells)
        first = self.experiments[0]
        curve = import_module(first.figures).seeds_curve(first, metrics, name, seeds)
        artifacts.save_figure("learning_curve.png", curve)
        title = f"{name}: where {seeds} seeds of {self.config.agent.name} ended"
        label = f"{score.unit} of the greedy policy"
        histogram = curves.score_histogram(table[score.name], score.optimum, title, label)
        artifacts.save_figure("scores.png", histogram)

    def restore(self, state: State) -> None:
        """Restore what `state` returned."""
        for experiment, context, own, generators in zip(
            self.experiments, self.contexts, state["experiments"], state["generators"], strict=True
        ):
            experiment.restore(own)
            context.generators.restore(generators)
        self._ready = {
            one["number"]: [Block(**block) for block in one["blocks"]]
            for one in state.get("ready", [])
        }

    @property
    def notes(self) -> list[str]:
        """The notes of all experiments without duplicates."""
        return list(
            dict.fromkeys(note for experiment in self.experiments for note in experiment.notes)
        )

    def score(self) -> Score:
        """The mean of the seeds' scores."""
        scores = [experiment.score() for experiment in self.experiments]
        optimum = None if any(score.optimum is None for score in scores) else scores[0].optimum
        errors = [score.standard_error for score in scores if score.standard_error is not None]
        error = float(np.sqrt(np.square(errors).sum())) / len(scores) if errors else None
        episodes = [score.episodes for score in scores if score.episodes is not None]
        return replace(
            scores[0],
            value=float(np.mean([score.value for score in scores])),
            optimum=optimum,
            standard_error=error,
            episodes=sum(episodes) if episodes else None,
        )

    def summary(self) -> Summary:
        """Means over seeds, and how many seeds reached the best possible score."""
        table, judged = self.table(), self.experiments[0].score()
        score, scores = judged.name, table[judged.name]
        summary: Summary = {
            score: float(scores.mean()),
            "seeds": len(self.experiments),
            f"{score}_iqm": float(aggregates.iqm(scores[:, None])),
            f"{score}_low": float(np.percentile(scores, LOW)),
            f"{score}_high": float(np.percentile(scores, HIGH)),
            "episodes": _whole(table["episodes"].mean()),
            "env_steps": self.env_steps,
        }
        if "overshoot" in table:
            summary["overshoot"] = _whole(table["overshoot"].mean())
        if np.isfinite(table["regret"]).all():
            summary["optimal_return" if judged.name == "greedy_return" else "optimum"] = (
                judged.optimum
            )
            summary["regret"] = float(table["regret"].mean())
            summary["solved"] = float(
                np.mean(table["regret"] <= 1e-9 * np.maximum(1.0, np.abs(table["greedy_return"])))
            )
        return summary

    def table(self) -> dict[str, np.ndarray]:
        """The scores of every seed: columns [seeds], NaN for no value."""
        rows = [experiment.summary() for experiment in self.experiments]
        columns = {
            name: np.array([row[name] for row in rows], dtype=np.float64)
            for name, value in rows[0].items()
            if value is None or isinstance(value, (int, float))
        }
        return {"seed": np.array(self.seeds), **columns}


def bands(blocks: Sequence[Block], banded: Sequence[str]) -> Block:
    """Merge blocks of several seeds into one.

    A banded column becomes mean, interquartile mean, median, and the bounds of the middle 95 %.

    Args:
        blocks: one for each seed, of the same stream; a shorter one is of a seed that ended.
        banded: columns that differ from seed to seed.
    """
    first = max(blocks, key=lambda block: len(next(iter(block.columns.values()))))
    columns: dict[str, Any] = {
        name: column for name, column in first.columns.items() if name not in banded
    }
    for name in banded:
        if name in first.columns:
            values = np.full((len(blocks), len(first.columns[name])), np.nan)  # [seeds, rows]
            for row, block in zip(values, blocks, strict=True):
                row[: len(block.columns[name])] = block.columns[name]
            columns |= {f"{name}_{kind}": band for kind, band in _band(values).items()}
    return Block(first.stream, columns)


def _whole(value: float) -> float:
    """A mean of counts, as a whole number where it is one."""
    return int(value) if float(value).is_integer() else float(value)


def _band(values: np.ndarray) -> dict[str, np.ndarray]:
    """Bands over the first axis of [seeds, rows], ignoring seeds without a value."""
    ordered = np.sort(values, axis=0)  # [seeds, rows], those without a value last
    known = np.isfinite(ordered)  # [seeds, rows]
    count = known.sum(axis=0)  # [rows]
    low, median, high = (_percentile(ordered, count, share) for share in (LOW, 50.0, HIGH))
    band = {
        "mean": _mean(ordered, known),
        "iqm": _trimmed(ordered, count),
        "median": median,
        "low": low,
        "high": high,
    }
    return band if known.all() else {**band, "share": known.mean(axis=0)}


def _mean(values: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Means over the first axis of the values where `kept` is True, NaN where all are False; both
    [seeds, rows]."""
    count = kept.sum(axis=0)
    return np.sum(values, axis=0, where=kept) / np.where(count, count, np.nan)


def _percentile(ordered: np.ndarray, count: np.ndarray, share: float) -> np.ndarray:
    """A percentile of the first `count` of sorted values, linear between neighbours.

    That is NumPy's default; NaN where count is 0.

    Args:
        ordered: float64 [seeds, rows], sorted along the first axis.
        count: int64 [rows].
        share: percentile, 0 to 100.
    """
    place = share / 100 * np.maximum(count - 1, 0)  # [rows]
    below = place.astype(np.int64)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    lower, upper = (
        np.take_along_axis(ordered, number[None], axis=0)[0] for number in (below, above)
    )  # [rows], each
    return np.add(lower, (place - below) * (upper - lower))


def _trimmed(ordered: np.ndarray, count: np.ndarray) -> np.ndarray:
    """The mean of `count` sorted values without the lowest and the highest quarter; the number cut
    at each end is rounded down."""
    cut = count // 4  # [rows]
    number = np.arange(len(ordered))[:, None]  # [seeds, 1]
    return _mean(ordered, (number >= cut) & (number < count - cut))
