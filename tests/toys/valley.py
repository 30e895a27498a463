"""A one-file plugin for sweeps: walk down a valley whose lowest point is known, epoch by epoch,
with noise of the run's own seed."""

from __future__ import annotations

import time

import numpy as np
from pydantic import Field

from sandbox import Block, Experiment, Lab, LabConfig, hookimpl


@hookimpl
def sandbox_register(registry):
    registry.lab("valley", "valley:ValleyLab", summary="A valley")


class ValleyConfig(LabConfig):
    x: float = Field(0.0, ge=-10, le=10, description="where to go down")
    y: float = Field(0.0, ge=-10, le=10, description="where to go down, across")
    kind: str = Field("round", description="of the valley")
    epochs: int = Field(10, ge=1, description="how many")
    noise: float = Field(0.01, ge=0, description="of each epoch")
    pause: float = Field(0.0, ge=0, description="seconds that an epoch takes")
    fail: bool = Field(False, description="whether it fails half way")


class Valley(Experiment):
    unit = "epoch"

    def __init__(self, config, context):
        self.config, self.limit = config, config.epochs
        self.rng = context.rng("noise")
        self.done_units, self.depth = 0, float("nan")

    def advance(self):
        self.done_units += 1
        if self.config.fail and self.done_units > self.limit // 2:
            raise ValueError("the valley is closed")
        time.sleep(self.config.pause)
        bottom = (self.config.x - 3) ** 2 + 0.01 * (self.config.y + 1) ** 2
        self.depth = (
            bottom + 5 * 0.5**self.done_units + self.config.noise * float(self.rng.normal())
        )
        return [Block("evaluate", {"epoch": [self.done_units], "depth": [self.depth]})]

    def state(self):
        return {"done": self.done_units, "depth": np.float64(self.depth)}

    def restore(self, state):
        self.done_units, self.depth = state["done"], float(state["depth"])

    def summary(self):
        return {"depth": self.depth, "epochs": self.done_units, "kind": self.config.kind}


class ValleyLab(Lab):
    """How deep is it at (x, y)? Deepest at (3, -1)."""

    Config = ValleyConfig
    objective = "summary.depth"
    direction = "minimize"

    def build(self, config, context):
        return Valley(config, context)

    def suggest(self, trial):
        x = trial.suggest_float("x", -10, 10)
        return {
            "x": x,
            "y": trial.suggest_float("y", -10, max(x, -9.5)),
            "kind": trial.suggest_categorical("kind", ["round", "flat"]),
        }
