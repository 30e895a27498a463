"""The configurations that a sweep tries: every point of a grid, or draws of a lab's `suggest`.

A grid and the draws of `--random` depend on the request alone, so they are planned before anything
runs. A grid does not need Optuna.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.config.model import LabConfig, Layer, dump, option_name, show_value
from sandbox.config.resolve import layer_of, resolve
from sandbox.errors import ConfigError, UsageError
from sandbox.lab import Lab
from sandbox.text import Document

if TYPE_CHECKING:
    from optuna.trial import Trial

LARGEST_GRID = 100_000
"""More configurations than this are refused: each is a folder on disk."""
SHOWN_PROBLEMS = 20


@dataclass(frozen=True)
class Point:
    """One configuration to try.

    Attributes:
        params: the parameters that distinguish it from other points, by option.
        settings: these parameters and all else that the search decided, as a layer of
            configuration.
        config: the whole configuration, validated.
        distributions: where each parameter was drawn from, as Optuna's JSON; empty for grids.
    """

    params: Document
    settings: Document
    config: LabConfig
    distributions: dict[str, str] = field(default_factory=dict)


def parse_axes(words: Sequence[str]) -> dict[str, list[str]]:
    """Axes of a grid as they are typed: `agent.alpha=0.1,0.5`.

    Values that contain commas are separated with `;`: `env.start=0,0;9,9`.

    Raises:
        ConfigError: naming every word that is not an axis.
    """
    axes: dict[str, list[str]] = {}
    problems = []
    for word in words:
        name, equals, values = word.partition("=")
        name = option_name(name.strip().removeprefix("--"))
        if not name or not equals:
            problems.append(f"'{word}' is no axis; write OPTION=VALUE,VALUE: agent.alpha=0.1,0.5")
        elif name in axes:
            problems.append(f"{name} is given twice; put all its values into one axis")
        else:
            axes[name] = [value.strip() for value in values.split(";" if ";" in values else ",")]
    if problems:
        raise ConfigError("--grid", problems)
    return axes


def grid(
    config: type[LabConfig],
    preset: Layer,
    fixed: Sequence[Layer],
    axes: Mapping[str, Sequence[Any]],
    title: str,
) -> list[Point]:
    """Every combination of the axes' values, the last axis changing fastest.

    Args:
        config: the lab's model.
        preset: settings to begin with.
        fixed: layers of settings shared by all points, weakest first; an axis may not set the same
            option.
        axes: values by option.
        title: the name of the configuration in the error.

    Raises:
        ConfigError: naming every wrong axis and value.
    """
    axes = {option_name(name): list(values) for name, values in axes.items()}
    problems = _axis_problems(axes, fixed)
    if problems:
        raise ConfigError(title, problems)
    points: dict[str, Point] = {}
    wrong: dict[str, None] = {}
    for values in itertools.product(*axes.values()):
        settings = layer(dict(zip(axes, values, strict=True)))
        try:
            resolved = resolve(config, [preset, *fixed, settings], title)
        except ConfigError as error:
            wrong |= dict.fromkeys(error.problems)
            continue
        params = {name: look_up(dump(resolved), name) for name in _names(axes, values)}
        key = repr(sorted(params.items()))
        if key in points:  # two spellings of the same value: 0.1 and 0.10
            wrong[f"the grid holds {show(params)} more than once"] = None
        points[key] = Point(params, settings, resolved)
    if wrong:
        more = len(wrong) - SHOWN_PROBLEMS
        shown = list(wrong)[:SHOWN_PROBLEMS]
        raise ConfigError(title, [*shown, f"… and {more} more"] if more > 0 else shown)
    return list(points.values())


def _names(axes: Iterable[str], values: Sequence[Any]) -> Iterator[str]:
    """What a point sets: each axis, and the options in a value such as {"name": "sarsa", "alpha":
    0.1}."""
    for axis, value in zip(axes, values, strict=True):
        yield axis
        if isinstance(value, Mapping):
            yield from (f"{axis}.{option_name(name)}" for name in value if name != "name")


def _axis_problems(axes: Mapping[str, Sequence[Any]], fixed: Sequence[Layer]) -> list[str]:
    problems = []
    if not axes:
        problems.append("the grid is empty; write --grid OPTION=VALUE,VALUE")
    for name, values in axes.items():
        if not values or any(isinstance(value, str) and not value for value in values):
            problems.append(f"{name}: an axis has at least one value, and none is empty")
        twice = sorted({str(value) for value in values if values.count(value) > 1})
        if twice:
            problems.append(f"{name}: {', '.join(twice)} occurs more than once")
        if held(fixed, name) is not None:
            problems.append(
                f"{name} is given both as an option and in the grid; leave out one of them"
            )
    size = math.prod(len(values) for values in axes.values())
    if size > LARGEST_GRID:
        problems.append(
            f"the grid has {size} configurations; at most {LARGEST_GRID} are executed in one sweep"
        )
    return problems


def draw(
    lab: Lab,
    preset: Layer,
    fixed: Sequence[Layer],
    trial: Trial,
    title: str,
) -> Point:
    """The lab's suggestion for one Optuna trial.

    Args:
        lab: offers `suggest`.
        preset: settings to begin with, which the lab's suggestions override.
        fixed: layers of settings shared by all trials, weakest first: these options are not drawn.
        trial: an Optuna trial.
        title: the name of the configuration in the error.

    Raises:
        ConfigError: when the suggestion is not a valid configuration.
    """
    suggested = lab.suggest(Held(trial, fixed))
    if not isinstance(suggested, Mapping):
        raise UsageError(
            f"`suggest` of {title} must return settings: {{'agent.alpha': 0.1}}, "
            f"not {type(suggested).__name__}."
        )
    settings, title = layer(suggested), f"{title}, as its search space suggests it"
    config = resolve(lab.Config, [preset, settings, *fixed], title)
    from optuna.distributions import distribution_to_json

    drawn = {name: distribution_to_json(one) for name, one in trial.distributions.items()}
    return Point(dict(trial.params), settings, config, drawn)


class Held:
    """An Optuna trial in which options that the user has fixed are not drawn.

    Args:
        trial: the trial.
        fixed: nested settings, weakest first.
    """

    def __init__(self, trial: Trial, fixed: Sequence[Layer]) -> None:
        self._trial, self._fixed = trial, fixed

    def suggest_float(self, name: str, low: float, high: float, **more: Any) -> float:
        """As in Optuna's `Trial`."""
        own = held(self._fixed, name)
        return self._trial.suggest_float(name, low, high, **more) if own is None else float(own)

    def suggest_int(self, name: str, low: int, high: int, **more: Any) -> int:
        """As in Optuna's `Trial`."""
        own = held(self._fixed, name)
        return self._trial.suggest_int(name, low, high, **more) if own is None else int(float(own))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """As in Optuna's `Trial`."""
        own = held(self._fixed, name)
        if own is None:
            return self._trial.suggest_categorical(name, choices)
        return next((choice for choice in choices if str(choice) == str(own)), own)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._trial, name)


