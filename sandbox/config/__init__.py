"""Configurations: pydantic models, and the command-line options derived from their fields."""
