"""The compiled inner loops: a block of episodes learned on a model's arrays, without the GIL.

Every draw comes in the order in which `agents.tabular.stepping` makes it through `env.step`, so both give the same table to the last bit.

An agent is ONE rule, a plain Python function called after every step (see `RULE_SIGNATURE`; SARSA and Q-learning, which need none of
the memory, have the short form `ONE_STEP_SIGNATURE`):

    rule(q, memory, rows, counts, settings, scratch, step, state, action, reward, next_state, next_action, terminated, ended,
         alpha, discount, epsilon, chances, first_ties, rng)

Plain functions that a rule calls are compiled with it; they stand in the rule's own file, see `compiled`.

Rules and policies come in as typed function pointers. The trainer is compiled and cached once for all of them, and an edited rule is
noticed: its own file's cache entry is renewed, while the trainer holds nothing but a pointer. (Jitted functions passed as plain
arguments would be compiled in again in every process; ones called by name would stay as they were when the trainer was cached.)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from inspect import isfunction, signature
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

import numba
import numpy as np
from numba import boolean, float64, int64, njit, types, void
from numba.core.errors import NumbaError, UnsupportedBytecodeError

from agents.tabular.compile_errors import explained
from sandbox.errors import PluginError, UsageError

if TYPE_CHECKING:
    from envs.mdp import TabularMDP

GENERATOR = numba.typeof(np.random.default_rng(0))
TABLE = float64[:, ::1]  # [states, actions]
TABLES_OF_ITS_OWN = float64[:, :, ::1]  # [tables, states, actions]
COUNTS = int64[:, ::1]  # [states, actions]

POLICY_SIGNATURE = int64(TABLE, COUNTS, int64, float64, boolean, GENERATOR)
"""(q, counts, state, epsilon, first_ties, rng) -> action."""
POLICY = types.FunctionType(POLICY_SIGNATURE)

CHANCES_SIGNATURE = void(TABLE, COUNTS, int64, float64, boolean, float64[::1])
"""(q, counts, state, epsilon, first_ties, out): fills out, float64 [actions], with the probabilities of a policy in a state."""
CHANCES = types.FunctionType(CHANCES_SIGNATURE)

RULE_SIGNATURE = void(
    *(TABLE, TABLES_OF_ITS_OWN, TABLE, COUNTS, float64[::1], TABLE, int64),
    *(
        int64,
        int64,
        float64,
        int64,
        int64,
        boolean,
        boolean,
        float64,
        float64,
        float64,
        CHANCES,
        boolean,
        GENERATOR,
    ),
)
"""What an agent's rule gets after every step; it changes the first three arrays in place.

q: float64 [states, actions], what policies read.
memory: float64 [tables, states, actions], the agent's own tables; as many as its class says, kept for ever.
rows: float64 [rows, columns], the agent's own lists: buffers of n steps, trajectories, queues; kept for ever.
counts: int64 [states, actions], how often each pair was taken, this time included.
settings: float64 [settings], the agent's own constants: n, lambda, planning steps ...
scratch: float64 [4, actions], to write in; holds nothing from one call to the next.
step: steps of this episode before this one: 0 at the first.
state, action, reward, next_state: the step.
next_action: what is played next, where the class draws it first (`next_first`) and nothing terminated; else 0.
terminated: whether nothing comes after; ended: whether the episode is over, terminated or truncated.
alpha: step size for this state and action. discount: in (0, 1]. epsilon: exploration in this episode.
chances: the behaviour policy's probabilities, a pointer of type CHANCES; called with `counts`, `epsilon` and `first_ties`.
first_ties: whether the first of several best actions is taken; else one of them is drawn.
rng: the agent's generator.
"""
RULE = types.FunctionType(RULE_SIGNATURE)

ONE_STEP_SIGNATURE = void(TABLE, int64, int64, float64, int64, int64, boolean, float64, float64)
"""(q, state, action, reward, next_state, next_action, terminated, alpha, discount): the short form for rules that need no more.

