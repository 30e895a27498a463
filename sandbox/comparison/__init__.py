"""Comparisons: agents x seeds on one lab."""

MARGIN, MAX_SEEDS = 0.01, 50
"""Defaults where seeds are added until pairs of agents are decided: the difference that counts as
none, a share of the optimum, and the most runs of an agent."""
