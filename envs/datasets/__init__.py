"""Worlds that do not move: data that is learned from. Importing this loads none of it."""

"""Worlds that do not move: data sets, read once and never changed."""
