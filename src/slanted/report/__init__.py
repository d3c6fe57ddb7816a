"""The report of a run: the run's folder -> one plain dict -> one HTML page that needs nothing else."""
