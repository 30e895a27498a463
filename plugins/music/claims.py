"""U1 to U4: what Lab 04's report found, on small models that learn for seconds; see `plugins.music.trials`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from plugins.music import trials
from plugins.music.config import MusicConfig
from plugins.music.trials import SHARING, SIZE, STEPS
from sandbox.reproduction.claim import Claim
from sandbox.text import number

WINDOWS = (16, 32, 64)
WINDOW = 32
"""The report's."""
SHIFTS = (-2, 3)
"""The report's transpositions, in semitones."""
COST = 4.0
"""Seconds of one run: its part of a training, and what it plays."""

AUGMENTED = "Transposing by -2 to +3 semitones makes six times as many training windows of 32 steps (8 beats)"
LEARNS = "Two LSTM layers of 150 units, with heads for the keys and for the number of notes of each hand, learn two hands"
FREEZES = "With argmax the model freezes on one chord, which the corrections for notes that just sounded prevent"
WRITTEN = "What is played is a MIDI file with a track for each hand, named"

FROZEN, CHORDS = "share of frozen steps", "different chords"
SETTLED = "argmax less sample"
FREED = "argmax less argmax, corrected"


def report_parameters() -> int:
    """Weights and biases of the report's `two_hands`, from the sizes of its layers (REPORTS, U2); an LSTM layer has PyTorch's two biases."""
    keys, hidden, dense, piano, count = 88, 150, 120, 100, 10
    lstm = sum(4 * hidden * (inputs + hidden + 2) for inputs in (2 * keys, hidden))
    layers = ((hidden, dense), (dense, piano), (piano, keys), (dense, count), (count, 1))
    return lstm + 2 * sum(inputs * outputs + outputs for inputs, outputs in layers)


def parameters() -> int:
    """Weights and biases of the model `two-hands`, without the head that tells repeated from held notes, which the report has not."""
    MusicConfig().check_available()
    from plugins.music.networks.making import make_model
    from sandbox.config.resolve import resolve

    return sum(
        weight.numel()
        for name, weight in make_model(resolve(MusicConfig, [], "music"), 0).named_parameters()
        if not name.startswith("strike.")
    )


def nll(window: int, seed: int) -> float:
    """NLL per frame of a small model with windows of this length."""
    return trials.trial(window, seed).nll


def learned(seed: int) -> float:
    """By how much a small model's NLL is below that of the key frequencies alone."""
    found = trials.trial(WINDOW, seed)
    return found.frequencies_nll - found.nll


def frozen(mode: str, seed: int, window: int = WINDOW) -> float:
    """Share of frozen steps."""
    return trials.trial(window, seed).frozen[mode]


def _claims() -> Iterator[Claim]:
    yield from _u1()
    yield from _u2()
    yield from _u3()
    yield Claim(
        *(
            "U4",
            WRITTEN,
            1.0,
            "proportion",
            lambda seed: float(trials.trial(WINDOW, seed).returned),
        ),
        part="comes back as it was, each hand from its track",
        unit="share of runs",
        min_seeds=5,
        cost=COST,
        notes=f"A test piece and its continuation by {STEPS} steps, written and read again, step for step. {_where()}",
    )


def _where() -> str:
    if trials.folder() is None:
        return "Études that the program composes, of a seed for each training: SANDBOX_DATA leads to no piano-midi-de."
    return "The pieces in piano-midi-de in the data folder (SANDBOX_DATA), split by a seed for each training."


def _trained() -> str:
    return (
        f"A model of one LSTM layer of {SIZE.hidden} units with the report's heads and loss, {number(SIZE.frames)} steps learned from. "
        f"{SHARING} runs share a training; each has its own quarter of the test pieces. {_where()}"
    )


def _u1() -> Iterator[Claim]:
    whole: Any = {"exact": True, "notes": _where()}
    yield Claim(
        *("U1", AUGMENTED, 6.0, "equal", lambda seed: trials.augmented(WINDOW, *SHIFTS)[1]),
        part="windows with all shifts, against none",
        margin=0.5,
        **{
            **whole,
            "notes": f"The margin is for pieces that leave the range and are skipped; how many did the report does not say. {_where()}",
        },
    )
    yield Claim(
        *("U1", AUGMENTED, None, "equal", lambda seed: trials.augmented(WINDOW, *SHIFTS)[0]),
        part="pieces and shifts that stay on the piano",
        unit="share of pairs",
        **whole,
    )
    yield Claim(
        *(
            "U1",
            AUGMENTED,
            8.0,
            "equal",
            lambda seed: MusicConfig().window / MusicConfig().steps_per_beat,
        ),
        part="beats in a window of 32 steps",
        exact=True,
    )
    for window in WINDOWS:
        yield Claim(
            *("U1", AUGMENTED, None, "equal", _at(nll, window)),
            part=f"NLL with windows of {window} steps",
            unit="nats per frame",
            cost=COST,
            notes=f"As many updates, of as many steps each, for every length: longer windows, fewer lanes. {_trained()}",
        )


