"""Statistics of runs: plain functions of arrays, independent of runs and store."""
