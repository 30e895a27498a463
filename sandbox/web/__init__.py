"""The page in the browser: runs, their curves and pictures, comparisons and new runs.

Nothing here changes a byte of a run. NiceGUI is imported by the modules that draw, and nowhere
else.
"""
