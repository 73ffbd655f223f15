"""What a job is told: its spec, checked."""
