"""The four benchmarks as lists of runs, and what runs them: here, or on a Slurm cluster."""
