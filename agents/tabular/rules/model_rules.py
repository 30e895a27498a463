"""Rules of the agents that learn a model: each step is recorded in the model, then they plan with
it.

The model is a list of outcomes, a row for each next state that a pair of state and action has led
to; see `observe`. A truncated step is an outcome like any other: planning continues from the state
in which the episode was truncated. A pair is stored as one number, state * actions + action.

All rules and the functions they call are in this one file: numba recompiles a rule when its own
file changes, not when another file does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from agents.tabular.kernels import FillProbabilities, Own, Step

NEXT_STATE, TERMINATED, TIMES, REWARDS, NEXT, PAIR = range(6)
"""Columns of an outcome, from row 1 on: the next state, whether the episode terminated, how often
it came, the sum of its rewards, the row of the pair's next outcome (0: none), and the pair."""
LIST, NEXT_INTO = 6, 7
"""Two more columns, unrelated to the outcome in their row. LIST, from row 1 on: states in which an
action was taken (`dyna`), the queue (`push`), known pairs (`r_max`). NEXT_INTO: the row of the next
outcome that leads to the same state."""
COLUMNS = 8
OUTCOMES, MISSED = (0, 0), (0, 1)
"""In row 0: the number of outcomes stored, and the number that did not fit."""
LENGTH = 0, 2
"""In row 0: the number of rows of LIST used by the queue or the known pairs."""
TIME, STATES = (0, 2), (0, 3)
"""In row 0, of `dyna`: steps since the beginning, and the number of rows of LIST used by its
states."""
LARGEST_CHANGE = 0, 3
"""In row 0: the largest change of a value in the last sweep (`r_max`)."""
BEGUN = 0, 2
"""In row 0: whether the tables of the steps were filled (`ucb_vi`)."""

FIRST = 0
"""The table with the row of a pair's first outcome (0: none)."""
LAST_TRIED = 1
"""The table with the TIME at which a pair was last tried (`dyna`)."""
VISITS = 1
"""The table with the visits of a pair, counted until the pair is known (`r_max`)."""
FIRST_INTO, PRIORITY, PLACE = 1, 2, 3
"""Tables of `prioritized_sweeping`: the row of the first outcome that leads to a state, in the
state's first action; a queued pair's priority; its place in the queue (0: none)."""

ROOM = 0
"""The setting with the number of outcomes that can be stored."""
PLANNING_STEPS, KAPPA, PLUS, LAST_ALONE = 1, 2, 3, 4
"""Settings of `dyna`: n, κ, whether it is Dyna-Q+, and whether only the last outcome of a pair is
kept."""
THRESHOLD = 2
"""A setting of `prioritized_sweeping`, beside PLANNING_STEPS: θ."""
KNOWN, TOLERANCE, MAX_SWEEPS = 1, 2, 3
"""Settings of `r_max`: m, and the tolerance and largest number of sweeps of planning."""
MOST_PER_STEP, MOST, BONUS_PER_STEP, BONUS, EPISODES = 1, 2, 3, 4, 5
"""Settings of `ucb_vi`: the largest return of k steps is MOST_PER_STEP k + MOST; c B is
BONUS_PER_STEP H + BONUS; T / (H δ)."""


def observe(own: Own, step: Step, last_alone: bool) -> int:
    """Add the outcome of a step to the model.

    Args:
        own: the model is its first rows.
        step: the step.
        last_alone: whether a pair keeps only its last outcome.

    Returns:
        The outcome's row if the outcome is new, otherwise 0.
    """
    rows, first_rows = own.rows, own.memory[FIRST]
    first, new = int(first_rows[step.state, step.action]), 0
    row = first
    while row > 0 and not (
        rows[row, NEXT_STATE] == step.next_state
        and (rows[row, TERMINATED] > 0.0) == step.terminated
    ):
        row = int(rows[row, NEXT])
    if row == 0 and last_alone and first > 0:
        row = first
        rows[row, NEXT_STATE], rows[row, TERMINATED] = step.next_state, step.terminated
    elif row == 0:
        if rows[OUTCOMES] >= own.settings[ROOM]:
            rows[MISSED] += 1.0
            return 0
        rows[OUTCOMES] += 1.0
        row = new = int(rows[OUTCOMES])
        rows[row, NEXT_STATE], rows[row, TERMINATED] = step.next_state, step.terminated
        rows[row, NEXT] = first
        rows[row, PAIR] = step.state * first_rows.shape[1] + step.action
        first_rows[step.state, step.action] = row
    if last_alone:
        rows[row, TIMES], rows[row, REWARDS] = 0.0, 0.0
    rows[row, TIMES] += 1.0
    rows[row, REWARDS] += step.reward
    return new


