"""Code shared by the control labs: the experiment, worlds, runs of many seeds, pictures and
claims."""
