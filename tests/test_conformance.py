"""Every lab, agent and environment that the registry knows keeps what a plugin promises; and the
kit notices one that does not."""

from __future__ import annotations

import random

import numpy as np
import pytest

import envs  # noqa: F401 - registers ours with Gymnasium
from agents.testing import check_agent
from sandbox import Block, Experiment, Lab, LabConfig, Observer
from sandbox.errors import UsageError
from sandbox.registry.registry import registry
from sandbox.testing import (
    NotConforming,
    check_env,
    check_experiment,
    check_lab,
    check_observer,
)
from tests.conftest import marked


def names(kind):
    return [entry.name for entry in registry().entries(kind, outside=False)]


@pytest.mark.parametrize("name", marked(names("lab")))
def test_a_lab_conforms(name):
    try:
        check_lab(name)
    except UsageError as error:
        if "which is not installed: python -m pip install" not in str(error):
            raise
        pytest.skip(str(error))


@pytest.mark.parametrize(
    "name",
    [
        entry.name
        for entry in registry().entries("agent", outside=False)
        if entry.plugin == "control"
    ],
)
def test_an_agent_conforms(name):
    check_agent(name)


@pytest.mark.parametrize(
    "id_", [entry.aliases[0] for entry in registry().entries("env", outside=False)]
)
def test_an_environment_conforms(id_):
    check_env(id_)


@pytest.mark.extras
@pytest.mark.parametrize(
    "name", sorted({*names("observer")} - {"mlflow"})
)  # which is checked beside its server
def test_an_observer_conforms(name):
    try:
        check_observer(name)
    except UsageError as error:
        if "which is not installed: python -m pip install" not in str(error):
            raise
        pytest.skip(str(error))


def test_the_progress_bar_conforms():
    from sandbox.cli.progress import RunProgress

    check_observer(RunProgress)


class Walker(Experiment):
    """An experiment without fault; the tests below break one promise each."""

    unit, limit = "step", 100

    def __init__(self, context):
        self.rng, self.done_units, self.position = context.rng("walk"), 0, 0.0

    def advance(self):
        self.position += self.rng.normal()
        self.done_units += 1
        return [Block("walk", {"step": [self.done_units], "position": [self.position]})]

    def state(self):
        return {"done": self.done_units, "position": self.position}

    def restore(self, state):
        self.done_units, self.position = state["done"], state["position"]

    def summary(self):
        return {"position": self.position}


class Forgetful(Walker):
    def state(self):
        return {"done": self.done_units, "position": 0.0}


class Global(Walker):
    def advance(self):
        self.position += random.random()
        return super().advance()


class Unseeded(Walker):
    def advance(self):
        self.position += np.random.default_rng().normal()
        return super().advance()


class Talkative(Walker):
    def advance(self):
        print("step")  # noqa: T201 - what is to be found
        return super().advance()


class Uneven(Walker):
    def advance(self):
        super().advance()
        return [Block("walk", {"step": [1, 2], "position": [self.position]})]


class Opaque(Walker):
    def state(self):
        return {**super().state(), "rng": self.rng}


class Restless(Walker):
    def summary(self):
        self.position += 1
        return super().summary()


def test_a_good_experiment_conforms():
    check_experiment(Walker)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (Forgetful, "leave something out"),
        (Global, "global generator of python"),
        (Unseeded, "same seed differ"),
        (Talkative, "printed"),
        (Uneven, "differ in length"),
        (Opaque, "neither an array nor plain"),
        (Restless, "when it is asked again"),
    ],
)
def test_a_broken_promise_is_named(broken, says):
    with pytest.raises(NotConforming, match=says):
        check_experiment(broken)


class DrawnWeights(Walker):
    """Draws from a global generator where it is built, as a network's weights are."""

    def __init__(self, context):
        super().__init__(context)
        self.position = float(np.random.normal())