def highest(q: np.ndarray, state: int) -> float:
    """max_a q(state, a)."""
    best: float = q[state, 0]
    for action in range(1, q.shape[1]):
        best = max(best, q[state, action])
    return best


def expected(q: np.ndarray, rows: np.ndarray, first: int, discount: float) -> float:
    """The expected target of a pair in the model: Σ p [r + γ max_a q(s', a)] over its outcomes,
    beginning in row `first`; p is their relative frequency."""
    value, total, row = 0.0, 0.0, first
    while row > 0:
        times = rows[row, TIMES]
        total += times
        value += rows[row, REWARDS]
        if rows[row, TERMINATED] == 0.0:
            value += times * discount * highest(q, int(rows[row, NEXT_STATE]))
        row = int(rows[row, NEXT])
    return value / total


def drawn(rows: np.ndarray, first: int, u: float) -> int:
    """The row of one of a pair's outcomes, drawn by relative frequency; u in [0, 1)."""
    total, row = 0.0, first
    while row > 0:
        total += rows[row, TIMES]
        row = int(rows[row, NEXT])
    row, left = first, u * total - rows[first, TIMES]
    while left >= 0.0 and rows[row, NEXT] > 0.0:
        row = int(rows[row, NEXT])
        left -= rows[row, TIMES]
    return row


def candidate(first_rows: np.ndarray, state: int, untried: bool, u: float) -> int:
    """One of the actions tried in a state, or of all actions, drawn uniformly; u in [0, 1)."""
    candidates = 0
    for action in range(first_rows.shape[1]):
        candidates += untried or first_rows[state, action] > 0.0
    left, action = int(u * candidates), -1
    while left >= 0:
        action += 1
        left -= untried or first_rows[state, action] > 0.0
    return action


def dyna(
    own: Own, step: Step, fill_probabilities: FillProbabilities, rng: np.random.Generator
) -> None:
    """Q-learning from the step, then from n steps simulated by the model.

    Sutton & Barto, 2nd ed., section 8.2 (box, Dyna-Q), section 8.3 with exercise 8.4 (Dyna-Q+:
    planning adds κ √τ to the reward, τ steps after the pair was last tried; pairs that never were
    count as leading back with reward 0). Planning draws one of the states that it acted in, one of
    the actions it tried there (Dyna-Q+: any), and an outcome where there are several: three
    numbers, or two. In the book every pair has one outcome.
    """
    q, rows, settings, discount = own.q, own.rows, own.settings, step.discount
    first_rows, last_tried = own.memory[FIRST], own.memory[LAST_TRIED]
    state, action, plus = step.state, step.action, settings[PLUS] > 0.0
    target = step.reward
    if not step.terminated:
        target += discount * highest(q, step.next_state)
    q[state, action] += step.alpha * (target - q[state, action])
    fresh = True
    for other in range(q.shape[1]):
        fresh &= first_rows[state, other] == 0.0
    observe(own, step, settings[LAST_ALONE] > 0.0)
    rows[TIME] += 1.0
    last_tried[state, action] = rows[TIME]
    if fresh and first_rows[state, action] > 0.0:
        rows[STATES] += 1.0
        rows[int(rows[STATES]), LIST] = state
    for _ in range(int(settings[PLANNING_STEPS])):
        s = int(rows[1 + int(rng.random() * rows[STATES]), LIST])
        a = candidate(first_rows, s, plus, rng.random())
        target = settings[KAPPA] * math.sqrt(rows[TIME] - last_tried[s, a]) if plus else 0.0
        row = int(first_rows[s, a])
        if row == 0:
            target += discount * highest(q, s)
        else:
            if rows[row, NEXT] > 0.0:
                row = drawn(rows, row, rng.random())
            target += rows[row, REWARDS] / rows[row, TIMES]
            if rows[row, TERMINATED] == 0.0:
                target += discount * highest(q, int(rows[row, NEXT_STATE]))
        q[s, a] += step.alpha * (target - q[s, a])


