"""Plugins: found, isolated when broken, refused when they claim what is taken."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sandbox.errors import PluginError, UnknownNameError, UsageError
from sandbox.registry.registrar import KINDS
from sandbox.registry.registry import BUILT_IN, Registry
from tests.conftest import ROOT, TOYS

HOOK = "from sandbox import hookimpl\n\n@hookimpl\ndef {name}(registry):\n    {body}\n"


@pytest.fixture
def registry():
    return Registry(outside=False)


def plugin(tmp_path, name, body, hook="sandbox_register"):
    path = tmp_path / f"{name}.py"
    path.write_text(HOOK.format(name=hook, body=body))
    return path


def test_the_built_in_plugins_bring_labs_agents_environments_and_commands(registry):
    assert {"maze", "empty-grid"} <= {entry.name for entry in registry.entries("lab")}
    assert {"sarsa", "q-learning"} <= {entry.name for entry in registry.entries("agent")}
    assert {"solve", "play"} <= {entry.name for entry in registry.entries("command")}
    assert not [found for found in registry.plugins.values() if found.error]


def test_every_registered_target_can_be_loaded(registry):
    for entry in (one for kind in KINDS for one in registry.entries(kind)):
        try:
            assert registry.load(entry.kind, entry.name) is not None
        except UsageError as error:  # an extra that is not here names the line that brings it
            assert "which is not installed: python -m pip install" in str(error)


def test_dashes_and_underscores_are_the_same_and_ids_find_environments(registry):
    assert registry.find("agent", "q_learning") == registry.find("agent", "q-learning")
    assert registry.find("env", "sandbox/Maze-v0") == registry.find("env", "maze")


def test_an_unknown_name_gets_the_nearest(registry):
    with pytest.raises(UnknownNameError, match="No agent 'q-lerning'. Did you mean 'q-learning'"):
        registry.find("agent", "q-lerning")


def test_a_plugin_in_one_file_brings_its_lab(registry):
    registry.add_file(str(TOYS / "walk.py"))
    assert registry.lab("walk").Config.__name__ == "WalkConfig"


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ("raise RuntimeError('not today')", "RuntimeError: not today"),
        ("registry.command('show', 'a:b')", "command 'show', which the sandbox has; rename it"),
        ("registry.lab('maze', 'a:b')", "'maze' and 'bad' both bring lab 'maze'"),
        ("registry.lab('new', 'no_colon')", "expected 'package.module:attribute'"),
        ("registry.lab('two words', 'a:b')", "begins with a letter"),
        ("registry.labb('new', 'a:b')", "labb"),
    ],
)
def test_a_plugin_that_registers_wrongly_is_refused_and_brings_nothing(
    registry, tmp_path, body, part
):
    with pytest.raises(PluginError, match=part.replace("(", r"\(")):
        registry.add_file(plugin(tmp_path, "bad", body))
    assert registry.plugins["bad"].error and not registry.plugins["bad"].entries
    assert registry.find("lab", "maze").plugin == "maze"


def test_a_misspelt_hook_is_refused_with_the_nearest(registry, tmp_path):
    with pytest.raises(PluginError, match="(?s)sandbox_registr.*Did you mean 'sandbox_register'"):
        registry.add_file(plugin(tmp_path, "typo", "pass", hook="sandbox_registr"))


def test_a_plugin_that_raises_on_import_is_refused(registry, tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("import nothing_of_that_name\n")
    with pytest.raises(PluginError, match="nothing_of_that_name"):
        registry.add_file(path)


@pytest.mark.parametrize(("name", "other"), [("my lab", "my_lab"), ("2d-plot", "_2d_plot")])
def test_a_file_whose_name_is_no_python_name_is_told_one(registry, tmp_path, name, other):
    with pytest.raises(PluginError, match=f"for example to '{other}.py'"):
        registry.add_file(plugin(tmp_path, name, "pass"))
    registry.add_file(plugin(tmp_path, other, "registry.lab('new', 'a:b')"))


def test_a_file_without_a_hook_is_no_plugin(registry, tmp_path):
    path = tmp_path / "plain.py"
    path.write_text("x = 1\n")
    with pytest.raises(PluginError, match="has no hook"):
        registry.add_file(path)


def test_a_missing_plugin_file_is_named(registry, tmp_path):
    with pytest.raises(UsageError, match="ghost.py"):
        registry.add_file(tmp_path / "ghost.py")


def test_what_a_plugin_promises_but_does_not_have_is_an_error_that_names_it(registry, tmp_path):
    registry.add_file(plugin(tmp_path, "empty", "registry.lab('hollow', 'json:NoSuchLab')"))
    with pytest.raises(
        PluginError, match=r"'hollow' of plugin 'empty' cannot be loaded \(json:NoSuchLab\)"
    ):
        registry.load("lab", "hollow")


def installed(folder, name, module, body):
    """A distribution with an entry point of the group `sandbox`, as pip would lay it out."""
    info = folder / f"{name}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[sandbox]\n{name} = {module}\n")
    (folder / f"{module}.py").write_text(body)


def test_one_broken_installed_plugin_stops_nothing_else(tmp_path, monkeypatch):
    installed(
        tmp_path,
        "good",
        "good_mod",
        HOOK.format(name="sandbox_register", body="registry.lab('good', 'a:b', summary='fine')"),
    )
    installed(tmp_path, "bad", "bad_mod", "raise ValueError('broken on import')\n")
    installed(tmp_path, "quitter", "quitter_mod", "raise SystemExit(3)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry()
    assert "good" in {entry.name for entry in registry.entries("lab")}
    assert (
        "broken on import" in registry.plugins["bad"].error
        and "bad_mod" in registry.plugins["bad"].trace
    )
    assert "SystemExit" in registry.plugins["quitter"].error
    assert registry.plugins["good"].source == "good 1.2"
    with pytest.raises(PluginError, match="Plugin 'bad' is broken, so there is no lab 'bad'"):
        registry.find("lab", "bad")


def test_the_command_line_reports_a_broken_plugin_and_goes_on(tmp_path, in_process):
    installed(tmp_path, "bad", "bad_mod", "raise ValueError('broken on import')\n")
    path = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    said = in_process("plugins", **path)
    assert said.code == 0 and "broken on import" in said.out and "bad 1.2" in said.out
    assert in_process("list", "labs", **path).code == 0
    assert "broken on import" not in in_process("plugins", SANDBOX_PLUGINS="none", **path).out


def test_an_older_installation_that_lists_our_plugins_brings_none_of_them_twice(
    tmp_path, in_process
):
    info = tmp_path / "sandbox_lab-0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sandbox-lab\nVersion: 0.0\n")
    points = "".join(f"{name} = {module}\n" for name, module in BUILT_IN.items())
    (info / "entry_points.txt").write_text(f"[sandbox]\n{points}")
    said = in_process("plugins", "--json", PYTHONPATH=f"{tmp_path}:{ROOT}")
    ours = [one for one in said.document if one["name"].partition(" ")[0] in BUILT_IN]
    assert [one["name"] for one in ours] == list(BUILT_IN)
    assert {one["source"] for one in ours} == {"built in"}
    assert not any(one["error"] for one in ours)


@pytest.mark.parametrize(
    "what",
    [
        "import sandbox, sandbox.registry.registry as r; from sandbox.registry import registrar; [list(r.registry().entries(kind)) for kind in registrar.KINDS]",
        "import sandbox.cli as c; c.main(['--help'])",
    ],
)
def test_listing_what_there_is_loads_nothing_heavy(what):
    heavy = "{'torch', 'stable_baselines3', 'pygame', 'matplotlib', 'numba', 'gymnasium', 'sklearn', 'pydantic', 'numpy'}"
    code = (
        f"import sys; {what}; print('HEAVY', sorted({heavy} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert "HEAVY []" in done.stderr


def test_a_working_directory_with_its_own_packages_of_our_names_hides_nothing(
    tmp_path, in_process, store
):
    for name in ("envs", "agents", "plugins"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('not ours')\n")
    said = in_process(
        "run",
        "maze",
        "--preset",
        "quick",
        "--render",
        "none",
        "--no-pictures",
        "--json",
        cwd=tmp_path,
        PYTHONPATH=str(ROOT),
    )
    assert said.code == 0, said.err
    assert said.document["status"] == "finished"
