"""The maze: SARSA and Q-learning look for the only path through 10 x 10 cells."""

from sandbox.registry.hookspecs import hookimpl


@hookimpl
def sandbox_register(registry):  # type: ignore[no-untyped-def]
    """Register the lab and its environment."""
    registry.lab(
        "maze",
        "plugins.maze.lab:MazeLab",
        summary="Find the way through a 10 x 10 maze, or any other",
        agents=True,
    )
    registry.env(
        "maze",
        "envs.grid:MazeEnv",
        summary="The report's maze: 42 moves from start to goal",
        id="sandbox/Maze-v0",
    )
