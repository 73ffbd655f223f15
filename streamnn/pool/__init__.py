"""The scan: what an event meets between its columns and its prediction, and its label after that."""
