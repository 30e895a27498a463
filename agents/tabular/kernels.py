"""The compiled loop: a block of episodes learned on a model's arrays, without the GIL.

Random numbers are drawn in the same order as in `agents.tabular.stepping`, which learns through
`env.step`, so both give bit-identical tables.

An agent is one rule, a plain function that is called after every step. It has one of two forms:

    rule(q, step)                               if the table of action values is all it needs
    rule(own, step, fill_probabilities, rng)    otherwise

`q` and the arrays of `own` are changed in place, see `Own`; `step` is a `Step`;
`fill_probabilities` fills an array with the behaviour policy's probabilities, see
`PROBABILITIES_SIGNATURE`; `rng` is the agent's generator.

Rules and policies come in as typed function pointers (see `agents.tabular.compiling`): the loop is
compiled and cached once for all of them, and an edited rule is still recompiled. What does not
change between their calls comes to them by address, as a `LoopContext`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, get_type_hints

import numba
import numpy as np
from numba import boolean, float64, int64, njit, types, void

from agents.tabular.addresses import stored

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from envs.mdp import TabularMDP

OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy"}
UNCOUNTED = {"_nrt": False}
"""Disables reference counting of arrays, which takes a fifth to a half of a step's time; the caller
keeps the arrays alive. A function compiled with it cannot create an array."""
INLINED = {"nogil": True, "error_model": "numpy", "forceinline": True, **UNCOUNTED}
GENERATOR = numba.typeof(np.random.default_rng(0))
TABLE = float64[:, ::1]  # [states, actions]
COUNTS = int64[:, ::1]  # [states, actions]
NUMBERS, INTEGERS = float64[::1], int64[::1]


class Step(NamedTuple):
    """One step of an episode, as a rule sees it.

    Compiled rules refuse fields of other types, an int for a float too.
    """

    time: int
    """Number of earlier steps in this episode: 0 at the first step."""
    state: int
    action: int
    reward: float
    next_state: int
    next_action: int
    """The next action, if it is drawn before the update (`next_first`) and the episode did not
    terminate; else 0."""
    terminated: bool
    """Whether the episode terminated with this step."""
    ended: bool
    """Whether the episode is over, terminated or truncated."""
    alpha: float
    """Step size for this state and action, in (0, 1]."""
    discount: float
    """In (0, 1]."""
    epsilon: float
    """Exploration in this episode: a probability, a temperature, or the weight of a bonus."""
    first_ties: bool
    """Whether the first of several best actions is taken; else one of them is drawn."""


class Own(NamedTuple):
    """What an agent learns and remembers; a rule changes all but `counts` and `settings` in place.

    Reading a field of this tuple costs time: a rule with a loop reads each field once, before the
    loop.
    """

    q: np.ndarray  # float64 [states, actions], action values: what policies read
    memory: (
        np.ndarray
    )  # float64 [tables, states, actions], see `TabularAgent.tables`; kept between episodes
    rows: (
        np.ndarray
    )  # float64 [rows, columns], see `TabularAgent.rows_shape`; kept between episodes
    counts: np.ndarray  # int64 [states, actions], how often each pair was taken, with this step
    settings: np.ndarray  # float64 [settings], constants, see `TabularAgent.settings`
    scratch: np.ndarray  # float64 [4, actions], working memory; not kept between calls


class LoopContext(NamedTuple):
    """What the policy and the rule get in all steps."""

    own: Own
    first_ties: bool
    rng: np.random.Generator


class Tables(NamedTuple):
    """The arrays of a model that the loop reads: see `envs.mdp.TabularMDP`. The arrays are
    read-only, and those by state, action and outcome flat: their index is computed once a step."""

    next_state: np.ndarray  # int64 [states * actions * outcomes]
    cumulative: np.ndarray  # float64 [states * actions * outcomes]
    reward: np.ndarray  # float64 [states * actions * outcomes]
    terminated: np.ndarray  # bool [states * actions * outcomes]
    start_states: np.ndarray  # int64 [starts]
    start_cumulative: np.ndarray  # float64 [starts]
    goal: np.ndarray  # bool [states]
    horizon: int  # steps after which an episode is truncated; 0 = never
    outcomes: int
    always_draw: bool  # whether a number is drawn even where there is only one outcome


NO_LIMIT = 2**62
"""More steps than are ever learned."""


class Hyperparameters(NamedTuple):
    """How an agent learns in some episodes."""

    epsilon: np.ndarray  # float64 [episodes], exploration
    alpha: np.ndarray  # float64 [episodes], step size
    alpha_power: float
    """If above 0, the step size is divided by (visits of the pair) ** alpha_power."""
    discount: float
    first_ties: bool
    next_first: bool
    """Whether the next action is drawn before the update and then played (SARSA), also after a
    truncated step, but never after a terminated one. Otherwise the update comes first, and
    `next_action` is 0 (Q-learning)."""
    learns: bool
    """Whether the rule is called; planners set it to False."""
    stride: int
    """Steps for which an entry of epsilon and alpha holds; an episode keeps that of its first step.
    With 0 each episode has an entry of its own."""
    offset: int
    """Steps that were learned under the first entry before, in [0, stride)."""
    most_steps: int
    """Steps with which learning ends early, after the episode in which they are reached."""


class Log(NamedTuple):
    """Records of a block of episodes."""

    return_: np.ndarray  # float64 [episodes]
    length: np.ndarray  # int64 [episodes], steps
    steps_to_goal: np.ndarray  # int64 [episodes], until a goal is first reached; -1: never
    start: np.ndarray  # int64 [episodes], the first state
    entry: np.ndarray  # int64 [episodes], the entry of epsilon and alpha that held
    visits: np.ndarray  # int64 [states], updated in place: counts start states and next states


def _read_only(dtype: types.Type) -> types.Array:
    return types.Array(dtype, 1, "C", readonly=True)


TYPES = {int: int64, float: float64, bool: boolean, np.ndarray: NUMBERS}
STEP, HYPERPARAMETERS = (
    types.NamedTuple([TYPES[hint] for hint in get_type_hints(kind).values()], kind)
    for kind in (Step, Hyperparameters)
)
OWN = types.NamedTuple([TABLE, float64[:, :, ::1], TABLE, COUNTS, NUMBERS, TABLE], Own)
CONTEXT = types.CPointer(types.NamedTuple([OWN, boolean, GENERATOR], LoopContext))
TABLES = types.NamedTuple(
    [
        *map(_read_only, (int64, float64, float64, boolean, int64, float64, boolean)),
        *(int64, int64, boolean),
    ],
    Tables,
)
LOG = types.NamedTuple([NUMBERS, *[INTEGERS] * 5], Log)

POLICY_SIGNATURE = int64(TABLE, COUNTS, int64, float64, boolean, GENERATOR)
"""(q, counts, state, epsilon, first_ties, rng) -> action."""
PROBABILITIES_SIGNATURE = void(TABLE, COUNTS, int64, float64, boolean, NUMBERS)
"""(q, counts, state, epsilon, first_ties, out): fills out, float64 [actions], with the
probabilities of a policy's actions in a state. It returns nothing."""
PROBABILITIES = types.FunctionType(PROBABILITIES_SIGNATURE)
FillProbabilities = Callable[[np.ndarray, np.ndarray, int, float, bool, np.ndarray], None]
"""What a rule gets as `fill_probabilities`; see `PROBABILITIES_SIGNATURE`."""
RULE_SIGNATURE = void(OWN, STEP, PROBABILITIES, GENERATOR)
"""(own, step, fill_probabilities, rng)."""
ONE_STEP_SIGNATURE = void(TABLE, STEP)
"""(q, step)."""
POLICY_ENTRY = int64(CONTEXT, int64, float64)
"""A policy as the loop calls it: (context, state, epsilon) -> action."""
RULE_ENTRY = void(CONTEXT, STEP, PROBABILITIES)
"""A rule of either form as the loop calls it: (context, step, fill_probabilities)."""
SIZE_SIGNATURE = float64(float64, int64, float64)


