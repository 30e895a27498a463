"""Plugins: found, registered, and begun anew."""
