"""The table of supported Stable-Baselines3 algorithms and their action spaces.

Importing this module loads neither library: it holds names only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sandbox.tables import read_table

PACKAGES = {"stable_baselines3": "stable-baselines3", "sb3_contrib": "sb3-contrib"}
"""Modules and the distributions that provide them."""


class Known(NamedTuple):
    """An algorithm.

    Attributes:
        module: the package that contains it.
        algorithm: the name of its class.
        actions: names of the action spaces that it supports.
        summary: one line.
    """

    module: str
    algorithm: str
    actions: Sequence[str]
    summary: str


KNOWN = {name: Known(**row) for name, row in read_table(__file__, "known.json").items()}
"""The supported algorithms by the agents' names in the registry. ARS, RecurrentPPO and MaskablePPO
are excluded, because they need another interface: whole episodes with perturbed weights, memory
between steps, and action masks."""


def fitting(actions: str) -> list[str]:
    """The agents that support this kind of action space.

    Args:
        actions: name of a Gymnasium space ("Discrete").
    """
    return [name for name, known in KNOWN.items() if actions in known.actions]
