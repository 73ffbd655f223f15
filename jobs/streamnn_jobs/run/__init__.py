"""A job: source, worker, checkpoints, outputs."""
