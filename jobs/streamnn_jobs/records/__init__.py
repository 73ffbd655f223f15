"""From record batches to columns, labels and positions."""
