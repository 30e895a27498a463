"""A one-file plugin for tests: a random walk with everything that a lab can have, and ways to go
wrong on request."""

from __future__ import annotations

import errno
import random
import time

import numpy as np
from pydantic import Field

from sandbox import Action, Block, Experiment, Lab, LabConfig, Observer, hookimpl


@hookimpl
def sandbox_register(registry):
    registry.lab("walk", "walk:WalkLab", summary="A random walk")
    registry.observer("noisy", "walk:Noisy", summary="Raises at the second block")
    registry.observer("diary", "walk:Diary", summary="Writes down what it is told")


class WalkConfig(LabConfig):
    steps: int = Field(100, ge=1, le=10**6, description="how many steps")
    size: float = Field(1.0, gt=0, description="of a step")
    pause: float = Field(0.0, ge=0, description="seconds that a block of ten steps takes")
    fail_at: int | None = Field(None, description="step at which it fails")
    fail_how: str = Field("error", description="error, full, columns")


class Walk(Experiment):
    unit = "step"
    headline = ("position",)

    def __init__(self, config, context):
        self.config, self.limit = config, config.steps
        self.rng = context.rng("walk")
        self.done_units, self.position, self.luck = 0, 0.0, 0.0

    def advance(self):
        count = min(10, self.limit - self.done_units)
        first = self.done_units + 1
        self._fail(first + count)
        path = self.position + np.cumsum(self.rng.normal(size=count)) * self.config.size
        self.luck += random.random() + float(np.random.random())
        self.done_units += count
        self.position = float(path[-1])
        if self.config.pause:
            time.sleep(self.config.pause)
        return [Block("walk", {"step": np.arange(first, first + count), "position": path})]

    def _fail(self, at):
        if self.config.fail_at is None or at < self.config.fail_at:
            return
        if self.config.fail_how == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        raise ValueError("the walker stumbled")

    def state(self):
        return {
            "done": self.done_units,
            "position": self.position,
            "luck": self.luck,
            "trace": np.arange(3),
        }

    def restore(self, state):
        self.done_units, self.position, self.luck = state["done"], state["position"], state["luck"]

    def summary(self):
        return {"position": self.position, "luck": self.luck}


class Frame:
    def __init__(self, level):
        self.level = level

    def draw(self, hidden=frozenset()):
        return np.full((8, 8, 3), self.level, dtype=np.uint8)


def shout(run, words):
    print(f"{run.id} shouts {' '.join(words)}")  # noqa: T201


class WalkLab(Lab):
    """How far does a random walk come?"""

    Config = WalkConfig
    presets = {"quick": {"steps": 20}, "long": {"steps": 1000}}  # noqa: RUF012
    global_generators = ("python", "numpy")
    fps = 5

    def build(self, config, context):
        return Walk(config, context)

    def pictures(self, experiment, artifacts, metrics):
        artifacts.write_json(
            "end.json", {"position": experiment.position, "rows": len(metrics["position"])}
        )

    def frames(self, experiment, rng, history=False):
        yield from (Frame(int(rng.integers(256))) for _ in range(3))

    actions = {"shout": Action(shout, "Shout.")}  # noqa: RUF012


class Noisy(Observer):
    def __init__(self):
        self.blocks = 0

    def started(self, run): ...

    def block(self, run, block):
        self.blocks += 1
        if self.blocks == 2:
            raise RuntimeError("too loud")

    def ended(self, run): ...


class Diary(Observer):
    told: list[str] = []  # noqa: RUF012

    def started(self, run):
        self.told.append(f"started at {run.resumed_at}")

    def block(self, run, block):
        self.told.append(block.stream)

    def ended(self, run):
        self.told.append(run.record.status)