def tables(model: TabularMDP) -> Tables:
    """The model's arrays in the memory layout that the loop was compiled for; arrays in another
    layout are copied."""

    def fitted(array: np.ndarray, dtype: DTypeLike) -> np.ndarray:
        view = np.ascontiguousarray(array, dtype=dtype).reshape(-1)
        view.flags.writeable = False
        return view

    return Tables(
        fitted(model.next_state, np.int64),
        fitted(model.cumulative, np.float64),
        fitted(model.reward, np.float64),
        fitted(model.terminated, np.bool_),
        fitted(model.start_states, np.int64),
        fitted(model.start_cumulative, np.float64),
        fitted(model.goal, np.bool_),
        int(model.horizon),
        model.next_state.shape[2],
        bool(model.always_draw),
    )


def log(episodes: int, visits: np.ndarray) -> Log:
    """An empty log for that many episodes; it adds its counts to `visits`, int64 [states]."""
    length, steps_to_goal, start, entry = np.zeros((4, episodes), dtype=np.int64)
    return Log(np.zeros(episodes), length, steps_to_goal, start, entry, visits)


@njit(SIZE_SIGNATURE, **OPTIONS, **UNCOUNTED)
def step_size(alpha, count, power):  # type: ignore[no-untyped-def]
    """alpha / count ** power; count >= 1.

    The loop gets it as a pointer: with a power compiled into the loop, every step took a third
    longer, even where no power was needed.
    """
    return alpha / count if power == 1.0 else alpha / float(count) ** power


