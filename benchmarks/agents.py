"""Every agent's learning steps per second on the maze: compiled, against its own plain-Python rule,
and against a bare compiled loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from agents.tabular import stepping
from benchmarks.learning import EPISODE, bare
from benchmarks.measure import Figure, in_turns
from sandbox.registry.registry import registry


def compiled(agent_class: Any, episodes: int) -> Callable[[], float]:
    """Steps per second on the model's arrays."""

    def once() -> float:
        agent, env = fresh(agent_class, episodes)
        agent.learn_model(env.model, env.np_random, 1)
        begun = time.perf_counter()
        agent.learn_model(env.model, env.np_random, episodes - 1)
        return (episodes - 1) * EPISODE / (time.perf_counter() - begun)

    return once


def plain(agent_class: Any, episodes: int) -> Callable[[], float]:
    """Steps per second through `env.step` with the rule in plain Python."""

    def once() -> float:
        agent, env = fresh(agent_class, episodes)
        agent.prepare()
        compiled_rule, stepping.callable_rule = stepping.callable_rule, lambda rule: rule
        try:
            begun = time.perf_counter()
            agent.learn_env(env, episodes)
            return episodes * EPISODE / (time.perf_counter() - begun)
        finally:
            stepping.callable_rule = compiled_rule

    return once


def fresh(agent_class: Any, episodes: int) -> tuple[Any, Any]:
    """An agent that has learned nothing, and a maze."""
    env = registry().load("env", "maze")()
    env.np_random = np.random.default_rng(1)
    agent = agent_class(
        agent_class.Config(),
        env.model.states,
        env.model.actions,
        np.random.default_rng(0),
        episodes=episodes,
    )
    agent.prepare()
    return agent, env


def measure(quick: bool) -> list[Figure]:
    """For each agent its rate, and the two ratios in the note."""
    many, few, rounds = (300, 2, 1) if quick else (2_000, 5, 3)
    (loop,) = in_turns([bare(many)], rounds)
    figures = []
    for entry in registry().entries("agent", outside=False):
        if entry.plugin != "control":
            continue  # no table
        agent_class = registry().load("agent", entry.name)
        fast, slow = in_turns([compiled(agent_class, many), plain(agent_class, few)], rounds)
        note = f"{fast / loop:.2f} of the bare loop, {fast / slow:,.0f} x its plain rule"
        figures.append(Figure(f"{entry.name}, learning steps", fast, "steps/s", note=note))
    rates = [figure.value for figure in figures]
    figures.append(
        Figure("median over agents", median(rates), "steps/s", note=f"bare: {loop:,.0f} steps/s")
    )
    return figures
