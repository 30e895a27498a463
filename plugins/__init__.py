"""The labs. Each lab is a plugin and imports no other lab."""
