"""Update rules and classes of the tabular agents, one file for each family."""
