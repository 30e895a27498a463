"""What a plugin gives and what it gets: Lab, Experiment, Block, Context, Observer, Action, Claim.

An experiment only computes. It prints nothing, opens nothing and draws random numbers from its context alone, so what a run
computes is a function of configuration and seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeGuard, runtime_checkable

if TYPE_CHECKING:
    import numpy as np

    from sandbox.config.model import LabConfig
    from sandbox.seeding import Generators
    from sandbox.store.artifacts import Artifacts

State = dict[str, Any]
"""All that an experiment needs to go on bit for bit: nested dicts and lists of arrays, numbers, strings, booleans and None.

Tuples come back as lists; NumPy scalars keep their type."""

Summary = dict[str, Any]
"""Figures of a run: plain values that fit into JSON."""


@dataclass(frozen=True)
class Score:
    """What a run is judged by: declared by its experiment, and read by listings, curves, comparisons and sweeps.

    `value` and `optimum` have one definition, denominator included. The stream "evaluate" has a column of the same name where the
    score is followed while it learns.

    Attributes:
        name: as in the summary ("reward_per_step").
        value: of the run; NaN before there is one.
        optimum: the best possible value, or None where nobody knows it.
        optimum_is: which optimum is meant, in words ("highest expected return of an episode of 168 steps, undiscounted").
        higher_is_better: whether more is better.
        unit: of the value ("reward per step").
        standard_error: of a value that was sampled; None where it is exact.
        episodes: how many episodes were sampled; None where it is exact.

    Example:
        >>> from sandbox import run
        >>> score = run("maze", agent="sarsa", episodes=1500, pictures=False).score
        >>> score.name, score.value, score.optimum, score.higher_is_better
        ('reward_per_step', 0.75, 0.75, True)
    """

    name: str
    value: float
    optimum: float | None = None
    optimum_is: str = ""
    higher_is_better: bool = True
    unit: str = ""
    standard_error: float | None = None
    episodes: int | None = None

    def above_optimum(self, errors: float = 5.0) -> bool:
        """Whether the value is better than the best possible one, by more than rounding and so many standard errors."""
        if self.optimum is None:
            return False
        gain = (self.value - self.optimum) * (1 if self.higher_is_better else -1)
        return gain > errors * (self.standard_error or 0.0) + 1e-9 * max(1.0, abs(self.optimum))


def score_of(declared: Mapping[str, Any], summary: Summary) -> Score | None:
    """The score that a record holds.

    Args:
        declared: what the experiment declared, as plain values; empty where it declares none, and in records written before
            experiments could. The score is the first number of the summary then, and more is better.
        summary: of the run.

    Returns:
        None where there is no finite number.
    """
    if declared:
        known = {
            name: value for name, value in declared.items() if name in Score.__dataclass_fields__
        }
        return Score(**known) if _is_number(known.get("value")) else None
    name, value = next(iter(summary.items()), ("", None))
    if not _is_number(value):
        return None
    optimum = summary.get(f"optimal_{name.removeprefix('greedy_')}", summary.get("optimum"))
    return Score(name, float(value), float(optimum) if _is_number(optimum) else None)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


class Block(NamedTuple):
    """What happened since the last block.

    Attributes:
        stream: "learn", "evaluate", "validate" …; each has its own cadence.
        columns: equally long sequences or one-dimensional arrays; the experiment's unit is one of them. NaN stands for "none".

    Example:
        >>> from sandbox import Block
        >>> block = Block("learn", {"epoch": [1, 2], "loss": [0.9, 0.4]})
        >>> block.stream, block.columns["loss"][-1]
        ('learn', 0.4)
    """

    stream: str
    columns: Mapping[str, Sequence[Any] | np.ndarray]


@runtime_checkable
class Experiment(Protocol):
    """Work that is done in stretches, and can be put down and taken up again between any two of them.

    Five more attributes are used where they exist: `score()` (what the run is judged by, a `Score`), `headline` (names of the columns
    that are shown while it works; without it the first figures of each block are), `env_steps` (steps of an environment so far, for
    the speed in the summary), `learned_seconds` (time spent learning in this process, where `advance` also does other things), and
    `notes` (sentences that become warnings of the run).

    Example:
        >>> from sandbox import Block, Experiment
        >>> class Walk:
        ...     unit, limit = "step", 100
        ...     def __init__(self, rng):
        ...         self.rng, self.done_units, self.position = rng, 0, 0.0
        ...     done = property(lambda self: self.done_units >= self.limit)
        ...     def advance(self):
        ...         self.done_units, self.position = self.done_units + 1, self.position + self.rng.normal()
        ...         return [Block("walk", {"step": [self.done_units], "position": [self.position]})]
        ...     def state(self):
        ...         return {"done": self.done_units, "position": self.position}
        ...     def restore(self, state):
        ...         self.done_units, self.position = state["done"], state["position"]
        ...     def summary(self):
        ...         return {"position": self.position}
        >>> import numpy as np
        >>> isinstance(Walk(np.random.default_rng(0)), Experiment)
        True
    """

    unit: str
    """What `done_units` counts: "episode", "epoch", "trial", "env step"."""
    limit: int | None
    """Upper bound of `done_units`, for the progress bar; None when unknown."""

    @property
    def done_units(self) -> int:
        """Units of work done so far."""
        ...

    @property
    def done(self) -> bool:
        """Whether the work is finished; early stopping and overshoot are the experiment's own business."""
        ...

    def advance(self) -> Sequence[Block]:
        """Do the next stretch of work, best well below a second, whose length depends on configuration and seed alone."""
        ...

    def state(self) -> State:
        """Everything needed to go on bit for bit, the generators of the context aside (the loop keeps those)."""
        ...

    def restore(self, state: State) -> None:
        """Take up a state that `state` returned, in a freshly built experiment."""
        ...

    def summary(self) -> Summary:
        """Scores of what was done so far; cheap, writes nothing, changes nothing."""
        ...


