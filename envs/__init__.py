"""Grid environments. Importing this package registers them with Gymnasium without importing their
modules.

import envs
env = gymnasium.make("sandbox/Maze-v0", layout="random", size=20)
"""

from gymnasium.envs.registration import register

IDS = {"sandbox/EmptyGrid-v0": "envs.grid:EmptyGridEnv", "sandbox/Maze-v0": "envs.grid:MazeEnv"}
"""Gymnasium id and entry point of each environment. The environments truncate episodes themselves,
so there is no `max_episode_steps`."""

VECTORS = {
    "sandbox/EmptyGrid-v0": "envs.vector:EmptyGridVectorEnv",
    "sandbox/Maze-v0": "envs.vector:MazeVectorEnv",
}
"""Vector entry points, which step many environments at once in NumPy."""

for _id, _entry_point in IDS.items():
    register(_id, entry_point=_entry_point, vector_entry_point=VECTORS[_id])