@njit(**INLINED)
def draw(cumulative, rng):  # type: ignore[no-untyped-def]
    """The first k with u < cumulative[k], for one draw u in [0, 1)."""
    u = rng.random()
    k = 0
    while k < cumulative.shape[0] - 1 and u >= cumulative[k]:
        k += 1
    return k


@njit(
    void(
        OWN,
        TABLES,
        HYPERPARAMETERS,
        types.FunctionType(RULE_ENTRY),
        types.FunctionType(POLICY_ENTRY),
        PROBABILITIES,
        types.FunctionType(SIZE_SIGNATURE),
        GENERATOR,
        GENERATOR,
        LOG,
    ),
    **OPTIONS,
    **UNCOUNTED,
)
def learn(  # type: ignore[no-untyped-def]
    own,
    world,
    given,
    rule,
    policy,
    fill_probabilities,
    divided,
    agent_rng,
    env_rng,
    log,
):
    """Learn some episodes; those that were not begun keep the length 0 in the log.

    Args:
        own: `Own`, changed in place.
        world: `Tables`; with horizon 0, every episode must terminate by itself.
        given: `Hyperparameters`, with an epsilon and an alpha for each episode.
        rule: pointer to the agent's rule.
        policy: pointer to the behaviour policy.
        fill_probabilities: pointer to the function that fills in the probabilities of that policy.
        divided: pointer to `step_size`.
        agent_rng: draws actions.
        env_rng: draws starts and outcomes.
        log: `Log`, changed in place.
    """
    # each look into a tuple counts a reference: none in the loop
    next_states, cumulative, rewards = world.next_state, world.cumulative, world.reward
    ends, goal, visits = world.terminated, world.goal, log.visits
    horizon, outcomes, always_draw = world.horizon, world.outcomes, world.always_draw
    counts, actions = own.counts, own.counts.shape[1]
    alpha_power, discount, first_ties = given.alpha_power, given.discount, given.first_ties
    context = stored(LoopContext(own, first_ties, agent_rng))
    next_first, learns = given.next_first, given.learns
    stride, steps = given.stride, given.offset
    most_steps = steps + given.most_steps
    for episode in range(given.epsilon.shape[0]):
        if steps >= most_steps:
            break
        entry = steps // stride if stride else episode
        epsilon, largest = given.epsilon[entry], given.alpha[entry]
        log.entry[episode] = entry
        start = 0
        if always_draw or world.start_states.shape[0] > 1:
            start = draw(world.start_cumulative, env_rng)
        state = world.start_states[start]
        log.start[episode] = state
        visits[state] += 1
        arrival = 0 if goal[state] else -1
        action = policy(context, state, epsilon)
        total, time, ended = 0.0, 0, False
        while not ended:
            place = (state * actions + action) * outcomes
            if always_draw or cumulative[place] < 1.0:
                place += draw(cumulative[place : place + outcomes], env_rng)
            next_state = next_states[place]
            reward = rewards[place]
            terminated = ends[place]
            total += reward
            visits[next_state] += 1
            taken = counts[state, action] + 1
            counts[state, action] = taken
            if arrival < 0 and goal[next_state]:
                arrival = time + 1
            ended = terminated or time + 1 == horizon
            next_action = 0
            if next_first and not terminated:
                next_action = policy(context, next_state, epsilon)
            if learns:
                alpha = divided(largest, taken, alpha_power) if alpha_power > 0.0 else largest
                step = Step(
                    time=time,
                    state=state,
                    action=action,
                    reward=reward,
                    next_state=next_state,
                    next_action=next_action,
                    terminated=terminated,
                    ended=ended,
                    alpha=alpha,
                    discount=discount,
                    epsilon=epsilon,
                    first_ties=first_ties,
                )
                rule(context, step, fill_probabilities)
            if not next_first and not ended:
                next_action = policy(context, next_state, epsilon)
            state, action, time = next_state, next_action, time + 1
        steps += time
        log.return_[episode] = total
        log.length[episode] = time
        log.steps_to_goal[episode] = arrival
