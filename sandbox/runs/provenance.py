"""What a result was computed with: versions, sources, git commit, processor."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from sandbox.registry.registry import ROOT, registry
from sandbox.tables import read_table

LIBRARIES = read_table(__file__, "libraries.json")
"""Libraries that can change what a run computes: module -> distribution."""


def versions(distributions: Iterable[str] | None = None) -> dict[str, str]:
    """Versions of Python, the sandbox and the given distributions; by default, of those `LIBRARIES`
    that are loaded now.
    """
    from sandbox import __version__

    known = {"python": platform.python_version(), "sandbox": __version__}
    if distributions is None:
        distributions = [
            distribution for module, distribution in LIBRARIES.items() if module in sys.modules
        ]
    for distribution in distributions:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError, ValueError):
            known.setdefault(distribution, importlib.metadata.version(distribution))
    return known


@cache
def processor() -> dict[str, str]:
    """The processor: its `model`, and the `target` that code is compiled for.

    The target is LLVM's name of a family of processors ("haswell", "znver3", "apple-m1"). It
    determines which instructions exist, and therefore which code the libraries use to add and
    multiply. If NUMBA_CPU_NAME is set, numba compiles for that name, and it is returned unchanged.
    """
    from llvmlite import binding

    target = os.environ.get("NUMBA_CPU_NAME") or binding.get_host_cpu_name()
    return {"model": _model(), "target": target}


def _model() -> str:
    """The name of the processor, if the system provides one."""
    with contextlib.suppress(OSError):
        for line in (
            Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        ):
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if sys.platform == "darwin":
        return _said("sysctl", "-n", "machdep.cpu.brand_string") or platform.machine()
    return platform.processor() or platform.machine()


@cache
def sources(extra: tuple[Path, ...] = ()) -> str:
    """SHA-256 over the Python sources of the four packages, and of plugins (files, or folders of
    packages).

    Raises:
        UsageError: when a plugin's file changed since it was loaded.
    """
    digest, loaded = hashlib.sha256(), registry().files
    files = [
        (path.relative_to(ROOT).as_posix(), path)
        for room in ("sandbox", "envs", "agents", "plugins")
        for path in sorted((ROOT / room).rglob("*.py"))
    ]
    for place in extra:  # wherever a plugin is, its digest is the same
        inner = sorted(place.rglob("*.py")) if place.is_dir() else [place]
        files += [(path.name, path) for path in inner]
    for name, path in files:
        content = path.read_bytes()
        if str(path) in loaded:
            registry().refuse_edited(str(path), hashlib.sha256(content).hexdigest())
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


@cache
def commit() -> str:
    """The git commit of a checkout that the sandbox runs from, with "+" when files differ from it;
    "" elsewhere.
    """
    if not (ROOT / ".git").exists():
        return ""
    return _said(  # named by its digest, never by a tag
        "git", "-C", str(ROOT), "describe", "--always", "--exclude=*", "--abbrev=40", "--dirty=+"
    )


def _said(*command: str) -> str:
    """The output of a program; "" when it is missing or fails."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
        return done.stdout.strip()
    return ""
