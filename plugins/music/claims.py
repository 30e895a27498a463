"""U1 to U4: the findings of Lab 04's report, measured on small models trained for seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from plugins.music import trials
from plugins.music.config import MusicConfig
from plugins.music.trials import SHARING, SIZE, STEPS
from sandbox.reproduction.claim import Claim
from sandbox.reproduction.table import Measures, read_claims
from sandbox.text import number

WINDOWS = (16, 32, 64)
WINDOW = 32
"""The report's window length in steps."""
SHIFTS = (-2, 3)
"""The report's transpositions, in semitones."""
CHORDS = "different chords"


def parameters() -> int:
    """Number of weights and biases of the model `two-hands`.

    The head that distinguishes repeated from held notes is not counted: the report has none.
    """
    MusicConfig().check_available()
    from plugins.music.networks.making import make_model
    from sandbox.config.resolve import resolve

    return sum(
        weight.numel()
        for name, weight in make_model(resolve(MusicConfig, [], "music"), 0).named_parameters()
        if not name.startswith("strike.")
    )


def beats_of_a_window() -> float:
    """Length in beats of a window of the default configuration."""
    return MusicConfig().window / MusicConfig().steps_per_beat


def claims(data: Path | None) -> tuple[Claim, ...]:
    """The claims, on the pieces in this folder if it has any."""
    folder = trials.folder_in(data)
    where = (
        "Études that the program composes, of a seed for each training: there is no piano-midi-de "
        "in the data folder (--data, SANDBOX_DATA)."
        if folder is None
        else "The pieces in piano-midi-de in the data folder, split by a seed for each training."
    )
    trained = (
        f"A model of one LSTM layer of {SIZE.hidden} units with the report's heads and loss, "
        f"{number(SIZE.frames)} steps learned from. "
        f"{SHARING} runs share a training; each has its own quarter of the test pieces. {where}"
    )
    trial = partial(trials.trial, folder)
    usual = partial(trial, WINDOW)
    measures: Measures = {
        "parameters": parameters,
        "beats_of_a_window": beats_of_a_window,
        "shifts_that_stay": lambda: trials.augmented(folder, WINDOW, *SHIFTS)[0],
        "more_windows": lambda: trials.augmented(folder, WINDOW, *SHIFTS)[1],
        "nll": lambda window, seed: trial(window, seed).nll,
        "frequencies_nll": lambda seed: usual(seed).frequencies_nll,
        "learned": lambda seed: usual(seed).frequencies_nll - usual(seed).nll,
        "frozen": lambda window, mode, seed: trial(window, seed).frozen[mode],
        "frozen_less": lambda mode, other, seed: (
            usual(seed).frozen[mode] - usual(seed).frozen[other]
        ),
        "piece_frozen": lambda seed: usual(seed).piece_frozen,
        "chords": lambda mode, seed: usual(seed).chords[mode],
        "returned": lambda seed: float(usual(seed).returned),
    }
    return read_claims("plugins.music", measures, where=where, trained=trained)


def notes(claim: str, estimates: Mapping[str, float]) -> list[str]:
    """Paragraphs for a claim; `estimates` has the measured figures by part."""
    return list(
        {"U1": _about_windows, "U3": _about_chords}.get(claim, lambda _: iter(()))(estimates)
    )


def _about_windows(estimates: Mapping[str, float]) -> Iterator[str]:
    medians = [estimates.get(f"NLL with windows of {window} steps") for window in WINDOWS]
    if None not in medians:
        named = ", ".join(f"{value:.2f}" for value in medians)
        yield (
            f"Windows of {', '.join(map(str, WINDOWS))} steps: a median NLL of {named}, each with "
            f"as many updates of {trials.UPDATE} steps. The state "
            "is carried from window to window, so a short one loses only gradients; in exchange an "
            "update sees more pieces side by side."
        )


def _about_chords(estimates: Mapping[str, float]) -> Iterator[str]:
    corrected, sampled = (
        estimates.get(f"{CHORDS}, {mode}") for mode in ("argmax, corrected", "sample")
    )
    if corrected is not None and sampled is not None:
        yield (
            "Not frozen is not yet music: corrected argmax goes to and fro between few chords "
            f"(median {corrected:.0f} different ones in {STEPS} "
            f"steps), and sampling hardly plays any twice ({sampled:.0f}). What these models learn "
            "in seconds shows how they freeze, no more."
        )