def always() -> bool:
    """There is time without end."""
    return True


@dataclass(frozen=True)
class Context:
    """What an experiment may touch.

    Attributes:
        seed: the run's seed.
        generators: named NumPy generators made from the seed; the loop saves them with each checkpoint.
        artifacts: where files of this run go.
        data: folder of data files given with `--data`, or None.
        device: "cpu", "cuda" or "mps", for labs that can use an accelerator.
        threads: number of threads that numerical libraries may use.
        full_metrics: whether an experiment of many seeds keeps every seed's own metrics, beside the bands.
        on_time: asked by work that may take minutes in one go: False once the run should have stopped (`--max-time`), so that it is put
            down in the middle. Before the first block there is nothing to put down: OutOfTime ends the run.

    Example:
        >>> from sandbox import Context
        >>> from sandbox.seeding import Generators
        >>> context = Context(7, Generators(7), artifacts=None)  # as a test makes one; in a run the loop does
        >>> context.rng("weights") is context.rng("weights"), context.rng("weights") is context.rng("order")
        (True, False)
    """

    seed: int
    generators: Generators
    artifacts: Artifacts
    data: Path | None = None
    device: str = "cpu"
    threads: int = 1
    full_metrics: bool = False
    on_time: Callable[[], bool] = always

    def rng(self, name: str) -> np.random.Generator:
        """The generator of that name: the same object at every call, independent of all others."""
        return self.generators[name]


class Frame(Protocol):
    """One picture of an animation, drawn when it is needed."""

    def draw(self, hidden: frozenset[str] = frozenset()) -> np.ndarray:
        """Pixels, uint8 [height, width, 3], without the layers named in `hidden`."""
        ...


@runtime_checkable
class Lab(Protocol):
    """A question with its settings. Required: `Config` and `build`; the rest below is optional, see the other protocols.

    One more attribute is used where it exists, of labs and of agents: `follows_processor` is True where the last digits of a result
    depend on the processor (PyTorch, matrix products, sums that may be reordered). Such a run is not resumed on another processor
    without `--allow-changed`.

    Example:
        >>> from pydantic import Field
        >>> from sandbox import Lab, LabConfig
        >>> class WalkConfig(LabConfig):
        ...     steps: int = Field(1000, ge=1, description="how many steps")
        >>> class WalkLab:
        ...     Config, presets = WalkConfig, {"quick": {"steps": 10}}
        ...     def build(self, config, context):
        ...         return Walk(config.steps, context.rng("walk"))  # an Experiment
        >>> isinstance(WalkLab(), Lab)
        True
    """

    Config: type[LabConfig]
    """Its fields are the command line's options."""
    presets: Mapping[str, Mapping[str, Any]]
    """Named settings that override the defaults: "default", "report", "quick", "best"."""

    def build(self, config: Any, context: Context) -> Experiment:
        """A fresh experiment for a validated configuration."""
        ...