def test_what_is_drawn_in_build_is_drawn_from_the_generators_that_the_loop_keeps():
    before = np.random.get_state()[1].copy()
    check_experiment(DrawnWeights, global_generators=("numpy",))
    assert (np.random.get_state()[1] == before).all()
    with pytest.raises(NotConforming, match="global generator of numpy"):
        check_experiment(DrawnWeights)


@pytest.mark.extras
def test_a_lab_that_makes_torch_weights_in_build_conforms():
    torch = pytest.importorskip("torch")

    class Net(Walker):
        def __init__(self, context):
            super().__init__(context)
            self.layer = torch.nn.Linear(2, 1)

        def advance(self):
            self.position = (self.layer(torch.ones(2)) + torch.rand(1)).item()
            return super().advance()

        def state(self):
            return {**super().state(), "weights": self.layer.weight.detach().numpy().copy()}

    class NetLab(Lab):
        Config, global_generators = LabConfig, ("torch",)

        def build(self, config, context):
            return Net(context)

    before = torch.get_rng_state().clone()
    check_lab(NetLab)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (
            type("Blind", (Walker,), {"summary": None, "advance": lambda self: None}),
            "list of sandbox.Block",
        ),
        (lambda context: object(), "not an experiment"),
    ],
)
def test_what_the_loop_refuses_the_kit_refuses(broken, says):
    with pytest.raises(NotConforming, match=says):
        check_experiment(broken)


class Watcher(Observer):
    """An observer without fault; the tests below break one promise each."""

    def started(self, run): ...

    def block(self, run, block): ...

    def ended(self, run): ...


class Deaf:
    def started(self, run): ...


class Late(Watcher):
    """Fails only where a run goes on."""

    def started(self, run):
        assert not run.resumed_at, "it never learned to go on"


class Quitter(Watcher):
    def ended(self, run):
        raise SystemExit(3)


class Loud(Watcher):
    def block(self, run, block):
        print(block.stream)  # noqa: T201 - what is to be found


class Scribbler(Watcher):
    def block(self, run, block):
        for column in block.columns.values():
            if isinstance(column, np.ndarray):
                column += 1


class Teacher(Watcher):
    def block(self, run, block):
        run.experiment.agent.q[0, 0] += 1.0


class Tuner(Watcher):
    def started(self, run):
        run.record.config["agent"]["alpha"] = 0.99


class Gambler(Watcher):
    def started(self, run):
        run.context.rng("env").random()


class Roller(Watcher):
    def ended(self, run):
        np.random.random()


class Forger(Watcher):
    def ended(self, run):
        if run.record.status == "finished":
            with open(run.folder.metrics_path, "ab") as file:
                file.write(b"{}\n")


class Impatient(Watcher):
    def block(self, run, block):
        run.stop.request("timed-out")


class Messenger(Watcher):
    def warned(self, message):
        raise KeyError(message)


def test_a_good_observer_conforms():
    check_observer(Watcher)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (Deaf, "Deaf is not derived from sandbox.Observer"),
        (Late, "Late raised in `started`: AssertionError: it never learned to go on"),
        (Quitter, "raised in `ended`: SystemExit"),
        (Messenger, "raised in `warned`: KeyError"),
        (Loud, "printed 'learn"),
        (Scribbler, "changed the block's columns in `block`"),
        (Teacher, "changed the experiment in `block`"),
        (Tuner, "changed the record in `started`"),
        (Gambler, "changed the generators in `started`"),
        (Roller, "changed the global generators in `ended`"),
        (Forger, "damaged the run: metrics.jsonl"),
        (Impatient, "made the run end as timed-out"),
    ],
)
def test_what_an_observer_does_wrong_is_named(broken, says):
    with pytest.raises(NotConforming, match=says):
        check_observer(broken)


def test_an_agent_that_draws_elsewhere_is_found():
    sarsa = registry().load("agent", "sarsa")

    class Careless(sarsa):
        def learn_model(self, model, env_rng, episodes):
            self.rng = np.random.default_rng()
            return super().learn_model(model, env_rng, episodes)

    with pytest.raises(NotConforming, match="two things from one seed"):
        check_agent(Careless)
