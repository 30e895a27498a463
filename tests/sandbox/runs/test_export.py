"""`export`: one file that holds all that others need to check a run, and the same run gives the
same bytes."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import stat
import zipfile

import pytest

from sandbox import run
from sandbox.errors import LinkError, StoreError, UnknownNameError, UsageError
from sandbox.registry.registry import registry
from sandbox.runs import provenance
from sandbox.runs.export import export
from sandbox.runs.loop import Settings
from sandbox.store import RunFolder
from sandbox.store.comparisons import ComparisonFolder
from tests.conftest import ROOT, TOYS, extract
from tests.sandbox.runs.conftest import rewrite, walked
from tests.test_docs import named_next


@pytest.fixture
def stopped(store, walk):
    return walked(store, Settings(checkpoint_seconds=0, max_time=0.05), pause=0.02)


def exported(folder, path):
    export(path, folder)
    return path


def unpacked(archive, place):
    """The folder that an archive unpacks to, somewhere else."""
    with zipfile.ZipFile(archive) as file:
        file.extractall(place)
    (folder,) = place.iterdir()
    return folder


def test_the_same_run_gives_the_same_bytes_wherever_it_is_and_whenever(finished, tmp_path):
    first = exported(finished.folder, tmp_path / "first.zip")
    copy = tmp_path / "elsewhere" / finished.id
    shutil.copytree(finished.path, copy, copy_function=shutil.copyfile)
    for path in copy.rglob("*"):
        os.utime(path, (10**9, 10**9))
        path.chmod(0o700)
    (copy / "heartbeat").touch()
    (copy / ".lock").touch()
    (copy / "artifacts" / ".x.123.tmp").touch()
    second = exported(RunFolder(copy), tmp_path / "second.zip")
    assert first.read_bytes() == second.read_bytes()


def test_an_archive_has_sorted_names_fixed_dates_and_modes_and_is_not_compressed(
    finished, tmp_path
):
    with zipfile.ZipFile(exported(finished.folder, tmp_path / "a.zip")) as file:
        infos = file.infolist()
        names = [info.filename for info in infos]
        assert file.testzip() is None
    assert names == sorted(names) and {name.split("/")[0] for name in names} == {finished.id}
    assert {name.split("/", 1)[1] for name in names} == {
        "README.md",
        "artifacts/end.json",
        "artifacts/episode.gif",
        "checkpoints/000006/arrays.npz",
        "checkpoints/000006/state.json",
        "checkpoints/000006/sums.json",
        "metrics.jsonl",
        "plugin/walk.py",
        "requirements.txt",
        "run.json",
        "times.jsonl",
    }
    for info in infos:
        assert info.date_time == (1980, 1, 1, 0, 0, 0) and info.create_system == 3
        assert info.external_attr >> 16 == stat.S_IFREG | 0o644
        assert info.compress_type == zipfile.ZIP_STORED


def test_only_the_last_whole_checkpoint_is_exported(stopped, tmp_path):
    numbers = sorted(path.name for path in (stopped.path / "checkpoints").iterdir())
    assert len(numbers) == 2

    def kept():
        with zipfile.ZipFile(exported(stopped.folder, tmp_path / "a.zip")) as file:
            parts = (name.split("/") for name in file.namelist())
            return {part[2] for part in parts if part[1] == "checkpoints"}

    assert kept() == {numbers[1]}
    (stopped.path / "checkpoints" / numbers[1] / "state.json").write_text("{}")
    assert kept() == {numbers[0]}


def test_a_stranger_shows_checks_and_computes_again_what_was_unpacked(
    finished, in_process, tmp_path
):
    folder = unpacked(exported(finished.folder, tmp_path / "a.zip"), tmp_path / "stranger")
    page = (folder / "README.md").read_text()
    lines = [line.strip() for line in page.splitlines() if "python -m sandbox" in line]
    commands = [shlex.split(line)[3:] for line in lines if line.startswith("python")]
    assert [words[0] for words in commands] == ["show", "verify", "verify", "resume"]
    commands.append(["show", str(folder), "--html"])
    elsewhere = {"SANDBOX_STORE": str(tmp_path / "empty"), "PYTHONPATH": str(ROOT)}
    for words in commands:
        said = in_process(*words, cwd=folder, **elsewhere)
        assert said.code == 0, said.err
        for following in named_next(said.out):
            if "--open" not in following:
                done = in_process(*following, cwd=folder, **elsewhere)
                assert done.code == 0, f"{shlex.join(following)}: {done.err}"
        if "--recompute" in words:
            assert "The same bytes: 6 blocks" in said.out and "not as recorded" not in said.out
    said = in_process("verify", "--recompute", folder, **elsewhere)
    assert said.code == 2 and "give its file with -p" in said.err  # nothing is run by itself


def test_a_stopped_run_is_resumed_from_its_archive_to_the_same_bytes(
    stopped, finished, say, tmp_path
):
    folder = unpacked(exported(stopped.folder, tmp_path / "a.zip"), tmp_path / "stranger")
    assert say("resume", folder, "--render", "none").code == 0
    assert say("resume", stopped.id, "--render", "none").code == 0
    for name in ("metrics.jsonl", "artifacts/end.json"):
        assert (folder / name).read_bytes() == (stopped.path / name).read_bytes()
    assert say("verify", "--recompute", folder).code == 0


def test_the_digest_of_a_plugin_is_the_same_wherever_its_file_is(tmp_path):
    shutil.copy(TOYS / "walk.py", tmp_path / "walk.py")
    assert provenance.sources((TOYS / "walk.py",)) == provenance.sources((tmp_path / "walk.py",))
    (tmp_path / "walk.py").write_text("changed = True\n")
    provenance.sources.cache_clear()
    assert provenance.sources((TOYS / "walk.py",)) != provenance.sources((tmp_path / "walk.py",))


def test_a_run_whose_plugin_is_not_loaded_is_refused(finished, in_process, tmp_path):
    target = tmp_path / "a.zip"
    said = in_process("export", finished.id, "--output", target)
    assert said.code == 2 and "give its file with -p" in said.err and not target.exists()
    said = in_process("export", finished.id, "--output", target, "-p", TOYS / "walk.py")
    assert said.code == 0, said.err
    with zipfile.ZipFile(target) as file:
        kept = file.read(f"{finished.id}/plugin/walk.py")
    assert kept == (TOYS / "walk.py").read_bytes()


def test_a_record_names_no_package_that_is_not_a_library_of_runs(finished, tmp_path):
    odd = {
        "numpy": "2.0",
        "torch": "2.9.1+cpu",
        "python": "3.11.7",
        "evil-package": "1.0",
        "numba": "1\n--index-url http://nowhere",
        "gymnasium": "1 ; python_version",
    }
    rewrite(finished, versions=odd, command="x`\n# Obey\n")
    folder = unpacked(exported(finished.folder, tmp_path / "a.zip"), tmp_path / "there")
    lines = (folder / "requirements.txt").read_text().splitlines()
    assert lines[1:] == ["# Python 3.11.7", "numpy==2.0", "torch==2.9.1  # 2.9.1+cpu"]
    page = (folder / "README.md").read_text()
    assert "\n# Obey" not in page and "`x' # Obey '" not in page and "# Obey" in page


def test_a_sweep_is_exported_with_its_runs(say, store, tmp_path):
    plugin = TOYS / "valley.py"
    words = ["sweep", "valley", "-p", plugin, "--grid", "x=1,2", "--epochs", "2"]
    made = say(*words, "--json").document
    said = say("export", made["sweep"], "--output", tmp_path / "a.zip", "-p", plugin)
    assert said.code == 0 and "python -m sandbox list" in said.out, said.err
    folder = unpacked(tmp_path / "a.zip", tmp_path / "there")
    shown = say("show", made["sweep"], "--store", folder, "--json").document
    assert shown["ranking"] == made["ranking"] and (folder / "plugin" / "valley.py").exists()
    assert say("show", folder / "sweeps" / made["sweep"]).code == 0
    runs = sorted(path.parent for path in folder.glob("valley/*/run.json"))
    assert len(runs) == 2 and say("verify", "--store", folder).code == 0
    assert all(say("verify", "--recompute", run, "-p", plugin).code == 0 for run in runs)
    again = say("export", folder / "sweeps" / made["sweep"], "--output", tmp_path / "b.zip")
    assert again.code == 0
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert say("resume", folder / "sweeps" / made["sweep"]).code == 0


@pytest.fixture
def compared(say, store):
    words = ["--agents", "hare", "tortoise", "--seeds", "2", "--laps", "4"]
    said = say("compare", "race", "-p", TOYS / "race.py", *words, "--json")
    assert said.code == 0, said.err
    return ComparisonFolder(store / "comparisons" / said.document["comparison"])


def test_a_comparison_is_exported_with_its_runs(compared, say, tmp_path):
    folder = unpacked(exported(compared, tmp_path / "a.zip"), tmp_path / "there")
    page = (folder / "README.md").read_text()
    assert "A comparison with 4 runs." in page and page.count("lab race, agent hare") == 2
    assert say("show", compared.id, "--store", folder).code == 0
    runs = sorted(folder.glob("race/*"))
    assert len(runs) == 4 and say("verify", "--store", folder).code == 0
    assert say("verify", "--recompute", runs[0]).code == 0
    shutil.rmtree(compared.path.parent.parent / "race" / runs[0].name)
    with zipfile.ZipFile(exported(compared, tmp_path / "b.zip")) as file:  # with what is there
        assert len([name for name in file.namelist() if name.endswith("run.json")]) == 3
    said = say("export", compared.id, "--output", tmp_path / "c.zip")
    assert said.code == 0 and "Note: 1 of 4 runs not exported: not in " in said.out


def test_the_results_of_others_are_exported_with_the_comparison_that_shows_them(
    compared, say, tmp_path
):
    theirs = tmp_path / "theirs.csv"
    theirs.write_text("agent,task,seed,env_steps,score\nfox,race,0,280,7\n")
    words = ["--agents", "hare", "tortoise", "--seeds", "2", "--laps", "4", "--given", theirs]
    made = say("compare", "race", *words, "--json").document
    assert say("export", made["comparison"], "--output", tmp_path / "a.zip").code == 0
    folder = unpacked(tmp_path / "a.zip", tmp_path / "there")
    (kept,) = made["given"]
    copy = folder / "comparisons" / made["comparison"] / kept["file"]
    assert copy.read_bytes() == theirs.read_bytes()


def test_a_reproduction_is_exported(say, store, tmp_path):
    said = say("reproduce", "intro", "--quick", "--json")
    (folder,) = (store / "reproductions").iterdir()
    said = say("export", folder.name, "--output", tmp_path / "a.zip", "--json")
    assert said.code == 0 and said.document["exported"] == folder.name, said.err
    inside = unpacked(tmp_path / "a.zip", tmp_path / "there")
    for name in ("reproduce.html", "reproduce.json"):
        kept = inside / "reproductions" / folder.name / name
        assert kept.read_bytes() == (folder / name).read_bytes()
    assert "reproduce.json" in (inside / "requirements.txt").read_text()


@pytest.mark.parametrize(
    "name", ["run.json", "metrics.jsonl", "artifacts/end.json", "artifacts", "checkpoints"]
)
def test_a_link_is_refused(finished, tmp_path, name):
    path = finished.path / name
    shutil.move(path, tmp_path / "target")
    path.symlink_to(tmp_path / "target")
    with pytest.raises(LinkError):
        export(tmp_path / "a.zip", finished.folder)
    assert not (tmp_path / "a.zip").exists()


@pytest.mark.parametrize("name", ["a\\..\\b.json", "a:b"])
def test_a_name_that_leads_elsewhere_on_another_system_is_refused(finished, tmp_path, name):
    (finished.path / "artifacts" / name).write_text("x")
    with pytest.raises(StoreError, match="Rename the file"):
        export(tmp_path / "a.zip", finished.folder)
    assert not (tmp_path / "a.zip").exists()


@pytest.mark.parametrize("name", ["../maze/x", "/etc", "..", "", "x/../../y"])
def test_a_comparison_takes_no_run_from_elsewhere(compared, tmp_path, name):
    path = compared.document_path
    document = json.loads(path.read_text())
    document["runs"]["hare"][0]["run"] = name
    path.write_text(json.dumps(document))
    with pytest.raises(StoreError):
        export(tmp_path / "a.zip", compared)


def test_a_run_of_a_comparison_that_is_a_link_is_refused(compared, store, tmp_path):
    (path, *_) = sorted((store / "race").iterdir())
    shutil.move(path, tmp_path / "target")
    path.symlink_to(tmp_path / "target")
    with pytest.raises(LinkError):
        export(tmp_path / "a.zip", compared)


def test_a_run_that_is_running_is_refused(finished, tmp_path):
    with finished.folder.writing():
        rewrite(finished, status="running")
        with pytest.raises(UsageError, match="is running"):
            export(tmp_path / "a.zip", finished.folder)


def test_other_sources_than_those_of_the_run_are_noted(finished, say, tmp_path):
    rewrite(finished, sources="0" * 64)
    said = say("export", finished.id, "--output", tmp_path / "a.zip")
    assert said.code == 0 and "Note: Run " in said.out and "the sources of the" in said.out


def test_a_place_that_cannot_be_written_and_a_name_that_there_is_not(finished, say, tmp_path):
    said = say("export", finished.id, "--output", tmp_path / "no" / "such" / "a.zip")
    assert said.code == 1 and "--output FILE" in said.err and "Traceback" not in said.err
    said = say("export", "nothing-like-that")
    assert said.code == 2 and "No run, sweep or comparison" in said.err
    assert issubclass(UnknownNameError, UsageError)


def test_an_archive_is_written_here_and_the_next_command_works(
    finished, say, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    said = say("export")
    assert said.code == 0 and (tmp_path / f"{finished.id}.zip").exists()
    (following,) = named_next(said.out)
    assert following[:2] == ["verify", "--recompute"] and "-p" in following
    assert say(*following).code == 0


def test_no_plugin_of_a_built_in_lab_is_exported(store, tmp_path):
    made = run("maze", preset="quick", episodes=20, pictures=False)
    assert registry().find("lab", "maze").plugin == "maze"
    with zipfile.ZipFile(exported(made.folder, tmp_path / "a.zip")) as file:
        assert not any("/plugin/" in name for name in file.namelist())


@pytest.mark.parametrize(
    "changes",
    [
        {"processor": {}},
        {"processor": {"target": "{{ 7777 * 1111 }}"}},
        {"score": {}},
        {"score": {"name": "x"}},
        {"score": {"value": None}},
        {"versions": {}},
        {"versions": {"": "", "numpy": "", "a.b": "1"}},
        {"plugin": "(", "commit": "\n`", "data": "\x1b[2J"},
        {"config": {"steps": -1}},
        {"summary": {}, "unit": "{% raw %}"},
    ],
)
def test_an_odd_record_is_exported_or_refused_in_a_sentence(finished, say, tmp_path, changes):
    rewrite(finished, **changes)
    said = say("export", finished.id, "--output", tmp_path / "a.zip")
    assert said.code == (2 if "config" in changes else 0), said.err
    if said.code == 0:
        folder = unpacked(tmp_path / "a.zip", tmp_path / "there")
        page = (folder / "README.md").read_text()
        assert "8640247" not in page and "\x1b" not in page


def test_runs_of_an_older_format_are_exported_and_computed_again(say, tmp_path):
    extract(ROOT / "tests" / "fixtures" / "store_2026_11.tar.gz", tmp_path)
    runs = sorted(tmp_path.glob("runs/maze/*"))
    made = [one for one in runs if "sb3" not in one.name]
    for path in made:
        said = say("export", path, "--output", tmp_path / "a.zip", "--json")
        assert said.code == 0, said.err
    (plain,) = (one for one in made if one.name.endswith("q-learning-27b30ce3"))
    said = say("verify", "--recompute", plain, "--json")
    assert said.code == 0 and said.document["complete"], said.document
    (comparison,) = tmp_path.glob("runs/comparisons/*")
    assert say("export", comparison, "--output", tmp_path / "b.zip").code == 0
