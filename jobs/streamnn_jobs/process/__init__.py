"""The process: signals, exit codes, standard streams."""
