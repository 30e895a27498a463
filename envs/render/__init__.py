"""A moment of a grid world as a picture."""
