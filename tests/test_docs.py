"""Every command and every code block of the README and of docs/ runs as it stands."""

from __future__ import annotations

import importlib.util
import re
import shlex

import pytest

from sandbox import SandboxError
from tests.conftest import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = [
    (page, number, text)
    for page in PAGES
    for number, (kind, text) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")))
    if kind == "python"
]
COMMANDS = [
    (page, line)
    for page in PAGES
    for kind, text in BLOCK.findall(page.read_text(encoding="utf-8"))
    if kind == "sh"
    for line in text.splitlines()
    if line.startswith("python -m sandbox")
]


TORCH = ("mnist", "autoencoder", "music")
"""Labs that need an extra."""


@pytest.fixture
def finished(say):
    """A finished run for what comes last."""
    assert say("run", "maze", "--preset", "quick", "--render", "none").code == 0


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=[line for _, line in COMMANDS])
def test_a_command_runs(say, finished, page, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = shlex.split(line, comments=True)[3:]
    if set(words[1:2]) & set(TORCH) and importlib.util.find_spec("torch") is None:
        pytest.skip(f"{words[1]} needs PyTorch: python -m pip install 'sandbox-lab[torch]'")
    said = say(*words)
    if "which is not installed: python -m pip install" in said.err:
        pytest.skip(said.err.strip())
    assert said.code == 0, said.err


@pytest.mark.parametrize(("page", "number", "text"), CODE, ids=[f"{page.name}-{number}" for page, number, _ in CODE])
def test_a_code_block_runs(finished, page, number, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__docs__"}
    try:
        exec(compile(text, f"{page.name}, block {number}", "exec"), names)
    except SandboxError as error:
        if "which is not installed: python -m pip install" not in str(error):
            raise
        pytest.skip(str(error))
    assert len(names) > 2


def test_the_lab_of_the_readme_is_a_working_plugin(in_process, tmp_path):
    (text,) = [text for page, _, text in CODE if "WalkLab" in text and page.name == "README.md"]
    (tmp_path / "mylab.py").write_text(text)
    said = in_process("run", "walk", "-p", tmp_path / "mylab.py", "--steps", "50", "--render", "none", "--json")
    assert said.code == 0, said.err
    assert said.document["status"] == "finished" and said.document["config"]["steps"] == 50


def test_the_readme_opens_with_two_commands_that_need_only_pip():
    commands = re.findall(r"^python -m pip install .*$", PAGES[0].read_text(encoding="utf-8"), re.MULTILINE)
    assert commands == [
        "python -m pip install . && python -m sandbox run maze --agent sarsa",
        'python -m pip install ".[test]" && python -m pytest -n auto',
    ]
    assert len(PAGES[0].read_text(encoding="utf-8").splitlines()) < 130


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page.name}: {target}"
