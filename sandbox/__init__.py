"""The sandbox: run labs, watch them, keep all their results.

Everything a plugin author needs is here, and nothing is imported before it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PUBLIC = {
    "hookimpl": "sandbox.registry.hookspecs",
    "Lab": "sandbox.lab",
    "Experiment": "sandbox.lab",
    "Block": "sandbox.lab",
    "Context": "sandbox.lab",
    "Score": "sandbox.score",
    "Action": "sandbox.lab",
    "Observer": "sandbox.observer",
    "Claim": "sandbox.reproduction.claim",
    "LabConfig": "sandbox.config.model",
    "Choice": "sandbox.config.model",
    "Chosen": "sandbox.config.model",
    "SandboxError": "sandbox.errors",
    "Run": "sandbox.runs.api",
    "run": "sandbox.runs.api",
    "resume": "sandbox.runs.api",
    "load": "sandbox.runs.api",
    "sweep": "sandbox.sweeps.api",
    "compare": "sandbox.comparison.api",
    "compare_tasks": "sandbox.comparison.tasks",
}
__all__ = [
    "Action",
    "Block",
    "Choice",
    "Chosen",
    "Claim",
    "Context",
    "Experiment",
    "Lab",
    "LabConfig",
    "Observer",
    "Run",
    "SandboxError",
    "Score",
    "compare",
    "compare_tasks",
    "hookimpl",
    "load",
    "resume",
    "run",
    "sweep",
]

if TYPE_CHECKING:
    from sandbox.comparison.api import compare
    from sandbox.comparison.tasks import compare_tasks
    from sandbox.config.model import Choice, Chosen, LabConfig
    from sandbox.errors import SandboxError
    from sandbox.lab import Action, Block, Context, Experiment, Lab
    from sandbox.observer import Observer
    from sandbox.registry.hookspecs import hookimpl
    from sandbox.reproduction.claim import Claim
    from sandbox.runs.api import Run, load, resume, run
    from sandbox.score import Score
    from sandbox.sweeps.api import sweep


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        value = getattr(importlib.import_module(_PUBLIC[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'sandbox' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
