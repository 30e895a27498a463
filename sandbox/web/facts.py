"""What is told of a run, for the page in the browser and for the page in one file."""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.config.model import choice_fields, dump, option_name, show_value
from sandbox.config.resolve import resolve
from sandbox.errors import SandboxError
from sandbox.registry.registry import registry
from sandbox.runs.view import KINDS, Run
from sandbox.store.record import RunRecord
from sandbox.text import figures, flat, number, plural, plus_minus, seeds, size, words

SOUNDS = {".wav": "audio/wav", ".mp3": "audio/mpeg", ".ogg": "audio/ogg"}
MOST_NOTES = 5000
"""Of an instrument in a piano roll."""
TONES = {"finished": "good", "running": "info", "failed": "bad", "lost": "bad", "damaged": "bad"}
"""Colours of statuses; others are grey."""


def facts(run: Run) -> dict[str, Any]:
    """The values of the template run_facts.html, except pictures."""
    record, judged = run.record, run.score
    gap = None
    if judged is not None and judged.optimum is not None:
        gap = abs(judged.optimum - judged.value)
    changed, others = settings(record)
    return {
        "record": record,
        "title": title(record),
        "tone": TONES.get(record.status, "mute"),
        "score": judged,
        "value": ""
        if judged is None
        else number(judged.value)
        if judged.standard_error is None
        else plus_minus(judged.value, judged.standard_error),
        "regret": None if gap is None else number(gap),
        "figures": list(figures(record.summary)),
        "changed": changed,
        "others": others,
        "about": about(record),
        "files": [(one.name, size(one.size)) for one in record.artifacts],
    }


def title(record: RunRecord) -> str:
    """A run in a few words."""
    agent = [record.agent] if record.agent else []
    return " · ".join([record.lab, *agent, seeds(record.seed, record.seeds)])


def settings(record: RunRecord) -> tuple[list[tuple[str, str, str]], list[tuple[str, str]]]:
    """The settings of a run: (option, value, default) of those that differ from the defaults of
    what was chosen, and (option, value) of the others.
    """
    values = flat(record.config)
    usual: dict[str, Any] = {}
    try:
        config = registry().lab(record.lab).Config
        names = {
            name: {"name": record.config[name]["name"]}
            for name in choice_fields(config)
            if name in record.config
        }
        usual = flat(dump(resolve(config, [names], "")))
        usual |= {f"{name}.name": config.model_fields[name].default for name in names}
    except (SandboxError, LookupError, TypeError):
        usual = values  # the lab is not there any more
    pairs = [
        (name, option_name(name.removesuffix(".name")), value) for name, value in values.items()
    ]
    changed = [
        (option, show_value(value), show_value(usual[name]) if name in usual else "none")
        for name, option, value in pairs
        if name not in usual or usual[name] != value
    ]
    told = {option for option, _, _ in changed}
    return changed, [
        (option, show_value(value)) for _, option, value in pairs if option not in told
    ]


def about(record: RunRecord) -> list[tuple[str, str]]:
    """When, where and with what it ran."""
    of = f" of {number(record.limit)}" if record.limit else ""
    resumed = f", resumed {plural(record.resumed, 'time')}" if record.resumed else ""
    rows = [
        ("progress", f"{words(record.unit)} {number(record.done_units)}{of}{resumed}"),
        ("begun", _moment(record.created)),
        ("ended", _moment(record.ended)),
        ("preset", record.preset),
        ("processor", record.processor.get("model", "")),
        ("machine", f"{record.host}, {plural(record.threads, 'thread')}, {record.device}"),
        ("versions", ", ".join(f"{name} {value}" for name, value in record.versions.items())),
        ("commit", record.commit),
    ]
    return [(name, value) for name, value in rows if value]


def _moment(iso: str) -> str:
    return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M:%S") if iso else ""


def notes(content: bytes) -> dict[str, list[tuple[float, float, int]]]:
    """The notes of a MIDI file, for `sandbox.web.charts.piano_roll`; empty where it cannot be read.

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


def pictures(record: RunRecord) -> list[str]:
    """The names of its pictures and animations; animations first, then by name."""
    names = [one.name for one in record.artifacts if Path(one.name).suffix in KINDS]
    return sorted(names, key=lambda name: (not name.endswith(".gif"), name))
