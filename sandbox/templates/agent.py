"""Q-learning that learns at two speeds: fast from good news, slowly from bad."""

from __future__ import annotations

from pydantic import Field

from agents.base import TabularAgent
from agents.config import TabularConfig

# -- hook


class ExamplePluginConfig(TabularConfig):
    """The options that all tabular agents have, and one of our own: `--agent.caution`."""

    caution: float = Field(0.5, ge=0, le=1, description="how much of a step is taken when the news is bad")


def rule(q, memory, rows, counts, settings, scratch, step, state, action, reward, next_state, next_action, terminated, ended,
         alpha, discount, epsilon, chances, first_ties, rng):  # fmt: skip
    """What is learned from one step. It is compiled, so it may use arrays and numbers, and nothing else.

    q: [states, actions]; `settings` are what the method of that name returns; the rest is described in `agents.kernels`.
    """
    target = reward
    if not terminated:  # an episode that was cut short goes on in the table
        target += discount * q[next_state].max()
    error = target - q[state, action]
    q[state, action] += alpha * error * (1.0 if error > 0 else settings[0])


class ExamplePlugin(TabularAgent):
    """An agent is a rule, options and a name."""

    name = "example-plugin"
    Config = ExamplePluginConfig
    rule = staticmethod(rule)

    def settings(self):
        """The constants that the rule gets."""
        return (self.config.caution,)
