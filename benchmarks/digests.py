"""Whether results carry over: the same digests under several Pythons, libraries and processors.

`python -m benchmarks.digests PYTHON …` runs the first interpreter in all `VARIANTS`, the others in
the first two, each time with an empty numba cache, and prints a table; `--write` puts it into
docs/runs.md. An interpreter needs the requirements of setup.cfg, and pytest and hypothesis.

Digested are the tables, memories and counts that every tabular agent learns with seed 0 in three
worlds under three settings, as in tests/agents/tabular/test_tables.py, whose kept digests are what
they are compared with; and the metrics of one run of each lab in `LABS`. The exit code is 1 if the
table of a tabular agent differs.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "runs.md"
KEPT = ROOT / "tests" / "fixtures" / "tables.json"
BEGIN, END = "<!-- Made by benchmarks/digests.py: begin -->", "<!-- end -->"
VARIANTS: dict[str, dict[str, str]] = {
    "native": {},
    "generic processor": {"NUMBA_CPU_NAME": "generic"},
    "Nehalem's BLAS": {"OPENBLAS_CORETYPE": "Nehalem"},
    "two threads": {"DIGEST_THREADS": "2"},
}
"""What is changed in the environment of a process. Runs of labs have one thread but in the last."""
LABS: dict[str, dict[str, Any]] = {"intro": {}, "regression": {}, "autoencoder": {"epochs": 1}}
"""Labs whose numbers depend on the machine, with what they run; the last one needs torch."""


def digests() -> dict[str, Any]:
    """What this process computes: versions, processor, tables by agent and case, labs' metrics."""
    from sandbox.runs import provenance
    from sandbox.runs.api import start
    from sandbox.runs.loop import Settings
    from sandbox.runs.request import Request
    from sandbox.store.store import Store
    from tests.agents.tabular.test_tables import TABULAR, all_learned

    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    threads, labs = int(os.environ.get("DIGEST_THREADS", "1")), {}
    with tempfile.TemporaryDirectory() as store:
        for lab, options in LABS.items():
            if lab == "autoencoder" and importlib.util.find_spec("torch") is None:
                continue
            request = Request(lab, "quick", [options], threads=threads)
            made = start(request, Store(store), Settings(pictures=False))
            labs[lab] = hashlib.sha256(made.folder.metrics_path.read_bytes()).hexdigest()
    return {
        "versions": provenance.versions(("numpy", "numba", "llvmlite")),
        "processor": provenance.processor(),
        "tables": {name: all_learned(name) for name in TABULAR},
        "labs": labs,
    }


def under(interpreter: str, variant: str) -> dict[str, Any]:
    """What an interpreter computes in a variant.

    Raises:
        subprocess.CalledProcessError: when it cannot; its error output was printed.
    """
    print(f"-- {interpreter}, {variant}", file=sys.stderr)
    changed = {name for one in VARIANTS.values() for name in one}
    environ = {name: value for name, value in os.environ.items() if name not in changed}
    with tempfile.TemporaryDirectory() as cache:
        environ |= {"NUMBA_CACHE_DIR": cache, "PYTHONPATH": str(ROOT), **VARIANTS[variant]}
        command = [interpreter, "-m", "benchmarks.digests", "--this"]
        done = subprocess.run(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def differences(tables: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The agents and cases whose digests are not the kept ones."""
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    return [
        f"{name}, {case}"
        for name, cases in tables.items()
        for case, digest in cases.items()
        if kept[name][case] != digest
    ]


def table(results: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The results as a table in Markdown; each is a variant and what `digests` returned."""
    lines = [
        f"| Python | NumPy | numba | variant | tables of tabular agents | {' | '.join(LABS)} |",
        f"|---|---|---|---|---|{'---|' * len(LABS)}",
    ]
    for variant, result in results:
        versions, tables = result["versions"], result["tables"]
        count = sum(map(len, tables.values()))
        equal = count - len(differences(tables))
        cells = [
            versions["python"],
            versions["numpy"],
            versions["numba"],
            variant,
            f"{equal} of {count} the same",
            *(f"`{result['labs'][lab][:8]}`" if lab in result["labs"] else "" for lab in LABS),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def write(text: str) -> None:
    """Replace what docs/runs.md has between the two marks."""
    page = PAGE.read_text(encoding="utf-8")
    pattern = f"({re.escape(BEGIN)}\n).*?(\n{re.escape(END)})"
    new, found = re.subn(
        pattern, lambda marks: f"{marks[1]}\n{text}\n{marks[2]}", page, flags=re.DOTALL
    )
    if found != 1:
        raise SystemExit(f"{PAGE} lacks the marks between which the table stands.")
    PAGE.write_text(new, encoding="utf-8")


def main() -> int:
    """Compute, compare, print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.digests",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("pythons", nargs="*", metavar="PYTHON", help="interpreters (this one)")
    parser.add_argument("--write", action="store_true", help="put the table into docs/runs.md")
    parser.add_argument("--this", action="store_true", help="print this process's digests as JSON")
    chosen = parser.parse_args()
    if chosen.this:
        print(json.dumps(digests()))
        return 0
    results = [
        (variant, under(interpreter, variant))
        for number, interpreter in enumerate(chosen.pythons or [sys.executable])
        for variant in list(VARIANTS)[: 2 if number else None]
    ]
    shown = table(results)
    print(
        f"{results[0][1]['processor']['model']} ({results[0][1]['processor']['target']})\n{shown}"
    )
    other = 0
    for variant, result in results:
        for difference in differences(result["tables"]):
            other = 1
            print(f"differs: {result['versions']}, {variant}: {difference}", file=sys.stderr)
    if chosen.write:
        write(shown)
    return other


if __name__ == "__main__":
    sys.exit(main())
