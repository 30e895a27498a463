"""Reproductions: what reports claim, measured again."""
