"""Runs the protocols: on this machine, or on a Slurm cluster."""
