"""Runs: carried out, gone on with, and looked at."""
