"""A small model learns with one thread wherever it runs; how many it had is kept, and a resumed run
has as many."""

# ruff: noqa: E402 - torch is an extra, and what needs it stands behind the question whether it is
# there
from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from agents.supervised.threads import LARGE, threads_for, weights_of
from plugins.mnist.config import MnistConfig
from plugins.mnist.network import network
from sandbox import resume, run
from sandbox.config.resolve import resolve
from sandbox.registry.registry import registry
from sandbox.runs import api

pytestmark = pytest.mark.extras

SMALL = {
    "mnist": ["default", "report", "quick", "search"],
    "autoencoder": ["report", "quick", "search"],
    "music": ["default", "quick"],
}


def threads(lab, preset, cores):
    made = registry().lab(lab)
    return made.threads(resolve(made.Config, [made.presets[preset]], lab), cores)


@pytest.mark.parametrize(
    ("lab", "preset"), [(lab, preset) for lab, presets in SMALL.items() for preset in presets]
)
def test_a_small_model_has_one_thread_on_any_machine(lab, preset):
    if lab == "music":
        pytest.importorskip("pretty_midi")
    assert {threads(lab, preset, cores) for cores in (1, 2, 64)} == {1}


@pytest.mark.parametrize("lab", ["mnist", "autoencoder", "music"])
def test_a_large_model_has_all_cores(lab):
    if lab == "music":
        pytest.importorskip("pretty_midi")
    assert [threads(lab, "best", cores) for cores in (1, 2, 64)] == [1, 2, 64]


def test_weights_are_counted_without_touching_a_generator():
    before = torch.get_rng_state()
    assert (
        weights_of(lambda: network(MnistConfig(hidden=(64, 32))))
        == 784 * 64 + 64 + 64 * 32 + 32 + 32 * 10 + 10
    )
    assert (torch.get_rng_state() == before).all()


def test_all_cores_from_a_product_of_weights_and_examples_on():
    def threads_of(weights):
        return threads_for(lambda: torch.nn.Linear(weights, 1, bias=False), 100, 8)

    assert (threads_of(LARGE // 100), threads_of(LARGE // 100 - 1)) == (8, 1)


def test_the_number_of_cores_changes_no_byte_of_a_small_model(store, monkeypatch):
    made = []
    for cores in (1, 64):
        monkeypatch.setattr(api, "available_cores", lambda cores=cores: cores)
        made.append(run("mnist", preset="quick", epochs=2, pictures=False))
    assert [one.record.threads for one in made] == [1, 1]
    assert made[0].folder.metrics_path.read_bytes() == made[1].folder.metrics_path.read_bytes()


def test_a_search_uses_the_threads_that_its_record_names(store, monkeypatch):
    from agents.supervised.search import RandomSearchExperiment

    judge, used = RandomSearchExperiment._judge, []

    def noted(self, candidate, fold):
        used.append(torch.get_num_threads())
        return judge(self, candidate, fold)

    monkeypatch.setattr(RandomSearchExperiment, "_judge", noted)
    search = {"candidates": 1, "folds": 2, "epochs": 1}
    torch.set_num_threads(2)  # as at the start of a process on two cores
    made = run("mnist", dataset="digits", hidden=(8,), search=search, pictures=False)
    torch.set_num_threads(1)
    assert made.record.threads == 1 and used == [1, 1]


def test_threads_given_on_the_command_line_are_kept_and_taken_up_again(say, monkeypatch):
    said = say(
        "run",
        "mnist",
        "--preset",
        "quick",
        "--epochs",
        2,
        "--threads",
        2,
        "--max-time",
        1e-9,
        "--no-pictures",
        "--json",
    )
    assert said.code == 0 and said.document["status"] == "timed-out"
    torch.set_num_threads(1)
    monkeypatch.setattr(api, "available_cores", lambda: 64)
    ended = resume(said.document["run"])
    assert ended.status == "finished" and ended.record.threads == 2 == torch.get_num_threads()
    torch.set_num_threads(1)


def test_the_claims_of_a_report_are_measured_with_as_many_threads_as_a_run(monkeypatch):
    from agents.supervised import measuring

    monkeypatch.setattr(api, "available_cores", lambda: 64)
    measuring.finished("mnist", "quick", {"epochs": 1}, 0)
    assert torch.get_num_threads() == 1
