"""Visual output: figures, pages, animations, the window."""
