"""The facts of a run, for the page in the browser and for the page in one file."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path

from sandbox.config.model import option_name, show_value, shown_settings
from sandbox.config.options import options
from sandbox.config.resolve import chosen, in_force
from sandbox.errors import SandboxError
from sandbox.registry.registry import registry
from sandbox.runs.view import KINDS, Run
from sandbox.store.record import RunRecord
from sandbox.text import Document, figures, moment, plural, size

SOUNDS = {".wav": "audio/wav", ".mp3": "audio/mpeg", ".ogg": "audio/ogg"}
MEDIA = KINDS | SOUNDS
"""Endings of files that a browser shows or plays, and what they are."""
MOST_BYTES, MOST_NOTES = 1_000_000, 5000
"""Of a MIDI file that is drawn, and of an instrument in it."""
TONES = {"finished": "good", "running": "info", "failed": "bad", "lost": "bad", "damaged": "bad"}
"""Colours of statuses; others are grey."""

Notes = dict[str, list[tuple[float, float, int]]]
"""By instrument: begin and end in seconds, and pitch (MIDI, 0 to 127), of each note."""


def facts(run: Run, addresses: Mapping[str, str]) -> Document:
    """The values of the template run_facts.html.

    Args:
        run: the run.
        addresses: of artifacts, by name; a picture or sound without one is left out.
    """
    record = run.record
    changed, others = settings(record)
    names = sorted(addresses, key=lambda name: (not name.endswith(".gif"), name))

    def media(kinds: Mapping[str, str]) -> list[tuple[str, str]]:
        return [(name, addresses[name]) for name in names if Path(name).suffix in kinds]

    return {
        "record": record,
        "figures": list(figures(record.summary)),
        "changed": changed,
        "others": others,
        "about": about(record),
        "files": [(one.name, size(one.size), addresses.get(one.name)) for one in record.artifacts],
        "pictures": media(KINDS),
        "sounds": media(SOUNDS),
    }


def settings(
    record: RunRecord,
) -> tuple[list[tuple[str, str, str]] | None, list[tuple[str, str]]]:
    """The settings of a run: (option, value, default) of those that differ from the defaults of
    what was chosen, and (option, value) of the others; None and all, if the lab is not there.
    """
    values = shown_settings(record.config)
    try:
        config = registry().lab(record.lab).Config
        names = chosen(config, [record.config])
        usual = {one.name: show_value(one.default) for one in options(config, names)}
        usual |= shown_settings(in_force(config, [names]))  # some follow from others
        usual |= {option_name(name): config.model_fields[name].default for name in names}
    except (SandboxError, LookupError, TypeError):
        return None, list(values.items())
    changed = [
        (option, value, usual.get(option, "none"))
        for option, value in values.items()
        if usual.get(option) != value
    ]
    others = [(option, value) for option, value in values.items() if usual.get(option) == value]
    return changed, others


def about(record: RunRecord) -> list[tuple[str, str]]:
    """When, where and with what it ran."""
    ended = record.status != "running"  # what run.json says of a running one is old
    rows = [
        ("progress", record.progress(record.done_units) if ended else ""),
        ("begun", moment(record.created)),
        ("ended", moment(record.ended)),
        ("preset", record.preset),
        ("processor", record.processor.get("model", "")),
        ("machine", f"{record.host}, {plural(record.threads, 'thread')}, {record.device}"),
        ("versions", ", ".join(f"{name} {value}" for name, value in record.versions.items())),
        ("commit", record.commit),
    ]
    return [(name, value) for name, value in rows if value]


def music(run: Run) -> Iterator[tuple[str, Notes]]:
    """The name and the notes of each of its MIDI files that can be read."""
    for one in run.record.artifacts:
        if one.name.endswith(".mid") and one.size < MOST_BYTES:
            try:
                hands = notes(run.folder.artifacts.read(one.name))
            except (SandboxError, OSError):
                continue
            if hands:
                yield one.name, hands


def notes(content: bytes) -> Notes:
    """The notes of a MIDI file; empty where it cannot be read.

    Args:
        content: of the file.
    """
    try:
        import pretty_midi

        music = pretty_midi.PrettyMIDI(io.BytesIO(content))
    except Exception:  # the extra `music` is missing, or the file is damaged: it stays a file
        return {}
    return {
        f"{place + 1}": [(note.start, note.end, note.pitch) for note in hand.notes[:MOST_NOTES]]
        for place, hand in enumerate(music.instruments)
    }
