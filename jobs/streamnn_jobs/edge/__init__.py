"""Takes a student out of a checkpoint to a device: artefacts measured beside each other, files, and a page on the cost."""