def _u2() -> Iterator[Claim]:
    yield Claim(
        *("U2", LEARNS, report_parameters(), "equal", lambda seed: parameters()),
        part="weights and biases",
        exact=True,
        notes="The report gives the sizes of the layers; what they add up to is our arithmetic. Without our head that tells repeated from held notes.",
    )
    common: Any = {"min_seeds": 5, "cost": COST, "unit": "nats per frame", "notes": _trained()}
    yield Claim(
        *("U2", LEARNS, None, "order", learned),
        part="NLL of key frequencies less that of a small model",
        **common,
    )
    yield Claim(
        *("U2", LEARNS, None, "equal", lambda seed: trials.trial(WINDOW, seed).frequencies_nll),
        part="NLL of key frequencies",
        **common,
    )


def _u3() -> Iterator[Claim]:
    notes = f"{STEPS} steps after the first {trials.SEED_STEPS} of a test piece; frozen: the same keys sound for 8 steps. {_trained()}"
    common: Any = {"min_seeds": 5, "cost": COST, "notes": notes}
    yield Claim(
        *(
            "U3",
            FREEZES,
            None,
            "order",
            lambda seed: frozen("argmax", seed) - frozen("sample", seed),
        ),
        part=SETTLED,
        **common,
    )
    yield Claim(
        *(
            "U3",
            FREEZES,
            None,
            "order",
            lambda seed: frozen("argmax", seed) - frozen("argmax, corrected", seed),
        ),
        part=FREED,
        **common,
    )
    for mode in trials.MODES:
        yield Claim(
            *("U3", FREEZES, None, "equal", lambda seed, mode=mode: frozen(mode, seed)),  # type: ignore[misc]
            part=f"{FROZEN}, {mode}",
            **common,
        )
    yield Claim(
        *("U3", FREEZES, None, "equal", lambda seed: trials.trial(WINDOW, seed).piece_frozen),
        part=f"{FROZEN}, the piece that was continued",
        **common,
    )
    for mode in trials.MODES:
        yield Claim(
            *(
                "U3",
                FREEZES,
                None,
                "equal",
                lambda seed, mode=mode: trials.trial(WINDOW, seed).chords[mode],
            ),  # type: ignore[misc]
            part=f"{CHORDS}, {mode}",
            unit=f"in {STEPS} steps",
            **common,
        )
    for window in WINDOWS:
        if window != WINDOW:
            yield Claim(
                *(
                    "U3",
                    FREEZES,
                    None,
                    "equal",
                    lambda seed, window=window: frozen("argmax", seed, window),
                ),  # type: ignore[misc]
                part=f"{FROZEN}, argmax, windows of {window} steps",
                **common,
            )


def _at(figure: Callable[[int, int], float], window: int) -> Callable[[int], float]:
    return lambda seed: figure(window, seed)


CLAIMS = tuple(_claims())


def notes(claim: str, estimates: Mapping[str, float]) -> list[str]:
    """Paragraphs for a claim; `estimates` by part, those left out are missing."""
    return list(
        {"U1": _about_windows, "U3": _about_chords}.get(claim, lambda _: iter(()))(estimates)
    )


def _about_windows(found: Mapping[str, float]) -> Iterator[str]:
    medians = [found.get(f"NLL with windows of {window} steps") for window in WINDOWS]
    if None not in medians:
        named = ", ".join(f"{value:.2f}" for value in medians)
        yield (
            f"Windows of {', '.join(map(str, WINDOWS))} steps: a median NLL of {named}, each with as many updates of {trials.UPDATE} steps. The state "
            "is carried from window to window, so a short one loses only gradients; in exchange an update sees more pieces side by side."
        )


def _about_chords(found: Mapping[str, float]) -> Iterator[str]:
    corrected, sampled = (
        found.get(f"{CHORDS}, {mode}") for mode in ("argmax, corrected", "sample")
    )
    if corrected is not None and sampled is not None:
        yield (
            f"Not frozen is not yet music: corrected argmax goes to and fro between few chords (median {corrected:.0f} different ones in {STEPS} "
            f"steps), and sampling hardly plays any twice ({sampled:.0f}). What these models learn in seconds shows how they freeze, no more."
        )
