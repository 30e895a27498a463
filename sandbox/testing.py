"""The conformance kit: what every plugin promises, as functions that a plugin's own tests call in one line.

Each check raises `NotConforming`, an AssertionError, with a sentence that says what was promised and what happened. Our own plugins are
tested by the same functions.
"""

from __future__ import annotations

import contextlib
import io
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from sandbox import checkpoint
from sandbox.config import LabConfig, dump, resolve
from sandbox.errors import CheckpointError
from sandbox.lab import Block, Context, Experiment, Lab, Pictures, Watchable
from sandbox.options import options
from sandbox.registry import registry
from sandbox.seeding import Generators, GlobalGenerators
from sandbox.store.artifacts import Artifacts
from sandbox.store.files import plain
from sandbox.store.metrics import block_line

BLOCKS = 6
"""Blocks that `check_experiment` looks at before and after an interruption."""


class NotConforming(AssertionError):
    """A promise that does not hold."""


def check_lab(lab: Any, *, preset: str = "quick", config: Mapping[str, Any] | None = None, blocks: int = BLOCKS) -> None:
    """Check a lab: its options, its presets, and with one preset its experiment, pictures and frames.

    Args:
        lab: an instance, a class, or a registered name.
        preset: the one whose experiment is built; where the lab has none of that name, its defaults.
        config: settings over the preset's, to make it quick.
        blocks: see `check_experiment`.

    Raises:
        NotConforming: when a promise does not hold.
        UsageError: when a preset holds a value that its own configuration refuses.
    """
    lab = registry().lab(lab) if isinstance(lab, str) else lab() if isinstance(lab, type) else lab
    name = type(lab).__name__
    _require(isinstance(lab, Lab), f"{name} is no lab: it needs `Config`, `presets` and `build` (see sandbox.Lab)")
    _require(isinstance(lab.Config, type) and issubclass(lab.Config, LabConfig), f"{name}.Config is no subclass of sandbox.LabConfig")
    for option in options(lab.Config):
        _require(bool(option.help), f"option --{option.name} of {name} has no description: it stands in the help")
    presets = {"default": {}, **lab.presets}
    for title, settings in presets.items():
        made = resolve(lab.Config, [settings], f"preset '{title}' of {name}")
        again = resolve(lab.Config, [dump(made)], f"preset '{title}' of {name}, read back")
        _require(made == again, f"preset '{title}' of {name} is another configuration once it was written down and read")
    settings = resolve(lab.Config, [presets.get(preset, {}), config or {}], f"preset '{preset}' of {name}")
    names = tuple(getattr(lab, "global_generators", ()))
    check_experiment(lambda context: lab.build(settings, context), blocks=blocks, global_generators=names)
    _check_pictures(lab, settings, name, names)


def check_experiment(
    build: Callable[[Context], Experiment], *, blocks: int = BLOCKS, seed: int = 0, global_generators: Sequence[str] = ()
) -> None:
    """Check an experiment: put down and taken up again it goes on with the same bytes, and nothing else moves.

    Args:
        build: makes a fresh experiment for a context.
        blocks: how many calls of `advance` come before the interruption, and how many after it.
        seed: of all generators.
        global_generators: which of "python", "numpy" and "torch" the loop keeps for this experiment.

    Raises:
        NotConforming: when two runs of one seed differ, when state does not bring everything back or is not plain, when columns disagree,
            when something is printed, or when a global generator is used that the loop does not keep.
    """
    with tempfile.TemporaryDirectory() as folder:
        whole, states = _lines(build, Path(folder) / "whole", seed, global_generators, blocks, 2 * blocks)
        twice, _ = _lines(build, Path(folder) / "twice", seed, global_generators, blocks, 2 * blocks)
        _same(whole, twice, "two runs with the same seed differ")
        if states is not None:
            resumed, _ = _lines(build, Path(folder) / "resumed", seed, global_generators, blocks, 2 * blocks, states)
            _same(whole[blocks:], resumed, "taken up from `state` it goes on differently: `state` and `restore` leave something out")


