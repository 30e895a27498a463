"""Which algorithms of Stable-Baselines3 there are here, and what they take.

Names and strings only.
"""

from __future__ import annotations

from typing import NamedTuple

SB3, CONTRIB = "stable_baselines3", "sb3_contrib"
PACKAGES = {SB3: "stable-baselines3", CONTRIB: "sb3-contrib"}
"""Modules and the distributions that bring them."""
ANY = ("Discrete", "Box", "MultiDiscrete", "MultiBinary")


class Known(NamedTuple):
    """An algorithm.

    Attributes:
        module: which package has it.
        algorithm: the name of its class.
        actions: kinds of action spaces that it takes.
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
"""By the names of the registry. ARS, RecurrentPPO and MaskablePPO are left out: whole episodes of
perturbed weights, memory between steps, and masks of actions are another interface."""


def fitting(actions: str) -> list[str]:
    """The names of those that take actions of this kind.

    Args:
        actions: name of a Gymnasium space ("Discrete").
    """
    return [name for name, known in KNOWN.items() if actions in known.actions]