@runtime_checkable
class Pictures(Protocol):
    """A lab that makes pictures, tables and models of a finished experiment."""

    def pictures(self, experiment: Any, artifacts: Artifacts, metrics: Any) -> None:
        """Called after the summary is safe; may be called again; a failure here fails no run.

        Args:
            experiment: the experiment as it stands at the end.
            artifacts: where the files go.
            metrics: the run's `sandbox.store.metrics.Metrics`.
        """
        ...


@runtime_checkable
class Watchable(Protocol):
    """A lab whose experiments can be watched."""

    def frames(
        self, experiment: Any, rng: np.random.Generator, history: bool = False
    ) -> Iterator[Frame]:
        """Frames of how the experiment behaves now, or with `history` of how it came to that.

        Args:
            experiment: is only looked at.
            rng: a generator of the viewer's own, so that watching changes nothing.
            history: whether to replay the kept snapshots from the first to the last.
        """
        ...


@runtime_checkable
class Preparing(Protocol):
    """A lab that may need seconds before its work begins, the first time on a machine."""

    def preparation(self) -> str:
        """What it is about to do, in one sentence for the screen; empty when it takes no time."""
        ...


@runtime_checkable
class ChoosingThreads(Protocol):
    """A lab that knows how many threads serve it best, for runs without `--threads`; the others get one for each core."""

    def threads(self, config: Any, cores: int) -> int:
        """How many threads numerical libraries get; run.json keeps the number, and a resumed run has the same.

        Args:
            config: the validated configuration.
            cores: that the process may use.
        """
        ...


@runtime_checkable
class LearningTogether(Protocol):
    """A lab that can carry out many configurations as one experiment: `--seeds 1000`, and sweeps.

    Where some configurations of it cannot, `not_together(config)` says why, or "".
    """

    def build_many(self, configs: Sequence[Any], contexts: Sequence[Context]) -> Experiment:
        """A fresh experiment that advances all of them.

        Args:
            configs: validated configurations.
            contexts: one for each, with its own seed; their generators are part of the experiment's state.
        """
        ...


@runtime_checkable
class Suggesting(Protocol):
    """A lab with a search space of its own, for `sweep --random` and `--tpe`.

    Three more attributes are used where they exist: `objective` ("summary.regret") and `direction` ("minimize"), for `sweep` without
    `--objective`, which takes the runs' score otherwise; and `directions` ({"regret": "minimize"}), for other figures that may be named.
    """

    def suggest(self, trial: Any) -> Mapping[str, Any]:
        """Settings for one trial.

        Args:
            trial: an Optuna trial: `trial.suggest_float("agent.alpha", 0.01, 1, log=True)`. Define-by-run: one value may bound the next.

        Returns:
            Settings by the names of their options: `{"agent.alpha": 0.1}`, or nested.
        """
        ...


@runtime_checkable
class Acting(Protocol):
    """A lab that offers verbs on its finished runs: `python -m sandbox VERB RUN …`.

    A verb that is to have options of its own, and to stand in `--help`, is a command instead: see
    `sandbox.cli.verb.of_run`.
    """

    actions: Mapping[str, Action]


@dataclass(frozen=True)
class Action:
    """A verb on a finished run: what it does with the words behind it is its own business.

    Attributes:
        run: called as `run(loaded_run, arguments)` with the words that follow on the command line.
        summary: one line of help.

    Example:
        >>> from sandbox import Action
        >>> def tell(run, words):
        ...     print(run.id, run.summary, *words)
        >>> actions = {"tell": Action(tell, "Print a run's scores.")}  # of a lab: python -m sandbox tell RUN
    """

    run: Callable[[Any, Sequence[str]], None]
    summary: str = ""


