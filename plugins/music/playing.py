"""What a model plays: a continuation as MIDI, WAV, picture and figures; and the verb `generate`.

The same run, seed file and options give the same MIDI file, byte for byte.
"""

from __future__ import annotations

import io
import json
import math
import wave
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from envs.datasets.rolls import SILENT, STRUCK, joined
from sandbox.errors import UsageError

RATE = 22_050
"""Samples of a WAV file per second."""
TEMPO = 100.0
"""Beats per minute of what is written."""
FROZEN = 8
"""So many steps with exactly the same keys sounding count as frozen."""
BESIDE = (".wav", ".png", ".json")
"""What is written beside a MIDI file."""
PITCHES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


class Continuation:
    """A seed and what a model made of it.

    Args:
        model: a `plugins.music.models.MusicModel`.
        seed: uint8 [seed steps, hands, 88].
        steps: how many to add, >= 1.
        how: a `plugins.music.drawing.Draw`.
        rng: draws.
        steps_per_beat: steps to a quarter note.
        calibrated: see `plugins.music.generate.continued`.

    Attributes:
        roll: seed and continuation, uint8 [seed steps + steps, hands, 88].
        generated: the continuation alone.
    """

    def __init__(
        self, model: Any, seed: np.ndarray, steps: int, how: Any, rng: np.random.Generator, steps_per_beat: int, calibrated: bool = True
    ) -> None:
        from plugins.music.generate import continued

        self.seed_steps, self.steps_per_beat = len(seed), steps_per_beat
        self.roll = continued(model, seed, steps, how, rng, calibrated)

    @property
    def generated(self) -> np.ndarray:
        """What the model added."""
        return self.roll[self.seed_steps :]

    def midi(self) -> bytes:
        """The file, a track for each hand."""
        from envs.datasets.midi import midi_bytes

        return midi_bytes(self.roll, steps_per_beat=self.steps_per_beat, tempo=TEMPO)

    def wav(self, soundfont: Path | None = None) -> bytes:
        """Mono sound, 16 bit: pretty_midi's own synthesis, or FluidSynth's with a soundfont.

        Raises:
            UsageError: when a soundfont is given that is none, or FluidSynth is not installed.
        """
        from envs.datasets.midi import pretty_midi_of

        made = pretty_midi_of(self.roll, steps_per_beat=self.steps_per_beat, tempo=TEMPO)
        if soundfont is None:
            sound = made.synthesize(fs=RATE)
        else:
            check_soundfont(soundfont)
            sound = made.fluidsynth(fs=RATE, sf2_path=str(soundfont))
        peak = max(float(np.abs(sound).max(initial=0.0)), 1e-9)
        samples = np.round(sound / peak * 0.9 * 32767).astype("<i2")
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(samples.tobytes())
        return file.getvalue()

    def picture(self, title: str) -> Any:
        """The piano roll, right hand above left, the seed marked."""
        from plugins.music import figures

        return figures.piano_roll(self.roll, self.seed_steps, self.steps_per_beat, title)


def check_soundfont(path: Path) -> None:
    """Whether FluidSynth can play with a file, as far as one can say without playing.

    Raises:
        UsageError: when the file is no soundfont, or FluidSynth is not installed.
    """
    try:
        with path.open("rb") as file:
            begins = file.read(12)
    except OSError as error:
        raise UsageError(f"Cannot read the soundfont {path}: {error.strerror}.") from error
    if begins[:4] != b"RIFF" or begins[8:] != b"sfbk":
        raise UsageError(f"{path} is no soundfont (.sf2). Without --soundfont pretty_midi's own synthesis is used.")
    try:
        import fluidsynth  # type: ignore[import-not-found] # noqa: F401
    except ImportError as error:
        raise UsageError(f"--soundfont needs FluidSynth and pyfluidsynth ({error}); without it pretty_midi's synthesis is used.") from error


