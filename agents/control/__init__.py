"""What the control labs share: their experiment, worlds, many seeds, pictures, claims."""