class Observer(Protocol):
    """Somebody who is told what happens in a run. One that raises is reported once and dropped; the run goes on."""

    def started(self, run: Any) -> None:
        """The run begins, or goes on after a resume (then `run.resumed_at` counts the units already done)."""

    def block(self, run: Any, block: Block) -> None:
        """A block was written."""

    def ended(self, run: Any) -> None:
        """The run has its final status."""


Kind = Literal["equal", "at least", "at most", "proportion", "order"]


@dataclass(frozen=True)
class Claim:
    """Something a report found, as something that can be measured: one figure, or one relation between two.

    A finding with several figures is several claims with the same id and sentence, told apart by `part`.

    Attributes:
        id: as in the report ("G4").
        says: the finding in one sentence.
        reported: the report's figure (for "order" it has none), or None when this part is measured without being judged.
        kind: how `reported` and what we measure are compared. "equal", "at least" and "at most" compare with the distribution of single
            runs; "proportion": the share of runs of which `measure` says 1 rather than 0; "order": `measure` gives a difference that is
            above 0 when the run agrees.
        measure: called with a seed; returns the figure of one run. Called in several threads at once.
        margin: tolerance in the figure's unit, for rounding and for what the report leaves open.
        min_seeds: fewest runs that allow a verdict.
        runs: how many runs are made where one takes minutes, rather than 200. So few say where another falls only if runs are normally
            distributed, which is then assumed, and said.
        cost: seconds that one seed takes on one core, about.
        notes: what the reader should know of this figure.
        part: which of the finding's figures ("Q-learning + ε-greedy, linear ε").
        unit: of the figure ("reward per step").
        exact: whether the figure is computed rather than sampled: it is measured once, with seed 0.
        own: whether `reported` is our figure and not the report's: an answer to what it left open.
        should_hold: False for a statement that we know to be wrong: it is measured and shown, and is no failure.

    Example:
        >>> import numpy as np
        >>> from sandbox import Claim
        >>> def share(seed):
        ...     return 4 * float(np.mean(np.hypot(*np.random.default_rng(seed).random((2, 10_000))) < 1))
        >>> claim = Claim("D1", "Darts find pi", 3.1416, "equal", share, unit="")
        >>> abs(claim.measure(0) - claim.reported) < 0.1
        True
    """

    id: str
    says: str
    reported: float | None
    kind: Kind
    measure: Callable[[int], float]
    margin: float = 0.0
    min_seeds: int = 1
    runs: int | None = None
    cost: float = 1.0
    notes: str = field(default="", compare=False)
    part: str = ""
    unit: str = ""
    exact: bool = False
    own: bool = False
    should_hold: bool = True


@runtime_checkable
class Claiming(Protocol):
    """A lab whose report can be reproduced. `report_labs` is optional: other labs that the same report covers, measured along with it."""

    claims: Sequence[Claim]


class ClaimPicture(NamedTuple):
    """A figure for the page of a reproduction.

    Attributes:
        name: of its file, without ending ("learning_curves").
        caption: what is to be seen, one or two sentences.
        picture: a matplotlib figure, or the bytes of a PNG or GIF.
    """

    name: str
    caption: str
    picture: Any


@runtime_checkable
class ClaimPictures(Protocol):
    """A lab that draws the figures of its report anew, on request of `reproduce`."""

    def claim_pictures(self, claim: str, seeds: int) -> Iterator[ClaimPicture]:
        """The figures that belong to a claim, each drawn when it is asked for.

        Args:
            claim: its id.
            seeds: how many runs were measured; bands are made of as many.
        """
        ...


@runtime_checkable
class ClaimNotes(Protocol):
    """A lab that says in words what came out, with the figures just measured."""

    def claim_notes(self, claim: str, estimates: Mapping[str, float]) -> Sequence[str]:
        """Paragraphs for a claim.

        Args:
            claim: its id.
            estimates: what was measured, by the claim's part: median, share of runs, or exact figure. Parts left out are missing.
        """
        ...
