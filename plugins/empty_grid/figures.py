"""The learning curves of Lab 06 in the empty grid, redrawn from the runs that were measured."""

from __future__ import annotations

from collections.abc import Iterator

from agents.control import claim_pictures, claims
from plugins.empty_grid.claims import BEST, GRID
from sandbox.reproduction.claim import ClaimPicture


def pictures(claim: str, seeds: int) -> Iterator[ClaimPicture]:
    """The figures that belong to a claim; bands are of so many runs."""
    if claim != "G2":
        return
    panels = {
        name: {
            f"{schedule} ε": claims.bands(setting.but(epsilon_schedule=schedule), seeds) for schedule in ("linear", "exponential")
        }
        for name, setting in claims.combinations(GRID)
    }  # fmt: skip
    caption = f"Exploring reward per step in stretches of 15 episodes, {seeds} runs: median, and the band that 90 % of them lie in."
    title = "Learning the empty grid: ε from 0.8 to 0.001"
    yield ClaimPicture(
        "learning_curves_grid",
        caption,
        claim_pictures.learning_curves(panels, GRID.episodes, BEST, title),
    )
