"""The table of supported Stable-Baselines3 algorithms and their action spaces.

Importing this module loads neither library: it holds names only.
"""

from __future__ import annotations

from typing import NamedTuple

SB3, CONTRIB = "stable_baselines3", "sb3_contrib"
PACKAGES = {SB3: "stable-baselines3", CONTRIB: "sb3-contrib"}
"""Modules and the distributions that provide them."""
ANY = ("Discrete", "Box", "MultiDiscrete", "MultiBinary")


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
    actions: tuple[str, ...]
    summary: str


KNOWN: dict[str, Known] = {
    "sb3-dqn": Known(
        SB3,
        "DQN",
        ("Discrete",),
        "Deep Q-network: values of actions by a neural network, learned from a replay buffer",
    ),
    "sb3-ppo": Known(
        SB3,
        "PPO",
        ANY,
        "Proximal policy optimisation: many small, bounded steps on each batch of episodes",
    ),
    "sb3-a2c": Known(
        SB3, "A2C", ANY, "Advantage actor-critic: policy and values, one step on each short batch"
    ),
    "sb3-sac": Known(
        SB3, "SAC", ("Box",), "Soft actor-critic: continuous actions, rewarded for staying random"
    ),
    "sb3-td3": Known(SB3, "TD3", ("Box",), "Twin delayed DDPG: continuous actions, two critics"),
    "sb3-ddpg": Known(
        SB3, "DDPG", ("Box",), "Deep deterministic policy gradient: continuous actions"
    ),
    "sb3-qrdqn": Known(
        CONTRIB,
        "QRDQN",
        ("Discrete",),
        "Quantile regression DQN: learns how returns are distributed",
    ),
    "sb3-trpo": Known(
        CONTRIB,
        "TRPO",
        ANY,
        "Trust region policy optimisation: the largest step that keeps the policy near",
    ),
    "sb3-tqc": Known(
        CONTRIB,
        "TQC",
        ("Box",),
        "Truncated quantile critics: continuous actions, distributions without their upper tail",
    ),
    "sb3-crossq": Known(
        CONTRIB,
        "CrossQ",
        ("Box",),
        "CrossQ: continuous actions, batch normalisation in place of target networks",
    ),
}
"""The supported algorithms by the agents' names in the registry. ARS, RecurrentPPO and MaskablePPO
are excluded, because they need another interface: whole episodes with perturbed weights, memory
between steps, and action masks."""


def fitting(actions: str) -> list[str]:
    """The agents that support this kind of action space.

    Args:
        actions: name of a Gymnasium space ("Discrete").
    """
    return [name for name, known in KNOWN.items() if actions in known.actions]