def seed_of(roll: np.ndarray, hands: int, steps: int) -> np.ndarray:
    """The first steps of a piece, its hands joined where the model has one track; a piece that is shorter is taken whole."""
    begun = roll[: max(1, steps)]
    return begun if begun.shape[1] == hands else joined(begun)


def statistics(roll: np.ndarray) -> dict[str, Any]:
    """What music is made of, in figures.

    Args:
        roll: uint8 [steps, hands, 88].

    Returns:
        `pitch_classes`: shares of sounding keys by name; `struck_per_step` notes; `polyphony`: keys that sound at once, where any does;
        `silent`: share of steps without sound; `repeats`: share of struck notes whose key sounded in the step before; `frozen`: share of steps
        in which the same keys, and at least one, have sounded for 8 steps after the first, held or struck again.
    """
    keys = (roll != SILENT).any(axis=1)  # [steps, 88]
    struck = (roll == STRUCK).any(axis=1)
    classes = np.bincount((np.nonzero(keys)[1] + 21) % 12, minlength=12)
    sounding = keys.sum(axis=1)
    before = np.vstack([np.zeros((1, keys.shape[1]), dtype=bool), keys[:-1]])
    same = (keys == before).all(axis=1) & (sounding > 0)
    run = np.zeros(len(same), dtype=np.int64)
    for step in range(1, len(same)):
        run[step] = run[step - 1] + 1 if same[step] else 0
    strokes = int(struck.sum())
    return {
        "pitch_classes": {name: float(share) for name, share in zip(PITCHES, classes / max(1, classes.sum()), strict=True)},
        "struck_per_step": strokes / max(1, len(roll)),
        "polyphony": float(sounding[sounding > 0].mean()) if (sounding > 0).any() else 0.0,
        "silent": float((sounding == 0).mean()) if len(roll) else 1.0,
        "repeats": float((struck & before).sum() / max(1, strokes)),
        "frozen": float((run >= FROZEN).mean()) if len(roll) else 0.0,
    }


def compared(generated: np.ndarray, pieces: Sequence[np.ndarray]) -> dict[str, Any]:
    """Statistics of what was generated beside those of the pieces that were learned, and how far apart their pitch classes are.

    Args:
        generated: uint8 [steps, hands, 88].
        pieces: the same of each training piece.
    """
    ours, theirs = statistics(generated), statistics(np.concatenate(list(pieces)))
    apart = sum(abs(ours["pitch_classes"][name] - theirs["pitch_classes"][name]) for name in PITCHES) / 2
    return {"generated": ours, "pieces": theirs, "pitch_class_distance": float(apart)}


