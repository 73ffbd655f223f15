"""A checkpoint, questioned: what is in it, predictions; and what would have been best in hindsight."""