def push(rows: np.ndarray, pairs: np.ndarray, pair: int, priority: float) -> None:
    """Put a pair into the queue, or raise its priority if it is already there with a lower one.

    The queue is a binary heap of pairs in the column LIST.

    Args:
        rows: float64 [rows, COLUMNS].
        pairs: float64 [tables, pairs], the tables of `prioritized_sweeping`.
        pair: its index.
        priority: pairs with a higher one are taken first.
    """
    place = int(pairs[PLACE, pair])
    if place == 0:
        rows[LENGTH] += 1.0
        place = int(rows[LENGTH])
    elif priority <= pairs[PRIORITY, pair]:
        return
    while place > 1:
        above = int(rows[place // 2, LIST])
        if pairs[PRIORITY, above] >= priority:
            break
        rows[place, LIST], pairs[PLACE, above] = above, place
        place //= 2
    rows[place, LIST] = pair
    pairs[PRIORITY, pair], pairs[PLACE, pair] = priority, place


def pop(rows: np.ndarray, pairs: np.ndarray) -> int:
    """Remove the pair with the highest priority from a non-empty queue; see `push`."""
    top, size = int(rows[1, LIST]), int(rows[LENGTH]) - 1
    rows[LENGTH], pairs[PLACE, top] = size, 0.0
    if size == 0:
        return top
    moved, place = int(rows[size + 1, LIST]), 1
    while 2 * place <= size:
        child = 2 * place
        below = int(rows[child, LIST])
        if child < size:
            other = int(rows[child + 1, LIST])
            if pairs[PRIORITY, other] > pairs[PRIORITY, below]:
                child, below = child + 1, other
        if pairs[PRIORITY, below] <= pairs[PRIORITY, moved]:
            break
        rows[place, LIST], pairs[PLACE, below] = below, place
        place = child
    rows[place, LIST], pairs[PLACE, moved] = moved, place
    return top


def prioritized_sweeping(
    own: Own, step: Step, fill_probabilities: FillProbabilities, rng: np.random.Generator
) -> None:
    """Update the n pairs whose values would change most, and queue the pairs that lead to them.

    Sutton & Barto, 2nd ed., section 8.4 (box); Moore & Atkeson (1993). Updates and priorities are
    expectations over all outcomes that were seen, as the text recommends; the box assumes a single
    outcome. The queue stays from step to step.
    """
    q, rows, discount, actions = own.q, own.rows, step.discount, own.q.shape[1]
    values = q.reshape(q.size)  # [pairs], the same memory
    pairs = own.memory.reshape(own.memory.shape[0], q.size)  # [tables, pairs], the same memory
    first_into, threshold = own.memory[FIRST_INTO], own.settings[THRESHOLD]
    new = observe(own, step, False)
    if new > 0 and not step.terminated:
        rows[new, NEXT_INTO] = first_into[step.next_state, 0]
        first_into[step.next_state, 0] = new
    pair = step.state * actions + step.action
    if pairs[FIRST, pair] > 0.0:
        priority = abs(expected(q, rows, int(pairs[FIRST, pair]), discount) - values[pair])
        if priority > threshold:
            push(rows, pairs, pair, priority)
    for _ in range(int(own.settings[PLANNING_STEPS])):
        if rows[LENGTH] == 0.0:
            return
        pair = pop(rows, pairs)
        target = expected(q, rows, int(pairs[FIRST, pair]), discount)
        values[pair] += step.alpha * (target - values[pair])
        row = int(first_into[pair // actions, 0])
        while row > 0:
            before = int(rows[row, PAIR])
            priority = abs(expected(q, rows, int(pairs[FIRST, before]), discount) - values[before])
            if priority > threshold:
                push(rows, pairs, before, priority)
            row = int(rows[row, NEXT_INTO])


def r_max(
    own: Own, step: Step, fill_probabilities: FillProbabilities, rng: np.random.Generator
) -> None:
    """A pair is known after m visits; until then it keeps its optimistic value. When one becomes
    known, all known ones are planned again.

    Brafman & Tennenholtz (2002), in the discounted form of Strehl, Li & Littman (2009, section
    2.2.2): the m first visits make the model, R_max / (1 - γ) is the start value of the table.
    Planning sweeps in place, the newest pair first.
    """
    q, rows, settings = own.q, own.rows, own.settings
    first_rows, visits = own.memory[FIRST], own.memory[VISITS]
    state, action, actions = step.state, step.action, q.shape[1]
    if visits[state, action] >= settings[KNOWN]:
        return
    observe(own, step, False)
    visits[state, action] += 1.0
    if visits[state, action] < settings[KNOWN] or first_rows[state, action] == 0.0:
        return
    rows[LENGTH] += 1.0
    rows[int(rows[LENGTH]), LIST] = state * actions + action
    for _ in range(int(settings[MAX_SWEEPS])):
        change = 0.0
        for place in range(int(rows[LENGTH]), 0, -1):
            s, a = divmod(int(rows[place, LIST]), actions)
            value = expected(q, rows, int(first_rows[s, a]), step.discount)
            change = max(change, abs(value - q[s, a]))
            q[s, a] = value
        rows[LARGEST_CHANGE] = change
        if change <= settings[TOLERANCE]:
            return


def plan_ahead(own: Own, first: int, horizon: int, bonus: float, discount: float) -> None:
    """Backward induction in the model, with a bonus: the tables of all steps, rows[first:]; see
    `ucb_vi`."""
    first_rows, rows, actions = own.memory[FIRST], own.rows, own.q.shape[1]
    for h in range(horizon - 1, -1, -1):
        table, after = first + h * own.q.shape[0], first + (h + 1) * own.q.shape[0]
        for s in range(own.q.shape[0]):
            best = -math.inf
            for a in range(actions):
                row, value, total = int(first_rows[s, a]), 0.0, 0.0
                while row > 0:
                    times = rows[row, TIMES]
                    total += times
                    value += rows[row, REWARDS]
                    if h < horizon - 1 and rows[row, TERMINATED] == 0.0:
                        following = rows[after + int(rows[row, NEXT_STATE]), actions]
                        value += times * discount * following
                    row = int(rows[row, NEXT])
                if total > 0.0:
                    bound = value / total + bonus / math.sqrt(total)
                    rows[table + s, a] = min(rows[table + s, a], bound)
                best = max(best, rows[table + s, a])
            rows[table + s, actions] = best


def ucb_vi(
    own: Own, step: Step, fill_probabilities: FillProbabilities, rng: np.random.Generator
) -> None:
    """A table for each step h of an episode: Q_h = min(Q_h, r + γ P V_h+1 + c B L / √N), planned
    again after each episode.

    Azar, Osband & Munos (2017), algorithms 1 to 3 (UCBVI-CH), there with γ = 1, c = 7 and rewards
    in [0, 1], hence B = H; L = ln(5 S A T / δ). By default B is 1, the scale on which an episode's
    rewards sum to at most 1 (Zhang, Ji & Du 2021), and c is 0.01, found by trial: with them
    slippery FrozenLake-v1 is learned in 3000 episodes, with B = H = 100 it is not. Where returns
    differ by more, and by chance, a larger B is safer.
    Q_h begins as the most that is left; the paper has H for all h. Policies read the table of the
    step, which is copied into `q` at each step. After H steps the tables start over at the
    first, whether or not the episode was cut.

    `rows` holds H tables after the outcomes, each a row for each state: Q_h(s, ·), and in column
    `actions` max_a Q_h(s, a). H follows from the number of rows.
    """
    q, rows, settings = own.q, own.rows, own.settings
    states, actions, first = q.shape[0], q.shape[1], 1 + int(settings[ROOM])
    horizon = (rows.shape[0] - first) // states
    if rows[BEGUN] == 0.0:
        rows[BEGUN] = 1.0
        for row in range(horizon * states):
            left = horizon - row // states
            for column in range(actions + 1):
                rows[first + row, column] = left * settings[MOST_PER_STEP] + settings[MOST]
    observe(own, step, False)
    h = step.time % horizon + 1
    if h < horizon and not step.ended:
        for a in range(actions):
            q[step.next_state, a] = rows[first + h * states + step.next_state, a]
        return
    scale = settings[BONUS_PER_STEP] * horizon + settings[BONUS]
    bonus = scale * math.log(5.0 * states * actions * horizon * settings[EPISODES])
    plan_ahead(own, first, horizon, bonus, step.discount)
    for s in range(states):
        for a in range(actions):
            q[s, a] = rows[first + s, a]
