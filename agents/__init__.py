"""Who learns: tabular agents, exact solvers, and what control labs share.

Importing this package loads no more than names; the plugin below tells the registry what is here.
"""

from sandbox.hookspecs import hookimpl


@hookimpl
def sandbox_register(registry):  # type: ignore[no-untyped-def]
    """The tabular agents, and the commands that work on any of our environments."""
    registry.agent("sarsa", "agents.td:Sarsa", summary="On-policy temporal difference: learns the value of what it does")
    registry.agent("q-learning", "agents.td:QLearning", summary="Off-policy temporal difference: learns the value of the best it could do")
    registry.command("solve", "agents.commands.solve:solve", summary="The exact optimum of an environment.")
    registry.command("play", "agents.commands.play:play", summary="Walk an environment with the keyboard.")
