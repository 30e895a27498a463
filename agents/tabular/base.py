"""The base class of tabular agents: a table of action values, the rule that updates it, arrays that
only the rule uses, and an exploring policy.

With the same generators, learning on a model's arrays and learning through `env.step` give
bit-identical tables, and learning a episodes and then b gives the same as learning a + b at once.
numba is imported when learning or acting begins, not before.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

import numpy as np

from agents.agent import Agent
from agents.planning import probabilities
from agents.planning.reachability import can_end
from agents.tabular import schedules
from agents.tabular.config import TabularConfig
from sandbox.errors import SandboxError, UsageError
from sandbox.lab import State, Summary

if TYPE_CHECKING:
    from agents.tabular.kernels import Log, Own
    from agents.tabular.stepping import StepWatch
    from envs.aliases import Env
    from envs.mdp import TabularMDP

Numbers = tuple[float, ...]
"""Numbers that a rule gets, in the order in which it reads them."""
LEARNED = {
    "q": np.float64,
    "memory": np.float64,
    "rows": np.float64,
    "counts": np.int64,
    "visits": np.int64,
}
"""The arrays of an agent's saved state; see `agents.tabular.kernels.Own`."""


class Episodes(NamedTuple):
    """What happened in some episodes: arrays [episodes]."""

    episode: np.ndarray  # int64, counted from 1 since the agent was made
    return_: np.ndarray  # float64, sum of the rewards
    length: np.ndarray  # int64, steps
    steps_to_goal: np.ndarray  # int64, steps until it first reached a goal; -1: never, or unknown
    epsilon: np.ndarray  # float64, exploration
    alpha: np.ndarray  # float64, step size
    start: np.ndarray  # int64, the first state


