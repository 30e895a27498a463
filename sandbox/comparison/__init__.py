"""Comparisons: agents x seeds on one lab."""
