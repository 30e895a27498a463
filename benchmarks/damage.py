"""Damages a small store at random and runs commands on it; none may end with a traceback.

Run it with `python -m benchmarks.damage --cases 10000`.
"""

from __future__ import annotations

import argparse
import collections
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Print the number of cases and the commands that failed; exit code 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="damaged stores")
    parser.add_argument("--seed", type=int, default=100, help="of all that is drawn")
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from sandbox.registry.registry import registry
    from tests import damage
    from tests.sandbox.store import test_damage as small

    for name in ("walk", "valley", "race"):
        registry().add_file(ROOT / "tests" / "toys" / f"{name}.py")
    begun, faults, failed = time.monotonic(), collections.Counter[str](), 0
    with tempfile.TemporaryDirectory() as scratch:
        base = small.damage_base(Path(scratch) / "base")
        runs, groups = small.known(base)
        for store, done, rng in damage.cases(base, Path(scratch), given.cases, given.seed):
            faults[done.split()[0]] += 1
            try:
                damage.survive(small.quiet, store, done, rng, runs, groups)
            except AssertionError as error:
                failed += 1
                print(f"{error}: {error.__cause__!r}")
    print(
        f"{given.cases} damaged stores, 3 commands each, {failed} failed, "
        f"{time.monotonic() - begun:.0f} s"
    )
    print(", ".join(f"{name} {count}" for name, count in sorted(faults.items())))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
