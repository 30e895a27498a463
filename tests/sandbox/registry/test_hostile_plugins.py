"""Plugins that end the program, print, or have names that no folder has: they are reported, and
change nothing else."""

from __future__ import annotations

import json

import pytest

from sandbox import run
from sandbox.errors import PluginError, RunFailed
from sandbox.registry.registry import registry
from sandbox.runs import api
from sandbox.store import Store
from tests.conftest import TOYS, marked

WALK = (TOYS / "walk.py").read_text(encoding="utf-8")
ENDINGS = [
    "raise SystemExit(3)",
    "import sys; sys.exit('gone')",
    "class Odd(BaseException): pass\n        raise Odd('odd')",
]
REGISTER = "from sandbox import Lab, LabConfig, Observer, hookimpl\n\n@hookimpl\ndef sandbox_register(registry):\n    {}\n"
OBSERVER = """

class Bad(Observer):
    name = "bad"

    def __init__(self):
        pass

    def started(self, run):
        pass

    def block(self, run, block):
        pass

    def ended(self, run):
        pass
"""


def plugin(folder, name, text):
    path = folder / f"{name}.py"
    path.write_text(text)
    return path


def with_body(text, head, body):
    """A method's body in place of what it has."""
    before, _, after = text.partition(head)
    assert after, head
    rest = after.partition("\n\n")[2]
    return f"{before}{head}\n        {body}\n\n{rest}"


@pytest.mark.parametrize("body", ENDINGS)
@pytest.mark.parametrize(
    "method",
    ["__init__(self)", "started(self, run)", "block(self, run, block)", "ended(self, run)"],
)
def test_an_observer_that_ends_the_program_is_dropped(say, store, tmp_path, walk, method, body):
    text = REGISTER.format("registry.observer('bad', 'watcher:Bad', always=True)") + OBSERVER
    path = plugin(tmp_path, "watcher", with_body(text, f"    def {method}:", body))
    undisturbed = run("walk", pictures=False)
    said = say("-p", path, "run", "walk", "--no-pictures", "--render", "none", "--json")
    assert said.code == 0, said.err
    watched = api.load(said.document["run"])
    assert (watched.path / "metrics.jsonl").read_bytes() == (
        undisturbed.path / "metrics.jsonl"
    ).read_bytes()
    (warning,) = watched.record.warnings
    assert "'bad'" in warning and ("SystemExit" in warning or "Odd" in warning)


@pytest.mark.parametrize("body", ENDINGS)
@pytest.mark.parametrize(
    "method", ["advance(self)", "state(self)", "summary(self)", "__init__(self, config, context)"]
)
def test_an_experiment_that_ends_the_program_is_a_failed_run(say, store, tmp_path, method, body):
    text = WALK.replace('"walk', '"stroll').replace("registry.observer", "0 and registry.observer")
    path = plugin(tmp_path, "stroll", with_body(text, f"    def {method}:", body))
    said = say("-p", path, "run", "stroll", "--no-pictures", "--render", "none")
    assert said.code == 1 and "failed" in said.err and "Traceback" not in said.err, said.err
    record = api.load("last").record
    assert record.status == "failed" and "stroll.py" in record.error


@pytest.mark.parametrize("body", ENDINGS)
def test_a_lab_that_cannot_be_made_is_named(say, store, tmp_path, body):
    lab = (
        "\n\nclass Gone(Lab):\n    Config, presets = LabConfig, {}\n\n    def __init__(self):\n        "
        + body
        + "\n"
    )
    path = plugin(tmp_path, "gone", REGISTER.format("registry.lab('gone', 'gone:Gone')") + lab)
    said = say("-p", path, "run", "gone", "--render", "none")
    assert said.code == 1 and "Lab 'gone' of plugin 'gone' cannot be made" in said.err
    assert say("list", "labs").code == 0 and not store.exists()


@pytest.mark.parametrize("body", [one.replace("\n        ", "\n") for one in ENDINGS])
def test_a_module_that_ends_the_program_is_a_broken_plugin(say, tmp_path, body):
    path = plugin(tmp_path, "ender", body + "\n")
    said = say("-p", path, "run", "maze")
    assert said.code == 1 and "cannot be used" in said.err
    said = say("-p", path, "plugins")
    assert said.code == 0 and "ender" in said.out and "maze" in said.out


