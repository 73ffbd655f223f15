"""A checkpoint, questioned: predictions, views, hindsight."""
