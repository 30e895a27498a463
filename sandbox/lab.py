"""Base classes of a lab and what they use: Lab, Experiment, Block, Context, Action.

An experiment only computes. It prints nothing, opens nothing and draws random numbers from its
context alone, so what a run computes is a function of configuration and seed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from sandbox.action import Action as Action
from sandbox.frames import Frame as Frame
from sandbox.lazy import deferred as deferred
from sandbox.lazy import read_when_used as read_when_used

if TYPE_CHECKING:
    import numpy as np

    from sandbox.config.model import LabConfig
    from sandbox.frames import StepView
    from sandbox.reproduction.claim import Claim, ClaimPicture
    from sandbox.score import Score
    from sandbox.seeding import Generators
    from sandbox.store import Artifacts, Metrics

State = dict[str, Any]
"""All that an experiment needs to continue bit for bit: nested dicts and lists of arrays, numbers,
strings, booleans and None.

Tuples come back as lists; NumPy scalars keep their type."""

Summary = dict[str, Any]
"""Figures of a run: plain values that fit into JSON."""


class Block(NamedTuple):
    """The measurements since the last block.

    Attributes:
        stream: "learn", "evaluate", "validate" …; each has its own cadence.
        columns: equally long sequences or one-dimensional arrays; the experiment's unit is one of
            them. NaN means "none".

    Example:
        >>> from sandbox import Block
        >>> block = Block("learn", {"epoch": [1, 2], "loss": [0.9, 0.4]})
        >>> block.stream, block.columns["loss"][-1]
        ('learn', 0.4)
    """

    stream: str
    columns: Mapping[str, Sequence[Any] | np.ndarray]


class Experiment(ABC):
    """Work that advances in blocks and can be saved and restored between any two of them.

    Required are `unit`, `done_units`, `advance`, `state`, `restore` and `summary`; everything else
    has a default.

    Attributes:
        unit: what `done_units` counts: "episode", "epoch", "trial", "env step".
        limit: upper bound of `done_units`, for the progress bar; None when unknown.
        headline: names of the columns that the progress line shows; None for the first figures of
            each block. A window draws the first as a curve.
        headline_optimum: its best possible value; None: unknown.

    Example:
        >>> from sandbox import Block, Experiment
        >>> class Walk(Experiment):
        ...     unit, limit = "step", 100
        ...     def __init__(self, rng):
        ...         self.rng, self.done_units, self.position = rng, 0, 0.0
        ...     def advance(self):
        ...         self.done_units += 1
        ...         self.position += self.rng.normal()
        ...         return [Block("walk", {"step": [self.done_units], "position": [self.position]})]
        ...     def state(self):
        ...         return {"done": self.done_units, "position": self.position}
        ...     def restore(self, state):
        ...         self.done_units, self.position = state["done"], state["position"]
        ...     def summary(self):
        ...         return {"position": self.position}
        >>> import numpy as np
        >>> walk = Walk(np.random.default_rng(0))
        >>> walk.advance()[0].columns["step"], walk.done
        ([1], False)
    """

    unit: str
    limit: int | None = None
    headline: Sequence[str] | None = None

    if TYPE_CHECKING:  # the loop reads these: attributes or properties of an experiment

        @property
        def done_units(self) -> int:
            """Units of work done so far."""

        @property
        def env_steps(self) -> int | None:
            """Environment steps so far, for the speed in the summary; None where there is no
            environment."""

        @property
        def learned_seconds(self) -> float | None:
            """Seconds spent learning in this process, where `advance` also does other work; None:
            all of it."""

        @property
        def spent(self) -> Mapping[str, float]:
            """Further durations in this process, in seconds, by their names in the summary; with
            any, times.jsonl has them and `learned_seconds` for each block."""

        @property
        def notes(self) -> Sequence[str]:
            """Sentences that become warnings of the run."""

        @property
        def headline_optimum(self) -> float | None:
            """The best possible value of the first column of `headline`."""
    else:
        env_steps = learned_seconds = headline_optimum = None
        notes, spent = (), MappingProxyType[str, float]({})

    @property
    def done(self) -> bool:
        """Whether the work is finished: by default when `limit` is reached."""
        return self.limit is not None and self.done_units >= self.limit

    @abstractmethod
    def advance(self) -> Sequence[Block]:
        """Do the next block of work, best well below a second; its length depends on configuration
        and seed alone."""

    @abstractmethod
    def state(self) -> State:
        """Everything needed to continue bit for bit, except the context's generators, saved by the
        loop."""

    @abstractmethod
    def restore(self, state: State) -> None:
        """Restore what `state` returned, in a freshly built experiment."""

    @abstractmethod
    def summary(self) -> Summary:
        """Figures of the work done so far; cheap, without side effects."""

    def watch_steps(self, title: str, view: StepView) -> bool:
        """Show the updates of learning from now on; what is learned stays the same.

        Args:
            title: of the frames.
            view: where they are shown.

        Returns:
            False if there are no single updates to show.
        """
        return False

    def score(self) -> Score | None:
        """What the run is judged by; None: the summary's first number, higher being better."""
        return None

    def random_score(self) -> Score | None:
        """The score of uniformly random actions, with the optimum where it is known: 0 and 1 of the
        normalised scores of comparisons over several tasks. Exact, or a mean of sampled episodes
        with its standard error, the same at every call; None where nothing acts."""
        return None


