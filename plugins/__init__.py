"""The labs. Each is its own plugin and imports no other."""
