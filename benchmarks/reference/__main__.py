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
import os
import sys
from dataclasses import replace

from benchmarks.reference.measure import Measure
from benchmarks.reference.page import PAGE, write
from benchmarks.reference.tasks import DEFAULTS, NETWORKS, SEEDS, TABULAR, TASKS, TUNED
from sandbox.store.store import Store


def main() -> int:
    """Measure; print the tables, or write them into the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reference", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few agents, tasks, seeds and steps")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.name}")
    parser.add_argument("--store", default="runs/reference", help="folder of the runs")
    parser.add_argument(
        "--only", default="", help="the task of this title, or all with these words"
    )
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
    wanted = chosen.only.lower()
    tasks = [task for task in TASKS if wanted == task.title.lower()]
    tasks = tasks or [task for task in TASKS if wanted in task.title.lower()]
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


if __name__ == "__main__":
    sys.exit(main())