def check_agent(agent: Any, *, env: Mapping[str, Any] | None = None, episodes: int = 40) -> None:
    """Check a tabular agent in a small slippery maze.

    Args:
        agent: its class, or a registered name.
        env: options of the maze, over a layout of 3 x 5 cells in which moves slip.
        episodes: learned in each check, at least 4.

    Raises:
        NotConforming: when one seed gives two results, when learning a episodes and then b is not learning a + b, when a saved agent is
            another one, or when the compiled path and the one through `env.step` differ.
    """
    agent = registry().load("agent", agent) if isinstance(agent, str) else agent
    name = getattr(agent, "name", agent.__name__)
    grid = registry().load("env", "maze")
    world = {"layout": "S..~/.#.O/...G", "slip": 0.1, "episode_length": 30, **(env or {})}

    def fresh(**changed: Any) -> tuple[Any, Any]:
        made = grid(config=resolve(grid.Config, [world], "the maze of check_agent"))
        made.np_random = np.random.default_rng(2)
        config = resolve(agent.Config, [changed], f"agent '{name}'")
        return agent(config, made.model.states, made.model.actions, np.random.default_rng(1), episodes=episodes), made

    def learned(parts: Sequence[int], compiled: bool = True, **changed: Any) -> Any:
        one, made = fresh(**changed)
        for part in parts:
            if compiled:
                one.learn_model(made.model, made.np_random, part)
            else:
                one.learn_env(made, part)
        return one

    both: list[dict[str, Any]] = [{"ties": "first"}, {"ties": "random"}]
    for ties in both if "ties" in agent.Config.model_fields else [{}]:
        whole = learned([episodes], **ties)
        _same_agent(whole, learned([episodes], **ties), f"agent '{name}' learns two things from one seed")
        _same_agent(
            whole, learned([episodes // 4, episodes - episodes // 4], **ties), f"agent '{name}': a episodes and then b are not a + b"
        )
        _same_agent(whole, learned([episodes], compiled=False, **ties), f"agent '{name}': learning through env.step gives another table")
    with tempfile.TemporaryDirectory() as folder:
        whole = learned([episodes])
        path = Path(folder) / "agent.npz"
        whole.save(path)
        loaded = agent.load(path)
        _same_agent(whole, loaded, f"agent '{name}': what was saved and loaded is another agent")
        acted = [[one.act(state, explore=True) for state in range(one.states)] for one in (whole, loaded)]
        _require(acted[0] == acted[1], f"agent '{name}': once loaded it acts differently from the same generator")


def check_env(make: str | Callable[..., Any], *, steps: int = 200) -> None:
    """Check an environment with Gymnasium's own check, Stable-Baselines3's where it is installed, and ours of seeding and drawing.

    Args:
        make: a Gymnasium id, or something called with `render_mode=None` or `"rgb_array"` that returns a fresh environment.
        steps: of the walks that are compared.

    Raises:
        NotConforming: when one seed gives two walks, or a frame is no picture.
    """
    import gymnasium
    from gymnasium.utils import env_checker

    make = partial(gymnasium.make, make) if isinstance(make, str) else make
    checked = make(render_mode="rgb_array").unwrapped
    env_checker.check_env(checked, skip_render_check=checked.spec is None)  # other render modes are made from the spec
    with contextlib.suppress(ImportError):
        from stable_baselines3.common import env_checker as sb3

        sb3.check_env(make(render_mode=None).unwrapped)
    _require(_walk(make(render_mode=None), steps) == _walk(make(render_mode=None), steps), "two walks with one seed differ")
    env = make(render_mode="rgb_array")
    env.reset(seed=0)
    frame = env.render()
    fits = isinstance(frame, np.ndarray) and frame.dtype == np.uint8 and frame.ndim == 3 and frame.shape[2] == 3
    _require(fits, f"render() gives {type(frame).__name__} {getattr(frame, 'shape', '')}, not uint8 [height, width, 3]")
    env.close()


# -- parts of the checks


def _lines(
    build: Callable[[Context], Experiment],
    folder: Path,
    seed: int,
    names: Sequence[str],
    save_after: int,
    until: int,
    states: Path | None = None,
) -> tuple[list[bytes], Path | None]:
    """The blocks of an experiment as the bytes that a run would write, and where its state after `save_after` blocks stands.

    With `states` it goes on from there, to `until` blocks in all.
    """
    context = Context(seed, Generators(seed), Artifacts(folder / "artifacts"))
    globals_ = GlobalGenerators(seed, tuple(names))
    with _quiet(names):
        experiment = build(context)
    _require(not experiment.done, "a fresh experiment is done before it began")
    number, saved = 0, None
    if states is not None:
        found = checkpoint.load(states)
        experiment.restore(found["experiment"])
        context.generators.restore(found["generators"])
        globals_.restore(found["globals"])
        number = save_after
    lines: list[bytes] = []
    while number < until and not experiment.done:
        before = experiment.done_units
        with _quiet(names), globals_.active():
            blocks = experiment.advance()
        lines.append(b"".join(_line(experiment, block) for block in blocks))
        number += 1
        _require(experiment.done_units >= before, f"`done_units` fell from {before} to {experiment.done_units}")
        if number == save_after and states is None:
            state = {"experiment": experiment.state(), "generators": context.generators.state(), "globals": globals_.state()}
            try:
                saved = checkpoint.save(folder / "checkpoints", number, state)
            except CheckpointError as error:
                raise NotConforming(f"`state` holds something that is neither an array nor plain: {error}") from error
    _summary(experiment)
    return lines, saved


def _line(experiment: Experiment, block: Any) -> bytes:
    _require(isinstance(block, Block), f"`advance` returned {type(block).__name__}, not a list of sandbox.Block")
    try:
        line = block_line(block.stream, block.columns)
    except ValueError as error:
        raise NotConforming(f"`advance`: {error}") from error
    return orjson.dumps(line, default=plain, option=orjson.OPT_SERIALIZE_NUMPY)


def _summary(experiment: Experiment) -> None:
    found = experiment.summary()
    _require(isinstance(found, dict), f"`summary` returned {type(found).__name__}, not a dict")
    try:
        written = orjson.dumps(found, default=plain, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError as error:
        raise NotConforming(f"`summary` holds something that JSON does not know: {error}") from error
    again = orjson.dumps(experiment.summary(), default=plain, option=orjson.OPT_SERIALIZE_NUMPY)
    _require(written == again, "`summary` says something else when it is asked again: it must change nothing")


@contextlib.contextmanager
def _quiet(names: Sequence[str]) -> Iterator[None]:
    """Nothing may be printed inside, and no global generator may move but those the loop keeps."""
    said, before = io.StringIO(), _global_states()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        yield
    _require(not said.getvalue(), f"the experiment printed {said.getvalue()[:80]!r}; what there is to say goes into blocks and summary")
    for name, state in _global_states().items():
        moved = name in before and state != before[name] and name not in names
        remedy = f'draw from context.rng("…"), or let the lab name it in `global_generators = ("{name}",)`'
        _require(not moved, f"the experiment drew from the global generator of {name}; {remedy}")


def _global_states() -> dict[str, Any]:
    numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002 - looked at, not drawn from
    states = {"python": random.getstate(), "numpy": (numpy_state["state"]["key"].tobytes(), numpy_state["state"]["pos"])}
    if "torch" in sys.modules:
        states["torch"] = sys.modules["torch"].get_rng_state().numpy().tobytes()
    return states


def _check_pictures(lab: Any, settings: Any, name: str, names: Sequence[str]) -> None:
    """Pictures and frames of an experiment after a few blocks: they are made, are pictures, and change nothing."""
    from sandbox.store.metrics import BackgroundWriter, Metrics

    with tempfile.TemporaryDirectory() as folder:
        context = Context(0, Generators(0), Artifacts(Path(folder) / "artifacts"))
        experiment, globals_ = lab.build(settings, context), GlobalGenerators(0, tuple(names))
        writer = BackgroundWriter(Path(folder) / "metrics.jsonl", 0)
        while not experiment.done:
            with globals_.active():
                for block in experiment.advance():
                    writer.write(block_line(block.stream, block.columns))
        writer.close()
        before = _plain_state(experiment, folder, 1)
        if isinstance(lab, Pictures):
            lab.pictures(experiment, context.artifacts, Metrics(Path(folder) / "metrics.jsonl"))
            _require(bool(context.artifacts.listing()), f"{name}.pictures made nothing")
        if isinstance(lab, Watchable):
            for frame in islice(lab.frames(experiment, np.random.default_rng(0)), 3):
                pixels = frame.draw()
                _require(
                    pixels.dtype == np.uint8 and pixels.ndim == 3,
                    f"a frame of {name} is {pixels.dtype} {pixels.shape}, not uint8 [h, w, 3]",
                )
        _require(_plain_state(experiment, folder, 2) == before, f"drawing pictures or frames of {name} changed the experiment")


def _plain_state(experiment: Experiment, folder: str, number: int) -> list[bytes]:
    path = checkpoint.save(Path(folder) / f"state{number}", 1, {"experiment": experiment.state()})
    return [(path / file).read_bytes() for file in ("state.json", "arrays.npz") if (path / file).exists()]


def _walk(env: Any, steps: int) -> list[Any]:
    """What a walk of random actions meets, as bytes."""
    observation, _ = env.reset(seed=3)
    env.action_space.seed(4)
    met: list[Any] = [np.asarray(observation).tobytes()]
    for _ in range(steps):
        observation, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        met.append((np.asarray(observation).tobytes(), float(reward), bool(terminated), bool(truncated)))
        if terminated or truncated:
            observation, _ = env.reset()
            met.append(np.asarray(observation).tobytes())
    env.close()
    return met


def _same_agent(one: Any, other: Any, says: str) -> None:
    first, second = one.state(), other.state()
    for name, value in first.items():
        same = np.array_equal(value, second[name], equal_nan=True) if isinstance(value, np.ndarray) else value == second[name]
        _require(bool(same), f"{says} ({name} differs)")


def _same(one: list[bytes], other: list[bytes], says: str) -> None:
    for number, (first, second) in enumerate(zip(one, other, strict=False)):
        _require(first == second, f"{says} (block {number + 1}: {first[:120]!r} and {second[:120]!r})")
    _require(len(one) == len(other), f"{says} ({len(one)} blocks and {len(other)})")


def _require(holds: bool, says: str) -> None:
    if not holds:
        raise NotConforming(f"{says}.")


__all__ = ["NotConforming", "check_agent", "check_env", "check_experiment", "check_lab"]
