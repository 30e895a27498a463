"""Plugins: find them, register what they provide, create new ones."""
