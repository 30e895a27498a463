"""Checks of labs and their experiments."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import orjson

from sandbox.config.model import LabConfig, Layer, dump
from sandbox.config.options import options
from sandbox.config.resolve import resolve
from sandbox.errors import CheckpointError
from sandbox.lab import Block, Context, Experiment, Lab
from sandbox.registry.registry import registry
from sandbox.runs.work import NotAnExperiment, Work, work_of
from sandbox.seeding import Generators
from sandbox.store import Artifacts, checkpoint
from sandbox.store.metrics import LineWriter, Metrics, block_line
from sandbox.testing.promises import NotConforming, fingerprint, global_states, require
from sandbox.text import plain

BLOCKS = 6
"""Blocks that `check_experiment` looks at before and after an interruption."""


def check_lab(
    lab: str | Lab | type[Lab],
    *,
    preset: str = "quick",
    config: Layer | None = None,
    blocks: int = BLOCKS,
) -> None:
    """Check a lab: its options, its presets, and with one preset its experiment, pictures and
    frames.

    Args:
        lab: an instance, a class, or a registered name.
        preset: the preset whose experiment is built; the defaults if the lab has no such preset.
        config: settings over the preset's, to make it quick.
        blocks: see `check_experiment`.

    Raises:
        NotConforming: when a promise does not hold.
        UsageError: when a preset holds a value that its own configuration refuses.
    """
    lab = registry().lab(lab) if isinstance(lab, str) else lab() if isinstance(lab, type) else lab
    name = type(lab).__name__
    require(
        isinstance(lab, Lab),
        f"{name} is no lab: it needs `Config`, `presets` and `build` (see sandbox.Lab)",
    )
    require(
        isinstance(lab.Config, type) and issubclass(lab.Config, LabConfig),
        f"{name}.Config is no subclass of sandbox.LabConfig",
    )
    for option in options(lab.Config):
        require(
            bool(option.help),
            f"option --{option.name} of {name} has no description for the help",
        )
    presets = {"default": {}, **lab.presets}
    for title, settings in presets.items():
        resolved = resolve(lab.Config, [settings], f"preset '{title}' of {name}")
        again = resolve(lab.Config, [dump(resolved)], f"preset '{title}' of {name}, read back")
        require(
            resolved == again,
            f"preset '{title}' of {name} is another configuration once it was written down and "
            "read",
        )
    settings = resolve(
        lab.Config, [presets.get(preset, {}), config or {}], f"preset '{preset}' of {name}"
    )
    settings.check_available()
    check_experiment(
        lambda context: lab.build(settings, context),
        blocks=blocks,
        global_generators=lab.global_generators,
    )
    _check_pictures(lab, settings, name)


def check_experiment(
    build: Callable[[Context], Experiment],
    *,
    blocks: int = BLOCKS,
    seed: int = 0,
    global_generators: Sequence[str] = (),
) -> None:
    """Check an experiment: after being saved and restored it continues with the same bytes, and it
    has no side effects.

    Args:
        build: makes a fresh experiment for a context.
        blocks: how many calls of `advance` come before the interruption, and how many after it.
        seed: seeds all generators.
        global_generators: which of "python", "numpy" and "torch" the loop keeps for this
            experiment.

    Raises:
        NotConforming: when two runs of one seed differ, when state does not bring everything back
            or is not plain, when columns disagree, when something is printed, or when a global
            generator is used that the loop does not keep.
    """
    with tempfile.TemporaryDirectory() as folder:
        lines = partial(_lines, build, Path(folder), seed, global_generators, blocks)
        whole, states = lines("whole")
        twice, _ = lines("twice")
        _same(whole, twice, "two runs with the same seed differ")
        if states is not None:
            resumed, _ = lines("resumed", states)
            _same(
                whole[blocks:],
                resumed,
                "restored from `state` it continues differently: `state` and `restore` leave "
                "something out",
            )


def _lines(
    build: Callable[[Context], Experiment],
    parent: Path,
    seed: int,
    names: Sequence[str],
    save_after: int,
    title: str,
    states: Path | None = None,
) -> tuple[list[bytes], Path | None]:
    """The blocks of an experiment as the bytes that a run would write, twice `save_after` in all,
    and the folder of its state after `save_after` blocks.

    With `states` it continues from there.
    """
    folder = parent / title
    folder.mkdir()
    work = Work(Context(seed, Generators(seed), Artifacts(folder / "artifacts")), names)
    with _promised():
        experiment = work.build(build)
    require(not experiment.done, "a fresh experiment is done before it began")
    number, saved = 0, None
    if states is not None:
        work.restore(save_after, checkpoint.load(states))
        number = save_after
    lines: list[bytes] = []
    while number < 2 * save_after and not experiment.done:
        before = experiment.done_units
        with _promised():
            blocks, _ = work.advance()
        lines.append(b"".join(_line(block) for block in blocks))
        number += 1
        require(
            experiment.done_units >= before,
            f"`done_units` fell from {before} to {experiment.done_units}",
        )
        if number == save_after and states is None:
            try:
                saved = checkpoint.save(folder / "checkpoints", number, work.state())
            except CheckpointError as error:
                raise NotConforming(
                    f"`state` holds something that is neither an array nor plain: {error}"
                ) from error
    _summary(experiment)
    return lines, saved


def _written(value: object) -> bytes:
    return orjson.dumps(value, default=plain, option=orjson.OPT_SERIALIZE_NUMPY)


def _line(block: Block) -> bytes:
    """A block as it is written to metrics.jsonl."""
    try:
        line = block_line(block.stream, block.columns)
    except ValueError as error:
        raise NotConforming(f"`advance`: {error}") from error
    return _written(line)


def _summary(experiment: Experiment) -> None:
    summary = experiment.summary()
    require(isinstance(summary, dict), f"`summary` returned {type(summary).__name__}, not a dict")
    try:
        written = _written(summary)
    except TypeError as error:
        raise NotConforming(
            f"`summary` holds something that JSON does not know: {error}"
        ) from error
    require(
        written == _written(experiment.summary()),
        "`summary` says something else when it is asked again: it must change nothing",
    )


@contextlib.contextmanager
def _promised() -> Iterator[None]:
    """Fail if the run loop refuses the experiment, if something is printed inside, or if a global
    generator has changed at the end.
    """
    printed, before = io.StringIO(), global_states()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            yield
        except NotAnExperiment as error:
            raise NotConforming(str(error)) from error
    require(
        not printed.getvalue(),
        f"the experiment printed {printed.getvalue()[:80]!r}; its figures belong into blocks "
        "and summary",
    )
    after = global_states()
    for name in [name for name, state in before.items() if after[name] != state]:
        raise NotConforming(
            f"the experiment drew from the global generator of {name}; draw from "
            f'context.rng("…"), or let the lab name it in `global_generators = ("{name}",)`.'
        )


def _check_pictures(lab: Lab, settings: LabConfig, name: str) -> None:
    """Pictures and frames of an experiment after a few blocks: they exist, are pictures, and
    change nothing.
    """
    with tempfile.TemporaryDirectory() as folder:
        context = Context(0, Generators(0), Artifacts(Path(folder) / "artifacts"))
        work = work_of(lab, context)
        experiment = work.build(lambda context: lab.build(settings, context))
        writer = LineWriter(Path(folder) / "metrics.jsonl")
        while not experiment.done:
            for block in work.advance()[0]:
                writer.write(block_line(block.stream, block.columns))
        writer.close()
        before = fingerprint(experiment.state())
        if lab.offers("pictures"):
            lab.pictures(experiment, context.artifacts, Metrics(Path(folder) / "metrics.jsonl"))
            require(bool(context.artifacts.listing()), f"{name}.pictures wrote nothing")
        if lab.offers("frames"):
            for frame in islice(lab.frames(experiment, np.random.default_rng(0)), 3):
                pixels = frame.draw()
                require(
                    pixels.dtype == np.uint8 and pixels.ndim == 3,
                    f"a frame of {name} is {pixels.dtype} {pixels.shape}, not uint8 [h, w, 3]",
                )
        require(
            fingerprint(experiment.state()) == before,
            f"drawing pictures or frames of {name} changed the experiment",
        )


def _same(one: list[bytes], other: list[bytes], says: str) -> None:
    for number, (first, second) in enumerate(zip(one, other, strict=False)):
        require(
            first == second, f"{says} (block {number + 1}: {first[:120]!r} and {second[:120]!r})"
        )
    require(len(one) == len(other), f"{says} ({len(one)} blocks and {len(other)})")
