"""Execution of many runs: the scheduler, this process and its threads, and Dask."""
