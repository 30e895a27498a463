"""Learning steps per second on the maze, against a student's code and a bare compiled loop."""

from __future__ import annotations

import time
from collections.abc import Callable

import gymnasium
import numpy as np
from numba import njit

import envs  # noqa: F401 - registers the environments
from agents.tabular.rules.one_step import QLearning, Sarsa
from benchmarks.measure import Figure, in_turns

EPISODE = 168
CONFIG = {"policy": "epsilon-greedy", "epsilon_schedule": "exponential"}


def ours(agent_class: type, episodes: int) -> Callable[[], float]:
    """Steps per second of our agent on the model."""

    def once() -> float:
        env = gymnasium.make("sandbox/Maze-v0").unwrapped
        agent = agent_class(
            agent_class.Config(**CONFIG), 100, 5, np.random.default_rng(0), episodes=episodes
        )
        agent.learn_model(env.model, np.random.default_rng(1), 1)
        begun = time.perf_counter()
        agent.learn_model(env.model, np.random.default_rng(1), episodes - 1)
        return (episodes - 1) * EPISODE / (time.perf_counter() - begun)

    return once


def student(episodes: int) -> Callable[[], float]:
    """Steps per second of SARSA as in tutorials: env.step, a NumPy table, argmax, rng.choice."""

    def once() -> float:
        env = gymnasium.make("sandbox/Maze-v0")
        rng = np.random.default_rng(0)
        q = np.full((100, 5), 10.0)

        def choose(state: int, epsilon: float) -> int:
            if rng.random() < epsilon:
                return int(rng.choice(5))
            best = np.flatnonzero(q[state] == q[state].max())
            return int(rng.choice(best))

        begun, steps = time.perf_counter(), 0
        for epsilon in np.geomspace(0.8, 0.001, episodes):
            state, _ = env.reset()
            action, done = choose(state, epsilon), False
            while not done:
                next_state, reward, terminated, truncated, _ = env.step(action)
                next_action = choose(next_state, epsilon)
                q[state, action] += 0.25 * (
                    reward + 0.9 * q[next_state, next_action] * (not terminated) - q[state, action]
                )
                state, action, done = next_state, next_action, terminated or truncated
                steps += 1
        return steps / (time.perf_counter() - begun)

    return once


@njit(cache=True, nogil=True, error_model="numpy")
def bare_loop(  # type: ignore[no-untyped-def]
    q, next_state, reward, start, episode, epsilons, alpha, discount, rng
):
    """SARSA with epsilon-greedy and nothing around it: the same draws, the same tie-breaking."""
    total = 0.0
    for epsilon in epsilons:
        state = start
        action = bare_choice(q, state, epsilon, rng)
        for _ in range(episode):
            following = next_state[state, action]
            gained = reward[state, action]
            then = bare_choice(q, following, epsilon, rng)
            q[state, action] += alpha * (gained + discount * q[following, then] - q[state, action])
            state, action = following, then
            total += gained
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def bare_choice(q, state, epsilon, rng):  # type: ignore[no-untyped-def]
    """Epsilon-greedy over the others, ties drawn."""
    actions = q.shape[1]
    best, chosen, count = q[state, 0], 0, 1
    for action in range(1, actions):
        value = q[state, action]
        higher = value > best  # without branches, as in our policies
        chosen = action if higher else chosen
        count = 1 if higher else count + (value == best)
        best = value if higher else best
    if count > 1:
        left = int(rng.random() * count)
        chosen = 0
        for action in range(actions):
            if q[state, action] == best:
                if left == 0:
                    chosen = action
                    break
                left -= 1
    u = rng.random()
    if u >= epsilon:
        return chosen
    other = min(int(u / epsilon * (actions - 1)), actions - 2)
    return other + 1 if other >= chosen else other


def bare(episodes: int) -> Callable[[], float]:
    """Steps per second of the bare compiled loop."""
    model = gymnasium.make("sandbox/Maze-v0").unwrapped.model
    following, reward = model.next_state[:, :, 0].copy(), model.reward[:, :, 0].copy()
    start = int(model.start_states[0])

    def once() -> float:
        q, rng = np.full((100, 5), 10.0), np.random.default_rng(0)
        bare_loop(q, following, reward, start, EPISODE, np.array([0.8]), 0.25, 0.9, rng)
        begun = time.perf_counter()
        bare_loop(
            q, following, reward, start, EPISODE, np.geomspace(0.8, 0.001, episodes), 0.25, 0.9, rng
        )
        return episodes * EPISODE / (time.perf_counter() - begun)

    return once


def measure(quick: bool) -> list[Figure]:
    """Rates and their ratios, all measured in turns."""
    many = 3_000 if quick else 20_000
    sarsa, q_learning, plain, slow = in_turns(
        [ours(Sarsa, many), ours(QLearning, many), bare(many), student(20 if quick else 60)]
    )
    return [
        Figure("sarsa, learning steps on the maze", sarsa, "steps/s"),
        Figure("q-learning, learning steps on the maze", q_learning, "steps/s"),
        Figure(
            "sarsa against a student's loop over env.step",
            sarsa / slow,
            "x",
            300,
            "at least",
            f"student: {slow:,.0f} steps/s",
        ),
        Figure(
            "sarsa against a bare compiled loop",
            sarsa / plain,
            "x",
            0.8,
            "at least",
            f"bare: {plain:,.0f} steps/s",
        ),
        Figure("q-learning against it", q_learning / plain, "x", 0.8, "at least"),
    ]
