"""Frames of a piano roll that plays: what the model continues, now or as it learned."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pygame

from envs.render.chart import Chart, ChartFrame
from plugins.music import figures
from plugins.music.experiment import MusicExperiment
from sandbox.text import number
from sandbox.visual import plots

FRAMES_PER_BEAT = 2
VEIL = (255, 255, 255, 170)
"""Over the notes that are still to come: white, and how much of it, 0 to 255."""


def frames(
    experiment: MusicExperiment, rng: np.random.Generator, history: bool = False
) -> Iterator[ChartFrame]:
    """Plays the continuation among the run's artifacts, or with `history` a shorter one for each
    snapshot, from the end of the seed. See `sandbox.Lab.frames`.
    """
    config, piece = experiment.config, experiment.pieces.splits["test"][0]
    begun = len(experiment.seed())
    for one in experiment.snapshots.shown(experiment.epoch_of_weights, experiment.view, history):
        roll = one["roll"] if history else experiment.continuation().roll
        figure = figures.piano_roll(roll, begun, config.steps_per_beat, f"{piece.name}, continued")
        chart, beats = Chart(figure), len(roll) / config.steps_per_beat
        epoch, nll = (number(float(one[name]), 3) for name in ("epoch", "nll"))
        first = begun / config.steps_per_beat if history else 0.0
        for beat in np.arange(first, beats + 1e-9, 1 / FRAMES_PER_BEAT):
            status = f"epoch {epoch} · NLL {nll} nats per frame · beat {beat:g} of {beats:g}"
            yield ChartFrame(chart, status, partial(_play, chart, roll.shape[1], float(beat)))


def _play(chart: Chart, hands: int, beat: float, canvas: pygame.Surface) -> None:
    """Veil what is not played yet, in the axes of each hand."""
    for hand in range(hands):
        box = chart.box(hand)
        now = round(chart.places(np.array([beat]), np.zeros(1), hand)[0, 0])
        veil = pygame.Surface((max(box.right - now, 0), box.height), pygame.SRCALPHA)
        veil.fill(VEIL)
        canvas.blit(veil, (now, box.top))
        pygame.draw.line(canvas, plots.BLACK, (now, box.top), (now, box.bottom), 2)