def always() -> bool:
    """There is no time limit."""
    return True


@dataclass(frozen=True)
class Context:
    """What an experiment may touch.

    Attributes:
        seed: the run's seed.
        generators: named NumPy generators made from the seed; the loop saves them with each
            checkpoint.
        artifacts: where files of this run go.
        data: folder of data files given with `--data`, or None.
        device: "cpu", "cuda" or "mps", for labs that can use an accelerator.
        threads: number of threads that numerical libraries may use.
        full_metrics: whether an experiment of many seeds keeps every seed's own metrics, beside the
            bands.
        on_time: asked by work that may take minutes in one go: False once the run should have
            stopped (`--max-time`), so that it stops in the middle. Before the first block there is
            nothing to save: OutOfTime ends the run.

    Example:
        >>> from sandbox import Context
        >>> from sandbox.seeding import Generators
        >>> context = Context(7, Generators(7), artifacts=None)  # for a test; a run has its own
        >>> weights, order = context.rng("weights"), context.rng("order")
        >>> weights is context.rng("weights"), weights is order
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


class Lab(ABC):
    """A question with its settings. Only `Config` and `build` are required; everything else is
    optional.

    Attributes:
        Config: its fields are the command line's options.
        presets: named settings that override the defaults: "default", "report", "quick", "best".
        fps: frames per second of its animations.
        animation: the file of the animation among a run's artifacts.
        single_frame: whether `frames` shows the present in one picture (docs/write/watch.md).
        layers: what its frames can hide, with its name on the page: {"policy": "arrows"}.
        follows_processor: True where the last digits of a result depend on the processor (PyTorch,
            matrix products, sums that may be reordered). Such a run is not resumed on another
            processor without `--allow-changed`. Agents may have the attribute too.
        global_generators: which of "python", "numpy" and "torch" a library draws from; the run
            keeps its own state for them.
        objective: what `sweep` optimises without `--objective` ("summary.regret"); "": the score.
        direction: "minimize" or "maximize" the objective.
        directions: the same of other figures that `--objective` may name: {"regret": "minimize"}.
        report_labs: other labs that the same report covers; they are measured along with this one.
        actions: verbs on finished runs, by name: `python -m sandbox VERB RUN …`. A verb with
            its own options is a command instead; see `sandbox.cli.verb.of_run`.

    Example:
        >>> from pydantic import Field
        >>> from sandbox import Lab, LabConfig
        >>> class WalkConfig(LabConfig):
        ...     steps: int = Field(1000, ge=1, description="how many steps")
        >>> class WalkLab(Lab):
        ...     Config, presets = WalkConfig, {"quick": {"steps": 10}}
        ...     def build(self, config, context):
        ...         return Walk(config.steps, context.rng("walk"))  # an Experiment
        >>> WalkLab().offers("frames")
        False
    """

    Config: ClassVar[type[LabConfig]]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    fps: ClassVar[float] = 10
    animation: ClassVar[str] = "episode.gif"
    single_frame: ClassVar[bool] = False
    layers: ClassVar[Mapping[str, str]] = {}
    follows_processor: ClassVar[bool] = False
    global_generators: ClassVar[Sequence[str]] = ()
    objective: ClassVar[str] = ""
    direction: ClassVar[str] = ""
    directions: ClassVar[Mapping[str, str]] = {}
    report_labs: ClassVar[Sequence[str]] = ()
    actions: ClassVar[Mapping[str, Action]] = {}

    @abstractmethod
    def build(self, config: Any, context: Context) -> Experiment:
        """A fresh experiment.

        Args:
            config: the validated configuration, an instance of `Config`.
            context: seed, generators, artifacts and data of the run.
        """

    def offers(self, method: str) -> bool:
        """Whether the lab defines an optional method: "frames", "build_many", "suggest"."""
        return getattr(type(self), method) is not getattr(Lab, method)

    def direction_of(self, figure: str) -> str:
        """Whether to "minimize" or "maximize" a figure of the summary; "" if none is declared."""
        own = self.objective.removeprefix("summary.")
        return {own: self.direction, **self.directions}.get(figure, "")

    def preparation(self) -> str:
        """What takes seconds before the first block (compiling), a sentence; "" if nothing does."""
        return ""

    def threads(self, config: Any, cores: int) -> int:
        """Threads for numerical libraries in runs without `--threads`; run.json keeps the number.

        Args:
            config: the validated configuration.
            cores: number of cores that the process may use.
        """
        return cores

    def build_many(self, configs: Sequence[Any], contexts: Sequence[Context]) -> Experiment:
        """A fresh experiment that advances many configurations together: `--seeds 1000`, and
        sweeps.

        Args:
            configs: validated configurations.
            contexts: one for each, with its own seed; their generators are part of the experiment's
                state.
        """
        raise NotImplementedError

    def not_together(self, config: Any) -> str:
        """Why `build_many` cannot take this configuration; "" where it can."""
        return ""

    def pictures(  # noqa: B027  # optional
        self, experiment: Any, artifacts: Artifacts, metrics: Metrics
    ) -> None:
        """Make pictures, tables and models of a finished experiment; by default none.

        Called after the summary is saved, perhaps again; a failure here does not fail the run.

        Args:
            experiment: the experiment at its end.
            artifacts: where the files go.
            metrics: the run's metrics.
        """

    def frames(
        self, experiment: Any, rng: np.random.Generator, history: bool = False
    ) -> Iterator[Frame]:
        """Frames of how the experiment behaves now, or with `history` of how it learned.

        Args:
            experiment: must not be changed.
            rng: a generator of the viewer's own, so that watching changes no result.
            history: whether to replay the kept snapshots from the first to the last.
        """
        return iter(())

    def suggest(self, trial: Any) -> Mapping[str, Any]:
        """The lab's search space, for `sweep --random` and `--tpe`: settings for one trial.

        Args:
            trial: an Optuna trial: `trial.suggest_float("agent.alpha", 0.01, 1, log=True)`.
                Define-by-run: one value may bound the next.

        Returns:
            Settings by the names of their options: `{"agent.alpha": 0.1}`, or nested.
        """
        raise NotImplementedError

    def page(self, part: Any) -> None:  # noqa: B027  # optional
        """Draw the lab's part of a run's page in the browser, with NiceGUI; by default nothing.

        Args:
            part: the run, and what may be used: a `sandbox.web.parts.lab_part.LabPart`.
        """

    @property
    def claims(self) -> Sequence[Claim]:
        """Findings of a report that `reproduce` measures; an attribute serves too."""
        return ()

    def claims_for(self, data: Path | None) -> Sequence[Claim]:
        """The claims where they depend on a folder of data files (`reproduce --data`)."""
        return self.claims

    def claim_pictures(
        self, claim: str, seeds: int, data: Path | None = None
    ) -> Iterator[ClaimPicture]:
        """The figures of a report that belong to a claim, each drawn when it is needed.

        Args:
            claim: its id.
            seeds: how many runs were measured; bands are made of as many.
            data: the folder of data files that was passed to `claims_for`.
        """
        return iter(())

    def claim_notes(self, claim: str, estimates: Mapping[str, float]) -> Sequence[str]:
        """Paragraphs that say what was measured for a claim.

        Args:
            claim: its id.
            estimates: what was measured, by the claim's part: median, share of runs, or exact
                figure. Parts left out are missing.
        """
        return ()
