"""The labs. Each is a plugin of its own and imports no other."""
