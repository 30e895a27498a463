"""The empty grid: the simplest environment in which SARSA and Q-learning can be compared."""

from sandbox.registry.hookspecs import hookimpl


@hookimpl
def sandbox_register(registry):  # type: ignore[no-untyped-def]
    """Register the lab and its environment."""
    registry.lab(
        "empty-grid",
        "plugins.empty_grid.lab:EmptyGridLab",
        summary="Go to the goal of an empty 10 x 10 grid and stay there",
        agents=True,
    )
    registry.env(
        "empty-grid",
        "envs.grid:EmptyGridEnv",
        summary="10 x 10 free cells, the goal 10 moves away",
        id="sandbox/EmptyGrid-v0",
    )
