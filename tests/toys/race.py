"""A one-file plugin for tests: a race of agents whose scores are known beforehand, and of some that
cannot run it."""

from __future__ import annotations

import time

from pydantic import Field

from sandbox import Block, Choice, Chosen, Experiment, Lab, LabConfig, Score, hookimpl
from sandbox.errors import UsageError

STEPS = 7  # env steps of a lap


@hookimpl
def sandbox_register(registry):
    registry.lab("race", "race:RaceLab", summary="A race of known outcome")
    for name in ("hare", "tortoise", "faller", "misfit", "needy"):
        registry.agent(name, f"race:{name.capitalize()}", summary="A racer")


class RacerConfig(LabConfig):
    pace: float = Field(1.0, gt=0, description="how fast")


class Tortoise:
    Config = RacerConfig

    def __init__(self, options):
        self.options = options

    def score(self, lap, luck):
        return min(10.0, 0.5 * lap * self.options.pace)


class HareConfig(RacerConfig):
    nap: int = Field(10, ge=1, description="lap at which it stops")


class Hare(Tortoise):
    Config = HareConfig

    def score(self, lap, luck):
        return 5.0 * min(1.0, lap / self.options.nap) + luck


class Faller(Tortoise):
    """Falls with odd seeds."""


class Misfit(Tortoise):
    def __init__(self, options):
        raise ValueError("too wide for the track")


class Needy(Tortoise):
    def __init__(self, options):
        raise UsageError('needy needs legs: python -m pip install "sandbox-lab[sb3]"')


class RaceConfig(LabConfig):
    agent: Chosen = Choice("agent", "hare", "who runs")
    laps: int = Field(40, ge=1, description="how many laps")
    pause: float = Field(0.0, ge=0, description="seconds that a lap takes")


class Race(Experiment):
    unit = "lap"

    def __init__(self, config, context):
        self.config, self.limit, self.seed = config, config.laps, context.seed
        racer = {
            "hare": Hare,
            "tortoise": Tortoise,
            "faller": Faller,
            "misfit": Misfit,
            "needy": Needy,
        }[config.agent.name]
        self.racer = racer(config.agent.options)
        self.luck = float(context.rng("race").uniform(0, 0.1))
        self.done_units = 0

    def advance(self):
        self.done_units += 1
        if self.config.pause:
            time.sleep(self.config.pause)
        if isinstance(self.racer, Faller) and self.seed % 2:
            raise ValueError("it fell")
        lap = self.done_units
        learn = Block("learn", {"lap": [lap], "env_steps": [lap * STEPS]})
        if lap % 2:
            return [learn]
        return [
            learn,
            Block("evaluate", {"lap": [lap], "env_steps": [lap * STEPS], "score": [self._score()]}),
        ]

    def _score(self):
        return self.racer.score(self.done_units, self.luck)

    def state(self):
        return {"done": self.done_units, "luck": self.luck}

    def restore(self, state):
        self.done_units, self.luck = state["done"], state["luck"]

    def summary(self):
        return {"score": self._score(), "optimum": 10.0}

    def random_score(self):
        return Score("score", 2.0, 10.0)


class RaceLab(Lab):
    """A race of known outcome."""

    Config = RaceConfig
    presets = {"quick": {"laps": 10}}  # noqa: RUF012

    def build(self, config, context):
        return Race(config, context)
