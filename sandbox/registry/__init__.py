"""Plugins: find them, register what they bring, create new ones."""
