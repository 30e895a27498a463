"""Where agents learn. Importing this package tells Gymnasium what there is, and loads none of it.

import envs
env = gymnasium.make("sandbox/Maze-v0", layout="random", size=20)
"""

from gymnasium.envs.registration import register

IDS = {"sandbox/EmptyGrid-v0": "envs.grid:EmptyGridEnv", "sandbox/Maze-v0": "envs.grid:MazeEnv"}
"""Gymnasium's name of each environment, and where it is.

Episodes are cut inside: there is no `max_episode_steps`.
"""

VECTORS = {
    "sandbox/EmptyGrid-v0": "envs.vector:EmptyGridVectorEnv",
    "sandbox/Maze-v0": "envs.vector:MazeVectorEnv",
}
"""Where many of an environment are, in one NumPy step."""

for _id, _entry_point in IDS.items():
    register(_id, entry_point=_entry_point, vector_entry_point=VECTORS[_id])
