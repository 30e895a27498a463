"""`generate RUN`: a music run continues a piece.

The same run, seed file and options give the same MIDI file, byte for byte.
"""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from plugins.music.config import MusicConfig
from plugins.music.playing import BESIDE, Continuation, check_soundfont, compared, seed_of
from sandbox.cli.files import destination
from sandbox.cli.options import json_option, output_option
from sandbox.cli.output import next_commands, print_json, shown_path, table
from sandbox.cli.verb import of_run
from sandbox.errors import UsageError
from sandbox.input_files import read_bytes
from sandbox.runs.view import Run
from sandbox.store.files import write_whole
from sandbox.text import to_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FILES = ("generated.mid", "generated.wav", "generated.png", "generated.json")
"""Names of the files that are written."""
MODES_OF = {
    "top_p": "nucleus",
    "epsilon": "epsilon",
    "onsets": "epsilon",
    "longest": "epsilon",
    "a_right": "sample, argmax or nucleus",
    "a_left": "sample, argmax or nucleus",
    "b": "sample or nucleus",
}
"""The values of `--mode` with which an option has an effect; the others have one with all."""


class _Finite(click.FloatRange):
    """A number, not nan and not inf."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


@click.command("generate")
@of_run("music")
@click.option(
    "--seed-file",
    type=click.Path(path_type=Path),
    help="MIDI file to continue [default: the first test piece].",
)
@click.option(
    "--seed-steps",
    type=click.IntRange(min=1),
    default=32,
    help="Steps of it that the model hears.",
)
@click.option(
    "--steps",
    type=click.IntRange(1, 100_000),
    default=400,
    help="Steps to add.",
)
@click.option(
    "--mode",
    type=click.Choice(["sample", "argmax", "nucleus", "epsilon"]),
    default="sample",
    help="How keys are drawn: by their chances, the likeliest, among the likely, or by chances "
    "with the next three options.",
)
@click.option(
    "--epsilon",
    type=_Finite(0, 1, max_open=True),
    help="Chance below which no key begins [default: 0.01].",
)
@click.option(
    "--onsets",
    type=_Finite(min=0, min_open=True),
    help="How many times as often keys begin [default: 1.3].",
)
@click.option(
    "--longest",
    type=click.IntRange(min=1),
    help="Steps after which a note ends [default: 8].",
)
@click.option(
    "--temperature",
    type=_Finite(min=0, min_open=True),
    default=1.0,
    help="Below 1 the likely is likelier.",
)
@click.option(
    "--top-p",
    type=_Finite(0, 1, min_open=True),
    help="Of the nucleus [default: 0.9].",
)
@click.option(
    "--a-right",
    type=_Finite(min=0),
    help="How fast the right hand's correction falls [report: 0.25].",
)
@click.option("--a-left", type=_Finite(min=0), help="The left hand's [report: 0.1].")
@click.option(
    "--b",
    type=_Finite(min=0),
    help="How much a note that sounds is favoured [report: 1].",
)
@click.option(
    "--calibrated/--as-trained",
    default=True,
    help="Take the weights of the report's loss out of probabilities.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    help="Of the draws.",
)
@click.option(
    "--soundfont",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Let FluidSynth play the WAV file with this soundfont.",
)
@output_option(
    "Where the MIDI file goes, with WAV, PNG and JSON beside it",
    "generated.mid in the run",
)
@json_option
def generate(
    run: Run,
    seed_file: Path | None,
    seed_steps: int,
    steps: int,
    seed: int,
    soundfont: Path | None,
    output: Path | None,
    as_json: bool,
    **how: Any,
) -> int:
    """Let RUN continue a piece: MIDI, WAV, picture, statistics.

    RUN is one of the lab music: an id, the beginning of one, a folder, or `last`.
    """
    MusicConfig().check_available()
    _check_output(output or run.folder.artifacts.folder / FILES[0], seed_file)
    if soundfont is not None:
        check_soundfont(soundfont)
    continuation, config, pieces = _continued(run, seed_file, seed_steps, steps, seed, how)
    figures = compared(continuation.generated, pieces)
    title = f"{(seed_file.name if seed_file else 'test piece')}, continued by {config.model.name}"
    contents = [
        continuation.midi(),
        continuation.wav(soundfont),
        _png(continuation.picture(title)),
        to_json(figures).encode(),
    ]
    with destination(run, output, *FILES) as paths:
        for path, content in zip(paths, contents, strict=True):
            write_whole(path, content, sync=False)
    if as_json:
        print_json(
            {
                "run": run.id,
                "files": [str(path.resolve()) for path in paths],
                "statistics": figures,
            }
        )
        return 0
    table(
        ["", "generated", "pieces"],
        [
            [
                name.replace("_", " "),
                *(f"{figures[whose][name]:.3f}" for whose in ("generated", "pieces")),
            ]
            for name in ("struck_per_step", "polyphony", "silent", "repeats", "frozen")
        ],
        right=["generated", "pieces"],
    )
    click.echo(f"Written: {shown_path(paths[0].resolve())}, and beside it .wav, .png and .json")
    next_commands((["show", run.id, "--open"], "the run, with its pictures"))
    return 0


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _check_output(output: Path, seed_file: Path | None) -> None:
    """Refuse an unusable output name before anything is generated.

    Raises:
        UsageError: when another output file would overwrite the MIDI file, or the MIDI file would
            overwrite the seed.
    """
    if output.suffix.lower() in BESIDE:
        raise UsageError(
            f"--output {output} names the MIDI file, beside which {', '.join(BESIDE)} are written: "
            f"{output.with_suffix('.mid')}.",
        )
    if (
        seed_file is not None
        and output.exists()
        and seed_file.exists()
        and output.samefile(seed_file)
    ):
        raise UsageError(f"--output {output} would overwrite the seed file. Choose another.")


def _continued(
    run: Run,
    seed_file: Path | None,
    seed_steps: int,
    steps: int,
    seed: int,
    options: dict[str, Any],
) -> tuple[Continuation, Any, Any]:
    """The continuation, the run's configuration and its pieces."""
    from agents.supervised.saving import model_of
    from envs.datasets.midi import Unreadable, read_piece
    from plugins.music.experiment import MusicExperiment
    from plugins.music.generate import default_draw
    from sandbox.seeding import generator

    model = model_of(run)
    experiment = cast(MusicExperiment, run.experiment)
    config = experiment.config
    calibrated = options.pop("calibrated")
    given = {name: value for name, value in options.items() if value is not None}
    how = replace(default_draw(model), **given)
    for name in given:
        if how.mode not in (modes := MODES_OF.get(name, how.mode)):
            raise UsageError(
                f"--{name.replace('_', '-')} has no effect with --mode {how.mode}, only with "
                f"{modes}."
            )
    if seed_file is None:
        roll = experiment.pieces.splits["test"][0].roll
    else:
        try:
            roll = read_piece(read_bytes(seed_file), seed_file.name, config.steps_per_beat).roll
        except OSError as error:
            raise UsageError(f"Cannot read the seed file {seed_file}: {error.strerror}.") from error
        except Unreadable as error:
            raise UsageError(
                f"{seed_file} is no piece that can be continued: {error}. Give a MIDI file with "
                "notes on the piano.",
            ) from error
    begun = seed_of(roll, model.hands, seed_steps)
    continuation = Continuation(
        model,
        begun,
        steps,
        how,
        generator(seed, "generate"),
        config.steps_per_beat,
        calibrated,
    )
    return continuation, config, experiment.rolls["train"]
