"""Runs: start, resume and load them."""
