"""What tabular agents learn from a step, one file for each family."""