class TabularAgent(Agent):
    """An agent with a table of action values and a rule that is called after every step; the
    subclass provides the rule.

    Args:
        config: its options.
        states: number of states.
        actions: number of actions.
        rng: draws its actions and breaks its ties; the agent keeps it, and uses no other.
        episodes: planned episodes, over which schedules are stretched unless
            `config.decay_episodes` says otherwise.
    """

    Config: ClassVar[type[TabularConfig]] = TabularConfig
    rule: ClassVar[Callable[..., None]]
    """A plain function: `rule(q, step)` or `rule(own, step, fill_probabilities, rng)`; see
    `agents.tabular.kernels`."""
    next_first: ClassVar[bool] = False
    """Whether the next action is drawn before the update and then taken; else it is drawn after."""
    learns: ClassVar[bool] = True
    """Whether the compiled loop calls the rule; False for a rule that does nothing."""
    most_steps = 0
    """Steps after which a call of `learn_model` or `learn_env` begins no episode; 0: no limit."""
    stride = 0
    """Steps, not less than an episode has, that schedules count as one episode; 0: they count
    episodes."""
    watch: StepWatch | None = None
    """Sees every step of `learn_env`; it changes nothing of what is learned."""

    def __init__(
        self,
        config: TabularConfig,
        states: int,
        actions: int,
        rng: np.random.Generator,
        *,
        episodes: int,
    ) -> None:
        if min(states, actions, episodes) < 1:
            raise UsageError(
                f"Agent '{self.name}' needs at least 1 state, action and episode, not {states}, "
                f"{actions} and {episodes}."
            )
        self.config = config
        self.states, self.actions = states, actions
        self.rng = rng
        self.episodes = episodes
        self.episodes_done = 0
        own = np.array(self.tables(), dtype=np.float64)
        self.q = np.full((states, actions), self.start_value)  # [states, actions]
        self.memory = np.repeat(own, states * actions).reshape(-1, states, actions)  # [tables, …]
        self.rows = np.zeros((0, 0))  # [rows, columns], made when an episode's limit is known
        self.counts = np.zeros((states, actions), np.int64)  # how often each pair was taken
        self.visits = np.zeros(states, dtype=np.int64)  # [states], visits while learning
        self._constants = np.array(self.settings(), dtype=np.float64)  # [settings]
        if self._constants.ndim != 1:
            raise UsageError(f"`settings` of agent '{self.name}' should return a tuple of numbers.")
        self._scratch = np.zeros((4, actions))

    @property
    def start_value(self) -> float:
        """What the table of action values holds before the first episode."""
        return self.config.start_value

    def tables(self) -> Numbers:
        """What each table of the rule's own memory holds before the first episode, one number for
        each; by default it has none."""
        return ()

    def rows_shape(self, horizon: int) -> tuple[int, int]:
        """The shape (rows, columns) of the rule's own lists, which start at 0.

        Args:
            horizon: steps after which an episode is truncated; 0 when there is no time limit or
                none is known.
        """
        return 1, 1

    def settings(self) -> Numbers:
        """The constants that the rule gets, from the agent's options."""
        return ()

    def prepare(self, on_model: bool = True) -> None:
        """Compile what learning calls, or load it from the cache, so that compile time does not
        count as learning time.

        Args:
            on_model: whether it will learn on a model, in the compiled loop.
        """
        from agents.tabular import compiling

        if on_model:
            compiling.pointers(type(self).rule, self.config.policy_name)
        else:
            compiling.compiled_rule(type(self).rule)
            compiling.compiled_policy(self.config.policy_name)

    def epsilon(self) -> float:
        """Exploration in the next episode: a probability, or softmax's temperature."""
        return float(self._epsilons(1)[0])

    def act(
        self,
        observation: int,
        explore: bool = False,
        rng: np.random.Generator | None = None,
        step: int | None = None,
    ) -> int:
        """An action for a state; the agent does not learn.

        Args:
            observation: the state, in [0, states).
            explore: whether to follow the behaviour policy with the current exploration; else the
                action is greedy.
            rng: used instead of the agent's own generator, so that watching does not change later
                learning.
            step: number of steps already taken in the episode, for agents whose policy depends on
                it; None reads the current table.
        """
        from agents.tabular import compiling

        if not 0 <= observation < self.states:  # compiled code would read beyond the table
            raise IndexError(
                f"Agent '{self.name}' knows the states 0 to {self.states - 1}, not {observation}."
            )
        policy = compiling.compiled_policy(self.config.policy_name if explore else "greedy")
        epsilon = self.epsilon() if explore else 0.0
        q = self.q if step is None else self.table_at(step)
        return int(
            policy(
                q,
                self.counts,
                int(observation),
                epsilon,
                self.config.ties == "first",
                rng or self.rng,
            )
        )

    def table_at(self, step: int) -> np.ndarray:
        """The action values that the policy reads after `step` steps of an episode: float64
        [states, actions]. By default all steps share one table."""
        return self.q

    def policy(self) -> np.ndarray:
        """Probabilities of the greedy policy: float64 [states, actions]."""
        return probabilities.greedy(self.q, self.config.ties == "first")

    def played_policy(self) -> np.ndarray:
        """The policy followed without exploration: `policy()`, or [steps, states, actions] for an
        agent whose policy depends on the step."""
        return self.policy()

    def learn_model(
        self, model: TabularMDP, env_rng: np.random.Generator, episodes: int
    ) -> Episodes:
        """Learn on the arrays of a model, compiled.

        Args:
            model: the world.
            env_rng: draws starts and outcomes; the environment's `np_random`.
            episodes: how many.

        Raises:
            UsageError: when the model has another number of states or actions, or its episodes
                could never end.
        """
        from agents.tabular import compiling, kernels

        self._check_size(*model.next_state.shape[:2])
        if not model.horizon and not can_end(model):
            raise UsageError(
                "An episode of this model may never end: from some state nothing terminates it, "
                "and its horizon is 0. Give it a horizon."
            )
        self._make_rows(model.horizon)
        log = kernels.log(episodes, self.visits)
        epsilon, alpha = self._epsilons(episodes), self._alphas(episodes)
        config = self.config
        given = kernels.Hyperparameters(
            epsilon,
            alpha,
            config.alpha_division,
            config.discount,
            config.ties == "first",
            self.next_first,
            self.learns,
            self.stride,
            self._place()[1],
            self.most_steps or kernels.NO_LIMIT,
        )
        kernels.learn(
            self.own(),
            kernels.tables(model),
            given,
            *compiling.pointers(type(self).rule, config.policy_name),
            kernels.step_size,
            self.rng,
            env_rng,
            log,
        )
        return self._learned(log, epsilon, alpha)

    def learn_env(self, env: Env, episodes: int) -> Episodes:
        """Learn through `env.reset` and `env.step`, with the same compiled rule and policy.

        The environment's own generator is not seeded here: seed it before, with
        `env.reset(seed=…)`.

        Args:
            env: any environment with Discrete observations and actions; it must end its episodes.
            episodes: how many.

        Raises:
            UsageError: when the environment's spaces do not fit the agent's table.
        """
        from agents.tabular import kernels, stepping

        world = stepping.StepWorld(env)
        self._check_size(world.states, world.actions)
        self._make_rows(world.horizon)
        log = kernels.log(episodes, self.visits)
        epsilon, alpha = self._epsilons(episodes), self._alphas(episodes)
        before = steps = self._place()[1]
        for number in range(episodes):
            if self.most_steps and steps - before >= self.most_steps:
                break
            entry = log.entry[number] = steps // self.stride if self.stride else number
            chosen = float(epsilon[entry]), float(alpha[entry])
            stepping.learn_episode(self, world, *chosen, log, number)
            steps += int(log.length[number])
        return self._learned(log, epsilon, alpha)

    def own(self) -> Own:
        """The arrays that the rule gets."""
        from agents.tabular.kernels import Own

        return Own(self.q, self.memory, self.rows, self.counts, self._constants, self._scratch)

    def shortfall(self) -> str:
        """Why its policy may stay below the optimum even after learning has converged; "" if there
        is no such reason."""
        return ""

    def findings(self) -> Summary:
        """Further results for the run's summary: whether a solver converged, for example."""
        return {}

    def state(self) -> State:
        """Everything it learned, as arrays and plain values. The generator is not included: the
        caller saves it."""
        arrays = {name: vars(self)[name].copy() for name in LEARNED}
        return {**arrays, "episodes_done": self.episodes_done}

    def restore(self, state: State) -> None:
        """Restore what `state` returned.

        Raises:
            SandboxError: when it is the state of a table of another size.
        """
        arrays = {
            name: np.array(state[name], dtype=dtype, order="C") for name, dtype in LEARNED.items()
        }
        for name, array in arrays.items():
            own = vars(self)[name]
            if array.shape != own.shape if name != "rows" else array.ndim != 2:
                raise SandboxError(
                    f"A table {name} {list(array.shape)} does not fit agent '{self.name}', which "
                    f"has {list(own.shape)}."
                )
        for name, array in arrays.items():
            setattr(self, name, array)
        self.episodes_done = int(state["episodes_done"])

    def save(self, path: Path | str) -> None:
        """Write the agent to one file, atomically; see `agents.tabular.saved`."""
        from agents.tabular import saved

        saved.save(self, Path(path))

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Load an agent that `save` wrote, with the saved state of its generator.

        Raises:
            SandboxError: when the file is damaged, or holds something else than an agent of this
                class.
        """
        from agents.tabular import saved

        return saved.load(Path(path), cls)

    def _epsilons(self, count: int) -> np.ndarray:
        config = self.config
        if config.policy_name == "greedy":
            return np.zeros(count)
        return self._values(config.epsilon_schedule, config.epsilon, config.epsilon_final, count)

    def _alphas(self, count: int) -> np.ndarray:
        config = self.config
        if config.alpha_schedule == "visits":
            return np.ones(count)  # step size of a first visit; the loops divide it
        final = config.alpha if config.alpha_final is None else config.alpha_final
        return self._values(config.alpha_schedule, config.alpha, final, count)

    def _values(self, schedule: str, start: float, end: float, count: int) -> np.ndarray:
        """A schedule's values in the next episodes: float64 [count]."""
        length = self.config.decay_episodes or self.episodes
        return schedules.values(schedule, start, end, length, self._place()[0], count)

    def _place(self) -> tuple[int, int]:
        """The place of the next episode in schedules, and the steps learned since it began."""
        stride = self.stride
        return divmod(int(self.counts.sum()), stride) if stride else (self.episodes_done, 0)

    def _make_rows(self, horizon: int) -> None:
        """Create the rule's lists for episodes of that many steps; existing lists are kept.

        Raises:
            UsageError: when they were made for episodes of another length.
        """
        shape = self.rows_shape(horizon)
        if not self.rows.size:
            self.rows = np.zeros(shape)
        elif self.rows.shape != shape:
            raise UsageError(
                f"Agent '{self.name}' began in episodes of another length: it has "
                f"{list(self.rows.shape)} rows and columns, and needs "
                f"{list(shape)} for episodes of {horizon or 'any number of'} steps. Make another."
            )

    def _check_size(self, states: int, actions: int) -> None:
        if (states, actions) != (self.states, self.actions):
            table = f"{self.states} states and {self.actions} actions"
            raise UsageError(
                f"Agent '{self.name}' has a table for {table}; the environment has {states} and "
                f"{actions}. Make an agent of that size."
            )

    def _learned(self, log: Log, epsilon: np.ndarray, alpha: np.ndarray) -> Episodes:
        count = int(np.count_nonzero(log.length))
        returns, *counted, entry = (column[:count] for column in log[:-1])
        length, steps_to_goal, start = counted
        number = self.episodes_done + 1 + np.arange(count)
        self.episodes_done += count
        return Episodes(number, returns, length, steps_to_goal, epsilon[entry], alpha[entry], start)
