"""Claim: a finding of a report that can be measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Kind = Literal["equal", "at least", "at most", "proportion", "order"]


@dataclass(frozen=True)
class Claim:
    """A finding of a report that can be measured: one figure, or one relation between two.

    A finding with several figures is several claims with the same id and sentence; `part` tells
    them apart.

    Attributes:
        id: as in the report ("G4").
        says: the finding in one sentence.
        reported: the report's figure (for "order" it has none), or None when this part is measured
            without being judged.
        kind: how `reported` and our measurement are compared. "equal", "at least" and "at most"
            compare with the distribution of single runs; "proportion": the share of runs for which
            `measure` returns 1 rather than 0; "order": `measure` returns a difference that is above
            0 when the run agrees.
        measure: called with a seed; returns the figure of one run. Called in several threads at
            once.
        margin: tolerance in the figure's unit, for rounding and for what the report leaves open.
        min_seeds: fewest runs that allow a verdict.
        runs: number of runs, instead of 200, where one run takes minutes. With so few runs, the
            prediction interval assumes normally distributed runs, and the page states this.
        cost: approximate seconds that one seed takes on one core.
        shared: name of what several figures of the lab compute together, such as a training; its
            cost is counted once where `reproduce` says how long it will take.
        notes: what the reader should know about this figure.
        part: which of the finding's figures ("Q-learning + ε-greedy, linear ε").
        unit: the figure's unit ("reward per step").
        exact: whether the figure is computed rather than sampled: it is measured once, with seed 0.
        own: whether `reported` is our figure and not the report's: an answer to what it left open.
        should_hold: False for a statement that we know to be wrong: it is measured and shown, but
            does not count as a failure.

    Example:
        >>> import numpy as np
        >>> from sandbox import Claim
        >>> def share(seed):
        ...     x, y = np.random.default_rng(seed).random((2, 10_000))
        ...     return 4 * float(np.mean(np.hypot(x, y) < 1))
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
    shared: str = ""
    notes: str = field(default="", compare=False)
    part: str = ""
    unit: str = ""
    exact: bool = False
    own: bool = False
    should_hold: bool = True

    @property
    def title(self) -> str:
        """Its id and part."""
        return f"{self.id} ({self.part})" if self.part else self.id

    @property
    def is_share(self) -> bool:
        """Whether the figure is a share of runs."""
        return self.kind in ("proportion", "order")

    @property
    def is_sampled(self) -> bool:
        """Whether it compares a figure of the report with runs of ours."""
        compared = self.reported is not None or self.kind == "order"
        return compared and not self.exact and not self.own


class ClaimPicture(NamedTuple):
    """A figure for the page of a reproduction.

    Attributes:
        name: its file name without ending ("learning_curves").
        caption: what the picture shows, in one or two sentences.
        picture: a matplotlib figure, or the bytes of a PNG or GIF.
    """

    name: str
    caption: str
    picture: Any
