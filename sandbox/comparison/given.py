"""Results of others: rows of CSV files, shown beside the runs of a comparison.

They are marked everywhere as given. A file is kept in the comparison's folder as it was read.
`outcome` reads what other programs log of one run of training.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from io import BytesIO, StringIO
from math import isfinite
from pathlib import Path
from statistics import fmean
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import AfterValidator, NonNegativeFloat, NonNegativeInt

from sandbox.comparison.agent_result import AgentResult
from sandbox.comparison.run_scores import RunScores
from sandbox.config.model import LabConfig
from sandbox.config.resolve import resolve
from sandbox.errors import SandboxError, UsageError
from sandbox.extras import need
from sandbox.input_files import read_bytes, read_text
from sandbox.score import Score

COLUMNS = ("agent", "task", "seed", "env_steps", "score")
"""What a file must have; `higher_is_better` may be missing, and other columns are ignored."""
LAST = 100
"""Episodes of learning whose mean return is the score."""
LONGEST = 100
"""Characters of an agent's name."""


def _name(text: str) -> str:
    if not (0 < len(text) <= LONGEST and text.isprintable()):
        raise ValueError(f"it should have 1 to {LONGEST} characters, all of them printable")
    return text


class GivenRow(LabConfig, extra="ignore"):
    """What one training run of others reached.

    Attributes:
        agent, seed: each pair once in all files of a comparison; a name has 1 to 100 printable
            characters.
        task: the lab, or its environment where it has several.
        env_steps: env steps of learning.
        score: final score, as the lab defines it.
        higher_is_better: the direction of the score; None for that of the lab.
    """

    agent: Annotated[str, AfterValidator(_name)]
    task: str
    seed: NonNegativeInt
    env_steps: NonNegativeFloat
    score: float
    higher_is_better: bool | None = None


class Given(NamedTuple):
    """Results of others.

    Attributes:
        files: the bytes of each file, and what the comparison's document says of it: its name in
            the comparison's folder, where it was read, and its SHA-256.
        rows: by the agent's label, which marks it as given, and seed.
    """

    files: list[tuple[bytes, dict[str, str]]]
    rows: dict[tuple[str, int], GivenRow]


NOTHING = Given([], {})


def read_given(paths: Sequence[str | Path], task: str) -> Given:
    """Results of others from files.

    Args:
        paths: CSV files.
        task: the name of the task that is compared.

    Raises:
        UsageError: for the first file that cannot be read, lacks a column or has no row, and for
            the first row with a wrong value, of another task, or of a seed that its agent had.
    """
    given = Given([], {})
    for path in paths:
        try:
            content = read_bytes(Path(path))
            text = StringIO(content.decode("utf-8-sig"), newline="")
            reader = csv.DictReader(text, restkey="more")
            cells = [(reader.line_num, cell) for cell in reader]
        except (OSError, ValueError, csv.Error) as error:
            raise UsageError(f"--given {path}: {error}. It should be a CSV file.") from error
        if missing := set(COLUMNS).difference(*(cell for _, cell in cells[:1])):
            raise UsageError(
                f"--given {path} has no {', '.join(sorted(missing))}. Its first line should be "
                f"{','.join(COLUMNS)}, and a line for each run should follow."
            )
        digest = sha256(content).hexdigest()
        about = {"file": f"given-{digest[:12]}.csv", "source": str(path), "sha256": digest}
        given.files.append((content, about))
        for line, cell in cells:
            here = f"--given {path}, line {line}"
            row = resolve(GivenRow, [cell], here)
            label = f"{row.agent} (given)"
            if row.task != task:
                raise UsageError(
                    f"{here}: task '{row.task}' is not '{task}', which is compared. Keep only rows "
                    "of that task."
                )
            if given.rows.setdefault((label, row.seed), row) is not row:
                raise UsageError(
                    f"{here}: {label} has seed {row.seed} a second time. Keep one row for each "
                    "seed."
                )
    return given


def given_agents(given: Given, score: Score) -> list[AgentResult]:
    """The agents of results of others, beside measured ones.

    Args:
        given: the results.
        score: a score of a measured run, whose name, optimum and direction hold for all.

    Raises:
        SandboxError: when a row says that its score has the other direction.
    """
    agents: dict[str, list[RunScores]] = {}
    for (label, seed), row in given.rows.items():
        if row.higher_is_better is (not score.higher_is_better):
            raise SandboxError(
                f"{label}, seed {seed}: higher_is_better is not as for {score.name}, which is "
                "compared. Change the sign of that score, and that cell; the runs are kept."
            )
        own = replace(score, value=row.score, standard_error=None, episodes=None)
        run = RunScores("", seed, own, None, row.env_steps, None, None, "", {})
        agents.setdefault(label, []).append(run)
    return [AgentResult(label, runs, len(runs), True) for label, runs in agents.items()]


def outcome(path: Path) -> tuple[int, float]:
    """Env steps of learning, and the score.

    The score is the mean return of the last evaluation where the file has evaluations, else of the
    last `LAST` episodes of learning, which contain exploration.

    Args:
        path: `evaluations.npz` of Stable-Baselines3's EvalCallback, an event file of TensorBoard as
            CleanRL writes it, or a file of Stable-Baselines3's Monitor.

    Raises:
        UsageError: when it is another file, or has no episode.
    """
    try:
        if path.suffix == ".npz":
            file = np.load(BytesIO(read_bytes(path)), allow_pickle=False)
            steps, returns = file["timesteps"][-1], file["results"][-1]
        elif "tfevents" in path.name:
            need("An event file", "trackers", "tensorboard")
            from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

            scalars = EventAccumulator(str(path), {"scalars": 0}).Reload().Scalars
            events = scalars("charts/episodic_return")
            steps, returns = events[-1].step, [event.value for event in events[-LAST:]]
        else:
            lines = read_text(path).splitlines()[1:]
            table = np.atleast_1d(np.genfromtxt(lines, delimiter=",", names=True))
            steps, returns = table["l"].sum(), table["r"][-LAST:]
        score = fmean(returns)
        if not isfinite(score):
            raise ValueError(f"the mean return is {score}")
        return int(steps), score
    except SandboxError:
        raise
    except Exception as error:
        raise UsageError(
            f"{path} has no episodes that can be read ({error}). It should be a *.monitor.csv or "
            "evaluations.npz of Stable-Baselines3, or an event file with charts/episodic_return."
        ) from error
