"""Worker processes of a script."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

CALL = (
    'compare("maze", ["sarsa", "q-learning"], config={"episodes": 5}, workers=2, store=STORE, '
    "seeds=2)"
)


@pytest.mark.parametrize("guarded", [True, False])
def test_a_script_that_starts_workers_without_the_guard_is_told_once(tmp_path, guarded):
    guard = 'if __name__ == "__main__":\n    ' if guarded else ""
    script = tmp_path / "script.py"
    script.write_text(
        f"from sandbox import compare\nSTORE = {str(tmp_path / 'runs')!r}\n{guard}{CALL}\n"
    )
    done = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode == 0) == guarded, done.stderr
    told = [line for line in done.stderr.splitlines() if "could not start" in line]
    assert len(told) == (not guarded)
    assert guarded or 'if __name__ == "__main__":' in told[0]
