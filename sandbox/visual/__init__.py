"""What is looked at: figures, pages, animations, the window."""
