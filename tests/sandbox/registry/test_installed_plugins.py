"""Installed plugins: twenty of them, one broken and one slow, stand in nobody's way."""

from __future__ import annotations

import json
import textwrap

import pytest

from tests.conftest import ROOT


@pytest.fixture
def twenty(tmp_path):
    """A folder on the path with twenty installed plugins; each notes in `imported` that it was
    imported."""
    site = tmp_path / "site"
    for number in range(20):
        name = {0: "broken", 1: "slow"}.get(number, f"plug{number}")
        does = {
            "broken": "raise RuntimeError('no such luck')",
            "slow": "import time; time.sleep(0.3)",
        }.get(name, "")
        site.mkdir(exist_ok=True)
        (site / f"{name}.py").write_text(
            textwrap.dedent(
                f"""
                import pathlib
                from sandbox import hookimpl
                with open(pathlib.Path(__file__).parent / "imported", "a") as file:
                    print("{name}", file=file)
                {does}

                @hookimpl
                def sandbox_register(registry):
                    registry.lab("{name}-lab", "{name}:Lab", summary="A lab")
                """
            )
        )
        info = site / f"{name}-1.{number}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.{number}\n"
        )
        (info / "entry_points.txt").write_text(f"[sandbox]\n{name} = {name}\n")
    return site


def path_with(site):
    return f"{site}:{ROOT}"


@pytest.mark.parametrize("words", [("--help",), ("run", "maze", "--help"), ("show", "--help")])
def test_help_imports_no_installed_plugin(in_process, twenty, words):
    said = in_process(*words, PYTHONPATH=path_with(twenty), SANDBOX_PLUGINS="")
    assert said.code == 0, said.err
    assert not (twenty / "imported").exists()


def test_plugins_names_the_broken_one_and_the_slow_one(in_process, twenty):
    said = in_process("plugins", "--json", PYTHONPATH=path_with(twenty), SANDBOX_PLUGINS="")
    found = {plugin["name"]: plugin for plugin in said.document}
    assert "no such luck" in found["broken"]["error"] and not found["broken"]["brings"]
    assert (
        max(found, key=lambda name: found[name]["seconds"]) == "slow"
        and found["slow"]["seconds"] > 0.3
    )
    assert found["plug7"]["version"] == "1.7" and found["plug7"]["brings"] == [
        {"kind": "lab", "name": "plug7-lab", "summary": "A lab"}
    ]
    assert sum(not plugin["error"] for plugin in found.values() if plugin["version"]) == 19


def test_a_disabled_plugin_is_not_even_imported(in_process, twenty):
    said = in_process(
        "plugins",
        "--json",
        "--disable",
        "slow",
        "--disable=broken",
        PYTHONPATH=path_with(twenty),
        SANDBOX_PLUGINS="",
    )
    names = [plugin["name"] for plugin in json.loads(said.out)]
    assert "plug7" in names and "slow" not in names and "broken" not in names
    assert not {"slow", "broken"} & set((twenty / "imported").read_text().split())


def test_a_variable_keeps_all_installed_plugins_out(in_process, twenty):
    said = in_process("list", "labs", PYTHONPATH=path_with(twenty), SANDBOX_PLUGINS="none")
    assert said.code == 0 and "plug7-lab" not in said.out and not (twenty / "imported").exists()
