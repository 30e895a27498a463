"""The arrows of the house point down only, and the core knows nothing of what is built on it."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.conftest import ROOT

ORDER = ["plugins", "agents", "envs", "sandbox"]
FILES = [path for room in ORDER for path in sorted((ROOT / room).rglob("*.py"))]


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            yield node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_point_down_the_house(path):
    room, plugin = path.relative_to(ROOT).parts[:2]
    allowed = ORDER[ORDER.index(room) :]
    for name in imported(path):
        top, *rest = name.split(".")
        assert top not in ORDER or top in allowed, f"{room} imports {name}"
        if room == "plugins" and top == "plugins":
            assert rest and rest[0] == plugin, f"plugin {plugin} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_opens_with_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{path} has no docstring"


def test_the_core_loads_nothing_that_is_built_on_it():
    code = "import sandbox.runs.api, sandbox.runs.loop, sandbox.cli, sys; print(sorted({'envs', 'agents', 'plugins'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_every_package_is_shipped():
    from setuptools import find_packages

    shipped = set(find_packages(str(ROOT), include=[f"{room}*" for room in ORDER]))
    needed = {".".join(path.parent.relative_to(ROOT).parts) for path in FILES}
    assert needed <= shipped
