"""Sources, libraries and processor of a run, and whether they are still the same."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
from pathlib import Path

from sandbox.config.model import choice_kind, choices
from sandbox.config.resolve import config_of_choice
from sandbox.errors import UnknownNameError, UsageError
from sandbox.registry.registrar import Entry
from sandbox.registry.registry import ROOT, registry
from sandbox.runs import provenance
from sandbox.store import RunRecord


def plugin_name(entry: Entry) -> str:
    """The plugin that registered an entry, and its source."""
    plugin = registry().plugins[entry.plugin]
    return plugin.name if plugin.source == "built in" else f"{plugin.name} ({plugin.source})"


def sources_of(record: RunRecord) -> str:
    """SHA-256 over our sources and those of every plugin that the run uses."""
    return provenance.sources(tuple(sorted(_places(record), key=lambda place: place.name)))


def plugin_files(record: RunRecord) -> set[Path]:
    """The files, given with -p, of the plugins that the run uses."""
    return _places(record) & set(map(Path, registry().files))


def _entries(record: RunRecord) -> list[Entry]:
    """What a run uses of plugins: its lab, and what its configuration picks."""
    entries = [registry().find("lab", record.lab)]
    for info, name in choices(registry().lab(record.lab).Config, record.config):
        with contextlib.suppress(UnknownNameError):
            entries.append(registry().find(choice_kind(info) or "", name))
    return entries


def _places(record: RunRecord) -> set[Path]:
    """The sources of what a run uses of external plugins."""
    targets = {entry.target for entry in _entries(record)}
    for info, name in choices(registry().lab(record.lab).Config, record.config):
        with contextlib.suppress(UnknownNameError):  # environments of Gymnasium are no entries
            targets.add(config_of_choice(info, name).__module__)
    return {place for target in targets if (place := _place(target)) is not None}


def _place(target: str) -> Path | None:
    """The sources of what an external plugin brings: its module's file, or its package's folder;
    None for what is ours, a library's, or a script's.
    """
    module = target.partition(":")[0].split(".")[0]
    if module in {"__main__", *provenance.LIBRARIES}:
        return None
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).resolve()
    if path.is_relative_to(ROOT / module):
        return None
    return path.parent if path.name == "__init__.py" else path


def sign(record: RunRecord) -> None:
    """Record where and with which sources the run is executed (the loop adds the libraries,
    once they are loaded).
    """
    record.host, record.pid = platform.node(), os.getpid()
    record.sources, record.commit = sources_of(record), provenance.commit()
    record.processor = provenance.processor()


def follows_processor(record: RunRecord) -> bool:
    """Whether the run's last digits depend on the processor, according to its lab or to something
    that its configuration chooses.
    """
    lab, *chosen = _entries(record)
    used = [registry().lab(lab.name), *(registry().load(one.kind, one.name) for one in chosen)]
    return any(getattr(one, "follows_processor", False) for one in used)


def changes(record: RunRecord) -> list[str]:
    """What differs now from what the run was computed with: libraries, sources, and the processor
    where it matters.
    """
    now = provenance.versions(record.versions)
    changed = [
        f"{name} {before} -> {now.get(name, 'not installed')}"
        for name, before in record.versions.items()
        if now.get(name) != before
    ]
    if record.sources != sources_of(record):
        changed.append("the sources of the sandbox or of the plugin")
    before, here = (
        machine.get("target", "") for machine in (record.processor, provenance.processor())
    )
    if before and before != here and follows_processor(record):
        changed.append(f"processor {before} -> {here}")
    return changed


def refuse_changed(record: RunRecord, allow: bool) -> None:
    """Refuse to resume under other versions, or on another processor where that matters: the same
    bytes cannot be promised then.
    """
    changed = changes(record)
    if not changed:
        return
    if not allow:
        raise UsageError(
            f"Run {record.id} began under other versions or on another processor: "
            f"{'; '.join(changed)}. Resumed now it may end with other numbers; the same command "
            "with `--allow-changed` resumes it anyway and records it."
        )
    record.warnings.append(
        f"Resumed under other versions or on another processor: {'; '.join(changed)}."
    )
