"""Sweeps: one lab, many configurations, each with the same seeds."""
