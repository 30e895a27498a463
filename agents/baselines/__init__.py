"""Stable-Baselines3 behind the same interface: its algorithms are agents of the control labs.

Importing this package loads no torch and no Stable-Baselines3; an algorithm is loaded when it is
chosen.
"""

from agents.baselines.known import KNOWN
from sandbox.registry.hookspecs import hookimpl


@hookimpl
def sandbox_register(registry):  # type: ignore[no-untyped-def]
    """Register the algorithms of Stable-Baselines3 and sb3-contrib that our labs can use."""
    for name, known in KNOWN.items():
        registry.agent(
            name, f"agents.baselines.algorithms:{known.algorithm}", summary=known.summary
        )
