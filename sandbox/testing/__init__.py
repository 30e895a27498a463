"""The conformance kit: what every plugin promises, as functions that its tests call in one line.

Each check raises `NotConforming`, an AssertionError, with a sentence that says what was promised
and what happened. Our own plugins are tested by the same functions. `agents.testing` has the check
of agents.
"""

from sandbox.testing.envs import check_env
from sandbox.testing.labs import check_experiment, check_lab
from sandbox.testing.observers import check_observer
from sandbox.testing.promises import NotConforming

__all__ = [
    "NotConforming",
    "check_env",
    "check_experiment",
    "check_lab",
    "check_observer",
]
