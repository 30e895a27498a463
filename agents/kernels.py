"""The compiled inner loops: a block of episodes learned on a model's arrays, without the GIL.

Every draw comes in the order in which `agents.stepping` makes it through `env.step`, so both give the same table to the last bit.

Rules and policies come in as typed function pointers. The trainer is compiled and cached once for all of them, and an edited rule is
noticed: its own file's cache entry is renewed, while the trainer holds nothing but a pointer. (Jitted functions passed as plain
arguments would be compiled in again in every process; ones called by name would stay as they were when the trainer was cached.)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numba
import numpy as np
from numba import boolean, float64, int64, njit, types, void

if TYPE_CHECKING:
    from envs.mdp import TabularMDP

GENERATOR = numba.typeof(np.random.default_rng(0))
TABLE = float64[:, ::1]  # [states, actions]

RULE_SIGNATURE = void(TABLE, int64, int64, float64, int64, int64, boolean, float64, float64)
"""(q, state, action, reward, next_state, next_action, terminated, alpha, discount): changes q in place."""
RULE = types.FunctionType(RULE_SIGNATURE)

POLICY_SIGNATURE = int64(TABLE, int64, float64, boolean, GENERATOR)
"""(q, state, epsilon, first_ties, rng) -> action."""
POLICY = types.FunctionType(POLICY_SIGNATURE)

OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy"}


class Tables(NamedTuple):
    """A model as the kernels read it: arrays that nobody may write to. See `envs.mdp.TabularMDP`."""

    next_state: np.ndarray  # int64 [states, actions, outcomes]
    cumulative: np.ndarray  # float64 [states, actions, outcomes]
    reward: np.ndarray  # float64 [states, actions, outcomes]
    terminated: np.ndarray  # bool [states, actions, outcomes]
    start_states: np.ndarray  # int64 [starts]
    start_cumulative: np.ndarray  # float64 [starts]
    goal: np.ndarray  # bool [states]


DTYPES: dict[str, tuple[Any, int]] = {
    "next_state": (int64, 3),
    "cumulative": (float64, 3),
    "reward": (float64, 3),
    "terminated": (boolean, 3),
    "start_states": (int64, 1),
    "start_cumulative": (float64, 1),
    "goal": (boolean, 1),
}
TABLES = types.NamedTuple([types.Array(dtype, dimensions, "C", readonly=True) for dtype, dimensions in DTYPES.values()], Tables)


class Log(NamedTuple):
    """What a block of episodes leaves behind, besides what was learned."""

    return_: np.ndarray  # float64 [episodes]
    length: np.ndarray  # int64 [episodes], steps
    steps_to_goal: np.ndarray  # int64 [episodes], steps until the agent first stands on a goal; -1 when it never does
    start: np.ndarray  # int64 [episodes], the first state
    visits: np.ndarray  # int64 [states], is added to: how often the agent stood there, starts and ends included


LOG = types.NamedTuple([float64[::1], int64[::1], int64[::1], int64[::1], int64[::1]], Log)


def tables(model: TabularMDP) -> Tables:
    """The model's arrays in the layout that the kernels were compiled for; copies only what has another one."""
    arrays = []
    for name, (dtype, _) in DTYPES.items():
        array = np.ascontiguousarray(getattr(model, name), dtype=numba.np.numpy_support.as_dtype(dtype)).view()
        array.flags.writeable = False
        arrays.append(array)
    return Tables(*arrays)


def log(episodes: int, visits: np.ndarray) -> Log:
    """An empty log of that many episodes that counts into `visits`."""
    length, steps_to_goal, start = np.zeros((3, episodes), dtype=np.int64)
    return Log(np.zeros(episodes), length, steps_to_goal, start, visits)


@cache
def compiled_rule(rule: Callable[..., None]) -> Any:
    """A rule, written as a plain function, compiled: from Python it takes and gives the same as the plain one."""
    return njit(RULE_SIGNATURE, **OPTIONS)(rule)


@njit(int64(types.Array(float64, 1, "C", readonly=True), GENERATOR), forceinline=True, **OPTIONS)
def draw(cumulative, rng):  # type: ignore[no-untyped-def]
    """The first k with u < cumulative[k], for one draw u in [0, 1)."""
    u = rng.random()
    k = 0
    while k < cumulative.shape[0] - 1 and u >= cumulative[k]:
        k += 1
    return k


@njit(
    void(TABLE, TABLES, int64, boolean, float64[::1], float64[::1], float64, RULE, boolean, POLICY, boolean, GENERATOR, GENERATOR, LOG),
    **OPTIONS,
)
def learn(q, world, horizon, always_draw, epsilon, alpha, discount, rule, next_first, policy, first_ties, agent_rng, env_rng, log):  # type: ignore[no-untyped-def]
    """Learn some episodes with a one-step rule.

    Args:
        q: float64 [states, actions], changed in place.
        world: the model's arrays.
        horizon: steps after which an episode is truncated; 0 = never (then every episode must terminate by itself).
        always_draw: whether the environment draws even where there is only one outcome.
        epsilon: float64 [episodes], what the policy gets in each episode.
        alpha: float64 [episodes], what the rule gets in each episode.
        discount: in (0, 1].
        rule: pointer of type RULE.
        next_first: whether the next action is drawn before the update and then played (SARSA), also after a truncated step, but never
            after a terminated one. Otherwise the update comes first, and `next_action` is 0 (Q-learning).
        policy: pointer of type POLICY.
        first_ties: whether the first of several best actions is taken; else one of them is drawn.
        agent_rng: draws actions.
        env_rng: draws starts and outcomes.
        log: is written to.
    """
    next_states, cumulative, rewards, ends = world.next_state, world.cumulative, world.reward, world.terminated  # in the loop, each
    goal, visits = world.goal, log.visits  # look into the tuple would count a reference
    for episode in range(epsilon.shape[0]):
        explore, step_size = epsilon[episode], alpha[episode]
        start = draw(world.start_cumulative, env_rng) if always_draw or world.start_states.shape[0] > 1 else 0
        state = world.start_states[start]
        log.start[episode] = state
        visits[state] += 1
        arrival = 0 if goal[state] else -1
        action = policy(q, state, explore, first_ties, agent_rng)
        total, steps, ended = 0.0, 0, False
        while not ended:
            outcome = 0
            if always_draw or cumulative[state, action, 0] < 1.0:
                outcome = draw(cumulative[state, action], env_rng)
            next_state = next_states[state, action, outcome]
            reward = rewards[state, action, outcome]
            terminated = ends[state, action, outcome]
            steps += 1
            total += reward
            visits[next_state] += 1
            if arrival < 0 and goal[next_state]:
                arrival = steps
            ended = terminated or steps == horizon
            next_action = 0
            if next_first and not terminated:
                next_action = policy(q, next_state, explore, first_ties, agent_rng)
            rule(q, state, action, reward, next_state, next_action, terminated, step_size, discount)
            if not next_first and not ended:
                next_action = policy(q, next_state, explore, first_ties, agent_rng)
            state, action = next_state, next_action
        log.return_[episode] = total
        log.length[episode] = steps
        log.steps_to_goal[episode] = arrival