def layer(settings: Layer) -> Document:
    """Convert settings, named by dotted option or nested, to one nested layer.

    A choice and its options may both be given: {"agent": "sarsa", "agent.alpha": 0.1}.
    """
    paths = {tuple(name.replace("-", "_").split(".")): value for name, value in settings.items()}
    choices = {path[:end] for path in paths for end in range(len(path))}
    return layer_of(
        ((*path, "name") if isinstance(value, str) and path in choices else path, value)
        for path, value in paths.items()
    )


def held(fixed: Sequence[Layer], name: str) -> Any:
    """An option's value in the strongest layer that sets it; None if no layer does."""
    values = (look_up(one, name) for one in reversed(fixed))
    return next((value for value in values if value is not None), None)


def look_up(settings: Layer, name: str) -> Any:
    """An option's value in nested settings (for a choice, its name); None when it is not set."""
    value: object = settings
    for part in name.split("."):
        if not isinstance(value, Mapping):
            return None
        spellings = (part, part.replace("-", "_"), part.replace("_", "-"))
        value = next((value[one] for one in spellings if one in value), None)
    if isinstance(value, Mapping):
        value = value.get("name")
        return value[0] if isinstance(value, list) else value  # of several names the first counts
    return value


def show(params: Layer) -> str:
    """Parameters as a person would type them."""
    return " ".join(f"{option_name(name)}={show_value(value)}" for name, value in params.items())
