"""Data sets, read once and never changed. Importing this package loads none of them."""

"""Worlds that do not move: data sets, read once and never changed."""
