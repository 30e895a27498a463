"""Configurations: models, and the options that their fields make."""
