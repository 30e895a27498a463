"""The notebook of docs/ runs from the first cell to the last, and shows what it says it shows."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

EXECUTE = """
import json, sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
print(json.dumps([[output.get("data", {}) for output in cell.get("outputs", [])] for cell in notebook.cells]))
"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What each cell shows: a list of {kind: content} for each."""
    pytest.importorskip(
        "nbclient",
        reason="nbclient and ipykernel execute the notebook: python -m pip install '.[test]'",
    )
    import json

    folder = tmp_path_factory.mktemp("notebook")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SANDBOX_STORE": str(folder / "runs"),
        "JUPYTER_PLATFORM_DIRS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, str(ROOT / "docs" / "notebook.ipynb")],
        **{
            "cwd": folder,
            "env": environment,
            "capture_output": True,
            "text": True,
            "timeout": 300,
            "check": False,
        },
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_run_shows_its_scores_and_its_pictures(shown):
    page = "".join(shown[1][-1]["text/html"])
    assert "reward per step" in page and "0.75" in page
    assert page.count("data:image/png;base64,") == 3 and page.count("data:image/gif;base64,") == 1


def test_metrics_are_a_table_that_pandas_shows(shown):
    assert "1500" in "".join(shown[3][-1]["text/html"])


def test_the_loaded_agent_acts_and_the_experiment_can_be_looked_into(shown):
    assert "(100, 5), 100" in "".join(shown[7][-1]["text/plain"])


def test_many_seeds_learn_together(shown):
    assert "".join(shown[9][-1]["text/plain"]) == "1.0"


def test_agents_are_compared(shown):
    page = "".join(shown[11][-1]["text/html"])
    assert "sarsa" in page and "q-learning" in page
