"""Agents, exact solvers, and the code that the labs share for training and evaluation.

Importing this package loads only names; the plugin hook below registers its commands, and
the agents in agents.json.
"""

from sandbox.registry.hookspecs import hookimpl
from sandbox.tables import read_table


@hookimpl
def sandbox_register(registry):  # type: ignore[no-untyped-def]
    """The tabular agents, and the commands that work on any registered environment."""
    for name, agent in read_table(__file__, "agents.json").items():
        registry.agent(name, agent["class"], summary=agent["summary"])
    registry.command(
        "solve", "agents.commands.solve:solve", summary="The exact optimum of an environment."
    )
    registry.command(
        "play", "agents.commands.play:play", summary="Walk an environment with the keyboard."
    )
