"""Every agent on every task with equal env steps: `python -m benchmarks.reference [--write]`.

Each task is compared with the defaults, then with settings that were tuned by an equal number of
trials for each agent, with other seeds than those of the table. Runs are kept in the store, so that
a stopped command can be resumed and finished runs are not repeated. `--write` puts the tables into
docs/benchmarks.md, beside those of other tasks and agents that the page has already; without it
they are printed. `--only`, `--agents` and `--settings` measure a part, `--quick` a small one;
`--agents sb3-ppo,sb3-a2c` puts the rows of these into the tables of their group.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from sandbox import compare
from sandbox.comparison.api import Comparison
from sandbox.comparison.request import ComparedAgent, ComparisonRequest, compared_agents
from sandbox.config.model import option_name, show_value
from sandbox.config.resolve import registered_config
from sandbox.execution.scheduler import Workers
from sandbox.runs import provenance
from sandbox.runs.loop import Settings
from sandbox.runs.request import Request
from sandbox.store.store import Store
from sandbox.store.sweeps import SweepFolder
from sandbox.sweeps.api import SweepRequest, begin, resume_sweep
from sandbox.text import flat, number, to_json, words

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- Made by benchmarks/reference.py: begin -->", "<!-- end -->"
TABULAR = (
    "sarsa",
    "expected-sarsa",
    "double-expected-sarsa",
    "q-learning",
    "double-q-learning",
    "maxmin-q-learning",
    "weighted-q-learning",
    "speedy-q-learning",
    "r-learning",
    "n-step-sarsa",
    "n-step-tree-backup",
    "sarsa-lambda",
    "q-lambda",
    "monte-carlo",
    "off-policy-monte-carlo",
    "dyna-q",
    "dyna-q-plus",
    "prioritized-sweeping",
    "r-max",
    "ucb-vi",
)
NETWORKS = ("sb3-dqn", "sb3-qrdqn", "sb3-ppo", "sb3-a2c", "sb3-trpo")
DEFAULTS, TUNED = "With the lab's defaults", "With the best of 12 settings each"
SEEDS = {TABULAR: 20, NETWORKS: 10}
TUNING_SEEDS = {TABULAR: 3, NETWORKS: 1}
UNUSED = ("name", "total-timesteps", "stats-window-size")
"""Options without a meaning in the tables."""
FIRST_TUNING_SEED = 1000
"""Seeds of the trials begin here, those of the tables with 0."""
INDEX = "reference.json"
"""In the store: the sweep of each task, agent and version of the sources."""
VISITS: dict[str, Sequence[Any]] = {
    "agent.alpha-schedule": ["visits"],
    "agent.alpha-power": [0.5, 0.8, 1.0],
    "agent.epsilon": [0.1, 0.5],
    "agent.initial-value": [0.0, "none"],
}
"""The grid of agents whose step size falls with the visits of a pair."""
GRIDS: dict[str, dict[str, Sequence[Any]]] = {
    "alpha": {
        "agent.alpha": [0.1, 0.3, 1.0],
        "agent.epsilon": [0.1, 0.5],
        "agent.initial-value": [0.0, "none"],
    },
    "learning_rate": {
        "agent.learning-rate": [0.0001, 0.0005, 0.002],
        "agent.count-bonus": [0.0, 0.3],
        "agent.gamma": [0.95, 0.99],
    },
    "known": {"agent.known": [1, 2, 5, 10, 20, 40], "agent.discount": [0.95, 0.99]},
    "bonus": {"agent.bonus": [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1], "agent.outcomes": [4, 8]},
    "r-learning": {
        "agent.alpha": [0.1, 0.3, 1.0],
        "agent.epsilon": [0.1, 0.5],
        "agent.initial-value": [0.0, 10.0],
    },
    "speedy-q-learning": VISITS,
    "monte-carlo": VISITS,
    "off-policy-monte-carlo": {
        "agent.epsilon": [0.05, 0.1, 0.2, 0.3, 0.5, 0.8],
        "agent.initial-value": [0.0, "none"],
    },
}
"""By the option that an agent must have, or by its name, 12 configurations; the last that fits is
taken."""


@dataclass(frozen=True)
class Task:
    """Where agents are compared.

    Attributes:
        title: of its tables.
        lab, options: the lab and its options.
        env_steps: of learning.
    """

    title: str
    lab: str
    env_steps: int
    options: Mapping[str, Any] = field(default_factory=dict)

    def command(
        self, agents: Sequence[str], seeds: int, own: Mapping[str, Mapping[str, Any]]
    ) -> str:
        """The command that makes a table.

        Args:
            agents, seeds: of the comparison.
            own: options of single agents.
        """
        words = ["python -m sandbox compare", self.lab, "--agents", *agents]
        words += ["--seeds", str(seeds), "--env-steps", str(self.env_steps)]
        for name, value in flat(dict(self.options)).items():
            words += [f"--{option_name(name.removesuffix('.name'))}", show_value(value)]
        for agent, options in own.items():
            for name, value in options.items():
                words += ["--set", f"{agent}.{option_name(name)}={show_value(value)}"]
        return " ".join([words[0], *map(shlex.quote, words[1:])])


def gym(name: str, env_steps: int, **options: Any) -> Task:
    """A task of Gymnasium."""
    words = "".join(f", {option} {show_value(value)}" for option, value in options.items())
    return Task(name + words, "gym", env_steps, {"env": {"name": name, **options}})


TASKS = (
    Task("Maze", "maze", 300_000),
    Task("Empty grid", "empty-grid", 100_000),
    Task("Cliff", "maze", 100_000, {"env": {"layout": "cliff"}}),
    Task("Holes, slip 0.1", "maze", 200_000, {"env": {"layout": "holes", "slip": 0.1}}),
    gym("FrozenLake-v1", 100_000, is_slippery=False),
    gym("FrozenLake-v1", 300_000),
    gym("FrozenLake-v1", 200_000, map_name="8x8", is_slippery=False),
    gym("FrozenLake-v1", 500_000, map_name="8x8"),
    gym("CliffWalking-v1", 100_000),
    gym("Taxi-v4", 300_000),
    gym("Blackjack-v1", 300_000),
)


def axes(agent: str) -> dict[str, Sequence[Any]]:
    """The grid of settings that are tried for an agent."""
    known = {*registered_config("agent", agent).model_fields, agent}
    return [grid for name, grid in GRIDS.items() if name in known][-1]


def tuning(task: Task, agent: str, seeds: int) -> SweepRequest:
    """The sweep over the settings of an agent."""
    layers: list[Any] = [{**task.options, "agent": agent, "env_steps": task.env_steps}]
    request = Request(task.lab, "default", layers, FIRST_TUNING_SEED, seeds, threads=1)
    return SweepRequest(request, grid=axes(agent))


def tuned(task: Task, agent: str, seeds: int, store: Store, workers: int) -> dict[str, Any]:
    """The best settings of an agent in its grid: its option -> value.

    A sweep that the store has is used again, or resumed.
    """
    wanted, index = tuning(task, agent, seeds), store.root / INDEX
    layers = list(wanted.request.layers)
    key = to_json([task.title, layers, wanted.search, seeds, provenance.sources()])
    known = json.loads(index.read_text()) if index.exists() else {}
    if key in known and (folder := SweepFolder.find(store, known[key])) is not None:
        made = resume_sweep(folder, workers=workers)
    else:
        made = begin(wanted, store, Settings(pictures=False), Workers(workers))
        index.write_text(to_json({**known, key: made.id}))
    params = made.best.params if made.best else {}
    return {name.removeprefix("agent.").replace("-", "_"): params[name] for name in params}


def rows(made: Comparison, speeds: bool = False) -> Iterator[list[str]]:
    """The head of the table, then a row for each agent, best first.

    Args:
        made: the comparison.
        speeds: whether to add env steps per second of learning.
    """
    yield [*HEAD, SPEED] if speeds else [*HEAD]
    for one in made.results.ranked:
        result = one.document()
        gap, time = result["gap"], result["steps_to_95"]
        steps = time and time["median"]
        row = [
            f"`{one.label}`",
            f"{number(result['iqm']['value'])} {interval(result['iqm']['interval'])}",
            "" if gap is None else number(gap["value"]),
            "" if time is None else f"{result['reached_95']} of {result['runs']}",
            "" if steps is None else f"{steps:,.0f}",
        ]
        if speeds:
            ends = [run.summary for run in made.runs[one.label] if run.summary]
            per_second = [end["env_steps"] / end["learning_seconds"] for end in ends]
            row.append(number(round(median(per_second) / 1000, 1)))
        yield row


HEAD = ("agent", "IQM, 95 % interval", "gap", "reach 95 %", "env steps to it")
SPEED = "1000 steps/s"


def interval(ends: Sequence[float] | None) -> str:
    """An interval in brackets; empty without one."""
    return f"[{number(ends[0])}, {number(ends[1])}]" if ends else ""


def markdown(lines: Iterable[Sequence[str]]) -> str:
    """A table; the first line is its head."""
    head, *body = lines
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *body))


@dataclass(frozen=True)
class Measure:
    """How tables are made.

    Attributes:
        store: where the runs go.
        workers: processes that learn.
        groups: agents -> number of seeds.
        kinds: of tables: DEFAULTS, TUNED or both.
        speeds: whether a table has a column of speeds.
    """

    store: Store
    workers: int
    groups: Mapping[Sequence[str], int]
    kinds: Sequence[str] = (DEFAULTS, TUNED)
    speeds: bool = False

    def tables(self, task: Task) -> Iterator[tuple[str, str]]:
        """The tables of a task: what is compared, and its part of the page."""
        for kind in self.kinds:
            for agents, seeds in self.groups.items():
                own: dict[str, dict[str, Any]] = {}
                if kind == TUNED:
                    trials = min(TUNING_SEEDS[group_of(agents)], seeds)
                    how = (trials, self.store, self.workers)
                    own = {agent: tuned(task, agent, *how) for agent in agents}
                yield f"{kind}, {group_name(agents)}", self._table(task, agents, seeds, own)

    def _table(
        self, task: Task, agents: Sequence[str], seeds: int, own: Mapping[str, Mapping[str, Any]]
    ) -> str:
        made = compare(
            task.lab,
            agents,
            seeds=seeds,
            config={**task.options, "env_steps": task.env_steps},
            agent_options=own,
            store=self.store.root,
            workers=self.workers,
        )
        known = made.results.optimum
        best = "" if known is None else f" The optimum is {number(known)}."
        return "\n\n".join(
            [
                f"{task.env_steps:,} env steps, {words(made.results.score)}, {seeds} seeds.{best}",
                f"    {task.command(agents, seeds, own)}",
                markdown(rows(made, self.speeds)),
            ]
        )


def group_of(agents: Sequence[str]) -> tuple[str, ...]:
    """The group that some agents belong to."""
    return NETWORKS if agents[0] in NETWORKS else TABULAR


def group_name(agents: Sequence[str]) -> str:
    """What a table calls its agents."""
    return "agents of Stable-Baselines3" if group_of(agents) is NETWORKS else "tabular agents"


def joined(old: str, new: str) -> str:
    """A new table with the rows that only an old one has, in its order and in its command.

    Raises:
        ValueError: when they have other columns.
    """
    (_, before, rows), (said, command, more) = (table.split("\n\n") for table in (old, new))
    head, line, *lines = more.splitlines()
    if rows.splitlines()[0] != head:
        raise ValueError("the table on the page has other columns: measure all of its agents")
    own = {_cells(row)[0]: row for row in [*rows.splitlines()[2:], *lines]}
    ranked = sorted(own.values(), key=_rank)
    agents, options = _compared(before.split())
    again, others = _compared(parts := command.split())
    options = [one for one in options if one.partition(".")[0] not in again] + others
    every = [agent for agent in group_of(again) if agent in {*agents, *again}]
    first, last = parts.index("--agents") + 1, parts.index("--seeds")
    rest = parts[last : parts.index("--set")] if others else parts[last:]
    whole = [*parts[:first], *every, *rest, *(word for one in options for word in ("--set", one))]
    return "\n\n".join([said, "    " + " ".join(whole), "\n".join([head, line, *ranked])])


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def _rank(row: str) -> tuple[float, float]:
    """By the mean, highest first; then by the env steps to 95 %."""
    _, mean, _, _, steps, *_ = _cells(row)
    return -float(mean.split()[0]), float(steps.replace(",", "") or "inf")


def _compared(command: Sequence[str]) -> tuple[Sequence[str], list[str]]:
    """The agents of a command, and what `--set` gives them."""
    agents = command[command.index("--agents") + 1 : command.index("--seeds")]
    return agents, [one for word, one in pairwise(command) if word == "--set"]


def settings(labs: Iterable[str], groups: Iterable[Sequence[str]]) -> Iterator[str]:
    """For each lab, the default settings of groups of agents."""
    for lab in labs:
        yield f"### Settings in the lab `{lab}`"
        for agents in groups:
            layers: list[Any] = [{"env_steps": 1}]
            wanted = ComparisonRequest(Request(lab, "default", layers), agents)
            yield markdown([("agent", "settings"), *_settings(compared_agents(wanted)[0])])


def _settings(agents: Sequence[ComparedAgent]) -> Iterator[list[str]]:
    """What most agents have, then for each agent the values that only it or few others have."""
    every = {}
    for one in agents:
        values = flat(dict(one.config["agent"]))
        shown = {option_name(name): show_value(value) for name, value in values.items()}
        every[f"`{one.label}`"] = {name: shown[name] for name in shown if name not in UNUSED}
    counts = Counter(pair for values in every.values() for pair in values.items())
    usual = {pair for pair, count in counts.items() if count > len(agents) / 2}
    yield ["most", _listed(pair for pair in counts if pair in usual)]
    for label, values in every.items():
        if own := _listed(pair for pair in values.items() if pair not in usual):
            yield [label, own]


def _listed(pairs: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{name} {value}" for name, value in pairs)


def tables_of(text: str) -> dict[str, dict[str, str]]:
    """The tables of a page: the title of the task -> what is compared -> its part of the page."""
    found: dict[str, dict[str, str]] = {}
    for part in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        named = re.split(r"^#### (.+)\n", body, flags=re.MULTILINE)[1:]
        found[title] = {
            name: table.strip() for name, table in zip(named[::2], named[1::2], strict=True)
        }
    return found


def page(tables: Mapping[str, Mapping[str, str]]) -> str:
    """The tables of all tasks, in the order of TASKS, then the settings of the agents in them."""
    parts = []
    for task in TASKS:
        if own := tables.get(task.title):
            parts.append(f"### {task.title}")
            parts += [f"#### {name}\n\n{own[name]}" for name in sorted(own, key=_place)]
    names = {name for own in tables.values() for name in own}
    groups = [group for group in SEEDS if any(one.endswith(group_name(group)) for one in names)]
    return "\n\n".join([*parts, *settings(dict.fromkeys(task.lab for task in TASKS), groups)])


def _place(name: str) -> tuple[bool, bool]:
    """Defaults before tuned settings, tabular agents before networks."""
    return name.startswith(TUNED), name.endswith(group_name(NETWORKS))


def main() -> int:
    """Measure; print the tables, or write them into the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reference", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few agents, tasks, seeds and steps")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.name}")
    parser.add_argument("--store", default="runs/reference", help="folder of the runs")
    parser.add_argument("--only", default="", help="only tasks whose title contains these words")
    parser.add_argument("--agents", default="all", help="all, tabular, sb3, or names: a,b")
    parser.add_argument("--settings", choices=("all", "defaults", "tuned"), default="all")
    parser.add_argument("--speeds", action="store_true", help="a column of speeds")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N")
    chosen = parser.parse_args()
    names = {"all": (*TABULAR, *NETWORKS), "tabular": TABULAR, "sb3": NETWORKS}.get(
        chosen.agents, tuple(chosen.agents.split(","))
    )
    if unknown := set(names).difference(TABULAR, NETWORKS):
        parser.error(f"--agents: {', '.join(sorted(unknown))} is in no table")
    kinds = {"all": (DEFAULTS, TUNED), "defaults": (DEFAULTS,), "tuned": (TUNED,)}
    how = Measure(
        Store(chosen.store),
        chosen.workers,
        {
            part: seeds
            for group, seeds in SEEDS.items()
            if (part := tuple(agent for agent in group if agent in names))
        },
        kinds[chosen.settings],
        chosen.speeds,
    )
    tasks = [task for task in TASKS if chosen.only.lower() in task.title.lower()]
    if chosen.quick:
        tasks = [replace(task, env_steps=task.env_steps // 20) for task in (TASKS[1], TASKS[4])]
        how = replace(how, groups={("sarsa", "q-learning"): 3})
    for task in tasks:
        for name, table in how.tables(task):
            if chosen.write:
                write(task.title, name, table)
            else:
                print(f"### {task.title}\n\n#### {name}\n\n{table}\n", flush=True)
    return 0


def write(title: str, name: str, table: str, path: Path = PAGE) -> None:
    """Put a table into the page; of the one that it has, rows of other agents are kept.

    Args:
        title: of the task.
        name: what is compared.
        table: its part of the page.
        path: the page.
    """
    text = path.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    tables, after = rest.split(END)
    known = tables_of(tables)
    own = known.setdefault(title, {})
    own[name] = joined(own[name], table) if name in own else table
    path.write_text(f"{before}{BEGIN}\n\n{page(known)}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
