"""The rules of the agents that learn a model of the world: what it led to is noted, then planned with.

The model is a list of outcomes, a row for each next state that a pair of state and action has led to; see `observe`. A truncated step
is an outcome like any other: planning goes on where the episode was cut.

All rules and what they call stand in this one file: numba renews compiled code when the file of the rule was edited, no other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def observe(
    rows: np.ndarray,
    memory: np.ndarray,
    room: int,
    state: int,
    action: int,
    reward: float,
    next_state: int,
    terminated: bool,
    last: bool,
) -> int:
    """Note what a step led to; returns the outcome's row if it is a new one, else 0.

    Columns of an outcome: [0] next state, [1] whether the episode terminated, [2] how often it came, [3] the sum of its rewards, [4] the
    row of the pair's next outcome (0: none), [5] the pair, state * actions + action. memory[0] has the row of a pair's first outcome.
    rows[0]: [0] outcomes, [1] those that there was no room for.

    Args:
        rows: float64 [1 + room or more, columns].
        memory: float64 [tables, states, actions].
        room: for so many outcomes.
        state: where it was.
        action: what it did.
        reward: what it got.
        next_state: where it came to.
        terminated: whether that ended the episode.
        last: whether a pair's only outcome is the last one that came.
    """
    first, new = int(memory[0, state, action]), 0
    row = first
    while row > 0 and not (rows[row, 0] == next_state and (rows[row, 1] > 0.0) == terminated):
        row = int(rows[row, 4])
    if row == 0 and last and first > 0:
        row = first
        rows[row, 0], rows[row, 1] = next_state, terminated
    elif row == 0:
        if rows[0, 0] >= room:
            rows[0, 1] += 1.0
            return 0
        rows[0, 0] += 1.0
        row = new = int(rows[0, 0])
        rows[row, 0], rows[row, 1], rows[row, 4] = next_state, terminated, first
        rows[row, 5] = state * memory.shape[2] + action
        memory[0, state, action] = row
    if last:
        rows[row, 2], rows[row, 3] = 0.0, 0.0
    rows[row, 2] += 1.0
    rows[row, 3] += reward
    return new


def highest(q: np.ndarray, state: int) -> float:
    """max_a q(state, a)."""
    best = q[state, 0]
    for action in range(1, q.shape[1]):
        best = max(best, q[state, action])
    return best  # type: ignore[no-any-return]


def expected(q: np.ndarray, rows: np.ndarray, first: int, discount: float) -> float:
    """What the model expects of a pair: Σ p [r + γ max_a q(s', a)] over its outcomes, the first in row `first`, p as often as they came."""
    value, total, row = 0.0, 0.0, first
    while row > 0:
        times = rows[row, 2]
        total += times
        value += rows[row, 3]
        if rows[row, 1] == 0.0:
            value += times * discount * highest(q, int(rows[row, 0]))
        row = int(rows[row, 4])
    return value / total


def drawn(rows: np.ndarray, first: int, u: float) -> int:
    """The row of one of a pair's outcomes, each as likely as it came often; u in [0, 1)."""
    total, row = 0.0, first
    while row > 0:
        total += rows[row, 2]
        row = int(rows[row, 4])
    row, left = first, u * total - rows[first, 2]
    while left >= 0.0 and rows[row, 4] > 0.0:
        row = int(rows[row, 4])
        left -= rows[row, 2]
    return row


def candidate(memory: np.ndarray, state: int, untried: bool, u: float) -> int:
    """One of the actions that were tried in a state, or of all, each alike; u in [0, 1)."""
    candidates = 0
    for action in range(memory.shape[2]):
        candidates += untried or memory[0, state, action] > 0.0
    left, action = int(u * candidates), -1
    while left >= 0:
        action += 1
        left -= untried or memory[0, state, action] > 0.0
    return action


def dyna(
    q: np.ndarray,
    memory: np.ndarray,
    rows: np.ndarray,
    counts: np.ndarray,
    settings: np.ndarray,
    scratch: np.ndarray,
    step: int,
    state: int,
    action: int,
    reward: float,
    next_state: int,
    next_action: int,
    terminated: bool,
    ended: bool,
    alpha: float,
    discount: float,
    epsilon: float,
    chances: Callable[..., None],
    first_ties: bool,
    rng: np.random.Generator,
) -> None:
    """Q-learning from the step, then from n steps that the model makes up.

    Sutton & Barto, 2nd ed., section 8.2 (box, Dyna-Q), section 8.3 with exercise 8.4 (Dyna-Q+: planning adds κ √τ to the reward, τ
    steps after the pair was last tried; pairs that never were count as leading back with reward 0). Planning draws one of the states
    that it acted in, one of the actions it tried there (Dyna-Q+: any), and an outcome where there are several: three numbers,
    or two. In the book every pair has one outcome.

    memory: [0] see `observe`, [1] when a pair was last tried, in steps since the beginning.
    rows: see `observe`; [6] the states that it acted in, from row 1 on. rows[0]: [2] steps since the beginning, [3] how many states.
    settings: room, n, κ, Dyna-Q+ (0 or 1), the last outcome alone (0 or 1).
    """
    target = reward if terminated else reward + discount * highest(q, next_state)
    q[state, action] += alpha * (target - q[state, action])
    fresh, plus = True, settings[3] > 0.0
    for other in range(q.shape[1]):
        fresh &= memory[0, state, other] == 0.0
    observe(
        rows,
        memory,
        int(settings[0]),
        state,
        action,
        reward,
        next_state,
        terminated,
        settings[4] > 0.0,
    )
    rows[0, 2] += 1.0
    memory[1, state, action] = rows[0, 2]
    if fresh and memory[0, state, action] > 0.0:
        rows[0, 3] += 1.0
        rows[int(rows[0, 3]), 6] = state
    for _ in range(int(settings[1])):
        s = int(rows[1 + int(rng.random() * rows[0, 3]), 6])
        a = candidate(memory, s, plus, rng.random())
        target = settings[2] * math.sqrt(rows[0, 2] - memory[1, s, a]) if plus else 0.0
        row = int(memory[0, s, a])
        if row == 0:
            target += discount * highest(q, s)
        else:
            if rows[row, 4] > 0.0:
                row = drawn(rows, row, rng.random())
            target += rows[row, 3] / rows[row, 2]
            if rows[row, 1] == 0.0:
                target += discount * highest(q, int(rows[row, 0]))
        q[s, a] += alpha * (target - q[s, a])


def push(rows: np.ndarray, memory: np.ndarray, state: int, action: int, priority: float) -> None:
    """Put a pair into the queue, or raise it there if its priority was lower.

    The queue is a binary heap of pairs: rows[1:, 6], its length rows[0, 2]. memory[2] has the priorities, memory[3] the places (0: none).
    """
    actions, place = memory.shape[2], int(memory[3, state, action])
    if place == 0:
        rows[0, 2] += 1.0
        place = int(rows[0, 2])
    elif priority <= memory[2, state, action]:
        return
    while place > 1:
        above = int(rows[place // 2, 6])
        if memory[2, above // actions, above % actions] >= priority:
            break
        rows[place, 6] = above
        memory[3, above // actions, above % actions] = place
        place //= 2
    rows[place, 6] = state * actions + action
    memory[2, state, action], memory[3, state, action] = priority, place


def pop(rows: np.ndarray, memory: np.ndarray) -> int:
    """Take the pair of the highest priority out of a queue that is not empty: state * actions + action."""
    actions, top, size = memory.shape[2], int(rows[1, 6]), int(rows[0, 2]) - 1
    rows[0, 2], memory[3, top // actions, top % actions] = size, 0.0
    if size == 0:
        return top
    moved, place = int(rows[size + 1, 6]), 1
    priority = memory[2, moved // actions, moved % actions]
    while 2 * place <= size:
        child = 2 * place
        below = int(rows[child, 6])
        if child < size:
            other = int(rows[child + 1, 6])
            if (
                memory[2, other // actions, other % actions]
                > memory[2, below // actions, below % actions]
            ):
                child, below = child + 1, other
        if memory[2, below // actions, below % actions] <= priority:
            break
        rows[place, 6] = below
        memory[3, below // actions, below % actions] = place
        place = child
    rows[place, 6] = moved
    memory[3, moved // actions, moved % actions] = place
    return top


def prioritized_sweeping(
    q: np.ndarray,
    memory: np.ndarray,
    rows: np.ndarray,
    counts: np.ndarray,
    settings: np.ndarray,
    scratch: np.ndarray,
    step: int,
    state: int,
    action: int,
    reward: float,
    next_state: int,
    next_action: int,
    terminated: bool,
    ended: bool,
    alpha: float,
    discount: float,
    epsilon: float,
    chances: Callable[..., None],
    first_ties: bool,
    rng: np.random.Generator,
) -> None:
    """Update the pairs whose values would change most, n at a time, and queue those that lead to them.

    Sutton & Barto, 2nd ed., section 8.4 (box); Moore & Atkeson (1993). Updates and priorities are expectations over all outcomes that
    were seen, which the text recommends where the box assumes one. The queue stays from step to step.

    memory: [0] see `observe`, [1, s, 0] the row of the first outcome that leads to s, [2] and [3] see `push`.
    rows: see `observe`; [6] the queue, [7] the row of the next outcome that leads to the same state. rows[0]: [2] length of the queue.
    settings: room, n, θ.
    """
    actions, threshold = q.shape[1], settings[2]
    new = observe(
        rows, memory, int(settings[0]), state, action, reward, next_state, terminated, False
    )
    if new > 0 and not terminated:
        rows[new, 7] = memory[1, next_state, 0]
        memory[1, next_state, 0] = new
    if memory[0, state, action] > 0.0:
        priority = abs(
            expected(q, rows, int(memory[0, state, action]), discount) - q[state, action]
        )
        if priority > threshold:
            push(rows, memory, state, action, priority)
    for _ in range(int(settings[1])):
        if rows[0, 2] == 0.0:
            return
        pair = pop(rows, memory)
        s, a = pair // actions, pair % actions
        q[s, a] += alpha * (expected(q, rows, int(memory[0, s, a]), discount) - q[s, a])
        row = int(memory[1, s, 0])
        while row > 0:
            before = int(rows[row, 5])
            earlier, led = before // actions, before % actions
            priority = abs(
                expected(q, rows, int(memory[0, earlier, led]), discount) - q[earlier, led]
            )
            if priority > threshold:
                push(rows, memory, earlier, led, priority)
            row = int(rows[row, 7])


def r_max(
    q: np.ndarray,
    memory: np.ndarray,
    rows: np.ndarray,
    counts: np.ndarray,
    settings: np.ndarray,
    scratch: np.ndarray,
    step: int,
    state: int,
    action: int,
    reward: float,
    next_state: int,
    next_action: int,
    terminated: bool,
    ended: bool,
    alpha: float,
    discount: float,
    epsilon: float,
    chances: Callable[..., None],
    first_ties: bool,
    rng: np.random.Generator,
) -> None:
    """A pair is known after m visits; until then it keeps its optimistic value. When one becomes known, the known ones are planned anew.

    Brafman & Tennenholtz (2002), in the discounted form of Strehl, Li & Littman (2009, section 2.2.2): the m first visits make the
    model, R_max / (1 - γ) is the start value of the table. Planning sweeps in place, the newest pair first.

    memory: [0] see `observe`, [1] visits, at most m.
    rows: see `observe`; [6] the known pairs, from row 1 on. rows[0]: [2] how many, [3] largest change in the last sweep.
    settings: room, m, tolerance, sweeps at most.
    """
    actions = q.shape[1]
    if memory[1, state, action] >= settings[1]:
        return
    observe(rows, memory, int(settings[0]), state, action, reward, next_state, terminated, False)
    memory[1, state, action] += 1.0
    if memory[1, state, action] < settings[1] or memory[0, state, action] == 0.0:
        return
    rows[0, 2] += 1.0
    rows[int(rows[0, 2]), 6] = state * actions + action
    for _ in range(int(settings[3])):
        change = 0.0
        for place in range(int(rows[0, 2]), 0, -1):
            pair = int(rows[place, 6])
            s, a = pair // actions, pair % actions
            value = expected(q, rows, int(memory[0, s, a]), discount)
            change = max(change, abs(value - q[s, a]))
            q[s, a] = value
        rows[0, 3] = change
        if change <= settings[2]:
            return


def plan_ahead(
    memory: np.ndarray, rows: np.ndarray, first: int, horizon: int, bonus: float, discount: float
) -> None:
    """Backward induction on what was seen, with a bonus: the tables of all steps, rows[first:], see `ucb_vi`."""
    states, actions = memory.shape[1], memory.shape[2]
    for h in range(horizon - 1, -1, -1):
        table, after = first + h * states, first + (h + 1) * states
        for s in range(states):
            best = -math.inf
            for a in range(actions):
                row, value, total = int(memory[0, s, a]), 0.0, 0.0
                while row > 0:
                    total += rows[row, 2]
                    value += rows[row, 3]
                    if h < horizon - 1 and rows[row, 1] == 0.0:
                        value += rows[row, 2] * discount * rows[after + int(rows[row, 0]), actions]
                    row = int(rows[row, 4])
                if total > 0.0:
                    rows[table + s, a] = min(
                        rows[table + s, a], value / total + bonus / math.sqrt(total)
                    )
                best = max(best, rows[table + s, a])
            rows[table + s, actions] = best


def ucb_vi(
    q: np.ndarray,
    memory: np.ndarray,
    rows: np.ndarray,
    counts: np.ndarray,
    settings: np.ndarray,
    scratch: np.ndarray,
    step: int,
    state: int,
    action: int,
    reward: float,
    next_state: int,
    next_action: int,
    terminated: bool,
    ended: bool,
    alpha: float,
    discount: float,
    epsilon: float,
    chances: Callable[..., None],
    first_ties: bool,
    rng: np.random.Generator,
) -> None:
    """A table for each step h of an episode: Q_h = min(Q_h, r + γ P V_h+1 + c B L / √N), planned anew after each episode.

    Azar, Osband & Munos (2017), algorithms 1 to 3 (UCBVI-CH), there with γ = 1, c = 7 and rewards in [0, 1], hence B = H; L =
    ln(5 S A T / δ). By default B is 1, the scale on which an episode's rewards sum to at most 1 (Zhang, Ji & Du 2021), and c is 0.01,
    found by trial: with them slippery FrozenLake-v1 is learned in 3000 episodes, with B = H = 100 it is not. Where returns differ by
    more, and by chance, a larger B is safer.
    Q_h begins as the most that is left; the paper has H for all h. Policies read the table of the step, which is laid
    into `q` as steps go by. After H steps an episode begins anew as far as this is concerned, whether or not it was cut.

    memory: [0] see `observe`.
    rows: see `observe`; then H tables of a row for each state: Q_h(s, ·), max_a Q_h(s, a). rows[0]: [2] whether they were begun.
    settings: room, x and y (the most that k steps bring is x k + y), x and y (c B is x H + y), T / (H δ). H follows from the rows.
    """
    states, actions, first = q.shape[0], q.shape[1], 1 + int(settings[0])
    horizon = (rows.shape[0] - first) // states
    if rows[0, 2] == 0.0:
        rows[0, 2] = 1.0
        for row in range(horizon * states):
            for column in range(actions + 1):
                rows[first + row, column] = (horizon - row // states) * settings[1] + settings[2]
    observe(rows, memory, int(settings[0]), state, action, reward, next_state, terminated, False)
    h = step % horizon + 1
    if h < horizon and not ended:
        for a in range(actions):
            q[next_state, a] = rows[first + h * states + next_state, a]
        return
    bonus = (settings[3] * horizon + settings[4]) * math.log(
        5.0 * states * actions * horizon * settings[5]
    )
    plan_ahead(memory, rows, first, horizon, bonus, discount)
    for s in range(states):
        for a in range(actions):
            q[s, a] = rows[first + s, a]
