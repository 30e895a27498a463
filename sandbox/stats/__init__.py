"""Statistics of runs: plain functions of arrays, independent of runs and store."""

from sandbox.stats.intervals import (
    LEVEL,
    Estimate,
    Interval,
    Peak,
    normal_prediction_interval,
    prediction_interval,
    runs_needed,
    two_peaks,
    wilson,
)

__all__ = [
    "LEVEL",
    "Estimate",
    "Interval",
    "Peak",
    "normal_prediction_interval",
    "prediction_interval",
    "runs_needed",
    "two_peaks",
    "wilson",
]
