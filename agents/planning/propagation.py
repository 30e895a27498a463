"""Propagates the distribution over states through an episode, compiled; the cost of a step depends
only on the states with positive probability."""

from __future__ import annotations

from numba import boolean, float64, int64, njit, types

INTEGERS, NUMBERS = int64[::1], float64[::1]
TOTALS = types.UniTuple(float64, 4)


@njit(
    TOTALS(INTEGERS, INTEGERS, NUMBERS, NUMBERS, NUMBERS, boolean[::1], NUMBERS, int64),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def follow(  # type: ignore[no-untyped-def]
    first, target, staying, arriving, reward, goal, start, horizon
):
    """Expected return, expected length, Σ step x P(first reaching a goal at that step), and the
    probability of reaching a goal at all.

    It stops early when the distribution no longer changes: later steps then all add the same
    amount.

    Args:
        first: int64 [states + 1], where each state's transitions begin.
        target: int64 [transitions], the next state of each.
        staying: float64 [transitions], probability of the transition without termination.
        arriving: float64 [transitions], probability of the transition into a goal.
        reward: float64 [states], expected reward of the next step.
        goal: bool [states].
        start: float64 [states], the start distribution.
        horizon: number of steps, >= 1.
    """
    states = start.shape[0]
    here, unmet = (
        start.copy(),
        start.copy(),
    )  # probability of being in each state; the same without having reached a goal
    there, unmet_there = here * 0.0, here * 0.0
    active, coming = here.astype(int64), here.astype(int64)
    current, known = (
        here.astype(int64) * 0 - 1,
        here.astype(int64) * 0 - 1,
    )  # the step at which a state was last reached
    count, goal_probability = 0, 0.0
    for state in range(states):
        if here[state] > 0.0:
            active[count] = state
            known[state] = 0
            count += 1
            if goal[state]:
                goal_probability += here[state]
                unmet[state] = 0.0
    total, length, arrival = 0.0, 0.0, 0.0
    for step in range(1, horizon + 1):
        mass, gain, arrived, reached = 0.0, 0.0, 0.0, 0
        for place in range(count):
            state = active[place]
            probability, still = here[state], unmet[state]
            mass += probability
            gain += probability * reward[state]
            for edge in range(first[state], first[state + 1]):
                to = target[edge]
                if current[to] != step:
                    current[to] = step
                    there[to], unmet_there[to] = 0.0, 0.0
                    coming[reached] = to
                    reached += 1
                there[to] += probability * staying[edge]
                arrived += still * arriving[edge]
                if not goal[to]:
                    unmet_there[to] += still * staying[edge]
        total += gain
        length += mass
        arrival += step * arrived
        goal_probability += arrived
        stands = reached == count and arrived == 0.0
        for place in range(reached):
            if not stands:
                break
            to = coming[place]
            stands = (
                known[to] == step - 1 and there[to] == here[to] and unmet_there[to] == unmet[to]
            )
        if stands:
            total += gain * (horizon - step)
            length += mass * (horizon - step)
            break
        here, there, unmet, unmet_there = there, here, unmet_there, unmet
        active, coming, count = coming, active, reached
        current, known = known, current
    return total, length, arrival, goal_probability
