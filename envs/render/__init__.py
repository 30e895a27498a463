"""Renders the state of a grid world as a picture."""