class _Finite(click.FloatRange):
    """A number, not nan and not inf."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


@click.command("generate", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seed-file", type=click.Path(path_type=Path), help="MIDI file to continue [default: the first test piece].")
@click.option("--seed-steps", type=click.IntRange(min=1), default=32, show_default=True, help="Steps of it that the model hears.")
@click.option("--steps", type=click.IntRange(1, 100_000), default=400, show_default=True, help="Steps to add.")
@click.option("--mode", type=click.Choice(["sample", "argmax", "nucleus"]), default="sample", show_default=True)
@click.option("--temperature", type=_Finite(min=0, min_open=True), default=1.0, show_default=True, help="Below 1 the likely is likelier.")
@click.option("--top-p", type=_Finite(0, 1, min_open=True), default=0.9, show_default=True, help="Of the nucleus.")
@click.option("--a-right", type=_Finite(min=0), default=None, help="How fast the right hand's correction falls [report: 0.25].")
@click.option("--a-left", type=_Finite(min=0), default=None, help="The left hand's [report: 0.1].")
@click.option("--b", type=_Finite(min=0), default=None, help="How much a note that sounds is favoured [report: 1].")
@click.option(
    "--calibrated/--as-trained", default=True, show_default=True, help="Take the weights of the report's loss out of probabilities."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the draws.")
@click.option("--soundfont", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="For FluidSynth.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("generated.mid"),
    show_default=True,
    help="MIDI file; WAV, PNG and JSON beside it.",
)
@click.pass_obj  # type: ignore[arg-type]
def _command(
    run: Any, seed_file: Path | None, seed_steps: int, steps: int, seed: int, soundfont: Path | None, output: Path, **how: Any
) -> None:
    """Let a music run continue a piece."""
    _check_output(output, seed_file)
    if soundfont is not None:
        check_soundfont(soundfont)
    made, config, pieces = _continued(run, seed_file, seed_steps, steps, seed, how)
    figures = compared(made.generated, pieces)
    title = f"{(seed_file.name if seed_file else 'test piece')}, continued by {config.model.name}"
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(made.midi())
        output.with_suffix(".wav").write_bytes(made.wav(soundfont))
        made.picture(title).savefig(output.with_suffix(".png"))
        output.with_suffix(".json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"Cannot write {output}, or .wav, .png and .json beside it: {error.strerror}. Choose another --output.") from error
    click.echo(f"{'':18}{'generated':>10}{'pieces':>10}")
    for name in ("struck_per_step", "polyphony", "silent", "repeats", "frozen"):
        click.echo(f"{name.replace('_', ' '):18}{figures['generated'][name]:>10.3f}{figures['pieces'][name]:>10.3f}")
    click.echo(f"Written: {output}, and beside it .wav, .png and .json")


def _check_output(output: Path, seed_file: Path | None) -> None:
    """Say before anything is played that it could not be kept.

    Raises:
        UsageError: when the MIDI file would be a folder, or overwritten by what is written beside it, or overwrite the seed.
    """
    if output.is_dir():
        raise UsageError(f"--output {output} is a folder: name the MIDI file, {output / 'generated.mid'}.")
    if output.suffix.lower() in BESIDE:
        raise UsageError(
            f"--output {output} names the MIDI file, beside which {', '.join(BESIDE)} are written: {output.with_suffix('.mid')}."
        )
    if seed_file is not None and output.exists() and seed_file.exists() and output.samefile(seed_file):
        raise UsageError(f"--output {output} would overwrite the seed file. Choose another.")


def generate(run: Any, words: Sequence[str]) -> None:
    """The verb: `generate RUN --steps 400 …`."""
    _command.main(list(words), prog_name="generate RUN", standalone_mode=False, obj=run)


def _continued(
    run: Any, seed_file: Path | None, seed_steps: int, steps: int, seed: int, options: dict[str, Any]
) -> tuple[Continuation, Any, Any]:
    """The continuation, the run's configuration and the pieces that were learned."""
    from agents.supervised.saving import load_model
    from envs.datasets.midi import Unreadable, read_piece
    from plugins.music.config import MusicConfig
    from plugins.music.generate import default_draw
    from plugins.music.models import make_model
    from sandbox.seeding import generator

    model = load_model(run.path / "artifacts", "music", MusicConfig, lambda config: make_model(config, 0))
    experiment = run.experiment
    config = experiment.config
    calibrated = options.pop("calibrated")
    how = replace(default_draw(model), **{name: value for name, value in options.items() if value is not None})
    if seed_file is None:
        roll = experiment.pieces.splits["test"][0].roll
    else:
        try:
            roll = read_piece(seed_file.read_bytes(), seed_file.name, config.steps_per_beat).roll
        except OSError as error:
            raise UsageError(f"Cannot read the seed file {seed_file}: {error.strerror}.") from error
        except Unreadable as error:
            raise UsageError(
                f"{seed_file} is no piece that can be continued: {error}. Give a MIDI file with notes on the piano."
            ) from error
    begun = seed_of(roll, model.hands, seed_steps)
    made = Continuation(model, begun, steps, how, generator(seed, "generate"), config.steps_per_beat, calibrated)
    return made, config, experiment.rolls["train"]
