"""Permutations and groupings that are learnt with a network (AutoShuffleNet), and groups found without labels."""
