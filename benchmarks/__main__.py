"""`python -m benchmarks [NAME …]`: prints a table and writes benchmarks/results/latest.json."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from benchmarks.measure import Figure

BENCHMARKS = (
    "startup",
    "learning",
    "agents",
    "seeds",
    "evaluating",
    "stepping",
    "overhead",
    "drawing",
    "vector",
    "growth",
    "sweeps",
    "store",
    "web",
    "baselines",
    "supervised",
    "threads",
    "regression",
    "music",
    "sequential",
)
RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Measure, print, write; exit code 1 if a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which of {', '.join(BENCHMARKS)} (all)"
    )
    parser.add_argument("--quick", action="store_true", help="shorter and less exact")
    chosen = parser.parse_args()
    unknown = set(chosen.names) - set(BENCHMARKS)
    if unknown:
        parser.error(
            f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}"
        )
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    figures: list[Figure] = []
    for name in chosen.names or BENCHMARKS:
        print(f"-- {name}", file=sys.stderr)
        figures += importlib.import_module(f"benchmarks.{name}").measure(chosen.quick)
    _print(figures)
    _write(figures)
    return 0 if all(figure.met is not False for figure in figures) else 1


def _print(figures: list[Figure]) -> None:
    width = max(len(figure.name) for figure in figures)
    for figure in figures:
        target = "" if figure.target is None else f"{figure.sense} {figure.target:g} {figure.unit}"
        mark = {True: "ok", False: "MISSED", None: ""}[figure.met]
        print(
            f"{figure.name:<{width}}  {figure.value:>12,.4g} {figure.unit:<8} {target:<20} "
            f"{mark:<7} {figure.note}"
        )


def _write(figures: list[Figure]) -> None:
    RESULTS.mkdir(exist_ok=True)
    document = {
        "at": datetime.now().astimezone().isoformat(),
        "machine": {
            "python": platform.python_version(),
            "system": platform.system(),
            "cores": os.cpu_count(),
        },
        "figures": [{**asdict(figure), "met": figure.met} for figure in figures],
    }
    (RESULTS / "latest.json").write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
