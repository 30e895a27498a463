"""The arrows of the house point down only, and the core knows nothing of what is built on it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter

import pytest

from docs.rooms import MODULES, ORDER, arrows
from docs.rooms import imported as imported_modules
from tests.conftest import ROOT

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
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), (
        f"{path} has no docstring"
    )


def test_the_core_loads_nothing_that_is_built_on_it():
    code = "import sandbox.runs.api, sandbox.runs.loop, sandbox.cli, sys; print(sorted({'envs', 'agents', 'plugins'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"


def test_every_package_is_shipped():
    from setuptools import find_packages

    shipped = set(find_packages(str(ROOT), include=[f"{room}*" for room in ORDER]))
    needed = {".".join(path.parent.relative_to(ROOT).parts) for path in FILES}
    assert needed <= shipped


# -- rooms

MOST_FILES, MOST_LINES = 16, 400


def circles(arrows):
    """Groups of more than one that lead to each other (Tarjan 1972, by reachability: there are
    few)."""
    reach = {one: {one} for one in arrows}
    for one in arrows:
        waiting = [one]
        while waiting:
            for other in arrows.get(waiting.pop(), ()):
                if other not in reach[one]:
                    reach[one].add(other)
                    waiting.append(other)
    groups = {
        frozenset(other for other in reach[one] if one in reach.get(other, ())) for one in arrows
    }
    return sorted(sorted(group) for group in groups if len(group) > 1)


def test_no_files_import_each_other():
    assert (
        circles({name: set(imported_modules(path)) - {name} for name, path in MODULES.items()})
        == []
    )


def test_no_rooms_import_each_other():
    between = {
        one: {other for other in others if other not in ORDER}
        for one, others in arrows().items()
        if one not in ORDER
    }
    assert circles(between) == []


def test_no_folder_is_a_corridor():
    count = Counter(path.parent.relative_to(ROOT).as_posix() for path in FILES)
    assert {folder: files for folder, files in count.items() if files > MOST_FILES} == {}


def test_no_file_has_a_second_question_in_it():
    lines = {
        name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()
    }
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_interfaces_are_declared_rather_than_probed():
    """Agents of Stable-Baselines3 are asked for the arguments that their algorithms happen to have."""
    probes = {
        name: len(re.findall(r"\b(?:hasattr|getattr)\(", path.read_text(encoding="utf-8")))
        for name, path in MODULES.items()
        if not name.startswith("agents.baselines")
    }
    assert sum(probes.values()) <= 30, {name: many for name, many in probes.items() if many}


def test_a_class_has_a_name_of_its_own():
    places = {}
    for name, path in MODULES.items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(name)
    assert {name: modules for name, modules in places.items() if len(modules) > 1} == {}


def test_tests_mirror_the_rooms():
    """A folder of tests has the name of a room, and a room with tests of its own has a folder."""
    tests = ROOT / "tests"
    folders = {
        path.relative_to(tests)
        for folder in ORDER
        for path in (tests / folder).rglob("*")
        if path.is_dir() and path.name != "__pycache__"
    }
    assert folders and not [folder for folder in folders if not (ROOT / folder).is_dir()]
