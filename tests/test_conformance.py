"""Every lab, agent and environment that the registry knows keeps what a plugin promises; and the kit notices one that does not."""

from __future__ import annotations

import random

import numpy as np
import pytest

import envs  # noqa: F401 - registers ours with Gymnasium
from sandbox import Block
from sandbox.errors import UsageError
from sandbox.registry import registry
from sandbox.testing import NotConforming, check_agent, check_env, check_experiment, check_lab


def names(kind):
    return [entry.name for entry in registry().entries(kind, outside=False)]


@pytest.mark.parametrize("name", names("lab"))
def test_a_lab_conforms(name):
    try:
        check_lab(name)
    except UsageError as error:
        if "which is not installed: python -m pip install" not in str(error):
            raise
        pytest.skip(str(error))


@pytest.mark.parametrize("name", [entry.name for entry in registry().entries("agent", outside=False) if entry.plugin == "control"])
def test_an_agent_conforms(name):
    check_agent(name)


@pytest.mark.parametrize("id_", [entry.aliases[0] for entry in registry().entries("env", outside=False)])
def test_an_environment_conforms(id_):
    check_env(id_)


class Walker:
    """An experiment without fault; the tests below break one promise each."""

    unit, limit = "step", 100

    def __init__(self, context):
        self.rng, self.done_units, self.position = context.rng("walk"), 0, 0.0

    @property
    def done(self):
        return self.done_units >= self.limit

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


def test_an_agent_that_draws_elsewhere_is_found():
    sarsa = registry().load("agent", "sarsa")

    class Careless(sarsa):
        def learn_model(self, model, env_rng, episodes):
            self.rng = np.random.default_rng()
            return super().learn_model(model, env_rng, episodes)

    with pytest.raises(NotConforming, match="two things from one seed"):
        check_agent(Careless)
