"""Propagates the distribution over states through an episode, compiled; the cost of a step depends
only on the states with positive probability."""

from __future__ import annotations

import numpy as np
from numba import boolean, float64, int64, njit, types

NUMBERS = float64[::1]
TOTALS = types.UniTuple(float64, 4)


@njit(
    TOTALS(
        float64[:, ::1],
        int64[:, :, ::1],
        float64[:, :, ::1],
        boolean[:, :, ::1],
        NUMBERS,
        boolean[::1],
        NUMBERS,
        float64[:, ::1],
        int64[:, ::1],
        int64,
    ),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def follow(  # type: ignore[no-untyped-def]
    policy,
    next_state,
    probability,
    terminated,
    reward,
    goal,
    start,
    masses,
    stamps,
    horizon,
):
    """Expected return, expected length, Σ step x P(first reaching a goal at that step), and the
    probability of reaching a goal at all.

    It stops early when the distribution no longer changes: later steps then all add the same
    amount.

    Args:
        policy: float64 [states, actions], probabilities.
        next_state: int64 [states, actions, outcomes].
        probability: float64 [states, actions, outcomes].
        terminated: bool [states, actions, outcomes].
        reward: float64 [states], expected reward of the next step.
        goal: bool [states].
        start: float64 [states], the start distribution; overwritten.
        masses: float64 [2, states], zeros to work in; states that are never reached stay untouched,
            and so take no memory.
        stamps: int64 [2, states], zeros to work in.
        horizon: number of steps, >= 1.
    """
    states, actions, outcomes = next_state.shape
    here, there = start, masses[0]  # probability of being in each state
    unmet, unmet_there = masses[1], np.empty(states)  # the same without having reached a goal
    active, coming = np.empty(states, dtype=int64), np.empty(states, dtype=int64)
    known, current = stamps  # 1 + the step at which a state was last reached
    count, goal_probability = 0, 0.0
    for state in range(states):
        if here[state] > 0.0:
            active[count] = state
            known[state] = 1
            count += 1
            if goal[state]:
                goal_probability += here[state]
            else:
                unmet[state] = here[state]
    total, length, arrival = 0.0, 0.0, 0.0
    for step in range(1, horizon + 1):
        mass, gain, arrived, reached = 0.0, 0.0, 0.0, 0
        for place in range(count):
            state = active[place]
            present, still = here[state], unmet[state]
            mass += present
            gain += present * reward[state]
            for action in range(actions):
                chosen = policy[state, action]
                if chosen == 0.0:
                    continue
                for outcome in range(outcomes):
                    taken = chosen * probability[state, action, outcome]
                    if taken <= 0.0:
                        continue
                    to = next_state[state, action, outcome]
                    staying = 0.0 if terminated[state, action, outcome] else taken
                    if current[to] != step + 1:
                        current[to] = step + 1
                        there[to], unmet_there[to] = 0.0, 0.0
                        coming[reached] = to
                        reached += 1
                    there[to] += present * staying
                    if goal[to]:
                        arrived += still * taken
                    else:
                        unmet_there[to] += still * staying
        total += gain
        length += mass
        arrival += step * arrived
        goal_probability += arrived
        stands = reached == count and arrived == 0.0
        for place in range(reached):
            if not stands:
                break
            to = coming[place]
            stands = known[to] == step and there[to] == here[to] and unmet_there[to] == unmet[to]
        if stands:
            total += gain * (horizon - step)
            length += mass * (horizon - step)
            break
        here, there, unmet, unmet_there = there, here, unmet_there, unmet
        active, coming, count = coming, active, reached
        current, known = known, current
    return total, length, arrival, goal_probability
