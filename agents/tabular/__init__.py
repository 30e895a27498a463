"""Tabular agents: the table, its options, the compiled loop and the loop through `env.step`."""
