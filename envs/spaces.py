"""Numbers the observations of any finite space from 0 to n - 1; continuous spaces are divided into
bins.

A composite observation is a sequence of digits, the most significant first; its number is their
value in a mixed-radix system.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Literal, NamedTuple, Self

import gymnasium
import numpy as np
from gymnasium import spaces, wrappers
from pydantic import Field, model_validator

from envs.aliases import Env, Info, Space
from sandbox.config.model import LabConfig
from sandbox.errors import SandboxError, UsageError

LARGEST = 10**8
"""Largest number of entries of a table of action values."""
PROPOSED = 10**6
"""Largest number of entries of a proposed table."""
BOUNDED = 1e6
"""A Box bound above this counts as unbounded, because Gymnasium environments use the largest float
for no limit."""
SAMPLE_STEPS = 5000
"""Number of steps of random play from which quantiles are computed."""
TAKEN = (
    "Discrete, MultiDiscrete or MultiBinary, a Tuple or Dict of those, "
    "or a Box that is cut into bins"
)


class DiscretiserConfig(LabConfig):
    """How continuous numbers are divided into bins; spaces without such numbers need no options."""

    cuts: Literal["uniform", "quantile"] = Field(
        "uniform",
        description="bins equally wide between low and high, "
        "or equally often visited by random play",
    )
    bins: tuple[int, ...] | None = Field(
        None,
        description="how many for each number observed, or one figure for all; needed for Box",
    )
    low: tuple[float, ...] | None = Field(
        None, description="where uniform bins begin; none: at the space's bounds"
    )
    high: tuple[float, ...] | None = Field(
        None, description="where uniform bins end; none: at the space's bounds"
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.bins is not None and min(self.bins, default=0) < 1:
            raise ValueError("bins: at least 1 for each number observed")
        if self.cuts == "quantile" and (self.low or self.high):
            raise ValueError(
                "low and high have no effect while cuts is quantile; set cuts to uniform"
            )
        return self


class Leaf(NamedTuple):
    """The digits of a part of an observation that is not composite."""

    sizes: tuple[int, ...]
    """Each digit takes the values 0 to its size - 1."""
    digits: Callable[[Any], list[int]]
    """Returns the digits of the part."""


class Numbering:
    """A space's elements as integers.

    Args:
        space: the space.
        cuts: for each number of all Boxes in it, in order, the edges between bins, ascending.

    Raises:
        UsageError: when the space has parts that are not finite, or Boxes without bins.
    """

    def __init__(self, space: Space, cuts: Sequence[Sequence[float] | np.ndarray] = ()) -> None:
        left = iter([list(map(float, one)) for one in cuts])
        self.leaves = [(part, _leaf(one, left)) for one, part in _parts(space)]
        self.size = math.prod(size for _, leaf in self.leaves for size in leaf.sizes)

    def __call__(self, observation: object) -> int:
        """The number of an observation.

        Raises:
            SandboxError: when the observation is outside the space.
        """
        number = 0
        for part, (sizes, digits) in self.leaves:
            for size, digit in zip(sizes, digits(part(observation)), strict=True):
                if not 0 <= digit < size:
                    raise SandboxError(
                        f"The environment gave the observation {observation!r}, which lies "
                        "outside its own space."
                    )
                number = number * size + digit
        return number


Part = Callable[[Any], Any]
"""Extracts a part from the whole observation."""


def _parts(space: Space, part: Part = lambda whole: whole) -> Iterator[tuple[Space, Part]]:
    """The non-composite parts of a space, in order, each with a function that extracts it from an
    observation."""
    if isinstance(space, spaces.Dict):
        for key, inner in space.spaces.items():
            yield from _parts(inner, _inner(part, key))
    elif isinstance(space, spaces.Tuple):
        for place, inner in enumerate(space.spaces):
            yield from _parts(inner, _inner(part, place))
    else:
        yield space, part


def _leaf(space: Space, cuts: Iterator[list[float]]) -> Leaf:
    """The digits of a part; each Box takes the next cuts from the iterator."""
    if isinstance(space, spaces.Discrete):
        first = int(space.start)
        return Leaf((int(space.n),), lambda value: [int(value) - first])
    if isinstance(space, spaces.MultiBinary):
        return Leaf((2,) * math.prod(space.shape), lambda row: _integers(row).tolist())
    if isinstance(space, spaces.MultiDiscrete):
        begin = np.ravel(space.start)
        return Leaf(
            tuple(space.nvec.ravel().tolist()), lambda row: (_integers(row) - begin).tolist()
        )
    if isinstance(space, spaces.Box):
        numbers = math.prod(space.shape)
        edges = list(islice(cuts, numbers))
        if len(edges) < numbers:
            raise UsageError(
                "Observations hold numbers on a continuous scale (a Box); say into how many bins "
                "they are cut."
            )
        return Leaf(tuple(len(one) + 1 for one in edges), lambda box: _bins(box, edges))
    raise UsageError(
        f"A tabular agent takes observations that are {TAKEN}; here they are, or hold, {space}."
    )


def _inner(part: Part, key: str | int) -> Part:
    return lambda whole: part(whole)[key]


def _integers(values: Any) -> np.ndarray:
    return np.ravel(values).astype(np.int64)


def _bins(box: Any, edges: list[list[float]]) -> list[int]:
    """The bin of each number; the outer bins extend to infinity. NaN gives -1, which lies
    outside."""
    return [
        bisect_right(one, value) if value == value else -1
        for one, value in zip(edges, np.ravel(box).tolist(), strict=True)
    ]


def boxes(space: Space) -> list[spaces.Box]:
    """All Boxes in a space, in the order of their digits."""
    return [one for one, _ in _parts(space) if isinstance(one, spaces.Box)]


def numbering(env: Env, config: DiscretiserConfig) -> Numbering:
    """The numbering of an environment's observations.

    Args:
        env: the environment; random actions are played in it if cuts are quantiles.
        config: how Boxes are divided into bins.

    Raises:
        UsageError: when the space does not fit, or the configuration does not fit the space.
    """
    space = env.observation_space
    parts = boxes(space)
    count = sum(math.prod(box.shape) for box in parts)
    uncut = Numbering(space, [()] * count)  # refuses spaces that bins cannot make finite
    if not count:
        if config.bins is not None:
            raise UsageError(
                f"discretiser.bins has no effect: the observations, {space}, hold no numbers on a "
                "continuous scale."
            )
        return uncut
    if config.bins is None:
        actions = int(env.action_space.n) if isinstance(env.action_space, spaces.Discrete) else 1
        raise UsageError(
            f"The observations, {' '.join(str(space).split())}, hold {count} numbers on a "
            "continuous scale, and a tabular agent needs a "
            "table of states. " + _proposed_bins(parts, count, uncut.size * actions)
        )
    bins = _for_each("bins", config.bins, count)
    if math.prod(bins) > LARGEST:
        raise UsageError(
            f"discretiser.bins: {count} numbers in these bins make {about(math.prod(bins))} "
            f"states; a table has at most {about(LARGEST)} entries."
        )
    return Numbering(
        space, _quantiles(env, bins) if config.cuts == "quantile" else _uniform(parts, bins, config)
    )


def _proposed_bins(parts: Sequence[spaces.Box], count: int, others: int) -> str:
    """A sentence that proposes options to add.

    Args:
        parts: the Boxes.
        count: how many numbers they hold.
        others: entries of the table if each number were in one bin.
    """
    many = next((many for many in (10, 8, 6, 5, 4, 3, 2) if others * many**count <= PROPOSED), None)
    if many is None:
        entries = about(others * 2**count)
        return f"Two bins for each would make {entries} entries, which is too many."
    bounds = np.concatenate([np.ravel(bound) for box in parts for bound in (box.low, box.high)])
    bounded = bool((np.abs(bounds.astype(np.float64)) < BOUNDED).all())
    cuts = "" if bounded else " --discretiser.cuts quantile"
    return f"Cut each into bins: add for instance `--discretiser.bins {many}{cuts}`."


def about(number: int) -> str:
    """An integer of any size as readable text: 704, 10^20."""
    return f"{number}" if number < 10**6 else f"10^{math.floor(math.log10(number))}"


def _for_each(name: str, values: Sequence[Any], count: int) -> list[Any]:
    """One value for each of `count` numbers."""
    if len(values) not in (1, count):
        raise UsageError(
            f"discretiser.{name}: {len(values)} values for {count} numbers observed; give one for "
            "each, or one for all."
        )
    return list(values) * (count if len(values) == 1 else 1)


def _uniform(
    parts: list[spaces.Box], bins: list[int], config: DiscretiserConfig
) -> list[np.ndarray]:
    """Cuts at equal distances."""
    given = {"low": config.low, "high": config.high}
    low, high = (
        np.concatenate([np.ravel(vars(box)[name]) for box in parts]).astype(np.float64)
        if ends is None
        else np.array(_for_each(name, ends, len(bins)))
        for name, ends in given.items()
    )  # [numbers] each
    cuts = []
    for place, (a, b, many) in enumerate(zip(low, high, bins, strict=True)):
        if many > 1 and not (abs(a) < BOUNDED and abs(b) < BOUNDED):
            raise UsageError(
                f"The observed number {place} has no bounds, so bins between them cannot be "
                "equally wide. Say where they begin and end with "
                "--discretiser.low and --discretiser.high, or take --discretiser.cuts quantile."
            )
        if many > 1 and not a < b:
            raise UsageError(
                f"discretiser: number {place} has low {a:g} and high {b:g}; low must lie below "
                "high."
            )
        cuts.append(np.linspace(a, b, many + 1)[1:-1] if many > 1 else np.zeros(0))
    return cuts


def _quantiles(env: Env, bins: list[int]) -> list[np.ndarray]:
    """Cuts that divide the observations of random play into equally frequent bins; the play has a
    fixed seed."""
    seen = []
    read = [part for one, part in _parts(env.observation_space) if isinstance(one, spaces.Box)]
    env.action_space.seed(0)
    observation, _ = env.reset(seed=0)
    for _ in range(SAMPLE_STEPS):
        seen.append(np.concatenate([np.ravel(part(observation)) for part in read]))
        observation, _, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            observation, _ = env.reset()
    values = np.array(seen, dtype=np.float64)  # [steps, numbers]
    return [
        np.unique(np.quantile(values[:, place], np.arange(1, many) / many))
        for place, many in enumerate(bins)
    ]


class TupleAsArray(wrappers.TransformObservation):
    """Observations that are tuples of numbers, as in Blackjack, as arrays int64 [parts].

    Args:
        env: its observations are a `Tuple` of `Discrete`.
    """

    def __init__(self, env: Env) -> None:
        parts = [part.n for part in env.observation_space]  # type: ignore[attr-defined]
        super().__init__(env, np.asarray, spaces.MultiDiscrete(parts))


class NumberedEnv(gymnasium.Wrapper[int, int, Any, Any]):
    """A wrapper with observations and actions numbered from 0, which checks that rewards are
    numbers.

    Args:
        env: the environment, with Discrete actions.
        numbering: the numbering of its observations.
    """

    def __init__(self, env: Env, numbering: Numbering) -> None:
        super().__init__(env)
        actions = env.action_space
        assert isinstance(actions, spaces.Discrete)
        self.observation_space = spaces.Discrete(numbering.size)  # type: ignore[assignment]
        self.action_space = spaces.Discrete(int(actions.n))  # type: ignore[assignment]
        self.numbering, self._first = numbering, int(actions.start)
        self._state = 0

    def reset(self, *, seed: int | None = None, options: Info | None = None) -> tuple[int, Info]:
        """Begin an episode."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._state = self.numbering(observation)
        return self._state, info

    def step(self, action: int) -> tuple[int, float, bool, bool, Info]:
        """Take one action.

        Raises:
            SandboxError: when the reward is not a finite number, or the observation is outside its
                space.
        """
        observation, reward, terminated, truncated, info = self.env.step(action + self._first)
        if not math.isfinite(reward):
            raise SandboxError(
                f"State {self._state}, action {action} brought a reward of {reward}, expected a "
                "finite number."
            )
        self._state = self.numbering(observation)
        return self._state, float(reward), terminated, truncated, info