Every array costs a call nanoseconds: with the long form SARSA learns at half the speed of a bare loop, with this one at four fifths.
"""
ONE_STEP = types.FunctionType(ONE_STEP_SIGNATURE)

SIZE_SIGNATURE = float64(float64, int64, float64)
SIZE = types.FunctionType(SIZE_SIGNATURE)

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
TABLES = types.NamedTuple(
    [types.Array(dtype, dimensions, "C", readonly=True) for dtype, dimensions in DTYPES.values()],
    Tables,
)


class Memory(NamedTuple):
    """All that an agent learns, and what its rule needs for it; see `RULE_SIGNATURE`."""

    q: np.ndarray  # float64 [states, actions]
    memory: np.ndarray  # float64 [tables, states, actions]
    rows: np.ndarray  # float64 [rows, columns]
    counts: np.ndarray  # int64 [states, actions]
    settings: np.ndarray  # float64 [settings]
    scratch: np.ndarray  # float64 [4, actions]


MEMORY = types.NamedTuple([TABLE, TABLES_OF_ITS_OWN, TABLE, COUNTS, float64[::1], TABLE], Memory)


class Log(NamedTuple):
    """What a block of episodes leaves behind, besides what was learned."""

    return_: np.ndarray  # float64 [episodes]
    length: np.ndarray  # int64 [episodes], steps
    steps_to_goal: (
        np.ndarray
    )  # int64 [episodes], steps until the agent first stands on a goal; -1 when it never does
    start: np.ndarray  # int64 [episodes], the first state
    visits: (
        np.ndarray
    )  # int64 [states], is added to: how often the agent stood there, starts and ends included


LOG = types.NamedTuple([float64[::1], int64[::1], int64[::1], int64[::1], int64[::1]], Log)


def tables(model: TabularMDP) -> Tables:
    """The model's arrays in the layout that the kernels were compiled for; copies only what has another one."""
    arrays = []
    for name, (dtype, _) in DTYPES.items():
        array = np.ascontiguousarray(
            getattr(model, name), dtype=numba.np.numpy_support.as_dtype(dtype)
        ).view()
        array.flags.writeable = False
        arrays.append(array)
    return Tables(*arrays)


def log(episodes: int, visits: np.ndarray) -> Log:
    """An empty log of that many episodes that counts into `visits`."""
    length, steps_to_goal, start = np.zeros((3, episodes), dtype=np.int64)
    return Log(np.zeros(episodes), length, steps_to_goal, start, visits)


@cache
def is_short(rule: Callable[..., None]) -> bool:
    """Whether a rule has the form of `ONE_STEP_SIGNATURE`; else it has that of `RULE_SIGNATURE`.

    Raises:
        PluginError: when it has neither.
    """
    given, code = len(signature(rule).parameters), rule.__code__
    short, long = len(ONE_STEP_SIGNATURE.args), len(RULE_SIGNATURE.args)
    if given not in (short, long):
        raise PluginError(
            f"The rule '{rule.__name__}' takes {given} arguments "
            f"({code.co_filename}, line {code.co_firstlineno}); expected {short} or {long}: "
            "see ONE_STEP_SIGNATURE and RULE_SIGNATURE in agents/tabular/kernels.py."
        )
    return given == short


@cache
def compiled_rule(rule: Callable[..., None]) -> Any:
    """An agent's rule, written as a plain function, compiled; see `compiled`."""
    return compiled(rule, ONE_STEP_SIGNATURE if is_short(rule) else RULE_SIGNATURE)


def compiled(function: Callable[..., Any], signature: Any) -> Any:
    """A plain function, compiled: from Python it takes and gives the same as the plain one.

    Plain functions that it calls are compiled into it. They must stand in its own file: that file alone is looked at when what was
    compiled before is taken up again, so that an edit elsewhere would go unnoticed.

    Raises:
        UsageError: when it calls a plain function of another file.
        PluginError: when it cannot be compiled, with the line and what is wrong there.
    """
    whole = _with_helpers(function, function.__code__.co_filename, {})
    try:
        return njit(signature, **OPTIONS)(whole)
    except (NumbaError, UnsupportedBytecodeError) as error:
        raise PluginError(explained(error, function)) from error


