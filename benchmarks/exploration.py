"""PPO and A2C with the maze's defaults, without the bonus, without the floor of rewards, and in
other layouts: `python -m benchmarks.exploration [--seeds N] [--few N] [--layouts N] [--store DIR]`.

Prints the table of docs/baselines.md. It is made by comparisons, so finished runs are used again
and a stopped command can be resumed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from sandbox import compare

AGENTS = ("sb3-ppo", "sb3-a2c")
VARIANTS: dict[str, dict[str, Any]] = {
    "no bonus": {"count_bonus": 0.0},
    "no floor": {"reward_floor": None},
    "neither": {"count_bonus": 0.0, "reward_floor": None},
}
LAYOUTS = ("cliff", "sand", "holes", "rooms")
MAZES = 10
"""Random mazes, with seeds of layouts from 0."""
EXACT = 1e-9


def cells(agents: dict[str, dict[str, Any]], seeds: int, store: str, **env: Any) -> Iterator[str]:
    """For each agent, the share of seeds whose greedy policy is optimal at the end, and the median
    of env steps to 95 % of the optimum.

    Args:
        agents: "LABEL=NAME" -> options.
        seeds: runs of each agent.
        store: folder of the runs.
        env: options of the maze.
    """
    own = {label.partition("=")[0]: options for label, options in agents.items()}
    made = compare("maze", list(agents), seeds=seeds, store=store, agent_options=own, env=env)
    by_label = {one.label: one for one in made.results.agents}
    for label in own:
        ends = [run.summary for run in made.runs[label]]
        found = sum(end["regret"] <= EXACT * max(1.0, end["optimal_return"]) for end in ends)
        steps = by_label[label].document()["steps_to_95"]["median"]
        yield f"{found} of {len(ends)}" + ("" if steps is None else f", {steps:,.0f}")


def main() -> None:
    """Print the table as Markdown, row by row."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.exploration", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="in the lab's maze")
    parser.add_argument("--few", type=int, default=3, help="of each agent without an option")
    parser.add_argument("--layouts", type=int, default=2, help="in each other layout")
    parser.add_argument("--store", default="runs", help="folder of the runs")
    chosen = parser.parse_args()
    agents: dict[str, dict[str, Any]] = {agent: {} for agent in AGENTS}
    print(f"| task | {' | '.join(AGENTS)} |\n|---|---|---|")

    def row(title: str, seeds: int, agents: dict[str, dict[str, Any]], **env: Any) -> None:
        print(f"| {title} | {' | '.join(cells(agents, seeds, chosen.store, **env))} |", flush=True)

    row("maze", chosen.seeds, agents)
    for title, options in VARIANTS.items():
        labels = {f"{agent} {title}={agent}": options for agent in AGENTS}
        row(f"maze, {title}", chosen.few, labels)
    for layout in LAYOUTS:
        row(layout, chosen.layouts, agents, layout=layout)
    for seed in range(MAZES):
        row(f"random maze {seed}", chosen.layouts, agents, layout="random", layout_seed=seed)


if __name__ == "__main__":
    main()
