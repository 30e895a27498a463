"""How fast does an estimate get better? Darts thrown at a square: the share that falls into the circle is π / 4."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from sandbox import Block, LabConfig

# -- hook


class ExamplePluginConfig(LabConfig):
    """The options of the command line: `--rounds`, `--darts`."""

    rounds: int = Field(100, ge=1, description="how often darts are thrown")
    darts: int = Field(1000, ge=1, description="darts in a round")


class ExamplePluginExperiment:
    """The work, in stretches: what is drawn, counted and known so far."""

    unit = "round"

    def __init__(self, config, rng):
        self.config, self.rng = config, rng
        self.limit = config.rounds
        self.done_units, self.inside = 0, 0

    @property
    def done(self):
        return self.done_units >= self.limit

    def advance(self):
        """One round: the next stretch of work, and what happened in it."""
        points = self.rng.random((self.config.darts, 2))  # [darts, 2]
        self.inside += int((np.hypot(*points.T) < 1).sum())
        self.done_units += 1
        return [Block("throw", {"round": [self.done_units], "estimate": [self.estimate()]})]

    def estimate(self):
        """π as it looks so far."""
        return 4 * self.inside / max(1, self.done_units * self.config.darts)

    def state(self):
        """All that is needed to go on; generators are kept for you."""
        return {"done": self.done_units, "inside": self.inside}

    def restore(self, state):
        self.done_units, self.inside = state["done"], state["inside"]

    def summary(self):
        """The first entry is the result that listings show."""
        return {"estimate": self.estimate(), "error": abs(self.estimate() - np.pi)}


class ExamplePluginLab:
    """The question with its settings; every preset stands on the command line as `--preset NAME`."""

    Config = ExamplePluginConfig
    presets = {"quick": {"rounds": 20}}

    def build(self, config, context):
        return ExamplePluginExperiment(config, context.rng("darts"))

    def pictures(self, experiment, artifacts, metrics):
        """Drawn after the summary is safe."""
        from sandbox import plots

        with plots.style():
            figure = plots.figure()
            axes = figure.add_subplot(xlabel="round", ylabel="estimate of π", title="Darts find π")
            axes.plot(metrics["throw/round"], metrics["throw/estimate"])
            plots.optimum_line(axes, np.pi, "π")
            axes.legend()
        artifacts.save_figure("estimate.png", figure)