def _with_helpers(function: Any, file: str, known: dict[str, Any]) -> Any:
    """A copy of a function in which the plain functions that it calls are compiled ones."""
    names = function.__globals__
    for name in function.__code__.co_names:
        helper = names.get(name)
        if not isfunction(helper) or name in known:
            continue
        if helper.__code__.co_filename != file:
            where = helper.__code__.co_filename
            raise UsageError(
                f"'{function.__name__}' in {file} calls '{name}' of {where}; what compiled code calls must stand in its file."
            )
        # inlined, because handing an array or a generator to another function counts references, atomically
        known[name] = njit(nogil=True, error_model="numpy", forceinline=True)(
            _with_helpers(helper, file, known)
        )
    copy = FunctionType(
        function.__code__,
        {**names, **known},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copy.__module__, copy.__qualname__, copy.__kwdefaults__ = (
        function.__module__,
        function.__qualname__,
        function.__kwdefaults__,
    )
    return copy


@njit(SIZE_SIGNATURE, **OPTIONS)
def step_size(alpha, count, power):  # type: ignore[no-untyped-def]
    """alpha / count^power; count >= 1.

    The loop gets it as a pointer: with a power compiled into it, every step took a third longer, also where none was needed.
    """
    return alpha / count if power == 1.0 else alpha / float(count) ** power


@njit(int64(types.Array(float64, 1, "C", readonly=True), GENERATOR), forceinline=True, **OPTIONS)
def draw(cumulative, rng):  # type: ignore[no-untyped-def]
    """The first k with u < cumulative[k], for one draw u in [0, 1)."""
    u = rng.random()
    k = 0
    while k < cumulative.shape[0] - 1 and u >= cumulative[k]:
        k += 1
    return k


@njit(RULE_SIGNATURE, **OPTIONS)
def no_rule(  # type: ignore[no-untyped-def]
    q,
    memory,
    rows,
    counts,
    settings,
    scratch,
    step,
    state,
    action,
    reward,
    next_state,
    next_action,
    terminated,
    ended,
    alpha,
    discount,
    epsilon,
    chances,
    first_ties,
    rng,
):
    """Stands in for the long form where an agent's rule has the short one."""


@njit(ONE_STEP_SIGNATURE, **OPTIONS)
def no_one_step(q, state, action, reward, next_state, next_action, terminated, alpha, discount):  # type: ignore[no-untyped-def]
    """Stands in for the short form where an agent's rule has the long one."""


@njit(
    void(
        *(MEMORY, TABLES, int64, boolean, float64[::1], float64[::1], float64, SIZE, float64),
        *(RULE, ONE_STEP, boolean, boolean, POLICY, CHANCES, boolean, GENERATOR, GENERATOR, LOG),
    ),
    **OPTIONS,
)
def learn(  # type: ignore[no-untyped-def]
    own,
    world,
    horizon,
    always_draw,
    epsilon,
    alpha,
    alpha_power,
    divided,
    discount,
    rule,
    one_step,
    short,
    next_first,
    policy,
    chances,
    first_ties,
    agent_rng,
    env_rng,
    log,
):
    """Learn some episodes.

    Args:
        own: what the agent learns and remembers, changed in place.
        world: the model's arrays.
        horizon: steps after which an episode is truncated; 0 = never (then every episode must terminate by itself).
        always_draw: whether the environment draws even where there is only one outcome.
        epsilon: float64 [episodes], what the policy gets in each episode.
        alpha: float64 [episodes], step size in each episode.
        alpha_power: the step size is divided by (how often the pair was taken) ** alpha_power, where that is above 0.
        divided: pointer to `step_size`.
        discount: in (0, 1].
        rule: pointer of type RULE.
        one_step: pointer of type ONE_STEP.
        short: whether `one_step` is the agent's rule; else `rule` is.
        next_first: whether the next action is drawn before the update and then played (SARSA), also after a truncated step, but never
            after a terminated one. Otherwise the update comes first, and `next_action` is 0 (Q-learning).
        policy: pointer of type POLICY.
        chances: pointer of type CHANCES: the probabilities of that policy.
        first_ties: whether the first of several best actions is taken; else one of them is drawn.
        agent_rng: draws actions.
        env_rng: draws starts and outcomes.
        log: is written to.
    """
    next_states, cumulative, rewards, ends = (
        world.next_state,
        world.cumulative,
        world.reward,
        world.terminated,
    )  # in the loop, each
    goal, visits = world.goal, log.visits  # look into a tuple would count a reference
    q, memory, rows, counts, settings, scratch = (
        own.q,
        own.memory,
        own.rows,
        own.counts,
        own.settings,
        own.scratch,
    )
    for episode in range(epsilon.shape[0]):
        explore, largest = epsilon[episode], alpha[episode]
        start = (
            draw(world.start_cumulative, env_rng)
            if always_draw or world.start_states.shape[0] > 1
            else 0
        )
        state = world.start_states[start]
        log.start[episode] = state
        visits[state] += 1
        arrival = 0 if goal[state] else -1
        action = policy(q, counts, state, explore, first_ties, agent_rng)
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
            taken = counts[state, action] + 1
            counts[state, action] = taken
            if arrival < 0 and goal[next_state]:
                arrival = steps
            ended = terminated or steps == horizon
            next_action = 0
            if next_first and not terminated:
                next_action = policy(q, counts, next_state, explore, first_ties, agent_rng)
            size = divided(largest, taken, alpha_power) if alpha_power > 0.0 else largest
            if short:
                one_step(
                    q, state, action, reward, next_state, next_action, terminated, size, discount
                )
            else:
                rule(
                    q,
                    memory,
                    rows,
                    counts,
                    settings,
                    scratch,
                    steps - 1,
                    state,
                    action,
                    reward,
                    next_state,
                    next_action,
                    terminated,
                    ended,
                    size,
                    discount,
                    explore,
                    chances,
                    first_ties,
                    agent_rng,
                )
            if not next_first and not ended:
                next_action = policy(q, counts, next_state, explore, first_ties, agent_rng)
            state, action = next_state, next_action
        log.return_[episode] = total
        log.length[episode] = steps
        log.steps_to_goal[episode] = arrival