PRINTS = "print('printed by a plugin'); import sys; sys.stdout.write('written too')"


@pytest.mark.parametrize(
    "more", marked([[], ["--seeds", "2", "--grid", "steps=5,6"]], bool), ids=["run", "sweep"]
)
def test_what_a_plugin_prints_breaks_no_document(in_process, tmp_path, more):
    text = WALK.replace(
        "        self.done_units +=", f"        {PRINTS}\n        self.done_units +=", 1
    )
    assert text != WALK
    path = plugin(
        tmp_path,
        "loud",
        text.replace("import errno", f"import errno\n\n{PRINTS}").replace("walk:", "loud:"),
    )
    command = ["sweep" if more else "run", "walk", *more, *([] if more else ["--render", "none"])]
    said = in_process("-p", path, *command, "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["status"] == "finished" and "printed by a plugin" in said.err
    if more:
        pytest.importorskip("distributed")
        said = in_process("-p", path, *command, "--json", "--workers", "1")
        assert json.loads(said.out)["status"] == "finished"


@pytest.mark.parametrize(
    "name",
    [
        "a/b",
        "a\\b",
        "../up",
        "..",
        ".",
        "",
        "a b",
        "a\x1b[2J",
        "con",
        "-v",
        "a=b",
        "n" * 200,
        "a.",
        "a\nb",
    ],
)
@pytest.mark.parametrize("kind", ["lab", "agent", "observer", "command", "env", "dataset"])
def test_a_name_that_no_folder_has_is_refused(tmp_path, kind, name):
    with pytest.raises(PluginError, match="a name begins with a letter"):
        registry().add_file(
            plugin(tmp_path, "named", REGISTER.format(f"registry.{kind}({name!r}, 'named:Thing')"))
        )


@pytest.mark.parametrize("value", ["float('nan')", "float('-nan')"])
def test_a_default_that_is_no_number_is_refused_before_the_run(say, store, tmp_path, value):
    lab = f"\n\nclass Config(LabConfig):\n    rate: float = {value}\n\n\nclass Nan(Lab):\n    Config = Config\n"
    lab += "    def build(self, config, context):\n        raise RuntimeError\n"
    path = plugin(tmp_path, "nan", REGISTER.format("registry.lab('nan', 'nan:Nan')") + lab)
    said = say("-p", path, "run", "nan", "--render", "none")
    assert said.code == 2 and "rate: its default is no number" in said.err and not store.exists()
    assert say("-p", path, "run", "nan", "--help").code == 0


def test_a_failed_run_says_what_ended_it(store, tmp_path):
    text = WALK.replace('"walk', '"amble').replace("registry.observer", "0 and registry.observer")
    registry().add_file(
        plugin(tmp_path, "amble", with_body(text, "    def advance(self):", "raise SystemExit(3)"))
    )
    with pytest.raises(RunFailed, match="SystemExit: 3"):
        run("amble", pictures=False)


class Mute(BaseException):
    """Ends the program when it is asked what it says."""

    def __str__(self):
        raise SystemExit(3)


class Hostile:
    """An observer that raises in one method, and in others whatever it is told meanwhile."""

    def __init__(self, method):
        self.method, self.mentioned = method, []

    @property
    def name(self):
        raise Mute

    def started(self, run):
        self._raise("started")

    def block(self, run, block):
        self._raise("block")

    def ended(self, run):
        self._raise("ended")

    def warned(self, message):
        self.mentioned.append(message)
        raise Mute

    def preparing(self, message):
        self.mentioned.append(message)
        raise Mute

    def _raise(self, method):
        if method == self.method:
            raise Mute


def watched(store, *observers, viewer=None, pictures=False):
    settings = api.Settings(pictures=pictures, observers=list(observers), viewer=viewer)
    return api.start(api.Request("walk"), Store(store), settings)


@pytest.mark.parametrize("method", ["started", "block", "ended"])
def test_an_observer_whose_error_cannot_be_told_is_dropped(store, walk, method):
    other = Hostile("")
    made = watched(store, other, Hostile(method))
    (warning,) = made.record.warnings
    assert (
        made.status == "finished"
        and "'Hostile'" in warning
        and "Mute" in warning
        and other.mentioned == [warning]
    )


def test_an_observer_that_cannot_bear_news_is_not_told(store, walk, monkeypatch):
    from sandbox.registry.registry import registry

    monkeypatch.setattr(
        type(registry().lab("walk")), "preparation", lambda self: "compiling", raising=False
    )
    other = Hostile("")
    assert watched(store, other).status == "finished" and other.mentioned == ["compiling"]


def test_a_viewer_and_a_picture_whose_errors_cannot_be_told_fail_nothing(store, walk, monkeypatch):
    from sandbox.registry.registry import registry

    class Viewer:
        def show(self, run):
            raise Mute

    def pictures(self, *details):
        raise Mute

    monkeypatch.setattr(type(registry().lab("walk")), "pictures", pictures)
    made = watched(store, viewer=Viewer(), pictures=True)
    assert (
        made.status == "finished"
        and sum("Mute" in warning and "\n" not in warning for warning in made.record.warnings) == 2
    )


def test_an_experiment_whose_error_cannot_be_told_is_a_failed_run(store, walk, monkeypatch):
    from sandbox.errors import SandboxError
    from sandbox.registry.registry import registry

    class Lost(SandboxError, Mute):
        __str__ = Mute.__str__

    def build(self, *details):
        raise Lost

    monkeypatch.setattr(type(registry().lab("walk")), "build", build)
    with pytest.raises(RunFailed):
        watched(store)
    assert api.load("last").status == "failed"


class Meddler:
    """Changes the record of the run it watches."""

    def started(self, run):
        self._meddle(run.record)

    def block(self, run, block):
        self._meddle(run.record)

    def ended(self, run):
        assert run.record.status == "finished" and run.record.summary
        self._meddle(run.record)

    def _meddle(self, record):
        assert record.seed == 0 and record.lab == "walk"
        record.seed, record.lab, record.status, record.done_units, record.command = (
            99,
            "maze",
            "failed",
            7,
            "rm",
        )
        for one in (
            record.config,
            record.versions,
            record.summary,
            record.warnings,
            record.artifacts,
            record.processor,
            record.files,
        ):
            one.clear()


def test_what_an_observer_changes_in_the_record_changes_no_run(store, walk):
    alone = watched(store).record
    made = watched(store, Meddler(), pictures=True).record
    for name in (
        "seed",
        "lab",
        "status",
        "done_units",
        "command",
        "config",
        "versions",
        "processor",
        "warnings",
    ):
        assert getattr(made, name) == getattr(alone, name), name
    assert (
        made.summary["position"] == alone.summary["position"]
        and set(made.files) == set(alone.files)
        and made.artifacts
    )


WRITES = {
    "os.write": "os.write(1, b'written to a descriptor')",
    "another process": "os.system('echo written to a descriptor')",
    "sys.__stdout__": "sys.__stdout__.write('written to a descriptor')",
}


@pytest.mark.parametrize("body", WRITES.values(), ids=WRITES.keys())
def test_what_a_plugin_writes_to_the_descriptor_of_standard_output_breaks_no_document(
    in_process, tmp_path, body
):
    register = "import os, sys\n" + REGISTER.format(
        "registry.observer('bad', 'watcher:Bad', always=True)"
    )
    path = plugin(
        tmp_path,
        "watcher",
        with_body(register + OBSERVER, "    def block(self, run, block):", body),
    )
    said = in_process(
        "-p",
        path,
        "-p",
        TOYS / "walk.py",
        "run",
        "walk",
        "--no-pictures",
        "--render",
        "none",
        "--json",
    )
    assert said.code == 0, said.err
    assert said.document["status"] == "finished" and "warnings" not in said.document
    assert "written to a descriptor" in said.err
    said = in_process(
        "-p", path, "-p", TOYS / "walk.py", "run", "walk", "--no-pictures", "--render", "none"
    )
    assert (
        said.code == 0 and "written to a descriptor" in said.out
    )  # without --json it is anybody's
