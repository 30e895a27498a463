"""The learning curves of Lab 06 in the empty grid, redrawn from the measured runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agents.control import claim_pictures, claims
from plugins.empty_grid.claims import SETTINGS
from sandbox.reproduction.claim import ClaimPicture


def pictures(claim: str, seeds: int, data: Path | None = None) -> Iterator[ClaimPicture]:
    """The figures of a claim, with bands over several runs.

    Args:
        claim: its id.
        seeds: number of runs in each band.
        data: without effect.
    """
    if claim == "G2":
        panels = {
            name: {
                f"{schedule} ε": claims.bands(SETTINGS[f"{schedule}: {name}"], seeds)
                for schedule in ("linear", "exponential")
            }
            for name in claims.combinations(SETTINGS["grid"])
        }
        title = "Learning the empty grid: ε from 0.8 to 0.001"
        yield claim_pictures.learning_curves("learning_curves_grid", panels, 1500, 0.8, title)
